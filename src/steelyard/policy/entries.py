"""The entries of policy files: read one by one, each with its place, before layering decides what they make together.

Enforced: every text in both languages, every key known, every id used once, every expression parses and fits its
facts, terms use only the terms above them, dates and durations are ISO 8601, each tier has exactly one lane.
"""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from steelyard.base.clock import is_date, is_duration
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, convert, near
from steelyard.catalogue.load import catalogue
from steelyard.policy.language import LanguageError, Scope, parse
from steelyard.policy.model import (
    GATES,
    ROLE_NAMES,
    Information,
    Lane,
    Layer,
    Loosening,
    Obligation,
    Prohibition,
    Promise,
    Term,
    TierRule,
)
from steelyard.policy.tree import TIERS, Node, atoms
from steelyard.profile.facts import Fact, FactError, Vocabulary, parse_fact

MAX_RULES = 5_000
MAX_ATOMS = 2_000
HEADER = ("policy", "id", "version", "title", "instruments", "extends", "include")
SECTIONS: dict[str, Any] = {
    "tiers": TierRule,
    "lanes": Lane,
    "prohibitions": Prohibition,
    "obligations": Obligation,
    "promises": Promise,
    "information": Information,
    "loosens": Loosening,
}


_ID = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_FACT_ID = re.compile(r"x_[a-z0-9_]+")

CLOSED: dict[str, tuple[str, ...]] = {
    "owner": tuple(ROLE_NAMES),
    "gate": GATES,
    "tier": TIERS,
    "basis": ("policy", "law"),
}


class Source(NamedTuple):
    """Where an entry stands, for messages about it."""

    doc: Document
    keys: KeyPath

    def error(self, code: str, message: Text, remedy: Text | None = None, *keys: str | int) -> InputError:
        """An error at this entry, or at one of its parts."""
        return self.doc.error(code, (*self.keys, *keys), message, remedy)


class Entry(NamedTuple):
    """A raw entry of a section and its place."""

    raw: Any
    source: Source


Sections = dict[str, list[Entry]]
Scalars = dict[str, Entry]


def collect(docs: list[Document]) -> tuple[Sections, Scalars]:
    """All entries of all files by section: lists of rules, and single ones (`sets.NAME`, `terms.NAME`, `default`)."""
    sections: Sections = {name: [] for name in (*SECTIONS, "facts")}
    scalars: Scalars = {}
    for doc in docs:
        header = HEADER if doc is docs[0] else ()
        for key, value in doc.data.items():
            if key in header:
                continue
            if key in sections:
                sections[key] += _list_entries(doc, key, value)
            elif key in ("sets", "terms"):
                _named_entries(doc, key, value, scalars)
            elif key == "default":
                scalars[key] = Entry(value, Source(doc, (key,)))
            else:
                raise doc.error(
                    "unknown_key",
                    (key,),
                    Text(f"{key!r} is not a part of a policy", f"策略没有 {key!r} 这一部分"),
                    near(key, [*sections, *header, "sets", "terms", "default"]),
                )
    if sum(map(len, sections.values())) > MAX_RULES:
        raise docs[0].error("too_many_rules", (), Text(f"more than {MAX_RULES} rules", f"规则超过 {MAX_RULES} 条"))
    return sections, scalars


def _list_entries(doc: Document, key: str, value: Any) -> list[Entry]:
    if not isinstance(value, list):
        raise doc.error("wrong_type", (key,), Text(f"{key} is a list", f"{key} 应为列表"))
    for index, raw in enumerate(value):
        if not isinstance(raw, dict):
            raise doc.error("wrong_type", (key, index), Text("expected a mapping of keys", "应为键值映射"))
    return [Entry(raw, Source(doc, (key, index))) for index, raw in enumerate(value)]


def _named_entries(doc: Document, key: str, value: Any, scalars: Scalars) -> None:
    if not isinstance(value, dict):
        raise doc.error("wrong_type", (key,), Text(f"{key} is a mapping", f"{key} 应为映射"))
    for name, raw in value.items():
        if f"{key}.{name}" in scalars:
            raise doc.error("duplicate_id", (key, name), Text(f"{name} is defined twice", f"{name} 重复定义"))
        scalars[f"{key}.{name}"] = Entry(raw, Source(doc, (key, name)))


def named(scalars: Scalars, kind: str) -> list[tuple[str, Entry]]:
    """The named entries of `sets` or `terms`, in order."""
    return [(key.partition(".")[2], entry) for key, entry in scalars.items() if key.startswith(kind + ".")]


def layer_of(doc: Document) -> Layer:
    """The header of a policy file: id, version, title."""
    head = {key: doc.data[key] for key in ("id", "version", "title") if key in doc.data}
    layer: Layer = convert(doc, (), head, Layer)
    return layer


def instruments_of(doc: Document) -> tuple[str, ...]:
    """The catalogue instruments whose clauses the policy promises to cover."""
    names = doc.data.get("instruments") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise doc.error(
            "wrong_type", ("instruments",), Text("instruments is a list of ids", "instruments 应为 id 列表")
        )
    return tuple(names)


def extra_facts(entries: list[Entry], known: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The facts of the layers below and those a policy adds. Their ids start with `x_`; none can be defined again."""
    out = list(known)
    for entry in entries:
        fact = parse_fact(entry.source.doc, entry.source.keys, entry.raw)
        if not _FACT_ID.fullmatch(fact.id):
            raise entry.source.error(
                "bad_fact", Text("a fact that a policy adds starts with x_", "策略新增的事实须以 x_ 开头"), None, "id"
            )
        if any(other.id == fact.id for other in out):
            raise entry.source.error(
                "duplicate_id",
                Text(f"the fact {fact.id} is already defined", f"事实 {fact.id} 已有定义"),
                Text("choose another id", "请换一个 id"),
                "id",
            )
        out.append(fact)
    return tuple(out)


def set_of(entry: Entry) -> tuple[str, ...]:
    """The members of a named set."""
    if not isinstance(entry.raw, list) or not all(isinstance(item, str) for item in entry.raw):
        raise entry.source.error("wrong_type", Text("a set is a list of words", "集合应为词的列表"))
    return tuple(entry.raw)


def read_terms(
    entries: list[tuple[str, Entry]],
    words: Vocabulary,
    sets: Mapping[str, tuple[str, ...]],
    known: Mapping[str, Term],
    known_nodes: Mapping[str, Node],
) -> tuple[dict[str, Term], dict[str, Node]]:
    """Named predicates in order; each may use those above it, so no circle can arise."""
    terms, nodes = dict(known), dict(known_nodes)
    members = {name: frozenset(values) for name, values in sets.items()}
    later = {name for name, _ in entries}
    for name, entry in entries:
        if name in words or name in sets or name in terms:
            raise entry.source.error(
                "duplicate_id",
                Text(f"{name} already names something else", f"{name} 已另有含义"),
                Text("choose another name", "请换一个名称"),
            )
        term: Term = convert(entry.source.doc, entry.source.keys, entry.raw, Term)
        nodes[name] = read_expression(entry.source, term.when, Scope(words, members, nodes), later)
        terms[name] = term
    return terms, nodes


def read_expression(
    source: Source, text: str, scope: Scope, later: set[str] | None = None, *, key: str = "when"
) -> Node:
    """Parses the expression at `key` of an entry. Raises InputError with line and column inside the expression."""
    try:
        node = parse(text, scope)
    except LanguageError as error:
        remedy = error.remedy
        if error.code == "unknown_name" and later and any(word in text for word in later - set(scope.terms)):
            remedy = Text("a term may use only the terms above it", "术语只能使用位于其上方的术语")
        mark = source.doc.inside((*source.keys, key), error.offset)
        raise source.doc.error(error.code, (*source.keys, key), error.message, remedy, mark=mark) from None
    if sum(1 for _ in islice(atoms(node), MAX_ATOMS + 1)) > MAX_ATOMS:
        raise source.error(
            "too_long", Text(f"the condition has more than {MAX_ATOMS} parts", f"条件超过 {MAX_ATOMS} 项"), None, key
        )
    return node


def read_entry(entry: Entry, kind: Any, scope: Scope) -> Any:
    """One rule, lane or note as its structure, with its expression and examples checked."""
    source = entry.source
    for key, allowed in CLOSED.items():
        said = entry.raw.get(key)
        if key in kind.__struct_fields__ and isinstance(said, str) and said not in allowed:
            raise source.error(
                "wrong_value",
                Text(f"{said!r} is not a value of {key}", f"{said!r} 不是 {key} 的取值"),
                Text(f"use one of: {', '.join(allowed)}", f"可用取值：{'、'.join(allowed)}"),
                key,
            )
    value = convert(source.doc, source.keys, entry.raw, kind)
    if isinstance(value, (TierRule, Prohibition, Obligation)):
        read_expression(source, value.when, scope._replace(tier=isinstance(value, Obligation)))
        for name in ("fires", "near_miss"):
            check_facts(source, ("examples", name), getattr(value.examples, name), scope.vocabulary)
        if not _ID.fullmatch(value.id):
            raise source.error(
                "bad_id",
                Text(f"{value.id!r} is not an id of a rule", f"{value.id!r} 不是规则编号"),
                Text(
                    "write area.name in lower case, such as data.source-record",
                    "请写成小写的“领域.名称”，如 data.source-record",
                ),
                "id",
            )
        if not value.clauses:
            raise source.error("no_clause", Text("a rule cites at least one clause", "规则至少引用一个条款"))
    if isinstance(value, Promise):
        read_expression(source, value.never, scope._replace(tier=True), key="never")
    if isinstance(value, (TierRule, Prohibition, Obligation, Promise)):
        for index, clause in enumerate(value.clauses):
            try:
                catalogue().cite(clause)
            except InputError as error:
                raise source.error(error.code, error.message, error.remedy, "clauses", index) from None
    if isinstance(value, Obligation):
        if value.due is not None and not (is_date(value.due) or is_duration(value.due)):
            raise source.error("bad_date", _iso(value.due), None, "due")
        if value.every is not None and not is_duration(value.every):
            raise source.error("bad_date", _iso(value.every), None, "every")
    if isinstance(value, Lane) and any(reviewer.count < 1 for reviewer in value.reviewers):
        raise source.error("wrong_value", Text("a reviewer counts at least 1", "评审人数至少为 1"), None, "reviewers")
    if isinstance(value, Lane) and not is_duration(value.within):
        raise source.error("bad_date", _iso(value.within), None, "within")
    return value


def _iso(value: str) -> Text:
    return Text(
        f"{value!r} is not an ISO 8601 date or duration such as P30D", f"{value!r} 不是 ISO 8601 日期或时长（如 P30D）"
    )


def check_facts(source: Source, keys: tuple[str, ...], facts: dict[str, Any], words: Vocabulary) -> None:
    """The facts of an example exist and hold values of theirs."""
    for name, raw in facts.items():
        if name not in words:
            raise source.error(
                "unknown_fact", Text(f"there is no fact {name}", f"没有事实 {name}"), near(name, words.ids), *keys, name
            )
        if raw is None:
            continue
        try:
            words[name].parse(raw)
        except FactError as error:
            raise source.error(error.code, error.message, error.remedy, *keys, name) from None


def unique_ids(sections: Sections, *taken: str) -> None:
    """Ids are unique across tier rules, prohibitions, obligations and promises: all can be explained by id alone."""
    seen = set(taken)
    for name in ("tiers", "prohibitions", "obligations", "promises"):
        for entry in sections[name]:
            identifier = str(entry.raw.get("id"))
            if identifier in seen:
                raise entry.source.error(
                    "duplicate_id",
                    Text(f"the id {identifier} is used twice", f"id {identifier} 重复使用"),
                    Text("give each rule an id of its own", "请为每条规则使用唯一 id"),
                    "id",
                )
            seen.add(identifier)


def check_lanes(doc: Document, lanes: tuple[Lane, ...]) -> None:
    """Every tier has exactly one lane."""
    for tier in TIERS:
        found = [lane.id for lane in lanes if lane.tier == tier]
        if len(found) != 1:
            raise doc.error(
                "lanes",
                ("lanes",),
                Text(f"the tier {tier} needs exactly one lane, found {len(found)}", f"等级 {tier} 须恰有一条通道"),
            )
