"""The kinds of evidence: what a result may hold, what it is worth, and what a pack must be before it loads."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.evidence import kinds as module
from steelyard.evidence.kinds import DETAILS, PACK, PREDICATE_PREFIX, Kind, Kinds
from steelyard.policy.compile import load_compiled
from steelyard.policy.model import EVIDENCE_KINDS
from steelyard.profile.facts import MAX_COUNT, Fact
from tests.conftest import ROOT, written

KINDS = Kinds.shipped()
EACH = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
VALIDATORS = {kind.id: jsonschema.Draft202012Validator(kind.schema()) for kind in KINDS.values()}

Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Writes a pack of one sound kind, with some of its lines replaced."""

    def write(*changes: tuple[str, str], name: str = "own.yaml") -> Path:
        return written(tmp_path / name, SOUND, *changes)

    return write


SOUND = """\
kinds: 1
items:
  - id: x_visit
    title: {en: site visit, zh: 现场走访}
    description: {en: Somebody went and looked., zh: 有人到场看过。}
    about: system
    command: null
    valid: P1Y
    measures:
      - id: outcome
        type: one_of
        ordered: true
        title: {en: Outcome, zh: 结论}
        help: {en: What was found., zh: 看到的情况。}
        values:
          - {id: bad, en: bad, zh: 差}
          - {id: good, en: good, zh: 好}
      - {id: days, type: count, title: {en: Days, zh: 天数}, help: {en: On site., zh: 在场天数。}}
    satisfies: outcome == "good"
    contradicts: outcome == "bad"
    examples:
      satisfies: {outcome: good, days: 2}
      falls_short: {outcome: bad, days: 2}
"""


# The shipped kinds


def test_the_pack_and_the_policy_name_the_same_kinds() -> None:
    assert {kind.id: kind.title for kind in KINDS.values()} == EVIDENCE_KINDS
    named = {kind for rule in load_compiled().data.obligations for kind in rule.evidence}
    assert named == set(KINDS)


def test_the_shipped_pack_passes_every_check() -> None:
    from steelyard.evidence.kindfile import read_packs

    assert read_packs([PACK]) == tuple(KINDS.values())


@EACH
def test_a_kind_says_what_it_is_in_both_languages(kind: Kind) -> None:
    texts = [kind.title, kind.description]
    for fact in kind.measures:
        texts += [fact.question, fact.help, *(value.label for value in fact.values)]
    names = {"CycloneDX", "SPDX"}
    for text in texts:
        assert text.en in names or any("\u4e00" <= char <= "\u9fff" for char in text.zh), text
    limits = ("does not show", "not a promise", "is not on it", "nothing was measured")
    assert any(limit in kind.description.en for limit in limits)
    assert KINDS.of_predicate(kind.predicate_type) is kind


@EACH
def test_the_examples_of_a_kind(kind: Kind) -> None:
    good = kind.parse(kind.examples.satisfies)
    assert kind.truth(good) is True and not kind.contradicted(good)
    assert kind.examples.falls_short is not None
    assert kind.truth(kind.parse(kind.examples.falls_short)) is not True


@EACH
def test_a_result_that_says_nothing(kind: Kind) -> None:
    """It is enough where being there is enough, and undecided where a minimum is asked for; it contradicts nothing."""
    assert kind.truth({}) is (True if kind.satisfies is None else None)
    assert not kind.contradicted({})


def test_what_is_inconclusive_neither_satisfies_nor_contradicts() -> None:
    kind = KINDS["evaluation"]
    values = kind.parse({"outcome": "inconclusive"})
    assert kind.truth(values) is False and not kind.contradicted(values)
    assert kind.contradicted(kind.parse({"outcome": "fail"}))


def test_what_speaks_against_never_satisfies() -> None:
    for kind_id, raw in (
        ("document", {"status": "withdrawn"}),
        ("attestation", {"stands": False}),
        ("responsibility_document", {"content": "empty", "signed": True}),
        ("bill_of_materials", {"components": 0}),
        ("training_record", {"people": 9, "passed": 0}),
    ):
        kind = KINDS[kind_id]
        assert kind.contradicted(kind.parse(raw)) and kind.truth(kind.parse(raw)) is False


def test_a_predicate_of_ones_own() -> None:
    kind = KINDS["evaluation"]
    values = kind.parse({"outcome": "pass", "independent": True, "cases": 300})
    assert kind.truth(values, 'outcome == "pass" and independent') is True
    assert kind.truth(values, "independent and full_access") is None
    assert kind.truth(values, "cases >= 301 and full_access") is False
    assert kind.judge("independent") is kind.judge("independent")
    parts = kind.deciding(values, "independent and full_access")
    assert [(atom.fact, truth) for atom, truth in parts] == [("independent", True), ("full_access", None)]
    assert [atom.fact for atom, _ in kind.deciding({}, None)] == ["outcome"]
    with pytest.raises(InputError, match="not a fact"):
        kind.truth(values, "audience == 'public'")


# Results


@pytest.mark.parametrize(
    ("raw", "code", "field", "says"),
    [
        ({"outcom": "pass"}, "unknown_measure", "outcom", "outcome"),
        ({"detail": 1}, "unknown_measure", "detail", "details"),
        ({"zzzz": 1}, "unknown_measure", "zzzz", "details"),
        ({"outcome": "passed"}, "wrong_value", "outcome", "pass"),
        ({"outcome": True}, "wrong_type", "outcome", ""),
        ({"cases": "12"}, "wrong_type", "cases", ""),
        ({"cases": True}, "wrong_type", "cases", ""),
        ({"cases": 1.5}, "wrong_type", "cases", ""),
        ({"cases": -1}, "wrong_value", "cases", ""),
        ({"cases": float("nan")}, "wrong_type", "cases", ""),
        ({"cases": float("inf")}, "wrong_type", "cases", ""),
        ({"cases": MAX_COUNT + 1}, "wrong_value", "cases", ""),
        ({"independent": "yes"}, "wrong_type", "independent", ""),
        ({"languages": "zh"}, "wrong_type", "languages", ""),
        ({"languages": ["zh", "fr"]}, "wrong_value", "languages", "other"),
        ({"languages": [["zh"]]}, "wrong_type", "languages", ""),
        ([], "wrong_type", None, ""),
        ("pass", "wrong_type", None, ""),
    ],
)
def test_what_a_result_cannot_hold(raw: Any, code: str, field: str | None, says: str) -> None:
    with pytest.raises(InputError) as caught:
        KINDS["evaluation"].parse(raw, "result.json")
    error = caught.value
    assert (error.code, error.field, error.path) == (code, field, "result.json")
    assert says in (error.remedy.en if error.remedy else "")
    with pytest.raises(jsonschema.ValidationError):
        VALIDATORS["evaluation"].validate(raw if raw == raw else {"cases": "nan"})


def test_a_share_ends_at_a_hundred() -> None:
    kind = KINDS["screening"]
    assert kind.parse({"coverage_percent": 100}) == {"coverage_percent": 100}
    with pytest.raises(InputError, match="from 0 to 100"):
        kind.parse({"coverage_percent": 101})


def test_what_a_result_keeps() -> None:
    raw = {"cases": 5.0, "languages": ["zh", "zh", "en"], "outcome": None, "details": {"any": [1, {"thing": None}]}}
    values = KINDS["evaluation"].parse(raw)
    assert values == {"cases": 5, "languages": frozenset({"zh", "en"})} and type(values["cases"]) is int


def near_misses(fact: Fact) -> st.SearchStrategy[Any]:
    """Values of a measure, and values that only look like one."""
    members = st.sampled_from([*fact.members, "none", "yes", "是", ""])
    return st.one_of(
        st.none(),
        st.booleans(),
        members,
        st.lists(members, max_size=4),
        st.sampled_from([0, 1, 100, 101, -1, MAX_COUNT, MAX_COUNT + 1, 5.0, 5.5, -0.0, 1e11, 1e300]),
        st.integers(),
        st.lists(st.one_of(members, st.integers(), st.none()), max_size=3),
        st.dictionaries(st.text(max_size=3), st.none(), max_size=1),
    )


@st.composite
def results(draw: Any) -> tuple[Kind, Any]:
    """A kind and something that may or may not be a result of it, made of JSON."""
    kind = draw(st.sampled_from(list(KINDS.values())))
    words = kind.vocabulary
    names = draw(st.lists(st.sampled_from([*words.ids, DETAILS, "outcomes", ""]), unique=True, max_size=5))
    raw = {}
    for name in names:
        good = draw(st.booleans())
        if name in words and good:
            fact = words[name]
            members = st.sampled_from(fact.members or ("-",))
            raw[name] = draw(
                {
                    "bool": st.booleans(),
                    "one_of": members,
                    "set_of": st.lists(members, max_size=4),
                    "count": st.integers(0, 100),
                }[fact.type]
            )
        elif name in words:
            raw[name] = draw(near_misses(words[name]))
        else:
            raw[name] = draw(st.one_of(st.none(), st.integers(), st.lists(st.text(max_size=2), max_size=2)))
    return kind, raw


@given(results())
@settings(max_examples=600, deadline=None)
def test_parse_accepts_what_the_schema_accepts(case: tuple[Kind, Any]) -> None:
    kind, raw = case
    try:
        values = kind.parse(raw)
    except InputError:
        values = None
    assert VALIDATORS[kind.id].is_valid(raw) is (values is not None)
    if values is not None:
        assert set(values) == {name for name, value in raw.items() if value is not None and name != DETAILS}
        assert kind.parse({name: kind.vocabulary[name].plain(value) for name, value in values.items()}) == values


@given(results(), st.data())
@settings(max_examples=300, deadline=None)
def test_more_knowledge_never_turns_a_definite_answer(case: tuple[Kind, Any], data: st.DataObject) -> None:
    """What holds, or speaks against, for a part of the measures still does for all of them."""
    kind, raw = case
    try:
        values = kind.parse(raw)
    except InputError:
        return
    names = sorted(values)
    part = {name: values[name] for name in names if data.draw(st.booleans())}
    if kind.contradicted(part):
        assert kind.contradicted(values)
    if kind.satisfies is not None and kind.truth(part) is not None and not kind.contradicted(values):
        assert kind.truth(values) is kind.truth(part)


@EACH
def test_the_schema_is_one_and_bilingual(kind: Kind) -> None:
    schema = kind.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert (schema["title"], schema["x-title-zh"]) == (kind.title.en, kind.title.zh)
    assert set(schema["properties"]) == {*kind.vocabulary.ids, DETAILS}
    for part in schema["properties"].values():
        assert {"title", "description", "x-title-zh", "x-description-zh"} <= set(part)


# Packs


def test_a_pack_of_ones_own(pack: Pack) -> None:
    found = Kinds.load([PACK, pack()])
    assert list(found) == [*KINDS, "x_visit"]
    assert found["x_visit"].predicate_type == f"{PREDICATE_PREFIX}x_visit/v1"
    assert list(Kinds.registered([pack()])) == list(found)
    assert list(Kinds.load([pack()])) == ["x_visit"]


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "says"),
    [
        ("kinds: 1", "kinds: 2", "bad_format", 1, ""),
        ("id: x_visit", "id: Visit", "bad_id", 3, ""),
        ("id: x_visit", "id: tier", "bad_id", 3, ""),
        ("id: days,", "id: details,", "bad_id", 18, ""),
        ("id: days,", "id: outcome,", "duplicate_id", 18, ""),
        ("{id: good, en: good", "{id: bad, en: good", "duplicate_id", 10, ""),
        ("zh: 现场走访", "zh: ''", "wrong_type", 4, "both English and Chinese"),
        ("title: {en: site visit, zh: 现场走访}", "title: {en: site visit}", "missing_key", 4, "zh"),
        ("about: system", "about: systems", "wrong_value", 6, ""),
        ("command: null", "comand: null", "unknown_key", 7, "command"),
        ("items:", "items: none", "bad_yaml", 3, ""),
        ("valid: P1Y", "valid: 1 year", "bad_date", 8, ""),
        ("type: count,", "type: counts,", "wrong_type", 18, ""),
        ("type: count,", "type: one_of,", "bad_measure", 18, ""),
        ("type: count,", "type: count, ordered: true,", "bad_measure", 18, ""),
        ("id: days, type: count", "id: days_percent, type: bool", "bad_measure", 18, ""),
        ('outcome == "good"', 'outcome == "god"', "wrong_value", 19, "good"),
        ('outcome == "good"', "outcom == 3", "unknown_name", 19, "outcome"),
        ('outcome == "good"', "outcome and", "not_a_condition", 19, ""),
        ('outcome == "good"', "tier == 'high'", "tier_here", 19, ""),
        ('outcome == "bad"', "days", "not_a_condition", 20, ""),
        ("satisfies: {outcome: good, days: 2}", "satisfies: {outcome: bad, days: 2}", "bad_example", 22, ""),
        ("satisfies: {outcome: good, days: 2}", "satisfies: {days: 2}", "bad_example", 22, ""),
        ("satisfies: {outcome: good, days: 2}", "satisfies: {outcome: good, day: 2}", "unknown_measure", 22, "days"),
        ("falls_short: {outcome: bad, days: 2}", "falls_short: {outcome: good, days: 3}", "bad_example", 23, ""),
        ("falls_short: {outcome: bad, days: 2}", "falls_short: {outcome: bad, days: 3}", "bad_example", 22, ""),
        ("falls_short: {outcome: bad, days: 2}", "falls_short: null", "bad_example", 22, ""),
    ],
)
def test_what_a_pack_cannot_say(pack: Pack, old: str, new: str, code: str, line: int, says: str) -> None:
    path = pack((old, new))
    with pytest.raises(InputError) as caught:
        Kinds.load([path])
    error = caught.value
    assert (error.code, error.path, error.line) == (code, str(path), line), error.render("en")
    assert says in error.render("en")


def test_two_packs_cannot_define_one_kind(pack: Pack) -> None:
    with pytest.raises(InputError, match=r"x_visit is already defined in .*one\.yaml"):
        Kinds.load([pack(name="one.yaml"), pack(name="two.yaml")])
    with pytest.raises(InputError, match="review is already defined"):
        Kinds.load([PACK, pack(("id: x_visit", "id: review"))])
    with pytest.raises(InputError) as caught:
        Kinds.load([PACK, PACK.parent / "none.yaml"])
    assert caught.value.code == "cannot_read"


def test_an_unknown_kind_names_near_ones() -> None:
    with pytest.raises(InputError) as caught:
        KINDS.resolve("evalution")
    assert caught.value.code == "unknown_kind" and "evaluation" in caught.value.render("zh")
    assert KINDS.resolve("drill") is KINDS["drill"]
    for other in ("https://slsa.dev/provenance/v1", "drill", f"{PREDICATE_PREFIX}drill/v2", ""):
        assert KINDS.of_predicate(other) is None


# Registration


def install(folder: Path, value: str, code: str) -> None:
    """A distribution as pip would leave it: a module, its metadata and an entry point."""
    (folder / "visits.py").write_text(code, encoding="utf-8")
    info = folder / "visits_kit-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visits-kit\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{module.GROUP}]\nvisits = {value}\n")


def registered(folder: Path) -> "subprocess.CompletedProcess[str]":
    """What `Kinds.registered()` says in an interpreter that sees `folder`."""
    code = (
        "from steelyard.base.errors import InputError\nfrom steelyard.evidence.kinds import Kinds\n"
        "try:\n    print(' '.join(Kinds.registered()))\n"
        "except InputError as error:\n    print(error.code, error.render('en'), error.render('zh'))\n"
    )
    script = f"import sys\nsys.path.insert(0, {str(folder)!r})\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)


@pytest.mark.parametrize("value", ["visits:PACK", "visits:PACKS"])
def test_another_package_registers_kinds(tmp_path: Path, pack: Pack, value: str) -> None:
    path = pack()
    install(tmp_path, value, f"from pathlib import Path\nPACK = Path({str(path)!r})\nPACKS = [PACK]\n")
    assert registered(tmp_path).stdout.split() == [*KINDS, "x_visit"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("PACK = 'a text'", "not a Path"),
        ("PACK = [3]", "not a Path"),
        ("OTHER = 1", "AttributeError"),
        ("raise SystemError('broken on import')", "broken on import"),
        ("from pathlib import Path\nPACK = Path('/nowhere/at/all.yaml')", "no such file"),
        ("from pathlib import Path\nPACK = Path(__file__)", "starts with 'kinds: 1'"),
    ],
)
def test_a_bad_registration_names_its_package(tmp_path: Path, code: str, says: str) -> None:
    install(tmp_path, "visits:PACK", code)
    said = registered(tmp_path).stdout
    assert said.startswith("bad_registration") and "visits-kit" in said and says in said and "无法使用" in said


def test_a_registered_pack_cannot_take_a_shipped_id(tmp_path: Path, pack: Pack) -> None:
    path = pack(("id: x_visit", "id: review"))
    install(tmp_path, "visits:PACK", f"from pathlib import Path\nPACK = Path({str(path)!r})\n")
    said = registered(tmp_path).stdout
    assert said.startswith("duplicate_id") and str(path) in said


# Speed


def test_compiled_kinds_load_within_five_milliseconds() -> None:
    best = 1.0
    for _ in range(7):
        module._shipped.cache_clear()
        started = time.perf_counter()
        assert len(Kinds.shipped()) == 11
        best = min(best, time.perf_counter() - started)
    assert best < 0.005


def test_compiled_kinds_do_not_read_yaml() -> None:
    code = "import sys\nfrom steelyard.evidence.kinds import Kinds\nKinds.shipped()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "steelyard.evidence.kindfile" not in done.stdout.split()
