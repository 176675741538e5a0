"""Every page for everybody: axe finds nothing serious, the keyboard reaches all, a phone does not scroll sideways.

In a real Chromium against the console on loopback, in both languages; screenshots are kept as artefacts.
"""

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.conftest import CODE, OTHER, UNIT, World
from tests.console.test_safety import breaking as breaking
from tests.console.test_walk import console as served_empty  # noqa: F401  (a server of its own, on an empty folder)

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
SHOTS = Path(os.environ.get("STEELYARD_SHOTS", "out/console")) / "pages"
ENGLISH = re.compile(r".{0,40}\b(?:the|and|your|with|this)\b.{0,40}")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUS = """() => { const e = document.activeElement; const s = getComputedStyle(e); const r = e.getBoundingClientRect();
  return {tag: e.tagName, text: (e.innerText || e.value || e.name || '').slice(0, 30), outline: s.outlineStyle,
  width: parseFloat(s.outlineWidth), seen: r.width > 0 && r.right > 0 && r.bottom > 0}; }"""


@pytest.fixture
def address(console: Path, breaking: None) -> Iterator[str]:
    """The console of this process, answering on loopback."""
    from cheroot.wsgi import Server

    from steelyard.console.wsgi import application

    server = Server(("127.0.0.1", 0), application, numthreads=4)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    thread.join(10)


def session(world: World, role: str, *, fresh: bool = False, factor: bool = False) -> str:
    """The cookie of a person who is signed in; `fresh` has just typed the password."""
    client = world.client(role, factor=factor)
    if fresh:
        kept = client.session
        done = kept.get("account_authentication_methods", [])
        now = {"method": "password", "at": time.time(), "reauthenticated": True}
        kept["account_authentication_methods"] = [*done, now]
        kept["account_authentication_methods_user"] = str(world.users[role].pk)
        kept.save()
    return str(client.cookies["sessionid"].value)


@pytest.fixture
def pages(world: World) -> list[tuple[str, str, str, int]]:
    """(a name, the cookie of who looks, the path, the status): every page of the walk and what else can be seen."""
    owner, long = world.users["owner"], "W" * 120
    low = world.system(name="Meeting minutes 会议纪要", low=True)
    deep = world.system(name="Loan decisions 贷款审批", unit=OTHER, decision_impact="major", audience="public")
    wide = world.system(name=long, unit=long, decision_impact="major")
    legal = world.client("legal")
    legal.post(f"/reviews/{deep}/say", {"text": f"Please say more.\n{long}\nمرحبا", "asks": "1"})
    said = {"role": "legal", "action": "approve", "reason": "looked at", "reviewed": world.digest(deep)}
    legal.post(f"/reviews/{deep}/decide", said)
    legal.post(
        "/standing", {"role": "legal", "reason": "low only", "until": "2099-01-01", "sample": "10", "units": UNIT}
    )
    named = world.draft(owner, "")
    begun = world.draft(owner, "Begun 已开始")
    answered = world.draft(owner, "Answered 已答完", low=True)
    listed = world.draft(owner, "Listed 清单", **opening())
    last = world.draft(owner, "Late 后段", **opening())
    type(last).objects.filter(pk=last.pk).update(checklist_done=True)
    mine, its = session(world, "owner"), session(world, "legal")
    admin, none = session(world, "administrator"), session(world, "nobody")
    fresh, senior = session(world, "data", fresh=True), session(world, "senior", fresh=True, factor=True)
    return [
        ("login", "", "/accounts/login/", 200),
        ("inactive", "", "/accounts/inactive/", 200),
        ("systems", mine, "/systems/", 200),
        ("systems-none", none, "/systems/", 200),
        ("systems-nothing-fits", mine, "/systems/?q=zzzzzz", 200),
        ("system-low", mine, f"/systems/{low}/", 200),
        ("system-deep", its, f"/systems/{deep}/", 200),
        ("system-wide", mine, f"/systems/{wide}/", 200),
        ("what-if", mine, f"/systems/{low}/what-if", 200),
        ("what-if-public", mine, f"/systems/{low}/what-if?fact=audience&value=public", 200),
        ("intake-name", mine, f"/intake/{named.system}/", 200),
        ("intake-first", mine, f"/intake/{begun.system}/", 200),
        ("intake-checklist", mine, f"/intake/{listed.system}/", 200),
        ("intake-late", mine, f"/intake/{last.system}/", 200),
        ("intake-result", mine, f"/intake/{answered.system}/result", 200),
        ("intake-result-open", mine, f"/intake/{begun.system}/result", 200),
        ("reviews", its, "/reviews/", 200),
        ("reviews-none", none, "/reviews/", 200),
        ("desk", its, f"/reviews/{deep}/", 200),
        ("desk-own", mine, f"/reviews/{deep}/", 200),
        ("desk-senior", session(world, "senior"), f"/reviews/{deep}/", 200),
        ("standing", its, "/standing", 200),
        ("people", admin, "/people/", 200),
        ("person", admin, f"/people/{world.users['there'].person}/", 200),
        ("person-seen", its, f"/people/{world.users['auditor'].person}/", 200),
        ("account", its, "/accounts/2fa/", 200),
        ("account-factor", senior, "/accounts/2fa/", 200),
        ("password", its, "/accounts/password/change/", 200),
        ("reauthenticate", session(world, "data"), "/accounts/2fa/totp/activate/", 200),
        ("factor", fresh, "/accounts/2fa/totp/activate/", 200),
        ("factor-off", senior, "/accounts/2fa/totp/deactivate/", 200),
        ("recovery-make", senior, "/accounts/2fa/recovery-codes/generate/", 200),
        ("logout", its, "/accounts/logout/", 200),
        ("tokens", its, "/tokens", 200),
        ("error-403", none, "/people/", 403),
        ("error-404", its, "/no/such/place", 404),
        ("error-400", its, "/systems/?q=%00", 400),
        ("error-500", its, "/break", 500),
    ]


def opening() -> dict[str, Any]:
    """Answers to the opening screens, so that the checklist comes next."""
    from steelyard.console.web import store
    from tests.console.conftest import low_answers

    interview, words = store.interview(), store.policy().vocabulary
    from steelyard.intake.interview import State

    answers, state = low_answers(), State()
    while (screen := interview.next(state)) is not None and screen.kind == "opening":
        state = interview.answer(state, {name: words[name].parse(answers[name]) for name in screen.facts})
    return {name: words[name].plain(value) for name, value in state.facts.items()}


def serious(page: Any) -> list[str]:
    """What axe finds serious or critical, with the elements."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{item['impact']} {item['id']}: {[node['html'][:120] for node in item['nodes'][:3]]}"
        for item in found
        if item["impact"] in ("serious", "critical")
    ]


def look(page: Any, name: str, lang: str) -> list[str]:
    """What is wrong with a page that is open."""
    wrong = [f"{name}: {item}" for item in serious(page)]
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{lang}-{name}.png", full_page=True)
    text = page.locator("body").inner_text()
    if lang == "zh" and (english := ENGLISH.search(text)):
        wrong.append(f"{name}: English in a Chinese page: {english[0]}")
    page.set_viewport_size({"width": 360, "height": 740})
    if (over := page.evaluate(SIDEWAYS)) > 0:
        wrong.append(f"{name}: {over} px too wide on a phone")
    if name in ("system-deep", "desk", "intake-first", "systems", "system-wide", "person"):
        page.screenshot(path=SHOTS / f"{lang}-{name}-phone.png", full_page=True)
    page.set_viewport_size({"width": 1100, "height": 800})
    return wrong


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_page_is_for_everybody(
    world: World, pages: list[tuple[str, str, str, int]], address: str, lang: str
) -> None:
    wrong: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(
            locale="zh-CN" if lang == "zh" else "en-GB", viewport={"width": 1100, "height": 800}
        )
        page = context.new_page()
        page.on(
            "console",
            lambda item: (
                wrong.append(f"{page.url}: {item.text}")
                if item.type == "error" and "status of" not in item.text
                else None
            ),
        )
        for name, cookie, path, status in pages:
            context.clear_cookies()
            if cookie:
                context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
            answer = page.goto(address + path)
            if answer.status != status:
                wrong.append(f"{name}: {answer.status}")
            if page.get_by_role("main").count() != 1 or page.locator("h1").count() != 1:
                wrong.append(f"{name}: not one main part and one heading of the first level")
            for closed in page.locator("main details").all():
                closed.evaluate("item => { item.open = true; }")
            wrong += look(page, name, lang)
        context.clear_cookies()
        page.goto(f"{address}/accounts/login/")
        context.clear_cookies()
        page.fill("input[name=login]", "somebody")
        page.fill("input[name=password]", "something")
        page.locator("main form button").click()
        wrong += look(page, "error-403-csrf", lang)
        browser.close()
    assert wrong == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_first_page_of_an_empty_installation(served_empty: str, lang: str) -> None:  # noqa: F811
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(locale="zh-CN" if lang == "zh" else "en-GB", viewport={"width": 1100, "height": 800})
        page.goto(served_empty)
        assert page.url.endswith("/setup")
        wrong = look(page, "setup", lang)
        page.fill("input[name=code]", CODE)
        page.fill("input[name=display_name]", "李伟")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", "short")
        page.locator("main form button").click()
        wrong += look(page, "setup-problems", lang)
        browser.close()
    assert wrong == []


def test_the_keyboard_reaches_everything_and_shows_where_it_is(world: World, address: str) -> None:
    system = world.system(name="By keyboard", decision_impact="major")
    cookie = session(world, "legal")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(locale="en-GB")
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
        page = context.new_page()
        page.goto(f"{address}/reviews/{system}/")
        page.keyboard.press("Tab")
        first = page.evaluate(FOCUS)
        assert first["text"] == "Skip to content" and first["seen"], first
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.goto(f"{address}/reviews/{system}/")
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUS)
            if at["tag"] == "BODY":
                break
            assert at["outline"] != "none" and at["width"] >= 2 and at["seen"], at
            reached.append(at["text"])
        for words in ("Steelyard", "Systems", "中文", "Sign out", "Approve", "Refuse", "Stop this system", "Add"):
            assert words in reached, (words, reached)
        page.get_by_label("Reason", exact=True).focus()
        page.keyboard.type("looked at, by keyboard")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("Recorded and signed.").wait_for()
        browser.close()
