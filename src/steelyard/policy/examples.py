"""The examples beside every rule: one that must fire, one near miss that must not.

Facts that an example does not list are unknown. Where a rule asks for the tier they take their least demanding values
instead: the tier depends on every fact there is, also on those of rules that somebody adds later.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple

from steelyard.base.i18n import Text
from steelyard.policy.assess import assess_facts
from steelyard.policy.compile import Policy
from steelyard.policy.kleene import Judge
from steelyard.policy.least import least_demanding
from steelyard.policy.model import Rule
from steelyard.policy.tree import TIER

_ANY_DAY = dt.date(2024, 9, 9)  # examples do not depend on the date; the release of Framework 1.0


class Trial(NamedTuple):
    """One example run: `got` is True, False or None (unknown)."""

    rule: str
    example: str
    expected: bool
    got: bool | None
    problem: Text | None

    @property
    def ok(self) -> bool:
        """Whether the example came out as promised."""
        return self.problem is None


def run_examples(policy: Policy) -> Iterator[Trial]:
    """Runs both examples of every rule, in the order of the policy."""
    for rule, judge in policy.judges.values():
        yield _trial(policy, rule, judge, "fires", rule.examples.fires, True)
        yield _trial(policy, rule, judge, "near_miss", rule.examples.near_miss, False)


def _trial(policy: Policy, rule: Rule, judge: Judge, name: str, raw: dict[str, Any], expected: bool) -> Trial:
    words = policy.vocabulary
    facts = {fact: words[fact].parse(value) for fact, value in raw.items() if value is not None}
    if TIER in judge.reads:
        counted = {count for band, count in words.bands if band.id in facts}
        facts = {**{name: value for name, value in least_demanding(words).items() if name not in counted}, **facts}
    one = assess_facts(facts, policy, _ANY_DAY)
    got = judge.truth(one.values)
    problem = None
    if got is not expected:
        wanted, found = _say(expected), _say(got)
        problem = Text(f"expected {wanted.en}, got {found.en}", f"应为{wanted.zh}，实际{found.zh}")
        if got is None:
            fired = [*one.tiers, *one.prohibitions, *one.obligations]
            names = {name for item in fired if item.rule.id == rule.id for name in item.open}
            listed = ", ".join(sorted(names))
            problem = Text(f"{problem.en}; open here: {listed}", f"{problem.zh}；此处未知：{listed}")
    elif name == "near_miss" and _distance(rule) != 1:
        problem = Text(
            f"a near miss differs from the example that fires in one fact, here in {_distance(rule)}",
            f"近似反例应与命中示例只差一项事实，此处相差 {_distance(rule)} 项",
        )
    return Trial(rule.id, name, expected, got, problem)


def _distance(rule: Rule) -> int:
    fires, miss = rule.examples.fires, rule.examples.near_miss
    return sum(fires.get(name) != miss.get(name) for name in {*fires, *miss})


def _say(truth: bool | None) -> Text:
    return {True: Text("to fire", "命中"), False: Text("not to fire", "不命中"), None: Text("undecided", "未定")}[truth]
