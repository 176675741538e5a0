"""The read model behind lists: one row for each system, kept with every change, rebuilt from the envelopes.

The row says where a system is (its stage), who it waits for, what is missing, and when the lane's time is up.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from steelyard.base.clock import add_duration
from steelyard.base.sql import Connection
from steelyard.base.yamldoc import parse
from steelyard.evidence import store as evidence
from steelyard.evidence.kinds import Kinds
from steelyard.evidence.statement import local_date
from steelyard.gates import search, tables
from steelyard.gates.case import Case, case_of
from steelyard.gates.gate import Judge
from steelyard.gates.requirements import Requirements
from steelyard.ledger import registry
from steelyard.ledger.store import now_ms
from steelyard.policy.assess import assess
from steelyard.policy.model import ROLE_NAMES
from steelyard.profile.document import Profile, check

if TYPE_CHECKING:
    from steelyard.gates.desk import Desk

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


def profile_on_record(link: Connection, desk: "Desk", system: str) -> Profile | None:
    """The profile of the newest assessment of a system, from its attachment; None where there is none (or erased)."""
    row = link.one("SELECT digest FROM gates_assessment WHERE system = ? ORDER BY seq DESC LIMIT 1", (system,))
    stored = evidence.get(link, str(row[0])) if row else None
    if stored is None:
        return None
    kept = next((item.sha256 for item in stored.statement.subjects if item.name == "profile"), None)
    data = evidence.attachment(link, kept) if kept else None
    return profile_from(data, desk) if data is not None else None


def profile_from(data: bytes, desk: "Desk") -> Profile | None:
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


def refresh(link: Connection, desk: "Desk", profile: Profile) -> Row:
    """Writes the row of a system as it stands now, in the caller's transaction."""
    return keep(link, case_of(assess(profile, desk.policy, desk.on)), desk.requirements, desk.kinds)


def keep(link: Connection, case: Case, requirements: Requirements, kinds: Kinds) -> Row:
    """Writes the row of a case as the store has it now; in the transaction of what changed it."""
    if link.dialect == "postgresql":  # what somebody else is writing about it right now is waited for, then counted
        mark = int.from_bytes(hashlib.sha256(case.system.encode()).digest()[:8], signed=True)
        link.execute("SELECT pg_advisory_xact_lock(?)", (mark,))
    judge = tables.judge_of(link, case, requirements, kinds)
    first = link.one("SELECT min(judged) FROM gates_assessment WHERE system = ?", (case.system,))
    row = row_of(judge, str(first[0]) if first and first[0] else "")
    words = words_of(row, case.assessment.profile.purpose)
    write(link, row, words, policy=case.assessment.policy.digest, turns=turns(judge))
    return row


def turns(judge: Judge) -> str | None:
    """The first day on which the row would read otherwise by itself, because something lapses or falls due."""
    days: list[dt.date] = []
    for step in judge.gate("launch").steps:
        rule = step.fired.rule
        if step.until is not None:
            days.append(step.until + dt.timedelta(days=1))
        elif step.state == "later" and rule.due is not None and not rule.due.startswith("P"):
            days.append(dt.date.fromisoformat(rule.due))
        elif step.state == "later" and rule.due is not None:
            passed = [item.decided for item in judge.decisions if item.action in ("approve", "admit")]
            days += [add_duration(day, rule.due) for day in passed]
    ahead = [day for day in days if day > judge.on]
    return min(ahead).isoformat() if ahead else None


def turn(link: Connection, desk: "Desk", most: int = 50) -> int:
    """Judges rows again that the day or another policy has overtaken, some at a time; answers how many it looked at."""
    rows = [
        *link.all("SELECT system FROM gates_system WHERE turns <= ? LIMIT ?", (desk.on.isoformat(), most)),
        *link.all(
            "SELECT system FROM gates_system WHERE policy < ? OR policy > ? LIMIT ?",
            (desk.policy.digest, desk.policy.digest, most),
        ),
    ]
    for system in dict.fromkeys(str(row[0]) for row in rows[:most]):
        profile = profile_on_record(link, desk, system)
        if profile is not None:
            refresh(link, desk, profile)
        else:  # erased, or told in words that are gone: it stays as it was
            link.execute(
                "UPDATE gates_system SET policy = ?, turns = NULL WHERE system = ?", (desk.policy.digest, system)
            )
    return len(rows[:most])


def words_of(row: Row, purpose: str) -> list[str]:
    """The words that a system is found by."""
    return search.words(" ".join((row.name, row.system, row.unit, row.owner, purpose)))


def write(link: Connection, row: Row, words: Sequence[str], *, policy: str = "", turns: str | None = None) -> None:
    """Writes a row, whom it waits for and its words; of the words only what changed."""
    values = {**row.plain(), "prohibited": int(row.prohibited), "stopped": int(row.stopped)}
    values |= {"changed": now_ms(), "policy": policy, "turns": turns}
    found = link.one(_UPSERT, tuple(values[name] for name in _WRITTEN))
    assert found is not None  # noqa: S101
    number = int(found[0])
    link.execute("DELETE FROM gates_waiting WHERE system = ?", (row.system,))
    link.executemany(
        "INSERT INTO gates_waiting (role, due, system) VALUES (?, ?, ?)",
        [(role, row.due or NEVER, row.system) for role in row.waiting],
    )
    before, now = {str(item[0]) for item in link.all("SELECT word FROM gates_word WHERE id = ?", (number,))}, set(words)
    link.executemany(
        "DELETE FROM gates_word WHERE word = ? AND id = ?", [(word, number) for word in sorted(before - now)]
    )
    link.executemany(
        "INSERT INTO gates_word (word, id) VALUES (?, ?)", [(word, number) for word in sorted(now - before)]
    )


def forget(link: Connection, system: str) -> None:
    """Drops the row of a system."""
    link.execute("DELETE FROM gates_word WHERE id IN (SELECT id FROM gates_system WHERE system = ?)", (system,))
    for table in ("gates_waiting", "gates_system"):
        link.execute(f"DELETE FROM {table} WHERE system = ?", (system,))  # noqa: S608  (names fixed above)


def rebuild(link: Connection, desk: "Desk") -> int:
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


def contents(link: Connection) -> dict[str, str]:
    """A digest of what each table of the read model says, in no order: to tell whether a rebuild changed anything."""
    asked = {
        "gates_system": f"SELECT {_FIELDS} FROM gates_system s",  # noqa: S608
        "gates_waiting": "SELECT role, due, system FROM gates_waiting",
        "gates_word": "SELECT s.system, w.word FROM gates_word w JOIN gates_system s ON s.id = w.id",
    }
    out = {}
    for table, query in asked.items():
        total = 0
        for row in link.execute(query):
            total += int.from_bytes(hashlib.sha256(repr(tuple(row)).encode()).digest())
        out[table] = f"{total:x}"
    return out


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
_WRITTEN = (*COLUMNS, "changed", "policy", "turns")
_UPSERT = (
    f"INSERT INTO gates_system ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))})"  # noqa: S608
    f" ON CONFLICT (system) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _WRITTEN[1:])}"
    " RETURNING id"
)
NEVER = "9999-12-31"
MANY = 1_000
"""Beyond this, systems that match are not counted."""
RARE, RARE_POSTGRESQL = 20_000, 1_000
"""Up to here a word is looked up first; one that more systems have is checked at each system, in the order of names."""


def _row(found: Any) -> Row:
    values = dict(zip(COLUMNS, found, strict=True))
    values["waiting"] = tuple(filter(None, str(values["waiting"]).split(",")))
    values["prohibited"], values["stopped"] = bool(values["prohibited"]), bool(values["stopped"])
    return Row(**values)


def _where(tier: str, stage: str, unit: str, units: Sequence[str] | None, own: str) -> tuple[str, list[Any]]:
    parts: list[str] = ["1 = 1"]
    values: list[Any] = []
    if units is not None:  # what somebody may see: these units, and their own
        parts.append(" OR ".join(["(s.owner = ?", *("s.unit = ?" for _ in units)]) + ")")
        values += [own or None, *units]
    for name, value in (("tier_highest", tier), ("stage", stage), ("unit", unit)):
        if value:
            parts.append(f"s.{name} = ?")
            values.append(value)
    return " AND ".join(parts), values


def _source(link: Connection, q: str, *, ordered: bool = True) -> tuple[str, str, str, list[Any], list[Any]]:
    """Where rows come from for a query: (what stands before SELECT, FROM, conditions, parameters of the two).

    The rarest word leads, where few systems have it: its systems are looked up and the other words checked there.
    Where every word is common, systems come in the order of their names, and each is checked until the page is full;
    where no order is wanted, those of the first word come, until there are enough.
    """
    exact, prefix = search.query(q)
    tests: list[tuple[str, tuple[str, ...]]] = [("word = ?", (word,)) for word in exact]
    if prefix:
        tests.append(("word >= ? AND word < ?", (prefix, prefix + "\U0010ffff")))
    if not tests:
        return "", "gates_system s", "1 = 1", [], []
    least, lead = (RARE if link.dialect == "sqlite" else min(RARE, RARE_POSTGRESQL)) + 1, -1
    for at, (test, values) in enumerate(tests):
        few = f"SELECT count(*) FROM (SELECT 1 FROM gates_word WHERE {test} LIMIT ?) AS few"  # noqa: S608
        found = link.one(few, (*values, least))
        if found is not None and int(found[0]) < least:
            least, lead = int(found[0]), at
        if not least:
            return "", "gates_system s", "1 = 0", [], []
    common = lead < 0
    if common and not ordered and exact:
        lead = 0
    rest = [item for at, item in enumerate(tests) if at != lead]
    place = "d.id" if lead >= 0 else "s.id"
    checks = "".join(  # a value, not EXISTS: PostgreSQL would look at every row to join it
        f" AND (SELECT 1 FROM gates_word w WHERE w.id = {place} AND w.{test.replace('AND ', 'AND w.')} LIMIT 1) IS NOT NULL"  # noqa: S608, E501
        for test, _ in rest
    )
    more = [value for _, values in rest for value in values]
    if lead < 0:
        return "", "gates_system s", f"1 = 1{checks}", [], more
    test, values = tests[lead]
    if common:
        return "", "gates_word d CROSS JOIN gates_system s", f"s.id = d.id AND d.{test}{checks}", [], [*values, *more]
    found_first = (
        f"WITH found AS MATERIALIZED (SELECT DISTINCT d.id FROM gates_word d"  # noqa: S608
        f" WHERE d.{test.replace('AND ', 'AND d.')}{checks}) "
    )
    return found_first, "found CROSS JOIN gates_system s", "s.id = found.id", [*values, *more], []


def find(
    link: Connection,
    *,
    q: str = "",
    tier: str = "",
    stage: str = "",
    unit: str = "",
    units: Sequence[str] | None = None,
    own: str = "",
    limit: int = 20,
    offset: int = 0,
) -> list[Row]:
    """The systems that match, by name, a page at a time; with `units`, only those of these units or owned by `own`."""
    first, source, matched, begin, middle = _source(link, q)
    where, values = _where(tier, stage, unit, units, own)
    rows = link.all(
        f"{first}SELECT {_FIELDS} FROM {source} WHERE {matched} AND {where}"  # noqa: S608
        " ORDER BY s.name, s.system LIMIT ? OFFSET ?",
        (*begin, *middle, *values, limit, offset),
    )
    return [_row(row) for row in rows]


def count(
    link: Connection,
    *,
    q: str = "",
    tier: str = "",
    stage: str = "",
    unit: str = "",
    units: Sequence[str] | None = None,
    own: str = "",
) -> int:
    """How many systems match; `MANY` + 1 where there are more than `MANY`."""
    first, source, matched, begin, middle = _source(link, q, ordered=False)
    where, values = _where(tier, stage, unit, units, own)
    row = link.one(
        f"{first}SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {matched} AND {where} LIMIT ?) AS few",  # noqa: S608
        (*begin, *middle, *values, MANY + 1),
    )
    return int(row[0]) if row else 0


def one(link: Connection, system: str) -> Row | None:
    """The row of one system."""
    row = link.one(f"SELECT {_FIELDS} FROM gates_system s WHERE s.system = ?", (system,))  # noqa: S608
    return _row(row) if row else None


def waiting_for(link: Connection, roles: Sequence[str], limit: int = 200) -> list[tuple[Row, str]]:
    """What waits for these roles (`role@unit`: in that unit), what is due first on top.

    What waits for an approval waits for anybody with a role that reviews.
    """
    held = dict.fromkeys((role, unit) for role, _, unit in (item.partition("@") for item in roles))
    reviewing = {unit: ("approval", unit) for role, unit in held if role in ROLE_NAMES and role != "owner"}
    wanted = [*held, *([("approval", "")] if "" in reviewing else reviewing.values())]
    if not wanted:
        return []
    anywhere = "SELECT role, due, system FROM gates_waiting WHERE role = ? ORDER BY due, system LIMIT ?"
    there = (
        "SELECT g.role, g.due, g.system FROM gates_waiting g JOIN gates_system u ON u.system = g.system"
        " WHERE g.role = ? AND u.unit = ? ORDER BY g.due, g.system LIMIT ?"
    )
    each = " UNION ALL ".join(
        f"SELECT * FROM ({there if unit else anywhere}) AS q{at}"  # noqa: S608
        for at, (_, unit) in enumerate(wanted)
    )
    rows = link.all(
        f"SELECT {_FIELDS}, w.role FROM ({each}) AS w JOIN gates_system s ON s.system = w.system"  # noqa: S608
        " ORDER BY w.due, s.system, w.role LIMIT ?",
        (*(value for role, unit in wanted for value in (*filter(None, (role, unit)), limit)), limit),
    )
    return [(_row(row[:-1]), str(row[-1])) for row in rows]
