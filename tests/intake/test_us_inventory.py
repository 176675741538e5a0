"""The mapping of the US federal inventory: what agencies declared is kept, what is assumed is named, nothing is lost.

The inventory is not part of this repository; without it these tests skip and say so.
"""

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
import yaml

from steelyard.intake.inventory import read_sheet
from steelyard.intake.mapping import load_mapping
from steelyard.journeys.portfolio import Summary, run
from steelyard.policy.compile import Policy
from tests.conftest import REAL_DATA, ROOT

pytestmark = pytest.mark.realdata

INVENTORY = REAL_DATA / "us-federal-ai-inventory-2024-sample.csv"
FOLDER = ROOT / "examples/us-federal-2024"
MAPPING = FOLDER / "mapping.yaml"
ON = dt.date(2026, 11, 24)
ROWS = 1_051
DECLARED = "Is the AI use case rights-impacting, safety-impacting, both, or neither?"
ACTS_ALONE = (
    "For this particular use case, can the AI carry out a decision or action without direct human involvement that "
    "could result in a significant impact on rights or safety?"
)
IMPACTING = ("rights-impacting", "safety-impacting", "both")


class Walk(NamedTuple):
    """A finished run: its figures, and its rows with the agencies' own declarations beside them."""

    summary: Summary
    rows: pl.DataFrame


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Walk:
    """The inventory judged through its mapping."""
    if not INVENTORY.is_file():
        pytest.skip(f"real data are not here: expected {INVENTORY.name} in the folder ../shared/data")
    out = tmp_path_factory.mktemp("us") / "out"
    summary = run(INVENTORY, MAPPING, out, policy, ON)
    return Walk(summary, with_declarations(pl.read_parquet(out / "portfolio.parquet"), policy))


def with_declarations(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The rows of a portfolio with the cells that say how far each system goes, folded."""
    mapping, _ = load_mapping(MAPPING, policy)
    sheet = read_sheet(INVENTORY, mapping.data.inventory)
    said = sheet.frame.select(
        declared=pl.col(DECLARED).str.strip_chars().str.to_lowercase(),
        alone=pl.col(ACTS_ALONE).str.strip_chars().str.to_lowercase(),
    ).with_columns(pl.Series("row", sheet.rows, dtype=pl.Int64))
    return rows.join(said, on="row", how="left", maintain_order="left")


def written(path: Path, policy: Policy, mapping: Path = MAPPING) -> tuple[Summary, str]:
    """A run into `path`, and every row it wrote as text."""
    summary = run(INVENTORY, mapping, path, policy, ON)
    return summary, pl.read_parquet(path / "portfolio.parquet").write_ndjson()


def test_every_row_is_judged_or_listed(walk: Walk) -> None:
    summary = walk.summary
    assert summary.total == ROWS == summary.judged + len(summary.unusable)
    assert walk.rows.height == summary.judged == sum(summary.tiers.values())
    assert walk.rows["row"].is_unique().all()


def test_the_declarations_are_those_the_mapping_knows(walk: Walk) -> None:
    counts = Counter(walk.rows["declared"].to_list())
    assert sum(counts[name] for name in IMPACTING) == 164
    assert counts["neither"] == 859
    assert "decision_impact" not in walk.summary.unread


def test_nothing_declared_rights_or_safety_impacting_can_be_low(walk: Walk) -> None:
    declared = walk.rows.filter(pl.col("declared").is_in(IMPACTING))
    assert declared.filter(pl.col("tier_lowest") == "low").select("row", "name").rows() == []


def test_at_least_half_of_those_declared_neither_can_be_low(walk: Walk) -> None:
    declared = walk.rows.filter(pl.col("declared") == "neither")
    assert declared.filter(pl.col("tier_lowest") == "low").height * 2 >= declared.height


def test_what_declares_nothing_stays_open_to_the_highest_tier(walk: Walk) -> None:
    silent = walk.rows.filter(~pl.col("declared").is_in([*IMPACTING, "neither"]))
    assert silent.height == ROWS - 164 - 859
    assert silent["tier_highest"].unique().to_list() == ["high"]


def test_who_declares_to_act_alone_is_not_settled_as_low(walk: Walk) -> None:
    alone = walk.rows.filter(pl.col("alone").str.starts_with("yes"))
    assert alone.height == 3
    assert alone.filter(pl.col("tier_highest") == "low").is_empty()


def test_settled_shares_are_given_with_and_without_assumptions(walk: Walk, tmp_path: Path, policy: Policy) -> None:
    summary = walk.summary
    assert summary.settled_columns is not None
    assert summary.settled >= 0.6 * ROWS
    assert summary.settled_columns < summary.settled
    bare = tmp_path / "columns.yaml"
    data = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))
    bare.write_text(yaml.safe_dump(data | {"assume": []}, allow_unicode=True), encoding="utf-8")
    alone, _ = written(tmp_path / "columns", policy, bare)
    assert alone.settled == summary.settled_columns


def test_assumptions_are_counted_and_shown_on_each_row(walk: Walk) -> None:
    shown = Counter(walk.rows["assumed"].explode().drop_nulls().to_list())
    counted = {item.id: count for item, count in walk.summary.assumptions}
    assert counted == dict(shown)
    assert min(counted.values()) > 0
    assert walk.rows["assumed"].null_count() == 0


def test_nothing_is_assumed_about_dangers_where_more_than_neither_is_declared(walk: Walk, policy: Policy) -> None:
    mapping, _ = load_mapping(MAPPING, policy)
    at_home = {"market", "data_leaves_china", "model_leaves_china", "hosting"}
    dangers = [item.source.id for item in mapping.assume if item.source.fact not in at_home]
    others = walk.rows.filter(pl.col("declared") != "neither")
    touched = others.filter(pl.col("assumed").list.set_intersection(dangers).list.len() > 0)
    assert touched.select("row", "assumed").rows() == []


def test_the_same_inventory_gives_the_same_rows_twice(walk: Walk, tmp_path: Path, policy: Policy) -> None:
    assert written(tmp_path / "one", policy)[1] == written(tmp_path / "two", policy)[1]


def test_the_readme_gives_the_figures_of_this_run(walk: Walk) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    summary = walk.summary
    for count in (summary.settled, summary.settled_columns or 0):
        assert f"{count} ({count / ROWS:.1%})" in text
    for (low, high), count in summary.tiers.items():
        name = low if low == high else f"{low} to {high}"
        assert f"| {name} | {count} |" in text
    for item, count in summary.assumptions:
        assert f"| `{item.id}` | {count} |" in text
