"""A policy in the solver: every rule a variable, the tier as variables that follow from them."""

from collections.abc import Sequence
from typing import Any

from steelyard.policy.compile import Policy
from steelyard.policy.language import parse
from steelyard.policy.proofs.solver import Solver, smallest
from steelyard.policy.proofs.terms import TRUE, Terms, either
from steelyard.policy.tree import TIERS, Node, facts_of
from steelyard.profile.facts import Value

Ranked = list[tuple[int, str, Node]]


class Rules:
    """The rules of one policy as variables: `holds` by id, and `at_least[r]`: the tier is of rank `r` or above."""

    def __init__(
        self, solver: Solver, terms: Terms, policy: Policy, name: str = "", without: frozenset[str] = frozenset()
    ):
        """`name` sets a second policy in the same solver apart; rules in `without` do not lift the tier."""
        self.policy = policy
        self.default = TIERS.index(policy.data.default.tier)
        self.ranked: Ranked = [
            (TIERS.index(rule.tier), rule.id, judge.node) for rule, judge in policy.tiers if rule.id not in without
        ]
        self.holds: dict[str, Any] = {}
        for rule_id, node in (
            *((rule_id, node) for _, rule_id, node in self.ranked),
            *((stop.id, judge.node) for stop, judge in policy.prohibitions),
        ):
            self.holds[rule_id] = solver.named(f"rule {name}{rule_id}", terms.term(node))
        self.at_least = [TRUE] + [
            TRUE
            if rank <= self.default
            else solver.named(
                f"{name}tier {rank}", either(self.holds[rule] for of, rule, _ in self.ranked if of >= rank)
            )
            for rank in (1, 2)
        ]
        for duty, judge in policy.obligations:
            self.holds[duty.id] = solver.named(f"rule {name}{duty.id}", terms.term(judge.node, self.at_least))


class System:
    """A policy, its promises and the policies it extends, ready to be asked about all complete profiles."""

    def __init__(self, policy: Policy, bases: Sequence[Policy], seconds: float) -> None:
        """`bases` are the policies it extends, the nearest first."""
        self.policy, self.bases = policy, bases
        scope = policy.scope._replace(tier=True)
        self.promises = [(promise, parse(promise.never, scope)) for promise in policy.data.promises]
        nodes = [judge.node for one in (policy, *bases) for _, judge in one.judges.values()]
        conditions = {name: node for wave in policy.waves for name, node in wave}
        self.terms = Terms(policy.vocabulary, [*nodes, *(node for _, node in self.promises)], conditions)
        self.solver = Solver(seconds)
        self.solver.add(*self.terms.coherent())
        self.complete = list(self.terms.known.values())
        self.rules = Rules(self.solver, self.terms, policy)

    def smallest(self, *assumptions: Any, others: Sequence[Terms] = ()) -> list[dict[str, Value | None]] | None:
        """A small complete profile under `assumptions`, or None where there is none. Raises Undecided."""
        return smallest(self.solver, self.terms, [*self.complete, *assumptions], others)

    def possible(self, *assumptions: Any) -> Any:
        """A model of a complete profile under `assumptions`, or None. Raises Undecided."""
        return self.solver.model(*self.complete, *assumptions)

    def reads(self, names: set[str]) -> set[str]:
        """The tier rules that read one of these facts."""
        return {rule_id for _, rule_id, node in self.rules.ranked if names & set(facts_of(node))}
