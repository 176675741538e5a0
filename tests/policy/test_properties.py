"""What must hold for every profile, not only for those somebody thought of."""

import datetime as dt
import json
import random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.base.canon import canonical_json
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.columns import HIGHEST, LOWEST, ColumnPolicy, decode_value, encode
from steelyard.policy.compile import Policy, load_compiled
from steelyard.policy.kleene import Judge
from steelyard.policy.tree import TIERS
from steelyard.profile.facts import Fact, Value, vocabulary
from tests.strategies import coherent, facts, random_facts, values_of

ON = dt.date(2026, 11, 24)
POLICY = load_compiled()
WORDS = POLICY.vocabulary
COLUMNS = ColumnPolicy(POLICY)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def judge(known: dict[str, Value], policy: Policy = POLICY) -> Assessment:
    return assess_facts(known, policy, ON)


def table_of(profiles: list[dict[str, Value]]) -> pl.DataFrame:
    """Profiles as a typed table: a column per fact, sets as lists of texts."""
    columns = []
    kinds = {"bool": pl.Boolean, "one_of": pl.String, "set_of": pl.List(pl.String), "count": pl.Int64}
    for fact in WORDS.items:
        cells = [fact.plain(known[fact.id]) if fact.id in known else None for known in profiles]
        columns.append(pl.Series(fact.id, cells, dtype=kinds[fact.type]))
    return pl.DataFrame(columns)


def decides(reason: dict[str, Any], one: Assessment) -> bool:
    """Whether a tier rule takes part in the bounds: it holds at the lowest or above, or is open above it."""
    rank, floor = TIERS.index(reason["tier"]), TIERS.index(one.tier.lowest)
    return rank >= floor if reason["certain"] or reason["rule"] == POLICY.data.default.id else rank > floor


def agree(profiles: list[dict[str, Value]]) -> None:
    """Both readers give the same effective facts, rules, tiers and reasons."""
    encoded = encode(table_of(profiles), WORDS)
    assert not encoded.unusable
    judged = COLUMNS.judge(COLUMNS.effective(encoded.frame))
    reasons = COLUMNS.reasons(judged)
    for row, known in enumerate(profiles):
        one = judge(known)
        for fact in WORDS.items:
            value = one.values[fact.id]
            expected = None if value is None else fact.plain(value)
            assert decode_value(fact, judged[fact.id][row]) == expected, (fact.id, known)
        for name, (_, rule) in POLICY.judges.items():
            assert judged[name][row] == rule.truth(one.values), (name, known)
        assert (TIERS[judged[LOWEST][row]], TIERS[judged[HIGHEST][row]]) == one.tier
        stops = [item.certain for item in one.prohibitions]
        assert judged["prohibited"][row] == (True if True in stops else None if stops else False)
        wanted = {
            reason["rule"]: (reason["certain"], reason["clauses"])
            for reason in one.reasons()
            if reason["rule"].startswith("stop.") or ("tier" in reason and decides(reason, one))
        }
        got = {reason["rule"]: (reason["certain"], reason["clauses"]) for reason in json.loads(reasons[row])}
        assert got == wanted, known
        facts_of = {reason["rule"]: reason["facts"] for reason in one.reasons()}
        for reason in json.loads(reasons[row]):
            if reason["rule"] != POLICY.data.default.id:
                assert reason["facts"] == facts_of[reason["rule"]], (reason, known)


@FEW
@given(st.lists(facts(), min_size=1, max_size=12))
def test_kleene_and_polars_agree_on_every_profile(profiles: list[dict[str, Value]]) -> None:
    agree(profiles)


@pytest.mark.slow
@pytest.mark.parametrize("known", [0.3, 0.9, 1.0])
def test_kleene_and_polars_agree_in_bulk(known: float) -> None:
    rng = random.Random(f"bulk {known}")
    agree([random_facts(rng, WORDS, known) for _ in range(1_500)])


def narrower(after: Assessment, before: Assessment) -> bool:
    """Whether `after` lies within the bounds of `before`, and settled rules stayed as they were."""
    rank = TIERS.index
    inside = (
        rank(before.tier.lowest) <= rank(after.tier.lowest) <= rank(after.tier.highest) <= rank(before.tier.highest)
    )
    for _, (_, rule) in POLICY.judges.items():
        truth = rule.truth(before.values)
        inside = inside and (truth is None or rule.truth(after.values) is truth)
    return inside


@FEW
@given(st.data())
def test_an_answer_never_widens_the_bounds(data: st.DataObject) -> None:
    known = coherent(data.draw(facts()), WORDS)
    before = judge(known)
    fresh = [fact for fact in WORDS.items if before.values[fact.id] is None and fact.id not in before.not_applicable]
    if not fresh:
        return
    fact = data.draw(st.sampled_from(fresh))
    answered = {**known, fact.id: data.draw(values_of(fact))}
    if coherent(answered, WORDS) != answered:  # the new answer contradicts a count or band that is known
        return
    assert narrower(judge(answered), before), (known, fact.id, answered[fact.id])


def more_demanding(fact: Fact, value: Value | None, rng: random.Random) -> Value | None:
    """An answer that asks for more governance than `value`; None where there is none."""
    if fact.demanding == "none" or value is None:
        return None
    if fact.demanding == "down":
        return False if value is True else None
    if fact.type == "bool":
        return True if value is False else None
    if fact.type == "one_of":
        higher = fact.members[fact.rank[str(value)] + 1 :] if fact.ordered else ()
        return rng.choice(higher) if higher else None
    if isinstance(value, frozenset):
        missing = [member for member in fact.members if member not in value]
        return value | {rng.choice(missing)} if missing else None
    return int(value) * 10 + 1


@FEW
@given(facts(), st.randoms(use_true_random=False))
def test_a_more_demanding_answer_never_lowers_the_tier(known: dict[str, Value], rng: random.Random) -> None:
    known = coherent(known, WORDS)
    fact = rng.choice(WORDS.items)
    higher = more_demanding(fact, known.get(fact.id), rng)
    if higher is None:
        return
    before, after = judge(known).tier, judge(coherent({**known, fact.id: higher}, WORDS)).tier
    assert TIERS.index(after.lowest) >= TIERS.index(before.lowest), (fact.id, known)
    assert TIERS.index(after.highest) >= TIERS.index(before.highest), (fact.id, known)


@FEW
@given(facts(share=1.0))
def test_a_complete_profile_has_one_tier_and_one_lane(known: dict[str, Value]) -> None:
    one = judge(known)
    assert one.tier.settled and one.lane.settled
    assert one.open_facts == []
    assert all(item.certain for item in (*one.tiers, *one.prohibitions, *one.obligations))


@FEW
@given(facts())
def test_open_facts_are_exactly_those_that_can_still_decide(known: dict[str, Value]) -> None:
    one = judge(known)
    undecided = any(not item.certain for item in (*one.tiers, *one.prohibitions, *one.obligations))
    assert len(set(one.open_facts)) == len(one.open_facts)
    assert all(one.values[fact] is None for fact in one.open_facts)
    if not undecided:
        assert one.open_facts == []


@FEW
@given(facts(), st.randoms(use_true_random=False))
def test_same_input_gives_the_same_bytes(known: dict[str, Value], rng: random.Random) -> None:
    shuffled = list(known.items())
    rng.shuffle(shuffled)
    fresh = load_compiled()
    first = canonical_json(judge(known).as_dict())
    assert canonical_json(judge(dict(shuffled), fresh).as_dict()) == first


@FEW
@given(facts())
def test_matching_by_masks_is_plain_evaluation(known: dict[str, Value]) -> None:
    one = judge(known)
    fired = {item.rule.id: item for item in (*one.tiers, *one.prohibitions, *one.obligations)}
    for name, (_, rule) in POLICY.judges.items():
        truth = rule.truth(one.values)
        assert (fired[name].certain if name in fired else False) is (truth is True)
        assert (name in fired) is (truth is not False)
        if name in fired and truth:  # the deciding facts alone must force the answer
            alone = {fact: one.values[fact] if fact in fired[name].names else None for fact in one.values}
            assert rule.truth(alone) is True, (name, fired[name].names)
        if name in fired and truth is None:
            assert fired[name].open and set(fired[name].open) <= set(fired[name].names)
    for name, condition in (item for wave in POLICY.waves for item in wave):
        if name in known:
            assert name not in one.not_applicable
        elif name in one.not_applicable:
            assert Judge(condition).truth({**one.values, name: None}) is False


def test_every_fact_is_in_the_strategies() -> None:
    rng = random.Random(1)
    assert set(random_facts(rng, vocabulary(), 1.0)) == set(vocabulary().ids)
