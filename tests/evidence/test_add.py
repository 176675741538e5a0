"""`evidence add`: which profile evidence rests on, being bound anew, and what its maker is told."""

import pytest

from tests.gates.house import House

OWED = "govern.register-light"


def reopened(house: House, name: str) -> list[str]:
    gate = house.json("gate", name, "--at", "launch", code=1)
    return [item["obligation"] for item in gate["missing"] if item["reopened"]]


def satisfied(house: House, name: str) -> set[str]:
    return {item["obligation"] for item in house.json("gate", name, "--at", "launch", code=1)["satisfied"]}


def test_of_two_profiles_of_one_system_the_usual_name_is_taken(house: House) -> None:
    house.profile(name="aaa.yaml", model_origin=["api_unfiled"])
    house.profile()
    house.people()
    house.add("attestation", "--obligation", "supply.light-check")
    assert "supply.light-check" in satisfied(house, "steelyard.yaml")


def test_otherwise_it_refuses_and_names_both(house: House) -> None:
    house.profile(name="aaa.yaml", model_origin=["api_unfiled"])
    house.profile(name="bbb.yaml")
    house.people()
    path = house.statement("document", "--obligation", OWED)
    before = house.dump("evidence_envelope")
    told = house.refused(2, "several_profiles", "evidence", "add", path)
    assert "aaa.yaml" in told["message"] and "bbb.yaml" in told["message"] and "--profile" in told["remedy"]
    assert house.dump("evidence_envelope") == before
    house.ok("evidence", "add", path, "--profile", "bbb.yaml")
    assert OWED in satisfied(house, "bbb.yaml")
    (house.folder / "aaa.yaml").write_text((house.folder / "bbb.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    house.ok("evidence", "add", path)  # two that say the same are no question


@pytest.mark.parametrize("first", ["other", "none"])
def test_the_same_envelope_again_with_a_profile_is_bound_to_it(house: House, first: str) -> None:
    house.people()
    house.profile("meeting-notes", "wrong.yml", model_origin=["api_unfiled"])
    path = house.statement("attestation", "--obligation", "supply.light-check")
    house.ok("evidence", "add", path, *(["--profile", "wrong.yml"] if first == "other" else []))
    house.profile(name="right.yml")
    if first == "other":
        assert reopened(house, "right.yml") == ["supply.light-check"]
    count = len(house.json_lines("evidence", "list"))
    house.ok("evidence", "add", path, "--profile", "right.yml")
    assert "supply.light-check" in satisfied(house, "right.yml")
    assert len(house.json_lines("evidence", "list")) == count + 1  # the assessment, signed; the evidence counts once
    house.ok("evidence", "add", path, "--profile", "right.yml")
    assert len(house.json_lines("evidence", "list")) == count + 1
    house.profile("meeting-notes", "right.yml", model_origin=["api_unfiled"])
    assert reopened(house, "right.yml") == ["supply.light-check"]  # bound: a change asks for it again
    assert house.json("reindex", "--check") == {"differing": []}
    assert house.json("reindex")["corrected"] == []
    assert reopened(house, "right.yml") == ["supply.light-check"]


def test_an_obligation_that_is_not_owed_is_told_with_a_near_one(house: House) -> None:
    house.profile()
    house.people()
    path = house.statement("document", "--obligation", "govern.register-lite")
    said = house.run("evidence", "add", path)
    assert said.code == 0 and "does not owe govern.register-lite" in said.err and OWED in said.err
    (warning,) = house.json("evidence", "add", path)["warnings"]
    assert warning["code"] == "not_owed"
    new = house.run("evidence", "new", "document", "--subject", path, "--system", "meeting-notes",
                    "--obligation", "nope.nope", "--out", "x.json")  # fmt: skip
    assert new.code == 0 and "does not owe nope.nope" in new.err
    assert house.json("evidence", "add", house.statement("document", "--obligation", OWED))["warnings"] == []


def test_a_review_by_hand_is_told_that_only_a_decision_counts(house: House) -> None:
    house.profile("loan-approval", owner="Zhou Lan")
    house.people(legal="Zhao Lei")
    system = house.json("assess", "steelyard.yaml")["system"]
    path = house.statement("review", "--obligation", "govern.review-legal", system=system)
    said = house.run("evidence", "add", path)
    assert said.code == 0 and "does not count for govern.review-legal" in said.err
    assert "decide approve" in said.err and "法务" in house.run("evidence", "add", path, "--lang", "zh").err
    missing = next(item for item in house.gate()["missing"] if item["obligation"] == "govern.review-legal")
    assert missing["decision"] == {"role": "legal"} and missing["needs"] == ["review"]
    assert "decision" in missing["short"][0]["needs"]
