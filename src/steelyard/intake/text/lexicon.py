"""The lexicon: which words speak about which fact, and the cues that change what they mean. Data that experts change.

An entry is `{id, fact, value, en: [], zh: [], not: [], also: [{fact, value}], confidence, ignores: [stances]}`.
Patterns are regular expressions kept simple, so that any text is read in linear time. Enforced on load: they compile,
are lower case, repeat nothing without bound (`*`, `+`, `{n,}`) and repeat no group that repeats. English patterns match
whole words only. Conveniences:
- a space matches up to three; `~` stands for a short gap within the sentence;
- `§` stands for what an English verb without its ending may follow: "can", "it", or several `machines` of the pack
  ("robots open doors");
- `≈` stands for a Chinese gap that may cross commas but none of the words `between` actor and verb;
- `@` stands for the `people` of the pack, whose work is told apart from what the system does.

`not` lists phrases that make the words harmless wherever the two overlap ("facial tissue"). `ignores` names stances
that do not count for an entry: what a supplier does with our data is still our matter.
"""

import re
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from steelyard.base import packs
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import Document, KeyPath, convert, load, near
from steelyard.profile.facts import PACK as FACTS
from steelyard.profile.facts import FactError, Value, Vocabulary, vocabulary

PACK = Path(__file__).parent.parent / "packs" / "lexicon.yaml"
FORMAT = 1
Scope = Literal["before", "after", "clause", "onward", "overlap"]
CueStance = Literal["denies", "plans", "other_party", "harmless"]

_GAP_EN = r"(?:[ -]|[ ,'(/-][^.;:!?。；：！？]{0,45}?[ ,'(/-])"
_GAP_ZH = r"[^。；！？：，,;!?]{0,14}?"
_AUXILIARY = "can|cannot|could|will|would|may|might|must|shall|not|never|to|it"
_ADVERB = "also|then|even|now|often|always|automatically|directly|themselves"
_UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{[0-9]*,\})")
_NESTED = re.compile(r"(?<!\\)[}?]\)(?:\{|[*+])")
_LATIN = re.compile(r"[a-z]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


class AlsoData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A further fact that the same words speak about."""

    fact: str
    value: Any


class EntryData(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"without": "not"}):
    """An entry as written."""

    id: str
    fact: str
    value: Any
    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    also: tuple[AlsoData, ...] = ()
    confidence: float = 0.8
    ignores: tuple[CueStance, ...] = ()


class CueData(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"without": "not"}):
    """A cue as written; `reach` is the greatest distance to the mention in characters, `aside`: its span holds one.

    `parted` names the lists of `parting` whose words, between cue and mention, end what the cue denies.
    """

    id: str
    stance: CueStance
    scope: Scope
    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    aside: bool = False
    parted: tuple[Literal["predicate", "means"], ...] = ()
    reach_en: int = 60
    reach_zh: int = 24


class WordsData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Patterns of both languages."""

    en: tuple[str, ...]
    zh: tuple[str, ...]


class ShorthandData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words that the signs of patterns stand for."""

    machines: tuple[str, ...]
    people: WordsData
    between: tuple[str, ...]


class PartingData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words that end a denial: a new predicate ("and recognises"), or the means of an act ("avoids queues by ...")."""

    predicate: WordsData
    means: WordsData


class LexiconData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pack: shorthand, cues, words that take a plan back, words that end a list, and the entries."""

    lexicon: int
    shorthand: ShorthandData
    cues: tuple[CueData, ...]
    parting: PartingData
    today: WordsData
    verbs: WordsData
    entries: tuple[EntryData, ...]


class Signs:
    """What the signs stand for, as parts of expressions."""

    def __init__(self, data: ShorthandData) -> None:
        machines, people = ("|".join(words).replace(" ", " {1,3}") for words in (data.machines, data.people.en))
        self.en = {
            " ": " {1,3}",
            "~": _GAP_EN,
            "§": rf"(?:{_AUXILIARY}|{machines})(?: {{1,3}}(?:{_ADVERB}))?",
            "@": f"(?:{people})",
        }
        self.zh = {
            " ": " {0,2}",
            "~": _GAP_ZH,
            "≈": rf"(?:(?!{'|'.join(data.between)})[^。；！？;!?]){{0,20}}?",
            "@": f"(?:{'|'.join(data.people.zh)})",
        }


class Entry:
    """A checked entry: `says` pairs each fact with its typed value."""

    def __init__(self, data: EntryData, says: tuple[tuple[str, Value], ...], signs: Signs) -> None:
        self.id, self.says, self.confidence, self.ignores = data.id, says, data.confidence, frozenset(data.ignores)
        self._without, self._signs = data.without, signs

    @cached_property
    def _excuse(self) -> re.Pattern[str] | None:
        return compiled(self._without, self._signs) if self._without else None

    def excused(self, low: str, start: int, end: int) -> bool:
        """Whether the words from `start` to `end` belong to a phrase that makes them harmless."""
        if self._excuse is None:
            return False
        window = self._excuse.finditer(low, max(0, start - 40), min(len(low), end + 40))
        return any(found.start() < end and start < found.end() and whole(low, found) for found in window)


class Cue:
    """A checked cue of one language."""

    def __init__(self, data: CueData, patterns: tuple[str, ...], reach: int, signs: Signs) -> None:
        self.id, self.stance, self.scope, self.aside, self.reach = data.id, data.stance, data.scope, data.aside, reach
        self.parted = data.parted
        self._pattern = compiled(patterns, signs)
        self._not = compiled(data.without, signs) if data.without else None

    def spans(self, low: str) -> Iterator[tuple[int, int]]:
        """Where the cue stands in a text."""
        for found in self._pattern.finditer(low):
            if whole(low, found) and not self._void(low, found.start(), found.end()):
                yield found.span()

    def _void(self, low: str, start: int, end: int) -> bool:
        if self._not is None:
            return False
        window = self._not.finditer(low, max(0, start - 30), min(len(low), end + 60))
        return any(found.start() < end and start < found.end() and whole(low, found) for found in window)


class Lexicon:
    """The lexicon, ready to read texts."""

    reach_clauses = 6

    def __init__(self, data: LexiconData, words: Vocabulary) -> None:
        """Takes a checked pack."""
        signs = Signs(data.shorthand)
        self.entries: dict[str, Entry] = {}
        self._patterns: list[tuple[Entry, re.Pattern[str], bool]] = []
        for item in data.entries:
            entry = Entry(item, tuple((name, words[name].parse(value)) for name, value in _says(item)), signs)
            self.entries[entry.id] = entry
            for patterns, latin in ((item.en, True), (item.zh, False)):
                if patterns:
                    self._patterns.append((entry, compiled(patterns, signs), latin))
        self.cues: list[Cue] = []
        for cue in data.cues:
            self.cues += [Cue(cue, cue.en, cue.reach_en, signs)] if cue.en else []
            self.cues += [Cue(cue, cue.zh, cue.reach_zh, signs)] if cue.zh else []
        self._parting = {
            "predicate": compiled((*data.parting.predicate.en, *data.parting.predicate.zh), signs),
            "means": compiled((*data.parting.means.en, *data.parting.means.zh), signs),
        }
        self._today = compiled((*data.today.en, *data.today.zh), signs)
        self._verbs = compiled((*data.verbs.en, *data.verbs.zh), signs)

    def raw(self, low: str, most: int) -> Iterator[tuple[Entry, int, int]]:
        """What the entries find in a text in normal form, each at most `most` times, cues not yet asked."""
        latin = _LATIN.search(low) is not None
        chinese = _CHINESE.search(low) is not None
        for entry, pattern, english in self._patterns:
            if not (latin if english else chinese):
                continue
            count = 0
            for found in pattern.finditer(low):
                if whole(low, found):
                    yield entry, found.start(), found.end()
                    count += 1
                    if count >= most:
                        break

    def resets(self, low: str, start: int, end: int) -> Iterator[re.Match[str]]:
        """Words that speak of the present between two places."""
        return (found for found in self._today.finditer(low, start, end) if whole(low, found))

    def parted(self, cue: Cue, low: str, after: int, start: int, end: int) -> bool:
        """Whether words after a cue, before or into the mention from `start` to `end`, end what the cue denies."""
        return any(
            found.start() < start and whole(low, found)
            for name in cue.parted
            for found in self._parting[name].finditer(low, after, end)
        )

    def is_list_item(self, piece: str) -> bool:
        """Whether a clause is only the next item of a list: short and without a verb or a new subject."""
        if len(piece) > (16 if _CHINESE.search(piece) else 48):
            return False
        return not any(whole(piece, found) for found in self._verbs.finditer(piece))


def whole(low: str, found: re.Match[str]) -> bool:
    """Whether a match that begins with a Latin letter begins at the start of a word."""
    start = found.start()
    if start == 0 or not (low[start].isascii() and low[start].isalnum()):
        return True
    before = low[start - 1]
    return not (before.isascii() and (before.isalnum() or before == "_"))


def compiled(patterns: tuple[str, ...], signs: Signs) -> re.Pattern[str]:
    """One expression of several patterns of the lexicon."""
    return re.compile("|".join(_expanded(pattern, signs) for pattern in patterns))


def _expanded(pattern: str, signs: Signs) -> str:
    chinese = _CHINESE.search(pattern) is not None
    meant = signs.zh if chinese else signs.en
    out, inside = [], False
    for index, char in enumerate(pattern):
        escaped = index > 0 and pattern[index - 1] == "\\"
        if char in "[]" and not escaped:
            inside = char == "["
        out.append(char if inside else meant.get(char, char))
    body = "".join(out)
    return f"(?:{body})" if chinese else f"(?:{body})(?![a-z0-9_])"


def _says(item: EntryData) -> Iterator[tuple[str, Any]]:
    yield item.fact, item.value
    for also in item.also:
        yield also.fact, also.value


def read_lexicon(path: Path, words: Vocabulary) -> LexiconData:
    """Reads and checks a lexicon. Raises InputError with the place."""
    doc = load(path)
    if not isinstance(doc.data, dict) or doc.data.get("lexicon") != FORMAT:
        raise doc.error("bad_format", (), Text(f"expected 'lexicon: {FORMAT}'", f"应以 'lexicon: {FORMAT}' 开头"))
    data: LexiconData = convert(doc, (), doc.data, LexiconData)
    short = data.shorthand
    for keys, listed in (
        (("machines",), short.machines),
        (("between",), short.between),
        (("people", "en"), short.people.en),
        (("people", "zh"), short.people.zh),
    ):
        for place, pattern in enumerate(listed):
            check_pattern(doc, ("shorthand", *keys, place), pattern)
    signs = Signs(short)
    seen: set[str] = set()
    for index, item in enumerate(data.entries):
        if item.id in seen:
            raise doc.error(
                "duplicate_id", ("entries", index, "id"), Text(f"{item.id} is defined twice", f"{item.id} 重复定义")
            )
        seen.add(item.id)
        _check_says(doc, index, item, words)
        for key, patterns in (("en", item.en), ("zh", item.zh), ("not", item.without)):
            for place, pattern in enumerate(patterns):
                check_pattern(doc, ("entries", index, key, place), pattern, signs)
    for index, cue in enumerate(data.cues):
        for key, patterns in (("en", cue.en), ("zh", cue.zh), ("not", cue.without)):
            for place, pattern in enumerate(patterns):
                check_pattern(doc, ("cues", index, key, place), pattern, signs)
    for keys, group in (
        (("parting", "predicate"), data.parting.predicate),
        (("parting", "means"), data.parting.means),
        (("today",), data.today),
        (("verbs",), data.verbs),
    ):
        for lang, patterns in (("en", group.en), ("zh", group.zh)):
            for place, pattern in enumerate(patterns):
                check_pattern(doc, (*keys, lang, place), pattern, signs)
    return data


def _check_says(doc: Document, index: int, item: EntryData, words: Vocabulary) -> None:
    for name, value in _says(item):
        keys: KeyPath = ("entries", index, "fact")
        if name not in words:
            raise doc.error(
                "unknown_fact", keys, Text(f"there is no fact {name}", f"没有事实 {name}"), near(name, words.ids)
            )
        try:
            words[name].parse(value)
        except FactError as error:
            raise doc.error(error.code, ("entries", index, "value"), error.message, error.remedy) from None
    if not 0 < item.confidence <= 1:
        raise doc.error(
            "wrong_value",
            ("entries", index, "confidence"),
            Text("confidence is above 0 and at most 1", "confidence 应大于 0 且不超过 1"),
        )


def check_pattern(doc: Document, keys: KeyPath, pattern: str, signs: Signs | None = None) -> None:
    """Raises InputError for a pattern that does not compile or could be slow; without `signs` it is taken as it is."""
    bare = re.sub(r"\[[^\]]*\]", "x", pattern)
    if pattern != pattern.lower() and not re.search(r"\\[A-Z]", pattern):
        raise doc.error(
            "bad_pattern",
            keys,
            Text("patterns are in lower case", "模式须为小写"),
            Text("write it small", "请改为小写"),
        )
    if _UNBOUNDED.search(bare) or _NESTED.search(bare):
        raise doc.error(
            "bad_pattern",
            keys,
            Text(
                f"{pattern!r} repeats without bound, or repeats a repetition",
                f"{pattern!r} 含无上限的重复或嵌套重复",
            ),
            Text(r"write \w{0,8} or ~ instead of * and +", r"请用 \w{0,8} 或 ~ 代替 * 与 +"),
        )
    foreign = "§" if _CHINESE.search(pattern) else "≈"
    if signs is not None and foreign in bare:
        raise doc.error(
            "bad_pattern",
            keys,
            Text(f"{foreign} stands for words of the other language", f"{foreign} 代表另一种语言的词语"),
        )
    try:
        re.compile(_expanded(pattern, signs) if signs else pattern)
    except re.error as error:
        raise doc.error(
            "bad_pattern", keys, Text(f"{pattern!r} is no pattern: {error}", f"{pattern!r} 不是有效模式：{error}")
        ) from None


@cache
def lexicon() -> Lexicon:
    """The shipped lexicon."""
    words = vocabulary()
    data = packs.cached("intake.lexicon", [PACK, FACTS, Path(__file__)], LexiconData, lambda: read_lexicon(PACK, words))
    return Lexicon(data, words)
