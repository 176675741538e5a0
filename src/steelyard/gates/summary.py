"""The read model behind lists: one row for each system, kept with every change, rebuilt from the envelopes.

The row says where a system is (its stage), who it waits for, what is missing, and when the lane's time is up.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from steelyard.base.clock import add_duration
from steelyard.base.sql import Connection
from steelyard.base.yamldoc import parse
from steelyard.evidence import store as evidence
from steelyard.evidence.statement import local_date
from steelyard.gates import search, tables
from steelyard.gates.case import case_of
from steelyard.gates.desk import Desk
from steelyard.gates.gate import Judge
from steelyard.ledger import registry
from steelyard.ledger.store import now_ms
from steelyard.policy.assess import assess
from steelyard.profile.document import Profile, check

STAGES = ("review", "approved", "launched", "stopped", "prohibited", "refused", "retired")
TABLES = ("gates_system", "gates_waiting", "gates_word")
for _table in TABLES:
    registry.exempt(_table, "a read model: rebuilt from the envelopes")


@dataclass(frozen=True, slots=True)
class Row:
    """What lists show of one system."""

    system: str
    name: str
    unit: str
    owner: str
    stage: str
    tier_lowest: str
    tier_highest: str
    lane: str
    owed: int
    done: int
    shut: int
    waiting: tuple[str, ...]
    prohibited: bool
    stopped: bool
    case_digest: str
    submitted: str
    due: str | None

    def plain(self) -> dict[str, Any]:
        """The row as tables and JSON carry it."""
        return {**asdict(self), "waiting": ",".join(self.waiting)}


def profile_on_record(link: Connection, desk: Desk, system: str) -> Profile | None:
    """The profile of the newest assessment of a system, from its attachment; None where there is none (or erased)."""
    row = link.one("SELECT digest FROM gates_assessment WHERE system = ? ORDER BY seq DESC LIMIT 1", (system,))
    stored = evidence.get(link, str(row[0])) if row else None
    if stored is None:
        return None
    kept = next((item.sha256 for item in stored.statement.subjects if item.name == "profile"), None)
    data = evidence.attachment(link, kept) if kept else None
    return profile_from(data, desk) if data is not None else None


def profile_from(data: bytes, desk: Desk) -> Profile | None:
    """The profile in canonical JSON, as assessments keep it; None where the vocabulary has moved on."""
    plain: dict[str, Any] = json.loads(data)
    plain.pop("assumed", None)
    profile, errors = check(parse(json.dumps(plain, ensure_ascii=False), "profile"), desk.policy.vocabulary)
    return None if errors else profile


def row_of(judge: Judge, submitted: str) -> Row:
    """The row of a judged case."""
    case, assessment, profile = judge.case, judge.case.assessment, judge.case.assessment.profile
    result = judge.gate("launch")
    waiting = {step.role for step in result.of("due", "contradicted") if step.role} | set(result.approval)
    refused = any(step.role and step.state == "contradicted" for step in result.steps)
    launched = any(item.action in ("approve", "admit") and item.gate == "launch" for item in judge.decisions)
    stage = "review"
    if result.prohibitions:
        stage = "prohibited"
    elif result.stops:
        stage = "stopped"
    elif refused:
        stage = "refused"
    elif result.open:
        stage = "launched" if launched else "approved"
    lane = assessment.policy.lanes[assessment.tier.highest]
    due = add_duration(local_date(submitted), lane.within).isoformat() if waiting and submitted else None
    shut = [step for step in result.steps if step.state not in ("satisfied", "excepted", "later")]
    return Row(
        case.system,
        profile.name or case.system,
        profile.unit,
        profile.owner,
        stage,
        assessment.tier.lowest,
        assessment.tier.highest,
        lane.id,
        len(result.steps),
        len(result.steps) - len(shut),
        len(shut),
        tuple(sorted(waiting)),
        bool(result.prohibitions),
        bool(result.stops),
        case.digest,
        submitted,
        due,
    )


def refresh(link: Connection, desk: Desk, profile: Profile) -> Row:
    """Writes the row of a system as it stands now, in the caller's transaction."""
    judge = tables.judge_of(link, case_of(assess(profile, desk.policy, desk.on)), desk.requirements, desk.kinds)
    first = link.one("SELECT min(judged) FROM gates_assessment WHERE system = ?", (profile.id,))
    row = row_of(judge, str(first[0]) if first and first[0] else "")
    forget(link, row.system)
    found = search.words(" ".join((row.name, row.system, row.unit, row.owner, profile.purpose)))
    link.execute(
        "INSERT INTO gates_system (system, name, unit, owner, stage, tier_lowest, tier_highest, lane, owed, done, shut,"
        " waiting, prohibited, stopped, case_digest, submitted, due, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.system,
            row.name,
            row.unit,
            row.owner,
            row.stage,
            row.tier_lowest,
            row.tier_highest,
            row.lane,
            row.owed,
            row.done,
            row.shut,
            ",".join(row.waiting),
            int(row.prohibited),
            int(row.stopped),
            row.case_digest,
            row.submitted,
            row.due,
            now_ms(),
        ),
    )
    link.executemany(
        "INSERT INTO gates_waiting (role, system, due) VALUES (?, ?, ?)",
        [(role, row.system, row.due) for role in row.waiting],
    )
    link.executemany("INSERT INTO gates_word (word, system) VALUES (?, ?)", [(word, row.system) for word in found])
    return row


def forget(link: Connection, system: str) -> None:
    """Drops the row of a system."""
    for table in TABLES:
        link.execute(f"DELETE FROM {table} WHERE system = ?", (system,))  # noqa: S608  (names fixed above)


def rebuild(link: Connection, desk: Desk) -> int:
    """Builds every row again from the envelopes; answers how many."""
    count = 0
    with link.transaction():
        for table in TABLES:
            link.execute(f"DELETE FROM {table}")  # noqa: S608  (names fixed above)
        for (system,) in link.all("SELECT DISTINCT system FROM gates_assessment ORDER BY system"):
            profile = profile_on_record(link, desk, str(system))
            if profile is not None:
                refresh(link, desk, profile)
                count += 1
    return count


# Reading --------------------------------------------------------------------------------------------------------------

COLUMNS = (
    "system",
    "name",
    "unit",
    "owner",
    "stage",
    "tier_lowest",
    "tier_highest",
    "lane",
    "owed",
    "done",
    "shut",
    "waiting",
    "prohibited",
    "stopped",
    "case_digest",
    "submitted",
    "due",
)
_FIELDS = ", ".join(f"s.{name}" for name in COLUMNS)


def _row(found: Any) -> Row:
    values = dict(zip(COLUMNS, found, strict=True))
    values["waiting"] = tuple(filter(None, str(values["waiting"]).split(",")))
    values["prohibited"], values["stopped"] = bool(values["prohibited"]), bool(values["stopped"])
    return Row(**values)


def _where(q: str, tier: str, stage: str, unit: str) -> tuple[str, list[Any]]:
    parts, values = ["1 = 1"], []
    for name, value in (("tier_highest", tier), ("stage", stage), ("unit", unit)):
        if value:
            parts.append(f"s.{name} = ?")
            values.append(value)
    exact, prefix = search.query(q)
    for word in exact:
        parts.append("EXISTS (SELECT 1 FROM gates_word w WHERE w.word = ? AND w.system = s.system)")
        values.append(word)
    if prefix:
        parts.append("EXISTS (SELECT 1 FROM gates_word w WHERE w.word >= ? AND w.word < ? AND w.system = s.system)")
        values += [prefix, prefix + "\U0010ffff"]
    return " AND ".join(parts), values


def find(
    link: Connection, *, q: str = "", tier: str = "", stage: str = "", unit: str = "", limit: int = 20, offset: int = 0
) -> list[Row]:
    """The systems that match, by name, a page at a time."""
    where, values = _where(q, tier, stage, unit)
    rows = link.all(
        f"SELECT {_FIELDS} FROM gates_system s WHERE {where} ORDER BY s.name, s.system LIMIT ? OFFSET ?",  # noqa: S608
        (*values, limit, offset),
    )
    return [_row(row) for row in rows]


def count(link: Connection, *, q: str = "", tier: str = "", stage: str = "", unit: str = "") -> int:
    """How many systems match."""
    where, values = _where(q, tier, stage, unit)
    row = link.one(f"SELECT count(*) FROM gates_system s WHERE {where}", values)  # noqa: S608
    return int(row[0]) if row else 0


def one(link: Connection, system: str) -> Row | None:
    """The row of one system."""
    row = link.one(f"SELECT {_FIELDS} FROM gates_system s WHERE s.system = ?", (system,))  # noqa: S608
    return _row(row) if row else None


def waiting_for(link: Connection, roles: Sequence[str], limit: int = 200) -> list[tuple[Row, str]]:
    """What waits for these roles, what is due first on top; `approval` waits for anybody with a role."""
    if not roles:
        return []
    wanted = [*roles, "approval"]
    marks = ", ".join("?" * len(wanted))
    rows = link.all(
        f"SELECT {_FIELDS}, w.role FROM gates_waiting w JOIN gates_system s ON s.system = w.system"  # noqa: S608
        f" WHERE w.role IN ({marks}) ORDER BY w.due, s.system LIMIT ?",
        (*wanted, limit),
    )
    return [(_row(row[:-1]), str(row[-1])) for row in rows]
