"""The fast lane: a standing approval that a person signed, and the automatic approvals that cite it.

Rules enforced:
- a standing approval is signed in a role that reviews, for the units in which it is held, with limits and an end; it
  admits no system of whoever signed it;
- an automatic approval needs a settled low tier, no prohibition that holds or may hold, no contradiction, the owner's
  signed declaration of these very answers, and no refusal or stop by a person before it;
- whether it is looked at afterwards is drawn from a signature of the store's own key over the rule and the case: it
  cannot be foreseen without that key, asking again changes nothing, and the public key is enough to check it.
"""

import datetime as dt
import hashlib
import json
from typing import NamedTuple

from steelyard.base import keys
from steelyard.base.clock import parse_date
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.evidence import store as evidence
from steelyard.evidence.statement import local_date
from steelyard.gates import people, summary, tables
from steelyard.gates.case import Case
from steelyard.gates.decide import Request, check_end, check_form, check_names, check_now, refusal, write
from steelyard.gates.gate import Judge
from steelyard.gates.people import Person
from steelyard.ledger import personal
from steelyard.ledger.home import Home
from steelyard.policy.model import TIER_NAMES

DRAW = "steelyard draw"


def standing(
    home: Home,
    link: Connection,
    request: Request,
    passphrase: str | None,
    *,
    sample_percent: int,
    units: tuple[str, ...],
    key: keys.Signer | None = None,
) -> str:
    """Signs a standing approval of the fast lane: its limits, its end, and how many are looked at afterwards."""
    ts = personal.utc_now()
    check_form(request)
    check_names(home, link, request, None)
    check_end(
        request, ts, Text("a standing approval has an end that is still to come", "常设批准须有尚未到来的截止日期")
    )
    if request.role in ("owner", people.ADMINISTRATOR):
        raise refusal(
            "role_not_in_lane",
            f"{request.role} signs no standing approval",
            f"{people.ROLES[request.role].zh}不得签署常设批准",
            Text("let somebody sign who reviews", "请由评审人员签署"),
            "--role",
        )
    missing = [unit for unit in units or ("",) if not people.holds(link, request.person.id, request.role, ts, unit)]
    if missing:
        where, role = missing[0], people.ROLES[request.role]
        raise refusal(
            "not_appointed",
            f"{request.person.name} is not appointed as {request.role} "
            + (f"in the unit {where} now" if where else "everywhere now"),
            f"{request.person.name} 目前未被任命为{f'部门“{where}”的' if where else '全机构的'}{role.zh}",
            Text(
                "name with --units those where the role is held, or let an administrator appoint",
                "请用 --units 写明担任该角色的部门，或由管理员任命",
            ),
            "--role",
        )
    if not 1 <= sample_percent <= 100:
        raise InputError(
            "bad_sample",
            Text("between 1 and 100 percent are looked at afterwards", "事后抽查比例应为 1 至 100"),
            field="--sample",
        )
    signing = key or people.signer(home, request.person, passphrase)
    with link.transaction():
        people.own_key(home, link, ts)
        limits = {"sample_percent": sample_percent, "units": list(units)}
        return write(link, None, request, signing, ts=ts, more=limits)


class Standing(NamedTuple):
    """A standing approval: who signed it in which role, until when, and its limits."""

    digest: str
    person: str
    role: str
    until: str
    sample_percent: int
    units: tuple[str, ...]


def standing_ones(link: Connection) -> list[Standing]:
    """Every standing approval ever signed, the newest first."""
    rows = link.all(
        "SELECT digest, person, role, until, more FROM gates_decision WHERE action = 'standing' ORDER BY seq DESC"
    )
    out = []
    for digest, person, role, until, more in rows:
        limits = json.loads(more)
        out.append(Standing(digest, person, role, until, limits["sample_percent"], tuple(limits.get("units") or ())))
    return out


def declare(
    home: Home,
    link: Connection,
    judge: Judge,
    request: Request,
    passphrase: str | None,
    *,
    key: keys.Signer | None = None,
) -> str:
    """The owner's signed declaration that the answers in the profile are true. Raises Refused `not_owner`."""
    ts = personal.utc_now()
    case, person = judge.case, request.person
    check_form(request)
    check_now(judge, request.reviewed, ts)
    if not case.owner or not people.is_called(person, case.owner):
        raise refusal(
            "not_owner",
            f"only the owner ({case.owner or 'not named'}) declares for {case.system}",
            f"只有负责人（{case.owner or '未填'}）可为 {case.system} 申明",
            Text("fill in system.owner, or let the owner declare", "请填写 system.owner，或由负责人申明"),
            "--by",
        )
    signing = key or people.signer(home, person, passphrase)
    with link.transaction():
        own = people.own_key(home, link, ts)
        tables.record_assessment(link, case, own, ts)
        digest = write(link, case, request, signing, ts=ts, more={})
        summary.keep(link, judge.case, judge.requirements, judge.kinds)
        return digest


def admit(
    home: Home, link: Connection, judge: Judge, contradictions: int, reviewed: str | None = None
) -> tuple[str, bool]:
    """The automatic approval of the fast lane: its digest, and whether this one is looked at afterwards.

    `contradictions` is how many the intake check found open. Raises Refused with what is not met.
    """
    ts, case, assessment = personal.utc_now(), judge.case, judge.case.assessment
    check_now(judge, reviewed, ts)
    lane = assessment.policy.lanes[assessment.tier.highest]
    if not (assessment.tier == ("low", "low") and lane.standing_approval):
        low, high = (TIER_NAMES[name] for name in assessment.tier)
        settled = assessment.tier.settled
        tier = low if settled else Text(f"{low.en} to {high.en}", f"{low.zh}至{high.zh}")
        raise refusal(
            "not_fast_lane",
            f"the tier is {tier.en}; only a settled fast lane is automatic",
            f"等级为{tier.zh}；只有确定属快速通道的才可自动准入",
            Text("let people review it", "请由人员评审")
            if settled
            else Text("answer the open questions, or let people review it", "请回答未知问题，或由人员评审"),
        )
    if assessment.prohibitions:
        raise refusal("prohibited", "a prohibition holds or may hold", "存在或可能存在禁止情形")
    if contradictions:
        raise refusal(
            "contradictions",
            f"{contradictions} contradictions are open",
            f"尚有 {contradictions} 处矛盾未解决",
            Text("`steelyard intake check` shows them", "可用 `steelyard intake check` 查看"),
        )
    word = judge.word()
    if judge.stops() or (word is not None and word.action == "refuse"):
        raise refusal(
            "refused_before",
            f"a person refused or stopped {case.system}, and only a person can let it go on",
            f"已有人员否决或停用 {case.system}，只能由人员批准",
            Text("steelyard decide approve FILE --by NAME --role ROLE", "请由人员运行 steelyard decide approve"),
        )
    declared = [item for item in judge.decisions if item.action == "declare" and item.case == case.digest]
    if not declared:
        raise refusal(
            "not_declared",
            "the owner has not signed that these answers are true",
            "负责人尚未签署申明",
            Text("steelyard decide declare FILE --by OWNER", "请由负责人运行 steelyard decide declare"),
        )
    rule, sample = _standing_for(home, link, case, local_date(ts))
    own = people.own_key(home, link, ts)
    draw = own.sign(f"{DRAW}\n{rule}\n{case.digest}".encode())
    sampled = drawn(draw, sample)
    person = Person("system", None, keys.key_id(own.public))
    request = Request("admit", person, "standing", "standing approval", gate="launch")
    more = {"standing": rule, "declaration": declared[-1].digest, "sampled": sampled, "draw": draw.hex()}
    with link.transaction():
        more["assessment"] = tables.record_assessment(link, case, own, ts)
        digest = write(link, case, request, own, ts=ts, more=more)
        summary.keep(link, judge.case, judge.requirements, judge.kinds)
        return digest, sampled


def drawn(signature: bytes, sample_percent: int) -> bool:
    """Whether an admission is looked at afterwards. Anybody who holds the public key can check it."""
    return int.from_bytes(hashlib.sha256(signature).digest()[:8]) % 100 < sample_percent


def _standing_for(home: Home, link: Connection, case: Case, on: dt.date) -> tuple[str, int]:
    """The newest standing approval that admits the case, and its sample share."""
    for (digest,) in link.all("SELECT digest FROM gates_decision WHERE action = 'standing' ORDER BY seq DESC"):
        stored = evidence.get(link, str(digest))  # what was signed counts, not its index
        said = stored.statement.predicate if stored is not None else {}
        if said.get("action") != "standing":
            continue
        limits, until, person = said["more"], said["until"], said["person"]
        units = limits.get("units") or []
        in_time = until is not None and parse_date(until) >= on
        if (
            in_time
            and (not units or case.assessment.profile.unit in units)
            and not _owns(home, link, str(person), case.owner)
        ):
            return str(digest), int(limits["sample_percent"])
    raise refusal(
        "no_standing_approval",
        "no standing approval admits this system today",
        "今日没有适用于该系统的常设批准",
        Text(
            "a person who does not own it signs one: steelyard decide standing",
            "须由非负责人签署：steelyard decide standing",
        ),
    )


def _owns(home: Home, link: Connection, person: str, owner: str) -> bool:
    """Whether the owner that a profile names is this person, by name or pseudonym, or nobody can tell any more."""
    found = next((item for item in people.everybody(home, link) if item.id == person), None)
    return found is None or found.name is None or people.is_called(found, owner)
