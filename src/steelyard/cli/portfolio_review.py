"""`portfolio review`: the systems declared harmless whose own words say otherwise, the gravest first."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, missing_extra
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, policy_of, policy_options, say, say_json, tidy_end, warn

if TYPE_CHECKING:
    from steelyard.journeys.review import Doubt, Review
    from steelyard.profile.facts import Vocabulary

SHOWN, QUOTED = 20, 120


def register_review(actions: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parser of `portfolio review`."""
    review = actions.add_parser(
        "review",
        parents=[common],
        help=Text("find systems whose words say more", "找出说明比答案严重的系统").get(lang),
    )
    review.add_argument("inventory", metavar="INVENTORY", help="CSV, XLSX, Parquet")
    review.add_argument(
        "--map", metavar="MAPPING", help=Text("how columns become facts", "列到事实的映射文件").get(lang)
    )
    review.add_argument(
        "--text",
        metavar="COLUMN",
        help=Text("the column that describes the systems", "系统说明所在的列").get(lang),
    )
    review.add_argument(
        "--top", metavar="N", type=_count, default=SHOWN, help=Text("show the first N", "显示前 N 个").get(lang)
    )
    review.add_argument(
        "--all",
        action="store_true",
        help=Text(
            "also list those whose words only sound graver, for too few reasons", "同时列出仅语气较重、依据不足的系统"
        ).get(lang),
    )
    policy_options(review, lang)
    review.set_defaults(run=run_review)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def run_review(options: argparse.Namespace) -> int:
    """Ranks the systems to look at; one JSON object for each, or a list for people."""
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("portfolio", "polars") from None
    from steelyard.journeys.listening import processors
    from steelyard.journeys.review import review

    policy = policy_of(options)
    mapping = Path(options.map) if options.map is not None else None
    on, workers = date_of(options), processors()
    with tidy_end(options.lang):
        result = review(Path(options.inventory), mapping, policy, on, text=options.text, workers=workers)
    for row, error in result.unreadable:
        warn(f"row {row}: {error.render(options.lang)}")
    for row, why in list(result.unusable.items())[:SHOWN]:
        warn(f"row {row}: {why}")
    listed = [*result.doubts, *(result.faint if options.all else ())]
    if result.total and result.silent == result.total:
        unheard = Text(
            "no system has a description, so nothing could be held against the answers: map `purpose`, or name the "
            "column with --text",
            "没有一个系统带有说明，无从与答案比对：请在映射文件中填写 purpose，或用 --text 指定说明所在的列",
        )
        warn(unheard.get(options.lang))
    if options.json:
        for doubt in listed:
            say_json(as_plain(doubt, policy.vocabulary))
        if not listed:
            warn(_summary(result).get(options.lang))
    else:
        say(review_text(result, policy.vocabulary, options.top, options.lang, listed))
    return EXIT_DONE


def _name(doubt: "Doubt") -> str:
    return doubt.profile.id or f"row-{doubt.row}"


def as_plain(doubt: "Doubt", words: "Vocabulary") -> dict[str, Any]:
    """A system to look at, as JSON carries it."""
    from steelyard.cli.intake_check import as_plain as contradiction

    return {
        "row": doubt.row,
        "system": _name(doubt),
        "name": doubt.profile.name,
        "declared": {"lowest": doubt.declared.tier.lowest, "highest": doubt.declared.tier.highest},
        "by_words": {"lowest": doubt.by_words.tier.lowest, "highest": doubt.by_words.tier.highest},
        "prohibited": doubt.prohibited,
        "faint": doubt.faint,
        "contradictions": [contradiction(item, words) for item in doubt.found],
    }


def _summary(result: "Review") -> Text:
    """How many systems there are, and how many of them to look at."""
    spoken = result.total - result.silent - len(result.unreadable)
    said = Text(
        f"{result.total:,} systems, {spoken:,} with a description: {len(result.doubts):,} are declared lower than "
        f"their own words suggest; {result.minor:,} more say something beyond their answers without a higher tier",
        f"共 {result.total:,} 个系统，其中 {spoken:,} 个有说明：{len(result.doubts):,} 个所填低于自身说明；"
        f"另有 {result.minor:,} 个说明多于答案，但不影响等级",
    )
    if result.faint:
        faint = len(result.faint)
        said = Text(
            f"{said.en}; {faint:,} only sound graver, for too few reasons (--all lists them)",
            f"{said.zh}；{faint:,} 个仅语气较重、依据不足（--all 一并列出）",
        )
    if result.unusable:
        unusable = len(result.unusable)
        said = Text(f"{said.en}; {unusable:,} unusable rows", f"{said.zh}；{unusable:,} 行不可用")
    return said


def review_text(
    result: "Review", words: "Vocabulary", most: int, lang: Lang, listed: Sequence["Doubt"] | None = None
) -> str:
    """The list for a person: the doubts, or those in `listed`."""
    from steelyard.base.tables import cut, terminal_width, wrap
    from steelyard.cli.judge import range_text
    from steelyard.policy.model import TIER_NAMES

    width, listed = terminal_width(), result.doubts if listed is None else listed
    out = [wrap(_summary(result).get(lang), width)]
    for number, doubt in enumerate(listed[:most], 1):
        before, after = (range_text(item.tier, TIER_NAMES, lang) for item in (doubt.declared, doubt.by_words))
        stop = Text("  STOP, if confirmed", "  如属实则禁止").get(lang) if doubt.prohibited else ""
        stop += Text("  (faint)", "  （依据不足）").get(lang) if doubt.faint else ""
        out += ["", wrap(f"{number}. {_name(doubt)}  {doubt.profile.name}   {before} -> {after}{stop}", width)]
        for item in doubt.found:
            fact = words[item.fact]
            declared, said = fact.label(item.declared), fact.label(item.text_says)
            quote = cut(" ".join((item.quote or "").split()), QUOTED)
            line = Text(
                f'{fact.name.en} ({item.fact}): declared {declared.en}; the words "{quote}": {said.en}',
                f"{fact.name.zh}（{item.fact}）：所填为{declared.zh}；原文“{quote}”：{said.zh}",
            )
            out.append(wrap(line.get(lang), width, "     "))
    if len(listed) > most:
        rest = len(listed) - most
        out += ["", Text(f"... and {rest:,} more (--top)", f"……另有 {rest:,} 个（--top）").get(lang)]
    return "\n".join(out)
