"""Typed reading of one place of a YAML document: each reader gives a checked value or an InputError with its place.

Enforced here: no unknown keys, no missing keys, both languages in every text and each of them in its own script.
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from steelyard.base import clock
from steelyard.base.i18n import LANGS, Text
from steelyard.base.yamldoc import Document, KeyPath, near

E = TypeVar("E", bound=StrEnum)
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_STRING = Text("a text (a number such as 3.1 in quotation marks)", "文本（3.1 等编号须加引号）")
_LANGUAGE = {"en": Text("English", "英文"), "zh": Text("Chinese", "中文")}


def at(doc: Document, keys: KeyPath) -> Any:
    """The plain value at `keys`; None where it is absent."""
    value: Any = doc.data
    for key in keys:
        in_dict = isinstance(value, dict) and key in value
        in_list = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if not (in_dict or in_list):
            return None
        value = value[key]
    return value


def mapping(doc: Document, keys: KeyPath, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """The mapping at `keys`, which has all `required` keys and none but those and the `optional` ones."""
    value = at(doc, keys)
    if not isinstance(value, dict):
        raise _wrong(doc, keys, value, Text("a mapping (key: value)", "映射（键: 值）"))
    known = (*required, *optional)
    for key in value:
        if key not in known:
            raise doc.error(
                "unknown_key",
                (*keys, key),
                Text(f"the key {key!r} is not known here", f"此处没有 {key!r} 这个键"),
                near(key, known) or Text(f"use only: {', '.join(known)}", f"可用的键：{'、'.join(known)}"),
            )
    for key in required:
        if key not in value:
            raise doc.error(
                "missing_key",
                keys,
                Text(f"the key {key!r} is missing", f"缺少键 {key!r}"),
                Text(f"add '{key}: ...' here", f"请在此处补充“{key}: ……”"),
            )
    return value


def entries(doc: Document, keys: KeyPath) -> Iterator[KeyPath]:
    """The key path of each item of the list at `keys`; an absent or null list is empty."""
    value = at(doc, keys)
    if value is None:
        return
    if not isinstance(value, list):
        raise _wrong(doc, keys, value, Text("a list", "列表"))
    for index in range(len(value)):
        yield (*keys, index)


def string(doc: Document, keys: KeyPath, pattern: re.Pattern[str] | None = None, example: str = "") -> str:
    """The text at `keys`; with `pattern`, in that form (`example` shows it)."""
    value = at(doc, keys)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(doc, keys, value, _STRING)
    if pattern is not None and not pattern.fullmatch(value):
        raise doc.error(
            "bad_form",
            keys,
            Text(f"{value!r} has not the expected form", f"{value!r} 的写法不对"),
            Text(f"write it like {example}", f"请写成类似 {example} 的形式"),
        )
    return value


def whole(doc: Document, keys: KeyPath) -> int:
    """The whole number from 0 at `keys`."""
    value = at(doc, keys)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(doc, keys, value, Text("a whole number from 0", "不小于 0 的整数"))
    return value


def flag(doc: Document, keys: KeyPath) -> bool:
    """The true or false at `keys`."""
    value = at(doc, keys)
    if not isinstance(value, bool):
        raise _wrong(doc, keys, value, Text("true or false", "true 或 false"))
    return value


def date(doc: Document, keys: KeyPath) -> dt.date | None:
    """The day at `keys`; None where it is absent or null."""
    value = at(doc, keys)
    if value is None:
        return None
    if not isinstance(value, str) or not clock.is_date(value):
        raise _wrong(doc, keys, value, Text("a day written YYYY-MM-DD", "以 YYYY-MM-DD 书写的日期"))
    return clock.parse_date(value)


def text(doc: Document, keys: KeyPath) -> Text:
    """The text in both languages at `keys`. A Chinese text holds Chinese characters, an English one holds none."""
    value = at(doc, keys)
    if not isinstance(value, dict):
        raise _wrong(
            doc, keys, value, Text("a text in both languages: {en: ..., zh: ...}", "双语文本：{en: ……, zh: ……}")
        )
    found: dict[str, str] = {}
    for lang in LANGS:
        words = value.get(lang)
        name = _LANGUAGE[lang]
        if words is None or (isinstance(words, str) and not words.strip()):
            raise doc.error(
                "missing_language",
                (*keys, lang),
                Text(f"this text has no {name.en}", f"此文本缺少{name.zh}"),
                Text(
                    f"add '{lang}: ...'; every text stands in English and Chinese",
                    f"请补充“{lang}: ……”；每段文本须有中英文",
                ),
            )
        found[lang] = string(doc, (*keys, lang))
        if bool(_HAN.search(found[lang])) != (lang == "zh"):
            raise doc.error(
                "wrong_language",
                (*keys, lang),
                Text(f"this does not read as {name.en}", f"这段文字看起来不是{name.zh}"),
                Text("check that en holds English and zh holds Chinese", "请确认 en 为英文、zh 为中文"),
            )
    mapping(doc, keys, LANGS)
    return Text(found["en"], found["zh"])


def one_of(doc: Document, keys: KeyPath, kind: type[E]) -> E:
    """The member of `kind` at `keys`."""
    value = at(doc, keys)
    members = [member.value for member in kind]
    if isinstance(value, str) and value in members:
        return kind(value)
    raise doc.error(
        "wrong_value",
        keys,
        Text(f"{value!r} is not one of the values allowed here", f"{value!r} 不是此处允许的取值"),
        (near(value, members) if isinstance(value, str) else None)
        or Text(f"use one of: {', '.join(members)}", f"可用取值：{'、'.join(members)}"),
    )


def some_of(doc: Document, keys: KeyPath, kind: type[E], everything: Sequence[E]) -> tuple[E, ...]:
    """The members of `kind` listed at `keys`, in the order of `kind`; the word `all` stands for `everything`."""
    found: set[E] = set()
    for item in entries(doc, keys):
        if at(doc, item) == "all":
            found.update(everything)
        else:
            found.add(one_of(doc, item, kind))
    if not found:
        raise _wrong(doc, keys, at(doc, keys), Text("a list of at least one word", "至少含一个词的列表"))
    return tuple(member for member in kind if member in found)


def _wrong(doc: Document, keys: KeyPath, found: Any, expected: Text) -> Exception:
    shown = repr(found) if len(repr(found)) <= 60 else repr(found)[:57] + "..."
    return doc.error(
        "wrong_type",
        keys,
        Text(f"expected {expected.en}, found {shown}", f"应为{expected.zh}，实际为 {shown}"),
        Text(f"write {expected.en}", f"请写成{expected.zh}"),
    )
