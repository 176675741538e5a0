"""Rules asked together. A panel is a group of rules over a few facts, which remembers their answers.

Asking a hundred rules one by one costs a hundred look-ups; rules that read the same facts share one. The grouping and
the memory change nothing in the answers (a test empties it and compares).
"""

from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import Any, Literal, NamedTuple

from steelyard.policy.kleene import MEMORY, Judge, Outcome
from steelyard.policy.tree import TIER, TIERS
from steelyard.profile.facts import Vocabulary

Kind = Literal["tier", "prohibition", "obligation"]
_LARGEST = 4_000
_order = attrgetter("order")


class Fired(NamedTuple):
    """A rule that holds, or that an open fact decides; never one that does not hold.

    `seen` are the deciding facts with their values as they stood (None: unknown; the bounds for the tier).
    """

    order: int
    kind: Kind
    rule: Any
    outcome: Outcome
    certain: bool
    seen: tuple[tuple[str, Any], ...]

    @property
    def facts(self) -> dict[str, Any]:
        """The deciding facts as JSON carries them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.seen}


class _Panel:
    __slots__ = ("_key", "_memory", "_rules", "_words")

    def __init__(
        self, reads: tuple[str, ...], rules: Sequence[tuple[int, Kind, Any, Judge]], words: Vocabulary
    ) -> None:
        self._key: Any = itemgetter(*reads) if reads else None
        self._rules = rules
        self._words = words
        self._memory: dict[Any, tuple[Fired, ...]] = {}

    def __call__(self, values: dict[str, Any]) -> tuple[Fired, ...]:
        key = self._key(values) if self._key is not None else ()
        try:
            return self._memory[key]
        except KeyError:
            pass
        found = []
        for order, kind, rule, judge in self._rules:
            outcome = judge(values)
            if outcome.truth is not False:
                seen = tuple((name, self._shown(name, values[name])) for name in outcome.facts)
                found.append(Fired(order, kind, rule, outcome, outcome.truth is True, seen))
        if len(self._memory) >= MEMORY:
            self._memory.clear()
        fired = self._memory[key] = tuple(found)
        return fired

    def _shown(self, name: str, value: Any) -> Any:
        if name == TIER:
            tiers = [tier for tier in TIERS if tier in value]
            return tiers[0] if len(tiers) == 1 else f"{tiers[0]}..{tiers[-1]}"
        if value is None:
            return None
        plain = self._words[name].plain(value)
        return tuple(plain) if isinstance(plain, list) else plain

    def forget(self) -> None:
        self._memory.clear()
        for _, _, _, judge in self._rules:
            judge.forget()


class Panels:
    """All panels of a set of rules."""

    def __init__(self, rules: Sequence[tuple[Kind, Any, Judge]], words: Vocabulary) -> None:
        numbered = [(order, kind, rule, judge) for order, (kind, rule, judge) in enumerate(rules)]
        groups: list[tuple[set[str], list[tuple[int, Kind, Any, Judge]]]] = []
        for item in sorted(numbered, key=lambda item: (-len(item[3].reads), item[0])):
            reads = set(item[3].reads)
            fitting = [group for group in groups if _states(group[0] | reads, words) <= _LARGEST]
            if fitting:
                group = min(fitting, key=lambda group: len(reads - group[0]))
                group[0].update(reads)
                group[1].append(item)
            else:
                groups.append((reads, [item]))
        self._panels = [_Panel(tuple(sorted(reads)), sorted(items), words) for reads, items in groups]

    def __call__(self, values: dict[str, Any]) -> list[Fired]:
        """The rules that hold or may hold, in the order in which they were given."""
        found: list[Fired] = []
        for panel in self._panels:
            found += panel(values)
        found.sort(key=_order)
        return found

    def forget(self) -> None:
        """Empties the memory; only benchmarks and tests need it."""
        for panel in self._panels:
            panel.forget()


def _states(names: set[str], words: Vocabulary) -> int:
    """About how many different values the facts take together."""
    total = 1
    for name in names:
        fact = words.by_id.get(name)
        if fact is None:
            total *= 6
        elif fact.type == "count":
            total *= _LARGEST
        elif fact.type == "set_of":
            total *= 2 * len(fact.members) + 2
        else:
            total *= len(fact.members) + 1 if fact.members else 3
    return total
