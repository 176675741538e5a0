"""What `policy check` proves is so, what it refutes comes with a system that anyone can assess."""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import yaml
import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.yamldoc import load
from steelyard.cli.main import common_options
from steelyard.cli.proofs import register_check, register_diff
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.columns import HIGHEST, LOWEST, ColumnPolicy, encode
from steelyard.policy.compile import Policy, load_compiled
from steelyard.policy.kleene import Judge
from steelyard.policy.language import parse
from steelyard.policy.least import least_demanding
from steelyard.policy.model import Lane
from steelyard.policy.proofs.check import bases_of, check_policy
from steelyard.policy.proofs.diff import policy_diff
from steelyard.policy.proofs.findings import Finding, declared, small
from steelyard.policy.proofs.solver import Solver, Undecided, smallest
from steelyard.policy.proofs.system import System
from steelyard.policy.proofs.terms import Terms
from steelyard.policy.tree import TIER, TIERS
from steelyard.profile.document import check as check_profile
from steelyard.profile.facts import Value
from tests.policy.test_layers import HEAD, ON, REASON
from tests.strategies import facts, random_facts

POLICY = load_compiled()
WORDS = POLICY.vocabulary
SYSTEM = System(POLICY, (), 600)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rule(rule_id: str, when: str, tier: str = "medium", clauses: str = "v1:G5.1", **more: str) -> str:
    """An entry of `tiers:`; its examples are not what is tested here."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return (
        f"  - {{id: {rule_id}, tier: {tier}, title: {{en: A, zh: 甲}}, when: '{when}', clauses: [{clauses}],"
        f" why: {{en: A., zh: 甲。}}, examples: {{fires: {{}}, near_miss: {{}}}}{extra}}}\n"
    )


def promised(never: str, name: str = "ours") -> str:
    return (
        f"promises:\n  - {{id: {name}, title: {{en: Ours, zh: 承诺}}, never: '{never}', why: {{en: A., zh: 甲。}}}}\n"
    )


def obligation(name: str, when: str) -> str:
    return (
        f"  - {{id: {name}, title: {{en: A, zh: 甲}}, action: {{en: A., zh: 甲。}}, when: '{when}', clauses: [v1:G5.1],"
        " why: {en: A., zh: 甲。}, owner: owner, gate: launch, examples: {fires: {}, near_miss: {}}}\n"
    )


def annex(folder: Path, body: str, name: str = "annex", extends: str = "v1") -> Path:
    path = folder / f"{name}.yaml"
    head = HEAD.replace("id: site", f"id: {name}").replace("extends: v1", f"extends: {extends}")
    path.write_text(head + body, encoding="utf-8")
    return path


def findings(path: Path | str | None, seconds: float = 300) -> dict[str, Finding]:
    found = check_policy(load_compiled(path), bases_of(path), seconds=seconds)
    assert len({item.property for item in found}) == len(found)
    return {item.property: item for item in found}


def failed(found: dict[str, Finding]) -> list[str]:
    return [name for name, item in found.items() if not item.holds]


def pasted(counterexample: Any, folder: Path, policy: Policy, raised: dict[str, Any] | None = None) -> Assessment:
    """The assessment of a counterexample, after a round trip through a steelyard.yaml."""
    path = folder / "counterexample.yaml"
    path.write_text(yaml.safe_dump({"facts": {**counterexample["facts"], **(raised or {})}}), encoding="utf-8")
    profile, errors = check_profile(load(path), policy.vocabulary)
    assert not errors
    return assess_facts(profile.facts, policy, ON)


# The three readers


def complete(rng: random.Random) -> dict[str, Any]:
    return assess_facts(random_facts(rng, WORDS, 1.0), POLICY, ON).values


def table_of(profiles: list[dict[str, Value]]) -> pl.DataFrame:
    kinds = {"bool": pl.Boolean, "one_of": pl.String, "set_of": pl.List(pl.String), "count": pl.Int64}
    return pl.DataFrame(
        [
            pl.Series(fact.id, [fact.plain(known[fact.id]) for known in profiles], dtype=kinds[fact.type])
            for fact in WORDS.items
        ]
    )


def pins(values: dict[str, Any]) -> list[Any]:
    return [
        pin for fact in WORDS.items if values[fact.id] is not None for pin in SYSTEM.terms.pin(fact.id, values[fact.id])
    ]


def solved(values: dict[str, Any]) -> tuple[dict[str, bool], str]:
    """What the third reader says about a complete profile: every rule, and the tier."""
    model = SYSTEM.possible(*pins(values))
    assert model is not None, values
    truth = {name: bool(model.eval(term, model_completion=True)) for name, term in SYSTEM.rules.holds.items()}
    lifts = [bool(model.eval(term, model_completion=True)) for term in SYSTEM.rules.at_least]
    return truth, TIERS[sum(lifts) - 1]


def test_the_three_readers_agree_on_complete_profiles() -> None:
    rng = random.Random("complete")
    profiles = [random_facts(rng, WORDS, 1.0) for _ in range(150)]
    columns = ColumnPolicy(POLICY)
    judged = columns.judge(columns.effective(encode(table_of(profiles), WORDS).frame))
    for row, known in enumerate(profiles):
        one = assess_facts(known, POLICY, ON)
        truth, tier = solved(one.values)
        assert set(truth) == set(POLICY.judges)
        for name, (_, judge) in POLICY.judges.items():
            assert truth[name] is judge.truth(one.values) is judged[name][row], (name, known)
        assert (tier, tier) == one.tier == (TIERS[judged[LOWEST][row]], TIERS[judged[HIGHEST][row]])


ATOMS = (
    'stage in {"training", "use"}', 'interaction != "task"', 'audience < "public"', 'audience == "business"',
    "affects == {}", 'affects <= {"employees", "citizens"}', 'sector >= {"finance"}', "sector", "generates & MEDIA",
    "monthly_active >= 1000", "monthly_active < 100_000", "monthly_active == 5", "people_in_data_count > 999999",
    'people_in_data >= "lt_1m"', "registered_users <= 5", 'users_scale != "lt_1k"', "base_model_filed",
    "key_sector_use", 'tier == "medium"', 'tier != "high"', 'tier <= "medium"', "true", "monthly_active >= 0",
)  # fmt: skip


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(ATOMS))
    parts = [draw(expressions(depth=depth - 1)) for _ in range(draw(st.integers(2, 3)))]
    joined = f"({draw(st.sampled_from([' and ', ' or '])).join(parts)})"
    return f"not {joined}" if draw(st.booleans()) else joined


@FEW
@given(expressions(), st.randoms(use_true_random=False))
def test_any_expression_reads_the_same(text: str, rng: random.Random) -> None:
    node = parse(text, POLICY.scope._replace(tier=True))
    terms = Terms(WORDS, [node], SYSTEM.terms.conditions)
    solver = Solver(60)
    solver.add(*terms.coherent())
    for _ in range(4):
        values = complete(rng)
        known = [pin for fact in WORDS.items for pin in terms.pin(fact.id, values[fact.id])]
        rank = TIERS.index(min(values[TIER]))
        lifts = [parse("true" if rank >= at else "false", POLICY.scope) for at in range(3)]
        term = terms.term(node, [terms.term(item) for item in lifts])
        found = solver.model(*known)
        assert found is not None
        assert bool(found.eval(term, model_completion=True)) is Judge(node).truth(values), (text, values)


@FEW
@given(facts())
def test_a_definite_answer_on_a_partial_profile_is_entailed(known: dict[str, Value]) -> None:
    one = assess_facts(known, POLICY, ON)
    wrong = []
    for name, (_, judge) in POLICY.judges.items():
        truth, term = judge.truth(one.values), SYSTEM.rules.holds[name]
        if truth is not None:
            wrong.append(z3.Not(term) if truth else term)
    at_least, low, high = SYSTEM.rules.at_least, TIERS.index(one.tier.lowest), TIERS.index(one.tier.highest)
    wrong += [z3.Not(at_least[rank]) for rank in range(1, low + 1)] + [at_least[rank] for rank in range(high + 1, 3)]
    given_ = pins(one.values)
    assert SYSTEM.possible(*given_) is not None
    assert not wrong or SYSTEM.possible(*given_, z3.Or(wrong)) is None


@FEW
@given(facts(share=1.0))
def test_a_profile_survives_the_way_through_the_solver(known: dict[str, Value]) -> None:
    one = assess_facts(known, POLICY, ON)
    model = SYSTEM.possible(*pins(one.values))
    values = SYSTEM.terms.read(model)
    again = assess_facts(declared(WORDS, values), POLICY, ON)
    assert again.values == {**values, TIER: one.values[TIER]}  # counts may be smaller, but never tell a rule apart
    answers = small(POLICY, values)
    assert len(answers) <= len(values) and assess_facts(answers, POLICY, ON).values == again.values


# The shipped policy


def test_the_shipped_policy_holds() -> None:
    start = time.process_time()
    found = findings(None)
    assert time.process_time() - start < 30, "the aim for the shipped policy"
    assert failed(found) == []
    names = list(found)
    assert names[:4] == ["one_tier", "one_lane", "no_dead_rule", "no_shadowed_rule"]
    directed = [fact.id for fact in WORDS.items if fact.demanding != "none"]
    assert [name for name in names if name.startswith("monotone:")] == [f"monotone:{name}" for name in directed]
    assert "annex_not_looser" in names and found["annex_not_looser"].note is not None
    promises = [name for name in names if name.startswith("promise:")]
    assert len(promises) >= 2 and not any(found[name].vacuous for name in promises)


@pytest.mark.parametrize(("rule_id", "broken"), [
    ("medium.outside-users", "promise:outsiders-not-fast"),
    ("high.autonomous-actuator", "promise:unattended-hands-deep"),
])  # fmt: skip
def test_without_a_rule_a_shipped_promise_breaks(rule_id: str, broken: str, tmp_path: Path) -> None:
    body = f"tiers:\n  - {{id: {rule_id}, remove: true}}\nloosens:\n  - {{rule: {rule_id}, reason: {REASON}}}\n"
    found = findings(annex(tmp_path, body))
    assert failed(found) == [broken]


# Each property with a policy that breaks it


@pytest.mark.parametrize("name", ["one_tier", "one_lane"])
def test_a_rule_on_a_fact_that_may_stay_unknown_leaves_the_tier_open(name: str, tmp_path: Path) -> None:
    path = annex(tmp_path, "tiers:\n" + rule("medium.minors", 'minors >= "possible"'))
    finding = findings(path)[name]
    assert finding.holds is False and finding.counterexample is not None
    one = pasted(finding.counterexample, tmp_path, load_compiled(path))
    assert not (one.tier if name == "one_tier" else one.lane).settled
    assert one.open_facts and all(one.values[fact] is not None for fact in WORDS.ids if fact != "minors")
    guarded = annex(tmp_path, "tiers:\n" + rule("medium.minors", 'audience >= "business" and minors >= "possible"'))
    assert findings(guarded)[name].holds


def test_two_lanes_for_a_tier() -> None:
    policy = load_compiled()
    extra = Lane(id="other", tier="low", title=policy.data.title, about=policy.data.title, within="P1D")
    data = msgspec.structs.replace(policy.data, lanes=(*policy.data.lanes, extra))
    found = {item.property: item for item in check_policy(Policy(data, policy.clauses))}
    assert failed(found) == ["one_lane"] and found["one_lane"].counterexample is not None


@pytest.mark.parametrize("when", [
    'audience == "internal" and audience == "public"',
    'people_in_data == "lt_10k" and people_in_data_count >= 10000 and personal_data >= "personal"',
    "monthly_active > 10 and monthly_active < 11",
    "sector == {} and key_sector and not critical_infrastructure",
])  # fmt: skip
def test_a_dead_rule(when: str, tmp_path: Path) -> None:
    found = findings(annex(tmp_path, "tiers:\n" + rule("medium.dead", when)))
    assert found["no_dead_rule"].holds is False
    assert found["no_dead_rule"].counterexample == {"rule": "medium.dead", "by": None}
    assert found["no_shadowed_rule"].holds, "a dead rule is not reported twice"


def test_a_dead_obligation_depends_on_the_tier(tmp_path: Path) -> None:
    body = obligation("govern.dead", 'tier == "low" and decision_impact >= "minor"')
    body += obligation("govern.alive", 'tier == "low" and stage == "use"')
    found = findings(annex(tmp_path, "obligations:\n" + body))
    assert failed(found) == ["no_dead_rule"]
    assert (
        found["no_dead_rule"].counterexample == {"rule": "govern.dead", "by": None} and not found["no_dead_rule"].more
    )


def test_a_shadowed_rule(tmp_path: Path) -> None:
    companion = "v1:G5.1, v1:D6.2-j"
    body = "tiers:\n" + rule(
        "medium.narrow", 'interaction == "companion" and audience == "public"', "medium", companion
    )
    body += rule("medium.other-clause", 'interaction == "companion"', "medium", "v1:M4.1.2-f")
    body += rule("high.copy", 'not interaction != "companion"', "high", "v1:R3.2.4-b")
    found = findings(annex(tmp_path, body))
    assert failed(found) == ["no_shadowed_rule"]
    item = found["no_shadowed_rule"]
    assert [item.counterexample, *item.more] == [
        {"rule": "medium.narrow", "by": "high.companion"},
        {"rule": "high.copy", "by": "high.companion"},
    ]


def test_of_two_equal_rules_the_later_is_shadowed(tmp_path: Path) -> None:
    body = "tiers:\n" + rule("medium.one", 'stage == "use"') + rule("medium.two", 'not stage != "use"')
    item = findings(annex(tmp_path, body))["no_shadowed_rule"]
    assert item.counterexample == {"rule": "medium.two", "by": "medium.one"} and item.more == ()


@pytest.mark.parametrize(("fact", "when", "tier"), [
    ("personal_data", 'personal_data == "personal" and stage == "use"', "high"),
    ("critical_infrastructure", 'not critical_infrastructure and stage == "use"', "high"),
    ("hosting", 'hosting == {"own"}', "medium"),
    ("base_model_filed", 'base_model_filed and model_origin & {"api_filed"}', "high"),
    ("monthly_active", "monthly_active < 1000", "medium"),
    ("people_in_data", 'people_in_data == "lt_100k"', "high"),
    ("people_in_data_count", 'people_in_data_count < 5 and personal_data >= "personal"', "high"),
    ("users_scale", "registered_users < 2000", "medium"),
])  # fmt: skip
def test_a_more_demanding_answer_that_lowers_the_tier(fact: str, when: str, tier: str, tmp_path: Path) -> None:
    path = annex(tmp_path, "tiers:\n" + rule(f"{tier}.odd", when, tier, "v1:M4.1.3-c"))
    found = findings(path)
    item = found[f"monotone:{fact}"]
    assert item.holds is False and item.counterexample is not None and fact in item.counterexample["raised"]
    policy = load_compiled(path)
    before = pasted(item.counterexample, tmp_path, policy)
    after = pasted(item.counterexample, tmp_path, policy, item.counterexample["raised"])
    assert before.tier == (item.counterexample["tier"]["before"],) * 2
    assert after.tier == (item.counterexample["tier"]["after"],) * 2
    assert TIERS.index(after.tier.highest) < TIERS.index(before.tier.lowest)
    pair = {"people_in_data": "people_in_data_count", "users_scale": "registered_users"}
    allowed = {fact, pair.get(fact, fact), *(band for band, count in pair.items() if count == fact)}
    assert set(item.counterexample["raised"]) <= allowed
    assert {name for name in failed(found) if name.startswith("monotone:")} <= {f"monotone:{name}" for name in allowed}


def test_a_loosening_must_be_declared(tmp_path: Path) -> None:
    removed = "tiers:\n  - {id: high.companion, remove: true}\n"
    path = annex(tmp_path, f"{removed}loosens:\n  - {{rule: high.companion, reason: {REASON}}}\n")
    assert findings(path)["annex_not_looser"].holds
    quiet = annex(tmp_path, "", "quiet")
    looser = {item.property: item for item in check_policy(load_compiled(path), (load_compiled(quiet),))}
    assert looser["annex_not_looser"].holds, "declared in the policy itself"
    strict = annex(tmp_path, "tiers:\n" + rule("high.use", 'stage == "use"', "high"), "strict")
    policy, base = load_compiled(quiet), load_compiled(strict)
    item = {found.property: found for found in check_policy(policy, (base,))}["annex_not_looser"]
    assert item.holds is False and item.counterexample is not None
    assert item.counterexample["rule"] == "high.use" and item.counterexample["tier"] == {"base": "high", "annex": "low"}
    assert pasted(item.counterexample, tmp_path, policy).tier.highest == "low"
    assert pasted(item.counterexample, tmp_path, base).tier.lowest == "high"
    assert not item.more, "what follows from the lower tier is not counted again"


def test_what_the_base_owes_is_still_owed(tmp_path: Path) -> None:
    strict = annex(tmp_path, "obligations:\n" + obligation("govern.note", 'stage == "use" or tier == "low"'), "strict")
    narrow = annex(tmp_path, "obligations:\n" + obligation("govern.note", 'stage == "use"'), "narrow")
    policy, base = load_compiled(narrow), load_compiled(strict)
    item = {found.property: found for found in check_policy(policy, (base,))}["annex_not_looser"]
    assert item.holds is False and item.counterexample is not None
    assert item.counterexample["rule"] == "govern.note" and item.counterexample["facts"]["stage"] != "use"
    before, after = (pasted(item.counterexample, tmp_path, one) for one in (base, policy))
    assert "govern.note" in {duty.rule.id for duty in before.obligations} - {duty.rule.id for duty in after.obligations}
    wider = {found.property: found for found in check_policy(base, (policy,))}["annex_not_looser"]
    assert wider.holds
    gone = {found.property: found for found in check_policy(POLICY, (policy,))}["annex_not_looser"]
    assert gone.holds is False and gone.counterexample is not None and gone.counterexample["rule"] == "govern.note"


def test_a_higher_tier_is_not_looser_though_what_a_low_one_owes_falls_away(tmp_path: Path) -> None:
    house = annex(tmp_path, "obligations:\n" + obligation("govern.fast-note", 'tier == "low"'), "house")
    path = annex(tmp_path, "tiers:\n" + rule("medium.use", 'stage == "use"'), "team", "house.yaml")
    assert [policy.data.id for policy in bases_of(path)] == ["house", "v1"]
    found = findings(path)["annex_not_looser"]
    assert found.holds and found.note is not None and found.counterexample is None
    said = found.note.en.split("; ")
    assert said[0].startswith(
        "govern.register-light gives way where team raises the tier, for example from low to medium"
    )
    assert "govern.register-full" in found.note.en and "govern.register-full" in found.note.zh
    assert any(item.startswith("govern.fast-note gives way where team raises") for item in said)
    quiet = findings(house)["annex_not_looser"]
    assert quiet.holds and quiet.note is None, "an annex that raises no tier makes nothing give way"


def test_an_obligation_that_the_annex_keeps_does_not_give_way(tmp_path: Path) -> None:
    keeps = (
        "obligations:\n  - {id: govern.register-light, also_when: tier >= \"medium\"}\ntiers:\n"
        + rule("medium.use", 'stage == "use"')
    )  # fmt: skip
    found = findings(annex(tmp_path, keeps))["annex_not_looser"]
    assert found.holds and found.note is None


def test_where_nothing_takes_the_place_it_is_said(tmp_path: Path) -> None:
    """Only one obligation of the base depends on the tier, and it is owed by the middle one alone."""
    by_tier = [duty.id for duty, judge in POLICY.obligations if TIER in judge.reads]
    removed = "".join(f"  - {{id: {name}, remove: true}}\n" for name in by_tier)
    loosens = "loosens:\n" + "".join(f"  - {{rule: {name}, reason: {REASON}}}\n" for name in by_tier)
    middle = obligation("govern.middle", 'tier == "medium"')
    annex(tmp_path, f"obligations:\n{removed}{middle}{loosens}", "base")
    higher = rule("high.use", 'stage == "use" and decision_impact == "minor"', "high")
    found = findings(annex(tmp_path, "tiers:\n" + higher, "top", "base.yaml"))["annex_not_looser"]
    assert found.holds and found.note is not None
    assert found.note.en == (
        "govern.middle gives way where top raises the tier, for example from medium to high; in its place: nothing"
    )


def test_a_broken_promise(tmp_path: Path) -> None:
    path = annex(tmp_path, promised('hosting & {"edge"} and acts_on and tier == "low"'))
    found = findings(path)
    assert failed(found) == ["promise:ours"]
    item = found["promise:ours"].counterexample
    assert item is not None and set(item) == {"facts"}
    one = pasted(item, tmp_path, load_compiled(path))
    assert one.tier == ("low", "low") and one.lane == ("fast", "fast") and one.open_facts == []
    assert item["facts"]["hosting"] == ["edge"] and len(item["facts"]["acts_on"]) == 1
    blank = {name: WORDS[name].plain(value) for name, value in least_demanding(WORDS).items()}
    assert {name for name, value in item["facts"].items() if value != blank[name]} == {"hosting", "acts_on"}


def test_a_kept_a_vacuous_and_an_impossible_promise(tmp_path: Path) -> None:
    kept = findings(annex(tmp_path, promised('hazard_domain and tier < "high"')))["promise:ours"]
    assert kept.holds and not kept.vacuous and kept.note is None
    vacuous = findings(annex(tmp_path, promised('audience == "internal" and audience == "public"')))["promise:ours"]
    assert vacuous.holds and vacuous.vacuous and vacuous.note is not None
    impossible = findings(annex(tmp_path, promised('tier >= "low"')))["promise:ours"]
    assert impossible.holds is False and "no system at all" in str(impossible.note)


def test_a_count_that_is_not_asked_stands_beside_a_declared_band(tmp_path: Path) -> None:
    never = 'people_in_data == "ge_10m" and people_in_data_count < 10'
    path = annex(tmp_path, promised(never))
    item = findings(path)["promise:ours"].counterexample
    assert item is not None and "people_in_data_count" not in item["facts"]
    one = pasted(item, tmp_path, load_compiled(path))
    assert one.values["people_in_data"] == "ge_10m" and one.values["people_in_data_count"] == 0


# Promises in layers


def test_promises_are_read_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_compiled(annex(tmp_path, promised('tier == "lowest"')))
    assert caught.value.code == "wrong_value" and caught.value.line is not None and caught.value.column is not None
    with pytest.raises(InputError) as caught:
        load_compiled(annex(tmp_path, promised("important_data").replace("why:", "clauses: [v1:nope], why:")))
    assert "v1:nope" in caught.value.message.en
    with pytest.raises(InputError) as caught:
        load_compiled(annex(tmp_path, promised("important_data") + promised("important_data").partition("\n")[2]))
    assert caught.value.code == "duplicate_id"


def test_an_annex_adds_promises_and_keeps_those_of_its_base(tmp_path: Path) -> None:
    base = [item.id for item in POLICY.data.promises]
    data = load_compiled(annex(tmp_path, promised('important_data and tier == "low"'))).data
    assert [item.id for item in data.promises] == [*base, "ours"]
    body = f"promises:\n  - {{id: {base[0]}, remove: true}}\n"
    with pytest.raises(InputError) as caught:
        load_compiled(annex(tmp_path, body))
    assert caught.value.code == "loosened"
    declared_ = load_compiled(annex(tmp_path, f"{body}loosens:\n  - {{rule: {base[0]}, reason: {REASON}}}\n"))
    assert [item.id for item in declared_.data.promises] == base[1:]


# Budgets, bad input, the command


def test_what_the_time_did_not_allow_is_named() -> None:
    found = {item.property: item for item in check_policy(POLICY, seconds=0)}
    open_ = [item for item in found.values() if item.holds is None]
    assert {"one_tier", "one_lane", "monotone:autonomy"} <= {item.property for item in open_}
    assert all(item.undecided and item.counterexample is None for item in open_)
    assert not any(item.holds is False for item in found.values())
    with pytest.raises(Undecided):
        Solver(0).model()


@pytest.mark.slow
def test_a_thousand_rules(tmp_path: Path) -> None:
    rng = random.Random("thousand")
    body = "tiers:\n"
    for number in range(1_000):
        when = " and ".join(rng.sample(['sector & {"finance"}', "acts_on", "important_data", "monthly_active >= "
                                        f"{rng.randrange(10**6)}", 'autonomy >= "human_can_stop"', "generates & MEDIA",
                                        'affects & {"citizens"}', 'stage in {"use", "testing"}'], 4))  # fmt: skip
        body += rule(f"medium.r{number}", when)
    found = findings(annex(tmp_path, body))
    assert all(item.holds is not None or item.undecided for item in found.values())
    assert found["no_shadowed_rule"].holds is False and found["one_tier"].holds
    pair = found["no_shadowed_rule"].counterexample
    assert pair is not None
    policy = load_compiled(tmp_path / "annex.yaml")
    for _ in range(200):
        values = assess_facts(random_facts(rng, policy.vocabulary, 1.0), policy, ON).values
        assert not policy.judges[pair["rule"]][1].truth(values) or policy.judges[pair["by"]][1].truth(values)


def test_counterexamples_are_as_small_as_may_be() -> None:
    node = parse('affects & {"patients"} and monthly_active >= 7 or minors == "targeted"', POLICY.scope)
    terms = Terms(WORDS, [node], SYSTEM.terms.conditions)
    solver = Solver(60)
    solver.add(*terms.coherent(), *terms.known.values())
    found = smallest(solver, terms, [terms.term(node)])
    assert found is not None
    blank = least_demanding(WORDS)
    unasked = {"base_model_filed"}  # neutral, because it is not asked
    assert {name for name, value in found[0].items() if value != blank[name]} == {"minors", *unasked}


def command(*args: object, lang: str = "en", action: str = "check") -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    actions = parser.add_subparsers()
    for register in (register_check, register_diff):
        register(actions, common_options("zh" if lang == "zh" else "en"), "zh" if lang == "zh" else "en")
    return parser.parse_args([action, *map(str, args)])


def test_the_command_answers_one_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = command("--json")
    assert options.run(options) == 0
    rows = json.loads(capsys.readouterr().out)
    assert isinstance(rows, list) and all(row["holds"] is True and row["counterexample"] is None for row in rows)
    options = command(annex(tmp_path, promised('stage == "use" and tier == "low"')), "--json")
    assert options.run(options) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["counterexample"]["facts"]["stage"] for row in rows if not row["holds"]] == ["use"]


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ["FAILS", "holds", "1 failed"]), ("zh", ["不成立", "成立", "1 项不成立"])]
)
def test_the_command_in_both_languages(
    lang: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = command(annex(tmp_path, promised('hosting & {"own"} and tier == "low"')), lang=lang)
    assert options.run(options) == 1
    out = capsys.readouterr().out
    assert all(word in out for word in words) and "hosting: [own]" in out
    block = out[out.index("facts:") :].partition("\n\n")[0]
    indent = out[: out.index("facts:")].rpartition("\n")[2]
    facts_ = yaml.safe_load(indent + block)["facts"]
    assert facts_["hosting"] == ["own"] and facts_["audience"] == "internal"


def test_the_command_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)
    options = command()
    with pytest.raises(EnvironmentNotReady) as caught:
        options.run(options)
    assert caught.value.exit_code == 3 and "steelyard[proofs]" in str(caught.value.remedy)


@pytest.mark.parametrize("args", [["a.yaml", "--policy", "b.yaml"], ["--seconds", "0"], ["--seconds", "nan"]])
def test_the_command_refuses_what_makes_no_sense(args: list[str]) -> None:
    options = command(*args)
    with pytest.raises(InputError):
        options.run(options)


# What changed between two policies


def test_a_difference_comes_with_an_example_for_each_change(tmp_path: Path) -> None:
    body = "tiers:\n" + rule("high.use", 'stage == "use"', "high")
    body += '  - {id: high.companion, also_when: interaction == "open_dialogue"}\n'
    body += f"  - {{id: medium.platform, remove: true}}\nloosens:\n  - {{rule: medium.platform, reason: {REASON}}}\n"
    body += "obligations:\n  - {id: govern.audit, gate: launch}\n" + promised('important_data and tier == "low"')
    policy = load_compiled(annex(tmp_path, body))
    found = policy_diff(POLICY, policy)
    moves = {(item["old"], item["new"]): item["example"] for item in found["tiers"]}
    assert set(moves) == {("low", "high"), ("medium", "high"), ("medium", "low")}
    for (old, new), example in moves.items():
        assert [pasted(example, tmp_path, one).tier for one in (POLICY, policy)] == [(old, old), (new, new)]
    rules = {item["rule"]: item for item in found["rules"]}
    assert {name: item["change"] for name, item in rules.items()} == {
        "high.use": "added", "high.companion": "changed", "medium.platform": "removed", "govern.audit": "changed",
    }  # fmt: skip
    assert rules["govern.audit"]["keys"] == ["gate"] and rules["govern.audit"]["gains"] is None
    assert rules["high.companion"]["gains"]["facts"]["interaction"] == "open_dialogue"
    assert rules["high.companion"]["loses"] is None and rules["high.use"]["loses"] is None
    assert rules["medium.platform"]["loses"]["facts"]["hosts_many_models"] is True
    assert found["promises"] == [{"id": "ours", "change": "added", "keys": []}]
    assert found["lanes"] == found["sets"] == found["terms"] == found["facts"] == found["undecided"] == []


def test_a_set_or_fact_that_changes_shows_in_the_rules(tmp_path: Path) -> None:
    fact = (
        "facts:\n  - {id: x_new, name: {en: New, zh: 新}, type: bool, question: {en: New?, zh: 新？},"
        " help: {en: New., zh: 新。}}\n"
    )
    body = f"{fact}sets: {{KEY_SECTORS: [education]}}\ntiers:\n" + rule("medium.new", "x_new")
    policy = load_compiled(annex(tmp_path, body))
    found = policy_diff(POLICY, policy)
    assert found["sets"] == ["KEY_SECTORS"] and found["facts"] == ["x_new"]
    rules = {item["rule"]: item for item in found["rules"]}
    assert rules["high.key-sector-decisions"]["gains"]["facts"]["sector"] == ["education"]
    back = policy_diff(policy, POLICY)
    lost = next(item for item in back["rules"] if item["rule"] == "medium.new")
    assert lost["change"] == "removed" and lost["loses"]["facts"]["x_new"] is True


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "some systems move from low to high"), ("zh", "部分系统由低变为高")]
)
def test_the_difference_in_both_languages(
    lang: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = annex(tmp_path, "tiers:\n" + rule("high.use", 'stage == "use"', "high"))
    options = command("v1", path, lang=lang, action="diff")
    assert options.run(options) == 0
    out = capsys.readouterr().out
    assert words in out and "stage: use" in out and "high.use" in out
    options = command("v1", "v1", "--json", lang=lang, action="diff")
    assert options.run(options) == 0
    assert not json.loads(capsys.readouterr().out)["rules"]
