"""What the command modules share: options for policy and date, loading, and printing."""

import argparse
import contextlib
import datetime as dt
import json
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from steelyard.base.clock import parse_date, today
from steelyard.base.errors import InputError, SteelyardError
from steelyard.base.i18n import Lang, Text

if TYPE_CHECKING:
    from steelyard.policy.compile import Policy

# What could move the cursor, recolour or reorder a terminal; names and purposes come from strangers.
_UNSEEN = dict.fromkeys(
    [*(set(range(32)) - {9, 10}), *range(127, 160), 0x061C, *range(0x200E, 0x2010), *range(0x202A, 0x202F),
     *range(0x2066, 0x206A)]
)  # fmt: skip

FRAMEWORKS = ("1.0", "2.0", "3.0")


def say(text: str = "") -> None:
    """Prints a line for a person."""
    print(text.translate(_UNSEEN))


def say_json(value: Any) -> None:
    """Prints one JSON value on one line."""
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def warn(text: str) -> None:
    """Prints a line on standard error."""
    print(text.translate(_UNSEEN), file=sys.stderr)


def write_new(path: Path, text: str) -> None:
    """Writes a file that must not exist yet, whole or not at all. Raises InputError; OSError where the disk fails."""
    try:
        handle = open(path, "x", encoding="utf-8")  # noqa: SIM115  (closed below, removed where writing fails)
    except FileExistsError:
        raise InputError(
            "exists",
            Text("the file already exists", "文件已存在"),
            remedy=Text("choose another name, or remove it first", "请换一个文件名，或先删除它"),
            path=str(path),
        ) from None
    except OSError as error:
        raise InputError(
            "cannot_write", Text(f"cannot write: {error.strerror}", f"无法写入：{error.strerror}"), path=str(path)
        ) from None
    try:
        with handle:
            handle.write(text)
    except OSError:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def tidy_end(lang: Lang) -> Iterator[None]:
    """Lets a command that is told to end (SIGTERM, SIGHUP) end as an error does: what it began is removed.

    The exit code is 128 and the number of the signal, as shells have it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]  # as under nohup

    def end(number: int, frame: object) -> NoReturn:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        warn(Text("stopped", "已中止").get(lang))
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report(error: SteelyardError, options: argparse.Namespace) -> int:
    """Tells about an unusable input, as a JSON line or as text, and answers the exit code."""
    if options.json:
        say_json(error.as_dict(options.lang))
    else:
        warn(error.render(options.lang))
    return error.exit_code


def policy_options(parser: argparse.ArgumentParser, lang: Lang, *, date: bool = True) -> None:
    """Adds `--policy`, `--framework`, `--annex` and `--on`."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help=Text("a policy file; default: the shipped policy", "策略文件；默认使用内置策略").get(lang),
    )
    parser.add_argument(
        "--framework",
        choices=FRAMEWORKS,
        default="1.0",
        help=Text("version of the framework (this release holds 1.0)", "框架版本（本版本收录 1.0）").get(lang),
    )
    parser.add_argument(
        "--annex",
        metavar="NAME",
        help=Text("a local annex by name (none is in this release)", "按名称加载本地附加策略（本版本未收录）").get(
            lang
        ),
    )
    if date:
        parser.add_argument(
            "--on",
            metavar="DATE",
            help=Text("judge as of this date; default: today in Shanghai", "评估日期；默认为上海当日").get(lang),
        )


def policy_of(options: argparse.Namespace) -> "Policy":
    """The policy that the options name. Raises InputError, also for a framework that this release does not hold."""
    from steelyard.policy.compile import load_compiled

    if options.framework != "1.0":
        raise InputError(
            "framework_not_loaded",
            Text(f"Framework {options.framework} is not in this release", f"本版本未收录治理框架 {options.framework}"),
            remedy=Text("use --framework 1.0", "请使用 --framework 1.0"),
            field="--framework",
        )
    if options.annex:
        raise InputError(
            "annex_not_loaded",
            Text(f"the annex {options.annex!r} is not in this release", f"本版本未收录附加策略 {options.annex!r}"),
            remedy=Text("write one and pass it with --policy", "可自行编写并用 --policy 指定"),
            field="--annex",
        )
    return load_compiled(options.policy)


def date_of(options: argparse.Namespace) -> dt.date:
    """The date to judge on."""
    return today() if options.on is None else parse_date(options.on, field="--on")


def shown(pairs: Iterable[tuple[str, str]], lang: Lang) -> str:
    """`name: value` pairs on one line."""
    if lang == "zh":
        return "；".join(f"{name}：{value}" for name, value in pairs)
    return "; ".join(f"{name}: {value}" for name, value in pairs)


def evidence_text(kinds: Iterable[str], lang: Lang) -> str:
    """Kinds of evidence in words."""
    from steelyard.policy.model import EVIDENCE_KINDS

    names = [EVIDENCE_KINDS[kind].get(lang) if kind in EVIDENCE_KINDS else kind for kind in kinds]
    return ("、" if lang == "zh" else ", ").join(names)
