"""`make docs`: writes the generated reference pages, then checks that every relative link of the docs resolves.

    python scripts/docs.py            write the pages and check the links
    python scripts/docs.py --check    write nothing; exit 1 where a page is not current or a link leads nowhere

Generated pages follow the vocabulary and the shipped policy, so what they say cannot differ from what the product does.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from steelyard.base.clock import duration_text
from steelyard.base.i18n import Text
from steelyard.catalogue.labels import label
from steelyard.evidence.kinds import Kind, Kinds
from steelyard.gates import requirements
from steelyard.intake.schemas import schema
from steelyard.policy.compile import Policy, load_compiled
from steelyard.policy.coverage import coverage
from steelyard.policy.model import EVIDENCE_KINDS, GATE_NAMES, GATES, ROLE_NAMES, TIER_NAMES, Obligation, Rule
from steelyard.profile.facts import Fact, Vocabulary, vocabulary

ROOT = Path(__file__).parent.parent
SCHEMAS = ("profile", "policy", "mapping")
NOTE = "<!-- Written by scripts/docs.py. Change the pack, then run `make docs`. -->"
TYPES = {
    "bool": Text("yes or no", "是或否"),
    "one_of": Text("one value", "单选"),
    "set_of": Text("any number of values, or none", "多选，或无"),
    "count": Text("a whole number", "整数"),
}


def generated() -> dict[str, str]:
    """Every generated page: its path from the root, and its text."""
    policy = load_compiled()
    pages = {
        "docs/reference/facts.md": facts_page(vocabulary()),
        "docs/reference/policy-v1.md": policy_page(policy),
        "docs/reference/evidence-kinds.md": evidence_page(Kinds.shipped(), policy),
    }
    for name in SCHEMAS:
        text = json.dumps(schema(name), ensure_ascii=False, indent=2)
        pages[f"docs/reference/schemas/{name}.schema.json"] = text + "\n"
    return pages


# The facts


def facts_page(words: Vocabulary) -> str:
    """All facts in both languages, in the order in which they are asked."""
    exact = {count for _, count in words.bands}
    groups = (
        (Text("The opening questions", "首轮问题"), [fact for fact in words.items if fact.opening]),
        (
            Text("Asked when an earlier answer makes them matter", "视此前答案而问的问题"),
            [fact for fact in words.items if not fact.opening and fact.id not in exact],
        ),
        (
            Text("Exact numbers, where known", "已知时填写的准确数字"),
            [words[name] for name in words.ids if name in exact],
        ),
    )
    out = [
        "# Facts / 事实",
        "",
        NOTE,
        "",
        "What Steelyard asks about a system. An id and its values are what you write in a "
        "[profile](profile.md), a [mapping](mapping.md) or a [condition](predicate-language.md). "
        "*Asked when* is a condition: where it is certainly false and the fact is not answered, the fact takes its "
        "neutral value and does not matter ([why](../explanation/unknown-is-not-no.md)).",
        "",
        "以下是权衡就一个系统提出的全部问题。编号与取值用于[档案](profile.md)、[映射文件](mapping.md)和"
        "[条件表达式](predicate-language.md)。“提问条件”确定为假且该项未作答时，取中性值，不再影响结果。",
        "",
        "## Overview / 一览",
        "",
        *_table(
            ("fact 编号", "name", "名称", "type 类型"),
            ((f"[`{fact.id}`](#{fact.id})", fact.name.en, fact.name.zh, f"`{fact.type}`") for fact in words.items),
        ),
    ]
    for title, facts in groups:
        out += ["", f"## {title.en} / {title.zh}"]
        for fact in facts:
            out += ["", *_fact(fact)]
    return "\n".join(out) + "\n"


def _fact(fact: Fact) -> Iterator[str]:
    yield f"### {fact.id}"
    yield ""
    yield f"**{fact.question.en}** {fact.help.en}"
    yield ""
    yield f"**{fact.question.zh}** {fact.help.zh}"
    yield ""
    kind = TYPES[fact.type]
    notes = [_both(fact.name), f"`{fact.type}`: {kind.en} {kind.zh}"]
    if fact.ordered:
        notes.append("ordered, from least to most 有序，由低到高")
    if fact.control:
        notes.append("about a control: never lowers a tier 关于管控措施：不降低等级")
    if fact.count:
        notes.append(f"the exact number in [`{fact.count}`](#{fact.count}) wins 以准确数字为准")
    yield f"- {'; '.join(notes)}"
    if fact.asked_when:
        yield f"- asked when 提问条件: `{fact.asked_when}`"
    yield f"- serves 对应条款: {_clauses(fact.clauses, 'policy-v1.md')}"
    if fact.values:
        yield ""
        yield from _table(("value 取值", "means", "含义"), ((f"`{v.id}`", v.label.en, v.label.zh) for v in fact.values))


# The shipped policy


def policy_page(policy: Policy) -> str:
    """The shipped policy in both languages: what lifts a tier, what stops, what is owed, and where each clause went."""
    data = policy.data
    out = [
        f"# {data.title.en} / {data.title.zh}",
        "",
        NOTE,
        "",
        f"Policy `{data.id}`, version {data.version}, digest `{policy.digest}`. How to read it: "
        "[for lawyers](../how-to/read-a-policy.md). The examples beside each rule: `steelyard policy show ID`.",
        "",
        f"策略 `{data.id}`，版本 {data.version}。阅读方法见[给法务的说明](../how-to/read-a-policy.zh-CN.md)；"
        "每条规则的示例用 `steelyard policy show 编号` 查看。",
        "",
        "## Lanes / 通道",
        "",
        *_table(
            ("lane 通道", "tier 等级", "within 期限", "reviewers 评审角色", "about", "说明"),
            (
                (
                    f"`{lane.id}` {lane.title.en} {lane.title.zh}",
                    _both(TIER_NAMES[lane.tier]),
                    f"`{lane.within}`",
                    ", ".join(f"{item.count} × {_both(ROLE_NAMES[item.role])}" for item in lane.reviewers) or "–",
                    lane.about.en,
                    lane.about.zh,
                )
                for lane in data.lanes
            ),
        ),
        "",
        "## Sets and terms / 集合与术语",
        "",
        *_table(
            ("set 集合", "members 成员"),
            ((f"`{name}`", ", ".join(f"`{item}`" for item in members)) for name, members in data.sets.items()),
        ),
        "",
        *_table(
            ("term 术语", "holds when 成立条件", "means", "含义"),
            ((f"`{name}`", f"`{term.when}`", term.title.en, term.title.zh) for name, term in data.terms.items()),
        ),
        "",
        "## Tier rules / 等级规则",
        "",
        "The highest tier of the rules that hold. 取各条成立规则中的最高等级。",
    ]
    for tier in ("high", "medium", "low"):
        chosen = [rule for rule in data.tiers if rule.tier == tier]
        if chosen:
            out += ["", f"### {TIER_NAMES[tier].en.capitalize()} / {TIER_NAMES[tier].zh}"]
        for rule in chosen:
            out += ["", *_rule(rule)]
    default = data.default
    out += [
        "",
        f"### Otherwise {TIER_NAMES[default.tier].en} / 其余为{TIER_NAMES[default.tier].zh}",
        "",
        f"#### {default.id}",
        "",
        f"**{default.title.en}.** {default.why.en}",
        "",
        f"**{default.title.zh}**。{default.why.zh}",
        "",
        f"- clauses 条款: {_clauses(default.clauses)}",
        "",
        "## Prohibitions / 禁止事项",
    ]
    for rule in data.prohibitions:
        out += ["", *_rule(rule, f"- basis 依据: `{rule.basis}`")]
    out += ["", "## Obligations / 义务"]
    for gate in GATES:
        owed = [rule for rule in data.obligations if rule.gate == gate]
        if owed:
            out += ["", f"### Gate {GATE_NAMES[gate].en} / {GATE_NAMES[gate].zh}关口"]
        for rule in owed:
            out += ["", *_obligation(rule)]
    out += ["", "## Coverage / 条款覆盖", "", *_coverage(policy)]
    return "\n".join(out) + "\n"


def _rule(rule: Rule, *more: str) -> Iterator[str]:
    yield f"#### {rule.id}"
    yield ""
    yield f"**{rule.title.en}.** {rule.why.en}"
    yield ""
    yield f"**{rule.title.zh}**。{rule.why.zh}"
    yield ""
    yield f"- when 条件: `{' '.join(rule.when.split())}`"
    yield from more
    yield f"- clauses 条款: {_clauses(rule.clauses)}"


def _obligation(rule: Obligation) -> Iterator[str]:
    kinds = ", ".join(f"`{kind}` {_both(EVIDENCE_KINDS[kind])}" for kind in rule.evidence) or "–"
    due = "at the gate 关口前" if rule.due is None else f"`{rule.due}`"
    again = f"; every 每 `{rule.every}`" if rule.every else ""
    yield f"#### {rule.id}"
    yield ""
    yield f"**{rule.title.en}.** {rule.action.en} *{rule.why.en}*"
    yield ""
    yield f"**{rule.title.zh}**。{rule.action.zh} *{rule.why.zh}*"
    yield ""
    yield f"- when 条件: `{' '.join(rule.when.split())}`"
    yield f"- owner 责任角色: `{rule.owner}` {_both(ROLE_NAMES[rule.owner])}; due 时限: {due}{again}"
    yield f"- evidence 证据: {kinds}"
    yield f"- clauses 条款: {_clauses(rule.clauses)}"


def _coverage(policy: Policy) -> Iterator[str]:
    rows = coverage(policy)
    carried = sum(bool(row.obligations) for row in rows)
    yield f"{len(rows)} clauses, {carried} carried out by obligations. 共 {len(rows)} 条，{carried} 条由义务落实。"
    yield ""

    def cells() -> Iterator[Sequence[str]]:
        for row in rows:
            clause = row.clause
            owed = ", ".join(f"[`{name}`](#{slug(name)})" for name in row.obligations)
            if not owed and row.information:
                owed = f"{row.information.en} {row.information.zh}"
            yield (
                f'<a id="{clause.id}"></a>`{clause.id}`',
                clause.title.en,
                clause.title.zh,
                _both(label(clause.confidence.weakest)),
                owed or "**not covered 未覆盖**",
            )

    yield from _table(("clause 条款", "title", "标题", "confidence 可信度", "obligations 义务"), cells())


# The kinds of evidence

ABOUT = {
    "model": Text("a model", "模型"),
    "dataset": Text("a data set", "数据集"),
    "system": Text("what is released of a system", "系统的发布内容"),
    "file": Text("the file itself", "文件本身"),
    "person": Text("a list of people", "人员名单"),
}


def evidence_page(kinds: Kinds, policy: Policy) -> str:
    """Every kind in both languages, then what single obligations ask of it."""
    out = [
        "# Evidence kinds / 证据类别",
        "",
        NOTE,
        "",
        "Evidence is a signed in-toto statement that something was done or measured. Its predicate type names its "
        "kind; its predicate is a result with the measures below. Every measure may be left out: what is not said "
        "stays unknown. A result satisfies an obligation where its minimum *certainly* holds; where the minimum is"
        " empty, that the statement exists is enough, unless what speaks against it certainly holds. Conditions "
        "are written in the [predicate language](predicate-language.md), over measures in place of facts. Anything"
        " else may stand under `details`; nothing is decided by it.",
        "",
        "证据是一份经签名的 in-toto 声明，说明某事已做或已测。谓词类型指明类别，谓词内容是由下列结果项组成的结果。"
        "各项均可不填，没有写明的就是未知。最低要求*确定*成立，才算满足义务；没有最低要求的，有这份声明即可，"
        "除非否定条件确定成立。条件用[条件语言](predicate-language.md)书写，只是以结果项代替事实。"
        "其他内容可放在 `details` 下，不影响判断。",
        "",
        "## Overview / 一览",
        "",
        *_table(
            (
                "kind 类别",
                "title",
                "名称",
                "digests of 摘要对象",
                "counts for 有效期",
                "minimum 最低要求",
                "against 否定条件",
            ),
            (
                (
                    f"[`{kind.id}`](#{kind.id})",
                    kind.title.en,
                    kind.title.zh,
                    _both(ABOUT[kind.about]),
                    _period(kind.valid),
                    f"`{kind.satisfies}`" if kind.satisfies else "–",
                    f"`{kind.contradicts}`" if kind.contradicts else "–",
                )
                for kind in kinds.values()
            ),
        ),
        "",
        "## Kinds / 类别",
    ]
    for kind in kinds.values():
        out += ["", *_kind(kind)]
    asked = requirements.load(policy, kinds)
    out += [
        "",
        "## What single obligations ask for / 单项义务的要求",
        "",
        f"Beyond the minimum of the kind, for policy `{policy.data.id}`. *Fresh*: the evidence may not be older. "
        "A pack of your own may add to these; where both speak of one obligation and kind, both hold.",
        "",
        f"在类别的最低要求之外，适用于策略 `{policy.data.id}`。“时效”指证据不得早于该期限。"
        "单位可用自己的规则包追加要求；对同一义务和类别都有规定的，须同时满足。",
        "",
        *_table(
            ("obligation 义务", "kind 类别", "when 条件", "fresh 时效", "because", "理由"),
            (
                (
                    f"[`{item.obligation}`](policy-v1.md#{slug(item.obligation)})",
                    f"[`{item.kind}`](#{item.kind})",
                    f"`{item.when}`",
                    f"`{item.fresh}`" if item.fresh else "–",
                    item.why.en,
                    item.why.zh,
                )
                for item in asked.items
            ),
        ),
        "",
        "## Approvals / 批准",
        "",
        "An approve decision by a person in this role satisfies the obligation; evidence does not.",
        "",
        "以下义务由该角色的人作出批准决定来满足，证据不能代替。",
        "",
        *_table(
            ("obligation 义务", "role 角色"),
            (
                (f"[`{name}`](policy-v1.md#{slug(name)})", f"`{role}` {ROLE_NAMES[role].en} {ROLE_NAMES[role].zh}")
                for name, role in asked.approvals.items()
            ),
        ),
    ]
    return "\n".join(out) + "\n"


def _kind(kind: Kind) -> Iterator[str]:
    yield f"### {kind.id}"
    yield ""
    yield f"**{kind.title.en.capitalize()}.** {kind.description.en}"
    yield ""
    yield f"**{kind.title.zh}**。{kind.description.zh}"
    yield ""
    yield f"- predicate type 谓词类型: `{kind.predicate_type}`"
    yield f"- made with 生成命令: {f'`{kind.command}`' if kind.command else 'by hand 人工'}"
    for name, raw in (("counts 满足", kind.examples.satisfies), ("does not count 不满足", kind.examples.falls_short)):
        if raw is not None:
            yield f"- {name}: `{json.dumps(raw, ensure_ascii=False)}`"
    yield ""
    yield from _table(
        ("measure 结果项", "type 类型", "means", "含义"),
        (
            (
                f"`{fact.id}`",
                f"`{fact.type}`",
                f"{fact.question.en}. {fact.help.en}",
                f"{fact.question.zh}。{fact.help.zh}",
            )
            for fact in kind.measures
        ),
    )
    listed = [(fact, value) for fact in kind.measures for value in fact.values]
    if listed:
        yield ""
        yield from _table(
            ("measure 结果项", "value 取值", "means", "含义"),
            ((f"`{fact.id}`", f"`{value.id}`", value.label.en, value.label.zh) for fact, value in listed),
        )


def _period(duration: str | None) -> str:
    return _both(duration_text(duration)) if duration else "no end 无期限"


def _clauses(ids: Iterable[str], page: str = "") -> str:
    covered = _covered()
    return ", ".join(f"[`{name}`]({page}#{name})" if name in covered else f"`{name}`" for name in ids)


@cache
def _covered() -> frozenset[str]:
    return frozenset(row.clause.id for row in coverage(load_compiled()))


def _both(text: Text) -> str:
    return f"{text.en} {text.zh}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = (" ".join(cell.replace("|", r"\|").split()) for cell in row)
        yield f"| {' | '.join(cells)} |"


# Links

_FENCE = re.compile(r"^( {0,3})(```+|~~~+).*?^ {0,3}\2`*\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_REFERENCE = re.compile(r"^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_HTML = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$", re.MULTILINE)
_ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


class Broken(NamedTuple):
    """A link that leads nowhere."""

    page: str
    target: str
    why: str


def pages_of(root: Path) -> list[Path]:
    """The pages people read: those in the root folder and everything under `docs/`."""
    return [*sorted(root.glob("*.md")), *sorted(root.glob("docs/**/*.md"))]


def headings(text: str) -> list[tuple[int, str]]:
    """The level and words of every heading outside code."""
    return [(len(marks), words) for marks, words in _HEADING.findall(_FENCE.sub("", text))]


def slug(heading: str) -> str:
    """The anchor that forges give a heading."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Everything a link into a page may name."""
    found: set[str] = set()
    for _, words in headings(text):
        name, number = slug(words), 1
        while name in found:
            name, number = f"{slug(words)}-{number}", number + 1
        found.add(name)
    return found | set(_ANCHOR.findall(_FENCE.sub("", text)))


def links(text: str) -> list[str]:
    """The targets of all links and pictures of a page, in order; code is left out."""
    bare = _FENCE.sub("", text)
    plain = _CODE.sub("x", bare)
    return [*_LINK.findall(plain), *_REFERENCE.findall(plain), *_HTML.findall(bare)]


def broken_links(root: Path) -> tuple[int, list[Broken]]:
    """How many relative links there are, and those that lead nowhere."""
    known: dict[Path, set[str]] = {}
    total, bad = 0, []
    for page in pages_of(root):
        for target in links(page.read_text("utf-8")):
            if _OUTSIDE.match(target):
                continue
            total += 1
            name, _, anchor = unquote(target).partition("#")
            place = (page.parent / name).resolve() if name else page.resolve()
            why = ""
            if not place.is_relative_to(root.resolve()):
                why = "leaves the repository"
            elif not place.exists():
                why = "there is no such file"
            elif anchor and place.suffix == ".md":
                if place not in known:
                    known[place] = anchors(place.read_text("utf-8"))
                if anchor not in known[place]:
                    why = "the page has no such heading"
            if why:
                bad.append(Broken(str(page.relative_to(root)), target, why))
    return total, bad


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes or checks; answers the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page is not current")
    check = parser.parse_args(arguments).check
    stale = 0
    pages = generated()
    for name, text in pages.items():
        path = ROOT / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale += 1
        if check:
            print(f"{name}: not current; run `make docs`", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote {name}")
    total, bad = broken_links(ROOT)
    for item in bad:
        print(f"{item.page}: {item.target}: {item.why}", file=sys.stderr)
    print(f"{len(pages)} generated pages, {stale} {'not current' if check else 'written'}")
    print(f"{total} links, {len(bad)} broken")
    return 1 if bad or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
