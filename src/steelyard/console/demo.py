"""A made-up organisation to look around in: people in every role, systems in every stage, in both languages.

Rules enforced: only in an empty store, and that it is a demonstration is the ledger's business for good (every page
says so too); everything goes through the code that people use, so each rule of the house holds for it, nobody decides
for their own, and the log can be audited like any other; passwords are drawn anew and told once.
"""

import json
import secrets
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from django.contrib.auth import get_user_model

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.console.intake.models import Draft
from steelyard.console.reviews.models import Comment
from steelyard.console.web import store
from steelyard.evidence import statement
from steelyard.evidence import store as evidence
from steelyard.gates import decide, fast_lane, people, summary, tables
from steelyard.gates.case import Case, case_of
from steelyard.gates.people import ADMINISTRATOR, ROLES, Person
from steelyard.intake import contradictions
from steelyard.ledger import record
from steelyard.ledger import store as ledger
from steelyard.ledger.personal import utc_now
from steelyard.policy.assess import assess
from steelyard.profile.document import Profile

STAFF = {
    "administrator": "沈知远 Shen Zhiyuan",
    "business": "王芳 Wang Fang",
    "data": "赵磊 Zhao Lei",
    "legal": "孙悦 Sun Yue",
    "security": "钱敏 Qian Min",
    "engineering": "陈柏 Chen Bai",
    "operations": "冯宁 Feng Ning",
    "procurement": "Amara Nwosu",
    "senior": "吴涛 Wu Tao",
    "operator": "郑可 Zheng Ke",
    "auditor": "Ingrid Solberg",
}
DRAFTS = ("HQ-10", "MF-01", "IN-01", "HL-01")
LAUNCHED = ("HQ-01", "HQ-04", "BK-01", "EN-01", "HQ-08", "MF-02", "MD-04", "HL-05")
APPROVED = ("MF-03", "IN-03")
STOPPED = ("EN-02", "HQ-05")
REFUSED = ("HL-03", "HQ-09")
REASON = "Demonstration: looked at and found in order. 演示：已审阅，符合要求。"
AGAINST = "Demonstration: the purpose can be met with less. 演示：可用影响更小的方式实现同一目的。"
HALT = "Demonstration: wrong answers piled up this week. 演示：本周错误回答增多。"
RULE = "Demonstration: low tier, no open question, one in five looked at later. 演示：低等级且无未决问题，事后抽查。"
REMARKS = (
    ("legal", "Which clause of the contract covers the supplier's logs? 供应方日志由合同哪一条约束？", True),
    ("security", "The access list matches what I saw on the machine. 访问名单与机器上的一致。", False),
    ("data", "Please say where the training sample came from. 请补充训练样本的来源。", True),
)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who can sign in: user name, name, roles; one password for all of them."""

    password: str
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]


def create() -> Accounts | None:
    """Makes the organisation; None where it is here already. Raises InputError `demo_needs_empty`."""
    store.demo.cache_clear()
    if store.demo():
        return None
    store.demo.cache_clear()
    if get_user_model().objects.exists() or store.link().one("SELECT 1 FROM evidence_envelope LIMIT 1"):
        raise InputError(
            "demo_needs_empty",
            Text("there is something in this store already", "此存储已有内容"),
            remedy=Text("start the demonstration in an empty folder", "请在空文件夹中启动演示"),
            field="--demo",
        )
    systems = _systems()
    accounts, known = _people(sorted({item.owner for item in systems}))
    _standing(known["business"])
    waiting = 0
    for profile in systems:
        mine = replace(profile, owner=known[profile.owner].id)
        if profile.id in DRAFTS:
            _draft(mine)
            continue
        waiting += 1
        _system(mine, known, waiting)
    return accounts


def _systems() -> list[Profile]:
    words = store.policy().vocabulary
    text = resources.files("steelyard.console").joinpath("demo_systems.json").read_text(encoding="utf-8")
    return [
        Profile(
            item["id"],
            {name: words[name].parse(value) for name, value in item["facts"].items() if name in words},
            name=item["name"],
            purpose=item["purpose"],
            unit=item["unit"],
            owner=item["owner"] or "贺青 He Qing",
        )
        for item in json.loads(text)
    ]


def _people(owners: list[str]) -> tuple[Accounts, dict[str, Person]]:
    """Everybody with an account and a role: by role, and owners by name."""
    password, home = f"demo-{secrets.token_hex(5)}", store.home()
    known: dict[str, Person] = {}
    rows: list[tuple[str, str, tuple[str, ...]]] = []
    with store.change() as face:
        mark = record.record("demo", ts=utc_now(), object=store.DEMO, body={"demonstration": True, "real": False})
        ledger.append(face, mark)
        own = store.own(face)
        for role, name in [
            *((role, STAFF.get(role, f"{role} 演示")) for role in ROLES if role != "owner"),
            *_owning(owners),
        ]:
            person = people.enrol(home, face, name)
            if role != ADMINISTRATOR:
                by = known[ADMINISTRATOR]
                people.appoint(home, face, person, role, by=by, passphrase=None, key=own)
            known[name if role == "owner" else role] = person
            username = role if role != "owner" else _username(name)
            user = get_user_model()(username=username, display_name=name, person=person.id)
            user.set_password(password)
            user.save()
            rows.append((username, name, (role,)))
    return Accounts(password, tuple(rows)), known


def _owning(owners: list[str]) -> list[tuple[str, str]]:
    return [("owner", name) for name in owners]


def _username(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return ".".join(plain.split())


def _standing(person: Person) -> None:
    with store.change() as face:
        until = store.desk().on.replace(day=1).replace(year=store.desk().on.year + 1).isoformat()
        asked = decide.Request("standing", person, "business", RULE, until=until)
        key = store.own(face)
        fast_lane.standing(store.home(), face, asked, None, sample_percent=20, units=(), key=key)


def _draft(profile: Profile) -> None:
    words = store.policy().vocabulary
    some = dict(list(profile.facts.items())[: len(profile.facts) // 3])
    Draft.objects.create(
        system=profile.id,
        owner=get_user_model().objects.get(person=profile.owner),
        name=profile.name,
        purpose=profile.purpose,
        unit=profile.unit,
        facts={name: words[name].plain(value) for name, value in some.items()},
    )


def _system(profile: Profile, known: dict[str, Person], number: int) -> None:
    """Puts a system on record and takes it as far as its stage says, in one transaction."""
    home, desk = store.home(), store.desk()
    with store.change() as face:
        case = case_of(assess(profile, desk.policy, desk.on))
        own = store.own(face)
        tables.record_assessment(face, case, own, utc_now())
        owner = people.find(home, face, profile.owner)
        said = decide.Request("declare", owner, "owner", "declared in the demonstration", reviewed=case.digest)
        fast_lane.declare(home, face, desk.judge(case, face), said, None, key=own)
        with suppress(people.Refused):  # people review it
            fast_lane.admit(home, face, desk.judge(case, face), len(contradictions.check(profile, desk.policy)))
        _walk(face, case, known, number)
        summary.refresh(face, desk, profile)


def _walk(face: Connection, case: Case, known: dict[str, Person], number: int) -> None:
    judge = store.desk().judge(case, face)
    roles, done = judge.roles(), case.system in (*LAUNCHED, *APPROVED, *STOPPED)
    stop = case.system in STOPPED
    if any(item.certain for item in case.assessment.prohibitions):
        _remark(case, known, 0)
        return
    _evidence(face, case, None if done else number % 5 * 2)
    if case.system in REFUSED:
        _decide(face, case, known, "approve", "business", REASON)
        _decide(face, case, known, "refuse", "legal", AGAINST)
        return
    for role in roles if done else roles[: number % len(roles)] if roles else ():
        _decide(face, case, known, "approve", role, REASON, None if case.system in APPROVED else "launch")
    if stop:
        _decide(face, case, known, "stop", roles[-1] if roles else "security", HALT)
    elif not done and roles:
        _remark(case, known, number)


def _decide(
    face: Connection,
    case: Case,
    known: dict[str, Person],
    action: str,
    role: str,
    reason: str,
    gate: str | None = "launch",
) -> None:
    asked = decide.Request(
        action, known[role], role, reason, gate=gate, reviewed=case.digest, more={"console": True, "demo": True}
    )
    decide.decide(store.home(), face, store.desk().judge(case, face), asked, None, key=store.own(face))


def _evidence(face: Connection, case: Case, most: int | None) -> None:
    """Papers for what is due up to launch, or for some of it."""
    desk, own = store.desk(), store.own(face)
    due = [step for step in desk.judge(case, face).gate("launch").steps if step.role is None and step.state == "due"]
    for step in due[:most]:
        rule = step.fired.rule
        kind = next(desk.kinds.resolve(name) for name in rule.evidence)
        more = desk.requirements.of(rule.id, kind.id)
        result: dict[str, Any] = dict(more.examples.meets if more is not None else kind.examples.satisfies)
        digest = evidence.attach(face, f"Demonstration data / 演示数据: {case.system}, {rule.id}\n".encode())
        about = statement.Subject("demonstration.txt", digest)
        made = statement.evidence(kind, [about], case.system, issued=utc_now(), result=result, obligations=[rule.id])
        evidence.add(face, made.sealed(own), desk.kinds, ts=utc_now())


def _remark(case: Case, known: dict[str, Person], number: int) -> None:
    role, text, asks = REMARKS[number % len(REMARKS)]
    author = get_user_model().objects.get(person=known[role].id)
    Comment.objects.create(system=case.system, case=case.digest, author=author, text=text, asks=asks)
