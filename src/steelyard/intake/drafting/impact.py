"""How far the words of a description suggest that the system's output can change things for people.

A small linear classifier: groups of words (concepts) and hashed word and character n-grams, one weight per step of
`decision_impact`. The weights are trained by `scripts/train_impact.py` on descriptions written for this project
(`packs/impact-training.yaml`), never on an inventory's own column. Plain Python, offline, linear in the text.

A text is read sentence by sentence; it weighs the mean of its weightiest sentence and of all of them.
"""

import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from steelyard.intake.text.sentences import normal

PACK = Path(__file__).parent.parent / "packs" / "impact-weights.json"
STEPS = ("minor", "significant", "major")
BUCKETS = 1 << 14

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[\u4e00-\u9fff]+")
_SENTENCE = re.compile(r"[。！？；!?;]+|\.(?=\s|$)|\n+")
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ers", "ies", "ed", "er", "es", "ly", "s")
_LONGEST = 400


class ConceptData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of words that weigh the same; a trailing `*` stands for any ending."""

    id: str
    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()


class Pack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The trained classifier: `bias` and three weights (one a step) per concept and bucket.

    `trained_on` is the SHA-256 digest of the descriptions.
    """

    impact: int
    trained_on: str
    common: tuple[str, ...]
    concepts: tuple[ConceptData, ...]
    bias: tuple[float, float, float]
    weights: dict[str, tuple[float, float, float]]


class Sentence(NamedTuple):
    """A sentence from `start` to `end` with its logit for each step."""

    start: int
    end: int
    logits: tuple[float, float, float]


class Reading(NamedTuple):
    """What the classifier makes of a text.

    `at_least` is the probability of at least minor, significant and major impact, never rising; `start` and `end` hold
    the sentence that says most.
    """

    at_least: tuple[float, float, float]
    start: int
    end: int


class Concepts:
    """The word groups, ready to read; `common` are English words that say nothing."""

    def __init__(self, data: Iterable[ConceptData], common: Iterable[str]) -> None:
        self.common = frozenset(common)
        self._found = [(f"c:{item.id}", *_patterns(item)) for item in data]

    def of(self, low: str) -> list[str]:
        """The concepts that a text in lower case holds, once each."""
        out = []
        for name, english, chinese in self._found:
            if (english is not None and english.search(low)) or (chinese is not None and chinese.search(low)):
                out.append(name)
        return out


def _patterns(item: ConceptData) -> tuple["re.Pattern[str] | None", "re.Pattern[str] | None"]:
    english = [
        re.escape(word.lower()).replace(r"\*", r"\w{0,12}").replace(r"\ ", r"[\s-]{1,3}") for word in item.en if word
    ]
    return (
        re.compile(rf"\b(?:{'|'.join(english)})\b", re.ASCII) if english else None,
        re.compile("|".join(re.escape(word) for word in item.zh)) if item.zh else None,
    )


def stem(word: str) -> str:
    """A word without its commonest English endings."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def grams(low: str, common: frozenset[str]) -> set[str]:
    """Hashed stems and their pairs for English, pairs of characters for Chinese."""
    names: set[str] = set()
    before = ""
    for token in _TOKEN.findall(low):
        if token[0] >= "\u4e00":
            names.update(token[at : at + 2] for at in range(len(token) - 1))
            before = ""
        elif token in common or len(token) < 3:
            continue
        else:
            root = stem(token)
            names.add(root)
            if before:
                names.add(f"{before} {root}")
            before = root
    return {str(crc32(name.encode()) % BUCKETS) for name in names}


def features(low: str, concepts: Concepts) -> dict[str, float]:
    """The features of a text in lower case: a concept counts one, n-grams share a length of one."""
    found = concepts.of(low)
    hashed = grams(low, concepts.common)
    share = 1.0 / math.sqrt(len(hashed)) if hashed else 0.0
    out = dict.fromkeys(hashed, share)
    for name in found:
        out[name] = 1.0
    return out


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of a text without the spaces around them; long ones are cut."""
    out: list[tuple[int, int]] = []
    at = 0
    for cut in [*(found.end() for found in _SENTENCE.finditer(text)), len(text)]:
        while at < cut:
            end = min(cut, at + _LONGEST)
            if end < cut:
                space = text.rfind(" ", at + _LONGEST // 2, end)
                end = space + 1 if space > 0 else end
            piece = text[at:end]
            said = piece.strip().removeprefix("\ufeff").lstrip()
            if said:
                head = piece.index(said)
                out.append((at + head, at + head + len(said)))
            at = end
    return out


class Classifier:
    """The trained weights, ready to read texts."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._concepts = Concepts(pack.concepts, pack.common)

    def logits(self, low: str) -> tuple[float, float, float] | None:
        """The logit of each step for a text in lower case; None where it holds no word that the classifier knows."""
        first, second, third = self.pack.bias
        weights = self.pack.weights
        known = False
        for name, value in features(low, self._concepts).items():
            weight = weights.get(name)
            if weight is not None:
                known = True
                first += weight[0] * value
                second += weight[1] * value
                third += weight[2] * value
        return (first, second, third) if known else None

    def read(self, text: str, spans: Sequence[tuple[int, int]] | None = None) -> Reading | None:
        """What the sentences of a text (all, or those in `spans`) say; None where no known word stands in them.

        A sentence without a known word is passed over, so that padding does not water a description down.
        """
        low = normal(text)
        heard = [
            Sentence(start, end, logits)
            for start, end in (sentences(text) if spans is None else spans)
            if (logits := self.logits(low[start:end])) is not None
        ]
        if not heard:
            return None
        best = max(heard, key=lambda item: item.logits[1])
        steps = [_probability(_together([item.logits[step] for item in heard])) for step in range(3)]
        minor, significant, major = steps[0], min(steps[:2]), min(steps)
        return Reading((minor, significant, major), best.start, best.end)


def _together(logits: Sequence[float]) -> float:
    return 0.5 * max(logits) + 0.5 * sum(logits) / len(logits)


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


@cache
def classifier() -> Classifier:
    """The shipped classifier."""
    return Classifier(msgspec.json.decode(PACK.read_bytes(), type=Pack))
