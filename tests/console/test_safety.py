"""Signing in and out, forged forms, redirects, error pages, cookies, and that no secret reaches a log."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.console.conftest import CODE, PASSWORD, World
from tests.console.test_bad_input import messages as told
from tests.console.test_permissions import decisions

BAD = "not the password 31415"


@pytest.fixture(autouse=True)
def forgetting(console: object) -> Iterator[None]:
    """Attempts of one test do not count in the next."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


def sign_in(client: Any, username: str, password: str, **more: str) -> Any:
    return client.post("/accounts/login/", {"login": username, "password": password, **more})


def test_signing_in_and_out(world: World) -> None:
    user, client = world.person("inout", ("business", "", None)), world.client(None)
    answer = sign_in(client, user.username, PASSWORD)
    assert answer.status_code == 302 and client.get("/systems/").status_code == 200
    first = client.cookies["sessionid"].value
    assert client.get("/accounts/logout/").status_code == 200  # asks; a link alone signs nobody out
    assert client.get("/systems/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/systems/").status_code == 302
    client.cookies["sessionid"] = first  # somebody kept the cookie
    assert client.get("/systems/").status_code == 302


def test_a_session_gets_a_new_name_when_somebody_signs_in(world: World) -> None:
    user, client = world.person("fixation"), world.client(None)
    session = client.session
    session["planted"] = 1
    session.save()
    before = client.cookies["sessionid"].value
    sign_in(client, user.username, PASSWORD)
    assert client.cookies["sessionid"].value != before


@pytest.mark.parametrize(("lang", "words"), [("en", "Too many failed login attempts"), ("zh", "登录失败次数过多")])
def test_guessing_is_stopped_and_the_right_password_does_not_help_then(world: World, lang: str, words: str) -> None:
    user = world.person("guessed")
    client = world.client(None, lang)
    for _ in range(5):
        assert sign_in(client, user.username, BAD).status_code == 200
    answer = sign_in(client, user.username, PASSWORD)
    assert words in answer.content.decode()
    assert client.get("/systems/").status_code == 302
    assert sign_in(client, world.users["business"].username, PASSWORD).status_code == 302  # others are not locked out


def test_guessing_many_names_from_one_place_is_stopped(world: World) -> None:
    client = world.client(None)
    for number in range(12):
        answer = sign_in(client, f"name{number}", BAD)
    assert "Too many" in answer.content.decode() or answer.status_code == 429
    known = world.client(None)
    wrong = sign_in(known, "nobody-by-that-name", BAD).content.decode()
    assert "nobody-by-that-name" not in wrong.replace('value="nobody-by-that-name"', "")


def test_the_password_is_changed_and_other_sessions_end(world: World) -> None:
    user = world.person("changing")
    here, there = world.client(None), world.client(None)
    sign_in(here, user.username, PASSWORD)
    sign_in(there, user.username, PASSWORD)
    path, fresh = "/accounts/password/change/", "another long phrase 8"
    assert here.get(path).status_code == 200
    for old, new in ((BAD, fresh), (PASSWORD, "short"), (PASSWORD, "1234567890123")):
        assert here.post(path, {"oldpassword": old, "password1": new, "password2": new}).status_code == 200
    assert here.post(path, {"oldpassword": PASSWORD, "password1": fresh, "password2": fresh}).status_code == 302
    assert here.get("/systems/").status_code == 200
    assert there.get("/systems/").status_code == 302
    assert sign_in(world.client(None), user.username, PASSWORD).status_code == 200
    assert sign_in(world.client(None), user.username, fresh).status_code == 302


@pytest.mark.parametrize(
    "where",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "///evil.example", "/\t/evil.example", "http:evil.example", "%2F%2Fevil.example", "people"],
)  # fmt: skip
def test_no_redirect_leaves_the_house(world: World, where: str) -> None:
    answer = world.client("business").post("/lang", {"lang": "zh", "next": where})
    assert answer["Location"] == "/", where
    assert answer.cookies["lang"].value == "zh"
    user = world.users["business"]
    for client, data in ((world.client(None), {"next": where}), (world.client(None), {})):
        answer = client.post(f"/accounts/login/?next={where}", {"login": user.username, "password": PASSWORD, **data})
        assert answer.status_code == 302
        reached = urlsplit(urljoin("http://testserver/accounts/login/", answer["Location"]))
        assert (reached.scheme, reached.netloc) == ("http", "testserver"), where
    answer = world.client("business").post("/accounts/logout/", {"next": where})
    assert urlsplit(urljoin("http://testserver/", answer["Location"])).netloc == "testserver"


def test_the_language_comes_back_to_the_same_page(world: World) -> None:
    answer = world.client("business").post("/lang", {"lang": "zh", "next": "/systems/?q=会议&page=2"})
    assert answer["Location"].startswith("/systems/?q=")


@pytest.mark.parametrize(("lang", "words"), [("en", "This form could not be trusted"), ("zh", "无法确认表单来源")])
def test_a_forged_form_is_refused_with_a_page_that_explains(world: World, lang: str, words: str) -> None:
    from tests.console.routes import samples

    client = world.client("administrator", lang, csrf=True)
    system = world.system(name="Forged")
    before = world.digest(system)
    for path in samples(system, world.users["nobody"].person):
        answer = client.post(path, {"declare": "1"})
        assert answer.status_code in (403, 404, 405), path
        if (
            path.startswith(("/people", "/systems", "/standing", "/lang", "/accounts/logout"))
            and answer.status_code == 403
        ):
            assert words in answer.content.decode(), path
    assert world.digest(system) == before
    stranger = world.client(None, lang, csrf=True)
    answer = sign_in(stranger, "administrator", PASSWORD)
    assert answer.status_code == 403 and words in answer.content.decode()


PAGES = [
    (404, "/systems/nothing-here/", "There is nothing here for you", "此处没有您可查看的内容"),
    (404, "/no/such/place", "There is nothing here for you", "此处没有您可查看的内容"),
    (403, "/people/", "This is not for you to do", "您无权执行此操作"),
    (400, "/systems/?q=%00", "What was sent cannot be read", "提交的内容无法读取"),
]


@pytest.mark.parametrize(("code", "path", "english", "chinese"), PAGES)
def test_error_pages_are_in_the_house_style_in_both_languages(
    world: World, code: int, path: str, english: str, chinese: str
) -> None:
    for lang, words, html in (("en", english, 'lang="en"'), ("zh", chinese, 'lang="zh-Hans"')):
        answer = world.client("nobody", lang).get(path)
        text = answer.content.decode()
        assert answer.status_code == code and words in text and html in text and "steelyard.css" in text
        assert (english in text) != (chinese in text)


def broken(request: Any) -> Any:
    """A view that breaks while it holds a secret."""
    hidden = request.POST.get("password")
    raise RuntimeError(f"broke after {len(hidden or '')} characters")


@pytest.fixture
def breaking(console: object) -> Iterator[None]:
    """The console with one more address, which breaks."""
    from django.test import override_settings
    from django.urls import path

    from steelyard.console import urls

    module = ModuleType("breaking_urls")
    module.urlpatterns = [path("accounts/login/break", broken), path("break", broken), *urls.urlpatterns]  # type: ignore[attr-defined]
    module.handler400, module.handler500 = urls.handler400, urls.handler500  # type: ignore[attr-defined]
    sys.modules["breaking_urls"] = module
    with override_settings(ROOT_URLCONF="breaking_urls"):
        yield


def test_what_breaks_gives_a_page_without_a_traceback(world: World, breaking: None) -> None:
    for lang, words in (("en", "Something broke on our side"), ("zh", "系统出错")):
        client = world.client("administrator", lang)
        client.raise_request_exception = False
        answer = client.post("/break", {"password": PASSWORD})
        text = answer.content.decode()
        assert answer.status_code == 500 and words in text and "Traceback" not in text and "RuntimeError" not in text


def test_no_secret_reaches_a_log(world: World, breaking: None, caplog: pytest.LogCaptureFixture) -> None:
    from allauth.mfa.models import Authenticator
    from django.conf import settings
    from django.test import Client

    from steelyard.console.api.models import ApiToken  # noqa: F401  (its pages log too)

    secret = "s3cret-of-this-test-0000"  # noqa: S105
    with caplog.at_level(logging.DEBUG):
        user = world.person("secretive", ("senior", "", None))
        client = world.client(None)
        client.raise_request_exception = False
        sign_in(client, user.username, secret)
        sign_in(client, secret, secret)
        sign_in(client, user.username, PASSWORD)
        client.post("/break", {"password": secret})
        client.get("/accounts/2fa/totp/activate/")
        client.post("/accounts/2fa/totp/activate/", {"code": "000000"})
        client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": secret, "password2": secret})
        client.post("/setup", {"code": CODE, "password": secret})
        forged = Client(enforce_csrf_checks=True)
        sign_in(forged, user.username, secret)
        session = client.cookies["sessionid"].value
        csrf = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else "-never-"
    text = "\n".join(logging.Formatter("%(message)s %(exc_text)s").format(record) for record in caplog.records)
    assert "RuntimeError" in text  # what broke is in the log ...
    hidden = [secret, PASSWORD, CODE, session, csrf, settings.SECRET_KEY, user.password]
    hidden += [str(item.data) for item in Authenticator.objects.all()]
    for item in hidden:
        assert item not in text  # ... and nothing that anybody typed


def test_a_secret_key_is_made_once_and_only_its_owner_reads_it(world: World) -> None:
    from steelyard.console.web import store

    path = store.home().key_folder / "console.key"
    assert path.stat().st_mode & 0o077 == 0 and len(path.read_text()) == 64


def test_cookies_and_headers(world: World) -> None:
    client = world.client(None)
    client.get("/accounts/login/")
    sign_in(client, world.users["business"].username, PASSWORD)
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert cookie["httponly"] and cookie["samesite"] == "Lax", name
    assert not client.cookies["sessionid"]["max-age"]  # ends with the browser ...
    assert client.session.get_expiry_age() <= 8 * 3600  # ... and after a working day
    answer = client.get("/systems/")
    policy = answer.headers["Content-Security-Policy"]
    for part in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy and "http" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "same-origin"
    assert "<script>" not in answer.content.decode() and " style=" not in answer.content.decode()


def test_away_from_this_machine_cookies_travel_over_tls_alone(tmp_path: Any) -> None:
    code = (
        "import steelyard.console.settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0, s.DEBUG, s.ALLOWED_HOSTS)"
    )
    env = {
        **os.environ,
        "STEELYARD_LOOPBACK": "0",
        "STEELYARD_HOSTS": "steelyard.example",
        "STEELYARD_STORE": f"sqlite:///{tmp_path / 'steelyard.db'}",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True True True False ['steelyard.example']"


def test_a_host_that_is_not_ours_is_refused(world: World) -> None:
    assert world.client("business").get("/systems/", headers={"host": "evil.example"}).status_code == 400


def test_the_setup_page_is_shut_after_the_first_administrator(world: World) -> None:
    from steelyard.console.people.models import User

    before = User.objects.count()
    data = {"code": CODE, "display_name": "Late", "username": "late", "password": PASSWORD}
    assert world.client(None).post("/setup", data)["Location"] == "/"
    assert User.objects.count() == before
    assert "STEELYARD_SETUP_CODE" not in os.environ


def test_senior_sign_off_needs_a_factor_of_this_person_a_moment_ago(world: World) -> None:
    import time

    system = world.system(name="Signed off", decision_impact="major")
    said = {"role": "senior", "action": "approve", "reason": "looked at", "reviewed": world.digest(system)}
    plain, proved = world.client("senior"), world.client("senior", factor=True)
    for change in (
        {"account_authentication_methods_user": str(world.users["legal"].pk)},  # somebody else's proof
        {"account_authentication_methods": [{"method": "mfa", "at": time.time() - 3_600, "type": "totp"}]},
        {"account_authentication_methods": [{"method": "password", "at": time.time()}]},
    ):
        other = world.client("senior", factor=True)
        session = other.session
        session.update(change)
        session.save()
        assert "second factor" in told(other.post(f"/reviews/{system}/decide", said, follow=True))
    assert "second factor" in told(plain.post(f"/reviews/{system}/decide", said, follow=True))
    assert decisions(system, "approve") == []
    assert proved.post(f"/reviews/{system}/decide", said).status_code == 302
    assert decisions(system, "approve") == [("senior", world.users["senior"].person)]
    rule = {"role": "senior", "reason": "low only", "until": "2099-01-01", "sample": "10"}
    assert "second factor" in told(plain.post("/standing", rule, follow=True))
