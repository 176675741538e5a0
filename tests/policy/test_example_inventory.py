"""The shipped policy over the example inventory: nothing for everybody, nothing for nobody, each list with a reason."""

import datetime as dt
from collections import Counter
from itertools import combinations

import pytest

from steelyard.intake.apply import apply_mapping, profile_of
from steelyard.intake.inventory import read_sheet
from steelyard.intake.mapping import load_mapping
from steelyard.policy.assess import Assessment, assess
from steelyard.policy.compile import Policy
from tests.conftest import ROOT

FOLDER = ROOT / "examples/inventory"


@pytest.fixture(scope="module")
def systems() -> dict[str, Assessment]:
    """Every system of the example inventory, assessed."""
    from steelyard.policy.compile import load_compiled

    policy = load_compiled()
    mapping, doc = load_mapping(FOLDER / "mapping.yaml", policy)
    mapped = apply_mapping(mapping, doc, read_sheet(FOLDER / "inventory.csv", mapping.data.inventory).frame, policy)
    profiles = [profile_of(mapping, mapped, row, policy) for row in range(mapped.facts.height)]
    return {profile.id: assess(profile, policy, dt.date(2026, 11, 24)) for profile in profiles}


def owed(one: Assessment) -> frozenset[str]:
    """What a system owes for certain."""
    return frozenset(item.rule.id for item in one.obligations if item.certain)


def test_no_obligation_goes_to_everybody_and_none_to_nobody(systems: dict[str, Assessment], policy: Policy) -> None:
    counts = Counter(name for one in systems.values() for name in owed(one))
    assert [rule.id for rule, _ in policy.obligations if not 0 < counts[rule.id] < len(systems)] == []


def test_the_same_list_only_where_the_deciding_facts_agree(systems: dict[str, Assessment]) -> None:
    def deciding(one: Assessment) -> dict[str, dict[str, object]]:
        return {item.rule.id: one.facts(item) for item in one.obligations if item.certain}

    for (first, a), (second, b) in combinations(systems.items(), 2):
        if owed(a) == owed(b):
            assert deciding(a) == deciding(b), (first, second)


def test_light_for_the_harmless_deep_for_the_dangerous(systems: dict[str, Assessment]) -> None:
    def sizes(tier: str) -> list[int]:
        return sorted(len(owed(one)) for one in systems.values() if one.tier == (tier, tier))

    low, medium, high = sizes("low"), sizes("medium"), sizes("high")
    assert max(low) <= 6
    assert medium[len(medium) // 2] > 2 * low[len(low) // 2]
    assert high[len(high) // 2] > medium[len(medium) // 2]


def test_about_forty_varied_systems(systems: dict[str, Assessment]) -> None:
    tiers = Counter(one.tier for one in systems.values())
    assert len(systems) >= 40
    for tier in ("low", "medium", "high"):
        assert tiers[(tier, tier)] >= 10
    assert sum(not one.tier.settled for one in systems.values()) >= 4
    assert sum(any(stop.certain for stop in one.prohibitions) for one in systems.values()) == 2
