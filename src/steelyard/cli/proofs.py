"""`policy check|diff`: what holds for every system under a policy, and what changes between two; with examples.

`policy diff --portfolio` counts besides how many systems of an inventory move, before anything is proved.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EXIT_NO, InputError, missing_extra
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import date_of, policy_of, policy_options, say, say_json, warn

if TYPE_CHECKING:
    from steelyard.journeys.moves import Moves, Standing
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
    diff.add_argument(
        "--portfolio",
        metavar="INVENTORY",
        help=Text("count the systems of this inventory that move", "统计该清单中发生变动的系统").get(lang),
    )
    diff.add_argument("--map", metavar="MAPPING", help=Text("how columns become facts", "列到事实的映射文件").get(lang))
    diff.add_argument(
        "--on",
        metavar="DATE",
        help=Text("judge the inventory as of this date; default: today", "清单的评估日期；默认为当日").get(lang),
    )
    diff.set_defaults(run=run_diff)


def run_diff(options: argparse.Namespace) -> int:
    """Tells what changed between two policies, with an example for each change, and what moves in a portfolio."""
    _need_z3()
    from steelyard.policy.compile import load_compiled
    from steelyard.policy.proofs.diff import policy_diff

    lang: Lang = options.lang
    old, new = load_compiled(options.old), load_compiled(options.new)
    moves = _moves(options, old, new)
    found = policy_diff(old, new)
    if options.json:
        say_json({**found, "portfolio": moves.as_dict()} if moves else found)
    else:
        say(diff_text(found, new, lang))
        if moves:
            say("\n" + moves_text(moves, lang))
    return EXIT_DONE


def _moves(options: argparse.Namespace, old: "Policy", new: "Policy") -> "Moves | None":
    """What moves in the inventory that `--portfolio` names; None without one."""
    if options.portfolio is None:
        for name in ("map", "on"):
            if getattr(options, name) is not None:
                raise InputError(
                    "wrong_value",
                    Text(f"--{name} goes with --portfolio", f"--{name} 须与 --portfolio 一起使用"),
                    field=f"--{name}",
                )
        return None
    try:
        import polars  # noqa: F401
    except ImportError:
        raise missing_extra("portfolio", "polars") from None
    from steelyard.journeys.moves import portfolio_moves

    mapping = Path(options.map) if options.map is not None else None
    moves = portfolio_moves(Path(options.portfolio), mapping, old, new, date_of(options))
    for name in moves.ignored:
        warn(Text(f"column {name!r} is not a fact and was ignored", f"列 {name!r} 不是事实，已忽略").get(options.lang))
    return moves


def moves_text(moves: "Moves", lang: Lang) -> str:
    """What moves in an inventory, for a person: the table, the counts, the rules behind them, the systems."""
    from steelyard.base.tables import table
    from steelyard.journeys.moves import MOVES, SHOWN

    names = {
        "up": Text("move up", "等级上移"),
        "down": Text("move down", "等级下移"),
        "widen": Text("widen (more tiers are possible)", "范围变宽（可能的等级变多）"),
        "settle": Text("settle (fewer tiers are possible)", "范围收窄（可能的等级变少）"),
    }
    out = [
        Text(
            f"{moves.source}: {moves.total:,} rows, {moves.judged:,} judged, {len(moves.unusable):,} unusable",
            f"{moves.source}：共 {moves.total:,} 行，评估 {moves.judged:,} 行，不可用 {len(moves.unusable):,} 行",
        ).get(lang)
    ]
    out += [f"  {row}: {why}" for row, why in list(moves.unusable.items())[:5]]
    if moves.unread:
        out.append(
            Text(
                f"{moves.unread:,} cell(s) that the mapping does not read left unknown",
                f"{moves.unread:,} 个单元格映射未能识别，按未知处理",
            ).get(lang)
        )
    order = sorted(moves.table.items(), key=lambda item: (item[0][0] == item[0][1], -item[1]))
    rows = [(f"{count:,}", _standing(old, lang), "→", _standing(new, lang)) for (old, new), count in order]
    count, before, after = (
        Text(*pair).get(lang) for pair in (("systems", "系统数"), ("before", "变更前"), ("after", "变更后"))
    )
    heads = [count, before, "", after]
    out += ["", table(rows, heads), ""]
    colon = "：" if lang == "zh" else ": "
    out += [f"{names[name].get(lang)}{colon}{moves.moves[name]:,}" for name in MOVES if moves.moves[name]]
    out.append(Text(f"stay: {moves.same:,}", f"不变：{moves.same:,}").get(lang))
    for store, name in (
        (moves.obligations, Text("obligations change for", "义务有变的系统")),
        (moves.prohibitions, Text("prohibitions change for", "禁止事项有变的系统")),
    ):
        more, fewer = store["gains"], store["loses"]
        each = Text(f"{more:,} gain, {fewer:,} lose", f"新增 {more:,}，减少 {fewer:,}").get(lang)
        if store["changed"]:
            kept = store["changed"]
            each += Text(f", {kept:,} with other terms", f"，要求不同 {kept:,}").get(lang)
        said = Text(f"{name.en}: {store['systems']:,} ({each})", f"{name.zh}：{store['systems']:,}（{each}）")
        out.append(said.get(lang))
    counted = [(f"+{more:,}", f"-{fewer:,}", name) for name, (more, fewer) in moves.rules.items() if more or fewer]
    if counted:
        heads = [Text(*pair).get(lang) for pair in (("gain", "新适用"), ("lose", "不再适用"), ("rule", "规则"))]
        out += ["", table(counted, heads)]
    if moves.moved:
        out += ["", Text(f"the first {SHOWN} that move, the longest way first", f"变动最大的前 {SHOWN} 个").get(lang)]
        for item in moves.moved:
            where = f"{_standing(item.old, lang)} → {_standing(item.new, lang)}"
            out.append(f"  {item.system}  {item.name}   {where}")
    return "\n".join(out)


def _standing(standing: "Standing", lang: Lang) -> str:
    from steelyard.policy.model import TIER_NAMES

    tiers, lanes = (dict.fromkeys(pair) for pair in (standing.tier, standing.lane))
    return f"{'–'.join(TIER_NAMES[tier].get(lang) for tier in tiers)} ({'–'.join(lanes)})"


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
        out += ["", f"{item['rule']}{_colon(lang)}{said[item['change']].get(lang)}{keys}"]
        if item["gains"] is None and item["loses"] is None:
            out.append("  " + Text("it applies to the same systems", "适用的系统不变").get(lang))
        for key in ("gains", "loses"):
            if item[key] is not None:
                out.append(f"  {said[key].get(lang)}")
                out.append(_facts(item[key]["facts"], policy, "    ", lang))
    for kind, names in _other_changes(found, lang):
        out += ["", f"{kind}{_colon(lang)}{('、' if lang == 'zh' else ', ').join(names)}"]
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
        text = f"{finding.property}{_colon(lang)}{finding.about.get(lang)}"
        said = _VACUOUS if finding.vacuous else _SAID[finding.holds]
        out.append(_line(said.get(lang), text, column))
        indent = " " * (column + 2)
        if finding.note:
            out.append(wrap(finding.note.get(lang), terminal_width(), indent))
        for item in (finding.counterexample, *finding.more):
            if item and "facts" in item:
                out.append(_facts(item["facts"], policy, indent, lang, promised(finding.property, policy)))
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


def _colon(lang: Lang) -> str:
    return "：" if lang == "zh" else ": "


def promised(name: str, policy: "Policy") -> frozenset[str]:
    """The facts that a promise speaks of; empty for another property."""
    from steelyard.policy.language import parse
    from steelyard.policy.tree import facts_of

    kind, _, asked = name.partition(":")
    scope = policy.scope._replace(tier=True)
    return frozenset(
        fact
        for item in policy.data.promises
        if kind == "promise" and item.id == asked
        for fact in facts_of(parse(item.never, scope))
        if fact in policy.vocabulary
    )


def _line(said: str, text: str, column: int) -> str:
    from steelyard.base.tables import terminal_width, width, wrap

    body = wrap(text, terminal_width(), " " * (column + 2)).lstrip()
    return said + " " * (column + 2 - width(said)) + body


def _facts(
    facts: dict[str, Any], policy: "Policy", indent: str, lang: Lang, deciding: frozenset[str] = frozenset()
) -> str:
    """The facts as YAML for a steelyard.yaml: first those that ask for governance or decide, then the rest.

    A deciding fact that is not asked of such a system stands in a comment, with the neutral value that it takes.
    """
    from steelyard.base.tables import terminal_width, wrap
    from steelyard.policy.least import least

    words = policy.vocabulary
    plain = {name: words[name].plain(least(words[name])) for name in facts if name in words}
    telling = {
        name: value for name, value in facts.items() if name in deciding or name not in plain or value != plain[name]
    }
    rest = {name: value for name, value in facts.items() if name not in telling}
    lines = ["facts: {" + "".join(f"{name}: {_yaml(value)}, " for name, value in telling.items())]
    for name in sorted(deciding - facts.keys(), key=words.ids.index):
        neutral = words[name].neutral
        if neutral is None:
            continue
        counts = _yaml(words[name].plain(neutral))
        lines.append(Text(f"# {name} is not asked and counts as {counts}", f"# 不问 {name}，按 {counts} 计").get(lang))
    if rest:
        lines.append(Text("# all else at its least demanding", "# 其余均取要求最低的值").get(lang))
        lines.append(", ".join(f"{name}: {_yaml(value)}" for name, value in rest.items()))
    wrapped = [wrap(line, terminal_width(), indent + "  " * bool(row)) for row, line in enumerate(lines)]
    return "\n".join(wrapped) + "}"


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return value if isinstance(value, str) else json.dumps(value)
