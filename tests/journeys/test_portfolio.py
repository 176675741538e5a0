"""The walk from an inventory to a judged portfolio: every row comes out or is listed, whatever the format."""

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest
import xlsxwriter

from steelyard.base.errors import InputError
from steelyard.journeys.portfolio import Summary, run
from steelyard.policy.assess import assess_facts
from steelyard.policy.compile import Policy
from tests.conftest import ROOT, Run
from tests.policy.test_properties import table_of
from tests.strategies import random_facts

ON = dt.date(2026, 11, 24)
EXAMPLE = ROOT / "examples/inventory/inventory.csv"
EXAMPLE_MAP = ROOT / "examples/inventory/mapping.yaml"
COLUMNS = ["row", "system", "tier_lowest", "tier_highest", "lane_lowest", "lane_highest", "prohibited", "reasons"]
MAPPING = """\
mapping: 1
title: {en: Test, zh: 测试}
system:
  id: {column: Id}
  name: {column: Name}
facts:
  audience: {column: Who, values: {staff: internal, public: public, "?": null}}
  sector: {column: Field, split: ";", values: {bank: finance, shop: retail, "-": none}}
  biometrics: {column: Text, patterns: [{match: '(?i)face', value: identify}, {match: '(?i)voice', value: verify}]}
  people_in_data_count: {column: People, number: true}
  monthly_active: [{column: Active, number: true}, {column: Text, patterns: [{match: many, value: 500}]}]
  important_data: {column: Important, values: {"yes": true, "no": false}}
"""


def walk(tmp_path: Path, policy: Policy, rows: str, mapping: str = MAPPING, name: str = "i.csv") -> tuple[Summary, Any]:
    source, how = tmp_path / name, tmp_path / "m.yaml"
    source.write_text("Id,Name,Who,Field,Text,People,Active,Important\n" + rows, encoding="utf-8")
    how.write_text(mapping, encoding="utf-8")
    summary = run(source, how, tmp_path / "out", policy, ON)
    return summary, pl.read_parquet(tmp_path / "out/portfolio.parquet")


def test_the_example_inventory(tmp_path: Path, steelyard: Run) -> None:
    done = steelyard("portfolio", "assess", EXAMPLE, "--map", EXAMPLE_MAP, "--out", tmp_path / "o", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["rows"] == figures["judged"] + figures["unusable"] == 44
    assert figures["unread_cells"] == {}
    assert sum(item["systems"] for item in figures["tiers"]) == 44
    names = {path.name for path in (tmp_path / "o").iterdir()}
    assert names == {"portfolio.parquet", "portfolio.xlsx", "report.html", "unusable.csv"}
    frame = pl.read_parquet(tmp_path / "o/portfolio.parquet")
    assert set(COLUMNS) <= set(frame.columns)
    assert frame["row"].to_list() == list(range(44))
    stops = {row["system"]: row["prohibited"] for row in frame.iter_rows(named=True) if row["prohibited"] is not False}
    assert stops == {"MD-08": True, "ED-03": True, "HQ-10": None}


def test_rows_in_are_rows_out_and_unusable(tmp_path: Path, policy: Policy) -> None:
    rows = "a,A,staff,bank,,,,yes\n,,,,,,,\nb,B,public\nc,C,public,shop,,,,no,extra\nd,D,,,,,,\n"
    summary, frame = walk(tmp_path, policy, rows)
    assert (summary.total, summary.judged, sorted(summary.unusable)) == (5, 2, [1, 2, 3])
    assert frame["row"].to_list() == [0, 4] and frame["system"].to_list() == ["a", "d"]
    listed = (tmp_path / "out/unusable.csv").read_text(encoding="utf-8").splitlines()
    assert listed[0] == "row,reason" and [line.split(",")[0] for line in listed[1:]] == ["1", "2", "3"]
    assert frame["tier_lowest"].to_list() == ["high", "low"]
    assert frame["tier_highest"].to_list() == ["high", "high"]


def test_cells_become_facts(tmp_path: Path, policy: Policy) -> None:
    from steelyard.intake.apply import apply_mapping
    from steelyard.intake.inventory import read_sheet
    from steelyard.intake.mapping import load_mapping
    from steelyard.policy.columns import decode_value

    source, how = tmp_path / "i.csv", tmp_path / "m.yaml"
    source.write_text(
        "Id,Name,Who,Field,Text,People,Active,Important\n"
        'a,, STAFF ,"bank; shop","A face, a voice",\' 1 ,5,Yes\n'
        'b,,?,-,no such thing,"12,000",,no\n'
        "c,,nobody knows,bank;moon,many,1e5,,maybe\n",
        encoding="utf-8",
    )
    how.write_text(MAPPING, encoding="utf-8")
    mapping, doc = load_mapping(how, policy)
    mapped = apply_mapping(mapping, doc, read_sheet(source, mapping.data.inventory).frame, policy)
    got = {
        fact: [decode_value(policy.vocabulary[fact], code) for code in mapped.facts[fact].to_list()]
        for fact in mapping.sources
    }
    assert got == {
        "audience": ["internal", None, None],
        "sector": [["finance", "retail"], [], None],
        "biometrics": [["verify", "identify"], None, None],
        "people_in_data_count": [None, 12_000, None],
        "monthly_active": [5, None, 500],
        "important_data": [True, False, None],
    }
    assert mapped.unread["audience"] == {"nobody knows": 1}
    assert mapped.unread["sector"] == {"bank;moon": 1}
    assert mapped.unread["important_data"] == {"maybe": 1}


def test_an_absent_column_is_unknown_not_no(tmp_path: Path, policy: Policy) -> None:
    _, frame = walk(tmp_path, policy, "a,A,staff,,,,,no\n")
    assert frame["tier_lowest"].to_list() == ["low"] and frame["tier_highest"].to_list() == ["high"]
    assert frame["prohibited"].to_list() == [None]


ASSUME = """\
assume:
  - id: at-home
    fact: data_leaves_china
    value: false
    reason: {en: Read as if at home., zh: 视同境内。}
  - id: staff-only-advise
    fact: autonomy
    value: advises
    where: audience == "internal"
    reason: {en: Office tools., zh: 办公工具。}
"""


def test_assumptions_fill_only_what_is_unknown_and_are_counted(tmp_path: Path, policy: Policy) -> None:
    mapping = MAPPING.replace(
        "  important_data:", "  autonomy: {column: Name, values: {auto: autonomous}}\n  important_data:"
    )
    summary, frame = walk(tmp_path, policy, "a,x,staff,,,,,\nb,auto,staff,,,,,\nc,x,public,,,,,\n", mapping + ASSUME)
    assert {item.id: count for item, count in summary.assumptions} == {"at-home": 3, "staff-only-advise": 1}
    assert frame["assumed"].to_list() == [["at-home", "staff-only-advise"], ["at-home"], ["at-home"]]
    assert summary.settled_columns == 0


def test_one_system_in_full_shows_what_was_assumed(tmp_path: Path, policy: Policy, steelyard: Run) -> None:
    walk(tmp_path, policy, "a,x,staff,,,,,\n,y,public,,,,,\n", MAPPING + ASSUME)
    args = ("portfolio", "show", tmp_path / "i.csv", "--map", tmp_path / "m.yaml")
    answer = json.loads(steelyard(*args, "a", "--json").stdout)
    assert [item["id"] for item in answer["assumed"]] == ["at-home", "staff-only-advise"]
    assert answer["assumed"][0]["reason"]["zh"] == "视同境内。"
    said = steelyard(*args, "row-1").stdout
    assert "row-1" in said and "Read as if at home." in said and "Office tools." not in said
    wrong = steelyard(*args, "b")
    assert wrong.returncode == 2 and "no system 'b'" in wrong.stderr


def test_a_typed_parquet_needs_no_mapping(tmp_path: Path, policy: Policy, steelyard: Run) -> None:
    rng = random.Random(11)
    profiles = [random_facts(rng, policy.vocabulary, 0.8) for _ in range(300)]
    table_of(profiles).with_columns(pl.Series("system", [f"s{i}" for i in range(300)])).write_parquet(
        tmp_path / "p.parquet"
    )
    done = steelyard("portfolio", "assess", tmp_path / "p.parquet", "--out", tmp_path / "o", "--only", "parquet")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["portfolio.parquet", "unusable.csv"]
    frame = pl.read_parquet(tmp_path / "o/portfolio.parquet")
    for row, known in zip(frame.iter_rows(named=True), profiles, strict=True):
        one = assess_facts(known, policy, ON)
        assert (row["tier_lowest"], row["tier_highest"]) == one.tier
        assert (row["lane_lowest"], row["lane_highest"]) == one.lane


def test_a_typed_parquet_with_bad_cells(tmp_path: Path, policy: Policy) -> None:
    frame = pl.DataFrame(
        {
            "audience": ["internal", "everyone", None, "public"],
            "sector": [["finance"], [], ["moon"], None],
            "monthly_active": [1, 2, 3, -4],
            "comment": ["a", "b", "c", "d"],
        }
    )
    frame.write_parquet(tmp_path / "p.parquet")
    summary = run(tmp_path / "p.parquet", None, tmp_path / "o", policy, ON)
    assert sorted(summary.unusable) == [1, 2, 3] and summary.judged == 1
    assert "everyone" in summary.unusable[1] and "moon" in summary.unusable[2] and "-4" in summary.unusable[3]
    assert summary.ignored == ["comment"]
    assert pl.read_parquet(tmp_path / "o/portfolio.parquet")["system"].to_list() == ["row-0"]


def test_a_parquet_without_facts(tmp_path: Path, policy: Policy) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError) as caught:
        run(tmp_path / "p.parquet", None, tmp_path / "o", policy, ON)
    assert caught.value.code == "no_facts" and not (tmp_path / "o").exists()


def test_a_workbook_gives_what_the_csv_gives(tmp_path: Path, policy: Policy) -> None:
    import csv

    with xlsxwriter.Workbook(str(tmp_path / "i.xlsx")) as book:
        sheet = book.add_worksheet()
        with EXAMPLE.open(encoding="utf-8", newline="") as handle:
            for line, record in enumerate(csv.reader(handle)):
                for column, cell in enumerate(record):
                    sheet.write_string(line, column, cell)
    one = run(EXAMPLE, EXAMPLE_MAP, tmp_path / "one", policy, ON)
    two = run(tmp_path / "i.xlsx", EXAMPLE_MAP, tmp_path / "two", policy, ON)
    assert one.tiers == two.tiers
    assert pl.read_parquet(tmp_path / "one/portfolio.parquet").equals(
        pl.read_parquet(tmp_path / "two/portfolio.parquet")
    )


def test_a_title_above_the_header_can_be_skipped(tmp_path: Path, policy: Policy) -> None:
    (tmp_path / "i.csv").write_text("AI 系统台账,,\n名称,谁,人数\n会议纪要,内部,3200人\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text(
        "mapping: 1\ntitle: {en: T, zh: 题}\ninventory: {skip: 1}\nsystem: {name: {column: 名称}}\nfacts:\n"
        "  audience: {column: 谁, values: {内部: internal}}\n  monthly_active: {column: 人数, number: true}\n",
        encoding="utf-8",
    )
    summary = run(tmp_path / "i.csv", tmp_path / "m.yaml", tmp_path / "o", policy, ON)
    assert summary.judged == 1 and summary.unread == {}


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_a_named_encoding_is_read(encoding: str, tmp_path: Path, policy: Policy) -> None:
    (tmp_path / "i.csv").write_bytes("名称,谁\n会议纪要,内部\n".encode(encoding))
    (tmp_path / "m.yaml").write_text(
        f"mapping: 1\ntitle: {{en: T, zh: 题}}\ninventory: {{encoding: {encoding}}}\n"
        "system: {name: {column: 名称}}\nfacts:\n  audience: {column: 谁, values: {内部: internal}}\n",
        encoding="utf-8",
    )
    summary = run(tmp_path / "i.csv", tmp_path / "m.yaml", tmp_path / "o", policy, ON)
    assert summary.judged == 1 and summary.unread == {}


def test_the_workbook_holds_every_system(tmp_path: Path, steelyard: Run) -> None:
    args = ("portfolio", "assess", EXAMPLE, "--map", EXAMPLE_MAP, "--out", tmp_path / "o", "--only", "xlsx")
    assert steelyard(*args).returncode == 0
    book = fastexcel.read_excel(str(tmp_path / "o/portfolio.xlsx"))
    table = book.load_sheet(0).to_polars()
    assert table.height == 44 and set(COLUMNS) <= set(table.columns)
    assert len(book.sheet_names) == 2


def test_formulas_from_strangers_stay_text(tmp_path: Path, policy: Policy) -> None:
    from steelyard.documents.portfolio_xlsx import write_workbook

    source, how = tmp_path / "i.csv", tmp_path / "m.yaml"
    source.write_text("Id,Name,Who,Field,Text,People,Active,Important\n=1+1,=cmd|x!A1,staff,,,,,\n")
    how.write_text(MAPPING, encoding="utf-8")
    run(source, how, tmp_path / "o", policy, ON, extra=[lambda s, rows, out: write_workbook(s, rows, out / "p.xlsx")])
    import zipfile

    sheet = zipfile.ZipFile(tmp_path / "o/p.xlsx").read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "=1+1" in sheet


def test_the_same_inventory_gives_the_same_rows(tmp_path: Path, policy: Policy) -> None:
    for name in ("one", "two"):
        run(EXAMPLE, EXAMPLE_MAP, tmp_path / name, policy, ON)
    assert (tmp_path / "one/portfolio.parquet").read_bytes() == (tmp_path / "two/portfolio.parquet").read_bytes()


def test_a_failure_leaves_an_earlier_result_alone(tmp_path: Path, policy: Policy) -> None:
    run(EXAMPLE, EXAMPLE_MAP, tmp_path / "o", policy, ON)
    before = (tmp_path / "o/portfolio.parquet").read_bytes()

    def fail(summary: Summary, rows: Path, folder: Path) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        run(EXAMPLE, EXAMPLE_MAP, tmp_path / "o", policy, ON, extra=[fail])
    assert (tmp_path / "o/portfolio.parquet").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["o"]


@pytest.mark.slow
def test_batches_join_without_a_seam(tmp_path: Path, policy: Policy) -> None:
    from steelyard.intake.inventory import BATCH

    rng = random.Random(5)
    frame = table_of([random_facts(rng, policy.vocabulary, 0.9) for _ in range(1_000)])
    copies = BATCH * 2 // 1_000 + 3
    pl.concat([frame] * copies).write_parquet(tmp_path / "p.parquet")
    summary = run(tmp_path / "p.parquet", None, tmp_path / "o", policy, ON)
    rows = pl.read_parquet(tmp_path / "o/portfolio.parquet")
    assert summary.judged == rows.height == copies * 1_000
    assert rows["row"].to_list() == list(range(rows.height))
    first = rows["tier_lowest"].head(1_000)
    assert all(rows["tier_lowest"].slice(i * 1_000, 1_000).equals(first) for i in range(copies))
    assert sum(summary.tiers.values()) == summary.judged


def test_an_input_is_never_overwritten(tmp_path: Path, policy: Policy) -> None:
    source = tmp_path / "portfolio.parquet"
    pl.DataFrame({"audience": ["internal"]}).write_parquet(source)
    before = source.read_bytes()
    with pytest.raises(InputError) as caught:
        run(source, None, tmp_path, policy, ON)
    assert caught.value.code == "in_the_way" and source.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["portfolio.parquet"]


def test_a_folder_in_the_way_costs_nothing(tmp_path: Path, policy: Policy) -> None:
    run(EXAMPLE, EXAMPLE_MAP, tmp_path / "o", policy, ON)
    (tmp_path / "o" / "report.html").mkdir()
    before = (tmp_path / "o/portfolio.parquet").read_bytes()
    with pytest.raises(InputError):
        run(EXAMPLE, EXAMPLE_MAP, tmp_path / "o", policy, ON)
    assert (tmp_path / "o/portfolio.parquet").read_bytes() == before


@pytest.mark.parametrize("members", [[None], [""], ["chemical", None], ["chemical\x1fnuclear"]])
def test_a_list_with_a_hole_is_not_a_no(members: list[str | None], tmp_path: Path, policy: Policy) -> None:
    columns = {"audience": ["public", "public"], "hazard_domain": [members, []]}
    pl.DataFrame(columns, schema={"audience": pl.String, "hazard_domain": pl.List(pl.String)}).write_parquet(
        tmp_path / "p.parquet"
    )
    summary = run(tmp_path / "p.parquet", None, tmp_path / "o", policy, ON)
    assert list(summary.unusable) == [0] and summary.judged == 1


def test_a_column_may_be_named_count(tmp_path: Path, policy: Policy) -> None:
    (tmp_path / "i.csv").write_text("count\ninternal\n")
    (tmp_path / "m.yaml").write_text(
        "mapping: 1\ntitle: {en: T, zh: 题}\nsystem: {name: {column: count}}\nfacts:\n"
        "  audience: {column: count, values: {internal: internal}}\n",
        encoding="utf-8",
    )
    assert run(tmp_path / "i.csv", tmp_path / "m.yaml", tmp_path / "o", policy, ON).unread == {}
