"""One walk through the console in a real browser, in each language: from an empty folder to decisions by people."""

import base64
import hmac
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
CODE = "walk-code"
PASSWORD = "a long enough phrase 7"  # noqa: S105
SHOTS = Path(os.environ.get("STEELYARD_SHOTS", "out/console"))
PEOPLE = {
    "owner": ("Chen Jing", "陈静"),
    "business": ("Wang Fang", "王芳"),
    "data": ("Zhao Lei", "赵磊"),
    "legal": ("Sun Yue", "孙悦"),
    "security": ("Qian Min", "钱敏"),
    "senior": ("Wu Tao", "吴涛"),
}
REVIEWERS = ("business", "data", "legal", "security", "senior")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[str]:
    env = {**os.environ, "STEELYARD_SETUP_CODE": CODE}
    env.pop("STEELYARD_STORE", None)
    log = (tmp_path / "serve.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "steelyard", "serve", "--port", "0", "--lang", "en"], cwd=tmp_path, env=env, stderr=log
    )
    address = ""
    for _ in range(100):
        found = re.search(r"http://127\.0\.0\.1:\d+", (tmp_path / "serve.log").read_text(encoding="utf-8"))
        if found:
            address = found[0]
            break
        time.sleep(0.1)
    assert address, (tmp_path / "serve.log").read_text(encoding="utf-8")
    for _ in range(50):
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2)  # noqa: S310  (loopback)
            break
        except OSError:
            time.sleep(0.1)
    yield address
    server.terminate()
    server.wait(10)
    log.close()


def totp(secret: str) -> str:
    """The code of this half minute (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


class Walker:
    """A person at the console."""

    def __init__(self, page: object, address: str, lang: str) -> None:
        self.page, self.address, self.lang, self.shot = page, address, lang, 0

    def go(self, path: str) -> None:
        response = self.page.goto(self.address + path)  # type: ignore[attr-defined]
        assert response.status < 400, (path, response.status)

    def press(self, english: str, chinese: str) -> None:
        self.page.get_by_role("button", name=english if self.lang == "en" else chinese, exact=True).click()  # type: ignore[attr-defined]
        self.page.wait_for_load_state()  # type: ignore[attr-defined]

    def sees(self, english: str, chinese: str) -> None:
        self.page.get_by_text(english if self.lang == "en" else chinese).first.wait_for()  # type: ignore[attr-defined]

    def keep(self, name: str) -> None:
        self.shot += 1
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{self.lang}-{self.shot:02d}-{name}.png", full_page=True)  # type: ignore[attr-defined]

    def sign_in(self, username: str) -> None:
        self.page.context.clear_cookies(name="sessionid")  # type: ignore[attr-defined]
        self.go("/accounts/login/")
        self.page.fill("input[name=login]", username)  # type: ignore[attr-defined]
        self.page.fill("input[name=password]", PASSWORD)  # type: ignore[attr-defined]
        self.press("Sign in", "登录")

    def second_factor(self) -> None:
        """Sets up codes from an authenticator, and signs in again with one."""
        self.go("/accounts/2fa/totp/activate/")
        if "reauthenticate" in self.page.url:  # type: ignore[attr-defined]
            self.page.fill("input[name=password]", PASSWORD)  # type: ignore[attr-defined]
            self.page.locator("main form button").first.click()  # type: ignore[attr-defined]
            self.page.wait_for_load_state()  # type: ignore[attr-defined]
        self.keep("activate")
        secret = self.page.locator("#authenticator_secret").input_value()  # type: ignore[attr-defined]
        self.page.fill("input[name=code]", totp(secret))  # type: ignore[attr-defined]
        self.keep("second-factor")
        self.page.locator("main form button[type=submit], main form button").last.click()  # type: ignore[attr-defined]
        self.page.wait_for_load_state()  # type: ignore[attr-defined]
        self.sign_in("senior")
        time.sleep(31 - time.time() % 30)  # a code counts once
        self.page.fill("input[name=code]", totp(secret))  # type: ignore[attr-defined]
        self.page.locator("main form button").first.click()  # type: ignore[attr-defined]
        self.page.wait_for_load_state()  # type: ignore[attr-defined]

    def intake(self, name: str, purpose: str, **answers: str) -> str:
        """An intake with the harmless answer everywhere but in `answers`; answers the system's id."""
        page = self.page
        self.go("/systems/")
        self.press("New system", "新建系统")
        system = page.url.rstrip("/").split("/")[-1]  # type: ignore[attr-defined]
        page.fill("input[name=name]", name)  # type: ignore[attr-defined]
        page.fill("textarea[name=purpose]", purpose)  # type: ignore[attr-defined]
        self.press("Go on", "继续")
        for step in range(15):
            if "/result" in page.url:  # type: ignore[attr-defined]
                return str(system)
            if step == 0:
                self.keep("first-question")
            self._choose(answers)
            self.press("Go on", "继续")
        raise AssertionError("the interview did not end within 15 screens")

    def _choose(self, answers: dict[str, str]) -> None:
        """The first choice of every question, no or none where there is one, and what `answers` says."""
        for group in self.page.locator("fieldset").all():  # type: ignore[attr-defined]
            radios = group.locator("input[type=radio]").all()
            boxes = group.locator("input[type=checkbox]").all()
            if radios:
                values = [item.get_attribute("value") for item in radios]
                wanted = answers.get(radios[0].get_attribute("name"), "false")
                radios[values.index(wanted) if wanted in values else 0].check()
            elif boxes and boxes[0].get_attribute("name") != "tick":
                values = [item.get_attribute("value") for item in boxes]
                chosen = boxes[values.index("none")] if "none" in values else boxes[0]
                chosen.check()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_from_an_empty_folder_to_decisions(console: str, lang: str) -> None:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(locale="zh-CN" if lang == "zh" else "en-GB", viewport={"width": 1100, "height": 800})
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        walker = Walker(page, console, lang)

        walker.go("/")
        assert page.url.endswith("/setup")
        page.fill("input[name=code]", "wrong")
        page.fill("input[name=display_name]", "Li Wei" if lang == "en" else "李伟")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", PASSWORD)
        walker.press("Begin", "开始")
        walker.sees("This is not the code", "代码不符")
        page.fill("input[name=code]", CODE)
        page.fill("input[name=password]", PASSWORD)
        walker.press("Begin", "开始")
        walker.go("/people/")
        for role, names in PEOPLE.items():
            page.fill("input[name=display_name]", names[lang == "zh"])
            page.fill("input[name=username]", role)
            page.fill("input[name=password]", PASSWORD)
            walker.press("Make the account", "创建账户")
            page.get_by_role("link", name=names[lang == "zh"]).click()
            page.select_option("select[name=role]", role)
            walker.press("Appoint", "任命")
            walker.go("/people/")
        walker.keep("people")

        walker.sign_in("business")
        walker.go("/standing")
        page.fill("textarea[name=reason]", "low tier only")
        page.fill("input[name=until]", "2099-12-31")
        walker.press("Sign", "签署")
        walker.keep("standing")

        walker.sign_in("owner")
        name = "Meeting minutes" if lang == "en" else "会议纪要"
        system = walker.intake(name, "Turns recordings into minutes." if lang == "en" else "把录音整理成纪要。")
        walker.keep("result")
        page.check("input[name=declare]")
        walker.press("Submit", "提交")
        walker.sees("Admitted by the standing approval.", "已依常设批准自动准入。")
        walker.keep("admitted")
        walker.go(f"/systems/{system}/what-if?fact=audience&value=public")
        walker.sees("Would be added", "将增加")
        walker.keep("what-if")
        loans = "Loan decisions" if lang == "en" else "贷款审批"
        deep = walker.intake(loans, "Scores applications." if lang == "en" else "为申请评分。", decision_impact="major")
        page.check("input[name=declare]")
        walker.press("Submit", "提交")
        walker.sees("Submitted. Reviewers see it now.", "已提交，评审人员现在可以看到。")
        for role in REVIEWERS:
            walker.sign_in(role)
            if role == "senior":
                walker.go(f"/reviews/{deep}/")
                walker.sees("Senior sign-off needs a second factor.", "高级管理层签批需要第二因素。")
                walker.second_factor()
                walker.go("/")
            page.get_by_role("link", name=loans).click()
            page.fill("textarea[name=reason]", f"reviewed as {role}")
            walker.press("Approve", "批准")
            walker.sees("Recorded and signed.", "已签名入账。")
        walker.keep("senior")
        page.get_by_label("Reason" if lang == "en" else "理由").fill("again, in another role")
        walker.sign_in("owner")
        walker.go(f"/reviews/{deep}/")
        assert page.get_by_role("button", name="Approve" if lang == "en" else "批准").count() == 0
        walker.go(f"/systems/{deep}/")
        walker.keep("deep-system")
        walker.go("/systems/?q=" + ("loan" if lang == "en" else "贷款"))
        walker.sees(loans, loans)
        walker.keep("systems")
        page.set_viewport_size({"width": 380, "height": 800})
        walker.go(f"/systems/{deep}/")
        walker.keep("phone")
        assert errors == []
        browser.close()
