"""The demonstration: a believable organisation through the real code, marked everywhere, made once."""

import json
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

pytest.importorskip("django")
HERE = {"STEELYARD_STORE": ""}  # the store of the folder, whatever other tests use


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """A folder with the demonstration, what the terminal said, and the seconds it took."""
    folder = tmp_path_factory.mktemp("demo")
    begun = time.monotonic()
    said = serve(folder)
    return folder, said, time.monotonic() - begun


def serve(folder: Path, *more: str) -> str:
    """Serves the demonstration until it answers and one page was read; answers what was said, and that page."""
    import os

    env = {**os.environ, "STEELYARD_LANG": "en"}
    env.pop("STEELYARD_STORE", None)
    command = [sys.executable, "-m", "steelyard", "serve", "--demo", "--port", "0", *more]
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(command, cwd=folder, stderr=log, env=env)
    try:
        for _ in range(600):
            text = (folder / "log").read_text(encoding="utf-8")
            found = re.search(r"http://127\.0\.0\.1:\d+/", text)
            if found or child.poll() is not None:
                break
            time.sleep(0.1)
        if not found:
            return text
        import urllib.request

        with urllib.request.urlopen(f"{found[0]}accounts/login/", timeout=20) as answer:  # noqa: S310  (loopback)
            return text + str(answer.read().decode())
    finally:
        child.terminate()
        child.wait(20)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / ".steelyard" / "steelyard.db") as raw:
        return raw.execute(query).fetchall()


def test_systems_stand_in_every_stage_and_people_in_every_role(demo: tuple[Path, str, float], steelyard: Run) -> None:
    from steelyard.gates.people import ROLES

    folder, said, _ = demo
    stages = dict(rows(folder, "SELECT stage, count(*) FROM gates_system GROUP BY stage"))
    assert set(stages) == {"review", "approved", "launched", "stopped", "refused", "prohibited"}
    drafts = rows(folder, "SELECT count(*) FROM intake_draft WHERE NOT submitted")[0][0]
    assert sum(stages.values()) + drafts == 44 and drafts == 4 and stages["review"] >= 10  # type: ignore[operator]
    assert {row[0] for row in rows(folder, "SELECT DISTINCT role FROM gates_appointment")} >= set(ROLES) - {"owner"}
    password = re.search(r"told this once: (\S+)", said)
    assert password and said.count(password[1]) == 1
    for name, _ in rows(folder, "SELECT username, password FROM people_user"):
        assert f"  {name} " in said
    names = [row[0] for row in rows(folder, "SELECT name FROM gates_system")]
    assert all(re.search("[一-鿿]", str(name)) and re.search("[A-Za-z]", str(name)) for name in names)
    verified = steelyard("ledger", "verify", "--json", cwd=folder, env=HERE)
    assert json.loads(verified.stdout)["ok"] and verified.returncode == 0
    assert json.loads(steelyard("reindex", "--json", cwd=folder, env=HERE).stdout)["corrected"] == []


def test_every_page_says_that_it_is_a_demonstration(demo: tuple[Path, str, float]) -> None:
    _, said, _ = demo
    assert "Demonstration data" in said.split("<!doctype html>")[1] and "演示数据" in said.split("<!doctype html>")[1]


def test_a_second_start_makes_nothing_and_tells_no_password(demo: tuple[Path, str, float]) -> None:
    folder, _, _ = demo
    before = rows(folder, "SELECT count(*) FROM ledger_entry")
    said = serve(folder)
    assert "here already" in said and "demo-" not in said
    assert rows(folder, "SELECT count(*) FROM ledger_entry") == before


def test_only_in_an_empty_store(tmp_path: Path, steelyard: Run) -> None:
    assert (
        steelyard(
            "key", "new", "--person", "Li Wei", cwd=tmp_path, env={**HERE, "STEELYARD_KEY_PASSPHRASE": "x y z"}
        ).returncode
        == 0
    )
    said = serve(tmp_path)
    assert "something in this store already" in said and "password" not in said


def test_the_systems_are_those_of_the_example_inventory() -> None:
    pytest.importorskip("polars")
    from steelyard.journeys.inventories import open_inventory, profile_at
    from steelyard.policy.compile import load_compiled

    policy, folder = load_compiled(), ROOT / "examples" / "inventory"
    found = open_inventory(folder / "inventory.csv", folder / "mapping.yaml", policy)
    wanted = []
    for read in found.batches:
        batch = read()
        for at in range(batch.rows.len()):
            one = profile_at(found, batch, at, policy)
            facts = {name: policy.vocabulary[name].plain(value) for name, value in one.facts.items()}
            said = {"id": one.id, "name": one.name, "unit": one.unit, "owner": one.owner, "purpose": one.purpose}
            wanted.append({**said, "facts": facts})
    text = (ROOT / "src/steelyard/console/demo_systems.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(wanted, ensure_ascii=False))
