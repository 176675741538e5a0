"""The fact vocabulary as data: what is asked about a system, in which type, when, and in which words.

Enforced on load: ids are unique, both languages stand everywhere, ordered values are listed from least to most
demanding, a band names the count that beats it, and every `asked_when` is a text (the policy room parses it, because
the predicate language lives there).
"""

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from steelyard.base import packs
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, load, near

PACK = Path(__file__).parent / "packs" / "facts.yaml"
FactType = Literal["bool", "one_of", "set_of", "count"]
Value = bool | str | frozenset[str] | int
FORMAT = 1
MAX_COUNT = 10**12
NONE = "none"
_REMEMBERED = 4_096


class FactValue(msgspec.Struct, frozen=True):
    """One value of a `one_of` or member of a `set_of` fact; `below` is the open upper end of a band, in people."""

    id: str
    label: Text
    below: int | None = None


class Fact(msgspec.Struct, frozen=True, dict=True):
    """One typed question about a system.

    `name` is short, for tables. `demanding` says in which direction an answer asks for more governance: `up` (true,
    higher, more members), `down` (the reverse) or `none`. `count` names the count fact whose exact number beats this
    band. `asked_when` is a predicate; None means always.
    """

    id: str
    name: Text
    type: FactType
    question: Text
    help: Text
    values: tuple[FactValue, ...] = ()
    ordered: bool = False
    opening: int | None = None
    control: bool = False
    checklist: bool = False
    demanding: Literal["up", "down", "none"] = "none"
    count: str | None = None
    clauses: tuple[str, ...] = ()
    asked_when: str | None = None

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The ids of its values, in order."""
        return tuple(value.id for value in self.values)

    @cached_property
    def _lists(self) -> dict[frozenset[str], tuple[str, ...]]:
        return {}

    @cached_property
    def member_set(self) -> frozenset[str]:
        """The ids of its values, as a set."""
        return frozenset(self.members)

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """Position of each value, from 0."""
        return {value.id: index for index, value in enumerate(self.values)}

    @cached_property
    def neutral(self) -> Value | None:
        """The value it takes when its question does not apply; None where it has none and stays unknown."""
        if self.type == "bool":
            return False
        if self.type == "set_of":
            return frozenset()
        if self.type == "count":
            return 0
        if NONE in self.rank:
            return NONE
        return self.members[0] if any(value.below for value in self.values) else None

    def band_of(self, number: int) -> str:
        """The band that holds `number` people: closed below, open above."""
        for value in self.values:
            if value.below is not None and number < value.below:
                return value.id
        return self.members[-1]

    def parse(self, raw: Any) -> Value:
        """The typed value of `raw` as YAML or JSON gives it. Raises FactError; None is not a value."""
        kind = self.type
        if kind == "one_of":
            if type(raw) is str and raw in self.rank:
                return raw
        elif kind == "bool":
            if raw is True or raw is False:
                return bool(raw)
        elif kind == "set_of" and type(raw) is list:
            try:
                found = frozenset(raw)
            except TypeError:
                raise FactError("wrong_type", self._expects(raw)) from None
            if found <= self.member_set:
                return found
        return self._parse_with_care(raw)

    def _parse_with_care(self, raw: Any) -> Value:
        if self.type == "bool":
            return self._bool(raw)
        if self.type == "count":
            return self._count(raw)
        if self.type == "set_of":
            return self._set(raw)
        if not isinstance(raw, str):
            raise FactError("wrong_type", self._expects(raw))
        if raw not in self.rank:
            raise FactError("wrong_value", self._no_such(raw), near(raw, self.members) or self._one_of())
        return raw

    def plain(self, value: Value) -> Any:
        """`value` as JSON and YAML carry it: sets become lists in the vocabulary's order."""
        if isinstance(value, frozenset):
            known = self._lists.get(value)
            if known is None:
                known = tuple([member for member in self.members if member in value])
                if len(self._lists) < _REMEMBERED:
                    self._lists[value] = known
            return list(known)
        return value

    def label(self, value: Value | None) -> Text:
        """How people read `value`."""
        if value is None:
            return Text("not known", "未知")
        if isinstance(value, bool):
            return Text("yes", "是") if value else Text("no", "否")
        if isinstance(value, int):
            return Text(f"{value:,}", f"{value:,}")
        if isinstance(value, frozenset):
            shown = [self.values[self.rank[member]].label for member in self.members if member in value]
            if not shown:
                return Text("none", "无")
            return Text(", ".join(item.en for item in shown), "、".join(item.zh for item in shown))
        return self.values[self.rank[value]].label

    def _bool(self, raw: Any) -> bool:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and raw.lower() in _WORDS:
            return _WORDS[raw.lower()]
        raise FactError("wrong_type", self._expects(raw), Text("write true or false", "请写 true 或 false"))

    def _count(self, raw: Any) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise FactError("wrong_type", self._expects(raw), Text("write a whole number", "请写整数"))
        if not 0 <= raw <= MAX_COUNT:
            raise FactError(
                "wrong_value",
                Text(f"{raw} is not a number of people", f"{raw} 不是合理的人数"),
                Text("write a whole number from 0", "请写不小于 0 的整数"),
            )
        return raw

    def _set(self, raw: Any) -> frozenset[str]:
        items = [raw] if isinstance(raw, str) else raw
        if not isinstance(items, (list, tuple, set, frozenset)) or not all(isinstance(item, str) for item in items):
            raise FactError("wrong_type", self._expects(raw), Text("write a list, or none", "请写列表，或写 none"))
        if NONE in items and NONE not in self.rank:
            if set(items) != {NONE}:
                raise FactError(
                    "wrong_value",
                    Text("'none' stands together with another member", "“none”与其他取值同时出现"),
                    Text("keep 'none' alone, or remove it", "请单独保留“none”，或将其删除"),
                )
            return frozenset()
        for item in items:
            if item not in self.rank:
                raise FactError("wrong_value", self._no_such(item), near(item, self.members) or self._one_of())
        return frozenset(items)

    def _expects(self, raw: Any) -> Text:
        names = {
            "bool": Text("true or false", "true 或 false"),
            "one_of": Text("one word of its list", "列表中的一个值"),
            "set_of": Text("a list of words", "取值列表"),
            "count": Text("a whole number", "整数"),
        }
        kind = names[self.type]
        shown = _short(raw)
        return Text(
            f"the fact {self.id} takes {kind.en}, found {shown}", f"事实 {self.id} 应为{kind.zh}，实际为 {shown}"
        )

    def _no_such(self, raw: str) -> Text:
        return Text(f"{_short(raw)} is not a value of {self.id}", f"{_short(raw)} 不是 {self.id} 的取值")

    def _one_of(self) -> Text:
        return Text(f"use one of: {', '.join(self.members)}", f"可用取值：{'、'.join(self.members)}")


_WORDS = {"yes": True, "no": False, "是": True, "否": False}


def _short(raw: Any) -> str:
    shown = repr(raw)
    return shown if len(shown) <= 60 else shown[:57] + "..."


class FactError(Exception):
    """A value that does not fit its fact; the caller adds the place."""

    def __init__(self, code: str, message: Text, remedy: Text | None = None) -> None:
        super().__init__(message.en)
        self.code, self.message, self.remedy = code, message, remedy


class Vocabulary(msgspec.Struct, frozen=True, dict=True):
    """All facts, in the order in which they are listed and asked."""

    items: tuple[Fact, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Fact]:
        """Facts by id."""
        return {fact.id: fact for fact in self.items}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All ids in order."""
        return tuple(fact.id for fact in self.items)

    @cached_property
    def bands(self) -> tuple[tuple[Fact, str], ...]:
        """Facts given in bands, each with the count that beats it."""
        return tuple((fact, fact.count) for fact in self.items if fact.count)

    def __getitem__(self, fact_id: str) -> Fact:
        return self.by_id[fact_id]

    def __contains__(self, fact_id: object) -> bool:
        return fact_id in self.by_id

    def extended(self, extra: Iterable[Fact]) -> "Vocabulary":
        """This vocabulary and the facts a policy adds."""
        return Vocabulary((*self.items, *extra))


def parse_fact(doc: Document, keys: KeyPath, raw: Any) -> Fact:
    """One fact from its YAML entry. Raises InputError with the place."""
    if not isinstance(raw, dict):
        raise doc.error("wrong_type", keys, Text("a fact is a mapping", "事实应为映射"))
    data = dict(raw)
    data["values"] = [
        {"id": v.get("id"), "below": v.get("below"), "label": {"en": v.get("en"), "zh": v.get("zh")}}
        for v in data.get("values") or []
    ]
    known = set(Fact.__struct_fields__)
    for key in data:
        if key not in known:
            raise doc.error(
                "unknown_key", (*keys, key), Text(f"{key!r} is not a key of a fact", f"事实没有 {key!r} 这个键"),
                near(key, known),
            )  # fmt: skip
    try:
        fact = msgspec.convert(data, Fact)
    except msgspec.ValidationError as error:
        raise doc.error("bad_fact", keys, Text(f"this fact is not valid: {error}", f"事实无效：{error}")) from None
    values = [value.id for value in fact.values]
    if (fact.type in ("one_of", "set_of")) != bool(values) or len(values) != len(set(values)):
        raise doc.error(
            "bad_fact",
            keys,
            Text(
                "one_of and set_of facts list their values once; others list none",
                "one_of 与 set_of 须列出取值且不重复",
            ),
        )
    return fact


def load_vocabulary(path: Path) -> Vocabulary:
    """Reads and validates a vocabulary pack."""
    doc = load(path)
    if not isinstance(doc.data, dict) or doc.data.get("facts") != FORMAT:
        raise doc.error("bad_format", (), Text(f"expected 'facts: {FORMAT}'", f"应以 'facts: {FORMAT}' 开头"))
    facts: dict[str, Fact] = {}
    for index, raw in enumerate(doc.data.get("items") or []):
        fact = parse_fact(doc, ("items", index), raw)
        if fact.id in facts:
            raise doc.error(
                "duplicate_id", ("items", index, "id"), Text(f"{fact.id} is defined twice", f"{fact.id} 重复定义")
            )
        facts[fact.id] = fact
    for fact in facts.values():
        if fact.count and facts.get(fact.count, fact).type != "count":
            raise InputError("bad_fact", Text(f"{fact.id} names no count", f"{fact.id} 未指向计数"), path=str(path))
    return Vocabulary(tuple(facts.values()))


@cache
def vocabulary() -> Vocabulary:
    """The shipped vocabulary."""
    return packs.cached("profile.facts", [PACK], Vocabulary, lambda: load_vocabulary(PACK))
