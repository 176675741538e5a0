"""The kinds of evidence: what each shows, its typed results, the least result that counts, and what speaks against.

Enforced: a result holds only measures of its kind (free data stand under `details`), each of its type; a measure that
is not said is unknown; a minimum that is not certainly met is not met; a result that certainly speaks against never
satisfies. Kinds are data (`packs/kinds.yaml`; other packages register packs under the entry point group
`steelyard.kinds`), read and checked by `kindfile`, compiled once; two kinds cannot have one id.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import msgspec

from steelyard.base import packs
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.policy.kleene import Judge
from steelyard.policy.language import Scope, parse
from steelyard.policy.tree import Atom
from steelyard.profile.facts import MAX_COUNT, Fact, FactError, Value, Vocabulary

PACK = Path(__file__).parent / "packs" / "kinds.yaml"
GROUP = "steelyard.kinds"
PREDICATE_PREFIX = "https://steelyard.dev/evidence/"
PREDICATE_SUFFIX = "/v1"
DETAILS = "details"
PERCENT = "_percent"
About = Literal["model", "dataset", "system", "file", "person"]


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result that counts, and one that differs in a single measure and does not; the latter is None where none can
    fall short."""

    satisfies: dict[str, Any]
    falls_short: dict[str, Any] | None = None


class Kind(msgspec.Struct, frozen=True, dict=True):
    """One kind of evidence.

    `about` says what the digests of its subjects are of; `command` is the steelyard command that makes it (None: a
    person attests it); `valid` is an ISO 8601 duration for which it counts when it says nothing itself (None: no end).
    `satisfies` and `contradicts` are predicates over the measures.
    """

    id: str
    title: Text
    description: Text
    about: About
    command: str | None
    valid: str | None
    measures: tuple[Fact, ...]
    satisfies: str | None
    contradicts: str | None
    examples: Examples

    @cached_property
    def predicate_type(self) -> str:
        """The predicate type of its in-toto statements."""
        return f"{PREDICATE_PREFIX}{self.id}{PREDICATE_SUFFIX}"

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Its measures, as the predicate language reads them."""
        return Vocabulary(self.measures)

    @cached_property
    def scope(self) -> Scope:
        """What names mean in a predicate about this kind: its measures, nothing else."""
        return Scope(self.vocabulary, {}, {})

    @cached_property
    def _judges(self) -> dict[str, Judge]:
        return {}

    def judge(self, predicate: str) -> Judge:
        """The predicate, parsed once. Raises LanguageError."""
        found = self._judges.get(predicate)
        if found is None:
            found = self._judges[predicate] = Judge(parse(predicate, self.scope))
        return found

    def parse(self, raw: Mapping[str, Any], path: str | None = None) -> dict[str, Value]:
        """The typed measures of a result as JSON gives it; absent and null ones are left out, `details` is not read.

        Raises InputError `unknown_measure`, `wrong_type` or `wrong_value`; `path` is only named in messages.
        """
        if not isinstance(raw, Mapping):
            raise InputError(
                "wrong_type",
                Text(f"a result of the kind {self.id} is a JSON object", f"类别 {self.id} 的结果应为 JSON 对象"),
                path=path,
            )
        out: dict[str, Value] = {}
        words = self.vocabulary
        for name, value in raw.items():
            if name == DETAILS:
                continue
            if name not in words:
                raise self._unknown(name, path)
            if value is None:
                continue
            try:
                out[name] = read_value(words[name], value)
            except FactError as error:
                raise InputError(error.code, error.message, remedy=error.remedy, path=path, field=name) from None
        return out

    def _unknown(self, name: Any, path: str | None) -> InputError:
        from steelyard.base.yamldoc import near  # brings YAML, which a good result does without

        return InputError(
            "unknown_measure",
            Text(f"the kind {self.id} has no measure {name!r}", f"类别 {self.id} 没有名为 {name!r} 的结果项"),
            remedy=near(str(name), [*self.vocabulary.ids, DETAILS])
            or Text(f"put free data under {DETAILS}", f"自由数据请放在 {DETAILS} 下"),
            path=path,
            field=str(name),
        )

    def truth(self, values: Mapping[str, Value], predicate: str | None = None) -> bool | None:
        """Whether `predicate` holds for typed measures; None where unknown ones decide.

        Without a predicate: whether the result meets the kind's own minimum. It does not where it certainly speaks
        against; where being there is enough, it does otherwise.
        """
        if predicate is not None:
            return self.judge(predicate).truth(self._filled(values))
        if self.contradicted(values):
            return False
        return True if self.satisfies is None else self.judge(self.satisfies).truth(self._filled(values))

    def contradicted(self, values: Mapping[str, Value]) -> bool:
        """Whether the result certainly speaks against what it is to show."""
        return self.contradicts is not None and self.judge(self.contradicts).truth(self._filled(values)) is True

    def deciding(self, values: Mapping[str, Value], predicate: str | None = None) -> list[tuple[Atom, bool | None]]:
        """The parts of `predicate` (without one: of the kind's minimum) that make it what it is, with their truth."""
        chosen = (
            predicate if predicate is not None else self.contradicts if self.contradicted(values) else self.satisfies
        )
        return [] if chosen is None else self.judge(chosen).parts(self._filled(values))

    def _filled(self, values: Mapping[str, Value]) -> dict[str, Value | None]:
        return {**dict.fromkeys(self.vocabulary.ids), **values}

    def schema(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) of a result of this kind: what `parse` accepts, no more and no less."""
        from steelyard.intake.schemas import DIALECT

        return {
            "$schema": DIALECT,
            "$id": f"{self.predicate_type}/result.schema.json",
            **_words(self.title, self.description),
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{fact.id: {**_words(fact.question, fact.help), **_shape(fact)} for fact in self.measures},
                DETAILS: {
                    "title": "Free data",
                    "description": "Anything else; nothing is decided by it.",
                    "x-title-zh": "自由数据",
                    "x-description-zh": "其他任何内容，不影响判断。",
                },
            },
        }


def _words(title: Text, description: Text) -> dict[str, Any]:
    return {
        "title": title.en,
        "description": description.en,
        "x-title-zh": title.zh,
        "x-description-zh": description.zh,
    }


def most(fact: Fact) -> int:
    """The largest number that a count takes."""
    return 100 if fact.id.endswith(PERCENT) else MAX_COUNT


def _shape(fact: Fact) -> dict[str, Any]:
    members = [{"const": item.id, "title": item.label.en, "x-title-zh": item.label.zh} for item in fact.values]
    if fact.type == "one_of":
        return {"oneOf": [*members, {"type": "null"}]}
    if fact.type == "set_of":
        return {"type": ["array", "null"], "items": {"oneOf": members}}
    if fact.type == "count":
        return {"type": ["integer", "null"], "minimum": 0, "maximum": most(fact)}
    return {"type": ["boolean", "null"]}


def read_value(fact: Fact, raw: Any) -> Value:
    """One measure, without the leniency that answers typed by people enjoy: what is signed has one spelling.

    A number such as 5.0 is the whole number 5, as in JSON Schema. Raises FactError.
    """
    if fact.type == "bool" and isinstance(raw, bool):
        return raw
    if fact.type == "count" and isinstance(raw, (int, float)) and not isinstance(raw, bool) and raw == raw // 1:
        if 0 <= raw <= most(fact):
            return int(raw)
        raise FactError(
            "wrong_value",
            Text(f"{fact.id} is a whole number from 0 to {most(fact)}", f"{fact.id} 应为 0 至 {most(fact)} 的整数"),
        )
    if fact.type == "one_of" and isinstance(raw, str):
        return _member(fact, raw)
    if fact.type == "set_of" and isinstance(raw, list) and all(isinstance(item, str) for item in raw):
        return frozenset([_member(fact, item) for item in raw])
    wanted = {
        "bool": Text("true or false", "true 或 false"),
        "count": Text("a whole number", "整数"),
        "one_of": Text("one word of its list", "列表中的一个值"),
        "set_of": Text("a list of words", "取值列表"),
    }[fact.type]
    shown = repr(raw)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise FactError(
        "wrong_type",
        Text(f"{fact.id} takes {wanted.en}, found {shown}", f"{fact.id} 应为{wanted.zh}，实际为 {shown}"),
    )


def _member(fact: Fact, raw: str) -> str:
    if raw in fact.rank:
        return raw
    from steelyard.base.yamldoc import near

    raise FactError(
        "wrong_value",
        Text(f"{raw[:60]!r} is not a value of {fact.id}", f"{raw[:60]!r} 不是 {fact.id} 的取值"),
        near(raw, fact.members)
        or Text(f"use one of: {', '.join(fact.members)}", f"可用取值：{'、'.join(fact.members)}"),
    )


class Compiled(msgspec.Struct, frozen=True):
    """The cached form of packs."""

    kinds: tuple[Kind, ...]


class Kinds(Mapping[str, Kind]):
    """Kinds by id, in the order of their packs. Read-only."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._by_id = {kind.id: kind for kind in kinds}

    def __getitem__(self, kind_id: str) -> Kind:
        return self._by_id[kind_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    @staticmethod
    def shipped() -> "Kinds":
        """The shipped kinds."""
        return _shipped()

    @staticmethod
    def load(paths: Sequence[str | Path]) -> "Kinds":
        """The kinds of these packs and no others. Raises InputError with file, line and a remedy."""
        files = [Path(path) for path in paths]
        for path in files:
            if not path.is_file():
                raise InputError("cannot_read", Text("there is no such file", "文件不存在"), path=str(path))
        name = "evidence.kinds"
        if files != [PACK]:
            name += "." + hashlib.sha256("\0".join(str(path.absolute()) for path in files).encode()).hexdigest()[:12]
        return Kinds(packs.cached(name, files, Compiled, lambda: _read(files)).kinds)

    @staticmethod
    def registered(extra: Sequence[str | Path] = ()) -> "Kinds":
        """The shipped kinds, those that installed packages register, and those of `extra` packs. Raises InputError."""
        found = _registered_packs()
        if not found and not extra:
            return _shipped()
        for path, owner in found:
            try:
                Kinds.load([path])
            except InputError as error:
                raise _bad_registration(owner, error.message, error) from None
        return Kinds.load([PACK, *(path for path, _ in found), *extra])

    def resolve(self, kind_id: str) -> Kind:
        """The kind with this id. Raises InputError `unknown_kind` that names near ones."""
        found = self._by_id.get(kind_id)
        if found is None:
            raise InputError(
                "unknown_kind",
                Text(f"there is no evidence kind {kind_id!r}", f"没有名为 {kind_id!r} 的证据类别"),
                remedy=self.remedy(kind_id),
            )
        return found

    def remedy(self, kind_id: str) -> Text:
        """What to write in place of an id that is not registered."""
        from steelyard.base.yamldoc import near

        return near(kind_id, self) or Text(
            f"use one of: {', '.join(self)}, or register a pack that defines it",
            f"可用类别：{'、'.join(self)}；或登记定义该类别的规则包",
        )

    def of_predicate(self, predicate_type: str) -> Kind | None:
        """The kind whose statements have this predicate type."""
        name = predicate_type.removeprefix(PREDICATE_PREFIX).removesuffix(PREDICATE_SUFFIX)
        found = self._by_id.get(name)
        return found if found is not None and found.predicate_type == predicate_type else None


@cache
def _shipped() -> Kinds:
    return Kinds.load([PACK])


def _read(files: Sequence[Path]) -> Compiled:
    from steelyard.evidence.kindfile import read_packs  # YAML only when it must be read

    return Compiled(read_packs(files))


def _registered_packs() -> list[tuple[Path, str]]:
    """The packs that entry points name, each with its distribution, in the order of their names."""
    out: list[tuple[Path, str]] = []
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda item: (item.name, item.value)):
        owner = f"{point.dist.name} ({point.name})" if point.dist else point.name
        try:
            value = point.load()
        except Exception as error:  # whatever somebody else's module does when it is imported
            said = f"{type(error).__name__}: {error}"
            raise _bad_registration(owner, Text(f"it cannot be loaded ({said})", f"无法加载（{said}）")) from None
        listed = [value] if isinstance(value, Path) else value
        if not isinstance(listed, (list, tuple)) or not all(isinstance(item, Path) for item in listed):
            raise _bad_registration(
                owner, Text("it is not a Path or a list of Paths", "它不是 Path，也不是 Path 的列表")
            )
        out += [(path, owner) for path in listed]
    return out


def _bad_registration(owner: str, why: Text, cause: InputError | None = None) -> InputError:
    return InputError(
        "bad_registration",
        Text(
            f"the evidence kinds that {owner} registers cannot be used: {why.en}",
            f"{owner} 登记的证据类别无法使用：{why.zh}",
        ),
        remedy=Text("correct or uninstall that package", "请更正或卸载该软件包"),
        path=cause.path if cause else None,
        line=cause.line if cause else None,
        column=cause.column if cause else None,
        field=cause.field if cause else None,
    )
