"""The gate, judged without a store: what opens it, what shuts it again, and that a change re-opens what it touches."""

import datetime as dt
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.base.i18n import Text
from steelyard.gates.case import Case, about, digests_in
from steelyard.policy.compile import Policy
from steelyard.policy.model import GATES
from steelyard.policy.tree import TIER, facts_of
from steelyard.profile.document import Profile
from tests.gates.cases import DAY, KINDS, case, everything, item, judge, shipped, step, systems, wanted
from tests.strategies import values_of

MODEL_A, MODEL_B = "aa" * 32, "bb" * 32
NAMES = sorted(systems())


def settled(one: Case) -> bool:
    """Whether nothing but what is owed can keep its gates shut."""
    found = one.assessment
    return found.tier.settled and not found.prohibitions and all(fired.certain for fired in found.obligations)


SETTLED = [name for name in NAMES if settled(case(systems()[name]))]


def owing(obligation: str) -> Case:
    """The case of a system that owes this for certain."""
    return next(
        one
        for one in map(case, systems().values())
        if any(fired.rule.id == obligation and fired.certain for fired in one.assessment.obligations)
    )


# Opening and shutting


def test_most_of_the_example_systems_can_be_brought_through_every_gate() -> None:
    assert len(SETTLED) > 20
    for name in SETTLED:
        one = case(systems()[name])
        items, decisions = everything(one)
        for gate in GATES:
            result = judge(one, items, decisions).gate(gate)
            assert result.open, (name, gate, [(found.fired.rule.id, found.state) for found in result.steps])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SETTLED), st.randoms(use_true_random=False))
def test_no_single_thing_is_superfluous(name: str, rng: Any) -> None:
    """Take any one piece of evidence or any one needed approval away, and launch or operate shuts."""
    one = case(systems()[name])
    items, decisions = everything(one)
    roles = judge(one).roles() or ("legal",)
    decisions = [found for found in decisions if found.role in roles]
    gone = rng.choice([*items, *decisions])
    less = judge(
        one, [found for found in items if found is not gone], [found for found in decisions if found is not gone]
    )
    results = {gate: less.gate(gate) for gate in GATES}
    shut = [found for result in results.values() for found in result.of("due", "later")]
    assert any(result.approval for result in results.values()) or any(
        found.fired.rule.id in (getattr(gone, "obligations", None) or ()) or found.role == getattr(gone, "role", "")
        for found in shut
    )


def test_a_gate_asks_for_what_is_due_up_to_it_and_retire_for_its_own() -> None:
    one = owing("data.dispose-at-end")
    asked = {gate: {found.fired.rule.gate for found in judge(one).gate(gate).steps} for gate in GATES}
    assert asked["intake"] <= {"intake"} and "build" in asked["build"] and "launch" in asked["launch"]
    assert asked["launch"] <= {"intake", "build", "launch"}
    assert asked["operate"] <= {"intake", "build", "launch", "operate"} and "change" not in asked["operate"]
    assert asked["change"] <= {"intake", "build", "launch", "change"} and asked["retire"] == {"retire"}


def test_nothing_is_on_record_so_nothing_is_open_but_what_asks_for_nothing() -> None:
    for name in NAMES:
        assert not judge(case(systems()[name])).gate("launch").open


# A change re-opens what it touches, and nothing else


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(NAMES), st.data())
def test_one_changed_answer_touches_only_the_rules_that_read_it(name: str, data: Any) -> None:
    profile, words = systems()[name], shipped().vocabulary
    fact = data.draw(st.sampled_from([words[key] for key in sorted(profile.facts)]))
    value = data.draw(values_of(fact))
    before = case(profile)
    after = case(replace(profile, facts={**profile.facts, fact.id: value}))
    items, decisions = everything(before)
    old, new = before.assessment, after.assessment
    moved = {key for key in old.values if key != TIER and old.values[key] != new.values[key]}
    if old.tier != new.tier:
        moved.add(TIER)
    reads = {rule.id: set(facts_of(one.node)) for rule, one in shipped().obligations}
    was, now = ({fired.rule.id: fired for fired in found.obligations} for found in (old, new))
    then = judge(before, items, decisions)
    later = judge(after, items, decisions)
    for gone_or_new in set(was) ^ set(now):
        assert reads[gone_or_new] & moved, (gone_or_new, moved)
    for obligation in set(was) & set(now):
        role = wanted().approvals.get(obligation)
        if role is not None:  # reviews are about the whole case: a changed answer is to be reviewed again
            assert (step(later, obligation).state == "satisfied") is (after.digest == before.digest)
            continue
        first, second = step(then, obligation), step(later, obligation)
        if not reads[obligation] & moved:
            assert second.state == first.state == "satisfied", obligation
        if second.state != "satisfied":
            assert second.reopened == first.by and reads[obligation] & moved
        if set(was[obligation].names) & moved:  # what decided it has another value now
            assert second.reopened == first.by
    if not moved:
        assert after.bases == before.bases


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SETTLED), st.booleans())
def test_another_model_touches_only_evidence_about_models(name: str, digested: bool) -> None:
    def models(sha256: str) -> tuple[Any, ...]:
        return ({"id": "m", "sha256": sha256},) if digested else (f"model-{sha256[:2]}",)

    profile = systems()[name]
    before, after = (case(replace(profile, models=models(sha256))) for sha256 in (MODEL_A, MODEL_B))
    items, decisions = everything(before, [MODEL_A])
    then, later = judge(before, items, decisions), judge(after, items, decisions)
    for fired in before.assessment.obligations:
        first, second = step(then, fired.rule.id), step(later, fired.rule.id)
        assert first.state == "satisfied"
        if wanted().approvals.get(fired.rule.id):
            assert second.state == "due" and second.reopened
            continue
        kind = KINDS[fired.rule.evidence[0]]
        assert second.state == ("due" if kind.about == "model" else "satisfied"), (fired.rule.id, kind.id)
        assert bool(second.reopened) is (kind.about == "model")


def test_evidence_of_one_model_does_not_count_for_another_that_stands_beside_it() -> None:
    one = owing("model.evaluation")
    profile = one.assessment.profile
    both = ({"id": "a", "sha256": MODEL_A}, {"id": "b", "digest": f"sha256:{MODEL_B}"})
    now = case(replace(profile, models=both))
    half = item("model.evaluation", "evaluation", bases=now.bases, subjects=frozenset({MODEL_A}))
    assert step(judge(now, [half]), "model.evaluation").state == "due"
    whole = replace(half, subjects=frozenset({MODEL_A, MODEL_B}))
    assert step(judge(now, [whole]), "model.evaluation").state == "satisfied"
    # a model without a digest beside one with: another name in its place is another list
    mixed, other = (case(replace(profile, models=({"id": "a", "sha256": MODEL_A}, name))) for name in ("b", "c"))
    said = replace(whole, bases=mixed.bases)
    assert step(judge(mixed, [said]), "model.evaluation").state == "satisfied"
    assert step(judge(other, [said]), "model.evaluation").state == "due"


def test_only_sha256_digests_are_digests() -> None:
    assert digests_in(({"id": "a", "digest": "sha512:" + "ab" * 64}, {"id": "b", "sha256": 7}, "c")) == frozenset()
    assert digests_in(({"id": "a", "sha256": MODEL_A.upper()},)) == {MODEL_A}
    assert (about("model"), about("dataset"), about("file")) == ("models", "datasets", None)


def changed(policy: Policy, name: str, **changes: Any) -> Policy:
    """The policy with one obligation changed."""
    owed = tuple(
        msgspec.structs.replace(rule, **changes) if rule.id == name else rule for rule in policy.data.obligations
    )
    return Policy(msgspec.structs.replace(policy.data, obligations=owed), policy.clauses)


@pytest.mark.parametrize("name", SETTLED[:12])
def test_another_wording_of_the_policy_re_opens_nothing(name: str) -> None:
    policy, word = shipped(), Text("Said otherwise.", "换一种说法。")
    owed = tuple(
        msgspec.structs.replace(rule, title=word, action=word, why=word, clauses=rule.clauses[:1])
        for rule in policy.data.obligations
    )
    reworded = Policy(msgspec.structs.replace(policy.data, obligations=owed, title=word, version="2"), policy.clauses)
    assert reworded.digest != policy.digest
    before, after = case(systems()[name]), case(systems()[name], reworded)
    assert (after.digest, after.bases) == (before.digest, before.bases)


@pytest.mark.parametrize(
    "change",
    [
        {"gate": "build"},
        {"every": "P1M"},
        {"due": "P1D"},
        {"evidence": ("document", "review")},
        {"when": 'audience >= "internal"'},
    ],
    ids=lambda found: next(iter(found)),
)
def test_a_changed_obligation_re_opens_itself_and_no_other(change: dict[str, Any]) -> None:
    before = owing("govern.register-full")
    after = case(before.assessment.profile, changed(shipped(), "govern.register-full", **change))
    differing = {key for key in before.bases if before.bases[key] != after.bases.get(key)}
    assert differing == {"govern.register-full"} and after.digest != before.digest
    items, _ = everything(before)
    later = judge(after, items)
    assert step(later, "govern.register-full").reopened
    rest = [fired.rule.id for fired in after.assessment.obligations if fired.rule.id not in wanted().approvals]
    assert {key for key in rest if step(later, key).state != "satisfied"} == {"govern.register-full"}


@pytest.mark.parametrize("part", ["owner", "accountable", "unit", "purpose", "models", "datasets"])
def test_reviews_see_the_whole_system(part: str) -> None:
    profile = systems()[SETTLED[0]]
    other: dict[str, Any] = {part: ("x",) if part in ("models", "datasets") else "another"}
    assert case(replace(profile, **other)).digest != case(profile).digest


def test_the_case_says_nothing_about_the_day_or_the_name() -> None:
    profile: Profile = systems()[SETTLED[0]]
    assert case(profile, on=DAY + dt.timedelta(days=900)).digest == case(profile).digest
    assert case(replace(profile, name="Another name", asked=())).digest == case(profile).digest
