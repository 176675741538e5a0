"""How a text means what it says: denied, planned, somebody else's, or a harmless use of a loaded word.

Every cue is data in the lexicon. A cue has a scope:
- `before`: it stands before the mention in the same clause (or, unless it speaks of others, within it), and reaches
  into a list that goes on; one that spans an aside ("do not, and will not, use") counts where it ends. A denial ends
  where a new predicate begins ("does not store names and recognises faces"). A refusal is a predicate of its own: what
  it refuses is denied, never the refusal itself, nor the means ("avoids queues by recognising faces");
- `after`: it follows the mention in the same clause, or the whole list of which the mention is an item;
- `clause`: anywhere in the clause;
- `onward`: its clause and the later ones of the sentence, until a word such as "today" takes it back;
- `overlap`: the mention lies in the cue itself or touches it.

The clauses that a mention itself spans count as its own.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from steelyard.intake.text.lexicon import Cue, Entry, Lexicon
from steelyard.intake.text.sentences import Clause

if TYPE_CHECKING:
    from steelyard.intake.text.mentions import Stance

_ORDER: tuple[Literal["harmless", "other_party", "denies", "plans"], ...] = (
    "harmless",
    "other_party",
    "denies",
    "plans",
)
_LIST = re.compile(r",|、| and | or | nor |/|和|与|及|或")
_LONGEST_LIST = 120
_OWNER = re.compile("^(?:本|该)?(?:系统|平台|模型|产品|工具|应用)的?")


class Cues:
    """The cues of one text, found once and asked for each mention."""

    def __init__(self, low: str, pieces: Sequence[Clause], words: Lexicon) -> None:
        """`low` is the text as `sentences.normal` gives it, `pieces` its clauses."""
        self._low, self._pieces, self._words = low, pieces, words
        self._starts = starts = [piece.start for piece in pieces]
        self._by_clause: dict[int, list[tuple[Cue, int, int]]] = {}
        for cue in words.cues:
            for start, end in cue.spans(low):
                self._by_clause.setdefault(bisect_right(starts, max(start, end - 1)) - 1, []).append((cue, start, end))

    def stance(self, entry: Entry, start: int, end: int, index: int) -> "Stance":
        """How the text means the mention of `entry` from `start` to `end`, which begins in clause `index`."""
        if entry.excused(self._low, start, end):
            return "harmless"
        found = {
            cue.stance
            for cue, at, to, gap in self._near(index, end)
            if cue.stance not in entry.ignores and self._governs(cue, at, to, gap, start, end)
        }
        for stance in _ORDER:
            if stance in found:
                return stance
        return "asserts"

    def _near(self, index: int, end: int) -> list[tuple[Cue, int, int, int]]:
        """Cues of the clauses of a mention and of those around, with the distance in clauses (negative: earlier)."""
        last = max(index, bisect_right(self._starts, end - 1) - 1)
        out = [(cue, at, to, 0) for own in range(index, last + 1) for cue, at, to in self._by_clause.get(own, ())]
        for other in self._around(index, -1):
            out += [(cue, at, to, other - index) for cue, at, to in self._by_clause.get(other, ())]
        for other in self._around(last, 1):
            out += [
                (cue, at, to, other - last) for cue, at, to in self._by_clause.get(other, ()) if cue.scope == "after"
            ]
        return out + [(cue, at, to, 1) for cue, at, to in self._by_clause.get(last + 1, ()) if cue.scope == "overlap"]

    def _around(self, index: int, step: int) -> Iterator[int]:
        """The clauses of the same sentence on one side, the nearest first."""
        for other in range(index + step, index + step * (self._words.reach_clauses + 1), step):
            if not 0 <= other < len(self._pieces) or self._pieces[other].sentence != self._pieces[index].sentence:
                return
            yield other

    def _governs(self, cue: Cue, at: int, to: int, gap: int, start: int, end: int) -> bool:
        if cue.scope == "overlap":
            return at < end and start < to
        if cue.scope == "clause":
            return gap == 0
        if cue.scope == "after":
            return (gap == 0 and 0 <= at - end <= cue.reach) or (
                cue.stance == "denies" and self._list_before(start, end, at)
            )
        if cue.scope == "onward":
            return gap == 0 or (gap < 0 and not self._taken_back(to, start))
        if at >= end or start - to > cue.reach or (cue.stance == "other_party" and to > start):
            return False
        if "means" in cue.parted and to > start:
            return False
        if self._words.parted(cue, self._low, to, start, end):
            return False
        return gap == 0 or (gap < 0 and self._list_goes_on(at, start, end))

    def _list_before(self, start: int, end: int, at: int) -> bool:
        """Whether a clause begins with a list, of which the mention is an item but not the last, and a cue follows it.

        A Chinese list is one of "、": after "，" another thought may begin.
        """
        if not 0 < at - end <= _LONGEST_LIST or "，" in self._low[end:at]:
            return False
        head = _OWNER.sub("", self._low[self._pieces[bisect_right(self._starts, start) - 1].start : start])
        items = _LIST.split(self._low[end:at])
        return len(items) > 1 and items[-1].strip() != "" and all(map(self._words.is_list_item, (head, *items)))

    def _taken_back(self, since: int, start: int) -> bool:
        until = self._pieces[bisect_right(self._starts, start) - 1].end
        return next(self._words.resets(self._low, since, until), None) is not None

    def _list_goes_on(self, at: int, start: int, end: int) -> bool:
        """Whether only bare list items stand between a cue and a mention: no verb, no new subject."""
        index = bisect_right(self._starts, at) - 1
        for piece in self._pieces[index + 1 :]:
            if piece.start >= end:
                break
            if not self._words.is_list_item(self._low[piece.start : piece.end]):
                return False
        return True
