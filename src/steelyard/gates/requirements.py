"""What single obligations ask of evidence beyond its kind's minimum, and which of them a person's approval satisfies.

Enforced: every kind that an obligation of the policy names is registered; a requirement fits its obligation's kinds and
its predicate the measures of its kind; its examples differ in exactly one measure, both satisfy the kind itself, and
only the first meets the requirement; an approval stands only for reviews and sign-offs, and then no evidence does. A
pack of the organisation adds to the shipped one and never loosens it: where both speak of one obligation and kind, both
hold. What this policy has no place for is left out and listed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from steelyard.base import packs
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, convert, near
from steelyard.base.yamldoc import load as load_yaml
from steelyard.evidence.kindfile import bad_example, check_duration, check_predicate, distance, example
from steelyard.evidence.kinds import Kind, Kinds
from steelyard.policy.compile import Policy
from steelyard.policy.model import ROLE_NAMES, Obligation, PolicyData
from steelyard.profile.facts import Value

PACK = Path(__file__).parent / "packs" / "v1.yaml"
FORMAT = 1
OPINIONS = frozenset({"review", "sign_off"})
"""The kinds in whose place a person's decision may stand: those that record what a person concluded."""


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result that meets the requirement, and one that differs in a single measure and does not."""

    meets: dict[str, Any]
    falls_short: dict[str, Any]


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The least result that evidence of `kind` must show to satisfy `obligation`, beyond the minimum of the kind.

    `when` is a predicate over the kind's measures; `fresh`, an ISO 8601 duration, says how old the evidence may be;
    `why` names the sentence that asks for it.
    """

    obligation: str
    kind: str
    when: str
    why: Text
    examples: Examples
    fresh: str | None = None


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An obligation that an approve decision by a person in `role` satisfies, and nothing else."""

    obligation: str
    role: str


class RequirementsData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole pack."""

    approvals: tuple[Approval, ...]
    items: tuple[Requirement, ...]


class _Sections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack before its entries are read one by one, so that messages know near words."""

    requirements: int
    approvals: list[Any] = msgspec.field(default_factory=list)
    items: list[Any] = msgspec.field(default_factory=list)


class Compiled(msgspec.Struct, frozen=True):
    """The cached form of packs, in the order of their files."""

    packs: tuple[RequirementsData, ...]


class Requirements:
    """Requirements by obligation and kind, and approvals by obligation. Read-only."""

    def __init__(
        self, items: Mapping[tuple[str, str], Requirement], approvals: Mapping[str, str], unused: Sequence[str] = ()
    ) -> None:
        self._items = dict(items)
        self.approvals: Mapping[str, str] = MappingProxyType(dict(approvals))
        self.unused = tuple(dict.fromkeys(unused))
        """The obligations of requirements and approvals for which this policy has no place."""

    @property
    def items(self) -> tuple[Requirement, ...]:
        """All requirements, in the order of the packs."""
        return tuple(self._items.values())

    def of(self, obligation_id: str, kind_id: str) -> Requirement | None:
        """What this obligation asks of this kind; None where the kind's own minimum is enough."""
        return self._items.get((obligation_id, kind_id))

    def truth(self, obligation_id: str, kind: Kind, values: Mapping[str, Value]) -> bool | None:
        """Whether typed measures meet both the kind's minimum and this obligation's; None where unknown ones decide.

        Says nothing about age or about approvals.
        """
        own = kind.truth(values)
        more = self.of(obligation_id, kind.id)
        if more is None or own is False:
            return own
        found = kind.truth(values, more.when)
        return False if found is False else None if own is None or found is None else True


def load(policy: Policy | PolicyData, kinds: Kinds, *, extra: Sequence[str | Path] = ()) -> Requirements:
    """The shipped requirements and those of `extra` packs, as far as they concern obligations of `policy`.

    Raises InputError with the place: `unknown_kind` for an obligation that names a kind nobody registered; else what is
    wrong with a pack.
    """
    data = policy.data if isinstance(policy, Policy) else policy
    obligations = {rule.id: rule for rule in data.obligations}
    check_kinds(data, kinds)
    files = [PACK, *(Path(path) for path in extra)]
    read = list(zip(files, _read(files), strict=True))
    unused: list[str] = []
    approvals: dict[str, tuple[str, Path, int]] = {}
    for path, pack in read:
        for index, approval in enumerate(pack.approvals):
            owed = obligations.get(approval.obligation)
            if owed is None or (path == PACK and not OPINIONS.issuperset(owed.evidence)):
                unused.append(approval.obligation)
                continue
            if not OPINIONS.issuperset(owed.evidence):
                raise _no_approval(path, index, owed)
            if approvals.setdefault(owed.id, (approval.role, path, index))[0] != approval.role:
                raise _twice(path, ("approvals", index), owed.id)
    items: dict[tuple[str, str], Requirement] = {}
    for path, pack in read:
        for index, item in enumerate(pack.items):
            owed = obligations.get(item.obligation)
            if owed is None or (path == PACK and item.kind not in owed.evidence):
                unused.append(item.obligation)
                continue
            if item.kind not in owed.evidence:
                raise _wrong_kind(path, index, item, owed)
            if item.obligation in approvals:
                raise _not_both(path, index, *approvals[item.obligation], owed)
            kind = kinds[item.kind]
            if not _sound(kind, item):
                _explain(path, index, kind)
            key = (item.obligation, item.kind)
            items[key] = _both(items[key], item) if key in items else item
    return Requirements(items, {name: role for name, (role, _, _) in approvals.items()}, unused)


def check_kinds(data: PolicyData, kinds: Kinds) -> None:
    """Every evidence kind that an obligation names is registered. Raises InputError `unknown_kind`."""
    for rule in data.obligations:
        for kind_id in rule.evidence:
            if kind_id not in kinds:
                raise InputError(
                    "unknown_kind",
                    Text(
                        f"the obligation {rule.id} of the policy {data.id} asks for evidence of the kind {kind_id!r}, "
                        "which is not registered",
                        f"策略 {data.id} 的义务 {rule.id} 要求 {kind_id!r} 类证据，但该类别没有登记",
                    ),
                    remedy=kinds.remedy(kind_id),
                    field=f"{rule.id}.evidence",
                )


def _read(files: Sequence[Path]) -> tuple[RequirementsData, ...]:
    for path in files:
        if not path.is_file():
            raise InputError("cannot_read", Text("there is no such file", "文件不存在"), path=str(path))
    name = "gates.requirements"
    if list(files) != [PACK]:
        name += "." + hashlib.sha256("\0".join(str(path.absolute()) for path in files).encode()).hexdigest()[:12]
    return packs.cached(name, files, Compiled, lambda: Compiled(tuple(_pack(path) for path in files))).packs


def _pack(path: Path) -> RequirementsData:
    doc = load_yaml(path)
    if not isinstance(doc.data, dict) or doc.data.get("requirements") != FORMAT:
        raise doc.error(
            "bad_format",
            (),
            Text(
                f"a pack of requirements starts with 'requirements: {FORMAT}'",
                f"证据要求包应以“requirements: {FORMAT}”开头",
            ),
        )
    raw: _Sections = convert(doc, (), doc.data, _Sections)
    pack = RequirementsData(
        tuple([convert(doc, ("approvals", index), entry, Approval) for index, entry in enumerate(raw.approvals)]),
        tuple([convert(doc, ("items", index), entry, Requirement) for index, entry in enumerate(raw.items)]),
    )
    seen: set[tuple[str, str]] = set()
    for index, item in enumerate(pack.items):
        check_duration(doc, ("items", index, "fresh"), item.fresh)
        if (item.obligation, item.kind) in seen:
            raise _twice(path, ("items", index), item.obligation)
        seen.add((item.obligation, item.kind))
    named: set[str] = set()
    for index, approval in enumerate(pack.approvals):
        if approval.role not in ROLE_NAMES:
            raise doc.error(
                "wrong_value",
                ("approvals", index, "role"),
                Text(f"there is no role {approval.role!r}", f"没有角色 {approval.role!r}"),
                near(approval.role, ROLE_NAMES)
                or Text(f"use one of: {', '.join(ROLE_NAMES)}", f"可用取值：{'、'.join(ROLE_NAMES)}"),
            )
        if approval.obligation in named:
            raise _twice(path, ("approvals", index), approval.obligation)
        named.add(approval.obligation)
    return pack


def _sound(kind: Kind, item: Requirement) -> bool:
    """Whether the predicate fits the kind and the examples do what they say; `_explain` says what is wrong."""
    try:
        good, short = kind.parse(item.examples.meets), kind.parse(item.examples.falls_short)
        return (
            kind.truth(good) is True
            and kind.truth(short) is True
            and kind.truth(good, item.when) is True
            and kind.truth(short, item.when) is not True
            and distance(item.examples.meets, item.examples.falls_short) == 1
        )
    except InputError:
        return False


def _explain(path: Path, index: int, kind: Kind) -> None:
    """Raises the InputError, with its place, that says what `_sound` found."""
    doc = load_yaml(path)
    keys: KeyPath = ("items", index)
    item: Requirement = convert(doc, keys, doc.data["items"][index], Requirement)
    check_predicate(doc, (*keys, "when"), kind, item.when)
    at: KeyPath = (*keys, "examples")
    good = example(doc, (*at, "meets"), kind, item.examples.meets)
    short = example(doc, (*at, "falls_short"), kind, item.examples.falls_short)
    if kind.truth(good, item.when) is not True:
        raise bad_example(
            doc, (*at, "meets"), Text("this result does not meet the requirement", "该结果不满足此项要求")
        )
    if kind.truth(short, item.when) is True:
        raise bad_example(doc, (*at, "falls_short"), Text("this result meets the requirement", "该结果满足此项要求"))
    for name, values in (("meets", good), ("falls_short", short)):
        if kind.truth(values) is not True:
            raise bad_example(
                doc,
                (*at, name),
                Text(
                    f"this result does not satisfy the kind {kind.id} itself, so it says nothing about the requirement",
                    f"该结果连类别 {kind.id} 的最低要求都未满足，不能说明此项要求",
                ),
            )
    raise bad_example(doc, at, Text("the two examples differ in exactly one measure", "两个示例应恰好相差一项"))


def _wrong_kind(path: Path, index: int, item: Requirement, owed: Obligation) -> InputError:
    return load_yaml(path).error(
        "bad_requirement",
        ("items", index, "kind"),
        Text(f"{owed.id} takes no evidence of the kind {item.kind}", f"{owed.id} 不接受 {item.kind} 类证据"),
        near(item.kind, owed.evidence)
        or Text(f"it takes: {', '.join(owed.evidence)}", f"它接受：{'、'.join(owed.evidence)}"),
    )


def _no_approval(path: Path, index: int, owed: Obligation) -> InputError:
    return load_yaml(path).error(
        "bad_requirement",
        ("approvals", index, "obligation"),
        Text(
            f"{owed.id} asks for {', '.join(owed.evidence)}; an approval cannot stand in its place",
            f"{owed.id} 要求 {'、'.join(owed.evidence)}，不能以批准代替",
        ),
        Text("an approval stands only for reviews and sign-offs", "批准只能代替评审和签批"),
    )


def _not_both(path: Path, index: int, role: str, other: Path, at: int, owed: Obligation) -> InputError:
    """A requirement on evidence where only an approval counts; the place is that of whichever came later."""
    place: KeyPath = ("approvals", at) if other != PACK and path == PACK else ("items", index)
    return load_yaml(other if place[0] == "approvals" else path).error(
        "bad_requirement",
        (*place, "obligation"),
        Text(
            f"{owed.id} cannot have both a requirement on evidence and an approval ({role}) that takes its place",
            f"{owed.id} 不能既要求证据，又由 {role} 批准代替",
        ),
        Text("remove one of the two", "请删除其中之一"),
    )


def _twice(path: Path, keys: KeyPath, obligation: str) -> InputError:
    doc: Document = load_yaml(path)
    return doc.error(
        "duplicate_id",
        (*keys, "obligation"),
        Text(f"{obligation} is already spoken of", f"{obligation} 已有规定"),
        Text("keep one of the two", "请只保留一个"),
    )


def _both(first: Requirement, second: Requirement) -> Requirement:
    """One requirement that asks for what both ask for; the examples are those of the second."""
    periods = [period for period in (first.fresh, second.fresh) if period is not None]
    return Requirement(
        obligation=first.obligation,
        kind=first.kind,
        when=f"({first.when}) and ({second.when})",
        why=Text(f"{first.why.en} {second.why.en}", f"{first.why.zh}{second.why.zh}"),
        examples=second.examples,
        fresh=min(periods, key=_length, default=None),
    )


def _length(duration: str) -> float:
    """The length of an ISO 8601 duration in days, a month being 30.44, for telling which of two is shorter."""
    days, number, time = 0.0, "", False
    for char in duration[1:]:
        if char.isdigit():
            number += char
        elif char == "T":
            time = True
        else:
            unit = {"Y": 365.25, "W": 7.0, "D": 1.0, "H": 1 / 24, "S": 1 / 86_400, "M": 1 / 1440 if time else 30.44}
            days, number = days + int(number) * unit[char], ""
    return days
