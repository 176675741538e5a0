"""Questions to Z3 within a budget, and answers that are as small as may be.

Only yes and no are taken for an answer: what the budget does not settle raises Undecided, and the caller counts it.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import z3  # type: ignore[import-untyped]

from steelyard.policy.least import least
from steelyard.policy.proofs.terms import Terms
from steelyard.profile.facts import Fact, Value

MAX_QUESTION_SECONDS = 20.0


class Undecided(Exception):
    """The budget was used up, or Z3 gave up."""


class Solver:
    """One set of assertions, asked many questions. `seconds` is the budget of all of them together."""

    def __init__(self, seconds: float) -> None:
        self._z3 = z3.SolverFor("QF_FD")
        self._names: dict[int, tuple[Any, Any]] = {}
        self._end = time.monotonic() + seconds

    def add(self, *terms: Any) -> None:
        """Asserts what holds for every question."""
        self._z3.add(*terms)

    def named(self, name: str, term: Any) -> Any:
        """A variable that is true exactly where `term` is."""
        variable = z3.Bool(name)
        self._z3.add(variable == term)
        return variable

    def _literal(self, term: Any) -> Any:
        """An assumption as Z3 takes it: a variable or its negation."""
        inner = term.arg(0) if z3.is_not(term) else term
        if z3.is_const(inner) and not (z3.is_true(inner) or z3.is_false(inner)):
            return term
        known = self._names.get(term.get_id())
        if known is None:
            variable = z3.Bool(f"question {len(self._names)}")
            self._z3.add(z3.Implies(variable, term))
            known = self._names[term.get_id()] = (term, variable)  # the term is kept, so that its id stays its own
        return known[1]

    def model(self, *assumptions: Any) -> Any:
        """A model of the assertions and `assumptions`, or None where there is none. Raises Undecided."""
        left = min(self._end - time.monotonic(), MAX_QUESTION_SECONDS)
        if left <= 0:
            raise Undecided
        self._z3.set("timeout", max(1, int(left * 1000)))
        answer = self._z3.check(*map(self._literal, assumptions))
        if answer == z3.unknown:
            raise Undecided
        return self._z3.model() if answer == z3.sat else None


def smallest(
    solver: Solver, terms: Terms, assumptions: Sequence[Any], others: Iterable[Terms] = ()
) -> list[dict[str, Value | None]] | None:
    """A model in which as many facts as possible are least demanding, read by `terms` and by each of `others`.

    None where there is no model. Facts are taken in the order of the vocabulary; one that cannot be least demanding
    keeps the least that fits what was fixed before it; one whose neutral value is not its least demanding one takes the
    neutral value where it is not asked. Where the budget ends half-way the answer is right but larger.
    """
    model = solver.model(*assumptions)
    if model is None:
        return None
    fixed = list(assumptions)
    try:
        for known in terms.known.values():
            if not _holds(model, [known]):
                found = solver.model(*fixed, known)
                if found is None:
                    fixed.append(z3.Not(known))
                    continue
                model = found
            fixed.append(known)
        for fact in terms.words.items:
            model = _lower(solver, terms, fact, fixed, model)
    except Undecided:
        pass
    return [reader.read(model) for reader in (terms, *others)]


def _lower(solver: Solver, terms: Terms, fact: Fact, fixed: list[Any], model: Any) -> Any:
    if fact.id in terms.conditions and fact.neutral not in (None, least(fact)):  # first of all, not asked
        unasked = [*terms.pin(fact.id, fact.neutral), z3.Not(terms.term(terms.conditions[fact.id]))]
        found = solver.model(*fixed, *unasked)
        if found is not None:
            fixed += unasked
            return found
    wanted = terms.pin(fact.id, least(fact))
    if not _holds(model, wanted):
        found = solver.model(*fixed, *wanted)
        if found is None:
            for literal in wanted:
                if not _holds(model, [literal]):
                    other = solver.model(*fixed, literal)
                    if other is None:
                        fixed.append(z3.Not(literal))
                        continue
                    model = other
                fixed.append(literal)
            return model
        model = found
    fixed += wanted
    return model


def _holds(model: Any, literals: Iterable[Any]) -> bool:
    return all(z3.is_true(model.eval(literal, model_completion=True)) for literal in literals)
