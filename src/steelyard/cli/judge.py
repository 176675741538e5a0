"""`assess`, `explain`, `plan`, `diff`: the judgement of systems, for people and for programs."""

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, SteelyardError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, evidence_text, policy_of, policy_options, report, say, say_json, shown
from steelyard.cli.stores import store_options

if TYPE_CHECKING:
    from steelyard.gates.minimum import Counts
    from steelyard.policy.assess import Assessment, Bounds
    from steelyard.policy.compile import Policy
    from steelyard.policy.match import Fired


_FEW = 6


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    assess = commands.add_parser("assess", parents=[common], help=Text("judge systems", "评估系统").get(lang))
    assess.add_argument("files", nargs="+", metavar="FILE")
    policy_options(assess, lang)
    assess.set_defaults(run=run_assess)

    explain = commands.add_parser("explain", parents=[common], help=Text("explain one rule", "说明规则").get(lang))
    explain.add_argument("file", metavar="FILE")
    explain.add_argument("id", metavar="RULE_OR_OBLIGATION")
    policy_options(explain, lang)
    explain.set_defaults(run=run_explain)

    plan = commands.add_parser("plan", parents=[common], help=Text("what is owed when", "应办事项").get(lang))
    plan.add_argument("file", metavar="FILE")
    policy_options(plan, lang)
    store_options(plan, lang)
    plan.set_defaults(run=run_plan)

    diff = commands.add_parser("diff", parents=[common], help=Text("compare two profiles", "比较档案").get(lang))
    diff.add_argument("old", metavar="OLD")
    diff.add_argument("new", metavar="NEW")
    policy_options(diff, lang)
    diff.set_defaults(run=run_diff)


def _judge(path: str, policy: "Policy", options: argparse.Namespace) -> "Assessment":
    from steelyard.policy.assess import assess
    from steelyard.profile.document import read

    return assess(read(path, policy.vocabulary), policy, date_of(options))


def run_assess(options: argparse.Namespace) -> int:
    """Judges each file; one that cannot be used is told, and the others still come."""
    policy = policy_of(options)
    date_of(options)
    code = EXIT_DONE
    for index, path in enumerate(options.files):
        try:
            assessment = _judge(path, policy, options)
        except SteelyardError as error:
            code = max(code, report(error, options))
            continue
        if options.json:
            say_json(assessment.as_dict())
        else:
            say(("\n" if index else "") + assessment_text(assessment, options.lang))
    return code


def range_text(bounds: "Bounds", names: dict[str, Text], lang: Lang) -> str:
    """`medium`, or `low to high` while facts are open."""
    low, high = names[bounds.lowest].get(lang), names[bounds.highest].get(lang)
    return low if bounds.settled else Text(f"{low} to {high} (open)", f"{low}至{high}（未定）").get(lang)


def _facts_text(assessment: "Assessment", fired_facts: Iterable[str], lang: Lang) -> str:
    from steelyard.policy.tree import TIER

    return shown(((name, said(assessment, name).get(lang)) for name in fired_facts if name != TIER), lang)


def said(assessment: "Assessment", fact: str) -> Text:
    """The value of a fact in words; a neutral value that nobody gave is told as not applicable."""
    if fact in assessment.not_applicable:
        return Text("not applicable", "不适用")
    return assessment.policy.vocabulary[fact].label(assessment.values[fact])


def _mark(certain: bool, lang: Lang) -> str:
    return "" if certain else Text("may: ", "可能：").get(lang)


def assessment_text(assessment: "Assessment", lang: Lang) -> str:
    """An assessment for a person, on a terminal."""
    from steelyard.base.tables import table, terminal_width, wrap
    from steelyard.policy.model import GATE_NAMES, TIER_NAMES

    policy, profile = assessment.policy, assessment.profile
    width = terminal_width()
    lanes = {lane.id: lane.title for lane in policy.data.lanes}
    name = f"{profile.name} ({profile.id})" if profile.name else profile.id
    head = Text(
        f"{name}   policy {policy.data.id} {policy.data.version}, {assessment.on}",
        f"{name}   策略 {policy.data.id} {policy.data.version}，{assessment.on}",
    )
    out = [
        head.get(lang),
        f"  {Text('Tier: ', '等级：').get(lang)}{range_text(assessment.tier, TIER_NAMES, lang)}"
        f"     {Text('Lane: ', '通道：').get(lang)}{range_text(assessment.lane, lanes, lang)}",
    ]
    for fired in assessment.prohibitions:
        stop = Text("STOP", "禁止") if fired.certain else Text("STOP, if confirmed", "如属实则禁止")
        out.append(
            f"  {stop.get(lang)}{'：' if lang == 'zh' else ': '}{fired.rule.title.get(lang)} "
            f"[{', '.join(fired.rule.clauses)}] {_facts_text(assessment, fired.names, lang)}"
        )
    out += _open_lines(assessment, lang, width)
    out += ["", Text("Why", "理由").get(lang)]
    for rule, reason, facts in _why_rows(assessment, lang):
        out.append(wrap(f"{reason}  ({rule})", width, "  "))
        out.append(wrap(facts, width, "      "))
    sure = [item for item in assessment.obligations if item.certain]
    maybe = len(assessment.obligations) - len(sure)
    out += ["", Text(f"Owed ({len(sure)})", f"应办事项（{len(sure)}）").get(lang)]
    rows = [
        (
            GATE_NAMES[item.rule.gate].get(lang),
            item.rule.title.get(lang),
            item.rule.id,
        )
        for item in _by_gate(sure)
    ]
    if rows:
        out.append(table(rows, _heads(lang, "gate", "what", "obligation"), total=width, flexible=1))
    if maybe:
        out.append(
            Text(
                f"  and {maybe} more that open facts decide; `steelyard plan` lists them",
                f"  另有 {maybe} 项取决于未知事实，可用 `steelyard plan` 查看",
            ).get(lang)
        )
    out += [wrap(note, width) for note in _notes(assessment, lang)]
    return "\n".join(out)


def _open_lines(assessment: "Assessment", lang: Lang, width: int) -> list[str]:
    """The questions that would settle most, before anything else."""
    from steelyard.base.tables import wrap

    facts = assessment.open_facts
    if not facts:
        return []
    words = assessment.policy.vocabulary
    out = ["", Text("Answer next, most useful first", "建议接着回答（按作用排序）").get(lang)]
    out += [wrap(f"{fact}: {words[fact].question.get(lang)}", width, "  ") for fact in facts[:5]]
    if facts[5:]:
        out.append(wrap(Text("then: ", "其后：").get(lang) + ", ".join(facts[5:]), width, "  "))
    return out


def _notes(assessment: "Assessment", lang: Lang) -> list[str]:
    notes = [
        Text(
            f"Assumed by the mapping, {item.id}: {item.fact} {json.dumps(item.value)}. {item.reason.en}",
            f"映射假定 {item.id}：{item.fact} {json.dumps(item.value)}。{item.reason.zh}",
        ).get(lang)
        for item in assessment.profile.assumed
    ]
    notes += [
        Text(
            f"Loosened by {item.policy}: {item.rule}. {item.reason.en}",
            f"{item.policy} 已放宽 {item.rule}：{item.reason.zh}",
        ).get(lang)
        for item in assessment.policy.data.loosened
    ]
    for name in assessment.policy.data.instruments:
        instrument = assessment.policy.clauses.instruments.get(name)
        successor = instrument.superseded_by if instrument else None
        if instrument and successor and successor.since <= assessment.on:
            notes.append(
                Text(
                    f"Note: {instrument.title.en} was superseded on {successor.since} by its {successor.by}.",
                    f"注意：《{instrument.title.zh}》已于 {successor.since} 被新版（{successor.by}）取代。",
                ).get(lang)
            )
    return ["", *notes] if notes else []


def _heads(lang: Lang, *names: str) -> list[str]:
    heads = {
        "rule": Text("rule", "规则"),
        "because": Text("because", "原因"),
        "facts": Text("facts", "事实"),
        "gate": Text("gate", "关口"),
        "obligation": Text("obligation", "义务"),
        "owner": Text("owner", "责任角色"),
        "what": Text("what", "内容"),
        "due": Text("due", "时限"),
        "evidence": Text("evidence", "证据"),
    }
    return [heads[name].get(lang) for name in names]


def _why_rows(assessment: "Assessment", lang: Lang) -> list[tuple[str, str, str]]:
    from steelyard.policy.tree import TIERS

    rows = [
        (
            fired.rule.id,
            _mark(fired.certain, lang) + fired.rule.title.get(lang),
            f"{_facts_text(assessment, fired.names, lang)}  [{', '.join(fired.rule.clauses)}]",
        )
        for fired in sorted(assessment.tiers, key=lambda item: -TIERS.index(item.rule.tier))
        if fired.certain
    ]
    maybe = [fired for fired in assessment.tiers if not fired.certain]
    shown_open = [fired for fired in maybe if fired.rule.tier != assessment.tier.lowest][:_FEW]
    rows += [
        (
            fired.rule.id,
            _mark(False, lang) + fired.rule.title.get(lang),
            f"{_facts_text(assessment, fired.names, lang)}  [{', '.join(fired.rule.clauses)}]",
        )
        for fired in shown_open
    ]
    if len(maybe) > len(shown_open):
        rest = ", ".join(fired.rule.id for fired in maybe if fired not in shown_open)
        rows.append(("...", Text("further rules that open facts decide", "其他取决于未知事实的规则").get(lang), rest))
    default = assessment.policy.data.default
    if assessment.tier.lowest == default.tier:
        reason = next(item for item in assessment.reasons() if item["rule"] == default.id)
        mark = _mark(assessment.tier.settled, lang)
        rows.append((default.id, mark + default.title.get(lang), _facts_text(assessment, reason["facts"], lang)))
    return rows


def _by_gate(obligations: "list[Fired]") -> "list[Fired]":
    from steelyard.policy.model import GATES

    return sorted(obligations, key=lambda item: GATES.index(item.rule.gate))


def run_plan(options: argparse.Namespace) -> int:
    """What is owed before each gate, and where each step stands."""
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.cli.gates import desk_of, way_out
    from steelyard.gates.gate import Consent
    from steelyard.gates.sarif import STATE_WORDS
    from steelyard.gates.shown import consent_command, plan_data, rows_of
    from steelyard.policy.model import GATE_NAMES, ROLE_NAMES, TIER_NAMES

    lang: Lang = options.lang
    desk = desk_of(options, options.file)
    judge = desk.judge_now(options.file)
    assessment, rows = judge.case.assessment, rows_of(judge)
    if options.json:
        say_json(plan_data(judge, desk, options.file, lang))
        return EXIT_DONE
    tier = range_text(assessment.tier, TIER_NAMES, lang)
    name = assessment.profile.name or assessment.profile.id
    done = sum(1 for row in rows if row.state in ("satisfied", "excepted"))
    say(
        Text(
            f"{name}: {len(rows)} steps, {f'{done} done, ' if done else ''}tier {tier}",
            f"{name}：共 {len(rows)} 项，{f'已完成 {done} 项，' if done else ''}等级 {tier}",
        ).get(lang)
    )
    width, gate = terminal_width(), ""
    for row in rows:
        at = "launch" if isinstance(row, Consent) else row.fired.rule.gate
        if at != gate:
            gate = at
            say(f"\n{GATE_NAMES[gate].get(lang)}")
        mark = {"satisfied": "✓ ", "excepted": "~ "}.get(row.state, "")
        state = STATE_WORDS[row.state].get(lang) if row.state in ("lapsed", "contradicted", "excepted") else ""
        until = Text(f"until {row.until}", f"至 {row.until}").get(lang) if row.until else ""
        if isinstance(row, Consent):
            say(wrap(f"{mark}{row.title().get(lang)}  ({row.name})", width, "  "))
            command = "" if row.state == "satisfied" else consent_command(row, options.file)
            if command or until:
                say(wrap(" · ".join(filter(None, (command, state, until))), width, "      "))
            continue
        rule = row.fired.rule
        say(wrap(f"{mark}{_mark(row.fired.certain, lang)}{rule.title.get(lang)}  ({rule.id})", width, "  "))
        when = due_text(rule.due, rule.every, lang)
        evidence = evidence_text(rule.evidence, lang)
        if row.overridden:
            state = Text("by an override", "依推翻决定").get(lang)
        parts = (ROLE_NAMES[rule.owner].get(lang), when, evidence, state, until)
        say(wrap(" · ".join(filter(None, parts)), width, "      "))
        if row.state == "contradicted":
            say(wrap(way_out(row, options.file).get(lang), width, "      "))
        for item in row.short:
            say(wrap(item.text().get(lang), width, "      "))
    more = Text(
        "`steelyard explain FILE OBLIGATION` says what counts as done", "`steelyard explain 文件 义务` 说明如何算完成"
    )
    say("\n" + more.get(lang))
    return EXIT_DONE


def due_text(due: str | None, every: str | None, lang: Lang) -> str:
    """When a step falls due beyond its gate, and how often again, in words; empty for once before the gate."""
    from steelyard.base.clock import duration_text

    parts = []
    if due is not None and due.startswith("P"):
        after = duration_text(due)
        parts.append(Text(f"{after.en} after the gate", f"关口后 {after.zh}内"))
    elif due is not None:
        parts.append(Text(f"by {due}", f"{due} 前"))
    if every is not None:
        again = duration_text(every)
        parts.append(
            Text(f"again every {again.en.removeprefix('1 ')}", f"每 {again.zh}一次".replace("每 1 年", "每年"))
        )
    return ("，" if lang == "zh" else ", ").join(part.get(lang) for part in parts)


def run_explain(options: argparse.Namespace) -> int:
    """Why a rule or obligation applies to a system or not, and which single answers would change that."""
    from steelyard.policy.explain import explain

    assessment = _judge(options.file, policy_of(options), options)
    explanation = explain(assessment, options.id)
    decision, counted = _what_counts(assessment, options.id)
    if options.json:
        say_json({**explanation.as_dict(), "decision": decision, "counts": [item.as_dict() for item in counted]})
    else:
        say("\n".join([explanation.render(options.lang), *_count_lines(decision, counted, options.lang)]))
    return EXIT_DONE


def _what_counts(assessment: "Assessment", rule: str) -> "tuple[dict[str, str] | None, list[Counts]]":
    """What counts as done for an obligation: a decision in a role, or evidence with its least result."""
    from steelyard.evidence.kinds import Kinds
    from steelyard.gates.minimum import counts
    from steelyard.gates.requirements import load
    from steelyard.policy.model import Obligation

    policy = assessment.policy
    found = policy.judges[rule][0]
    if not isinstance(found, Obligation):
        return None, []
    kinds = Kinds.registered()
    requirements = load(policy, kinds)
    role = requirements.approvals.get(rule)
    return ({"role": role}, []) if role is not None else (None, list(counts(requirements, found, kinds)))


def _count_lines(decision: dict[str, str] | None, counted: "list[Counts]", lang: Lang) -> list[str]:
    from steelyard.base.clock import duration_text
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.gates.minimum import by_decision

    lines = [by_decision(decision["role"]).get(lang)] if decision else []
    for item in counted:
        text = item.text()
        if item.within:
            span = duration_text(item.within)
            text = Text(f"{text.en}; counts for {span.en}", f"{text.zh}；有效期 {span.zh}")
        lines.append(text.get(lang))
    head = ["", Text("What counts as done", "如何算完成").get(lang)] if lines else []
    return head + [wrap(line, terminal_width(), "  ") for line in lines]


def run_diff(options: argparse.Namespace) -> int:
    """What changes from one profile to another under the same policy."""
    from steelyard.base.tables import table
    from steelyard.policy.diff import compare
    from steelyard.policy.model import TIER_NAMES

    policy, lang = policy_of(options), options.lang
    old, new = (_judge(path, policy, options) for path in (options.old, options.new))
    change = compare(old, new)
    if options.json:
        say_json(change)
        return EXIT_DONE
    before, after = (range_text(item.tier, TIER_NAMES, lang) for item in (old, new))
    say(f"{Text('Tier: ', '等级：').get(lang)}{before} -> {after}")
    rows = [(fact, *(said(item, fact).get(lang) for item in (old, new))) for fact in change["facts"]]
    if rows:
        say(table(rows, [Text("fact", "事实").get(lang), Text("was", "原为").get(lang), Text("is", "现为").get(lang)]))
    titles = {rule.id: rule.title for rule, _ in policy.judges.values()}
    for key, sign in (("added", "+"), ("removed", "-"), ("settled", "~")):
        for name in change["rules"][key]:
            say(f"  {sign} {name}  {titles[name].get(lang) if name in titles else ''}")
    if not rows and not any(change["rules"].values()):
        say(Text("no change", "无变化").get(lang))
    return EXIT_DONE
