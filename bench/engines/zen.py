"""ZEN, the expression language and engine of GoRules, by `zen-engine`.

One compiled expression assigns the named terms and answers every rule as a list; a second one, over the few facts it
reads, answers the rules that ask for the tier. Decision graphs (an expression node, a collecting decision table, alone
or with `evaluate_batch` and a static loader) give the same answers and were two to ten times slower.
"""

from collections.abc import Sequence

import zen

from bench.engines.base import Engine, Facts, Language, RuleSet, any_of, quoted, second_reads, tier_from, write

LANGUAGE = Language(
    both=" and ",
    either=" or ",
    negation="not ",
    one_of=lambda fact, values: any_of(" or ", [f"{fact} == {quoted(value)}" for value in values]),
    meets=lambda fact, values: any_of(" or ", [f"{quoted(value)} in {fact}" for value in values]),
    not_empty=lambda fact: f"len({fact}) > 0",
)


class Zen(Engine):
    """Two compiled expressions per profile."""

    package = "zen-engine"
    how = "compiled expression: terms assigned, all rules as one list; a small second one for the rules with the tier"

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        words = {node: f"term_{name}" for name, node in rules.terms.items()}
        terms = "".join(f"{word} = {write(node, LANGUAGE, rules)}; " for node, word in words.items())
        first = ", ".join(write(node, LANGUAGE, rules, words) for node in rules.first.values())
        second = ", ".join(write(node, LANGUAGE, rules) for node in rules.second.values())
        self._first = zen.compile_expression(f"{terms}[{first}]")
        self._second = zen.compile_expression(f"[{second}]")
        self._reads = second_reads(rules)

    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
        out = []
        for facts in profiles:
            first = self._first.evaluate(facts)
            held = {name for name, holds in zip(self._rules.first, first, strict=True) if holds}
            known = {name: facts[name] for name in self._reads}
            known["tier"] = tier_from(held, self._rules)
            second = self._second.evaluate(known)
            held.update(name for name, holds in zip(self._rules.second, second, strict=True) if holds)
            out.append(held)
        return out


class ZenEach(Engine):
    """An expression per rule, each given the plain facts: what the documentation shows, and a rule stays a rule."""

    package = "zen-engine"
    how = "compiled expression a rule, each given the plain dict"

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._first = {n: zen.compile_expression(write(node, LANGUAGE, rules)) for n, node in rules.first.items()}
        self._second = {n: zen.compile_expression(write(node, LANGUAGE, rules)) for n, node in rules.second.items()}

    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
        out = []
        for facts in profiles:
            held = {name for name, rule in self._first.items() if rule.evaluate(facts)}
            known = {**facts, "tier": tier_from(held, self._rules)}
            held.update(name for name, rule in self._second.items() if rule.evaluate(known))
            out.append(held)
        return out
