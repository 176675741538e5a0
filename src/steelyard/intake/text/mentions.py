"""What a text says about the facts of a system: each finding with its place, and whether the text stands by it.

`find` looks up the entries of the lexicon (`intake/packs/lexicon.yaml`) and then asks the cues of the same pack how the
text means what it says. Nothing a text says changes a declared fact: a mention is something to show to a person.
"""

from bisect import bisect_right
from typing import Literal, NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.intake.text.cues import Cues
from steelyard.intake.text.lexicon import Lexicon, lexicon
from steelyard.intake.text.sentences import clauses, normal
from steelyard.profile.facts import Value

MAX_CHARACTERS = 1_000_000
MAX_PER_RULE = 200
Stance = Literal["asserts", "denies", "plans", "other_party", "harmless"]


class Mention(NamedTuple):
    """A place in a text that speaks about a fact.

    `value` is typed as in a profile; for a set fact it is a set of one member. `start` and `end` count code points, and
    `quote` is what stands between them. `rule` is the entry of the lexicon; `confidence` is its, from 0 to 1.
    """

    fact: str
    value: Value
    start: int
    end: int
    quote: str
    stance: Stance
    rule: str
    confidence: float


def find(text: str, words: Lexicon | None = None) -> list[Mention]:
    """All mentions in the order of the text; a rule is heard at most `MAX_PER_RULE` times.

    Raises InputError for a text of more than `MAX_CHARACTERS` characters, and for what is not text.
    """
    refuse(text)
    words = words or lexicon()
    low = normal(text)
    raw = list(words.raw(low, MAX_PER_RULE))
    if not raw:
        return []
    pieces = clauses(text)
    starts = [piece.start for piece in pieces]
    cues = Cues(low, pieces, words)
    out: list[Mention] = []
    for entry, start, end in raw:
        stance = cues.stance(entry, start, end, bisect_right(starts, start) - 1)
        for fact, value in entry.says:
            out.append(Mention(fact, value, start, end, text[start:end], stance, entry.id, entry.confidence))
    out.sort(key=lambda mention: (mention.start, mention.end, mention.fact))
    return out


def refuse(text: str) -> None:
    """Raises InputError when a text is too long to read, or is not text but the bytes of another kind of file."""
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            "too_large",
            Text(
                f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read",
                f"文本共 {len(text):,} 个字符，最多读取 {MAX_CHARACTERS:,} 个",
            ),
            remedy=Text(
                "give the description of the system, not the whole document",
                "请只提供系统说明部分，不要提供整份文件",
            ),
        )
    if "\0" in text:
        raise InputError(
            "not_text",
            Text("this is not text: it holds NUL characters", "这不是文本：含有空字符（NUL）"),
            remedy=Text("save the description as plain text in UTF-8", "请将说明另存为 UTF-8 纯文本"),
        )
