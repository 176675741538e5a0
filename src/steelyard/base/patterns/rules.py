"""Finding with rules: a cheap probe for what every match must contain, then each rule in windows around it.

Enforced: the windows change nothing (a test compares with a search of the whole text), time is linear in the text, no
two findings overlap: of overlapping ones the longest wins, then the most confident, then the first in the pack.
Other engines (google-re2, Hyperscan) may take the place of the probe: what they hit is confirmed here all the same.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from steelyard.base.patterns import validators
from steelyard.base.patterns.fold import fold
from steelyard.base.patterns.model import RANK, STEP_UP, Compiled, CompiledRule, Confidence, Finding, RuleData

_BEYOND_ASCII = re.compile(r"\[[^\x00-\x7f]+\]|[^\x00-\x7f]+$")
_ALNUM = "0-9A-Za-z"
_EMBEDDED = 16  # so many letters and digits directly beside a run of digits make a word longer than any number
_BESIDE = 2  # how far the boundary of a match looks beyond its end


class Candidate(NamedTuple):
    """What one rule found, before overlaps are settled."""

    start: int
    end: int
    rank: int
    order: int
    confidence: Confidence


class Rule:
    """One rule, ready to search. Its expressions are compiled when they are first needed."""

    def __init__(self, compiled: CompiledRule, order: int) -> None:
        self.data: RuleData = compiled.data
        self.id, self.kind, self.width, self.order = self.data.id, self.data.kind, compiled.width, order
        self._group = 1 if compiled.group else 0

    @property
    def apart(self) -> bool:
        """Whether letters and digits beside a match forbid it and it is short, so that it is never part of a digest."""
        data = self.data
        return _ALNUM in data.before and _ALNUM in data.after and self.width < data.digits + _EMBEDDED

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The trigger with its boundaries, as Python reads it."""
        data = self.data
        before = f"(?<![{data.before}])" if data.before else ""
        after = f"(?![{data.after}])" if data.after else ""
        if data.number:
            before, after = f"(?<![0-9][.]){before}", f"{after}(?![.][0-9])"
        flags = re.ASCII | (re.IGNORECASE if data.ignore_case else re.NOFLAG)
        return re.compile(f"{before}(?:{data.trigger}){after}", flags)

    @cached_property
    def _context(self) -> re.Pattern[str] | None:
        words = self.data.context
        return re.compile("|".join(map(re.escape, words))) if words else None

    def search(self, text: str, low: str, start: int, end: int) -> Iterator[Candidate]:
        """Candidates of folded `text` from `start` to `end`; `low` is the same in lower case."""
        data, pattern, group = self.data, self.pattern, self._group
        judge = validators.JUDGES[data.validator] if data.validator else None
        extend = validators.EXTENDERS[data.extend] if data.extend else None
        last = end if end == len(text) else end - _BESIDE
        found = pattern.search(text, start, end)
        while found is not None and found.end() <= last:
            first, stop = found.span(group)
            onward = found.start() + 1
            if extend is not None:
                stop = extend(text, first, stop)
            if judge is None or judge(text[first:stop]):
                confidence = self._confidence(low, found.start(), stop)
                if confidence is not None:
                    yield Candidate(first, stop, RANK[confidence], self.order, confidence)
                    onward = max(found.end(), stop)
            if onward >= end:
                return
            found = pattern.search(text, onward, end)

    def _confidence(self, low: str, start: int, end: int) -> Confidence | None:
        data, context = self.data, self._context
        if context is not None:
            reach = data.reach
            near = context.search(low, max(0, start - reach), start) or context.search(low, end, end + reach)
            if near is not None:
                return data.with_context or STEP_UP[data.confidence]
            if data.only_with_context:
                return None
        return data.confidence


def _embedded(text: str, start: int, end: int) -> bool:
    """Whether a run of digits is part of a long word of ASCII letters and digits, such as a digest."""
    before = text[max(0, start - _EMBEDDED) : start]
    if len(before) == _EMBEDDED and before.isalnum() and before.isascii():
        return True
    after = text[end : end + _EMBEDDED]
    return len(after) == _EMBEDDED and after.isalnum() and after.isascii()


class _Probe:
    """What the matches of some rules contain, and the windows to search around each place that contains it."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules, self.width = rules, max(rule.width for rule in rules)
        data = rules[0].data
        self.needs, self.gate, self.digits, self.low = data.needs, data.gate, data.digits, data.ignore_case

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self.gate or f"(?:{'|'.join(map(re.escape, self.needs))})+", re.ASCII)

    @cached_property
    def beyond_ascii(self) -> bool:
        """Whether the gate begins with Chinese characters, so that a text in ASCII need not be asked."""
        return self.gate is not None and _BEYOND_ASCII.match(self.gate) is not None

    def places(self, text: str, low: str) -> Iterator[tuple[int, int]]:
        """Where the gate or the words stand in a text."""
        return (hit.span() for hit in self._pattern.finditer(low if self.low else text))

    def windows(self, places: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
        """Windows that hold every match of the rules whole, in order, apart from each other."""
        first, last, width = -1, -1, self.width
        for start, end in places:
            if first < 0:
                first = max(0, start - width)
            elif start - width > last:
                yield first, last
                first = start - width
            last = min(size, end + width + _BESIDE)
        if first >= 0:
            yield first, last


class Rules:
    """Rules that have been loaded together. `digest` names their contents."""

    def __init__(self, compiled: Compiled) -> None:
        """Takes checked packs."""
        self.digest = compiled.digest
        self.items = tuple(Rule(item, order) for order, item in enumerate(compiled.rules))
        shared: dict[tuple[object, ...], list[Rule]] = {}
        for rule in self.items:
            data = rule.data
            ignore_case = data.ignore_case and not data.digits
            shared.setdefault((data.gate, data.digits, data.needs, ignore_case, rule.apart), []).append(rule)
        probes = [_Probe(rules) for rules in shared.values()]
        self._gates = [probe for probe in probes if probe.gate]
        self._digits = [(probe, probe.digits, probe.rules[0].apart) for probe in probes if probe.digits]
        self._words = [(word, probe) for probe in probes for word in probe.needs if not probe.low]
        self._low_words = [(word, probe) for probe in probes for word in probe.needs if probe.low]
        least = min((digits for _, digits, _ in self._digits), default=1)
        self._runs = re.compile(f"[0-9][0-9]{{{least - 1},}}")  # a first character apart is what `re` skips to quickly

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that can be found, in the order of the packs."""
        return tuple(dict.fromkeys(rule.kind for rule in self.items))

    def find(self, text: str, least: Confidence = "low") -> list[Finding]:
        """What stands in `text`, in its order and without overlaps, of confidence `least` and above."""
        found = self.candidates(text, least)
        if len(found) > 1:
            found = _settled(found)
        items = self.items
        return [
            Finding(items[one.order].kind, items[one.order].id, one.start, one.end, one.confidence) for one in found
        ]

    def candidates(self, text: str, least: Confidence = "low") -> list[Candidate]:
        """What every rule finds by itself; places may overlap."""
        text = fold(text)
        low = text.lower()
        out: list[Candidate] = []
        reached: dict[int, int] = {}
        for probe, places in self._places(text, low):
            for start, end in probe.windows(places, len(text)):
                for rule in probe.rules:
                    if not rule.data.extend:
                        out += rule.search(text, low, start, end)
                        continue
                    before = len(out)
                    out += rule.search(text, low, max(start, reached.get(rule.order, 0)), end)
                    if len(out) > before:  # it may reach into the next window
                        reached[rule.order] = out[-1].end
        rank = RANK[least]
        return [one for one in out if one.rank >= rank] if rank else out

    def _places(self, text: str, low: str) -> Iterator[tuple[_Probe, Iterable[tuple[int, int]]]]:
        """The probes that hit, and where."""
        if self._digits:
            runs = [hit.span() for hit in self._runs.finditer(text)]
            if runs:
                longest = max([end - start for start, end in runs])
                free = [run for run in runs if not _embedded(text, *run)]
                for probe, size, apart in self._digits:
                    if size <= longest:
                        places = [run for run in (free if apart else runs) if run[1] - run[0] >= size]
                        if places:
                            yield probe, places
        ascii_only = text.isascii()
        for probe in self._gates:
            if not (ascii_only and probe.beyond_ascii):
                yield probe, probe.places(text, low)
        hits = [probe for word, probe in self._words if word in text]
        hits += [probe for word, probe in self._low_words if word in low]
        for probe in dict.fromkeys(hits):
            yield probe, probe.places(text, low)

    def everywhere(self, text: str) -> list[Candidate]:
        """The same as `candidates`, without probes and windows: slow, the measure for faster engines."""
        text = fold(text)
        low = text.lower()
        return [one for rule in self.items for one in rule.search(text, low, 0, len(text))]


def _settled(found: Iterable[Candidate]) -> list[Candidate]:
    """The candidates without overlaps, in the order of the text."""
    ordered = sorted(found)
    if all(one.end <= other.start for one, other in pairwise(ordered)):
        return ordered
    starts: list[int] = []
    kept: list[Candidate] = []
    out: list[Candidate] = []
    for group in clusters(ordered):
        if len(group) == 1:
            out += group
            continue
        starts.clear()
        kept.clear()
        for one in sorted(group, key=precedence):
            at = bisect_left(starts, one.end)
            if at == 0 or kept[at - 1].end <= one.start:
                starts.insert(at, one.start)
                kept.insert(at, one)
        out += kept
    return out


def clusters(found: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Candidates in the order of the text, those that overlap (also through others) together."""
    group: list[Candidate] = []
    end = -1
    for one in sorted(found):
        if group and one.start >= end:
            yield group
            group = []
        group.append(one)
        end = max(end, one.end) if len(group) > 1 else one.end
    if group:
        yield group


def precedence(one: Candidate) -> tuple[int, int, int, int]:
    """Sorts what wins first."""
    return one.start - one.end, -one.rank, one.order, one.start
