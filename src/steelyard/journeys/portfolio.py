"""The walk from an inventory to a judged portfolio: read, map, judge in batches, count, write.

Enforced: rows in = rows out + unusable; nothing is left half-written (files are finished beside the target and moved);
memory follows the batch, not the inventory, for typed Parquet.
"""

import contextlib
import csv
import datetime as dt
import io
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from steelyard.base.errors import InputError, missing_extra
from steelyard.base.i18n import Text
from steelyard.base.progress import Progress
from steelyard.intake.mapping import Assumption
from steelyard.journeys.inventories import Batch, Inventory, no_rows, open_inventory
from steelyard.policy.columns import HIGHEST, LOWEST, ColumnPolicy
from steelyard.policy.compile import Policy
from steelyard.policy.tree import TIERS, facts_of

LISTED = 2_000
OUTPUTS = ("portfolio.parquet", "portfolio.xlsx", "report.html", "unusable.csv")
WORKERS = 2
WORKBOOK_ROWS = 100_000


@dataclass
class Summary:
    """What a portfolio comes to: the figures of the report.

    `tiers` counts systems by (lowest, highest); `settled_columns` those settled before assumptions (None without a
    mapping); `units` tiers per unit; `heat` per (unit, risk family) how many systems a high and a medium rule touches;
    `rules` and `obligations` per id (certain, open); `open_facts` how many unsettled systems each fact keeps open.
    """

    title: Text
    source: str
    on: dt.date
    policy: Policy
    total: int = 0
    judged: int = 0
    unusable: dict[int, str] = field(default_factory=dict)
    tiers: Counter[tuple[str, str]] = field(default_factory=Counter)
    settled_columns: int | None = None
    prohibited: Counter[str] = field(default_factory=Counter)
    assumptions: list[tuple[Assumption, int]] = field(default_factory=list)
    unread: dict[str, dict[str, int]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    units: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    heat: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    rules: dict[str, list[int]] = field(default_factory=dict)
    obligations: dict[str, list[int]] = field(default_factory=dict)
    open_facts: Counter[str] = field(default_factory=Counter)
    listed: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def settled(self) -> int:
        """Systems with one possible tier."""
        return sum(count for (low, high), count in self.tiers.items() if low == high)


def assess_portfolio(
    inventory: Inventory, policy: Policy, on: dt.date, source: str, write: Callable[[pl.DataFrame], None]
) -> Summary:
    """Judges every usable row; `write` receives the finished rows batch by batch, in order."""
    columns = ColumnPolicy(policy)
    summary = Summary(inventory.title, source, on, policy, total=inventory.total, ignored=inventory.ignored)
    summary.unread = inventory.unread
    progress = Progress(source, inventory.total)
    applied: Counter[str] = Counter()
    families = risk_families(policy)
    with ThreadPoolExecutor(max_workers=WORKERS) as workers, ThreadPoolExecutor(max_workers=1) as writer:
        running: deque[Future[_Judged]] = deque()
        writing: deque[Future[None]] = deque()

        def finish() -> None:
            done = running.popleft().result()
            while len(writing) >= WORKERS:
                writing.popleft().result()
            writing.append(writer.submit(write, done.out))
            _count(summary, done, families)
            if done.settled_before is not None:
                summary.settled_columns = (summary.settled_columns or 0) + done.settled_before
            if done.batch.assumed is not None:
                applied.update(done.batch.assumed.explode().drop_nulls().to_list())
            progress.update(summary.judged)

        for read in inventory.batches:
            if len(running) > WORKERS:
                finish()
            running.append(workers.submit(_judge, read, columns))
        while running:
            finish()
        for future in writing:
            future.result()
    progress.close()
    if inventory.assumptions and summary.settled_columns is None:
        summary.settled_columns = 0
    summary.unusable = dict(sorted(inventory.unusable.items()))
    summary.assumptions = [(item, applied[item.id]) for item in inventory.assumptions]
    if summary.judged + len(summary.unusable) != summary.total:
        raise AssertionError("rows in must equal rows out and unusable")
    return summary


def risk_families(policy: Policy) -> dict[str, Text]:
    """The families of risks (sections that hold them) that the catalogue knows, by section id."""
    clauses = policy.clauses.clauses.values()
    names = dict.fromkeys(clause.section for clause in clauses if clause.kind == "risk")
    return {name: policy.clauses.sections[name].title for name in names}


class _Judged(NamedTuple):
    """A judged batch: every rule on every row, the finished rows, and how many the declared facts alone settle."""

    batch: Batch
    judged: pl.DataFrame
    out: pl.DataFrame
    settled_before: int | None


def _judge(read: Callable[[], Batch], columns: ColumnPolicy) -> _Judged:
    batch = read()
    judged = columns.judge(columns.effective(batch.facts))
    before = None
    if batch.declared is not None:
        bare = columns.judge(columns.effective(batch.declared))
        before = int((bare[LOWEST] == bare[HIGHEST]).sum())
    return _Judged(batch, judged, _rows(batch, judged, columns), before)


def _rows(batch: Batch, judged: pl.DataFrame, columns: ColumnPolicy) -> pl.DataFrame:
    lanes = [columns.policy.lanes[tier].id for tier in TIERS]
    tier_names, lane_names = pl.Series(TIERS), pl.Series(lanes)
    low, high = judged[LOWEST], judged[HIGHEST]
    out = pl.DataFrame(
        [
            batch.rows,
            batch.identity["system"],
            batch.identity["name"],
            batch.identity["unit"],
            tier_names.gather(low).alias("tier_lowest"),
            tier_names.gather(high).alias("tier_highest"),
            lane_names.gather(low).alias("lane_lowest"),
            lane_names.gather(high).alias("lane_highest"),
            judged["prohibited"],
            columns.reasons(judged),
        ]
    )
    return out.with_columns(batch.assumed.alias("assumed")) if batch.assumed is not None else out


def _count(summary: Summary, done: _Judged, families: dict[str, Text]) -> None:
    batch, judged, out = done.batch, done.judged, done.out
    policy = summary.policy
    summary.judged += judged.height
    for low, high, count in out.group_by("tier_lowest", "tier_highest").len().iter_rows():
        summary.tiers[(low, high)] += count
    for value, count in out.group_by("prohibited").len().iter_rows():
        summary.prohibited["undecided" if value is None else "yes" if value else "no"] += count
    units = out.group_by("unit", "tier_lowest", "tier_highest").len()
    for unit, low, high, count in units.iter_rows():
        summary.units.setdefault(unit or "", Counter())[(low, high)] += count
    for store, rules in (
        (summary.rules, (*policy.tiers, *policy.prohibitions)),
        (summary.obligations, policy.obligations),
    ):
        names = [rule.id for rule, _ in rules]
        sums = judged.select(
            *(pl.col(name).sum().alias(f"yes {name}") for name in names),
            *(pl.col(name).null_count().alias(f"open {name}") for name in names),
        ).row(0, named=True)
        for name in names:
            pair = store.setdefault(name, [0, 0])
            pair[0] += sums[f"yes {name}"]
            pair[1] += sums[f"open {name}"]
    _count_heat(summary, judged, out["unit"], families)
    _count_open_facts(summary, judged)
    _keep_listed(summary, batch, judged, out)


def _count_heat(summary: Summary, judged: pl.DataFrame, unit: pl.Series, families: dict[str, Text]) -> None:
    clauses = summary.policy.clauses.clauses
    exprs = []
    for family in families:
        for tier in ("high", "medium"):
            names = [
                rule.id
                for rule, _ in summary.policy.tiers
                if rule.tier == tier and any(c in clauses and clauses[c].section == family for c in rule.clauses)
            ]
            touched = pl.any_horizontal(names).eq_missing(True) if names else pl.lit(False)
            exprs.append(touched.alias(f"{family} {tier}"))
    marks = judged.select(exprs).with_columns(unit.fill_null("").alias("unit"))
    for family in families:
        only_medium = ~pl.col(f"{family} high") & pl.col(f"{family} medium")
        table = marks.group_by("unit").agg(
            pl.col(f"{family} high").sum().alias("high"), only_medium.sum().alias("medium"), pl.len().alias("all")
        )
        for row in table.iter_rows(named=True):
            cell = summary.heat.setdefault((row["unit"], family), Counter())
            cell.update(high=row["high"], medium=row["medium"], all=row["all"])


def _count_open_facts(summary: Summary, judged: pl.DataFrame) -> None:
    open_rows = judged.filter(pl.col(LOWEST) != pl.col(HIGHEST))
    if not open_rows.height:
        return
    readers: dict[str, list[str]] = {}
    for rule, judge in summary.policy.tiers:
        for fact in facts_of(judge.node):
            readers.setdefault(fact, []).append(rule.id)
    counts = open_rows.select(
        (pl.col(fact).is_null() & pl.any_horizontal(pl.col(rule).is_null() for rule in rules)).sum().alias(fact)
        for fact, rules in readers.items()
    ).row(0, named=True)
    summary.open_facts.update(counts)


def _keep_listed(summary: Summary, batch: Batch, judged: pl.DataFrame, out: pl.DataFrame) -> None:
    """Keeps the systems that need a person first: forbidden, then high, then possibly so."""
    high_rules = [rule.id for rule, _ in summary.policy.tiers if rule.tier == "high"]
    urgency = judged.select(
        (
            pl.when(pl.col("prohibited")).then(10_000).otherwise(0)
            + pl.when(pl.col("prohibited").is_null()).then(2_000).otherwise(0)
            + pl.col(LOWEST).cast(pl.Int64) * 1_000
            + pl.col(HIGHEST).cast(pl.Int64) * 3_000
            + pl.sum_horizontal(pl.col(rule).cast(pl.Int64).fill_null(0) for rule in high_rules) * 10
        ).alias("urgency")
    ).to_series()
    part = out.with_columns(urgency, batch.identity["purpose"]).top_k(LISTED, by=["urgency", -pl.col("row")])
    part = pl.DataFrame(part.to_arrow(compat_level=pl.CompatLevel.oldest()))  # a copy that holds no batch alive
    frames = [summary.listed, part] if summary.listed.width else [part]
    joined = pl.concat(frames, how="diagonal").sort("urgency", "row", descending=[True, False])
    summary.listed = joined.head(LISTED)


def run(
    inventory_path: Path,
    mapping_path: Path | None,
    out: Path,
    policy: Policy,
    on: dt.date,
    *,
    extra: Sequence[Callable[[Summary, Path, Path], None]] = (),
) -> Summary:
    """Judges an inventory and writes `portfolio.parquet`, `unusable.csv`, and whatever `extra` adds.

    Each of `extra` receives the summary, the finished Parquet file and the folder to write into. All files are
    finished in a folder beside `out` and moved there at the end, so a failure leaves nothing behind.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise missing_extra("portfolio", "pyarrow") from None
    _check_target(out, [inventory_path, *([mapping_path] if mapping_path else [])])
    inventory = open_inventory(inventory_path, mapping_path, policy)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".steelyard-", dir=out.resolve()))
    try:
        target = work / "portfolio.parquet"
        writer: list[Any] = []

        def write(frame: pl.DataFrame) -> None:
            table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
            if not writer:
                writer.append(
                    pq.ParquetWriter(target, table.schema, compression="zstd", compression_level=1, store_schema=False)
                )
            writer[0].write_table(table)

        try:
            summary = assess_portfolio(inventory, policy, on, inventory_path.name, write)
            if not writer:
                raise no_rows(inventory_path)
        finally:
            for item in writer:
                item.close()
        (work / "unusable.csv").write_text(_unusable_csv(summary.unusable), encoding="utf-8")
        for step in extra:
            step(summary, target, work)
        written = {file.name for file in work.iterdir()}
        for name in sorted(written):
            (work / name).replace(out / name)
        for name in set(OUTPUTS) - written:
            (out / name).unlink(missing_ok=True)  # a report of an earlier run beside new rows would mislead
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        for folder in made:  # only what this run made, and only while nothing is in it
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    shutil.rmtree(work, ignore_errors=True)
    return summary


def _check_target(out: Path, inputs: Sequence[Path]) -> None:
    """Refuses an output folder that is a file, or in which an output would replace an input or a folder."""
    if out.exists() and not out.is_dir():
        raise InputError("not_a_folder", Text("the output is a file", "输出路径是文件"), path=str(out), field="--out")
    for name in OUTPUTS:
        target = out / name
        if target.is_dir() or any(target.resolve() == path.resolve() for path in inputs):
            raise InputError(
                "in_the_way",
                Text("an output would take the place of this", "输出会覆盖此处的内容"),
                remedy=Text("choose another --out", "请换一个 --out"),
                path=str(target),
                field="--out",
            )


def _unusable_csv(unusable: dict[int, str]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("row", "reason"))
    writer.writerows(sorted(unusable.items()))
    return stream.getvalue()
