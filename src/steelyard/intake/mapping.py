"""Mapping files: how the columns of somebody's inventory become facts.

A mapping is YAML (JSON Schema: `steelyard schema mapping`). For each fact it names a column and how its cells are read:
a table of values, regular expressions, a number. A cell that nothing reads leaves the fact unknown, never "no".

Enforced on load: facts and values exist; each source reads in at least one way; assumptions have names of their own,
give a reason in both languages and never touch `decision_impact`; regular expressions are plain RE2-style ones (linear
time).
"""

from pathlib import Path
from typing import Any

import msgspec

from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, convert, load, near
from steelyard.policy.compile import Policy
from steelyard.policy.language import LanguageError, parse
from steelyard.policy.tree import Node
from steelyard.profile.facts import Fact, FactError, Value

FORMAT = 1
NEVER_ASSUMED = frozenset({"decision_impact"})
IDENTITY = ("id", "name", "unit", "owner", "accountable", "purpose")


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A regular expression searched in the cells, and the value it means."""

    match: str
    value: Any


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an identity field stands: one column, or several joined by a blank line."""

    column: str | None = None
    columns: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return (self.column,) if self.column is not None else self.columns


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to read a fact.

    `values` compares whole cells, trimmed and without regard to case; a null value says that the cell tells nothing.
    `patterns` are tried in order where `values` says nothing: the first match gives a bool, count or one_of fact, all
    matches together a set fact. `split` cuts a cell that holds several members. `number` reads a count.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    values: dict[str, Any] = {}
    patterns: tuple[Pattern, ...] = ()
    split: str | None = None
    number: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return (self.column,) if self.column is not None else self.columns


class Assumption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value for a fact that the inventory leaves unknown; `where` limits it to systems of which a predicate holds."""

    id: str
    fact: str
    value: Any
    reason: Text
    where: str | None = None


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the file itself is read. `encoding` is UTF-8 unless said; `sheet` names a sheet of a workbook; `skip` says
    how many lines stand above the header."""

    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    skip: int = 0


class MappingData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file. `facts` gives one source per fact, or several of which the first that answers wins."""

    mapping: int
    title: Text
    system: dict[str, Columns]
    facts: dict[str, Source | tuple[Source, ...]]
    assume: tuple[Assumption, ...] = ()
    inventory: Inventory = Inventory()


class CheckedAssumption(msgspec.Struct, frozen=True):
    """A checked assumption: its value typed, its predicate parsed."""

    source: Assumption
    value: bool | str | int | frozenset[str]
    where: Any  # Node or None; msgspec cannot name the union of plain dataclasses


class Mapping:
    """A checked mapping, bound to the vocabulary of a policy."""

    def __init__(self, doc: Document, data: MappingData, policy: Policy) -> None:
        self.path = doc.path
        self.data = data
        self.sources: dict[str, tuple[Source, ...]] = {
            fact: source if isinstance(source, tuple) else (source,) for fact, source in data.facts.items()
        }
        self.assume: tuple[CheckedAssumption, ...] = tuple(
            _assumed(doc, index, item, policy) for index, item in enumerate(data.assume)
        )
        _check_ids(doc, data.assume)
        for fact in self.sources:
            _check_fact(doc, ("facts", fact), fact, policy)
            for index, source in enumerate(self.sources[fact]):
                keys: KeyPath = ("facts", fact, index) if isinstance(data.facts[fact], tuple) else ("facts", fact)
                _check_source(doc, keys, policy.vocabulary[fact], source)
        _check_system(doc, data.system)

    def columns(self) -> list[tuple[str, KeyPath]]:
        """Every column the mapping reads, with the place that names it."""
        out: list[tuple[str, KeyPath]] = []
        for field, where in self.data.system.items():
            out += [(name, ("system", field)) for name in where.names]
        for fact, sources in self.sources.items():
            for source in sources:
                out += [(name, ("facts", fact)) for name in source.names]
        return out


def load_mapping(path: str | Path, policy: Policy) -> tuple[Mapping, Document]:
    """Reads and checks a mapping file. Raises InputError with the place."""
    doc = load(path)
    if not isinstance(doc.data, dict) or doc.data.get("mapping") != FORMAT:
        raise doc.error(
            "bad_format",
            (),
            Text(f"a mapping file starts with 'mapping: {FORMAT}'", f"映射文件应以“mapping: {FORMAT}”开头"),
            Text("see docs/how-to/map-an-inventory.md", "参见 docs/how-to/map-an-inventory.md"),
        )
    data: MappingData = convert(doc, (), doc.data, MappingData)
    return Mapping(doc, data, policy), doc


def _check_fact(doc: Document, keys: KeyPath, fact: str, policy: Policy) -> None:
    if fact not in policy.vocabulary:
        raise doc.error(
            "unknown_fact",
            keys,
            Text(f"there is no fact {fact}", f"没有事实 {fact}"),
            near(fact, policy.vocabulary.ids) or Text("`steelyard facts` lists them", "用 `steelyard facts` 查看全部"),
        )


def _check_source(doc: Document, keys: KeyPath, fact: Fact, source: Source) -> None:
    if not source.names:
        raise doc.error("missing_key", keys, Text("name a column", "请指定列名（column）"))
    if not (source.values or source.patterns or source.number):
        raise doc.error(
            "missing_key",
            keys,
            Text(
                "say how cells are read: values, patterns or number", "请说明如何读取单元格：values、patterns 或 number"
            ),
        )
    if source.number and fact.type != "count" and not fact.count:
        raise doc.error(
            "wrong_type", (*keys, "number"), Text(f"{fact.id} is not a count or a band", f"{fact.id} 不是计数或区间")
        )
    if source.split is not None and fact.type != "set_of":
        raise doc.error("wrong_type", (*keys, "split"), Text(f"{fact.id} takes one value", f"{fact.id} 只取一个值"))
    if source.split == "":
        raise doc.error(
            "wrong_value",
            (*keys, "split"),
            Text("nothing cannot separate members", "分隔符不能为空"),
            Text("write the separator, such as ';', or leave split out", "请写明分隔符（如“;”），或去掉 split"),
        )
    for cell, value in source.values.items():
        _typed(doc, (*keys, "values", cell), fact, value)
    for index, pattern in enumerate(source.patterns):
        _typed(doc, (*keys, "patterns", index, "value"), fact, pattern.value)


def _typed(doc: Document, keys: KeyPath, fact: Fact, raw: Any) -> Value | None:
    if raw is None:
        return None
    try:
        return fact.parse(raw)
    except FactError as error:
        raise doc.error(error.code, keys, error.message, error.remedy) from None


def _check_system(doc: Document, system: dict[str, Columns]) -> None:
    for field, where in system.items():
        if field not in IDENTITY:
            raise doc.error(
                "unknown_key",
                ("system", field),
                Text(f"{field!r} is not a field of a system", f"系统没有 {field!r} 这一项"),
                near(field, IDENTITY),
            )
        if not where.names:
            raise doc.error("missing_key", ("system", field), Text("name a column", "请指定列名（column）"))


def _check_ids(doc: Document, assume: tuple[Assumption, ...]) -> None:
    seen: set[str] = set()
    for index, item in enumerate(assume):
        if item.id in seen:
            raise doc.error(
                "duplicate_id",
                ("assume", index, "id"),
                Text(f"two assumptions have the id {item.id!r}", f"有两项假定的 id 同为 {item.id!r}"),
                Text("give each its own: rows and figures name them", "请各用一个 id：各行与统计以此指称"),
            )
        seen.add(item.id)


def _assumed(doc: Document, index: int, item: Assumption, policy: Policy) -> CheckedAssumption:
    keys: KeyPath = ("assume", index)
    _check_fact(doc, (*keys, "fact"), item.fact, policy)
    if item.fact in NEVER_ASSUMED:
        raise doc.error(
            "never_assumed",
            (*keys, "fact"),
            Text(f"{item.fact} is never assumed: somebody must say it", f"{item.fact} 不得假定，必须由人申报"),
            Text("map it from a column, or leave it unknown", "请从某列映射，或保持未知"),
        )
    value = _typed(doc, (*keys, "value"), policy.vocabulary[item.fact], item.value)
    if value is None:
        raise doc.error("missing_key", (*keys, "value"), Text("an assumption has a value", "假定须给出取值"))
    node: Node | None = None
    if item.where is not None:
        try:
            node = parse(item.where, policy.scope)
        except LanguageError as error:
            mark = doc.inside((*keys, "where"), error.offset)
            raise doc.error(error.code, (*keys, "where"), error.message, error.remedy, mark=mark) from None
    return CheckedAssumption(item, value, node)
