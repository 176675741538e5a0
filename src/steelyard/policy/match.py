"""Reader (a) at speed: all rules of a policy matched at once, with the facts that decide each.

Kleene's logic is distributive, so every condition equals a disjunction of conjunctions of literals, and a literal
speaks about one fact only. Each conjunction of each rule gets a bit. A known value of a fact falsifies a fixed set of
conjunctions, an unknown fact leaves a fixed set open; both are masks, worked out once per value. A system is then a
few dozen look-ups and ORs:

    false = OR of the masks of known values      open = OR of the masks of unknown facts, without false
    true  = all others

A rule holds where one of its conjunctions is true, fails where all are false, and is undecided otherwise. The deciding
facts are those of its smallest true conjunction, or of all its open ones. Equality with the plain evaluation in
`kleene` is a property test.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

from steelyard.policy.kleene import atom_value, evaluate
from steelyard.policy.tree import TIER, TIERS, And, Atom, Const, Node, Not, Or, facts_of
from steelyard.profile.facts import Vocabulary

WIDEST = 256
_MEMORY = 4096

Literal = tuple[Atom, bool]
Conjunction = tuple[Literal, ...]


class TooWide(Exception):
    """A condition with more than `WIDEST` conjunctions; it is evaluated as it stands."""


def disjuncts(node: Node, positive: bool = True) -> list[Conjunction]:
    """The conjunctions of a condition (of its reverse, with `positive` false). Raises TooWide."""
    if isinstance(node, Const):
        return [()] if node.value is positive else []
    if isinstance(node, Not):
        return disjuncts(node.item, not positive)
    if not isinstance(node, (And, Or)):
        return [((node, positive),)]
    parts = [disjuncts(item, positive) for item in node.items]
    size = 1
    if isinstance(node, And) is not positive:
        joined = [conjunction for part in parts for conjunction in part]
        size = len(joined)
    else:
        for part in parts:
            size *= len(part)
            if size > WIDEST:
                break
        joined = [] if size > WIDEST else [_join(choice) for choice in product(*parts)]
    if size > WIDEST:
        raise TooWide
    return joined


def _join(parts: Sequence[Conjunction]) -> Conjunction:
    return tuple(dict.fromkeys(literal for part in parts for literal in part))


def _facts(conjunction: Conjunction) -> tuple[str, ...]:
    return tuple(dict.fromkeys(atom.fact for atom, _ in conjunction))


def by_size(conjunctions: Sequence[Conjunction]) -> list[Conjunction]:
    """The smallest first, in reading order among equals: the order in which a deciding one is chosen."""
    return sorted(conjunctions, key=lambda conjunction: len(_facts(conjunction)))


def deciding_facts(conjunctions: Sequence[Conjunction], truth: Callable[[Atom], bool | None]) -> tuple[str, ...]:
    """The facts that decide a condition that holds or is undecided: the plain form of what `Matcher` does by masks."""
    undecided: dict[str, None] = {}
    for conjunction in conjunctions:
        known = [truth(atom) if positive else _reverse(truth(atom)) for atom, positive in conjunction]
        if False in known:
            continue
        if None not in known:
            return _facts(conjunction)
        undecided.update(dict.fromkeys(_facts(conjunction)))
    return tuple(undecided)


def _reverse(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


class Fired(NamedTuple):
    """A rule that holds (`certain`), or that an open fact decides; never one that does not hold.

    `names` are the deciding facts, `open` the unknown ones among them. Their values stand in the assessment.
    """

    kind: str
    rule: Any
    certain: bool
    names: tuple[str, ...]
    open: tuple[str, ...] = ()


def shown(words: Vocabulary, name: str, value: Any) -> Any:
    """A value as JSON carries it."""
    if name == TIER:
        tiers = [tier for tier in TIERS if tier in value]
        return tiers[0] if len(tiers) == 1 else f"{tiers[0]}..{tiers[-1]}"
    return None if value is None else words[name].plain(value)


class _Column:
    """What the values of one fact do to the conjunctions. `masks` fills up as values are met, and stays bounded."""

    __slots__ = ("_literals", "fact", "masks", "touched")

    def __init__(self, fact: str) -> None:
        self.fact = fact
        self.touched = 0
        self.masks: dict[Any, tuple[int, int]] = {}
        self._literals: dict[Literal, int] = {}

    def add(self, literal: Literal, bit: int) -> None:
        self._literals[literal] = self._literals.get(literal, 0) | bit
        self.touched |= bit

    def learn(self, value: Any) -> tuple[int, int]:
        """The conjunctions that `value` makes false, and those it leaves open."""
        false = undecided = 0
        for (atom, positive), bits in self._literals.items():
            truth = atom_value(atom, {self.fact: value})
            if truth is None:
                undecided |= bits
            elif truth is not positive:
                false |= bits
        if len(self.masks) >= _MEMORY:
            self.masks.clear()
        self.masks[value] = false, undecided
        return false, undecided


class Matcher:
    """Conditions matched together.

    Conjunction `level` of condition `index` has bit `level * width + index`, the smallest conjunction at level 0, so
    that folding a mask by `width` bits gives one bit per condition.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        """A condition that is too wide for masks has no bits and stands in `wide`."""
        self.width = max(len(nodes), 1)
        self.wide: dict[int, Node] = {}
        self.names: dict[int, tuple[str, ...]] = {}
        self._rows = (1 << self.width) - 1
        columns: dict[str, _Column] = {}
        for index, node in enumerate(nodes):
            try:
                conjunctions = by_size(disjuncts(node))
            except TooWide:
                self.wide[index] = node
                continue
            for level, conjunction in enumerate(conjunctions):
                position = level * self.width + index
                self.names[position] = _facts(conjunction)
                for literal in conjunction:
                    columns.setdefault(literal[0].fact, _Column(literal[0].fact)).add(literal, 1 << position)
        self._all = sum(1 << position for position in self.names)
        self._columns = [(column.fact, column.masks, column.touched, column.learn) for column in columns.values()]

    def __call__(self, values: dict[str, Any]) -> tuple[int, int, int, int]:
        """Which conditions hold, which are undecided, and the masks of the true and of the open conjunctions."""
        false = undecided = 0
        for fact, masks, touched, learn in self._columns:
            value = values[fact]
            if value is None:
                undecided |= touched
            else:
                try:
                    wrong, unclear = masks[value]
                except KeyError:
                    wrong, unclear = learn(value)
                false |= wrong
                if unclear:
                    undecided |= unclear
        undecided &= ~false
        true = self._all & ~(false | undecided)
        holds = self.fold(true)
        return holds, self.fold(undecided) & ~holds, true, undecided

    def fold(self, mask: int) -> int:
        """One bit per condition: whether any of its conjunctions is in the mask."""
        width, folded = self.width, 0
        while mask:
            folded |= mask
            mask >>= width
        return folded & self._rows

    def smallest(self, index: int, true: int) -> int:
        """The bit of the smallest true conjunction of a condition that holds."""
        position = index
        while not true >> position & 1:
            position += self.width
        return position

    def open_names(self, index: int, undecided: int) -> tuple[str, ...]:
        """The facts of the open conjunctions of an undecided condition, each once, the smallest conjunction first."""
        found: dict[str, None] = {}
        position = index
        rest = undecided >> position
        while rest:
            if rest & 1:
                found.update(dict.fromkeys(self.names[position]))
            rest >>= self.width
            position += self.width
        return tuple(found)

    def ruling_out(self, values: dict[str, Any]) -> list[str]:
        """Known facts that between them rule out every conjunction that is ruled out; few, though not the fewest."""
        out, covered = [], 0
        for fact, masks, _, learn in self._columns:
            value = values[fact]
            if value is not None:
                wrong = (masks.get(value) or learn(value))[0]
                if wrong & ~covered:
                    covered |= wrong
                    out.append(fact)
        return out


class RuleSet:
    """Rules matched together, answered in the order in which they were given."""

    def __init__(self, rules: Sequence[tuple[str, Any, Node]]) -> None:
        self.matcher = Matcher([node for _, _, node in rules])
        self._rules = [(kind, rule) for kind, rule, _ in rules]
        width = self.matcher.width
        self._held = {
            position: Fired(*self._rules[position % width], True, names)
            for position, names in self.matcher.names.items()
        }

    def __call__(self, values: dict[str, Any]) -> list[Fired]:
        """The rules that hold or may hold."""
        matcher, held = self.matcher, self._held
        holds, undecided, true, clauses = matcher(values)
        found = []
        rest = holds | undecided
        while rest:
            bit = rest & -rest
            rest ^= bit
            index = bit.bit_length() - 1
            if true & bit:
                found.append(held[index])
            elif holds & bit:
                found.append(held[matcher.smallest(index, true)])
            else:
                names = matcher.open_names(index, clauses)
                found.append(Fired(*self._rules[index], False, names, _unknown(names, values)))
        return self._with_wide(found, values) if matcher.wide else found

    def _with_wide(self, found: list[Fired], values: dict[str, Any]) -> list[Fired]:
        by_rule = {id(item.rule): item for item in found}
        for index, node in self.matcher.wide.items():
            kind, rule = self._rules[index]
            truth = evaluate(node, lambda atom: atom_value(atom, values))
            if truth is not False:
                names = facts_of(node)
                by_rule[id(rule)] = Fired(kind, rule, truth is True, names, () if truth else _unknown(names, values))
        return [by_rule[id(rule)] for _, rule in self._rules if id(rule) in by_rule]


def _unknown(names: tuple[str, ...], values: dict[str, Any]) -> tuple[str, ...]:
    return tuple([name for name in names if values[name] is None or (name == TIER and len(values[name]) > 1)])


class Applicability:
    """Turns declared answers into effective values.

    Rules enforced (facts.md): where a fact is unanswered and its `asked_when` is definitely false it takes its neutral
    value and counts as not applicable; a declared value always counts; an unknown condition leaves it unknown; an exact
    count, where known, beats its band.
    """

    def __init__(
        self,
        ids: Sequence[str],
        waves: Sequence[Sequence[tuple[str, Node, Any]]],
        bands: Sequence[tuple[str, str, Callable[[int], str]]],
    ) -> None:
        """`waves`: (fact, asked_when, neutral value), grouped so that a group reads only what earlier ones settle.

        `bands`: (band fact, count fact, function from number to band).
        """
        self._blank: dict[str, Any] = dict.fromkeys(ids)
        self._bands = tuple(bands)
        self._waves = [
            (
                Matcher([node for _, node, _ in wave]),
                [(index, fact, neutral) for index, (fact, _, neutral) in enumerate(wave)],
            )
            for wave in waves
        ]

    def __call__(self, declared: Any) -> tuple[dict[str, Any], list[str], dict[str, tuple[str, ...]]]:
        """The effective values of all facts; those not applicable; and for each that waits, the facts it waits for."""
        values = self._blank.copy()
        values.update(declared)
        not_applicable: list[str] = []
        waiting: dict[str, tuple[str, ...]] = {}
        for band, count, band_of in self._bands:
            if values[count] is not None:
                values[band] = band_of(values[count])
        for matcher, items in self._waves:
            unanswered = [item for item in items if values[item[1]] is None]
            if not unanswered:
                continue
            holds, undecided, _, clauses = matcher(values)
            for index, fact, neutral in unanswered:
                if undecided >> index & 1:
                    waiting[fact] = _unknown(matcher.open_names(index, clauses), values)
                elif not holds >> index & 1 and not self._wide_asks(matcher, index, values):
                    values[fact] = neutral
                    not_applicable.append(fact)
        for band, count, band_of in self._bands:
            if values[band] is None and values[count] is not None:
                values[band] = band_of(values[count])
        return values, not_applicable, waiting

    @staticmethod
    def _wide_asks(matcher: Matcher, index: int, values: dict[str, Any]) -> bool:
        """Whether a condition too wide for masks asks its question, or may."""
        node = matcher.wide.get(index)
        return node is not None and evaluate(node, lambda atom: atom_value(atom, values)) is not False
