"""What goes wrong, as `application/problem+json` (RFC 9457) in both languages.

Rules enforced: every answer of the API of status 400 or above has this one shape; a defect of ours shows no traceback.
"""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from steelyard.base.errors import EnvironmentNotReady, SteelyardError
from steelyard.base.i18n import Lang, Text
from steelyard.gates.people import Refused

MEDIA_TYPE = "application/problem+json"
_BY_CODE = {"bad_json": 400, "too_large": 413, "unknown_gate": 404}


class Problem(SteelyardError):
    """A problem with a status of its own; `headers` go with it, `errors` are the single problems behind it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: Text,
        *,
        remedy: Text | None = None,
        field: str | None = None,
        headers: dict[str, str] | None = None,
        errors: Iterable[SteelyardError] = (),
    ) -> None:
        super().__init__(code, message, remedy=remedy, field=field)
        self.status, self.headers, self.errors = status, headers or {}, list(errors)


def status_of(error: SteelyardError) -> int:
    """The status of an error: 409 where the core refuses, 503 where this machine is not ready, else 422."""
    if isinstance(error, Problem):
        return error.status
    if isinstance(error, Refused):
        return 409
    if isinstance(error, EnvironmentNotReady):
        return 503
    return _BY_CODE.get(error.code, 422)


def _both(text: Text | None) -> dict[str, str] | None:
    return {"en": text.en, "zh": text.zh} if text is not None else None


def _field(error: SteelyardError) -> str | None:
    return error.field.lstrip("-").replace("-", "_") or None if error.field else None


def data_of(error: SteelyardError, lang: Lang) -> dict[str, Any]:
    """The body of a problem."""
    status = status_of(error)
    data: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message.get(lang),
        "code": error.code,
        "message": _both(error.message),
        "remedy": _both(error.remedy),
        "field": _field(error),
    }
    if isinstance(error, Problem) and error.errors:
        data["errors"] = [
            {
                "code": item.code,
                "message": _both(item.message),
                "remedy": _both(item.remedy),
                "field": _field(item),
            }
            for item in error.errors
        ]
    return data


def response_of(request: HttpRequest, error: SteelyardError) -> HttpResponse:
    """The answer that tells about an error."""
    lang: Lang = "zh" if getattr(request, "lang", "en") == "zh" else "en"
    body = json.dumps(data_of(error, lang), ensure_ascii=False).encode("utf-8", "replace")
    response = HttpResponse(body, status=status_of(error), content_type=MEDIA_TYPE)
    for name, value in (error.headers if isinstance(error, Problem) else {}).items():
        response.headers[name] = value
    return response


_PLAIN: dict[int, tuple[str, Text]] = {
    400: ("bad_request", Text("the request cannot be read", "无法读取请求")),
    403: ("not_allowed", Text("this is not allowed", "不允许此操作")),
    404: ("no_such_address", Text("there is nothing at this address", "此地址没有内容")),
    405: ("method_not_allowed", Text("this address does not take that method", "此地址不支持该方法")),
    413: ("too_large", Text("the request is larger than allowed", "请求超过允许的大小")),
    503: ("not_ready", Text("the console is not ready", "控制台尚未就绪")),
}
_DEFECT = (
    "defect",
    Text("a defect of the console; nothing was changed", "控制台程序缺陷；未作任何更改"),
)


def plain(status: int) -> Problem:
    """The problem for a status that something else answered, such as Django or the server."""
    code, message = _PLAIN.get(status, _PLAIN[400] if status < 500 else _DEFECT)
    return Problem(status, code, message)


def no_such_system(system: str) -> Problem:
    """The problem for a system that is not on record, or that the caller may not see."""
    shown = system[:80]
    return Problem(
        404,
        "unknown_system",
        Text(f"there is no system {shown} here for you", f"没有您可查看的系统 {shown}"),
        remedy=Text("GET /api/systems lists those you see", "GET /api/systems 可列出您可查看的系统"),
    )


def not_allowed(message: Text, *, code: str = "not_allowed", remedy: Text | None = None) -> Problem:
    """The problem for what this person or token may not do."""
    return Problem(403, code, message, remedy=remedy)
