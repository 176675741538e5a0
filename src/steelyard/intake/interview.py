"""The adaptive interview, without any input or output: state in, next screen out.

Rules enforced:
- the six opening screens come first, then one checklist, then whatever can still change the tier or an obligation,
  computed from the compiled policy; it stops when nothing left can change them;
- a fact is asked at most once: an answer, or "I don't know" (`asked`), settles that;
- a tick in the checklist answers a yes/no fact at once and keeps any other from being settled as "none" (`ticked`);
- a fact whose condition is still open waits for the facts that decide it, unless those are not known either; it may
  stand behind them on the same screen (`applies` tells whether it is then still to be asked).

So the result is never another than that of answering everything: what is left out cannot matter (Kleene).
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
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
from steelyard.policy.model import Role
from steelyard.policy.tree import TIER
from steelyard.profile.facts import NONE, Fact, Value, vocabulary

PACK = Path(__file__).parent / "packs" / "screens.yaml"
ASKING = Path(__file__).parent / "packs" / "asking.yaml"
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


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What helps to answer a fact: the role that usually knows, and a short example."""

    who: Role
    example: Text


class AskingData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pack of such help, by fact."""

    asking: int
    facts: dict[str, Asking]


@dataclass(frozen=True, slots=True)
class State:
    """Where an interview stands; everything needed to resume it.

    `asked` are facts answered with "I don't know"; `ticked` those ticked in the checklist and not yet answered.
    """

    facts: Mapping[str, Value] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    checklist_done: bool = False
    ticked: frozenset[str] = frozenset()


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


@cache
def asking() -> Mapping[str, Asking]:
    """The shipped examples and roles, by fact; facts that a policy adds have none."""

    def read() -> AskingData:
        doc = load(ASKING)
        data: AskingData = convert(doc, (), doc.data, AskingData)
        for fact in data.facts:
            if fact not in vocabulary():
                raise doc.error("unknown_fact", ("facts", fact), Text(f"there is no fact {fact}", f"没有事实 {fact}"))
        return data

    return packs.cached("intake.asking", [ASKING], AskingData, read).facts


class Interview:
    """The interview under one policy. Holds no state of its own."""

    def __init__(self, policy: Policy, screens: Screens | None = None) -> None:
        self.policy = policy
        self.screens = screens or shipped_screens()
        self._group_of = {fact: group for group in self.screens.groups for fact in group.facts}
        self._opens = {fact: group.id for group in self.screens.opening for fact in group.facts}
        self._listed = frozenset(item.fact for item in self.screens.checklist.items)

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

    def remaining(self, state: State) -> int:
        """About how many screens are left: those that hold a fact which can still matter. Answers make it fewer."""
        left = set()
        for fact in self.assessment(state, _ANY_DAY).open_facts:
            if fact in state.asked:
                continue
            if fact in self._opens:
                left.add(self._opens[fact])
            elif fact in self._listed and not state.checklist_done:
                left.add(self.screens.checklist.id)
            else:
                left.add(self._group_of[fact].id if fact in self._group_of else fact)
        return len(left)

    def left_open(self, state: State) -> list[str]:
        """Facts answered with "I don't know" that can still change the result, most useful first."""
        return [fact for fact in self.assessment(state, _ANY_DAY).open_facts if fact in state.asked]

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
        return replace(
            state,
            facts={**state.facts, **known},
            asked=(state.asked | unknown) - known.keys(),
            ticked=state.ticked - answers.keys(),
        )

    def tick(self, state: State, ticked: Collection[str], screen: Screen, unsure: Collection[str] = ()) -> State:
        """The state after the checklist.

        What is not ticked is settled as no; a ticked yes/no fact as yes; what else is ticked, and what the person is
        not sure of, will be asked.
        """
        facts, open_ticks = dict(state.facts), set(state.ticked)
        for item in screen.items:
            if item.fact in unsure:
                continue
            if item.fact in ticked:
                if self.policy.vocabulary[item.fact].type == "bool":
                    facts[item.fact] = True
                else:
                    open_ticks.add(item.fact)
            elif (value := self._unticked(item)) is not None:
                facts[item.fact] = value
        return replace(state, facts=facts, ticked=frozenset(open_ticks), checklist_done=True)

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


def state_of(
    facts: Mapping[str, Value], asked: tuple[str, ...], policy: Policy, ticked: Collection[str] | None = None
) -> State:
    """The state that a profile stands for.

    `ticked` is what was ticked in a checklist that was answered; None where that is not known: then the checklist
    counts as done where all of its facts are settled.
    """
    if ticked is not None:
        return State(dict(facts), frozenset(asked), True, frozenset(ticked) - facts.keys() - set(asked))
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
