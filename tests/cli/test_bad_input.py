"""Bad input: one clear message with place and remedy, exit code 2, no traceback, nothing written."""

import datetime as dt
import difflib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.base.yamldoc import near, parse
from steelyard.journeys.portfolio import run
from steelyard.policy.compile import Policy
from steelyard.profile.facts import vocabulary
from tests.conftest import ROOT, Run

GOOD = "facts:\n  audience: internal\n"


def bad(run: Run, *args: object) -> str:
    """Runs a command that must fail as bad input should; answers what it said."""
    done = run(*args)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


PROFILES = {
    "unknown_fact": ("facts:\n  audiance: internal\n", "2:3", "did you mean audience"),
    "wrong_value": ("facts:\n  audience: everyone\n", "2:13", "internal"),
    "wrong_type_list": ("facts:\n  audience: [internal]\n", "2:13", "audience"),
    "wrong_type_bool": ("facts:\n  important_data: 3\n", "2:19", "true or false"),
    "wrong_type_count": ("facts:\n  monthly_active: many\n", "2:19", "whole number"),
    "fraction": ("facts:\n  monthly_active: 2.5\n", "2:19", "whole number"),
    "negative": ("facts:\n  monthly_active: -1\n", "2:19", "from 0"),
    "none_and_more": ("facts:\n  sector: [none, finance]\n", "2:11", "none"),
    "member": ("facts:\n  sector: [finanse]\n", "2:11", "did you mean finance"),
    "duplicate_key": ("facts:\n  audience: internal\n  audience: public\n", "3:3", "keep one"),
    "anchor": ("facts: &a\n  audience: internal\n", "1:8", "write the value out"),
    "alias": ("a: *b\n", "1:4", "write the value out"),
    "merge": ("facts:\n  <<: {a: b}\n", "2:3", "write the values out"),
    "tag": ("facts: !!python/object/apply:os.system ['true']\n", "1:8", "plain values"),
    "bomb": ("a: &a [x,x]\nb: &b [*a,*a]\n", "1:4", "write the value out"),
    "nested": ("facts: " + "[" * 200 + "]" * 200 + "\n", "1:39", "flatten"),
    "two_documents": (GOOD + "---\n" + GOOD, "4:1", "one document"),
    "empty": ("", "1:1", "steelyard init"),
    "only_comment": ("# nothing\n", "1:1", "steelyard init"),
    "not_yaml": ("facts: [a\n", "", "indentation"),
    "tab": ("facts:\n\taudience: internal\n", "2:1", "indentation"),
    "control": ("facts: \x01\n", "", "control characters"),
    "a_list": ("- a\n", "1:1", "steelyard init"),
    "no_facts": ("system: {id: x}\n", "1:1", "facts"),
    "unknown_key": ("fact:\n  audience: internal\n", "1:1", "did you mean facts"),
    "format": ("steelyard: 9\nfacts: {}\n", "1:12", "steelyard: 1"),
    "huge_number": ("facts:\n  monthly_active: 99999999999999999999999\n", "2:19", "digits"),
    "system_field": ("system: {ownr: x}\nfacts: {}\n", "1:10", "did you mean owner"),
    "asked": ("facts: {}\nasked: [nope]\n", "2:9", "no fact"),
}


@pytest.mark.parametrize("case", PROFILES)
def test_a_bad_profile(case: str, tmp_path: Path, steelyard: Run) -> None:
    text, place, remedy = PROFILES[case]
    path = tmp_path / "steelyard.yaml"
    path.write_text(text, encoding="utf-8")
    said = bad(steelyard, "assess", path)
    assert f"{path}:{place}" in said if place else str(path) in said
    assert remedy in said
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("gb18030", "facts:\n  audience: internal # 本单位人员使用\n".encode("gb18030"), "GB18030"),
        ("cp1252", b"system: {name: caf\xe9}\nfacts: {}\n", "cp1252"),
        ("utf16", GOOD.encode("utf-16"), "UTF-16"),
        ("binary", bytes(range(256)) * 4, "UTF-8"),
    ],
)
def test_a_wrong_encoding_is_named(name: str, data: bytes, wanted: str, tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(data)
    said = bad(steelyard, "assess", path)
    assert wanted in said and "save it as UTF-8" in said


def test_a_byte_order_mark_is_read(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(GOOD.encode("utf-8-sig"))
    assert steelyard("assess", path).returncode == 0


def test_a_field_of_ten_megabytes(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("system: {purpose: " + "x" * 10_000_000 + "}\nfacts: {}\n")
    assert "larger than" in bad(steelyard, "assess", path)
    path.write_text("system: {purpose: " + "x" * 1_000_000 + "}\nfacts: {}\n")
    assert "shorten it" in bad(steelyard, "assess", path)


def test_a_missing_file_and_a_folder(tmp_path: Path, steelyard: Run) -> None:
    assert "cannot be read" in bad(steelyard, "assess", tmp_path / "none.yaml")
    assert "cannot be read" in bad(steelyard, "assess", tmp_path)


def test_one_bad_input_among_several(tmp_path: Path, steelyard: Run) -> None:
    good, wrong = tmp_path / "good.yaml", tmp_path / "wrong.yaml"
    good.write_text(GOOD)
    wrong.write_text("facts:\n  audience: 3\n")
    done = steelyard("assess", "--json", good, wrong, good)
    assert done.returncode == 2
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert first == third and first["system"] == "good"
    assert second["path"] == str(wrong)
    assert second["error"]["line"] == 2 and second["error"]["field"] == "facts.audience"
    assert second["error"]["code"] == "wrong_type" and second["error"]["message"] and "remedy" in second["error"]


def test_errors_speak_chinese(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("facts:\n  audiance: internal\n")
    done = steelyard("assess", path, "--lang", "zh")
    assert done.returncode == 2 and "没有事实 audiance" in done.stderr and "是否想写 audience" in done.stderr


RULE = """\
policy: 1
id: annex
version: "1"
title: {en: Annex, zh: 附加策略}
extends: v1
tiers:
  - id: high.mine
    tier: high
    title: {en: Mine, zh: 我的}
    when: WHEN
    clauses: [CLAUSE]
    why: {en: Because., zh: 因为。}
    examples:
      fires: {audience: public}
      near_miss: {audience: internal}
"""

EXPRESSIONS = {
    "unknown_name": ("audiance == \"public\"", "10:11", "did you mean audience"),
    "unknown_name_later": ("important_data and nope", "10:30", "not a fact"),
    "wrong_value": ('audience == "everyone"', "10:23", "internal"),
    "not_ordered": ('stage >= "use"', "10:17", "no order"),
    "wrong_type": ("audience == 3", "10:23", "compared with one of its values"),
    "set_in_one_of": ('audience & {"public"}', "10:11", "not a set fact"),
    "bare_one_of": ("audience", "10:11", "compare it"),
    "single_equals": ('audience = "public"', "10:20", "straight"),
    "chained": ('"finance" in sector in sector', "10:31", "cannot be chained"),
    "open_parenthesis": ('(audience == "public"', "", "expected )"),
    "trailing": ('audience == "public" public', "10:32", "cannot stand here"),
    "empty": ('""', "10:12", "empty"),
    "call": ('__import__("os")', "10:11", "not a fact"),
    "attribute": ("sector.__class__", "10:17", "cannot stand here"),
    "tier_in_tier": ('tier == "low"', "10:11", "only obligations"),
    "deep": ("(" * 60 + "important_data" + ")" * 60, "10:35", "nested more than"),
    "long": ("important_data and " * 400 + "important_data", "", "longer than"),
}  # fmt: skip


def annex(tmp_path: Path, when: str, clause: str = "v1:G5.1") -> Path:
    path = tmp_path / "annex.yaml"
    path.write_text(RULE.replace("WHEN", when).replace("CLAUSE", clause), encoding="utf-8")
    return path


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_a_bad_expression_names_its_place(case: str, tmp_path: Path, steelyard: Run) -> None:
    when, place, remedy = EXPRESSIONS[case]
    if case == "open_parenthesis":
        when = f"'{when}'"
    if case == "chained":
        when = f"'{when}'"
        place = "10:32"
    path = annex(tmp_path, when)
    said = bad(steelyard, "policy", "show", "--policy", path)
    assert f"{path}:{place}" in said
    assert remedy in said


def test_a_place_inside_a_block_text(tmp_path: Path, steelyard: Run) -> None:
    path = annex(tmp_path, "|\n      important_data\n      and nope")
    assert f"{path}:12:11" in bad(steelyard, "policy", "show", "--policy", path)


def test_an_unknown_clause(tmp_path: Path, steelyard: Run) -> None:
    said = bad(steelyard, "policy", "show", "--policy", annex(tmp_path, "important_data", "v1:M9.9"))
    assert "v1:M9.9" in said
    assert steelyard("policy", "show", "--policy", annex(tmp_path, "important_data", "cn:GAI-07")).returncode == 0


def test_layers_that_go_in_a_circle(tmp_path: Path, steelyard: Run) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    head = 'policy: 1\nversion: "1"\ntitle: {en: T, zh: 题}\n'
    one.write_text(f"{head}id: one\nextends: two.yaml\n")
    two.write_text(f"{head}id: two\nextends: one.yaml\n")
    said = bad(steelyard, "policy", "show", "--policy", one)
    assert "circle" in said and "one.yaml -> two.yaml -> one.yaml" in said


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("", ""),
        ("zh: 我的", "every text stands in both languages"),
        ("    tier: high\n", "'tier' is missing"),
        ("    why: {en: Because., zh: 因为。}\n", "'why' is missing"),
    ],
)
def test_a_policy_without_a_part(change: str, wanted: str, tmp_path: Path, steelyard: Run) -> None:
    path = annex(tmp_path, "important_data")
    path.write_text(path.read_text(encoding="utf-8").replace(change, "", 1) if change else path.read_text("utf-8"))
    done = steelyard("policy", "show", "--policy", path)
    assert (done.returncode == 2 and wanted in done.stderr) if wanted else done.returncode == 0


INVENTORIES = {
    "empty": (b"", "empty"),
    "gb18030": ("名称,谁\n会议,内部\n".encode("gb18030"), "encoding: gb18030"),
    "damaged_cp1252": (b"Name,Who\ncaf\xe9 \x81,internal\n", "encoding: cp1252"),
    "quote": (b'Name,Who\n"open,internal\n', "quotation marks"),
    "field": (b"Name,Who\n" + b"x" * 10_000_000 + b",internal\n", "1,000,000"),
    "column": (b"Title,Who\na,internal\n", "did you mean"),
    "only_header": (b"Name,Who\n", "no usable row"),
}
MAPPING = """\
mapping: 1
title: {en: T, zh: 题}
system: {name: {column: Name}}
facts:
  audience: {column: Who, values: {internal: internal}}
"""


@pytest.mark.parametrize("case", INVENTORIES)
def test_a_bad_inventory(case: str, tmp_path: Path, steelyard: Run) -> None:
    data, wanted = INVENTORIES[case]
    source, mapping = tmp_path / "i.csv", tmp_path / "m.yaml"
    source.write_bytes(data)
    mapping.write_text(MAPPING.replace("Name}", "Titel}") if case == "column" else MAPPING, encoding="utf-8")
    said = bad(steelyard, "portfolio", "assess", source, "--map", mapping, "--out", tmp_path / "out")
    assert wanted in said
    assert sorted(tmp_path.iterdir()) == [source, mapping]


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("audience:", "audiance:", "did you mean audience"),
        ("internal: internal", "internal: inside", "not a value of audience"),
        ("values: {internal: internal}", "", "say how cells are read"),
        ("values: {internal: internal}", "patterns: [{match: '(', value: public}]", "regular expression"),
        ("values: {internal: internal}", "patterns: [{match: '(?=x)y', value: public}]", "look-around"),
        ("values: {internal: internal}", "split: ';', values: {a: internal}", "takes one value"),
        ("audience: {column: Who,", "sector: {column: Who, split: '',", "cannot separate members"),
        ("mapping: 1", "mapping: 2", "mapping: 1"),
        (
            "facts:",
            "assume: [{id: a, fact: decision_impact, value: none, reason: {en: r, zh: 由}}]\nfacts:",
            "never assumed",
        ),
        ("facts:", "assume: [{id: a, fact: audience, value: internal}]\nfacts:", "'reason' is missing"),
        (
            "facts:",
            "assume: [{id: a, fact: sector, value: none, reason: {en: r, zh: 由}}, "
            "{id: a, fact: affects, value: none, reason: {en: r, zh: 由}}]\nfacts:",
            "two assumptions have the id 'a'",
        ),
        ("facts:", "assume: [{id: a, fact: audience, value: internal, reason: {en: r}}]\nfacts:", "both languages"),
    ],
)
def test_a_bad_mapping(old: str, new: str, wanted: str, tmp_path: Path, steelyard: Run) -> None:
    source, mapping = tmp_path / "i.csv", tmp_path / "m.yaml"
    source.write_text("Name,Who\na,internal\n")
    mapping.write_text(MAPPING.replace(old, new, 1), encoding="utf-8")
    said = bad(steelyard, "portfolio", "assess", source, "--map", mapping, "--out", tmp_path / "out")
    assert wanted in said and f"{mapping}:" in said
    assert not (tmp_path / "out").exists()


def test_a_bad_parquet_and_workbook(tmp_path: Path, steelyard: Run) -> None:
    for name in ("a.parquet", "a.xlsx"):
        path = tmp_path / name
        path.write_bytes(b"not what it says")
        mapping = tmp_path / "m.yaml"
        mapping.write_text(MAPPING, encoding="utf-8")
        args = ("--map", mapping) if name.endswith("xlsx") else ()
        said = bad(steelyard, "portfolio", "assess", path, *args, "--out", tmp_path / "out")
        assert str(path) in said
    said = bad(steelyard, "portfolio", "assess", ROOT / "Makefile", "--out", tmp_path / "o")
    assert ".csv, .xlsx or .parquet" in said


def test_damaged_pages_of_a_parquet(tmp_path: Path, steelyard: Run) -> None:
    path, mapping = tmp_path / "a.parquet", tmp_path / "m.yaml"
    frame = pl.DataFrame({"audience": ["internal", "public"] * 5_000, "Name": [str(row) for row in range(10_000)]})
    frame.write_parquet(path)
    data = bytearray(path.read_bytes())
    for index in range(60, len(data) - 2_000, 7):
        data[index] ^= 0x5A
    path.write_bytes(data)
    mapping.write_text(MAPPING.replace("Who", "audience"), encoding="utf-8")
    for options in ((), ("--map", mapping)):
        said = bad(steelyard, "portfolio", "assess", path, *options, "--out", tmp_path / "out")
        assert f"{path}: Parquet pages that cannot be read" in said
        assert not (tmp_path / "out").exists()


def test_a_column_that_stands_twice_in_a_parquet(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "a.parquet"
    columns = [pa.array(["internal"]), pa.array(["public"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["audience", "audience"]), path)
    assert "'audience' stands there twice" in bad(steelyard, "portfolio", "assess", path, "--out", tmp_path / "out")


EXOTIC = {
    "wide_decimal": pa.array([1, 2]).cast(pa.decimal256(50, 2)),
    "nowhere": pa.array([1, 2], pa.timestamp("us", tz="Weird/Zone")),
    "struct": pa.array([{"x": 1}, {"x": 2}]),
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int32())),
    "duration": pa.array([1, 2], pa.duration("s")),
}


@pytest.mark.parametrize("kind", EXOTIC)
def test_a_strange_column_that_nobody_asked_for(kind: str, tmp_path: Path, steelyard: Run) -> None:
    path, out = tmp_path / "a.parquet", tmp_path / "out"
    pq.write_table(pa.table({"audience": ["internal", "public"], "x": EXOTIC[kind], "y": EXOTIC[kind]}), path)
    done = steelyard("portfolio", "assess", path, "--out", out, "--only", "parquet")
    assert done.returncode == 0 and "'x' is not a fact" in done.stderr, done.stderr
    assert pl.read_parquet(out / "portfolio.parquet").height == 2
    mapping = tmp_path / "m.yaml"
    mapping.write_text(MAPPING.replace("Who", "audience").replace("name: {column: Name}", ""), encoding="utf-8")
    done = steelyard("portfolio", "assess", path, "--map", mapping, "--out", out, "--only", "parquet")
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("kind", [name for name in EXOTIC if name != "nowhere"])
@pytest.mark.parametrize("column", ["audience", "sector", "important_data", "monthly_active", "system"])
def test_a_strange_column_where_a_fact_should_be(kind: str, column: str, tmp_path: Path, policy: Policy) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"autonomy": ["advises", "advises"], column: EXOTIC[kind]}), path)
    summary = run(path, None, tmp_path / "out", policy, dt.date(2026, 11, 24))
    if column == "system":
        assert summary.unusable == {}
    else:
        filled = [row for row in range(2) if EXOTIC[kind][row].as_py() is not None]
        assert list(summary.unusable) == filled and all(column in why for why in summary.unusable.values())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without telling them")
def test_a_command_that_is_told_to_end_leaves_nothing(tmp_path: Path) -> None:
    path, out = tmp_path / "a.parquet", tmp_path / "out"
    pl.DataFrame({"audience": ["public"] * 400_000}).write_parquet(path)
    command = [sys.executable, "-m", "steelyard", "portfolio", "assess", str(path), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        end = time.monotonic() + 30
        while not list(tmp_path.glob("out/.steelyard-*")) and time.monotonic() < end:
            time.sleep(0.01)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
        assert process.stderr is not None and "Traceback" not in process.stderr.read()
    assert sorted(tmp_path.iterdir()) == [path]


FOREIGN = {
    "strangers": lambda index, known: f"fact_number_{index}",
    "near_misses": lambda index, known: f"{known[index % len(known)]}{index}",
    "shuffled": lambda index, known: f"{known[index % len(known)][::-1]}{index}",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_thousands_of_unknown_facts_are_refused_in_time(kind: str, tmp_path: Path, steelyard: Run) -> None:
    known = vocabulary().ids
    path = tmp_path / "p.yaml"
    path.write_text("facts:\n" + "".join(f"  {FOREIGN[kind](index, known)}: 1\n" for index in range(20_000)))
    took = []
    for command in ("assess", "validate"):
        start = time.monotonic()
        done = steelyard(command, path)
        took.append(time.monotonic() - start)
        assert done.returncode == 2 and f"{path}:2:3" in done.stderr + done.stdout
    assert min(took) < 2  # about a second each; the other may share its core


@given(st.data())
def test_suggestions_are_those_of_a_full_search(data: st.DataObject) -> None:
    known = [*vocabulary().ids, "名称 Name", "用途 Purpose", "e" * 300]
    letters = st.sampled_from(sorted({char for word in known for char in word}))
    word = data.draw(st.sampled_from(known))
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(word)))
        word = word[:at] + data.draw(letters) + word[at + data.draw(st.integers(0, 2)) :]
    parse("facts: {}", "p.yaml")  # a new document: the search starts anew
    wanted = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    found = near(word, known)
    assert (found.en if found else None) == (f"did you mean {' or '.join(wanted)}?" if wanted else None)


def test_a_framework_that_is_not_here(steelyard: Run) -> None:
    profile = ROOT / "examples/systems/meeting-notes.yaml"
    assert "not in this release" in bad(steelyard, "assess", profile, "--framework", "2.0")
    assert "not in this release" in bad(steelyard, "assess", profile, "--annex", "china")
    assert "YYYY-MM-DD" in bad(steelyard, "assess", profile, "--on", "24.11.2026")
    assert "YYYY-MM-DD" in bad(steelyard, "assess", profile, "--on", "")


def test_unknown_commands_and_rules(steelyard: Run) -> None:
    profile = ROOT / "examples/systems/meeting-notes.yaml"
    assert steelyard("asess", profile).returncode == 2
    assert "did you mean high.companion" in bad(steelyard, "explain", profile, "high.compagnon")


def test_init_never_overwrites(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "steelyard.yaml"
    path.write_text("mine")
    assert "already exists" in bad(steelyard, "init", path)
    assert path.read_text() == "mine"
