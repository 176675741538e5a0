"""The walk through a portfolio for the systems that are declared harmless while their own words say otherwise.

A system is listed where its description, taken at its word, leads to a higher lowest tier or to a prohibition. What the
description says is held against the effective answers: declared, assumed by the mapping, or not applicable; what it
says about unanswered facts is taken in too, since leaving out is how the harmless look harmless. The list ranks systems
for a person to look at; it changes and decides nothing.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.progress import Progress
from steelyard.intake.contradictions import Contradiction, rules, with_text
from steelyard.intake.text.mentions import refuse
from steelyard.journeys.inventories import Batch, Inventory, no_rows, open_inventory, profile_at
from steelyard.journeys.listening import Listeners
from steelyard.journeys.sounds import GRAVE, IMPACT, Heard, Told, form_words, without
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.columns import ColumnPolicy, encode_value
from steelyard.policy.compile import Policy
from steelyard.policy.tree import TIER, TIERS
from steelyard.profile.document import Profile
from steelyard.profile.facts import Value

SOUNDS = "impact-classifier"  # the rule of what is only heard in the words
_LARGE = 256 * 1024


class Doubt(NamedTuple):
    """A system to look at: how it is declared, what its words would make of it, and the words."""

    row: int
    profile: Profile
    declared: Assessment
    by_words: Assessment
    found: tuple[Contradiction, ...]
    faint: bool = False

    @property
    def rise(self) -> int:
        """By how many tiers the lowest tier would rise."""
        return TIERS.index(self.by_words.tier.lowest) - TIERS.index(self.declared.tier.lowest)

    @property
    def prohibited(self) -> bool:
        """Whether the words bring a prohibition that the answers do not."""
        before = {item.rule.id for item in self.declared.prohibitions if item.certain}
        return any(item.certain and item.rule.id not in before for item in self.by_words.prohibitions)


@dataclass
class Review:
    """`doubts`, the gravest first; the rest in figures.

    `silent` systems have no description; `agree` have one that says no more than the answers; `minor` say more without
    a higher tier. `faint` are doubts that rest on the sound of the words alone, and on too few of them. `unreadable`
    are (row, why); `unusable` rows could not be judged at all and are not in `total`.
    """

    total: int = 0
    doubts: list[Doubt] = field(default_factory=list)
    silent: int = 0
    agree: int = 0
    minor: int = 0
    faint: list[Doubt] = field(default_factory=list)
    unreadable: list[tuple[int, InputError]] = field(default_factory=list)
    unusable: dict[int, str] = field(default_factory=dict)


def review(
    path: Path, mapping_path: Path | None, policy: Policy, on: dt.date, *, text: str | None = None, workers: int = 1
) -> Review:
    """Reviews an inventory. Raises InputError for a file, mapping or column that cannot be used.

    `text` names the column with the descriptions, where it is not the one that the mapping or a column `purpose` gives.
    With `workers` above 1 the texts of a large inventory are heard on that many processes; the answer is the same.
    """
    large = path.is_file() and path.stat().st_size >= _LARGE
    with Listeners(workers if large else 1) as ears:
        inventory = open_inventory(path, mapping_path, policy, text=text)
        columns = ColumnPolicy(policy)
        out = Review()
        progress = Progress(path.name, inventory.total)
        for read in inventory.batches:
            for done in _review(out, inventory, read(), columns, on, ears):
                progress.update(done)
        progress.close()
    out.unusable = dict(sorted(inventory.unusable.items()))
    if not out.total:
        raise no_rows(path)
    for doubts in (out.doubts, out.faint):
        doubts.sort(key=_gravity)
    return out


def _review(
    out: Review, inventory: Inventory, batch: Batch, columns: ColumnPolicy, on: dt.date, ears: Listeners
) -> Iterator[int]:
    """Reviews a batch; gives how many rows are done."""
    policy = columns.policy
    effective = columns.effective(batch.facts)
    pack = rules().text
    answers = {name: effective[name].to_list() for name in {IMPACT, *(item.fact for item in pack.facts)}}
    purposes = [purpose or "" for purpose in batch.identity["purpose"].to_list()]
    spoken = [index for index, purpose in enumerate(purposes) if purpose.strip()]
    form, grave = form_words(inventory.described), policy.vocabulary[IMPACT].rank[GRAVE]
    told = [
        Told(purposes[index], without(purposes[index], form), (answers[IMPACT][index] or 0) < grave) for index in spoken
    ]
    rows = batch.rows.to_list()
    before = out.total
    out.total += len(rows)
    out.silent += len(rows) - len(spoken)
    for index, heard in zip(spoken, ears.listen(told), strict=True):
        yield before + index
        doubt = None
        try:
            if heard is None:
                refuse(purposes[index])
                raise AssertionError("a text that was not heard is refused")
            if _may_say_more(heard, {fact: codes[index] for fact, codes in answers.items()}, pack.least, policy):
                doubt = doubt_of(rows[index], profile_at(inventory, batch, index, policy), heard, policy, on)
        except InputError as error:
            out.unreadable.append((rows[index], error))
            continue
        if doubt is None:
            out.agree += 1
        elif doubt.rise > 0 or doubt.prohibited:
            (out.faint if doubt.faint else out.doubts).append(doubt)
        else:
            out.minor += 1


def _may_say_more(heard: Heard, answers: Mapping[str, Any], least: float, policy: Policy) -> bool:
    """Whether something heard with at least this confidence could go beyond the (encoded) answers.

    A shortcut that never misses a doubt.
    """
    words = policy.vocabulary
    if heard.impact is not None:
        return True
    for item in heard.mentions:
        if item.stance != "asserts" or item.confidence < least or item.fact not in answers:
            continue
        answer, said = answers[item.fact], encode_value(words[item.fact], item.value)
        covered = answer == said or (words[item.fact].type == "set_of" and answer is not None and not said & ~answer)
        if not covered:
            return True
    return False


def doubt_of(row: int, profile: Profile, heard: Heard, policy: Policy, on: dt.date) -> Doubt | None:
    """What a description says beyond the answers, judged; None where it says no more. Raises InputError."""
    declared = assess_facts(profile.facts, policy, on)
    known = {name: value for name, value in declared.values.items() if name != TIER and value is not None}
    found = with_text(profile.purpose, known, policy.vocabulary, unanswered=True)
    if all(item.fact != IMPACT for item in found):
        found += _sounds_graver(profile.purpose, heard, known.get(IMPACT), policy)
    if not found:
        return None
    said: dict[str, Value] = dict(profile.facts)
    for item in found:
        before, more = said.get(item.fact, known.get(item.fact)), item.text_says
        if isinstance(before, frozenset) and isinstance(more, frozenset):
            said[item.fact] = before | more
        elif more is not None:
            said[item.fact] = more
    faint = heard.faint and all(item.rule == SOUNDS for item in found)
    return Doubt(row, profile, declared, assess_facts(said, policy, on), tuple(found), faint)


def _sounds_graver(text: str, heard: Heard, declared: Value | None, policy: Policy) -> list[Contradiction]:
    """What a text sounds like as to the effect on people, which is never more than `significant`.

    Words that the same sentence denies, plans or tells of others are not taken for it.
    """
    item = heard.impact
    if item is None or not isinstance(item.value, str):
        return []
    fact = policy.vocabulary[IMPACT]
    taken_back = [other for other in heard.mentions if other.stance != "asserts"]
    if any(other.start < item.end and item.start < other.end for other in taken_back):
        return []
    said, quote = fact.label(GRAVE), text[item.start : item.end]
    message = Text(
        f'The description, most of all "{quote}", sounds like {fact.name.en}: {said.en}.',
        f"说明（尤其是“{quote}”）像是{fact.name.zh}：{said.zh}。",
    )
    remedy = Text(f"Let a person read it and settle {fact.id}.", f"请由人阅读后确定 {fact.id}。")
    return [
        Contradiction(
            "text",
            SOUNDS,
            fact.id,
            declared,
            message,
            remedy,
            text_says=GRAVE,
            quote=quote,
            start=item.start,
            end=item.end,
            confidence=item.confidence,
        )
    ]


def _gravity(doubt: Doubt) -> tuple[bool, int, bool, int, float, int]:
    """What comes first: a prohibition, the steepest rise, what is said outright, the higher tier, the surer words."""
    sure = sum(item.confidence for item in doubt.found)
    return (
        not doubt.prohibited,
        -doubt.rise,
        all(item.rule == SOUNDS for item in doubt.found),
        -TIERS.index(doubt.by_words.tier.lowest),
        -sure,
        doubt.row,
    )
