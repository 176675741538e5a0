"""What a change of policy does to a portfolio is what it does to each of its systems."""

import csv
import datetime as dt
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.base.errors import InputError
from steelyard.intake.apply import apply_mapping, profile_of
from steelyard.intake.inventory import read_sheet
from steelyard.intake.mapping import load_mapping
from steelyard.journeys.moves import SHOWN, Moves, move, portfolio_moves, reading_policy
from steelyard.policy.assess import Assessment, assess, assess_facts
from steelyard.policy.compile import Policy, load_compiled
from steelyard.policy.tree import TIERS
from steelyard.profile.facts import Value
from tests.conftest import ROOT, Run
from tests.policy.test_properties import table_of
from tests.strategies import random_facts

ON = dt.date(2026, 11, 24)
INVENTORY = ROOT / "examples/inventory/inventory.csv"
MAP = ROOT / "examples/inventory/mapping.yaml"
HEAD = 'policy: 1\nid: acme\nversion: "1"\ntitle: {en: Annex of Acme, zh: 甲公司附加策略}\nextends: v1\n'
RULE = (
    "title: {{en: A, zh: 甲}}, when: '{when}', clauses: [v1:G5.1], why: {{en: A., zh: 甲。}},"
    " examples: {{fires: {{}}, near_miss: {{}}}}"
)
ANNEX = (
    HEAD
    + "tiers:\n  - {id: medium.platform, remove: true}\n  - {id: high.companion, tier: medium}\n"
    + "  - {id: high.texts, tier: high, "
    + RULE.format(when='audience == "public" and "text" in generates')
    + "}\nprohibitions:\n  - {id: stop.minors, basis: policy, "
    + RULE.format(when='minors == "targeted" and interaction == "companion"')
    + "}\nobligations:\n  - {id: govern.register-full, gate: intake}\n  - {id: own.notice, action: {en: A, zh: 甲}, "
    + "owner: business, gate: launch, "
    + RULE.format(when='tier >= "medium" and personal_data >= "personal"')
    + "}\nloosens:\n  - {rule: medium.platform, reason: {en: r, zh: 由}}\n"
    + "  - {rule: high.companion, reason: {en: r, zh: 由}}\n"
)


@pytest.fixture(scope="module")
def annexed(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    path = tmp_path_factory.mktemp("annex") / "annex.yaml"
    path.write_text(ANNEX, encoding="utf-8")
    return load_compiled(path)


def states(one: Assessment) -> dict[str, int]:
    """Each rule that holds (2) or may hold (1)."""
    return {item.rule.id: 1 + item.certain for item in (*one.tiers, *one.prohibitions, *one.obligations)}


def singly(systems: list[tuple[str, Assessment, Assessment]], policy: Policy, new: Policy) -> dict[str, Any]:
    """The same figures from two assessments of each system."""
    table: Counter[Any] = Counter()
    out: dict[str, Counter[str]] = {key: Counter() for key in ("moves", "obligations", "gains", "loses")}
    stops = {rule.id for rule, _ in (*policy.prohibitions, *new.prohibitions)}
    owed = {rule.id for rule, _ in (*policy.obligations, *new.obligations)}
    prohibited = 0
    moved = []
    for name, old_one, new_one in systems:
        table[(*old_one.tier, *old_one.lane), (*new_one.tier, *new_one.lane)] += 1
        ends = [tuple(TIERS.index(tier) for tier in one.tier) for one in (old_one, new_one)]
        if ends[0] != ends[1]:
            moved.append(name)
            low, high = (after - before for before, after in zip(*ends, strict=True))
            out["moves"][
                "widen" if low <= 0 <= high else "settle" if high <= 0 <= low else "up" if low > 0 else "down"
            ] += 1
        before, after = states(old_one), states(new_one)
        more = {name for name in after if after[name] > before.get(name, 0)}
        fewer = {name for name in before if before[name] > after.get(name, 0)}
        out["gains"].update(more)
        out["loses"].update(fewer)
        stays = "govern.register-full" in before and "govern.register-full" in after
        out["obligations"]["systems"] += bool((more | fewer) & owed) or stays
        out["obligations"]["gains"] += bool(more & owed)
        out["obligations"]["loses"] += bool(fewer & owed)
        out["obligations"]["changed"] += stays
        prohibited += bool((more | fewer) & stops)
    return {"table": table, "moved": moved, "prohibited": prohibited, **out}


def agree(moves: Moves, expected: dict[str, Any]) -> None:
    got = {((*old.tier, *old.lane), (*new.tier, *new.lane)): count for (old, new), count in moves.table.items()}
    assert got == dict(expected["table"])
    assert +moves.moves == expected["moves"]
    assert +moves.obligations == +expected["obligations"]
    assert moves.prohibitions["systems"] == expected["prohibited"]
    assert {name: gains for name, (gains, _) in moves.rules.items() if gains} == dict(expected["gains"])
    assert {name: loses for name, (_, loses) in moves.rules.items() if loses} == dict(expected["loses"])
    assert {item.system for item in moves.moved} <= set(expected["moved"])
    assert len(moves.moved) == min(SHOWN, len(expected["moved"]))
    assert moves.same == moves.judged - len(expected["moved"])


def test_the_example_inventory_moves_as_its_systems_do(policy: Policy, annexed: Policy) -> None:
    mapping, doc = load_mapping(MAP, policy)
    mapped = apply_mapping(mapping, doc, read_sheet(INVENTORY, mapping.data.inventory).frame, policy)
    profiles = [profile_of(mapping, mapped, row, policy) for row in range(mapped.facts.height)]
    systems = [(item.id, assess(item, policy, ON), assess(item, annexed, ON)) for item in profiles]
    moves = portfolio_moves(INVENTORY, MAP, policy, annexed, ON)
    assert (moves.total, moves.judged, moves.unusable) == (44, 44, {})
    expected = singly(systems, policy, annexed)
    assert expected["moved"] and expected["obligations"]["changed"]
    agree(moves, expected)


def test_random_systems_move_alike_in_both_directions(policy: Policy, annexed: Policy, tmp_path: Path) -> None:
    rng = random.Random(23)
    profiles = [random_facts(rng, policy.vocabulary, rng.choice([0.3, 0.8, 1.0])) for _ in range(400)]
    path = tmp_path / "p.parquet"
    table_of(profiles).with_columns(pl.Series("system", [f"s{row}" for row in range(400)])).write_parquet(path)
    for old, new in ((policy, annexed), (annexed, policy)):
        systems = [
            (f"s{row}", assess_facts(known, old, ON), assess_facts(known, new, ON))
            for row, known in enumerate(profiles)
        ]
        agree(portfolio_moves(path, None, old, new, ON), singly(systems, old, new))


def test_nothing_moves_between_a_policy_and_itself(policy: Policy) -> None:
    moves = portfolio_moves(INVENTORY, MAP, policy, policy, ON)
    assert not moves.moves and not moves.moved and moves.same == 44 and moves.lanes == 0
    assert not any(sum(pair) for pair in moves.rules.values())
    assert not +moves.obligations and not +moves.prohibitions


ENDS = st.tuples(st.integers(0, 2), st.integers(0, 2)).filter(lambda pair: pair[0] <= pair[1])


@given(ENDS, ENDS)
def test_every_change_has_one_name_and_its_reverse(old: tuple[int, int], new: tuple[int, int]) -> None:
    back = {"up": "down", "down": "up", "widen": "settle", "settle": "widen", None: None}
    assert move(new, old) == back[move(old, new)]
    assert (move(old, new) is None) == (old == new)
    possible_before, possible_after = (set(range(low, high + 1)) for low, high in (old, new))
    assert (move(old, new) == "widen") == (possible_before < possible_after)


FACT = (
    "facts:\n  - {id: x_union, type: bool, name: {en: Union, zh: 工会}, question: {en: Union?, zh: 有工会吗？},"
    " help: {en: H., zh: 说明。}, demanding: up}\n"
)


def with_fact(path: Path, kind: str = "bool") -> Policy:
    text = HEAD + FACT.replace("type: bool", f"type: {kind}")
    when = "x_union" if kind == "bool" else "x_union >= 1"
    path.write_text(text + "tiers:\n  - {id: high.union, tier: high, " + RULE.format(when=when) + "}\n", "utf-8")
    return load_compiled(path)


def test_a_fact_that_one_policy_does_not_know_is_unknown_to_it(policy: Policy, tmp_path: Path) -> None:
    annex = with_fact(tmp_path / "annex.yaml")
    source = tmp_path / "i.csv"
    source.write_text("Id,Who,Union\na,staff,yes\nb,staff,no\nc,staff,\n", encoding="utf-8")
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "mapping: 1\ntitle: {en: T, zh: 题}\nsystem: {id: {column: Id}}\nfacts:\n"
        "  audience: {column: Who, values: {staff: internal}}\n"
        "  x_union: {column: Union, values: {'yes': true, 'no': false}}\n",
        encoding="utf-8",
    )
    for old, new in ((policy, annex), (annex, policy)):
        moves = portfolio_moves(source, mapping, old, new, ON)
        gains, loses = moves.rules["high.union"]
        assert (gains, loses) == ((2, 0) if new is annex else (0, 2))  # a for certain, c perhaps
    assert reading_policy(policy, annex) is annex
    assert reading_policy(annex, policy).vocabulary.ids[-1] == "x_union"


def test_facts_that_mean_different_things_are_not_compared(tmp_path: Path) -> None:
    one, two = with_fact(tmp_path / "one.yaml"), with_fact(tmp_path / "two.yaml", "count")
    with pytest.raises(InputError) as caught:
        reading_policy(one, two)
    assert caught.value.code == "different_facts" and caught.value.field == "x_union"


def test_unusable_rows_are_counted_and_shown(policy: Policy, annexed: Policy, tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pl.DataFrame({"audience": ["internal", "everyone", "public"]}).write_parquet(path)
    moves = portfolio_moves(path, None, policy, annexed, ON)
    assert (moves.total, moves.judged, list(moves.unusable)) == (3, 2, [1])
    shown = moves.as_dict()
    assert shown["unusable"] == 1 and shown["unusable_rows"][0]["row"] == 1
    assert "everyone" in shown["unusable_rows"][0]["reason"]
    assert sum(row["systems"] for row in shown["table"]) == 2


def test_a_hundred_thousand_rows_take_seconds(policy: Policy, annexed: Policy, tmp_path: Path) -> None:
    rng = random.Random(3)
    frame = table_of([random_facts(rng, policy.vocabulary, 0.8) for _ in range(500)])
    path = tmp_path / "p.parquet"
    pl.concat([frame] * 200).write_parquet(path)
    start = time.monotonic()
    moves = portfolio_moves(path, None, policy, annexed, ON)
    assert time.monotonic() - start < 10
    small = tmp_path / "small.parquet"
    frame.write_parquet(small)
    once = portfolio_moves(small, None, policy, annexed, ON)
    assert moves.judged == 100_000
    assert {key: count * 200 for key, count in once.table.items()} == dict(moves.table)
    assert {key: count * 200 for key, count in once.moves.items()} == dict(moves.moves)
    assert [item.row for item in moves.moved] == sorted(item.row for item in moves.moved)


def test_the_command_adds_one_object(steelyard: Run, tmp_path: Path) -> None:
    annex = tmp_path / "annex.yaml"
    annex.write_text(ANNEX, encoding="utf-8")
    plain = json.loads(steelyard("policy", "diff", "v1", annex, "--json").stdout)
    options = ("--portfolio", INVENTORY, "--map", MAP, "--on", "2026-11-24")
    full = json.loads(steelyard("policy", "diff", "v1", annex, *options, "--json").stdout)
    portfolio = full.pop("portfolio")
    assert full == plain
    assert portfolio["on"] == "2026-11-24" and portfolio["rows"] == portfolio["judged"] == 44
    assert sum(portfolio["moves"].values()) == 44
    ids = {row["编号 ID"] for row in csv.DictReader(INVENTORY.open(encoding="utf-8-sig", newline=""))}
    assert portfolio["moved"] and {item["system"] for item in portfolio["moved"]} <= ids
    said = steelyard("policy", "diff", "v1", annex, *options)
    assert said.returncode == 0 and portfolio["moved"][0]["system"] in said.stdout
    assert "44 rows, 44 judged, 0 unusable" in said.stdout
    chinese = steelyard("policy", "diff", "v1", annex, *options, "--lang", "zh").stdout
    assert "评估 44 行" in chinese and "义务有变的系统" in chinese


BAD: dict[str, tuple[dict[str, bytes], list[str], str]] = {
    "missing": ({}, ["--portfolio", "none.csv", "--map", "m.yaml"], "no such file"),
    "folder": ({}, ["--portfolio", "."], "no such file"),
    "no_map": ({}, ["--portfolio", "i.csv"], "needs a mapping"),
    "missing_map": ({}, ["--portfolio", "i.csv", "--map", "none.yaml"], "cannot be read"),
    "empty_map": ({"m.yaml": b""}, ["--portfolio", "i.csv", "--map", "m.yaml"], "empty"),
    "wrong_map": ({}, ["--portfolio", "i.csv", "--map", "w.yaml"], "no column 'Whom'"),
    "no_mapping_at_all": ({}, ["--portfolio", "i.csv", "--map", "i.csv"], "mapping: 1"),
    "empty": ({"i.csv": b""}, ["--portfolio", "i.csv", "--map", "m.yaml"], "the inventory is empty"),
    "only_header": ({"i.csv": b"Id,Who\n"}, ["--portfolio", "i.csv", "--map", "m.yaml"], "no usable row"),
    "only_damaged": ({"i.csv": b"Id,Who\na\n,\n"}, ["--portfolio", "i.csv", "--map", "m.yaml"], "no usable row"),
    "no_parquet": ({"i.parquet": b"nothing"}, ["--portfolio", "i.parquet"], "Parquet"),
    "a_date": ({}, ["--portfolio", "i.csv", "--map", "m.yaml", "--on", "24.11.2026"], "YYYY-MM-DD"),
    "an_empty_date": ({}, ["--portfolio", "i.csv", "--map", "m.yaml", "--on", ""], "YYYY-MM-DD"),
    "map_alone": ({}, ["--map", "m.yaml"], "--map goes with --portfolio"),
    "date_alone": ({}, ["--on", "2026-11-24"], "--on goes with --portfolio"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str, tmp_path: Path, steelyard: Run) -> None:
    files, options, wanted = BAD[case]
    text = (
        "mapping: 1\ntitle: {en: T, zh: 题}\nsystem: {}\nfacts:\n  audience: {column: WHO, values: {staff: internal}}\n"
    )
    given_files = {
        "i.csv": b"Id,Who\na,staff\n",
        "m.yaml": text.replace("WHO", "Who").encode(),
        "w.yaml": text.replace("WHO", "Whom").encode(),
        **files,
    }
    for name, data in given_files.items():
        (tmp_path / name).write_bytes(data)
    before = sorted(tmp_path.iterdir())
    for more in ((), ("--json",)):
        done = steelyard("policy", "diff", "v1", "v1", *options, *more, cwd=tmp_path)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        said = json.loads(done.stdout)["error"] if more else done.stderr
        assert wanted in (said["message"] + (said["remedy"] or "") if more else said)
    assert sorted(tmp_path.iterdir()) == before


def test_no_policy_of_the_two_is_guessed(tmp_path: Path, steelyard: Run) -> None:
    done = steelyard("policy", "diff", "v1", tmp_path / "none.yaml", "--portfolio", INVENTORY, "--map", MAP)
    assert done.returncode == 2 and "none.yaml" in done.stderr


def test_a_system_without_an_id_is_its_row(policy: Policy, annexed: Policy, tmp_path: Path) -> None:
    facts: dict[str, Value] = {"audience": "public", "generates": frozenset({"text"})}
    path = tmp_path / "p.parquet"
    table_of([facts]).write_parquet(path)
    moves = portfolio_moves(path, None, policy, annexed, ON)
    assert [item.system for item in moves.moved] == ["row-0"]
