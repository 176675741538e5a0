"""How a text means what it says: denied, planned, somebody else's, or a harmless use of a loaded word.

Every cue is data in the lexicon. A cue has a scope:
- `before`: it stands before the mention in the same clause (or within it), and reaches into a list that goes on;
- `after`: it follows the mention in the same clause;
- `clause`: anywhere in the clause;
- `onward`: its clause and the later ones of the sentence, until a word such as "today" takes it back;
- `overlap`: the mention lies in the cue itself or touches it.
"""

from bisect import bisect_right
from collections.abc import Sequence
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


class Cues:
    """The cues of one text, found once and asked for each mention."""

    def __init__(self, low: str, pieces: Sequence[Clause], words: Lexicon) -> None:
        """`low` is the text as `sentences.normal` gives it, `pieces` its clauses."""
        self._low, self._pieces, self._words = low, pieces, words
        self._starts = starts = [piece.start for piece in pieces]
        self._by_clause: dict[int, list[tuple[Cue, int, int]]] = {}
        for cue in words.cues:
            for start, end in cue.spans(low):
                self._by_clause.setdefault(bisect_right(starts, start) - 1, []).append((cue, start, end))

    def stance(self, entry: Entry, start: int, end: int, index: int) -> "Stance":
        """How the text means the mention of `entry` from `start` to `end`, which begins in clause `index`."""
        if entry.excused(self._low, start, end):
            return "harmless"
        found = {
            cue.stance
            for cue, at, to, gap in self._near(index)
            if cue.stance not in entry.ignores and self._governs(cue, at, to, gap, start, end)
        }
        for stance in _ORDER:
            if stance in found:
                return stance
        return "asserts"

    def _near(self, index: int) -> list[tuple[Cue, int, int, int]]:
        """Cues of this clause and of those around it, with the distance in clauses (negative: earlier)."""
        sentence = self._pieces[index].sentence
        out = [(cue, at, to, 0) for cue, at, to in self._by_clause.get(index, ())]
        steps = 1
        while (
            index - steps >= 0
            and steps <= self._words.reach_clauses
            and self._pieces[index - steps].sentence == sentence
        ):
            out += [(cue, at, to, -steps) for cue, at, to in self._by_clause.get(index - steps, ())]
            steps += 1
        if index + 1 < len(self._pieces):
            out += [(cue, at, to, 1) for cue, at, to in self._by_clause.get(index + 1, ()) if cue.scope == "overlap"]
        return out

    def _governs(self, cue: Cue, at: int, to: int, gap: int, start: int, end: int) -> bool:
        if cue.scope == "overlap":
            return at < end and start < to
        if cue.scope == "clause":
            return gap == 0
        if cue.scope == "after":
            return gap == 0 and 0 <= at - end <= cue.reach
        if cue.scope == "onward":
            return gap == 0 or (gap < 0 and not self._taken_back(to, start))
        if at >= end or start - to > cue.reach:
            return False
        return gap == 0 or (gap < 0 and self._list_goes_on(at, start, end))

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
