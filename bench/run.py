"""All benchmarks, one after the other; what `make bench` runs. Arguments name some: agreement single startup portfolio.

`--quick` takes a few minutes less and says little more than that everything still runs.
"""

import argparse
import subprocess
import sys
from pathlib import Path

PARTS: dict[str, list[str]] = {
    "agreement": [],
    "single": ["--rounds", "2", "--seconds", "0.2"],
    "startup": ["--runs", "3"],
    "portfolio": ["--rows", "10000", "--runs", "1"],
}
NO_OUTPUT = ("agreement",)


def main() -> int:
    """Runs each part as a program of its own, so that none warms another; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args()
    code = 0
    for part in options.part or PARTS:
        out = [] if part in NO_OUTPUT else ["--out", str(options.out.absolute())]
        quick = PARTS[part] if options.quick else []
        print(f"== {part}", flush=True)
        root = Path(__file__).parent.parent
        code |= subprocess.run([sys.executable, "-m", f"bench.{part}", *quick, *out], cwd=root, check=False).returncode
    return code


if __name__ == "__main__":
    sys.exit(main())
