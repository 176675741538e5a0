"""The profile that asks for as little governance as possible: proofs shrink to it, examples are filled up with it."""

from steelyard.profile.facts import Fact, Value, Vocabulary


def least(fact: Fact) -> Value:
    """The answer that asks for the least governance; for a fact without a direction its neutral value, or its first."""
    if fact.demanding == "down" and fact.type != "count":
        return True if fact.type == "bool" else fact.members[-1] if fact.type == "one_of" else fact.member_set
    if fact.neutral is not None and (fact.demanding == "none" or fact.type != "one_of"):
        return fact.neutral
    return fact.members[0]


def least_demanding(words: Vocabulary) -> dict[str, Value]:
    """Every fact at its least demanding answer."""
    return {fact.id: least(fact) for fact in words.items}
