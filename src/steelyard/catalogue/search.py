"""Plain search over a catalogue: ids, titles and texts, in both languages, with nothing but the standard library.

How a query is read: words are separated by spaces. An English word finds words that begin with it, and its plain
plural. A run of Chinese characters is looked for as it stands, and else by its overlapping pairs of characters, most of
which must occur. A piece of an id (`4.1.2`, `M4.1.2-c`, `v1:G5`) finds ids. A clause must answer every word; where no
clause does, those that answer the most words are given.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from steelyard.catalogue.load import Catalogue
from steelyard.catalogue.model import Clause

_TERM = re.compile(r"[\u3400-\u9fff]+|[a-z0-9][a-z0-9.:_-]*")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[a-z0-9]+")
_ID_WEIGHT, _TITLE_WEIGHT, _TEXT_WEIGHT, _SECTION_WEIGHT = 20.0, 6.0, 2.0, 1.0
_PREFIX_SHARE, _PLURAL_SHARE = 0.6, 0.8
_MIN_PAIRS = 0.6


class Hit(NamedTuple):
    """A clause that answers a query. `score` orders hits of one query and means nothing else."""

    clause: Clause
    score: float


class _Field(NamedTuple):
    """A searchable text: its words, its Chinese, its weight."""

    words: frozenset[str]
    han: str
    weight: float


class _Entry(NamedTuple):
    clause: Clause
    identifier: str
    fields: tuple[_Field, ...]


def search(catalogue: Catalogue, query: str, *, limit: int | None = None) -> tuple[Hit, ...]:
    """The clauses that answer `query`, best first; equal scores keep the order of the catalogue."""
    terms = list(dict.fromkeys(_TERM.findall(_plain(query))))
    answered: list[tuple[int, Hit]] = []
    for entry in _entries(catalogue):
        scores = [score for term in terms if (score := _score(entry, term)) > 0]
        if scores:
            answered.append((len(scores), Hit(entry.clause, sum(scores))))
    most = max((count for count, _ in answered), default=0)
    hits = [hit for count, hit in answered if count == most]
    hits.sort(key=lambda hit: -hit.score)
    return tuple(hits[:limit])


def _plain(text: str) -> str:
    """Without differences of width and case: `Ｍ４` is `m4`."""
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=4)
def _entries(catalogue: Catalogue) -> tuple[_Entry, ...]:
    def field(weight: float, *texts: str) -> _Field:
        plain = _plain("\n".join(texts))
        return _Field(frozenset(_WORD.findall(plain)), " ".join(_HAN.findall(plain)), weight)

    entries = []
    for clause in catalogue.content.clauses:
        section = catalogue.sections[clause.section]
        parts = (
            field(_TITLE_WEIGHT, clause.title.en, clause.title.zh),
            field(_TEXT_WEIGHT, clause.text.en, clause.text.zh),
            field(_SECTION_WEIGHT, section.title.en, section.title.zh),
        )
        entries.append(_Entry(clause, _plain(clause.id), parts))
    return tuple(entries)


def _score(entry: _Entry, term: str) -> float:
    if _HAN.fullmatch(term):
        return sum(field.weight * _chinese(field.han, term) for field in entry.fields)
    identifier = _identifier(entry.identifier, term)
    words = _WORD.findall(term)
    return identifier + sum(
        field.weight * sum(shares) / len(words)
        for field in entry.fields
        if all(shares := [_english(field.words, word) for word in words])
    )


def _identifier(identifier: str, term: str) -> float:
    if not any(char.isdigit() for char in term):
        return 0.0
    local = identifier.partition(":")[2]
    if term in (identifier, local):
        return _ID_WEIGHT
    if identifier.startswith(term) or local.startswith(term) or local[1:].startswith(term):
        return _ID_WEIGHT / 2
    return 0.0


def _chinese(text: str, term: str) -> float:
    if term in text:
        return 1.0
    pairs = [term[index : index + 2] for index in range(len(term) - 1)]
    if len(pairs) < 2:
        return 0.0
    share = sum(pair in text for pair in pairs) / len(pairs)
    return share / 2 if share >= _MIN_PAIRS else 0.0


def _english(words: frozenset[str], word: str) -> float:
    if word in words:
        return 1.0
    if word + "s" in words or (word.endswith("s") and word[:-1] in words):
        return _PLURAL_SHARE
    return _PREFIX_SHARE if len(word) > 1 and any(known.startswith(word) for known in words) else 0.0
