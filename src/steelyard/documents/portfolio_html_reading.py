"""How to read the portfolio report: what its words mean, what the tiers lead to, and what it does not show."""

import re

from steelyard.base.i18n import Text
from steelyard.catalogue.model import Clause
from steelyard.documents import portfolio_html_words as w
from steelyard.journeys.portfolio import Summary
from steelyard.policy.model import ROLE_NAMES, TIER_NAMES

_DAYS = re.compile(r"P(\d+)D")


def reading(summary: Summary) -> str:
    """What the words of the report mean, what the numbers do not show, and the clauses cited."""
    items = "".join(f"<dt>{w.both(title)}</dt><dd>{w.both(text)}</dd>" for title, text in _READING)
    limits = "".join(f"<li>{w.both(text)}</li>" for text in _LIMITS)
    return (
        f'<dl class="words">{items}</dl>'
        + w.title(Text("What the tiers lead to", "各等级对应的通道"))
        + _lanes(summary)
        + w.title(Text("What this report does not show", "本报告不能说明什么"))
        + f'<ul>{limits}</ul><p class="note">{w.both(_REPEATABLE)}</p>'
        + _cited(summary)
    )


def _lanes(summary: Summary) -> str:
    rows = []
    for tier, lane in ((tier, summary.policy.lanes[tier]) for tier in reversed(TIER_NAMES)):
        people = [(ROLE_NAMES[item.role], item.count) for item in lane.reviewers]
        en = ", ".join(role.en + (f" × {number}" if number > 1 else "") for role, number in people)
        zh = "、".join(role.zh + (f" × {number}" if number > 1 else "") for role, number in people)
        who = Text(en or "standing approval", zh or "常设批准")
        days = _DAYS.fullmatch(lane.within)
        within = Text(w.count(int(days[1]), "day", "days"), f"{days[1]} 天") if days else Text(lane.within, lane.within)
        rows.append(
            f'\n<tr><th scope="row">{w.badge(tier, tier)}</th><td>{w.both(lane.title)}</td>'
            f"<td>{w.both(lane.about)}</td><td>{w.both(who)}</td><td>{w.both(within)}</td></tr>"
        )
    heads = [
        w.head(text)
        for text in (
            Text("Tier", "等级"),
            Text("Lane", "通道"),
            Text("How it works", "方式"),
            Text("Who reviews", "评审角色"),
            Text("Within", "时限"),
        )
    ]
    return w.table(w.say("Tiers and their review lanes", "等级与评审通道"), heads, rows)


def _cited(summary: Summary) -> str:
    policy = summary.policy
    cited: dict[str, None] = dict.fromkeys(policy.data.default.clauses)
    for counts, known in (
        (summary.rules, (*policy.tiers, *policy.prohibitions)),
        (summary.obligations, policy.obligations),
    ):
        for rule, _ in known:
            if any(counts.get(rule.id, ())):
                cited.update(dict.fromkeys(rule.clauses))
    order = {name: index for index, name in enumerate(policy.clauses.clauses)}
    items = []
    for name in sorted(cited, key=lambda name: (order.get(name, len(order)), name)):
        found = policy.clauses.cite(name)
        title = found.title if isinstance(found, Clause) else Text("(its text is not loaded)", "（文本未收录）")
        items.append(f"<div><dt>{w.code(name)}</dt><dd>{w.both(title)}</dd></div>")
    title = Text(f"Clauses cited in this report ({len(items)})", f"本报告引用的条款（{len(items)}）")
    return f'<details class="fold"><summary>{w.both(title)}</summary><dl class="cited">{"".join(items)}</dl></details>'


_READING = (
    (
        Text("Tier", "等级"),
        Text(
            "How closely people must look before the system goes on: the highest tier that any rule asks for. It is "
            "never an average, so one serious answer is not hidden by many harmless ones.",
            "系统推进之前需要多严格的审查：取所有适用规则要求的最高等级。等级不是平均分，"
            "一项严重情形不会被许多无害的回答冲淡。",
        ),
    ),
    (
        Text("Open: two tiers", "未定：两个等级"),
        Text(
            "Unknown is not no. Where an answer is missing, the lower tier holds only if every missing answer turns "
            "out harmless, the higher one if they do not. Until somebody answers, treat it as the higher one.",
            "未知不等于否。回答缺失时，只有缺失的回答全都无碍，较低的等级才成立，否则为较高的等级。"
            "在有人回答之前，请按较高的等级对待。",
        ),
    ),
    (
        Text("Certain and open rules", "确定与未定的规则"),
        Text(
            "A rule is certain for a system when the known answers already decide it. It is open when an unknown "
            "answer still could. Both are counted, and never added up.",
            "已知回答足以判定时，规则对该系统为“确定”；仍取决于未知回答时为“未定”。两者分别计数，从不相加。",
        ),
    ),
    (
        Text("Prohibited", "禁止"),
        Text(
            "The policy says stop. That is a decision of this policy unless the rule names a law as its basis; it "
            "does not change the tier. Undecided means that an unknown answer decides.",
            "策略要求停止。除非规则以法律为依据，否则这是本策略的规定；它不改变等级。“待定”表示取决于未知的回答。",
        ),
    ),
    (
        Text("Settled", "已定"),
        Text(
            "Systems with one possible tier. The share from the columns alone rests only on what the inventory says; "
            "the share with assumptions also uses values that nobody declared, and is worth no more than they are.",
            "等级只有一种可能的系统。“仅凭各列”的比例只依据清单所载；“含假定”的比例还使用了无人申报的取值，"
            "其可信程度不超过这些假定。",
        ),
    ),
)

_LIMITS = (
    Text(
        "It does not show that the answers are true. They were taken from the inventory as they stand, and nobody "
        "looked at the systems themselves.",
        "不能说明回答属实。回答照录自清单，未对系统本身作任何查验。",
    ),
    Text(
        "It does not show that a system is safe or that an obligation was met: it says what is owed, not what is done.",
        "不能说明系统安全，也不能说明义务已履行：这里写的是应当做什么，而非做了什么。",
    ),
    Text(
        "It does not show what nobody entered: systems missing from the inventory are missing here.",
        "不能反映未登记的系统：清单中没有的，这里也没有。",
    ),
    Text(
        "It is not legal advice, and no approval. A low tier is not a permission; people decide, and sign.",
        "不是法律意见，也不是批准。等级低不等于获准，须由人作出决定并签字。",
    ),
)

_REPEATABLE = Text(
    "This report can be repeated: the same file, mapping, policy, catalogue and date give the same result. The digests "
    "at the top say which policy and catalogue were used.",
    "本报告可以重现：文件、映射、策略、目录与日期相同，结果即相同。文首的摘要值标明所用的策略与目录。",
)
