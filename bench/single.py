"""One system at a time: Steelyard and the rule engines people would use instead. `python -m bench.single`.

Rules enforced:
- contestants take turns (peer, ours, peer, ours ...) in one run, each in its own process, one at a time, all on one
  core: a slow minute of the machine hits everybody, and nobody pays for another's memory or garbage collection;
- what counts is CPU time (`time.process_time`), threads of an engine included; the median over rounds is reported, and
  ratios are the median of the ratios of neighbouring turns;
- nobody judges the same profile twice;
- a peer that is missing, fails or disagrees gives a row that says so, and no number.
"""

import argparse
import gc
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from bench.agreement import PROFILES, compare, sample
from bench.engines import PEERS, NotInstalled, load
from bench.engines.base import Facts, rules_of
from bench.ours import ANSWERS, Ours
from bench.population import draw, realistic
from bench.process import peak_mib
from steelyard.policy.compile import Policy, load_compiled

OURS = tuple(ANSWERS)
UNFINISHED = "unfinished"
POPULATIONS = ("realistic", "random", UNFINISHED)
UNKNOWN = 0.15
PROBE = 20


class Turn(NamedTuple):
    """What a worker is asked to do: judge `count` fresh profiles drawn with `seed`."""

    count: int
    seed: int


def profiles_of(policy: Policy, population: str, turn: Turn) -> list[Facts]:
    """The profiles of a turn; those of `unfinished` leave questions open, which only Steelyard can judge."""
    if population == UNFINISHED:
        return realistic(policy, turn.count, turn.seed, UNKNOWN)
    return draw(policy, population, turn.count, turn.seed)


class _PeerRun:
    def __init__(self, policy: Policy, name: str) -> None:
        kind, _ = load(name)
        self._engine = kind(rules_of(policy))
        found = compare(policy, self._engine, sample(policy, 2 * PROFILES))
        if found:
            raise RuntimeError(f"disagrees on {len(found)} of {2 * PROFILES} profiles: run python -m bench.agreement")

    def measure(self, profiles: list[Facts]) -> float:
        start = time.process_time()
        self._engine.evaluate(profiles)
        return time.process_time() - start


def work(pipe: Connection, name: str, population: str) -> None:
    """The life of a worker process: build, say so, then serve turns until None."""
    try:
        policy = load_compiled()
        run = Ours(policy, name) if name in OURS else _PeerRun(policy, name)
        pipe.send(None)
        while (turn := pipe.recv()) is not None:
            profiles = profiles_of(policy, population, turn)
            gc.collect()
            pipe.send((len(profiles) / run.measure(profiles), peak_mib()))
    except Exception as error:  # the parent prints it in the row of this contestant
        pipe.send(f"{type(error).__name__}: {error}")


class Worker:
    """A contestant in its own process."""

    def __init__(self, name: str, population: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.name, self.failed, self.peak_mib = name, "", 0.0
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, name, population), daemon=True)
        self._process.start()
        theirs.close()
        self._receive()

    def _receive(self) -> Any:
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            answer = f"its process ended with {self._process.exitcode}"
        if isinstance(answer, str):
            self.failed = answer
        return answer

    def rate(self, turn: Turn) -> float | None:
        """Assessments per CPU second; None when the contestant has failed, now or before."""
        if self.failed:
            return None
        self._pipe.send(turn)
        answer = self._receive()
        if self.failed:
            return None
        self.peak_mib = answer[1]
        return float(answer[0])

    def close(self) -> None:
        """Ends the process."""
        if not self.failed:
            self._pipe.send(None)
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()


@contextmanager
def one_core() -> Iterator[bool]:
    """Pins this process, and so its workers, to one core where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


def contest(population: str, peers: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """All turns over one population, and what comes of them."""
    started = [Worker(name, population) for name in peers]
    ours = [Worker(name, population) for name in OURS]
    seeds = iter(range(1_000, 10**9))
    counts = {worker.name: _count(worker, next(seeds), options) for worker in (*started, *ours)}
    rates: dict[str, list[float]] = {worker.name: [] for worker in (*started, *ours)}
    ratios: dict[str, dict[str, list[float]]] = {name: {mine: [] for mine in OURS} for name in peers}
    for number in range(options.rounds):
        for peer in started or [None]:
            theirs = peer.rate(Turn(counts[peer.name], next(seeds))) if peer else None
            if peer and theirs:
                rates[peer.name].append(theirs)
            for worker in ours:
                mine = worker.rate(Turn(counts[worker.name], next(seeds)))
                if mine:
                    rates[worker.name].append(mine)
                if mine and theirs and peer:
                    ratios[peer.name][worker.name].append(mine / theirs)
        print(f"{population}: round {number + 1} of {options.rounds}", file=sys.stderr)
    for worker in (*started, *ours):
        worker.close()
    return {
        "population": population,
        "ours": {worker.name: _row(worker, rates, counts) for worker in ours},
        "peers": {
            worker.name: {**_row(worker, rates, counts), "ratios": _medians(ratios[worker.name])} for worker in started
        },
    }


def _count(worker: Worker, seed: int, options: argparse.Namespace) -> int:
    """As many profiles as fit the time of a turn, at most `--profiles`."""
    rate = worker.rate(Turn(PROBE, seed))
    return max(PROBE, min(options.profiles, int((rate or 0) * options.seconds)))


def _row(worker: Worker, rates: dict[str, list[float]], counts: dict[str, int]) -> dict[str, Any]:
    found = rates[worker.name]
    if worker.failed or not found:
        return {"failed": worker.failed or "no turn was finished"}
    return {
        "per_second": statistics.median(found),
        "slowest": min(found),
        "fastest": max(found),
        "turns": len(found),
        "profiles_a_turn": counts[worker.name],
        "peak_mib": round(worker.peak_mib),
    }


def _medians(ratios: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(found) for name, found in ratios.items() if found}


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
    }


def number(value: float) -> str:
    """Three significant figures from 100 on, else two decimals at most."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def markdown(result: dict[str, Any]) -> str:
    """The result as tables for people."""
    out = [
        "# Single assessments",
        "",
        f"{result['rules']} rules, {result['facts']} facts; CPU time, median of {result['rounds']} rounds of turns"
        f"{', one core' if result['pinned'] else ''}. Python {result['machine']['python']}, "
        f"{result['machine']['system']}, {result['machine']['processor'] or 'processor unknown'}.",
        "",
        "`ids`: the rules that hold, as the peers give them. `explained`: with reasons, deciding facts, open facts in",
        "order. `whole`: the answer of `steelyard assess --json`, with texts in both languages and digests.",
    ]
    for part in result["populations"]:
        out += ["", f"## Population: {part['population']}", ""]
        out += ["| Steelyard | per second | slowest to fastest turn | peak MiB |", "|---|---:|---:|---:|"]
        for name, row in part["ours"].items():
            out.append(f"| {name} | {_cells(row)} |")
        if part["population"] == UNFINISHED:
            out += ["", "The peers have no value for unknown: no row."]
            continue
        heads = " | ".join(f"{name}" for name in OURS)
        out += ["", "Peers, and how many times as fast Steelyard is (below 1: slower):", ""]
        out.append(f"| peer | version | per second | slowest to fastest turn | peak MiB | {heads} |")
        out.append("|---|---|---:|---:|---:|" + "---:|" * len(OURS))
        for name, row in part["peers"].items():
            ratios = row.get("ratios", {})
            cells = " | ".join(number(ratios[mine]) if mine in ratios else "" for mine in OURS)
            out.append(f"| {name} | {result['versions'][name]} | {_cells(row)} | {cells} |")
        out += [
            f"| {name} | | skipped: {why} | | | {' | ' * (len(OURS) - 1)} |" for name, why in result["skipped"].items()
        ]
    out += ["", "How each peer is used:", ""]
    out += [f"- {name}: {how}" for name, how in result["how"].items()]
    return "\n".join(out) + "\n"


def _cells(row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"failed: {row['failed']} | | "
    return f"{number(row['per_second'])} | {number(row['slowest'])} to {number(row['fastest'])} | {row['peak_mib']}"


def main(argv: list[str] | None = None) -> int:
    """Runs the contest and writes single.json and single.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.single", description="single assessments, side by side")
    parser.add_argument("--profiles", type=int, default=2_000, help="profiles a turn, at most")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU seconds a turn, about, at most")
    parser.add_argument("--population", action="append", choices=POPULATIONS, help="default: all")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="default: all")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args(argv)
    policy = load_compiled()
    rules = rules_of(policy)
    versions, skipped, how = {}, {}, {}
    for name in options.peer or PEERS:
        try:
            kind, versions[name] = load(name)
            how[name] = kind.how
        except NotInstalled as error:
            skipped[name] = str(error)
            print(f"{name}: skipped, {error}", file=sys.stderr)
    result: dict[str, Any] = {
        "machine": machine(),
        "policy": policy.digest,
        "rules": len(rules.first) + len(rules.second),
        "facts": len(policy.vocabulary.ids),
        "profiles": options.profiles,
        "rounds": options.rounds,
        "versions": versions,
        "skipped": skipped,
        "how": how,
    }
    with one_core() as pinned:
        result["pinned"] = pinned
        result["populations"] = [
            contest(population, [] if population == UNFINISHED else list(versions), options)
            for population in options.population or POPULATIONS
        ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "single.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
    text = markdown(result)
    (options.out / "single.md").write_text(text, "utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
