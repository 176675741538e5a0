"""One obligation at a time: what evidence counts and until when, what speaks against it, who approves, what excepts."""

import datetime as dt
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from steelyard.gates.case import Case
from steelyard.gates.gate import APPROVAL
from steelyard.policy.compile import Policy
from steelyard.policy.model import Reviewer
from tests.gates.cases import DAY, KINDS, case, decision, everything, item, judge, shipped, step, systems, wanted
from tests.gates.test_gate import SETTLED, owing

DRILL, WATCH, REGISTER = "oversight.yearly-drill", "system.vulnerability-watch", "govern.register-full"


def day(after: int) -> dt.date:
    """A day after (or before) the one of the tests."""
    return DAY + dt.timedelta(days=after)


def state(
    of: Case, obligation: str, *items: Any, on: dt.date = DAY, decisions: Any = (), gate: str | None = None
) -> str:
    """The state of one obligation."""
    return step(judge(of, items, decisions, on), obligation, gate).state


# What counts


def test_every_requirement_is_met_by_its_example_and_not_by_its_near_miss() -> None:
    checked = 0
    for need in wanted().items:
        try:
            one = owing(need.obligation)
        except StopIteration:
            continue
        good = item(need.obligation, need.kind, result=need.examples.meets)
        short = item(need.obligation, need.kind, result=need.examples.falls_short)
        assert state(one, need.obligation, good) == "satisfied", need.obligation
        assert state(one, need.obligation, short) in ("due", "contradicted"), need.obligation
        checked += 1
    assert checked > 20


def test_a_measure_that_is_not_said_does_not_count() -> None:
    one = owing(DRILL)
    assert state(one, DRILL, item(DRILL, "drill")) == "satisfied"
    assert state(one, DRILL, item(DRILL, "drill", result={"exercised": ["restore"]})) == "due"


def test_evidence_counts_for_the_obligations_it_names_or_for_all_that_take_its_kind() -> None:
    one = owing(REGISTER)
    assert state(one, REGISTER, item(REGISTER, "document", obligations=frozenset({"another"}))) == "due"
    general = step(judge(one, [item(REGISTER, "document", obligations=None)]), REGISTER)
    assert general.state == "satisfied" and general.general
    assert not step(judge(one, [item(REGISTER, "document")]), REGISTER).general
    assert state(one, REGISTER, item(REGISTER, "review")) == "due"


# Until when


@pytest.mark.parametrize(
    ("obligation", "kind", "changes", "last"),
    [
        (REGISTER, "document", {}, dt.date(2027, 11, 24)),  # every P1Y
        (REGISTER, "document", {"valid_until": day(10)}, day(10)),
        (REGISTER, "document", {"valid_until": day(9000)}, dt.date(2027, 11, 24)),  # no statement outlives its rhythm
        (WATCH, "document", {}, day(30)),
        (DRILL, "drill", {}, dt.date(2027, 11, 24)),
        ("model.independent-tests", "evaluation", {}, dt.date(2027, 5, 24)),  # fresh P6M and every P6M
    ],
)
def test_it_counts_up_to_its_last_day_and_lapses_on_the_next(
    obligation: str, kind: str, changes: dict[str, Any], last: dt.date
) -> None:
    one, found = owing(obligation), item(obligation, kind, **changes)
    assert state(one, obligation, found, on=last) == "satisfied"
    assert step(judge(one, [found], on=last), obligation).until == last
    assert state(one, obligation, found, on=last + dt.timedelta(days=1)) == "lapsed"


def test_operate_shuts_when_a_recurring_obligation_lapses_and_opens_when_it_is_done_again() -> None:
    one = next(found for found in map(case, (systems()[name] for name in SETTLED)) if WATCH in found.bases)
    items, decisions = everything(one)
    assert judge(one, items, decisions, day(30)).gate("operate").open
    shut = judge(one, items, decisions, day(31)).gate("operate")
    assert not shut.open and [found.fired.rule.id for found in shut.of("lapsed")] == [WATCH]
    assert judge(one, items, decisions, day(31)).gate("launch").open
    again = item(WATCH, "document", 900, issued=day(31), bases=one.bases)
    assert judge(one, [*items, again], decisions, day(31)).gate("operate").open


def test_what_is_issued_or_decided_after_the_day_does_not_count_on_it() -> None:
    one = owing(REGISTER)
    assert state(one, REGISTER, item(REGISTER, "document", issued=day(1))) == "due"
    assert state(one, REGISTER, item(REGISTER, "document", issued=day(1)), on=day(1)) == "satisfied"
    approve = decision("approve", "legal", one, decided=day(1))
    assert state(one, "govern.review-legal", decisions=[approve]) == "due"
    assert state(one, "govern.review-legal", decisions=[approve], on=day(1)) == "satisfied"


def test_a_time_after_a_gate_runs_from_the_day_it_was_passed() -> None:
    name = "people.discrimination-check"  # due P6M after operate
    one = owing(name)
    assert state(one, name, gate="operate") == "later"
    passed = decision("approve", "legal", one, gate="operate")
    assert state(one, name, gate="operate", decisions=[passed], on=dt.date(2027, 5, 23)) == "later"
    assert state(one, name, gate="operate", decisions=[passed], on=dt.date(2027, 5, 24)) == "due"
    reminder = "inform.staff-reminder"  # due P30D after launch, also where a standing approval let it launch
    light = owing(reminder)
    admitted = decision("admit", "standing", light, gate="launch")
    assert state(light, reminder, gate="operate", decisions=[admitted], on=day(29)) == "later"
    assert state(light, reminder, gate="operate", decisions=[admitted], on=day(30)) == "due"


def test_a_date_makes_an_obligation_due_from_that_day_on() -> None:
    policy = shipped()
    owed = tuple(
        msgspec.structs.replace(rule, due="2027-01-01") if rule.id == REGISTER else rule
        for rule in policy.data.obligations
    )
    dated = Policy(msgspec.structs.replace(policy.data, obligations=owed), policy.clauses)
    one = case(owing(REGISTER).assessment.profile, dated)
    assert state(one, REGISTER, gate="launch", on=dt.date(2026, 12, 31)) == "later"
    assert state(one, REGISTER, gate="launch", on=dt.date(2027, 1, 1)) == "due"


# What speaks against it


def failed(number: int, **changes: Any) -> Any:
    """A drill that failed."""
    return item(DRILL, "drill", number, result={**KINDS["drill"].examples.satisfies, "outcome": "fail"}, **changes)


def test_what_was_issued_last_counts_whatever_came_in_last() -> None:
    one = owing(DRILL)
    assert state(one, DRILL, item(DRILL, "drill", 1), failed(2)) == "contradicted"
    assert state(one, DRILL, failed(1), item(DRILL, "drill", 2)) == "satisfied"
    # an old success that is handed in after a newer failure does not hide it
    assert state(one, DRILL, item(DRILL, "drill", 9, issued=day(-30)), failed(2)) == "contradicted"
    # once it was done again well, and that lapsed, it has lapsed; the old failure is not news
    assert state(one, DRILL, failed(1, issued=day(-800)), item(DRILL, "drill", 2, issued=day(-700))) == "lapsed"


def test_an_override_lets_it_stand_until_its_end_and_for_what_it_saw() -> None:
    one, against = owing(DRILL), failed(2)
    standing = decision(
        "override", "legal", one, 3, obligation=DRILL, until=day(5), more={"basis": one.bases[DRILL]}
    )  # fmt: skip
    found = step(judge(one, [against], [standing]), DRILL)
    assert found.state == "satisfied" and set(found.by) == {against.digest, standing.digest} and found.until == day(5)
    assert state(one, DRILL, against, decisions=[standing], on=day(6)) == "contradicted"
    assert state(one, DRILL, against, decisions=[replace(standing, seq=1)]) == "contradicted"  # decided before it
    assert state(one, DRILL, against, decisions=[replace(standing, more={"basis": "other"})]) == "contradicted"
    assert state(one, DRILL, against, decisions=[replace(standing, obligation="another")]) == "contradicted"
    assert state(one, DRILL, failed(4), decisions=[standing]) == "contradicted"  # a failure after it


# Exceptions


def test_an_exception_stands_until_its_end_and_for_what_it_was_given_for() -> None:
    one = owing(REGISTER)
    given = decision("except", "legal", one, obligation=REGISTER, until=day(5), more={"basis": one.bases[REGISTER]})
    assert state(one, REGISTER, decisions=[given]) == "excepted"
    assert step(judge(one, [], [given]), REGISTER).until == day(5)
    assert state(one, REGISTER, decisions=[given], on=day(6)) == "due"
    assert state(one, REGISTER, decisions=[replace(given, more={"basis": "another"})]) == "due"
    assert state(one, REGISTER, decisions=[replace(given, until=None)]) == "due"
    assert state(one, REGISTER, item(REGISTER, "document"), decisions=[given]) == "satisfied"
    shorter = replace(given, seq=2, until=DAY)
    assert state(one, REGISTER, decisions=[given, shorter], on=day(1)) == "due"  # the last word counts


# What is not known


def test_an_open_fact_keeps_the_gate_shut_and_is_named() -> None:
    profile = systems()[SETTLED[0]]
    open_ = case(replace(profile, facts={key: found for key, found in profile.facts.items() if key != "audience"}))
    items, decisions = everything(open_)
    unsure = next(found for found in open_.assessment.obligations if "audience" in found.open)
    less = [found for found in items if found.obligations != {unsure.rule.id}]
    result = judge(open_, less, decisions).gate("change")
    facts = {found.fired.rule.id: found.facts for found in result.of("uncertain")}
    assert not result.open and "audience" in facts[unsure.rule.id]
    # what counts already when it is owed counts now
    assert step(judge(open_, items, decisions), unsure.rule.id).state == "satisfied"


def test_a_prohibition_that_an_open_fact_decides_keeps_the_gate_shut_too() -> None:
    found = 0
    for profile in (systems()[name] for name in SETTLED):
        for fact in profile.facts:
            one = case(replace(profile, facts={key: value for key, value in profile.facts.items() if key != fact}))
            maybe = [fired for fired in one.assessment.prohibitions if not fired.certain]
            if not maybe:
                continue
            result = judge(one, *everything(one)).gate("launch")
            assert not result.open and result.undecided and fact in result.undecided[0].open
            assert judge(one, *everything(one)).gate("retire").undecided == ()
            found += 1
    assert found > 5


# Approvals


def test_approvals_are_of_the_role_the_case_and_the_gate_and_the_last_word_counts() -> None:
    one, name = owing("govern.review-security"), "govern.review-security"  # due at launch
    yes = decision("approve", "security", one)
    assert state(one, name, decisions=[yes]) == "satisfied"
    assert state(one, name, item(name, "review")) == "due"  # no paper stands for a person
    assert state(one, name, decisions=[replace(yes, role="legal")]) == "due"
    assert state(one, name, decisions=[replace(yes, case="another")]) == "due"
    assert step(judge(one, [], [replace(yes, case="another")]), name).reopened == (yes.digest,)
    for gate, counts in (("intake", False), ("build", False), ("launch", True), ("operate", True), ("retire", False)):
        assert (state(one, name, decisions=[replace(yes, gate=gate)]) == "satisfied") is counts, gate
    assert state(one, name, decisions=[replace(yes, obligation="govern.review-legal")]) == "due"
    assert state(one, name, decisions=[replace(yes, obligation=name)]) == "satisfied"
    no = decision("refuse", "security", one, 2)
    assert state(one, name, decisions=[yes, no]) == "contradicted"
    assert state(one, name, decisions=[yes, replace(no, gate="build")]) == "contradicted"
    assert state(one, name, decisions=[yes, no, replace(yes, seq=3)]) == "satisfied"
    ending = replace(yes, until=day(3))
    assert state(one, name, decisions=[ending], on=day(3)) == "satisfied"
    assert state(one, name, decisions=[ending], on=day(4)) == "lapsed"


def test_as_many_people_as_the_lane_asks_for() -> None:
    policy, name = shipped(), "govern.review-legal"
    lanes = tuple(
        msgspec.structs.replace(
            lane,
            reviewers=tuple(Reviewer(found.role, 2 if found.role == "legal" else 1) for found in lane.reviewers),
        )
        for lane in policy.data.lanes
    )
    two = Policy(msgspec.structs.replace(policy.data, lanes=lanes), policy.clauses)
    one = case(owing(name).assessment.profile, two)
    first = decision("approve", "legal", one, 1, person="p-1")
    assert state(one, name, decisions=[first]) == "due"
    assert state(one, name, decisions=[first, replace(first, seq=2)]) == "due"
    assert state(one, name, decisions=[first, decision("approve", "legal", one, 2, person="p-2")]) == "satisfied"


def test_a_lane_asks_for_its_roles_even_where_no_obligation_carries_them() -> None:
    policy = shipped()
    lanes = tuple(
        msgspec.structs.replace(lane, reviewers=(*lane.reviewers, Reviewer("operations"))) for lane in policy.data.lanes
    )
    more = Policy(msgspec.structs.replace(policy.data, lanes=lanes), policy.clauses)
    one = case(systems()[SETTLED[0]], more)
    items, decisions = everything(one)
    without = [found for found in decisions if found.role != "operations"]
    assert judge(one, items, without).gate("launch").approval == ("operations",)
    assert judge(one, items, decisions).gate("launch").open
    assert judge(one, items, without).gate("build").approval == ()


def test_the_fast_lane_takes_one_approval_of_anybody_or_an_admission() -> None:
    one = next(
        found for found in map(case, (systems()[name] for name in SETTLED)) if found.assessment.tier == ("low", "low")
    )
    items, _ = everything(one)
    assert judge(one, items).gate("launch").approval == (APPROVAL,)
    for action in ("approve", "admit"):
        word = decision(action, "legal", one)
        assert judge(one, items, [word]).gate("launch").open
        assert not judge(one, items, [word, decision("refuse", "legal", one, 2)]).gate("launch").open
        assert not judge(one, items, [replace(word, case="another")]).gate("launch").open
        assert not judge(one, items, [replace(word, until=day(-1))]).gate("launch").open
    for gate in ("intake", "build", "retire"):
        assert not judge(one, items, [decision("approve", "legal", one, gate=gate)]).gate("launch").open


def test_a_stop_stands_until_somebody_of_the_lane_approves_again() -> None:
    one = case(systems()[SETTLED[0]])
    items, decisions = everything(one)
    stop = decision("stop", "security", one, 5000)
    shut = judge(one, items, [*decisions, stop])
    assert not shut.gate("operate").open and shut.gate("operate").stops == (stop,) and shut.gate("retire").open
    again = replace(decisions[0], seq=5001)
    assert judge(one, items, [*decisions, stop, again]).gate("operate").open
    for change in ({"obligation": "x"}, {"seq": 4999}, {"action": "admit"}):
        useless = replace(again, **change)  # type: ignore[arg-type]
        assert not judge(one, items, [*decisions, stop, useless]).gate("operate").open
