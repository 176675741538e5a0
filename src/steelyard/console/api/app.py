"""The API put together: its operations, how errors answer, and its OpenAPI document at /api/openapi.json."""

import logging
from functools import cache
from typing import Any

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from steelyard import __version__
from steelyard.base import sql
from steelyard.base.errors import SteelyardError
from steelyard.base.i18n import Text
from steelyard.console.api import problems
from steelyard.console.api.auth import no_token
from steelyard.console.api.bodies import StrictParser
from steelyard.console.api.idempotency import HEADER
from steelyard.console.api.routes import decisions, evidence, gates, ledger, people, systems
from steelyard.intake.schemas import schema

LOG = logging.getLogger("steelyard.api")
ABOUT = """Programs ask and hand in here under a token that its owner makes at /tokens, with the scopes read, write and
decide. A session of the console may read. Every failure is application/problem+json in English and Chinese.

程序通过令牌在此查询与提交；令牌由其所有者在 /tokens 创建，权限为 read、write、decide。控制台会话可只读。
所有错误均为中英双语的 application/problem+json。"""
_WORDS = {
    "type": "object",
    "required": ["en", "zh"],
    "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
}
_MAYBE_WORDS = {"anyOf": [_WORDS, {"type": "null"}]}
_MAYBE_TEXT = {"type": ["string", "null"]}
_SINGLE = {"code": {"type": "string"}, "message": _WORDS, "remedy": _MAYBE_WORDS, "field": _MAYBE_TEXT}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. `code` is stable and for programs; `message` and `remedy` are for people.",
    "required": ["type", "title", "status", "detail", "code", "message", "remedy", "field"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        **_SINGLE,
        "errors": {"type": "array", "items": {"type": "object", "properties": _SINGLE}},
    },
}
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "description": "A DSSE envelope over an in-toto Statement v1.",
    "required": ["payloadType", "payload", "signatures"],
    "additionalProperties": False,
    "properties": {
        "payloadType": {"const": "application/vnd.in-toto+json"},
        "payload": {"type": "string", "contentEncoding": "base64"},
        "signatures": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["sig"],
                "properties": {"keyid": {"type": "string"}, "sig": {"type": "string", "contentEncoding": "base64"}},
            },
        },
    },
}
_ALWAYS = {
    400: "the request cannot be read",
    401: "no token, or one that opens nothing",
    403: "a scope or a role is missing",
    404: "not here, or not for you",
    422: "a value that cannot be used",
    429: "too many requests; Retry-After says when",
    503: "the store is not ready",
}
_CHANGING = {409: "the core refuses, and says why", 413: "larger than 5 MB"}
_KEY = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": "The same key and request within 24 hours gets the same answer and does nothing twice.",
}


class Api(NinjaAPI):
    """The API, whose document also says how it fails."""

    def get_openapi_schema(self, **asked: Any) -> Any:
        """The OpenAPI document."""
        return _document(self, tuple(sorted((name, value) for name, value in asked.items() if isinstance(value, str))))

    def built(self, **asked: Any) -> Any:
        """The document as the framework builds it."""
        return super().get_openapi_schema(**asked)


@cache
def _document(api: Api, asked: tuple[tuple[str, str], ...]) -> Any:
    document = api.built(**dict(asked))
    profile = {name: value for name, value in schema("profile").items() if not name.startswith("$")}
    document["components"]["schemas"] |= {"Problem": PROBLEM, "Envelope": ENVELOPE, "Profile": profile}
    for methods in document["paths"].values():
        for method, operation in methods.items():
            changing = method not in ("get", "head")
            if changing:
                operation["parameters"] = [*operation["parameters"], _KEY]
            for status, about in {**_ALWAYS, **(_CHANGING if changing else {})}.items():
                content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
                operation["responses"][status] = {"description": about, "content": content}
    return document


api = Api(
    title="Steelyard 权衡",
    version=__version__,
    description=ABOUT,
    docs_url=None,
    urls_namespace="api",
    parser=StrictParser(),
)
for _room in (systems, evidence, gates, decisions, people, ledger):
    api.add_router("", _room.router)


@api.exception_handler(SteelyardError)
def _known(request: HttpRequest, error: SteelyardError) -> HttpResponse:
    return problems.response_of(request, error)


@api.exception_handler(AuthenticationError)
def _unknown_caller(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    del error
    return problems.response_of(request, no_token())


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, SteelyardError):  # why a body could not be read
        return problems.response_of(request, error.__cause__)
    return problems.response_of(request, problems.plain(error.status_code))


@api.exception_handler(Http404)
def _nothing(request: HttpRequest, error: Http404) -> HttpResponse:
    del error
    return problems.response_of(request, problems.plain(404))


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    single = []
    for item in error.errors[:100]:
        place = ".".join(str(part) for part in item.get("loc", ())[1:] if part != "said")
        what = " ".join(str(item.get("msg", "")).split())[:300]
        single.append(
            problems.Problem(422, "wrong_value", Text(f"{place}: {what}", f"{place} 的值无效：{what}"), field=place)
        )
    first = single[0].message if single else Text("a value cannot be used", "值无效")
    whole = problems.Problem(
        422,
        "wrong_value",
        first,
        remedy=Text("/api/openapi.json says what each operation takes", "/api/openapi.json 说明各操作的参数"),
        field=single[0].field if single else None,
        errors=single,
    )
    return problems.response_of(request, whole)


def _store(request: HttpRequest, error: Any) -> HttpResponse:
    LOG.warning("the store refused: %s", type(error).__name__)  # its text may hold what was sent
    return problems.response_of(request, sql.failure(type(error)(type(error).__name__), ""))


api.add_exception_handler(DatabaseError, _store)
for _class in sql.database_errors():
    api.add_exception_handler(_class, _store)


@api.exception_handler(Exception)
def _defect(request: HttpRequest, error: Exception) -> HttpResponse:
    LOG.error("a defect at %s %s", request.method, request.path, exc_info=error)
    return problems.response_of(request, problems.plain(500))
