"""What a text says outright, and whether its words sound like a grave effect on people.

What words sound like is a guess, so it has to pass three rules before anybody is asked to look:
- it counts only against an answer below `significant`, and only where it sounds significant: between no effect and a
  slight one words tell nothing (nearly every text has users in it), and what decides by itself has to say so outright;
- the sentence it rests on has to hold two reasons that the classifier can name, in two different words, since a single
  loaded word stands in many harmless texts and can stand for two ("surveillance" of a disease); and somewhere the text
  has to tell of something done to people (watching, scoring, diagnosing, deciding), which a field alone ("police",
  "patients", "loans") is not;
- words that only repeat the question of the form ("Expected benefits: ...") are not heard.
What fails only the second rule is kept apart as faint. Pure: a text is heard alone, the same wherever it is heard.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from steelyard.intake.drafting.concern import SURE_ENOUGH
from steelyard.intake.drafting.draft import Proposal, read
from steelyard.intake.drafting.hearing import hear
from steelyard.intake.drafting.impact import STEPS, Concepts, classifier, sentences
from steelyard.intake.text.mentions import Mention, find
from steelyard.intake.text.sentences import normal
from steelyard.profile.facts import vocabulary

IMPACT, GRAVE = "decision_impact", "significant"
FAINT = 0.65  # below this probability no proposal is sure enough (tests hold the two together)
DEEDS = frozenset(
    {
        *("c:diagnosis", "c:biometric", "c:watching", "c:person_scoring", "c:fraud_person", "c:hiring", "c:adjudicate"),
        *("c:decide_alone", "c:assist_decider", "c:safety_control", "c:money_moving", "c:profiling"),
    }
)
_STEP = STEPS.index(GRAVE)
_WORD = re.compile(r"[a-z0-9'-]+|[\u4e00-\u9fff]")
_LONGEST = 4


class Told(NamedTuple):
    """A text; the same with blanks for what repeats the form; and whether a grave sound would go beyond the answers."""

    text: str
    own: str
    open: bool


class Heard(NamedTuple):
    """What a text says outright; `impact` is what it sounds like, where that is grave and sure enough.

    `faint` tells that the reasons for it do not suffice.
    """

    mentions: tuple[Mention, ...]
    impact: Proposal | None = None
    faint: bool = False


def listen(item: Told) -> Heard:
    """Hears one text. Raises InputError for one that is too long or no text."""
    mentions = tuple(find(item.text))
    impact = _sounds(item.own) if item.open else None
    if impact is None:
        return Heard(mentions)
    return Heard(mentions, impact, not has_reasons(item.own, impact.start, impact.end))


def _sounds(text: str) -> Proposal | None:
    """What drafting would propose for the effect on people, where it is grave and sure enough."""
    pieces = [
        (start + first, start + last)
        for start, end in hear(text).plain
        for first, last in sentences(text[start:end])
    ]  # fmt: skip
    reading = classifier().read(text, pieces)
    if reading is None or reading.at_least[_STEP] < FAINT:
        return None
    ranks = vocabulary()[IMPACT].rank
    for item in read(text).proposals:
        if item.fact == IMPACT and item.confidence >= SURE_ENOUGH and isinstance(item.value, str):
            return item if ranks[item.value] >= ranks[GRAVE] else None
    return None


def has_reasons(text: str, start: int, end: int) -> bool:
    """Whether the words from `start` to `end` hold two reasons for a grave effect, and the text tells of a deed."""
    low = normal(text)
    if DEEDS.isdisjoint(_concepts().of(low)):
        return False
    places = list(_reasons(low[start:end]).values())
    pairs = ((one, other) for index, one in enumerate(places) for other in places[:index])
    return any(len(one | other) > 1 for one, other in pairs)


def _reasons(low: str) -> dict[str, set[int]]:
    """The groups of words that make the classifier hear a grave effect, each with the words that it needs for it.

    A group is placed at the shortest run of words in which it is heard alone.
    """
    weights = classifier().pack.weights
    missing = {name for name in _concepts().of(low) if name in weights and weights[name][_STEP] > 0}
    words = [(found.start(), found.end()) for found in _WORD.finditer(low)]
    places: dict[str, set[int]] = {}
    for length in range(1, _LONGEST + 1):
        for first in range(len(words) - length + 1):
            if not missing:
                return places
            run = low[words[first][0] : words[first + length - 1][1]]
            for name in missing.intersection(_concepts().of(run)):
                places.setdefault(name, set()).add(first)
        missing -= places.keys()
    return places


@cache
def _concepts() -> Concepts:
    pack = classifier().pack
    return Concepts(pack.concepts, pack.common)


def form_words(headers: Sequence[str]) -> re.Pattern[str] | None:
    """What repeats the headers of a form: one of their words as a label ("Purpose:"), or two that stand together."""
    runs = [
        [word for word in re.findall(r"\w+", header.lower()) if len(word) > 3 or not word.isascii()]
        for header in headers
    ]
    words = dict.fromkeys(word for run in runs for word in run)
    if not words:
        return None
    pairs = dict.fromkeys(pair for run in runs for pair in pairwise(run))
    labels = "|".join(map(_form, words))
    joined = [rf"\b{_form(one)}\s{{1,3}}{_form(two)}\b(?:\s?[:：])?" for one, two in pairs]
    return re.compile("|".join([rf"\b(?:{labels})\s?[:：]", *joined]), re.IGNORECASE)


def _form(word: str) -> str:
    """A word in the singular or plural."""
    return re.escape(word.removesuffix("s")) + "s?"


def without(text: str, words: re.Pattern[str] | None) -> str:
    """The text with blanks where the words of the form stand."""
    return words.sub(lambda found: " " * len(found.group()), text) if words is not None else text
