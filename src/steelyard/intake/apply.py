"""Applies a mapping to a text table: cells become encoded facts, as Polars expressions over whole columns.

A cell that no table and no pattern reads leaves its fact unknown and is counted, so that nothing is skipped silently.
Assumptions fill only what is unknown after that, each counted and named on every row it touches.
"""

import re
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

import polars as pl

from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, near
from steelyard.intake.mapping import IDENTITY, Mapping, Source
from steelyard.policy.columns import code_type, decode_value, encode_value, expression
from steelyard.policy.compile import Policy
from steelyard.profile.document import Assumed, Profile
from steelyard.profile.facts import MAX_COUNT, Fact

_UNIT = re.compile(r"\s*(人|名|people|persons|users)$")


class Mapped(NamedTuple):
    """An inventory read through its mapping.

    `facts` are encoded columns as declared; `assumed` the same with assumptions filled in; `applied` one list of
    assumption ids per row; `counts` how many rows each assumption touched; `unread` for each fact the cells (and how
    often) that nothing read.
    """

    identity: pl.DataFrame
    facts: pl.DataFrame
    assumed: pl.DataFrame
    applied: pl.Series
    counts: dict[str, int]
    unread: dict[str, dict[str, int]]


def apply_mapping(mapping: Mapping, doc: Document, frame: pl.DataFrame, policy: Policy) -> Mapped:
    """Reads identity and facts from a text table. Raises InputError for a column that is not there."""
    for name, keys in mapping.columns():
        if name not in frame.columns:
            raise doc.error(
                "unknown_column",
                keys,
                Text(f"the inventory has no column {name!r}", f"清单没有列 {name!r}"),
                near(name, frame.columns) or Text(f"it has: {_few(frame.columns)}", f"现有各列：{_few(frame.columns)}"),
            )
    words = policy.vocabulary
    columns: list[pl.Series] = []
    unread: dict[str, dict[str, int]] = {}
    for fact in words.items:
        sources = mapping.sources.get(fact.id)
        if sources is None:
            columns.append(pl.Series(fact.id, [None], dtype=code_type(fact)).new_from_index(0, frame.height))
            continue
        column, missed = _read_fact(doc, fact, sources, frame)
        columns.append(column)
        if missed:
            unread[fact.id] = missed
    facts = pl.DataFrame(columns)
    assumed, applied, counts = _assume(mapping, facts, policy)
    return Mapped(_identity(mapping, frame), facts, assumed, applied, counts, unread)


def _few(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown}, ..."


def _identity(mapping: Mapping, frame: pl.DataFrame) -> pl.DataFrame:
    out = []
    for field in IDENTITY:
        where = mapping.data.system.get(field)
        if where is None:
            out.append(pl.lit(None, dtype=pl.String).alias(field))
            continue
        cells = [pl.lit(frame[name]).str.strip_chars() for name in where.names]
        joined = pl.concat_str([pl.when(cell != "").then(cell) for cell in cells], separator="\n\n", ignore_nulls=True)
        out.append(joined.alias(field))
    table = frame.select(out) if out else frame
    if table.height != frame.height:
        table = pl.concat([table] * frame.height) if frame.height else table.clear()
    return table.with_columns(pl.when(pl.col("id") != "").then(pl.col("id")).alias("id"))


def _read_fact(
    doc: Document, fact: Fact, sources: tuple[Source, ...], frame: pl.DataFrame
) -> tuple[pl.Series, dict[str, int]]:
    result = pl.Series(fact.id, [None], dtype=code_type(fact)).new_from_index(0, frame.height)
    missed: dict[str, int] = {}
    for index, source in enumerate(sources):
        read = pl.Series(fact.id, [None], dtype=code_type(fact)).new_from_index(0, frame.height)
        for name in source.names:
            column, unknown = _read_column(doc, fact, index, source, frame[name])
            read = _combine(fact, read, column, source)
            if source.values or source.number:
                for cell, count in unknown.items():
                    missed[cell] = missed.get(cell, 0) + count
        result = pl.select(pl.coalesce(pl.lit(result), pl.lit(read))).to_series().alias(fact.id)
    return result, missed


def _combine(fact: Fact, old: pl.Series, new: pl.Series, source: Source) -> pl.Series:
    """Several columns of one source: members unite, other values keep the first that answers."""
    frame = pl.DataFrame({"a": old, "b": new})
    if fact.type == "set_of":
        both = pl.col("a").is_not_null() & pl.col("b").is_not_null()
        united = pl.when(both).then(pl.col("a") | pl.col("b")).otherwise(pl.coalesce("a", "b"))
        return frame.select(united).to_series()
    return frame.select(pl.coalesce("a", "b")).to_series()


def _read_column(
    doc: Document, fact: Fact, index: int, source: Source, cells: pl.Series
) -> tuple[pl.Series, dict[str, int]]:
    """Codes of one column, worked out once per distinct cell; and the cells that tell nothing this mapping knows."""
    counted = cells.rename("cell").value_counts() if cells.len() else None
    texts: list[str] = counted["cell"].to_list() if counted is not None else []
    times: list[int] = counted["count"].to_list() if counted is not None else []
    matches = [
        _matches(doc, fact, index, pattern.match, position, texts) for position, pattern in enumerate(source.patterns)
    ]
    table = {_fold(cell): value for cell, value in source.values.items()}
    codes: list[Any] = []
    unknown: dict[str, int] = {}
    for position, text in enumerate(texts):
        found, complete = _read_cell(fact, source, table, [hits[position] for hits in matches], text)
        codes.append(None if found is None else encode_value(fact, found))
        if not complete:
            unknown[text.strip()[:80]] = unknown.get(text.strip()[:80], 0) + times[position]
    old, new = pl.Series(texts, dtype=pl.String), pl.Series(codes, dtype=code_type(fact))
    if not texts:
        return pl.Series(fact.id, [], dtype=code_type(fact)), {}
    return cells.replace_strict(old, new, default=None, return_dtype=code_type(fact)), unknown


def _read_cell(fact: Fact, source: Source, table: dict[str, Any], hits: list[bool], text: str) -> tuple[Any, bool]:
    """The value in a cell (None: it tells nothing), and whether everything in it was understood."""
    if not text.strip():
        return None, True
    parts = [text] if source.split is None else [part for part in text.split(source.split) if part.strip()]
    folded = [_fold(part) for part in parts]
    known = [table[part] for part in folded if part in table]
    values = [fact.parse(value) for value in known if value is not None]
    complete = len(known) == len(folded)
    if source.number and not known:
        number = _number(text)
        if number is not None:
            return (fact.band_of(number) if fact.count else number), True
    if not values:
        values = [
            fact.parse(p.value) for p, hit in zip(source.patterns, hits, strict=True) if hit and p.value is not None
        ]
        complete = complete or any(hits)
    if not values or (fact.type != "set_of" and len(set(values)) > 1 and known):
        return None, complete
    if fact.type == "set_of":
        if not complete and source.split is not None:
            return None, False  # an unread member may be any member
        return reduce(or_, values), complete
    return values[0], complete


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _number(text: str) -> int | None:
    plain = _UNIT.sub("", text.strip()).replace(",", "").replace("，", "").replace("_", "")
    return int(plain) if plain.isascii() and plain.isdigit() and int(plain) <= MAX_COUNT else None


def _matches(doc: Document, fact: Fact, index: int, pattern: str, position: int, texts: list[str]) -> list[bool]:
    """Which texts a pattern is found in. Polars' regular expressions run in linear time."""
    try:
        found: list[bool] = pl.Series(texts, dtype=pl.String).str.contains(pattern).to_list()
    except pl.exceptions.ComputeError as error:
        multiple = isinstance(doc.data["facts"][fact.id], list)
        keys = ("facts", fact.id, *((index,) if multiple else ()), "patterns", position, "match")
        raise doc.error(
            "bad_pattern",
            keys,
            Text(f"not a usable regular expression: {error}", f"正则表达式不可用：{error}"),
            Text("look-around and back-references are not supported", "不支持环视与反向引用"),
        ) from None
    return found


def _assume(mapping: Mapping, facts: pl.DataFrame, policy: Policy) -> tuple[pl.DataFrame, pl.Series, dict[str, int]]:
    words = policy.vocabulary
    frame = facts
    marks: list[pl.Series] = []
    counts: dict[str, int] = {}
    for item in mapping.assume:
        fact = words[item.source.fact]
        fill = pl.col(fact.id).is_null()
        if item.where is not None:
            fill = fill & expression(item.where, words).eq_missing(True)
        touched = frame.select(fill).to_series()
        code = pl.lit(encode_value(fact, item.value), dtype=code_type(fact))
        frame = frame.with_columns(pl.when(touched).then(code).otherwise(pl.col(fact.id)).alias(fact.id))
        counts[item.source.id] = int(touched.sum())
        label = pl.when(touched).then(pl.lit(item.source.id))
        marks.append(pl.select(label).to_series().alias(item.source.id))
    if not marks:
        return frame, pl.Series("assumed", [[]], dtype=pl.List(pl.String)).new_from_index(0, facts.height), counts
    applied = pl.DataFrame(marks).select(pl.concat_list(pl.all()).list.drop_nulls().alias("assumed")).to_series()
    return frame, applied, counts


def profile_of(mapping: Mapping, mapped: Mapped, row: int, policy: Policy) -> Profile:
    """One row as a profile, with the assumptions that touched it."""
    words = policy.vocabulary
    codes = mapped.assumed.row(row, named=True)
    facts = {
        name: words[name].parse(decode_value(words[name], code)) for name, code in codes.items() if code is not None
    }
    who: dict[str, Any] = {name: value or "" for name, value in mapped.identity.row(row, named=True).items()}
    applied = set(mapped.applied[row])
    assumed = tuple(
        Assumed(item.source.id, item.source.fact, item.source.value, item.source.reason)
        for item in mapping.assume
        if item.source.id in applied
    )
    return Profile(
        who["id"],
        facts,
        name=who["name"],
        unit=who["unit"],
        owner=who["owner"],
        purpose=who["purpose"],
        assumed=assumed,
    )
