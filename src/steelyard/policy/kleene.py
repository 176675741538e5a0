"""Reader (a) of the tree: three-valued evaluation of one system, with the facts that decide.

Kleene's strong logic: a conjunction is false as soon as one part is false, a disjunction true as soon as one part is
true, otherwise unknown parts leave it unknown. The value of a rule depends only on the facts it reads, so each rule
remembers its answers by those facts' values; the memory is bounded and invisible.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from steelyard.policy.tree import And, AtLeast, Atom, Const, IsTrue, Meets, Node, Not, OneOf, TierIn, atoms, facts_of
from steelyard.profile.facts import Value

Values = Mapping[str, Any]
"""Fact id -> value or None (unknown); every fact of the vocabulary is a key. `tier` -> frozenset of possible tiers."""

MEMORY = 4096


def atom_value(atom: Atom, values: Values) -> bool | None:
    """The truth of one atom; None where its fact is unknown."""
    value = values[atom.fact]
    if value is None:
        return None
    if isinstance(atom, IsTrue):
        return bool(value)
    if isinstance(atom, OneOf):
        return value in atom.values
    if isinstance(atom, Meets):
        return not atom.values.isdisjoint(value)
    if isinstance(atom, AtLeast):
        return bool(value >= atom.number)
    return True if value <= atom.values else False if atom.values.isdisjoint(value) else None


Truth = Callable[[Atom], bool | None]
"""What is known about single atoms: reading from values, or from a row of a table."""


def evaluate(node: Node, truth: Truth) -> bool | None:
    """The truth of a tree: True, False, or None where unknown atoms decide."""
    if isinstance(node, Const):
        return node.value
    if isinstance(node, Not):
        inner = evaluate(node.item, truth)
        return None if inner is None else not inner
    if isinstance(node, (IsTrue, OneOf, Meets, AtLeast, TierIn)):
        return truth(node)
    stop = not isinstance(node, And)
    result: bool | None = not stop
    for item in node.items:
        found = evaluate(item, truth)
        if found is stop:
            return stop
        if found is None:
            result = None
    return result


def deciding(node: Node, truth: Truth) -> tuple[Atom, ...]:
    """The atoms that make the tree what it is.

    For a definite answer: a set of atoms whose present values force it (one false part is enough for a false
    conjunction; the smallest is taken, the first among equals). For an unknown answer: the unknown atoms that could
    still settle it, with the true parts of the same conjunction they stand beside.
    """
    return tuple(dict.fromkeys(_deciding(node, truth)))


def _deciding(node: Node, truth: Truth) -> tuple[Atom, ...]:
    if isinstance(node, Const):
        return ()
    if isinstance(node, Not):
        return _deciding(node.item, truth)
    if isinstance(node, (IsTrue, OneOf, Meets, AtLeast, TierIn)):
        return (node,)
    found = [evaluate(item, truth) for item in node.items]
    stop = not isinstance(node, And)
    if stop in found:
        forcing = (_deciding(item, truth) for item, value in zip(node.items, found, strict=True) if value is stop)
        return min(forcing, key=len)
    kept: Iterable[Node] = node.items
    if None in found and stop:  # an undecided disjunction: what is false adds nothing
        kept = (item for item, value in zip(node.items, found, strict=True) if value is None)
    return tuple(atom for item in kept for atom in _deciding(item, truth))


class Outcome(NamedTuple):
    """What a rule says of one system: its truth, the facts that decide, and the unknown ones among them."""

    truth: bool | None
    facts: tuple[str, ...]
    open: tuple[str, ...]


def _no_atom(atom: Atom) -> bool | None:
    raise AssertionError(atom)


_ALWAYS = {True: Outcome(True, (), ()), False: Outcome(False, (), ())}


class Judge:
    """One rule, ready to be asked again and again."""

    __slots__ = ("_key", "_memory", "node", "reads")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.reads = facts_of(node)
        self._key: Any = itemgetter(*self.reads) if self.reads else None
        self._memory: dict[Any, Outcome] = {}

    def __call__(self, values: dict[str, Any]) -> Outcome:
        """The outcome for a system."""
        if self._key is None:
            return _ALWAYS[bool(evaluate(self.node, _no_atom))]
        key = self._key(values)
        try:
            return self._memory[key]
        except KeyError:
            pass
        outcome = self._judge(values)
        if len(self._memory) >= MEMORY:
            self._memory.clear()
        self._memory[key] = outcome
        return outcome

    def _judge(self, values: Values) -> Outcome:
        known = {atom: atom_value(atom, values) for atom in atoms(self.node)}
        truth = evaluate(self.node, known.__getitem__)
        parts = deciding(self.node, known.__getitem__)
        facts = dict.fromkeys(atom.fact for atom in parts)
        unknown = () if truth is not None else dict.fromkeys(atom.fact for atom in parts if known[atom] is None)
        return Outcome(truth, tuple(facts), tuple(unknown))

    def forget(self) -> None:
        """Empties the memory; only benchmarks need it."""
        self._memory.clear()


class Applicability:
    """Turns declared answers into effective values.

    Rules enforced (facts.md): where a fact is unanswered and its `asked_when` is definitely false it takes its neutral
    value and counts as not applicable; a declared value always counts; an unknown condition leaves it unknown; an exact
    count, where known, beats its band.
    """

    def __init__(
        self,
        ids: tuple[str, ...],
        conditions: Iterable[tuple[str, Node, Value | None]],
        bands: Iterable[tuple[str, str, Any]],
    ) -> None:
        """`conditions`: (fact, asked_when, neutral value) in an order where what a condition reads comes first.

        `bands`: (band fact, count fact, function from number to band).
        """
        self._blank: dict[str, Any] = dict.fromkeys(ids)
        self._conditions = tuple((fact, Judge(node), neutral) for fact, node, neutral in conditions)
        self._bands = tuple(bands)

    def __call__(self, declared: Mapping[str, Value]) -> tuple[dict[str, Any], list[str]]:
        """The effective values of all facts, and the ids of those that are not applicable."""
        values = self._blank.copy()
        values.update(declared)
        not_applicable = []
        for band, count, band_of in self._bands:
            if values[count] is not None:
                values[band] = band_of(values[count])
        for fact, condition, neutral in self._conditions:
            if values[fact] is None and condition(values).truth is False:
                values[fact] = neutral
                not_applicable.append(fact)
        for band, count, band_of in self._bands:
            if values[band] is None and values[count] is not None:
                values[band] = band_of(values[count])
        return values, not_applicable

    def condition(self, fact: str) -> Judge | None:
        """The `asked_when` of a fact; None where it is always asked."""
        return next((judge for name, judge, _ in self._conditions if name == fact), None)
