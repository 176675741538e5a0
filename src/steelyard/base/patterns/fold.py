"""Folding: full-width digits, letters and signs read as plain ones, one code point for one, so that offsets keep.

Only characters whose NFKC form is a single ASCII character change (Unicode Standard Annex 15), and the dashes and
middle dots that people type for one another. Chinese and its commas, semicolons and marks stay as they are.
"""

import re
import unicodedata
from functools import lru_cache

# In nearly every Chinese text: replaced by themselves, faster than by table. Full-width ！ ， ； ？ are in no rule.
_COMMON = (("：", ":"), ("（", "("), ("）", ")"))
# Wider than what folds, so that it stays short; `_plain` decides for each character.
_MAY_FOLD = re.compile(
    "[\u00a0-\u00ba\u0130\u017f\u02b0-\u02e3\u1d2c-\u1dbb\u2000-\u209c\u2102-\u217f\u2212\u2460-\u2468\u24b6-\u24ea"
    "\u3000\u30fb\ufe10-\ufe16\ufe33-\ufe6b\uff02-\uff0b\uff0d-\uff1a\uff1c-\uff1e\uff20-\uff65\U0001d400-\U0001d7ff\U0001f12b-\U0001f149\U0001fbf0-\U0001fbf9]"
)
_ALIKE = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u2022\u2027\u30fb\uff65", "\u00b7"),
    "\u0130": "I",  # its lower case has two code points
}


def fold(text: str) -> str:
    """`text` with look-alikes of ASCII characters replaced; its length is the same."""
    if text.isascii():
        return text
    for wide, plain in _COMMON:
        text = text.replace(wide, plain)
    if _MAY_FOLD.search(text) is None:
        return text
    table = {ord(char): plain for char in set(_MAY_FOLD.findall(text)) if (plain := _plain(char)) != char}
    return text.translate(table) if table else text


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    alike = _ALIKE.get(char)
    if alike is not None:
        return alike
    form = unicodedata.normalize("NFKC", char)
    return form if len(form) == 1 and form.isascii() else char
