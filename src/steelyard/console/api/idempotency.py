"""Writing once: a change in one transaction, and with `Idempotency-Key` its answer kept for 24 hours for that token.

Rules enforced: the answer is kept in the transaction of what it tells about, so that a repeated request never does it
twice, whatever broke in between; the same key with another request is refused (422); what the core refused is kept too,
a failure of ours (5xx) is not.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from steelyard.base.errors import SteelyardError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.console.api.auth import caller_of
from steelyard.console.api.models import KEPT, ApiToken, Kept
from steelyard.console.api.problems import Problem, response_of
from steelyard.console.web import store

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
JSON = "application/json"
KEY = re.compile(r"[!-~]{1,200}", re.ASCII)
Run = Callable[[Connection], tuple[int, dict[str, Any]]]


def change(request: HttpRequest, run: Run) -> HttpResponse:
    """Runs a change in one transaction of the store and answers (status, JSON); with a key, at most once."""
    key = request.headers.get(HEADER)
    if key is None:
        with store.change() as face:
            status, data = run(face)
        return HttpResponse(_text(data), status=status, content_type=JSON)
    if not KEY.fullmatch(key):
        raise Problem(
            422,
            "bad_idempotency_key",
            Text(
                "an idempotency key has 1 to 200 printable ASCII characters without spaces",
                "幂等键应为 1 至 200 个可打印 ASCII 字符，不含空格",
            ),
            remedy=Text("use a UUID", "可使用 UUID"),
            field=HEADER,
        )
    token = caller_of(request).token
    assert token is not None  # noqa: S101  (what changes something takes no session)
    mark = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode() + request.body).hexdigest()
    try:
        return _once(token, key, mark, run)
    except IntegrityError:  # somebody with the same key came first
        return _once(token, key, mark, run)
    except _Reused as error:
        raise error.problem from None
    except SteelyardError as error:
        response = response_of(request, error)
        if response.status_code < 500:
            _keep_refusal(token, key, mark, response)
        return response


def hold(face: Connection, name: str) -> None:
    """Lets others that hold the same name wait until this transaction ends; SQLite has one writer at a time anyway.

    The name of a system is the one that `gates.summary` holds, too.
    """
    if face.dialect == "postgresql":
        mark = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        face.execute("SELECT pg_advisory_xact_lock(?)", (mark,))


class _Reused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def _once(token: ApiToken, key: str, mark: str, run: Run) -> HttpResponse:
    with store.change() as face:
        hold(face, f"idempotency {token.pk} {key}")
        found = _kept(token, key)
        if found is not None:
            return _replay(found, mark)
        status, data = run(face)
        text = _text(data)
        Kept.objects.create(token=token, key=key, request=mark, status=status, media_type=JSON, body=text)
    return HttpResponse(text, status=status, content_type=JSON)


def _kept(token: ApiToken, key: str) -> Kept | None:
    """What is kept under a key; drops what has been kept long enough."""
    Kept.objects.filter(at__lt=timezone.now() - KEPT).delete()
    return Kept.objects.filter(token=token, key=key).first()


def _replay(found: Kept, mark: str) -> HttpResponse:
    if found.request != mark:
        raise _Reused(
            Problem(
                422,
                "idempotency_key_reused",
                Text("this key was used for another request", "此幂等键已用于另一请求"),
                remedy=Text("use a new key for a new request", "新的请求请使用新的幂等键"),
                field=HEADER,
            )
        )
    response = HttpResponse(found.body, status=found.status, content_type=found.media_type)
    response.headers[REPLAYED] = "true"
    return response


def _keep_refusal(token: ApiToken, key: str, mark: str, response: HttpResponse) -> None:
    try:
        with transaction.atomic():
            Kept.objects.create(
                token=token,
                key=key,
                request=mark,
                status=response.status_code,
                media_type=response.headers["Content-Type"],
                body=response.content.decode(),
            )
    except IntegrityError:  # somebody with the same key was answered meanwhile; this refusal stands for itself
        pass


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
