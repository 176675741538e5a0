"""A store of many systems for the console's benchmark: some on record in full, the rest as rows of the read model.

Rules enforced: what a page shows of one system is made by the code that people use (assessment, evidence, declaration,
each signed and logged); rows beyond that are written by the same function that keeps the read model, in few
transactions; names and purposes are sentences of the example inventory, mixed, so that words are as common as they are.
"""

import datetime as dt
import random
from dataclasses import replace
from pathlib import Path

from steelyard.base import sql
from steelyard.base.canon import canonical_json
from steelyard.evidence import statement
from steelyard.evidence import store as evidence
from steelyard.gates import decide, fast_lane, people, summary, tables
from steelyard.gates.case import case_of
from steelyard.gates.desk import Desk
from steelyard.journeys.inventories import open_inventory, profile_at
from steelyard.ledger import record
from steelyard.ledger import store as ledger
from steelyard.ledger.home import Home
from steelyard.ledger.personal import utc_now
from steelyard.policy.assess import assess
from steelyard.policy.compile import load_compiled
from steelyard.profile.document import Profile

INVENTORY = Path(__file__).resolve().parent.parent / "examples" / "inventory"
OWNERS, SEED, STRETCH = 20, 20261124, 2_000


def examples() -> list[Profile]:
    """The systems of the example inventory that can be read."""
    policy = load_compiled()
    found = open_inventory(INVENTORY / "inventory.csv", INVENTORY / "mapping.yaml", policy)
    out: list[Profile] = []
    for read in found.batches:
        batch = read()
        out += [profile_at(found, batch, at, policy) for at in range(batch.rows.len())]
    return out


def varied(base: Profile, others: list[Profile], number: int, owner: str, draw: random.Random) -> Profile:
    """A system like `base` under another name, its purpose mixed from two others."""
    texts = [item.purpose for item in draw.sample(others, 2)]
    return replace(
        base,
        id=f"s-{number:06d}",
        name=f"{base.name} {number:06d}",
        purpose=f"{texts[0][:160]} {texts[1][:160]} k{number:x}",
        owner=owner,
    )


def build(url: str, systems: int, in_full: int, entries: int) -> None:
    """Fills an empty store: `systems` in the list, `in_full` of them on record, `entries` leaves in the ledger."""
    home = Home(url)
    desk = Desk.of(home, load_compiled(), statement.local_date(utc_now()))
    bases, draw = examples(), random.Random(SEED)
    with home.writing() as link:
        tables.prepare(link)
        owners = [people.enrol(home, link, f"Owner {number}") for number in range(OWNERS)]
        made = []
        for number in range(min(in_full, systems)):
            owner = owners[number % OWNERS]
            made.append(_on_record(home, link, desk, varied(bases[number % len(bases)], bases, number, owner.id, draw)))
        rows = [summary.one(link, profile.id) for profile in made]
        for start in range(len(made), systems, STRETCH):
            with link.transaction():
                for number in range(start, min(start + STRETCH, systems)):
                    like, row = made[number % len(made)], rows[number % len(made)]
                    profile = varied(replace(like, name=like.name.rsplit(" ", 1)[0]), bases, number, like.owner, draw)
                    assert row is not None
                    due = (desk.on + dt.timedelta(days=draw.randrange(-20, 40))).isoformat() if row.due else None
                    new = replace(row, system=profile.id, name=profile.name, due=due)
                    summary.write(link, new, summary.words_of(new, profile.purpose), policy=desk.policy.digest)
        _entries(link, home, entries)
        if link.dialect == "postgresql":
            link.execute("ANALYZE")


def _on_record(home: Home, link: sql.Connection, desk: Desk, profile: Profile) -> Profile:
    """A system on record as the console writes it: assessed, declared by its owner, with one piece of evidence."""
    with link.transaction():
        own, ts = people.own_key(home, link, utc_now()), utc_now()
        case = case_of(assess(profile, desk.policy, desk.on))
        tables.record_assessment(link, case, own, ts)
        asked = decide.Request("declare", people.find(home, link, profile.owner), "owner", "declared")
        fast_lane.declare(home, link, desk.judge(case, link), asked, None, key=own)
        kind = desk.kinds.resolve("document")
        about = statement.Subject("file", case.digest.removeprefix("sha256:"))
        said = statement.evidence(kind, [about], profile.id, issued=utc_now(), result=dict(kind.examples.satisfies))
        evidence.add(link, said.sealed(own), desk.kinds, ts=utc_now())
        summary.refresh(link, desk, profile)
        ledger.sequence(link, home.log_signer())
    return profile


def _entries(link: sql.Connection, home: Home, entries: int) -> None:
    """Fills the ledger with records of traces up to `entries`."""
    signer, at = home.log_signer(), ledger.size(link, ledger.current(link))
    while at < entries:
        many = [
            canonical_json(
                record.record(
                    "trace", ts="2026-11-24T08:00:00.000Z", object=f"trace:{index:012d}", body={"pad": "x" * 150}
                )
            )
            for index in range(at, min(at + 10_000, entries))
        ]
        ledger.sequence(link, signer, leaves=many)
        at += len(many)
