"""The one table printer: aligned columns on a terminal, counting Chinese characters as two columns wide."""

import shutil
import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """How many terminal columns `text` takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, columns: int) -> str:
    """`text` shortened to at most `columns` terminal columns, with an ellipsis where something was cut."""
    if width(text) <= columns:
        return text
    kept, used = [], 0
    for char in text:
        used += width(char)
        if used > columns - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def terminal_width(default: int = 100) -> int:
    """The width of the terminal, between 60 and 200 columns; `default` where there is none."""
    return max(60, min(200, shutil.get_terminal_size((default, 24)).columns))


def table(rows: Sequence[Sequence[str]], head: Sequence[str], *, total: int | None = None, flexible: int = -1) -> str:
    """`rows` under `head`; the `flexible` column (the last) is cut so that a line fits `total` terminal columns."""
    total = total or terminal_width()
    flat = [[" ".join(str(cell).split()) for cell in row] for row in rows]
    widths = [max([width(name), *(width(row[i]) for row in flat)]) for i, name in enumerate(head)]
    room = total - (sum(widths) - widths[flexible]) - 2 * (len(widths) - 1)
    widths[flexible] = max(10, min(widths[flexible], room))

    def line(cells: Sequence[str]) -> str:
        out = []
        for cell, size in zip(cells, widths, strict=True):
            shown = cut(cell, size)
            out.append(shown + " " * (size - width(shown)))
        return "  ".join(out).rstrip()

    return "\n".join([line(list(head)), line(["-" * size for size in widths]), *(line(row) for row in flat)])


def wrap(text: str, columns: int, indent: str = "") -> str:
    """`text` broken into lines of at most `columns`; Chinese may break anywhere, words of other scripts stay whole."""
    lines, current, used = [], "", 0
    for piece in _tokens(" ".join(text.split())):
        size = width(piece)
        if used + size > columns - len(indent) and current:
            lines.append(current.rstrip())
            current, used = "", 0
            if piece == " ":
                continue
        current, used = current + piece, used + size
    if current.strip():
        lines.append(current.rstrip())
    return "\n".join(indent + line for line in lines)


_NO_LINE_START = "，。；：、！？）》」』,.;:!?)"


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    for char in text:
        narrow = unicodedata.east_asian_width(char) not in "WF" and char != " "
        joins_word = narrow and bool(tokens) and tokens[-1] != " " and width(tokens[-1][-1]) == 1
        if joins_word or (tokens and char in _NO_LINE_START):
            tokens[-1] += char
        else:
            tokens.append(char)
    return tokens
