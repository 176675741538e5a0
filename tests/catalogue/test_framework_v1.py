"""Framework 1.0 as data: complete, in both languages, with its marks, and linked as its reference allows."""

import datetime as dt
import re
from collections import Counter

import pytest

from steelyard.catalogue.load import catalogue
from steelyard.catalogue.model import (
    ALL_ROLES,
    ALL_STAGES,
    COVERED,
    BindingLevel,
    Clause,
    Confidence,
    Kind,
    Relation,
    Role,
    Stage,
)

LETTERS = {
    Kind.PRINCIPLE: "P",
    Kind.COMPOSITION: "F",
    Kind.RISK: "R",
    Kind.MEASURE: "M",
    Kind.GOVERNANCE: "G",
    Kind.GUIDELINE: "D",
}
FAMILIES = {
    "v1:3.1.1": "abcdef", "v1:3.1.2": "abcd", "v1:3.1.3": "abc",
    "v1:3.2.1": "abcde", "v1:3.2.2": "abc", "v1:3.2.3": "ab", "v1:3.2.4": "abc",
    "v1:4.1.1": "ab", "v1:4.1.2": "abcdef", "v1:4.1.3": "abcd",
    "v1:4.2.1": "ab", "v1:4.2.2": "ab", "v1:4.2.3": "abc", "v1:4.2.4": "ab",
    "v1:6.1": "abcdefghij", "v1:6.2": "abcdefghij", "v1:6.3": "abcdefghi", "v1:6.4": "abcdef",
}  # fmt: skip


def clause(identifier: str) -> Clause:
    return catalogue().clauses[identifier]


def test_holds_as_many_clauses_of_each_kind_as_the_framework() -> None:
    assert Counter(item.kind for item in catalogue().clauses.values()) == {
        Kind.PRINCIPLE: 4,
        Kind.COMPOSITION: 4,
        Kind.RISK: 26,
        Kind.MEASURE: 21,
        Kind.GOVERNANCE: 10,
        Kind.GUIDELINE: 35,
    }
    assert sum(item.kind in COVERED for item in catalogue().clauses.values()) == 92


@pytest.mark.parametrize(("section", "letters"), FAMILIES.items())
def test_every_list_runs_from_letter_a_without_a_gap(section: str, letters: str) -> None:
    found = [item.id.rpartition("-")[2] for item in catalogue().select(section=section)]
    assert found == list(letters)


def test_governance_measures_principles_and_parts_are_numbered_without_a_gap() -> None:
    assert [item.id for item in catalogue().select(section="v1:5")] == [f"v1:G5.{n}" for n in range(1, 11)]
    assert [item.id for item in catalogue().select(section="v1:1")] == [f"v1:P1.{n}" for n in range(1, 5)]
    assert [item.id for item in catalogue().select(section="v1:2")] == [f"v1:F2.{n}" for n in range(1, 5)]


def test_every_id_says_its_kind_and_section() -> None:
    for item in catalogue().clauses.values():
        number = catalogue().sections[item.section].number
        form = rf"v1:{LETTERS[item.kind]}{re.escape(number)}(-[a-z]|\.\d+)"
        assert re.fullmatch(form, item.id), item.id


def test_everything_people_read_stands_in_both_languages() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    held = catalogue()
    texts = [text for item in held.clauses.values() for text in (item.title, item.text)]
    texts += [item.title for item in held.sections.values()] + [
        item.text for item in held.sections.values() if item.text
    ]
    texts += [item.title for item in held.instruments.values()] + [item.issuer for item in held.instruments.values()]
    texts += [text for item in held.instruments.values() for text in item.silent_on]
    texts += [link.basis for link in held.content.links]
    assert len(texts) > 400
    for text in texts:
        assert han.search(text.zh), text
        assert not han.search(text.en), text


def test_paraphrases_are_not_shared_between_clauses() -> None:
    for lang in ("en", "zh"):
        texts = Counter(item.text.get(lang) for item in catalogue().clauses.values())
        assert max(texts.values()) == 1


def test_the_instrument_is_not_binding_and_superseded() -> None:
    instrument = catalogue().instruments["v1"]
    assert instrument.binding is BindingLevel.TECHNICAL_DOC
    assert not instrument.binding.allows_hard_verdict
    assert instrument.released == dt.date(2024, 9, 9)
    assert instrument.effective is None
    assert instrument.superseded_by is not None
    assert (instrument.superseded_by.by, instrument.superseded_by.since) == ("v2", dt.date(2025, 9, 15))


def test_a_clause_takes_force_and_supersession_from_its_instrument() -> None:
    item = clause("v1:M4.1.2-c")
    assert item.binding is BindingLevel.TECHNICAL_DOC
    assert item.effective == dt.date(2024, 9, 9)
    assert not item.in_force(dt.date(2024, 9, 8))
    assert item.in_force(dt.date(2024, 9, 9))
    assert not item.superseded(dt.date(2025, 9, 14))
    assert item.superseded(dt.date(2025, 9, 15))


def test_all_is_expanded_and_leaves_oversight_to_be_named() -> None:
    assert clause("v1:P1.1").roles == ALL_ROLES
    assert Role.OVERSIGHT not in ALL_ROLES
    assert clause("v1:P1.2").roles == (*ALL_ROLES, Role.OVERSIGHT)
    assert clause("v1:P1.1").stages == ALL_STAGES


def test_tags_are_those_of_the_reference() -> None:
    item = clause("v1:D6.1-b")
    assert item.roles == (Role.DEVELOPER,)
    assert item.stages == (Stage.DATA, Stage.TRAINING, Stage.RETIRED)
    assert clause("v1:R3.2.2-a").roles == (Role.PROVIDER, Role.KEY_SECTOR_USER)


def test_marks_of_confidence_differ_where_the_reference_differs() -> None:
    weaker = {
        item.id: item.confidence for item in catalogue().clauses.values() if item.confidence.weakest != "verified"
    }
    partial = {
        *("v1:R3.1.1-d", "v1:R3.1.1-e", "v1:R3.1.1-f", "v1:R3.1.2-a", "v1:R3.1.2-c"),
        *("v1:R3.2.2-b", "v1:R3.2.3-a", "v1:R3.2.4-a", "v1:G5.4", "v1:G5.7"),
    }
    memory = {"v1:R3.2.1-e", "v1:R3.2.2-a", "v1:R3.2.4-b", "v1:G5.8"}
    assert {key for key, mark in weaker.items() if mark.text is Confidence.PARTIAL} == partial
    assert {key for key, mark in weaker.items() if mark.text is Confidence.FROM_MEMORY} == memory
    assert set(weaker) == partial | memory
    assert weaker["v1:R3.1.1-d"].title is Confidence.VERIFIED
    assert weaker["v1:R3.2.2-a"].existence is Confidence.FROM_MEMORY
    assert weaker["v1:G5.8"].existence is Confidence.VERIFIED


def test_role_tags_are_our_reading_except_in_section_6() -> None:
    for item in catalogue().clauses.values():
        explicit = item.kind is Kind.GUIDELINE
        assert item.confidence.roles is (Confidence.VERIFIED if explicit else Confidence.ANALYTICAL)
        assert item.confidence.stages is Confidence.ANALYTICAL


def test_only_the_pairing_of_subsections_is_official() -> None:
    official = [(link.source, link.target) for link in catalogue().content.links if link.official]
    assert official == [(f"v1:3.{n}", f"v1:4.{n}") for n in ("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4")]
    for link in catalogue().content.links:
        assert link.official == (link.relation is Relation.PAIRED_WITH)
        if not link.official:
            assert link.confidence in (Confidence.FROM_MEMORY, Confidence.ANALYTICAL)


def test_every_risk_is_treated_and_governed() -> None:
    for item in catalogue().select(kind=Kind.RISK):
        relations = {link.relation for link in catalogue().links_from(item.id)}
        assert relations == {Relation.TREATED_BY, Relation.GOVERNED_BY}, item.id


def test_every_measure_and_governance_measure_answers_a_risk() -> None:
    for kind in (Kind.MEASURE, Kind.GOVERNANCE):
        for item in catalogue().select(kind=kind):
            assert any(link.source.startswith("v1:R") for link in catalogue().links_to(item.id)), item.id


def test_the_cells_of_the_reconstructed_table() -> None:
    def ends(source: str, relation: Relation) -> list[str]:
        return [link.target for link in catalogue().links_from(source) if link.relation is relation]

    assert ends("v1:R3.1.2-b", Relation.TREATED_BY) == [f"v1:M4.1.2-{letter}" for letter in "bcdef"]
    assert ends("v1:R3.2.1-e", Relation.TREATED_BY) == ["v1:M4.2.1-a", "v1:M4.2.1-b", "v1:M4.1.1-b"]
    assert ends("v1:R3.2.3-b", Relation.GOVERNED_BY) == ["v1:G5.2", "v1:G5.9", "v1:G5.10"]


def test_every_guideline_item_carries_out_a_measure() -> None:
    for item in catalogue().select(kind=Kind.GUIDELINE):
        incoming = catalogue().links_to(item.id)
        assert incoming, item.id
        assert {(link.relation, link.confidence) for link in incoming} == {
            (Relation.CARRIED_OUT_BY, Confidence.ANALYTICAL)
        }


def test_measures_that_no_guideline_item_speaks_to_are_known() -> None:
    measures = [*catalogue().select(kind=Kind.MEASURE), *catalogue().select(kind=Kind.GOVERNANCE)]
    without = {item.id for item in measures if not catalogue().links_from(item.id)}
    assert without == {"v1:M4.2.3-c", "v1:G5.2", "v1:G5.8", "v1:G5.10"}
