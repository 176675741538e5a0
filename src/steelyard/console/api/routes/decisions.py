"""Decisions over the API: the core checks and refuses (409), the console signs, the ledger has it in the same moment.

Rules enforced: a token is no second factor, so that roles that need one decide in the console; who decides names the
digest that they looked at; a role decides what `people.permissions.DECIDES` gives it and nothing else.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.console.api import idempotency, schemas
from steelyard.console.api.auth import DECIDE, Caller, caller_of, case_for
from steelyard.console.api.problems import not_allowed
from steelyard.console.people import permissions
from steelyard.console.web import store
from steelyard.gates import decide, fast_lane, people
from steelyard.gates.gate import Judge
from steelyard.intake import contradictions

router = Router(tags=["decisions"])
WITHOUT_DIGEST = ("stop", "report")  # what cannot wait


@router.post(
    "/decisions", response={201: schemas.DecisionTaken}, auth=DECIDE, operation_id="decide", summary="Take a decision"
)
def take_decision(request: HttpRequest, said: schemas.DecisionIn) -> HttpResponse:
    """Your decision about a system, in a role you hold; 409 with the reason where the core refuses. Scope: decide.

    `reviewed` is the digest of what you looked at (GET /api/systems/{system}); only stop and report may leave it out.
    `declare` is the owner's declaration that the answers are true; where a standing approval admits such a system, it
    is admitted in the same moment.
    """
    caller = caller_of(request)
    if said.reviewed is None and said.action not in WITHOUT_DIGEST:
        raise InputError(
            "not_reviewed",
            Text("a decision names the digest of what was looked at", "决定须写明所审内容的摘要"),
            remedy=Text(
                "send `reviewed`: the digest of GET /api/systems/ID", "请发送 reviewed：GET /api/systems/ID 的摘要"
            ),
            field="reviewed",
        )
    role = said.role or (permissions.OWNER if said.action == "declare" else "")
    if role not in people.ROLES:
        raise people.unknown_role(role)
    if role in store.policy().second_factor:
        raise not_allowed(
            Text(f"the role {role} decides with a second factor", f"角色 {role} 须以第二因素作出决定"),
            code="second_factor_needed",
            remedy=Text("decide in the console, signed in with your code", "请以验证码登录控制台后作出决定"),
        )
    allowed = permissions.DECIDES.get(said.action, permissions.REVIEWING)
    if said.action == "declare":
        allowed = frozenset({permissions.OWNER})
        caller.need("submit")
    if said.action == "report":
        allowed = permissions.DECIDES["stop"]
    if role not in allowed:
        raise not_allowed(
            Text(f"the role {role} does not decide that", f"角色 {role} 不能作出此决定"),
            remedy=Text(f"roles that do: {', '.join(sorted(allowed))}", f"可用角色：{'、'.join(sorted(allowed))}"),
        )
    return idempotency.change(request, lambda face: _decide(face, caller, said, role))


def _decide(face: Connection, caller: Caller, said: schemas.DecisionIn, role: str) -> tuple[int, dict[str, Any]]:
    idempotency.hold(face, said.system)
    profile, case = case_for(caller, said.system)
    home, desk, key = store.home(), store.desk(), store.own(face)
    judge, token = desk.judge(case, face), caller.token
    asked = decide.Request(
        said.action,
        people.find(home, face, caller.user.person),
        role,
        said.reason or ("declared over the API" if said.action == "declare" else ""),
        said.gate,
        said.obligation,
        said.until,
        said.reviewed,
        people.find(home, face, said.requested_by, "requested_by") if said.requested_by else None,
        {"console": True, "factors": ["token"], "token": token.pk if token is not None else None},
    )
    admitted = None
    if said.action == "declare":
        digest = fast_lane.declare(home, face, judge, asked, None, key=key)
        found = len(contradictions.check(profile, desk.policy))
        admitted = _admitted(face, desk.judge(case, face), found)
    else:
        digest = decide.decide(home, face, judge, asked, None, key=key)
    return 201, {
        "digest": digest,
        "system": case.system,
        "action": said.action,
        "case": case.digest,
        "admitted": admitted,
    }


def _admitted(face: Connection, judge: Judge, found: int) -> str | None:
    """The automatic approval, where there is one and it fits; otherwise people review."""
    try:
        return fast_lane.admit(store.home(), face, judge, found)[0]
    except people.Refused:
        return None
