"""Reading one catalogue pack: YAML to frozen structures, each fault with its file, line, column and remedy.

Enforced on one pack: the format; both languages in every text; ids in their form and unique, over sections and clauses
together; sections and parents that exist, in an order where the parent comes first; the number of clauses of each kind
and of each section as the pack declares it; links in the direction and between the kinds that their relation allows,
each stated once. Links and supersession between packs are checked where the packs meet (`load`).
"""

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, load, near
from steelyard.catalogue import fields
from steelyard.catalogue.model import (
    ALL_ROLES,
    ALL_STAGES,
    BindingLevel,
    Clause,
    ClauseConfidence,
    Confidence,
    Instrument,
    Kind,
    Link,
    Relation,
    Role,
    Section,
    Stage,
    Supersession,
    split_id,
)

FORMAT = 1
_NAMESPACE = re.compile(r"[a-z][a-z0-9_]*")
_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET = re.compile(r"([a-z][a-z0-9_]*:)?[A-Za-z0-9][A-Za-z0-9._-]*")

# What a relation may join; a section stands as None.
_ENDS: dict[Relation, tuple[frozenset[Kind | None], frozenset[Kind | None]]] = {
    Relation.PAIRED_WITH: (frozenset({None}), frozenset({None})),
    Relation.TREATED_BY: (frozenset({Kind.RISK}), frozenset({Kind.MEASURE, Kind.DUTY})),
    Relation.GOVERNED_BY: (frozenset({Kind.RISK}), frozenset({Kind.GOVERNANCE, Kind.DUTY})),
    Relation.CARRIED_OUT_BY: (
        frozenset({Kind.MEASURE, Kind.GOVERNANCE}),
        frozenset({Kind.GUIDELINE, Kind.DUTY}),
    ),
    Relation.CORRESPONDS_TO: (frozenset({None, *Kind}), frozenset({None, *Kind})),
}


class PlacedLink(NamedTuple):
    """A link and the place of each of its ends in the pack."""

    link: Link
    source_keys: KeyPath
    target_keys: KeyPath


class Pack(NamedTuple):
    """One instrument as its pack gives it. `doc` keeps the places for checks that need other packs."""

    doc: Document
    instrument: Instrument
    sections: tuple[Section, ...]
    clauses: tuple[Clause, ...]
    links: tuple[PlacedLink, ...]
    citations: tuple[tuple[str, KeyPath], ...]  # ids named by supersession, with their places

    def kinds(self) -> dict[str, Kind | None]:
        """The kind of each id of this pack; a section is None."""
        return {section.id: None for section in self.sections} | {clause.id: clause.kind for clause in self.clauses}


class _Force(NamedTuple):
    """What a clause takes over from its section, and a section from its instrument."""

    binding: BindingLevel
    effective: dt.date
    until: dt.date | None
    superseded_by: Supersession | None


_HEADER = (
    *("id", "title", "issuer", "version", "binding", "confidence"),
    *("released", "effective", "url", "counts"),
)
_FORCE_KEYS = ("binding", "effective", "until", "superseded_by")


def read_pack(path: Path) -> Pack:
    """Reads and checks one pack. Raises InputError with the place and a remedy."""
    doc = load(path)
    fields.mapping(doc, (), ("catalogue", "instrument", "sections", "clauses"), ("links",))
    if fields.at(doc, ("catalogue",)) != FORMAT:
        raise doc.error(
            "bad_format",
            ("catalogue",),
            Text(f"this is not a catalogue pack of format {FORMAT}", f"不是格式 {FORMAT} 的目录包"),
            Text(f"begin the file with 'catalogue: {FORMAT}'", f"请以“catalogue: {FORMAT}”开头"),
        )
    return _Reader(doc).read()


class _Reader:
    def __init__(self, doc: Document) -> None:
        self.doc = doc
        self.namespace = ""
        self.places: dict[str, KeyPath] = {}
        self.citations: list[tuple[str, KeyPath]] = []
        self.inherited: dict[str, _Force] = {}

    def read(self) -> Pack:
        instrument, force = self._instrument()
        sections = [self._section(keys, force) for keys in fields.entries(self.doc, ("sections",))]
        clauses = [self._clause(keys) for keys in fields.entries(self.doc, ("clauses",))]
        self._count(sections, clauses)
        pack = Pack(self.doc, instrument, tuple(sections), tuple(clauses), (), ())
        links = self._links(pack.kinds())
        return pack._replace(links=links, citations=tuple(self.citations))

    def _instrument(self) -> tuple[Instrument, _Force]:
        doc, base = self.doc, ("instrument",)
        fields.mapping(doc, base, _HEADER, ("superseded_by", "silent_on"))
        self.namespace = fields.string(doc, (*base, "id"), _NAMESPACE, "v1")
        released = fields.date(doc, (*base, "released"))
        if released is None:
            raise doc.error(
                "wrong_type",
                (*base, "released"),
                Text("the day of release is missing", "缺少发布日期"),
                Text("write it as YYYY-MM-DD", "请写成 YYYY-MM-DD"),
            )
        effective = fields.date(doc, (*base, "effective"))
        binding = fields.one_of(doc, (*base, "binding"), BindingLevel)
        superseded = self._supersession((*base, "superseded_by"))
        instrument = Instrument(
            id=self.namespace,
            title=fields.text(doc, (*base, "title")),
            issuer=fields.text(doc, (*base, "issuer")),
            version=fields.string(doc, (*base, "version")),
            binding=binding,
            confidence=fields.one_of(doc, (*base, "confidence"), Confidence),
            released=released,
            effective=effective,
            superseded_by=superseded,
            url=fields.string(doc, (*base, "url")),
            silent_on=tuple(fields.text(doc, keys) for keys in fields.entries(doc, (*base, "silent_on"))),
        )
        return instrument, _Force(binding, effective or released, None, superseded)

    def _section(self, keys: KeyPath, top: _Force) -> Section:
        doc = self.doc
        raw = fields.mapping(doc, keys, ("id", "parent", "title", "confidence", "items"), ("text", *_FORCE_KEYS))
        section_id = self._new_id((*keys, "id"))
        parent = None if raw["parent"] is None else self._known_section((*keys, "parent"))
        force = self._force(keys, self.inherited[parent] if parent else top)
        self.inherited[section_id] = force
        return Section(
            id=section_id,
            instrument=self.namespace,
            number=section_id.partition(":")[2],
            parent=parent,
            title=fields.text(doc, (*keys, "title")),
            text=fields.text(doc, (*keys, "text")) if "text" in raw else None,
            confidence=fields.one_of(doc, (*keys, "confidence"), Confidence),
            binding=force.binding,
            effective=force.effective,
            until=force.until,
            superseded_by=force.superseded_by,
        )

    def _clause(self, keys: KeyPath) -> Clause:
        doc = self.doc
        required = ("id", "kind", "section", "title", "text", "roles", "stages", "confidence")
        fields.mapping(doc, keys, required, _FORCE_KEYS)
        parts = ClauseConfidence.__struct_fields__
        fields.mapping(doc, (*keys, "confidence"), parts)
        clause_id = self._new_id((*keys, "id"))
        section = self._known_section((*keys, "section"))
        force = self._force(keys, self.inherited[section])
        return Clause(
            id=clause_id,
            instrument=self.namespace,
            kind=fields.one_of(doc, (*keys, "kind"), Kind),
            section=section,
            title=fields.text(doc, (*keys, "title")),
            text=fields.text(doc, (*keys, "text")),
            roles=fields.some_of(doc, (*keys, "roles"), Role, ALL_ROLES),
            stages=fields.some_of(doc, (*keys, "stages"), Stage, ALL_STAGES),
            confidence=ClauseConfidence(
                **{part: fields.one_of(doc, (*keys, "confidence", part), Confidence) for part in parts}
            ),
            binding=force.binding,
            effective=force.effective,
            until=force.until,
            superseded_by=force.superseded_by,
        )

    def _links(self, kinds: dict[str, Kind | None]) -> tuple[PlacedLink, ...]:
        doc = self.doc
        placed: list[PlacedLink] = []
        seen: set[tuple[str, str, Relation]] = set()
        for keys in fields.entries(doc, ("links",)):
            fields.mapping(doc, keys, ("relation", "official", "confidence", "basis", "pairs"))
            relation = fields.one_of(doc, (*keys, "relation"), Relation)
            official = fields.flag(doc, (*keys, "official"))
            confidence = fields.one_of(doc, (*keys, "confidence"), Confidence)
            basis = fields.text(doc, (*keys, "basis"))
            pairs = fields.at(doc, (*keys, "pairs"))
            for local in fields.mapping(doc, (*keys, "pairs"), (), tuple(pairs) if isinstance(pairs, dict) else ()):
                source_keys = (*keys, "pairs", local)
                source = f"{self.namespace}:{local}"
                if source not in kinds:
                    raise unknown_link(doc, source_keys, source, kinds)
                check_end(doc, source_keys, source, kinds[source], relation, target=False)
                for target_keys in fields.entries(doc, source_keys):
                    target = self._qualified(target_keys)
                    if (source, target, relation) in seen:
                        raise doc.error(
                            "duplicate_link",
                            target_keys,
                            Text(f"{source} is linked to {target} twice", f"{source} 与 {target} 的关联重复"),
                            Text("keep one of the two", "请只保留一个"),
                        )
                    seen.add((source, target, relation))
                    link = Link(source, target, relation, official, confidence, basis)
                    placed.append(PlacedLink(link, source_keys, target_keys))
        return tuple(placed)

    def _count(self, sections: list[Section], clauses: list[Clause]) -> None:
        doc, base = self.doc, ("instrument", "counts")
        declared = fields.mapping(doc, base, (), tuple(Kind))
        found = Counter(clause.kind.value for clause in clauses)
        for kind in Kind:
            expected = fields.whole(doc, (*base, kind.value)) if kind.value in declared else 0
            if found[kind.value] != expected:
                raise _miscounted(doc, (*base, kind.value), Text(kind.value, kind.value), expected, found[kind.value])
        held = Counter(clause.section for clause in clauses)
        for index, section in enumerate(sections):
            keys: KeyPath = ("sections", index, "items")
            expected = fields.whole(doc, keys)
            if held[section.id] != expected:
                name = Text(f"clause in section {section.number}", f"第 {section.number} 节的条款")
                raise _miscounted(doc, keys, name, expected, held[section.id])

    def _force(self, keys: KeyPath, above: _Force) -> _Force:
        """Binding level and dates at `keys`, each from `above` where it is not given here."""
        doc = self.doc
        given = fields.at(doc, keys)
        return _Force(
            fields.one_of(doc, (*keys, "binding"), BindingLevel) if "binding" in given else above.binding,
            fields.date(doc, (*keys, "effective")) or above.effective,
            fields.date(doc, (*keys, "until")) or above.until,
            self._supersession((*keys, "superseded_by")) or above.superseded_by,
        )

    def _supersession(self, keys: KeyPath) -> Supersession | None:
        if fields.at(self.doc, keys) is None:
            return None
        fields.mapping(self.doc, keys, ("by", "since"))
        by_keys = (*keys, "by")
        by = fields.string(self.doc, by_keys, _TARGET, "v2 or v2:M4.1.2-b")
        since = fields.date(self.doc, (*keys, "since"))
        if since is None:
            raise self.doc.error(
                "wrong_type",
                (*keys, "since"),
                Text("the day from which it is superseded is missing", "缺少被取代的起始日期"),
                Text("write it as YYYY-MM-DD", "请写成 YYYY-MM-DD"),
            )
        if ":" in by:
            self.citations.append((by, by_keys))
        return Supersession(by, since)

    def _new_id(self, keys: KeyPath) -> str:
        identifier = f"{self.namespace}:{fields.string(self.doc, keys, _LOCAL, 'M4.1.2-c')}"
        if identifier in self.places:
            first = self.doc.where(*self.places[identifier])
            raise self.doc.error(
                "duplicate_id",
                keys,
                Text(
                    f"{identifier} is defined twice, first in line {first.line}",
                    f"{identifier} 重复定义，首次在第 {first.line} 行",
                ),
                Text("give one of the two its own number, or remove it", "请为其中之一改用其自身编号，或将其删除"),
            )
        self.places[identifier] = keys
        return identifier

    def _known_section(self, keys: KeyPath) -> str:
        section = f"{self.namespace}:{fields.string(self.doc, keys, _LOCAL, '3.1.1')}"
        if section not in self.inherited:
            raise self.doc.error(
                "unknown_section",
                keys,
                Text(f"{section} is not a section defined above", f"{section} 不是上文已定义的章节"),
                near(section, self.inherited) or Text("define it under 'sections' first", "请先在“sections”中定义"),
            )
        return section

    def _qualified(self, keys: KeyPath) -> str:
        target = fields.string(self.doc, keys, _TARGET, "M4.1.2-c or cn:GAI-07")
        return target if split_id(target) else f"{self.namespace}:{target}"


def check_end(doc: Document, keys: KeyPath, end: str, kind: Kind | None, relation: Relation, *, target: bool) -> None:
    """Raises InputError `wrong_link` where `relation` cannot have a clause of this kind at that end."""
    allowed = _ENDS[relation][1 if target else 0]
    if kind not in allowed:
        names = ", ".join(sorted(member.value if member else "section" for member in allowed))
        found = kind.value if kind else "section"
        raise doc.error(
            "wrong_link",
            keys,
            Text(
                f"{end} is a {found}; '{relation}' needs here one of: {names}",
                f"{end} 的类别为 {found}；“{relation}”此处只能为：{names}",
            ),
            Text("choose another relation or another clause", "请改用其他关系或其他条款"),
        )


def unknown_link(doc: Document, keys: KeyPath, identifier: str, known: dict[str, Kind | None]) -> InputError:
    """The error for an id that a loaded instrument does not have."""
    return doc.error(
        "unknown_clause",
        keys,
        Text(f"{identifier} does not exist in its instrument", f"该文件中没有 {identifier}"),
        near(identifier, known) or Text("check the number against the catalogue", "请对照目录核对编号"),
    )


def _miscounted(doc: Document, keys: KeyPath, what: Text, expected: int, found: int) -> InputError:
    return doc.error(
        "wrong_count",
        keys,
        Text(f"expected {expected} of: {what.en}; found {found}", f"{what.zh} 应为 {expected} 项，实际为 {found} 项"),
        Text("add what was lost, or correct the number", "请补上缺失的条目，或更正此数字"),
    )
