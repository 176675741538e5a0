"""How texts are read: what is denied is not weighed, what is near it is, and a quote is whole."""

from pathlib import Path
from typing import Any

import pytest

from steelyard.base.errors import InputError
from steelyard.base.yamldoc import load
from steelyard.intake.drafting.draft import draft
from steelyard.intake.text.lexicon import PACK, read_lexicon
from steelyard.profile.facts import vocabulary

CASES: dict[str, Any] = load(Path(__file__).parent / "reading.yaml").data


def cases(kind: str) -> list[Any]:
    """The cases of a kind in both languages."""
    return [case for lang in ("en", "zh") for case in CASES[kind][lang]]


@pytest.mark.parametrize("text", cases("unweighed"))
def test_what_is_denied_is_not_weighed(text: str) -> None:
    assert {"decision_impact", "biometrics", "profiles_people"}.isdisjoint(item.fact for item in draft(text))


@pytest.mark.parametrize("text", cases("weighed"))
def test_a_near_miss_is_weighed(text: str) -> None:
    found = {item.fact: item.value for item in draft(text)}
    assert found["decision_impact"] in ("significant", "major")


@pytest.mark.parametrize("case", cases("quoted"), ids=lambda case: case["text"])
def test_a_quote_is_whole(case: dict[str, str]) -> None:
    found = {item.fact: item for item in draft(case["text"])}[case["fact"]]
    assert found.quote == case["quote"] == case["text"][found.start : found.end]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("machines: [ai agents", 'machines: ["ai agents+"', "shorthand.machines[0]"),
        ("zh: [信贷员", 'zh: ["信贷员("', "shorthand.people.zh[0]"),
        ("(?:pays|settles|§ (?:pay|settle))", "(?:pays|settles|≈ (?:pay|settle))", "entries"),
    ],
)
def test_a_bad_sign_or_word_of_the_lexicon_names_its_place(tmp_path: Path, old: str, new: str, place: str) -> None:
    text, path = PACK.read_text(encoding="utf-8"), tmp_path / "lexicon.yaml"
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_lexicon(path, vocabulary())
    assert caught.value.code == "bad_pattern" and (caught.value.field or "").startswith(place)
