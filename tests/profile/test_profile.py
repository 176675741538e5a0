"""Facts, the profile file, and the schema that says the same."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.intake.schemas import schema
from steelyard.profile.document import check, read
from steelyard.profile.facts import FactError, vocabulary
from steelyard.profile.template import template
from tests.conftest import ROOT, Run
from tests.strategies import values_of

WORDS = vocabulary()
SCHEMA = jsonschema.Draft202012Validator(schema("profile"))
EXAMPLES = sorted((ROOT / "examples/systems").glob("*.yaml"))


def test_the_vocabulary_is_that_of_the_design() -> None:
    assert [fact.id for fact in WORDS.items if fact.opening] == [
        "audience", "personal_data", "important_data", "decision_impact", "model_origin", "sector",
        "critical_infrastructure", "data_leaves_china", "model_leaves_china",
    ]  # fmt: skip
    assert WORDS["people_in_data"].members == ("lt_10k", "lt_100k", "lt_1m", "lt_10m", "ge_10m")
    assert {fact.id for fact in WORDS.items if fact.control} == {"age_check", "manual_fallback", "explanation"}
    assert not WORDS["stage"].ordered and WORDS["decision_impact"].ordered
    for fact in WORDS.items:
        assert fact.question.en and fact.question.zh and fact.help.en and fact.help.zh


@pytest.mark.parametrize(
    ("number", "band"),
    [
        (0, "lt_10k"),
        (9_999, "lt_10k"),
        (10_000, "lt_100k"),
        (999_999, "lt_1m"),
        (1_000_000, "lt_10m"),
        (10**8, "ge_10m"),
    ],
)
def test_bands_are_closed_below_and_open_above(number: int, band: str) -> None:
    assert WORDS["people_in_data"].band_of(number) == band


def test_sets_take_one_value_or_none() -> None:
    assert WORDS["sector"].parse("finance") == frozenset({"finance"})
    assert WORDS["sector"].parse("none") == WORDS["sector"].parse([]) == frozenset()
    assert WORDS["sector"].parse(["none"]) == frozenset()
    with pytest.raises(FactError):
        WORDS["sector"].parse(["none", "finance"])


@given(st.data())
def test_a_value_survives_its_plain_form(data: st.DataObject) -> None:
    fact = data.draw(st.sampled_from(WORDS.items))
    value = data.draw(values_of(fact))
    assert fact.parse(fact.plain(value)) == value


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_schema_accepts_what_the_reader_accepts(data: st.DataObject) -> None:
    fact = data.draw(st.sampled_from(WORDS.items))
    words = st.sampled_from([*fact.members, "none", "nope", "yes", "是"])
    raw = data.draw(
        st.booleans() | st.integers(-2, 10**6) | words | st.lists(words, max_size=3, unique=True) | st.none()
    )
    try:
        accepted = raw is None or fact.parse(raw) is not None
    except FactError:
        accepted = False
    if isinstance(raw, list) and raw == ["none"] and fact.type == "set_of":
        return  # a list of the one word none is read, and not worth a line of schema
    assert SCHEMA.is_valid({"facts": {fact.id: raw}}) == accepted, (fact.id, raw)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit_the_schema(path: Path) -> None:
    SCHEMA.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert read(path, WORDS).facts


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("every", [False, True])
def test_init_writes_a_valid_file(lang: str, every: bool, tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "steelyard.yaml"
    args = ["init", path, "--lang", lang, *(["--all"] if every else [])]
    assert steelyard(*args).returncode == 0
    assert path.read_text(encoding="utf-8") == template(WORDS, lang, every=every)  # type: ignore[arg-type]
    profile = read(path, WORDS)
    assert profile.facts == {} and profile.id == "steelyard"
    assert steelyard("validate", path).returncode == 0


def test_every_problem_of_a_file_is_told(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("facts:\n  audience: 1\n  sectr: finance\n  important_data: maybe\nextra: 1\n")
    done = steelyard("validate", path)
    assert done.returncode == 2 and done.stderr.count(str(path)) == 4


def test_words_for_yes_and_no(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("facts: {important_data: no, children_data: 是}\n", encoding="utf-8")
    assert read(path, WORDS).facts == {"important_data": False, "children_data": True}


def test_models_and_datasets(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("facts: {}\nmodels: [qwen, {id: own, size: 1.5}]\ndatasets: [{id: calls}]\nasked: [sector]\n")
    profile = read(path, WORDS)
    assert profile.models == ("qwen", {"id": "own", "size": "1.5"}) and profile.asked == ("sector",)
    path.write_text("facts: {}\nmodels: [[a]]\n")
    with pytest.raises(InputError):
        read(path, WORDS)


def test_check_answers_profile_and_problems(tmp_path: Path) -> None:
    from steelyard.base.yamldoc import parse

    profile, problems = check(parse("facts: {audience: internal}\n", "dir/name.yaml"), WORDS)
    assert profile.id == "name" and problems == []
