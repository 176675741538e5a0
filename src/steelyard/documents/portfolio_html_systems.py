"""The systems that need a person first, and why: the list of the portfolio report.

One model of compact arrays feeds two readers: the rows that stand in the page (the first 200, readable without
scripts) and the script that sorts, filters and pages all of them. A test holds the two to the same words.
"""

import json
from typing import Any, NamedTuple

from steelyard.base.i18n import Lang, Text
from steelyard.documents import portfolio_html_words as w
from steelyard.journeys.portfolio import Summary
from steelyard.policy.model import Prohibition, Rule, TierRule
from steelyard.policy.tree import TIERS

STANDING = 200
SHORT_PURPOSE = 200
MAIN_REASONS = 4
_PURPOSES = (4_000, 2_000, 1_000, 700, 500, 350, 250)
_PURPOSE_BUDGET = 1_500_000
_STOPS = (Text("no", "否"), Text("undecided", "待定"), Text("yes, stop", "是，应停止"))

WORDS = {
    "row": Text("row {n}", "第 {n} 行"),
    "more": Text("rest of the purpose", "用途其余部分"),
    "cut": Text("[{n} more characters are in the inventory]", "【其余 {n} 字见原清单】"),
    "others": Text("further rules: {n}", "其他规则：{n} 条"),
    "open": Text("may apply", "可能适用"),
    "assumed": Text("(assumed)", "（假定）"),
    "colon": Text(": ", "："),
    "semicolon": Text("; ", "；"),
    "shown": Text(
        "Showing {from}–{to} of {found} that match; {all} are listed.",
        "显示第 {from}–{to} 个，共 {found} 个符合条件；清单共列出 {all} 个。",
    ),
    "nothing": Text("None of the {all} listed systems matches.", "所列 {all} 个系统中没有符合条件的。"),
    "page": Text("page {n} of {all}", "第 {n} / {all} 页"),
}
SURE, ASK = "●", "?"


class Listing(NamedTuple):
    """The list as compact arrays; `report.js` reads the same shape.

    `rules`: [kind, title en, title zh, clauses]; `facts`: [name en, name zh, value en, value zh]; `rows`: [row, system,
    name, unit, pair of tiers, prohibited 0-2, reasons that decide, other reasons, purpose, its rest, characters left
    out]; a reason: [rule, certain, facts], where a fact is twice its index, plus one where it was assumed.
    """

    rules: list[list[str]]
    facts: list[list[str]]
    units: list[str]
    rows: list[list[Any]]


def build(summary: Summary) -> Listing:
    """The model of `summary.listed`."""
    policy = summary.policy
    default = policy.data.default
    known: list[Rule] = [rule for rule, _ in (*policy.prohibitions, *policy.tiers)]
    rules = [[_kind(rule), rule.title.en, rule.title.zh, " ".join(rule.clauses)] for rule in known]
    rules.append([default.tier, default.title.en, default.title.zh, " ".join(default.clauses)])
    place = {name: index for index, name in enumerate([*(rule.id for rule in known), default.id])}
    assumed_fact = {item.id: item.fact for item, _ in summary.assumptions}
    facts: dict[tuple[str, str], int] = {}
    texts: list[list[str]] = []
    units: dict[str, int] = {}
    rows: list[list[Any]] = []
    most = _purpose_limit(summary)

    def fact_code(name: str, value: Any, assumed: set[str]) -> int:
        key = (name, json.dumps(value))
        if key not in facts:
            facts[key] = len(texts)
            fact = policy.vocabulary[name]
            title, shown = w.fact_name(fact), w.fact_value(fact, value)
            texts.append([title.en, title.zh, shown.en, shown.zh])
        return facts[key] * 2 + (name in assumed)

    for record in summary.listed.iter_rows(named=True):
        low, high = record["tier_lowest"], record["tier_highest"]
        assumed = {assumed_fact[name] for name in record.get("assumed") or () if name in assumed_fact}
        reasons: list[tuple[tuple[bool, bool, int, int], list[Any]]] = []
        for reason in json.loads(record["reasons"]):
            index, certain = place[reason["rule"]], reason["certain"]
            codes = [fact_code(name, value, assumed) for name, value in reason["facts"].items()]
            kind = rules[index][0]
            rank = len(TIERS) if kind == "stop" else TIERS.index(kind)
            decides = kind in ("stop", high) or rank > TIERS.index(low)
            reasons.append(((not decides, not certain, -rank, index), [index, int(certain), codes]))
        reasons.sort(key=lambda item: item[0])
        main = [item for (minor, *_), item in reasons if not minor][:MAIN_REASONS]
        system, name = (w.clean(w.cut((record[key] or "").strip())) for key in ("system", "name"))
        unit = w.clean(w.cut((record["unit"] or "").strip())) or "—"
        purpose = w.clean((record["purpose"] or "").strip())
        short, rest = _split(purpose[:most])
        rows.append(
            [
                record["row"],
                "" if name and system == f"row-{record['row']}" else system,
                name,
                units.setdefault(unit, len(units)),
                w.PAIRS.index((low, high)),
                1 if record["prohibited"] is None else 2 if record["prohibited"] else 0,
                main,
                [item for _, item in reasons[len(main) :]],
                short,
                rest,
                max(0, len(purpose) - most),
            ]
        )
    return Listing(rules, texts, list(units), rows)


def _kind(rule: Rule) -> str:
    return "stop" if isinstance(rule, Prohibition) else rule.tier if isinstance(rule, TierRule) else ""


def _purpose_limit(summary: Summary) -> int:
    """How many characters of a purpose fit: many strangers' long texts must not make the page too heavy to open."""
    if "purpose" not in summary.listed.columns:
        return _PURPOSES[0]
    texts = summary.listed["purpose"].fill_null("")
    for most in _PURPOSES:
        if int(texts.str.head(most).str.len_bytes().sum() or 0) <= _PURPOSE_BUDGET:
            return most
    return _PURPOSES[-1]


def _split(purpose: str) -> tuple[str, str]:
    """The purpose cut at a blank near 200 characters, and the rest."""
    if len(purpose) <= SHORT_PURPOSE + 20:
        return purpose, ""
    blank = purpose.rfind(" ", SHORT_PURPOSE - 30, SHORT_PURPOSE)
    at = blank if blank > 0 else SHORT_PURPOSE
    return purpose[:at] + "…", "…" + purpose[at:].lstrip()


def data_block(summary: Summary, listing: Listing) -> str:
    """The model as JSON inside a script element that is never run."""
    words: dict[str, Any] = {name: [text.en, text.zh] for name, text in WORDS.items()}
    words |= {"stop": [[text.en, text.zh] for text in _STOPS], "sure": SURE, "ask": ASK}
    plain = {
        "words": words,
        "tiers": [_pair(summary, low, high) for low, high in w.PAIRS],
        **listing._asdict(),
    }
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    for raw, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028")):
        text = text.replace(raw, escaped)
    return f'<script type="application/json" id="data">{text}</script>\n'


def _pair(summary: Summary, low: str, high: str) -> list[str]:
    name, lane = w.tier_name(low, high), w.lane_name(summary.policy, low, high)
    return [w.tier_class(low, high), w.tier_slug(low, high), name.en, name.zh, lane.en, lane.zh]


def section(summary: Summary, listing: Listing, lang: Lang) -> str:
    """The list: controls, a table with its first rows, and pages."""
    total, listed = summary.judged, len(listing.rows)
    if listed < total:
        how_many = w.say(
            f"Only the first {listed:,} of {total:,} systems are listed here, the most pressing first; "
            "all of them stand in <code>portfolio.parquet</code>.",
            f"此处仅列出 {total:,} 个系统中最紧要的前 {listed:,} 个；全部系统见 <code>portfolio.parquet</code>。",
        )
    else:
        how_many = w.say(f"All {listed:,} systems are listed.", f"全部 {listed:,} 个系统均已列出。")
    order = w.say(
        "The most pressing come first: what the policy prohibits, then high tiers, then the others by the tier they "
        "have at least and may have at most. For each system the rules that decide its tier come first, each with the "
        "answers it rests on and its clauses.",
        "最紧要的在前：先是策略禁止的系统，再是高等级，其余依可能的最低与最高等级排列。"
        "每个系统先列决定其等级的规则，并附所依据的回答和条款。",
    )
    marks = w.say(
        f"<b>{SURE}</b> the rule applies; <b>{ASK}</b> it may apply, depending on an answer that is still unknown. "
        "“(assumed)” marks an answer that nobody gave: it comes from an assumption listed below.",
        f"<b>{SURE}</b> 规则适用；<b>{ASK}</b> 可能适用，取决于尚未知晓的回答。"
        "标有“（假定）”的回答并非有人填报，而是来自下文所列的假定。",
    )
    standing = ""
    if listed > STANDING:
        standing = "<noscript><p>" + w.say(
            f"Without scripts the first {STANDING} systems are shown, unsorted and unfiltered.",
            f"未启用脚本时只显示前 {STANDING} 个系统，无法排序和筛选。",
        )
        standing += "</p></noscript>"
    if not listed:
        return f"<p>{how_many}</p>"
    heads = [
        w.head(text, number=key == "rank", sort="ascending" if key == "rank" else "none", key=key)
        for key, text in (
            ("rank", Text("No.", "序号")),
            ("system", Text("System", "系统")),
            ("unit", Text("Unit", "部门")),
            ("tier", Text("Tier and lane", "等级与通道")),
            ("stop", Text("Prohibited", "是否禁止")),
            ("why", Text("Why", "原因")),
        )
    ]
    caption = w.say("Systems in order of urgency", "按紧要程度排列的系统")
    rows = [row_html(summary, listing, rank) for rank in range(min(listed, STANDING))]
    return (
        f'<p>{how_many} {order}</p><p class="note">{marks}</p>{standing}'
        + _controls(summary, listing, lang)
        + '<p id="count" class="note" role="status"></p>'
        + w.table(caption, heads, rows, identifier="systems-table")
        + '<div class="pages ctl"><button type="button" id="before">'
        + w.say("Previous page", "上一页")
        + '</button><span id="place"></span><button type="button" id="after">'
        + w.say("Next page", "下一页")
        + "</button></div>\n"
    )


def _controls(summary: Summary, listing: Listing, lang: Lang) -> str:
    def option(value: str, text: Text) -> str:
        now = w.esc(text.get(lang))
        return f'<option value="{value}" data-en="{w.esc(text.en)}" data-zh="{w.esc(text.zh)}">{now}</option>'

    def choose(name: str, label: Text, options: list[str]) -> str:
        return f'<label>{w.both(label)}<select id="{name}">{"".join(options)}</select></label>'

    everything = option("", Text("all", "全部"))
    present = {row[4] for row in listing.rows}
    tiers = [
        everything,
        option("may-be-high", Text("High, or may be high", "为高或可能为高")),
        option("open", Text("Still open", "尚未确定")),
        *(
            option(w.tier_slug(*pair), w.tier_name(*pair))
            for index, pair in reversed([*enumerate(w.PAIRS)])
            if index in present
        ),
    ]
    units = [f'<option value="{w.esc(name)}">{w.esc(name)}</option>' for name in sorted(listing.units)]
    stops = [everything, *(option(str(index), _STOPS[index]) for index in (2, 1, 0))]
    sizes = [option(str(n), Text(f"{n}", f"{n}")) for n in (25, 50, 100, 200)] + [option("all", Text("all", "全部"))]
    hint = w.attribute("placeholder", Text("name, purpose, rule, clause", "名称、用途、规则、条款"), lang)
    return (
        '<div class="filters ctl">'
        f'<label>{w.say("Find", "查找")}<input type="search" id="q" {hint}></label>'
        + choose("tier", Text("Tier", "等级"), tiers)
        + choose("unit", Text("Unit", "部门"), [everything, *units])
        + choose("stop", Text("Prohibited", "是否禁止"), stops)
        + choose("size", Text("Show at once", "每页显示"), sizes)
        + "</div>"
    )


def row_html(summary: Summary, listing: Listing, rank: int) -> str:
    """One system as a table row. `line` in `report.js` builds the same."""
    row, system, name, unit, tier, stop, main, rest, short, more, left_out = listing.rows[rank]
    low, high = w.PAIRS[tier]
    about = f'<span class="name">{w.own(name or system)}</span> <span class="sub">'
    about += f"{w.own(system)} · " if name and system else ""
    about += f"{_fill(WORDS['row'], n=row)}</span> "
    if short:
        about += f'<span class="purpose">{w.own(short, len(short))}</span> '
    if more:
        tail = f" {_fill(WORDS['cut'], n=f'{left_out:,}')}" if left_out else ""
        about += _fold(w.both(WORDS["more"]), f'<span class="purpose">{w.own(more, len(more))}{tail}</span>')
    why = _reasons(listing, main)
    if rest:
        why += _fold(_fill(WORDS["others"], n=len(rest)), _reasons(listing, rest))
    style = ("", ' class="asked"', ' class="stop"')[stop]
    lane = w.both(w.lane_name(summary.policy, low, high))
    return (
        f'\n<tr><td class="num">{rank + 1}</td><td>{about}</td><td>{w.own(listing.units[unit])}</td>'
        f'<td>{w.badge(low, high)} <span class="sub">{lane}</span></td>'
        f"<td{style}>{w.both(_STOPS[stop])}</td><td>{why}</td></tr>"
    )


def _fill(text: Text, **values: Any) -> str:
    return w.both(Text(text.en.format(**values), text.zh.format(**values)))


def _fold(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary> {body}</details>"


def _reasons(listing: Listing, reasons: list[Any]) -> str:
    items = []
    for rule, certain, codes in reasons:
        kind, en, zh, clauses = listing.rules[rule]
        open_mark = "" if certain else f'<span class="open">{w.both(WORDS["open"])}</span> '
        items.append(
            f'<li class="{kind}{" sure" if certain else ""}"><span class="mark">{SURE if certain else ASK}</span> '
            f'<span class="title">{w.both(Text(en, zh))}</span> {open_mark}'
            f'<span class="detail">{_facts(listing, codes)}<code class="ids">{w.esc(clauses)}</code></span></li>'
        )
    return f'<ul class="why">{"".join(items)}</ul>'


def _facts(listing: Listing, codes: list[int]) -> str:
    if not codes:
        return ""
    lines = []
    for index, lang in enumerate(("en", "zh")):
        colon, semicolon, assumed = (
            w.esc((WORDS[name].en, WORDS[name].zh)[index]) for name in ("colon", "semicolon", "assumed")
        )
        parts = []
        for code in codes:
            fact = listing.facts[code >> 1]
            mark = f" <i>{assumed}</i>" if code & 1 else ""
            parts.append(f"{w.esc(fact[index])}{colon}<b>{w.esc(fact[2 + index])}</b>{mark}")
        lines.append(f'<span lang="{lang}">{semicolon.join(parts)}</span>')
    return "".join(lines) + " "
