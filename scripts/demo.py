"""`make demo`: the main job on the examples, with the commands a user would type."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONTRADICTION = "examples/intake/visitor-gate.yaml"
DESCRIPTION = "examples/intake/cv-screening.md"
STEPS = (
    f"intake draft --from {DESCRIPTION}",
    f"intake check {CONTRADICTION}",
    "intake next examples/systems/support-bot.yaml",
    "assess examples/systems/meeting-notes.yaml",
    "assess examples/systems/support-bot.yaml",
    "plan examples/systems/loan-approval.yaml",
    "explain examples/systems/loan-approval.yaml high.key-sector-decisions",
    "policy test",
    "portfolio assess examples/inventory/inventory.csv --map examples/inventory/mapping.yaml --out out/demo",
)

EXPECTED = {f"intake check {CONTRADICTION}": 1}  # the answer is no: there are contradictions


def interview() -> None:
    """One interview, with the answers of an owner of a meeting-notes tool typed in."""
    print("$ steelyard intake out/demo-interview.yaml", flush=True)
    (ROOT / "out").mkdir(exist_ok=True)
    path = ROOT / "out" / "demo-interview.yaml"
    path.unlink(missing_ok=True)
    # our people / employees / in use; personal data, none important; no effect, only advises; filed API, text; general
    who = "Meeting notes\nTurns recordings of meetings into minutes that the secretary corrects\nWang Fang\n"
    typed = who + "1\n1\n6\n2\n2\n1\n1\n4\n1\n1\n1\n2\n2\n2\n1\n7\n" + "2\n" * 12
    command = [sys.executable, "-m", "steelyard", "intake", str(path)]
    subprocess.run(command, cwd=ROOT, input=typed, text=True, encoding="utf-8", check=False)


def main() -> int:
    """Runs the steps in order and stops at the first that fails."""
    interview()
    environment = {"COLUMNS": "120", **os.environ}
    for step in STEPS:
        print(f"\n$ steelyard {step}", flush=True)
        command = [sys.executable, "-m", "steelyard", *step.split()]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code != EXPECTED.get(step, 0):
            return code or 1
    print()
    code = subprocess.run([sys.executable, "scripts/demo_launch.py"], cwd=ROOT, env=environment, check=False).returncode
    store = ROOT / "out" / "demo-console" / "steelyard.db"
    print(f"\nThe console with a made-up organisation: steelyard serve --demo --store sqlite:///{store}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
