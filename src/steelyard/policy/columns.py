"""Reader (b) of the tree: the same three-valued judgement for a whole table at once, as Polars expressions.

Facts are encoded as small integers first: a bool stays a bool, a `one_of` becomes the rank of its value, a `set_of` a
mask of its members, a count a number; null is unknown. Polars' boolean logic on nulls is Kleene's. Agreement with
reader (a) on every profile is a property test.
"""

import json
from collections.abc import Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, NamedTuple

import polars as pl

from steelyard.policy.compile import Policy
from steelyard.policy.match import TooWide, by_size, deciding_facts, disjuncts
from steelyard.policy.model import Rule, TierRule
from steelyard.policy.tree import (
    TIER,
    TIERS,
    And,
    AtLeast,
    Atom,
    Const,
    IsTrue,
    Meets,
    Node,
    Not,
    Or,
    TierIn,
    atoms,
    facts_of,
)
from steelyard.profile.facts import Fact, Vocabulary

LOWEST, HIGHEST = "tier_lowest", "tier_highest"
_RANK = {tier: rank for rank, tier in enumerate(TIERS)}
_MAX_DECIDING_ATOMS = 39  # 3**39 states still fit the key that groups rows


def code_type(fact: Fact) -> pl.DataType:
    """The column type of an encoded fact."""
    return {"bool": pl.Boolean(), "one_of": pl.UInt8(), "set_of": pl.UInt32(), "count": pl.Int64()}[fact.type]


def encode_value(fact: Fact, value: Any) -> Any:
    """One typed value as its code."""
    if isinstance(value, frozenset):
        return sum(1 << fact.rank[member] for member in value)
    return fact.rank[value] if isinstance(value, str) else value


def decode_value(fact: Fact, code: Any) -> Any:
    """The plain value (as JSON carries it) behind a code; None for unknown."""
    if code is None:
        return None
    if fact.type == "one_of":
        return fact.members[code]
    if fact.type == "set_of":
        return [member for rank, member in enumerate(fact.members) if code >> rank & 1]
    return code


def expression(node: Node, words: Vocabulary) -> pl.Expr:
    """A tree over encoded facts as a Boolean expression; null where unknown facts decide."""
    if isinstance(node, Const):
        return pl.lit(node.value)
    if isinstance(node, Not):
        return ~expression(node.item, words)
    if isinstance(node, And):
        return reduce(and_, (expression(item, words) for item in node.items))
    if isinstance(node, Or):
        return reduce(or_, (expression(item, words) for item in node.items))
    return _atom(node, words)


def _atom(atom: Atom, words: Vocabulary) -> pl.Expr:
    column = pl.col(atom.fact)
    if isinstance(atom, IsTrue):
        return column
    if isinstance(atom, AtLeast):
        return column >= atom.number
    if isinstance(atom, Meets):
        mask = encode_value(words[atom.fact], atom.values)
        return (column & pl.lit(mask, dtype=pl.UInt32)) != 0
    if isinstance(atom, TierIn):
        return _tier(atom)
    fact = words[atom.fact]
    ranks = sorted(fact.rank[value] for value in atom.values)
    if not ranks or len(ranks) == len(fact.members):
        return pl.when(column.is_not_null()).then(pl.lit(bool(ranks)))
    if ranks[-1] - ranks[0] + 1 == len(ranks):
        low = column >= ranks[0] if ranks[0] else None
        high = column <= ranks[-1] if ranks[-1] < len(fact.members) - 1 else None
        parts = [part for part in (low, high) if part is not None]
        return reduce(and_, parts)
    return reduce(or_, (column == rank for rank in ranks))


def _tier(atom: TierIn) -> pl.Expr:
    ranks = {_RANK[tier] for tier in atom.values}
    state = pl.col(LOWEST) * 3 + pl.col(HIGHEST)
    true, false = [], []
    for low in range(3):
        for high in range(low, 3):
            inside = set(range(low, high + 1))
            if inside <= ranks:
                true.append(low * 3 + high)
            elif not inside & ranks:
                false.append(low * 3 + high)
    return pl.when(state.is_in(true)).then(pl.lit(True)).when(state.is_in(false)).then(pl.lit(False))


class Encoded(NamedTuple):
    """A table of encoded facts, and for each row that cannot be used the reason."""

    frame: pl.DataFrame
    unusable: dict[int, str]


def encode(frame: pl.DataFrame, words: Vocabulary) -> Encoded:
    """Encodes a typed table: a column per fact id, sets as lists of texts, null unknown.

    A value that does not fit its fact makes its row unusable; other columns are ignored, facts without a column are
    unknown.
    """
    columns: list[pl.Series] = []
    unusable: dict[int, str] = {}
    for fact in words.items:
        if fact.id not in frame.columns:
            columns.append(pl.Series(fact.id, [None], dtype=code_type(fact)).new_from_index(0, frame.height))
            continue
        raw = frame[fact.id]
        codes = _encode_column(fact, raw)
        bad = (raw.is_not_null() & codes.is_null()).arg_true()
        for row in bad.to_list():
            unusable.setdefault(row, f"{fact.id}: {_shown(raw[row])}")
        columns.append(codes)
    return Encoded(pl.DataFrame(columns), unusable)


def _shown(value: Any) -> str:
    plain = value.to_list() if isinstance(value, pl.Series) else value
    text = json.dumps(plain, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def _encode_column(fact: Fact, raw: pl.Series) -> pl.Series:
    kind = code_type(fact)
    if raw.dtype == pl.Null:
        return raw.cast(kind)
    inner = getattr(raw.dtype, "inner", None)
    if raw.dtype.is_nested() and (fact.type != "set_of" or inner is None or inner.is_nested()):
        return pl.Series(raw.name, [None], dtype=kind).new_from_index(0, len(raw))  # no value of this fact looks so
    if fact.type == "bool":
        return raw if raw.dtype == pl.Boolean else _by_unique(fact, raw.cast(pl.String, strict=False), kind)
    if fact.type == "count":
        if raw.dtype.is_integer():
            number = raw.cast(pl.Int64, strict=False)
            return number.set(number < 0, None)
        return _by_unique(fact, raw.cast(pl.String, strict=False), kind)
    if fact.type == "one_of":
        if raw.dtype in (pl.String, pl.Categorical, pl.Enum):
            return raw.cast(pl.String).cast(pl.Enum(list(fact.members)), strict=False).to_physical().cast(kind)
        return raw.cast(pl.String, strict=False).set(raw.is_not_null(), None).cast(kind)
    if isinstance(raw.dtype, (pl.List, pl.Array)):
        lists = raw.cast(pl.List(pl.String))
        odd = pl.element().is_null() | (pl.element() == "") | pl.element().str.contains("\x1f", literal=True)
        damaged = lists.list.eval(odd).list.any().fill_null(False)
        codes = _by_unique(fact, lists.list.join("\x1f"), kind, separator="\x1f")
        return codes.set(damaged, None)
    return _by_unique(fact, raw.cast(pl.String, strict=False), kind)


def _by_unique(fact: Fact, raw: pl.Series, kind: pl.DataType, separator: str | None = None) -> pl.Series:
    """Codes of a text column, worked out once for each different text."""
    from steelyard.profile.facts import FactError

    distinct = raw.drop_nulls().unique(maintain_order=True).to_list()
    codes = []
    for text in distinct:
        value: Any = text
        if separator is not None:
            value = text.split(separator) if text else []
        elif fact.type == "count":
            value = int(text) if text.isdigit() else text
        elif fact.type == "bool":
            value = text.lower() == "true" if text.lower() in ("true", "false") else text
        try:
            codes.append(encode_value(fact, fact.parse(value)))
        except FactError:
            codes.append(None)
    if not distinct:
        return pl.Series(raw.name, [None], dtype=kind).new_from_index(0, len(raw))
    old, new = pl.Series(distinct, dtype=pl.String), pl.Series(codes, dtype=kind)
    return raw.replace_strict(old, new, default=None, return_dtype=kind).alias(raw.name)


class _Reason(NamedTuple):
    """How the reason of a rule is written: its head, and the facts that can be named in it."""

    rule: Any
    node: Node
    head: str
    tail: str


class ColumnPolicy:
    """A policy ready to judge tables."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        words = policy.vocabulary
        self._words = words
        self._waves = [
            [
                (name, node, encode_value(words[name], words[name].neutral))
                for name, node in wave
                if words[name].neutral is not None
            ]
            for wave in policy.waves
        ]
        self._tiers = [(rule, judge.node) for rule, judge in policy.tiers]
        self._prohibitions = [(rule, judge.node) for rule, judge in policy.prohibitions]
        self._obligations = [(rule, judge.node) for rule, judge in policy.obligations]
        self._reasons = [
            *(_reason(rule, node, f',"tier":"{rule.tier}"') for rule, node in self._tiers),
            *(_reason(rule, node, "") for rule, node in self._prohibitions),
        ]

    def effective(self, encoded: pl.DataFrame) -> pl.DataFrame:
        """Adds what the vocabulary says about unanswered questions: neutral values, and counts that beat bands."""
        words = self._words
        bands = [(fact, pl.col(count)) for fact, count in words.bands]
        frame = encoded.with_columns(
            pl.when(count.is_not_null()).then(_band(fact, count)).otherwise(pl.col(fact.id)).alias(fact.id)
            for fact, count in bands
        )
        for wave in self._waves:
            frame = frame.with_columns(
                pl.when(pl.col(name).is_null() & expression(node, words).eq_missing(False))
                .then(pl.lit(code, dtype=code_type(words[name])))
                .otherwise(pl.col(name))
                .alias(name)
                for name, node, code in wave
            )
        return frame.with_columns(pl.col(fact.id).fill_null(_band(fact, count)) for fact, count in bands)

    def judge(self, effective: pl.DataFrame) -> pl.DataFrame:
        """Every rule on every row.

        Gives the effective facts, one Boolean column per rule under its id (null: open facts decide), `tier_lowest`
        and `tier_highest` as ranks from 0, and `prohibited`.
        """
        words = self._words
        frame = effective.with_columns(
            expression(node, words).alias(rule.id) for rule, node in (*self._tiers, *self._prohibitions)
        )
        default = _RANK[self.policy.data.default.tier]
        lowest = highest = pl.lit(default, dtype=pl.UInt8)
        for tier in range(default + 1, len(TIERS)):
            names = [rule.id for rule, _ in self._tiers if _RANK[rule.tier] == tier]
            if names:
                found = pl.any_horizontal(names)
                rank = pl.lit(tier, dtype=pl.UInt8)
                lowest = pl.when(found.eq_missing(True)).then(rank).otherwise(lowest)
                highest = pl.when(found.ne_missing(False)).then(rank).otherwise(highest)
        stops = [rule.id for rule, _ in self._prohibitions]
        frame = frame.with_columns(
            lowest.alias(LOWEST),
            highest.alias(HIGHEST),
            (pl.any_horizontal(stops) if stops else pl.lit(False)).alias("prohibited"),
        )
        return frame.with_columns(expression(node, words).alias(rule.id) for rule, node in self._obligations)

    def reasons(self, judged: pl.DataFrame) -> pl.Series:
        """For each row what decides its tier, and the prohibitions that hold or may hold, as a JSON array.

        A tier is decided by the rules that hold at its lowest bound and the open ones above it.
        Each entry has `rule`, `clauses`, `certain`, `tier` where it is a tier rule, and the deciding `facts`.
        """
        needed = dict.fromkeys(name for reason in self._reasons for name in facts_of(reason.node))
        texts = judged.select(
            _fact_text(self._words[name], judged[name]).alias(name) for name in needed if name != TIER
        )
        parts = [self._reason_column(reason, judged, texts) for reason in self._reasons]
        default = self.policy.data.default
        certain = (judged[HIGHEST] == _RANK[default.tier]).replace_strict({True: "true", False: "false"})
        head = json.dumps({"rule": default.id, "clauses": list(default.clauses)}, separators=(",", ":"))[:-1]
        low = pl.DataFrame({"low": judged[LOWEST] == _RANK[default.tier], "certain": certain}).select(
            pl.when(pl.col("low")).then(
                pl.concat_str(
                    pl.lit(head + ',"certain":'), pl.col("certain"), pl.lit(f',"tier":"{default.tier}","facts":{{}}}}')
                )
            )
        )
        frame = pl.DataFrame([part.alias(str(i)) for i, part in enumerate([*parts, low.to_series()])])
        joined = pl.concat_str(pl.all(), separator=",", ignore_nulls=True)
        return frame.select(pl.concat_str(pl.lit("["), joined, pl.lit("]"))).to_series().alias("reasons")

    def _reason_column(self, reason: _Reason, judged: pl.DataFrame, texts: pl.DataFrame) -> pl.Series:
        rule_id = reason.rule.id
        held_or_open = pl.col(rule_id).ne_missing(False)
        if isinstance(reason.rule, TierRule):
            rank = _RANK[reason.rule.tier]
            held_or_open &= pl.col(LOWEST) < rank + pl.col(rule_id).fill_null(False).cast(pl.UInt8)
        rows = judged.select(held_or_open).to_series().arg_true()
        blank = pl.Series("", [None], dtype=pl.String).new_from_index(0, judged.height)
        if rows.len() == 0:
            return blank
        held = judged.select(rule_id, *(name for name in facts_of(reason.node) if name != TIER))[rows]
        certain = held[rule_id].fill_null(False).replace_strict({True: "true", False: "false"})
        facts = texts[rows].select(self._deciding_facts(reason.node, held)).to_series()
        if facts.len() != rows.len():  # a rule without facts
            facts = facts.new_from_index(0, rows.len())
        text = pl.DataFrame({"c": certain, "f": facts}).select(
            pl.concat_str(pl.lit(reason.head), "c", pl.lit(reason.tail), pl.col("f"), pl.lit("}}"))
        )
        if rows.len() == judged.height:
            return text.to_series()
        return blank.scatter(rows, text.to_series())

    def _deciding_facts(self, node: Node, held: pl.DataFrame) -> pl.Expr:
        """The deciding facts of each row as the inside of a JSON object."""
        parts = list(dict.fromkeys(atoms(node)))
        simple = not isinstance(node, (And, Or)) or (
            isinstance(node, And) and all(not isinstance(item, (And, Or, Not)) for item in node.items)
        )
        if isinstance(node, Not):
            simple = not isinstance(node.item, (And, Or))
        try:
            conjunctions = by_size(disjuncts(node))
        except TooWide:
            return _join_facts(facts_of(node))
        if simple or len(parts) > _MAX_DECIDING_ATOMS:
            return _join_facts(facts_of(node))
        states = pl.lit(0, dtype=pl.UInt64)
        for index, atom in enumerate(parts):
            code = _atom(atom, self._words).cast(pl.UInt64).fill_null(2)
            states = states + code * (3**index)
        keys = held.select(states.alias("state")).to_series()
        templates: dict[tuple[str, ...], list[int]] = {}
        for key in keys.unique().to_list():
            known = {atom: (False, True, None)[key // 3**index % 3] for index, atom in enumerate(parts)}
            names = deciding_facts(conjunctions, known.__getitem__)
            templates.setdefault(names, []).append(key)
        if len(templates) == 1:
            return _join_facts(next(iter(templates)))
        named: dict[str, list[int]] = {}
        for names, states_of in templates.items():
            for name in names:
                named.setdefault(name, []).extend(states_of)
        parts_of = [
            pl.when(keys.is_in(pl.Series(states_of, dtype=pl.UInt64).implode())).then(pl.col(name))
            for name, states_of in named.items()
            if name != TIER
        ]
        return pl.concat_str(parts_of, separator=",", ignore_nulls=True) if parts_of else pl.lit("")


def _join_facts(names: Sequence[str]) -> pl.Expr:
    columns = [pl.col(name) for name in names if name != TIER]
    return pl.concat_str(columns, separator=",") if columns else pl.lit("")


def _reason(rule: Rule, node: Node, more: str) -> _Reason:
    head = json.dumps({"rule": rule.id, "clauses": list(rule.clauses)}, ensure_ascii=False, separators=(",", ":"))
    return _Reason(rule, node, head[:-1] + ',"certain":', more + ',"facts":{')


def _fact_text(fact: Fact, codes: pl.Series) -> pl.Series:
    """Each row's `"fact":value` as JSON text."""
    distinct = codes.unique()
    texts = [f"{json.dumps(fact.id)}:{json.dumps(decode_value(fact, code))}" for code in distinct.to_list()]
    return codes.replace_strict(distinct, pl.Series(texts, dtype=pl.String), return_dtype=pl.String)


def _band(fact: Fact, count: pl.Expr) -> pl.Expr:
    rank = pl.lit(0, dtype=pl.UInt8)
    for index, value in enumerate(fact.values):
        if value.below is not None:
            rank = pl.when(count >= value.below).then(pl.lit(index + 1, dtype=pl.UInt8)).otherwise(rank)
    return pl.when(count.is_not_null()).then(rank)
