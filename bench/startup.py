"""How long a person waits for the command line. `python -m bench.startup`.

Medians of several runs after one that does not count; the bare interpreter is measured too, because nothing written in
Python starts faster. `first` runs with an empty cache, as after an installation, when packs are compiled from YAML.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.process import CommandFailed, Cost, run, steelyard
from bench.single import machine

EXAMPLE = Path(__file__).parent.parent / "examples" / "systems" / "meeting-notes.yaml"


def commands(folder: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """What is measured: command and environment by name."""
    warm = {"STEELYARD_CACHE": str(folder / "warm")}
    tool, example = steelyard(), os.path.relpath(EXAMPLE)
    return {
        "python -c pass": ([sys.executable, "-c", "pass"], {}),
        "--help": ([*tool, "--help"], warm),
        "assess": ([*tool, "assess", example], warm),
        "assess --json": ([*tool, "assess", example, "--json"], warm),
        "assess of 100 files": ([*tool, "assess", *[example] * 100, "--json"], warm),
        "assess, first": ([*tool, "assess", example], {"STEELYARD_CACHE": str(folder / "first")}),
    }


def measure(command: list[str], env: dict[str, str], runs: int, fresh: bool) -> list[Cost]:
    """The costs of `runs` runs; with `fresh` the cache is emptied before each, else one more run goes ahead."""
    out = []
    for index in range(runs + (0 if fresh else 1)):
        cache = Path(env.get("STEELYARD_CACHE", ""))
        if fresh and cache.is_dir():
            for file in cache.iterdir():
                file.unlink()
        cost = run(command, env)
        if fresh or index:
            out.append(cost)
    return out


def main(argv: list[str] | None = None) -> int:
    """Measures and writes startup.json and startup.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description="the wait for the command line")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args(argv)
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (command, env) in commands(Path(folder)).items():
            try:
                costs = measure(command, env, options.runs, name.endswith("first"))
            except CommandFailed as error:
                rows[name] = {"failed": str(error)}
                continue
            rows[name] = {
                "wall_ms": statistics.median(cost.wall for cost in costs) * 1000,
                "cpu_ms": statistics.median(cost.cpu for cost in costs) * 1000,
                "slowest_wall_ms": max(cost.wall for cost in costs) * 1000,
                "peak_mib": max(cost.peak_mib for cost in costs),
            }
    result = {"machine": machine(), "runs": options.runs, "commands": rows}
    lines = [
        "# The wait for the command line",
        "",
        f"Medians of {options.runs} runs. Python {result['machine']['python']}, {result['machine']['system']}, "
        f"{result['machine']['processor'] or 'processor unknown'}.",
        "",
        "| command | wall ms | CPU ms | slowest wall ms | peak MiB |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        cells = [row.get(key) for key in ("wall_ms", "cpu_ms", "slowest_wall_ms", "peak_mib")]
        text = " | ".join(f"{cell:.0f}" for cell in cells) if "failed" not in row else f"failed: {row['failed']} | | | "
        lines.append(f"| {name} | {text} |")
    text = "\n".join(lines) + "\n"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "startup.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    (options.out / "startup.md").write_text(text, "utf-8")
    print(text)
    return int(any("failed" in row for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
