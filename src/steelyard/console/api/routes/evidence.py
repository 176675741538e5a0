"""Evidence: signed statements handed in, listed, and given by digest. What counts is `evidence`'s matter."""

import json
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router

from steelyard.base.i18n import Text
from steelyard.base.keys import Envelope, parse_envelope
from steelyard.base.sql import Connection
from steelyard.console.api import bodies, idempotency, schemas
from steelyard.console.api.auth import READ, WRITE, Caller, caller_of, case_for
from steelyard.console.api.problems import Problem, not_allowed
from steelyard.console.api.routes.systems import Limit, Offset, Word
from steelyard.console.people import permissions
from steelyard.console.web import store
from steelyard.evidence import statement
from steelyard.evidence import store as evidence
from steelyard.gates import people, summary
from steelyard.ledger.personal import utc_now
from steelyard.ledger.store import rfc3339

router = Router(tags=["evidence"])
Digest = Annotated[str, Path(pattern=r"^sha256:[0-9a-f]{64}$", description="sha256: and 64 hexadecimal digits")]


@router.post(
    "/evidence",
    response={200: schemas.EvidenceTaken, 201: schemas.EvidenceTaken},
    auth=WRITE,
    operation_id="add_evidence",
    summary="Hand in evidence",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}},
        }
    },
)
def add_evidence(request: HttpRequest) -> HttpResponse:
    """The body is a DSSE envelope over an in-toto Statement v1, signed with a key that is trusted here. Scope: write.

    The system is on record; you own it, or hold a role that its obligations name, or are administrator. 201: new here.
    """
    caller = caller_of(request)
    caller.need("prove")
    envelope = parse_envelope(bodies.raw(request))
    return idempotency.change(request, lambda face: _take(face, caller, envelope))


def _take(face: Connection, caller: Caller, envelope: Envelope) -> tuple[int, dict[str, Any]]:
    said = statement.parse(envelope)
    system = said.predicate.get("system")
    if not isinstance(system, str):
        raise statement.bad_statement("it names no system", "未写明系统", field="system")
    idempotency.hold(face, system)
    profile, case = case_for(caller, system)
    roles = {item.rule.owner for item in case.assessment.obligations} | {people.ADMINISTRATOR}
    held = set(permissions.roles_in(caller.user, profile.unit)) - {permissions.OWNER}
    if profile.owner != caller.user.person and not roles & held:
        raise not_allowed(
            Text("only its owner and the roles it concerns add evidence", "仅负责人与相关角色可添加证据"),
            code="not_concerned",
        )
    desk = store.desk()
    before = evidence.get(face, statement.envelope_digest(envelope))
    stored = evidence.add(face, envelope, desk.kinds, ts=utc_now())
    new = before is None and stored.digest == statement.envelope_digest(envelope)
    if new:
        summary.refresh(face, desk, profile)
    return (201 if new else 200), {"digest": stored.digest, "system": system, "new": new}


@router.get(
    "/evidence", response=schemas.EvidencePage, auth=READ, operation_id="list_evidence", summary="Evidence of a system"
)
def list_evidence(request: HttpRequest, system: Word, limit: Limit = 20, offset: Offset = 0) -> Any:
    """The evidence about a system, the newest first. Scope: read."""
    profile, _ = case_for(caller_of(request), system)
    face = store.link()
    total = face.one("SELECT count(*) FROM evidence_item WHERE system = ?", (profile.id,))
    rows = face.all(
        "SELECT digest, kind, issued, valid_until, confidence FROM evidence_item WHERE system = ?"
        " ORDER BY seq DESC LIMIT ? OFFSET ?",
        (profile.id, limit, offset),
    )
    return {
        "items": [evidence.Listed(*row)._asdict() for row in rows],
        "total": int(total[0]) if total else 0,
        "limit": limit,
        "offset": offset,
    }


@router.get(
    "/evidence/{digest}",
    response=schemas.EnvelopeWhole,
    auth=READ,
    operation_id="get_evidence",
    summary="A signed statement by its digest",
)
def get_evidence(request: HttpRequest, digest: Digest) -> Any:
    """Any signed statement: evidence, a decision, an assessment; one about no system only where you see all.

    Scope: read.
    """
    caller, face = caller_of(request), store.link()
    stored, data = evidence.get(face, digest), evidence.body(face, digest)
    if stored is None or data is None:
        raise _no_such(digest)
    system = stored.statement.predicate.get("system")
    row = summary.one(face, system) if isinstance(system, str) else None
    shown = caller.shows(row.unit, row.owner) if row is not None else caller.sees_all
    if not shown:
        raise _no_such(digest)
    return {
        "digest": stored.digest,
        "type": stored.statement.predicate_type,
        "system": system if isinstance(system, str) else None,
        "received": rfc3339(stored.received),
        "signers": list(stored.signers),
        "envelope": json.loads(data),
    }


def _no_such(digest: str) -> Problem:
    return Problem(
        404,
        "unknown_digest",
        Text(f"there is no statement {digest[:19]} here for you", f"没有您可查看的声明 {digest[:19]}"),
        remedy=Text("check the digest", "请检查摘要"),
    )
