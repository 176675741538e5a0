"""The least result that counts, in words: what an obligation or a kind asks of evidence, and what a result misses.

Said alike by gate, plan, explain and the list of kinds, so that evidence that does not count never looks like none.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from steelyard.base.i18n import Text
from steelyard.evidence.kinds import Kind, Kinds
from steelyard.gates.requirements import Requirements
from steelyard.policy.model import ROLE_NAMES, Obligation
from steelyard.profile.facts import Value

_SIGNS: tuple[tuple[str, str], ...] = (
    (r"\"?([\w-]+)\"? in (\w+)", r"\2 ⊇ {\1}"),
    (r">= ?\{", "⊇ {"),
    (">=", "≥"),
    ("<=", "≤"),
    ("==", "="),
    ("!=", "≠"),
    ('"', ""),
)
_WORDS = (("and", "且"), ("or", "或"), ("not", "非"))


class Short(NamedTuple):
    """Evidence that was handed in for an obligation and does not count: its digest, its day, and what it misses."""

    evidence: str
    on: dt.date
    needs: Text

    def text(self) -> Text:
        """The line for people."""
        name = self.evidence[:19]
        return Text(
            f"{name} added on {self.on}, does not count: needs {self.needs.en}",
            f"{name} 于 {self.on} 存入，不算数：须 {self.needs.zh}",
        )


def in_words(predicate: str) -> Text:
    """A predicate over measures as people read it."""
    text = predicate
    for pattern, sign in _SIGNS:
        text = re.sub(pattern, sign, text)
    chinese = text
    for word, sign in _WORDS:
        chinese = re.sub(rf"\b{word}\b", sign, chinese)
    return Text(text, chinese)


def missed(requirements: Requirements, obligation: str, kind: Kind, values: Mapping[str, Value]) -> Text | None:
    """What a result lacks to count for an obligation; None where it lacks nothing."""
    more = requirements.of(obligation, kind.id)
    wanted = [kind.satisfies, more.when if more is not None else None]
    found = [in_words(item) for item in wanted if item is not None and kind.truth(values, item) is not True]
    if not found and kind.contradicted(values):
        found = [in_words(f"not ({kind.contradicts})")]
    return _all(found) if found else None


def by_decision(role: str) -> Text:
    """What takes the place of evidence where a lane's review is owed."""
    name = ROLE_NAMES.get(role, Text(role, role))
    return Text(f"a decision by {name.en}, not a paper", f"由{name.zh}作出决定，书面材料不能代替")


class Counts(NamedTuple):
    """What counts for an obligation as evidence of one kind. `minimum` None: that it exists is enough."""

    kind: Kind
    minimum: Text | None
    contradicts: Text | None
    within: str | None

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        minimum = {"en": self.minimum.en, "zh": self.minimum.zh} if self.minimum is not None else None
        return {"kind": self.kind.id, "minimum": minimum, "within": self.within}

    def text(self) -> Text:
        """The line for people."""
        title, at_least = self.kind.title, self.minimum or Text("that it exists", "有即可")
        against = self.contradicts
        return Text(
            f"{title.en} ({self.kind.id}): {at_least.en}" + (f"; against it speaks {against.en}" if against else ""),
            f"{title.zh}（{self.kind.id}）：{at_least.zh}" + (f"；不利结果为 {against.zh}" if against else ""),
        )


def counts(requirements: Requirements, rule: Obligation, kinds: Kinds) -> Iterator[Counts]:
    """What counts for an obligation, kind by kind."""
    for name in rule.evidence:
        kind = kinds.get(name)
        if kind is not None:
            more = requirements.of(rule.id, name)
            yield of_kind(kind, more.when if more else None, (more.fresh if more else None) or rule.every)


def of_kind(kind: Kind, when: str | None = None, within: str | None = None) -> Counts:
    """What counts as evidence of a kind, with what an obligation asks beyond it."""
    wanted = [in_words(item) for item in (kind.satisfies, when) if item is not None]
    against = in_words(kind.contradicts) if kind.contradicts is not None else None
    return Counts(kind, _all(wanted) if wanted else None, against, within or kind.valid)


def _all(parts: list[Text]) -> Text:
    return Text(" and ".join(item.en for item in parts), " 且 ".join(item.zh for item in parts))
