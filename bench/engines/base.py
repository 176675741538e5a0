"""What every peer shares: the rules read out of a compiled policy, and the writing of a tree in another language."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.policy.compile import Policy
from steelyard.policy.tree import TIER, TIERS, And, AtLeast, Const, IsTrue, Meets, Node, Not, Or, facts_of

Facts = dict[str, Any]
"""A complete profile as JSON carries it: fact id -> true or false, text, number or list of texts."""


class RuleSet(NamedTuple):
    """A policy as the peers need it.

    `first` are the rules that the facts alone decide (tier rules, prohibitions, most obligations), `second` the
    obligations that also ask for the tier; `tier_of` says which tier a tier rule gives; `terms` are the named parts of
    rules, `members` all values of each fact.
    """

    first: dict[str, Node]
    second: dict[str, Node]
    tier_of: dict[str, str]
    default: str
    terms: dict[str, Node]
    members: dict[str, frozenset[str]]


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
    )


def tier_from(held: set[str], rules: RuleSet) -> str:
    """The highest tier that the rules in `held` give, else the default."""
    found = {rules.tier_of[name] for name in held if name in rules.tier_of}
    return max((rules.default, *found), key=TIERS.index)


def second_reads(rules: RuleSet) -> list[str]:
    """The facts, without the tier, that the rules of `second` read."""
    return sorted({name for node in rules.second.values() for name in facts_of(node)} - {TIER})


class Language(NamedTuple):
    """How a language writes a tree; the writers of atoms get the fact as `name` writes it."""

    both: str
    either: str
    negation: str
    one_of: Callable[[str, Sequence[str]], str]
    meets: Callable[[str, Sequence[str]], str]
    not_empty: Callable[[str], str]
    name: Callable[[str], str] = str


def quoted(text: str) -> str:
    """A text literal; all five languages write it as JSON does."""
    return json.dumps(text)


def any_of(sign: str, parts: Sequence[str]) -> str:
    """A disjunction, in parentheses where there are several."""
    return f"({sign.join(parts)})" if len(parts) > 1 else parts[0]


def write(node: Node, language: Language, rules: RuleSet, words: Mapping[Node, str] | None = None) -> str:
    """A tree in a language; a subtree in `words` is written as the word that stands for it."""
    if words and node in words:
        return words[node]
    if isinstance(node, Const):
        return "true" if node.value else "false"
    if isinstance(node, Not):
        return f"{language.negation}({write(node.item, language, rules, words)})"
    if isinstance(node, (And, Or)):
        sign = language.both if isinstance(node, And) else language.either
        return any_of(sign, [write(item, language, rules, words) for item in node.items])
    fact = language.name(node.fact)
    if isinstance(node, IsTrue):
        return fact
    if isinstance(node, AtLeast):
        return f"{fact} >= {node.number}"
    values = sorted(node.values)
    if not isinstance(node, Meets):
        return language.one_of(fact, values)
    return language.not_empty(fact) if node.values == rules.members[node.fact] else language.meets(fact, values)


class Engine(ABC):
    """A peer that holds the whole policy in its own language, compiled once."""

    package: str
    how: str

    @abstractmethod
    def __init__(self, rules: RuleSet) -> None:
        """Translates and compiles the policy."""

    @abstractmethod
    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
