"""`portfolio review`: the systems declared harmless whose own words say otherwise, the gravest first."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, missing_extra
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, policy_of, policy_options, say, say_json, warn

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
    review.add_argument("inventory", metavar="INVENTORY", help="CSV, XLSX")
    review.add_argument("--map", metavar="MAPPING", required=True)
    review.add_argument(
        "--top", metavar="N", type=int, default=SHOWN, help=Text("show the first N", "显示前 N 个").get(lang)
    )
    policy_options(review, lang)
    review.set_defaults(run=run_review)


def run_review(options: argparse.Namespace) -> int:
    """Ranks the systems to look at; one JSON object for each, or a list for people."""
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("portfolio", "polars") from None
    from steelyard.journeys.review import review

    policy = policy_of(options)
    result = review(Path(options.inventory), Path(options.map), policy, date_of(options))
    for row, error in result.unreadable:
        warn(f"row {row}: {error.render(options.lang)}")
    if options.json:
        for doubt in result.doubts:
            say_json(as_plain(doubt, policy.vocabulary, options.lang))
    else:
        say(review_text(result, policy.vocabulary, options.top, options.lang))
    return EXIT_DONE


def _name(doubt: "Doubt") -> str:
    return doubt.profile.id or f"row-{doubt.row}"


def as_plain(doubt: "Doubt", words: "Vocabulary", lang: Lang) -> dict[str, Any]:
    """A system to look at, as JSON carries it."""
    from steelyard.cli.intake_check import as_plain as contradiction

    return {
        "row": doubt.row,
        "system": _name(doubt),
        "name": doubt.profile.name,
        "declared": {"lowest": doubt.declared.tier.lowest, "highest": doubt.declared.tier.highest},
        "by_words": {"lowest": doubt.by_words.tier.lowest, "highest": doubt.by_words.tier.highest},
        "prohibited": doubt.prohibited,
        "contradictions": [contradiction(item, words, lang) for item in doubt.found],
    }


def review_text(result: "Review", words: "Vocabulary", most: int, lang: Lang) -> str:
    """The list for a person."""
    from steelyard.base.tables import cut, terminal_width, wrap
    from steelyard.cli.judge import range_text
    from steelyard.policy.model import TIER_NAMES

    width = terminal_width()
    spoken = result.total - result.silent - len(result.unreadable)
    out = [
        wrap(
            Text(
                f"{result.total:,} systems, {spoken:,} with a description: {len(result.doubts):,} are declared lower "
                f"than their own words suggest; {result.minor:,} more say something beyond their answers without a "
                f"higher tier",
                f"共 {result.total:,} 个系统，其中 {spoken:,} 个有说明：{len(result.doubts):,} 个所填低于自身说明；"
                f"另有 {result.minor:,} 个说明多于答案，但不影响等级",
            ).get(lang),
            width,
        )
    ]
    for number, doubt in enumerate(result.doubts[:most], 1):
        before, after = (range_text(item.tier, TIER_NAMES, lang) for item in (doubt.declared, doubt.by_words))
        stop = Text("  STOP, if confirmed", "  如属实则禁止").get(lang) if doubt.prohibited else ""
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
    if len(result.doubts) > most:
        rest = len(result.doubts) - most
        out += ["", Text(f"... and {rest:,} more (--top)", f"……另有 {rest:,} 个（--top）").get(lang)]
    return "\n".join(out)
