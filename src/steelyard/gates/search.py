"""Words to find systems by: Latin words, and Chinese as overlapping pairs of characters (a single one stands alone).

A table of words serves SQLite and PostgreSQL alike, so both find the same: every word of a query must be there, the
last Latin one may be the beginning of a word.
"""

import re
import unicodedata
from collections.abc import Iterator

_RUN = re.compile(r"[㐀-䶿一-鿿豈-﫿]+|[^\W_]+", re.UNICODE)
MOST = 400


def words(text: str) -> list[str]:
    """The words of a text, without repeats, at most 400."""
    found: dict[str, None] = {}
    for word in _words(text):
        found[word] = None
        if len(found) >= MOST:
            break
    return list(found)


def _words(text: str) -> Iterator[str]:
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if not _chinese(run[0]):
            yield run[:40]
            continue
        yield from run
        yield from (run[at : at + 2] for at in range(len(run) - 1))


def query(text: str) -> tuple[list[str], str | None]:
    """The words that must be there, and the beginning of a word (the last Latin one), if any. At most ten."""
    exact: list[str] = []
    runs = _RUN.findall(unicodedata.normalize("NFKC", text).casefold())
    prefix = runs[-1][:40] if runs and not _chinese(runs[-1][0]) and not text[-1:].isspace() else None
    for run in runs[:-1] if prefix is not None else runs:
        if not _chinese(run[0]):
            exact.append(run[:40])
        elif len(run) == 1:
            exact.append(run)
        else:
            exact += [run[at : at + 2] for at in range(len(run) - 1)]
    return list(dict.fromkeys(exact))[:10], prefix


def _chinese(char: str) -> bool:
    return bool(re.match(r"[㐀-䶿一-鿿豈-﫿]", char))
