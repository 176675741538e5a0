"""Tables of the portfolio report: what is open, rules and obligations, assumptions and what could not be read."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from steelyard.base.i18n import Text
from steelyard.documents import portfolio_html_words as w
from steelyard.journeys.portfolio import Summary
from steelyard.policy.model import GATE_NAMES, ROLE_NAMES, TIER_NAMES, Prohibition, Rule, TierRule

R = TypeVar("R", bound=Rule)
UNREAD_CELLS = 20
UNUSABLE_ROWS = 200
_STOP = Text("Stop", "停止")
_CERTAIN = Text("Certain", "确定")
_OPEN = Text("Open", "未定")


def open_facts(summary: Summary) -> str:
    """The facts that keep systems open, those that keep most first."""
    unsettled = summary.judged - summary.settled
    counts = [(fact, number) for fact, number in summary.open_facts.most_common() if number]
    if not unsettled:
        text = Text(
            "Every system has one possible tier: nothing is open.", "每个系统都只有一个可能的等级，没有待确认事项。"
        )
        return f"<p>{w.both(text)}</p>"
    about = w.say(
        f"{w.count(unsettled, 'system has', 'systems have')} more than one possible tier. Each question below is "
        "unanswered for that many of them, and a rule on their tier waits for it. Ask the first ones first.",
        f"{unsettled:,} 个系统的等级尚有多种可能。下列每个问题在相应数量的系统中未作回答，而定级规则有待其答案。"
        "宜从排在前面的问题问起。",
    )
    rows = []
    for name, number in counts:
        fact = summary.policy.vocabulary[name]
        width = 100 * number / unsettled
        rows.append(
            f'\n<tr><th scope="row">{w.both(w.fact_name(fact))}<span class="sub">{w.code(name)}</span></th>'
            f"<td>{w.both(fact.question)}</td>{w.figure(number)}"
            f'<td><span class="meter"><i style="width:{width:.1f}%"></i></span></td></tr>'
        )
    heads = [
        w.head(Text("Fact", "事实"), sort="none"),
        w.head(Text("Question to answer", "需要回答的问题"), sort="none"),
        w.head(Text("Systems", "系统数"), number=True, sort="descending"),
        w.head(Text("Share of open systems", "占未定系统比例")),
    ]
    return f"<p>{about}</p>" + w.table(
        w.say("Facts that keep systems open", "使等级未定的事实"), heads, rows, kind="sort bars"
    )


def rules(summary: Summary) -> str:
    """The rules that touch a system, for certain or possibly; those that touch none are named below."""
    policy = summary.policy
    known: list[Rule] = [rule for rule, _ in (*policy.prohibitions, *policy.tiers)]
    known.sort(key=_weight, reverse=True)
    touched, silent = _divide(known, summary.rules)
    rows = [
        f'\n<tr><th scope="row">{w.both(rule.title)}<span class="sub">{w.code(rule.id)}</span></th>'
        f'<td data-v="{_weight(rule)}">{_tier_of(rule)}</td>'
        f"<td>{_clauses(rule.clauses)}</td>{w.figure(summary.rules[rule.id][0])}{w.figure(summary.rules[rule.id][1])}</tr>"
        for rule in touched
    ]
    heads = [
        w.head(Text("Rule", "规则"), sort="none"),
        w.head(Text("Lifts to", "使等级至少为"), sort="descending"),
        w.head(Text("Clauses", "条款"), sort="none"),
        w.head(_CERTAIN, number=True, sort="none"),
        w.head(_OPEN, number=True, sort="none"),
    ]
    out = w.table(
        w.say("Rules that apply or may apply, with the number of systems", "适用或可能适用的规则及系统数"),
        heads,
        rows,
        kind="sort",
    )
    for item in policy.data.loosened:
        text = Text(f"was loosened by an annex: {item.reason.en}", f"已由附加策略放宽：{item.reason.zh}")
        out += f'<p class="warn">{w.code(item.rule)} {w.both(text)}</p>'
    return out + _silent(silent, Text("Rules that touch no system", "未触及任何系统的规则"))


def obligations(summary: Summary) -> str:
    """What systems owe, the most frequent first."""
    known = [rule for rule, _ in summary.policy.obligations]
    known.sort(key=lambda rule: tuple(summary.obligations.get(rule.id, (0, 0))), reverse=True)
    touched, silent = _divide(known, summary.obligations)
    rows = []
    for rule in touched:
        certain, undecided = summary.obligations[rule.id]
        rows.append(
            f'\n<tr><th scope="row">{w.both(rule.title)}<span class="sub">{w.code(rule.id)}</span></th>'
            f"<td>{w.both(ROLE_NAMES[rule.owner])}</td><td>{w.both(GATE_NAMES[rule.gate])}</td>"
            f"<td>{_clauses(rule.clauses)}</td>{w.figure(certain)}{w.figure(undecided)}</tr>"
        )
    heads = [
        w.head(Text("Obligation", "义务"), sort="none"),
        w.head(Text("Owner", "责任角色"), sort="none"),
        w.head(Text("Gate", "关口"), sort="none"),
        w.head(Text("Clauses", "条款"), sort="none"),
        w.head(_CERTAIN, number=True, sort="descending"),
        w.head(_OPEN, number=True, sort="none"),
    ]
    caption = w.say("Obligations owed, with the number of systems that owe them", "应履行的义务及承担该义务的系统数")
    return w.table(caption, heads, rows, kind="sort") + _silent(
        silent, Text("Obligations that no system owes", "没有系统承担的义务")
    )


def _divide(known: Sequence[R], counts: Mapping[str, list[int]]) -> tuple[list[R], list[R]]:
    touched = [rule for rule in known if any(counts.get(rule.id, ()))]
    return touched, [rule for rule in known if not any(counts.get(rule.id, ()))]


def _weight(rule: Rule) -> int:
    return (
        3 if isinstance(rule, Prohibition) else list(TIER_NAMES).index(rule.tier) if isinstance(rule, TierRule) else 0
    )


def _tier_of(rule: Rule) -> str:
    if isinstance(rule, TierRule):
        return w.badge(rule.tier, rule.tier)
    return f'<span class="stop">{w.both(_STOP)}</span>'


def _clauses(clauses: Iterable[str]) -> str:
    return " ".join(w.code(clause) for clause in clauses)


def _silent(silent: Iterable[Rule], title: Text) -> str:
    items = [f"<li>{w.both(rule.title)} {w.code(rule.id)}</li>" for rule in silent]
    if not items:
        return ""
    many = Text(f"{title.en} ({len(items)})", f"{title.zh}（{len(items)}）")
    return f'<details class="fold"><summary>{w.both(many)}</summary><ul>{"".join(items)}</ul></details>\n'


def assumptions(summary: Summary) -> str:
    """What was assumed, what could not be read, which columns and rows were left out."""
    return _assumed(summary) + _unread(summary) + _unusable(summary) + _ignored(summary)


def _assumed(summary: Summary) -> str:
    out = w.title(Text("Assumptions", "假定"))
    if not summary.assumptions:
        text = Text("None: every answer comes from the inventory itself.", "无：所有回答均来自清单本身。")
        return out + f"<p>{w.both(text)}</p>"
    words = summary.policy.vocabulary
    rows = []
    for item, number in summary.assumptions:
        fact = words[item.fact]
        value = fact.label(fact.parse(item.value))
        limit = f'<span class="sub">{w.say("only where", "仅限")} {w.code(item.where)}</span>' if item.where else ""
        rows.append(
            f'\n<tr><th scope="row">{w.own(item.id)}</th>'
            f'<td>{w.both(w.fact_name(fact))}<span class="sub">{w.code(item.fact)}</span></td>'
            f"<td>{w.both(value)}</td><td>{w.both(item.reason)}{limit}</td>{w.figure(number)}</tr>"
        )
    heads = [
        w.head(Text("Id", "编号"), sort="none"),
        w.head(Text("Fact", "事实"), sort="none"),
        w.head(Text("Assumed value", "假定取值")),
        w.head(Text("Reason given", "理由")),
        w.head(Text("Systems", "系统数"), number=True, sort="none"),
    ]
    return out + w.table(
        w.say(
            "Values filled in where the inventory says nothing; nobody declared them",
            "清单未说明时填入的取值，并非有人申报",
        ),
        heads,
        rows,
        kind="sort",
    )


def _unread(summary: Summary) -> str:
    out = w.title(Text("Cells that could not be read", "未能识别的单元格"))
    total = sum(sum(cells.values()) for cells in summary.unread.values())
    if not total:
        text = Text("None: the mapping understood every filled cell.", "无：映射识别了所有已填写的单元格。")
        return out + f"<p>{w.both(text)}</p>"
    rows = []
    left = 0
    for name, cells in sorted(summary.unread.items(), key=lambda item: -sum(item[1].values())):
        ranked = sorted(cells.items(), key=lambda item: (-item[1], item[0]))
        left += len(ranked[UNREAD_CELLS:])
        fact = summary.policy.vocabulary[name]
        for cell, number in ranked[:UNREAD_CELLS]:
            rows.append(
                f'\n<tr><th scope="row">{w.both(w.fact_name(fact))}<span class="sub">{w.code(name)}</span></th>'
                f"<td>{w.own(cell)}</td>{w.figure(number)}</tr>"
            )
    about = w.say(
        f"{w.count(total, 'cell was', 'cells were')} filled in with words that the mapping does not know. Each leaves "
        "its fact unknown; none was taken for “no”.",
        f"{total:,} 个已填写的单元格，其内容映射未能识别。相应事实一律按未知处理，不当作“否”。",
    )
    if left:
        about += " " + w.say(
            f"The {UNREAD_CELLS} most frequent contents per fact are shown; {left:,} more are not.",
            f"每个事实列出最常见的 {UNREAD_CELLS} 种内容，另有 {left:,} 种未列出。",
        )
    heads = [
        w.head(Text("Fact", "事实"), sort="none"),
        w.head(Text("What the cell says", "单元格内容"), sort="none"),
        w.head(Text("Cells", "单元格数"), number=True, sort="none"),
    ]
    caption = w.say("Contents that could not be read, by fact", "各事实未能识别的内容")
    return out + f"<p>{about}</p>" + w.table(caption, heads, rows, kind="sort")


def _unusable(summary: Summary) -> str:
    out = w.title(Text("Rows that could not be used", "不可用的行"))
    total = len(summary.unusable)
    if not total:
        return out + f"<p>{w.both(Text('None: every row was judged.', '无：每一行都已评估。'))}</p>"
    about = w.say(
        f"{w.count(total, 'row was', 'rows were')} not judged. Row numbers count from 0, below the header.",
        f"{total:,} 行未评估。行号自 0 起，不含表头。",
    )
    if total > UNUSABLE_ROWS:
        about += " " + w.say(
            f"The first {UNUSABLE_ROWS} are shown; <code>unusable.csv</code> holds all.",
            f"此处列出前 {UNUSABLE_ROWS} 行，全部见 <code>unusable.csv</code>。",
        )
    rows = [
        f'\n<tr><th scope="row" data-v="{row}">{row:,}</th><td>{_reason(reason)}</td></tr>'
        for row, reason in sorted(summary.unusable.items())[:UNUSABLE_ROWS]
    ]
    heads = [w.head(Text("Row", "行"), sort="ascending"), w.head(Text("Reason", "原因"), sort="none")]
    caption = w.say("Unusable rows and why", "不可用的行及原因")
    return out + f"<p>{about}</p>" + w.table(caption, heads, rows, kind="sort")


def _reason(reason: str) -> str:
    """A reason of ours stands in both languages around a slash; anything else quotes the inventory."""
    en, slash, zh = reason.partition(" / ")
    if slash and re.search("[\u4e00-\u9fff]", zh) and en.isascii():
        return w.both(Text(en, zh))
    return w.say("this value does not fit:", "取值不符：") + " " + w.own(reason)


def _ignored(summary: Summary) -> str:
    if not summary.ignored:
        return ""
    names = "、".join(w.own(name) for name in summary.ignored)
    text = w.say("Not named after a fact, and therefore not read:", "名称不是事实编号，故未读取：")
    return w.title(Text("Columns that were ignored", "被忽略的列")) + f"<p>{text} {names}</p>"
