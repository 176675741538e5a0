"""CEL, by the Rust interpreter behind `common-expression-language`.

The facts of a profile are handed over once, as a `Context`; three programs then read it: the named terms, one list with
every rule, and the rules that ask for the tier. `CelEach` is the way the documentation shows: a program a rule, given
the plain dict, which is converted once per rule.
"""

from collections.abc import Sequence

import cel

from bench.engines.base import Engine, Facts, Language, RuleSet, any_of, quoted, tier_from, write

LANGUAGE = Language(
    both=" && ",
    either=" || ",
    negation="!",
    one_of=lambda fact, values: any_of(" || ", [f"{fact} == {quoted(value)}" for value in values]),
    meets=lambda fact, values: any_of(" || ", [f"{quoted(value)} in {fact}" for value in values]),
    not_empty=lambda fact: f"size({fact}) > 0",
)


class Cel(Engine):
    """One context per profile, three compiled programs."""

    package = "common-expression-language"
    how = "one Context per profile; terms, all rules as one list, then the rules that ask for the tier"

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        words = {node: f"term_{name}" for name, node in rules.terms.items()}
        self._words = list(words.values())
        self._terms = cel.compile(self._list([write(node, LANGUAGE, rules) for node in words]))
        self._first = cel.compile(self._list([write(node, LANGUAGE, rules, words) for node in rules.first.values()]))
        self._second = cel.compile(self._list([write(node, LANGUAGE, rules, words) for node in rules.second.values()]))

    @staticmethod
    def _list(parts: Sequence[str]) -> str:
        return f"[{', '.join(parts)}]"

    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
        out = []
        for facts in profiles:
            context = cel.Context(facts)
            for word, value in zip(self._words, self._terms.execute(context), strict=True):
                context.add_variable(word, value)
            first = self._first.execute(context)
            held = {name for name, holds in zip(self._rules.first, first, strict=True) if holds}
            context.add_variable("tier", tier_from(held, self._rules))
            second = self._second.execute(context)
            held.update(name for name, holds in zip(self._rules.second, second, strict=True) if holds)
            out.append(held)
        return out


class CelEach(Engine):
    """A program per rule, each given the plain facts: what the documentation shows, and a rule stays a rule."""

    package = "common-expression-language"
    how = "compiled program a rule, each given the plain dict"

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._first = {name: cel.compile(write(node, LANGUAGE, rules)) for name, node in rules.first.items()}
        self._second = {name: cel.compile(write(node, LANGUAGE, rules)) for name, node in rules.second.items()}

    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
        out = []
        for facts in profiles:
            held = {name for name, rule in self._first.items() if rule.execute(facts)}
            known = {**facts, "tier": tier_from(held, self._rules)}
            held.update(name for name, rule in self._second.items() if rule.execute(known))
            out.append(held)
        return out
