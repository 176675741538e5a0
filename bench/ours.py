"""Steelyard as a contestant: from raw facts to an answer, in three degrees of answer.

`ids` is what the peers give (the rules that hold). `explained` is the assessment with every reason and its deciding
facts, the open facts in order and what does not apply. `whole` is the JSON answer of `steelyard assess`: the same with
titles and actions in both languages, owners, gates, evidence and digests.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.engines.base import Facts
from steelyard.policy.assess import Assessment, assess
from steelyard.policy.compile import Policy
from steelyard.profile.document import Profile

ON = dt.date(2026, 1, 1)


def judge(policy: Policy, facts: Facts) -> Assessment:
    """One assessment from raw values, each of which is parsed and checked."""
    words = policy.vocabulary
    return assess(Profile("system", {name: words[name].parse(raw) for name, raw in facts.items()}), policy, ON)


def ids(assessment: Assessment) -> set[str]:
    """The ids of the rules that hold or may hold."""
    return {
        fired.rule.id
        for group in (assessment.tiers, assessment.prohibitions, assessment.obligations)
        for fired in group
    }


def _explained(assessment: Assessment) -> Any:
    return (
        assessment.tier,
        assessment.lane,
        assessment.reasons(),
        assessment.open_facts,
        list(assessment.not_applicable),
    )


ANSWERS: dict[str, Callable[[Assessment], Any]] = {
    "ids": ids,
    "explained": _explained,
    "whole": Assessment.as_dict,
}


def forgetter(policy: Policy) -> Callable[[], None]:
    """A function that empties every memory of the policy."""
    rules = [judge for group in (policy.tiers, policy.prohibitions, policy.obligations) for _, judge in group]
    conditions = [policy.applicability.condition(name) for name, _ in policy.conditions]
    things = [*rules, *conditions, *(getattr(policy, name, None) for name in ("first", "second"))]
    calls = [thing.forget for thing in things if hasattr(thing, "forget")]

    def forget() -> None:
        for call in calls:
            call()

    return forget


class Ours:
    """Steelyard with its memory kept (`cold` False) or emptied before every assessment."""

    def __init__(self, policy: Policy, answer: str, cold: bool) -> None:
        self._policy, self._answer, self._cold = policy, ANSWERS[answer], cold
        self._forget = forgetter(policy)

    def measure(self, profiles: Sequence[Facts]) -> float:
        """CPU seconds for all profiles; emptying the memory is not counted."""
        policy, answer, clock = self._policy, self._answer, time.process_time
        if not self._cold:
            start = clock()
            for facts in profiles:
                answer(judge(policy, facts))
            return clock() - start
        total = 0.0
        for facts in profiles:
            self._forget()
            start = clock()
            answer(judge(policy, facts))
            total += clock() - start
        return total
