"""The assessment: the pure result of (profile, policy, catalogue, date). No clock, no disk, no network.

Rules enforced:
- the tier is the highest of the tier rules that hold; its lowest bound counts the rules that certainly hold, its
  highest those that may; the lane follows from the tier;
- an unknown fact widens the bounds and never lowers them; an obligation, prohibition or reason that an open fact
  decides says `certain: false`;
- every reason names the rule, its clauses and the facts that decide it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from steelyard.base.canon import digest
from steelyard.policy.compile import Policy
from steelyard.policy.match import Fired, shown
from steelyard.policy.tree import TIER, TIERS
from steelyard.profile.document import Profile
from steelyard.profile.facts import Value

_RANGES = {(low, high): frozenset(TIERS[low : high + 1]) for low in range(3) for high in range(low, 3)}
_WEIGHT = {"low": 0.0, "medium": 60.0, "high": 100.0}
_PROHIBITION_WEIGHT, _OBLIGATION_WEIGHT, _AFTER = 40.0, 1.0, 0.01


class Bounds(NamedTuple):
    """The lowest and highest tier still possible."""

    lowest: str
    highest: str

    @property
    def settled(self) -> bool:
        """Whether both are the same."""
        return self.lowest == self.highest


class Assessment:
    """What is known about one system under one policy on one day.

    `values` are the effective facts (id -> value or None), `tiers`, `prohibitions` and `obligations` the rules that
    hold or may hold, in the order of the policy.
    """

    __slots__ = (
        "not_applicable",
        "obligations",
        "on",
        "policy",
        "profile",
        "prohibitions",
        "tier",
        "tiers",
        "values",
        "waiting",
    )

    def __init__(
        self,
        profile: Profile,
        policy: Policy,
        on: dt.date,
        values: dict[str, Any],
        not_applicable: list[str],
        waiting: dict[str, tuple[str, ...]],
        tier: Bounds,
        tiers: list[Fired],
        prohibitions: list[Fired],
        obligations: list[Fired],
    ) -> None:
        self.profile, self.policy, self.on = profile, policy, on
        self.values, self.not_applicable, self.waiting = values, not_applicable, waiting
        self.tier, self.tiers, self.prohibitions, self.obligations = tier, tiers, prohibitions, obligations

    @property
    def lane(self) -> Bounds:
        """The lanes that the bounds of the tier lead to."""
        lanes = self.policy.lanes
        return Bounds(lanes[self.tier.lowest].id, lanes[self.tier.highest].id)

    @property
    def open_facts(self) -> list[str]:
        """Unknown facts that can still change the result, most useful first."""
        return rank_open_facts(self)

    def because(self, fired: Fired) -> list[str]:
        """The ids of the rules that make an obligation owed: its own, and those of the tier where it depends on it."""
        if TIER not in fired.names:
            return [fired.rule.id]
        lifting = [item.rule.id for item in self.tiers if item.rule.tier != "low"]
        return [fired.rule.id, *(lifting or [self.policy.data.default.id])]

    def facts(self, fired: Fired) -> dict[str, Any]:
        """The deciding facts of a rule with their values as JSON carries them; the bounds where the tier decides."""
        words, values = self.policy.vocabulary, self.values
        out = {}
        for name in fired.names:
            value = values[name]
            out[name] = shown(words, name, value) if isinstance(value, frozenset) else value
        return out

    def reasons(self) -> list[dict[str, Any]]:
        """Every rule that holds or may hold, the tier first, each with its clauses and deciding facts."""
        out = [self._reason(item, tier=item.rule.tier) for item in self.tiers]
        default = self.policy.data.default
        if self.tier.lowest == default.tier:
            out.append(
                {
                    "rule": default.id,
                    "title": _text(default.title),
                    "clauses": list(default.clauses),
                    "facts": self._keeps_low(),
                    "certain": self.tier.settled,
                    "tier": default.tier,
                }
            )
        out += [self._reason(item) for item in self.prohibitions]
        out += [self._reason(item) for item in self.obligations]
        return out

    def _keeps_low(self) -> dict[str, Any]:
        """The facts that rule the other tier rules out: why nothing lifts the tier."""
        words, values = self.policy.vocabulary, self.values
        return {name: shown(words, name, values[name]) for name in self.policy.tier_matcher.ruling_out(values)}

    def _reason(self, fired: Fired, **more: Any) -> dict[str, Any]:
        rule = fired.rule
        return {
            "rule": rule.id,
            "title": _text(rule.title),
            "clauses": list(rule.clauses),
            "facts": self.facts(fired),
            "certain": fired.certain,
            **more,
        }

    def as_dict(self) -> dict[str, Any]:
        """The assessment as contracts fix it."""
        tier, lane = self.tier, self.lane
        return {
            "system": self.profile.id,
            "tier": {"lowest": tier.lowest, "highest": tier.highest},
            "lane": {"lowest": lane.lowest, "highest": lane.highest},
            "grade": None,
            "prohibitions": [
                {
                    "rule": item.rule.id,
                    "title": _text(item.rule.title),
                    "basis": item.rule.basis,
                    "clauses": list(item.rule.clauses),
                    "facts": self.facts(item),
                    "certain": item.certain,
                }
                for item in self.prohibitions
            ],
            "obligations": [
                {
                    "id": item.rule.id,
                    "title": _text(item.rule.title),
                    "action": _text(item.rule.action),
                    "clauses": list(item.rule.clauses),
                    "owner": item.rule.owner,
                    "gate": item.rule.gate,
                    "due": item.rule.due,
                    "every": item.rule.every,
                    "evidence": list(item.rule.evidence),
                    "because": self.because(item),
                    "certain": item.certain,
                }
                for item in self.obligations
            ],
            "reasons": self.reasons(),
            "open_facts": self.open_facts,
            "not_applicable": list(self.not_applicable),
            "assumed": [
                {"id": item.id, "fact": item.fact, "value": item.value, "reason": _text(item.reason)}
                for item in self.profile.assumed
            ],
            "loosened": [
                {"rule": item.rule, "policy": item.policy, "reason": _text(item.reason)}
                for item in self.policy.data.loosened
            ],
            "digests": self.digests,
        }

    @property
    def digests(self) -> dict[str, str]:
        """What the result is a function of."""
        return {
            "profile": digest(self.profile.as_data()),
            "policy": self.policy.digest,
            "catalogue": self.policy.clauses.digest,
            "on": self.on.isoformat(),
        }


def _text(value: Any) -> dict[str, str]:
    return {"en": value.en, "zh": value.zh}


_TIER_RANK = {tier: rank for rank, tier in enumerate(TIERS)}


def assess(profile: Profile, policy: Policy, on: dt.date) -> Assessment:
    """Judges one system. Deterministic: the same arguments give the same bytes."""
    values, not_applicable, waiting = policy.applicability(profile.facts)
    first = policy.first(values)
    tiers = [fired for fired in first if fired.kind == "tier"]
    lowest = highest = _TIER_RANK[policy.data.default.tier]
    for fired in tiers:
        rank = _TIER_RANK[fired.rule.tier]
        if rank > highest:
            highest = rank
        if rank > lowest and fired.certain:
            lowest = rank
    values[TIER] = _RANGES[lowest, highest]
    return Assessment(
        profile,
        policy,
        on,
        values,
        not_applicable,
        waiting,
        Bounds(TIERS[lowest], TIERS[highest]),
        tiers,
        [fired for fired in first if fired.kind == "prohibition"],
        policy.second(values),
    )


def assess_facts(facts: Mapping[str, Value], policy: Policy, on: dt.date) -> Assessment:
    """Judges bare facts, as examples and inventories give them."""
    return assess(Profile(id="", facts=facts), policy, on)


def rank_open_facts(assessment: Assessment) -> list[str]:
    """Unknown facts by how much their answer can change.

    Each undecided rule shares its weight among the facts that can settle it: tier rules above the lowest bound weigh
    most, then prohibitions, then obligations. Where a fact is asked only after another open one, the other goes first.
    """
    policy = assessment.policy
    floor = _TIER_RANK[assessment.tier.lowest]
    scores: dict[str, float] = {}

    def credit(names: tuple[str, ...], weight: float) -> None:
        for name in names:
            scores[name] = scores.get(name, 0.0) + weight / len(names)

    for fired in assessment.tiers:
        if fired.open and _TIER_RANK[fired.rule.tier] > floor:
            credit(fired.open, _WEIGHT[fired.rule.tier])
    for fired in assessment.prohibitions:
        credit(fired.open, _PROHIBITION_WEIGHT)
    for fired in assessment.obligations:
        if fired.open:
            credit(tuple(name for name in fired.open if name != TIER), _OBLIGATION_WEIGHT)
    for name in list(scores):
        before = assessment.waiting.get(name, ())
        if before:
            credit(before, scores[name])
            scores[name] *= _AFTER
    return sorted(scores, key=lambda name: (-scores[name], policy.fact_order[name]))
