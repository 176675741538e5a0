"""Words to find systems by: Latin words, and Chinese as overlapping pairs of characters (a single one stands alone).

A table of words serves SQLite and PostgreSQL alike, so both find the same: every word of a query must be there, the
last Latin one may be the beginning of a word. Where Latin and Chinese touch, each stands for itself.
"""

import re
import unicodedata
from collections.abc import Iterator

_HAN = "㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+", re.UNICODE)
_FIRST = re.compile(rf"[{_HAN}]")
MOST, MOST_ASKED, LONGEST = 400, 40, 40


def words(text: str) -> list[str]:
    """The words of a text, without repeats, at most 400."""
    found: dict[str, None] = {}
    for word in _words(text):
        found[word] = None
        if len(found) >= MOST:
            break
    return list(found)


def _runs(text: str) -> list[str]:
    found: list[str] = _RUN.findall(unicodedata.normalize("NFKC", text).casefold())
    return found


def _words(text: str) -> Iterator[str]:
    for run in _runs(text):
        if not _chinese(run):
            yield run[:LONGEST]
            continue
        yield from run
        yield from (run[at : at + 2] for at in range(len(run) - 1))


def query(text: str) -> tuple[list[str], str | None]:
    """The words that must be there, and the beginning of a word (the last Latin one), if any. At most forty."""
    exact: list[str] = []
    runs = _runs(text)
    prefix = runs[-1][:LONGEST] if runs and not _chinese(runs[-1]) and not text[-1:].isspace() else None
    for run in runs[:-1] if prefix is not None else runs:
        if not _chinese(run):
            exact.append(run[:LONGEST])
        elif len(run) == 1:
            exact.append(run)
        else:
            exact += [run[at : at + 2] for at in range(len(run) - 1)]
    return list(dict.fromkeys(exact))[:MOST_ASKED], prefix


def _chinese(run: str) -> bool:
    return _FIRST.match(run) is not None
