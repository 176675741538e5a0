"""The walk from two policies and an inventory to what the change does: how many systems move, which way, and which.

Enforced: the inventory is read once and both policies judge the same facts, so that only the policies can differ; a
fact that one of the two does not know is unknown to it; rows in = rows judged + unusable; memory follows the batch.

A move compares the tiers still possible before and after: `up` and `down` when both ends shift, `widen` when more tiers
are possible than before, `settle` when fewer are.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.progress import Progress
from steelyard.journeys.inventories import Batch, no_rows, open_inventory
from steelyard.policy.columns import HIGHEST, LOWEST, ColumnPolicy
from steelyard.policy.compile import Policy
from steelyard.policy.model import Obligation
from steelyard.policy.tree import TIERS

MOVES = ("up", "down", "widen", "settle")
SHOWN = 20
_OWED = ("clauses", "action", "owner", "gate", "due", "every", "evidence")  # what an obligation asks for
_ENDS = ("a_low", "a_high", "b_low", "b_high")


class Standing(NamedTuple):
    """Where a system stands: the lowest and highest tier still possible, and the lanes they lead to."""

    tier: tuple[str, str]
    lane: tuple[str, str]

    def as_dict(self) -> dict[str, Any]:
        """As an assessment says it."""
        return {
            "tier": dict(zip(("lowest", "highest"), self.tier, strict=True)),
            "lane": dict(zip(("lowest", "highest"), self.lane, strict=True)),
        }


class Moved(NamedTuple):
    """A system that moves."""

    row: int
    system: str
    name: str
    move: str
    old: Standing
    new: Standing


@dataclass
class Moves:
    """What a change of policy does to an inventory.

    `table` counts systems by where they stand before and after. `moves` counts those of other possible tiers. `rules`
    holds for each rule that changes hands how many systems it comes to apply to (`gains`, also where it only may apply
    now) and how many it leaves (`loses`). `obligations` and `prohibitions` count systems: all with a change, and those
    for which at least one gains or loses. `changed` counts systems with an obligation that stays and asks for something
    else. `moved` are the systems that move, the longest way first.
    """

    title: Text
    source: str
    on: dt.date
    total: int = 0
    judged: int = 0
    unusable: dict[int, str] = field(default_factory=dict)
    assumptions: int = 0
    unread: int = 0
    ignored: list[str] = field(default_factory=list)
    table: Counter[tuple[Standing, Standing]] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)
    lanes: int = 0
    rules: dict[str, tuple[int, int]] = field(default_factory=dict)
    obligations: Counter[str] = field(default_factory=Counter)
    prohibitions: Counter[str] = field(default_factory=Counter)
    moved: list[Moved] = field(default_factory=list)

    @property
    def same(self) -> int:
        """Systems of the same possible tiers."""
        return self.judged - self.moves.total()

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain data."""
        order = sorted(self.table.items(), key=lambda item: [*map(_ranks, item[0])])
        return {
            "inventory": self.source,
            "on": self.on.isoformat(),
            "rows": self.total,
            "judged": self.judged,
            "unusable": len(self.unusable),
            "unusable_rows": [{"row": row, "reason": why} for row, why in list(self.unusable.items())[:SHOWN]],
            "unread_cells": self.unread,
            "assumptions": self.assumptions,
            "table": [{"old": old.as_dict(), "new": new.as_dict(), "systems": count} for (old, new), count in order],
            "moves": {**{name: self.moves[name] for name in MOVES}, "same": self.same},
            "lane_only": self.lanes,
            "obligations": {name: self.obligations[name] for name in ("systems", "gains", "loses", "changed")},
            "prohibitions": {name: self.prohibitions[name] for name in ("systems", "gains", "loses")},
            "rules": [
                {"rule": name, "gains": gains, "loses": loses}
                for name, (gains, loses) in self.rules.items()
                if gains or loses
            ],
            "moved": [
                {
                    "row": item.row,
                    "system": item.system,
                    "name": item.name,
                    "move": item.move,
                    "old": item.old.as_dict(),
                    "new": item.new.as_dict(),
                }
                for item in self.moved
            ],
        }


def _ranks(standing: Standing) -> tuple[int, ...]:
    return tuple(TIERS.index(tier) for tier in standing.tier)


def portfolio_moves(path: Path, mapping_path: Path | None, old: Policy, new: Policy, on: dt.date) -> Moves:
    """Judges an inventory under both policies. Raises InputError for what cannot be used, and where no row can.

    The date is only recorded: neither the tier nor what is owed depends on it.
    """
    inventory = open_inventory(path, mapping_path, reading_policy(old, new))
    pair = _Pair(old, new)
    out = Moves(inventory.title, path.name, on, inventory.total, ignored=inventory.ignored)
    out.assumptions = len(inventory.assumptions)
    out.unread = sum(sum(cells.values()) for cells in inventory.unread.values())
    out.rules = dict.fromkeys(pair.rules, (0, 0))
    progress = Progress(path.name, inventory.total)
    for read in inventory.batches:
        batch = read()
        _count(out, pair, batch)
        progress.update(out.judged)
    progress.close()
    out.unusable = dict(sorted(inventory.unusable.items()))
    if not out.judged:
        raise no_rows(path)
    if out.judged + len(out.unusable) != out.total:
        raise AssertionError("rows in must equal rows judged and unusable")
    return out


def reading_policy(old: Policy, new: Policy) -> Policy:
    """The policy through which an inventory is read: the new one, with the facts that only the old one knows.

    Raises InputError where the two mean different things by a fact.
    """
    known = new.vocabulary
    for fact in old.vocabulary.items:
        if fact.id in known and _coding(known[fact.id]) != _coding(fact):
            raise InputError(
                "different_facts",
                Text(f"the two policies define {fact.id} differently", f"两个策略对 {fact.id} 的定义不同"),
                remedy=Text("give one of the two another id", "请为其中一个更换 id"),
                field=fact.id,
            )
    gone = tuple(
        msgspec.structs.replace(fact, asked_when=None) for fact in old.vocabulary.items if fact.id not in known
    )
    if not gone:
        return new
    return Policy(msgspec.structs.replace(new.data, facts=(*new.data.facts, *gone)), new.clauses)


def _coding(fact: Any) -> tuple[Any, ...]:
    return fact.type, fact.members, tuple(value.below for value in fact.values)


class _Pair:
    """Two policies ready to judge the same table, and which of their rules can differ."""

    def __init__(self, old: Policy, new: Policy) -> None:
        self.policies = (old, new)
        self.judges = (ColumnPolicy(old), ColumnPolicy(new))
        self.rules = list(dict.fromkeys((*old.judges, *new.judges)))
        self.obligations = _named(old.obligations, new.obligations)
        self.prohibitions = _named(old.prohibitions, new.prohibitions)
        before = {rule.id: rule for rule, _ in old.obligations}
        self.reworded = [rule.id for rule, _ in new.obligations if _asks_else(before.get(rule.id), rule)]

    def states(self, batch: Batch) -> pl.DataFrame:
        """Every rule on every row under both (0: no, 1: open, 2: holds) as `a RULE` and `b RULE`, and the ranks."""
        columns = [batch.rows.alias("row"), batch.identity["system"], batch.identity["name"]]
        for letter, policy, judge in zip("ab", self.policies, self.judges, strict=True):
            judged = judge.judge(judge.effective(batch.facts))
            held = [pl.col(name).cast(pl.UInt8) * 2 for name in self.rules if name in policy.judges]
            states = judged.select(
                pl.col(LOWEST).alias(f"{letter}_low"),
                pl.col(HIGHEST).alias(f"{letter}_high"),
                *(state.fill_null(1).name.prefix(f"{letter} ") for state in held),
            )
            columns += states.get_columns()
        frame = pl.DataFrame(columns)
        absent = [
            f"{letter} {name}"
            for letter, policy in zip("ab", self.policies, strict=True)
            for name in self.rules
            if name not in policy.judges
        ]
        return frame.with_columns(pl.lit(0, dtype=pl.UInt8).alias(name) for name in absent)

    def standing(self, which: int, low: int, high: int) -> Standing:
        """Where a system of these ranks stands under one of the two."""
        lanes = self.policies[which].lanes
        tier = (TIERS[low], TIERS[high])
        return Standing(tier, (lanes[TIERS[low]].id, lanes[TIERS[high]].id))


def _named(old: Sequence[Any], new: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(rule.id for rule, _ in (*old, *new)))


def _asks_else(old: Any, new: Any) -> bool:
    """Whether an obligation that both policies know asks for something else."""
    if not isinstance(old, Obligation) or not isinstance(new, Obligation):
        return False
    return any(getattr(old, key) != getattr(new, key) for key in _OWED)


def _count(out: Moves, pair: _Pair, batch: Batch) -> None:
    frame = pair.states(batch)
    out.judged += frame.height
    gains = {name: pl.col(f"b {name}") > pl.col(f"a {name}") for name in pair.rules}
    loses = {name: pl.col(f"b {name}") < pl.col(f"a {name}") for name in pair.rules}
    sums = frame.select(
        *(gain.sum().alias(f"+{name}") for name, gain in gains.items()),
        *(lose.sum().alias(f"-{name}") for name, lose in loses.items()),
    ).row(0, named=True)
    for name, (more, fewer) in out.rules.items():
        out.rules[name] = (more + sums[f"+{name}"], fewer + sums[f"-{name}"])
    else_ = [(pl.col(f"a {name}") > 0) & (pl.col(f"b {name}") > 0) for name in pair.reworded]
    for store, names, changed in (
        (out.obligations, pair.obligations, else_),
        (out.prohibitions, pair.prohibitions, []),
    ):
        up, down = ([side[name] for name in names] for side in (gains, loses))
        row = frame.select(
            _any([*up, *down, *changed]).sum().alias("systems"),
            _any(up).sum().alias("gains"),
            _any(down).sum().alias("loses"),
            _any(changed).sum().alias("changed"),
        ).row(0, named=True)
        store.update(row)
    _count_moves(out, pair, frame)


def _any(tests: Sequence[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(tests) if tests else pl.col("row") < 0  # rows count from 0


def _count_moves(out: Moves, pair: _Pair, frame: pl.DataFrame) -> None:
    for a_low, a_high, b_low, b_high, count in frame.group_by(_ENDS).len().iter_rows():
        old, new = pair.standing(0, a_low, a_high), pair.standing(1, b_low, b_high)
        out.table[old, new] += count
        name = move((a_low, a_high), (b_low, b_high))
        if name is not None:
            out.moves[name] += count
        elif old.lane != new.lane:
            out.lanes += count
    way = [(pl.col(f"b_{end}").cast(pl.Int8) - pl.col(f"a_{end}").cast(pl.Int8)).abs() for end in ("low", "high")]
    far = frame.select("row", "system", "name", *_ENDS, (way[0] + way[1]).alias("way")).filter(pl.col("way") > 0)
    for row in far.top_k(SHOWN, by=["way", -pl.col("row")]).iter_rows(named=True):
        before, after = (row["a_low"], row["a_high"]), (row["b_low"], row["b_high"])
        name = move(before, after)
        if name is not None:
            old, new = pair.standing(0, *before), pair.standing(1, *after)
            out.moved.append(Moved(row["row"], row["system"], row["name"] or "", name, old, new))
    out.moved = sorted(out.moved, key=_length)[:SHOWN]


def _length(item: Moved) -> tuple[int, int]:
    ends = zip(_ranks(item.old), _ranks(item.new), strict=True)
    return -sum(abs(after - before) for before, after in ends), item.row


def move(old: tuple[int, int], new: tuple[int, int]) -> str | None:
    """How the possible tiers move, as ranks from lowest to highest; None where they stay."""
    if old == new:
        return None
    if new[0] <= old[0] and old[1] <= new[1]:
        return "widen"
    if old[0] <= new[0] and new[1] <= old[1]:
        return "settle"
    return "up" if new[0] > old[0] else "down"
