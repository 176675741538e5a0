"""The one HTTP client: a JSON document posted or put to a named address or a file fetched from it, all bounded.

Enforced here: TLS certificates are verified; a redirect is followed only on the same scheme, host and port and only
where it keeps the method (307, 308), so that neither the body nor a key ever reaches another host; the whole exchange
ends within `timeout` seconds and the answer within `most` bytes (compressed answers are refused, they could grow);
addresses with a user name or password are refused, and messages name an address without its query. Headers, bodies and
keys stand in no message. The address is reached directly: proxy variables and .netrc are not read.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import SplitResult, urlsplit

from steelyard.base.errors import EnvironmentNotReady, InputError, missing_extra
from steelyard.base.i18n import Text

if TYPE_CHECKING:
    import aiohttp

TIMEOUT = 60.0
MOST = 1024 * 1024
_REDIRECTS = 3
_CHUNK = 1 << 16
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered: its status, media type (lower case, without parameters) and body."""

    status: int
    media_type: str
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is none, or is nested too deep."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deep") from None


def checked_url(url: str, *, field: str | None = None) -> str:
    """`url`, if it is an address that this client uses. Raises InputError."""
    try:
        parts = urlsplit(url)
        port_known = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        parts, port_known = SplitResult("", "", "", "", ""), False
    if parts.scheme not in _PORTS or not parts.hostname or not port_known or not url.isprintable() or " " in url:
        raise InputError(
            "bad_url",
            Text("expected an address that begins with https:// or http://", "应为以 https:// 或 http:// 开头的地址"),
            field=field,
        )
    if parts.username is not None or parts.password is not None:
        raise InputError(
            "bad_url",
            Text("the address holds a user name or password", "地址中含有用户名或密码"),
            remedy=Text("leave it out of the address", "请从地址中删去"),
            field=field,
        )
    return url


def shown(url: str) -> str:
    """An address as messages name it: without query and fragment, where keys may stand."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Options(TypedDict, total=False):
    """What every exchange may be told: `headers`; the seconds and bytes within which it ends; who brings aiohttp."""

    headers: Mapping[str, str] | None
    timeout: float
    most: int
    extra: str


def post_json(url: str, body: Any, **options: Unpack[Options]) -> Answer:
    """Posts `body` as JSON and waits for the answer, whatever its status. Not for use inside an event loop.

    Raises InputError for an address or header that cannot be used; EnvironmentNotReady where the server is not reached,
    is not the one its certificate names, takes too long, answers too much or sends elsewhere, and where aiohttp is
    missing (it comes with `extra`).
    """
    return _run("POST", url, _data(body), _JSON, options)


def put_json(url: str, body: Any, **options: Unpack[Options]) -> Answer:
    """The same as `post_json`, with PUT."""
    return _run("PUT", url, _data(body), _JSON, options)


def get(url: str, **options: Unpack[Options]) -> Answer:
    """Fetches what stands at an address, whatever its status; not inside an event loop. Raises as `post_json`."""
    return _run("GET", url, None, _PLAIN, options)


_PLAIN = {"Accept-Encoding": "identity"}
_JSON = {"Content-Type": "application/json", "Accept": "application/json", **_PLAIN}


def _data(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _headers(ours: Mapping[str, str], headers: Mapping[str, str] | None) -> dict[str, str]:
    """Our headers and those given. Raises InputError `bad_header`."""
    sent = dict(ours)
    for name, value in (headers or {}).items():
        if not value.isascii() or not value.isprintable():
            raise InputError(
                "bad_header",
                Text(f"the value of {name} has characters that cannot be sent", f"{name} 的值含有无法发送的字符"),
                remedy=Text(
                    "use printable ASCII, without a line break at its end", "请使用可打印的 ASCII，末尾勿带换行"
                ),
            )
        sent[name] = value
    return sent


def _run(method: str, url: str, data: bytes | None, ours: Mapping[str, str], options: Options) -> Answer:
    sent = _headers(ours, options.get("headers"))
    limits = (options.get("timeout", TIMEOUT), options.get("most", MOST))
    return asyncio.run(_sent(method, url, data, sent, *limits, options.get("extra", "http")))


async def _sent(
    method: str, url: str, data: bytes | None, sent: Mapping[str, str], timeout: float, most: int, extra: str
) -> Answer:
    try:
        import aiohttp
    except ImportError:
        raise missing_extra(extra, "aiohttp") from None

    checked_url(url)
    limits = aiohttp.ClientTimeout(total=timeout)
    try:
        async with aiohttp.ClientSession(timeout=limits, auto_decompress=False, trust_env=False) as session:
            return await _exchange(session, method, url, data, sent, most)
    except TimeoutError:
        raise EnvironmentNotReady(
            "http_timeout",
            Text(f"{shown(url)} did not answer within {timeout:g} s", f"{shown(url)} 未在 {timeout:g} 秒内答复"),
            remedy=Text("try again, or allow more time", "请重试，或延长等待时间"),
        ) from None
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        raise EnvironmentNotReady(
            "http_tls",
            Text(
                f"the certificate of {shown(url)} could not be verified ({_kind(error)})",
                f"无法验证 {shown(url)} 的证书（{_kind(error)}）",
            ),
            remedy=Text(
                "name the authority that issued it in SSL_CERT_FILE; verification is never switched off",
                "请用 SSL_CERT_FILE 指定签发机构的证书；验证不可关闭",
            ),
        ) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise EnvironmentNotReady(
            "http_unreachable",
            Text(f"{shown(url)} cannot be reached ({_kind(error)})", f"无法连接 {shown(url)}（{_kind(error)}）"),
            remedy=Text("check the address and the network", "请检查地址与网络"),
        ) from None


async def _exchange(
    session: "aiohttp.ClientSession",
    method: str,
    url: str,
    data: bytes | None,
    headers: Mapping[str, str],
    most: int,
) -> Answer:
    """One exchange with the redirects that stay on the same origin."""
    for _ in range(_REDIRECTS + 1):
        async with session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
            if 300 <= response.status < 400:
                status = 307 if data is None else response.status  # a GET keeps its method anyway
                url = _redirected(url, status, response.headers.get("Location", ""))
                continue
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise EnvironmentNotReady(
                    "http_encoded",
                    Text(f"{shown(url)} answered compressed, unasked", f"{shown(url)} 擅自返回了压缩内容"),
                )
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Answer(response.status, media_type, await _bounded(response, url, most))
    raise _elsewhere(url, Text("it sends from one address to the next without end", "地址之间循环跳转"))


async def _bounded(response: "aiohttp.ClientResponse", url: str, most: int) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_chunked(_CHUNK):
        size += len(piece)
        if size > most:
            response.close()
            raise EnvironmentNotReady(
                "http_too_large",
                Text(f"{shown(url)} answered more than {most:,} bytes", f"{shown(url)} 的答复超过 {most:,} 字节"),
            )
        pieces.append(piece)
    return b"".join(pieces)


def _redirected(url: str, status: int, location: str) -> str:
    """Where a redirect leads. Raises EnvironmentNotReady where that is elsewhere or would change the method."""
    from urllib.parse import urljoin

    target = urljoin(url, location)
    try:
        same = _origin(url) == _origin(target)
    except ValueError:
        same = False
    if not location or not same:
        raise _elsewhere(url, Text("it sends to another host", "它跳转到另一主机"))
    if status not in (307, 308):
        raise _elsewhere(url, Text(f"its redirect ({status}) drops what was sent", f"其跳转（{status}）会丢弃所发内容"))
    return target


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _elsewhere(url: str, why: Text) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "http_redirect",
        Text(f"{shown(url)} was not followed: {why.en}", f"未跟随 {shown(url)} 的跳转：{why.zh}"),
        remedy=Text("give the address it should be", "请直接给出正确的地址"),
    )


def _kind(error: BaseException) -> str:
    """What kind of failure it was; its own text could hold what was sent."""
    number = getattr(error, "strerror", None)
    return str(number) if isinstance(number, str) and number else type(error).__name__
