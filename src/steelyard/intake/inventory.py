"""Reading an inventory as people keep it: CSV or a workbook with text columns, or a typed Parquet file in batches.

Enforced: encodings are named, never guessed; a field has at most `MAX_FIELD` characters; a workbook is looked at before
it is opened (`workbook`); a row that is damaged or empty is listed with its reason, and the others still come. Rows
count from 0, as in the output.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from steelyard.base.errors import InputError, missing_extra
from steelyard.base.i18n import Text
from steelyard.intake import files, workbook
from steelyard.intake.mapping import Inventory

MAX_FIELD = 1_000_000
MAX_FILE = 2 * 1024**3
BATCH = 65_536
_LIMIT = files.Limit(
    MAX_FILE,
    Text("the inventory is larger than 2 GiB", "清单文件超过 2 GiB"),
    Text("split it, or use Parquet", "请拆分，或使用 Parquet"),
)


class Sheet(NamedTuple):
    """A text table: one String column per header, `row` the number of each data row; and the rows left out."""

    frame: pl.DataFrame
    rows: list[int]
    total: int
    unusable: dict[int, str]


def kind_of(path: Path) -> str:
    """`csv`, `xlsx` or `parquet`, from the end of the name. Raises InputError."""
    suffix = path.suffix.lower()
    known = {".csv": "csv", ".tsv": "csv", ".xlsx": "xlsx", ".parquet": "parquet", ".pq": "parquet"}
    if suffix not in known:
        raise InputError(
            "unknown_format",
            Text(
                f"{suffix or 'a file without an ending'} is not an inventory",
                f"无法识别的清单格式：{suffix or '无扩展名'}",
            ),
            remedy=Text("use .csv, .xlsx or .parquet", "请使用 .csv、.xlsx 或 .parquet"),
            path=str(path),
        )
    return known[suffix]


def read_sheet(path: Path, how: Inventory) -> Sheet:
    """A CSV or workbook as text columns. Raises InputError with the place."""
    readers = {"xlsx": _read_workbook, "csv": _read_csv, "parquet": _read_text_parquet}
    return readers[kind_of(path)](path, how)


def _read_csv(path: Path, how: Inventory) -> Sheet:
    text = files.decode(files.read(path, _LIMIT), path, how.encoding)
    if not text.strip():
        raise InputError(
            "empty", Text("the inventory is empty", "清单为空"), path=str(path), line=1,
            remedy=Text("export it again, with its header row", "请连同表头重新导出"),
        )  # fmt: skip
    delimiter = "\t" if path.suffix.lower() == ".tsv" else how.delimiter
    if len(delimiter) != 1:
        raise InputError(
            "bad_delimiter", Text("a delimiter is one character", "分隔符应为单个字符"), field="inventory.delimiter"
        )
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    kept: list[list[str]] = []
    rows: list[int] = []
    unusable: dict[int, str] = {}
    number = -1
    try:
        for _ in range(how.skip):
            next(reader)
        header = _header(next(reader))
        for number, record in enumerate(reader):
            reason = _problem(record, len(header))
            if reason:
                unusable[number] = reason
            else:
                kept.append(record)
                rows.append(number)
    except csv.Error as error:
        raise InputError(
            "bad_csv",
            Text(f"row {number + 1} cannot be read: {error}", f"第 {number + 1} 行无法读取：{error}"),
            remedy=Text(
                f"check quotation marks, and that no field exceeds {MAX_FIELD:,} characters",
                f"请检查引号，且每个字段不超过 {MAX_FIELD:,} 个字符",
            ),
            path=str(path),
            line=reader.line_num,
        ) from None
    columns = list(zip(*kept, strict=True)) if kept else [() for _ in header]
    frame = pl.DataFrame([pl.Series(name, cells, dtype=pl.String) for name, cells in zip(header, columns, strict=True)])
    return Sheet(frame, rows, number + 1, unusable)


def _problem(record: list[str], width: int) -> str:
    if not any(cell.strip() for cell in record):
        return "the row is empty / 空行"
    if len(record) != width:
        return f"{len(record)} fields where the header has {width} / 字段数 {len(record)} 与表头 {width} 不符"
    return ""


def _header(names: list[str]) -> list[str]:
    """Column names, trimmed; the second of the same name becomes `name#2`."""
    seen: dict[str, int] = {}
    out = []
    for raw in names:
        name = " ".join(raw.split())
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return out


def _read_workbook(path: Path, how: Inventory) -> Sheet:
    try:
        import fastexcel
    except ImportError:
        raise missing_extra("portfolio", "fastexcel") from None
    files.check_size(path, _LIMIT)
    workbook.check(path)
    try:
        book = fastexcel.read_excel(str(path))
        sheet = how.sheet if how.sheet is not None else book.sheet_names[0]
        if sheet not in book.sheet_names:
            raise InputError(
                "no_such_sheet",
                Text(f"there is no sheet {sheet!r}", f"没有工作表 {sheet!r}"),
                remedy=Text(f"sheets: {', '.join(book.sheet_names)}", f"工作表：{'、'.join(book.sheet_names)}"),
                path=str(path),
                field="inventory.sheet",
            )
        table = book.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise workbook.damaged(path, error) from None
    table = table.slice(how.skip)
    if table.height == 0:
        raise InputError("empty", Text("the inventory is empty", "清单为空"), path=str(path), field=sheet)
    header = _header([cell or "" for cell in table.row(0)])
    body = table.slice(1).cast(pl.String).fill_null("")
    body.columns = header
    blank = body.select(pl.all_horizontal(pl.all().str.strip_chars() == "")).to_series()
    unusable = dict.fromkeys(blank.arg_true().to_list(), "the row is empty / 空行")
    rows = (~blank).arg_true().to_list()
    return Sheet(body.filter(~blank), rows, body.height, unusable)


def _read_text_parquet(path: Path, how: Inventory) -> Sheet:
    """A Parquet file read through a mapping: every column as text, lists joined by semicolons."""
    _, _, frames = read_parquet(path)
    parts = [
        frame.select(
            (
                pl.col(name).cast(pl.List(pl.String)).list.join("; ")
                if kind.is_nested()
                else pl.col(name).cast(pl.String)
            )
            for name, kind in frame.schema.items()
        )
        for frame in frames
    ]
    frame = pl.concat(parts).fill_null("")
    frame.columns = _header(frame.columns)
    return Sheet(frame, list(range(frame.height)), frame.height, {})


def read_parquet(path: Path) -> tuple[int, list[str], Iterator[pl.DataFrame]]:
    """A typed Parquet file: how many rows, its columns, and its batches in order. Raises InputError."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise missing_extra("portfolio", "pyarrow") from None
    try:
        source = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            "bad_parquet",
            Text(f"not a readable Parquet file: {error}", f"无法读取的 Parquet 文件：{error}"),
            remedy=Text("write it again", "请重新写出该文件"),
            path=str(path),
        ) from None
    names = list(source.schema_arrow.names)

    def batches() -> Iterator[pl.DataFrame]:
        for batch in source.iter_batches(batch_size=BATCH):
            yield pl.DataFrame(pl.from_arrow(batch))

    return int(source.metadata.num_rows), names, batches()
