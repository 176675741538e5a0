"""How much a description alone suggests that a person should look at a system: drafting, then assessment.

The proposals stand in for answers that nobody gave; what the policy makes of them and what the classifier hears in the
words give one number. It ranks systems for review. It decides nothing, and a low number clears nobody.
"""

import datetime as dt
import math
from collections.abc import Mapping
from typing import NamedTuple

from steelyard.intake.drafting.draft import Draft, read
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.compile import Policy
from steelyard.profile.facts import Value

SURE_ENOUGH = 0.5
_IMPACT = "decision_impact"
_UNHEARD = -3.0
_LIFT = {"low": 0.0, "medium": 0.25, "high": 0.75}


class Concern(NamedTuple):
    """`score` from 0 to 1 ranks; `draft` and `assessment` say why."""

    score: float
    draft: Draft
    assessment: Assessment


def concern(text: str, policy: Policy, on: dt.date) -> Concern:
    """What a text alone suggests. Raises InputError for a text that is too long or no text."""
    found = read(text)
    facts = {item.fact: item.value for item in found.proposals if item.confidence >= SURE_ENOUGH}
    assessment = assess_facts(facts, policy, on)
    at_least = found.reading.at_least[1] if found.reading is not None else 0.0
    logit = math.log(at_least / (1 - at_least)) if 0 < at_least < 1 else _UNHEARD
    logit += _LIFT[_without_impact(facts, policy, on)]
    return Concern(1 / (1 + math.exp(-logit)), found, assessment)


def _without_impact(facts: Mapping[str, Value], policy: Policy, on: dt.date) -> str:
    """The tier that the other proposals lead to; the effect on people is already in the classifier's reading."""
    rest = {name: value for name, value in facts.items() if name != _IMPACT}
    return assess_facts(rest, policy, on).tier.lowest
