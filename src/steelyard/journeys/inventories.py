"""Opening an inventory of any format for the walks that read one: identity, encoded facts and what was assumed.

Enforced: every row comes as part of a batch or is listed as unusable with its reason; of a typed Parquet file only the
columns that are needed are read, so that a type nobody asked for cannot stop the walk; memory follows the batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import near
from steelyard.intake.apply import apply_mapping, profile_of
from steelyard.intake.inventory import BATCH, Sheet, kind_of, read_parquet, read_sheet
from steelyard.intake.mapping import Assumption, Mapping, load_mapping
from steelyard.policy.columns import decode_value, encode
from steelyard.policy.compile import Policy
from steelyard.profile.document import Assumed, Profile

IDENTITY = ("system", "name", "unit", "owner", "purpose")


class Batch(NamedTuple):
    """A stretch of the inventory: row numbers, identity columns, encoded facts, and assumptions applied.

    `declared` are the facts without assumptions, None where there are none to make.
    """

    rows: pl.Series
    identity: pl.DataFrame
    facts: pl.DataFrame
    declared: pl.DataFrame | None
    assumed: pl.Series | None


class Inventory(NamedTuple):
    """An inventory ready to judge.

    `batches` gives functions that read a batch each, in order, callable on any thread; `unusable` fills up meanwhile.
    `described` are the columns that `purpose` comes from.
    """

    title: Text
    total: int
    batches: Iterator[Callable[[], Batch]]
    unusable: dict[int, str]
    assumptions: tuple[Assumption, ...]
    unread: dict[str, dict[str, int]]
    ignored: list[str]
    described: tuple[str, ...]


def open_inventory(path: Path, mapping_path: Path | None, policy: Policy, *, text: str | None = None) -> Inventory:
    """Opens an inventory. Raises InputError for a file, mapping or column that cannot be used.

    `text` names the column that describes the systems; it then stands in `purpose`.
    """
    if not path.is_file():
        raise InputError(
            "cannot_read",
            Text("there is no such file", "文件不存在"),
            remedy=Text("check the path", "请检查路径"),
            path=str(path),
        )
    if kind_of(path) == "parquet" and mapping_path is None:
        return _typed(path, policy, text)
    if mapping_path is None:
        raise InputError(
            "no_mapping",
            Text("a spreadsheet needs a mapping from columns to facts", "表格需要一份从列到事实的映射"),
            remedy=Text("pass --map MAPPING.yaml (see docs/how-to/map-an-inventory.md)", "请用 --map 指定映射文件"),
            path=str(path),
        )
    return _mapped(path, mapping_path, policy, text)


def no_rows(path: Path) -> InputError:
    """The error for an inventory without a row to judge."""
    return InputError(
        "no_rows",
        Text("the inventory holds no usable row", "清单没有可用的行"),
        remedy=Text("check the header row and the mapping", "请检查表头与映射"),
        path=str(path),
    )


def _typed(path: Path, policy: Policy, text: str | None) -> Inventory:
    total, names, _ = read_parquet(path)
    words = policy.vocabulary
    if not any(name in words for name in names):
        raise InputError(
            "no_facts",
            Text("no column is named after a fact", "没有以事实命名的列"),
            remedy=Text("name columns by fact id, or pass --map", "请以事实 id 命名各列，或使用 --map"),
            path=str(path),
        )
    _check_text(path, text, names)
    wanted = [name for name in names if name in words or name in IDENTITY or name == text]
    for name in wanted:
        if names.count(name) > 1:
            raise InputError(
                "duplicate_column",
                Text(f"the column {name!r} stands there twice", f"列 {name!r} 重复出现"),
                remedy=Text("keep one of the two", "请只保留一个"),
                path=str(path),
                field=name,
            )
    unusable: dict[int, str] = {}

    def read(frame: pl.DataFrame, start: int) -> Batch:
        encoded = encode(frame, words)
        unusable.update({start + row: reason for row, reason in encoded.unusable.items()})
        rows = pl.int_range(start, start + frame.height, dtype=pl.Int64, eager=True).alias("row")
        identity, facts = _identity(frame, rows, text), encoded.frame
        if encoded.unusable:
            keep = ~pl.int_range(frame.height, eager=True).is_in(list(encoded.unusable))
            rows, identity, facts = rows.filter(keep), identity.filter(keep), facts.filter(keep)
        return Batch(rows, identity, facts, None, None)

    def batches() -> Iterator[Callable[[], Batch]]:
        start = 0
        for frame in _frames(path, wanted):
            yield partial(read, frame, start)
            start += frame.height

    ignored = [name for name in names if name not in wanted]
    title = Text(path.name, path.name)
    return Inventory(title, total, batches(), unusable, (), {}, ignored, (text or "purpose",))


def _frames(path: Path, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The wanted columns of a Parquet file, batch by batch. Raises InputError for pages that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pq.ParquetFile(path)
    pages = source.iter_batches(batch_size=BATCH, columns=list(wanted))
    while True:
        try:
            batch = next(pages, None)
            if batch is None:
                return
            columns = [pl.Series(name, _readable(batch.column(name), pa)) for name in wanted]
        except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
            if getattr(error, "errno", None) is not None:  # the disk, not the file
                raise
            raise _damaged(path, error) from None
        yield pl.DataFrame(columns)


def _damaged(path: Path, error: BaseException) -> InputError:
    said = " ".join(str(error).split())[:200]
    return InputError(
        "bad_parquet",
        Text(f"Parquet pages that cannot be read: {said}", f"Parquet 数据页无法读取：{said}"),
        remedy=Text("write the file again", "请重新写出该文件"),
        path=str(path),
    )


def _readable(column: Any, pa: Any) -> Any:
    """A column in a type that facts can have; values of any other type as their texts."""
    kinds = pa.types
    kind = column.type
    if kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind):
        kind = kind.value_type
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    simple = (kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_string, kinds.is_large_string)
    if kinds.is_null(kind) or any(test(kind) for test in simple) or str(kind) == "string_view":
        return pl.from_arrow(column)
    return pl.Series([None if value is None else str(value) for value in column.to_pylist()], dtype=pl.String)


def _check_text(path: Path, text: str | None, names: Sequence[str]) -> None:
    if text is not None and text not in names:
        raise InputError(
            "no_such_column",
            Text(f"the inventory has no column {text!r}", f"清单没有列 {text!r}"),
            remedy=near(text, names) or Text("check the header row", "请检查表头"),
            path=str(path),
            field="--text",
        )


def _identity(frame: pl.DataFrame, rows: pl.Series, text: str | None = None) -> pl.DataFrame:
    columns = []
    for name in IDENTITY:
        source = text if name == "purpose" and text is not None else name
        cells = frame[source] if source in frame.columns else pl.Series([None], dtype=pl.String)
        columns.append(_texts(cells, frame.height).alias(name))
    return pl.DataFrame(columns).with_columns(pl.col("system").fill_null("row-" + pl.lit(rows).cast(pl.String)))


def _texts(cells: pl.Series, height: int) -> pl.Series:
    if len(cells) != height:
        return cells.new_from_index(0, height)
    if cells.dtype.is_nested():
        return pl.Series([None if value is None else str(value) for value in cells.to_list()], dtype=pl.String)
    return cells.cast(pl.String)


def _mapped(path: Path, mapping_path: Path, policy: Policy, text: str | None) -> Inventory:
    mapping, doc = load_mapping(mapping_path, policy)
    sheet = _sheet(path, mapping, text)
    _check_text(path, text, sheet.frame.columns)
    mapped = apply_mapping(mapping, doc, sheet.frame, policy)
    rows = pl.Series("row", sheet.rows, dtype=pl.Int64)
    identity = _identity(mapped.identity.rename({"id": "system"}), rows)
    if text is not None:
        identity = identity.with_columns(sheet.frame[text].alias("purpose"))
    declared = mapped.facts if mapping.assume else None

    def read(part: slice) -> Batch:
        before = declared[part] if declared is not None else None
        return Batch(rows[part], identity[part], mapped.assumed[part], before, mapped.applied[part])

    def batches() -> Iterator[Callable[[], Batch]]:
        for start in range(0, len(rows), BATCH):
            yield partial(read, slice(start, start + BATCH))

    return Inventory(
        mapping.data.title,
        sheet.total,
        batches(),
        dict(sheet.unusable),
        tuple(item.source for item in mapping.assume),
        mapped.unread,
        [],
        (text,) if text is not None else _described(mapping),
    )


def _described(mapping: Mapping) -> tuple[str, ...]:
    where = mapping.data.system.get("purpose")
    return where.names if where is not None else ()


def _sheet(path: Path, mapping: Mapping, text: str | None = None) -> Sheet:
    """The text table of an inventory that is read through a mapping. Raises InputError.

    Of a Parquet file only the columns that are asked for are read, unless one is not there: then all are named.
    """
    if kind_of(path) != "parquet":
        return read_sheet(path, mapping.data.inventory)
    needed = {name for name, _ in mapping.columns()} | ({text} if text is not None else set())
    _, names, _ = read_parquet(path)
    if all(names.count(name) == 1 for name in needed) and needed:
        frames = [_as_text(frame) for frame in _frames(path, sorted(needed))]
        frame = pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(sorted(needed), pl.String))
        return Sheet(frame, list(range(frame.height)), frame.height, {})
    try:
        return read_sheet(path, mapping.data.inventory)
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        if getattr(error, "errno", None) is not None:  # the disk, not the file
            raise
        raise _damaged(path, error) from None


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Every cell as a mapping reads it: lists joined by semicolons, nothing as an empty text."""
    return frame.select(
        pl.col(name).cast(pl.List(pl.String)).list.join("; ") if kind.is_nested() else pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
    ).fill_null("")


def find_system(path: Path, mapping_path: Path, system: str, policy: Policy) -> Profile:
    """One system of a mapped inventory, by its id (or `row-N`), as a profile. Raises InputError."""
    mapping, doc = load_mapping(mapping_path, policy)
    sheet = _sheet(path, mapping)
    mapped = apply_mapping(mapping, doc, sheet.frame, policy)
    numbers = [f"row-{row}" for row in sheet.rows]
    ids = [name or number for name, number in zip(mapped.identity["id"].to_list(), numbers, strict=True)]
    if ids.count(system) > 1:
        rows = [number for name, number in zip(ids, numbers, strict=True) if name == system]
        raise InputError(
            "several_systems",
            Text(f"{len(rows)} rows have the id {system!r}", f"有 {len(rows)} 行的编号都是 {system!r}"),
            remedy=Text(f"name one: {', '.join(rows[:5])}", f"请指明：{'、'.join(rows[:5])}"),
            path=str(path),
        )
    if system not in ids and system in numbers:
        ids = numbers
    if system not in ids:
        raise InputError(
            "unknown_system",
            Text(f"the inventory has no system {system!r}", f"清单中没有系统 {system!r}"),
            remedy=near(system, ids) or Text("ids stand in the report and the workbook", "编号见报告与工作簿"),
            path=str(path),
        )
    profile = profile_of(mapping, mapped, ids.index(system), policy)
    return replace(profile, id=system)


def profile_at(inventory: Inventory, batch: Batch, index: int, policy: Policy) -> Profile:
    """One row of a batch as a profile, with the assumptions that touched it."""
    words = policy.vocabulary
    codes = batch.facts.row(index, named=True)
    plain = {name: decode_value(words[name], code) for name, code in codes.items() if code is not None}
    facts = {name: words[name].parse(value) for name, value in plain.items()}
    who = {name: value or "" for name, value in batch.identity.row(index, named=True).items()}
    applied = set(batch.assumed[index]) if batch.assumed is not None else set()
    assumed = tuple(
        Assumed(item.id, item.fact, item.value, item.reason) for item in inventory.assumptions if item.id in applied
    )
    return Profile(
        who["system"],
        facts,
        name=who["name"],
        unit=who["unit"],
        owner=who["owner"],
        purpose=who["purpose"],
        assumed=assumed,
    )
