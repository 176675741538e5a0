"""An audit pack as OSCAL assessment results (1.1.2), so that tools of other houses can read where a system stands.

Each obligation is an objective of the first clause it carries out, and a finding with the state `satisfied` or
`not-satisfied`; each piece of evidence and each decision is an observation that points at its envelope in the pack.
Enforced: the same pack gives the same bytes (UUIDs are of version 5, over digests and ids); both languages stand in it,
the Chinese ones as properties of our own namespace; what OSCAL cannot say (lapsed, excepted, uncertain) stands beside
its state as a property, so that nothing is called satisfied that is only excepted. Source: NIST OSCAL 1.1.2.
"""

import uuid
from typing import Any

from steelyard import __version__
from steelyard.base.i18n import Text
from steelyard.evidence.kinds import Kinds
from steelyard.gates.decide import ACTIONS
from steelyard.gates.gate import Step
from steelyard.gates.sarif import STATE_WORDS
from steelyard.journeys.audit_pack import Pack, Packed
from steelyard.policy.model import GATE_NAMES, ROLE_NAMES

VERSION = "1.1.2"
NAMESPACE = "https://steelyard.dev/ns/oscal"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)


def assessment_results(pack: Pack) -> dict[str, Any]:
    """The whole document."""
    return _Writer(pack).document()


def token(identifier: str) -> str:
    """An id as OSCAL takes it: `v1:M4.1.2-c` as `v1.M4.1.2-c`."""
    kept = "".join(char if char.isalnum() or char in "._-" else "." for char in identifier)
    return kept if kept[:1].isalpha() or kept[:1] == "_" else f"_{kept}"


class _Writer:
    """The parts of one document and the names they call each other by."""

    def __init__(self, pack: Pack) -> None:
        self.pack, self.case, self.kinds = pack, pack.case, Kinds.registered()
        self.steps = pack.judge.plan()
        self.shown = [item for item in pack.envelopes if item.form in ("evidence", "decision")]
        self.names = pack.names()
        self.component = self.uuid("system", pack.system)

    def uuid(self, *parts: str) -> str:
        """A UUID that says the same of the same."""
        return str(uuid.uuid5(_SPACE, "\n".join(parts)))

    def document(self) -> dict[str, Any]:
        """The document; its own UUID follows the case, the day and how far the logs had come."""
        pack, title = self.pack, self._title()
        state = [f"{item.log.origin} {item.size}" for item in pack.logs]
        plan = self.uuid("plan", pack.system)
        return {
            "assessment-results": {
                "uuid": self.uuid("document", pack.system, self.case.digest, self._on(), *state),
                "metadata": {
                    "title": title.en,
                    "last-modified": pack.made,
                    "version": __version__,
                    "oscal-version": VERSION,
                    "props": [_chinese("title", title.zh)],
                    "parties": self._parties(),
                },
                "import-ap": {
                    "href": f"#{plan}",
                    "remarks": "There is no separate assessment plan: what is assessed follows from the policy.",
                },
                "local-definitions": {"objectives-and-methods": self._objectives()},
                "results": [self._result(title)],
                "back-matter": {
                    "resources": [
                        {
                            "uuid": plan,
                            "title": "What the pack holds, and the digests of policy and catalogue",
                            "rlinks": [{"href": "../pack.json", "media-type": "application/json"}],
                        }
                    ]
                },
            }
        }

    def _title(self) -> Text:
        name = _line(self.case.assessment.profile.name) or self.pack.system
        return Text(f"Where {name} stands: obligations, evidence and decisions", f"{name}：义务、证据与决定")

    def _on(self) -> str:
        return self.case.assessment.on.isoformat()

    def _parties(self) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = [
            {"uuid": self.uuid("party", "house"), "type": "organization", "name": self.pack.logs[-1].log.origin}
        ]
        for person in sorted({self._who(item) for item in self.shown}):
            named = {"name": _line(self.names.get(person) or person)}
            out.append({"uuid": self.uuid("party", person), "type": "person", **named})
        return out

    def _who(self, item: Packed) -> str:
        """The person behind an envelope, by pseudonym; for evidence whoever holds the key, which may be the house."""
        said = item.stored.statement.predicate.get("person")
        holders = {key.keyid: key.holder for key in self.pack.keys}
        return str(said) if isinstance(said, str) else holders.get((*item.stored.signers, "")[0], "unknown")

    def _objectives(self) -> list[dict[str, Any]]:
        by_clause: dict[str, list[dict[str, Any]]] = {}
        for step in self.steps:
            rule = step.fired.rule
            part = {
                "id": token(rule.id),
                "name": "objective",
                "title": _line(rule.title.en),
                "prose": rule.action.en.strip(),
                "props": [
                    _chinese("title", rule.title.zh),
                    _chinese("prose", rule.action.zh),
                    _prop("gate", rule.gate),
                    *[_prop("clause", clause) for clause in rule.clauses],
                ],
            }
            by_clause.setdefault(token(rule.clauses[0]), []).append(part)
        return [{"control-id": clause, "parts": parts} for clause, parts in sorted(by_clause.items())]

    def _result(self, title: Text) -> dict[str, Any]:
        assessment = self.case.assessment
        clauses = sorted({token(clause) for step in self.steps for clause in step.fired.rule.clauses})
        about = (
            f"Tier {assessment.tier.lowest} to {assessment.tier.highest}; state as of {self.pack.made}, "
            f"judged for {self._on()}."
        )
        out: dict[str, Any] = {
            "uuid": self.uuid("result", self.pack.system, self.case.digest, self._on(), self.pack.made),
            "title": title.en,
            "description": about,
            "start": self.pack.made,
            "props": [
                _chinese("title", title.zh),
                _prop("tier-lowest", assessment.tier.lowest),
                _prop("tier-highest", assessment.tier.highest),
                *[_prop("prohibited", item.rule.id) for item in assessment.prohibitions if item.certain],
            ],
            "local-definitions": {"components": [self._system()]},
            "reviewed-controls": {
                "control-selections": [
                    {"include-controls": [{"control-id": clause} for clause in clauses]}
                    if clauses
                    else {"include-all": {}}
                ]
            },
        }
        observations = [self._observation(item) for item in self.shown]
        findings = [self._finding(step) for step in self.steps]
        return (
            out
            | ({"observations": observations} if observations else {})
            | ({"findings": findings} if findings else {})
        )

    def _system(self) -> dict[str, Any]:
        profile = self.case.assessment.profile
        stage = profile.facts.get("stage")
        known = {"use": "operational", "retired": "disposition"}
        return {
            "uuid": self.component,
            "type": "this-system",
            "title": _line(profile.name) or self.pack.system,
            "description": profile.purpose.strip() or "No purpose is on record.",
            "props": [_prop("system-id", self.pack.system)],
            "status": {"state": known.get(str(stage), "under-development") if stage else "other"},
        }

    def _observation(self, item: Packed) -> dict[str, Any]:
        said = item.stored.statement.predicate
        if item.form == "evidence":
            kind = self.kinds.get(str(said["kind"]))
            title = kind.title if kind is not None else Text(str(said["kind"]), str(said["kind"]))
            measured = kind is not None and kind.command is not None
        else:
            what = ACTIONS.get(str(said["action"]), Text(str(said["action"]), str(said["action"])))
            role = ROLE_NAMES.get(str(said["role"]), Text(str(said["role"]), str(said["role"])))
            title, measured = Text(f"Decision: {what.en} ({role.en})", f"决定：{what.zh}（{role.zh}）"), False
        until = said.get("valid_until") or said.get("until")
        named = said.get("obligations") or ([said["obligation"]] if said.get("obligation") else [])
        out: dict[str, Any] = {
            "uuid": self.uuid("observation", item.name),
            "title": title.en,
            "description": title.en,
            "props": [
                _chinese("title", title.zh),
                *[_prop("obligation", str(name)) for name in named],
                *([_prop("confidence", str(said["confidence"]))] if "confidence" in said else []),
            ],
            "methods": ["TEST" if measured else "EXAMINE"],
            "types": ["control-objective"],
            "origins": [{"actors": [{"type": "party", "actor-uuid": self.uuid("party", self._who(item))}]}],
            "subjects": [{"subject-uuid": self.component, "type": "component"}],
            "relevant-evidence": [
                {
                    "href": f"../envelopes/{item.name}.json",
                    "description": "The signed statement (DSSE, in-toto Statement v1).",
                    "props": [_prop("sha256", item.name)],
                }
            ],
            "collected": str(said.get("issued") or said.get("decided")),
        }
        return out | ({"expires": f"{until}T23:59:59+08:00"} if until else {})

    def _finding(self, step: Step) -> dict[str, Any]:
        rule, word = step.fired.rule, STATE_WORDS.get(step.state, Text("contradicted", "有不利结果"))
        held = step.state == "satisfied"
        have = {item.stored.digest for item in self.shown}
        related = [
            {"observation-uuid": self.uuid("observation", digest.removeprefix("sha256:"))}
            for digest in step.by
            if digest in have
        ]
        gate = GATE_NAMES[rule.gate]
        out: dict[str, Any] = {
            "uuid": self.uuid("finding", self.pack.system, rule.id, self.case.digest, self._on(), step.state),
            "title": _line(rule.title.en),
            "description": f"{rule.title.en}: {word.en}. Due at {gate.en}.",
            "props": [
                _chinese("title", rule.title.zh),
                _chinese("description", f"{rule.title.zh}：{word.zh}。关口：{gate.zh}。"),
                _prop("state", step.state),
            ],
            "target": {
                "type": "objective-id",
                "target-id": token(rule.id),
                "status": {
                    "state": "satisfied" if held else "not-satisfied",
                    "reason": "pass" if held else "fail" if step.state == "contradicted" else "other",
                },
            },
        }
        return out | ({"related-observations": related} if related else {})


def _line(text: str) -> str:
    """A text on one line, as titles and property values are."""
    return " ".join(text.split())


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": _line(value)}


def _chinese(name: str, value: str) -> dict[str, str]:
    return _prop(f"{name}-zh", value)
