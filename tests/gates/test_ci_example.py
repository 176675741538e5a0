"""The CI step in examples/: it opens, it closes with a readable difference, and it leaves reports a code host reads."""

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "examples" / "ci" / "gate.sh"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return run_in(folder, folder, *command)


def run_in(place: Path, folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    steelyard = tools / "steelyard"
    steelyard.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m steelyard "$@"\n', encoding="utf-8")
    steelyard.chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "STEELYARD_KEY_PASSPHRASE": "secret",
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.cn",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.cn",
    }
    env.pop("STEELYARD_STORE", None)
    env.update(more)
    return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_step_opens_and_closes_again_with_the_difference(tmp_path: Path) -> None:
    profile = tmp_path / "steelyard.yaml"
    shutil.copy(ROOT / "examples" / "systems" / "meeting-notes.yaml", profile)
    (tmp_path / "doc.txt").write_text("done", encoding="utf-8")

    def steelyard(*args: str) -> None:
        done = run(tmp_path, "steelyard", *args, "--store", "folder:.steelyard")
        assert done.returncode == 0, done.stderr + done.stdout

    steelyard("key", "new", "--person", "Li Wei")
    steelyard("appoint", "Li Wei", "--role", "legal", "--by", "Li Wei")
    for kind, obligation in (("document", "govern.register-light"), ("attestation", "supply.light-check")):
        steelyard(
            "evidence", "new", kind, "--system", "meeting-notes", "--obligation", obligation,
            "--subject", "doc.txt", "--out", f"{kind}.json",
        )  # fmt: skip
        steelyard("evidence", "add", f"{kind}.json")
    steelyard("decide", "approve", "steelyard.yaml", "--by", "Li Wei", "--role", "legal", "--reason", "seen")
    run(tmp_path, "git", "init", "-q", "-b", "main")
    run(tmp_path, "git", "add", "steelyard.yaml", ".steelyard")
    assert "keys" not in run(tmp_path, "git", "ls-files").stdout
    run(tmp_path, "git", "commit", "-q", "-m", "first")

    opened = run(tmp_path, str(SCRIPT), "steelyard.yaml", "launch", "main")
    assert opened.returncode == 0, opened.stdout + opened.stderr
    assert "OPEN" in opened.stdout or "放行" in opened.stdout
    assert json.loads((tmp_path / "gate.sarif").read_text(encoding="utf-8"))["runs"][0]["results"] == []

    clone = tmp_path / "clone"  # as a CI machine has it: no keys, no working copy
    assert run(tmp_path, "git", "clone", "-q", ".", str(clone)).returncode == 0
    there = run(clone, str(SCRIPT), "steelyard.yaml", "launch", "main")
    assert there.returncode == 0, there.stdout + there.stderr
    assert not (clone / ".steelyard" / "keys").exists()

    text = profile.read_text(encoding="utf-8").replace("audience: internal", "audience: public")
    assert "audience: public" in text
    profile.write_text(text, encoding="utf-8")
    closed = run(tmp_path, str(SCRIPT), "steelyard.yaml", "launch", "main")
    assert closed.returncode == 1
    assert "audience" in closed.stdout and "->" in closed.stdout
    found = json.loads((tmp_path / "gate.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    suite = ET.parse(tmp_path / "gate.xml").getroot()  # noqa: S314  (our own output)
    assert len(found) == int(suite.get("failures") or 0) > 5

    assert closed.stdout.count("stays CLOSED") + closed.stdout.count("不予放行") == 1  # said once
    (tmp_path / "work").mkdir()
    for place, name in ((tmp_path / "work", str(profile)), (tmp_path / "work", "../steelyard.yaml")):
        there = run_in(place, tmp_path, str(SCRIPT), name, "launch", "main")  # by an absolute path, from a subfolder
        assert there.returncode == 1 and "audience" in there.stdout and "->" in there.stdout, there.stdout

    profile.write_text("facts: {audience: nobody}\n", encoding="utf-8")
    bad = run(tmp_path, str(SCRIPT), "steelyard.yaml", "launch", "main")
    assert bad.returncode == 2 and (bad.stdout + bad.stderr).count("nobody") == 1
    assert not (tmp_path / "gate.sarif").exists()
    gone = run_in(tmp_path, tmp_path, str(SCRIPT), "steelyard.yaml", STEELYARD="/nowhere/steelyard")
    assert gone.returncode == 3 and "not on PATH" in gone.stderr
