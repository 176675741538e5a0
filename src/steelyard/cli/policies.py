"""`policy show|coverage|test`: what a policy says, what it covers, and whether its examples hold."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO, InputError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import policy_of, policy_options, say, say_json
from steelyard.cli.proofs import register_check, register_diff

if TYPE_CHECKING:
    from steelyard.policy.compile import Policy


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    policy = commands.add_parser("policy", help=Text("show and test a policy", "查看与测试策略").get(lang))
    actions = policy.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", parents=[common], help=Text("list the rules, or one", "列出规则").get(lang))
    show.add_argument("id", nargs="?", metavar="RULE_OR_OBLIGATION")
    cover = actions.add_parser("coverage", parents=[common], help=Text("clauses and obligations", "条款覆盖").get(lang))
    test = actions.add_parser("test", parents=[common], help=Text("run the examples", "运行示例").get(lang))
    for parser, run in ((show, run_show), (cover, run_coverage), (test, run_test)):
        policy_options(parser, lang, date=False)
        parser.set_defaults(run=run)
    register_check(actions, common, lang)
    register_diff(actions, common, lang)


def run_show(options: argparse.Namespace) -> int:
    """Lists the rules of a policy, or tells one in full."""
    import msgspec

    from steelyard.base.clock import duration_text
    from steelyard.base.tables import table, terminal_width, wrap
    from steelyard.base.yamldoc import near
    from steelyard.policy.model import ROLE_NAMES, TIER_NAMES

    policy, lang = policy_of(options), options.lang
    if options.id is not None:
        if options.id not in policy.judges:
            raise InputError(
                "unknown_rule",
                Text(f"there is no rule or obligation {options.id}", f"没有规则或义务 {options.id}"),
                remedy=near(options.id, policy.judges),
            )
        rule = policy.judges[options.id][0]
        say_json(msgspec.to_builtins(rule)) if options.json else say(_one(policy, options.id, lang))
        return EXIT_DONE
    if options.json:
        say_json({"digest": policy.digest, **msgspec.to_builtins(policy.data)})
        return EXIT_DONE
    data = policy.data
    say(f"{data.title.get(lang)}  ({data.id} {data.version}, {policy.digest[:19]})")
    for layer in data.layers[:-1]:
        say(Text(f"  over {layer.id} {layer.version}", f"  基于 {layer.id} {layer.version}").get(lang))
    for item in data.loosened:
        say(Text(f"  loosens {item.rule}: {item.reason.en}", f"  放宽 {item.rule}：{item.reason.zh}").get(lang))
    kinds = (
        (Text("Tier rules", "等级规则"), data.tiers),
        (Text("Prohibitions", "禁止事项"), data.prohibitions),
        (Text("Obligations", "义务"), data.obligations),
    )
    for title, rules in kinds:
        say(f"\n{title.get(lang)} ({len(rules)})")
        heads = [Text(*pair).get(lang) for pair in (("id", "编号"), ("title", "标题"), ("when", "条件"))]
        say(table([(rule.id, rule.title.get(lang), rule.when) for rule in rules], heads))
    say(f"\n{Text('Lanes', '通道').get(lang)}")
    for lane in data.lanes:
        people = ", ".join(f"{item.count} × {ROLE_NAMES[item.role].get(lang)}" for item in lane.reviewers) or "-"
        within = duration_text(lane.within).get(lang)
        say(f"  {lane.id} ({TIER_NAMES[lane.tier].get(lang)}): {people}; {within}")
        say(wrap(lane.about.get(lang), terminal_width(), "      "))
    return EXIT_DONE


def _one(policy: "Policy", identifier: str, lang: Lang) -> str:
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.catalogue.model import Clause
    from steelyard.cli.common import evidence_text
    from steelyard.cli.judge import due_text
    from steelyard.policy.model import GATE_NAMES, ROLE_NAMES, Obligation

    rule, width = policy.judges[identifier][0], terminal_width()
    out = [f"{rule.id}: {rule.title.get(lang)}", wrap(rule.why.get(lang), width, "  ")]
    if isinstance(rule, Obligation):
        out += [
            wrap(rule.action.get(lang), width, "  "),
            "  "
            + " · ".join(
                filter(
                    None,
                    (
                        ROLE_NAMES[rule.owner].get(lang),
                        GATE_NAMES[rule.gate].get(lang),
                        due_text(rule.due, rule.every, lang),
                        evidence_text(rule.evidence, lang),
                    ),
                )
            ),
        ]
    out.append(f"  when {rule.when}")
    for clause in rule.clauses:
        found = policy.clauses.cite(clause)
        out.append(f"  {clause}  {found.title.get(lang) if isinstance(found, Clause) else '-'}")
    for sign, facts in (("+", rule.examples.fires), ("-", rule.examples.near_miss)):
        out.append(f"  {sign} " + ", ".join(f"{name}: {json.dumps(value)}" for name, value in facts.items()))
    return "\n".join(out)


def run_coverage(options: argparse.Namespace) -> int:
    """One row for each clause the policy answers for; exit 1 where one is not accounted for."""
    from steelyard.base.tables import table
    from steelyard.policy.coverage import coverage

    lang = options.lang
    rows = coverage(policy_of(options))
    if options.json:
        for row in rows:
            note = {"en": row.information.en, "zh": row.information.zh} if row.information else None
            say_json({"clause": row.clause.id, "obligations": list(row.obligations), "information": note})
    else:
        body = [
            (
                row.clause.id,
                row.clause.title.get(lang),
                ", ".join(row.obligations)
                or (row.information.get(lang) if row.information else Text("NOT COVERED", "未覆盖").get(lang)),
            )
            for row in rows
        ]
        heads = [Text(*pair).get(lang) for pair in (("clause", "条款"), ("title", "标题"), ("obligations", "义务"))]
        say(table(body, heads))
        carried = sum(bool(row.obligations) for row in rows)
        say(
            Text(
                f"{len(rows)} clauses: {carried} carried out by obligations, {len(rows) - carried} for information",
                f"共 {len(rows)} 条：{carried} 条由义务落实，{len(rows) - carried} 条仅供参考",
            ).get(lang)
        )
    return EXIT_DONE if all(row.ok for row in rows) else EXIT_NO


def run_test(options: argparse.Namespace) -> int:
    """Runs the examples beside every rule; exit 1 where one fails."""
    from steelyard.policy.examples import run_examples

    lang = options.lang
    trials = list(run_examples(policy_of(options)))
    failed = [trial for trial in trials if not trial.ok]
    if options.json:
        for trial in trials:
            problem = {"en": trial.problem.en, "zh": trial.problem.zh} if trial.problem else None
            say_json({**trial._asdict(), "ok": trial.ok, "problem": problem})
    else:
        for trial in failed:
            say(f"{trial.rule} {trial.example}: {trial.problem.get(lang) if trial.problem else ''}")
        say(
            Text(
                f"{len(trials)} examples, {len(trials) - len(failed)} as promised, {len(failed)} not",
                f"共 {len(trials)} 个示例，{len(trials) - len(failed)} 个符合，{len(failed)} 个不符",
            ).get(lang)
        )
    return EXIT_NO if failed else EXIT_DONE
