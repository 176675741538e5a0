"""How texts get into the portfolio report: escaped, and in both languages.

Enforced: nothing reaches the page unescaped; control characters are shown as U+FFFD; what others wrote stands in
`<bdi>`, so that its direction and language stay its own; every word of ours stands in English and in Chinese.
"""

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

from steelyard.base.i18n import Text
from steelyard.policy.compile import Policy
from steelyard.policy.model import TIER_NAMES
from steelyard.policy.tree import TIERS
from steelyard.profile.facts import Fact

PAIRS = tuple((low, high) for index, low in enumerate(TIERS) for high in TIERS[index:])
"""Every (lowest, highest) tier, from least to most demanding."""

MAX_NAME = 160
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_EXPLAINED = re.compile(r"[:：].*", re.DOTALL)


def clean(text: str) -> str:
    """`text` without characters that a page cannot hold."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def esc(text: str) -> str:
    """`text` for an element or a quoted attribute."""
    return html.escape(clean(text))


def cut(text: str, most: int = MAX_NAME) -> str:
    """`text`, ending in an ellipsis where it is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def own(text: str | None, most: int = MAX_NAME) -> str:
    """What somebody else wrote, cut to `most` characters; a dash for nothing."""
    return f"<bdi>{esc(cut(text or '', most)) or '—'}</bdi>"


def code(identifier: str) -> str:
    """An id, the same in both languages."""
    return f"<code>{esc(identifier)}</code>"


def both(text: Text) -> str:
    """A text of ours in both languages; the style sheet shows one."""
    return f'<span lang="en">{esc(text.en)}</span><span lang="zh">{esc(text.zh)}</span>'


def say(en: str, zh: str) -> str:
    """Two wordings that are markup already."""
    return f'<span lang="en">{en}</span><span lang="zh">{zh}</span>'


def attribute(name: str, text: Text, opening: str) -> str:
    """An attribute in the language the page opens in, and what the script needs to switch it."""
    now = text.zh if opening == "zh" else text.en
    return f'{name}="{esc(now)}" data-at="{name}" data-en="{esc(text.en)}" data-zh="{esc(text.zh)}"'


def count(number: int, one: str, many: str) -> str:
    """`1 system`, `2 systems`."""
    return f"{number:,} {one if number == 1 else many}"


def share(part: int, whole: int) -> str:
    """A share in per cent, with a place after the point; never `100%` or `0%` where something is left over."""
    if not whole:
        return "–"
    text = f"{part / whole:.1%}"
    if part and text == "0.0%":
        return "<0.1%"
    return ">99.9%" if part != whole and text == "100.0%" else text


def tier_name(low: str, high: str) -> Text:
    """How people read a pair of tiers."""
    first, last = TIER_NAMES[low], TIER_NAMES[high]
    if low == high:
        return Text(first.en.capitalize(), first.zh)
    return Text(f"{first.en.capitalize()}–{last.en} (open)", f"{first.zh}–{last.zh}（未定）")


def lane_name(policy: Policy, low: str, high: str) -> Text:
    """The review lane of a pair of tiers."""
    first, last = policy.lanes[low].title, policy.lanes[high].title
    if low == high:
        return first
    return Text(f"{first.en} to {last.en[:1].lower()}{last.en[1:]}", f"{first.zh}至{last.zh}")


def tier_class(low: str, high: str) -> str:
    """The style class of a pair of tiers."""
    return low[0] + high[0]


def tier_slug(low: str, high: str) -> str:
    """The name of a pair of tiers in addresses."""
    return low if low == high else f"{low}-{high}"


def badge(low: str, high: str) -> str:
    """A pair of tiers with its colour and, while open, its hatching."""
    return f'<span class="tier"><i class="{tier_class(low, high)}"></i>{both(tier_name(low, high))}</span>'


def fact_name(fact: Fact) -> Text:
    """The short name of a fact; its question where it has none."""
    return fact.name


def fact_value(fact: Fact, plain: Any) -> Text:
    """A value as JSON carries it, in words: labels without the explanation behind their colon; `?` for unknown."""
    if plain is None:
        return Text("?", "?")
    if isinstance(plain, list):
        labels = [fact.label(frozenset({member})) for member in plain]
        if labels:
            return Text(", ".join(_short(item.en) for item in labels), "、".join(_short(item.zh) for item in labels))
    label = fact.label(frozenset() if isinstance(plain, list) else plain)
    return Text(_short(label.en), _short(label.zh))


def _short(label: str) -> str:
    return _EXPLAINED.sub("", label)


def table(
    caption: str, heads: Sequence[str], rows: Iterable[str], *, kind: str = "", foot: str = "", identifier: str = ""
) -> str:
    """A table in a box that scrolls by itself. `heads` are whole `<th>` elements, `rows` whole `<tr>` elements."""
    name = f' id="{identifier}"' if identifier else ""
    style = f' class="{kind}"' if kind else ""
    return (
        f'<div class="scroll"><table{name}{style}><caption>{caption}</caption>'
        f"<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>{''.join(rows)}</tbody>"
        f"{f'<tfoot>{foot}</tfoot>' if foot else ''}</table></div>\n"
    )


def head(text: Text, *, number: bool = False, sort: str = "", key: str = "") -> str:
    """A column header; `sort` is its `aria-sort` where the column can be sorted, `key` what the script calls it."""
    style = ' class="num"' if number else ""
    if not sort:
        return f'<th scope="col"{style}>{both(text)}</th>'
    name = f' data-key="{key}"' if key else ""
    return f'<th scope="col"{style} aria-sort="{sort}"{name}><button type="button">{both(text)}</button></th>'


def title(text: Text) -> str:
    """The title of a part of a section."""
    return f"<h3>{both(text)}</h3>"


def figure(number: int) -> str:
    """A cell with a number."""
    return f'<td class="num" data-v="{number}">{number:,}</td>'
