"""People: who may appoint, names that stand nowhere for good, erasing, and a copy of the store put back."""

import base64
import contextlib
import datetime as dt
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from steelyard.base.clock import today
from steelyard.cli.main import main
from steelyard.ledger import note
from steelyard.ledger.home import Home
from steelyard.ledger.restore import restore
from tests.gates.house import ADMINISTRATOR, OWNER, House

NAME = "Zhao Leiyu"
DECIDE = ["decide", "approve", "steelyard.yaml", "--by", NAME, "--role", "legal", "--reason", "looked at it"]


def roles(house: House) -> dict[str, list[str]]:
    """Roles by name."""
    return {str(item["name"]): item["roles"] for item in house.json_lines("key", "list") if item["purpose"] == "person"}


# Appointments


def test_the_first_person_becomes_administrator_and_the_second_does_not(house: House) -> None:
    assert house.json("key", "new", "--person", NAME)["administrator"] is True
    assert house.json("key", "new", "--person", "Sun Yue")["administrator"] is False
    assert roles(house) == {NAME: ["administrator"], "Sun Yue": []}
    house.refused(1, "not_administrator", "appoint", "Sun Yue", "--role", "legal", "--by", "Sun Yue")
    house.refused(1, "not_administrator", "appoint", NAME, "--role", "legal", "--by", "Sun Yue")
    house.ok("appoint", "Sun Yue", "--role", "administrator", "--by", NAME)
    house.ok("appoint", "Sun Yue", "--role", "legal", "--by", "Sun Yue")
    assert roles(house)["Sun Yue"] == ["administrator", "legal"]


def test_appointments_end_and_the_newest_counts(house: House) -> None:
    house.people(legal=NAME)
    yesterday = (today() - dt.timedelta(days=1)).isoformat()
    house.ok("appoint", NAME, "--role", "legal", "--until", today().isoformat(), "--by", ADMINISTRATOR)
    assert roles(house)[NAME] == ["legal"]  # the last day counts
    house.ok("appoint", NAME, "--role", "legal", "--until", yesterday, "--by", ADMINISTRATOR)
    assert roles(house)[NAME] == []
    house.ok("appoint", NAME, "--role", "legal", "--by", ADMINISTRATOR)
    assert roles(house)[NAME] == ["legal"]
    end = ["appoint", ADMINISTRATOR, "--role", "administrator", "--until", yesterday, "--by", ADMINISTRATOR]
    house.refused(1, "last_administrator", *end)
    house.ok("appoint", NAME, "--role", "administrator", "--by", ADMINISTRATOR)
    house.ok(*end)
    house.refused(1, "not_administrator", "appoint", NAME, "--role", "data", "--by", ADMINISTRATOR)


def test_unusable_names_roles_and_dates(house: House) -> None:
    house.people(legal=NAME)
    before = house.dump("evidence_envelope", "ledger_secret", "ledger_subject")
    files = sorted((house.folder / ".steelyard").rglob("*.pem"))
    for name in (NAME, f"  {NAME.lower()} ", "ｚhao leiyu"):
        house.refused(2, "person_exists", "key", "new", "--person", name)
    for name in ("", "   ", "a\x07b", "x" * 201):
        house.refused(2, "bad_name", "key", "new", "--person", name)
    house.refused(2, "unknown_role", "appoint", NAME, "--role", "king", "--by", ADMINISTRATOR)
    house.refused(2, "unknown_person", "appoint", "Nobody", "--role", "legal", "--by", ADMINISTRATOR)
    house.refused(2, "bad_date", "appoint", NAME, "--role", "legal", "--until", "never", "--by", ADMINISTRATOR)
    assert house.dump("evidence_envelope", "ledger_secret", "ledger_subject") == before
    assert sorted((house.folder / ".steelyard").rglob("*.pem")) == files


def test_an_appointment_in_a_unit_is_for_that_unit(house: House) -> None:
    house.profile(unit="Plant")
    house.people()
    house.person(NAME)
    house.ok("appoint", NAME, "--role", "legal", "--unit", "Headquarters", "--by", ADMINISTRATOR)
    assert roles(house)[NAME] == ["legal@Headquarters"]
    house.refused(1, "not_appointed", *DECIDE)
    house.profile(unit="Headquarters")
    house.ok(*DECIDE)


# Names


def lived_in(house: House) -> str:
    """A house in which Zhao Leiyu did all that people do; answers the pseudonym."""
    house.profile()
    house.people(senior="Qian Min")
    person = house.person(NAME, "legal")
    house.person(OWNER)
    house.light()
    house.add("review", "--by", NAME, result={"outcome": "accepted", "open_points": 0})
    house.ok(*DECIDE)
    house.ok("decide", "declare", "steelyard.yaml", "--by", OWNER)
    house.ok("ledger", "export", "tiles")
    return person


def exported(house: House) -> bytes:
    """Every byte of the exported tiles."""
    return b"\n".join(path.read_bytes() for path in sorted((house.folder / "tiles").rglob("*")) if path.is_file())


def test_names_stand_in_no_leaf_no_envelope_and_no_file(house: House) -> None:
    person = lived_in(house)
    accountable = "He Jingxing"
    assert accountable in (house.folder / "steelyard.yaml").read_text(encoding="utf-8")
    everything, public = house.everything(), exported(house)
    bodies = b""
    for (body,) in house.select("SELECT body FROM evidence_envelope"):
        bodies += base64.b64decode(json.loads(body)["payload"])
    for name in (NAME, OWNER, "Qian Min", ADMINISTRATOR, accountable):
        for form in (name.encode(), name.encode("utf-16-le"), name.lower().encode(), name.upper().encode()):
            assert form not in public and form not in bodies, name
            # who is named in a profile stands in that kept profile, which can be erased, and nowhere else
            assert form not in everything or name in (OWNER, accountable)
    assert person.encode() in everything
    owner = next(item["holder"] for item in house.json_lines("key", "list") if item["name"] == OWNER)
    erased = house.json("ledger", "erase", owner)
    assert {name: erased[name] for name in ("subject", "fields", "profiles", "already")} == {
        "subject": owner, "fields": ["name"], "profiles": 1, "already": None,
    }  # fmt: skip
    assert OWNER.encode() not in house.everything() and accountable.encode() not in house.everything()
    assert house.json("ledger", "verify")["ok"] is True and house.json("reindex", "--check") == {"differing": []}
    assert roles(house)[NAME] == ["legal"]


def test_erasing_destroys_the_name_the_salt_and_the_key_and_the_log_still_verifies(house: House) -> None:
    person = lived_in(house)
    row = house.select(f"SELECT commitment, salt, ciphertext FROM ledger_secret WHERE subject = '{person}'")[0]  # noqa: S608
    wrapped = house.select(f"SELECT wrapped FROM ledger_subject WHERE subject = '{person}'")[0][0]  # noqa: S608
    assert row[1] in house.everything()
    envelopes = house.dump("evidence_envelope")
    house.refused(2, "unknown_subject", "ledger", "erase", "p-0000000000000000")
    assert "key list" in house.refused(2, "unknown_subject", "ledger", "erase", "Nobody Here")["remedy"]
    assert house.json("ledger", "erase", NAME.upper())["fields"] == ["name"]
    leaves = house.select("SELECT count(*) FROM ledger_entry")
    again = house.run("ledger", "erase", person)
    assert (
        again.code == 0
        and "erased already" in again.out
        and house.select("SELECT count(*) FROM ledger_entry") == leaves
    )
    for secret in (row[1], row[2], wrapped, NAME.encode()):
        assert secret not in house.everything()
    assert row[0].encode() in house.everything()  # the commitment stays: it says nothing without its salt
    assert house.json("ledger", "verify")["ok"] is True
    listed = {item["holder"]: item["name"] for item in house.json_lines("key", "list")}
    assert listed[person] is None and NAME not in house.ok("key", "list")
    assert house.dump("evidence_envelope") == envelopes
    assert house.gate()["open"]  # what was decided stays decided
    house.refused(2, "unknown_person", *DECIDE)
    assert json.loads((house.folder / ".steelyard/erasures.jsonl").read_text())["subject"] == person
    assert house.json("reindex")["corrected"] == []


# A copy put back


def copy(house: House, to: Path) -> None:
    """A backup of the database alone, as backup programs make it."""
    with sqlite3.connect(house.database) as raw, sqlite3.connect(to) as target:
        raw.backup(target)
    raw.close()
    target.close()


def put_back(house: House, copied: Path) -> None:
    """The backup in the place of the database."""
    for name in ("steelyard.db", "steelyard.db-wal", "steelyard.db-shm"):
        house.database.with_name(name).unlink(missing_ok=True)
    shutil.copy(copied, house.database)


@pytest.fixture
def backup(house: House) -> Path:
    """A store that was erased from after a backup was taken, which is then put back."""
    person = lived_in(house)
    (house.folder / "person").write_text(person)
    house.ok("ledger", "witness", "tiles", "--key", "tiles/vkey", "--state", "witness")
    copied = house.folder / "backup.db"
    copy(house, copied)
    house.ok("ledger", "erase", person)
    house.ok("ledger", "export", "later")
    house.ok("ledger", "witness", "later", "--key", "later/vkey", "--state", "witness")
    put_back(house, copied)
    return copied


def test_a_copy_put_back_is_named_a_rollback_and_nothing_is_written_to_it(house: House, backup: Path) -> None:
    assert sqlite3.connect(house.database).execute("SELECT count(*) FROM ledger_secret").fetchone()[0] == 4
    before = house.dump("evidence_envelope", "ledger_entry", "ledger_secret")
    path = house.file("{}")
    for command in (
        DECIDE,
        ["evidence", "add", path],
        ["evidence", "new", "document", "--subject", path, "--system", "s", "--out", "x.json"],
        ["key", "new", "--person", "Somebody"],
        ["reindex"],
        ["ledger", "checkpoint"],
        ["ledger", "erase", (house.folder / "person").read_text()],
        ["ledger", "witness", "--state", "witness"],
    ):
        house.refused(3, "rolled_back", *command)
    assert house.dump("evidence_envelope", "ledger_entry", "ledger_secret") == before
    found = house.json("ledger", "verify", code=1)
    assert found["ok"] is False and "rollback" in {item["code"] for item in found["alarms"]}
    # whoever holds an older export shows the witness less than it has seen
    seen = house.json("ledger", "witness", "tiles", "--key", "tiles/vkey", "--state", "witness", code=1)
    assert [item["code"] for item in seen["alarms"]] == ["rollback"]


def test_a_restore_erases_again_and_begins_a_log_that_names_the_old_one(house: House, backup: Path) -> None:
    person = (house.folder / "person").read_text()
    held = note.Note.parse((house.folder / "later" / "checkpoint").read_text())
    log = restore(Home(f"sqlite:///{house.database}"), held)
    listed = {item["holder"]: item["name"] for item in house.json_lines("key", "list")}
    assert listed[person] is None and OWNER in listed.values()
    first = json.loads(house.select(f"SELECT leaf FROM ledger_entry WHERE log = {log.id} AND idx = 0")[0][0])  # noqa: S608
    body: dict[str, Any] = first["body"]
    assert first["kind"] == "log.restored" and body["last"] == held.text and body["again"] == [person]
    assert body["copy"] < int(held.text.split("\n")[1])
    found = house.json("ledger", "verify")
    assert found["ok"] is True and found["origin"] == log.origin
    house.refused(2, "unknown_person", *DECIDE)
    house.ok(
        "decide", "stop", "steelyard.yaml", "--by", "Qian Min", "--role", "senior", "--reason", "after the restore"
    )
    assert house.json("ledger", "verify")["ok"] is True
    assert house.json("reindex")["corrected"] == []


def test_people_have_passphrases_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEELYARD_KEY_PASSPHRASE", raising=False)
    monkeypatch.delenv("STEELYARD_STORE", raising=False)
    for name, words in (("Li Wei", "first words"), ("Wang Fang", "other words")):
        (tmp_path / "secret.txt").write_text(words + "\n", encoding="utf-8")
        assert main(["key", "new", "--person", name, "--passphrase-file", "secret.txt"]) == 0
    assert main(["appoint", "Wang Fang", "--role", "legal", "--by", "Li Wei", "--passphrase-file", "secret.txt"]) == 3
    (tmp_path / "secret.txt").write_text("first words\n", encoding="utf-8")
    assert main(["appoint", "Wang Fang", "--role", "legal", "--by", "Li Wei", "--passphrase-file", "secret.txt"]) == 0


def test_an_appointment_that_nobody_signed_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEELYARD_KEY_PASSPHRASE", "words")
    monkeypatch.delenv("STEELYARD_STORE", raising=False)
    assert main(["key", "new", "--person", "Li Wei"]) == 0 and main(["key", "new", "--person", "Zhou Min"]) == 0
    with contextlib.closing(sqlite3.connect(tmp_path / ".steelyard" / "steelyard.db")) as link:
        (person,) = link.execute("SELECT holder FROM evidence_key ORDER BY starts DESC LIMIT 1").fetchone()
        row = ("sha256:00", 999, person, "administrator", "", "2026-01-01T00:00:00Z", None, person)
        link.execute("INSERT INTO gates_appointment VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        link.commit()
    assert main(["appoint", "Zhou Min", "--role", "legal", "--by", "Zhou Min"]) == 1
    assert main(["ledger", "verify"]) == 1
    assert main(["reindex"]) == 0 and main(["ledger", "verify"]) == 0
