"""Canonical JSON agrees with an independent implementation of RFC 8785 wherever both apply."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from steelyard.base.canon import canonical_json, canonical_with_fractions, digest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_the_same_bytes_as_rfc8785(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]
    assert json.loads(canonical_json(value)) == value


def test_keys_are_ordered_by_utf16_units() -> None:
    assert canonical_json({"\U0001f600": 1, "\ufb33": 2}) == '{"\U0001f600":1,"\ufb33":2}'.encode()


@pytest.mark.parametrize("value", [1.5, float("nan"), {1: 2}, 2**60, b"x", {"a": {1, 2}}])
def test_what_has_no_single_spelling_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)


def test_a_digest_names_its_algorithm() -> None:
    assert digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


FRACTIONS = st.recursive(
    st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(FRACTIONS)
def test_with_fractions_it_is_rfc_8785_as_others_write_it(value: object) -> None:
    try:
        wanted = rfc8785.dumps(value)  # type: ignore[arg-type]
    except rfc8785.CanonicalizationError:
        return
    assert canonical_with_fractions(value) == wanted


def test_numbers_that_are_none_are_refused() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            canonical_with_fractions({"a": value})
