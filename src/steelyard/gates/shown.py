"""A gate and a plan as plain data (contracts): the same for the command line, the console's API and the audit pack."""

from typing import Any

from steelyard.base.i18n import Lang
from steelyard.gates.desk import Desk
from steelyard.gates.gate import APPROVAL, Consent, Judge, Result, Step
from steelyard.policy.model import GATES


def approve_command(path: str, role: str | None) -> str:
    """The command with which somebody approves in a role; None: in any role that the lane takes."""
    return f"steelyard decide approve {path} --role {role or 'ROLE'} --by NAME --reason TEXT"


def command_of(step: Step, desk: Desk, path: str) -> str | None:
    """The command of the tool that makes the evidence, or of the decision; None where a person attests it."""
    if step.role:
        return approve_command(path, step.role)
    kinds = (desk.kinds.get(name) for name in step.fired.rule.evidence)
    return next((kind.command for kind in kinds if kind is not None and kind.command), None)


def consent_command(item: Consent, path: str) -> str:
    """The command with which an approval beyond obligations is given."""
    return approve_command(path, None if item.role == APPROVAL else item.role)


def decision_of(step: Step) -> dict[str, Any] | None:
    """The decision that satisfies a step, in which role; None where evidence does."""
    return {"role": step.role} if step.role else None


def short_of(step: Step, lang: Lang) -> list[dict[str, str]]:
    """Evidence that was handed in and does not count, and what it misses."""
    return [
        {"evidence": item.evidence, "on": item.on.isoformat(), "needs": item.needs.get(lang)} for item in step.short
    ]


def _step(step: Step, desk: Desk, path: str) -> dict[str, Any]:
    return {
        "obligation": step.fired.rule.id,
        "needs": list(step.fired.rule.evidence),
        "decision": decision_of(step),
        "command": command_of(step, desk, path),
        "by": list(step.by),
        "reopened": list(step.reopened),
    }


def _consent(item: Consent, path: str) -> dict[str, Any]:
    return {
        "obligation": item.name,
        "needs": [],
        "decision": {"role": None if item.role == APPROVAL else item.role},
        "command": consent_command(item, path),
        "by": list(item.by),
        "reopened": [],
        "short": [],
    }


def _satisfied(step: Step) -> dict[str, Any]:
    return {
        "obligation": step.fired.rule.id,
        "by": list(step.by),
        "until": step.until.isoformat() if step.until else None,
        "named": not step.general,
        "overridden": step.overridden,
    }


def gate_data(result: Result, desk: Desk, digest: str, path: str, lang: Lang = "en") -> dict[str, Any]:
    """The gate as contracts fix it, with what else programs ask for."""
    missing = [{**_step(step, desk, path), "short": short_of(step, lang)} for step in result.of("due")]
    missing += [_consent(item, path) for item in result.consents if item.state != "satisfied"]
    uncertain: list[dict[str, Any]] = [
        {"obligation": step.fired.rule.id, "fact": step.facts[0] if step.facts else None, "facts": list(step.facts)}
        for step in result.of("uncertain")
    ]
    uncertain += [
        {"obligation": item.rule.id, "fact": item.open[0], "facts": list(item.open), "prohibition": True}
        for item in result.undecided
    ]
    satisfied = [_satisfied(step) for step in result.of("satisfied")]
    satisfied += [
        {
            "obligation": item.name,
            "by": list(item.by),
            "until": item.until.isoformat() if item.until else None,
            "named": True,
            "overridden": False,
        }
        for item in result.granted
    ]
    return {
        "gate": result.gate,
        "open": result.open,
        "missing": missing,
        "lapsed": [_step(step, desk, path) for step in result.of("lapsed")],
        "contradicted": [
            {**_step(step, desk, path), "on": step.at.isoformat() if step.at else None}
            for step in result.of("contradicted")
        ],
        "excepted": [
            {**_step(step, desk, path), "until": step.until.isoformat() if step.until else None}
            for step in result.of("excepted")
        ],
        "uncertain": uncertain,
        "satisfied": satisfied,
        "later": [step.fired.rule.id for step in result.of("later")],
        "prohibited": [item.rule.id for item in result.prohibitions],
        "stopped": [item.digest for item in result.stops],
        "digest": digest,
        "on": desk.on.isoformat(),
    }


def rows_of(judge: Judge) -> list[Step | Consent]:
    """The rows of a plan: obligations gate by gate, and the lane's own approvals at the end of *launch*."""
    steps = judge.plan()
    last = GATES.index("launch")
    upto = sum(1 for step in steps if GATES.index(step.fired.rule.gate) <= last)
    return [*steps[:upto], *judge.consents(), *steps[upto:]]


def plan_data(judge: Judge, desk: Desk, path: str, lang: Lang = "en") -> list[dict[str, Any]]:
    """The plan as contracts fix it, with what else programs ask for."""
    return [
        _plan_consent(item, path) if isinstance(item, Consent) else _plan_step(item, desk, path, lang)
        for item in rows_of(judge)
    ]


def _plan_step(step: Step, desk: Desk, path: str, lang: Lang) -> dict[str, Any]:
    rule = step.fired.rule
    return {
        "gate": rule.gate,
        "obligation": rule.id,
        "title": {"en": rule.title.en, "zh": rule.title.zh},
        "owner": rule.owner,
        "due": rule.due,
        "every": rule.every,
        "certain": step.fired.certain,
        "state": step.state if step.state in ("satisfied", "lapsed", "excepted") else "due",
        "detail": step.state,
        "evidence": list(rule.evidence),
        "decision": decision_of(step),
        "command": command_of(step, desk, path),
        "by": list(step.by),
        "until": step.until.isoformat() if step.until else None,
        "short": short_of(step, lang),
        "overridden": step.overridden,
    }


def _plan_consent(item: Consent, path: str) -> dict[str, Any]:
    title = item.title()
    return {
        "gate": "launch",
        "obligation": item.name,
        "title": {"en": title.en, "zh": title.zh},
        "owner": None if item.role == APPROVAL else item.role,
        "due": None,
        "every": None,
        "certain": True,
        "state": item.state if item.state in ("satisfied", "lapsed") else "due",
        "detail": item.state,
        "evidence": [],
        "decision": {"role": None if item.role == APPROVAL else item.role},
        "command": consent_command(item, path),
        "by": list(item.by),
        "until": item.until.isoformat() if item.until else None,
        "short": [],
        "overridden": False,
    }
