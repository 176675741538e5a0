"""Decisions: what a named person approved, refused, excepted, overrode, stopped or reported; the core says who may.

Rules enforced, here and not in any page:
- a decision is taken today, about what stands today: the digest that was reviewed is the digest of the case now;
- nobody decides for their own: neither the owner of a system nor who asks for an exception approves, excepts or
  overrides; somebody whose name was erased cannot be told from the owner and does not either;
- the person's appointment to the role stands, the role belongs to the case's lane, and one person speaks in one role;
- an exception or override names an obligation that is owed, a reason, and an end that is still to come; neither owners
  nor administrators give one;
- what is certainly prohibited cannot be approved;
- a reason names nobody: decisions are kept, names can be erased.

The automatic approvals of the fast lane stand in `fast_lane`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.base import keys
from steelyard.base.clock import parse_date
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.base.yamldoc import near
from steelyard.evidence import store as evidence
from steelyard.evidence import trust
from steelyard.evidence.statement import Statement, Subject, local_date, system_subject
from steelyard.gates import people, summary, tables
from steelyard.gates.case import Case
from steelyard.gates.gate import Judge
from steelyard.gates.people import Person, Refused
from steelyard.gates.types import DECISION_TYPE
from steelyard.ledger import personal, record
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
    """What somebody wants to decide. `reviewed` is the digest of the case they looked at; None: the one of now.

    `requester` is who asked for an exception or override; None: the owner of the system.
    """

    action: str
    person: Person
    role: str
    reason: str
    gate: str | None = None
    obligation: str | None = None
    until: str | None = None
    reviewed: str | None = None
    requester: Person | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def refusal(code: str, en: str, zh: str, remedy: Text | None = None, where: str | None = None) -> Refused:
    """The error for what the core refuses."""
    return Refused(code, Text(en, zh), remedy=remedy, field=where)


def check(link: Connection, judge: Judge, request: Request, ts: str) -> None:
    """Raises Refused or InputError where the request is not allowed. Reads, and writes nothing."""
    case, person, name = judge.case, request.person, request.person.name or request.person.id
    check_form(request)
    check_now(judge, request.reviewed, ts)
    if request.action in _NOT_ONES_OWN:
        if not case.owner:
            raise refusal(
                "no_owner",
                "the profile names no owner, so nobody can tell whether this is one's own system",
                "档案未填写负责人，无法判断是否为本人的系统",
                Text("fill in system.owner", "请填写 system.owner"),
                "system.owner",
            )
        if person.name is None and not people.PSEUDONYM.fullmatch(case.owner):
            raise refusal(
                "name_erased",
                f"the name of {person.id} was erased, so nobody can tell whether this is their own system",
                f"{person.id} 的姓名已被删除，无法判断是否为本人的系统",
                Text("let somebody else in that role decide", "请由该角色的其他人决定"),
                "--by",
            )
        if people.is_called(person, case.owner):
            raise refusal(
                "own_system",
                f"{name} is the owner of {case.system}, and nobody decides for their own",
                f"{name} 是 {case.system} 的负责人，不得为自己的系统作决定",
                Text("let somebody else in that role decide", "请由该角色的其他人决定"),
                "--by",
            )
        if request.requester is not None and request.requester.id == person.id:
            raise refusal(
                "own_request",
                f"{name} asks for this, and nobody grants their own request",
                f"{name} 即请求人，不得批准自己的请求",
                Text("let somebody else in that role decide", "请由该角色的其他人决定"),
                "--by",
            )
    unit = case.assessment.profile.unit
    if not people.holds(link, person.id, request.role, ts, unit):
        raise refusal(
            "not_appointed",
            f"{name} is not appointed as {request.role} now" + (f" in the unit {unit}" if unit else ""),
            f"{name} 目前未被任命为{f'部门“{unit}”的' if unit else ''}{people.ROLES[request.role].zh}",
            Text(
                f"steelyard appoint {name!r} --role {request.role} --by ADMINISTRATOR",
                f"请由管理员任命：steelyard appoint {name!r} --role {request.role} --by 管理员",
            ),
            "--role",
        )
    if request.action == "approve":
        _check_approval(judge, request, name)
    if request.obligation is not None or request.action in _WITH_END:
        _check_obligation(judge, request)
    if request.action in _WITH_END:
        _check_exception(judge, request, ts)


def check_now(judge: Judge, reviewed: str | None, ts: str) -> None:
    """Raises where the judge looks at another day than today, or the case is not the one that was reviewed."""
    today, case = local_date(ts), judge.case
    if judge.on != today:
        raise InputError(
            "not_today",
            Text(
                f"decisions are taken today, {today}, not on {judge.on}",
                f"决定的日期只能是今日（{today}），不能是 {judge.on}",
            ),
            remedy=Text("leave --on out", "请不要使用 --on"),
            field="--on",
        )
    if reviewed is not None and reviewed != case.digest:
        raise refusal(
            "changed",
            f"what was reviewed ({reviewed[:19]}) is not what stands now ({case.digest[:19]})",
            f"所审内容（{reviewed[:19]}）与当前内容（{case.digest[:19]}）不同",
            Text("look at it again: `steelyard gate` prints the digest", "请重新审阅：`steelyard gate` 会输出摘要"),
            "--reviewed",
        )


def check_names(home: Home, link: Connection, request: Request, case: Case | None) -> None:
    """Raises InputError `personal_data` where the reason names somebody known here or in the profile."""
    more = (case.owner, case.assessment.profile.accountable) if case is not None else ()
    if people.named_in(home, link, request.reason, more):
        raise InputError(
            "personal_data",
            Text("the reason names a person, and decisions are kept", "理由中有人员姓名，而决定会被保存"),
            remedy=Text("say the role instead of the name", "请写角色，不写姓名"),
            field="--reason",
        )


def check_form(request: Request) -> None:
    """Raises InputError where a request is not well formed, whatever it is about."""
    if request.action not in ACTIONS:
        raise InputError("unknown_action", Text(f"there is no action {request.action}", f"没有操作 {request.action}"))
    if request.role not in people.ROLES:
        raise people.unknown_role(request.role)
    if request.role == people.AUDITOR or (request.role == people.OPERATOR and request.action not in ("stop", "report")):
        raise refusal(
            "role_not_in_lane",
            f"{request.role} does not {request.action}: auditors read, operators stop and report",
            f"{people.ROLES[request.role].zh}无权{ACTIONS[request.action].zh}：审计只读，运行值守只可停用与报告",
            Text("let somebody decide whose role it is", "请由有此职责的人员决定"),
            "--role",
        )
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
    if request.until is not None:
        parse_date(request.until, field="--until")
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
        raise refusal(
            "role_not_in_lane",
            f"{request.role} has no part in the lane of {case.system}",
            f"{people.ROLES[request.role].zh}不参与 {case.system} 的评审通道",
            Text(
                f"the lane asks for: {', '.join(allowed)}",
                f"该通道需要：{'、'.join(f'{people.ROLES[name].zh}（{name}）' for name in allowed)}",
            ),
            "--role",
        )
    for item in judge.decisions:
        same = item.person == request.person.id and item.case == case.digest and item.action in ("approve", "refuse")
        if same and item.role != request.role:
            raise refusal(
                "not_distinct",
                f"{name} decided on this already as {item.role}; one person speaks in one role",
                f"{name} 已以{people.ROLES[item.role].zh}身份作过决定；一人只能以一种角色表态",
                Text("let somebody else take this role", "请由他人担任此角色"),
                "--by",
            )
    forbidden = [item.rule.id for item in case.assessment.prohibitions if item.certain]
    if forbidden:
        raise refusal(
            "prohibited",
            f"this is prohibited and cannot be approved: {', '.join(forbidden)}",
            f"属禁止情形，不能批准：{'、'.join(forbidden)}",
            Text("change the system, then assess it again", "请更改系统后重新评估"),
        )


def _check_obligation(judge: Judge, request: Request) -> None:
    owed = {item.rule.id for item in judge.case.assessment.obligations}
    if request.obligation is None:
        raise InputError(
            "unknown_obligation",
            Text("the decision does not say which obligation it is about", "未说明该决定针对哪项义务"),
            remedy=Text(
                "name it with --obligation; `steelyard plan` lists them",
                "请用 --obligation 指定；`steelyard plan` 可列出",
            ),
            field="--obligation",
        )
    if request.obligation not in owed:
        raise InputError(
            "unknown_obligation",
            Text(
                f"{request.obligation} is not among what this system owes",
                f"{request.obligation} 不在该系统的义务之内",
            ),
            remedy=near(request.obligation, owed)
            or Text(
                "name it with --obligation; `steelyard plan` lists them",
                "请用 --obligation 指定；`steelyard plan` 可列出",
            ),
            field="--obligation",
        )


def _check_exception(judge: Judge, request: Request, ts: str) -> None:
    check_end(request, ts, Text("an exception has an end that is still to come", "例外须有尚未到来的截止日期"))
    if request.role in ("owner", people.ADMINISTRATOR):
        raise refusal(
            "role_not_in_lane",
            f"{request.role} gives no exceptions",
            f"{people.ROLES[request.role].zh}不得批准例外",
            Text("let somebody decide who reviews", "请由评审人员决定"),
            "--role",
        )
    if request.action == "except" and request.obligation in judge.requirements.approvals:
        raise refusal(
            "review_not_excepted",
            f"{request.obligation} is the review itself; nobody is excepted from being reviewed",
            f"{request.obligation} 即评审本身，不可例外",
            Text("decide in that role instead", "请以该角色作出决定"),
            "--obligation",
        )


def check_end(request: Request, ts: str, message: Text) -> None:
    """Raises InputError `no_end` where a decision that needs one has no end, or one that has passed."""
    if request.until is None or parse_date(request.until, field="--until") < local_date(ts):
        raise InputError(
            "no_end",
            message,
            remedy=Text("give it with --until YYYY-MM-DD", "请用 --until YYYY-MM-DD 填写"),
            field="--until",
        )


def decide(
    home: Home,
    link: Connection,
    judge: Judge,
    request: Request,
    passphrase: str | None,
    *,
    key: keys.Signer | None = None,
) -> str:
    """Checks, signs with the person's key, records at once, and answers the decision's digest.

    With `key` the console signs: `request.more` then states the session's factors. The core treats both alike.
    """
    ts = personal.utc_now()
    check(link, judge, request, ts)
    check_names(home, link, request, judge.case)
    signing = key or people.signer(home, request.person, passphrase)
    with link.transaction():
        judge = tables.judge_of(link, judge.case, judge.requirements, judge.kinds)
        check(link, judge, request, ts)  # once more: somebody may have decided since the judge was made
        own = people.own_key(home, link, ts)
        assessed = tables.record_assessment(link, judge.case, own, ts)
        more = dict(request.more)
        if request.action in _WITH_END:
            more["basis"] = judge.case.bases[request.obligation or ""]
            owner = next(
                (item for item in people.everybody(home, link) if people.is_called(item, judge.case.owner)), None
            )
            more["owner"] = owner.id if owner is not None else "owner"
            more["requester"] = request.requester.id if request.requester is not None else more["owner"]
        more["assessment"] = assessed
        more["considered"] = sorted({digest for step in judge.plan() for digest in step.by})
        digest = write(link, judge.case, request, signing, ts=ts, more=more)
        summary.keep(link, judge.case, judge.requirements, judge.kinds)
        return digest


def write(
    link: Connection, case: Case | None, request: Request, key: keys.Signer, *, ts: str, more: Mapping[str, Any]
) -> str:
    """Signs and records a decision that was checked, in the caller's transaction; answers its digest."""
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
    said = Statement(subjects, DECISION_TYPE, predicate)
    envelope = said.sealed(key)
    signers = trust.check(link, envelope, said, ts)
    return evidence.insert(link, envelope, said, signers, ts=ts).digest
