"""Decisions: what a named person approved, refused, excepted, overrode, stopped or reported; the core says who may.

Rules enforced, here and not in any page:
- the digest that was reviewed is the digest of the case now;
- nobody decides for their own: the owner of a system neither approves nor excepts nor overrides for it;
- the person's appointment to the role stands, the role belongs to the case's lane, and one person speaks in one role;
- an exception or override names an obligation that is owed, a reason, and an end that is still to come;
- what is certainly prohibited cannot be approved;
- the fast lane's standing approval: signed by somebody who owns none of the systems it admits, with limits and an end;
  each automatic approval cites it, needs a settled low tier, no contradiction and the owner's signed declaration, and
  whether it is looked at afterwards is drawn from the ledger's root, which the owner cannot foresee.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.base import keys
from steelyard.base.clock import parse_date
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.evidence import store as evidence
from steelyard.evidence import trust
from steelyard.evidence.statement import Statement, Subject, system_subject
from steelyard.gates import people, tables
from steelyard.gates.case import Case
from steelyard.gates.gate import Judge
from steelyard.gates.people import Person, Refused
from steelyard.ledger import personal, record
from steelyard.ledger import store as ledger
from steelyard.ledger.home import Home
from steelyard.policy.model import GATES, ROLE_NAMES

ACTIONS: dict[str, Text] = {
    "approve": Text("approve", "批准"),
    "refuse": Text("refuse", "否决"),
    "except": Text("except", "例外"),
    "override": Text("override", "推翻"),
    "stop": Text("stop", "停用"),
    "report": Text("report", "报告"),
    "standing": Text("standing approval", "常设批准"),
    "declare": Text("declare", "申明"),
    "admit": Text("admit", "自动准入"),
}
_NOT_ONES_OWN = ("approve", "except", "override")
_WITH_END = ("except", "override")
MAX_REASON = 4_000


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to decide. `reviewed` is the digest of the case they looked at; None: the one of now."""

    action: str
    person: Person
    role: str
    reason: str
    gate: str | None = None
    obligation: str | None = None
    until: str | None = None
    reviewed: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def _no(code: str, en: str, zh: str, remedy: Text | None = None, where: str | None = None) -> Refused:
    return Refused(code, Text(en, zh), remedy=remedy, field=where)


def check(link: Connection, judge: Judge, request: Request, ts: str) -> None:
    """Raises Refused or InputError where the request is not allowed. Reads, and writes nothing."""
    case, person, name = judge.case, request.person, request.person.name or request.person.id
    _check_form(request)
    if request.reviewed is not None and request.reviewed != case.digest:
        raise _no(
            "changed",
            f"what was reviewed ({request.reviewed[:19]}) is not what stands now ({case.digest[:19]})",
            f"所审内容（{request.reviewed[:19]}）与当前内容（{case.digest[:19]}）不同",
            Text("look at it again: `steelyard gate` prints the digest", "请重新审阅：`steelyard gate` 会输出摘要"),
        )
    if request.action in _NOT_ONES_OWN:
        if not case.owner:
            raise _no(
                "no_owner",
                "the profile names no owner, so nobody can tell whether this is one's own system",
                "档案未填写负责人，无法判断是否为本人的系统",
                Text("fill in system.owner", "请填写 system.owner"),
                "system.owner",
            )
        if people.plain(case.owner) in {people.plain(item) for item in (person.name or "", person.id)}:
            raise _no(
                "own_system",
                f"{name} is the owner of {case.system}, and nobody decides for their own",
                f"{name} 是 {case.system} 的负责人，不得为自己的系统作决定",
                Text("let somebody else in that role decide", "请由该角色的其他人决定"),
                "--by",
            )
    unit = case.assessment.profile.unit
    if not people.holds(link, person.id, request.role, ts, unit):
        raise _no(
            "not_appointed",
            f"{name} is not appointed as {request.role} now",
            f"{name} 目前未被任命为 {request.role}",
            Text(
                f"steelyard appoint {name!r} --role {request.role} --by ADMINISTRATOR",
                "请由管理员用 `steelyard appoint` 任命",
            ),
            "--role",
        )
    if request.action == "approve":
        _check_approval(judge, request, name)
    if request.action in _WITH_END:
        _check_obligation(judge, request)


def _check_form(request: Request) -> None:
    if request.action not in ACTIONS:
        raise InputError("unknown_action", Text(f"there is no action {request.action}", f"没有操作 {request.action}"))
    if request.role not in people.ROLES:
        raise people.unknown_role(request.role)
    if not request.reason.strip() or len(request.reason) > MAX_REASON:
        raise InputError(
            "no_reason",
            Text(
                f"a decision has a reason of 1 to {MAX_REASON:,} characters", f"决定须有 1 至 {MAX_REASON:,} 字的理由"
            ),
            remedy=Text("say why with --reason", "请用 --reason 说明"),
            field="--reason",
        )
    if record.lint({"reason": request.reason}):
        raise InputError(
            "personal_data",
            Text(
                "the reason looks as if it held personal data, and decisions are kept",
                "理由疑似含个人数据，而决定会被保存",
            ),
            remedy=Text("say it without names, numbers or addresses of people", "请勿写入个人的号码、地址等"),
            field="--reason",
        )
    if request.gate is not None and request.gate not in GATES:
        raise InputError(
            "unknown_gate",
            Text(f"there is no gate {request.gate}", f"没有关口 {request.gate}"),
            remedy=Text(f"use one of: {', '.join(GATES)}", f"可用关口：{'、'.join(GATES)}"),
            field="--gate",
        )


def _check_approval(judge: Judge, request: Request, name: str) -> None:
    case, lane_roles = judge.case, judge.roles()
    allowed = lane_roles or tuple(role for role in ROLE_NAMES if role != "owner")
    if request.role not in allowed:
        raise _no(
            "role_not_in_lane",
            f"{request.role} has no part in the lane of {case.system}",
            f"{request.role} 不参与 {case.system} 的评审通道",
            Text(f"the lane asks for: {', '.join(allowed)}", f"该通道需要：{'、'.join(allowed)}"),
            "--role",
        )
    for item in judge.decisions:
        same = item.person == request.person.id and item.case == case.digest and item.action in ("approve", "refuse")
        if same and item.role != request.role:
            raise _no(
                "not_distinct",
                f"{name} decided on this already as {item.role}; one person speaks in one role",
                f"{name} 已以 {item.role} 身份作过决定；一人只能以一种角色表态",
                Text("let somebody else take this role", "请由他人担任此角色"),
                "--by",
            )
    forbidden = [item.rule.id for item in case.assessment.prohibitions if item.certain]
    if forbidden:
        raise _no(
            "prohibited",
            f"this is prohibited and cannot be approved: {', '.join(forbidden)}",
            f"属禁止情形，不能批准：{'、'.join(forbidden)}",
            Text("change the system, then assess it again", "请更改系统后重新评估"),
        )


def _check_obligation(judge: Judge, request: Request) -> None:
    owed = {item.rule.id for item in judge.case.assessment.obligations}
    if request.obligation is None or request.obligation not in owed:
        raise InputError(
            "unknown_obligation",
            Text(
                f"{request.obligation or 'nothing'} is not among what this system owes",
                f"{request.obligation or '（未填）'} 不在该系统的义务之内",
            ),
            remedy=Text(
                "name it with --obligation; `steelyard plan` lists them",
                "请用 --obligation 指定；`steelyard plan` 可列出",
            ),
            field="--obligation",
        )
    if request.until is None or parse_date(request.until, field="--until") < judge.on:
        raise InputError(
            "no_end",
            Text("an exception has an end that is still to come", "例外须有尚未到来的截止日期"),
            remedy=Text("give it with --until YYYY-MM-DD", "请用 --until YYYY-MM-DD 填写"),
            field="--until",
        )
    if request.action == "except" and request.obligation in judge.requirements.approvals:
        raise _no(
            "review_not_excepted",
            f"{request.obligation} is the review itself; nobody is excepted from being reviewed",
            f"{request.obligation} 即评审本身，不可例外",
            Text("decide in that role instead", "请以该角色作出决定"),
            "--obligation",
        )


def decide(home: Home, link: Connection, judge: Judge, request: Request, passphrase: str | None) -> str:
    """Checks, signs with the person's key, records at once, and answers the decision's digest."""
    ts = personal.utc_now()
    check(link, judge, request, ts)
    key = people.signer(home, request.person, passphrase)
    with link.transaction():
        own = people.own_key(home, link, ts)
        assessed = tables.record_assessment(link, judge.case, own, ts)
        more = dict(request.more)
        if request.action in _WITH_END:
            more["basis"] = judge.case.bases[request.obligation or ""]
            more.setdefault("owner", "owner")
            more.setdefault("requester", "owner")
        more["assessment"] = assessed
        more["considered"] = sorted({digest for step in judge.plan() for digest in step.by})
        return _record(link, judge.case, request, key, ts=ts, more=more)


def _record(
    link: Connection, case: Case | None, request: Request, key: keys.Signer, *, ts: str, more: Mapping[str, Any]
) -> str:
    predicate: dict[str, Any] = {
        "action": request.action,
        "gate": request.gate,
        "obligation": request.obligation,
        "role": request.role,
        "person": request.person.id,
        "reason": request.reason,
        "until": request.until,
        "decided": ts,
        "more": dict(more),
    }
    subjects: tuple[Subject, ...] = (Subject(f"person:{request.person.id}", request.person.keyid),)
    if case is not None:
        digests = case.assessment.digests
        predicate |= {
            "system": case.system,
            "case": case.digest,
            "seen": {name: digests[name] for name in ("profile", "policy", "catalogue")},
        }
        subjects = (system_subject(case.system, case.digest), *subjects)
    said = Statement(subjects, tables.DECISION_TYPE, predicate)
    envelope = said.sealed(key)
    signers = trust.check(link, envelope, said, ts)
    return evidence.insert(link, envelope, said, signers, ts=ts).digest


# The fast lane --------------------------------------------------------------------------------------------------------


def standing(
    home: Home,
    link: Connection,
    request: Request,
    passphrase: str | None,
    *,
    sample_percent: int,
    units: tuple[str, ...],
) -> str:
    """Signs a standing approval of the fast lane: its limits, its end, and how many are looked at afterwards."""
    ts = personal.utc_now()
    _check_form(request)
    if request.until is None or parse_date(request.until, field="--until") < people.local_date(ts):
        raise InputError(
            "no_end",
            Text("a standing approval has an end that is still to come", "常设批准须有尚未到来的截止日期"),
            remedy=Text("give it with --until YYYY-MM-DD", "请用 --until YYYY-MM-DD 填写"),
            field="--until",
        )
    if not people.holds(link, request.person.id, request.role, ts):
        raise _no(
            "not_appointed",
            f"{request.person.name} is not appointed as {request.role} now",
            f"{request.person.name} 目前未被任命为 {request.role}",
            None,
            "--role",
        )
    if not 1 <= sample_percent <= 100:
        raise InputError(
            "bad_sample",
            Text("between 1 and 100 percent are looked at afterwards", "事后抽查比例应为 1 至 100"),
            field="--sample",
        )
    key = people.signer(home, request.person, passphrase)
    with link.transaction():
        people.own_key(home, link, ts)
        return _record(link, None, request, key, ts=ts, more={"sample_percent": sample_percent, "units": list(units)})


def declare(home: Home, link: Connection, judge: Judge, request: Request, passphrase: str | None) -> str:
    """The owner's signed declaration that the answers in the profile are true. Raises Refused `not_owner`."""
    ts = personal.utc_now()
    _check_form(request)
    case, person = judge.case, request.person
    if not case.owner or people.plain(case.owner) not in {
        people.plain(item) for item in (person.name or "", person.id)
    }:
        raise _no(
            "not_owner",
            f"only the owner ({case.owner or 'not named'}) declares for {case.system}",
            f"只有负责人（{case.owner or '未填'}）可为 {case.system} 申明",
            Text("fill in system.owner, or let the owner declare", "请填写 system.owner，或由负责人申明"),
            "--by",
        )
    key = people.signer(home, person, passphrase)
    with link.transaction():
        own = people.own_key(home, link, ts)
        tables.record_assessment(link, case, own, ts)
        return _record(link, case, request, key, ts=ts, more={})


def admit(home: Home, link: Connection, judge: Judge, contradictions: int) -> tuple[str, bool]:
    """The automatic approval of the fast lane: its digest, and whether this one is looked at afterwards.

    `contradictions` is how many the intake check found open. Raises Refused with what is not met.
    """
    ts, case, assessment = personal.utc_now(), judge.case, judge.case.assessment
    lane = assessment.policy.lanes[assessment.tier.highest]
    if not (assessment.tier.settled and lane.standing_approval):
        raise _no(
            "not_fast_lane",
            f"the tier is {assessment.tier.lowest} to {assessment.tier.highest}; only a settled fast lane is automatic",
            f"等级为 {assessment.tier.lowest} 至 {assessment.tier.highest}；只有确定属快速通道的才可自动准入",
            Text("answer the open questions, or let people review it", "请回答未知问题，或由人员评审"),
        )
    if any(item.certain for item in assessment.prohibitions) or any(not i.certain for i in assessment.prohibitions):
        raise _no("prohibited", "a prohibition holds or may hold", "存在或可能存在禁止情形")
    if contradictions:
        raise _no(
            "contradictions",
            f"{contradictions} contradictions are open",
            f"尚有 {contradictions} 处矛盾未解决",
            Text("`steelyard intake check` shows them", "可用 `steelyard intake check` 查看"),
        )
    declared = [item for item in judge.decisions if item.action == "declare" and item.case == case.digest]
    if not declared:
        raise _no(
            "not_declared",
            "the owner has not signed that these answers are true",
            "负责人尚未签署申明",
            Text("steelyard decide declare FILE --by OWNER", "请由负责人运行 steelyard decide declare"),
        )
    rule, sample = _standing_for(home, link, case, judge.on)
    own = people.own_key(home, link, ts)
    newest = ledger.checkpoint(link, ledger.current(link))
    drawn = hashlib.sha256(f"{rule}{case.digest}{newest}".encode()).digest()
    sampled = int.from_bytes(drawn[:4], "big") % 100 < sample
    person = Person("system", None, keys.key_id(own.public))
    request = Request("admit", person, "standing", "standing approval", gate="launch")
    more = {"standing": rule, "declaration": declared[-1].digest, "sampled": sampled}
    with link.transaction():
        more["assessment"] = tables.record_assessment(link, case, own, ts)
        return _record(link, case, request, own, ts=ts, more=more), sampled


def _standing_for(home: Home, link: Connection, case: Case, on: dt.date) -> tuple[str, int]:
    """The newest standing approval that admits the case, and its sample share."""
    rows = link.all(
        "SELECT digest, person, until, more FROM gates_decision WHERE action = 'standing' ORDER BY seq DESC"
    )
    for digest, person, until, more in rows:
        limits = json.loads(more)
        units = limits.get("units") or []
        in_time = until is not None and parse_date(until) >= on
        if (
            in_time
            and (not units or case.assessment.profile.unit in units)
            and not _owns(home, link, str(person), case.owner)
        ):
            return str(digest), int(limits["sample_percent"])
    raise _no(
        "no_standing_approval",
        "no standing approval admits this system today",
        "今日没有适用于该系统的常设批准",
        Text(
            "a person who does not own it signs one: steelyard decide standing",
            "须由非负责人签署：steelyard decide standing",
        ),
    )


def _owns(home: Home, link: Connection, person: str, owner: str) -> bool:
    """Whether the owner that a profile names is this person, by name or pseudonym."""
    found = next((item for item in people.everybody(home, link) if item.id == person), None)
    names = {person, *([found.name] if found is not None and found.name else [])}
    return people.plain(owner) in {people.plain(item) for item in names}
