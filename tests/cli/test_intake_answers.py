"""What a typed line means: what is accepted can be read again, and what is refused is told how to say it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steelyard.cli.intake_answers import Misread, answer_of, ticks_of
from steelyard.profile.facts import Fact, vocabulary

WORDS = vocabulary()


@pytest.mark.parametrize(
    ("said", "number"),
    [("12000", 12_000), ("12,000", 12_000), ("12，000", 12_000), ("12万", 120_000), ("1.2万", 12_000),
     ("1.2 万", 12_000), ("3亿", 300_000_000), ("5千", 5_000), ("200万人", 2_000_000), ("12k", 12_000),
     ("1 000 000", 1_000_000), ("0", 0), ("１２", 12), ("1000000000000", 10**12)],
)  # fmt: skip
def test_counts_as_people_write_them(said: str, number: int) -> None:
    assert answer_of(WORDS["monthly_active"], said) == number


@pytest.mark.parametrize(
    "said", ["1,2", "12,00", "1.5", "1,000,0", "-1", "²", "①", "1e9", "9" * 5_000, "万", "many", "2000000000000"]
)
def test_what_is_no_count(said: str) -> None:
    with pytest.raises(Misread):
        answer_of(WORDS["monthly_active"], said)


@given(st.sampled_from(WORDS.items), st.text(max_size=12) | st.text("0123456789,，万千.kK ?", max_size=9))
@example(WORDS["monthly_active"], "9" * 30)
def test_every_accepted_answer_can_be_read_again(fact: Fact, said: str) -> None:
    try:
        value = answer_of(fact, said)
    except Misread as problem:
        assert problem.message.en and problem.message.zh
        return
    assert fact.parse(fact.plain(value)) == value


@pytest.mark.parametrize(
    ("fact", "hint"),
    [("important_data", "1 (yes) or 2 (no)"), ("audience", "one number from 1 to 3"), ("affects", "8 alone for none"),
     ("monthly_active", "12,000")],
)  # fmt: skip
def test_the_message_fits_the_question(fact: str, hint: str) -> None:
    with pytest.raises(Misread) as caught:
        answer_of(WORDS[fact], "hm")
    assert hint in caught.value.message.en


def test_words_for_numbers() -> None:
    assert answer_of(WORDS["important_data"], "yes") is True and answer_of(WORDS["important_data"], "否") is False
    assert answer_of(WORDS["audience"], "anyone") == "public" and answer_of(WORDS["audience"], "社会公众") == "public"
    assert answer_of(WORDS["affects"], "无") == frozenset() and answer_of(WORDS["affects"], "8") == frozenset()
    assert answer_of(WORDS["affects"], "1、3") == answer_of(WORDS["affects"], "employees, 3")


def test_ticks() -> None:
    assert (
        ticks_of("1,3?", 6) == ({1}, {3})
        and ticks_of("7", 6) == (set(), set())
        and ticks_of("none", 6) == (set(), set())
    )
    for wrong in ("", "8", "1,7", "7?", "2,2?", "x", "①"):
        assert ticks_of(wrong, 6) is None
