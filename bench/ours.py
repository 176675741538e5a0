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


def explained(assessment: Assessment) -> Any:
    """Tier, lane; every rule with clauses, certainty and deciding facts; what is open and what does not apply."""
    fired = (*assessment.tiers, *assessment.prohibitions, *assessment.obligations)
    reasons = [(item.rule.id, item.rule.clauses, item.certain, assessment.facts(item)) for item in fired]
    return assessment.tier, assessment.lane, reasons, assessment.open_facts, list(assessment.not_applicable)


ANSWERS: dict[str, Callable[[Assessment], Any]] = {
    "ids": ids,
    "explained": explained,
    "whole": Assessment.as_dict,
}


class Ours:
    """Steelyard, giving one degree of answer."""

    def __init__(self, policy: Policy, answer: str) -> None:
        self._policy, self._answer = policy, ANSWERS[answer]

    def measure(self, profiles: Sequence[Facts]) -> float:
        """CPU seconds for all profiles."""
        policy, answer = self._policy, self._answer
        start = time.process_time()
        for facts in profiles:
            answer(judge(policy, facts))
        return time.process_time() - start
