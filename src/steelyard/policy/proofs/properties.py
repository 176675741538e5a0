"""Properties of the tier: one for every system, never lowered by a more demanding answer, and what was promised.

Each answers with a Finding. A counterexample is found by the solver, made small, and judged by the evaluation of single
systems before anyone sees it; where that does not confirm it the property counts as undecided.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import z3  # type: ignore[import-untyped]

from steelyard.base.i18n import Text
from steelyard.policy.assess import Assessment
from steelyard.policy.kleene import Judge
from steelyard.policy.model import TIER_NAMES, Promise
from steelyard.policy.proofs.findings import Answers, Disagreement, Finding, Values, assess_answers, plain, small
from steelyard.policy.proofs.solver import Undecided, smallest
from steelyard.policy.proofs.system import System
from steelyard.policy.proofs.terms import TRUE, Terms, both, either
from steelyard.policy.tree import TIERS, Node
from steelyard.profile.facts import Fact, Value

_BUDGET = Text("not decided within the time given", "在给定时间内未能判定")


def guarded(name: str, about: Text, prove: Callable[[], Finding]) -> Finding:
    """The finding of `prove`, or an undecided one."""
    try:
        return prove()
    except Undecided:
        return Finding(name, about, None, note=_BUDGET, undecided=(name,))
    except Disagreement as error:
        return Finding(name, about, None, note=error.note, undecided=(name,))


def one_tier(system: System) -> Finding:
    """Once every question that applies is answered, the tier is settled."""
    about = Text(
        "every system whose questions are answered gets exactly one tier", "凡问题均已回答的系统，恰有一个等级"
    )
    pairs = [(low, high) for low in range(3) for high in range(low + 1, 3)]
    return guarded("one_tier", about, lambda: _settled(system, "one_tier", about, pairs))


def one_lane(system: System) -> Finding:
    """Once every question that applies is answered, the lane is settled: each tier has one, and the tier is settled."""
    about = Text(
        "every system whose questions are answered gets exactly one lane", "凡问题均已回答的系统，恰有一条通道"
    )
    lanes = system.policy.data.lanes

    def prove() -> Finding:
        for rank, tier in enumerate(TIERS):
            names = [lane.id for lane in lanes if lane.tier == tier]
            if len(names) != 1:
                found = system.smallest(*_exactly(system, rank))
                if found is not None:
                    answers = small(system.policy, found[0])
                    joined = ", ".join(names) or "-"
                    note = Text(f"the tier {tier} has these lanes: {joined}", f"等级 {tier} 对应的通道：{joined}")
                    return Finding("one_lane", about, False, _profile(system, answers), note=note)
        by_tier = {lane.tier: lane.id for lane in lanes}
        pairs = [
            (low, high)
            for low in range(3)
            for high in range(low + 1, 3)
            if by_tier.get(TIERS[low]) != by_tier.get(TIERS[high])  # type: ignore[call-overload]
        ]
        return _settled(system, "one_lane", about, pairs)

    return guarded("one_lane", about, prove)


def _exactly(system: System, rank: int) -> list[Any]:
    above = [z3.Not(system.rules.at_least[rank + 1])] if rank < 2 else []
    return [system.rules.at_least[rank], *above]


def _settled(system: System, name: str, about: Text, pairs: list[tuple[int, int]]) -> Finding:
    """No answered profile whose lowest and highest tier are one of `pairs`."""
    terms, rules = system.terms, system.rules
    open_facts = set(terms.known)
    may_be_open = system.reads(open_facts)

    def at_least(rank: int, unknown: Any) -> Any:
        if rank <= rules.default:
            return TRUE
        return either(
            terms.term(node, unknown=unknown) if rule in may_be_open else rules.holds[rule]
            for of, rule, node in rules.ranked
            if of >= rank
        )

    certain = [at_least(rank, "fails") for rank in range(3)] + [z3.BoolVal(False)]
    possible = [at_least(rank, "holds") for rank in range(3)] + [z3.BoolVal(False)]
    apart = [
        both([certain[low], z3.Not(certain[low + 1]), possible[high], z3.Not(possible[high + 1])])
        for low, high in pairs
    ]
    found = smallest(system.solver, terms, [*terms.answered(), either(apart)])
    if found is None:
        return Finding(name, about, True)
    answers = small(system.policy, found[0])
    one = assess_answers(system.policy, answers)
    if one.tier.settled:
        raise Disagreement(plain(system.policy.vocabulary, answers))
    left = ", ".join(one.open_facts)
    low, high = (TIER_NAMES[tier] for tier in one.tier)
    note = Text(
        f"between {low.en} and {high.en}, though every question that applies is answered; still open: {left}",
        f"适用的问题均已回答，等级仍介于{low.zh}与{high.zh}之间；未定事实：{left}",
    )
    return Finding(name, about, False, _profile(system, answers), note=note)


def _profile(system: System, answers: Answers) -> dict[str, Any]:
    return {"facts": plain(system.policy.vocabulary, answers)}


def monotone(system: System, fact: Fact) -> Finding:
    """A more demanding value of the fact, everything else equal, never lowers the tier.

    A band and its count move together, because they say the same thing.
    """
    name = f"monotone:{fact.id}"
    about = Text(f"a more demanding answer to {fact.id} never lowers the tier", f"{fact.id} 的回答更严时，等级不会降低")
    return guarded(name, about, lambda: _monotone(system, fact, name, about))


def _monotone(system: System, fact: Fact, name: str, about: Text) -> Finding:
    words = system.policy.vocabulary
    partner = {band.id: count for band, count in words.bands} | {count: band.id for band, count in words.bands}
    group = (fact.id, partner[fact.id]) if fact.id in partner else (fact.id,)
    reading = system.reads(set(group))
    if not reading:
        return Finding(name, about, True)
    second = system.terms.with_second(group)
    falls = _falls(system, second, reading)
    rises = [_more(system.terms, second, fact, fact.demanding), *second.coherent()]
    if fact.id in partner:
        rises.append(_together(system.terms, second, fact, partner[fact.id]))
    found = system.smallest(falls, both(rises), others=[second])
    if found is None:
        return Finding(name, about, True)
    before, after = _one_step(system, fact, *found) if len(group) == 1 else found
    raised = {key: value for key, value in after.items() if before[key] != value and value is not None}
    answers = small(system.policy, before, [(raised, after)])
    one, other = (assess_answers(system.policy, facts) for facts in (answers, {**answers, **raised}))
    if not _lower(other, one):
        raise Disagreement(plain(words, answers))
    low, high = other.tier.lowest, one.tier.lowest
    shown = ", ".join(f"{key}: {_shown(words[key].plain(value))}" for key, value in raised.items())
    return Finding(
        name,
        about,
        False,
        {
            **_profile(system, answers),
            "raised": plain(words, raised),
            "tier": {"before": high, "after": low},
        },
        note=Text(
            f"{shown} lowers the tier from {high} to {low}",
            f"改为 {shown} 后，等级由{TIER_NAMES[high].zh}降为{TIER_NAMES[low].zh}",
        ),
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)


def _lower(one: Assessment, other: Assessment) -> bool:
    return TIERS.index(one.tier.highest) < TIERS.index(other.tier.lowest)


def _falls(system: System, second: Terms, reading: set[str]) -> Any:
    """The tier of the second profile is lower than that of the first."""
    rules = system.rules
    after = {rule: second.term(node) if rule in reading else rules.holds[rule] for _, rule, node in rules.ranked}
    return either(
        both(
            [
                rules.at_least[rank],
                z3.Not(either(after[rule] for of, rule, _ in rules.ranked if of >= rank)),
            ]
        )
        for rank in (1, 2)
        if rank > rules.default
    )


def _more(first: Terms, second: Terms, fact: Fact, direction: str) -> Any:
    pairs = list(zip(first.variables[fact.id], second.variables[fact.id], strict=True))
    if direction == "down":
        pairs = [(after, before) for before, after in pairs]
    return both(
        [
            *(z3.Implies(before, after) for before, after in pairs),
            either(z3.And(after, z3.Not(before)) for before, after in pairs),
        ]
    )


def _together(first: Terms, second: Terms, fact: Fact, partner: str) -> Any:
    """How a band and its count move: both agree before and after, or the count is not asked and only the band moves."""
    band = fact if fact.count else first.words[partner]
    count = str(band.count)
    marks = zip(first.variables[count], second.variables[count], strict=True)
    agree = both([first.tied(band), second.tied(band), *(z3.Implies(before, after) for before, after in marks)])
    return either([agree, both([first.not_asked(count), second.not_asked(count)])]) if fact is band else agree


def _one_step(system: System, fact: Fact, before: Values, after: Values) -> tuple[Values, Values]:
    """Two neighbouring values of the fact on the way from `before` to `after` between which the tier falls."""
    last, rank = before, _tier_of(system, before)
    for value in _path(system, fact, before[fact.id], after[fact.id]):
        step = {**before, fact.id: value}
        if _tier_of(system, step) < rank:
            return last, step
        last, rank = step, _tier_of(system, step)
    return before, after


def _path(system: System, fact: Fact, start: Value | None, end: Value | None) -> Iterator[Value]:
    if isinstance(start, frozenset) and isinstance(end, frozenset):
        added = sorted(start ^ end, key=fact.rank.__getitem__)
        for number in range(1, len(added) + 1):
            yield start ^ frozenset(added[:number])
    elif isinstance(start, str) and isinstance(end, str):
        a, b = fact.rank[start], fact.rank[end]
        yield from (fact.members[rank] for rank in (range(a + 1, b + 1) if a < b else range(a - 1, b - 1, -1)))
    elif end is not None:
        yield end


def _tier_of(system: System, values: Mapping[str, Any]) -> int:
    ranks = [TIERS.index(rule.tier) for rule, judge in system.policy.tiers if judge.truth(values)]
    return max([system.rules.default, *ranks])


def promise(system: System, item: Promise, node: Node) -> Finding:
    """What is promised never to happen happens for no complete profile."""
    return guarded(f"promise:{item.id}", item.title, lambda: _promise(system, item, node))


def _promise(system: System, item: Promise, node: Node) -> Finding:
    name, rules, terms = f"promise:{item.id}", system.rules, system.terms
    found = system.smallest(terms.term(node, rules.at_least))
    if found is None:
        free = [TRUE, z3.Bool("any tier 1"), z3.Bool("any tier 2")]
        anyway = system.possible(terms.term(node, free), z3.Implies(free[2], free[1]))
        if anyway is not None:
            return Finding(name, item.title, True)
        note = Text(
            f"says nothing: no system could be like this under any policy: {item.never}",
            f"此承诺没有内容：无论何种策略，都不会有系统符合 {item.never}",
        )
        return Finding(name, item.title, True, note=note, vacuous=True)
    answers = small(system.policy, found[0])
    one = assess_answers(system.policy, answers)
    if Judge(node).truth(one.values) is not True:
        raise Disagreement(plain(system.policy.vocabulary, answers))
    tier, lane = one.tier.lowest, system.policy.lanes[one.tier.lowest]
    note = Text(
        f"this system is {TIER_NAMES[tier].en} and takes the {lane.title.en.lower()}",
        f"此系统等级为{TIER_NAMES[tier].zh}，走{lane.title.zh}",
    )
    if system.possible(z3.Not(terms.term(node, rules.at_least))) is None:
        note = Text(f"no system at all can keep this promise; {note.en}", f"没有任何系统能够符合此承诺；{note.zh}")
    return Finding(name, item.title, False, _profile(system, answers), note=note)
