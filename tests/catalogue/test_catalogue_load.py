"""Loading packs: what joins, what is refused and where, and that nothing changes afterwards."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.catalogue.labels import label, label_backwards
from steelyard.catalogue.load import PACKS, Catalogue, catalogue, load
from steelyard.catalogue.model import (
    ALL_ROLES,
    BindingLevel,
    Clause,
    Confidence,
    Instrument,
    Kind,
    NotLoaded,
    Relation,
    Role,
    Section,
    Stage,
    split_id,
)

V1 = PACKS / "v1.yaml"
ANNEX = Path(__file__).parent / "annex.yaml"


@pytest.fixture(scope="module")
def both() -> Catalogue:
    return load([V1, ANNEX])


# Ids


@pytest.mark.parametrize(
    "identifier", ["v1:P1.1", "v1:F2.4", "v1:R3.1.1-a", "v1:M4.1.2-c", "v1:G5.10", "v1:D6.2-e", "v1:D6.1-j"]
)
def test_every_form_of_clause_id_is_found(identifier: str) -> None:
    found = catalogue().resolve(identifier)
    assert isinstance(found, Clause)
    assert found.id == identifier
    assert catalogue().cite(identifier) is found


def test_sections_and_instruments_are_found_by_id() -> None:
    assert isinstance(catalogue().resolve("v1:3.1.1"), Section)
    assert isinstance(catalogue().resolve("v1"), Instrument)


def test_a_clause_of_an_instrument_that_is_not_loaded_is_neither_right_nor_wrong() -> None:
    assert catalogue().resolve("cn:GAI-07") == NotLoaded("cn:GAI-07", "cn")
    assert catalogue().cite("cn:GAI-07") == NotLoaded("cn:GAI-07", "cn")
    assert catalogue().title("cn:GAI-07") is None


def test_an_unknown_clause_of_a_loaded_instrument_is_an_error_that_names_near_ones() -> None:
    with pytest.raises(InputError) as caught:
        catalogue().resolve("v1:M4.1.2-z")
    assert caught.value.code == "unknown_clause"
    assert caught.value.remedy is not None
    assert "v1:M4.1.2-" in caught.value.remedy.en
    assert "v1:M4.1.2-" in caught.value.remedy.zh


@pytest.mark.parametrize("identifier", ["M4.1.2-c", "V1:M4.1.2-c", "v1：M4.1.2-c", "v1:", ":M4.1.2-c", "", "v1 M4"])
def test_a_wrong_form_is_an_error(identifier: str) -> None:
    with pytest.raises(InputError) as caught:
        catalogue().resolve(identifier)
    assert caught.value.code == "bad_clause_id"


def test_an_id_without_its_instrument_is_told_the_whole_id() -> None:
    with pytest.raises(InputError) as caught:
        catalogue().resolve("M4.1.2-c")
    assert caught.value.remedy == Text("name its instrument: v1:M4.1.2-c", "请写明所属文件：v1:M4.1.2-c")


def test_a_section_cannot_be_cited_as_a_clause() -> None:
    with pytest.raises(InputError) as caught:
        catalogue().cite("v1:3.1.1")
    assert caught.value.code == "not_a_clause"


@given(st.text(max_size=30))
def test_whatever_is_asked_for_the_answer_is_a_thing_or_an_input_error(identifier: str) -> None:
    try:
        found = catalogue().resolve(identifier)
    except InputError as error:
        assert error.message.zh
        assert error.remedy is not None
    else:
        assert found.id == identifier


@given(st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]*", fullmatch=True))
def test_an_id_comes_apart_as_it_was_put_together(instrument: str, local: str) -> None:
    assert split_id(f"{instrument}:{local}") == (instrument, local)


# Sections


def test_a_section_holds_the_clauses_of_those_below_it() -> None:
    assert len(catalogue().select(section="v1:3.1")) == 13
    assert len(catalogue().select(section="v1:3")) == 26
    assert len(catalogue().select(section="v1:4", kind=Kind.RISK)) == 0


def test_a_section_number_needs_its_instrument_where_several_have_it(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    text = ANNEX.read_text(encoding="utf-8")
    text = text.replace("id: A.1", 'id: "3.1.1"').replace("section: A.1", 'section: "3.1.1"')
    other.write_text(text, encoding="utf-8")
    held = load([V1, other])
    assert catalogue().section("3.1.1").id == "v1:3.1.1"
    assert held.section("3.1.1", "cn").id == "cn:3.1.1"
    with pytest.raises(InputError) as caught:
        held.section("3.1.1")
    assert caught.value.remedy is not None
    assert "v1:3.1.1, cn:3.1.1" in caught.value.remedy.en


# A body of law beside the framework


def test_force_and_dates_come_from_the_nearest_place_that_gives_them(both: Catalogue) -> None:
    lawful, rules, old = both.clauses["cn:GAI-07"], both.clauses["cn:GAI-08"], both.clauses["cn:OLD-1"]
    assert (lawful.binding, lawful.effective) == (BindingLevel.DEPT_RULE, dt.date(2023, 8, 15))
    assert (rules.binding, rules.effective) == (BindingLevel.LAW, dt.date(2024, 1, 1))
    assert both.clauses["cn:X1"].binding is BindingLevel.DEPT_RULE
    assert old.in_force(dt.date(2025, 10, 31))
    assert not old.in_force(dt.date(2025, 11, 1))
    assert old.superseded(dt.date(2025, 11, 1))
    assert lawful.superseded_by is None
    assert lawful.roles == (*ALL_ROLES, Role.OVERSIGHT)
    assert lawful.stages == (Stage.DATA, Stage.TRAINING)
    assert lawful.confidence.weakest is Confidence.UNCERTAIN


def test_crosswalks_run_between_instruments_and_to_those_not_loaded(both: Catalogue) -> None:
    assert [link.target for link in both.links_from("cn:GAI-07")] == ["v1:M4.1.2-a", "v1:D6.1-b", "eu:Art-53"]
    assert "cn:GAI-07" in [link.source for link in both.links_to("v1:M4.1.2-a")]
    assert both.title("eu:Art-53") is None
    assert [link.target for link in both.links_from("cn:X1")] == ["v1:M4.1.1-a", "cn:GAI-07"]


def test_a_pack_alone_may_link_to_what_is_not_loaded() -> None:
    alone = load([ANNEX])
    assert alone.resolve("v1:M4.1.2-a") == NotLoaded("v1:M4.1.2-a", "v1")


def test_the_digest_follows_the_content_not_its_spelling(tmp_path: Path, both: Catalogue) -> None:
    respelled = tmp_path / "annex.yaml"
    respelled.write_text("# another comment\n" + ANNEX.read_text(encoding="utf-8"), encoding="utf-8")
    changed = tmp_path / "changed.yaml"
    changed.write_text(ANNEX.read_text(encoding="utf-8").replace("A risk", "One risk"), encoding="utf-8")
    assert load([V1, respelled]).digest == both.digest
    assert load([V1, changed]).digest != both.digest
    assert load([V1]).digest == catalogue().digest


# Nothing changes


def test_nothing_of_a_loaded_catalogue_can_be_changed() -> None:
    held = catalogue()
    item = held.clauses["v1:M4.1.2-c"]
    with pytest.raises(AttributeError):
        held.digest = "sha256:0"  # type: ignore[misc]
    with pytest.raises(TypeError):
        held.clauses["v1:X"] = item  # type: ignore[index]
    with pytest.raises(TypeError):
        del held.sections["v1:1"]  # type: ignore[attr-defined]
    for thing in (
        item,
        item.title,
        item.confidence,
        held.instruments["v1"],
        held.sections["v1:1"],
        held.content.links[0],
    ):
        with pytest.raises(AttributeError):
            setattr(thing, thing.__struct_fields__[0], "other")
    assert isinstance(hash(held.content), int), "something mutable is held inside"


def test_the_compiled_form_is_the_same_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    catalogue.cache_clear()
    first = catalogue()
    catalogue.cache_clear()
    compiled = next(tmp_path.glob("*.pack"))
    second = catalogue()
    assert (first.content, first.digest) == (second.content, second.digest)
    assert first is not second
    compiled.write_bytes(b"damaged")
    catalogue.cache_clear()
    assert catalogue().digest == first.digest


# Packs that cannot be used: what is wrong, where, and what to do

BROKEN = {
    "missing_zh": ("zh: 标注规则}", "}", "missing_language", "title: {en: Annotation rules", "title.zh"),
    "empty_zh": ("zh: 标注规则}", 'zh: ""}', "missing_language", "title: {en: Annotation rules", "title.zh"),
    "english_as_zh": ("zh: 标注规则}", "zh: Rules}", "wrong_language", "title: {en: Annotation rules", "title.zh"),
    "chinese_as_en": ("en: Annotation rules", "en: 规则", "wrong_language", "title: {en: 规则", "title.en"),
    "third_language": ("zh: 标注规则}", "zh: 标注规则, fr: Règles}", "unknown_key", "fr: Règles", "title.fr"),
    "duplicate_id": (
        "id: GAI-08",
        "id: GAI-07",
        "duplicate_id",
        "id: GAI-07\n    kind: duty\n    section: A\n    title: {en: Annot",
        "clauses[1].id",
    ),
    "clause_and_section_share_an_id": ("id: GAI-08", "id: A", "duplicate_id", "id: A\n    kind", "clauses[1].id"),
    "bad_id": ("id: GAI-08", 'id: "cn:GAI-08"', "bad_form", 'id: "cn:GAI-08"', "clauses[1].id"),
    "duplicate_key": (
        "kind: risk",
        "kind: risk\n    kind: duty",
        "duplicate_key",
        "    kind: duty\n    section: A.1",
        "clauses[2]",
    ),
    "unknown_link_of_this_instrument": ("GAI-07]", "GAI-77]", "unknown_clause", "GAI-77]", "links[1].pairs.X1[1]"),
    "unknown_link_of_another": (
        "v1:M4.1.2-a",
        "v1:M4.9.9-a",
        "unknown_clause",
        "v1:M4.9.9-a",
        "links[0].pairs.GAI-07[0]",
    ),
    "unknown_source": ("      X1:", "      X9:", "unknown_clause", "X9:", "links[1].pairs.X9"),
    "duplicate_link": ('"v1:D6.1-b",', '"v1:M4.1.2-a",', "duplicate_link", "GAI-07: [", "links[0].pairs.GAI-07[1]"),
    "wrong_target": ("v1:M4.1.1-a", "v1:D6.1-a", "wrong_link", "v1:D6.1-a", "links[1].pairs.X1[0]"),
    "wrong_source": ("      X1:", "      OLD-1:", "wrong_link", "OLD-1:", "links[1].pairs.OLD-1"),
    "unknown_supersession": (
        'by: "cn:A"',
        'by: "cn:Z"',
        "unknown_clause",
        'by: "cn:Z"',
        "sections[2].superseded_by.by",
    ),
    "lost_clause": ("duty: 3", "duty: 4", "wrong_count", "counts:", "instrument.counts.duty"),
    "clause_too_many": (", risk: 1}", "}", "wrong_count", "counts:", "instrument.counts.risk"),
    "section_lost_one": ("items: 2", "items: 3", "wrong_count", "items: 3", "sections[0].items"),
    "unknown_section": ("section: A.1", "section: A.2", "unknown_section", "section: A.2", "clauses[2].section"),
    "parent_below": ("parent: A\n", "parent: B\n", "unknown_section", "parent: B", "sections[1].parent"),
    "unknown_kind": ("kind: risk", "kind: risks", "wrong_value", "kind: risks", "clauses[2].kind"),
    "unknown_role": ("[user]", "[users]", "wrong_value", "roles: [users]", "clauses[2].roles[0]"),
    "no_role": ("[user]", "[]", "wrong_type", "roles: []", "clauses[2].roles"),
    "unknown_mark": ("text: uncertain", "text: sure", "wrong_value", "text: sure", "clauses[0].confidence.text"),
    "missing_mark": ("text: uncertain, ", "", "missing_key", "title: secondary", "clauses[0].confidence"),
    "misspelt_key": ("    stages: [use]", "    stage: [use]", "unknown_key", "stage: [use]", "clauses[2].stage"),
    "missing_key": ("    stages: [use]\n", "", "missing_key", "- id: X1", "clauses[2]"),
    "bad_date": ("effective: 2024-01-01", "effective: 01.01.2024", "wrong_type", "01.01.2024", "clauses[1].effective"),
    "no_release": ("released: 2026-01-01", "released: null", "wrong_type", "released:", "instrument.released"),
    "no_since": ("since: 2025-11-01", "since: null", "wrong_type", "since: null", "sections[2].superseded_by.since"),
    "number_as_text": ('version: "2026"', "version: 2026", "wrong_type", "version:", "instrument.version"),
    "official_as_word": ("official: false", "official: perhaps", "wrong_type", "official:", "links[0].official"),
    "negative_count": ("items: 2", "items: -2", "wrong_type", "items: -2", "sections[0].items"),
    "text_not_in_languages": (
        "title: {en: A risk, zh: 某风险}",
        "title: A risk",
        "wrong_type",
        "title: A risk",
        "clauses[2].title",
    ),
    "not_a_list": ("[user]", "user", "wrong_type", "roles: user", "clauses[2].roles"),
    "wrong_format": ("catalogue: 1", "catalogue: 7", "bad_format", "catalogue: 7", "catalogue"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_bad_pack_is_refused_with_place_and_remedy(fault: str, tmp_path: Path) -> None:
    old, new, code, needle, field = BROKEN[fault]
    good = ANNEX.read_text(encoding="utf-8")
    assert old in good
    text = good.replace(old, new, 1)
    pack = tmp_path / "annex.yaml"
    pack.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load([V1, pack])
    error = caught.value
    assert error.code == code
    assert error.path == str(pack)
    assert error.line == text.count("\n", 0, text.index(needle)) + 1
    assert error.column is not None
    assert (error.field or "").endswith(field)
    assert error.remedy is not None
    assert error.render("en") != error.render("zh")


def test_a_pack_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "list.yaml"
    pack.write_text("- a\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load([pack])
    assert (caught.value.code, caught.value.line) == ("wrong_type", 1)


def test_two_packs_cannot_give_the_same_instrument(tmp_path: Path) -> None:
    twin = tmp_path / "twin.yaml"
    twin.write_text(ANNEX.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load([V1, ANNEX, twin])
    assert caught.value.code == "duplicate_instrument"
    assert caught.value.path == str(twin)


# Vocabularies


def test_every_word_of_a_vocabulary_has_its_own_label() -> None:
    members = [member for kind in (Kind, BindingLevel, Role, Stage, Confidence, Relation) for member in kind]
    assert len({str(member) for member in members}) == len(members), "labels are looked up by the word itself"
    for member in members:
        assert label(member).en
        assert label(member).zh
    assert all(label_backwards(relation).zh for relation in Relation)


def test_only_the_three_weakest_levels_forbid_a_hard_verdict() -> None:
    weak = {level for level in BindingLevel if not level.allows_hard_verdict}
    assert weak == {BindingLevel.TECHNICAL_DOC, BindingLevel.POLICY, BindingLevel.DRAFT}


def test_content_survives_its_binary_form() -> None:
    content = catalogue().content
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(content), type=type(content)) == content
