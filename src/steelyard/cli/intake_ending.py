"""How an interview ends: where it is kept, what is known so far, what stays open and who could tell, what is next."""

import argparse
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from steelyard.base.i18n import Lang, Text, preferred_lang
from steelyard.base.tables import terminal_width, wrap
from steelyard.intake.interview import asking

if TYPE_CHECKING:
    from pathlib import Path

    from steelyard.policy.assess import Assessment
    from steelyard.policy.compile import Policy


def command(options: argparse.Namespace, path: "Path", *words: str) -> str:
    """The command line that does something with the same file, policy, date and language."""
    name = str(path)
    if name.startswith("-") or (words == ("intake",) and not {".", "/"} & set(name)):  # no option, no action
        name = f"./{name}"
    out = ["steelyard", *words, name]
    for option in ("policy", "annex", "on"):
        if getattr(options, option, None):
            out += [f"--{option}", str(getattr(options, option))]
    if options.framework != "1.0":
        out += ["--framework", options.framework]
    if options.lang != preferred_lang():
        out += ["--lang", options.lang]
    return shlex.join(out)


def so_far(one: "Assessment", remaining: int, lang: Lang) -> str:
    """The bounds of tier and lane, and about how many screens are left, on one line."""
    from steelyard.cli.judge import range_text
    from steelyard.policy.model import TIER_NAMES

    lanes = {lane.id: lane.title for lane in one.policy.data.lanes}
    tier, lane = range_text(one.tier, TIER_NAMES, lang), range_text(one.lane, lanes, lang)
    more = Text(f"about {remaining} more screens", f"之后约 {remaining} 屏")
    return Text(f"so far: tier {tier}; lane {lane}; {more.en}", f"目前：等级{tier}；通道{lane}；{more.zh}").get(lang)


def stopped(options: argparse.Namespace, path: "Path", one: "Assessment", remaining: int, *, saved: bool) -> list[str]:
    """Two lines for somebody who stops early."""
    go_on = command(options, path, "intake")
    kept = Text(f"kept in {path}; go on with: {go_on}", f"已存入 {path}；继续请运行：{go_on}")
    if not saved:
        kept = Text(f"nothing new to keep; go on with: {go_on}", f"没有新答案需要保存；继续请运行：{go_on}")
    out = [kept.get(options.lang), so_far(one, remaining, options.lang)]
    if saved or path.exists():
        details = command(options, path, "assess")
        out[1] += Text(f". Details: {details}", f"。详情：{details}").get(options.lang)
    return out


def finished(options: argparse.Namespace, path: "Path", left_open: list[str], policy: "Policy") -> list[str]:
    """The last lines: nothing is left, or what stays open because nobody knew, and who could tell."""
    lang: Lang = options.lang
    if not left_open:
        done = Text(
            f"done: nothing left can change the result; kept in {path}", f"完成：已无问题能改变结果；已存入 {path}"
        )
        return [done.get(lang)]
    count = len(left_open)
    again = command(options, path, "intake") + " --again"
    head = Text(
        f'no more questions, but {count} answered with "I don\'t know" can still change the result; kept in {path}',
        f"问题已问完，但有 {count} 项答“不知道”，仍可能改变结果；已存入 {path}",
    )
    lines = [head.get(lang), *_who(left_open, policy, lang)]
    return [*lines, Text(f"once you know: {again}", f"弄清后请运行：{again}").get(lang)]


def _who(facts: Iterable[str], policy: "Policy", lang: Lang) -> list[str]:
    """The open facts by the role that usually knows; roles in the order of their most useful fact."""
    from steelyard.policy.model import ROLE_NAMES

    by_role: dict[str, list[str]] = {}
    for fact in facts:
        helps = asking().get(fact)
        by_role.setdefault(helps.who if helps else "owner", []).append(policy.vocabulary[fact].name.get(lang))
    ask, colon, comma = Text("ask ", "可问").get(lang), Text(": ", "：").get(lang), Text(", ", "、").get(lang)
    return [
        wrap(f"{ask}{ROLE_NAMES[role].get(lang)}{colon}{comma.join(names)}", terminal_width(), "  ")
        for role, names in by_role.items()
    ]
