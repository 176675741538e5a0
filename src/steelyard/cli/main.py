"""The command line: parsing, language, exit codes. Commands live in one module per group and load lazily.

A group module offers `register(subparsers, common)`, which adds its parsers and sets `run` (a function from the parsed
arguments to an exit code) on each. Only the group that was asked for is imported; `--help` imports none.
"""

import argparse
import importlib
import json
import os
import sys
from typing import NamedTuple

from steelyard import __version__
from steelyard.base.errors import EXIT_ENVIRONMENT, EXIT_INPUT, EnvironmentNotReady, InputError, SteelyardError
from steelyard.base.i18n import Lang, Text, preferred_lang


class Group(NamedTuple):
    """A command group: the module that implements it and one line about it."""

    module: str
    about: Text


GROUPS: dict[str, Group] = {
    "init": Group("profiles", Text("write a steelyard.yaml to start from", "生成一份起始 steelyard.yaml")),
    "validate": Group("profiles", Text("check profiles against the facts", "按事实词表检查档案")),
    "schema": Group("profiles", Text("print the JSON Schema of a file format", "输出文件格式的 JSON Schema")),
    "facts": Group("profiles", Text("list the facts and their questions", "列出事实及其提问")),
    "intake": Group("intake", Text("answer only the questions that matter", "只回答要紧的问题")),
    "assess": Group("judge", Text("tier, lane and obligations of systems", "评估系统的等级、通道与义务")),
    "explain": Group("judge", Text("why a rule or obligation applies", "说明某条规则或义务为何适用")),
    "plan": Group("judge", Text("what is owed before each gate", "列出各关口前应完成的事项")),
    "diff": Group("judge", Text("what changes between two profiles", "比较两份档案的评估差异")),
    "policy": Group("policies", Text("show, test and cover a policy", "查看、测试策略及其覆盖情况")),
    "catalogue": Group("catalogue", Text("the clauses of the framework", "框架条款目录")),
    "evidence": Group("evidence", Text("signed statements of what was done", "签名证据：做了什么、测得什么")),
    "key": Group("evidence", Text("signing keys of people and outsiders", "个人与外部的签名密钥")),
    "gate": Group("gates", Text("does the gate open, and if not, why", "关口是否放行及原因")),
    "decide": Group("gates", Text("record what a named person decided", "记录具名人员的决定")),
    "appoint": Group("gates", Text("say who may act in which role", "任命角色")),
    "audit-pack": Group(
        "audit_pack", Text("pack everything about a system for an auditor", "为审计打包系统的全部内容")
    ),
    "reindex": Group("evidence", Text("rebuild every index from the envelopes", "由信封重建索引")),
    "serve": Group("serve", Text("the console for owners and reviewers", "负责人与评审人员的控制台")),
    "backup": Group("backup", Text("copy the store into one file", "将存储备份为单个文件")),
    "restore": Group("restore", Text("put a backup back, under a new log", "恢复备份，并开启新账本")),
    "push": Group("push", Text("put a profile on record at a console", "将档案提交至控制台")),
    "pull": Group("push", Text("fetch a profile from a console", "从控制台获取档案")),
    "ledger": Group("ledger", Text("the log nobody can quietly rewrite", "不可悄悄改写的账本")),
    "portfolio": Group("portfolio", Text("assess a whole inventory", "评估整个系统清单")),
}

INTAKE_ACTIONS = ("interview", "next", "draft", "check")

HELP_DESCRIPTION = Text(
    "Weighs AI systems against China's AI Safety Governance Framework: tier, lane, obligations, and why.",
    "依据《人工智能安全治理框架》衡量每个人工智能系统：等级、通道、义务及其理由。",
)
HELP_EPILOG = Text(
    "Start with: steelyard init, then steelyard assess steelyard.yaml",
    "从这里开始：steelyard init，然后 steelyard assess steelyard.yaml",
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "None":  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(EXIT_INPUT, f"{self.prog}: {message}\n")


def common_options(lang: Lang) -> argparse.ArgumentParser:
    """The options that every command takes."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--lang",
        choices=["en", "zh"],
        default=lang,
        help=Text("language of the output", "输出语言").get(lang),
    )
    common.add_argument(
        "--json",
        action="store_true",
        help=Text("answer in JSON, one object a line", "以 JSON 输出，每行一个对象").get(lang),
    )
    return common


def build_parser(lang: Lang, wanted: str | None) -> argparse.ArgumentParser:
    """The parser, with the options of the group `wanted` only; the others are listed by name and line."""
    parser = _Parser(
        prog="steelyard",
        description=HELP_DESCRIPTION.get(lang),
        epilog=HELP_EPILOG.get(lang),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"steelyard {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar=Text("COMMAND", "命令").get(lang), parser_class=_Parser, required=True
    )
    module = GROUPS[wanted].module if wanted in GROUPS else None
    if module:
        importlib.import_module(f"steelyard.cli.{module}").register(commands, common_options(lang), lang)
    for name, group in GROUPS.items():
        if name not in commands.choices:
            commands.add_parser(name, help=group.about.get(lang))
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs one command and answers its exit code."""
    args = _with_default_action(_lang_last(sys.argv[1:] if argv is None else argv))
    lang = _lang_of(args)
    wanted = next((arg for arg in args if not arg.startswith("-")), None)
    if sys.stderr is None:  # closed, as by `2>&-`: what would be said there is not said on standard output instead
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (to the end of the process)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        if sys.stdout is None:
            raise EnvironmentNotReady(
                "no_output",
                Text("standard output is closed: there is nowhere to answer", "标准输出已关闭，无处输出结果"),
                remedy=Text(
                    "send it somewhere: a terminal, a file or /dev/null", "请指定输出去处：终端、文件或 /dev/null"
                ),
            )
        _check_action(args)
        options = build_parser(lang, wanted).parse_args(args)
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except SteelyardError as error:
        if "--json" in args and sys.stdout is not None:
            print(json.dumps(error.as_dict(lang), ensure_ascii=False, separators=(",", ":")))
        else:
            print(error.render(lang), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, MemoryError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        place = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        print(f"{place}{Text('this machine cannot do it', '本机无法完成').get(lang)}: {said}", file=sys.stderr)
        return EXIT_ENVIRONMENT
    except Exception as error:  # the last net: a defect of ours, told without a traceback
        if os.environ.get("STEELYARD_DEBUG"):
            raise
        said = f"{type(error).__name__}: {error}"[:300]
        hint = Text(
            "this is a defect; please report it (STEELYARD_DEBUG=1 shows more)",
            "这是程序缺陷，请反馈（STEELYARD_DEBUG=1 可查看详情）",
        )
        print(f"{hint.get(lang)}: {said}", file=sys.stderr)
        return EXIT_ENVIRONMENT
    except KeyboardInterrupt:
        print(Text("stopped", "已中止").get(lang), file=sys.stderr)
        return 130


def _lang_last(args: list[str]) -> list[str]:
    """Lets `--lang` stand before the command too: moves it behind."""
    size = 2 if args[:1] == ["--lang"] else 1 if args[:1] and args[0].startswith("--lang=") else 0
    return [*args[size:], *args[:size]] if len(args) > size else args


def _with_default_action(args: list[str]) -> list[str]:
    """`intake FILE` is short for `intake interview FILE`."""
    if args[:1] == ["intake"] and (len(args) == 1 or args[1] not in (*INTAKE_ACTIONS, "-h", "--help")):
        return ["intake", "interview", *args[1:]]
    return args


def _check_action(args: list[str]) -> None:
    """Refuses `intake nextt`, which would start a profile of that name, where no such file exists."""
    word = args[2] if args[:2] == ["intake", "interview"] and len(args) > 2 else ""
    meant = next((action for action in INTAKE_ACTIONS if word != action and _one_edit(word.lower(), action)), None)
    if meant is None or os.path.lexists(word):
        return
    raise InputError(
        "unknown_action",
        Text(f"there is neither an action nor a file {word!r}", f"没有名为 {word!r} 的操作或文件"),
        remedy=Text(
            f"did you mean: steelyard intake {meant}? For a new file of that name write ./{word}",
            f"是否想用：steelyard intake {meant}？若要新建同名文件，请写 ./{word}",
        ),
    )


def _one_edit(word: str, other: str) -> bool:
    """Whether one letter added, left out, changed or swapped with the next makes `other` of `word`, or nothing does."""
    start = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    rest, wanted = word[start:], other[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return rest[1:] == wanted or rest == wanted[1:] or rest[1:] == wanted[1:] or swapped == wanted


def _lang_of(args: list[str]) -> Lang:
    for index, arg in enumerate(args):
        value = arg.removeprefix("--lang=") if arg.startswith("--lang=") else None
        if arg == "--lang" and index + 1 < len(args):
            value = args[index + 1]
        if value in ("en", "zh"):
            return "zh" if value == "zh" else "en"
    return preferred_lang()


if __name__ == "__main__":
    sys.exit(main())
