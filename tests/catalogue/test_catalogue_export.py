"""Exports: complete, readable by others, and the JSON form comes back as the same catalogue."""

import csv
import io
import itertools
import json
import re
from pathlib import Path

import pytest

from steelyard.base.errors import InputError
from steelyard.catalogue.export import CSV_COLUMNS, from_json, to_csv, to_json, to_markdown
from steelyard.catalogue.load import PACKS, Catalogue, catalogue, load

ANNEX = Path(__file__).parent / "annex.yaml"


@pytest.fixture(scope="module")
def both() -> Catalogue:
    return load([PACKS / "v1.yaml", ANNEX])


def test_json_comes_back_as_the_same_catalogue(both: Catalogue) -> None:
    for held in (catalogue(), both):
        back = from_json(to_json(held))
        assert back.content == held.content
        assert back.digest == held.digest
        assert to_json(back) == to_json(held)


def test_json_is_plain_for_other_readers() -> None:
    data = json.loads(to_json(catalogue()))
    assert data["digest"] == catalogue().digest
    first = data["content"]["clauses"][0]
    assert (first["id"], first["title"]["zh"]) == ("v1:P1.1", "包容审慎、确保安全")
    assert first["superseded_by"] == {"by": "v2", "since": "2025-09-15"}


def test_json_that_was_changed_afterwards_is_refused() -> None:
    changed = to_json(catalogue()).replace("Data leakage", "Data leak", 1)
    with pytest.raises(InputError) as caught:
        from_json(changed)
    assert caught.value.code == "changed_export"


@pytest.mark.parametrize("data", ["", "{}", "[]", '{"catalogue": 1, "digest": "x", "content": {}, "more": 1}', b"\xff"])
def test_what_is_no_export_is_refused(data: str | bytes) -> None:
    with pytest.raises(InputError) as caught:
        from_json(data)
    assert caught.value.code == "bad_export"
    assert caught.value.remedy is not None


def test_csv_has_a_row_per_clause_that_says_what_the_catalogue_says(both: Catalogue) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(both))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["id"] for row in rows] == list(both.clauses)
    for row in rows:
        item = both.clauses[row["id"]]
        assert (row["title_en"], row["title_zh"]) == (item.title.en, item.title.zh)
        assert (row["text_en"], row["text_zh"]) == (item.text.en, item.text.zh)
        assert row["roles"].split() == [*item.roles]
        assert row["confidence_text"] == item.confidence.text
        assert row["binding"] == item.binding
        targets = " ".join(row[c] for c in ("treated_by", "governed_by", "carried_out_by", "corresponds_to")).split()
        assert sorted(targets) == sorted(link.target for link in both.links_from(item.id))


def test_csv_shows_links_from_their_other_end_too() -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(to_csv(catalogue())))}
    assert rows["v1:M4.1.2-c"]["treats"] == "v1:R3.1.2-b v1:R3.1.2-d v1:R3.2.2-c"
    assert rows["v1:D6.2-h"]["carries_out"] == "v1:G5.7"
    assert rows["v1:G5.8"]["governs"] == "v1:R3.2.4-b"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_markdown_names_every_clause_section_and_mark(lang: str, both: Catalogue) -> None:
    shown = to_markdown(both, "zh" if lang == "zh" else "en")
    headings = re.findall(r"^#+ (\S+)", shown, re.MULTILINE)
    assert [heading for heading in headings if heading in both.clauses] == [
        item.id
        for section in both.content.sections
        for item in both.select(section=section.id)
        if item.section == section.id
    ]
    assert {section.number for section in both.content.sections} <= set(headings)
    assert ("自 2025-09-15 起被 v2 取代" if lang == "zh" else "superseded by v2 since 2025-09-15") in shown
    assert ("凭记忆" if lang == "zh" else "from memory") in shown
    assert ("未加载" if lang == "zh" else "not loaded") in shown, "a link to eu:Art-53"


def test_markdown_keeps_to_its_language() -> None:
    assert not re.search(r"[\u4e00-\u9fff]", to_markdown(catalogue(), "en"))


def test_markdown_never_skips_a_level_of_headings(both: Catalogue) -> None:
    levels = [len(mark) for mark in re.findall(r"^(#+) ", to_markdown(both, "en"), re.MULTILINE)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
