"""Numbers of people in a text: how many use a system, and of how many it holds data.

A text rounds, so a number proposes the band it falls in, not an exact count; only people active in a month, who have no
band, are proposed as a number. What is planned, denied, or said of others is left to `hearing`.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from steelyard.base import packs
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import convert, load
from steelyard.intake.text.mentions import Mention
from steelyard.intake.text.sentences import normal
from steelyard.profile.facts import MAX_COUNT, Value, vocabulary

PACK = Path(__file__).parent.parent / "packs" / "numbers.yaml"
FORMAT = 1
SURE = 0.75
_NUMBER = r"(?P<n>[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,12}(?:\.[0-9]{1,3})?)"
_ALONE = r"(?<![0-9a-z.,])"
_EN_LINK = r"\+?(?: of)? {1,2}"
_ZH_LINK = r"(?:数|量|总数|规模)?(?:已|约|达|超|超过|达到|为|有|近|共|：|:| ){0,4}"
_NOT_MONTHLY = r"(?! (?:a|per|each|every) month)"
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_EN_SCALE = r"(?:[ -]{1,2}(?P<s>thousand|million|billion|k|m|bn))?"
_ZH_SCALE = r" {0,2}(?P<s>千|万|百万|千万|亿|余)?余?"
_ABOUT = r" {1,2}(?:(?:about|around|some|only|roughly|nearly|over|more than|up to|approximately) {1,2})?"
_WRITTEN = r"(?P<z>[一二两三四五六七八九十百千零]{0,7}[百千万][一二两三四五六七八九十百千零万]{0,7})"
_DIGITS = {sign: number for number, sign in enumerate("零一二三四五六七八九")} | {"两": 2}
_TENS = {"十": 10, "百": 100, "千": 1_000}
_SCALES = {
    "thousand": 10**3, "k": 10**3, "million": 10**6, "m": 10**6, "billion": 10**9, "bn": 10**9,
    "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8,
}  # fmt: skip


class NounData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words that say what a number counts."""

    fact: str
    en: tuple[str, ...]
    zh: tuple[str, ...]
    around_en: tuple[str, str] | None = None


class NumbersData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pack."""

    numbers: int
    nouns: tuple[NounData, ...]


def _read() -> NumbersData:
    doc = load(PACK)
    if not isinstance(doc.data, dict) or doc.data.get("numbers") != FORMAT:
        raise doc.error("bad_format", (), Text(f"expected 'numbers: {FORMAT}'", f"应以 'numbers: {FORMAT}' 开头"))
    data: NumbersData = convert(doc, (), doc.data, NumbersData)
    return data


@cache
def _patterns() -> tuple[tuple[str, "re.Pattern[str]"], ...]:
    out = []
    for noun in packs.cached("intake.numbers", [PACK], NumbersData, _read).nouns:
        english = "|".join(word.replace(" ", " {1,2}") for word in noun.en)
        chinese = "|".join(noun.zh)
        out += [
            (noun.fact, re.compile(rf"{_ALONE}{_NUMBER}{_EN_SCALE}{_EN_LINK}(?:{english})(?![a-z]){_NOT_MONTHLY}")),
            (noun.fact, re.compile(rf"(?:{chinese}){_ZH_LINK}{_NUMBER}{_ZH_SCALE}")),
            (noun.fact, re.compile(rf"{_ALONE}{_NUMBER}{_ZH_SCALE}(?:名|个|位|多)?(?:{chinese})")),
            (noun.fact, re.compile(rf"{_WRITTEN}余?多?(?:名|个|位)(?:{chinese})")),
        ]
        if noun.around_en is not None:
            before, after = (words.replace(" ", " {1,2}") for words in noun.around_en)
            out.append(
                (
                    noun.fact,
                    re.compile(rf"\b(?:{before}){_ABOUT}{_NUMBER}{_EN_SCALE}{_EN_LINK}(?:our )?(?:{after})(?![a-z])"),
                )
            )
    return tuple(out)


def find(text: str) -> Iterator[Mention]:
    """What the numbers of a text say, as mentions that assert."""
    low = normal(text)
    if re.search("[0-9百千万]", low) is None:
        return
    for fact, pattern in _patterns():
        for found in pattern.finditer(low):
            number = _number(found.groupdict())
            if not 0 < number <= MAX_COUNT:
                continue
            value: Value = number if vocabulary()[fact].type == "count" else vocabulary()[fact].band_of(number)
            quote = text[found.start() : found.end()]
            yield Mention(fact, value, found.start(), found.end(), quote, "asserts", f"number-{fact}", SURE)


def _number(found: dict[str, str | None]) -> int:
    """The number that a match holds, in digits or written out; 0 for a year and for what is no number."""
    written, digits = found.get("z"), found.get("n")
    if written is not None:
        return written_out(written)
    if digits is None:
        return 0
    scale = _SCALES.get(found["s"] or "", 1)
    if scale == 1 and _YEAR.fullmatch(digits):
        return 0
    return int(float(digits.replace(",", "")) * scale)


def written_out(signs: str) -> int:
    """A Chinese number such as 三百 or 一万二千; 0 where it does not say one plainly."""
    high, _, low = signs.rpartition("万")
    if "万" in high:
        return 0
    top = _below_ten_thousand(high) if high else 0
    rest = _below_ten_thousand(low) if low else 0
    if top is None or rest is None or ("万" in signs and top == 0):
        return 0
    return top * 10_000 + rest


def _below_ten_thousand(signs: str) -> int | None:
    total, digit, last = 0, 0, 10_000
    for sign in signs:
        if sign in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[sign]
        elif (unit := _TENS[sign]) < last:
            total, digit, last = total + (digit or 1) * unit, 0, unit
        else:
            return None
    return total + digit
