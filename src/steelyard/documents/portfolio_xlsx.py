"""A judged portfolio as a workbook: the systems, and the figures beside them."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from steelyard.base.errors import missing_extra
from steelyard.journeys.portfolio import WORKBOOK_ROWS, Summary
from steelyard.policy.model import TIER_NAMES

_WIDTHS = {"row": 8, "system": 22, "name": 34, "unit": 20, "reasons": 80, "assumed": 30}
_STEP = 10_000


def write_workbook(summary: Summary, rows: Path, target: Path) -> None:
    """Writes the first 100,000 systems of the Parquet file `rows`, and says so where there are more.

    Texts are written as texts, never as formulas or links, whatever they begin with.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise missing_extra("portfolio", "xlsxwriter") from None
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(target), options) as book:
        bold = book.add_format({"bold": True, "bg_color": "#E8EEF4"})
        _systems(book.add_worksheet("systems 系统"), rows, bold)
        _figures(book.add_worksheet("figures 统计"), summary, bold)


def _systems(sheet: Any, rows: Path, bold: Any) -> None:
    frame = pl.scan_parquet(rows).head(WORKBOOK_ROWS)
    names = frame.collect_schema().names()
    sheet.freeze_panes(1, 0)
    for index, name in enumerate(names):
        sheet.set_column(index, index, _WIDTHS.get(name, 13))
        sheet.write_string(0, index, name, bold)
    line = 1
    while True:
        part = frame.slice(line - 1, _STEP).collect()
        if not part.height:
            break
        for record in part.iter_rows():
            for index, value in enumerate(record):
                _cell(sheet, line, index, names[index], value)
            line += 1
    sheet.autofilter(0, 0, max(line - 1, 1), len(names) - 1)


def _cell(sheet: Any, line: int, index: int, name: str, value: Any) -> None:
    if value is None:
        sheet.write_string(line, index, "undecided 待定" if name == "prohibited" else "")
    elif isinstance(value, bool):
        sheet.write_string(line, index, "yes 是" if value else "no 否")
    elif isinstance(value, int):
        sheet.write_number(line, index, value)
    elif name == "reasons":
        sheet.write_string(line, index, _reasons(value))
    else:
        sheet.write_string(line, index, ", ".join(value) if isinstance(value, list) else str(value)[:32_000])


def _reasons(text: str) -> str:
    """The reasons in one line: each rule (with `?` while open) and its deciding facts."""
    parts = []
    for reason in json.loads(text):
        facts = ", ".join(f"{name}={_short(value)}" for name, value in reason["facts"].items())
        parts.append(f"{reason['rule']}{'' if reason['certain'] else '?'}" + (f" ({facts})" if facts else ""))
    return "; ".join(parts)[:32_000]


def _short(value: Any) -> str:
    if value is None:
        return "?"
    return "+".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)


def _figures(sheet: Any, summary: Summary, bold: Any) -> None:
    sheet.set_column(0, 0, 52)
    rows: list[tuple[str, Any]] = [
        ("inventory 清单", summary.source),
        ("assessed on 评估日期", summary.on.isoformat()),
        ("policy 策略", f"{summary.policy.data.id} {summary.policy.data.version}"),
        ("rows 行数", summary.total),
        ("judged 已评估", summary.judged),
        ("unusable 不可用", len(summary.unusable)),
        ("settled on one tier 等级已定", summary.settled),
    ]
    if summary.settled_columns is not None:
        rows.append(("settled from the columns alone 仅凭各列已定", summary.settled_columns))
    for (low, high), count in sorted(summary.tiers.items()):
        names = (TIER_NAMES[low], TIER_NAMES[high])
        label = f"{names[0].en} {names[0].zh}" if low == high else f"{low}–{high} {names[0].zh}–{names[1].zh}"
        rows.append((f"tier 等级: {label}", count))
    rows += [
        (f"assumed 假定: {item.id} ({item.reason.en} {item.reason.zh})", count) for item, count in summary.assumptions
    ]
    if summary.judged > WORKBOOK_ROWS:
        rows.append((f"only the first {WORKBOOK_ROWS:,} systems are listed 仅列出前 {WORKBOOK_ROWS:,} 个系统", ""))
    for index, (name, value) in enumerate(rows):
        sheet.write_string(index, 0, name, bold)
        if isinstance(value, int):
            sheet.write_number(index, 1, value)
        else:
            sheet.write_string(index, 1, str(value))
