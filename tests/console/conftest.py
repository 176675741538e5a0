"""A console in this process, over a real temporary store, with people in every role; made once for the session.

`STEELYARD_CONSOLE_TEST_STORE` names another store (a PostgreSQL): `test_on_postgresql.py` runs the same tests there.
Nothing is rolled back between tests: each makes the systems it changes.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django")

PASSWORD = "a long enough phrase 7"  # noqa: S105
CODE = "the code of the tests"
UNIT, OTHER = "Finance 财务部", "Sales 销售部"
WHOLE = ("business", "data", "legal", "security", "senior", "engineering", "operations", "procurement")
ROLES = ("administrator", "owner", *WHOLE, "operator", "auditor")
PURPOSE = "Turns recordings of meetings into minutes. 把会议录音整理成纪要。"


@dataclass
class World:
    """People by role, each with a client of their own on demand, and what the console said before anybody was there."""

    users: dict[str, Any] = field(default_factory=dict)
    empty: dict[str, tuple[int, str]] = field(default_factory=dict)
    counter: Any = field(default_factory=itertools.count)

    def client(self, role: str | None, lang: str = "en", *, factor: bool = False, csrf: bool = False) -> Any:
        """A browser in which the person of that role is signed in (None: nobody)."""
        from django.test import Client

        client = Client(headers={"accept-language": "zh-CN" if lang == "zh" else "en-GB"}, enforce_csrf_checks=csrf)
        if role is not None:
            client.force_login(self.users[role])
            if factor:
                second_factor(client, self.users[role])
        return client

    def person(self, name: str, *roles: tuple[str, str, str | None]) -> Any:
        """A new account with these appointments (role, unit, until), made by the console's own forms."""
        admin, number = self.client("administrator"), next(self.counter)
        account = {"display_name": f"{name} {number}", "username": f"{name}{number}", "password": PASSWORD}
        assert admin.post("/people/", account).status_code == 302
        from steelyard.console.people.models import User

        user = self.users[f"{name}{number}"] = User.objects.get(username=f"{name}{number}")
        for role, unit, until in roles:
            said = {"role": role, "unit": unit, "until": until or ""}
            answer = admin.post(f"/people/{user.person}/", said)
            assert answer.status_code == 302, answer.content.decode()
        return user

    def draft(self, owner: Any, name: str = "Minutes", unit: str = UNIT, **facts: Any) -> Any:
        """A draft with these answers, and the harmless ones where `facts` holds `low`."""
        from steelyard.console.intake.models import Draft

        answers = low_answers() if facts.pop("low", False) else {}
        return Draft.objects.create(
            system=f"s-test-{next(self.counter)}",
            owner=owner,
            name=name,
            purpose=PURPOSE,
            unit=unit,
            facts={**answers, **facts},
        )

    def system(self, owner: str = "owner", name: str = "Minutes", unit: str = UNIT, **facts: Any) -> str:
        """A system on record, submitted by its owner."""
        draft = self.draft(self.users[owner], name, unit, **facts)
        answer = self.client(owner).post(
            f"/intake/{draft.system}/submit", {"declare": "1", "version": str(draft.version)}
        )
        assert answer.status_code == 302 and answer["Location"] == f"/systems/{draft.system}/", answer.content.decode()
        return str(draft.system)

    def digest(self, system: str) -> str:
        """What stands now."""
        from steelyard.console.systems.views import case_on_record

        return case_on_record(system)[1].digest


def second_factor(client: Any, user: Any) -> None:
    """A session that proved a second factor a moment ago, of an account that has one."""
    import time

    from allauth.mfa.models import Authenticator
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    if not Authenticator.objects.filter(user=user, type="totp").exists():
        TOTP.activate(user, generate_totp_secret())
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def low_answers() -> dict[str, Any]:
    """Answers that settle the low tier: the first choice of every question, no or none where there is one."""
    from steelyard.console.web import store

    interview, words = store.interview(), store.policy().vocabulary
    from steelyard.intake.interview import State

    state = State()
    while (screen := interview.next(state)) is not None:
        if screen.kind == "checklist":
            state = interview.tick(state, set(), screen, set())
            continue
        answers = {}
        for name in screen.facts:
            fact = words[name]
            raw: Any = {"bool": False, "count": 0, "set_of": ["none"] if "none" in fact.members else []}.get(fact.type)
            answers[name] = fact.parse(fact.values[0].id if fact.type == "one_of" else raw)
        state = interview.answer(state, answers)
    return {name: words[name].plain(value) for name, value in state.facts.items()}


@pytest.fixture(scope="session")
def console() -> Iterator[Path]:
    """Django set up over a store of this session."""
    folder = Path(tempfile.mkdtemp(prefix="steelyard-console-"))
    given = os.environ.get("STEELYARD_CONSOLE_TEST_STORE")
    os.environ["STEELYARD_STORE"] = given or f"sqlite:///{folder / 'steelyard.db'}"
    os.environ["STEELYARD_SETUP_CODE"] = CODE
    before = Path.cwd()
    (folder / ".steelyard").mkdir()
    os.chdir(folder)  # where a server's keys stand
    from steelyard.console import serve

    serve.set_up("127.0.0.1", "")
    from django.conf import settings
    from django.test.utils import setup_test_environment, teardown_test_environment

    assert settings.STORE.url == os.environ.pop("STEELYARD_STORE"), "another test set Django up before this one"
    setup_test_environment()
    serve.bring_up()
    os.chdir(before)
    yield folder
    from django.db import connection

    connection.close()
    teardown_test_environment()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def world(console: Path) -> World:
    """Everybody, made by the console's own forms: setup, accounts, appointments."""
    del console
    from django.test import Client

    from steelyard.console.people.models import User
    from tests.console.routes import samples

    found = World()
    nobody = Client()
    for path in samples("s-none", "p-none"):
        answer = nobody.get(path)
        found.empty[path] = (answer.status_code, answer.headers.get("Location", ""))
    answer = nobody.post(
        "/setup", {"code": CODE, "display_name": "Li Wei 李伟", "username": "administrator", "password": PASSWORD}
    )
    assert answer.status_code == 302, answer.content.decode()
    found.users["administrator"] = User.objects.get()
    for role in ROLES[1:]:
        until = "2099-12-31" if role == "auditor" else None
        found.users[role] = found.person(role, (role, "", until))
    found.users["nobody"] = found.person("nobody")
    found.users["there"] = found.person("there", ("business", UNIT, None))
    found.users["elsewhere"] = found.person("elsewhere", ("business", OTHER, None))
    return found
