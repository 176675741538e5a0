"""Proposed answers from a text: the fact, the value, the words it rests on, and how sure the draft is.

Rules enforced:
- only what the text asserts counts; what it denies, plans, or says of others proposes nothing. One exception: a plain
  denial of personal data altogether proposes `none`, and only where nothing else in the text speaks of people's data;
- the members of a set unite; of several answers to a question with one answer the more demanding is proposed, with
  less confidence;
- instructions in the text change nothing: they are left out before anything is read (`hearing`), the words beside them
  can only ask for more, and a text that gives orders proposes no `none`;
- `decision_impact` comes from plain words or, where they are missing, from the classifier, which never proposes `none`;
- a proposal is never a fact: only a person makes it one.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from steelyard.intake.drafting import numbers
from steelyard.intake.drafting.hearing import Hearing, hear, inside
from steelyard.intake.drafting.impact import STEPS, Reading, classifier, sentences
from steelyard.intake.text.mentions import Mention, find
from steelyard.profile.facts import NONE, Fact, Value, vocabulary

LEAST = 0.35
_CONFLICT, _DENIED_TOO, _MOST = 0.6, 0.7, 0.97
_HEARD_AT = 0.55
_IMPACT = "decision_impact"
_DENIABLE = {"personal_data": "personal"}
_SPEAKS_OF_PEOPLE = ("biometrics", "children_data", "profiles_people", "vulnerable_groups")


class Place(NamedTuple):
    """Words of the text, from `start` to `end` in code points, and the value they speak for."""

    value: Value
    quote: str
    start: int
    end: int


class Proposal(NamedTuple):
    """A proposed answer. `quote` is what stands in the text from `start` to `end`; `also` holds further places.

    `by` is the reader that proposes it: this module, or a model behind an endpoint (`endpoint`).
    """

    fact: str
    value: Value
    quote: str
    start: int
    end: int
    confidence: float
    also: tuple[Place, ...] = ()
    by: Literal["offline", "endpoint"] = "offline"

    def as_dict(self) -> dict[str, Any]:
        """The proposal as contracts fix it."""
        fact = vocabulary()[self.fact]
        out = {
            "fact": self.fact,
            "value": fact.plain(self.value),
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "confidence": self.confidence,
            "by": self.by,
        }
        if self.also:
            out["also"] = [
                {"value": fact.plain(place.value), "quote": place.quote, "start": place.start, "end": place.end}
                for place in self.also
            ]
        return out


class Draft(NamedTuple):
    """The proposals in the order of the vocabulary, the instructions not followed, and the classifier's reading."""

    proposals: tuple[Proposal, ...]
    instructions: tuple[Place, ...]
    reading: Reading | None

    @property
    def missing(self) -> tuple[str, ...]:
        """The opening facts that the text does not answer."""
        found = {item.fact for item in self.proposals}
        return tuple(fact.id for fact in vocabulary().items if fact.opening and fact.id not in found)


def draft(text: str) -> list[Proposal]:
    """What the text proposes, in the order of the vocabulary."""
    return list(read(text).proposals)


def read(text: str) -> Draft:
    """The draft of a text. Raises InputError for a text that is too long or no text."""
    mentions = find(text)
    hearing = hear(text)
    spoken = sorted((*hearing.plain, *hearing.plain_rest))
    heard = [item for item in mentions if not inside(hearing.instructions, item.start, item.end)]
    heard += [item for item in numbers.find(text) if inside(spoken, item.start, item.end)]
    ordered = bool(hearing.instructions)
    if ordered:
        heard = [item for item in heard if not _lowers(item, hearing)]
    said: dict[str, list[Mention]] = {}
    denied: dict[str, list[Mention]] = {}
    for item in heard:
        if item.stance == "asserts":
            said.setdefault(item.fact, []).append(item)
        elif item.stance == "denies":
            denied.setdefault(item.fact, []).append(item)
    reading = _weighed(text, hearing, spoken)
    out = []
    for fact in vocabulary().items:
        found = said.get(fact.id)
        proposal = proposed(fact, found, denied.get(fact.id, [])) if found else None
        if fact.id == _IMPACT:
            proposal = _with_classifier(proposal, reading, text)
        if proposal is None and fact.id in _DENIABLE and not ordered and not any(map(said.get, _SPEAKS_OF_PEOPLE)):
            proposal = _plain_none(fact, denied.get(fact.id, []))
        if proposal is not None and proposal.confidence >= LEAST:
            out.append(proposal)
    orders = tuple(Place(False, text[start:end].strip(), start, end) for start, end in hearing.instructions)
    return Draft(tuple(out), orders, reading)


def _lowers(item: Mention, hearing: Hearing) -> bool:
    """Whether a mention asks for less in a text that gives orders to its reader: `none`, or a mild word beside one."""
    if item.value == NONE and not vocabulary()[item.fact].control:
        return True
    if not inside(hearing.rest, item.start, item.end):
        return False
    return item.stance != "asserts" or demand(vocabulary()[item.fact], item.value) <= 0


def _weighed(text: str, hearing: Hearing, spoken: list[tuple[int, int]]) -> Reading | None:
    """The classifier's reading; with the words beside an instruction where it hears more in them."""
    plain = classifier().read(text, _pieces(text, hearing.plain))
    if not hearing.plain_rest:
        return plain
    whole = classifier().read(text, _pieces(text, spoken))
    return whole if plain is None or (whole is not None and whole.at_least[1] > plain.at_least[1]) else plain


def _pieces(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return [
        (start + first, start + last)
        for start, end in spans
        for first, last in sentences(text[start:end])
    ]  # fmt: skip


def proposed(fact: Fact, said: list[Mention], denied: Iterable[Mention]) -> Proposal:
    """The one proposal that the mentions of a fact make together."""
    by_value: dict[Value, list[Mention]] = {}
    for item in said:
        by_value.setdefault(item.value, []).append(item)
    denials = list(denied)
    if fact.type == "set_of":
        return _united(fact, by_value, denials)
    chosen = max(by_value, key=lambda value: demand(fact, value))
    confidence = _confidence(by_value[chosen])
    if len(by_value) > 1:
        confidence *= _CONFLICT
    if any(item.value == chosen for item in denials):
        confidence *= _DENIED_TOO
    best = _best(by_value[chosen])
    others = [_best(items) for value, items in by_value.items() if value != chosen]
    return Proposal(
        fact.id, chosen, best.quote, best.start, best.end, round(confidence, 2), tuple(_place(item) for item in others)
    )


def _united(fact: Fact, by_value: dict[Value, list[Mention]], denials: list[Mention]) -> Proposal:
    """A set of all members that the text asserts, as sure as its least sure member."""
    sure: dict[str, tuple[float, Mention]] = {}
    empty = None
    for value, items in by_value.items():
        confidence = _confidence(items)
        if any(item.value == value for item in denials):
            confidence *= _DENIED_TOO
        if not value:
            empty = (confidence, _best(items))
        for member in value if isinstance(value, frozenset) else ():
            if member not in sure or confidence > sure[member][0]:
                sure[member] = (confidence, _best(items))
    if not sure and empty is not None:
        confidence, best = empty
        return Proposal(fact.id, frozenset(), best.quote, best.start, best.end, round(confidence, 2))
    kept = {member: pair for member, pair in sure.items() if pair[0] >= LEAST} or sure
    least = min(pair[0] for pair in kept.values()) * (_CONFLICT if empty else 1)
    ranked = sorted(kept.values(), key=lambda pair: (-pair[0], pair[1].start))
    best = ranked[0][1]
    seen = {(best.start, best.end)}
    also = []
    for _, item in ranked[1:]:
        if (item.start, item.end) not in seen:
            seen.add((item.start, item.end))
            also.append(_place(item))
    return Proposal(fact.id, frozenset(kept), best.quote, best.start, best.end, round(least, 2), tuple(also))


def demand(fact: Fact, value: Value) -> int:
    """How much an answer asks for: the greater wins where a text gives several. A weaker control asks for more."""
    if isinstance(value, bool):
        return int(value != (fact.demanding == "down"))
    if isinstance(value, str):
        rank = fact.rank[value]
        if fact.id == "stage" and value == "retired":
            return -1
        return -rank if fact.control or fact.demanding == "down" else rank
    return value if isinstance(value, int) else len(value)


def _confidence(items: list[Mention]) -> float:
    """As sure as the surest rule; each further rule that agrees takes away a third of the doubt."""
    best: dict[str, float] = {}
    for item in items:
        best[item.rule] = max(best.get(item.rule, 0.0), item.confidence)
    ranked = sorted(best.values(), reverse=True)
    doubt = 1 - ranked[0]
    for more in ranked[1:3]:
        doubt *= 1 - more / 3
    return min(_MOST, 1 - doubt)


def _best(items: list[Mention]) -> Mention:
    return max(items, key=lambda item: (item.confidence, -item.start))


def _place(item: Mention) -> Place:
    return Place(item.value, item.quote, item.start, item.end)


def _plain_none(fact: Fact, denied: list[Mention]) -> Proposal | None:
    """`none`, where the text denies the whole of it and nothing more special."""
    whole = [item for item in denied if item.value == _DENIABLE[fact.id]]
    if not whole:
        return None
    best = _best(whole)
    return Proposal(fact.id, NONE, best.quote, best.start, best.end, round(min(0.6, 0.75 * best.confidence), 2))


def _with_classifier(said: Proposal | None, reading: Reading | None, text: str) -> Proposal | None:
    """What plain words say about the effect on people; where the classifier hears more, that, with the words beside."""
    if reading is None:
        return said
    level = next((step for step in reversed(range(3)) if reading.at_least[step] >= _HEARD_AT), None)
    if level is None:
        return said
    fact = vocabulary()[_IMPACT]
    value = STEPS[level]
    confidence = 1.1 * reading.at_least[level] - 0.25  # words heard are less than words that say it: 0.36 to 0.85
    if said is not None and demand(fact, said.value) >= demand(fact, value):
        return said
    if said is not None and said.value != NONE and said.confidence >= confidence:
        return said
    also: tuple[Place, ...] = ()
    if said is not None:
        confidence *= _CONFLICT
        also = (Place(said.value, said.quote, said.start, said.end),)
    quote = text[reading.start : reading.end]
    return Proposal(_IMPACT, value, quote, reading.start, reading.end, round(confidence, 2), also)
