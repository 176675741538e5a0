"""Systems: list, look, and put a profile on record (`steelyard push`).

Rules enforced: a profile is put on record by its owner, or by an administrator; a new one may be put on record for
somebody else who is known here, who then declares it; names of people become pseudonyms.
"""

import json
import re
from dataclasses import asdict, replace
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.base.yamldoc import parse
from steelyard.console.api import bodies, idempotency, schemas
from steelyard.console.api.auth import READ, WRITE, Caller, caller_of, case_for
from steelyard.console.api.problems import Problem, no_such_system, not_allowed
from steelyard.console.web import store
from steelyard.evidence import store as evidence
from steelyard.gates import people, summary, tables
from steelyard.gates.case import case_of
from steelyard.ledger.personal import utc_now
from steelyard.policy.assess import assess
from steelyard.profile.document import Profile, check

router = Router(tags=["systems"])
SYSTEM = re.compile(r"[-A-Za-z0-9_]{1,80}", re.ASCII)
MOST_NAME = 200
EVIDENCE_SHOWN = 100
Limit = Annotated[int, Query(ge=1, le=100, description="how many at most")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="how many to pass over")]
Word = Annotated[str, Query(max_length=200, pattern=schemas.KEPT)]


@router.get("/systems", response=schemas.SystemPage, auth=READ, operation_id="list_systems", summary="List systems")
def list_systems(
    request: HttpRequest,
    q: Word = "",
    tier: Word = "",
    stage: Word = "",
    unit: Word = "",
    limit: Limit = 20,
    offset: Offset = 0,
) -> Any:
    """The systems you see that match, by name; with a token of several units, by unit and then by name. Scope: read."""
    caller = caller_of(request)
    asked = {"q": q.strip(), "tier": tier.strip(), "stage": stage.strip()}
    rows, total, exact = _found(store.link(), caller, asked, unit.strip(), limit, offset)
    return {
        "items": [{**asdict(row), "waiting": list(row.waiting)} for row in rows],
        "total": total,
        "total_exact": exact,
        "limit": limit,
        "offset": offset,
    }


def _found(
    face: Connection, caller: Caller, asked: dict[str, str], unit: str, limit: int, offset: int
) -> tuple[list[summary.Row], int, bool]:
    """A page of what the caller sees, the total, and whether that is exact."""
    seen = caller.sight
    places = [name for name in caller.units if unit in ("", name)] if caller.units else [unit]
    rows: list[summary.Row] = []
    total, exact, left = 0, True, offset
    for place in places:
        inside: dict[str, Any] = {**asked, "unit": place, "units": seen.units, "own": seen.own}
        many = summary.count(face, **inside)
        if len(rows) < limit and (left < many or many > summary.MANY):
            rows += summary.find(face, **inside, limit=limit - len(rows), offset=left)
        if many > summary.MANY and len(rows) < limit and place != places[-1]:
            many = _counted(face, inside)  # where the next unit begins
        left = max(0, left - many)
        total, exact = total + many, exact and many != summary.MANY + 1
    return rows, total, exact


def _counted(face: Connection, inside: dict[str, Any]) -> int:
    """How many there are beyond what is counted at once, by halving."""
    low, high = summary.MANY, summary.MANY * 2
    while summary.find(face, **inside, limit=1, offset=high - 1):
        low, high = high, high * 2
    while low + 1 < high:
        middle = (low + high) // 2
        if summary.find(face, **inside, limit=1, offset=middle - 1):
            low = middle
        else:
            high = middle
    return low


@router.get(
    "/systems/{system}", response=schemas.SystemWhole, auth=READ, operation_id="get_system", summary="One system"
)
def get_system(request: HttpRequest, system: str) -> Any:
    """A system as it stands today: answers, tier, lane, obligations, decisions and newest evidence. Scope: read."""
    face, desk = store.link(), store.desk()
    profile, case = case_for(caller_of(request), system)
    judge = desk.judge(case, face)
    row = summary.one(face, profile.id)
    plain = case.assessment.as_dict()
    return {
        "system": profile.id,
        "profile": profile.as_data(),
        "row": {**asdict(row), "waiting": list(row.waiting)} if row is not None else None,
        "tier": plain["tier"],
        "lane": plain["lane"],
        "prohibitions": plain["prohibitions"],
        "obligations": [_obligation(step) for step in judge.plan()],
        "decisions": [_decision(item) for item in judge.decisions],
        "evidence": [item._asdict() for item in evidence.items(face, profile.id, EVIDENCE_SHOWN)],
        "open_facts": plain["open_facts"],
        "digest": case.digest,
        "digests": {name: str(value) for name, value in plain["digests"].items()},
    }


def _obligation(step: Any) -> dict[str, Any]:
    rule = step.fired.rule
    return {
        "id": rule.id,
        "title": {"en": rule.title.en, "zh": rule.title.zh},
        "clauses": list(rule.clauses),
        "owner": rule.owner,
        "gate": rule.gate,
        "due": rule.due,
        "every": rule.every,
        "evidence": list(rule.evidence),
        "certain": step.fired.certain,
        "state": step.state,
        "by": list(step.by),
        "until": step.until.isoformat() if step.until else None,
        "open_facts": list(step.facts),
        "role": step.role,
    }


def _decision(item: Any) -> dict[str, Any]:
    return {
        "digest": item.digest,
        "action": item.action,
        "case": item.case,
        "gate": item.gate,
        "obligation": item.obligation,
        "role": item.role,
        "person": item.person,
        "decided": item.decided.isoformat(),
        "until": item.until.isoformat() if item.until else None,
    }


@router.put(
    "/systems/{system}",
    response={200: schemas.Recorded, 201: schemas.Recorded},
    auth=WRITE,
    operation_id="put_system",
    summary="Put a profile on record",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Profile"}}},
        }
    },
)
def put_system(request: HttpRequest, system: str) -> HttpResponse:
    """The body is a steelyard.yaml as JSON. 201: new.

    It names its owner, who is known here; where it names none, the owner on record stays, and a new system is yours.
    Answers on record change by this; declaring them is the owner's decision (POST /api/decisions, action declare).
    Scope: write.
    """
    caller = caller_of(request)
    caller.need("submit")
    profile = _profile(bodies.read(request), system)
    return idempotency.change(request, lambda face: _record(face, caller, profile))


def _profile(data: Any, system: str) -> Profile:
    """The profile in a body. Raises InputError or Problem 422 with every problem found."""
    if not SYSTEM.fullmatch(system):
        raise Problem(
            422,
            "bad_system_id",
            Text(
                "the id of a system has 1 to 80 letters, digits, hyphens and underscores",
                "系统标识应为 1 至 80 个字母、数字、连字符或下划线",
            ),
            remedy=Text("change system.id", "请更改 system.id"),
            field="system.id",
        )
    if isinstance(data, dict) and data.get("system") is None:
        data = {**data, "system": {}}
    if isinstance(data, dict) and isinstance(data.get("system"), dict) and not data["system"].get("id"):
        data = {**data, "system": {**data["system"], "id": system}}
    doc = parse(json.dumps(data, ensure_ascii=False), system)
    profile, errors = check(doc, store.policy().vocabulary)
    if errors:
        raise Problem(
            422, errors[0].code, errors[0].message, remedy=errors[0].remedy, field=errors[0].field, errors=errors[:100]
        )
    if profile.id != system:
        raise InputError(
            "other_system",
            Text(f"this is the profile of {profile.id}", f"此档案属于 {profile.id}"),
            remedy=Text(f"PUT it to /api/systems/{profile.id}", f"请提交至 /api/systems/{profile.id}"),
            field="system.id",
        )
    for name in ("name", "unit", "owner", "accountable"):
        if len(getattr(profile, name)) > MOST_NAME:
            raise Problem(
                422,
                "too_large",
                Text(f"{name} is longer than {MOST_NAME} characters", f"{name} 超过 {MOST_NAME} 个字符"),
                field=f"system.{name}",
            )
    return profile


def _record(face: Connection, caller: Caller, profile: Profile) -> tuple[int, dict[str, Any]]:
    """Records the assessment of a profile in the caller's transaction, and the row that lists show."""
    home, desk, me = store.home(), store.desk(), caller.user.person
    idempotency.hold(face, profile.id)
    before = summary.one(face, profile.id)
    if before is not None and not caller.shows(before.unit, before.owner):
        raise no_such_system(profile.id)
    if profile.owner:
        owner = people.find(home, face, profile.owner, "system.owner").id
    else:  # whoever pushes it for somebody does not take it from them
        owner = before.owner if before is not None else me
    if before is not None and before.owner != me and not caller.user.is_role(people.ADMINISTRATOR):
        raise not_allowed(
            Text("only its owner or an administrator changes its answers", "仅负责人或管理员可修改答案"),
            code="not_owner",
            remedy=Text("let its owner push it", "请由负责人提交"),
        )
    if caller.units and profile.unit not in caller.units:
        raise not_allowed(
            Text(f"this token is not for the unit {profile.unit!r}", f"此令牌不适用于部门 {profile.unit!r}"),
            code="other_unit",
            remedy=Text(f"it is for: {', '.join(caller.units)}", f"适用部门：{'、'.join(caller.units)}"),
        )
    known = next((item for item in people.everybody(home, face) if _named(item, profile.accountable)), None)
    profile = replace(profile, owner=owner, accountable=known.id if known is not None else profile.accountable)
    case = case_of(assess(profile, desk.policy, desk.on))
    last = _last(face, profile.id)
    digest = tables.record_assessment(face, case, store.own(face), utc_now())
    row = summary.refresh(face, desk, profile)
    plain = case.assessment.as_dict()
    said = {
        "system": profile.id,
        "digest": case.digest,
        "assessment": digest,
        "changed": digest != last,
        "tier": plain["tier"],
        "lane": plain["lane"],
        "stage": row.stage,
        "open_facts": plain["open_facts"],
    }
    return (201 if before is None else 200), said


def _named(person: people.Person, name: str) -> bool:
    return bool(name) and people.is_called(person, name)


def _last(face: Connection, system: str) -> str | None:
    row = face.one("SELECT digest FROM gates_assessment WHERE system = ? ORDER BY seq DESC LIMIT 1", (system,))
    return str(row[0]) if row else None
