"""Search: in both languages, by id, by title and by text, the better answer first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.catalogue.load import catalogue
from steelyard.catalogue.search import search


def ids(query: str) -> list[str]:
    return [hit.clause.id.removeprefix("v1:") for hit in search(catalogue(), query)]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("投毒", "R3.1.2-b"),
        ("护栏", "M4.2.1-b"),
        ("口令", "D6.3-d"),
        ("幻觉", "R3.1.1-e"),
        ("信息茧房", "R3.2.3-a"),
        ("供应链", "M4.1.3-d"),
        ("guardrails", "M4.2.1-b"),
        ("poisoning", "R3.1.2-b"),
        ("guardrail", "M4.2.1-b"),
        ("EXPLAINABILITY research", "G5.6"),
        ("hallucinate", "R3.1.1-e"),
    ],
)
def test_a_word_of_a_title_or_text_finds_its_clause(query: str, best: str) -> None:
    found = ids(query)
    assert best in found[:3], found


def test_a_word_of_two_characters_finds_every_clause_that_holds_it() -> None:
    held = {
        item.id.removeprefix("v1:")
        for item in catalogue().clauses.values()
        if "数据" in item.title.zh + item.text.zh + catalogue().sections[item.section].title.zh
    }
    assert set(ids("数据")) == held
    assert len(held) > 20


def test_a_single_character_is_searched_too() -> None:
    assert "M4.1.2-c" in ids("核")


@pytest.mark.parametrize("query", ["v1:M4.1.2-c", "M4.1.2-c", "m4.1.2-C", "Ｍ４.1.2-c"])
def test_an_id_finds_its_clause_first(query: str) -> None:
    assert ids(query)[0] == "M4.1.2-c"


def test_a_piece_of_an_id_finds_the_clauses_of_that_section() -> None:
    assert ids("4.1.2") == [f"M4.1.2-{letter}" for letter in "abcdef"]
    assert set(ids("v1:G5")) >= {f"G5.{number}" for number in range(1, 11)}


def test_a_title_ranks_above_a_text_and_a_text_above_a_section() -> None:
    found = search(catalogue(), "leakage")
    assert found[0].clause.id in ("v1:R3.1.2-d", "v1:R3.2.1-c")
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert ids("认知域"), "the title of a section finds its clauses"


def test_a_longer_chinese_phrase_is_found_by_its_pairs() -> None:
    assert "M4.1.3-a" in ids("输出内容标识")


def test_all_words_must_be_answered_where_some_clause_answers_all() -> None:
    both = set(ids("emergency key"))
    assert "M4.2.4-b" in both
    assert both < set(ids("emergency"))


def test_words_that_no_clause_holds_together_still_find_the_nearest() -> None:
    assert "M4.2.1-b" in ids("guardrails zebra")


def test_both_languages_may_stand_in_one_query() -> None:
    assert ids("应急管控 emergency")[0] == "M4.2.4-b"


def test_part_of_a_word_is_not_the_word() -> None:
    assert ids("zebra") == []
    assert ids("ome") == [], "'some' and 'home' hold it, but not at their beginning"


@pytest.mark.parametrize("query", ["", "   ", "？！", "-"])
def test_a_query_without_words_finds_nothing(query: str) -> None:
    assert ids(query) == []


def test_a_limit_keeps_the_best() -> None:
    assert [hit.clause.id for hit in search(catalogue(), "data", limit=3)] == [f"v1:{key}" for key in ids("data")[:3]]


@given(st.text(max_size=40))
def test_any_query_is_answered_with_distinct_clauses_in_order_of_score(query: str) -> None:
    found = search(catalogue(), query)
    assert len({hit.clause.id for hit in found}) == len(found)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
