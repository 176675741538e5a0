"""YAML as people write it: the same data as an independent reader, and the place of every value."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.base.yamldoc import Mark, parse

WORD = st.text(alphabet="abcxyz中文_-", min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(alphabet=st.characters(codec="utf-8",
    exclude_categories=("Cc", "Cs"), exclude_characters="\x85\u2028\u2029\ufeff\ufffe\uffff"), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORD, inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(WORD, VALUES, min_size=1, max_size=5), st.booleans())
def test_what_another_tool_wrote_is_read_back(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    if "&id" in text:
        return
    data = parse(text, "x").data
    assert data == value


def test_words_stay_words() -> None:
    data = parse("a: no\nb: on\nc: 2024-09-09\nd: 0123\ne: 'true'\nf: ~\ng: 1.5\nh: +7\n", "x").data
    assert data == {"a": "no", "b": "on", "c": "2024-09-09", "d": "0123", "e": "true", "f": None, "g": 1.5, "h": 7}


def test_every_value_knows_its_place() -> None:
    doc = parse("a:\n  - b: 1\n    c: [x, yy]\n", "x")
    assert doc.where("a", 0, "c", 1) == Mark(3, 12)
    assert doc.where_key("a", 0, "c") == Mark(3, 5)
    assert doc.where("a", 0, "nope") == Mark(2, 5)


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("w: one two", 4, Mark(1, 8)),
        ('w: "one two"', 4, Mark(1, 9)),
        ("w: |\n  one\n  two", 4, Mark(3, 3)),
        ("w: >\n  one\n  two", 4, Mark(3, 3)),
        ("w: one\n   two", 4, Mark(2, 4)),
        ('w: "o\\u006ee two"', 4, Mark(1, 4)),
    ],
)
def test_a_place_inside_a_text(text: str, offset: int, place: Mark) -> None:
    assert parse(text, "x").inside(("w",), offset) == place


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, "x")
    except InputError as error:
        assert error.message.en and error.message.zh
