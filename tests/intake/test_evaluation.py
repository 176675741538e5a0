"""The evaluation script where its comparison cannot run: it says so, and how to run it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts/evaluate_drafting.py"
DECLARED = "Is the AI use case rights-impacting, safety-impacting, both, or neither?"
NAMES = ("Use Case Name", "What is the intended purpose and expected benefits of the AI?")
OUTPUTS = "Describe the AI system’s outputs."


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """A small inventory in the form of the real one."""
    path = tmp_path / "inventory.csv"
    with open(path, "w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow([*NAMES, OUTPUTS, DECLARED, "Agency Abbreviation"])
        for number in range(8):
            writer.writerow(
                [f"Ranking {number}", "Ranks people who apply for a job.", "A rank", "Both", "ABC"[number % 3]]
            )
            writer.writerow([f"Minutes {number}", "Writes minutes of meetings.", "A text", "Neither", "B"])
    return path


def run(*options: object) -> "subprocess.CompletedProcess[str]":
    """Runs the script as if scikit-learn were not installed."""
    code = (
        "import runpy, sys\nsys.modules['sklearn'] = None\n"
        f"sys.argv[0] = {str(SCRIPT)!r}\nrunpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, options)], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_comparison_that_cannot_run_is_named(inventory: Path) -> None:
    done = run("--data", inventory)
    assert done.returncode == 0, done.stderr
    assert "TF-IDF + logistic regression" in done.stdout and "not run" in done.stdout
    assert ".venv-bench/bin/python scripts/evaluate_drafting.py" in done.stdout and "make bench" in done.stdout
    found = json.loads(run("--data", inventory, "--json").stdout)
    assert found["comparison"] is None and found["drafting"]["auc"] == 1.0


def test_without_the_inventory_it_says_so(tmp_path: Path) -> None:
    done = run("--data", tmp_path / "none.csv")
    assert done.returncode == 3 and "none.csv" in done.stderr
