"""The ledger: the newest checkpoint, and the receipt of a statement as a C2SP tlog-proof. Tiles are at /log/."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from steelyard.base.i18n import Text
from steelyard.console.api.auth import READ
from steelyard.console.api.problems import Problem
from steelyard.console.api.routes.evidence import Digest
from steelyard.console.web import store
from steelyard.evidence.store import PREFIX
from steelyard.ledger import store as ledger

router = Router(tags=["ledger"])
TEXT = "text/plain; charset=utf-8"
_TEXT: dict[str, Any] = {"responses": {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}}


@router.get(
    "/ledger/checkpoint",
    auth=READ,
    operation_id="get_checkpoint",
    summary="The newest checkpoint",
    openapi_extra=_TEXT,
)
def get_checkpoint(request: HttpRequest) -> HttpResponse:
    """The signed note of the newest checkpoint, with the cosignatures of witnesses. Scope: read.

    It proves what the log held then; not that what was logged is true.
    """
    del request
    face = store.link()
    found = ledger.checkpoint(face, ledger.current(face))
    if found is None:
        raise Problem(404, "no_checkpoint", Text("nothing has been signed yet", "尚无已签名的检查点"))
    return HttpResponse(str(found), content_type=TEXT)


@router.get(
    "/ledger/proof/{digest}",
    auth=READ,
    operation_id="get_proof",
    summary="The receipt of a statement",
    openapi_extra=_TEXT,
)
def get_proof(request: HttpRequest, digest: Digest) -> HttpResponse:
    """The tlog-proof of the leaf of a signed statement, by the digest of its envelope. Scope: read.

    The leaf itself stands in the entry bundles at /log/; the header Steelyard-Log names the log.
    """
    del request
    face = store.link()
    found = ledger.latest(face, PREFIX + digest)
    if found is None:
        raise Problem(
            404,
            "unknown_digest",
            Text(f"no leaf is about {digest[:19]}", f"账本中没有关于 {digest[:19]} 的记录"),
            remedy=Text("check the digest", "请检查摘要"),
        )
    log, index, _ = found
    response = HttpResponse(str(ledger.prove(face, log, index)), content_type=TEXT)
    response.headers["Steelyard-Log"] = f"/log/{log.id}/"
    return response
