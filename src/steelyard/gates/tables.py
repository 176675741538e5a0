"""The indexes that gates read, and loading what a judge needs about one system."""

import json
from bisect import bisect_right
from typing import Any

import msgspec

from steelyard.base.canon import canonical_json
from steelyard.base.clock import parse_date
from steelyard.base.errors import InputError
from steelyard.base.keys import Signer
from steelyard.base.sql import Connection, migrate
from steelyard.evidence import store as evidence
from steelyard.evidence import trust
from steelyard.evidence.kinds import Kinds
from steelyard.evidence.statement import Statement, Subject, local_date, system_subject
from steelyard.gates.case import DATASETS, MODELS, Case
from steelyard.gates.gate import Decision, Item, Judge
from steelyard.gates.requirements import Requirements
from steelyard.gates.types import APPOINTMENT_TYPE, ASSESSMENT_TYPE, DECISION_TYPE
from steelyard.ledger.store import rfc3339

ROOM = "gates"
_BOUND = "evidence"  # among the bases of an index row: no obligation is called so


def prepare(link: Connection) -> None:
    """Makes or updates the tables of evidence and gates."""
    evidence.prepare(link)
    migrate(link, ROOM)


def record_assessment(link: Connection, case: Case, own: Signer, ts: str, *, binds: str | None = None) -> str:
    """Puts the assessment on record where it differs from the last one of the system; answers its digest.

    `binds` is evidence that was handed in again: where it rests on another assessment, it rests on this one from now
    on, and the signed statement says so.

    The profile itself, which names people, is kept as an attachment, which `people.erase` destroys; the statement holds
    its digest.
    """
    digests = case.assessment.digests
    row = link.one(
        "SELECT digest, case_digest, profile, policy FROM gates_assessment WHERE system = ? ORDER BY seq DESC LIMIT 1",
        (case.system,),
    )
    if binds is not None and _rests(link, case.system, binds) == case.bases:
        binds = None
    if binds is None and row is not None and tuple(row[1:]) == (case.digest, digests["profile"], digests["policy"]):
        return str(row[0])
    assessment = case.assessment
    body = canonical_json(assessment.profile.as_data())
    whole = canonical_json(_without_date(assessment.as_dict()))
    with link.transaction():
        kept = evidence.attach(link, body)
        result = evidence.attach(link, whole)
        said = Statement(
            (
                system_subject(case.system, case.digest),
                Subject("profile", kept),
                Subject("assessment", result),
            ),
            ASSESSMENT_TYPE,
            {
                "system": case.system,
                "case": case.digest,
                "digests": {key: digests[key] for key in ("profile", "policy", "catalogue")},
                "tier": {"lowest": assessment.tier.lowest, "highest": assessment.tier.highest},
                "lane": {"lowest": assessment.lane.lowest, "highest": assessment.lane.highest},
                "prohibitions": [item.rule.id for item in assessment.prohibitions if item.certain],
                "bases": dict(case.bases),
                "judged": ts,
                "on": digests["on"],
                **({"binds": [binds]} if binds is not None else {}),
            },
        )
        envelope = said.sealed(own)
        return evidence.insert(link, envelope, said, trust.check(link, envelope, said, ts), ts=ts).digest


def _without_date(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "digests": {key: value for key, value in result["digests"].items() if key != "on"}}


def items_of(link: Connection, system: str, kinds: Kinds) -> list[Item]:
    """The evidence about a system, each with what obligations rested on when it came in.

    What today's kinds cannot read any more counts for nothing and is left out.
    """
    seqs, bases, bound = _bases(link, system)
    subjects: dict[str, list[str]] = {}
    for name, sha256 in link.all(
        "SELECT s.digest, s.sha256 FROM evidence_subject s JOIN evidence_item i ON i.digest = s.digest"
        " WHERE i.system = ?",
        (system,),
    ):
        subjects.setdefault(name, []).append(sha256)
    out = []
    for name, seq, kind_id, issued, until, confidence, named, result, received in link.all(
        "SELECT i.digest, i.seq, i.kind, i.issued, i.valid_until, i.confidence, i.obligations, i.result, e.received"
        " FROM evidence_item i JOIN evidence_envelope e ON e.seq = i.seq WHERE i.system = ? ORDER BY i.seq",
        (system,),
    ):
        kind = kinds.get(kind_id)
        try:
            values = kind.parse(_json(result)) if kind is not None else None
        except InputError:
            values = None
        if kind is None or values is None:
            continue
        rests = bound.get(str(name)) or _at(seqs, bases, int(seq))
        out.append(
            Item(
                str(name),
                int(seq),
                kind.id,
                local_date(issued),
                parse_date(until) if until else None,
                frozenset(_json(named)) if named else None,
                values,
                frozenset(subjects.get(name, ())),
                rests,
                str(confidence),
                local_date(rfc3339(int(received))),
            )
        )
    return out


def _json(text: str) -> Any:
    """JSON that we wrote, fast; what only the lenient reader takes (infinities) is left to it."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)


def _bases(link: Connection, system: str) -> tuple[list[int], list[dict[str, str]], dict[str, dict[str, str]]]:
    """The places and bases of a system's assessments, and those on which evidence rests that was bound later."""
    rows = link.all("SELECT seq, bases FROM gates_assessment WHERE system = ? ORDER BY seq", (system,))
    bases: list[dict[str, str]] = []
    bound: dict[str, dict[str, str]] = {}
    for _, text in rows:
        said = json.loads(text)
        names = str(said.pop(_BOUND, "")).split()
        bases.append(said)
        bound.update(dict.fromkeys(names, said))
    return [int(row[0]) for row in rows], bases, bound


def _at(seqs: list[int], bases: list[dict[str, str]], seq: int) -> dict[str, str] | None:
    """What was on record when something came in; where nothing was, what came first afterwards."""
    return bases[max(bisect_right(seqs, seq) - 1, 0)] if bases else None


def _rests(link: Connection, system: str, digest: str) -> dict[str, str] | None:
    """What evidence that is in the store rests on; None where it is not there or nothing is on record."""
    row = link.one("SELECT seq FROM evidence_item WHERE digest = ?", (digest,))
    seqs, bases, bound = _bases(link, system)
    return bound.get(digest) or (_at(seqs, bases, int(row[0])) if row is not None else None)


def owed_on_record(link: Connection, system: str) -> set[str] | None:
    """The obligations of the newest assessment of a system; None where none is on record."""
    _, bases, _ = _bases(link, system)
    return set(bases[-1]) - {MODELS, DATASETS} if bases else None


def decisions_of(link: Connection, system: str) -> list[Decision]:
    """The decisions about a system, in their order: from the envelopes themselves, not from their index."""
    return [_decision(item) for item in evidence.walk(link, system, DECISION_TYPE, exact=True)]


def _decision(stored: evidence.Stored) -> Decision:
    said = stored.statement.predicate
    until = said.get("until")
    return Decision(
        stored.digest,
        stored.seq,
        said["action"],
        said.get("case"),
        said.get("gate"),
        said.get("obligation"),
        said["role"],
        said["person"],
        local_date(said["decided"]),
        parse_date(until) if until else None,
        said.get("more", {}),
    )


def judge_of(link: Connection | None, case: Case, requirements: Requirements, kinds: Kinds) -> Judge:
    """A judge over what the store holds about the case's system; over nothing where there is no store yet."""
    have = set(link.tables()) if link is not None else set()
    items = (
        items_of(link, case.system, kinds) if link is not None and {"evidence_item", "gates_assessment"} <= have else []
    )
    decisions = decisions_of(link, case.system) if link is not None and "evidence_envelope" in have else []
    return Judge(case, items, decisions, requirements, kinds, case.assessment.on)


@evidence.indexes(ASSESSMENT_TYPE, "gates_assessment")
def _index_assessment(link: Connection, stored: evidence.Stored) -> None:
    said = stored.statement.predicate
    link.execute(
        "INSERT INTO gates_assessment (digest, seq, system, case_digest, profile, policy, tier_lowest, tier_highest,"
        " judged, bases) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stored.digest,
            stored.seq,
            said["system"],
            said["case"],
            said["digests"]["profile"],
            said["digests"]["policy"],
            said["tier"]["lowest"],
            said["tier"]["highest"],
            said["judged"],
            json.dumps(said["bases"] | ({_BOUND: " ".join(said["binds"])} if "binds" in said else {}), sort_keys=True),
        ),
    )


@evidence.indexes(DECISION_TYPE, "gates_decision")
def _index_decision(link: Connection, stored: evidence.Stored) -> None:
    said = stored.statement.predicate
    link.execute(
        "INSERT INTO gates_decision (digest, seq, system, action, case_digest, gate, obligation, role, person, decided,"
        " until, more) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stored.digest,
            stored.seq,
            said.get("system"),
            said["action"],
            said.get("case"),
            said.get("gate"),
            said.get("obligation"),
            said["role"],
            said["person"],
            said["decided"],
            said.get("until"),
            json.dumps(said.get("more", {}), sort_keys=True),
        ),
    )


@evidence.indexes(APPOINTMENT_TYPE, "gates_appointment")
def _index_appointment(link: Connection, stored: evidence.Stored) -> None:
    said = stored.statement.predicate
    link.execute(
        "INSERT INTO gates_appointment (digest, seq, person, role, unit, starts, until, appointed_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stored.digest,
            stored.seq,
            said["person"],
            said["role"],
            said["unit"],
            said["starts"],
            said["until"],
            said["by"],
        ),
    )
