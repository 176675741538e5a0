"""Gates: whether one opens for a system, in the very shape of `steelyard gate --json` (`gates.shown`)."""

from django.http import HttpRequest, JsonResponse
from ninja import Router

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.console.api import schemas
from steelyard.console.api.auth import READ, caller_of, case_for
from steelyard.console.web import store
from steelyard.console.web.templatetags.words import lang
from steelyard.gates.shown import gate_data
from steelyard.policy.model import GATES

router = Router(tags=["gates"])


@router.get(
    "/systems/{system}/gates/{gate}", response=schemas.Gate, auth=READ, operation_id="get_gate", summary="A gate"
)
def get_gate(request: HttpRequest, system: str, gate: str) -> JsonResponse:
    """Whether the gate opens today, and if not, what is missing. Scope: read."""
    _, case = case_for(caller_of(request), system)
    if gate not in GATES:
        raise InputError(
            "unknown_gate",
            Text(f"there is no gate {gate[:80]}", f"没有关口 {gate[:80]}"),
            remedy=Text(f"use one of: {', '.join(GATES)}", f"可用关口：{'、'.join(GATES)}"),
            field="gate",
        )
    desk = store.desk()
    result = desk.judge(case, store.link()).gate(gate)
    said = gate_data(result, desk, case.digest, f"{case.system}.yaml", lang())
    return JsonResponse(said, json_dumps_params={"ensure_ascii": False})
