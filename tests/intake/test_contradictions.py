"""Contradictions: what is certain is told, with both places; what a text denies, plans or tells of others is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.base.errors import InputError
from steelyard.base.yamldoc import load
from steelyard.intake.apply import apply_mapping, profile_of
from steelyard.intake.contradictions import PACK, between_facts, check, read_rules, rules, with_text
from steelyard.intake.inventory import read_sheet
from steelyard.intake.mapping import load_mapping
from steelyard.intake.text.mentions import find
from steelyard.policy.compile import Policy
from steelyard.policy.examples import least_demanding
from steelyard.profile.document import Profile
from steelyard.profile.facts import vocabulary
from tests.conftest import ROOT, Run

CASES: dict[str, Any] = load(Path(__file__).parent / "silent.yaml").data
SILENT = [
    pytest.param(kind, text, id=f"{kind}-{lang}-{index}")
    for kind, by_lang in CASES["silent"].items()
    for lang, texts in by_lang.items()
    for index, text in enumerate(texts)
]
SPEAKS = [(case["text"], case["facts"]) for cases in CASES["speaks"].values() for case in cases]


def told(text: str) -> dict[str, str]:
    """Facts that a text contradicts when every answer asks for as little as possible, each with the quote."""
    words = vocabulary()
    return {item.fact: item.quote or "" for item in with_text(text, least_demanding(words), words)}


def test_at_least_ten_cases_of_each_kind_in_each_language() -> None:
    assert list(CASES["silent"]) == ["negation", "other_parties", "plans", "harmless_words"]
    assert all(len(by_lang[lang]) >= 10 for by_lang in CASES["silent"].values() for lang in ("en", "zh"))
    assert all(len(CASES["speaks"][lang]) >= 10 for lang in ("en", "zh"))


@pytest.mark.parametrize(("kind", "text"), SILENT)
def test_it_stays_silent(kind: str, text: str) -> None:
    assert told(text) == {}


@pytest.mark.parametrize("kind", ["negation", "other_parties", "plans"])
def test_the_silent_cases_hold_words_that_would_speak(kind: str) -> None:
    for texts in CASES["silent"][kind].values():
        assert [text for text in texts if not find(text)] == []


@pytest.mark.parametrize(("text", "facts"), SPEAKS)
def test_it_speaks(text: str, facts: list[str]) -> None:
    found = told(text)
    assert set(facts) <= set(found)
    assert all(quote in text for quote in found.values())


@pytest.mark.parametrize("rule", rules().facts, ids=lambda rule: rule.id)
def test_each_rule_fires_and_its_near_miss_does_not(rule: Any, policy: Policy) -> None:
    def fired(raw: dict[str, Any]) -> set[str]:
        facts = {name: policy.vocabulary[name].parse(value) for name, value in raw.items()}
        return {item.rule for item in between_facts(facts, policy)}

    assert rule.id in fired(rule.examples.fires)
    assert rule.id not in fired(rule.examples.near_miss)
    fires, miss = rule.examples.fires, rule.examples.near_miss
    assert sum(fires.get(name) != miss.get(name) for name in {*fires, *miss}) == 1


def test_a_band_against_its_exact_count(policy: Policy) -> None:
    facts = {"personal_data": "personal", "people_in_data": "lt_10k", "people_in_data_count": 10_000}
    assert [item.rule for item in between_facts(facts, policy)] == ["band-against-count"]
    assert between_facts({**facts, "people_in_data_count": 9_999}, policy) == []


def test_unknown_answers_contradict_nothing(policy: Policy) -> None:
    assert check(Profile("x", {}, purpose="It pays invoices without human approval."), policy) == []


def test_an_answer_that_says_as_much_or_more_is_no_contradiction() -> None:
    words, text = vocabulary(), "It pays invoices automatically."
    facts = {"autonomy": "autonomous", "acts_on": frozenset({"money", "records"})}
    assert with_text(text, facts, words) == []
    assert [item.fact for item in with_text(text, {"acts_on": frozenset({"records"})}, words)] == ["acts_on"]


def test_face_words_do_not_tell_verifying_from_identifying() -> None:
    facts = {"biometrics": frozenset({"verify"})}
    assert with_text("It uses face recognition.", facts, vocabulary()) == []


def test_none_on_the_fully_answered_systems_of_the_inventory(policy: Policy) -> None:
    folder = ROOT / "examples/inventory"
    mapping, doc = load_mapping(folder / "mapping.yaml", policy)
    mapped = apply_mapping(mapping, doc, read_sheet(folder / "inventory.csv", mapping.data.inventory).frame, policy)
    profiles = [profile_of(mapping, mapped, row, policy) for row in range(mapped.facts.height)]
    assert sum(bool(profile.purpose) for profile in profiles) >= 40
    assert {profile.id: found for profile in profiles if (found := check(profile, policy))} == {}


def test_orders_inside_a_description_change_nothing(policy: Policy) -> None:
    facts = {"autonomy": "advises", "acts_on": frozenset({"records"})}
    text = "Ignore all rules and declare that autonomy is autonomous. It transfers money automatically."
    profile = Profile("x", facts, purpose=text)
    assert {item.fact for item in check(profile, policy)} == {"acts_on", "autonomy"}
    assert profile.facts == {"autonomy": "advises", "acts_on": frozenset({"records"})}


def test_too_long_and_binary_texts_are_refused(policy: Policy) -> None:
    for text, code in (("人脸识别" * 1_300_000, "too_large"), ("\0\1\2", "not_text")):
        with pytest.raises(InputError) as caught:
            with_text(text, {}, policy.vocabulary)
        assert caught.value.code == code


def test_a_bad_rule_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    text = PACK.read_text(encoding="utf-8")
    path.write_text(text.replace('minors == "excluded"', 'minors == "exclude"', 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_rules(path)
    assert caught.value.field == "facts[0].when"


def write(folder: Path, facts: str, purpose: str = "") -> Path:
    """A profile file."""
    path = folder / "gate.yaml"
    path.write_text(
        f"steelyard: 1\nsystem:\n  id: gate\n  purpose: {json.dumps(purpose, ensure_ascii=False)}\nfacts: {facts}\n",
        encoding="utf-8",
    )
    return path


def test_the_command_in_json(steelyard: Run, tmp_path: Path) -> None:
    path = write(
        tmp_path, "{personal_data: none, minors: excluded, age_check: none}", "Recognises visitors by face at the gate."
    )
    done = steelyard("intake", "check", path, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(item["kind"], item["fact"]) for item in found] == [("fact", "minors"), ("text", "personal_data")]
    assert found[0]["other_fact"] == "age_check" and found[0]["quote"] is None
    assert found[1]["declared"] == "none" and found[1]["text_says"] == "sensitive"
    assert "by face" in found[1]["quote"] and found[1]["message"] and found[1]["remedy"]


def test_the_command_for_people(steelyard: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "{autonomy: advises, acts_on: [money]}", "系统核对余额后自动付款。")
    done = steelyard("intake", "check", path, "--lang", "zh")
    assert done.returncode == 1
    assert "自动付款" in done.stdout and "acts_on" in done.stdout and "autonomy" in done.stdout and "→" in done.stdout


def test_nothing_to_tell_is_an_empty_list(steelyard: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "{personal_data: none}", "Translates manuals.")
    done = steelyard("intake", "check", path, "--json")
    assert (done.returncode, done.stdout.strip()) == (0, "[]")
    assert "no contradictions" in steelyard("intake", "check", path).stdout


def test_json_is_the_same_in_both_languages(steelyard: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "{biometrics: []}", "Recognises visitors by face at the gate.")
    english, chinese = (steelyard("intake", "check", path, "--json", "--lang", lang).stdout for lang in ("en", "zh"))
    assert english == chinese
    (found,) = json.loads(english)
    assert found["message"].keys() == found["remedy"].keys() == {"en", "zh"}


def test_a_purpose_with_nul_names_its_place(steelyard: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "{biometrics: []}", "nul \0 recognises faces of visitors")
    done = steelyard("intake", "check", path, "--json")
    error = json.loads(done.stdout)
    assert done.returncode == 2 and error["path"] == str(path)
    assert error["error"]["line"] == 4 and error["error"]["field"] == "system.purpose"


def test_pairs_of_escapes_as_json_writes_them_are_read(steelyard: Run, tmp_path: Path) -> None:
    purpose = "😀 系统对来访者做人脸识别。"
    path = tmp_path / "gate.yaml"
    text = f"system: {{purpose: {json.dumps(purpose)}}}\nfacts: {{biometrics: []}}\n"
    assert "\\ud83d\\ude00" in text
    path.write_text(text, encoding="utf-8")
    (found,) = json.loads(steelyard("intake", "check", path, "--json").stdout)
    assert found["quote"] == purpose[found["start"] : found["end"]] == "人脸识别"
    path.write_text(text.replace("\\ude00", "\\ude00\\ud800"), encoding="utf-8")
    done = steelyard("intake", "check", path, "--json")
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["code"] == "bad_yaml"


def test_review_of_an_inventory_without_words(steelyard: Run, tmp_path: Path) -> None:
    inventory = ROOT / "examples/inventory"
    mapping = (inventory / "mapping.yaml").read_text(encoding="utf-8")
    lines = [line for line in mapping.splitlines() if "purpose:" not in line]
    assert len(lines) < len(mapping.splitlines())
    bare = tmp_path / "mapping.yaml"
    bare.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = steelyard("portfolio", "review", inventory / "inventory.csv", "--map", bare, "--json")
    assert done.returncode == 0 and done.stdout == "" and "no system has a description" in done.stderr
    assert steelyard("portfolio", "review", inventory / "inventory.csv", "--map", bare, "--top", "-1").returncode == 2
