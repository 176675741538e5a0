"""What a line typed into the interview means: a command, an answer, or why it is neither. Pure.

Enforced: a number has only decimal digits and a bounded length, a count is written as people write counts (12,000 or
12万), and every answer passes the fact's own check, so that what is kept can be read again.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from steelyard.base.i18n import Text
from steelyard.profile.facts import MAX_COUNT, Fact, FactError, Value

Command = Literal["stop", "back", "help", "unknown"]
MAX_LINE = 20_000
_COMMANDS: dict[Command, tuple[str, ...]] = {
    "stop": ("q", "quit", "exit", "退出", "停止"),
    "back": ("b", "back", "返回", "上一题"),
    "help": ("?", "？", "help", "帮助", "说明"),
    "unknown": (
        *("-", "don't know", "dont know", "do not know", "i don't know", "i do not know", "unknown", "not sure", "idk"),
        *("不知道", "不清楚", "不确定", "未知", "不详"),
    ),
}
_BY_WORD = {word: command for command, words in _COMMANDS.items() for word in words}
_YES, _NO = ("y", "yes", "true", "是", "有", "对"), ("n", "no", "false", "否", "没有", "不是", "无")
_NONE = ("none", "none of these", "no", "无", "没有", "以上均无", "都没有")
_SEPARATORS = re.compile(r"[\s,，、;；]+")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8}
_COUNT = re.compile(
    r"(?P<number>\d{1,3}(?:[,，]\d{3}){1,5}|\d{1,3}(?: \d{3}){1,5}|\d{1,18}(?:\.\d{1,8})?)"
    r" ?(?P<unit>[km]|[百千]?万|[千亿])? ?(?:people|users|人|个|名)?",
    re.IGNORECASE,
)


class Misread(Exception):
    """The line is no answer to this question; `message` says what would be."""

    def __init__(self, message: Text) -> None:
        super().__init__(message.en)
        self.message = message


def command_of(said: str) -> Command | None:
    """The command that a line is, if it is one."""
    return _BY_WORD.get(said.casefold().replace("\u2019", "'").rstrip(".。!！"))


def numbers(said: str, most: int) -> set[int]:
    """The numbers in an answer such as `1,3`; empty where it is anything else, or a number is not in 1 to `most`."""
    parts = [part for part in _SEPARATORS.split(said) if part]
    if not all(part.isdecimal() and len(part) <= 4 and 1 <= int(part) <= most for part in parts):
        return set()
    return {int(part) for part in parts}


def choices_of(fact: Fact) -> list[Value]:
    """The answers to number; for a set its members one by one and, last, none of them."""
    if fact.type == "bool":
        return [True, False]
    if fact.type == "set_of":
        return [*(frozenset({member}) for member in fact.members), frozenset()]
    return list(fact.members)


def answer_of(fact: Fact, said: str) -> Value:
    """The answer that a line gives. Raises Misread."""
    value = _count(said) if fact.type == "count" else _choice(fact, said)
    if value is None:
        raise Misread(expected(fact))
    if type(value) is int and value > MAX_COUNT:
        raise Misread(Text(f"at most {MAX_COUNT:,}, please", f"不能超过 {MAX_COUNT:,}"))
    try:
        return fact.parse(fact.plain(value))
    except FactError as error:
        raise Misread(_with(error.message, error.remedy)) from None


def _with(message: Text, remedy: Text | None) -> Text:
    return message if remedy is None else Text(f"{message.en}; {remedy.en}", f"{message.zh}；{remedy.zh}")


def expected(fact: Fact) -> Text:
    """What an answer to this question looks like."""
    most = len(choices_of(fact))
    if fact.type == "count":
        return Text("a whole number, please, such as 12000, 12,000 or 12万", "请输入整数，例如 12000、12,000 或 12万")
    if fact.type == "bool":
        return Text("please type 1 (yes) or 2 (no)", "请输入 1（是）或 2（否）")
    if fact.type == "one_of":
        return Text(f"please type one number from 1 to {most}", f"请输入 1 到 {most} 中的一个序号")
    return Text(
        f"please type numbers from 1 to {most - 1}, such as 1,3; or {most} alone for none",
        f"请输入 1 到 {most - 1} 的序号，如 1,3；都没有请只输入 {most}",
    )


def _count(said: str) -> int | None:
    found = _COUNT.fullmatch(said) if len(said) <= 40 else None
    if not found:
        return None
    digits = re.sub(r"[,， ]", "", found["number"])
    number = Decimal(digits) * _UNITS[(found["unit"] or "").lower()]
    return int(number) if number == number.to_integral_value() else None


def _choice(fact: Fact, said: str) -> Value | None:
    folded, choices = said.casefold(), choices_of(fact)
    if fact.type == "bool" and folded in (*_YES, *_NO):
        return folded in _YES
    for choice in choices:
        if _is(fact, choice, folded):
            return choice
    if fact.type == "set_of":
        return _members(fact, said, choices)
    chosen = numbers(said, len(choices))
    return choices[chosen.pop() - 1] if len(chosen) == 1 else None


def _is(fact: Fact, choice: Value, folded: str) -> bool:
    """Whether a line names a choice by its words or its id."""
    label = fact.label(choice)
    if choice == frozenset():
        return folded in _NONE
    names: Sequence[str] = [choice] if isinstance(choice, str) else [*choice] if isinstance(choice, frozenset) else []
    return folded in (label.en.casefold(), label.zh.casefold(), *names)


def _members(fact: Fact, said: str, choices: list[Value]) -> Value | None:
    chosen = numbers(said, len(choices))
    if not chosen:
        named = [
            number
            for part in re.split(r"[,，、;；]", said)
            for number, choice in enumerate(choices, 1)
            if part.strip() == str(number) or _is(fact, choice, part.strip().casefold())
        ]
        parts = [part for part in re.split(r"[,，、;；]", said) if part.strip()]
        chosen = set(named) if len(named) == len(parts) else set()
    if not chosen or (len(choices) in chosen and len(chosen) > 1):
        return None
    picked = [choices[number - 1] for number in chosen]
    return frozenset(member for choice in picked if isinstance(choice, frozenset) for member in choice)


def ticks_of(said: str, most: int) -> tuple[set[int], set[int]] | None:
    """What a line ticks in a checklist of `most` items and where it is unsure (`3?`); None where it is no answer.

    The number after the last item, or a word for none, ticks nothing.
    """
    if said.casefold() in _NONE:
        return set(), set()
    ticked: set[int] = set()
    unsure: set[int] = set()
    for part in [part for part in _SEPARATORS.split(said) if part]:
        number = numbers(part.rstrip("?？"), most + 1)
        if len(number) != 1:
            return None
        (unsure if part[-1] in "?？" else ticked).update(number)
    none = most + 1
    if not ticked | unsure or none in unsure or (none in ticked and len(ticked) > 1) or ticked & unsure:
        return None
    return ticked - {none}, unsure
