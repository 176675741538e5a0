"""Figures of the portfolio report: key figures, the distribution of tiers, and the map of risks by unit.

Enforced: what was read, judged and left out reconciles in sight of the reader; every colour is also a number or a word.
"""

from collections import Counter

from steelyard.base.i18n import Lang, Text
from steelyard.documents import portfolio_html_words as w
from steelyard.journeys.portfolio import Summary, risk_families

HEAT_UNITS = 40
BAR_UNITS = 15
_STEPS = (0.0, 0.10, 0.25, 0.50, 0.75)


def key_figures(summary: Summary) -> str:
    judged, unusable = summary.judged, len(summary.unusable)
    stop, undecided = summary.prohibited["yes"], summary.prohibited["undecided"]
    high = summary.tiers[("high", "high")]
    maybe = sum(number for (low, top), number in summary.tiers.items() if top == "high" and low != "high")
    still = judged - summary.settled
    lead = Text(
        f"Of {w.count(judged, 'system', 'systems')}, {high:,} {'is' if high == 1 else 'are'} on the high tier for "
        f"certain and {maybe:,} more may be. {stop:,} {'does' if stop == 1 else 'do'} something the policy prohibits; "
        f"{undecided:,} more might. For {still:,} the tier is still open because answers are missing.",
        f"{judged:,} 个系统中，{high:,} 个确定为高等级，另有 {maybe:,} 个可能为高等级；{stop:,} 个有策略禁止的情形，"
        f"另有 {undecided:,} 个待定；{still:,} 个因回答缺失，等级尚未确定。",
    )
    cards = (
        _card(
            Text("Rows in the inventory", "清单行数"),
            f"{summary.total:,}",
            Text(f"= {judged:,} judged + {unusable:,} unusable", f"= 已评估 {judged:,} + 不可用 {unusable:,}"),
        ),
        _settled(summary),
        _card(
            Text("High tier", "高等级"),
            f"{high:,} <small>{w.share(high, judged).replace('<', '&lt;')}</small>",
            Text(f"for certain; {maybe:,} more may be high", f"确定；另有 {maybe:,} 个可能为高"),
        ),
        _card(
            Text("Prohibited by the policy", "策略禁止"),
            f"{stop:,}",
            Text(
                f"for certain; {undecided:,} undecided; {judged - stop - undecided:,} not",
                f"确定；待定 {undecided:,}；不涉及 {judged - stop - undecided:,}",
            ),
            alarm=bool(stop),
        ),
    )
    return f'<p class="lead">{w.both(lead)}</p>\n<div class="cards">{"".join(cards)}</div>\n'


def _card(title: Text, big: str, text: Text, *, alarm: bool = False, more: str = "") -> str:
    return (
        f'<div class="card{" alarm" if alarm else ""}"><h3>{w.both(title)}</h3><p class="big">{big}</p>'
        f"<p>{w.both(text)}</p>{more}</div>"
    )


def _settled(summary: Summary) -> str:
    judged, settled, alone = summary.judged, summary.settled, summary.settled_columns
    title = Text("Settled on one tier", "等级已定")
    part = w.esc(w.share(settled, judged))
    if alone is None:
        text = Text(
            f"{settled:,} of {judged:,}, from what the inventory says; nothing was assumed",
            f"{judged:,} 个中的 {settled:,} 个，仅依据清单所载，未作假定",
        )
        return _card(title, part, text, more=_meter(settled, judged))
    number = len(summary.assumptions)
    first = Text(
        f"{w.share(alone, judged)} ({alone:,} of {judged:,}) from the columns alone",
        f"仅凭各列：{w.share(alone, judged)}（{alone:,} / {judged:,}）",
    )
    second = Text(
        f"{w.share(settled, judged)} ({settled:,} of {judged:,}) with {w.count(number, 'assumption', 'assumptions')}",
        f"含 {number:,} 项假定：{w.share(settled, judged)}（{settled:,} / {judged:,}）",
    )
    both = f"<p>{w.both(second)}</p>{_meter(settled, judged)}"
    big = f"{w.esc(w.share(alone, judged))} <small>→ {part}</small>"
    return _card(title, big, first, more=_meter(alone, judged) + both)


def _meter(part: int, whole: int) -> str:
    width = 100 * part / whole if whole else 0
    return f'<span class="meter"><i style="width:{width:.1f}%"></i></span>'


def tiers(summary: Summary) -> str:
    judged = summary.judged
    about = w.say(
        "Every system has a lowest and a highest possible tier. Where the two are the same, the tier is settled; "
        "hatched parts are open, because missing answers decide.",
        "每个系统都有可能的最低等级和最高等级。两者相同即为已定；斜纹部分为未定，取决于缺失的回答。",
    )
    rows = []
    for low, high in w.PAIRS:
        number = summary.tiers[(low, high)]
        lane = w.both(w.lane_name(summary.policy, low, high))
        rows.append(
            f'\n<tr><th scope="row">{w.badge(low, high)}</th><td>{lane}</td><td class="num">{number:,}</td>'
            f'<td class="num">{w.esc(w.share(number, judged))}</td></tr>'
        )
    heads = [
        w.head(Text("Tier", "等级")),
        w.head(Text("Review lane", "评审通道")),
        w.head(Text("Systems", "系统数"), number=True),
        w.head(Text("Share", "占比"), number=True),
    ]
    foot = (
        f'<tr><th scope="row" colspan="2">{w.say("All judged systems", "全部已评估系统")}</th>'
        f'<td class="num">{judged:,}</td><td class="num">{w.share(judged, judged)}</td></tr>'
    )
    caption = w.say("Systems by lowest and highest possible tier", "按可能的最低与最高等级统计的系统数")
    return f"<p>{about}</p>{_stack(summary.tiers, judged)}" + w.table(caption, heads, rows, foot=foot) + _units(summary)


def _stack(tiers: Counter[tuple[str, str]], whole: int, *, thin: bool = False) -> str:
    """A stacked bar. It repeats what the table beside it says, so it is hidden from screen readers."""
    parts = []
    for pair in w.PAIRS:
        number = tiers[pair]
        if not number:
            continue
        label = f"<b>{w.esc(w.share(number, whole))}</b>" if not thin and number / whole >= 0.07 else ""
        parts.append(f'<i class="{w.tier_class(*pair)}" style="flex-grow:{number}">{label}</i>')
    return f'<div class="stack{" thin" if thin else ""}" aria-hidden="true">{"".join(parts)}</div>'


def _units(summary: Summary) -> str:
    if len(summary.units) < 2:
        return ""
    ranked = _by_size(summary)
    rows = [_unit_row(w.own(unit), summary.units[unit]) for unit in ranked[:BAR_UNITS]]
    rest: Counter[tuple[str, str]] = Counter()
    for unit in ranked[BAR_UNITS:]:
        rest.update(summary.units[unit])
    foot = _unit_row(_others(len(ranked) - BAR_UNITS), rest) if rest else ""
    heads = [
        w.head(Text("Unit", "部门"), sort="none"),
        w.head(Text("Systems", "系统数"), number=True, sort="descending"),
        w.head(Text("High", "高"), number=True, sort="none"),
        w.head(Text("May be high", "可能为高"), number=True, sort="none"),
        w.head(Text("Tiers", "等级")),
    ]
    caption = w.say("The largest units and their tiers", "规模最大的部门及其等级")
    return w.table(caption, heads, rows, foot=foot, kind="sort bars")


def _by_size(summary: Summary) -> list[str]:
    return sorted(summary.units, key=lambda unit: (-summary.units[unit].total(), unit))


def _others(number: int) -> str:
    return w.say(w.count(number, "other unit", "other units"), f"其他 {number:,} 个部门")


def _unit_row(name: str, tiers: Counter[tuple[str, str]]) -> str:
    total, high = tiers.total(), tiers[("high", "high")]
    maybe = tiers[("low", "high")] + tiers[("medium", "high")]
    return (
        f'\n<tr><th scope="row">{name}</th>{w.figure(total)}{w.figure(high)}{w.figure(maybe)}'
        f"<td>{_stack(tiers, total, thin=True)}</td></tr>"
    )


def heat(summary: Summary, lang: Lang) -> str:
    families = risk_families(summary.policy)
    ranked = _by_size(summary)
    shown, rest = ranked[:HEAT_UNITS], ranked[HEAT_UNITS:]

    def row(name: str, label: Text, units: list[str]) -> str:
        total = sum(summary.units[unit].total() for unit in units)
        cells = []
        for family, title in families.items():
            cell: Counter[str] = Counter()
            for unit in units:
                cell.update(summary.heat.get((unit, family), Counter()))
            cells.append(_heat_cell(label, title, cell, lang))
        return f'\n<tr><th scope="row">{name}</th>{w.figure(total)}{"".join(cells)}</tr>'

    rows = [row(w.own(unit), _own_text(unit), [unit]) for unit in shown]
    everything = Text("All units", "全部部门")
    foot = ""
    if rest:
        foot += row(_others(len(rest)), Text("other units", "其他部门"), rest)
    foot += row(w.both(everything), everything, ranked)
    heads = [
        w.head(Text("Unit", "部门"), sort="none"),
        w.head(Text("Systems", "系统数"), number=True, sort="descending"),
        *(w.head(title, sort="none") for title in families.values()),
    ]
    about = w.say(
        "Which units carry which families of risk. Each cell says: systems that a high rule touches / systems that "
        "only a medium rule touches, of all systems of the unit. The colour is the share of the first. Only rules "
        "that apply for certain count here, so units with many open answers may look better than they are.",
        "各部门承担哪些类别的风险。每格依次为：高等级规则触及的系统数 / 仅中等级规则触及的系统数，以及该部门系统总数。"
        "颜色表示前者所占比例。此处只计确定适用的规则，因此回答缺失多的部门看上去可能好于实际。",
    )
    edges = ("0", "≤ 10%", "≤ 25%", "≤ 50%", "≤ 75%", "> 75%")
    key = "".join(f'<li><i class="h{index}"></i>{edge}</li>' for index, edge in enumerate(edges))
    legend = w.say("Share of a unit’s systems touched by a high rule:", "部门内受高等级规则触及的系统比例：")
    caption = w.say(
        "Systems touched by high / medium rules, by unit and family of risk", "各部门各类风险的系统数（高 / 中）"
    )
    return f'<p>{about}</p><ul class="key"><li>{legend}</li>{key}</ul>' + w.table(
        caption, heads, rows, foot=foot, kind="sort heat"
    )


def _own_text(unit: str) -> Text:
    name = w.cut(unit.strip() or "—")
    return Text(name, name)


def _heat_cell(unit: Text, family: Text, cell: Counter[str], lang: Lang) -> str:
    high, medium, total = cell["high"], cell["medium"], cell["all"]
    part = high / total if total else 0.0
    step, none = sum(part > edge for edge in _STEPS), "" if high or medium else " z"
    title = Text(
        f"{unit.en} – {family.en}: a high rule touches {high:,} of {w.count(total, 'system', 'systems')} "
        f"({w.share(high, total)}), only a medium rule {medium:,}",
        f"{unit.zh} – {family.zh}：{total:,} 个系统中，高等级规则触及 {high:,} 个（{w.share(high, total)}），"
        f"仅中等级规则触及 {medium:,} 个",
    )
    return (
        f'<td class="c h{step}{none}" data-v="{part:.6f}" {w.attribute("title", title, lang)}>'
        f"<span><b>{high:,}</b>/{medium:,}</span> "
        f"<small>{w.say(f'of {total:,}', f'共 {total:,}')}</small></td>"
    )
