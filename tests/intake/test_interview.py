"""The interview asks little, never changes the result, and follows the policy."""

import datetime as dt
import json
import random
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.intake.interview import Interview, Screen, State, asking, state_of
from steelyard.policy.assess import Assessment, assess_facts
from steelyard.policy.compile import load_compiled
from steelyard.profile.document import read
from steelyard.profile.facts import Value
from tests.conftest import ROOT, Run
from tests.policy.test_example_inventory import systems  # noqa: F401  (a fixture)
from tests.strategies import coherent, random_facts

POLICY = load_compiled()
WORDS = POLICY.vocabulary
ON = dt.date(2026, 11, 24)


def walk(truth: dict[str, Value], interview: Interview | None = None) -> tuple[State, list[Screen]]:
    """Plays a person who knows `truth` and nothing else."""
    interview = interview or Interview(POLICY)
    state, screens = State(), []
    while (screen := interview.next(state)) is not None:
        screens.append(screen)
        assert len(screens) < 60
        if screen.kind == "checklist":
            unsure = {item.fact for item in screen.items if item.fact not in truth}
            ticked = {item.fact for item in screen.items if not harmless(item.fact, item.otherwise, truth)} - unsure
            state = interview.tick(state, ticked, screen, unsure)
            chosen = {
                item.fact: truth[item.fact]
                for item in screen.items
                if item.otherwise and item.fact not in ticked | unsure
            }
            state = interview.answer(state, chosen)
            continue
        for fact in screen.facts:
            if interview.applies(fact, state):
                state = interview.answer(state, {fact: truth.get(fact)})
    return state, screens


def harmless(fact: str, otherwise: tuple[str, ...], truth: dict[str, Value]) -> bool:
    """Whether a person who knows the truth would leave this line of the checklist unticked."""
    if otherwise:
        return truth.get(fact) in otherwise
    return fact in truth and truth[fact] in (False, "none", frozenset())


def same(one: Assessment, other: Assessment) -> bool:
    """The same tier, prohibitions and obligations, equally certain."""

    def said(item: Assessment) -> object:
        return item.tier, {(fired.rule.id, fired.certain) for fired in (*item.prohibitions, *item.obligations)}

    return said(one) == said(other)


def test_few_screens_and_the_same_result_on_the_example_inventory(systems: dict[str, Assessment]) -> None:  # noqa: F811
    low, counts = [], []
    for one in systems.values():
        state, screens = walk(dict(one.profile.facts))
        assert same(assess_facts(state.facts, POLICY, ON), one), one.profile.id
        counts.append(len(screens))
        if one.tier == ("low", "low"):
            low.append(len(screens))
    assert statistics.median(low) <= 8
    assert max(counts) <= 15


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([0.7, 1.0]))
def test_never_a_different_result_from_answering_everything(seed: int, known: float) -> None:
    truth = applicable(coherent(random_facts(random.Random(seed), WORDS, known), WORDS))
    state, _ = walk(truth)
    assert same(assess_facts(state.facts, POLICY, ON), assess_facts(truth, POLICY, ON))


def applicable(facts: dict[str, Value]) -> dict[str, Value]:
    """Only answers to questions that are asked: a person who answers everything sees no others."""
    conditional = [fact for wave in POLICY.waves for fact, _ in wave]
    out = {fact: value for fact, value in facts.items() if fact not in conditional}
    for fact in conditional:
        if fact in facts and fact not in assess_facts(out, POLICY, ON).not_applicable:
            out[fact] = facts[fact]
    return coherent(out, WORDS)


def test_the_six_questions_open_and_the_checklist_follows() -> None:
    _, screens = walk({})
    assert [screen.kind for screen in screens[:6]] == ["opening"] * 6
    assert screens[6].kind == "checklist"
    openers = [fact.id for fact in WORDS.items if fact.opening]
    assert set(openers) <= {fact for screen in screens[:6] for fact in screen.facts}


def test_a_changed_rule_changes_the_next_question(tmp_path: Path) -> None:
    annex = tmp_path / "annex.yaml"
    annex.write_text(
        'policy: 1\nid: a\nversion: "1"\ntitle: {en: A, zh: 甲}\nextends: v1\ntiers:\n'
        "  - id: high.old-chips\n    tier: high\n    title: {en: Chips, zh: 芯片}\n"
        '    when: compute_origin & {"unidentified"}\n    clauses: [v1:G5.1]\n    why: {en: w, zh: 由}\n'
        "    examples: {fires: {compute_origin: [unidentified]}, near_miss: {compute_origin: []}}\n",
        encoding="utf-8",
    )
    state = State(
        {name: WORDS[name].parse(raw) for name, raw in {
            "audience": "internal", "affects": [], "stage": "use", "personal_data": "none", "important_data": False,
            "decision_impact": "none", "autonomy": "advises", "model_origin": ["own"],
            "training_activity": ["prompting"],
            "generates": ["text"], "sector": ["general"], "critical_infrastructure": False, "data_leaves_china": False,
            "model_leaves_china": False, "hosting": ["own"], "hazard_domain": [], "acts_on": [], "biometrics": [],
            "profiles_people": "none", "children_data": False, "vulnerable_groups": [],
        }.items()},
        checklist_done=True,
    )  # fmt: skip
    before, after = Interview(POLICY).next(state), Interview(load_compiled(annex)).next(state)
    assert after is not None and "compute_origin" in after.facts and "high.old-chips" in after.settles
    assert before is None or before.settles != after.settles


def test_i_do_not_know_is_not_asked_again() -> None:
    state, screens = walk({})
    asked = [fact for screen in screens if screen.kind != "checklist" for fact in screen.facts]
    assert len(asked) == len(set(asked))
    assert assess_facts(state.facts, POLICY, ON).tier == ("low", "high")


def test_the_next_screen_is_quick() -> None:
    interview, times = Interview(POLICY), []
    for seed in range(20):
        state = State(random_facts(random.Random(seed), WORDS, 0.4))
        start = time.process_time()
        interview.next(state)
        times.append(time.process_time() - start)
    assert statistics.median(times) < 0.02


def test_next_as_contracts_fix_it(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("facts: {}\n")
    screen = json.loads(steelyard("intake", "next", path, "--json").stdout)
    assert {"facts", "question", "settles"} <= set(screen) and set(screen["question"]) == {"en", "zh"}
    assert screen["facts"][0] == "audience"
    done = steelyard("intake", "next", ROOT / "examples/systems/meeting-notes.yaml", "--json")
    assert json.loads(done.stdout) is None


def talk(path: Path, lines: list[str], *more: str) -> "subprocess.CompletedProcess[str]":
    """Types `lines` into the interview."""
    return subprocess.run(
        [sys.executable, "-m", "steelyard", "intake", str(path), *more],
        input="\n".join(lines) + "\n", capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=False,
        timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_interview_in_the_terminal_can_be_resumed(lang: str, tmp_path: Path) -> None:
    path = tmp_path / "steelyard.yaml"
    first = talk(path, ["?", "1", "99", "", "6", "q"], "--lang", lang)
    assert first.returncode == 0, first.stderr
    kept = read(path, WORDS)
    assert kept.facts["audience"] == "internal" and "stage" in kept.facts and kept.asked == ("affects",)
    second = talk(path, [""] * 60, "--lang", lang)
    assert second.returncode == 0, second.stderr
    assert WORDS["audience"].question.get(lang) not in second.stdout  # type: ignore[arg-type]
    finished = read(path, WORDS)
    assert Interview(POLICY).next(state_of(finished.facts, finished.asked, POLICY)) is None


def test_what_stands_in_the_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        'system: {id: "a: b", name: 名称, purpose: "x # y"}\nfacts: {audience: public}\nmodels: [m]\n', encoding="utf-8"
    )
    talk(path, ["q"])
    kept = read(path, WORDS)
    assert (kept.id, kept.name, kept.purpose, kept.models) == ("a: b", "名称", "x # y", ("m",))
    assert kept.facts == {"audience": "public"}


def at_the_checklist(**facts: Value) -> tuple[Interview, State, Screen]:
    """A harmless tool used by outsiders, at its checklist."""
    truth: dict[str, Value] = {
        **{
            fact.id: fact.neutral if fact.neutral is not None else fact.members[0]
            for fact in WORDS.items
            if fact.opening
        },
        **facts,
    }
    interview, state = Interview(POLICY), State()
    while (screen := interview.next(state)) is not None and screen.kind != "checklist":
        for fact in screen.facts:
            state = interview.answer(state, {fact: truth.get(fact)})
    assert screen is not None
    return interview, state, screen


def test_a_tick_answers_a_yes_no_fact_and_is_not_asked_again() -> None:
    interview, state, screen = at_the_checklist(audience="business")
    state = interview.tick(state, {"children_data", "acts_on"}, screen)
    assert state.facts["children_data"] is True and "acts_on" not in state.facts
    assert state.facts["biometrics"] == frozenset() and state.ticked == {"acts_on"}
    seen = []
    while (following := interview.next(state)) is not None:
        seen += following.facts
        state = interview.answer(state, dict.fromkeys(following.facts))
    assert "children_data" not in seen and "acts_on" in seen


def test_ticks_are_part_of_what_is_resumed() -> None:
    interview, state, screen = at_the_checklist()
    state = interview.tick(state, {"acts_on", "biometrics"}, screen)
    resumed = state_of(state.facts, tuple(state.asked), POLICY, state.ticked)
    assert resumed.checklist_done and resumed.ticked == {"acts_on", "biometrics"}
    following = interview.next(resumed)
    assert following is not None and following.kind != "checklist"
    answered = interview.answer(resumed, {"acts_on": frozenset({"money"})})
    assert answered.ticked == {"biometrics"}


def test_unsure_in_the_checklist_settles_nothing() -> None:
    interview, state, screen = at_the_checklist()
    state = interview.tick(state, (), screen, unsure={"children_data"})
    assert "children_data" not in state.facts and state.facts["biometrics"] == frozenset()
    assert "children_data" in asked_from(interview, state)


def asked_from(interview: Interview, state: State) -> list[str]:
    """What is asked from here on where nobody knows anything."""
    out: list[str] = []
    while (screen := interview.next(state)) is not None:
        out += screen.facts
        state = interview.answer(state, dict.fromkeys(screen.facts))
    return out


def test_about_how_many_screens_are_left(systems: dict[str, Assessment]) -> None:  # noqa: F811
    interview, errors = Interview(POLICY), []
    for one in list(systems.values())[::3]:
        truth, states, state = dict(one.profile.facts), [], State()
        while (screen := interview.next(state)) is not None:
            states.append(state)
            if screen.kind == "checklist":
                ticked = {item.fact for item in screen.items if not harmless(item.fact, item.otherwise, truth)}
                state = interview.tick(state, ticked - {item.fact for item in screen.items if item.otherwise}, screen)
                continue
            for fact in screen.facts:
                if interview.applies(fact, state):
                    state = interview.answer(state, {fact: truth.get(fact)})
        errors += [abs(interview.remaining(at) - (len(states) - done)) for done, at in enumerate(states)]
        assert interview.remaining(state) == 0
    assert statistics.mean(errors) <= 1 and max(errors) <= 4


def test_every_fact_has_an_example_and_somebody_who_knows() -> None:
    assert set(asking()) == set(WORDS.ids)


def test_what_stays_open_is_told() -> None:
    state, _ = walk({})
    left = Interview(POLICY).left_open(state)
    assert left and set(left) <= state.asked
    known = replace(state, asked=frozenset())
    assert Interview(POLICY).left_open(known) == []
