"""The sections of an audit pack's page that speak of one system: what stands, what satisfied it, who decided.

Enforced: each obligation names the evidence or decision it rests on, each decision its person (by pseudonym once the
name is erased) and its digest; a value that is gone without a record of erasing is shown as missing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.base.clock import duration_text
from steelyard.base.i18n import Text
from steelyard.documents import audit_pack_html_words as t
from steelyard.documents import portfolio_html_words as w
from steelyard.evidence.kinds import Kinds
from steelyard.gates.decide import ACTIONS
from steelyard.gates.gate import APPROVAL
from steelyard.gates.people import ROLES
from steelyard.gates.sarif import STATE_WORDS
from steelyard.journeys.audit_pack import Moment, Pack, Packed
from steelyard.policy.model import GATE_NAMES, GATES, ROLE_NAMES

LONG = 20_000
SHORT = 16


def moment(ts: str) -> str:
    """A time as people read it: the day and the minute, in UTC as it was signed."""
    shown = ts[:16].replace("T", " ") + (" UTC" if ts.endswith("Z") else ts[-6:] if len(ts) > 19 else "")
    return f'<time datetime="{w.esc(ts)}">{w.esc(shown)}</time>'


def state(word: Text, good: bool | None) -> str:
    """A word with its colour; the word alone says it too."""
    style = "" if good is None else " ok" if good else " no"
    return f'<span class="state{style}">{w.both(word)}</span>'


def _rhythm(every: str) -> Text:
    span = duration_text(every)
    return Text(f"every {span.en}", f"每{span.zh}")


def row(*cells: str) -> str:
    """A table row, its first cell the header."""
    first, *rest = cells
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>\n'


def heads(*names: Text) -> list[str]:
    """Column headers."""
    return [w.head(name) for name in names]


class Parts:
    """One pack, looked at section by section."""

    def __init__(self, pack: Pack, moments: Sequence[Moment]) -> None:
        self.pack, self.moments, self.kinds = pack, moments, Kinds.registered()
        self.case = pack.case
        self.words = self.case.assessment.policy.vocabulary
        self.names = pack.names()
        self.holders = {key.keyid: key for key in pack.keys}
        self.by_digest = {item.stored.digest: item for item in pack.envelopes}

    # People and things as they are named ------------------------------------------------------------------------------

    def person(self, pseudonym: str) -> str:
        """A name, or the pseudonym where the name is gone or not of this pack."""
        name = self.names.get(pseudonym)
        return f'{w.own(name)} <span class="sub">{w.code(pseudonym)}</span>' if name else w.code(pseudonym)

    def signer(self, item: Packed) -> str:
        """Whoever signed: a person, an outside key by its name, or the house."""
        found = [self.holders[keyid] for keyid in item.stored.signers if keyid in self.holders]
        said = [
            w.both(t.HOUSE)
            if key.purpose == "statement"
            else self.person(key.holder)
            if key.purpose == "person"
            else w.own(key.holder)
            for key in found
        ]
        return "<br>".join(said) or "—"

    @staticmethod
    def link(item: Packed) -> str:
        """The short digest of an envelope, leading to its file in the pack."""
        return f'<a href="envelopes/{item.name}.json" title="{item.name}"><code>{item.name[:SHORT]}…</code></a>'

    def fact(self, name: str, value: Any) -> str:
        """A fact's value in words; what is no fact, as it is written."""
        if value is None:
            return w.say("not answered", "未回答")
        if name in self.words:
            return w.both(self.words[name].label(self.words[name].parse(value)))
        return w.own(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), LONG)

    def fact_name(self, name: str) -> str:
        """The name of a fact or of a field of the profile."""
        if name in self.words:
            return f'{w.both(self.words[name].name)} <span class="sub">{w.code(name)}</span>'
        return w.both(t.SYSTEM_FIELDS.get(name, Text(name, name)))

    # The system -------------------------------------------------------------------------------------------------------

    def system(self) -> str:
        """Who the system is, and every answer."""
        data = self.case.assessment.profile.as_data()
        rows = [
            row(self.fact_name(f"system.{name}"), self.fact(f"system.{name}", value))
            for name, value in data["system"].items()
        ]
        rows += [
            row(self.fact_name(part), self.fact(part, data[part]))
            for part in ("models", "datasets", "asked")
            if part in data
        ]
        facts = [row(self.fact_name(name), self.fact(name, value)) for name, value in data["facts"].items()]
        names = heads(Text("What", "内容"), Text("On record", "记录"))
        return w.table(w.say("Who it is", "基本信息"), names, rows) + w.table(
            w.say(f"{len(facts)} facts answered", f"已回答 {len(facts)} 项事实"), names, facts
        )

    def tier(self) -> str:
        """The tier with the rules and facts behind it, and what is prohibited."""
        found = self.case.assessment
        lane = w.lane_name(found.policy, found.tier.lowest, found.tier.highest)
        out = f'<p class="lead">{w.badge(found.tier.lowest, found.tier.highest)} · {w.both(lane)}</p>'
        for item in found.prohibitions:
            sure = item.certain
            word = Text("STOP", "禁止") if sure else Text("may be prohibited", "可能属禁止情形")
            out += f'<p class="warn"><b class="stop">{w.both(word)}</b> {w.both(item.rule.title)}</p>'
        rows = []
        owed = {item.rule.id for item in found.obligations}
        for reason in found.reasons():
            if reason["rule"] in owed:
                continue
            title = Text(reason["title"]["en"], reason["title"]["zh"])
            word = Text("certain", "确定") if reason["certain"] else Text("open", "未定")
            facts = "<br>".join(self._because(name, value) for name, value in reason["facts"].items())
            clauses = " ".join(w.code(clause) for clause in reason["clauses"])
            rows.append(
                row(
                    f'{w.both(title)} <span class="sub">{w.code(reason["rule"])}</span>',
                    facts or "—",
                    w.both(word),
                    clauses,
                )
            )
        names = heads(
            Text("Rule", "规则"), Text("Because of", "依据事实"), Text("Sure?", "是否确定"), Text("Clauses", "条款")
        )
        return out + w.table(w.say("Why", "理由"), names, rows)

    def _because(self, name: str, value: Any) -> str:
        if name not in self.words:
            return w.own(f"{name}: {json.dumps(value, ensure_ascii=False)}")
        fact, shown = self.words[name], w.fact_value(self.words[name], value)
        return w.both(Text(f"{fact.name.en}: {shown.en}", f"{fact.name.zh}：{shown.zh}"))

    # Obligations ------------------------------------------------------------------------------------------------------

    def gates(self) -> str:
        """Each gate, open or closed, and how much is still missing there."""
        out = ""
        for name in GATES:
            result = self.pack.judge.gate(name)
            shut = [step for step in result.steps if step.state not in ("satisfied", "excepted", "later")]
            count = sum(map(len, (shut, result.approval, result.stops, result.prohibitions, result.undecided)))
            word = Text("open", "放行") if result.open else Text("closed", "不予放行")
            still = Text("nothing is missing", "无缺项") if result.open else Text(f"{count} to do", f"尚缺 {count} 项")
            style = "yes" if result.open else "no"
            head = Text(f"{GATE_NAMES[name].en.capitalize()}: {word.en}", f"{GATE_NAMES[name].zh}：{word.zh}")
            more = w.both(still) + self._approvals(result.approval)
            out += f'<li class="{style}"><b>{w.both(head)}</b><span>{more}</span></li>'
        return f'<ul class="gates">{out}</ul>'

    @staticmethod
    def _approvals(roles: Sequence[str]) -> str:
        if not roles:
            return ""
        names = [ROLE_NAMES.get(role, Text("anybody appointed", "任一受任人员")) for role in roles if role != APPROVAL]
        names = names or [Text("anybody appointed", "任一受任人员")]
        text = Text(
            "; approval by " + ", ".join(item.en for item in names), "；待批准：" + "、".join(item.zh for item in names)
        )
        return w.both(text)

    def obligations(self) -> str:
        """Every obligation, where it stands, and what it rests on."""
        rows = []
        for step in self.pack.judge.plan():
            rule, word = step.fired.rule, STATE_WORDS[step.state]
            good = {"satisfied": True, "excepted": None, "later": None}.get(step.state, False)
            by = "".join(f'<span class="item">{self._rests(digest)}</span>' for digest in step.by) or "—"
            if step.until is not None:
                by += f'<span class="sub">{w.say("until", "至")} <time>{step.until}</time></span>'
            if step.facts:
                names = [self.words[name].name for name in step.facts if name in self.words]
                open_facts = Text(", ".join(item.en for item in names), "、".join(item.zh for item in names))
                by += f'<span class="sub">{w.both(open_facts)}</span>' if names else ""
            title = f'{w.both(rule.title)} <span class="sub">{w.code(rule.id)}</span>'
            gate = w.both(GATE_NAMES[rule.gate]) + (
                f'<span class="sub">{w.both(_rhythm(rule.every))}</span>' if rule.every else ""
            )
            rows.append(row(title, gate, state(word, good), by, w.both(ROLE_NAMES[rule.owner])))
        shown = heads(
            Text("Obligation", "义务"),
            Text("Gate", "关口"),
            Text("State", "状态"),
            Text("Rests on", "依据"),
            Text("Owed by", "责任角色"),
        )
        return w.table(w.say(f"{len(rows)} obligations", f"{len(rows)} 项义务"), shown, rows)

    def _rests(self, digest: str) -> str:
        item = self.by_digest.get(digest)
        if item is None:
            return w.code(digest[:SHORT])
        said = item.stored.statement.predicate
        if item.form == "decision":
            return f"{w.both(self._action(said))} {self.link(item)}"
        return f"{w.both(self._kind(said))} {self.link(item)}"

    def _kind(self, said: Mapping[str, Any]) -> Text:
        kind = self.kinds.get(str(said.get("kind")))
        return kind.title if kind is not None else Text(str(said.get("kind")), str(said.get("kind")))

    @staticmethod
    def _action(said: Mapping[str, Any]) -> Text:
        action = str(said["action"])
        return ACTIONS.get(action, Text(action, action))

    # Decisions and evidence -------------------------------------------------------------------------------------------

    def decisions(self) -> str:
        """Each decision in its order: what, about what, who in which role, why, when, under which digest."""
        rows = []
        for item in self.pack.of("decision"):
            said = item.stored.statement.predicate
            role = ROLES.get(
                str(said["role"]), t.STANDING if said["role"] == "standing" else Text(said["role"], said["role"])
            )
            about = [
                w.both(GATE_NAMES[said["gate"]]) if said.get("gate") in GATE_NAMES else "",
                w.code(said["obligation"]) if said.get("obligation") else "",
                f"{w.say('until', '至')} {w.esc(str(said['until']))}" if said.get("until") else "",
                "" if said.get("system") else w.say("for all systems within its limits", "适用于限定范围内的所有系统"),
            ]
            stale = said.get("case") is not None and said.get("case") != self.case.digest
            note = (
                f'<span class="sub">{w.say("about an earlier state of the system", "关于系统的先前状态")}</span>'
                if stale
                else ""
            )
            who = self.person(str(said["person"])) if said["person"] != "system" else w.both(t.HOUSE)
            rows.append(
                row(
                    w.both(self._action(said)) + note,
                    "<br>".join(filter(None, about)) or "—",
                    f'{who}<span class="sub">{w.both(role)}</span>',
                    w.own(str(said["reason"]), LONG),
                    moment(str(said["decided"])),
                    self.link(item),
                )
            )
        names = heads(
            Text("Decision", "决定"),
            Text("About", "对象"),
            Text("Person and role", "人员与角色"),
            Text("Reason", "理由"),
            Text("Time", "时间"),
            Text("Statement", "声明"),
        )
        return self.table(
            rows, names, Text(f"{len(rows)} decisions, the oldest first", f"{len(rows)} 项决定，按时间先后")
        )

    def evidence(self) -> str:
        """Each piece of evidence in its order."""
        rows = []
        for item in self.pack.of("evidence"):
            said = item.stored.statement.predicate
            named = " ".join(w.code(str(name)) for name in said.get("obligations") or []) or w.say(
                "each obligation that takes this kind", "接受该类别的各项义务"
            )
            until = said.get("valid_until")
            about = "<br>".join(
                f'{w.own(one.name)} <span class="sub">{w.code(one.sha256[:SHORT] + "…")}</span>'
                for one in item.stored.statement.subjects[:20]
            )
            level = t.CONFIDENCE.get(str(said["confidence"]), Text(str(said["confidence"]), str(said["confidence"])))
            dates = moment(str(said["issued"])) + (
                f'<span class="sub">{w.say("until", "至")} {w.esc(until)}</span>' if until else ""
            )
            rows.append(
                row(w.both(self._kind(said)), named, about, w.both(level), self.signer(item), dates, self.link(item))
            )
        names = heads(
            Text("Kind", "类别"),
            Text("For", "用于"),
            Text("About", "对象"),
            Text("Confidence", "可信程度"),
            Text("Signed by", "签署者"),
            Text("Issued", "出具时间"),
            Text("Statement", "声明"),
        )
        return self.table(
            rows, names, Text(f"{len(rows)} statements, the oldest first", f"{len(rows)} 份声明，按时间先后")
        )

    @staticmethod
    def table(rows: list[str], names: list[str], caption: Text) -> str:
        """A table, or the word for nothing."""
        return w.table(w.both(caption), names, rows) if rows else f"<p>{w.both(t.NOTHING)}</p>"
