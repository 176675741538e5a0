"""Rego, the language of Open Policy Agent, by `regopy` (rego-cpp).

The policy is one module, compiled once to a bundle. Alternatives become rules with several bodies; a part that occurs
in several rules is written once and so evaluated at most once per query; the tier is a rule of its own; the entry point
answers every rule as one array. A set of ids (`holds contains ...`) and other ways to write membership were slower.
"""

import json
from collections.abc import Iterable, Sequence

import regopy

from bench.engines.base import Engine, Facts, RuleSet, quoted
from steelyard.policy.tree import TIERS, And, AtLeast, Const, IsTrue, Meets, Node, Not, Or, TierIn


class _Module:
    """Writes trees as Rego; `lines` are the helper rules they need."""

    def __init__(self, rules: RuleSet) -> None:
        self.lines: list[str] = []
        self._rules = rules
        self._known: dict[tuple[str, ...], str] = {}

    def bodies(self, node: Node) -> list[str]:
        """A tree as alternative rule bodies."""
        return [self._body(item) for item in (node.items if isinstance(node, Or) else (node,))]

    def _body(self, node: Node) -> str:
        return "; ".join(map(self._literal, node.items)) if isinstance(node, And) else self._literal(node)

    def _helper(self, bodies: Iterable[str]) -> str:
        key = tuple(bodies)
        if key not in self._known:
            name = self._known[key] = f"part_{len(self._known)}"
            self.lines += [f"{name} if {{ {body} }}" for body in key]
        return self._known[key]

    def _literal(self, node: Node) -> str:
        if isinstance(node, Const):
            return "true" if node.value else "false"
        if isinstance(node, Not):
            return f"not {self._helper(self.bodies(node.item))}"
        if isinstance(node, (And, Or)):
            return self._helper(self.bodies(node))
        fact = node.fact if isinstance(node, TierIn) else f"input.{node.fact}"
        if isinstance(node, IsTrue):
            return fact
        if isinstance(node, AtLeast):
            return f"{fact} >= {node.number}"
        values = sorted(node.values)
        if not isinstance(node, Meets):
            equal = [f"{fact} == {quoted(value)}" for value in values]
            return equal[0] if len(equal) == 1 else self._helper(equal)
        if node.values == self._rules.members[node.fact]:
            return f"count({fact}) > 0"
        if len(values) == 1:
            return f"{quoted(values[0])} in {fact}"
        return self._helper([f"some x in {fact}; x in {{{', '.join(map(quoted, values))}}}"])


class Rego(Engine):
    """One bundle, one query per profile."""

    package = "regopy"
    how = "one module compiled to a bundle; one query per profile, all rules and the tier in Rego"

    def __init__(self, rules: RuleSet) -> None:
        self._names = [*rules.first, *rules.second]
        source = self._source(rules)
        compiler = regopy.Interpreter()
        compiler.add_module("policy", source)
        self._bundle = compiler.build(None, ["policy/holds"])
        if not self._bundle.ok():  # asking a broken bundle crashes the process
            raise RuntimeError("the Rego module does not compile")
        self._interpreter = regopy.Interpreter()

    def _source(self, rules: RuleSet) -> str:
        module = _Module(rules)
        word = {name: f"rule_{index}" for index, name in enumerate(self._names)}
        lines = []
        for name, node in (*rules.first.items(), *rules.second.items()):
            lines.append(f"default {word[name]} := false")
            lines += [f"{word[name]} if {{ {body} }}" for body in module.bodies(node)]
        given_tiers = set(rules.tier_of.values()) - {rules.default}
        lifts = [tier for tier in reversed(TIERS) if tier in given_tiers]
        for tier in lifts:
            lines += [f"is_{tier} if {{ {word[name]} }}" for name, given in rules.tier_of.items() if given == tier]
        lines.append(f"default tier := {quoted(rules.default)}")
        heads = " else := ".join(f"{quoted(tier)} if {{ is_{tier} }}" for tier in lifts)
        lines.append(f"tier := {heads}")
        lines.append(f"holds := [{', '.join(word.values())}]")
        return "\n".join(["package policy", "import rego.v1", *module.lines, *lines])

    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
        out = []
        for facts in profiles:
            self._interpreter.set_input(regopy.Input(facts))
            answer = json.loads(str(self._interpreter.query_bundle_entrypoint(self._bundle, "policy/holds")))
            held = zip(self._names, answer["expressions"][0], strict=True)
            out.append({name for name, holds in held if holds})
        return out
