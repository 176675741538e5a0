"""What every peer shares: reading the rules out of a compiled policy and writing them in another language."""

import importlib.metadata
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from steelyard.policy.compile import Policy
from steelyard.policy.tree import (
    TIER,
    TIERS,
    And,
    AtLeast,
    Const,
    IsTrue,
    Meets,
    Node,
    Not,
    OneOf,
    Or,
    TierIn,
    facts_of,
)

Facts = dict[str, Any]
"""A complete profile: fact id -> bool, text, number or list of texts."""


class NotInstalled(Exception):
    """The package of a peer is missing."""


class RuleSet(NamedTuple):
    """A policy as the peers need it: named conditions in order, and which tier each tier rule gives.

    `first` are the rules that can be decided from the facts alone (tier rules, prohibitions, most obligations),
    `second` the obligations that also ask for the tier.
    """

    first: dict[str, Node]
    second: dict[str, Node]
    tier_of: dict[str, str]
    default: str
    terms: dict[str, Node]
    members: dict[str, frozenset[str]]
    conditions: int


def rules_of(policy: Policy) -> RuleSet:
    """Every tier rule, prohibition and obligation of a policy."""
    every = {rule.id: judge.node for rule, judge in (*policy.tiers, *policy.prohibitions, *policy.obligations)}
    return RuleSet(
        first={name: node for name, node in every.items() if TIER not in facts_of(node)},
        second={name: node for name, node in every.items() if TIER in facts_of(node)},
        tier_of={rule.id: rule.tier for rule, _ in policy.tiers},
        default=policy.data.default.tier,
        terms=dict(policy.scope.terms),
        members={fact.id: frozenset(fact.members) for fact in policy.vocabulary.items},
        conditions=len(every),
    )


def tier_from(held: set[str], rules: RuleSet) -> str:
    """The highest tier that the rules in `held` give, else the default."""
    found = {rules.tier_of[name] for name in held if name in rules.tier_of}
    return max((rules.default, *found), key=TIERS.index)


class Language(NamedTuple):
    """How a language writes a tree. Atom writers get the fact id as the language refers to it."""

    both: str
    either: str
    negation: str
    is_true: Callable[[str], str]
    equals: Callable[[str, str], str]
    one_of: Callable[[str, Sequence[str]], str]
    meets: Callable[[str, Sequence[str]], str]
    not_empty: Callable[[str], str]
    at_least: Callable[[str, int], str]
    name: Callable[[str], str] = str
    true: str = "true"
    false: str = "false"


def write(node: Node, language: Language, rules: RuleSet, terms: dict[Node, str] | None = None) -> str:
    """A tree in a language; subtrees in `terms` are written as the word they stand for."""
    if terms and node in terms:
        return terms[node]
    if isinstance(node, Const):
        return language.true if node.value else language.false
    if isinstance(node, Not):
        return f"{language.negation}({write(node.item, language, rules, terms)})"
    if isinstance(node, (And, Or)):
        sign = language.both if isinstance(node, And) else language.either
        return "(" + sign.join(write(item, language, rules, terms) for item in node.items) + ")"
    fact = language.name(node.fact)
    if isinstance(node, IsTrue):
        return language.is_true(fact)
    if isinstance(node, AtLeast):
        return language.at_least(fact, node.number)
    values = sorted(node.values)
    if isinstance(node, Meets):
        return language.not_empty(fact) if node.values == rules.members[node.fact] else language.meets(fact, values)
    if isinstance(node, (OneOf, TierIn)):
        return language.equals(fact, values[0]) if len(values) == 1 else language.one_of(fact, values)
    raise TypeError(node)


class Engine(ABC):
    """A peer that holds the whole policy in its own language, compiled once."""

    package: str
    how: str

    @abstractmethod
    def __init__(self, rules: RuleSet) -> None:
        """Translates and compiles."""

    @abstractmethod
    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""

    @classmethod
    def version(cls) -> str:
        """The installed version. Raises NotInstalled."""
        try:
            return importlib.metadata.version(cls.package)
        except importlib.metadata.PackageNotFoundError:
            raise NotInstalled(f"{cls.package} is not installed") from None
