"""The interview as people meet it: a real terminal, or answers from a pipe; nothing answered is lost."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.cli.intake_answers import MAX_LINE
from steelyard.profile.document import Profile, read
from steelyard.profile.facts import vocabulary
from steelyard.profile.write import Notes, Suggestion, notes_of, profile_yaml, save_profile
from tests.cli.terminal import Terminal
from tests.conftest import ROOT, Run

WORDS = vocabulary()
SYSTEM = '{name: N, purpose: "It sorts mail.", owner: O}'
FRESH = f"system: {SYSTEM}\nfacts: {{}}\n"
HARMLESS = """
  audience: internal
  affects: [employees]
  stage: use
  personal_data: none
  important_data: false
  decision_impact: none
  autonomy: advises
  model_origin: [api_filed]
  training_activity: [prompting]
  generates: [text]
  sector: [general]
  critical_infrastructure: false
  data_leaves_china: false
  model_leaves_china: false
  hosting: [own]
"""


def piped(path: Path | str, typed: str, *more: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Answers from a pipe, as they are."""
    return subprocess.run(
        [sys.executable, "-m", "steelyard", "intake", str(path), *more], input=typed, capture_output=True,
        text=True, encoding="utf-8", cwd=cwd, check=False, timeout=60,
        env={**os.environ, "STEELYARD_LANG": "en", "COLUMNS": "100"},
    )  # fmt: skip


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A file whose system is described and of which nothing is answered."""
    path = tmp_path / "s.yaml"
    path.write_text(FRESH, encoding="utf-8")
    return path


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A file whose next screen is the checklist."""
    path = tmp_path / "c.yaml"
    path.write_text(f"system: {SYSTEM}\nfacts:{HARMLESS}", encoding="utf-8")
    return path


# -- nothing is lost ---------------------------------------------------------------------------------------------------


def test_what_was_answered_inside_a_screen_is_kept(tmp_path: Path) -> None:
    done = piped("a.yaml", "1\n1\nq\n", cwd=tmp_path)
    assert done.returncode == 0 and "kept in a.yaml" in done.stdout, done.stdout
    assert read(tmp_path / "a.yaml", WORDS).facts == {"audience": "internal", "affects": frozenset({"employees"})}


@pytest.mark.parametrize(("keys", "code"), [(b"\x03", 130), (b"\x04", 0), (None, -9)])
def test_an_interview_that_is_broken_off_inside_a_screen(keys: bytes | None, code: int, fresh: Path) -> None:
    with Terminal("intake", fresh) as it:
        it.type("2")
        it.type("1,3")
        if keys is None:
            it.kill()
        else:
            assert "go on with: steelyard intake" in it.keys(keys)
        assert it.wait() == code
    assert read(fresh, WORDS).facts == {"audience": "business", "affects": frozenset({"employees", "customers"})}
    assert [path.name for path in fresh.parent.iterdir()] == ["s.yaml"]


def test_stopping_early_takes_two_lines(fresh: Path) -> None:
    done = piped(fresh, "1\nq\n")
    kept, so_far = done.stdout.rstrip().splitlines()[-2:]
    assert kept == f"kept in {fresh}; go on with: steelyard intake {fresh}"
    assert "tier low to high (open)" in so_far and "lane Fast lane to Deep lane" in so_far
    assert "more screens" in so_far and so_far.endswith(f"steelyard assess {fresh}")
    assert "Owed" not in done.stdout


def test_nothing_answered_writes_nothing(tmp_path: Path) -> None:
    done = piped("n.yaml", "q\n", cwd=tmp_path)
    assert done.returncode == 0 and "nothing new" in done.stdout and list(tmp_path.iterdir()) == []


def test_the_hint_keeps_the_options_and_quotes_the_path(tmp_path: Path) -> None:
    annex = tmp_path / "annex.yaml"
    annex.write_text('policy: 1\nid: a\nversion: "1"\ntitle: {en: A, zh: 甲}\nextends: v1\n', encoding="utf-8")
    done = piped("my file.yaml", "1\nq\n", "--policy", str(annex), "--lang", "zh", cwd=tmp_path)
    assert f"steelyard intake 'my file.yaml' --policy {annex} --lang zh" in done.stdout, done.stderr


# -- what a draft proposes ---------------------------------------------------------------------------------------------


def drafted(folder: Path) -> Path:
    """A draft of the example description."""
    path = folder / "h.yaml"
    source = "examples/intake/cv-screening.md"
    done = subprocess.run(
        [sys.executable, "-m", "steelyard", "intake", "draft", "--from", source, "--out", path],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path


def test_the_interview_proposes_what_the_draft_found_and_keeps_it_until_confirmed(tmp_path: Path) -> None:
    path = drafted(tmp_path)
    proposals = notes_of(path.read_text("utf-8"), WORDS).suggestions
    assert {item.fact for item in proposals} >= {"affects", "decision_impact", "personal_data"}
    assert all(item.quote and "%" in item.sure for item in proposals)
    with Terminal("intake", path) as it:
        assert "What is it called?" in it.shown and "proposes answers to" in it.shown
        it.type("CV helper")
        it.type("")
        said = it.type("1")
        assert "proposed: Applicants" in said and "ranks candidates" in said and "Enter accepts it" in said
        assert "affects" not in read(path, WORDS).facts
        assert "accepted: Applicants" in it.type("")
        assert read(path, WORDS).facts["affects"] == frozenset({"applicants"})
        it.type("q")
    left = notes_of(path.read_text("utf-8"), WORDS).suggestions
    assert left == tuple(item for item in proposals if item.fact != "affects")
    assert set(read(path, WORDS).facts) == {"audience", "affects"}


def test_another_answer_and_i_do_not_know_beat_a_proposal(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        FRESH.replace(" {}", "")
        + '  # 87% sure: "for all"\n  # audience: public\n  # 60% sure: "c"\n  # affects: [citizens]\n'
    )
    with Terminal("intake", path) as it:
        it.type("1")
        it.type("-")
        it.type("q")
    kept = read(path, WORDS)
    assert kept.facts == {"audience": "internal"} and kept.asked == ("affects",)
    assert notes_of(path.read_text("utf-8"), WORDS).suggestions == ()


def test_proposals_that_differ_are_not_accepted_by_enter(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        FRESH.replace(" {}", "") + '  # 87% sure: "a"\n  # audience: public\n'
        '  # 90% sure, proposed by the endpoint: "b"\n  # audience: internal\n'
    )
    with Terminal("intake", path) as it:
        assert "proposed by the endpoint" in it.shown
        assert "they differ" in it.type("")
        assert read(path, WORDS).facts == {}
        it.type("1")
    assert read(path, WORDS).facts == {"audience": "internal"}


def test_only_comments_among_the_facts_are_proposals() -> None:
    text = (
        "system:\n  purpose: |\n    # audience: public\n# stage: use\nfacts:\n  # stage: everywhere\n  # nope: 1\n"
        "  # important_data: [\n  # sector: finance, once\n  # acts_on: none\nmodels: []\n# hosting: own\n"
    )
    assert notes_of(text, WORDS).suggestions == (Suggestion("acts_on", frozenset()),)


@given(st.data())
def test_notes_survive_writing_and_reading(data: st.DataObject) -> None:
    facts = data.draw(st.lists(st.sampled_from(WORDS.items), unique_by=lambda fact: fact.id, max_size=6))
    raw = {"bool": True, "count": 12, "one_of": None, "set_of": None}
    found = tuple(
        Suggestion(
            fact.id,
            fact.parse([fact.members[0]] if fact.type == "set_of" else raw[fact.type] or fact.members[-1]),
            " ".join(data.draw(st.text(max_size=20)).split()),
            data.draw(st.sampled_from(["87% sure", "9%", "60% sure, proposed by the endpoint", "80%，由端点提出"])),
        )
        for fact in sorted(facts, key=lambda fact: WORDS.ids.index(fact.id))
    )
    found = tuple(item for item in found if item.quote.isprintable())
    notes = Notes(found, data.draw(st.sampled_from([None, frozenset(), frozenset({"acts_on", "biometrics"})])))
    assert notes_of(profile_yaml(Profile("x", {}), WORDS, notes), WORDS) == notes


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["①", "²", "9" * 5_000, "1,2", "x" * (2 * MAX_LINE + 7)])
def test_what_is_no_answer_is_asked_again(typed: str, fresh: Path) -> None:
    done = piped(fresh, f"{typed}\n3\nq\n")
    assert done.returncode == 0 and "defect" not in done.stderr, done.stderr
    assert read(fresh, WORDS).facts == {"audience": "public"}


def test_bytes_that_are_no_text(fresh: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "steelyard", "intake", fresh], input=b"\xff\xfe\n2\nq\n", cwd=ROOT,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and read(fresh, WORDS).facts == {"audience": "business"}


COUNTING = """
policy: 1
id: a
version: "1"
title: {en: A, zh: 甲}
extends: v1
tiers:
  - id: high.many
    tier: high
    title: {en: Many, zh: 多}
    when: 'audience >= "business" and monthly_active >= 1000000'
    clauses: [v1:G5.1]
    why: {en: w, zh: 由}
    examples:
      fires: {audience: public, monthly_active: 1000000}
      near_miss: {audience: public, monthly_active: 999999}
"""


def test_a_count_that_is_too_large_is_asked_again(listed: Path, tmp_path: Path) -> None:
    annex = tmp_path / "annex.yaml"
    annex.write_text(COUNTING, encoding="utf-8")
    text = (
        listed.read_text("utf-8").replace("internal", "public") + "# checklist answered; still to be asked in detail:\n"
    )
    listed.write_text(text, encoding="utf-8")
    question = WORDS["monthly_active"].question.en
    with Terminal("intake", listed, "--policy", annex) as it:
        while question[:30] not in it.shown:
            it.type("-")
        assert "at most 1,000,000,000,000" in it.type("9999999999999999")
        assert "such as 12000" in it.type("1,2")
        it.type("12万")
    assert read(listed, WORDS).facts["monthly_active"] == 120_000


@pytest.mark.parametrize("word", ["不知道", "I don’t know", "-", "unknown", ""])
def test_i_do_not_know_in_words(word: str, fresh: Path) -> None:
    piped(fresh, f"{word}\n1\nq\n")
    kept = read(fresh, WORDS)
    assert kept.asked == ("audience",) and set(kept.facts) == {"affects"}


# -- back, help, ticks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["b", "back", "返回"])
def test_going_back_undoes_the_answer(word: str, fresh: Path) -> None:
    with Terminal("intake", fresh) as it:
        assert "first question" in it.type(word)
        it.type("3")
        it.type("1")
        assert "Whose rights" in it.type(word)
        assert set(read(fresh, WORDS).facts) == {"audience"}
        assert "Who uses it" in it.type(word)
        assert read(fresh, WORDS).facts == {}
        it.type("1")
        it.type("q")
    assert read(fresh, WORDS).facts == {"audience": "internal"}


def test_going_back_over_the_checklist(listed: Path) -> None:
    with Terminal("intake", listed) as it:
        assert "none of these" in it.shown
        it.type("2")
        assert read(listed, WORDS).facts["children_data"] is False
        assert "none of these" in it.type("b")
        kept = read(listed, WORDS)
        assert "children_data" not in kept.facts and notes_of(listed.read_text("utf-8"), WORDS).ticked is None


def test_help_in_the_checklist(listed: Path) -> None:
    with Terminal("intake", listed) as it:
        every = it.type("?")
        for fact in ("hazard_domain", "acts_on", "biometrics"):
            assert " ".join(WORDS[fact].question.en.split())[:40] in " ".join(every.split())
        one = it.type("?5")
        assert "School records, a paediatric ward's files" in " ".join(one.split())
        assert "a planner for chemical synthesis" not in one
        assert "such as 1,3" in it.type("99")


def test_ticks_are_kept(listed: Path) -> None:
    with Terminal("intake", listed) as it:
        it.type("2,3,5")
        it.kill()
    kept = read(listed, WORDS)
    assert kept.facts["children_data"] is True and "acts_on" not in kept.facts and "biometrics" not in kept.facts
    with Terminal("intake", listed) as it:
        assert "none of these" not in it.shown
        it.type("q")
    assert notes_of(listed.read_text("utf-8"), WORDS).ticked == {"acts_on", "biometrics"}
    done = piped(listed, "1\n" * 30)
    assert "none of these" not in done.stdout and WORDS["children_data"].question.en not in done.stdout
    assert read(listed, WORDS).facts["acts_on"] == frozenset({"records"})


# -- how a screen looks ------------------------------------------------------------------------------------------------


def test_a_screen_tells_progress_an_example_and_its_clause(fresh: Path) -> None:
    with Terminal("intake", fresh) as it:
        assert "about 10 more" in it.shown
        line = next(line for line in it.shown.splitlines() if "e.g." in line)
        assert "a minutes tool for staff" in line and "[v1:G5.1 " in line and len(line) <= 100
        long = " ".join(it.type("?").split())
        assert "v1:M4.1.3-a" in long and "a shop assistant any customer can open" in long and "behind a login" in long


# -- the end -----------------------------------------------------------------------------------------------------------


def test_nothing_left_is_said_only_when_nothing_is_left(listed: Path, tmp_path: Path) -> None:
    done = piped(listed, "7\n" + "2\n" * 20)
    assert "done: nothing left can change the result" in done.stdout and "ask " not in done.stdout.split("done:")[1]
    other = tmp_path / "open.yaml"
    other.write_text(FRESH, encoding="utf-8")
    done = piped(other, "\n" * 90)
    assert "nothing left can change" not in done.stdout
    tail = done.stdout[done.stdout.index("no more questions, but") :]
    assert "ask data governance" in tail and "--again" in tail and len(tail.splitlines()) < 25
    again = piped(other, "1\nq\n", "--again")
    assert "Who uses it" in again.stdout and read(other, WORDS).facts["audience"] == "internal"


def test_contradictions_are_shown_at_the_end(listed: Path) -> None:
    text = listed.read_text("utf-8").replace("It sorts mail.", "It recognises the faces of visitors at the gate.")
    listed.write_text(text, encoding="utf-8")
    done = piped(listed, "7\n" + "2\n" * 20)
    assert done.returncode == 0 and "contradiction(s)" in done.stdout and "faces of visitors" in done.stdout


# -- who the system is -------------------------------------------------------------------------------------------------


def test_name_purpose_and_owner_come_first_and_are_optional(tmp_path: Path) -> None:
    with Terminal("intake", cwd=tmp_path) as it:
        assert "What is it called?" in it.shown
        assert "not a number" in it.type("1")
        assert "In one sentence" in it.type("Mail Sorter 邮件")
        assert "What is it called?" in it.type("b")
        it.type("Mail Sorter 邮件")
        assert "compared with this sentence" in " ".join(it.type("?").split())
        assert "Who owns it" in it.type("It sorts letters for the post room: \x1b[31mred\u202e.")
        assert "[1] Who uses it" in it.type("")
        it.type("1")
        it.type("q")
    path = tmp_path / "steelyard.yaml"
    kept = read(path, WORDS)
    assert (kept.id, kept.name, kept.owner) == ("mail-sorter-邮件", "Mail Sorter 邮件", "")
    assert kept.purpose.startswith("It sorts letters for the post room:") and "\x1b" not in kept.purpose
    with Terminal("intake", path) as it:
        assert "Who owns it" not in it.shown  # skipped once, not asked again


def test_the_id_without_a_name(tmp_path: Path) -> None:
    piped("other.yaml", "\n\n\n1\nq\n", cwd=tmp_path)
    assert read(tmp_path / "other.yaml", WORDS).id == "other"
    piped("steelyard.yaml", "A tool\n\n\n1\nq\n", cwd=tmp_path)
    assert read(tmp_path / "steelyard.yaml", WORDS).id == "a-tool"


# -- the file ----------------------------------------------------------------------------------------------------------


def test_mode_and_link_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "target.yaml", tmp_path / "link.yaml"
    target.write_text(FRESH)
    target.chmod(0o640)
    link.symlink_to(target)
    piped(link, "1\nq\n")
    assert link.is_symlink() and read(target, WORDS).facts == {"audience": "internal"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_new_file_gets_the_usual_mode(tmp_path: Path) -> None:
    piped("n.yaml", "1\nq\n", cwd=tmp_path)
    (tmp_path / "usual").touch()
    assert (tmp_path / "n.yaml").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("kind", ["read-only", "folder", "no folder", "loop", "device"])
def test_a_file_that_cannot_be_written_is_refused_before_the_first_question(kind: str, fresh: Path) -> None:
    path = fresh
    if kind == "read-only":
        path.chmod(0o444)
    elif kind == "folder":
        path = fresh.parent
    elif kind == "no folder":
        path = fresh.parent / "none" / "s.yaml"
    elif kind == "loop":
        path = fresh.parent / "loop"
        path.symlink_to(path)
    else:
        path = Path("/dev/null")
    done = piped(path, "1\n")
    assert done.returncode == 2 and done.stdout == "" and str(path) in done.stderr, done.stderr
    assert fresh.read_text() == FRESH


def test_a_failing_disk_names_the_file(fresh: Path) -> None:
    fresh.unlink()
    fresh.parent.joinpath("s.yaml").mkdir()
    with pytest.raises(OSError, match=r"s\.yaml") as caught:
        save_profile(Profile("x", {}), WORDS, fresh)
    assert caught.value.filename == str(fresh) and [path.name for path in fresh.parent.iterdir()] == ["s.yaml"]


def test_what_somebody_else_wrote_meanwhile_stays(fresh: Path) -> None:
    with Terminal("intake", fresh) as it:
        it.type("1")
        fresh.write_text("facts: {stage: design}\n")
        assert "changed by somebody else" in " ".join(it.type("1").split())
        it.type("6")
        assert "s-2.yaml" in it.type("q")
    assert fresh.read_text() == "facts: {stage: design}\n"
    beside = read(fresh.parent / "s-2.yaml", WORDS)
    assert set(beside.facts) == {"audience", "affects", "stage"} and beside.name == "N"


# -- programs and closed streams ---------------------------------------------------------------------------------------


def test_json_keeps_the_dialogue_off_standard_output(listed: Path) -> None:
    done = piped(listed, "7\n" + "2\n" * 20, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["tier"] == {"lowest": "low", "highest": "low"}
    assert len(done.stdout.splitlines()) == 1 and "none of these" in done.stderr


def test_a_mistyped_action_starts_no_file(tmp_path: Path, steelyard: Run) -> None:
    for typed, meant in (("nextt", "next"), ("chekc", "check"), ("draf", "draft")):
        done = steelyard("intake", typed, cwd=tmp_path)
        assert done.returncode == 2 and f"did you mean: steelyard intake {meant}?" in done.stderr
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "nextt").write_text(FRESH)
    assert "Who uses it" in piped("nextt", "q\n", cwd=tmp_path).stdout
    assert "What is it called" in piped("./drafts", "q\n", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [("policy test >&-", 3, "standard output is closed"), ("policy test --json >&-", 3, "standard output is closed"),
     ("intake n.yaml <&-", 3, "a terminal, or answers on standard input"), ("policy test <&-", 0, ""),
     ("assess none.yaml 2>&-", 2, ""), ("intake n.yaml </dev/null", 0, "")],
)  # fmt: skip
def test_closed_streams(command: str, code: int, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m steelyard {command}'], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "STEELYARD_LANG": "en", "PYTHONPATH": str(ROOT / "src")}, check=False,
    )  # fmt: skip
    assert done.returncode == code and said in done.stderr and "defect" not in done.stderr, done.stderr
    assert "cannot be read" not in done.stdout  # what belongs on standard error does not move here
    assert list(tmp_path.iterdir()) == []


def test_a_policy_that_is_not_shipped(steelyard: Run) -> None:
    done = steelyard("policy", "check", "v2")
    assert done.returncode == 2 and "shipped policy: v1" in done.stderr
