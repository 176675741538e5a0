"""A gate as SARIF 2.1.0: what keeps it shut, at the answer in the profile that made it owed."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from steelyard import __version__
from steelyard.base.i18n import Lang, Text
from steelyard.gates.gate import Decision, Judge, Result, State, Step
from steelyard.gates.people import ROLES
from steelyard.policy.model import ROLE_NAMES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: dict[str, str] = {
    "due": "error",
    "lapsed": "error",
    "contradicted": "error",
    "uncertain": "error",
    "excepted": "note",
}
STATE_WORDS: dict[State, Text] = {
    "due": Text("missing", "缺少证据"),
    "lapsed": Text("lapsed", "证据已失效"),
    "contradicted": Text("contradicted", "有不利结果"),
    "uncertain": Text("an open fact decides", "取决于未知事实"),
    "excepted": Text("excepted", "例外"),
    "satisfied": Text("satisfied", "已满足"),
    "later": Text("not due yet", "尚未到期"),
}


def message(step: Step, lang: Lang) -> str:
    """One line about a step."""
    state = STATE_WORDS[step.state]
    tail = f" ({', '.join(step.facts)})" if step.state == "uncertain" else ""
    short = step.short if step.state in ("due", "lapsed", "contradicted") else ()
    return "; ".join(
        (f"{step.fired.rule.title.get(lang)}: {state.get(lang)}{tail}", *(item.text().get(lang) for item in short))
    )


def approval_missing(role: str) -> Text:
    """That the lane still asks for an approval."""
    who = ROLE_NAMES.get(role)
    return Text(f"approval missing: {role}", f"缺少批准：{who.zh if who else '任一受任人员'}")


def stopped(stop: Decision) -> Text:
    """That the system is stopped, and what lets it go on."""
    who = ROLES.get(stop.role, Text(stop.role, stop.role))
    return Text(
        f"stopped on {stop.decided} as {stop.role}; an approval given after it lifts the stop",
        f"{stop.decided} 由{who.zh}停用；此后作出的批准可解除停用",
    )


def sarif(result: Result, judge: Judge, path: str, lang: Lang) -> dict[str, Any]:
    """The SARIF log of a gate; excepted obligations are results that carry a suppression."""
    shut = [step for step in result.steps if step.state in _LEVELS]
    lines = _lines(path)
    results: list[dict[str, Any]] = [_result(step, path, lines, lang) for step in shut]
    for role in result.approval:
        results.append(_plain(f"approval.{role}", approval_missing(role).get(lang), path))
    for item in result.prohibitions:
        results.append(
            _plain(item.rule.id, Text(f"STOP: {item.rule.title.en}", f"禁止：{item.rule.title.zh}").get(lang), path)
        )
    for item in result.undecided:
        facts = ", ".join(item.open)
        results.append(
            _plain(
                item.rule.id,
                Text(
                    f"STOP, if confirmed: {item.rule.title.en} ({facts})",
                    f"如属实则禁止：{item.rule.title.zh}（{facts}）",
                ).get(lang),
                path,
                next((lines[name] for name in item.open if name in lines), 1),
            )
        )
    for stop in result.stops:
        results.append(_plain("stopped", stopped(stop).get(lang), path))
    rules: dict[str, dict[str, Any]] = {
        step.fired.rule.id: {
            "id": step.fired.rule.id,
            "shortDescription": {"text": step.fired.rule.title.get(lang)},
            "fullDescription": {"text": step.fired.rule.action.get(lang)},
            "properties": {"clauses": list(step.fired.rule.clauses)},
        }
        for step in shut
    }
    for found in results:
        rules.setdefault(str(found["ruleId"]), {"id": found["ruleId"], "shortDescription": found["message"]})
    driver = {
        "name": "steelyard",
        "version": __version__,
        "informationUri": "https://steelyard.dev",
        "rules": list(rules.values()),
    }
    run = {
        "tool": {"driver": driver},
        "results": results,
        "properties": {"gate": result.gate, "open": result.open, "case": judge.case.digest},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _uri(path: str) -> str:
    """A path as a URI reference: relative as it is, absolute as `file:`, what a URI cannot hold escaped."""
    return Path(path).as_uri() if Path(path).is_absolute() else quote(path.replace("\\", "/"), safe="/-._~!$&'()*+,;=@")


def _lines(path: str) -> dict[str, int]:
    """The line of each answer in the profile."""
    from steelyard.base.errors import SteelyardError
    from steelyard.base.yamldoc import load

    try:
        doc = load(path)
    except SteelyardError:
        return {}
    facts = doc.data.get("facts") if isinstance(doc.data, dict) else None
    return {str(name): doc.where_key("facts", name).line for name in facts or {}}


def _plain(rule: str, text: str, path: str, line: int = 1, level: str = "error") -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": {"startLine": line}}}
    return {"ruleId": rule, "level": level, "message": {"text": text}, "locations": [place]}


def _result(step: Step, path: str, lines: dict[str, int], lang: Lang) -> dict[str, Any]:
    line = next((lines[name] for name in (*step.facts, *step.fired.names) if name in lines), 1)
    out = _plain(step.fired.rule.id, message(step, lang), path, line, _LEVELS[step.state])
    out["partialFingerprints"] = {"obligation": step.fired.rule.id}
    out["properties"] = {"state": step.state, "gate": step.fired.rule.gate, "by": list(step.by)}
    if step.state == "excepted":
        out["suppressions"] = [{"kind": "external", "status": "accepted"}]
    return out
