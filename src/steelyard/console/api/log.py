"""The logs as static C2SP tlog-tiles under /log/<n>/, so that anybody verifies them with the public key alone.

Rules enforced: checkpoints, the public key and the tiles of hashes are open, so that a witness can watch; entries name
systems and pseudonyms, so they need a signed-in person, or `STEELYARD_PUBLIC_LOG=1` where the house wants everybody to
read them; only paths as the format writes them are served, and only what is complete.
"""

import re

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from steelyard.console.web import store
from steelyard.console.web.templatetags.words import t
from steelyard.ledger import store as ledger
from steelyard.ledger.tiles import Database, tile_path
from steelyard.ledger.tree import HASH, WIDTH

_TILE = re.compile(r"tile/(\d|[1-5]\d|6[0-3]|entries)/((?:x\d{3}/){0,5}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII)
_FOREVER = "public, max-age=31536000, immutable"


def _log(number: int) -> ledger.Log:
    found = next((item for item in ledger.logs(store.link()) if item.id == number), None)
    if found is None:
        raise Http404("no such log")
    return found


@require_safe
def checkpoint(request: HttpRequest, number: int) -> HttpResponse:
    """The newest checkpoint."""
    del request
    text = Database(store.link(), _log(number)).checkpoint()
    if not text:
        raise Http404("no checkpoint yet")
    return _answer(text.encode(), "text/plain; charset=utf-8", "no-cache")


@require_safe
def vkey(request: HttpRequest, number: int) -> HttpResponse:
    """The public key, which says who the log claims to be: trust it from elsewhere."""
    del request
    return _answer(f"{_log(number).key}\n".encode(), "text/plain; charset=utf-8", "no-cache")


@require_safe
def tile(request: HttpRequest, number: int, path: str) -> HttpResponse:
    """A tile or an entry bundle, full or partial."""
    log, match = _log(number), _TILE.fullmatch(path)
    if match is None:
        raise Http404("no such tile")
    level = match[1] if match[1] == "entries" else int(match[1])
    index, width = int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH)
    if not 1 <= width <= WIDTH or tile_path(level, index, width) != path:
        raise Http404("no such tile")
    if level == "entries" and not (settings.PUBLIC_LOG or request.user.is_authenticated):
        raise PermissionDenied(t("The entries of this log are not public.", "此账本的记录不公开。"))
    source = Database(store.link(), log)
    data = source.bundle(index, width) if isinstance(level, str) else source.tile(level, index, width)
    if data is None or (isinstance(level, int) and len(data) != width * HASH):
        raise Http404("no such tile")
    return _answer(
        data, "application/octet-stream", _FOREVER if settings.PUBLIC_LOG or level != "entries" else "private"
    )


def _answer(data: bytes, media_type: str, cache: str) -> HttpResponse:
    response = HttpResponse(data, content_type=media_type)
    response.headers["Cache-Control"] = cache
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
