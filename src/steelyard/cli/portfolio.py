"""`portfolio assess`: a whole inventory to tiers, reasons and a report."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, missing_extra
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, policy_of, policy_options, say, say_json, tidy_end, warn
from steelyard.cli.portfolio_review import register_review

if TYPE_CHECKING:
    from steelyard.journeys.portfolio import Summary

FORMATS = ("parquet", "xlsx", "html")
SMALL = 60


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    group = commands.add_parser("portfolio", help=Text("assess an inventory", "评估清单").get(lang))
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    assess = actions.add_parser("assess", parents=[common], help=Text("judge every system", "评估全部系统").get(lang))
    assess.add_argument("inventory", metavar="INVENTORY", help="CSV, XLSX, Parquet")
    assess.add_argument(
        "--map", metavar="MAPPING", help=Text("how columns become facts", "列到事实的映射文件").get(lang)
    )
    assess.add_argument("--out", metavar="DIR", required=True, help=Text("where to write", "输出文件夹").get(lang))
    assess.add_argument(
        "--only",
        action="append",
        choices=FORMATS,
        help=Text("write only this format (may be repeated)", "只输出该格式（可重复）").get(lang),
    )
    policy_options(assess, lang)
    assess.set_defaults(run=run_assess)

    show = actions.add_parser("show", parents=[common], help=Text("one system in full", "查看一个系统").get(lang))
    show.add_argument("inventory", metavar="INVENTORY", help="CSV, XLSX")
    show.add_argument("system", metavar="SYSTEM", help=Text("its id, or row-N", "编号，或 row-N").get(lang))
    show.add_argument("--map", metavar="MAPPING", required=True)
    policy_options(show, lang)
    show.set_defaults(run=run_show)
    register_review(actions, common, lang)


def run_assess(options: argparse.Namespace) -> int:
    """Judges the inventory, writes the files and tells the figures."""
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("portfolio", "polars") from None
    from steelyard.documents.portfolio_html import write_report
    from steelyard.documents.portfolio_xlsx import write_workbook
    from steelyard.journeys.portfolio import run

    wanted = set(options.only or FORMATS)
    extra: list[Callable[[Summary, Path, Path], None]] = []
    if "html" in wanted:
        extra.append(lambda summary, rows, folder: write_report(summary, folder / "report.html", options.lang))
    if "xlsx" in wanted:
        extra.append(lambda summary, rows, folder: write_workbook(summary, rows, folder / "portfolio.xlsx"))
    out = Path(options.out)
    with tidy_end(options.lang):
        summary = run(
            Path(options.inventory),
            Path(options.map) if options.map is not None else None,
            out,
            policy_of(options),
            date_of(options),
            extra=extra,
        )
    for name in summary.ignored:
        warn(Text(f"column {name!r} is not a fact and was ignored", f"列 {name!r} 不是事实，已忽略").get(options.lang))
    if options.json:
        say_json(figures(summary, out))
    else:
        say(_text(summary, out, options.lang))
    return EXIT_DONE


def run_show(options: argparse.Namespace) -> int:
    """The full assessment of one system of an inventory, with what its mapping assumed."""
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("portfolio", "polars") from None
    from steelyard.cli.judge import assessment_text
    from steelyard.journeys.inventories import find_system
    from steelyard.policy.assess import assess

    policy = policy_of(options)
    profile = find_system(Path(options.inventory), Path(options.map), options.system, policy)
    assessment = assess(profile, policy, date_of(options))
    if options.json:
        say_json(assessment.as_dict())
    else:
        say(assessment_text(assessment, options.lang))
    return EXIT_DONE


def figures(summary: "Summary", out: Path) -> dict[str, Any]:
    """The figures as plain data."""
    return {
        "out": str(out),
        "rows": summary.total,
        "judged": summary.judged,
        "unusable": len(summary.unusable),
        "tiers": [{"lowest": low, "highest": high, "systems": n} for (low, high), n in sorted(summary.tiers.items())],
        "settled": summary.settled,
        "settled_from_columns": summary.settled_columns,
        "prohibited": {name: summary.prohibited[name] for name in ("yes", "no", "undecided")},
        "assumed": {item.id: count for item, count in summary.assumptions},
        "unread_cells": {fact: sum(cells.values()) for fact, cells in summary.unread.items()},
    }


def _text(summary: "Summary", out: Path, lang: Lang) -> str:
    from steelyard.base.tables import table
    from steelyard.policy.model import TIER_NAMES

    judged = summary.judged or 1
    lines = [
        Text(
            f"{summary.total:,} rows: {summary.judged:,} judged, {len(summary.unusable):,} unusable",
            f"共 {summary.total:,} 行：评估 {summary.judged:,} 行，不可用 {len(summary.unusable):,} 行",
        ).get(lang),
        "",
    ]
    rows = [
        (
            TIER_NAMES[low].get(lang)
            if low == high
            else f"{TIER_NAMES[low].get(lang)}–{TIER_NAMES[high].get(lang)} {Text('(open)', '（未定）').get(lang)}",
            f"{count:,}",
            f"{count / judged:.1%}",
        )
        for (low, high), count in sorted(summary.tiers.items(), key=lambda item: _order(item[0]))
    ]
    lines.append(
        table(rows, [Text(*pair).get(lang) for pair in (("tier", "等级"), ("systems", "系统数"), ("share", "占比"))])
    )
    lines.append("")
    share = Text(
        f"settled on one tier: {summary.settled:,} ({summary.settled / judged:.1%})",
        f"等级已定：{summary.settled:,}（{summary.settled / judged:.1%}）",
    ).get(lang)
    if summary.settled_columns is not None:
        alone = summary.settled_columns
        share += Text(
            f" with {len(summary.assumptions)} assumptions; {alone:,} ({alone / judged:.1%}) from the columns alone",
            f"（含 {len(summary.assumptions)} 项假定）；仅凭各列：{alone:,}（{alone / judged:.1%}）",
        ).get(lang)
    lines.append(share)
    stops = summary.prohibited
    lines.append(
        Text(
            f"prohibited: {stops['yes']:,} for certain, {stops['undecided']:,} undecided",
            f"禁止：{stops['yes']:,} 个确定，{stops['undecided']:,} 个待定",
        ).get(lang)
    )
    unread = sum(sum(cells.values()) for cells in summary.unread.values())
    if unread:
        lines.append(
            Text(
                f"{unread:,} cell(s) that the mapping does not read left unknown (listed in the report)",
                f"{unread:,} 个单元格映射未能识别，按未知处理（报告中列出）",
            ).get(lang)
        )
    if summary.judged <= SMALL:
        lines += ["", *_systems(summary, lang), ""]
    report = out / "report.html"
    if report.is_file():
        lines.append(Text(f"written to {out}/; open {report}", f"已写入 {out}/；请打开 {report}").get(lang))
    else:
        lines.append(Text(f"written to {out}/", f"已写入 {out}/").get(lang))
    return "\n".join(lines)


def _systems(summary: "Summary", lang: Lang) -> list[str]:
    """Each system of a small portfolio with its tier and what decides it, those that need a person first."""
    import json

    from steelyard.base.tables import cut, table, terminal_width
    from steelyard.policy.model import TIER_NAMES

    titles = {rule.id: rule.title for rule, _ in summary.policy.judges.values()}
    titles[summary.policy.data.default.id] = summary.policy.data.default.title
    rows = []
    for row in summary.listed.iter_rows(named=True):
        low, high = (TIER_NAMES[row[name]].get(lang) for name in ("tier_lowest", "tier_highest"))
        parts = [
            f"{'' if reason['certain'] else '? '}{titles[reason['rule']].get(lang)}"
            for reason in sorted(json.loads(row["reasons"]), key=lambda item: (not item["certain"], "tier" in item))
        ]
        stop = {True: Text("STOP", "禁止").get(lang), None: Text("stop?", "禁止？").get(lang), False: ""}
        rows.append(
            (
                row["system"],
                cut(row["name"] or "", 34),
                low if low == high else f"{low}–{high}",
                stop[row["prohibited"]],
                ("；" if lang == "zh" else "; ").join(parts),
            )
        )
    heads = (("system", "系统"), ("name", "名称"), ("tier", "等级"), ("", ""), ("because", "理由"))
    return [table(rows, [Text(*pair).get(lang) if pair[0] else "" for pair in heads], total=max(120, terminal_width()))]


def _order(tiers: tuple[str, str]) -> tuple[int, int]:
    from steelyard.policy.tree import TIERS

    low, high = tiers
    return TIERS.index(low), TIERS.index(high)
