"""A backup is one file without keys; put back, what was erased since is erased again, and the log tells it."""

import json
import shutil
import sqlite3
import stat
import zipfile
from pathlib import Path

import pytest

from tests.gates.house import ADMINISTRATOR, OWNER, PASSPHRASE, House

GONE = "Qian Min"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> House:
    """An empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEELYARD_KEY_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("STEELYARD_LANG", "en")
    monkeypatch.delenv("STEELYARD_STORE", raising=False)
    return House(tmp_path, capsys)


@pytest.fixture
def lived(house: House) -> str:
    """A store with a decision by somebody who owns a system too; answers their pseudonym."""
    house.profile()
    house.people(legal="Sun Yue")
    person = house.person(GONE, "senior")
    house.light()
    house.profile("loan-approval", "loans.yaml", owner=GONE)
    house.ok("decide", "stop", "loans.yaml", "--by", "Sun Yue", "--role", "legal", "--reason", "drifts")
    house.ok("reindex")
    return person


def names(house: House) -> set[str | None]:
    return {item["name"] for item in house.json_lines("key", "list")}


def test_one_file_that_holds_no_keys(house: House, lived: str) -> None:
    del lived
    said = house.json("backup", "b.zip")
    path = house.folder / "b.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as pack:
        assert sorted(pack.namelist()) == ["manifest.json", "steelyard.db"]
        manifest, database = json.loads(pack.read("manifest.json")), pack.read("steelyard.db")
    assert set(manifest["not_in_it"]) == {"keys/", "erasures.jsonl"}
    assert manifest["log"]["size"] == house.select("SELECT size FROM ledger_head")[0][0] == said["log"]["size"]
    for key in (house.folder / ".steelyard" / "keys").rglob("*.*"):
        assert key.read_bytes() not in database
    assert [item.name for item in house.folder.glob(".b.zip*")] == []
    house.refused(2, "exists", "backup", "b.zip")
    house.refused(2, "cannot_write", "backup", "no/such/folder/b.zip")
    assert "keys/" in house.run("backup", "other.zip").err


def test_a_backup_of_a_store_in_use_holds_what_was_committed(house: House, lived: str) -> None:
    del lived
    raw = sqlite3.connect(house.database, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("DELETE FROM gates_word")
    house.ok("backup", "b.zip")
    raw.execute("ROLLBACK")
    raw.close()
    with zipfile.ZipFile(house.folder / "b.zip") as pack:
        (house.folder / "copy.db").write_bytes(pack.read("steelyard.db"))
    assert sqlite3.connect(house.folder / "copy.db").execute("SELECT count(*) FROM gates_word").fetchone()[0] > 10


def test_restoring_erases_again_with_the_kept_profiles_and_begins_a_new_log(
    house: House,
    lived: str,
) -> None:
    house.ok("backup", "b.zip")
    origin = house.json("ledger", "verify")["origin"]
    assert house.json("ledger", "erase", lived)["profiles"] == 1
    house.add("document", "--obligation", "govern.register-light")
    house.refused(2, "exists", "restore", "b.zip")
    assert GONE not in names(house)
    said = house.json("restore", "b.zip", "--force")
    assert said["ok"] and said["alarms"] == []
    assert said["erased_again"] == [{"subject": lived, "fields": 1, "profiles": 1}]
    assert said["log"] == f"{origin}#2"
    assert names(house) >= {ADMINISTRATOR, None} and GONE not in names(house)
    assert GONE.encode() not in house.database.read_bytes()
    assert house.select("SELECT system FROM gates_system WHERE system = 'loan-approval'") == []
    first = json.loads(house.select("SELECT leaf FROM ledger_entry WHERE log = 2 AND idx = 0")[0][0])
    assert first["kind"] == "log.restored" and first["body"]["again"] == [lived]
    kept = Path(said["kept"])
    assert kept.is_file() and sqlite3.connect(kept).execute("SELECT count(*) FROM ledger_log").fetchone() == (1,)
    assert house.json("ledger", "verify")["ok"]
    house.light()
    assert house.json("reindex")["corrected"] in ([], ["gates_system"])
    assert house.json("restore", "b.zip", "--force")["log"] == f"{origin}#2"


def test_into_an_empty_place_with_the_keys_put_back_first(house: House, lived: str) -> None:
    house.ok("backup", "b.zip")
    house.ok("ledger", "erase", lived)
    store = house.folder / ".steelyard"
    journal, whole = (store / "erasures.jsonl").read_bytes(), house.folder / "kept-keys"
    shutil.move(store / "keys", whole)
    shutil.rmtree(store)
    assert house.refused(3, "keys_missing", "restore", "b.zip")["remedy"]
    assert not house.database.exists() and not [*store.glob("*restoring*")]
    shutil.copytree(whole, store / "keys", dirs_exist_ok=True)
    (store / "erasures.jsonl").write_bytes(journal)
    out = house.ok("restore", "b.zip")
    assert f"erased again: {lived}" in out
    assert {OWNER, None} & names(house) and GONE not in names(house)


def test_the_only_administrator_of_the_copy_is_erased_again_too(house: House) -> None:
    house.people()
    first = next(item["holder"] for item in house.json_lines("key", "list") if item["name"] == ADMINISTRATOR)
    house.ok("backup", "b.zip")
    house.person("Later Head", "administrator")
    house.ok("ledger", "erase", first)
    said = house.json("restore", "b.zip", "--force")
    assert said["ok"] and [item["subject"] for item in said["erased_again"]] == [first]
    assert ADMINISTRATOR not in names(house)


def test_a_copy_put_back_by_hand_is_told_what_to_run(house: House, lived: str) -> None:
    copied = house.folder / "copy.db"
    with sqlite3.connect(house.database) as raw, sqlite3.connect(copied) as target:
        raw.backup(target)
    target.close()
    house.ok("ledger", "erase", lived)
    for name in ("steelyard.db-wal", "steelyard.db-shm"):
        house.database.with_name(name).unlink(missing_ok=True)
    shutil.copy(copied, house.database)
    told = house.refused(3, "rolled_back", "key", "new", "--person", "Somebody")
    assert "steelyard restore --put-back" in told["remedy"]
    said = house.json("restore", "--put-back")
    assert said["ok"] and [item["subject"] for item in said["erased_again"]] == [lived]
    house.ok("key", "new", "--person", "Somebody")


def test_what_is_damaged_or_in_use_changes_nothing(house: House, lived: str) -> None:
    del lived
    house.ok("backup", "b.zip")
    house.light()
    before, seen = house.database.read_bytes(), (house.folder / ".steelyard" / "seen.json").read_bytes()
    path = house.folder / "b.zip"
    with zipfile.ZipFile(path) as pack:
        manifest, database = pack.read("manifest.json"), bytearray(pack.read("steelyard.db"))
    database[5_000] ^= 1
    for name, parts in {
        "flipped": {"manifest.json": manifest, "steelyard.db": bytes(database)},
        "bare": {"steelyard.db": bytes(database)},
        "other": {"manifest.json": b"[1]", "steelyard.db": bytes(database)},
    }.items():
        with zipfile.ZipFile(house.folder / name, "w") as pack:
            for part, data in parts.items():
                pack.writestr(part, data)
        house.refused(2, "bad_backup", "restore", name, "--force")
    (house.folder / "half").write_bytes(path.read_bytes()[:-200])
    house.refused(2, "bad_backup", "restore", "half", "--force")
    house.refused(2, "cannot_read", "restore", "nowhere", "--force")
    house.refused(2, "no_file", "restore")
    reader = sqlite3.connect(house.database)
    reader.execute("SELECT count(*) FROM ledger_log").fetchone()
    house.refused(3, "store_in_use", "restore", "b.zip", "--force")
    reader.close()
    assert house.database.read_bytes() == before
    assert (house.folder / ".steelyard" / "seen.json").read_bytes() == seen
    assert not [*house.database.parent.glob(".*restoring*")]


def test_a_log_that_does_not_hold_takes_nobodys_place(house: House, lived: str) -> None:
    del lived
    house.ok("backup", "good.zip")
    good = house.database.read_bytes()
    house.tamper("UPDATE evidence_envelope SET predicate_type = 'x', body = '{}' WHERE seq = 2")
    house.ok("backup", "bad.zip")
    house.database.write_bytes(good)
    for name in ("steelyard.db-wal", "steelyard.db-shm"):
        house.database.with_name(name).unlink(missing_ok=True)
    said = house.json("restore", "bad.zip", "--force", code=1)
    assert not said["ok"] and said["alarms"] and said["kept"] is None
    assert house.json("ledger", "verify")["ok"] and house.select("SELECT count(*) FROM ledger_log") == [(1,)]
    house.light()


@pytest.mark.parametrize("command", [["backup", "b.zip"], ["restore", "b.zip"]])
def test_postgresql_and_folders_are_told_how(house: House, command: list[str]) -> None:
    told = house.refused(3, "backup_elsewhere", *command, "--store", "postgresql://u:secret@db/steelyard")
    assert "pg_dump" in told["remedy"] and "pg_restore" in told["remedy"] and "secret" not in json.dumps(told)
    house.refused(3, "backup_elsewhere", *command, "--store", "folder:x")
    if command[0] == "backup":
        house.refused(3, "no_store", *command)


def test_put_back_works_on_postgresql(house: House, postgresql: str) -> None:
    house.store = postgresql
    house.ok("key", "new", "--person", ADMINISTRATOR)
    said = house.json("restore", "--put-back")
    assert said["ok"] and said["log"].endswith("#2") and said["erased_again"] == []
