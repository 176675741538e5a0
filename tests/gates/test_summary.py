"""The read model behind lists: search finds exactly what it says, pages are whole, and a rebuild changes nothing."""

import datetime as dt
import shutil
import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.base import sql
from steelyard.cli.main import main
from steelyard.evidence import statement
from steelyard.evidence import store as evidence
from steelyard.gates import decide, fast_lane, people, search, summary, tables
from steelyard.gates.case import case_of
from steelyard.gates.desk import Desk
from steelyard.ledger.home import Home
from steelyard.ledger.personal import utc_now
from steelyard.policy.assess import assess
from steelyard.policy.compile import Policy
from steelyard.profile.document import Profile
from tests.conftest import ROOT
from tests.gates.house import House

ROW = summary.Row(
    "", "", "", "p-1", "review", "low", "low", "fast", 3, 1, 2, ("legal",), False, False, "sha256:0", "2026-01-02", None
)
CHINESE = "贷款审批会议纪要助手"
TEXTS = st.lists(
    st.text(CHINESE, min_size=1, max_size=4) | st.text("abL1", min_size=1, max_size=3) | st.sampled_from(["-", "，"]),
    min_size=1,
    max_size=6,
).map("".join)
SYSTEMS = st.lists(
    st.tuples(
        TEXTS,
        st.sampled_from(["", "一部", "Unit b"]),
        st.sampled_from(["low", "high"]),
        st.sampled_from(["review", "stopped"]),
    ),
    max_size=12,
)
QUERIES = st.lists(TEXTS | st.just(" "), max_size=3).map(" ".join)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A store on each database, its keys in a folder of its own."""
    folder = tmp_path_factory.mktemp("summary")
    url = f"sqlite:///{folder / '.steelyard' / 'steelyard.db'}"
    if request.param == "sqlite":
        yield Home(url)
        return
    import psycopg

    server = request.getfixturevalue("postgresql_server")
    with psycopg.connect(server, autocommit=True) as raw:
        raw.execute("CREATE SCHEMA summary")
    made = Home(f"{server}&options=-csearch_path%3Dsummary")
    made.folder = folder / ".steelyard"
    made.folder.mkdir()
    yield made
    with psycopg.connect(server, autocommit=True) as raw:
        raw.execute("DROP SCHEMA summary CASCADE")


@pytest.fixture(scope="module")
def link(home: Home) -> Iterator[sql.Connection]:
    """Its connection, with all tables."""
    with home.connect() as found:
        tables.prepare(found)
        yield found


def clear(link: sql.Connection) -> None:
    for table in summary.TABLES:
        link.execute(f"DELETE FROM {table}")  # noqa: S608


def pieces(text: str) -> list[str]:
    """The words of a text, told another way than the code does: character by character."""
    runs: list[str] = []
    for char in text.casefold():
        kind = "han" if char in CHINESE else "latin" if char in string.ascii_lowercase + string.digits else ""
        if kind and runs and runs[-1].startswith(kind):
            runs[-1] += char
        else:
            runs.append(f"{kind}:{char}" if kind else "")
    return [run for run in runs if run]


def holds(text: str, query: str) -> bool:
    """Whether a text has every Latin word of a query, the last one perhaps only begun, and every pair of characters."""
    have, asked = pieces(text), pieces(query)
    latin = {run.removeprefix("latin:") for run in have if run.startswith("latin:")}
    han = [run.removeprefix("han:") for run in have if run.startswith("han:")]
    for at, run in enumerate(asked):
        kind, _, word = run.partition(":")
        if kind == "latin" and at == len(asked) - 1 and not query[-1].isspace():
            if not any(one.startswith(word) for one in latin):
                return False
        elif kind == "latin":
            if word not in latin:
                return False
        elif not all(any(pair in one for one in han) for pair in ([word] if len(word) == 1 else _pairs(word))):
            return False
    return True


def _pairs(word: str) -> list[str]:
    return [word[at : at + 2] for at in range(len(word) - 1)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    SYSTEMS,
    QUERIES,
    st.sampled_from([0, 1, 3, 20_000]),
    st.sampled_from(["", "high"]),
    st.sampled_from(["", "review"]),
    st.sampled_from(["", "p-1", "p-2"]),
)
def test_search_finds_exactly_the_systems_that_have_the_words(
    link: sql.Connection,
    monkeypatch: pytest.MonkeyPatch,
    systems: list[tuple[str, str, str, str]],
    query: str,
    rare: int,
    tier: str,
    stage: str,
    own: str,
) -> None:
    """However common the words, whichever leads, on both databases, and page by page."""
    monkeypatch.setattr(summary, "RARE", rare)
    with link.transaction():
        clear(link)
        rows = []
        for number, (name, unit, highest, where) in enumerate(systems):
            row = replace(
                ROW,
                system=f"s{number}",
                name=name,
                unit=unit,
                tier_highest=highest,
                stage=where,
                owner=f"p-{number % 3}",
            )
            summary.write(link, row, summary.words_of(row, ""))
            rows.append(row)
    wanted = [
        row
        for row in sorted(rows, key=lambda row: (row.name.encode(), row.system.encode()))
        if holds(f"{row.name} {row.system} {row.unit} {row.owner}", query)
        and tier in ("", row.tier_highest)
        and stage in ("", row.stage)
    ]
    assert summary.find(link, q=query, tier=tier, stage=stage, limit=100) == wanted
    assert summary.count(link, q=query, tier=tier, stage=stage) == len(wanted)
    seen = [row for row in wanted if row.unit == "一部" or row.owner == own]
    assert summary.find(link, q=query, tier=tier, stage=stage, units=["一部"], own=own, limit=100) == seen
    assert summary.count(link, q=query, tier=tier, stage=stage, units=["一部"], own=own) == len(seen)
    assert summary.find(link, q=query, units=[], own="") == [] and summary.count(link, units=[]) == 0
    paged = [
        summary.find(link, q=query, tier=tier, stage=stage, limit=2, offset=at) for at in range(0, len(wanted) + 1, 2)
    ]
    assert [row for page in paged for row in page] == wanted


@given(st.text(), st.text())
def test_a_text_is_found_by_any_of_its_words(text: str, other: str) -> None:
    have = set(search.words(text))
    for word in list(have)[:5]:
        exact, prefix = search.query(f"{word} ")
        assert prefix is None and set(exact) <= have, (word, exact)
    assert search.words(f"{text} {other}")[: min(len(have), 400)] == search.words(text)


def test_chinese_and_latin_that_touch_are_found_apart() -> None:
    assert {"gpt4", "模型", "助手"} <= set(search.words("GPT4模型助手v2"))
    assert search.query("AI模型") == (["ai", "模型"], None)


def test_beyond_a_thousand_nothing_is_counted(link: sql.Connection) -> None:
    with link.transaction():
        clear(link)
        for number in range(summary.MANY + 5):
            row = replace(ROW, system=f"s{number}", name=f"name {number:04}", waiting=())
            summary.write(link, row, ["name", f"{number}"])
    assert summary.count(link) == summary.count(link, q="name ") == summary.MANY + 1
    assert summary.count(link, q="17 ") == 1
    assert [row.name for row in summary.find(link, offset=summary.MANY + 3)] == ["name 1003", "name 1004"]


def test_what_waits_comes_by_its_day_and_what_has_none_comes_last(link: sql.Connection) -> None:
    days = {"a": "2026-03-01", "b": None, "c": "2026-02-01", "d": "2026-02-01"}
    with link.transaction():
        clear(link)
        for system, due in days.items():
            roles = ("approval",) if system == "d" else ("data", "legal")
            summary.write(link, replace(ROW, system=system, name=system, due=due, waiting=roles), [])
    found = [(row.system, role) for row, role in summary.waiting_for(link, ["legal", "senior"])]
    assert found == [("c", "legal"), ("d", "approval"), ("a", "legal"), ("b", "legal")]
    assert len(summary.waiting_for(link, ["legal"], limit=2)) == 2
    summary.forget(link, "c")
    assert summary.one(link, "c") is None and len(summary.waiting_for(link, ["legal"])) == 3


def systems_of(policy: Policy, owner: str) -> list[Profile]:
    words = policy.vocabulary
    facts = {"audience": "internal", "personal_data": "none", "decision_impact": "none"}
    base = Profile("s-0", {name: words[name].parse(value) for name, value in facts.items()}, owner=owner)
    high = words["decision_impact"].parse("major")
    return [
        replace(base, id="s-0", name="会议纪要 Minutes", purpose="把录音整理成纪要"),
        replace(base, id="s-1", name="贷款审批", purpose="scores loans", facts={**base.facts, "decision_impact": high}),
        replace(base, id="s-2", name="Search", unit="集团总部"),
    ]


def test_a_rebuild_says_what_was_written_step_by_step(home: Home, link: sql.Connection, policy: Policy) -> None:
    desk = Desk.of(home, policy, statement.local_date(utc_now()))
    with link.transaction():
        clear(link)
        owner = people.enrol(home, link, f"Owner {link.dialect}")
        reviewer = people.enrol(home, link, f"Reviewer {link.dialect}")
        own = people.own_key(home, link, utc_now())
        for role in ("legal", "business"):
            people.appoint(home, link, reviewer, role, by=owner, passphrase=None, key=own)
        for profile in systems_of(policy, owner.id):
            case = case_of(assess(profile, policy, desk.on))
            tables.record_assessment(link, case, own, utc_now())
            said = decide.Request("declare", owner, "owner", "declared")
            fast_lane.declare(home, link, desk.judge(case, link), said, None, key=own)
            summary.refresh(link, desk, profile)
        first, second, third = systems_of(policy, owner.id)
        case = case_of(assess(second, policy, desk.on))
        asked = decide.Request("refuse", reviewer, "legal", "not so", gate="launch")
        decide.decide(home, link, desk.judge(case, link), asked, None, key=own)
        summary.refresh(link, desk, second)
        changed = replace(first, name="Minutes, renamed", purpose="everything else")
        tables.record_assessment(link, case_of(assess(changed, policy, desk.on)), own, utc_now())
        summary.refresh(link, desk, changed)
        kind = desk.kinds.resolve("document")
        about = statement.Subject("file", "0" * 64)
        paper = statement.evidence(kind, [about], third.id, issued=utc_now(), result=dict(kind.examples.satisfies))
        evidence.add(link, paper.sealed(own), desk.kinds, ts=utc_now())
        summary.refresh(link, desk, third)
    step_by_step = summary.contents(link)
    rows = summary.find(link)
    assert {row.stage for row in rows} >= {"review", "refused"}
    assert not summary.find(link, q="录音") and [row.system for row in summary.find(link, q="renam")] == ["s-0"]
    assert summary.rebuild(link, desk) == 3
    assert (summary.contents(link), summary.find(link)) == (step_by_step, rows)
    link.execute("UPDATE gates_word SET word = 'zz' WHERE word = 'renamed'")
    assert [name for name, said in summary.contents(link).items() if said != step_by_step[name]] == ["gates_word"]


def test_what_the_day_or_another_policy_overtook_is_judged_again(
    home: Home, link: sql.Connection, policy: Policy
) -> None:
    desk = Desk.of(home, policy, statement.local_date(utc_now()))
    profile = replace(systems_of(policy, "p-0000000000000000")[0], id="s-day")
    with link.transaction():
        clear(link)
        own = people.own_key(home, link, utc_now())
        tables.record_assessment(link, case_of(assess(profile, policy, desk.on)), own, utc_now())
        needs = [step.fired.rule for step in desk.judge(case_of(assess(profile, policy, desk.on)), link).plan()]
        rule = next(item for item in needs if "document" in item.evidence)
        kind, until = desk.kinds.resolve("document"), desk.on + dt.timedelta(days=3)
        more = desk.requirements.of(rule.id, kind.id)
        paper = statement.evidence(
            kind,
            [statement.Subject("file", "1" * 64)],
            profile.id,
            issued=utc_now(),
            result=dict(more.examples.meets if more else kind.examples.satisfies),
            valid_until=until.isoformat(),
            obligations=[rule.id],
        )
        evidence.add(link, paper.sealed(own), desk.kinds, ts=utc_now())
        before = summary.refresh(link, desk, profile)
    with link.transaction():
        assert summary.turn(link, desk) == 0
        for days, shut in ((3, before.shut), (4, before.shut + 1)):
            summary.turn(link, replace(desk, on=desk.on + dt.timedelta(days=days)))
            assert summary.find(link)[0].shut == shut
        link.execute("UPDATE gates_system SET policy = 'another', stage = 'launched'")
        assert summary.turn(link, desk) == 1 and summary.find(link) == [before]
        link.execute("UPDATE gates_system SET policy = 'another', system = 'nowhere'")
        assert summary.turn(link, desk) == 1 and summary.turn(link, desk) == 0


def test_reindex_builds_the_read_model_too(house: House) -> None:
    house.profile("meeting-notes")
    house.people(legal="Sun Yue")
    house.light()
    house.ok("reindex")
    rows = house.select("SELECT system, stage FROM gates_system")
    assert [row[0] for row in rows] == ["meeting-notes"]
    house.tamper("UPDATE gates_system SET stage = 'launched', name = 'x'", "DELETE FROM gates_word")
    assert house.json("reindex")["corrected"] == ["gates_system", "gates_word"]
    assert house.select("SELECT system, stage FROM gates_system") == rows
    assert house.json("reindex")["corrected"] == []
    assert dt.date.fromisoformat(house.select("SELECT substr(submitted, 1, 10) FROM gates_system")[0][0])


def test_decisions_and_evidence_on_the_command_line_move_the_list_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEELYARD_KEY_PASSPHRASE", "words")
    monkeypatch.delenv("STEELYARD_STORE", raising=False)
    shutil.copy(ROOT / "examples" / "systems" / "meeting-notes.yaml", tmp_path / "steelyard.yaml")
    (tmp_path / "d.txt").write_text("done", encoding="utf-8")

    def row() -> tuple[object, ...]:
        with sql.connect(f"sqlite:///{tmp_path / '.steelyard' / 'steelyard.db'}", create=False) as link:
            found = summary.one(link, "meeting-notes")
        return () if found is None else (found.done, found.stage)

    assert main(["key", "new", "--person", "Li Wei"]) == 0
    assert main(["appoint", "Li Wei", "--role", "legal", "--by", "Li Wei"]) == 0
    before = row()
    for kind, owed in (("document", "govern.register-light"), ("attestation", "supply.light-check")):
        args = ["--system", "meeting-notes", "--obligation", owed, "--subject", "d.txt", "--out", f"{kind}.json"]
        assert main(["evidence", "new", kind, *args]) == 0 and main(["evidence", "add", f"{kind}.json"]) == 0
    shown = row()
    decision = ["--by", "Li Wei", "--role", "legal", "--reason", "seen", "--gate", "launch"]
    assert main(["decide", "approve", "steelyard.yaml", *decision]) == 0
    assert (before, shown[1], row()[1]) == ((), "review", "launched")
