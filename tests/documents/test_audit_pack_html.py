"""The page and the OSCAL results of an audit pack: whole in both languages, harmless with hostile texts, valid."""

import datetime as dt
import json
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from steelyard.documents import audit_pack_html_words as words
from steelyard.documents.oscal import NAMESPACE, token
from tests.documents.test_portfolio_html import CHROMIUM, CJK, LETTER, Element, Reader
from tests.journeys.packs import SYSTEM, House, Members, build, members

HOSTILE = "<script>document.title='pwned'</script> \"'><img src=x onerror=alert(1)> &amp; \u202e名称"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The house of the tests, with a profile and a reason written by somebody hostile."""
    house = build(tmp_path_factory.mktemp("page") / "house")
    profile = house.folder / f"{SYSTEM}.yaml"
    text = re.sub(r"name: .*", lambda _: f"name: {json.dumps(HOSTILE)}", profile.read_text("utf-8"), count=1)
    profile.write_text(text.replace("autonomy: advises", "autonomy: null"), encoding="utf-8")
    house.do(
        "decide", "report", f"{SYSTEM}.yaml", "--by", "王芳", "--role", "legal", "--reason", f"{HOSTILE}\nsecond line"
    )
    with house.home.connect() as link:
        link.execute("DELETE FROM ledger_secret WHERE subject = ?", (house.who["Chen Bo"],))
    return house


@pytest.fixture(scope="module")
def parts(house: House) -> Members:
    return members(house.pack())


@pytest.fixture(scope="module")
def page(parts: Members) -> Element:
    reader = Reader()
    reader.feed(parts["index.html"].decode())
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is never closed"
    return reader.root


def section(page: Element, name: str, lang: str = "en") -> str:
    (found,) = page.find("section", id=name)
    return " ".join(found.in_lang(lang).split())


def test_what_a_proof_shows_comes_first(page: Element) -> None:
    ids = [item.attrs["id"] for item in page.find("section")]
    assert ids == [name for name, _, _ in words.SECTIONS] and ids[:2] == ["proof", "verify"]
    for lang in ("en", "zh"):
        told = section(page, "proof", lang)
        assert all(item.get(lang) in told for item in (*words.PROVES, *words.PROVES_NOT))  # type: ignore[arg-type]
        assert "python3 verify_pack.py pack.zip" in section(page, "verify", lang)


def test_every_word_of_ours_is_in_both_languages(page: Element) -> None:
    checked = 0
    for item in page.walk():
        alone = [part for part in item.parts if isinstance(part, str) and LETTER.search(part)]
        own = any(one.attrs.get("lang") in ("en", "zh") for one in item.ancestors())
        plain = any(one.tag in ("bdi", "code", "time", "style", "title", "pre") for one in item.ancestors())
        for text in alone:
            assert own or plain or " UTC" in text or re.fullmatch(r"[\s\d–-]*", text), (item.tag, text)
            checked += own
        if item.attrs.get("lang") == "zh" and item.tag == "span" and LETTER.search(item.text):
            assert CJK.search(item.text) or item.text.isascii(), item.text
    assert checked > 300
    pairs = [item for item in page.find("span", lang="en") if item.parent is not None]
    assert all(any(one.attrs.get("lang") == "zh" for one in item.parent.children) for item in pairs if item.parent)


def test_it_loads_nothing_and_runs_nothing(parts: Members, page: Element) -> None:
    (policy,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    assert "default-src 'none'" in (policy.attrs["content"] or "") and "script-src" not in (
        policy.attrs["content"] or ""
    )
    for item in page.walk():
        assert item.tag not in ("script", "iframe", "img", "object", "form", "video")
        assert not any(name.startswith("on") for name in item.attrs)
        target = item.attrs.get("href") or item.attrs.get("src") or ""
        assert (
            not target
            or target in ("data:,", "")
            or target[1:] in {one.attrs.get("id") for one in page.walk()}
            or target in parts
        )
    assert "http" not in re.sub(r"http-equiv", "", parts["index.html"].decode().split("</style>")[1])


def test_hostile_texts_are_texts(page: Element) -> None:
    told = section(page, "decisions")
    assert "<script>document.title='pwned'</script>" in told and "second line" in told
    (title,) = page.find("h1")
    assert title.text.startswith("<script>") and title.children[0].tag == "bdi"


def test_what_stands_and_what_it_rests_on(page: Element, parts: Members, house: House) -> None:
    owed = section(page, "obligations")
    assert "satisfied" in owed and "excepted" in owed and "until 2999-01-01" in owed and "Launch: closed" in owed
    assert "上线：不予放行" in section(page, "obligations", "zh")
    told = section(page, "decisions")
    for text in ("王芳", "legal", "told the data office", house.who["Zhao Yan"], "about an earlier state"):
        assert text in told, text
    assert "Zhao Yan" not in parts["index.html"].decode()
    people = section(page, "people")
    assert "erased, and the erasing is on record" in people and "MISSING" in people and "opened" in people
    assert "缺失，且无删除记录" in section(page, "people", "zh")
    changes = section(page, "history")
    assert "Domestic chips → Imported chips" in changes and "→ not answered" in changes
    assert "revoked" in section(page, "keys") and "ended by a restore" in section(page, "logs")
    assert "witness.example.org/w1" in section(page, "logs") and "Laboratory" in section(page, "evidence")


def test_without_a_witness_it_says_so(tmp_path: Path) -> None:
    house = House(tmp_path / "small")
    house.folder.mkdir()
    shutil.copy(Path(__file__).parents[2] / "examples/systems/meeting-notes.yaml", house.folder)
    house.person("Li Wei")
    house.prove(SYSTEM, "govern.register-light", "it is in the register")
    told = members(house.pack())["index.html"].decode()
    assert words.NO_WITNESS.en in told and words.NO_WITNESS.zh in told


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_browser_shows_one_language(lang: str, house: House, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: the page was not seen by a browser")
    text = members(house.pack(f"{lang}.zip", SYSTEM, "--lang", lang))["index.html"].decode()
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    probe = "<script>document.body.dataset.seen = document.body.innerText.replace(/\\s+/g, ' ')</script></body>"
    (tmp_path / "page.html").write_text(policy.sub("", text).replace("</body>", probe), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        (tmp_path / "page.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    match = re.search(r'data-seen="([^"]*)"', done.stdout.decode())
    assert match is not None
    assert ("What this proves, and what it does not" in match[1]) == (lang == "en")
    assert ("能证明什么，不能证明什么" in match[1]) == (lang == "zh")


# OSCAL assessment results 1.1.2: what NIST's schema requires, by hand; the schema itself is no dependency of ours

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TOKEN = re.compile(r"[^\W\d][\w.-]*")
REQUIRED: dict[str, set[str]] = {
    "assessment-results": {"uuid", "metadata", "import-ap", "results"},
    "metadata": {"title", "last-modified", "version", "oscal-version"},
    "parties": {"uuid", "type"},
    "import-ap": {"href"},
    "objectives-and-methods": {"control-id", "parts"},
    "parts": {"name"},
    "results": {"uuid", "title", "description", "start", "reviewed-controls"},
    "components": {"uuid", "type", "title", "description", "status"},
    "reviewed-controls": {"control-selections"},
    "include-controls": {"control-id"},
    "observations": {"uuid", "description", "methods", "collected"},
    "actors": {"type", "actor-uuid"},
    "subjects": {"subject-uuid", "type"},
    "relevant-evidence": {"description"},
    "findings": {"uuid", "title", "description", "target"},
    "target": {"type", "target-id", "status"},
    "status": {"state"},
    "related-observations": {"observation-uuid"},
    "resources": {"uuid"},
    "props": {"name", "value"},
}


def walk(value: Any, name: str = "") -> Any:
    """Every object of the document with the name it stands under."""
    if isinstance(value, dict):
        yield name, value
        for key, item in value.items():
            yield from walk(item, key)
    elif isinstance(value, list):
        assert value, f"{name} is an empty list"
        for item in value:
            yield from walk(item, name)


@pytest.fixture(scope="module")
def oscal(parts: Members) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(parts["oscal/assessment-results.json"])
    return found


def test_oscal_has_what_the_schema_requires(oscal: dict[str, Any]) -> None:
    assert set(oscal) == {"assessment-results"} and oscal["assessment-results"]["metadata"]["oscal-version"] == "1.1.2"
    seen = set()
    for name, item in walk(oscal):
        assert REQUIRED.get(name, set()) <= set(item), (name, item)
        seen.add(name)
        for key, value in item.items():
            if key == "uuid" or key.endswith("-uuid"):
                assert UUID.fullmatch(value) and uuid.UUID(value).version == 5
            if key in ("id", "control-id", "target-id", "state", "reason") or (key == "name" and name == "props"):
                assert TOKEN.fullmatch(value), (key, value)
            if key in ("collected", "expires", "start", "last-modified"):
                assert dt.datetime.fromisoformat(value).tzinfo is not None
            if name == "props" and key == "value":
                assert re.fullmatch(r"\S(.*\S)?", value)
    assert set(REQUIRED) - seen <= set()


def test_oscal_refers_only_to_what_is_there(oscal: dict[str, Any], parts: Members) -> None:
    objects = [item for _, item in walk(oscal)]
    uuids = [item["uuid"] for item in objects if "uuid" in item]
    assert len(set(uuids)) == len(uuids)
    for item in objects:
        for key in ("observation-uuid", "subject-uuid", "actor-uuid"):
            assert item.get(key, uuids[0]) in uuids
        if item.get("href", "").startswith("../"):
            assert item["href"][3:] in parts
    assert oscal["assessment-results"]["import-ap"]["href"][1:] in uuids
    objectives = {item["id"] for name, item in walk(oscal) if name == "parts"}
    assert {item["target"]["target-id"] for name, item in walk(oscal) if name == "findings"} == objectives


def test_oscal_says_satisfied_of_nothing_else(oscal: dict[str, Any], parts: Members) -> None:
    (result,) = oscal["assessment-results"]["results"]
    states = {item["target"]["target-id"]: item["target"]["status"]["state"] for item in result["findings"]}
    assert states["supply.light-check"] == "not-satisfied" and states["govern.register-light"] == "satisfied"
    excepted = next(item for item in result["findings"] if item["target"]["target-id"] == "supply.light-check")
    assert {"name": "state", "ns": NAMESPACE, "value": "excepted"} in excepted["props"]
    assert len(result["observations"]) == 7
    for item in (*result["findings"], *result["observations"]):
        chinese = [prop["value"] for prop in item["props"] if prop["name"] == "title-zh"]
        assert len(chinese) == 1 and CJK.search(chinese[0])


def test_ids_become_tokens() -> None:
    assert token("v1:M4.1.2-c") == "v1.M4.1.2-c" and token("4.1") == "_4.1"
