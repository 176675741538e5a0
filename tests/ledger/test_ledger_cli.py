"""The ledger as its users meet it: commands, files, a witness, a copy put back."""

import contextlib
import datetime as dt
import functools
import http.server
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.cli.main import main


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEELYARD_STORE", raising=False)
    monkeypatch.delenv("STEELYARD_KEY_PASSPHRASE", raising=False)
    return tmp_path


def records(path: Path, count: int) -> Path:
    path.write_text("".join(json.dumps({"n": n}) + "\n" for n in range(count)), encoding="utf-8")
    return path


@pytest.fixture
def served(house: Path) -> Iterator[str]:
    (house / "out").mkdir(exist_ok=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(house / "out"))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["ledger", *args, "--lang", "en"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_it_logs_proves_exports_and_verifies(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, vkey, _ = run(capsys, "init", "--origin", "example.cn/ai")
    assert code == 0 and vkey.startswith("example.cn/ai+")
    assert run(capsys, "init", "--origin", "example.cn/ai")[1] == vkey  # again gives the same
    assert run(capsys, "init", "--origin", "other.cn/ai")[0] == 2
    code, out, _ = run(capsys, "append", str(records(house / "r.jsonl", 300)))
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [{"index": n} for n in range(300)]
    assert run(capsys, "export", "out")[0] == 0
    assert (house / "out" / "vkey").read_text(encoding="utf-8") == vkey
    code, out, _ = run(capsys, "verify", "out", "--key", vkey.strip(), "--json")
    answer = json.loads(out)
    assert code == 0 and answer["ok"] and answer["size"] == 300 and answer["alarms"] == []
    code, proof, _ = run(capsys, "prove", "7")
    assert code == 0 and proof.startswith("c2sp.org/tlog-proof@v1\nindex 7\n")
    assert run(capsys, "prove", "300")[0] == 2
    assert run(capsys, "verify")[0] == 0


def test_reading_creates_nothing(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["verify"], ["status"], ["prove", "0"]):
        code, _, err = run(capsys, *command)
        assert code == 3 and "store" in err
    assert not (house / ".steelyard").exists()


def test_keys_are_private(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "init", "--origin", "example.cn/ai")
    assert (house / ".steelyard" / "keys" / "log.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"a":1,"a":2}', "bad_json"),
        ("[1]", "bad_json"),
        ("{", "bad_json"),
        ('{"a":9007199254740993}', "bad_leaf"),
        ('{"a":"' + "x" * 61_440 + '"}', "leaf_too_large"),
        ('{"a":NaN}', "bad_json"),
    ],
)
def test_a_bad_line_names_its_place_and_nothing_is_logged(
    house: Path, capsys: pytest.CaptureFixture[str], line: str, code: str
) -> None:
    (house / "r.jsonl").write_text('{"n":1}\n' + line + "\n", encoding="utf-8")
    found, out, _ = run(capsys, "append", "r.jsonl", "--json")
    error = json.loads(out)["error"]
    assert found == 2 and error["code"] == code and error["line"] == 2
    assert not (house / ".steelyard" / "steelyard.db").exists()


def test_personal_data_warn_and_strict_refuses(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "r.jsonl").write_text('{"text":"联系电话 13800138000"}\n', encoding="utf-8")
    code, _, err = run(capsys, "append", "r.jsonl", "--strict")
    assert code == 2 and "13800138000" not in err
    code, out, err = run(capsys, "append", "r.jsonl")
    assert code == 0 and json.loads(out) == {"index": 0} and "1 of 1" in err and "13800138000" not in err


def test_a_witness_signs_and_names_a_rollback_and_a_fork(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, vkey, _ = run(capsys, "init", "--origin", "example.cn/ai")
    run(capsys, "append", str(records(house / "r.jsonl", 10)))
    run(capsys, "export", "out")
    shutil.copytree(house / "out", house / "old")
    code, _, _ = run(capsys, "witness", "old", "--state", "w", "--key", vkey.strip())
    assert code == 0
    run(capsys, "append", str(house / "r.jsonl"))
    run(capsys, "export", "out")
    code, out, _ = run(capsys, "witness", "out", "--state", "w", "--key", vkey.strip(), "--json")
    answer = json.loads(out)
    assert code == 0 and (answer["before"], answer["size"]) == (10, 20)

    code, out, _ = run(capsys, "witness", "old", "--state", "w", "--key", vkey.strip(), "--json")
    assert code == 1 and json.loads(out)["alarms"][0]["code"] == "rollback"

    # The owner, with the log's own key, writes another history of the same length.
    (house / "fork").mkdir()
    shutil.copytree(house / ".steelyard" / "keys", house / "fork" / "keys")
    store = f"sqlite:///{house / 'fork' / 'steelyard.db'}"
    run(capsys, "init", "--origin", "example.cn/ai", "--store", store)
    (house / "s.jsonl").write_text('{"n":"other"}\n' * 30, encoding="utf-8")
    run(capsys, "append", "s.jsonl", "--store", store)
    run(capsys, "export", "forked", "--store", store)
    code, out, _ = run(capsys, "witness", "forked", "--state", "w", "--key", vkey.strip(), "--json")
    assert code == 1 and json.loads(out)["alarms"][0]["code"] == "fork"
    assert run(capsys, "verify", "forked", "--key", vkey.strip())[0] == 0  # alone, it looks fine: hence the witness


def test_a_cosignature_made_elsewhere_is_kept_and_checked(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, vkey, _ = run(capsys, "init", "--origin", "example.cn/ai")
    run(capsys, "append", str(records(house / "r.jsonl", 5)))
    run(capsys, "export", "out")
    _, lines, err = run(capsys, "witness", "out", "--state", "w", "--key", vkey.strip(), "--name", "auditor.cn/w")
    witness = err.split("by ")[1].strip()
    (house / "line.txt").write_text(lines, encoding="utf-8")
    assert run(capsys, "cosign", "line.txt")[0] == 0
    run(capsys, "export", "out")
    code, out, _ = run(capsys, "verify", "out", "--key", vkey.strip(), "--witness", witness, "--json")
    assert code == 0 and json.loads(out)["witnesses"][0]["name"] == "auditor.cn/w"
    text = (house / "out" / "checkpoint").read_text(encoding="utf-8")
    (house / "out" / "checkpoint").write_text(
        text[:-6] + ("B" if text[-6] != "B" else "C") + text[-5:], encoding="utf-8"
    )
    code, out, _ = run(capsys, "verify", "out", "--key", vkey.strip(), "--witness", witness, "--json")
    assert code == 1 and json.loads(out)["alarms"][0]["code"] in ("bad_cosignature", "bad_checkpoint")


def test_a_log_is_verified_and_witnessed_over_http(
    house: Path, served: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, vkey, _ = run(capsys, "init", "--origin", "example.cn/ai")
    run(capsys, "append", str(records(house / "r.jsonl", 600)))
    run(capsys, "export", "out")
    assert run(capsys, "verify", served, "--key", vkey.strip())[0] == 0
    assert run(capsys, "witness", served, "--key", vkey.strip(), "--state", "w", "--whole")[0] == 0
    assert run(capsys, "verify", served)[0] == 2  # whose key?
    (house / "out" / "tile" / "entries" / "000").unlink()
    code, out, _ = run(capsys, "verify", served, "--key", vkey.strip(), "--json")
    assert code == 1 and json.loads(out)["alarms"][0]["code"] == "truncated"


def test_a_copy_put_back_is_named_and_not_written_to(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "init", "--origin", "example.cn/ai")
    run(capsys, "append", str(records(house / "r.jsonl", 3)))
    database = house / ".steelyard" / "steelyard.db"
    with contextlib.closing(sqlite3.connect(database)) as link:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = database.read_bytes()
    run(capsys, "append", str(house / "r.jsonl"))
    for extra in house.glob(".steelyard/steelyard.db-*"):
        extra.unlink()
    database.write_bytes(copy)
    code, out, _ = run(capsys, "append", str(house / "r.jsonl"), "--json")
    assert code == 3 and json.loads(out)["error"]["code"] == "rolled_back"
    code, out, _ = run(capsys, "verify", "--json")
    assert code == 1 and "rollback" in [item["code"] for item in json.loads(out)["alarms"]]


def test_what_does_not_hold_proves_nothing_and_says_what_to_do(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "init", "--origin", "example.cn/ai")
    code, out, _ = run(capsys, "verify")
    assert code == 1 and "nothing changed" not in out and "ledger checkpoint" in out
    run(capsys, "checkpoint")
    code, out, _ = run(capsys, "verify")
    assert code == 0 and "nothing changed" in out
    run(capsys, "append", str(records(house / "r.jsonl", 3)))
    run(capsys, "export", "old")
    code, _, err = run(capsys, "witness", "old", "--state", "w")
    assert code == 0 and "from the folder itself" in err
    run(capsys, "append", str(house / "r.jsonl"))
    run(capsys, "export", "new")
    vkey = (house / "new" / "vkey").read_text(encoding="utf-8").strip()
    code, _, err = run(capsys, "witness", "new", "--state", "w", "--key", vkey)
    assert code == 0 and "from the folder itself" not in err
    code, out, _ = run(capsys, "witness", "old", "--state", "w", "--key", vkey)
    assert code == 1 and "nothing changed" not in out


def test_times_of_witnesses_are_rfc_3339(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "init", "--origin", "example.cn/ai")
    run(capsys, "append", str(records(house / "r.jsonl", 3)))
    _, out, _ = run(capsys, "witness", "--state", "w", "--json")
    _, out, _ = run(capsys, "verify", "--witness", json.loads(out)["vkey"], "--json")
    (seen,) = json.loads(out)["witnesses"]
    assert dt.datetime.fromisoformat(seen["time"]).tzinfo is not None


def test_messages_about_folders_and_keys(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "init", "--origin", "example.cn/ai")
    for args, words in (
        (["verify", "nodir"], "no such folder"),
        (["verify", "--witness", "nokey"], "ledger witness"),
        (["verify", "--witness", "a+b+c"], "ledger witness"),
        (["verify", ".", "--key", "nokey"], "ledger init"),
        (["cosign", "nofile"], "no such file"),
    ):
        code, _, err = run(capsys, *args)
        assert code == 2 and words in err and "Errno" not in err, err
