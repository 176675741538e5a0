"""Cutting a text into clauses: English, Chinese and mixtures; offsets count code points of the text as given.

A sentence ends at a full stop, question or exclamation mark, semicolon, blank line or list item. A clause ends at a
comma, colon or dash, or before a word that turns the thought round ("but", "although", "但"): what one clause denies
the next may assert.
"""

import re
from typing import NamedTuple

from steelyard.intake.text.traditional import TABLE as _TRADITIONAL

_SPACES = dict.fromkeys((9, 10, 11, 12, 13, 0xA0, 0x3000, 0x2002, 0x2003, 0x2009, 0x202F), " ")
_WIDE = {code: chr(code - 0xFEE0) for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_FOLD = {**_TRADITIONAL, **_SPACES, **_WIDE, 0x2019: "'", 0x2018: "'", 0x2010: "-", 0x2011: "-"}

_STOP = re.compile(
    r"[。！？；!?;]|\.(?=\s|$|[\"'”’)])|(?:\r\n|\n|\r(?!\n))[ \t]*[\n\r]|"
    r"[\n\r](?=[ \t]*(?:[-*•·]|[0-9]{1,2}[.)、]|[（(][0-9一二三四五六七八九十]{1,2}[)）]))"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|no|nos|vs|approx|dr|mr|ms|mrs|inc|ltd|co|st|fig|u\.s|a\.m|p\.m)|\b[a-z])$"
)
_BREAK = re.compile(
    r"，|：|——|—| – | - |,(?![0-9])|:(?![0-9/])|"
    r"(?<=[ )])(?=(?:but|while|whilst|although|though|whereas|however|because|except|excepting|instead|apart from|"
    r"other than|unless|only the)\b)|"
    r"(?=但(?:是|会|可|仍|对|在|用)?|而是|不过|然而|除了|因为|由于)"
)  # fmt: skip


class Clause(NamedTuple):
    """A piece of a sentence from `start` to `end`; `sentence` counts from 0, `first` tells the head of a sentence."""

    start: int
    end: int
    sentence: int
    first: bool


def normal(text: str) -> str:
    """The text as patterns see it, no longer or shorter: lower case, plain spaces, narrow letters, simplified signs."""
    folded = text.translate(_FOLD)
    lowered = folded.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in folded)


def clauses(text: str) -> list[Clause]:
    """The clauses of a text in order; together they cover it, separators included."""
    low = normal(text)
    out: list[Clause] = []
    for index, (start, end) in enumerate(_sentences(text, low)):
        at = start
        for found in _BREAK.finditer(low, start, end):
            cut = found.end() if found.end() > found.start() else found.start()
            if cut > at and cut < end:
                out.append(Clause(at, cut, index, at == start))
                at = cut
        out.append(Clause(at, end, index, at == start))
    return out


def _sentences(text: str, low: str) -> list[tuple[int, int]]:
    out, at = [], 0
    for found in _STOP.finditer(text):
        if found.group() == "." and _ABBREVIATION.search(low, max(0, found.start() - 8), found.start()):
            continue
        if found.end() > at:
            out.append((at, found.end()))
            at = found.end()
    if at < len(text):
        out.append((at, len(text)))
    return out
