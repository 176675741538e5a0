"""The catalogue: the packs that are loaded, joined, indexed and never changed again.

Enforced where packs meet: one pack per instrument; a link or supersession that names a clause of a loaded instrument
names an existing one, of a kind that the relation allows. What belongs to an instrument that is not loaded is kept and
shown as "not loaded". The shipped packs are compiled to a cached binary form.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from steelyard.base import canon, packs
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.catalogue.model import (
    Clause,
    Content,
    Instrument,
    Kind,
    Link,
    NotLoaded,
    Section,
    split_id,
)

PACKS = Path(__file__).parent / "packs"
Found = Instrument | Section | Clause | NotLoaded


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """A loaded catalogue. Read-only: structures are frozen, mappings are views.

    `digest` is that of the canonical JSON of `content`; every assessment names it. `instruments`, `sections` and
    `clauses` are by id, in the order of the packs.
    """

    content: Content
    digest: str
    instruments: Mapping[str, Instrument]
    sections: Mapping[str, Section]
    clauses: Mapping[str, Clause]
    _from: Mapping[str, tuple[Link, ...]]
    _to: Mapping[str, tuple[Link, ...]]

    @classmethod
    def of(cls, content: Content, digest: str | None = None) -> "Catalogue":
        """Indexes `content`; `digest` is computed where it is not given."""
        outgoing: dict[str, list[Link]] = {}
        incoming: dict[str, list[Link]] = {}
        for link in content.links:
            outgoing.setdefault(link.source, []).append(link)
            incoming.setdefault(link.target, []).append(link)
        return cls(
            content,
            digest or digest_of(content),
            MappingProxyType({item.id: item for item in content.instruments}),
            MappingProxyType({item.id: item for item in content.sections}),
            MappingProxyType({item.id: item for item in content.clauses}),
            MappingProxyType({end: tuple(links) for end, links in outgoing.items()}),
            MappingProxyType({end: tuple(links) for end, links in incoming.items()}),
        )

    def resolve(self, identifier: str) -> Found:
        """What an id names: an instrument (`v1`), a section (`v1:3.1.1`), a clause (`v1:M4.1.2-c`) or NotLoaded.

        Raises InputError `bad_clause_id` for a wrong form and `unknown_clause` for an id that a loaded instrument does
        not have; both name near ids.
        """
        if identifier in self.instruments:
            return self.instruments[identifier]
        parts = split_id(identifier)
        if parts is None:
            message = Text(f"{identifier!r} is not an id of the catalogue", f"{identifier!r} 不是目录中的编号")
            raise self._error("bad_clause_id", message, identifier)
        if parts[0] not in self.instruments:
            return NotLoaded(identifier, parts[0])
        if identifier in self.clauses:
            return self.clauses[identifier]
        if identifier in self.sections:
            return self.sections[identifier]
        title = self.instruments[parts[0]].title
        message = Text(f"{identifier} does not exist in {title.en}", f"《{title.zh}》中没有 {identifier}")
        raise self._error("unknown_clause", message, identifier)

    def cite(self, identifier: str) -> Clause | NotLoaded:
        """The clause that a pack or policy cites. Raises InputError as `resolve`, and where it is not a clause."""
        found = self.resolve(identifier)
        if isinstance(found, Clause | NotLoaded):
            return found
        raise self._error("not_a_clause", Text(f"{identifier} is not a clause", f"{identifier} 不是条款"), identifier)

    def section(self, identifier: str, instrument: str | None = None) -> Section:
        """The section with this id, or with this number (`3.1.1`) where it is that of one section only, of
        `instrument` if given.

        Raises InputError `unknown_section`.
        """
        named = [
            item
            for item in self.content.sections
            if identifier in (item.id, item.number) and instrument in (None, item.instrument)
        ]
        if len(named) == 1:
            return named[0]
        if named:
            ids = [item.id for item in named]
            remedy = Text(f"say which: {', '.join(ids)}", f"请指明：{'、'.join(ids)}")
        else:
            numbers = list(dict.fromkeys(item.number for item in self.content.sections))
            remedy = Text(f"sections: {', '.join(numbers)}", f"现有章节：{'、'.join(numbers)}")
        message = Text(f"{identifier!r} does not name one section", f"{identifier!r} 未指向唯一章节")
        raise InputError("unknown_section", message, remedy=remedy)

    def select(
        self, *, kind: Kind | None = None, section: str | None = None, instrument: str | None = None
    ) -> tuple[Clause, ...]:
        """The clauses of a kind, within a section (its id; sub-sections count) and of an instrument, in order."""
        inside = self._inside(section) if section else None
        return tuple(
            clause
            for clause in self.content.clauses
            if (kind is None or clause.kind is kind)
            and (inside is None or clause.section in inside)
            and (instrument is None or clause.instrument == instrument)
        )

    def links_from(self, identifier: str) -> tuple[Link, ...]:
        """The links whose source is this clause or section."""
        return self._from.get(identifier, ())

    def links_to(self, identifier: str) -> tuple[Link, ...]:
        """The links whose target is this clause or section."""
        return self._to.get(identifier, ())

    def title(self, identifier: str) -> Text | None:
        """The title of what an id names; None where it is not loaded."""
        found = self.resolve(identifier)
        return None if isinstance(found, NotLoaded) else found.title

    def _inside(self, section: str) -> set[str]:
        inside = {section}
        for item in self.content.sections:  # a parent always comes before its children
            if item.parent in inside:
                inside.add(item.id)
        return inside

    def _error(self, code: str, message: Text, identifier: str) -> InputError:
        known = [*self.instruments, *self.clauses, *self.sections]
        bare = [item for item in known if item.partition(":")[2] == identifier]
        if bare:
            remedy = Text(f"name its instrument: {' or '.join(bare)}", f"请写明所属文件：{' 或 '.join(bare)}")
        else:
            remedy = _near(identifier, known)
        return InputError(code, message, remedy=remedy)


def _near(identifier: str, known: Iterable[str]) -> Text:
    from steelyard.base.yamldoc import near  # brings YAML, which reading a compiled catalogue does without

    return near(identifier, known) or Text(
        "`steelyard catalogue list` shows all ids", "`steelyard catalogue list` 可列出全部编号"
    )


class _Compiled(msgspec.Struct, frozen=True):
    """The cached form of a catalogue."""

    digest: str
    content: Content


def digest_of(content: Content) -> str:
    """The digest of what a catalogue holds, independent of how its packs are written."""
    return canon.digest(msgspec.to_builtins(content))


def load(paths: Sequence[Path]) -> Catalogue:
    """Reads packs from YAML and joins them. Raises InputError with file, line, column and a remedy."""
    return Catalogue.of(_join(paths))


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue, from its compiled form where that is fresh."""
    paths = sorted(PACKS.glob("*.yaml"))

    def build() -> _Compiled:
        content = _join(paths)
        return _Compiled(digest_of(content), content)

    compiled = packs.cached("catalogue", paths, _Compiled, build)
    return Catalogue.of(compiled.content, compiled.digest)


def _join(paths: Sequence[Path]) -> Content:
    from steelyard.catalogue.packfile import check_end, read_pack, unknown_link  # YAML only when it must be read

    read = [read_pack(path) for path in paths]
    kinds: dict[str, Kind | None] = {}
    loaded: dict[str, str] = {}
    for pack in read:
        name = pack.instrument.id
        if name in loaded:
            raise pack.doc.error(
                "duplicate_instrument",
                ("instrument", "id"),
                Text(f"{name} is already given by {loaded[name]}", f"{name} 已由 {loaded[name]} 提供"),
                Text("load one of the two", "请只加载其中一个"),
            )
        loaded[name] = pack.doc.path
        kinds |= pack.kinds()
    for pack in read:
        for cited, keys in pack.citations:
            if cited not in kinds and cited.partition(":")[0] in loaded:
                raise unknown_link(pack.doc, keys, cited, kinds)
        for link, _, keys in pack.links:
            if link.target in kinds:
                check_end(pack.doc, keys, link.target, kinds[link.target], link.relation, target=True)
            elif link.target.partition(":")[0] in loaded:
                raise unknown_link(pack.doc, keys, link.target, kinds)
    return Content(
        tuple(pack.instrument for pack in read),
        tuple(section for pack in read for section in pack.sections),
        tuple(clause for pack in read for clause in pack.clauses),
        tuple(placed.link for pack in read for placed in pack.links),
    )
