"""How texts are read: what is denied is not weighed, what is near it is, and a quote is whole."""

from pathlib import Path
from typing import Any

import pytest

from steelyard.base.errors import InputError
from steelyard.base.yamldoc import load
from steelyard.intake.drafting.draft import draft
from steelyard.intake.drafting.numbers import written_out
from steelyard.intake.text.lexicon import PACK, read_lexicon
from steelyard.intake.text.sentences import normal
from steelyard.intake.text.traditional import TABLE
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


@pytest.mark.parametrize("case", cases("heard"), ids=lambda case: case["text"])
def test_what_a_text_says_and_what_it_does_not(case: dict[str, Any]) -> None:
    words = vocabulary()
    found = {item.fact: words[item.fact].plain(item.value) for item in draft(case["text"])}
    assert found.keys().isdisjoint(case.get("not", ()))
    for fact, value in case.get("says", {}).items():
        said = found.get(fact)
        assert (set(value) <= set(said or ())) if isinstance(value, list) else said == value, fact


def test_traditional_characters_are_read_as_the_packs_write_them() -> None:
    assert len(TABLE) > 400 and normal("臉書體") == "脸书体"
    written = "".join(path.read_text(encoding="utf-8") for path in PACK.parent.glob("*.yaml"))
    assert set(TABLE.values()) <= set(written) | set("卷么亿")  # the last stands in `numbers`
    assert {chr(code) for code in TABLE}.isdisjoint(written)


@pytest.mark.parametrize(
    ("signs", "number"),
    [("三百", 300), ("一万二千", 12_000), ("两千零五", 2_005), ("百万", 1_000_000), ("万", 0), ("三百三百", 0)],
)
def test_written_numbers(signs: str, number: int) -> None:
    assert written_out(signs) == number


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
