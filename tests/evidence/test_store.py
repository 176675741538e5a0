"""The store of envelopes: what comes in and what does not, indexes that can be rebuilt, rows that have leaves."""

import base64
import importlib
import json
import os
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.base import keys, sql
from steelyard.evidence import store
from steelyard.evidence.kinds import Kinds
from steelyard.ledger import registry
from tests.gates.house import OWNER, House, opened, sealed

APPROVE = ("decide", "approve", "steelyard.yaml", "--by", "Zhao Lei", "--role", "legal", "--reason", "seen")
INDEXES = (
    "evidence_item",
    "evidence_subject",
    "evidence_key",
    "gates_assessment",
    "gates_decision",
    "gates_appointment",
)


def worked(house: House) -> House:
    """A house in which a bit of everything happened."""
    house.profile()
    house.people(legal="Zhao Lei", owner=OWNER)
    house.light()
    house.add("document", "--valid-until", "2027-01-31", result={})
    house.ok("appoint", "Zhao Lei", "--role", "data", "--unit", "HQ", "--until", "2027-06-30", "--by", "Ouyang Min")
    house.decide("approve", "Zhao Lei", "legal")
    house.decide("except", "Zhao Lei", "legal", "--obligation", "supply.light-check", "--until", "2027-01-31")
    house.profile(audience="business")
    house.decide("refuse", "Zhao Lei", "legal", "--gate", "launch")
    outside = keys.generate(house.folder / "outside.pem")
    (house.folder / "outside.pub").write_bytes(keys.public_pem(outside.public))
    house.ok("key", "trust", "outside.pub", "--name", "A testing laboratory", "--by", "Ouyang Min")
    statement = opened(house.statement("document"))[1]
    house.ok("evidence", "add", house.file(sealed(statement, keys.generate(house.folder / "x.pem"), outside)))
    house.ok("key", "revoke", keys.key_id(outside.public), "--by", "Ouyang Min")
    return house


# Indexes


def test_every_index_is_rebuilt_from_the_envelopes_row_by_row(house: House) -> None:
    worked(house)
    before = house.dump(*INDEXES)
    assert all(before.values()), {name: len(rows) for name, rows in before.items()}
    assert house.json("reindex") == {"envelopes": len(house.select("SELECT 1 FROM evidence_envelope")), "corrected": []}
    assert house.dump(*INDEXES) == before
    house.tamper(*(f"DELETE FROM {name}" for name in INDEXES))  # noqa: S608
    assert sorted(house.json("reindex")["corrected"]) == sorted(INDEXES)
    assert house.dump(*INDEXES) == before


def test_reindex_tells_which_index_said_something_else(house: House) -> None:
    worked(house)
    before = house.dump("gates_decision")
    house.tamper("UPDATE gates_decision SET action = 'approve' WHERE action = 'refuse'")
    said = house.run("reindex")
    assert said.code == 0 and "gates_decision" in said.err and "evidence_item" not in said.err
    assert house.dump("gates_decision") == before
    assert "gates_decision" not in house.run("reindex").err


def test_every_table_has_leaves_or_a_reason(tmp_path: Path) -> None:
    for room in ("gates", "evidence", "ledger"):
        package = importlib.import_module(f"steelyard.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"steelyard.{room}."):
            importlib.import_module(module.name)
    with sql.connect(f"sqlite:///{tmp_path / 's.db'}") as link:
        for folder in sorted(Path(steelyard.__file__).parent.glob("*/migrations")):
            sql.migrate(link, folder.parent.name)
        tables = set(link.tables())
    assert tables == set(registry.REGISTERED) | set(registry.EXEMPT)
    assert not set(registry.REGISTERED) & set(registry.EXEMPT)
    assert {name for item in store.INDEXERS for name in item.tables} == set(INDEXES)
    assert all(registry.EXEMPT.values())


# What comes in


def test_the_same_statement_counts_once_however_it_is_signed_again(house: House) -> None:
    """Old evidence cannot be made the newest by putting another signature around it."""
    house.profile()
    house.people()
    path = house.statement("document", "--obligation", "govern.register-light")
    digest = house.ok("evidence", "add", path)
    assert house.ok("evidence", "add", path) == digest
    raw = opened(path)[0]
    twice = {**raw, "signatures": raw["signatures"] * 2}
    junk = {**raw, "signatures": [*raw["signatures"], {"keyid": "nobody", "sig": "AAAA"}]}
    stranger = keys.generate(house.folder / "k.pem")
    other = sealed(None, stranger, house.signer(), payload=base64.b64decode(raw["payload"]))
    for text in (json.dumps(twice), json.dumps(junk), other):
        assert house.ok("evidence", "add", house.file(text)) == digest
    assert len(house.select("SELECT 1 FROM evidence_item")) == 1
    bad = {**raw, "signatures": [*raw["signatures"], {**raw["signatures"][0], "sig": "AAAA"}]}
    house.refused(2, "bad_signature", "evidence", "add", house.file(json.dumps(bad)))


def test_decisions_appointments_and_keys_do_not_come_in_as_evidence(house: House) -> None:
    """Signed by the store's own key and correct in every part: still only the command that checks may write them."""
    worked(house)
    for kind in ("decision", "appointment", "key", "assessment"):
        name = f"https://steelyard.dev/{kind}/v1"
        rows = house.select(f"SELECT body FROM evidence_envelope WHERE predicate_type = '{name}' LIMIT 1")  # noqa: S608
        path = house.file(rows[0][0].decode())
        house.ok("evidence", "add", path)  # the very envelope that stands here already changes nothing
        said = opened(path)[1]
        said["predicate"]["reason"] = "another"
        before = house.dump(*INDEXES, "evidence_envelope")
        house.refused(2, "not_evidence", "evidence", "add", house.file(sealed(said, house.signer())))
        assert house.dump(*INDEXES, "evidence_envelope") == before


def test_one_that_cannot_be_used_leaves_nothing_and_the_others_still_come(house: House) -> None:
    house.profile()
    good, bad = house.statement("document"), house.statement("document")
    text = bad.read_text().replace('"sig":"', '"sig":"AAAA')
    bad.write_text(text)
    before = len(house.select("SELECT 1 FROM evidence_envelope"))
    said = house.run("evidence", "add", bad, good, house.folder / "absent.json", "--json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 2
    assert [line.get("error", {}).get("code") for line in lines] == ["bad_signature", None, "cannot_read"]
    # the good one and the assessment that it rests on
    assert len(house.select("SELECT 1 FROM evidence_envelope")) == before + 2
    house.run("evidence", "add", bad)
    assert len(house.select("SELECT 1 FROM evidence_envelope")) == before + 2


def test_a_refused_statement_does_not_even_leave_the_assessment_it_would_rest_on(house: House) -> None:
    house.profile()
    bad = house.statement("document")
    bad.write_text(bad.read_text().replace('"sig":"', '"sig":"AAAA'))
    house.refused(2, "bad_signature", "evidence", "add", bad)
    assert house.select("SELECT 1 FROM gates_assessment") == []
    assert house.json("ledger", "verify")["ok"] is True


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda said: said["predicate"].update(issued="2099-01-01T00:00:00Z"), "bad_statement"),
        (lambda said: said["predicate"].update(issued="2026-02-30T00:00:00Z"), "bad_statement"),
        (lambda said: said["predicate"].update(valid_until="never"), "bad_statement"),
        (lambda said: said["predicate"].update(kind="review"), "bad_statement"),
        (lambda said: said["predicate"].update(system="13800138000"), "personal_data"),
        (lambda said: said.update(subject=said["subject"] * 2), "bad_statement"),
        (lambda said: said.update(predicateType="https://steelyard.dev/evidence/rumour/v1"), "unknown_kind"),
        (lambda said: said.update(predicateType="https://slsa.dev/provenance/v1"), "unknown_kind"),
        (lambda said: said["predicate"]["result"].update(nonsense=1), "unknown_measure"),
        (lambda said: said["predicate"]["result"].update(details={"a": "\ud800"}), "bad_statement"),
    ],
)  # fmt: skip
def test_what_even_our_own_key_cannot_bring_in(house: House, change: Any, error: str) -> None:
    house.profile()
    said = opened(house.statement("document"))[1]
    change(said)
    before = house.dump(*INDEXES, "evidence_envelope", "ledger_queue")
    told = house.refused(2, error, "evidence", "add", house.file(sealed(said, house.signer())))
    assert told["message"] and house.dump(*INDEXES, "evidence_envelope", "ledger_queue") == before
    assert house.run("gate", "steelyard.yaml", "--at", "launch").code == 1


def test_envelopes_that_are_too_large_or_not_one_are_refused(house: House) -> None:
    house.ok("key", "new", "--person", "A")
    big = house.folder / "big.json"
    big.write_bytes(b'{"payload":"' + b"A" * keys.MAX_ENVELOPE + b'"}')
    house.refused(2, "bad_envelope", "evidence", "add", big)
    for text in (
        "",
        "[]",
        "{}",
        '{"payloadType":"x","payload":"","signatures":[]}',
        '{"payloadType":"x","payload":"%%","signatures":[{"keyid":"a","sig":"b"}]}',
        '{"payloadType":"x","payload":"","payload":"","signatures":[{"keyid":"a","sig":""}]}',
    ):
        house.refused(2, "bad_envelope", "evidence", "add", house.file(text))


def test_thirty_megabytes_in_one_statement_still_come(house: House) -> None:
    said = opened(house.statement("document", system="large"))[1]
    said["predicate"]["result"]["details"] = {"text": "x" * 22_000_000}
    path = house.file(sealed(said, house.signer()))
    assert 29_000_000 < path.stat().st_size < keys.MAX_ENVELOPE
    house.ok("evidence", "add", path)
    assert house.json("ledger", "verify")["ok"] is True


# Attachments


def test_attachments_are_kept_by_content_and_a_changed_one_is_noticed(house: House) -> None:
    house.profile()
    path = house.statement("document")
    name = opened(path)[1]["subject"][0]
    house.ok("evidence", "add", path, "--attach", name["name"], name["name"])
    kept = f"SELECT size, body FROM evidence_attachment WHERE sha256 = '{name['digest']['sha256']}'"  # noqa: S608
    data = (house.folder / name["name"]).read_bytes()
    assert house.select(kept) == [(len(data), data)]
    house.tamper("UPDATE evidence_attachment SET body = x'00'")
    with sql.connect(f"sqlite:///{house.database}", read_only=True) as link, pytest.raises(Exception) as caught:
        store.attachment(link, name["digest"]["sha256"])
    assert getattr(caught.value, "code", None) == "edited"


def test_an_attachment_that_is_not_there_stops_before_anything_is_written(house: House) -> None:
    house.profile()
    path = house.statement("document")
    before = house.dump("evidence_envelope")
    house.refused(2, "cannot_read", "evidence", "add", path, "--attach", "absent.txt")
    assert house.dump("evidence_envelope") == before


# What evidence rests on


def test_the_profile_of_another_system_is_refused(house: House) -> None:
    house.profile(id="another")
    path = house.statement("document")
    house.refused(2, "other_system", "evidence", "add", path, "--profile", "steelyard.yaml")
    house.refused(2, "cannot_read", "evidence", "add", path, "--profile", "absent.yaml")
    assert house.select("SELECT 1 FROM evidence_item") == []


def test_evidence_under_an_own_policy_rests_on_that_policy(house: House) -> None:
    """An obligation of an annex re-opens like any other when evidence came in with that annex."""
    house.profile()
    annex = house.file(
        """\
policy: 1
id: own
version: "1"
title: {en: Own, zh: 自有}
extends: v1
obligations:
  - id: own.check
    title: {en: A check of our own, zh: 自有检查}
    when: audience == "internal" and model_origin & {"open_weights"}
    owner: owner
    gate: launch
    evidence: [document]
    clauses: [v1:D6.1-a]
    action: {en: Check it., zh: 检查。}
    why: {en: House rule., zh: 内部规定。}
    examples:
      fires: {audience: internal, model_origin: [open_weights]}
      near_miss: {audience: business, model_origin: [open_weights]}
""",
        "own.yaml",
    )
    path = house.statement("document", "--obligation", "own.check")
    house.ok("evidence", "add", path, "--policy", annex)
    done = {item["obligation"] for item in house.gate("launch", "--policy", annex)["satisfied"]}
    assert "own.check" in done
    house.profile(model_origin=["open_weights", "api_filed"])
    again = {item["obligation"]: item for item in house.gate("launch", "--policy", annex)["missing"]}
    assert again["own.check"]["reopened"]


# Stores that cannot be used


def test_commands_that_read_make_no_store(house: House) -> None:
    house.profile()
    assert house.run("gate", "steelyard.yaml", "--at", "launch").code == 1
    assert house.ok("evidence", "list") == ""
    house.refused(3, "no_store", "key", "list")
    house.refused(3, "no_store", "ledger", "verify")
    assert {path.name for path in house.folder.iterdir()} == {"steelyard.yaml"}


@pytest.mark.parametrize(
    ("address", "exit_code", "error"),
    [
        ("nonsense", 2, "bad_store"),
        ("mysql://localhost/x", 2, "bad_store"),
        ("sqlite:///garbage.db", 3, "store_failed"),
        ("postgresql://nobody@127.0.0.1:1/none", 3, "store_failed"),
    ],
)
def test_a_wrong_address_is_told(house: House, address: str, exit_code: int, error: str) -> None:
    house.profile()
    (house.folder / "garbage.db").write_bytes(b"this is not a database" * 1000)
    path = house.file("{}")
    for command in (["key", "list"], ["evidence", "add", path], ["gate", "steelyard.yaml", "--at", "launch"]):
        house.refused(exit_code, error, *command, "--store", address)


def test_a_store_that_holds_only_a_ledger_holds_no_evidence(house: House) -> None:
    house.profile()
    house.ok("ledger", "init", "--origin", "example.cn/x")
    house.refused(3, "no_store", "key", "list")
    assert house.run("gate", "steelyard.yaml", "--at", "launch").code == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write whatever the mode says")
def test_a_store_that_may_only_be_read_is_read_and_not_written(house: House) -> None:
    worked(house)
    path = house.statement("document")
    (house.database).chmod(0o400)
    house.refused(3, "store_failed", "evidence", "add", path)
    assert house.run("gate", "steelyard.yaml", "--at", "launch").code in (0, 1)


def test_where_the_disk_refuses_nothing_is_written(house: House) -> None:
    house.profile()
    house.people(legal="Zhao Lei")
    house.light()
    path, before = house.statement("document"), house.dump(*INDEXES, "evidence_envelope", "ledger_entry")
    blocked = house.database.with_name("steelyard.db-wal")
    blocked.unlink(missing_ok=True)
    blocked.mkdir()  # where SQLite wants to write first
    house.refused(3, "store_failed", "evidence", "add", path)
    house.refused(3, "store_failed", *APPROVE)
    house.refused(3, "store_failed", "key", "new", "--person", "Somebody Else")
    house.refused(3, "store_failed", "evidence", "add", path, "--store", "sqlite:////proc/nowhere/s.db")
    blocked.rmdir()
    assert house.dump(*INDEXES, "evidence_envelope", "ledger_entry") == before
    assert len(list((house.folder / ".steelyard/keys/people").iterdir())) == 2
    assert house.json("ledger", "verify")["ok"] is True


def test_kinds_load_from_what_is_registered(house: House) -> None:
    assert set(Kinds.registered()) >= set(Kinds.shipped())
    listed = [json.loads(line)["id"] for line in house.ok("evidence", "kinds", "--json").splitlines()]
    assert listed == list(Kinds.registered())
    assert house.json("evidence", "kinds", "drill")["schema"]["additionalProperties"] is False
