"""What goes wrong with people and forms: each has a clear page, and nothing is lost or done twice."""

import csv
import io
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.console.conftest import UNIT, World
from tests.console.test_permissions import decisions

XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7|add:7 }}{% now 'Y' %}"
NAMES = [
    "会议纪要助手（二期）",
    "مساعد محاضر الاجتماعات",
    "עוזר סיכומי ישיבות",
    "दस्तावेज़ सहायक",
    "🤖👩‍⚖️ minutes",
    "W" * 200,
    "Ạ̸̛̖͚̎̈́" * 20,
    "a" * 100 + "会" * 100,
]


def messages(answer: Any) -> str:
    return " ".join(str(item) for item in answer.context["messages"]) if answer.context else ""


def test_two_reviewers_at_once_both_count(world: World) -> None:
    from django.db import connection

    system = world.system(name="At once", decision_impact="major")
    digest, problems, codes = world.digest(system), [], []
    gate = threading.Barrier(2)

    def decide(role: str) -> None:
        try:
            client = world.client(role)
            gate.wait(10)
            said = {"role": role, "action": "approve", "reason": "looked at", "reviewed": digest}
            codes.append(client.post(f"/reviews/{system}/decide", said).status_code)
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(role,)) for role in ("legal", "security")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == [] and codes == [302, 302]
    assert {role for role, _ in decisions(system, "approve")} == {"legal", "security"}
    page = world.client("data").get(f"/reviews/{system}/").content.decode()
    assert page.count('<span class="approved">approved</span>') == 2


def test_an_approval_of_what_no_longer_stands_is_told_and_not_taken(world: World) -> None:
    system = world.system(name="Stale", decision_impact="major")
    old = world.digest(system)
    owner = world.client("owner")
    assert owner.post(f"/systems/{system}/edit").status_code == 302
    from steelyard.console.intake.models import Draft

    draft = Draft.objects.get(system=system)
    draft.facts = {**draft.facts, "audience": "public"}
    draft.version += 1
    draft.save()
    owner.post(f"/intake/{system}/submit", {"declare": "1", "version": str(draft.version)})
    assert world.digest(system) != old
    said = {"role": "legal", "action": "approve", "reason": "looked at", "reviewed": old}
    answer = world.client("legal").post(f"/reviews/{system}/decide", said, follow=True)
    assert "is not what stands now" in messages(answer)
    assert decisions(system, "approve") == []
    for lost in ("", "sha256:" + "0" * 64):
        world.client("legal").post(f"/reviews/{system}/decide", {**said, "reviewed": lost})
    assert decisions(system, "approve") == []


@pytest.mark.parametrize(("lang", "words"), [("en", "This page was old"), ("zh", "页面已过期")])
def test_a_form_of_an_older_version_changes_nothing_and_says_so(world: World, lang: str, words: str) -> None:
    draft = world.draft(world.users["owner"], "")
    client = world.client("owner", lang)
    assert client.post(f"/intake/{draft.system}/", {"name": "First", "version": "0"}).status_code == 302
    answer = client.post(f"/intake/{draft.system}/", {"name": "Second", "version": "0"}, follow=True)
    assert words in messages(answer)
    draft.refresh_from_db()
    assert (draft.name, draft.version) == ("First", 1)
    for version in ("", "-1", "x", "1 ", "９"):
        client.post(f"/intake/{draft.system}/", {"name": "Third", "version": version})
    draft.refresh_from_db()
    assert draft.name == "First"


def test_a_double_click_records_once(world: World) -> None:
    draft = world.draft(world.users["owner"], "Twice", decision_impact="major")
    client, path = world.client("owner"), f"/intake/{draft.system}/submit"
    for _ in range(2):
        answer = client.post(path, {"declare": "1", "version": "0"})
        assert answer["Location"] == f"/systems/{draft.system}/"
    assert len(decisions(draft.system, "declare")) == 1
    said = {"role": "data", "action": "approve", "reason": "looked at", "reviewed": world.digest(draft.system)}
    reviewer = world.client("data")
    for _ in range(2):
        answer = reviewer.post(f"/reviews/{draft.system}/decide", said, follow=True)
    assert "recorded already" in messages(answer)
    assert len(decisions(draft.system, "approve")) == 1
    for _ in range(3):
        reviewer.post(f"/reviews/{draft.system}/say", {"text": "Once is enough"})
    assert reviewer.get(f"/reviews/{draft.system}/").content.decode().count("Once is enough") == 1


def test_a_second_word_after_a_stop_is_a_new_one(world: World) -> None:
    system = world.system(name="Lifted", decision_impact="major")
    said = {"role": "legal", "action": "approve", "reason": "looked at", "reviewed": world.digest(system)}
    world.client("legal").post(f"/reviews/{system}/decide", said)
    world.client("operator").post(f"/reviews/{system}/decide", {**said, "role": "operator", "action": "stop"})
    world.client("legal").post(f"/reviews/{system}/decide", said)
    assert len(decisions(system, "approve")) == 2


def test_the_same_account_twice_at_once_is_made_once(world: World) -> None:
    from django.db import connection

    from steelyard.console.people.models import User
    from tests.console.conftest import PASSWORD

    codes: list[int] = []
    gate = threading.Barrier(3)

    def make(number: int) -> None:
        client = world.client("administrator")
        gate.wait(10)
        account = {"display_name": f"Racer {number}", "username": "racer", "password": PASSWORD}
        codes.append(client.post("/people/", account).status_code)
        connection.close()

    threads = [threading.Thread(target=make, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(codes) == [302, 422, 422]
    assert User.objects.filter(username="racer").count() == 1


def test_a_person_who_loses_a_role_in_the_middle_is_told_and_decides_nothing(world: World) -> None:
    user = world.person("losing", ("legal", "", None), ("owner", "", None))
    system = world.system(name="Losing", decision_impact="major")
    draft = world.draft(user, "Half done")
    client, admin = world.client(user.username), world.client("administrator")
    assert "I decide as" in client.get(f"/reviews/{system}/").content.decode()
    said = {"role": "legal", "action": "approve", "reason": "looked at", "reviewed": world.digest(system)}
    for role in ("legal", "owner"):
        assert admin.post(f"/people/{user.person}/", {"do": "end", "role": role, "unit": ""}).status_code == 302
    answer = client.post(f"/reviews/{system}/decide", said)
    assert answer.status_code == 403 and "None of your roles allows this" in answer.content.decode()
    assert decisions(system, "approve") == []
    assert client.get(f"/reviews/{system}/").status_code == 404
    answer = client.post(f"/intake/{draft.system}/submit", {"declare": "1", "version": "0"})
    assert answer.status_code == 403
    draft.refresh_from_db()
    assert draft.name == "Half done" and not draft.submitted  # kept for when they are appointed again
    assert admin.post(f"/people/{user.person}/", {"role": "owner"}).status_code == 302
    assert client.get(f"/intake/{draft.system}/").status_code == 200


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_in_any_script_live_through_the_whole_walk(world: World, name: str) -> None:
    client = world.client("owner")
    begun = client.post("/intake/new")["Location"]
    client.post(begun, {"name": name, "purpose": name * 3, "unit": name, "version": "0"})
    from steelyard.console.intake.models import Draft

    draft = Draft.objects.get(system=begun.strip("/").split("/")[-1])
    assert draft.name == name[:200]
    answer = client.post(f"{begun}submit", {"declare": "1", "version": str(draft.version)}, follow=True)
    assert answer.status_code == 200 and name[:200] in answer.content.decode()
    for path in (f"/systems/{draft.system}/", f"/systems/{draft.system}/what-if"):
        assert name[:200] in world.client("business").get(path).content.decode()
    found = world.client("auditor").get("/systems/", {"q": name, "format": "json"})
    if any(char.isalnum() for char in name):
        assert draft.system in {row["system"] for row in found.json()}


def test_characters_that_turn_text_around_and_lines_are_taken_out_of_names(world: World) -> None:
    from steelyard.console.web.uploads import one_line

    assert one_line("pay\u202eroll\u2066\n\x07 x\u200d") == "pay roll x\u200d"
    assert one_line(" می\u200cخواهم ") == "می\u200cخواهم"


def test_every_text_field_comes_back_escaped(world: World) -> None:
    admin, owner, legal = world.client("administrator"), world.client("owner"), world.client("legal")
    from tests.console.conftest import PASSWORD

    admin.post("/people/", {"display_name": XSS[:190], "username": "xss.user", "password": PASSWORD})
    whom = world.users["owner"].__class__.objects.get(username="xss.user")
    admin.post(f"/people/{whom.person}/", {"role": "business", "unit": XSS[:150], "until": ""})
    world.users["xss.user"] = whom
    begun = owner.post("/intake/new")["Location"]
    owner.post(begun, {"name": XSS, "purpose": XSS, "unit": XSS, "version": "0"})
    system = begun.strip("/").split("/")[-1]
    owner.post(f"{begun}submit", {"declare": "1", "version": "1"})
    legal.post(f"/reviews/{system}/say", {"text": XSS, "asks": "1"})
    digest = world.digest(system)
    legal.post(f"/reviews/{system}/decide", {"role": "legal", "action": "refuse", "reason": XSS, "reviewed": digest})
    legal.post("/standing", {"role": "legal", "reason": XSS, "until": "2099-01-01", "sample": "10", "units": XSS})
    pages = [
        admin.get("/people/"),
        admin.get(f"/people/{whom.person}/"),
        admin.post("/people/", {"display_name": XSS, "username": XSS, "password": XSS}),
        admin.post(f"/people/{whom.person}/", {"role": XSS, "unit": XSS, "until": XSS}),
        admin.post(f"/people/{whom.person}/", {"do": "end", "role": XSS, "unit": XSS}, follow=True),
        owner.get(begun),
        owner.get(f"{begun}result"),
        owner.get(f"/systems/{system}/"),
        owner.get(f"/systems/{system}/what-if", {"fact": XSS, "value": XSS}),
        owner.get(f"/systems/{system}/what-if", {"fact": "audience", "value": XSS}),
        owner.get("/systems/", {"q": XSS, "tier": XSS, "stage": XSS, "unit": XSS, "page": XSS}),
        owner.get("/systems/"),
        legal.get(f"/reviews/{system}/"),
        legal.get("/reviews/"),
        legal.get("/standing"),
        world.client("xss.user").get("/accounts/2fa/"),
        world.client(None).get("/accounts/login/", {"next": XSS}),
        world.client(None).post("/accounts/login/", {"login": XSS, "password": XSS}),
        owner.get("/nothing/" + XSS),
    ]
    for page in pages:
        text = page.content.decode()
        assert "<script>alert" not in text and "<img src=x" not in text, page.request["PATH_INFO"]
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert sum("&lt;script&gt;alert" in page.content.decode() for page in pages) >= 8


def test_a_sheet_never_holds_a_formula(world: World) -> None:
    for first in ("=", "+", "-", "@"):
        world.system(name=f'{first}HYPERLINK("http://x.example","y")', unit=f"{first}1+1 sheets")
    text = world.client("business").get("/systems/?format=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len([row for row in rows if "HYPERLINK" in row["name"]]) == 4
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


NUL = "a\x00b"


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("get", "/systems/", {"q": NUL}),
        ("get", "/systems/", {"page": "9" * 5_000}),
        ("get", "/systems/", {"page": "99999999999999999999"}),
        ("get", "/systems/", {"page": "٣", "q": "' OR 1=1 --"}),
        ("get", "/systems/", {"q": "%_\\" * 100, "unit": "'"}),
        ("get", "/systems/", {"q": "会" * 2_000}),
        ("get", "/systems/", {"format": "xlsx", "tier": "none"}),
        ("post", "/people/", {"display_name": NUL, "username": NUL, "password": NUL}),
        ("post", "/people/", {"display_name": "x" * 10_000, "username": "y" * 10_000, "password": "z" * 10_000}),
        ("post", "/lang", {"next": NUL, "lang": NUL}),
    ],
)
def test_nonsense_is_answered_and_never_breaks(world: World, method: str, path: str, data: dict[str, str]) -> None:
    answer = getattr(world.client("administrator"), method)(path, data)
    assert answer.status_code in (200, 302, 400, 422), answer.status_code


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fact=st.sampled_from(["audience", "decision_impact", "system_kind", "nothing"]),
    value=st.one_of(st.text(max_size=30), st.sampled_from(["9" * 5_000, "-1", "1e9", "none", "true"])),
)
def test_what_if_takes_anything(world: World, fact: str, value: str) -> None:
    from steelyard.console.web import store

    system = _what_if_system(world)
    names = [fact, *(item.id for item in store.policy().vocabulary.items if item.type in ("count", "bool"))][:6]
    for name in names:
        answer = world.client("owner").get(f"/systems/{system}/what-if", {"fact": name, "value": value})
        assert answer.status_code in (200, 400)


_KNOWN: dict[int, str] = {}


def _what_if_system(world: World) -> str:
    if id(world) not in _KNOWN:
        _KNOWN[id(world)] = world.system(name="What if")
    return _KNOWN[id(world)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.dictionaries(st.sampled_from(["version", "tick", "unsure", "back", "name", "unit"]), st.text(), max_size=6)
)
def test_an_interview_takes_anything(world: World, data: dict[str, str]) -> None:
    draft = world.draft(world.users["owner"], "Anything", unit=UNIT)
    answer = world.client("owner").post(f"/intake/{draft.system}/", {"version": "0", **data})
    assert answer.status_code in (302, 400, 422)
    first = world.client("owner").get(f"/intake/{draft.system}/")
    assert first.status_code in (200, 302)
