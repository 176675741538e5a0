"""`intake draft`: proposed answers from a description, each with the words it rests on. It never writes a fact.

With `--endpoint` a model reads the masked text too; where it fails, the offline draft stands and the exit code is 0.
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, InputError, SteelyardError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import report, say, say_json, warn, write_new

if TYPE_CHECKING:
    from steelyard.intake.drafting.draft import Draft, Proposal
    from steelyard.intake.drafting.endpoint import Reader
    from steelyard.intake.drafting.readers import Description

ENCODINGS = ("utf-8", "gb18030", "cp1252", "utf-16")
_QUOTE = 160
_MAX_PURPOSE = 20_000


def register_draft(actions: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parser of `intake draft`."""
    draft = actions.add_parser(
        "draft", parents=[common], help=Text("propose answers from a description", "从说明文字起草答案").get(lang)
    )
    draft.add_argument(
        "--from",
        dest="sources",
        metavar="FILE",
        nargs="+",
        action="extend",
        required=True,
        help=Text(
            "text, Markdown, DOCX, PDF, or an inventory with --column",
            "文本、Markdown、DOCX、PDF，或清单（配合 --column）",
        ).get(lang),
    )
    draft.add_argument(
        "--column", metavar="NAME", help=Text("the column of an inventory to read", "要读取的清单列名").get(lang)
    )
    draft.add_argument(
        "--row", metavar="N", type=int, help=Text("only this row of it, from 0", "只读这一行，从 0 起").get(lang)
    )
    draft.add_argument(
        "--encoding",
        choices=ENCODINGS,
        help=Text("how a text or CSV is encoded; without it UTF-8", "文本或 CSV 的编码；默认 UTF-8").get(lang),
    )
    draft.add_argument(
        "--out",
        metavar="FILE",
        help=Text(
            "write a steelyard.yaml in which every proposal is a comment to confirm",
            "写出 steelyard.yaml，每条建议均为待确认的注释",
        ).get(lang),
    )
    draft.add_argument(
        "--endpoint",
        metavar="URL",
        help=Text(
            "also ask an OpenAI-compatible endpoint; it gets the masked text (or STEELYARD_ENDPOINT; the key only in "
            "STEELYARD_ENDPOINT_KEY)",
            "另请 OpenAI 兼容端点阅读遮蔽后的文本（或 STEELYARD_ENDPOINT；密钥只从 STEELYARD_ENDPOINT_KEY 读取）",
        ).get(lang),
    )
    draft.add_argument(
        "--model",
        metavar="NAME",
        help=Text("the model to ask there (STEELYARD_ENDPOINT_MODEL)", "端点上的模型（STEELYARD_ENDPOINT_MODEL）").get(
            lang
        ),
    )
    draft.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=120.0,
        help=Text("how long to wait for it; default 120", "等待端点的秒数；默认 120").get(lang),
    )
    draft.set_defaults(run=run_draft)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise ValueError(text)
    return value


def run_draft(options: argparse.Namespace) -> int:
    """Drafts each description; one that cannot be used is told, and the others still come."""
    from steelyard.intake.drafting.draft import read
    from steelyard.intake.drafting.readers import Description

    code, helper = EXIT_DONE, _helper(options)
    drafted: list[tuple[Description, Draft]] = []
    for item in _descriptions(options):
        if not isinstance(item, Description):
            code = max(code, report(item, options))
            continue
        try:
            found = read(item.text)
        except SteelyardError as error:
            error.path = error.path or item.path
            code = max(code, report(error, options))
            continue
        if helper is not None:
            found, note = helper.read(item.text, found)
            if note is not None:
                warn(note.get(options.lang))
        if options.json:
            row = {} if item.row is None else {"row": item.row}
            say_json([proposal.as_dict() | row for proposal in found.proposals])
        else:
            say(("\n" if drafted else "") + draft_text(item, found, options.lang))
        if options.out:
            drafted.append((item, found))
        else:
            drafted = [(item, found)]
        for order in found.instructions:
            warn(_not_followed(order.quote, options.lang))
    if options.out and code == EXIT_DONE:
        _write(drafted, options)
    return code


def _helper(options: argparse.Namespace) -> "Reader | None":
    """The reader behind the endpoint that the options or the environment name."""
    if not (os.environ.get("STEELYARD_ENDPOINT") if options.endpoint is None else options.endpoint):
        return None
    from steelyard.intake.drafting.endpoint import Reader, configured

    endpoint = configured(options.endpoint, options.model, timeout=options.timeout)
    return None if endpoint is None else Reader(endpoint)


def _descriptions(options: argparse.Namespace) -> "Iterator[Description | InputError]":
    from steelyard.intake.drafting.readers import BadRow, read

    for source in options.sources:
        try:
            for item in read(Path(source), options.column, row=options.row, encoding=options.encoding):
                yield item.error if isinstance(item, BadRow) else item
        except InputError as error:
            yield error


def _not_followed(quote: str, lang: Lang) -> str:
    shown = _short(quote)
    return Text(
        f'note: the text gives orders to its reader; they were not followed: "{shown}"',
        f"注意：文中含有对读者的指令，未予理会：“{shown}”",
    ).get(lang)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _QUOTE else flat[: _QUOTE - 1] + "…"


def draft_text(item: "Description", found: "Draft", lang: Lang) -> str:
    """A draft for a person: proposals with their quotes, then what was not found."""
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.profile.facts import vocabulary

    words, width = vocabulary(), terminal_width()
    place = item.path if item.row is None else f"{item.path}, {Text(f'row {item.row}', f'第 {item.row} 行').get(lang)}"
    count = len(found.proposals)
    out = [
        Text(
            f"{place}: {count} proposed answer(s). A person confirms each; nothing has been written",
            f"{place}：{count} 条建议答案。须由人逐条确认；尚未写入任何事实",
        ).get(lang)
    ]
    for proposal in found.proposals:
        fact = words[proposal.fact]
        label = fact.label(proposal.value).get(lang)
        out += [
            "",
            wrap(
                Text(
                    f"{fact.name.en}: {label}   ({proposal.fact}; {_sure(proposal, 'en')})",
                    f"{fact.name.zh}：{label}（{proposal.fact}；{_sure(proposal, 'zh')}）",
                ).get(lang),
                width,
                "  ",
            ),
        ]
        places = [(proposal.quote, proposal.start), *((place.quote, place.start) for place in proposal.also)]
        for quote, start in places[:4]:
            shown = _short(quote)
            out.append(wrap(Text(f'"{shown}" (at {start})', f"“{shown}”（位置 {start}）").get(lang), width, "      "))
        if len(places) > 4:
            out.append(f"      +{len(places) - 4}")
    if found.missing:
        out += ["", Text("Not found in the text (these are asked first)", "文中未见（需首先回答）").get(lang)]
        out += [wrap(f"{name}: {words[name].question.get(lang)}", width, "  ") for name in found.missing]
    rest = len(words.items) - len({proposal.fact for proposal in found.proposals}) - len(found.missing)
    out += [
        "",
        wrap(
            Text(
                f"{rest} further facts are not in the text either; `steelyard intake` asks those that matter",
                f"另有 {rest} 项事实文中也未提及；`steelyard intake` 只问有影响的",
            ).get(lang),
            width,
        ),
    ]
    return "\n".join(out)


def _sure(proposal: "Proposal", lang: Lang) -> str:
    """How sure, and by whom where it is not the offline reader."""
    sure = f"{proposal.confidence:.0%}"
    if proposal.by == "offline":
        return Text(f"{sure} sure", f"把握 {sure}").get(lang)
    return Text(f"{sure} sure, proposed by the endpoint", f"把握 {sure}，由端点提出").get(lang)


def _write(drafted: "list[tuple[Description, Draft]]", options: argparse.Namespace) -> None:
    if len(drafted) != 1:
        raise InputError(
            "several_inputs",
            Text(f"--out takes one description, found {len(drafted)}", f"--out 只接受一份说明，实际 {len(drafted)} 份"),
            remedy=Text("give one file, or one row with --row", "请只给一个文件，或用 --row 指定一行"),
            field="--out",
        )
    item, found = drafted[0]
    path = Path(options.out)
    write_new(path, profile_text(item, found, options.lang))
    if not options.json:
        said = Text(
            f"\nwrote {path}; confirm or change each answer with: steelyard intake {path}",
            f"\n已写出 {path}；请逐条确认或更改：steelyard intake {path}",
        )
        say(said.get(options.lang))


def profile_text(item: "Description", found: "Draft", lang: Lang) -> str:
    """A steelyard.yaml with the description as purpose and every proposal as a comment; no fact is set."""
    from steelyard.profile.facts import vocabulary

    words = vocabulary()
    head = Text(
        "# A draft from a description. No answer below counts until a person confirms it with `steelyard intake FILE`,"
        "\n# or removes its #.",
        "# 由说明文字起草。下列答案均未生效，须由人逐条确认：运行 `steelyard intake 文件`，或去掉行首 #。",
    )
    purpose = "".join(char for char in item.text if char in "\n\t" or char.isprintable())[:_MAX_PURPOSE].strip()
    lines = [
        head.get(lang),
        "steelyard: 1",
        "system:",
        f"  purpose: {json.dumps(purpose, ensure_ascii=False)}",
        "",
        "facts:",
    ]
    for proposal in found.proposals:
        fact = words[proposal.fact]
        plain = fact.plain(proposal.value)
        value = json.dumps(plain, ensure_ascii=False) if not isinstance(plain, str) else plain
        sure = _sure(proposal, lang)
        lines += [
            f"  # {_comment(fact.question.get(lang))}",
            f"  # {sure}: {json.dumps(_comment(_short(proposal.quote)), ensure_ascii=False)}",
            f"  # {proposal.fact}: {value}",
            "",
        ]
    for name in found.missing:
        fact = words[name]
        choices = "true, false" if fact.type == "bool" else ", ".join(fact.members)
        lines += [f"  # {_comment(fact.question.get(lang))}", f"  {name}:  # {choices}", ""]
    return "\n".join(lines)


def _comment(text: str) -> str:
    """One line that may stand in a YAML comment."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
