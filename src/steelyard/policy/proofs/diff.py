"""What changed between two policies, with an example system for each change.

Two policies are compared by what they say about all complete profiles, not by their text: a rule that was reworded and
still holds for the same systems says so. Examples are as small as those of `check` and judged under both policies
before anyone sees them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import z3  # type: ignore[import-untyped]

from steelyard.policy.compile import Policy
from steelyard.policy.proofs.check import SECONDS
from steelyard.policy.proofs.findings import Disagreement, assess_answers, declared, plain, rules_of
from steelyard.policy.proofs.solver import Solver, Undecided, smallest
from steelyard.policy.proofs.system import Rules
from steelyard.policy.proofs.terms import Terms
from steelyard.policy.tree import TIERS
from steelyard.profile.facts import Value, Vocabulary


class _Pair:
    """Two policies over one profile in one solver."""

    def __init__(self, old: Policy, new: Policy, seconds: float) -> None:
        words = new.vocabulary
        gone = [fact for fact in old.vocabulary.items if fact.id not in words]
        self.old, self.new, self.words = old, new, Vocabulary((*words.items, *gone))
        nodes = [judge.node for one in (old, new) for _, judge in one.judges.values()]
        conditions = {name: node for one in (old, new) for wave in one.waves for name, node in wave}
        self.terms = Terms(self.words, nodes, conditions)
        self.solver = Solver(seconds)
        self.solver.add(*self.terms.coherent(), *self.terms.known.values())
        self.before = Rules(self.solver, self.terms, old, "old: ")
        self.after = Rules(self.solver, self.terms, new, "new: ")

    def example(self, *assumptions: Any) -> dict[str, Value] | None:
        """A small complete profile, or None where there is none. Raises Undecided."""
        found = smallest(self.solver, self.terms, assumptions)
        return None if found is None else declared(self.words, found[0])

    def shown(self, answers: dict[str, Value]) -> dict[str, Any]:
        """The example without the answers that follow by themselves, under either policy."""
        wanted = [self._outcome(policy, answers) for policy in (self.old, self.new)]
        kept = dict(answers)
        for name in reversed(self.words.ids):
            if name in kept:
                fewer = {key: value for key, value in kept.items() if key != name}
                if [self._outcome(policy, fewer) for policy in (self.old, self.new)] == wanted:
                    kept = fewer
        return plain(self.words, kept)

    @staticmethod
    def _outcome(policy: Policy, answers: Mapping[str, Value]) -> Any:
        return policy.applicability({name: answers[name] for name in policy.vocabulary.ids if name in answers})[0]


def policy_diff(old: Policy, new: Policy, seconds: float = SECONDS) -> dict[str, Any]:
    """The differences as plain data.

    `tiers`: each move from one tier to another that some system makes, with an example; `rules`: each rule, prohibition
    and obligation that was added, removed or changed, the `keys` that changed, and an example of a system to which it
    applies anew (`gains`) or no longer (`loses`), null where there is none; `lanes` and `promises` by id; `sets`,
    `terms` and `facts` by name; `undecided`: what the time did not suffice for, or the readers disagree about.
    """
    pair = _Pair(old, new, seconds)
    undecided: list[str] = []
    tiers = list(_moves(pair, undecided))
    rules = list(_rules(pair, undecided))
    a, b = old.data, new.data
    return {
        "old": {"id": a.id, "version": a.version, "digest": old.digest},
        "new": {"id": b.id, "version": b.version, "digest": new.digest},
        "tiers": tiers,
        "rules": rules,
        "lanes": _by_id(a.lanes, b.lanes),
        "promises": _by_id(a.promises, b.promises),
        "sets": _names(a.sets, b.sets),
        "terms": _names(a.terms, b.terms),
        "facts": _names(old.vocabulary.by_id, new.vocabulary.by_id),
        "undecided": undecided,
    }


def _exactly(rules: Rules, rank: int) -> list[Any]:
    return [rules.at_least[rank], *([z3.Not(rules.at_least[rank + 1])] if rank < 2 else [])]


def _moves(pair: _Pair, undecided: list[str]) -> Iterator[dict[str, Any]]:
    for low, high in ((low, high) for low in range(3) for high in range(3) if low != high):
        try:
            answers = pair.example(*_exactly(pair.before, low), *_exactly(pair.after, high))
            if answers is None:
                continue
            one, other = (assess_answers(policy, answers).tier for policy in (pair.old, pair.new))
            if one != (TIERS[low],) * 2 or other != (TIERS[high],) * 2:
                raise Disagreement(plain(pair.words, answers))
        except (Undecided, Disagreement):
            undecided.append(f"{TIERS[low]} -> {TIERS[high]}")
            continue
        yield {"old": TIERS[low], "new": TIERS[high], "example": {"facts": pair.shown(answers)}}


def _rules(pair: _Pair, undecided: list[str]) -> Iterator[dict[str, Any]]:
    old, new = pair.old.judges, pair.new.judges
    for name in dict.fromkeys((*old, *new)):
        keys: list[str] = []
        if name in old and name in new:
            keys = _changed(old[name][0], new[name][0])
            if not keys and old[name][1].node == new[name][1].node:
                continue
        change = "added" if name not in old else "removed" if name not in new else "changed"
        entry: dict[str, Any] = {"rule": name, "change": change, "keys": keys, "gains": None, "loses": None}
        if change != "changed" or old[name][1].node != new[name][1].node:
            for key, has, lacks in (("gains", pair.after, pair.before), ("loses", pair.before, pair.after)):
                if name in has.holds:
                    entry[key] = _example(pair, name, has, lacks, undecided)
        yield entry


def _example(pair: _Pair, name: str, has: Rules, lacks: Rules, undecided: list[str]) -> dict[str, Any] | None:
    without = [z3.Not(lacks.holds[name])] if name in lacks.holds else []
    try:
        answers = pair.example(has.holds[name], *without)
        if answers is None:
            return None
        held = [name in rules_of(assess_answers(rules.policy, answers)) for rules in (has, lacks)]
        if held != [True, False]:
            raise Disagreement(plain(pair.words, answers))
    except (Undecided, Disagreement):
        undecided.append(name)
        return None
    return {"facts": pair.shown(answers)}


def _changed(old: Any, new: Any) -> list[str]:
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    return [key for key in after if before.get(key) != after[key]]


def _by_id(old: tuple[Any, ...], new: tuple[Any, ...]) -> list[dict[str, Any]]:
    return _named({item.id: item for item in old}, {item.id: item for item in new})


def _named(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    out = []
    for name in dict.fromkeys((*old, *new)):
        keys = _changed(old[name], new[name]) if name in old and name in new else []
        change = "added" if name not in old else "removed" if name not in new else "changed" if keys else None
        if change:
            out.append({"id": name, "change": change, "keys": keys})
    return out


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
