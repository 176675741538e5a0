"""The review ranks the systems that are declared harmless while their own words say otherwise."""

import csv
import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from steelyard.base.errors import InputError
from steelyard.base.yamldoc import load
from steelyard.cli.portfolio_review import as_plain, review_text
from steelyard.intake.contradictions import rules, with_text
from steelyard.intake.drafting import impact
from steelyard.intake.drafting.concern import SURE_ENOUGH
from steelyard.intake.drafting.draft import read
from steelyard.intake.text.mentions import find
from steelyard.journeys import sounds
from steelyard.journeys.listening import Listeners
from steelyard.journeys.review import SOUNDS, Review, _may_say_more, review
from steelyard.journeys.sounds import DEEDS, GRAVE, IMPACT, Heard, Told, form_words, has_reasons, listen, without
from steelyard.policy.columns import encode_value
from steelyard.policy.compile import Policy
from tests.conftest import ROOT, Run
from tests.policy.test_properties import table_of
from tests.strategies import random_facts

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
    assert result.total == result.silent + result.agree + result.minor + len(result.faint)


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
    assert as_plain(doubt, policy.vocabulary)["declared"] == {"lowest": "low", "highest": "low"}
    assert HARMLESS in review_text(result, policy.vocabulary, 5, "zh")


def test_the_gravest_first(policy: Policy, tmp_path: Path) -> None:
    said = {"HQ-04": "Recognises visitors by face at the gate.", HARMLESS: "系统推断每个读者的政治倾向。"}
    result = changed(policy, tmp_path, said)
    assert [doubt.profile.id for doubt in result.doubts] == [HARMLESS, "HQ-04"]
    assert result.doubts[0].prohibited


def test_denials_raise_no_doubt(policy: Policy, tmp_path: Path) -> None:
    said = {HARMLESS: "本系统不使用人脸识别，也不推断任何人的政治倾向，不会自动付款。"}
    assert changed(policy, tmp_path, said).doubts == []


TRAINING = load(ROOT / "src/steelyard/intake/packs/impact-training.yaml").data["examples"]
TEXTS: list[str] = [text for by_lang in TRAINING.values() for texts in by_lang.values() for text in texts]


def test_the_shortcut_past_drafting_misses_no_proposal() -> None:
    grave = 0
    for text in TEXTS:
        said = [item for item in read(text).proposals if item.fact == IMPACT and item.confidence >= SURE_ENOUGH]
        wanted = next((item for item in said if item.value in (GRAVE, "major")), None)
        plain = [item for item in find(text) if item.fact == IMPACT and item.stance == "asserts"]
        if wanted is not None and not plain:  # what is said outright is held against the answers anyway
            assert listen(Told(text, text, True)).impact == wanted
            grave += 1
        assert listen(Told(text, text, False)).impact is None
    assert grave > 30


def test_the_shortcut_past_contradictions_misses_none(policy: Policy) -> None:
    rng = random.Random(4)
    words, names = policy.vocabulary, [item.fact for item in rules().text.facts]
    found = 0
    for text in TEXTS:
        known = random_facts(rng, words, 0.5)
        answers: dict[str, Any] = dict.fromkeys(names)
        answers |= {name: encode_value(words[name], value) for name, value in known.items() if name in answers}
        if with_text(text, known, words, unanswered=True):
            found += 1
            assert _may_say_more(Heard(tuple(find(text))), answers, rules().text.least, policy)
    assert found > 30


SAID = "The tool flags patients with a high risk score and recommends a treatment to the physician."


def test_what_only_sounds_grave_needs_two_reasons_and_a_deed() -> None:
    def two(text: str) -> bool:
        return has_reasons(text, 0, len(text))

    assert two(SAID) and two("系统根据病历为患者给出诊断建议。")
    assert not two("It supports disease surveillance."), "one word that stands for two groups is one reason"
    assert not two("It counts reports of the police about crime."), "a field is no deed"
    assert not two("It prints a diagnosis."), "one reason"
    assert not two("系统统计公安机关的犯罪数据。")
    around = "It reads forms. It recommends a treatment for patients."
    assert not has_reasons(around, 0, 15) and has_reasons(around, 16, len(around))


def test_every_deed_is_a_group_of_the_classifier() -> None:
    assert {f"c:{item.id}" for item in impact.classifier().pack.concepts} >= DEEDS


def test_words_of_the_form_are_not_heard() -> None:
    form = form_words(["What is the intended purpose and expected benefits?", "用途"])
    text = "Purpose: Expected benefits: fewer benefits claims are lost.\n用途：核对票据。用途广泛。"
    own = without(text, form)
    assert len(own) == len(text) and " ".join(own.split()) == "fewer benefits claims are lost. 核对票据。用途广泛。"
    assert without(text, form_words([])) == text and without(text, form_words(["a", "it is"])) == text


def test_what_sounds_like_a_slight_effect_or_is_declared_grave_is_left_alone(policy: Policy, tmp_path: Path) -> None:
    assert [item.profile.id for item in changed(policy, tmp_path, {HARMLESS: SAID}).doubts] == [HARMLESS]
    slight = "Suggests restaurants and playlists to people."
    assert impact.classifier().read(slight).at_least[0] > 0.7  # type: ignore[union-attr]
    result = changed(policy, tmp_path, {HARMLESS: slight})
    assert result.doubts == [] and all(item.profile.id != HARMLESS for item in result.faint)


def test_faint_sounds_are_kept_apart_and_shown_on_demand(policy: Policy, tmp_path: Path, steelyard: Run) -> None:
    faint = "It sorts what police officers wrote about suspects, inmates and refugees."
    result = changed(policy, tmp_path, {HARMLESS: faint})
    assert result.doubts == [] and HARMLESS in [item.profile.id for item in result.faint]
    assert all(item.faint and item.found[0].rule == SOUNDS for item in result.faint)
    args = ("portfolio", "review", tmp_path / "inventory.csv", "--map", FOLDER / "mapping.yaml")
    said = steelyard(*args)
    words = " ".join(said.stdout.split())
    assert said.returncode == 0 and "only sound graver" in words and HARMLESS not in words
    assert HARMLESS in steelyard(*args, "--all").stdout and steelyard(*args, "--json").stdout == ""
    listed = [json.loads(line) for line in steelyard(*args, "--all", "--json").stdout.splitlines()]
    assert [item["system"] for item in listed] == [item.profile.id for item in result.faint]
    assert all(item["faint"] for item in listed)


def test_several_processes_hear_what_one_does() -> None:
    told = [Told(text, text, True) for text in TEXTS[::3]] + [Told("a\0b", "a\0b", True)]
    with Listeners() as one, Listeners(2) as two:
        alone, together = list(one.listen(told)), list(two.listen(told))
    assert alone == together and alone[-1] is None and any(item and item.impact for item in alone)


def test_a_typed_parquet_is_reviewed_by_a_column(policy: Policy, tmp_path: Path, steelyard: Run) -> None:
    rng = random.Random(2)
    facts = [
        {**random_facts(rng, policy.vocabulary, 0), "decision_impact": "none", "audience": "internal"} for _ in range(4)
    ]
    texts = [SAID, "Rewords memos.", None, "系统自动放款，无需人工审核。"]
    path = tmp_path / "p.parquet"
    table_of(facts).with_columns(pl.Series("About it", texts), pl.Series("system", list("abcd"))).write_parquet(path)
    result = review(path, None, policy, ON, text="About it")
    assert (result.total, result.silent) == (4, 1)
    assert sorted(item.profile.id for item in result.doubts) == ["a", "d"]
    assert review(path, None, policy, ON).silent == 4, "without --text a column purpose is read, and there is none"
    done = steelyard("portfolio", "review", path, "--text", "About it", "--json")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    wrong = steelyard("portfolio", "review", path, "--text", "About")
    assert wrong.returncode == 2 and "did you mean About it" in wrong.stderr


def test_a_mapped_inventory_can_be_reviewed_by_another_column(policy: Policy, tmp_path: Path) -> None:
    result = review(FOLDER / "inventory.csv", FOLDER / "mapping.yaml", policy, ON, text="备注 Notes")
    assert result.total == 44 and result.silent > 30


@pytest.mark.parametrize(
    ("data", "options", "code"),
    [
        (b"Id,Purpose\n", {}, "no_rows"),
        (b"", {}, "empty"),
        (b"Id,Purpose\na,b\n", {"text": "Purpos"}, "no_such_column"),
        (None, {}, "cannot_read"),
    ],
)
def test_bad_input(
    data: bytes | None, options: dict[str, str], code: str, policy: Policy, tmp_path: Path, steelyard: Run
) -> None:
    path, mapping = tmp_path / "i.csv", tmp_path / "m.yaml"
    if data is not None:
        path.write_bytes(data)
    mapping.write_text(
        "mapping: 1\ntitle: {en: T, zh: 题}\nsystem: {id: {column: Id}, purpose: {column: Purpose}}\nfacts: {}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        review(path, mapping, policy, ON, workers=2, **options)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert steelyard("portfolio", "review", path).returncode == 2, "a spreadsheet needs a mapping"


def test_rows_that_cannot_be_used_or_heard_are_counted(policy: Policy, tmp_path: Path) -> None:
    path, mapping = tmp_path / "i.csv", tmp_path / "m.yaml"
    path.write_bytes(b"Id,Purpose\na,Rewords memos.\nb\nc,bad\0text\n")
    mapping.write_text(
        "mapping: 1\ntitle: {en: T, zh: 题}\nsystem: {id: {column: Id}, purpose: {column: Purpose}}\nfacts: {}\n",
        encoding="utf-8",
    )
    try:
        result = review(path, mapping, policy, ON)
    except InputError as error:  # Python 3.11 and later read a NUL, earlier ones refuse the file
        assert error.code == "bad_csv"
        return
    assert (result.total, list(result.unusable)) == (2, [1])
    assert [(row, error.code) for row, error in result.unreadable] == [(2, "not_text")]


def test_the_rules_of_sound_speak_of_the_step_they_name() -> None:
    assert impact.STEPS[sounds._STEP] == GRAVE
