"""`rule-engine`, a rule language in pure Python.

The named terms are evaluated first and join the facts; one rule that is a list then answers every rule, and a second
one those that ask for the tier. Sets are handed over as Python sets, which the engine does not copy at every use.
Declared types, a rule object per rule, and `matches` instead of `evaluate` were slower.
"""

from collections.abc import Iterable, Sequence

import rule_engine

from bench.engines.base import Engine, Facts, Language, RuleSet, any_of, quoted, tier_from, write
from steelyard.policy.tree import Node

LANGUAGE = Language(
    both=" and ",
    either=" or ",
    negation="not ",
    one_of=lambda fact, values: any_of(" or ", [f"{fact} == {quoted(value)}" for value in values]),
    meets=lambda fact, values: any_of(" or ", [f"{quoted(value)} in {fact}" for value in values]),
    not_empty=str,
)


class Rules(Engine):
    """Three parsed rules over a dict."""

    package = "rule-engine"
    how = "terms first, then all rules as one list, then the rules with the tier; sets handed over as sets"

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._context = rule_engine.Context()
        words = {node: f"term_{name}" for name, node in rules.terms.items()}
        self._terms = {
            word: rule_engine.Rule(write(node, LANGUAGE, rules), self._context) for node, word in words.items()
        }
        self._first = self._list(rules.first.values(), words)
        self._second = self._list(rules.second.values(), words)

    def _list(self, nodes: Iterable[Node], words: dict[Node, str]) -> rule_engine.Rule:
        parts = ", ".join(write(node, LANGUAGE, self._rules, words) for node in nodes)
        return rule_engine.Rule(f"[{parts}]", self._context)

    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
        out = []
        for facts in profiles:
            known = {name: set(value) if isinstance(value, list) else value for name, value in facts.items()}
            known.update({word: rule.evaluate(known) for word, rule in self._terms.items()})
            first = self._first.evaluate(known)
            held = {name for name, holds in zip(self._rules.first, first, strict=True) if holds}
            known["tier"] = tier_from(held, self._rules)
            second = self._second.evaluate(known)
            held.update(name for name, holds in zip(self._rules.second, second, strict=True) if holds)
            out.append(held)
        return out
