"""Rules that do nothing: dead ones hold for no complete profile; shadowed ones add nothing wherever they hold.

A rule is shadowed when, wherever it is true, another rule of its kind with at least the same tier (for a prohibition:
at least the same basis) and the same clauses is true. Of two rules that shadow each other the later is reported. An
obligation asks for an act of its own and is never shadowed.

Most pairs are told apart without the solver: the systems of the examples, and every model met on the way, are judged
once, and what holds there without the other rule holding cannot be shadowed by it.
"""

from collections.abc import Callable
from typing import Any

import z3  # type: ignore[import-untyped]

from steelyard.base.i18n import Text
from steelyard.policy.least import least_demanding
from steelyard.policy.model import Prohibition, TierRule
from steelyard.policy.proofs.findings import Disagreement, Finding, Values, assess_answers, declared, plain, rules_of
from steelyard.policy.proofs.solver import Undecided
from steelyard.policy.proofs.system import System
from steelyard.policy.tree import TIERS
from steelyard.profile.facts import Value

Tick = Callable[[], None]


class Witnesses:
    """Complete profiles, and the rules that hold on each as a mask."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.index = {rule_id: position for position, rule_id in enumerate(system.policy.judges)}
        self.rows: list[int] = []
        words = system.policy.vocabulary
        blank = least_demanding(words)
        for rule, _ in system.policy.judges.values():
            raw = rule.examples.fires
            facts = {name: words[name].parse(value) for name, value in raw.items() if value is not None}
            for fact, count in words.bands:  # an example that names the band only leaves the number open
                if fact.id in facts and count not in facts:
                    below = {
                        value.id: lower for value, lower in zip(fact.values, _lower_ends(fact.values), strict=True)
                    }
                    facts[count] = below[str(facts[fact.id])]
            self.add({**blank, **facts})

    def add(self, values: Values | dict[str, Value]) -> int:
        """Judges a profile and keeps the mask of what holds."""
        one = assess_answers(self._system.policy, declared(self._system.policy.vocabulary, dict(values)))
        mask = sum(1 << self.index[rule_id] for rule_id in rules_of(one))
        self.rows.append(mask)
        return mask

    def met(self, rule_id: str, *assumptions: object) -> bool:
        """Asks the solver for a profile and keeps it; False where there is none. Raises Undecided, Disagreement."""
        model = self._system.possible(*assumptions)
        if model is None:
            return False
        values = self._system.terms.read(model)
        if not self.add(values) >> self.index[rule_id] & 1:
            words = self._system.policy.vocabulary
            raise Disagreement(plain(words, declared(words, values)))
        return True

    def alive(self) -> int:
        """The rules that hold somewhere."""
        found = 0
        for row in self.rows:
            found |= row
        return found

    def beside(self, rule_id: str) -> int:
        """The rules that hold wherever this one was seen to hold."""
        bit, mask = 1 << self.index[rule_id], -1
        for row in self.rows:
            if row & bit:
                mask &= row
        return mask & ~bit


def _lower_ends(values: tuple[object, ...]) -> list[int]:
    belows = [getattr(value, "below", None) or 0 for value in values]
    return [0, *belows[:-1]]


def no_dead_rule(system: System, seen: Witnesses, tick: Tick) -> Finding:
    """Every rule, prohibition and obligation holds for some complete profile."""
    dead: list[str] = []
    undecided: list[str] = []
    note = None
    alive = seen.alive()
    for rule_id in system.policy.judges:
        tick()
        if alive >> seen.index[rule_id] & 1:
            continue
        try:
            if seen.met(rule_id, system.rules.holds[rule_id]):
                alive |= seen.rows[-1]
            else:
                dead.append(rule_id)
        except Undecided:
            undecided.append(rule_id)
        except Disagreement as error:
            undecided.append(rule_id)
            note = error.note
    about = Text("every rule and obligation applies to some system", "每条规则与义务都适用于某些系统")
    if dead:
        names = ", ".join(dead)
        note = Text(f"true for no system at all: {names}", f"对任何系统均不成立：{names}")
    return _finding("no_dead_rule", about, [{"rule": rule_id, "by": None} for rule_id in dead], undecided, note)


def no_shadowed_rule(system: System, seen: Witnesses, dead: set[str], tick: Tick) -> Finding:
    """No tier rule or prohibition only says what another already says at least as strongly; dead ones are left out."""
    found: list[dict[str, Any]] = []
    undecided: list[str] = []
    note = None
    data = system.policy.data
    every: tuple[TierRule | Prohibition, ...] = (*data.tiers, *data.prohibitions)
    for rule in every:
        tick()
        if rule.id in dead:
            continue
        try:
            by = _shadow(system, seen, rule)
        except Undecided:
            undecided.append(rule.id)
        except Disagreement as error:
            undecided.append(rule.id)
            note = error.note
        else:
            if by is not None:
                found.append({"rule": rule.id, "by": by})
    about = Text(
        "no rule only repeats what another with its clauses says at least as strongly",
        "没有规则只是重复另一条引用相同条款且不弱于它的规则",
    )
    if found:
        pairs = [(str(item["rule"]), str(item["by"])) for item in found]
        note = Text(
            "adds nothing: " + "; ".join(f"{rule} beside {by}" for rule, by in pairs),
            "不增加任何内容：" + "；".join(f"{rule}（已有 {by}）" for rule, by in pairs),
        )
    return _finding("no_shadowed_rule", about, found, undecided, note)


def _shadow(system: System, seen: Witnesses, rule: TierRule | Prohibition) -> str | None:
    same: tuple[TierRule | Prohibition, ...] = system.policy.data.tiers
    if isinstance(rule, Prohibition):
        same = system.policy.data.prohibitions
    holds = system.rules.holds
    beside = seen.beside(rule.id)
    earlier = True
    for other in same:
        if other.id == rule.id:
            earlier = False
            continue
        if not beside >> seen.index[other.id] & 1 or not _as_strong(other, rule):
            continue
        if seen.met(rule.id, holds[rule.id], z3.Not(holds[other.id])):
            beside &= seen.rows[-1]
            continue
        mutual = _as_strong(rule, other) and system.possible(holds[other.id], z3.Not(holds[rule.id])) is None
        if earlier or not mutual:
            return other.id
    return None


def _as_strong(other: TierRule | Prohibition, rule: TierRule | Prohibition) -> bool:
    if not set(rule.clauses) <= set(other.clauses):
        return False
    if isinstance(rule, TierRule) and isinstance(other, TierRule):
        return TIERS.index(other.tier) >= TIERS.index(rule.tier)
    return isinstance(other, Prohibition) and isinstance(rule, Prohibition) and other.basis in ("law", rule.basis)


def _finding(name: str, about: Text, found: list[dict[str, Any]], undecided: list[str], note: Text | None) -> Finding:
    holds = False if found else None if undecided else True
    first = found[0] if found else None
    return Finding(name, about, holds, first, tuple(found[1:]), note, undecided=tuple(undecided))
