"""The adaptive interview, without any input or output: state in, next screen out.

Rules enforced:
- the six opening screens come first, then one checklist, then whatever can still change the tier or an obligation,
  computed from the compiled policy; it stops when nothing left can change them;
- a fact is asked at most once: an answer, or "I don't know" (`asked`), settles that;
- a fact whose condition is still open waits for the facts that decide it, unless those are not known either; it may
  stand behind them on the same screen (`applies` tells whether it is then still to be asked).

So the result is never another than that of answering everything: what is left out cannot matter (Kleene).
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from steelyard.base import packs
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.yamldoc import convert, load
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.compile import Policy
from steelyard.policy.tree import TIER
from steelyard.profile.facts import NONE, Fact, Value, vocabulary

PACK = Path(__file__).parent / "packs" / "screens.yaml"
_ANY_DAY = dt.date(2024, 9, 9)  # which question comes next does not depend on the date
_LARGEST = 7


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Facts that are asked on one screen."""

    id: str
    facts: tuple[str, ...]
    title: Text


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the checklist; unticked it settles its fact, unless `otherwise` lists what then remains to choose."""

    fact: str
    label: Text
    otherwise: tuple[str, ...] = ()


class Checklist(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The screen that settles many facts at once."""

    id: str
    title: Text
    about: Text
    items: tuple[Item, ...]


class Screens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pack of screens."""

    screens: int
    opening: tuple[Group, ...]
    checklist: Checklist
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class State:
    """Where an interview stands; everything needed to resume it. `asked` are facts answered with "I don't know"."""

    facts: Mapping[str, Value] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    checklist_done: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """What to ask next. `kind` is opening, checklist or question; `settles` are the rules its answers can decide."""

    kind: str
    id: str
    title: Text
    facts: tuple[str, ...]
    settles: tuple[str, ...]
    items: tuple[Item, ...] = ()

    def question(self, policy: Policy) -> Text:
        """The question of its first fact, or its title where there are several."""
        if len(self.facts) == 1:
            return policy.vocabulary[self.facts[0]].question
        return self.title


def load_screens(path: Path) -> Screens:
    """Reads and checks a pack of screens: every fact exists and is on at most one opening screen."""
    doc = load(path)
    screens: Screens = convert(doc, (), doc.data, Screens)
    words = vocabulary()
    opening = [fact for group in screens.opening for fact in group.facts]
    listed = [item.fact for item in screens.checklist.items]
    for fact in [*opening, *listed, *(name for group in screens.groups for name in group.facts)]:
        if fact not in words:
            raise InputError("unknown_fact", Text(f"there is no fact {fact}", f"没有事实 {fact}"), path=str(path))
    if len(opening) != len(set(opening)):
        raise InputError("duplicate_id", Text("a fact opens twice", "开场事实重复"), path=str(path))
    return screens


@cache
def shipped_screens() -> Screens:
    """The shipped screens."""
    return packs.cached("intake.screens", [PACK], Screens, lambda: load_screens(PACK))


class Interview:
    """The interview under one policy. Holds no state of its own."""

    def __init__(self, policy: Policy, screens: Screens | None = None) -> None:
        self.policy = policy
        self.screens = screens or shipped_screens()
        self._group_of = {fact: group for group in self.screens.groups for fact in group.facts}

    def next(self, state: State) -> Screen | None:
        """The next screen; None when nothing left can change the tier or an obligation."""
        one = assess_facts(state.facts, self.policy, _ANY_DAY)
        matters = [fact for fact in one.open_facts if fact not in state.asked]
        if not matters:
            return None
        for group in self.screens.opening:
            left = self._together(group.facts, state, one)
            if left and any(fact in matters or self.policy.vocabulary[fact].opening for fact in left):
                return Screen("opening", group.id, group.title, left, self._settles(one, left))
        if not state.checklist_done:
            items = tuple(item for item in self.screens.checklist.items if self._askable(item.fact, state, one))
            if any(item.fact in matters for item in items):
                facts = tuple(item.fact for item in items)
                checklist = self.screens.checklist
                return Screen("checklist", checklist.id, checklist.title, facts, self._settles(one, facts), items)
        return self._adaptive(state, one, matters)

    def _adaptive(self, state: State, one: Assessment, matters: list[str]) -> Screen | None:
        free = [fact for fact in matters if not self._waits(fact, state, one)]
        if not free:
            return None
        first = free[0]
        group = self._group_of.get(first)
        if group is None:
            title = self.policy.vocabulary[first].name
            return Screen("question", first, title, (first,), self._settles(one, (first,)))
        wanted = [fact for fact in matters if fact in group.facts]
        facts = self._together(wanted, state, one)[:_LARGEST]
        return Screen("question", group.id, group.title, facts, self._settles(one, facts))

    def _together(self, facts: Iterable[str], state: State, one: Assessment) -> tuple[str, ...]:
        """The facts that can be asked now, and those that wait only for others on the same screen, behind them."""
        chosen: list[str] = []
        for fact in facts:
            unanswered = fact not in state.facts and fact not in state.asked and fact not in one.not_applicable
            ready = all(name in state.asked or name in chosen for name in one.waiting.get(fact, ()))
            if unanswered and ready:
                chosen.append(fact)
        return tuple(chosen)

    def applies(self, fact: str, state: State) -> bool:
        """Whether a fact of the present screen is still to be asked after the answers given on it so far."""
        return fact not in assess_facts(state.facts, self.policy, _ANY_DAY).not_applicable

    def _askable(self, fact: str, state: State, one: Assessment) -> bool:
        unanswered = fact not in state.facts and fact not in state.asked
        return unanswered and fact not in one.not_applicable and not self._waits(fact, state, one)

    @staticmethod
    def _waits(fact: str, state: State, one: Assessment) -> bool:
        return any(name not in state.asked for name in one.waiting.get(fact, ()))

    @staticmethod
    def _settles(one: Assessment, facts: tuple[str, ...]) -> tuple[str, ...]:
        fired = (*one.tiers, *one.prohibitions, *one.obligations)
        return tuple(item.rule.id for item in fired if set(item.open) & set(facts) - {TIER})

    def answer(self, state: State, answers: Mapping[str, Value | None]) -> State:
        """The state after a screen; None means "I don't know"."""
        known = {fact: value for fact, value in answers.items() if value is not None}
        unknown = {fact for fact, value in answers.items() if value is None}
        return replace(state, facts={**state.facts, **known}, asked=(state.asked | unknown) - known.keys())

    def tick(self, state: State, ticked: set[str], screen: Screen) -> State:
        """The state after the checklist: what is not ticked is settled, what is ticked will be asked."""
        facts = dict(state.facts)
        for item in screen.items:
            value = self._unticked(item)
            if item.fact not in ticked and value is not None:
                facts[item.fact] = value
        return replace(state, facts=facts, checklist_done=True)

    def _unticked(self, item: Item) -> Value | None:
        fact: Fact = self.policy.vocabulary[item.fact]
        if item.otherwise:
            return None
        if fact.type == "bool":
            return False
        return frozenset() if fact.type == "set_of" else NONE

    def assessment(self, state: State, on: dt.date) -> Assessment:
        """What is known so far."""
        return assess_facts(state.facts, self.policy, on)


def state_of(facts: Mapping[str, Value], asked: tuple[str, ...], policy: Policy) -> State:
    """The state that a profile stands for; the checklist counts as done where all of its facts are settled."""
    listed = [item.fact for item in shipped_screens().checklist.items]
    one = assess_facts(facts, policy, _ANY_DAY)
    done = all(name in facts or name in asked or name in one.not_applicable for name in listed)
    return State(dict(facts), frozenset(asked), done)


def as_plain(screen: Screen | None, policy: Policy) -> dict[str, Any] | None:
    """The screen as contracts fix it for `intake next`."""
    if screen is None:
        return None
    question = screen.question(policy)
    return {
        "facts": list(screen.facts),
        "question": {"en": question.en, "zh": question.zh},
        "settles": list(screen.settles),
        "kind": screen.kind,
        "screen": screen.id,
    }
