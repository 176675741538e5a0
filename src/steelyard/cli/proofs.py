"""`policy check|diff`: what holds for every system under a policy, and what changes between two; with examples."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO, InputError, missing_extra
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import policy_of, policy_options, say, say_json

if TYPE_CHECKING:
    from steelyard.policy.compile import Policy
    from steelyard.policy.proofs.findings import Finding

_SAID = {True: Text("holds", "成立"), False: Text("FAILS", "不成立"), None: Text("undecided", "未判定")}
_VACUOUS = Text("empty", "空洞")
_MONOTONE = "monotone:"


def register_check(actions: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds `check` to the actions of `policy`."""
    check = actions.add_parser(
        "check", parents=[common], help=Text("prove properties of a policy", "证明策略的性质").get(lang)
    )
    check.add_argument(
        "file",
        nargs="?",
        metavar="POLICY",
        help=Text("a policy file or name; default: the shipped policy", "策略文件或名称；默认使用内置策略").get(lang),
    )
    policy_options(check, lang, date=False)
    check.add_argument(
        "--seconds",
        type=float,
        metavar="N",
        help=Text("give the solver at most this long in all; default: 300", "求解总时限（秒）；默认 300").get(lang),
    )
    check.set_defaults(run=run_check)


def register_diff(actions: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds `diff` to the actions of `policy`."""
    diff = actions.add_parser(
        "diff", parents=[common], help=Text("what changes between two policies", "比较两个策略").get(lang)
    )
    diff.add_argument("old", metavar="A", help=Text("a policy file or name", "策略文件或名称").get(lang))
    diff.add_argument("new", metavar="B", help=Text("the policy it is compared with", "与之比较的策略").get(lang))
    diff.set_defaults(run=run_diff)


def run_diff(options: argparse.Namespace) -> int:
    """Tells what changed between two policies, with an example system for each change."""
    _need_z3()
    from steelyard.policy.compile import load_compiled
    from steelyard.policy.proofs.diff import policy_diff

    old, new = load_compiled(options.old), load_compiled(options.new)
    found = policy_diff(old, new)
    if options.json:
        say_json(found)
    else:
        say(diff_text(found, new, options.lang))
    return EXIT_DONE


def diff_text(found: dict[str, Any], policy: "Policy", lang: Lang) -> str:
    """The differences for a person."""
    from steelyard.policy.model import TIER_NAMES

    old, new = found["old"], found["new"]
    out = [f"{old['id']} {old['version']} ({old['digest'][:19]}) → {new['id']} {new['version']} ({new['digest'][:19]})"]
    for move in found["tiers"]:
        a, b = (TIER_NAMES[move[key]] for key in ("old", "new"))
        out += ["", Text(f"some systems move from {a.en} to {b.en}", f"部分系统由{a.zh}变为{b.zh}").get(lang)]
        out.append(_facts(move["example"]["facts"], policy, "  ", lang))
    said = {
        "added": Text("added", "新增"),
        "removed": Text("removed", "删除"),
        "changed": Text("changed", "修改"),
        "gains": Text("applies now, and did not before, for example", "新适用于，例如"),
        "loses": Text("no longer applies, for example", "不再适用于，例如"),
    }
    for item in found["rules"]:
        keys = f" ({', '.join(item['keys'])})" if item["keys"] else ""
        out += ["", f"{item['rule']}: {said[item['change']].get(lang)}{keys}"]
        if item["gains"] is None and item["loses"] is None:
            out.append("  " + Text("it applies to the same systems", "适用的系统不变").get(lang))
        for key in ("gains", "loses"):
            if item[key] is not None:
                out.append(f"  {said[key].get(lang)}")
                out.append(_facts(item[key]["facts"], policy, "    ", lang))
    for kind, names in _other_changes(found, lang):
        out += ["", f"{kind}: {', '.join(names)}"]
    if len(out) == 1:
        out.append(Text("nothing changed", "没有变化").get(lang))
    return "\n".join(out)


def _other_changes(found: dict[str, Any], lang: Lang) -> list[tuple[str, list[str]]]:
    kinds = {
        "lanes": Text("lanes", "通道"),
        "promises": Text("promises", "承诺"),
        "sets": Text("sets", "集合"),
        "terms": Text("terms", "术语"),
        "facts": Text("facts", "事实"),
        "undecided": Text("not decided within the time given", "在给定时间内未能判定"),
    }
    names = {kind: [str(item["id"] if isinstance(item, dict) else item) for item in found[kind]] for kind in kinds}
    return [(kinds[kind].get(lang), listed) for kind, listed in names.items() if listed]


def _need_z3() -> None:
    try:
        import z3  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        raise missing_extra("proofs", "z3-solver") from None


def run_check(options: argparse.Namespace) -> int:
    """Proves all properties; exit 1 where one fails, or where the time did not suffice to decide it."""
    _need_z3()
    from steelyard.base.progress import Progress
    from steelyard.policy.proofs.check import SECONDS, bases_of, check_policy

    lang: Lang = options.lang
    if options.file and options.policy:
        raise InputError("wrong_value", Text("name one policy, not two", "请只指定一个策略"), field="--policy")
    if options.seconds is not None and not options.seconds > 0:
        raise InputError("wrong_value", Text("--seconds is above 0", "--seconds 须大于 0"), field="--seconds")
    options.policy = options.file or options.policy
    policy = policy_of(options)
    bases = bases_of(options.policy)
    shown: list[Progress] = []

    def progress(done: int, total: int) -> None:
        if not shown:
            shown.append(Progress(Text("proving", "正在证明").get(lang), total))
        shown[0].update(done)

    try:
        findings = check_policy(policy, bases, seconds=options.seconds or SECONDS, progress=progress)
    finally:
        for bar in shown:
            bar.close()
    if options.json:
        say_json([finding.as_dict() for finding in findings])
    else:
        say(findings_text(findings, policy, lang))
    return EXIT_DONE if all(finding.holds for finding in findings) else EXIT_NO


def findings_text(findings: "list[Finding]", policy: "Policy", lang: Lang) -> str:
    """The findings for a person: a line each, the facts that hold together, counterexamples to paste."""
    from steelyard.base.tables import terminal_width, width, wrap

    data = policy.data
    out = [f"{data.title.get(lang)}  ({data.id} {data.version}, {policy.digest[:19]})", ""]
    column = max(width(text.get(lang)) for text in (*_SAID.values(), _VACUOUS))
    quiet = [finding for finding in findings if finding.holds and finding.property.startswith(_MONOTONE)]
    for finding in findings:
        if finding in quiet:
            if finding is quiet[0]:
                count = len(quiet)
                line = Text(
                    f"monotone: a more demanding answer never lowers the tier ({count} facts)",
                    f"monotone：回答更严时等级不会降低（{count} 项事实）",
                )
                out.append(_line(_SAID[True].get(lang), line.get(lang), column))
            continue
        text = f"{finding.property}: {finding.about.get(lang)}"
        said = _VACUOUS if finding.vacuous else _SAID[finding.holds]
        out.append(_line(said.get(lang), text, column))
        indent = " " * (column + 2)
        if finding.note:
            out.append(wrap(finding.note.get(lang), terminal_width(), indent))
        for item in (finding.counterexample, *finding.more):
            if item and "facts" in item:
                out.append(_facts(item["facts"], policy, indent, lang))
        if finding.undecided and len(finding.undecided) > 1:
            out.append(wrap(", ".join(finding.undecided), terminal_width(), indent))
    held, failed = (sum(finding.holds is value for finding in findings) for value in (True, False))
    rest = len(findings) - held - failed
    empty = sum(finding.vacuous for finding in findings)
    more = Text(f" ({empty} of them empty)", f"（其中 {empty} 项空洞）").get(lang) if empty else ""
    out += [
        "",
        Text(
            f"{len(findings)} properties: {held} proved{more}, {failed} failed, {rest} undecided",
            f"共 {len(findings)} 项性质：{held} 项已证明{more}，{failed} 项不成立，{rest} 项未判定",
        ).get(lang),
    ]
    return "\n".join(out)


def _line(said: str, text: str, column: int) -> str:
    from steelyard.base.tables import terminal_width, width, wrap

    body = wrap(text, terminal_width(), " " * (column + 2)).lstrip()
    return said + " " * (column + 2 - width(said)) + body


def _facts(facts: dict[str, Any], policy: "Policy", indent: str, lang: Lang) -> str:
    """The facts as YAML for a steelyard.yaml: first those that ask for governance, then the rest."""
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.policy.proofs.solver import least

    words = policy.vocabulary
    plain = {name: words[name].plain(least(words[name])) for name in facts if name in words}
    telling = {name: value for name, value in facts.items() if name not in plain or value != plain[name]}
    rest = {name: value for name, value in facts.items() if name not in telling}
    lines = ["facts: {" + "".join(f"{name}: {_yaml(value)}, " for name, value in telling.items())]
    if rest:
        lines.append(Text("# all else at its least demanding", "# 其余均取要求最低的值").get(lang))
        lines.append(", ".join(f"{name}: {_yaml(value)}" for name, value in rest.items()))
    wrapped = [wrap(line, terminal_width(), indent + "  " * bool(row)) for row, line in enumerate(lines)]
    return "\n".join(wrapped) + "}"


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return value if isinstance(value, str) else json.dumps(value)
