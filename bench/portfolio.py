"""A whole inventory at once: `steelyard portfolio assess` over typed Parquet. `python -m bench.portfolio`.

The inventories are made up (see population.py), the same for the same seed, and kept for the next run. Each size runs
several times as a command of its own; wall, CPU and peak memory are medians. What comes out is checked: rows in = rows
out + unusable, and a sample must say what single assessments of the same systems say.
"""

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench import population
from bench.ours import ON, judge
from bench.process import CommandFailed, Cost, run, steelyard
from bench.single import machine
from steelyard.policy.compile import Policy, load_compiled

CHUNK = 50_000
SAMPLE = 200
SEED = 7
UNKNOWN = 0.1
UNITS = ("Headquarters", "Retail", "Logistics", "Manufacturing", "Finance", "研究院", "客户服务中心", "信息技术部")
TYPES = {"bool": pa.bool_(), "one_of": pa.string(), "set_of": pa.list_(pa.string()), "count": pa.int64()}


def chunks(policy: Policy, rows: int, seed: int) -> Iterator[pa.Table]:
    """The inventory, `CHUNK` rows at a time: `system`, `unit` and a column per fact, null where nobody knows."""
    fields = [pa.field("system", pa.string()), pa.field("unit", pa.string())]
    fields += [pa.field(fact.id, TYPES[fact.type]) for fact in policy.vocabulary.items]
    schema = pa.schema(fields)
    random = Random(seed)
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        columns = population.realistic_columns(policy, count, seed + start, UNKNOWN)
        columns["system"] = [f"sys-{start + row:07d}" for row in range(count)]
        columns["unit"] = random.choices(UNITS, k=count)
        yield pa.table(columns, schema=schema)


def inventory(policy: Policy, rows: int, folder: Path) -> Path:
    """The Parquet file of an inventory, made where it is not there yet."""
    recipe = Path(population.__file__).read_bytes() + Path(__file__).read_bytes()
    path = folder / f"systems-{rows}-{hashlib.sha256(recipe).hexdigest()[:12]}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        writer = None
        for table in chunks(policy, rows, SEED):
            writer = writer or pq.ParquetWriter(unfinished, table.schema)
            writer.write_table(table)
        if writer:
            writer.close()
        unfinished.rename(path)
    return path


def check(policy: Policy, source: Path, out: Path, rows: int) -> dict[str, int]:
    """What came out, counted, with how many rows of a sample differ from single assessments."""
    result = pq.read_table(out / "portfolio.parquet", columns=["row", "tier_lowest", "tier_highest", "prohibited"])
    unusable = out / "unusable.csv"
    lost = max(0, len(unusable.read_text("utf-8").splitlines()) - 1) if unusable.exists() else 0
    if result.num_rows + lost != rows:
        raise AssertionError(f"{rows} rows in, {result.num_rows} out and {lost} unusable")
    wanted = sorted(Random(SEED).sample(range(result.num_rows), min(SAMPLE, result.num_rows)))
    judged = [result.slice(index, 1).to_pylist()[0] for index in wanted]  # `take` cannot read string views
    facts = pq.read_table(source).take([row["row"] for row in judged]).drop_columns(["system", "unit"]).to_pylist()
    different = 0
    for theirs, raw in zip(judged, facts, strict=True):
        one = judge(policy, {name: value for name, value in raw.items() if value is not None})
        stops = [fired.certain for fired in one.prohibitions]
        mine = (one.tier.lowest, one.tier.highest, True if any(stops) else None if stops else False)
        different += mine != (theirs["tier_lowest"], theirs["tier_highest"], theirs["prohibited"])
    return {"rows_out": result.num_rows, "unusable": lost, "sampled": len(judged), "different": different}


def measure(policy: Policy, rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """All runs of one size."""
    source = inventory(policy, rows, options.out / "data")
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        out = Path(folder) / "out"
        command = [*steelyard(), "portfolio", "assess", str(source), "--out", str(out), "--on", ON.isoformat()]
        for name in options.only:
            command += ["--only", name]
        for _ in range(options.runs):
            costs.append(run(command))
        written = {file.name: file.stat().st_size for file in sorted(out.iterdir())}
        return {
            "rows": rows,
            "wall": statistics.median(cost.wall for cost in costs),
            "cpu": statistics.median(cost.cpu for cost in costs),
            "peak_mib": max(cost.peak_mib for cost in costs),
            "bytes_in": source.stat().st_size,
            "bytes_out": written,
            **check(policy, source, out, rows),
        }


def markdown(result: dict[str, Any]) -> str:
    """The result as a table for people."""
    out = [
        "# A whole inventory",
        "",
        f"`steelyard portfolio assess` over typed Parquet, {', '.join(result['only'])} only; "
        f"median of {result['runs']} runs (peak: the highest). "
        f"Python {result['machine']['python']}, {result['machine']['cores']} cores, "
        f"{result['machine']['processor'] or 'processor unknown'}.",
        "",
        "| systems | wall s | CPU s | systems per wall second | peak MiB | sample differs from single assessments |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    done = [row for row in result["sizes"] if "failed" not in row]
    for row in result["sizes"]:
        if "failed" in row:
            out.append(f"| {row['rows']:,} | failed: {row['failed']} | | | | |")
            continue
        out.append(
            f"| {row['rows']:,} | {row['wall']:.2f} | {row['cpu']:.2f} | {row['rows'] / row['wall']:,.0f} "
            f"| {row['peak_mib']:.0f} | {row['different']} of {row['sampled']} |"
        )
    if len(done) > 1:
        out += ["", "| from | to | wall µs a row | CPU µs a row | peak bytes a row |", "|---:|---:|---:|---:|---:|"]
    for small, large in pairwise(done):
        more = large["rows"] - small["rows"]
        out.append(
            f"| {small['rows']:,} | {large['rows']:,} | {(large['wall'] - small['wall']) / more * 1e6:.2f} "
            f"| {(large['cpu'] - small['cpu']) / more * 1e6:.2f} "
            f"| {(large['peak_mib'] - small['peak_mib']) * 2**20 / more:.0f} |"
        )
    return "\n".join(out) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Measures every size and writes portfolio.json and portfolio.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.portfolio", description="a whole inventory at once")
    parser.add_argument("--rows", type=int, action="append", help="default: 10000, 100000, 1000000")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", action="append", help="formats to write, default parquet")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args(argv)
    options.only = options.only or ["parquet"]
    options.out.mkdir(parents=True, exist_ok=True)
    policy = load_compiled()
    sizes: list[dict[str, Any]] = []
    for rows in options.rows or (10_000, 100_000, 1_000_000):
        try:
            sizes.append(measure(policy, rows, options))
        except CommandFailed as error:
            sizes.append({"rows": rows, "failed": str(error)})
    result = {"machine": machine(), "runs": options.runs, "only": options.only, "sizes": sizes}
    text = markdown(result)
    (options.out / "portfolio.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    (options.out / "portfolio.md").write_text(text, "utf-8")
    print(text)
    return int(any("failed" in row or row["different"] for row in sizes))


if __name__ == "__main__":
    sys.exit(main())
