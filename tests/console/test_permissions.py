"""Who may what: every address with every role, signed in or not, against the one table; and who sees which system."""

import json
from typing import Any

import pytest

from tests.console.conftest import OTHER, ROLES, UNIT, World
from tests.console.routes import address, patterns, samples

OWN_FACTOR = (  # not there for somebody without a second factor
    "/accounts/2fa/totp/deactivate/",
    "/accounts/2fa/recovery-codes/",
    "/accounts/2fa/recovery-codes/download/",
)


def test_before_anybody_is_there_every_address_leads_to_the_setup_page(world: World) -> None:
    open_ones = {"/healthz": 200, "/setup": 200, "/lang": 405, "/accounts/login/": 200}
    for path, (status, location) in world.empty.items():
        if path in open_ones:
            assert status == open_ones[path], path
        elif path.startswith(("/accounts/2fa/authenticate", "/accounts/inactive", "/log/")):
            assert status in (200, 302, 404), path
        else:
            assert (status, location) == (302, "/setup"), path


def test_every_route_stands_in_the_table(world: World) -> None:
    from django.urls import resolve

    from steelyard.console.people.permissions import ROUTES
    from steelyard.console.urls import CLOSED

    for route in patterns():
        if route.lstrip("^").startswith("api/"):
            continue
        found = resolve(address(route, "s-1", "p-1")).route
        assert found in ROUTES or found == CLOSED, f"{route} stands in no line of people/permissions.py ROUTES"


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_every_address_does_what_the_table_says_for_a_role(world: World, role: str) -> None:
    from django.urls import resolve

    from steelyard.console.people import permissions

    user = world.users[role]
    mine = world.draft(user, "Mine")
    seen = world.system(name="Seen by those who may")
    whom = world.users["nobody"].person
    client = world.client(role)
    held = [] if role == "nobody" else [role]
    for path in samples(seen, whom):
        if path == "/accounts/logout/":
            continue  # by itself below: it ends the session
        route = resolve(path).route
        methods = permissions.ROUTES.get(route)
        target = path.replace(seen, mine.system) if path.startswith("/intake/") else path
        for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = client.generic(method, target)
            said = f"{role} {method} {target}: {answer.status_code}"
            assert answer.status_code < 500, said
            if methods is None:
                assert answer.status_code == 404, said
                continue
            action = methods.get("GET" if method == "HEAD" else method)
            if action is None:
                assert answer.status_code == 405, said
                continue
            allowed = permissions.MAY.get(action) if action != permissions.OPEN else None
            if allowed is not None and not allowed.intersection(held):
                assert answer.status_code == 403, said
                continue
            if target.startswith(("/log/", "/tokens")) and answer.status_code in (404, 405):
                continue  # no such tile, no token of theirs
            if (role == "nobody" and seen in target) or target in OWN_FACTOR:
                assert answer.status_code == 404, said
            elif answer.status_code == 403:  # an object's own rule
                assert action in ("prove", "answer", "decide"), said
            else:
                assert answer.status_code in (200, 302, 422), said
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/systems/").status_code == 302


def test_nobody_unauthenticated_gets_past(world: World) -> None:
    from django.urls import resolve

    from steelyard.console.people.permissions import OPEN, ROUTES

    client = world.client(None)
    system = world.system(name="Not for strangers")
    for path in samples(system, world.users["owner"].person):
        methods = ROUTES.get(resolve(path).route, {})
        for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"):
            answer = client.generic(method, path)
            if any(action == OPEN for action in methods.values()):
                assert answer.status_code in (200, 302, 405, 422, 503) or path.startswith("/log/"), (method, path)
                continue
            assert answer.status_code == 302, (method, path, answer.status_code)
            assert answer["Location"].startswith("/accounts/login/"), (method, path)
            assert b"Not for strangers" not in answer.content
    assert client.get(f"/setup/../systems/{system}/").status_code != 200
    for near in ("/setupx", "/lang/x", "/healthz/../people/", "/accounts/login/x"):
        assert client.get(near).status_code in (302, 404), near
    assert (
        client.get(f"/systems/{system}/?a=b")["Location"] == f"/accounts/login/?next=%2Fsystems%2F{system}%2F%3Fa%3Db"
    )


def test_a_role_in_one_unit_counts_in_that_unit_alone(world: World) -> None:
    here, away = world.system(name="Sight ledger", unit=UNIT), world.system(name="Sight pitch", unit=OTHER)
    for role, sees in (
        ("there", {here}),
        ("elsewhere", {away}),
        ("nobody", set()),
        ("owner", {here, away}),  # both are theirs
        ("auditor", {here, away}),
        ("administrator", {here, away}),
        ("business", {here, away}),
        ("operator", {here, away}),
    ):
        client = world.client(role)
        for system in (here, away):
            want = 200 if system in sees else 404
            for path in (f"/systems/{system}/", f"/systems/{system}/what-if", f"/reviews/{system}/"):
                assert client.get(path).status_code == want, (role, path)
            if want == 404:
                for path in (f"/systems/{system}/evidence", f"/reviews/{system}/say", f"/reviews/{system}/decide"):
                    assert client.post(path, {"text": "x"}).status_code in (403, 404), (role, path)
        listed = client.get("/systems/?q=sight&format=json").json()
        assert {row["system"] for row in listed} == sees, role
        sheet = client.get("/systems/?q=sight&format=csv").content.decode()
        page = client.get("/systems/?q=sight").content.decode()
        for system in (here, away):
            assert (system in sheet) == (system in page) == (system in sees), role
        assert f">{len(sees)} systems<" in page or not sees, role


def test_somebody_elses_systems_stay_hidden_from_an_owner(world: World) -> None:
    other = world.users["owner 2"] = world.person("second", ("owner", "", None))
    theirs = world.system("owner 2", name="Hidden thing")
    client = world.client("owner")
    assert client.get(f"/systems/{theirs}/").status_code == 404
    assert client.get("/systems/?q=hidden&format=json").json() == []
    draft = world.draft(other, "Their draft")
    for path in (f"/intake/{draft.system}/", f"/intake/{draft.system}/result"):
        assert client.get(path).status_code == 404
        assert world.client("administrator").get(path).status_code == 404
    assert client.post(f"/intake/{draft.system}/submit", {"declare": "1", "version": "0"}).status_code == 404


def test_the_queue_follows_units(world: World) -> None:
    here = world.system(name="Queue here", unit=UNIT, decision_impact="major")
    away = world.system(name="Queue away", unit=OTHER, decision_impact="major")
    for role, seen in (("there", {here}), ("elsewhere", {away}), ("business", {here, away}), ("auditor", set())):
        page = world.client(role).get("/reviews/").content.decode()
        for system in (here, away):
            assert (f"/reviews/{system}/" in page) == (system in seen), role
    admin = world.client("administrator").get("/reviews/").content.decode()
    assert here not in admin and away not in admin  # administration reviews nothing


def test_a_reviewer_of_a_unit_decides_there_and_nowhere_else(world: World) -> None:
    here = world.system(name="Decide here", decision_impact="major")
    said = {"role": "business", "action": "approve", "reason": "looked at", "reviewed": world.digest(here)}
    assert world.client("there").post(f"/reviews/{here}/decide", said).status_code == 302
    assert decisions(here, "approve") == [("business", world.users["there"].person)]
    assert world.client("elsewhere").post(f"/reviews/{here}/decide", said).status_code == 404
    assert len(decisions(here, "approve")) == 1


def decisions(system: str, action: str) -> list[tuple[str, str]]:
    """Who decided this about a system, in which role, from the envelopes."""
    from steelyard.console.web import store
    from steelyard.gates import tables

    return [(item.role, item.person) for item in tables.decisions_of(store.link(), system) if item.action == action]


def test_an_auditor_reads_everything_and_changes_nothing(world: World) -> None:
    system = world.system(name="Audited", decision_impact="major")
    client = world.client("auditor")
    page = client.get(f"/reviews/{system}/").content.decode()
    assert "Audited" in page and "/decide" not in page and "/say" not in page
    assert "/evidence" not in client.get(f"/systems/{system}/").content.decode()
    before = leaves()
    assert before > 40  # people, appointments, assessments
    for path in ("evidence", "edit"):
        assert client.post(f"/systems/{system}/{path}").status_code == 403
    for action in ("approve", "refuse", "stop"):
        said = {"role": "auditor", "action": action, "reason": "x", "reviewed": world.digest(system)}
        assert client.post(f"/reviews/{system}/decide", said).status_code == 403
    assert client.post(f"/reviews/{system}/say", {"text": "x"}).status_code == 403
    assert client.post("/intake/new").status_code == 403
    assert client.post("/standing", {"role": "auditor", "reason": "x", "until": "2099-01-01"}).status_code == 403
    assert leaves() == before


def leaves() -> int:
    """How many leaves the ledger has."""
    from steelyard.console.web import store
    from steelyard.ledger import store as ledger

    link = store.link()
    return ledger.size(link, ledger.current(link))


def test_an_auditor_has_an_end_and_administration_is_everywhere(world: World) -> None:
    admin, whom = world.client("administrator"), world.person("plain")
    path = f"/people/{whom.person}/"
    answer = admin.post(path, {"role": "auditor"})
    assert answer.status_code == 422 and "until a day" in answer.content.decode()
    assert admin.post(path, {"role": "administrator", "unit": UNIT}).status_code == 422
    assert admin.post(path, {"role": "auditor", "until": "2099-01-01", "unit": UNIT}).status_code == 302
    assert whom.__class__.objects.get(pk=whom.pk).roles() == [f"auditor@{UNIT}"]


def test_an_operator_stops_and_does_nothing_else(world: World) -> None:
    system = world.system(name="To be stopped", low=True)
    client, said = (
        world.client("operator"),
        {"role": "operator", "reason": "it leaks", "reviewed": world.digest(system)},
    )
    assert "Stop this system" in client.get(f"/reviews/{system}/").content.decode()
    assert client.post(f"/reviews/{system}/decide", {**said, "action": "approve"}).status_code == 403
    assert client.post(f"/reviews/{system}/decide", {**said, "action": "stop"}).status_code == 302
    assert decisions(system, "stop") == [("operator", world.users["operator"].person)]
    assert world.client("operator").get("/systems/?stage=stopped&q=stopped&format=json").json()[0]["system"] == system


@pytest.mark.parametrize("role", ["owner", "administrator", "auditor", "nonsense", ""])
def test_a_role_that_does_not_decide_is_refused_whatever_else_is_held(world: World, role: str) -> None:
    both = world.person("both", ("business", "", None), ("owner", "", None), ("administrator", "", None))
    system = world.system(name="Roles", decision_impact="major")
    said = {"role": role, "action": "refuse", "reason": "x", "reviewed": world.digest(system)}
    assert world.client(both.username).post(f"/reviews/{system}/decide", said).status_code == 403
    assert decisions(system, "refuse") == []


def test_a_closed_account_is_out_at_once_and_cannot_come_back(world: World) -> None:
    user = world.person("leaver", ("business", "", None))
    theirs, admin = world.client(user.username), world.client("administrator")
    assert theirs.get("/systems/").status_code == 200
    assert admin.post(f"/people/{user.person}/", {"do": "close"}).status_code == 302
    assert theirs.get("/systems/").status_code == 302
    assert theirs.post("/people/", {}).status_code == 302
    assert admin.post(f"/people/{user.person}/", {"do": "open"}).status_code == 302
    own = world.users["administrator"].person
    admin.post(f"/people/{own}/", {"do": "close"})
    admin.post(f"/people/{own}/", {"do": "end", "role": "administrator", "unit": ""})
    assert admin.get("/people/").status_code == 200
    assert world.users["administrator"].__class__.objects.get(pk=world.users["administrator"].pk).is_active


def test_json_and_html_lists_agree(world: World) -> None:
    world.system(name="Agreeing one")
    found: list[dict[str, Any]] = json.loads(world.client("business").get("/systems/?q=agreeing&format=json").content)
    page = world.client("business").get("/systems/?q=agreeing").content.decode()
    assert [row["name"] for row in found] == ["Agreeing one"] and "Agreeing one" in page
