"""The HTTP client against real servers on loopback: what is bounded, verified, refused, and what no message shows."""

import asyncio
import datetime as dt
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.base import http
from steelyard.base.errors import EXIT_ENVIRONMENT, EnvironmentNotReady, InputError

web = pytest.importorskip("aiohttp.web")
Handler = Callable[[Any], Awaitable[Any]]
SECRET = "sk-never-0a1b2c3d4e5f60718293"  # noqa: S105  (made up)


class Server:
    """A real aiohttp server on loopback in a thread of its own; `seen` holds the bodies and headers it received."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self._handler, self._tls, self._loop = handler, tls, asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)

    def _run(self, started: threading.Event) -> None:
        async def record(request: Any) -> Any:
            self.seen.append((request.path, dict(request.headers), await request.read()))
            return await self._handler(request)

        async def start() -> None:
            app = web.Application(client_max_size=1 << 26)
            app.router.add_route("*", "/{tail:.*}", record)
            self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
            await site.start()
            self.port = self._runner.addresses[0][1]
            started.set()

        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    def url(self, path: str = "/v1") -> str:
        """An address of this server."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        """Stops the server and waits for its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that end with the test."""
    running: list[Server] = []

    def start(handler: Handler, tls: ssl.SSLContext | None = None) -> Server:
        running.append(Server(handler, tls))
        return running[-1]

    yield start
    for server in running:
        server.close()


async def echo(request: Any) -> Any:
    """Answers what was sent."""
    return web.json_response({"got": await request.json(), "key": request.headers.get("Authorization")})


def refused(url: str, **options: Any) -> EnvironmentNotReady:
    """The failure of a post; it never shows the key or the query."""
    with pytest.raises(EnvironmentNotReady) as caught:
        http.post_json(url, {"a": 1}, headers={"Authorization": f"Bearer {SECRET}"}, **options)
    error = caught.value
    assert error.exit_code == EXIT_ENVIRONMENT
    for lang in ("en", "zh"):
        assert SECRET not in error.render(lang) and "hidden" not in error.render(lang)
    return error


def test_json_goes_and_comes_back(serve: Serve) -> None:
    server = serve(echo)
    answer = http.post_json(server.url(), {"text": "权衡 ✓"}, headers={"Authorization": "Bearer k"})
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert answer.json() == {"got": {"text": "权衡 ✓"}, "key": "Bearer k"}
    assert "权衡" not in repr(answer)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_a_status_is_an_answer(serve: Serve, status: int) -> None:
    async def fail(_: Any) -> Any:
        return web.Response(status=status, text="<h1>no</h1>", content_type="text/html")

    answer = http.post_json(serve(fail).url(), {})
    assert (answer.status, answer.media_type) == (status, "text/html")
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()
    with pytest.raises(ValueError, match="nested"):
        http.Answer(200, "", b"[" * 200_000).json()


def test_silence_and_drops_end_in_time(serve: Serve) -> None:
    async def silent(_: Any) -> Any:
        await asyncio.sleep(30)

    async def drip(request: Any) -> Any:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(300):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    for handler in (silent, drip):
        assert refused(serve(handler).url("/?token=hidden"), timeout=0.4).code == "http_timeout"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_huge_answer_is_cut_off(serve: Serve, chunked: bool) -> None:
    written = []

    async def flood(request: Any) -> Any:
        response = web.StreamResponse()
        if not chunked:
            response.content_length = 50_000_000
        await response.prepare(request)
        for _ in range(50):
            await response.write(b"x" * 1_000_000)
            written.append(1)
        return response

    assert refused(serve(flood).url(), most=1_000_000).code == "http_too_large"
    assert len(written) < 50


def test_a_compressed_answer_is_refused(serve: Serve) -> None:
    async def packed(_: Any) -> Any:
        return web.Response(body=b"x", headers={"Content-Encoding": "gzip"})

    server = serve(packed)
    assert refused(server.url()).code == "http_encoded"
    assert server.seen[0][1]["Accept-Encoding"] == "identity"


def test_redirects_stay_on_the_same_origin(serve: Serve) -> None:
    other = serve(echo)

    async def sends(request: Any) -> Any:
        where = {"/away": other.url("/x"), "/name": f"http://localhost:{request.url.port}/x", "/loop": "/loop"}
        if request.path in where:
            return web.Response(status=307, headers={"Location": where[request.path]})
        if request.path == "/get":
            return web.Response(status=302, headers={"Location": "/end"})
        if request.path == "/near":
            return web.Response(status=308, headers={"Location": "/end?x=1"})
        return await echo(request)

    server = serve(sends)
    for path in ("/away", "/name", "/loop", "/get"):
        assert refused(server.url(path)).code == "http_redirect"
    assert other.seen == [] and all(path != "/end" for path, _, _ in server.seen)
    assert http.post_json(server.url("/near"), [1]).json()["got"] == [1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(1))
    made = made.add_extension(names, critical=False).add_extension(x509.BasicConstraints(True, None), critical=True)
    path = tmp_path_factory.mktemp("tls") / "loopback.pem"
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(form) + private)
    return path


def test_certificates_are_verified(serve: Serve, certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server = serve(echo, tls)
    assert refused(server.url("/?key=hidden")).code == "http_tls"
    assert server.seen == []
    code = f"from steelyard.base import http\nprint(http.post_json({server.url()!r}, [2]).json()['got'])"
    trusted = {**os.environ, "SSL_CERT_FILE": str(certificate)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=trusted, check=False)
    assert done.stdout == "[2]\n", done.stderr


def test_nobody_there_and_no_http(serve: Serve) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert refused(f"http://127.0.0.1:{port}/?q=hidden").code == "http_unreachable"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def nonsense() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"SSH-2.0-hidden\r\n\r\n")

        thread = threading.Thread(target=nonsense, daemon=True)
        thread.start()
        assert refused(f"http://127.0.0.1:{listening.getsockname()[1]}/").code == "http_unreachable"
        thread.join(5)


def test_proxies_of_the_environment_are_not_used(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(echo), serve(echo)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url(""))
    assert http.post_json(server.url(), 1).status == 200
    assert proxy.seen == []


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com", "file:///etc/passwd", "http://", "http://a:b@example.com/", "http://[::1",
     "http://example.com:99999/", "http://exam ple.com/", "http://example.com/\n", "https://user@example.com"],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        http.post_json(url, {})
    assert caught.value.code == "bad_url" and "a:b" not in caught.value.render("en")


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(InputError) as caught:
        http.post_json("http://127.0.0.1:9/", {}, headers={"Authorization": f"Bearer {SECRET}\r\nX-Evil: 1"})
    assert caught.value.code == "bad_header" and SECRET not in caught.value.render("en")


def test_without_aiohttp_it_says_what_to_install() -> None:
    code = (
        "import sys, json\nsys.modules['aiohttp'] = None\nfrom steelyard.base import errors, http\n"
        "try:\n    http.post_json('http://127.0.0.1:9', {})\n"
        "except errors.EnvironmentNotReady as error:\n    print(json.dumps(error.as_dict('en')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "missing_extra" and "steelyard[http]" in error["remedy"]
