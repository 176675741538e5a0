"""A log behind a URL, as C2SP tlog-tiles are served: static files, fetched one by one, nothing believed."""

from steelyard.base import http
from steelyard.base.errors import EnvironmentNotReady
from steelyard.base.i18n import Text
from steelyard.ledger.tiles import MAX_BUNDLE, MAX_TILE, tile_path
from steelyard.ledger.tree import WIDTH


class Web:
    """A log served over HTTP. A part that the server says it lacks is None; a server that fails is an error."""

    def __init__(self, url: str) -> None:
        self.url = http.checked_url(url).rstrip("/")

    def checkpoint(self) -> str | None:
        """The newest checkpoint, as text."""
        data = self._get("checkpoint", 1_000_000)
        try:
            return data.decode() if data is not None else None
        except UnicodeDecodeError:
            return ""

    def vkey(self) -> str | None:
        """The public key that stands beside the log, which only says who it claims to be."""
        data = self._get("vkey", 10_000)
        return data.decode(errors="replace") if data is not None else None

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """The partial tile of that width, else the full one."""
        return self._widest(level, index, width, MAX_TILE)

    def bundle(self, index: int, width: int) -> bytes | None:
        """The partial bundle of that width, else the full one."""
        return self._widest("entries", index, width, MAX_BUNDLE)

    def _widest(self, level: int | str, index: int, width: int, most: int) -> bytes | None:
        data = self._get(tile_path(level, index, width), most)
        return data if data is not None or width == WIDTH else self._get(tile_path(level, index), most)

    def _get(self, path: str, most: int) -> bytes | None:
        answer = http.get(f"{self.url}/{path}", most=most)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise EnvironmentNotReady(
                "http_status",
                Text(
                    f"{http.shown(self.url)} answered {answer.status} for {path}",
                    f"{http.shown(self.url)} 对 {path} 返回 {answer.status}",
                ),
                remedy=Text("try again later; nothing was concluded", "请稍后重试；未作任何结论"),
            )
        return answer.body
