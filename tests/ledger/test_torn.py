"""Torn writes: half of a write-ahead log, a journal, a remembered checkpoint. Nothing acknowledged goes silently."""

import json
from pathlib import Path

import pytest

from steelyard.base.errors import InputError
from steelyard.cli.main import main
from steelyard.ledger import personal


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEELYARD_STORE", raising=False)
    monkeypatch.delenv("STEELYARD_KEY_PASSPHRASE", raising=False)
    (tmp_path / "r.jsonl").write_text("".join(f'{{"n":{n}}}\n' for n in range(2_000)), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_a_torn_write_ahead_log_is_named_a_rollback(
    house: Path, capsys: pytest.CaptureFixture[str], share: float
) -> None:
    """A disk that loses the end of the log loses whole transactions; the folder remembers what was acknowledged."""
    import sqlite3

    assert main(["ledger", "append", "r.jsonl"]) == 0
    database = house / ".steelyard" / "steelyard.db"
    holder = sqlite3.connect(database)  # keeps the write-ahead log from being folded in at the end
    holder.execute("SELECT count(*) FROM ledger_entry").fetchone()
    assert main(["ledger", "append", "r.jsonl"]) == 0
    wal, main_file = (house / ".steelyard" / "steelyard.db-wal").read_bytes(), database.read_bytes()
    holder.close()
    for extra in house.glob(".steelyard/steelyard.db-*"):
        extra.unlink()
    database.write_bytes(main_file)
    (house / ".steelyard" / "steelyard.db-wal").write_bytes(wal[: int(len(wal) * share)])
    capsys.readouterr()
    code = main(["ledger", "append", "r.jsonl", "--json"])
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (code, said["error"]["code"]) == (3, "rolled_back")
    assert main(["ledger", "verify", "--json"]) == 1
    assert "rollback" in {item["code"] for item in json.loads(capsys.readouterr().out)["alarms"]}


def test_a_torn_last_line_of_the_journal_is_passed_over_and_one_in_the_middle_is_not(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    for subject in ("p-1", "p-2"):
        personal.journal_line(path, personal.Erased(subject, {}), "2026-11-24T00:00:00Z")
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert list(personal.journal(path)) == ["p-1"]
    lines = whole.split(b"\n")
    path.write_bytes(lines[0][:-9] + b"\n" + lines[1] + b"\n")
    with pytest.raises(InputError) as found:
        list(personal.journal(path))
    assert (found.value.code, found.value.line) == ("bad_journal", 1)


def test_a_torn_memory_of_the_checkpoint_is_written_again(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "append", "r.jsonl"]) == 0
    memory = house / ".steelyard" / "seen.json"
    whole = memory.read_text(encoding="utf-8")
    memory.write_text(whole[: len(whole) // 2], encoding="utf-8")
    assert main(["ledger", "append", "r.jsonl"]) == 0
    capsys.readouterr()
    assert main(["ledger", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["size"] == 4_000
    assert memory.read_text(encoding="utf-8") != whole and "checkpoint" in json.loads(memory.read_text("utf-8"))
