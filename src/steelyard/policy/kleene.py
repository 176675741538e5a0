"""Reader (a) of the tree: three-valued evaluation of one system, with the facts that decide.

Kleene's strong logic: a conjunction is false as soon as one part is false, a disjunction true as soon as one part is
true, otherwise unknown parts leave it unknown. This is the plain form, one rule on one system; `match` asks all rules
at once and must say the same.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from steelyard.policy.tree import And, AtLeast, Atom, Const, IsTrue, Meets, Node, Not, OneOf, TierIn, atoms, facts_of

Values = Mapping[str, Any]
"""Fact id -> value or None (unknown); every fact of the vocabulary is a key. `tier` -> frozenset of possible tiers."""


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


class Judge:
    """One rule, to be asked about one system at a time: for explanations, examples and tests."""

    __slots__ = ("node", "reads")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.reads = facts_of(node)

    def truth(self, values: Values) -> bool | None:
        """Whether the rule holds; None where unknown facts decide."""
        return evaluate(self.node, lambda atom: atom_value(atom, values))

    def parts(self, values: Values) -> list[tuple[Atom, bool | None]]:
        """The deciding atoms, each with its own truth."""
        known = {atom: atom_value(atom, values) for atom in atoms(self.node)}
        return [(atom, known[atom]) for atom in deciding(self.node, known.__getitem__)]
