"""Words in both languages, in templates: `{% t "English" "中文" %}`, and values that carry both (`|said`)."""

import datetime as dt
from typing import Any

from django import template
from django.utils import translation
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from steelyard.base.i18n import Lang, Text
from steelyard.gates.people import ROLES
from steelyard.policy.model import EVIDENCE_KINDS, GATE_NAMES, TIER_NAMES

register = template.Library()

STAGES: dict[str, Text] = {
    "draft": Text("draft", "草稿"),
    "review": Text("in review", "评审中"),
    "approved": Text("approved", "已批准"),
    "launched": Text("launched", "已上线"),
    "stopped": Text("stopped", "已停用"),
    "prohibited": Text("prohibited", "禁止"),
    "refused": Text("refused", "已否决"),
    "retired": Text("retired", "已退役"),
}
ANYBODY = Text("any reviewer", "任一评审角色")
ACTIONS: dict[str, Text] = {
    "approve": Text("approved", "批准"),
    "refuse": Text("refused", "否决"),
    "except": Text("granted an exception", "给予例外"),
    "override": Text("overrode", "推翻"),
    "stop": Text("stopped it", "停用"),
    "report": Text("reported", "报告"),
    "standing": Text("signed a standing approval", "签署常设批准"),
    "declare": Text("declared the answers true", "申明答案属实"),
    "admit": Text("admitted by the standing approval", "依常设批准自动准入"),
}


def lang() -> Lang:
    """The language of this request."""
    return "zh" if (translation.get_language() or "").startswith("zh") else "en"


@register.simple_tag
def t(english: str, chinese: str, **values: Any) -> SafeString:
    """One of two texts; `{name}` in them is filled from the arguments, escaped."""
    text = chinese if lang() == "zh" else english
    if values:
        text = text.format(**{key: conditional_escape(value) for key, value in values.items()})
    return mark_safe(text)  # noqa: S308  (literals of our templates; arguments are escaped above)


@register.filter
def said(value: Any) -> str:
    """A text of the house in the language of this request."""
    if isinstance(value, Text):
        return value.zh if lang() == "zh" else value.en
    return "" if value is None else str(value)


def _named(table: dict[str, Text], value: Any) -> str:
    found = table.get(str(value))
    return said(found) if found is not None else str(value or "")


@register.filter
def role(value: Any) -> str:
    """A role in words; `role@unit` with the unit it is held in."""
    name, _, unit = str(value or "").partition("@")
    said_so = said(ANYBODY) if name == "approval" else _named(ROLES, name)
    return f"{said_so}（{unit}）" if unit and lang() == "zh" else f"{said_so} ({unit})" if unit else said_so


@register.filter
def tier(value: Any) -> str:
    """A tier in words."""
    return _named(TIER_NAMES, value)


@register.filter
def gate(value: Any) -> str:
    """A gate in words."""
    return _named(GATE_NAMES, value)


@register.filter
def stage(value: Any) -> str:
    """A stage in words."""
    return _named(STAGES, value)


@register.filter
def action(value: Any) -> str:
    """What a decision did, in words."""
    return _named(ACTIONS, value)


@register.filter
def kind(value: Any) -> str:
    """A kind of evidence in words."""
    return _named(EVIDENCE_KINDS, value)


@register.filter
def day(value: Any) -> str:
    """A date as people of the language write it; deadlines are Beijing days."""
    if isinstance(value, str) and value:
        value = dt.date.fromisoformat(value[:10])
    if not isinstance(value, dt.date):
        return ""
    return f"{value.year}年{value.month}月{value.day}日" if lang() == "zh" else f"{value.day} {value:%b %Y}"


@register.filter
def short(value: Any) -> str:
    """The beginning of a digest."""
    return str(value).removeprefix("sha256:")[:12]


@register.filter
def state(value: Any) -> str:
    """Where an obligation stands, in words."""
    from steelyard.gates.sarif import STATE_WORDS

    return _named({str(name): text for name, text in STATE_WORDS.items()}, value)
