"""What obligations ask of evidence: more than the kind, grounded in their own text, never less by an own pack."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from steelyard.base.clock import is_duration
from steelyard.base.errors import InputError
from steelyard.evidence.kinds import Kinds
from steelyard.gates import requirements as module
from steelyard.gates.requirements import OPINIONS, Requirement, Requirements, load
from steelyard.policy.compile import Policy, load_compiled
from steelyard.policy.load import load_policy
from tests.conftest import written

POLICY = load_compiled()
KINDS = Kinds.shipped()
SHIPPED = load(POLICY, KINDS)
OWED = {rule.id: rule for rule in POLICY.data.obligations}
EACH = pytest.mark.parametrize("item", SHIPPED.items, ids=lambda item: f"{item.obligation}-{item.kind}")

Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Writes an own pack with one approval and one requirement, with some of its lines replaced."""

    def write(*changes: tuple[str, str], name: str = "own.yaml") -> Path:
        return written(tmp_path / name, OWN, *changes)

    return write


OWN = """\
requirements: 1
approvals:
  - {obligation: data.third-party-works, role: legal}
items:
  - obligation: model.evaluation
    kind: evaluation
    when: cases >= 1000
    fresh: P3M
    why: {en: Our house rule., zh: 本单位的规定。}
    examples:
      meets: {outcome: pass, cases: 1000}
      falls_short: {outcome: pass, cases: 999}
"""


# The shipped pack


def test_everything_in_the_shipped_pack_has_its_place_in_the_shipped_policy() -> None:
    assert SHIPPED.unused == ()
    assert len(SHIPPED.items) >= 25


def test_the_joint_reviews_and_the_sign_off_are_decisions_of_their_owners() -> None:
    assert SHIPPED.approvals == {
        "govern.review-business": "business",
        "govern.review-data": "data",
        "govern.review-legal": "legal",
        "govern.review-security": "security",
        "govern.senior-sign-off": "senior",
    }
    for name, role in SHIPPED.approvals.items():
        assert OWED[name].owner == role and OPINIONS.issuperset(OWED[name].evidence)


def test_every_test_drill_label_check_and_bill_is_asked_for_more_than_a_pass() -> None:
    """An obligation that names what to test is not satisfied by a test of something else."""
    kinds = {"screening", "label_check", "evaluation", "drill", "training_record", "bill_of_materials"}
    for rule in OWED.values():
        for kind in kinds.intersection(rule.evidence):
            assert SHIPPED.of(rule.id, kind) is not None, (rule.id, kind)


@EACH
def test_a_requirement_is_stricter_than_its_kind(item: Requirement) -> None:
    kind = KINDS[item.kind]
    good, short = kind.parse(item.examples.meets), kind.parse(item.examples.falls_short)
    assert kind.truth(good) is True and kind.truth(short) is True
    assert SHIPPED.truth(item.obligation, kind, good) is True
    assert SHIPPED.truth(item.obligation, kind, short) is not True
    assert SHIPPED.truth(item.obligation, kind, {}) is not True
    changed = {name for name in {*good, *short} if good.get(name) != short.get(name)}
    assert len(changed) == 1


@EACH
def test_each_part_of_a_requirement_matters(item: Requirement) -> None:
    """The example that meets it stops doing so, or could, when any measure that the predicate reads is not known."""
    kind = KINDS[item.kind]
    good = kind.parse(item.examples.meets)
    for fact in kind.judge(item.when).reads:
        less = {name: value for name, value in good.items() if name != fact}
        assert SHIPPED.truth(item.obligation, kind, less) is not True, fact


@EACH
def test_freshness_is_the_rhythm_of_the_obligation(item: Requirement) -> None:
    if item.fresh is not None:
        assert is_duration(item.fresh) and item.fresh == OWED[item.obligation].every


@EACH
def test_the_reason_cites_the_obligation_and_a_clause_it_rests_on(item: Requirement) -> None:
    rule = OWED[item.obligation]
    numbers = {clause.partition(":")[2].lstrip("RMGD").partition("-")[0] for clause in rule.clauses}
    assert any(number in item.why.en for number in numbers) or "analysis" in item.why.en
    assert any(number in item.why.zh for number in numbers) or "分析" in item.why.zh
    assert "The obligation" in item.why.en and "该义务" in item.why.zh


def test_without_a_requirement_the_minimum_of_the_kind_is_enough() -> None:
    kind = KINDS["document"]
    assert SHIPPED.of("govern.audit", "document") is None
    assert SHIPPED.truth("govern.audit", kind, {}) is True
    assert SHIPPED.truth("govern.audit", kind, kind.parse({"status": "withdrawn"})) is False


def test_a_failed_result_is_no_whatever_else_is_unknown() -> None:
    kind = KINDS["evaluation"]
    name = "model.independent-tests"
    assert SHIPPED.truth(name, kind, kind.parse({"outcome": "fail"})) is False
    assert SHIPPED.truth(name, kind, kind.parse({"outcome": "pass"})) is None
    assert SHIPPED.truth(name, kind, kind.parse({"independent": False})) is False
    assert SHIPPED.truth(name, kind, kind.parse({"independent": True, "full_access": True, "open_serious": 0})) is None


# Other policies


def policy_of(folder: Path, text: str) -> Policy:
    """A policy from its text."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_compiled(path)


def annex(obligations: str) -> str:
    """An annex over the shipped policy."""
    return f"policy: 1\nid: own\nversion: '1'\ntitle: {{en: Own, zh: 自有}}\nextends: v1\nobligations:\n{obligations}\n"


OBLIGATION = """
  - id: own.visit
    title: {en: Visit, zh: 走访}
    action: {en: Go and look., zh: 到场查看。}
    when: audience == "public"
    clauses: [v1:G5.1]
    why: {en: So we decided., zh: 本单位决定。}
    owner: owner
    gate: launch
    evidence: [KIND]
    examples:
      fires: {audience: public}
      near_miss: {audience: internal}
"""


def test_a_kind_that_nobody_registered(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, annex(OBLIGATION.replace("KIND", "evaluaton")))
    with pytest.raises(InputError) as caught:
        load(policy, KINDS)
    error = caught.value
    assert (error.code, error.field) == ("unknown_kind", "own.visit.evidence")
    for lang in ("en", "zh"):
        assert "own.visit" in error.render(lang) and "evaluation" in error.render(lang)  # type: ignore[arg-type]


def test_a_policy_of_its_own_has_no_use_for_the_shipped_requirements() -> None:
    data = msgspec.structs.replace(
        POLICY.data, obligations=tuple(rule for rule in POLICY.data.obligations if rule.id.startswith("label."))
    )
    found = load(data, KINDS)
    assert {item.obligation for item in found.items} == {name for name in OWED if name.startswith("label.")}
    assert not found.approvals
    dropped = {item.obligation for item in SHIPPED.items} | set(SHIPPED.approvals)
    assert set(found.unused) == dropped - {item.obligation for item in found.items}


def test_an_annex_that_takes_other_evidence_leaves_the_shipped_requirement_aside() -> None:
    changed = msgspec.structs.replace(OWED["model.evaluation"], evidence=("document",))
    others = tuple(changed if rule.id == changed.id else rule for rule in POLICY.data.obligations)
    found = load(msgspec.structs.replace(POLICY.data, obligations=others), KINDS)
    assert found.of("model.evaluation", "evaluation") is None and found.unused == ("model.evaluation",)
    decided = msgspec.structs.replace(OWED["govern.review-data"], evidence=("review", "document"))
    others = tuple(decided if rule.id == decided.id else rule for rule in POLICY.data.obligations)
    found = load(msgspec.structs.replace(POLICY.data, obligations=others), KINDS)
    assert "govern.review-data" not in found.approvals and found.unused == ("govern.review-data",)


def test_a_policy_and_its_data_are_the_same() -> None:
    data = load_policy(Path(module.__file__).parent.parent / "policy/packs/v1/policy.yaml")
    assert load(data, KINDS).items == SHIPPED.items


# Own packs


def test_an_own_pack_adds_and_never_loosens(pack: Pack) -> None:
    found = load(POLICY, KINDS, extra=[pack()])
    kind = KINDS["evaluation"]
    item = found.of("model.evaluation", "evaluation")
    assert item is not None and item.fresh == "P3M"
    shipped = SHIPPED.of("model.evaluation", "evaluation")
    assert shipped is not None
    strong = {**shipped.examples.meets, "cases": 1000}
    assert found.truth("model.evaluation", kind, kind.parse(strong)) is True
    assert found.truth("model.evaluation", kind, kind.parse({**strong, "cases": 999})) is False
    assert found.truth("model.evaluation", kind, kind.parse({"outcome": "pass", "cases": 1000})) is None
    assert found.approvals == {**SHIPPED.approvals, "data.third-party-works": "legal"}
    assert len(found.items) == len(SHIPPED.items)
    other = ("obligation: model.evaluation", "obligation: nobody.has-this")
    assert load(POLICY, KINDS, extra=[pack(other)]).unused == ("nobody.has-this",)


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("P3M", "P100D", "P3M"),
        ("P3M", "P90D", "P90D"),
        ("P3M", "P12W", "P12W"),
        ("P3M", "P1Y", "P3M"),
        ("P1M", "PT1M", "PT1M"),
        ("P3M", "P1Y2M", "P3M"),
    ],
)
def test_the_shorter_period_holds(pack: Pack, first: str, second: str, wanted: str) -> None:
    one = pack(("fresh: P3M", f"fresh: {first}"), name="one.yaml")
    two = pack(("fresh: P3M", f"fresh: {second}"), name="two.yaml")
    for extra in ([one, two], [two, one]):
        item = load(POLICY, KINDS, extra=extra).of("model.evaluation", "evaluation")
        assert item is not None and item.fresh == wanted


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "says"),
    [
        ("requirements: 1", "requirements: 7", "bad_format", 1, ""),
        ("role: legal", "role: lawyer", "wrong_value", 3, ""),
        ("role: legal", "role: securty", "wrong_value", 3, "security"),
        ("obligation: data.third-party-works", "obligation: model.evaluation", "bad_requirement", 3, "evaluation"),
        ("obligation: data.third-party-works", "obligation: govern.review-data", "duplicate_id", 3, ""),
        ("obligation: data.third-party-works", "obligation: model.export-control", "bad_requirement", 3, "legal"),
        ("obligation: model.evaluation", "obligation: govern.audit", "bad_requirement", 6, "document"),
        ("kind: evaluation", "kind: drill", "bad_requirement", 6, "evaluation"),
        ("kind: evaluation", "kynd: evaluation", "unknown_key", 6, "kind"),
        ("when: cases >= 1000", "when: case >= 1000", "unknown_name", 7, "cases"),
        ("when: cases >= 1000", "when: cases >=", "syntax", 7, ""),
        ("when: cases >= 1000", "when: cases", "not_a_condition", 7, ""),
        ("fresh: P3M", "fresh: 3 months", "bad_date", 8, "P6M"),
        ("zh: 本单位的规定。", "zh: ''", "wrong_type", 9, ""),
        ("meets: {outcome: pass, cases: 1000}", "meets: {outcome: pass, cases: 5}", "bad_example", 11, ""),
        ("meets: {outcome: pass, cases: 1000}", "meets: {cases: 1000}", "bad_example", 11, "itself"),
        ("meets: {outcome: pass, cases: 1000}", "meets: {outcome: pass, case: 1}", "unknown_measure", 11, "cases"),
        ("falls_short: {outcome: pass, cases: 999}", "falls_short: {cases: 1000}", "bad_example", 12, ""),
        ("falls_short: {outcome: pass, cases: 999}", "falls_short: {outcome: fail}", "bad_example", 12, "itself"),
        (
            "falls_short: {outcome: pass, cases: 999}",
            "falls_short: {outcome: pass, cases: 999, independent: true}",
            "bad_example",
            11,
            "exactly one",
        ),
    ],
)
def test_what_a_pack_cannot_say(pack: Pack, old: str, new: str, code: str, line: int, says: str) -> None:
    path = pack((old, new))
    with pytest.raises(InputError) as caught:
        load(POLICY, KINDS, extra=[path])
    error = caught.value
    assert (error.code, error.path, error.line) == (code, str(path), line), error.render("en")
    assert says in error.render("en")


def test_one_pack_cannot_speak_twice_of_one_thing(pack: Pack) -> None:
    path = pack()
    text = path.read_text("utf-8")
    start = text.index("  - obligation: model.evaluation")
    path.write_text(text + text[start:], encoding="utf-8")
    with pytest.raises(InputError, match=r"model\.evaluation is already spoken of"):
        load(POLICY, KINDS, extra=[path])
    line = "  - {obligation: data.third-party-works, role: legal}\n"
    path.write_text(text.replace(line, line * 2), encoding="utf-8")
    with pytest.raises(InputError, match="already spoken of"):
        load(POLICY, KINDS, extra=[path])
    with pytest.raises(InputError) as caught:
        load(POLICY, KINDS, extra=[path.parent / "none.yaml"])
    assert caught.value.code == "cannot_read"


def test_an_approval_and_a_requirement_cannot_meet_in_one_pack(pack: Pack) -> None:
    path = pack(
        ("obligation: model.evaluation", "obligation: data.third-party-works"),
        ("kind: evaluation", "kind: review"),
        ("when: cases >= 1000", "when: open_points == 0"),
    )
    with pytest.raises(InputError) as caught:
        load(POLICY, KINDS, extra=[path])
    assert (caught.value.code, caught.value.line) == ("bad_requirement", 5)


def test_nothing_can_be_written_into_requirements() -> None:
    with pytest.raises(TypeError):
        SHIPPED.approvals["model.evaluation"] = "owner"  # type: ignore[index]
    empty = Requirements({}, {})
    assert empty.of("model.evaluation", "evaluation") is None and empty.items == () and empty.unused == ()


def test_loading_is_quick() -> None:
    best = 1.0
    for _ in range(7):
        started = time.perf_counter()
        load(POLICY, KINDS)
        best = min(best, time.perf_counter() - started)
    assert best < 0.02
