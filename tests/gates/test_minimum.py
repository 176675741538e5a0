"""Evidence that falls short is not the same as none: gate, plan and explanation say what it misses."""

import json
from pathlib import Path

import pytest

from steelyard.base.clock import today
from steelyard.gates.minimum import in_words
from tests.gates.house import OWNER, House

OBLIGATION = "model.bias-and-alignment"


@pytest.mark.parametrize(
    ("predicate", "en", "zh"),
    [
        ('covers >= {"fairness", "alignment"}', "covers ⊇ {fairness, alignment}", "covers ⊇ {fairness, alignment}"),
        ('"weapons" in looked_for and unjudged == 0', "looked_for ⊇ {weapons} and unjudged = 0", None),
        ('outcome >= "conditional" or not stands', "outcome ≥ conditional or not stands", None),
        ('format != "prose" and minutes <= 15', "format ≠ prose and minutes ≤ 15", "format ≠ prose 且 minutes ≤ 15"),
    ],
)
def test_a_predicate_in_words(predicate: str, en: str, zh: str | None) -> None:
    said = in_words(predicate)
    assert said.en == en and (zh is None or said.zh == zh)


@pytest.fixture
def short(house: House) -> House:
    """A high-tier system with a test that passed and did not cover what the obligation asks for."""
    house.profile("loan-approval", owner=OWNER)
    house.people(legal="Zhao Lei")
    result = {"outcome": "pass", "covers": ["accuracy"]}
    house.add("evaluation", "--obligation", OBLIGATION, result=result, system="loan-approval")
    return house


def test_gate_and_plan_tell_what_evidence_misses(short: House) -> None:
    house = short
    added = next(item["digest"] for item in house.json_lines("evidence", "list") if item["kind"] == "evaluation")
    missing = next(item for item in house.gate()["missing"] if item["obligation"] == OBLIGATION)
    (said,) = missing["short"]
    assert said["evidence"] == added and said["on"] == today().isoformat()
    assert "covers ⊇ {fairness, alignment}" in said["needs"]
    row = next(item for item in house.json("plan", "steelyard.yaml") if item["obligation"] == OBLIGATION)
    assert row["short"] == missing["short"] and row["state"] == "due"
    others = [item for item in house.gate()["missing"] if item["obligation"] != OBLIGATION]
    assert all(item["short"] == [] for item in others)
    for command in (["gate", "steelyard.yaml", "--at", "launch"], ["plan", "steelyard.yaml"]):
        text = " ".join(house.run(*command).out.split())
        assert f"added on {today()}, does not count: needs covers ⊇ {{fairness, alignment}}" in text
        assert "不算数：须 covers" in " ".join(house.run(*command, "--lang", "zh").out.split())
    assert "does not count" in house.run("gate", "steelyard.yaml", "--at", "launch", "--format", "sarif").out
    enough = {"outcome": "pass", "covers": ["fairness", "alignment"], "limits_fixed_first": True}
    house.add("evaluation", "--obligation", OBLIGATION, result=enough, system="loan-approval")
    assert OBLIGATION in {item["obligation"] for item in house.gate()["satisfied"]}


def test_the_minimum_of_the_kind_is_told_too(short: House) -> None:
    result = {"outcome": "inconclusive", "covers": ["fairness", "alignment"], "limits_fixed_first": True}
    short.add("evaluation", "--obligation", OBLIGATION, result=result, system="loan-approval")
    missing = next(item for item in short.gate()["missing"] if item["obligation"] == OBLIGATION)
    assert missing["short"][0]["needs"] == "outcome = pass"


def test_explain_and_kinds_state_the_minimum(short: House) -> None:
    text = " ".join(short.ok("explain", "steelyard.yaml", OBLIGATION).split())
    assert "outcome = pass and covers ⊇ {fairness, alignment} and limits_fixed_first" in text
    (said,) = short.json("explain", "steelyard.yaml", OBLIGATION)["counts"]
    assert said["kind"] == "evaluation" and "且" in said["minimum"]["zh"]
    review = short.json("explain", "steelyard.yaml", "govern.review-legal")
    assert review["decision"] == {"role": "legal"} and review["counts"] == []
    assert "法务" in short.ok("explain", "steelyard.yaml", "govern.review-legal", "--lang", "zh")
    tier = short.json("explain", "steelyard.yaml", "tier.decides-about-people", code=2)
    assert tier["error"]["code"] == "unknown_rule"
    assert "outcome = pass" in short.ok("evidence", "kinds", "evaluation")
    assert short.json("evidence", "kinds", "evaluation")["satisfies"] == 'outcome == "pass"'


def test_a_contradiction_names_its_statement_and_the_way_out_and_an_override_is_told(short: House) -> None:
    house = short
    failed = {"outcome": "fail", "exercised": ["restore"]}
    digest = house.add("drill", "--obligation", "oversight.yearly-drill", result=failed, system="loan-approval")
    shut = " ".join(house.run("gate", "steelyard.yaml", "--at", "operate").out.split())
    assert f"{digest[:19]} of {today()} says otherwise" in shut and "decide override steelyard.yaml" in shut
    assert digest[:19] in house.run("plan", "steelyard.yaml").out
    (said,) = house.gate("operate")["contradicted"]
    assert said["on"] == today().isoformat() and said["by"] == [digest]
    house.decide("override", "Zhao Lei", "legal", "--obligation", "oversight.yearly-drill", "--until", "2099-01-31")
    after = house.gate("operate")
    found = next(item for item in after["satisfied"] if item["obligation"] == "oversight.yearly-drill")
    assert found["overridden"] is True and found["by"][0] == digest
    assert sum(item["overridden"] for item in after["satisfied"]) == 1
    text = " ".join(house.run("gate", "steelyard.yaml", "--at", "operate").out.split())
    assert "stands against a contrary result" in text and "until 2099-01-31" in text
    assert "推翻决定" in house.run("gate", "steelyard.yaml", "--at", "operate", "--lang", "zh").out


def test_reviews_ask_for_kinds_and_name_the_decision_in_gate_and_plan_alike(short: House) -> None:
    plan = {item["obligation"]: item for item in short.json("plan", "steelyard.yaml")}
    reviews = [item for item in short.gate()["missing"] if item["decision"]]
    assert len(reviews) == 5
    for item in reviews:
        row = plan[item["obligation"]]
        assert (row["evidence"], row["decision"], row["command"]) == (item["needs"], item["decision"], item["command"])
        assert item["needs"] in (["review"], ["sign_off"])


# The fast lane's own approval, and stops


def approval(house: House) -> dict[str, object]:
    found: dict[str, object] = next(
        item for item in house.json("plan", "steelyard.yaml") if item["obligation"] == "approval"
    )
    return found


def test_the_approval_of_a_low_tier_is_counted_and_planned(house: House) -> None:
    house.profile()
    house.people(legal="Zhao Lei")
    row = approval(house)
    assert (row["gate"], row["state"], row["evidence"]) == ("launch", "due", [])
    assert str(row["command"]).startswith("steelyard decide approve steelyard.yaml")
    house.light()
    assert "2 of 3 done" in house.run("gate", "steelyard.yaml", "--at", "launch").out
    assert "0 of 3" not in house.run("gate", "steelyard.yaml", "--at", "intake").out
    digest = house.decide("approve", "Zhao Lei", "legal")
    assert "3 of 3 done" in house.run("gate", "steelyard.yaml", "--at", "launch").out
    assert approval(house)["state"] == "satisfied" and approval(house)["by"] == [digest]
    assert {item["obligation"] for item in house.gate()["satisfied"]} >= {"approval"}
    house.decide("refuse", "Zhao Lei", "legal")
    assert approval(house)["state"] == "due" and approval(house)["detail"] == "contradicted"


def test_a_lifted_stop_stays_lifted_when_the_approval_goes_stale(house: House) -> None:
    house.profile()
    house.people(legal="Zhao Lei", security="Sun Yue")
    house.light()
    house.decide("stop", "Sun Yue", "security")
    text = " ".join(house.run("gate", "steelyard.yaml", "--at", "launch", "--lang", "zh").out.split())
    assert "信息安全停用" in text and "security" not in text.split("缺少")[0] and "decide approve" in text
    assert "lifts the stop" in house.run("gate", "steelyard.yaml", "--at", "launch").out
    house.decide("approve", "Zhao Lei", "legal")
    assert house.gate()["open"]
    house.profile(purpose="Something quite different.")  # the approval is stale now, the stop is still lifted
    gate = house.gate()
    assert not gate["open"] and gate["stopped"] == []
    assert [item["obligation"] for item in gate["missing"]] == ["approval"]
    stop = house.decide("stop", "Sun Yue", "security")
    assert house.gate()["stopped"] == [stop]


def test_the_audit_pack_says_how_much_is_about_the_system(house: House, tmp_path: Path) -> None:
    house.profile()
    house.people(legal="Zhao Lei")
    house.light()
    listed = house.json_lines("evidence", "list")
    about = sum(item["system"] == "meeting-notes" for item in listed)
    said = house.json("audit-pack", "meeting-notes", "--out", tmp_path / "a.zip")
    assert (said["about"], said["envelopes"]) == (about, len(listed)), json.dumps(said)
    text = house.ok("audit-pack", "meeting-notes", "--out", tmp_path / "b.zip")
    assert f"{about} statements about meeting-notes, {len(listed) - about} keys, appointments" in text
