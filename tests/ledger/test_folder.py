"""A store as a folder of files: the same answers, rebuilt from the files, refused where they do not hold."""

import json
import shutil
from pathlib import Path

import pytest

from steelyard.base import sql
from steelyard.cli.main import main

STORE = "folder:house"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEELYARD_STORE", STORE)
    monkeypatch.setenv("STEELYARD_KEY_PASSPHRASE", "secret")
    (tmp_path / "d.txt").write_text("done", encoding="utf-8")
    assert main(["key", "new", "--person", "李伟"]) == 0
    for index in range(3):
        args = ["evidence", "new", "document", "--system", "s", "--subject", "d.txt", "--out", f"e{index}.json"]
        assert main([*args, "--obligation", f"x.{index}"]) == 0
    assert main(["evidence", "add", "e0.json", "e1.json", "e2.json", "--attach", "d.txt"]) == 0
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["evidence", "list", "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def dump(path: Path) -> dict[str, list[sql.Row]]:
    with sql.connect(f"sqlite:///{path}") as link:
        kept = [name for name in link.tables() if name not in ("ledger_checkpoint", "ledger_log", "ledger_head")]
        return {
            name: sorted(
                (tuple(value for value in row) for row in link.all(f"SELECT * FROM {name}")),  # noqa: S608
                key=repr,
            )
            for name in kept
            if name not in ("schema_migration", "evidence_envelope")
        }


def test_the_working_copy_is_rebuilt_alike(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, rows = listed(capsys), dump(house / "house" / "work" / "steelyard.db")
    shutil.rmtree(house / "house" / "work")
    assert listed(capsys) == before
    assert dump(house / "house" / "work" / "steelyard.db") == rows
    assert main(["key", "list", "--json"]) == 0
    assert "李伟" in capsys.readouterr().out
    assert main(["ledger", "verify"]) == 0
    assert main(["ledger", "verify", "house/log/1"]) == 0


def test_it_goes_on_after_a_rebuild(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(house / "house" / "work")
    args = ["evidence", "new", "document", "--system", "s", "--subject", "d.txt", "--out", "more.json"]
    assert main(args) == 0 and main(["evidence", "add", "more.json"]) == 0
    shutil.rmtree(house / "house" / "work")
    assert len(listed(capsys)) == 7
    assert main(["ledger", "verify"]) == 0


def test_a_name_never_stands_in_the_files(house: Path) -> None:
    for path in (house / "house").rglob("*"):
        if path.is_file():
            assert "李伟".encode() not in path.read_bytes(), path


def test_erasing_reaches_the_files(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["key", "list", "--json"]) == 0
    person = next(json.loads(line)["holder"] for line in capsys.readouterr().out.splitlines() if "李伟" in line)
    assert main(["key", "new", "--person", "王芳"]) == 0
    assert main(["appoint", "王芳", "--role", "administrator", "--by", "李伟"]) == 0
    before = json.loads((house / "house" / "personal.json").read_text(encoding="utf-8"))
    assert len(before["secrets"]) == 2
    assert main(["ledger", "erase", person]) == 0
    after = json.loads((house / "house" / "personal.json").read_text(encoding="utf-8"))
    assert [row[1] for row in after["secrets"]] == [row[1] for row in before["secrets"] if row[1] != person]
    assert {row[0]: row[1] for row in after["subjects"]}[person] is None
    assert main(["ledger", "verify"]) == 0


@pytest.mark.parametrize(
    "harm", ["an entry", "a tile", "an envelope", "an envelope gone", "an attachment", "openings", "the checkpoint"]
)
def test_a_damaged_folder_is_refused(house: Path, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    root = house / "house"
    shutil.rmtree(root / "work")
    chosen = {
        "an entry": lambda: next((root / "log").rglob("entries/000.p/*")),
        "a tile": lambda: next((root / "log").rglob("0/000.p/*")),
        "an envelope": lambda: next((root / "envelopes").glob("*.json")),
        "an envelope gone": lambda: next((root / "envelopes").glob("*.json")),
        "an attachment": lambda: next((root / "attachments").glob("*")),
        "openings": lambda: root / "personal.json",
        "the checkpoint": lambda: root / "log" / "1" / "checkpoint",
    }[harm]()
    if harm == "an envelope gone":
        chosen.unlink()
    else:
        data = bytearray(chosen.read_bytes())
        data[0 if harm == "openings" else len(data) // 2] ^= 1
        chosen.write_bytes(bytes(data))
    capsys.readouterr()
    code = main(["evidence", "list", "--json"])
    assert code == 3, capsys.readouterr().out
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"]["code"] == "bad_folder"


def test_a_changed_opening_is_an_alarm(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = house / "house" / "personal.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["secrets"][0][3] = "00" * 32
    path.write_text(json.dumps(data), encoding="utf-8")
    shutil.rmtree(house / "house" / "work")
    capsys.readouterr()
    assert main(["ledger", "verify", "--json"]) == 1
    assert [item["code"] for item in json.loads(capsys.readouterr().out)["alarms"]] == ["secret_mismatch"]


@pytest.mark.parametrize("first", [["gate", "steelyard.yaml", "--at", "launch"], ["key", "list"], ["ledger", "verify"]])
def test_whatever_comes_first_rebuilds_everything(
    house: Path, capsys: pytest.CaptureFixture[str], first: list[str]
) -> None:
    (house / "steelyard.yaml").write_text("system: {id: s, owner: x}\nfacts: {}\n", encoding="utf-8")
    shutil.rmtree(house / "house" / "work")
    main(first)
    capsys.readouterr()
    assert main(["key", "list", "--json"]) == 0
    assert "administrator" in capsys.readouterr().out
    assert main(["ledger", "verify"]) == 0


@pytest.mark.parametrize("harm", ["an envelope", "an envelope gone", "an attachment", "an entry"])
def test_verify_looks_at_the_files_and_not_only_at_the_working_copy(
    house: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    root = house / "house"
    names = {
        "an envelope": "envelopes/*.json",
        "an attachment": "attachments/*",
        "an entry": "log/1/tile/entries/000.p/*",
    }
    chosen = next(root.glob(names.get(harm, "envelopes/*.json")))
    if harm == "an envelope gone":
        chosen.unlink()
    else:
        data = bytearray(chosen.read_bytes())
        data[len(data) // 2] ^= 1
        chosen.write_bytes(bytes(data))
    assert main(["ledger", "verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["alarms"]


def test_what_somebody_else_added_to_the_files_is_seen(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(house / "house", house / "theirs")
    args = ["evidence", "new", "document", "--system", "s", "--subject", "d.txt", "--out", "t.json"]
    assert main([*args, "--store", "folder:theirs"]) == 0
    assert main(["evidence", "add", "t.json", "--store", "folder:theirs"]) == 0
    for name in ("log", "envelopes", "attachments"):
        shutil.copytree(house / "theirs" / name, house / "house" / name, dirs_exist_ok=True)
    assert len(listed(capsys)) == 7
    assert main(["ledger", "verify"]) == 0


def test_erased_data_that_git_brings_back_are_erased_again(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = house / "house"
    capsys.readouterr()
    assert main(["key", "list", "--json"]) == 0
    person = next(json.loads(line)["holder"] for line in capsys.readouterr().out.splitlines() if "李伟" in line)
    assert main(["key", "new", "--person", "王芳"]) == 0  # an administrator must remain
    assert main(["appoint", "王芳", "--role", "administrator", "--by", "李伟"]) == 0
    old = (root / "personal.json").read_bytes()
    assert main(["ledger", "erase", person]) == 0
    (root / "personal.json").write_bytes(old)
    shutil.rmtree(root / "work")
    capsys.readouterr()
    assert main(["key", "list", "--json"]) == 0
    assert "李伟" not in capsys.readouterr().out
    assert main(["ledger", "verify"]) == 0
