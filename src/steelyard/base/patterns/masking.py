"""Masking: every finding replaced by its kind in brackets, with a way back from the masked text to the original.

Enforced: nothing of a place that any rule found stays, also where findings overlap; the kind shown is that of the
finding that wins. What no rule knows (most names of people, most addresses) is not masked.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from steelyard.base.patterns.model import Confidence
from steelyard.base.patterns.rules import Rules, clusters, precedence


@dataclass(frozen=True, slots=True)
class MaskedSpan:
    """A replaced place: `start` to `end` in the original, `masked_start` to `masked_end` in the masked text."""

    kind: str
    start: int
    end: int
    masked_start: int
    masked_end: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked text. `spans` are in order and apart from each other."""

    text: str
    spans: tuple[MaskedSpan, ...]
    _starts: tuple[int, ...] = field(repr=False, compare=False)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original of `start` to `end` in the masked text; part of a placeholder stands for all of it.

        Raises ValueError for a span that is not inside of the masked text.
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"no span of the masked text: {start} to {end}")
        first = self._to_original(start, to_end=False)
        return first, max(first, self._to_original(end, to_end=True)) if end > start else first

    def _to_original(self, at: int, *, to_end: bool) -> int:
        index = bisect_right(self._starts, at - 1 if to_end else at) - 1
        if index < 0:
            return at
        span = self.spans[index]
        if at < span.masked_end or (to_end and at == span.masked_end):
            return span.end if to_end else span.start
        return span.end + at - span.masked_end


def mask(text: str, rules: Rules, least: Confidence = "low") -> Masked:
    """`text` with every finding of confidence `least` and above replaced by a placeholder such as `[cn_id]`."""
    pieces: list[str] = []
    spans: list[MaskedSpan] = []
    read = written = 0
    for group in clusters(rules.candidates(text, least)):
        start, end = group[0].start, max(one.end for one in group)
        kind = rules.items[min(group, key=precedence).order].kind
        shown = f"[{kind}]"
        pieces += (text[read:start], shown)
        written += start - read
        spans.append(MaskedSpan(kind, start, end, written, written + len(shown)))
        written += len(shown)
        read = end
    pieces.append(text[read:])
    return Masked("".join(pieces), tuple(spans), tuple(span.masked_start for span in spans))
