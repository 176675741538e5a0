"""Decisions through the command line: what the core refuses, how it says so, and that a refusal leaves nothing."""

import datetime as dt
import json
from typing import Any

import pytest

from steelyard.base import keys
from steelyard.base.clock import today
from steelyard.gates import decide as core
from steelyard.gates import people
from steelyard.gates.desk import Desk, writing
from steelyard.gates.fast_lane import DRAW, drawn
from steelyard.ledger.home import Home
from steelyard.policy.compile import load_compiled
from tests.gates.house import ADMINISTRATOR, OWNER, PASSPHRASE, House, opened

DEEP = ("business", "data", "legal", "security", "senior")


def days(after: int) -> str:
    """A day from today."""
    return (today() + dt.timedelta(days=after)).isoformat()


EXCEPTED = ("--obligation", "govern.register-full", "--until", days(3))


def decide(action: str, by: str, role: str, *more: object, reason: str = "looked at it") -> list[object]:
    """The arguments of a decision."""
    return ["decide", action, "steelyard.yaml", "--by", by, "--role", role, "--reason", reason, *more]


@pytest.fixture
def deep(house: House) -> House:
    """A high-tier system whose owner is Zhou Lan, and some people."""
    house.profile("loan-approval", owner=OWNER, unit="Bank")
    house.people(legal="Zhao Lei", security="Sun Yue", operations="He Ping")
    return house


def untouched(house: House) -> Any:
    """Everything that a decision would change."""
    return house.dump("evidence_envelope", "gates_decision", "gates_assessment", "ledger_entry", "ledger_queue")


# What the core refuses


def test_refusals_exit_1_and_leave_nothing(deep: House) -> None:
    house = deep
    house.person(OWNER, "legal")
    house.person("Wu Gang")
    house.person("Deng Li")
    house.ok("appoint", "Deng Li", "--role", "legal", "--until", days(-1), "--by", ADMINISTRATOR)
    house.person("Fan Xin")
    house.ok("appoint", "Fan Xin", "--role", "legal", "--unit", "Insurance", "--by", ADMINISTRATOR)
    before = untouched(house)
    old = house.gate()["digest"]
    house.profile("loan-approval", owner=OWNER, unit="Bank", personal_data="personal")
    house.refused(1, "changed", *decide("approve", "Zhao Lei", "legal", "--reviewed", old))
    house.refused(1, "changed", *decide("stop", "Zhao Lei", "legal", "--reviewed", "sha256:0"))
    house.refused(1, "own_system", *decide("approve", OWNER, "legal"))
    for action in ("except", "override"):
        more = ["--obligation", "govern.register-full", "--until", days(5)]
        house.refused(1, "own_system", *decide(action, OWNER, "legal", *more))
        house.refused(1, "own_request", *decide(action, "Zhao Lei", "legal", *more, "--requested-by", "Zhao Lei"))
        house.refused(1, "role_not_in_lane", *decide(action, ADMINISTRATOR, "administrator", *more))
    house.refused(1, "not_appointed", *decide("approve", "Wu Gang", "legal"))
    house.refused(1, "not_appointed", *decide("approve", "Deng Li", "legal"))  # it ended yesterday
    house.refused(1, "not_appointed", *decide("approve", "Fan Xin", "legal"))  # in another unit
    house.refused(1, "not_appointed", *decide("approve", "Zhao Lei", "security"))
    house.refused(1, "role_not_in_lane", *decide("approve", "He Ping", "operations"))
    house.refused(1, "role_not_in_lane", *decide("approve", ADMINISTRATOR, "administrator"))
    review = ["--obligation", "govern.review-legal", "--until", days(5)]
    house.refused(1, "review_not_excepted", *decide("except", "Zhao Lei", "legal", *review))
    house.profile("loan-approval", owner=None)
    house.refused(1, "no_owner", *decide("approve", "Zhao Lei", "legal"))
    assert untouched(house) == before


def test_unusable_decisions_exit_2_and_leave_nothing(deep: House) -> None:
    house, before = deep, untouched(deep)
    bad = [
        ("no_reason", decide("approve", "Zhao Lei", "legal", reason="  ")),
        ("no_reason", decide("approve", "Zhao Lei", "legal", reason="x" * 4_001)),
        ("personal_data", decide("approve", "Zhao Lei", "legal", reason="call 13812345678 about it")),
        ("personal_data", decide("approve", "Zhao Lei", "legal", reason="agreed with SUN  yue, see the minutes")),
        ("personal_data", decide("approve", "Zhao Lei", "legal", reason=f"{OWNER} asked for it")),
        ("personal_data", decide("approve", "Zhao Lei", "legal", reason="杜若宁已同意")),
        ("unknown_role", decide("approve", "Zhao Lei", "emperor")),
        ("unknown_person", decide("approve", "Nobody", "legal")),
        ("unknown_gate", decide("approve", "Zhao Lei", "legal", "--gate", "heaven")),
        ("bad_date", decide("approve", "Zhao Lei", "legal", "--until", "soon")),
        ("bad_date", decide("stop", "Zhao Lei", "legal", "--until", "2026-02-30")),
        ("unknown_obligation", decide("except", "Zhao Lei", "legal", "--until", days(3))),
        ("unknown_obligation", decide("except", "Zhao Lei", "legal", "--obligation", "x.y", "--until", days(3))),
        ("unknown_obligation", decide("approve", "Zhao Lei", "legal", "--obligation", "x.y")),
        ("no_end", decide("except", "Zhao Lei", "legal", "--obligation", "govern.register-full")),
        ("no_end", decide("override", "Zhao Lei", "legal", "--obligation", "govern.audit", "--until", days(-1))),
        ("not_today", decide("approve", "Zhao Lei", "legal", "--on", days(-30))),
        ("not_today", decide("approve", "Zhao Lei", "legal", "--on", days(1))),
        ("cannot_read", ["decide", "stop", "absent.yaml", "--by", "Zhao Lei", "--role", "legal", "--reason", "x"]),
        ("unknown_person", decide("except", "Zhao Lei", "legal", *EXCEPTED, "--requested-by", "Who")),
    ]  # fmt: skip
    house.person("Will")
    before = untouched(house)
    house.refused(1, "not_appointed", *decide("approve", "Will", "legal", reason="will be looked at again"))
    for error, args in bad:
        assert house.refused(2, error, *args)["message"]
    for args in (["decide"], ["decide", "bless", "steelyard.yaml"], decide("approve", "Zhao Lei", "legal")[:5]):
        with pytest.raises(SystemExit) as caught:
            house.run(*args)
        assert caught.value.code == 2
    assert untouched(house) == before


def test_names_are_told_apart_by_more_than_their_spelling(deep: House) -> None:
    """The owner is the owner in capitals, in full width, with more spaces, or by pseudonym."""
    pseudonym = deep.person(OWNER, "legal")
    for name in (OWNER.upper(), " ZHOU   lan ", "Ｚｈｏｕ Ｌａｎ", pseudonym):
        deep.profile("loan-approval", owner=name)
        deep.refused(1, "own_system", *decide("approve", OWNER, "legal"))
    deep.profile("loan-approval", owner="Zhou Lanying")
    deep.ok(*decide("approve", OWNER, "legal"))


def test_whoever_had_their_name_erased_decides_nothing_that_an_owner_may_not(deep: House) -> None:
    person = deep.person(OWNER, "legal")
    deep.ok("ledger", "erase", person)
    deep.refused(1, "name_erased", *decide("approve", person, "legal"))
    deep.ok(*decide("stop", person, "legal"))
    deep.profile("loan-approval", owner="p-0123456789abcdef")
    deep.ok(*decide("approve", person, "legal"))  # now the profile says who owns it in a way that can be compared


def test_one_person_speaks_in_one_role(deep: House) -> None:
    deep.ok("appoint", "Zhao Lei", "--role", "security", "--by", ADMINISTRATOR)
    deep.ok(*decide("approve", "Zhao Lei", "legal"))
    deep.refused(1, "not_distinct", *decide("approve", "Zhao Lei", "security"))
    deep.ok(*decide("approve", "Sun Yue", "security"))
    deep.ok(*decide("approve", "Zhao Lei", "legal", "--gate", "launch"))
    deep.profile("loan-approval", owner=OWNER, purpose="Something else")  # another case: roles may change
    deep.ok(*decide("approve", "Zhao Lei", "security"))


def test_a_decision_between_looking_and_signing_is_seen(deep: House) -> None:
    deep.ok("appoint", "Zhao Lei", "--role", "security", "--by", ADMINISTRATOR)
    desk = Desk.of(Home(f"sqlite:///{deep.database}"), load_compiled(), today())
    with writing(desk.home) as link:
        person = people.find(desk.home, link, "Zhao Lei")
        judge = desk.judge(desk.case("steelyard.yaml"), link)
        deep.ok(*decide("approve", "Zhao Lei", "legal"))
        with pytest.raises(people.Refused) as caught:
            core.decide(desk.home, link, judge, core.Request("approve", person, "security", "seen"), PASSPHRASE)
    assert caught.value.code == "not_distinct"
    assert len(deep.select("SELECT 1 FROM gates_decision")) == 1


def test_what_is_prohibited_cannot_be_approved(house: House) -> None:
    house.profile("loan-approval", owner=OWNER, audience="public", hazard_domain=["chemical"])
    house.people(legal="Zhao Lei")
    gate = house.gate()
    assert gate["prohibited"], gate
    house.refused(1, "prohibited", *decide("approve", "Zhao Lei", "legal"))
    house.ok(*decide("refuse", "Zhao Lei", "legal"))


# What is recorded


def test_a_decision_is_signed_by_the_person_and_names_nobody(deep: House) -> None:
    digest = deep.ok(*decide("except", "Zhao Lei", "legal", "--obligation", "govern.register-full", "--until", days(9)))
    body = deep.select(f"SELECT body FROM evidence_envelope WHERE digest = '{digest}'")[0][0]  # noqa: S608
    envelope, said = opened(deep.file(body.decode()))
    ids = {item["name"]: item for item in deep.json_lines("key", "list")}
    predicate = said["predicate"]
    assert predicate["person"] == ids["Zhao Lei"]["holder"]
    assert [item["keyid"] for item in envelope["signatures"]] == [ids["Zhao Lei"]["keyid"]]
    assert predicate["case"] == deep.gate()["digest"] and set(predicate["seen"]) == {"profile", "policy", "catalogue"}
    assert (predicate["more"]["owner"], predicate["more"]["requester"]) == ("owner", "owner")  # who has no key here
    asked = deep.person("Wu Gang")
    again = decide("except", "Zhao Lei", "legal", "--obligation", "govern.register-full", "--until", days(9))
    deep.ok(*again, "--requested-by", "Wu Gang")
    more = json.loads(deep.select("SELECT more FROM gates_decision ORDER BY seq DESC LIMIT 1")[0][0])
    assert more["requester"] == asked and deep.gate()["excepted"][0]["until"] == days(9)


def test_five_people_open_the_deep_lane_and_a_material_change_shuts_it(house: House) -> None:
    house.profile("loan-approval", owner=OWNER)
    names = {role: f"Person {role.title()}" for role in DEEP}
    house.people(**names)
    missing = {item["obligation"]: item for item in house.gate()["missing"]}
    reviews = {name for name, item in missing.items() if item["decision"]}
    assert {tuple(missing[name]["needs"]) for name in reviews} == {("review",), ("sign_off",)}
    assert {missing[name]["decision"]["role"] for name in reviews} == set(DEEP)
    assert len(reviews) == 5
    for role, name in names.items():
        house.ok(*decide("approve", name, role, "--gate", "launch"))
    after = house.gate()
    assert not reviews & {item["obligation"] for item in after["missing"]}
    assert reviews <= {item["obligation"] for item in after["satisfied"]}
    house.profile("loan-approval", owner=OWNER, name="Another name")  # nothing that a reviewer would look at
    assert reviews <= {item["obligation"] for item in house.gate()["satisfied"]}
    house.profile("loan-approval", owner=OWNER, children_data=True)
    stale = {item["obligation"]: item for item in house.gate()["missing"]}
    assert reviews <= set(stale) and all(stale[name]["reopened"] for name in reviews)
    house.ok(*decide("refuse", names["legal"], "legal"))
    assert "govern.review-legal" in {item["obligation"] for item in house.gate()["contradicted"]}


def test_a_stop_shuts_every_gate_but_retire_until_somebody_approves_again(house: House) -> None:
    house.profile()
    house.people(legal="Zhao Lei", security="Sun Yue")
    house.light()
    house.ok(*decide("approve", "Zhao Lei", "legal"))
    assert house.gate()["open"]
    stop = house.ok(*decide("stop", "Sun Yue", "security"))
    assert house.gate()["stopped"] == [stop] and house.gate("intake")["stopped"] == [stop]
    assert house.gate("retire")["stopped"] == []
    house.ok(*decide("approve", "Zhao Lei", "legal"))
    assert house.gate()["open"]


# The fast lane


@pytest.fixture
def fast(house: House) -> House:
    """A low-tier system with what it owes, its owner's key, and a person who may sign a standing approval."""
    house.profile()
    house.people(senior="Qian Min")
    house.person(OWNER, "business")
    house.light()
    return house


STANDING = ["decide", "standing", "--role", "senior", "--reason", "small internal tools"]
DECLARE = ["decide", "declare", "steelyard.yaml", "--by", OWNER]
ADMIT = ["decide", "admit", "steelyard.yaml"]


def test_the_fast_lane_from_the_signed_rule_to_the_open_gate(fast: House) -> None:
    house, signed = fast, [*STANDING, "--by", "Qian Min"]
    house.refused(1, "not_declared", *ADMIT)
    house.refused(1, "not_owner", "decide", "declare", "steelyard.yaml", "--by", "Qian Min")
    house.refused(1, "changed", *DECLARE, "--reviewed", "sha256:0")
    house.ok(*DECLARE)
    house.refused(1, "no_standing_approval", *ADMIT)
    house.refused(2, "no_end", *signed)
    house.refused(2, "no_end", *signed, "--until", days(-1))
    house.refused(2, "bad_date", *signed, "--until", "soon")
    house.refused(2, "bad_sample", *signed, "--until", days(90), "--sample", "0")
    house.refused(2, "personal_data", *STANDING[:-1], f"{OWNER} wants it", "--by", "Qian Min", "--until", days(90))
    administrator = [*STANDING[:3], "administrator", *STANDING[4:], "--by", ADMINISTRATOR]
    house.refused(1, "role_not_in_lane", *administrator, "--until", days(9))
    house.refused(1, "not_appointed", *STANDING, "--by", OWNER, "--until", days(90))
    business = [*STANDING[:3], "business", *STANDING[4:], "--by", OWNER, "--until", days(90)]
    house.ok(*business)  # may sign it, but it admits nothing that is their own
    house.refused(1, "no_standing_approval", *ADMIT)
    house.ok(*signed, "--until", days(90), "--units", "Somewhere Else")
    house.refused(1, "no_standing_approval", *ADMIT)
    house.ok(*signed, "--until", days(90), "--units", "Headquarters")
    house.refused(2, "not_today", *ADMIT, "--on", days(-1))
    house.refused(1, "changed", *ADMIT, "--reviewed", "sha256:0")
    assert not house.gate()["open"]
    house.ok(*ADMIT)
    assert house.gate()["open"]
    house.profile(purpose="Turns recordings of meetings into minutes, and ranks the people who spoke.")
    assert not house.gate()["open"]
    house.refused(1, "not_declared", *ADMIT)


def test_whether_it_is_looked_at_afterwards_is_drawn_and_can_be_checked(fast: House) -> None:
    fast.ok(*STANDING, "--by", "Qian Min", "--until", days(90), "--sample", "50")
    fast.ok(*DECLARE)
    first, second = fast.json(*ADMIT), fast.json(*ADMIT)
    assert first["sampled"] is second["sampled"]  # asking again does not draw again
    case, more = fast.select("SELECT case_digest, more FROM gates_decision WHERE action = 'admit'")[0]
    said = json.loads(more)
    assert drawn(bytes.fromhex(said["draw"]), 50) is said["sampled"] is first["sampled"]
    message = f"{DRAW}\n{said['standing']}\n{case}".encode()
    assert keys.verify(fast.signer().public, bytes.fromhex(said["draw"]), message)
    assert {drawn(bytes([number]), 100) for number in range(50)} == {True}
    assert 500 < sum(drawn(number.to_bytes(2), 30) for number in range(2000)) < 700


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        ("not_fast_lane", {"audience": "public"}),
        ("not_fast_lane", {"audience": None}),
        ("not_fast_lane", {"decision_impact": None}),
        (
            "contradictions",
            {"purpose": "Ranks applicants by their CVs and decides who is hired, for everybody in town."},
        ),
    ],
)
def test_only_a_settled_low_tier_without_contradiction_is_admitted(
    fast: House, error: str, changes: dict[str, Any]
) -> None:
    fast.profile(**changes)
    fast.ok(*STANDING, "--by", "Qian Min", "--until", days(90))
    fast.ok(*DECLARE)
    fast.refused(1, error, *ADMIT)


def test_no_standing_approval_goes_over_the_head_of_a_person(fast: House) -> None:
    fast.ok("appoint", "Qian Min", "--role", "legal", "--by", ADMINISTRATOR)
    fast.ok(*STANDING, "--by", "Qian Min", "--until", days(90))
    fast.ok(*DECLARE)
    fast.ok(*decide("refuse", "Qian Min", "legal"))
    fast.refused(1, "refused_before", *ADMIT)
    fast.ok(*decide("approve", "Qian Min", "legal"))
    fast.ok(*ADMIT)
    fast.ok(*decide("stop", "Qian Min", "legal"))
    fast.refused(1, "refused_before", *ADMIT)


def test_a_standing_approval_of_a_unit_is_signed_by_whoever_acts_there(fast: House) -> None:
    fast.person("Ma Jun")
    fast.ok("appoint", "Ma Jun", "--role", "legal", "--unit", "Headquarters", "--by", ADMINISTRATOR)
    signed = ["decide", "standing", "--role", "legal", "--reason", "small tools", "--by", "Ma Jun", "--until", days(9)]
    fast.refused(1, "not_appointed", *signed)
    fast.refused(1, "not_appointed", *signed, "--units", "Headquarters", "Plant")
    fast.ok(*signed, "--units", "Headquarters")
    fast.ok(*DECLARE)
    fast.ok(*ADMIT)
