"""A gate over a large case: 200 obligations, 2,000 pieces of evidence. `python -m bench.gates`.

Rules enforced:
- the policy is made up (the shipped one with 200 obligations of its own), the evidence is real: signed statements in a
  SQLite store, taken in as `evidence add` takes them;
- every run asks a fresh judge, so that nothing is remembered; runs of all variants take turns in one process;
- the answer is checked before it is timed: the gate says what its parts say, and every variant says the same.

Variants: the judge alone, on items that are loaded; loading from SQLite and judging; evidence that names its obligation
and evidence that counts for all that take its kind; the gate that people ask for and the whole plan.
"""

import argparse
import datetime as dt
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.single import machine
from steelyard.base import keys, sql
from steelyard.evidence import store as evidence
from steelyard.evidence import trust
from steelyard.evidence.kinds import Kinds
from steelyard.evidence.statement import Subject
from steelyard.evidence.statement import evidence as statement
from steelyard.gates import tables
from steelyard.gates.case import Case, case_of
from steelyard.gates.gate import Decision, Item, Judge
from steelyard.gates.requirements import Requirements, load
from steelyard.ledger import store as ledger
from steelyard.policy.assess import assess
from steelyard.policy.compile import Policy, load_compiled
from steelyard.profile.document import Profile
from steelyard.profile.facts import Value

OBLIGATIONS, ITEMS = 200, 2_000
AIM_MS = 50.0
ON = dt.date(2026, 11, 24)
GATES = ("intake", "build", "launch", "launch", "operate")
FACTS: dict[str, Value] = {"audience": "public", "personal_data": "sensitive", "decision_impact": "major"}


def made_up(count: int) -> Policy:
    """The shipped policy with `count` obligations that every system owes."""
    shipped, kinds = load_compiled(), list(Kinds.shipped())
    like = shipped.data.obligations[0]
    owed = tuple(
        msgspec.structs.replace(
            like,
            id=f"bench.o-{number:03}",
            when='audience >= "internal"' if number % 2 else 'tier >= "low" and personal_data >= "personal"',
            gate=GATES[number % len(GATES)],
            due=None,
            every="P1Y" if number % 3 else None,
            evidence=(kinds[number % len(kinds)], kinds[(number + 3) % len(kinds)]),
        )
        for number in range(count)
    )
    return Policy(msgspec.structs.replace(shipped.data, obligations=owed), shipped.clauses)


def fill(link: sql.Connection, policy: Policy, case: Case, key: keys.FileSigner, items: int, named: bool) -> None:
    """Signed evidence about the case: of ten, some hold, some lapsed, some speak against it."""
    kinds, owed = Kinds.shipped(), policy.data.obligations
    with link.transaction():
        ts = "2026-11-01T00:00:00.000Z"
        evidence.vouch(link, trust.of_signer(key, "statement", trust.OWN, ts), key, ts=ts)
        tables.record_assessment(link, case, key, ts)
        for number in range(items):
            rule = owed[number % len(owed)]
            kind = kinds[rule.evidence[number // len(owed) % 2]]
            short = kind.examples.falls_short
            said = statement(
                kind,
                [Subject(f"report {number}", f"{number:064x}")],
                case.system,
                issued=f"202{5 if number % 5 == 0 else 6}-{number % 10 + 1:02}-{number % 27 + 1:02}T08:00:00.000Z",
                result=short if short is not None and number % 7 == 0 else kind.examples.satisfies,
                obligations=[rule.id] if named else [],
            )
            envelope = said.sealed(key)
            evidence.insert(link, envelope, said, (keys.key_id(key.public),), ts=ts)


def shape(judge: Judge) -> dict[str, int]:
    """How many obligations stand in which state at the gate with most of them."""
    found: dict[str, int] = {}
    for step in judge.gate("operate").steps:
        found[step.state] = found.get(step.state, 0) + 1
    return found


def clock(runs: int, variants: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Milliseconds of CPU of each run; the variants take turns."""
    out: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(runs + 1):
        for name, run in variants.items():
            start = time.process_time()
            run()
            if turn:
                out[name].append((time.process_time() - start) * 1000)
    return out


def main(argv: list[str] | None = None) -> int:
    """Measures, prints a table and writes gates.json and gates.md; 1 where the aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.gates", description="a gate over a large case")
    parser.add_argument("--obligations", type=int, default=OBLIGATIONS)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    options = parser.parse_args(argv)
    policy, kinds = made_up(options.obligations), Kinds.shipped()
    requirements: Requirements = load(policy, kinds)
    case = case_of(assess(Profile("bench", FACTS, owner="somebody"), policy, ON))
    assert len(case.assessment.obligations) == options.obligations
    rows: dict[str, dict[str, float]] = {}
    shapes: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        key = keys.generate(Path(folder) / "key.pem")
        for name, named in (("named", True), ("by kind", False)):
            link = sql.connect(f"sqlite:///{Path(folder) / f'{named}.db'}")
            ledger.prepare(link)
            tables.prepare(link)
            fill(link, policy, case, key, options.items, named)
            items: list[Item] = tables.items_of(link, "bench", kinds)
            decisions: list[Decision] = tables.decisions_of(link, "bench")
            assert len(items) == options.items

            def pure(items: list[Item] = items, decisions: list[Decision] = decisions) -> Judge:
                return Judge(case, items, decisions, requirements, kinds, ON)

            def whole(link: sql.Connection = link) -> Judge:
                return tables.judge_of(link, case, requirements, kinds)

            shapes[name] = shape(pure())
            assert shapes[name] == shape(whole()) and sum(shapes[name].values()) == options.obligations
            found = clock(
                options.runs,
                {
                    f"{name}: gate, judge alone": lambda pure=pure: pure().gate("operate"),
                    f"{name}: plan, judge alone": lambda pure=pure: pure().plan(),
                    f"{name}: gate, from SQLite": lambda whole=whole: whole().gate("operate"),
                    f"{name}: loading from SQLite alone": whole,
                },
            )
            for variant, times in found.items():
                rows[variant] = {"median": statistics.median(times), "fastest": min(times), "slowest": max(times)}
            link.close()
    result = {
        "machine": machine(),
        "obligations": options.obligations,
        "items": options.items,
        "runs": options.runs,
        "states": shapes,
        "milliseconds": rows,
    }
    slow = max(row["median"] for row in rows.values())
    lines = [
        "# A gate over a large case",
        "",
        f"{options.obligations} obligations, {options.items:,} items of evidence; CPU ms, {options.runs} runs.",
        "",
        "| | median | fastest | slowest |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {row['median']:.1f} | {row['fastest']:.1f} | {row['slowest']:.1f} |"
            for name, row in rows.items()
        ),
        "",
        *(f"States of the obligations, {name}: {states}" for name, states in shapes.items()),
        f"Aim: under {AIM_MS:.0f} ms; slowest median {slow:.1f} ms: {'met' if slow < AIM_MS else 'missed'}.",
    ]
    text = "\n".join(lines) + "\n"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "gates.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    (options.out / "gates.md").write_text(text, "utf-8")
    print(text)
    return int(slow >= AIM_MS)


if __name__ == "__main__":
    sys.exit(main())
