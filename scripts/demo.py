"""`make demo`: the main job on the examples, with the commands a user would type."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEPS = (
    "assess examples/systems/meeting-notes.yaml",
    "assess examples/systems/support-bot.yaml",
    "plan examples/systems/loan-approval.yaml",
    "explain examples/systems/loan-approval.yaml high.key-sector-decisions",
    "policy test",
    "portfolio assess examples/inventory/inventory.csv --map examples/inventory/mapping.yaml --out out/demo",
)


def main() -> int:
    """Runs the steps in order and stops at the first that fails."""
    environment = {"COLUMNS": "120", **os.environ}
    for step in STEPS:
        print(f"\n$ steelyard {step}", flush=True)
        command = [sys.executable, "-m", "steelyard", *step.split()]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
