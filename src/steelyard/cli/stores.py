"""What the commands share that read or write a store: its options and its opening."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Lang, Text

if TYPE_CHECKING:
    from steelyard.ledger.home import Home


def store_options(parser: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds `--store` and `--passphrase-file`."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help=Text(
            "sqlite:///PATH, postgresql://... or folder:PATH; default: .steelyard here",
            "sqlite:///路径、postgresql://… 或 folder:路径；默认使用当前文件夹中的 .steelyard",
        ).get(lang),
    )
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        help=Text("a file whose first line is the passphrase of the key", "首行为密钥口令的文件").get(lang),
    )


def passphrase_of(options: argparse.Namespace) -> str | None:
    """The passphrase from `--passphrase-file` or the environment; None where none was given."""
    import os

    from steelyard.ledger.home import PASSPHRASE_VARIABLE

    if options.passphrase_file:
        try:
            lines = Path(options.passphrase_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        if not lines or not lines[0]:
            raise EnvironmentNotReady(
                "no_passphrase",
                Text("there is no passphrase in this file", "该文件中没有口令"),
                remedy=Text("write it on the first line", "请写在首行"),
                path=options.passphrase_file,
            )
        return lines[0]
    return os.environ.get(PASSPHRASE_VARIABLE) or None


def home_of(options: argparse.Namespace, profile: str | None = None) -> "Home":
    """The store a command means. Nothing is made or opened yet."""
    from steelyard.ledger.home import Home, address

    # where a person acts, the passphrase in a file is theirs: the store's own keys are not made with it
    person = getattr(options, "by", None) or getattr(options, "person", None)
    given = passphrase_of(options) if options.passphrase_file else None
    where = address(options.store, Path(profile) if profile else None)
    return Home(where, also=given) if person else Home(where, given)


def cannot_read(error: OSError, path: str) -> InputError:
    """The error for a file that cannot be read, in the system's words and without its number."""
    why = Text("there is no such file", "文件不存在") if isinstance(error, FileNotFoundError) else None
    said = why or Text(f"cannot read: {error.strerror}", f"无法读取：{error.strerror}")
    return InputError("cannot_read", said, remedy=Text("check the name", "请检查文件名"), path=path)


def person_passphrase(options: argparse.Namespace, *, new: bool = False) -> str:
    """The passphrase of a person's key: from the file, the environment, or asked for on a terminal.

    With `new` it is asked for twice, since nobody can tell a slip of the finger later. Raises EnvironmentNotReady
    `passphrase_needed` where nobody can be asked, InputError `bad_passphrase` where the two differ.
    """
    import getpass
    import sys

    given = passphrase_of(options)
    if given is not None:
        return given
    if sys.stdin.isatty():
        asked = getpass.getpass(Text("Passphrase: ", "口令：").get(options.lang), stream=sys.stderr)
        if asked and new:
            again = getpass.getpass(Text("Once more: ", "再输入一次：").get(options.lang), stream=sys.stderr)
            if again != asked:
                raise InputError(
                    "bad_passphrase",
                    Text("the two passphrases differ; no key was made", "两次输入的口令不一致，未生成密钥"),
                    remedy=Text("try again", "请重试"),
                )
        if asked:
            return asked
    raise EnvironmentNotReady(
        "passphrase_needed",
        Text("a person's key has a passphrase, and none was given", "个人密钥须有口令，但未提供"),
        remedy=Text(
            "set STEELYARD_KEY_PASSPHRASE, pass --passphrase-file, or run it on a terminal",
            "请设置 STEELYARD_KEY_PASSPHRASE、使用 --passphrase-file，或在终端中运行",
        ),
    )


Adder = Callable[[str, Text, Callable[[argparse.Namespace], int]], argparse.ArgumentParser]


def store_actions(parser: argparse.ArgumentParser, common: argparse.ArgumentParser, lang: Lang) -> Adder:
    """A function that adds an action of a group: its name, what it does, and what runs it; with the store's options."""
    actions = parser.add_subparsers(dest="action", metavar=Text("ACTION", "操作").get(lang), required=True)

    def add(name: str, about: Text, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = actions.add_parser(
            name, parents=[common], help=about.get(lang), description=about.get(lang)
        )
        store_options(made, lang)
        made.set_defaults(run=run)
        return made

    return add
