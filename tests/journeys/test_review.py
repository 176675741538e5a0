"""The review ranks the systems that are declared harmless while their own words say otherwise."""

import csv
import datetime as dt
from pathlib import Path

import pytest

from steelyard.cli.portfolio_review import as_plain, review_text
from steelyard.journeys.review import Review, review
from steelyard.policy.compile import Policy
from tests.conftest import ROOT

FOLDER = ROOT / "examples/inventory"
ON = dt.date(2026, 11, 24)
PURPOSE, HARMLESS = "用途 Purpose", "HQ-03"


def changed(policy: Policy, folder: Path, purposes: dict[str, str]) -> Review:
    """The review of the example inventory with the purposes of some systems replaced."""
    with open(FOLDER / "inventory.csv", encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row[PURPOSE] = purposes.get(row["编号 ID"], row[PURPOSE])
    path = folder / "inventory.csv"
    with open(path, "w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return review(path, FOLDER / "mapping.yaml", policy, ON)


def test_nothing_to_doubt_in_the_example_inventory(policy: Policy) -> None:
    result = review(FOLDER / "inventory.csv", FOLDER / "mapping.yaml", policy, ON)
    assert result.total >= 40 and result.doubts == [] and result.unreadable == []
    assert result.total == result.silent + result.agree + result.minor


@pytest.mark.parametrize(
    ("purpose", "tier"),
    [
        ("Recognises visitors by face at the gate.", "medium"),
        ("系统推断每个读者的政治倾向。", "high"),
        ("系统自动放款，无需人工审核。", "high"),
    ],
)
def test_words_against_a_harmless_declaration(purpose: str, tier: str, policy: Policy, tmp_path: Path) -> None:
    result = changed(policy, tmp_path, {HARMLESS: purpose})
    assert [doubt.profile.id for doubt in result.doubts] == [HARMLESS]
    doubt = result.doubts[0]
    assert doubt.declared.tier == ("low", "low") and doubt.by_words.tier.lowest == tier
    assert all(item.quote and item.quote in purpose for item in doubt.found)
    assert as_plain(doubt, policy.vocabulary, "en")["declared"] == {"lowest": "low", "highest": "low"}
    assert HARMLESS in review_text(result, policy.vocabulary, 5, "zh")


def test_the_gravest_first(policy: Policy, tmp_path: Path) -> None:
    said = {"HQ-04": "Recognises visitors by face at the gate.", HARMLESS: "系统推断每个读者的政治倾向。"}
    result = changed(policy, tmp_path, said)
    assert [doubt.profile.id for doubt in result.doubts] == [HARMLESS, "HQ-04"]
    assert result.doubts[0].prohibited


def test_denials_raise_no_doubt(policy: Policy, tmp_path: Path) -> None:
    said = {HARMLESS: "本系统不使用人脸识别，也不推断任何人的政治倾向，不会自动付款。"}
    assert changed(policy, tmp_path, said).doubts == []
