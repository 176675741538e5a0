"""Random profiles: hypothesis strategies for shrinking, and seeded ones for bulk."""

import random
from typing import Any

from hypothesis import strategies as st

from steelyard.profile.facts import Fact, Value, Vocabulary, vocabulary


def values_of(fact: Fact) -> st.SearchStrategy[Value]:
    """Any known value of a fact."""
    if fact.type == "bool":
        return st.booleans()
    if fact.type == "one_of":
        return st.sampled_from(fact.members)
    if fact.type == "set_of":
        return st.frozensets(st.sampled_from(fact.members), max_size=4)
    return st.sampled_from([0, 1, 999, 1_000, 9_999, 10_000, 99_999, 100_000, 1_000_000, 10_000_000, 10**12])


@st.composite
def facts(draw: Any, words: Vocabulary | None = None, *, share: float | None = None) -> dict[str, Value]:
    """A profile's known facts: any subset of the vocabulary, complete with `share` 1."""
    words = words or vocabulary()
    rng = draw(st.randoms(use_true_random=False))
    known = share if share is not None else draw(st.sampled_from([0.1, 0.5, 0.8, 0.95, 1.0]))
    return random_facts(rng, words, known)


def random_facts(rng: random.Random, words: Vocabulary, known: float) -> dict[str, Value]:
    """A seeded profile in which each fact is known with probability `known`."""
    out: dict[str, Value] = {}
    for fact in words.items:
        if rng.random() >= known:
            continue
        if fact.type == "bool":
            out[fact.id] = rng.random() < 0.3
        elif fact.type == "one_of":
            out[fact.id] = rng.choice(fact.members[: rng.choice([1, 2, len(fact.members)])])
        elif fact.type == "set_of":
            size = rng.choice([0, 0, 1, 1, 2, 3])
            out[fact.id] = frozenset(rng.sample(fact.members, min(size, len(fact.members))))
        else:
            out[fact.id] = rng.choice([0, 5, 999, 1_000, 99_999, 100_000, 999_999, 1_000_000, 20_000_000])
    return out


def coherent(facts_: dict[str, Value], words: Vocabulary) -> dict[str, Value]:
    """The same facts with bands that agree with their counts: the contradiction that the assessment itself can see."""
    out = dict(facts_)
    for fact, count in words.bands:
        if count in out:
            out[fact.id] = fact.band_of(int(out[count]))
    return out
