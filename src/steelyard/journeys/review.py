"""The walk through a portfolio for the systems that are declared harmless while their own words say otherwise.

A system is listed where its description, taken at its word, leads to a higher lowest tier or to a prohibition. What the
description says is held against the effective answers: declared, assumed by the mapping, or not applicable; what it
says about unanswered facts is taken in too, since leaving out is how the harmless look harmless. The list ranks systems
for a person to look at; it changes and decides nothing.
"""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.intake.apply import apply_mapping, profile_of
from steelyard.intake.contradictions import Contradiction, with_text
from steelyard.intake.drafting.concern import SURE_ENOUGH
from steelyard.intake.drafting.draft import read
from steelyard.intake.inventory import read_sheet
from steelyard.intake.mapping import load_mapping
from steelyard.intake.text.mentions import find
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.compile import Policy
from steelyard.policy.tree import TIER, TIERS
from steelyard.profile.document import Profile
from steelyard.profile.facts import Value

_IMPACT = "decision_impact"


class Doubt(NamedTuple):
    """A system to look at: how it is declared, what its words would make of it, and the words."""

    row: int
    profile: Profile
    declared: Assessment
    by_words: Assessment
    found: tuple[Contradiction, ...]

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
    a higher tier. `unreadable` are (row, why).
    """

    total: int = 0
    doubts: list[Doubt] = field(default_factory=list)
    silent: int = 0
    agree: int = 0
    minor: int = 0
    unreadable: list[tuple[int, InputError]] = field(default_factory=list)


def review(path: Path, mapping_path: Path, policy: Policy, on: dt.date) -> Review:
    """Reviews a mapped inventory. Raises InputError for a file or mapping that cannot be used."""
    mapping, doc = load_mapping(mapping_path, policy)
    sheet = read_sheet(path, mapping.data.inventory)
    mapped = apply_mapping(mapping, doc, sheet.frame, policy)
    out = Review(total=len(sheet.rows))
    for index, row in enumerate(sheet.rows):
        profile = profile_of(mapping, mapped, index, policy)
        if not profile.purpose.strip():
            out.silent += 1
            continue
        try:
            doubt = doubt_of(row, profile, policy, on)
        except InputError as error:
            out.unreadable.append((row, error))
            continue
        if doubt is None:
            out.agree += 1
        elif doubt.rise > 0 or doubt.prohibited:
            out.doubts.append(doubt)
        else:
            out.minor += 1
    out.doubts.sort(key=_gravity)
    return out


def doubt_of(row: int, profile: Profile, policy: Policy, on: dt.date) -> Doubt | None:
    """What a description says beyond the answers, judged; None where it says no more. Raises InputError."""
    declared = assess_facts(profile.facts, policy, on)
    known = {name: value for name, value in declared.values.items() if name != TIER and value is not None}
    found = with_text(profile.purpose, known, policy.vocabulary, unanswered=True)
    if all(item.fact != _IMPACT for item in found):
        found += _heard_impact(profile.purpose, known.get(_IMPACT), policy)
    if not found:
        return None
    said: dict[str, Value] = dict(profile.facts)
    for item in found:
        before, more = said.get(item.fact, known.get(item.fact)), item.text_says
        if isinstance(before, frozenset) and isinstance(more, frozenset):
            said[item.fact] = before | more
        elif more is not None:
            said[item.fact] = more
    return Doubt(row, profile, declared, assess_facts(said, policy, on), tuple(found))


def _heard_impact(text: str, declared: Value | None, policy: Policy) -> list[Contradiction]:
    """What drafting hears about the effect on people, where it is sure enough and more than what is declared.

    Words that the same sentence denies, plans or tells of others are not taken for it.
    """
    fact = policy.vocabulary[_IMPACT]
    taken_back = [item for item in find(text) if item.stance != "asserts"]
    for item in read(text).proposals:
        if item.fact != _IMPACT or item.confidence < SURE_ENOUGH or not isinstance(item.value, str):
            continue
        if isinstance(declared, str) and fact.rank[item.value] <= fact.rank[declared]:
            continue
        if any(other.start < item.end and item.start < other.end for other in taken_back):
            continue
        said = fact.label(item.value)
        message = Text(
            f'The description, most of all "{item.quote}", sounds like {fact.name.en}: {said.en}.',
            f"说明（尤其是“{item.quote}”）像是{fact.name.zh}：{said.zh}。",
        )
        remedy = Text(f"Let a person read it and settle {fact.id}.", f"请由人阅读后确定 {fact.id}。")
        return [
            Contradiction(
                "text",
                "impact-classifier",
                fact.id,
                declared,
                message,
                remedy,
                text_says=item.value,
                quote=item.quote,
                start=item.start,
                end=item.end,
                confidence=item.confidence,
            )
        ]
    return []


def _gravity(doubt: Doubt) -> tuple[bool, int, int, float, int]:
    sure = sum(item.confidence for item in doubt.found)
    return (
        not doubt.prohibited,
        -doubt.rise,
        -TIERS.index(doubt.by_words.tier.lowest),
        -sure,
        doubt.row,
    )
