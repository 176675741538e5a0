"""`gate`, `decide`, `appoint`: whether a gate opens, and what people decide about it."""

import argparse
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, evidence_text, policy_of, policy_options, say, say_json, warn
from steelyard.cli.stores import home_of, person_passphrase, store_options

if TYPE_CHECKING:
    from steelyard.gates.case import Case
    from steelyard.gates.desk import Desk
    from steelyard.gates.gate import Result, Step

DECIDABLE = ("approve", "refuse", "except", "override", "stop", "report", "standing", "declare", "admit")


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    from steelyard.policy.model import GATES

    gate = commands.add_parser("gate", parents=[common], help=Text("does the gate open?", "关口是否放行").get(lang))
    gate.add_argument("file", metavar="FILE")
    gate.add_argument("--at", metavar="GATE", required=True, choices=GATES, help=", ".join(GATES))
    gate.add_argument("--format", choices=["text", "sarif", "junit"], default="text")
    policy_options(gate, lang)
    store_options(gate, lang)
    gate.set_defaults(run=run_gate)

    about = Text("record what a named person decided", "记录具名人员的决定")
    decide = commands.add_parser("decide", help=about.get(lang), description=about.get(lang))
    actions = decide.add_subparsers(dest="action", metavar=Text("ACTION", "操作").get(lang), required=True)
    for name in DECIDABLE:
        _decide_parser(actions, common, name, lang)

    appoint = commands.add_parser(
        "appoint", parents=[common], help=Text("say that a person may act in a role", "任命某人担任角色").get(lang)
    )
    appoint.add_argument("name", metavar="NAME")
    appoint.add_argument("--role", metavar="ROLE", required=True)
    appoint.add_argument("--unit", metavar="UNIT", default="")
    appoint.add_argument("--until", metavar="DATE")
    appoint.add_argument("--by", metavar="NAME", required=True)
    store_options(appoint, lang)
    appoint.set_defaults(run=run_appoint)


_ABOUT = {
    "approve": Text("approve a system in a role of its lane", "以通道中的角色批准系统"),
    "refuse": Text("refuse it", "否决"),
    "except": Text("except it from one obligation until a date", "在期限内对某项义务准予例外"),
    "override": Text("let an obligation stand against contrary evidence", "结果不利，仍认可某项义务已满足"),
    "stop": Text("stop it", "停用系统"),
    "report": Text("record that something was reported", "记录已报告"),
    "standing": Text("sign a standing approval of the fast lane", "签署快速通道的常设批准"),
    "declare": Text("declare as its owner that the answers are true", "由负责人申明答案属实"),
    "admit": Text("admit it by the standing approval", "依常设批准自动准入"),
}


def _decide_parser(actions: Any, common: argparse.ArgumentParser, name: str, lang: Lang) -> None:
    about = _ABOUT[name].get(lang)
    parser = actions.add_parser(name, parents=[common], help=about, description=about)
    if name != "standing":
        parser.add_argument("file", metavar="FILE")
    if name != "admit":
        parser.add_argument("--by", metavar="NAME", required=True)
        if name == "declare":
            parser.set_defaults(role="owner", reason="the answers in the profile are true")
        else:
            parser.add_argument("--role", metavar="ROLE", required=True)
            parser.add_argument("--reason", metavar="TEXT", required=True)
    parser.add_argument("--gate", metavar="GATE")
    parser.add_argument("--obligation", metavar="ID")
    parser.add_argument("--until", metavar="DATE")
    parser.add_argument(
        "--reviewed",
        metavar="DIGEST",
        help=Text("the digest of what was reviewed; `gate` prints it", "所审内容的摘要，由 `gate` 输出").get(lang),
    )
    if name in ("except", "override"):
        parser.add_argument(
            "--requested-by",
            metavar="NAME",
            help=Text("who asks for it; default: the owner of the system", "请求人；默认为系统负责人").get(lang),
        )
    if name == "standing":
        parser.add_argument(
            "--sample",
            metavar="PERCENT",
            type=int,
            default=10,
            help=Text("how many are looked at afterwards; default: 10", "事后抽查比例，默认 10").get(lang),
        )
        parser.add_argument("--units", metavar="UNIT", nargs="*", default=[])
    policy_options(parser, lang)
    store_options(parser, lang)
    parser.set_defaults(run=run_decide)


def desk_of(options: argparse.Namespace, profile: str | None) -> "Desk":
    """The desk a command means."""
    from steelyard.gates.desk import Desk

    return Desk.of(home_of(options, profile), policy_of(options), date_of(options))


def run_gate(options: argparse.Namespace) -> int:
    """Whether the gate opens; exit 1 where it does not."""
    desk = desk_of(options, options.file)
    judge = desk.judge_now(options.file)
    result = judge.gate(options.at)
    if options.format == "sarif":
        from steelyard.gates.sarif import sarif

        say_json(sarif(result, judge, options.file, options.lang))
    elif options.format == "junit":
        from steelyard.gates.junit import junit

        print(junit(result, judge, options.file, options.lang))
    elif options.json:
        from steelyard.gates.shown import gate_data

        say_json(gate_data(result, desk, judge.case.digest, options.file, options.lang))
    else:
        say(gate_text(result, desk, judge.case, options))
    return EXIT_DONE if result.open else EXIT_NO


_STATE_HEADS: tuple[tuple[str, Text], ...] = (
    ("due", Text("Missing", "缺少")),
    ("lapsed", Text("Lapsed", "已失效")),
    ("contradicted", Text("Contradicted", "有不利结果")),
    ("uncertain", Text("Open questions decide", "取决于未知事实")),
    ("excepted", Text("Excepted", "例外")),
)


def gate_text(result: "Result", desk: "Desk", case: "Case", options: argparse.Namespace) -> str:
    """The gate for a person on a terminal."""
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.gates.shown import consent_command
    from steelyard.policy.model import GATE_NAMES

    lang: Lang = options.lang
    width, name = terminal_width(), GATE_NAMES[result.gate]
    done = len(result.of("satisfied", "excepted")) + len(result.granted)
    owed = len(result.steps) - len(result.of("later")) + len(result.consents)
    head = (
        Text(f"The gate {name.en} is OPEN", f"关口“{name.zh}”：放行")
        if result.open
        else Text(f"The gate {name.en} stays CLOSED", f"关口“{name.zh}”：不予放行")
    )
    out = [Text(f"{head.en}: {done} of {owed} done", f"{head.zh}，已完成 {done}/{owed}").get(lang)]
    out += _stop_lines(result, desk, options, width)
    for state, title in _STATE_HEADS:
        steps = result.of(state)  # type: ignore[arg-type]
        extra = [item for item in result.consents if item.state != "satisfied"] if state == "due" else []
        if not steps and not extra:
            continue
        out.append(
            f"\n{title.get(lang)}（{len(steps) + len(extra)}）"
            if lang == "zh"
            else f"\n{title.en} ({len(steps) + len(extra)})"
        )
        for step in steps:
            out.append(wrap(f"{step.fired.rule.title.get(lang)}  ({step.fired.rule.id})", width, "  "))
            out += [wrap(line, width, "      ") for line in _step_lines(step, desk, options)]
        for item in extra:
            out.append(wrap(item.title().get(lang), width, "  "))
            out.append(wrap(consent_command(item, options.file), width, "      "))
    out += _notes(result, lang, width)
    if any(not step.role for step in result.of("due", "lapsed", "contradicted")):
        out.append("\n" + Text("Evidence is added so:", "添加证据：").get(lang))
        out.append(f"  steelyard evidence new KIND --system {case.system} --obligation ID --subject FILE --out X.json")
        out.append("  steelyard evidence add X.json")
    out.append("\n" + Text(f"What stands now: {case.digest}", f"当前内容摘要：{case.digest}").get(lang))
    return "\n".join(out)


def _stop_lines(result: "Result", desk: "Desk", options: argparse.Namespace, width: int) -> list[str]:
    """What keeps the gate shut whatever is handed in: prohibitions, and stops with what lifts them."""
    from steelyard.base.tables import wrap
    from steelyard.gates.sarif import stopped
    from steelyard.gates.shown import approve_command

    lang: Lang = options.lang
    out = []
    for item in result.prohibitions:
        out.append(wrap(Text(f"STOP: {item.rule.title.en}", f"禁止：{item.rule.title.zh}").get(lang), width, "  "))
    for item in result.undecided:
        text = Text(f"STOP, if confirmed: {item.rule.title.en}", f"如属实则禁止：{item.rule.title.zh}")
        out.append(wrap(text.get(lang), width, "  "))
        out.append(wrap(_ask(item.open[0], desk, lang), width, "      "))
    for stop in result.stops:
        out.append(wrap(stopped(stop).get(lang), width, "  "))
        out.append(wrap(approve_command(options.file, None), width, "      "))
    return out


def _notes(result: "Result", lang: Lang, width: int) -> list[str]:
    """What a reader should know about what counts: overrides, and evidence that names no obligation."""
    from steelyard.base.tables import wrap

    out = []
    for step in result.of("satisfied"):
        if step.overridden:
            text = Text(
                f"{step.fired.rule.id} stands against a contrary result of {step.at} by an override until {step.until}",
                f"{step.fired.rule.id} 有 {step.at} 的不利结果，现依推翻决定视为已满足，至 {step.until}",
            )
            out.append("\n" + wrap(text.get(lang), width))
    general = [step for step in result.of("satisfied") if step.general]
    if general:
        text = Text(
            f"{len(general)} rest on evidence that names no obligation and counts for all that take its kind",
            f"其中 {len(general)} 项依据的证据未指明义务，按类别对所有同类义务有效",
        )
        out.append("\n" + wrap(text.get(lang), width))
    return out


def _step_lines(step: "Step", desk: "Desk", options: argparse.Namespace) -> list[str]:
    from steelyard.gates.shown import command_of
    from steelyard.policy.model import ROLE_NAMES

    lang: Lang = options.lang
    if step.state == "uncertain":
        return [_ask(step.facts[0] if step.facts else "", desk, lang)]
    if step.state == "excepted":
        return [Text(f"until {step.until}", f"至 {step.until}").get(lang)]
    again = ""
    if step.reopened:
        again = Text("something it rests on changed, do it again: ", "所依据的内容已变化，须重做：").get(lang)
    made = command_of(step, desk, options.file)
    if step.role:
        lines = [again + str(made)]
    else:
        owner = ROLE_NAMES[step.fired.rule.owner].get(lang)
        lines = [" · ".join(filter(None, (f"{again}{owner}", evidence_text(step.fired.rule.evidence, lang), made)))]
    if step.state == "contradicted":
        lines = [way_out(step, options.file).get(lang), *lines]
    return [*lines, *(item.text().get(lang) for item in step.short)]


def way_out(step: "Step", path: str) -> Text:
    """What contradicts a step, of which day, and what ends that."""
    digest = step.by[0][:19] if step.by else ""
    if step.role:
        return Text(
            f"refused on {step.at} ({digest}); a newer approval in that role ends it",
            f"{step.at} 被否决（{digest}）；由该角色重新批准即可解除",
        )
    command = f"steelyard decide override {path} --obligation {step.fired.rule.id} --until DATE"
    return Text(
        f"{digest} of {step.at} says otherwise; a newer result that passes ends it, or {command} ...",
        f"{step.at} 的 {digest} 结果不利；可补充更新的合格结果，或运行 {command} ...",
    )


def _ask(fact: str, desk: "Desk", lang: Lang) -> str:
    words = desk.policy.vocabulary
    asked = words[fact].question.get(lang) if fact in words else fact
    return Text(f"answer first, {fact}: {asked}", f"请先回答 {fact}：{asked}").get(lang)


def run_decide(options: argparse.Namespace) -> int:
    """Checks, signs and records a decision; prints its digest. Exit 1 where the core refuses."""
    from steelyard.gates import decide, fast_lane, people
    from steelyard.gates.desk import writing

    profile = getattr(options, "file", None)
    desk = desk_of(options, profile)
    case = desk.case(profile) if profile else None
    sampled: bool | None = None
    with writing(desk.home) as link:
        judge = desk.judge(case, link) if case is not None else None
        if options.action == "admit":
            assert judge is not None and case is not None  # noqa: S101  (admit takes a file)
            from steelyard.intake.contradictions import check as contradictions

            found = len(contradictions(case.assessment.profile, desk.policy))
            digest, sampled = fast_lane.admit(desk.home, link, judge, found, options.reviewed)
        else:
            person, asked = people.find(desk.home, link, options.by), getattr(options, "requested_by", None)
            request = decide.Request(
                options.action,
                person,
                options.role,
                options.reason,
                options.gate,
                options.obligation,
                options.until,
                options.reviewed,
                people.find(desk.home, link, asked, "--requested-by") if asked else None,
            )
            secret = person_passphrase(options)
            if options.action == "standing":
                digest = fast_lane.standing(
                    desk.home, link, request, secret, sample_percent=options.sample, units=tuple(options.units)
                )
            elif options.action == "declare":
                assert judge is not None  # noqa: S101  (declare takes a file)
                digest = fast_lane.declare(desk.home, link, judge, request, secret)
            else:
                assert judge is not None  # noqa: S101  (all but standing take a file)
                digest = decide.decide(desk.home, link, judge, request, secret)
    if options.json:
        say_json({"digest": digest, "action": options.action, "sampled": sampled})
        return EXIT_DONE
    say(digest)
    if sampled:
        warn(Text("drawn for a look afterwards", "已抽中，须事后抽查").get(options.lang))
    return EXIT_DONE


def run_appoint(options: argparse.Namespace) -> int:
    """Appoints somebody to a role; prints the digest of the appointment."""
    from steelyard.gates import people
    from steelyard.gates.desk import writing

    home = home_of(options)
    with writing(home) as link:
        by = people.find(home, link, options.by)
        person = people.find(home, link, options.name, "NAME")
        digest = people.appoint(
            home,
            link,
            person,
            options.role,
            by=by,
            passphrase=person_passphrase(options),
            unit=options.unit,
            until=options.until,
        )
    if options.json:
        say_json({"digest": digest, "person": person.id, "role": options.role})
    else:
        say(digest)
    return EXIT_DONE
