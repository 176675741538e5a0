"""The whole way through the command line on both databases, and what a hand on the database cannot hide."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gates.house import OWNER, House

TABLES = ("evidence_envelope", "gates_decision", "ledger_entry")


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, house: House) -> House:
    """A house whose store is on either database."""
    if request.param == "postgresql":
        house.store = str(request.getfixturevalue("postgresql"))
    return house


def test_from_the_first_key_to_the_open_gate(anywhere: House) -> None:
    house = anywhere
    house.profile()
    assert house.gate()["open"] is False  # reading needs no store
    house.people(legal="Zhao Lei")
    person = house.person("Sun Yue", "security")
    house.light()
    gate = house.gate()
    assert [item["obligation"] for item in gate["missing"]] == ["approval"]
    assert {item["obligation"] for item in gate["satisfied"]} == {"govern.register-light", "supply.light-check"}
    digest = house.decide("approve", "Zhao Lei", "legal", "--reviewed", gate["digest"])
    assert house.gate()["open"] is True
    listed = house.json_lines("evidence", "list")
    assert [item["digest"] for item in listed if item["kind"] == "approve"] == [digest]
    assert len(house.json_lines("evidence", "list", "--system", "meeting-notes")) < len(listed)
    assert house.json("reindex", "--check") == {"differing": []}
    assert house.json("reindex") == {"envelopes": len(listed), "corrected": []}
    assert house.gate()["open"] is True
    assert house.json("ledger", "verify")["ok"] is True
    house.ok("ledger", "erase", person)
    assert house.json("ledger", "verify")["ok"] is True
    assert {item["name"] for item in house.json_lines("key", "list") if item["holder"] == person} == {None}
    house.ok("ledger", "export", "tiles")
    tiles = house.run("ledger", "verify", "tiles", "--key", "tiles/vkey")
    assert tiles.code == 0, tiles
    house.profile(audience="business")
    assert house.gate()["open"] is False
    other = ["--by", "Zhao Lei", "--role", "security", "--reason", "x"]
    house.refused(1, "not_appointed", "decide", "stop", "steelyard.yaml", *other)
    house.decide("stop", "Zhao Lei", "legal")
    assert house.gate()["stopped"] and house.json("ledger", "verify")["ok"] is True


def test_texts_that_a_database_cannot_hold_are_refused_on_both(anywhere: House) -> None:
    house = anywhere
    house.profile()
    for text in ('{"details": {"x": "\\u0000"}}', '{"details": {"x": "\\ud800"}}'):
        path = house.folder / f"statement{house.number}.json"
        args = ["--subject", "steelyard.yaml", "--system", "s", "--predicate", house.file(text), "--out", path]
        said = house.run("evidence", "new", "document", *args, "--json")
        if said.code == 0:
            house.refused(2, "bad_statement", "evidence", "add", path)
        else:
            assert said.code == 2, said
    house.ok("evidence", "add", house.statement("document", result={"details": {"x": "汉字 😀 \u0085"}}))


# A hand on the database


@pytest.fixture
def kept(house: House) -> House:
    """A store in which everything is as it should be."""
    house.profile()
    house.people(legal="Zhao Lei")
    house.light()
    house.decide("approve", "Zhao Lei", "legal")
    assert house.json("ledger", "verify")["alarms"] == []
    return house


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (
            "INSERT INTO evidence_envelope (digest, predicate_type, system, received, body)"
            " SELECT 'sha256:' || substr(digest, 8, 60) || '0000', predicate_type, system, received, body"
            " FROM evidence_envelope LIMIT 1",
            "row_without_leaf",
        ),
        ("UPDATE evidence_envelope SET body = replace(body, 'payload', 'paYload') WHERE seq = 3", "row_mismatch"),
        ("DELETE FROM evidence_envelope WHERE seq = (SELECT max(seq) FROM evidence_envelope)", "leaf_without_row"),
        ("DELETE FROM ledger_secret WHERE commitment = (SELECT min(commitment) FROM ledger_secret)", "secret_missing"),
        ("DELETE FROM ledger_subject", "secret_missing"),
        ("UPDATE ledger_secret SET salt = zeroblob(32)", "secret_mismatch"),
        ("UPDATE ledger_secret SET ciphertext = zeroblob(length(ciphertext))", "secret_mismatch"),
        ("UPDATE ledger_subject SET wrapped = zeroblob(length(wrapped))", "secret_mismatch"),
        ("UPDATE evidence_envelope SET body = 1000000000000 WHERE seq = 3", "row_mismatch"),
        ("UPDATE ledger_secret SET salt = 'text'", "secret_mismatch"),
        ("UPDATE ledger_entry SET leaf = CAST(replace(leaf, 'v', 'w') AS BLOB) WHERE idx = 1", "edited"),
        ("DELETE FROM ledger_entry WHERE idx = 2", "truncated"),
    ],
)
def test_verify_names_what_a_hand_changed(kept: House, statement: str, code: str) -> None:
    kept.tamper("PRAGMA foreign_keys=OFF", statement, rows=False)
    found = kept.json("ledger", "verify", code=1)
    codes = {item["code"] for item in found["alarms"]}
    assert found["ok"] is False and code in codes, codes
    assert all(item["message"] for item in found["alarms"])
    said = kept.run("ledger", "verify", "--lang", "zh")
    assert said.code == 1 and code in said.out


def test_an_approval_written_into_an_index_opens_nothing_and_is_found(house: House) -> None:
    """Indexes have no leaves: gates read decisions from the signed statements, a check tells which index differs."""
    house.profile()
    house.people(legal="Zhao Lei")
    house.light()
    assert house.json("reindex", "--check") == {"differing": []}
    house.tamper(
        "INSERT INTO gates_decision (digest, seq, system, action, case_digest, role, person, decided, more)"
        " SELECT 'sha256:forged', 999, system, 'approve', case_digest, 'legal', 'p-0', judged, '{}'"
        " FROM gates_assessment",
        "INSERT INTO gates_decision (digest, seq, action, role, person, decided, until, more)"
        " SELECT digest, 1000, 'standing', 'legal', 'p-0', received, '2099-01-01', '{\"sample_percent\": 1}'"
        " FROM evidence_envelope WHERE seq = 1",
        "UPDATE evidence_item SET valid_until = '2099-01-01'",
    )
    assert not house.gate()["open"]
    house.person(OWNER)
    house.ok("decide", "declare", "steelyard.yaml", "--by", OWNER)
    house.refused(1, "no_standing_approval", "decide", "admit", "steelyard.yaml")
    differing = ["evidence_item", "gates_decision"]
    assert sorted(house.json("reindex", "--check", code=1)["differing"]) == differing
    assert house.run("reindex", "--check").code == 1
    assert sorted(house.json("reindex")["corrected"]) == differing
    assert house.json("reindex", "--check") == {"differing": []}
    assert not house.gate()["open"]


# Without a store, without a file


def test_what_a_gate_cannot_read(house: House) -> None:
    house.refused(2, "cannot_read", "gate", "absent.yaml", "--at", "launch")
    path = house.file("facts: {audience: everyone}\n", "bad.yaml")
    house.refused(2, "wrong_value", "gate", path, "--at", "launch")
    house.profile()
    house.refused(2, "bad_date", "gate", "steelyard.yaml", "--at", "launch", "--on", "later")
    with pytest.raises(SystemExit) as caught:
        house.run("gate", "steelyard.yaml", "--at", "heaven")
    assert caught.value.code == 2


def test_a_damaged_database_is_told(kept: House) -> None:
    kept.ok("ledger", "checkpoint")
    kept.tamper("VACUUM", rows=False)
    data = bytearray(kept.database.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 64] = b"\xff" * 64
    kept.database.write_bytes(bytes(data))
    for command in (["gate", "steelyard.yaml", "--at", "launch"], ["key", "list"], ["reindex", "--check"]):
        kept.refused(3, "store_failed", *command)


def test_a_kind_that_nobody_can_read_any_more_closes_a_gate_and_breaks_none(kept: House) -> None:
    kept.tamper("UPDATE evidence_item SET result = '{\"gone\": 1}'")
    gate = kept.gate()
    assert {item["obligation"] for item in gate["missing"]} == {"govern.register-light", "supply.light-check"}


def test_evidence_in_a_folder_without_the_profile_counts_and_is_bound_later(house: House, tmp_path: Path) -> None:
    """What is on record first is what it rests on; after that a change re-opens it."""
    house.profile(name="elsewhere.yml")
    house.people(legal="Zhao Lei")
    house.light()
    (tmp_path / "elsewhere.yml").rename(tmp_path / "steelyard.yaml")
    assert {item["obligation"] for item in house.gate()["satisfied"]} >= {"govern.register-light"}
    house.decide("approve", "Zhao Lei", "legal")
    assert house.gate()["open"]
    house.profile(model_origin=["api_filed"])
    again: dict[str, Any] = {item["obligation"]: item for item in house.gate()["missing"]}
    assert "supply.light-check" in again or again["approval"], json.dumps(again)
    assert OWNER not in json.dumps(again)
