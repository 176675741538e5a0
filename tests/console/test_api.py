"""The API as programs use it: a served console, real requests, the command line; every operation with every scope."""

# ruff: noqa: S310  (loopback only)

import base64
import hashlib
import http.cookiejar
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from steelyard.ledger import note, tiles, tree
from tests.conftest import ROOT, Run

pytest.importorskip("cheroot")
CODE, PASSWORD = "api-code", "a long enough phrase 7"
LOW = ROOT / "examples/systems/meeting-notes.yaml"
PEOPLE = {
    "owner": ("owner", ""),
    "other": ("owner", ""),
    "business": ("business", ""),
    "senior": ("senior", ""),
    "auditor": ("auditor", ""),
    "partial": ("legal", "Retail"),
    "nobody": ("", ""),
}
FACTS = {"audience": "internal", "decision_impact": "none"}


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem, after checking that it is a whole one."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        data = self.json
        assert data["status"] == self.status and data["message"]["en"] and data["message"]["zh"]
        assert "Traceback" not in self.body.decode()
        return str(data["code"])


def send(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Answer:
    try:
        with opener.open(request, timeout=20) as got:
            return Answer(got.status, got.headers, got.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


class Person:
    """Somebody at the console's pages."""

    def __init__(self, address: str) -> None:
        self.address, self.jar = address, http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str, **headers: str) -> Answer:
        return send(self.opener, urllib.request.Request(self.address + path, headers=headers))

    def post(self, path: str, data: dict[str, Any], **headers: str) -> Answer:
        mark = next((item.value for item in self.jar if item.name == "csrftoken"), "")
        body = urllib.parse.urlencode({**data, "csrfmiddlewaretoken": mark}, doseq=True).encode()
        return send(self.opener, urllib.request.Request(self.address + path, body, headers=headers))

    def sign_in(self, name: str) -> "Person":
        self.get("/accounts/login/")
        assert self.post("/accounts/login/", {"login": name, "password": PASSWORD}).status == 200
        assert any(item.name == "sessionid" for item in self.jar)
        return self

    def token(self, *scopes: str, units: str = "", until: str = "") -> str:
        self.get("/tokens")
        until = until or time.strftime("%Y-%m-%d", time.gmtime(time.time() + 10 * 86_400))
        page = self.post("/tokens", {"name": "test", "scopes": scopes, "units": units, "until": until})
        found = re.search(r'<code id="secret">(sty_[\w-]{43})</code>', page.body.decode())
        assert page.status == 200 and found and page.headers["Cache-Control"] == "no-store", page.body.decode()
        assert found[1] not in self.get("/tokens").body.decode()
        return found[1]


class House:
    """A served console with people and their tokens."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder
        self.store = folder / ".steelyard/steelyard.db"
        self.people: dict[str, Person] = {}
        self.pseudonyms: dict[str, str] = {}
        self.tokens: dict[str, str] = {}

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: Any = None,
        *,
        raw: bytes | None = None,
        **more: str,
    ) -> Answer:
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        headers = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = self.address + urllib.parse.quote(path, safe="/?=&%:")
        request = urllib.request.Request(url, data, headers=headers, method=method)
        return send(urllib.request.build_opener(), request)

    def put(self, system: str, token: str, owner: str | None = None, **more: Any) -> Answer:
        about = {"id": system, "name": more.pop("name", system), "unit": more.pop("unit", "Retail")}
        if owner:
            about["owner"] = owner
        body = {"steelyard": 1, "system": about, "facts": more.pop("facts", FACTS)}
        return self.ask("PUT", f"/api/systems/{system}", token, body, **more)

    def decide(self, token: str, system: str, action: str, **more: Any) -> Answer:
        key = more.pop("key", None)
        body = {"system": system, "action": action, "reason": "looked at closely", **more}
        return self.ask("POST", "/api/decisions", token, body, **({"Idempotency_Key": key} if key else {}))

    def digest(self, system: str) -> str:
        return str(self.ask("GET", f"/api/systems/{system}", self.tokens["admin"]).json["digest"])

    def planted(self, name: str) -> str:
        """A token written past the page: signing in takes long, and nobody without a role makes one there."""
        secret = "sty_" + f"planted for {name}".replace(" ", "_")
        with sqlite3.connect(self.store, timeout=15) as link:
            link.execute(
                "INSERT INTO api_apitoken (owner_id, name, digest, hint, scopes, units, made, expires)"
                " SELECT id, 'x', ?, 'x', '[\"read\",\"write\",\"decide\"]', '[]', datetime(), '2099-01-01'"
                " FROM people_user WHERE username = ?",
                (hashlib.sha256(secret.encode()).hexdigest(), name),
            )
        return secret

    def size(self) -> int:
        return int(self.ask("GET", "/log/1/checkpoint").body.split(b"\n")[1])


def served(folder: Path, **env: str) -> tuple[str, "subprocess.Popen[bytes]"]:
    log = folder / "serve.log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "steelyard", "serve", "--port", "0", "--lang", "en"],
            cwd=folder,
            env={**os.environ, "STEELYARD_SETUP_CODE": CODE, "STEELYARD_STORE": "", **env},
            stderr=stream,
        )
    for _ in range(200):
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8"))
        if found:
            try:
                urllib.request.urlopen(f"{found[0]}/healthz", timeout=2)
                return found[0], server
            except OSError:
                pass
        time.sleep(0.1)
    server.kill()
    raise AssertionError(log.read_text(encoding="utf-8"))


def ended(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    server.wait(15)


def begin(house: House) -> None:
    admin = Person(house.address)
    admin.get("/setup")
    account = {"display_name": "Li Wei", "username": "admin", "password": PASSWORD}
    assert admin.post("/setup", {"code": CODE, **account}).status == 200
    house.people["admin"] = admin
    house.tokens["admin"] = admin.token("read", "write", "decide")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    address, server = served(folder, STEELYARD_PUBLIC_LOG="1")
    try:
        found = House(address, folder)
        begin(found)
        admin = found.people["admin"]
        for name, (role, unit) in PEOPLE.items():
            admin.get("/people/")
            account = {"display_name": f"The {name}", "username": name, "password": PASSWORD}
            assert admin.post("/people/", account).status == 200
            people = found.ask("GET", "/api/people?limit=100", found.tokens["admin"]).json["items"]
            found.pseudonyms[name] = next(item["person"] for item in people if item["name"] == f"The {name}")
            if role:
                until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86_400))
                data = {"role": role, "unit": unit, "until": until}
                assert admin.post(f"/people/{found.pseudonyms[name]}/", data).status == 200
        for name in PEOPLE:
            if name in ("owner", "other", "business"):
                found.people[name] = Person(address).sign_in(name)
                found.tokens[name] = found.people[name].token("read", "write", "decide")
            else:
                found.tokens[name] = found.planted(name)
        yield found
    finally:
        ended(server)


# Who ----------------------------------------------------------

OPERATIONS = [
    ("GET", "/api/systems", "read"),
    ("GET", "/api/systems/walk", "read"),
    ("PUT", "/api/systems/walk", "write"),
    ("GET", "/api/systems/walk/gates/launch", "read"),
    ("POST", "/api/evidence", "write"),
    ("GET", "/api/evidence?system=walk", "read"),
    ("GET", "/api/evidence/{assessment}", "read"),
    ("POST", "/api/decisions", "decide"),
    ("GET", "/api/people", "read"),
    ("GET", "/api/ledger/checkpoint", "read"),
    ("GET", "/api/ledger/proof/{assessment}", "read"),
]
GOOD = {"PUT": {"facts": FACTS}, "POST": {}}


def test_every_operation_is_in_the_walk(house: House) -> None:
    document = house.ask("GET", "/api/openapi.json").json
    written = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    walked = {
        (method, path.split("?")[0].replace("walk", "{system}").replace("launch", "{gate}"))
        for method, path, _ in OPERATIONS
    }
    assert {(method, path.replace("{assessment}", "{digest}")) for method, path in walked} == written


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS, ids=lambda item: str(item))
def test_every_scope_and_none(house: House, method: str, path: str, scope: str) -> None:
    admin = house.people["admin"]
    made = house.put("walk", house.tokens["admin"], house.pseudonyms["owner"])
    assert made.status in (200, 201), made.body
    path = path.format(assessment=made.json["assessment"])
    none = house.ask(method, path, body=GOOD.get(method))
    assert (none.status, none.code) == (401, "no_token") and none.headers["WWW-Authenticate"].startswith("Bearer")
    bad = house.ask(method, path, "sty_" + "x" * 43, body=GOOD.get(method))
    assert (bad.status, bad.code) == (401, "bad_token")
    for given in ("read", "write", "decide"):
        key = f"only {given}"
        if key not in house.tokens:
            house.tokens[key] = admin.token(given)
        got = house.ask(method, path, house.tokens[key], body=GOOD.get(method))
        if given != scope:
            assert (got.status, got.code) == (403, "scope_missing")
        else:
            assert got.status in ((200,) if method != "POST" else (422,)), got.body  # POST: past the door, no body
    session = send(
        admin.opener,
        urllib.request.Request(house.address + path, method=method, data=b"{}" if method != "GET" else None),
    )
    assert session.status == (200 if method == "GET" else 401)


def test_roles_and_sight(house: House) -> None:
    tokens = house.tokens
    assert house.put("seen-a", tokens["owner"], unit="Retail").status == 201
    assert house.put("seen-b", tokens["owner"], unit="Wealth").status == 201

    def sees(name: str) -> set[str]:
        page = house.ask("GET", "/api/systems?q=seen&limit=100", tokens[name]).json
        shown = {row["system"] for row in page["items"]}
        assert page["total"] == len(shown)
        for system in ("seen-a", "seen-b"):
            assert house.ask("GET", f"/api/systems/{system}", tokens[name]).status == (200 if system in shown else 404)
            gate = house.ask("GET", f"/api/systems/{system}/gates/build", tokens[name])
            assert gate.status == (200 if system in shown else 404)
        return shown

    both = {"seen-a", "seen-b"}
    assert [sees(name) for name in ("admin", "owner", "business", "auditor")] == [both] * 4
    assert sees("partial") == {"seen-a"} and sees("other") == sees("nobody") == set()
    assert house.put("seen-a", tokens["other"]).code == "unknown_system"  # it does not exist for them
    assert house.put("seen-a", tokens["business"]).code == "not_owner"
    for name in ("auditor", "nobody"):
        refused = house.put("new-one", tokens[name])
        assert (refused.status, refused.code) == (403, "not_allowed")
    assert house.ask("GET", "/api/people", tokens["nobody"]).code == "not_allowed"
    envelope = house.put("seen-b", tokens["owner"], unit="Wealth").json["assessment"]
    assert house.ask("GET", f"/api/evidence/{envelope}", tokens["partial"]).code == "unknown_digest"
    assert house.ask("GET", f"/api/evidence/{envelope}", tokens["owner"]).json["system"] == "seen-b"


def test_a_token_of_some_units_stays_in_them(house: House) -> None:
    admin = house.people["admin"]
    for number, unit in enumerate(["North", "South", "East"] * 2):
        assert house.put(f"place-{number}", house.tokens["admin"], unit=unit, name=f"Place {number}").status == 201
    token = admin.token("read", "write", units="South, North，South")
    rows = []
    for offset in range(0, 5, 2):
        page = house.ask("GET", f"/api/systems?q=place&limit=2&offset={offset}", token).json
        assert page["total"] == 4 and page["total_exact"]
        rows += [(row["unit"], row["name"]) for row in page["items"]]
    assert rows == [("South", "Place 1"), ("South", "Place 4"), ("North", "Place 0"), ("North", "Place 3")]
    assert house.ask("GET", "/api/systems?unit=East", token).json["total"] == 0
    assert house.ask("GET", "/api/systems/place-2", token).code == "unknown_system"
    assert house.put("place-0", token, unit="East").code == "other_unit"
    assert house.put("place-2", token, unit="North").code == "unknown_system"
    assert house.put("place-0", token, unit="North").status == 200


# Tokens ----------------------------------------------------------


def test_tokens_end_and_are_revoked(house: House) -> None:
    owner, other = house.people["owner"], house.people["other"]
    token = owner.token("read")
    with sqlite3.connect(house.store, timeout=15) as link:
        number, kept = link.execute("SELECT id, digest FROM api_apitoken ORDER BY id DESC LIMIT 1").fetchone()
        assert token not in kept and len(kept) == 64
        everything = b"".join(path.read_bytes() for path in house.folder.rglob("*") if path.is_file())
        assert token.encode() not in everything
    assert house.ask("GET", "/api/systems", token).status == 200
    other.get("/tokens")
    other.post(f"/tokens/{number}/revoke", {})
    assert house.ask("GET", "/api/systems", token).status == 200  # it is not theirs
    owner.post(f"/tokens/{number}/revoke", {})
    assert house.ask("GET", "/api/systems", token).code == "bad_token"
    late = owner.token("read")
    with sqlite3.connect(house.store, timeout=15) as link:
        assert link.execute("SELECT last_used FROM api_apitoken WHERE id = ?", (number,)).fetchone()[0]
        link.execute("UPDATE api_apitoken SET expires = '2020-01-01 00:00:00' WHERE id = ?", (number + 1,))
    assert house.ask("GET", "/api/systems", late).code == "bad_token"
    page = house.people["admin"].get("/tokens").body.decode()
    assert "The owner" in page and "The owner" not in other.get("/tokens").body.decode().split("<main")[1]


def test_the_page_refuses_what_makes_no_token(house: House) -> None:
    owner = house.people["owner"]
    owner.get("/tokens")
    for data in ({"scopes": []}, {"scopes": ["admin"]}, {"until": "2020-01-01"}, {"until": "2999-01-01"}, {"name": ""}):
        good = {"name": "x", "scopes": ["read"], "units": "", "until": time.strftime("%Y-%m-%d")}
        assert owner.post("/tokens", {**good, **data}).status == 422, data
    stranger = Person(house.address)
    assert "/accounts/login/" in stranger.get("/tokens").body.decode() or stranger.get("/tokens").status == 200
    assert b"sty_" not in stranger.get("/tokens").body
    owner.post("/lang", {"lang": "zh", "next": "/tokens"})
    assert "创建令牌" in owner.get("/tokens").body.decode()
    owner.post("/lang", {"lang": "en", "next": "/tokens"})
    assert "Make the token" in owner.get("/tokens").body.decode()


# Systems, push, pull ----------------------------------------------------------


def test_push_pull_and_gate_say_what_the_command_line_says(house: House, tmp_path: Path, steelyard: Run) -> None:
    secret = tmp_path / "token"
    secret.write_text(house.tokens["owner"] + "\n")
    profile = tmp_path / "push-me.yaml"
    text = LOW.read_text(encoding="utf-8")
    profile.write_text(re.sub(r"(?m)^  (id|owner|accountable):.*\n", "", text), encoding="utf-8")
    where = ["--token-file", secret]
    done = steelyard("push", profile, "--to", house.address, *where)
    assert done.returncode == 0 and "push-me: on record" in done.stdout, done.stderr
    again = steelyard("push", profile, "--to", house.address + "/", *where, "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["changed"] is False
    out = tmp_path / "pulled" / "push-me.yaml"
    out.parent.mkdir()
    assert steelyard("pull", "push-me", "--from", house.address, *where, "--out", out).returncode == 0
    assert steelyard("push", out, "--to", house.address, *where, "--json").stdout == again.stdout  # nothing was lost
    whole = house.ask("GET", "/api/systems/push-me", house.tokens["owner"]).json
    assert whole["profile"]["system"]["owner"] == house.pseudonyms["owner"]
    for gate in ("launch", "operate", "retire"):
        cli = steelyard(
            "gate", "push-me.yaml", "--at", gate, "--json", "--store", f"sqlite:///{house.store}", cwd=out.parent
        )
        api = house.ask("GET", f"/api/systems/push-me/gates/{gate}", house.tokens["owner"]).json
        assert api == json.loads(cli.stdout)
    exists = steelyard("pull", "push-me", "--from", house.address, *where, "--out", out)
    assert exists.returncode == 2 and "exists" in exists.stderr


def test_push_tells_what_the_console_refuses(house: House, tmp_path: Path, steelyard: Run) -> None:
    secret = tmp_path / "token"
    secret.write_text(house.tokens["business"])
    profile = tmp_path / "theirs.yaml"
    profile.write_text("system: {id: theirs, unit: Retail}\nfacts: {audience: internal}\n")
    assert house.put("theirs", house.tokens["owner"]).status == 201
    where = ["push", profile, "--to", house.address, "--token-file", secret]
    done = steelyard(*where, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["error"]["code"] == "not_owner"
    assert "负责人" in steelyard(*where, "--lang", "zh").stderr
    secret.write_text("sty_nothing\n")
    assert steelyard(*where).returncode == 3
    secret.write_text("\n")
    assert steelyard(*where).returncode == 2
    secret.write_text(house.tokens["owner"])
    profile.write_text("system: {id: theirs, owner: Somebody Else}\nfacts: {audience: internal}\n")
    unknown = steelyard(*where, "--json")
    assert unknown.returncode == 2 and json.loads(unknown.stdout)["error"]["code"] == "unknown_person"
    far = steelyard("push", profile, "--to", "http://console.example", "--token-file", secret, "--json")
    assert far.returncode == 2 and json.loads(far.stdout)["error"]["code"] == "not_private"
    other = steelyard(
        "pull", "x", "--from", f"{house.address}/systems", "--token-file", secret, "--out", tmp_path / "x"
    )
    assert other.returncode == 3 and "does not answer as a console" in other.stderr


def test_a_profile_is_checked_whole(house: House) -> None:
    token = house.tokens["owner"]
    body = {"steelyard": 1, "system": {"nickname": "x"}, "facts": {"audience": "everyone", "nonsense": True}}
    bad = house.ask("PUT", "/api/systems/bad-one", token, body)
    assert bad.status == 422 and {item["field"] for item in bad.json["errors"]} == {
        "system.nickname",
        "facts.audience",
        "facts.nonsense",
    }
    assert bad.code and all(item["message"]["zh"] for item in bad.json["errors"])
    size = house.size()
    for raw, status, code in [
        (b"{", 400, "bad_json"),
        (b'{"facts": {}, "facts": {}}', 400, "bad_json"),
        (b'{"facts": {}, "system": {"name": "a\\u0000"}}', 400, "bad_json"),
        (b'{"facts": {}, "system": {"name": "\\ud800"}}', 400, "bad_json"),
        (b"[" * 100_000, 400, "bad_json"),
        (b"[]", 422, "wrong_type"),
        (b"{}", 422, "missing_key"),
        (b'{"facts": {}, "system": {"id": "another"}}', 422, "other_system"),
        (b'{"facts": {}, "system": {"unit": "%s"}}' % (b"x" * 300), 422, "too_large"),
        (b'{"facts": {}, "system": {"owner": "Nobody Known"}}', 422, "unknown_person"),
        (b" " * 6_000_000, 413, "too_large"),
    ]:
        got = house.ask("PUT", "/api/systems/bad-one", token, raw=raw)
        assert (got.status, got.code) == (status, code), raw[:60]
    assert house.ask("PUT", "/api/systems/not.a.slug", token, {"facts": {}}).code == "bad_system_id"
    assert house.size() == size and house.ask("GET", "/api/systems/bad-one", token).code == "unknown_system"


def test_search_filters_and_pages_as_on_the_page(house: House) -> None:
    token = house.tokens["admin"]
    for number in range(5):
        assert house.put(f"credit-{number}", token, name=f"信贷审批 {number}", unit="Lending").status == 201
    page = house.ask("GET", f"/api/systems?q={urllib.parse.quote('信贷')}&unit=Lending&limit=2&offset=4", token).json
    assert (page["total"], page["total_exact"], [row["system"] for row in page["items"]]) == (5, True, ["credit-4"])
    listed = house.people["admin"].get(f"/systems/?format=json&q={urllib.parse.quote('信贷')}").json
    whole = house.ask("GET", f"/api/systems?q={urllib.parse.quote('信贷')}&limit=100", token).json["items"]
    assert [{**row, "waiting": ",".join(row["waiting"])} for row in whole] == listed
    for query in ("limit=0", "limit=101", "offset=-1", "limit=x", "q=%00", "offset=99999999999999999999"):
        assert house.ask("GET", f"/api/systems?{query}", token).code == "wrong_value"


# Decisions ----------------------------------------------------------


def test_the_core_refuses_with_its_reason(house: House) -> None:
    tokens = house.tokens
    assert (
        house.put("judged", tokens["owner"], facts={"audience": "internal", "decision_impact": "major"}).status == 201
    )
    now = house.digest("judged")
    zh = house.ask(
        "POST",
        "/api/decisions",
        tokens["senior"],
        {"system": "judged", "action": "approve", "role": "business", "reason": "looked", "reviewed": now},
        Accept_Language="zh-CN",
    )
    assert (zh.status, zh.code) == (409, "not_appointed") and zh.json["detail"] == zh.json["message"]["zh"]
    assert zh.json["remedy"]["en"] and zh.json["field"] == "role"
    for token, status, code, said in [
        ("business", 409, "changed", {"role": "business", "reviewed": "sha256:" + "0" * 64}),
        ("business", 422, "not_reviewed", {"role": "business"}),
        ("business", 422, "no_reason", {"role": "business", "reviewed": now, "reason": " "}),
        ("business", 422, "unknown_role", {"role": "king", "reviewed": now}),
        ("business", 422, "unknown_gate", {"role": "business", "reviewed": now, "gate": "golden"}),
        ("business", 403, "not_allowed", {"role": "administrator", "reviewed": now}),
        ("senior", 403, "second_factor_needed", {"role": "senior", "reviewed": now}),
        ("partial", 409, "not_appointed", {"role": "data", "reviewed": now}),
        ("other", 404, "unknown_system", {"role": "business", "reviewed": now}),
        ("business", 422, "wrong_value", {"role": "business", "reviewed": now, "reason": "a\0b"}),
    ]:
        got = house.decide(tokens[token], "judged", "approve", **said)
        wanted = (404, "unknown_gate") if code == "unknown_gate" else (status, code)
        if "\0" in said.get("reason", ""):
            wanted = (400, "bad_json")
        assert (got.status, got.code) == wanted, said
    good = house.decide(tokens["business"], "judged", "approve", role="business", reviewed=now, gate="launch")
    assert good.status == 201, good.body
    whole = house.ask("GET", "/api/systems/judged", tokens["owner"]).json
    assert [(item["digest"], item["person"]) for item in whole["decisions"]] == [
        (good.json["digest"], house.pseudonyms["business"])
    ]
    stated = house.ask("GET", f"/api/evidence/{good.json['digest']}", tokens["owner"]).json

    payload = json.loads(base64.b64decode(stated["envelope"]["payload"]))["predicate"]
    assert payload["more"]["factors"] == ["token"] and payload["case"] == now
    own = house.put("mine", tokens["business"])
    refused = house.decide(tokens["business"], "mine", "approve", role="business", reviewed=own.json["digest"])
    assert (refused.status, refused.code) == (409, "own_system")


def test_a_declaration_is_admitted_by_the_standing_approval(house: House) -> None:
    body = json.loads(
        subprocess.run(
            [sys.executable, "-c", f"import yaml,json;print(json.dumps(yaml.safe_load(open({str(LOW)!r}))))"],
            capture_output=True,
            check=True,
        ).stdout
    )
    body["system"] = {"name": "Notes", "unit": "Retail", "purpose": body["system"].get("purpose", "")}
    made = house.ask("PUT", "/api/systems/declared", house.tokens["owner"], body)
    assert made.status == 201 and made.json["tier"] == {"lowest": "low", "highest": "low"}, made.body
    not_theirs = house.decide(house.tokens["business"], "declared", "declare", reviewed=made.json["digest"])
    assert (not_theirs.status, not_theirs.code) == (409, "not_owner")
    first = house.decide(house.tokens["owner"], "declared", "declare", reviewed=made.json["digest"], reason="")
    assert first.status == 201 and first.json["admitted"] is None
    reviewer = house.people["business"]
    reviewer.get("/standing")
    standing = {"role": "business", "reason": "low tier only", "until": "2099-12-31", "sample": "10", "units": ""}
    assert reviewer.post("/standing", standing).status == 200
    second = house.decide(house.tokens["owner"], "declared", "declare", reviewed=made.json["digest"], reason="")
    assert second.status == 201 and second.json["admitted"]
    actions = [
        item["action"] for item in house.ask("GET", "/api/systems/declared", house.tokens["owner"]).json["decisions"]
    ]
    assert actions == ["declare", "declare", "admit"]


# Once ----------------------------------------------------------


def test_a_repeated_request_does_nothing_twice(house: House) -> None:
    tokens = house.tokens
    facts = {"audience": "internal", "decision_impact": "major"}
    first = house.put("once", tokens["owner"], facts=facts, Idempotency_Key="put-1")
    assert first.status == 201 and first.headers["Idempotency-Replayed"] is None
    size = house.size()
    again = house.put("once", tokens["owner"], facts=facts, Idempotency_Key="put-1")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (201, first.body, "true")
    other = house.put("once", tokens["owner"], facts=FACTS, Idempotency_Key="put-1")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert house.put("once", tokens["admin"], facts=facts, Idempotency_Key="put-1").status == 200  # another token's key
    assert house.put("once", tokens["owner"], Idempotency_Key="x" * 201).code == "bad_idempotency_key"
    stale = {"role": "business", "reviewed": "sha256:" + "0" * 64, "key": "decide-0"}
    refused = [house.decide(tokens["business"], "once", "approve", **stale) for _ in range(2)]
    assert [item.code for item in refused] == ["changed"] * 2 and refused[1].headers["Idempotency-Replayed"] == "true"
    assert house.size() == size
    said = {"role": "business", "reviewed": house.digest("once"), "gate": "launch", "key": "decide-1"}
    with ThreadPoolExecutor(6) as pool:
        got = list(pool.map(lambda _: house.decide(tokens["business"], "once", "approve", **said), range(6)))
    assert {item.status for item in got} == {201} and len({item.body for item in got}) == 1
    assert sorted(item.headers["Idempotency-Replayed"] or "" for item in got) == ["", *["true"] * 5]
    assert len(house.ask("GET", "/api/systems/once", tokens["owner"]).json["decisions"]) == 1
    with sqlite3.connect(house.store, timeout=15) as link:  # a day later
        link.execute("UPDATE api_kept SET at = '2020-01-01 00:00:00'")
    fresh = house.put("once", tokens["owner"], facts=facts, Idempotency_Key="put-1")
    assert fresh.status == 200 and fresh.headers["Idempotency-Replayed"] is None


# Evidence and ledger ----------------------------------------------------------


def test_evidence_comes_in_signed_and_once(house: House, tmp_path: Path, steelyard: Run) -> None:
    tokens, report = house.tokens, tmp_path / "report.txt"
    report.write_text("all well")
    assert house.put("proved", tokens["owner"]).status == 201
    kind = json.loads(steelyard("evidence", "kinds", "--json").stdout.splitlines()[0])["id"]

    def made(name: str, store: Path) -> bytes:
        out = tmp_path / name
        done = steelyard(
            "evidence",
            "new",
            kind,
            "--system",
            "proved",
            "--subject",
            report,
            "--out",
            out,
            "--store",
            f"sqlite:///{store}",
        )
        assert done.returncode == 0, done.stderr
        return out.read_bytes()

    good = made("good.json", house.store)
    for name, status, code in [
        ("nobody", 403, "not_allowed"),
        ("other", 404, "unknown_system"),
        ("auditor", 403, "not_allowed"),
    ]:
        got = house.ask("POST", "/api/evidence", tokens[name], raw=good)
        assert (got.status, got.code) == (status, code)
    first = house.ask("POST", "/api/evidence", tokens["owner"], raw=good, Idempotency_Key="e-1")
    assert first.status == 201 and first.json["new"], first.body
    size = house.size()
    second = house.ask("POST", "/api/evidence", tokens["owner"], raw=good)
    assert second.status == 200 and second.json == {**first.json, "new": False} and house.size() == size
    strange = made("strange.json", tmp_path / "elsewhere/steelyard.db")
    assert house.ask("POST", "/api/evidence", tokens["owner"], raw=strange).code == "untrusted"
    changed = json.loads(good)
    changed["payload"] = json.loads(strange)["payload"]
    assert house.ask("POST", "/api/evidence", tokens["owner"], changed).code == "bad_signature"
    for raw in (
        b"{}",
        b"[]",
        b"\xff",
        good[:-2],
        json.dumps({**json.loads(good), "payloadType": "text/plain"}).encode(),
    ):
        assert house.ask("POST", "/api/evidence", tokens["owner"], raw=raw).code in ("bad_envelope", "bad_statement")
    listed = house.ask("GET", "/api/evidence?system=proved", tokens["owner"]).json
    assert listed["total"] == 1 and listed["items"][0]["digest"] == first.json["digest"]
    assert house.ask("GET", "/api/evidence?system=proved&offset=1", tokens["owner"]).json["items"] == []
    whole = house.ask("GET", f"/api/evidence/{first.json['digest']}", tokens["owner"]).json
    assert whole["envelope"] == json.loads(good) and whole["system"] == "proved"
    decision = house.decide(tokens["business"], "proved", "stop", role="business").json["digest"]
    inside = house.ask("GET", f"/api/evidence/{decision}", tokens["owner"]).json["envelope"]
    assert house.ask("POST", "/api/evidence", tokens["owner"], inside).status in (200, 422)  # known, or not evidence
    assert house.ask("GET", "/api/evidence/sha256:zz", tokens["owner"]).code == "wrong_value"
    assert house.ask("GET", f"/api/evidence/sha256:{'0' * 64}", tokens["owner"]).code == "unknown_digest"


def test_receipts_and_tiles_hold_without_trusting_the_console(house: House, steelyard: Run) -> None:
    digest = house.put("logged", house.tokens["owner"]).json["assessment"]
    got = house.ask("GET", f"/api/ledger/proof/{digest}", house.tokens["owner"])
    proof, where = note.Proof.parse(got.body.decode()), got.headers["Steelyard-Log"]
    key = note.VerifierKey.parse(house.ask("GET", f"{where}vkey").body.decode())
    signed = note.signed_checkpoint(proof.note, key)
    bundle, place = divmod(proof.index, tree.WIDTH)
    width = min(tree.WIDTH, signed.size - bundle * tree.WIDTH)
    path = where + tiles.tile_path("entries", bundle, width)
    answer = house.ask("GET", path)
    assert "immutable" in answer.headers["Cache-Control"]
    leaf = tiles.unpack(answer.body)[place]
    assert json.loads(leaf)["object"] == f"envelope:{digest}"
    assert tree.verify_inclusion(tree.leaf_hash(leaf), proof.index, signed.size, proof.hashes, signed.root)
    newest = house.ask("GET", "/api/ledger/checkpoint", house.tokens["owner"]).body.decode()
    assert newest == house.ask("GET", "/log/1/checkpoint").body.decode() and note.Note.parse(newest)
    verified = steelyard("ledger", "verify", house.address + "/log/1", "--key", str(key), "--json")
    assert verified.returncode == 0 and json.loads(verified.stdout)["size"] == house.size(), verified.stdout
    inside = steelyard("ledger", "verify", "--json", "--store", f"sqlite:///{house.store}")  # rows against leaves, too
    assert inside.returncode == 0 and json.loads(inside.stdout)["ok"], inside.stdout
    assert house.ask("HEAD", path).status == 200 and house.ask("POST", "/log/1/checkpoint", body={}).status in (
        403,
        405,
    )
    for path in (
        "2/checkpoint",
        "1/tile/0/x000/000",
        "1/tile/0/000.p/0",
        "1/tile/0/000.p/257",
        "1/tile/0/999",
        "1/tile/9/000",
        "1/tile/00/000",
        "1/secret",
    ):
        assert house.ask("GET", f"/log/{path}").status == 404, path


def test_entries_are_not_for_strangers_unless_the_house_says_so(tmp_path: Path, steelyard: Run) -> None:
    address, server = served(tmp_path, STEELYARD_PUBLIC_LOG="")
    try:
        house = House(address, tmp_path)
        begin(house)
        size, key = house.size(), house.ask("GET", "/log/1/vkey").body.decode().strip()
        entries = "/log/1/" + tiles.tile_path("entries", 0, size)
        assert house.ask("GET", entries).status == 403
        assert house.ask("GET", "/log/1/" + tiles.tile_path(0, 0, size)).status == 200
        assert house.people["admin"].get(entries).status == 200
        log = address + "/log/1"
        watched = steelyard("ledger", "witness", log, "--key", key, "--state", tmp_path / "w", "--json")
        assert watched.returncode == 0 and json.loads(watched.stdout)["size"] == size, watched.stdout
        closed = steelyard("ledger", "verify", log, "--key", key, "--json")
        assert closed.returncode == 3 and json.loads(closed.stdout)["error"]["code"] == "http_status"
    finally:
        ended(server)


# The document and the edges ----------------------------------------------------------


def test_the_document_holds_for_what_is_answered(house: House) -> None:
    document = house.ask("GET", "/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    made = house.put("shown", house.tokens["owner"])
    paths = {
        "/api/systems": "/api/systems?limit=100",
        "/api/systems/{system}": "/api/systems/shown",
        "/api/systems/{system}/gates/{gate}": "/api/systems/shown/gates/launch",
        "/api/evidence": "/api/evidence?system=shown",
        "/api/evidence/{digest}": f"/api/evidence/{made.json['assessment']}",
        "/api/people": "/api/people",
    }
    for path, asked in paths.items():
        operation = document["paths"][path]["get"]
        assert operation["security"] and "Scope: read" in operation["description"]
        for status, token in (("200", house.tokens["admin"]), ("401", None)):
            got = house.ask("GET", asked, token)
            content = operation["responses"][status]["content"]
            schema = content[got.headers["Content-Type"].split(";")[0]]["schema"]
            schema = {**schema, "components": document["components"]}
            jsonschema.validate(got.json, schema)


def test_whatever_goes_wrong_is_a_problem(house: House) -> None:
    token = house.tokens["admin"]
    assert house.ask("GET", "/api/").code == house.ask("GET", "/api/nothing/here", token).code == "no_such_address"
    wrong = house.ask("DELETE", "/api/systems", token)
    assert (wrong.status, wrong.code) == (405, "method_not_allowed") and "GET" in wrong.headers["Allow"]
    assert house.ask("GET", "/api/systems/walk/gates/golden", token).code in ("unknown_gate", "unknown_system")
    assert house.ask("POST", "/api/decisions", token, raw=b"nonsense").code == "bad_json"
    assert house.ask("POST", "/api/decisions", token, {"system": "x", "action": "steal"}).code == "wrong_value"
    assert house.ask("GET", "/api/systems/%00", token).code == "unknown_system"
    assert house.ask("GET", f"/api/systems/{'x' * 5000}", token).code == "unknown_system"
    assert house.ask("GET", "/api/systems", "\u00e9x").code == "bad_token"


def test_too_many_requests_wait(house: House) -> None:
    token = house.people["admin"].token("read")
    paths = ["/api/systems/x"] * 660  # 600 writes a minute, and ten more each second

    def status(path: str) -> Answer:
        return house.ask("PUT", path, token)

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(status, paths))
    assert {item.status for item in got} == {403, 429} and {item.status for item in got[:500]} == {403}
    last = next(item for item in got if item.status == 429)
    assert last.code == "too_many_requests" and last.headers["Retry-After"] == "1"
    assert house.ask("GET", "/api/systems", house.tokens["owner"]).status == 200  # only that token waits
    fails = [house.ask("GET", "/api/systems", "sty_wrong").status for _ in range(80)]
    assert fails[0] == 401 and fails[-1] == 429
    assert house.ask("GET", "/api/systems", house.tokens["owner"]).status == 200  # a good one passes
