"""Reader (c) of the tree: Z3 terms, for statements about all profiles at once.

Every fact is a finite choice, written in Boolean variables by order:
- a bool is one variable; a set has one for each member;
- a `one_of` has one for each value but the first: "its value stands here or later in the list";
- a count has one for each number that a rule or a band compares it with: "this many or more". No rule can tell two
  numbers between the same marks apart, so nothing is lost, and no arithmetic is left to solve.

A *complete profile* has every fact known after the rules of applicability. Where all facts are declared no neutral
value comes in, so the neutral values need no model: `coherent` admits every combination, and a band agrees with its
count. One corner is kept: a count that is not asked and not declared counts as 0 beside a band that was declared.

On complete profiles this reader agrees with the other two; where the three-valued reading is definite on a partial
profile, the term follows from what is known. The reverse is not promised. Both are property tests.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import z3  # type: ignore[import-untyped]

from steelyard.policy.tree import TIERS, And, AtLeast, Atom, Const, IsTrue, Meets, Node, Not, OneOf, TierIn, atoms
from steelyard.profile.facts import MAX_COUNT, Fact, Value, Vocabulary

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)
Unknown = Literal["fails", "holds"]
"""What an atom of an unknown fact counts as: `fails` reads what certainly holds, `holds` what may."""


def both(terms: Iterable[Any]) -> Any:
    """The conjunction, without the terms that are plainly true."""
    kept = [term for term in terms if not z3.is_true(term)]
    return TRUE if not kept else kept[0] if len(kept) == 1 else z3.And(kept)


def either(terms: Iterable[Any]) -> Any:
    """The disjunction, without the terms that are plainly false."""
    kept = [term for term in terms if not z3.is_false(term)]
    return FALSE if not kept else kept[0] if len(kept) == 1 else z3.Or(kept)


class Terms:
    """The variables of one profile, and trees read over them."""

    def __init__(self, words: Vocabulary, nodes: Iterable[Node], conditions: Mapping[str, Node]) -> None:
        """`nodes` are all trees that will be read (their numbers mark the counts), `conditions` the `asked_when`."""
        self.words = words
        self.conditions = dict(conditions)
        marks: dict[str, set[int]] = {fact.id: set() for fact in words.items if fact.type == "count"}
        for node in (*nodes, *self.conditions.values()):
            for atom in atoms(node):
                if isinstance(atom, AtLeast):
                    marks[atom.fact].add(atom.number)
        for fact, count in words.bands:
            marks[count] |= {value.below for value in fact.values if value.below is not None}
        self.marks = {
            name: tuple(sorted(number for number in found if 0 < number <= MAX_COUNT)) for name, found in marks.items()
        }
        self.variables = {fact.id: self._named(fact, "") for fact in words.items}
        self.known = {
            name: z3.Bool(f"known {name}") for name in self.conditions if name in words and words[name].neutral is None
        }
        self._atoms: dict[Atom, Any] = {}

    def _named(self, fact: Fact, prime: str) -> tuple[Any, ...]:
        names: Sequence[Any] = ("",)
        if fact.type == "one_of":
            names = [f" from {member}" for member in fact.members[1:]]
        elif fact.type == "set_of":
            names = [f" has {member}" for member in fact.members]
        elif fact.type == "count":
            names = [f" from {number}" for number in self.marks[fact.id]]
        return tuple(z3.Bool(f"fact {fact.id}{name}{prime}") for name in names)

    def with_second(self, facts: Iterable[str]) -> "Terms":
        """The same profile except for `facts`, which have variables of their own: a second profile beside the first."""
        other = object.__new__(Terms)
        other.words, other.conditions, other.marks, other.known = self.words, self.conditions, self.marks, self.known
        other.variables = {**self.variables, **{name: self._named(self.words[name], "'") for name in facts}}
        other._atoms = {}
        return other

    def coherent(self) -> list[Any]:
        """What makes the variables a complete profile."""
        out = [
            z3.Implies(above, below)
            for fact in self.words.items
            if fact.type in ("one_of", "count")
            for below, above in zip(self.variables[fact.id], self.variables[fact.id][1:], strict=False)
        ]
        return [*out, *(z3.Or(self.tied(fact), self.not_asked(count)) for fact, count in self.words.bands)]

    def tied(self, fact: Fact) -> Any:
        """The band `fact` is the one that holds its count."""
        bands, counts = self.variables[fact.id], self.variables[str(fact.count)]
        marks = self.marks[str(fact.count)]
        return both(
            bands[rank] == counts[marks.index(value.below)]
            for rank, value in enumerate(fact.values[:-1])
            if value.below is not None
        )

    def not_asked(self, count: str) -> Any:
        """The count is not asked, hence 0 unless declared."""
        if count not in self.conditions:
            return FALSE
        return both([z3.Not(self.term(self.conditions[count])), *(z3.Not(mark) for mark in self.variables[count])])

    def answered(self) -> list[Any]:
        """A fact that has no neutral value may stay unknown only where its question certainly does not apply."""
        return [
            z3.Or(known, z3.Not(self.term(self.conditions[name], unknown="holds")))
            for name, known in self.known.items()
        ]

    def term(self, node: Node, tier: Sequence[Any] = (), unknown: Unknown | None = None) -> Any:
        """A tree as a term. `tier[r]` says that the tier is of rank `r` or above; without `unknown` all is known."""
        if isinstance(node, Const):
            return TRUE if node.value else FALSE
        if isinstance(node, Not):
            flipped: dict[Unknown | None, Unknown | None] = {"fails": "holds", "holds": "fails", None: None}
            return z3.Not(self.term(node.item, tier, flipped[unknown]))
        if isinstance(node, TierIn):
            ranks = [rank for rank, name in enumerate(TIERS) if name in node.values]
            return either(self._between(rank, rank, tuple(tier[1:])) for rank in ranks)
        if isinstance(node, (IsTrue, OneOf, Meets, AtLeast)):
            found = self._atoms.get(node)
            if found is None:
                found = self._atoms[node] = self._atom(node)
            if unknown is None or node.fact not in self.known:
                return found
            known = self.known[node.fact]
            return z3.Or(z3.Not(known), found) if unknown == "holds" else z3.And(known, found)
        join = both if isinstance(node, And) else either
        return join(self.term(item, tier, unknown) for item in node.items)

    def _atom(self, atom: Atom) -> Any:
        variables = self.variables[atom.fact]
        if isinstance(atom, IsTrue):
            return variables[0]
        if isinstance(atom, AtLeast):
            if not 0 < atom.number <= MAX_COUNT:
                return TRUE if atom.number <= 0 else FALSE
            return variables[self.marks[atom.fact].index(atom.number)]
        rank = self.words[atom.fact].rank
        if isinstance(atom, Meets):
            return either(variables[rank[member]] for member in sorted(atom.values, key=rank.__getitem__))
        runs: list[list[int]] = []
        for position in sorted(rank[value] for value in atom.values):
            if runs and runs[-1][1] == position - 1:
                runs[-1][1] = position
            else:
                runs.append([position, position])
        return either(self._between(first, last, variables) for first, last in runs)

    @staticmethod
    def _between(first: int, last: int, variables: Sequence[Any]) -> Any:
        """The position of an ordered choice lies in `first..last`; `variables[i]` says that it is above `i`."""
        low = [variables[first - 1]] if first else []
        high = [z3.Not(variables[last])] if last < len(variables) else []
        return both([*low, *high])

    def pin(self, name: str, value: Value) -> list[Any]:
        """What it means that a fact has this value."""
        variables, fact = self.variables[name], self.words[name]
        if isinstance(value, frozenset):
            flags = [member in value for member in fact.members]
        elif isinstance(value, bool):
            flags = [value]
        elif isinstance(value, int):
            flags = [value >= number for number in self.marks[name]]
        else:
            flags = [rank <= fact.rank[value] for rank in range(1, len(fact.members))]
        return [variable if flag else z3.Not(variable) for variable, flag in zip(variables, flags, strict=True)]

    def read(self, model: Any) -> dict[str, Value | None]:
        """The profile of a model; None for a fact that stays unknown. A count is the least number that fits."""
        out: dict[str, Value | None] = {}
        for fact in self.words.items:
            known = self.known.get(fact.id)
            if known is not None and not z3.is_true(model.eval(known, model_completion=True)):
                out[fact.id] = None
                continue
            flags = [z3.is_true(model.eval(item, model_completion=True)) for item in self.variables[fact.id]]
            if fact.type == "bool":
                out[fact.id] = flags[0]
            elif fact.type == "set_of":
                out[fact.id] = frozenset(member for member, flag in zip(fact.members, flags, strict=True) if flag)
            elif fact.type == "one_of":
                out[fact.id] = fact.members[sum(flags)]
            else:
                out[fact.id] = (0, *self.marks[fact.id])[sum(flags)]
        return out
