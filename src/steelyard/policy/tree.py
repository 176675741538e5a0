"""The typed tree of a predicate: what the parser produces and what every reader reads.

Each atom speaks about exactly one fact, so an atom is a set of that fact's values; comparisons on ordered facts are
turned into such sets when they are parsed. `text` is how people wrote or read the atom; it takes no part in equality.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

TIERS = ("low", "medium", "high")
TIER = "tier"


@dataclass(frozen=True, slots=True)
class Const:
    """True or false, whatever the facts."""

    value: bool


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A bool fact is true."""

    fact: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A `one_of` fact has one of `values`."""

    fact: str
    values: frozenset[str]
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Meets:
    """A `set_of` fact and `values` have a member in common."""

    fact: str
    values: frozenset[str]
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A count is `number` or more."""

    fact: str
    number: int
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class TierIn:
    """The tier of the system is one of `values`; undecided while the bounds of the tier hold others too."""

    values: frozenset[str]
    text: str = field(default="", compare=False)
    fact: str = TIER


@dataclass(frozen=True, slots=True)
class Not:
    """The reverse; unknown stays unknown."""

    item: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All of `items`: false as soon as one is false."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Any of `items`: true as soon as one is true."""

    items: "tuple[Node, ...]"


Atom = IsTrue | OneOf | Meets | AtLeast | TierIn
Node = Const | Atom | Not | And | Or


def atoms(node: Node) -> Iterator[Atom]:
    """The atoms of a tree, in reading order."""
    if isinstance(node, (And, Or)):
        for item in node.items:
            yield from atoms(item)
    elif isinstance(node, Not):
        yield from atoms(node.item)
    elif not isinstance(node, Const):
        yield node


def facts_of(node: Node) -> tuple[str, ...]:
    """The facts a tree reads (and `tier`, where it does), each once, in reading order."""
    return tuple(dict.fromkeys(atom.fact for atom in atoms(node)))


def negate(node: Node) -> Node:
    """The reverse of a tree, without double negations."""
    if isinstance(node, Const):
        return Const(not node.value)
    return node.item if isinstance(node, Not) else Not(node)


def text_of(node: Node, *, inner: bool = False) -> str:
    """The tree as an expression of the language."""
    if isinstance(node, Const):
        return "true" if node.value else "false"
    if isinstance(node, Not):
        return f"not {text_of(node.item, inner=True)}"
    if isinstance(node, (And, Or)):
        word = " and " if isinstance(node, And) else " or "
        joined = word.join(text_of(item, inner=True) for item in node.items)
        return f"({joined})" if inner else joined
    return node.text or repr(node)
