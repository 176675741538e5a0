"""Collectors: reports of other tools become typed results; what cannot be read is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.base.errors import InputError
from steelyard.cli.main import main
from steelyard.evidence.collectors import collect, junit
from steelyard.evidence.kinds import Kinds

PASSED = '<testsuites><testsuite name="s"><testcase name="a"/><testcase name="b"/></testsuite></testsuites>'
FAILED = '<testsuite><testcase name="a"><failure message="no"/></testcase><testcase name="b"/></testsuite>'
SKIPPED = '<testsuite><testcase name="a"><skipped/></testcase></testsuite>'


@pytest.mark.parametrize(
    ("report", "outcome", "cases"), [(PASSED, "pass", 2), (FAILED, "fail", 2), (SKIPPED, "inconclusive", 0)]
)
def test_a_junit_report_becomes_an_evaluation(tmp_path: Path, report: str, outcome: str, cases: int) -> None:
    path = tmp_path / "r.xml"
    path.write_text(report, encoding="utf-8")
    kind, result = junit(path)
    assert (kind, result["outcome"], result["cases"]) == ("evaluation", outcome, cases)
    Kinds.shipped()["evaluation"].parse(result)


def test_pytests_own_report_is_read(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_a(): pass\ndef test_b(): assert False\n", encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml=r.xml", "test_it.py"],
        cwd=tmp_path, check=False, capture_output=True,
    )  # fmt: skip
    assert junit(tmp_path / "r.xml").result["outcome"] == "fail"


@pytest.mark.parametrize(
    "report",
    ["", "<a>", "<html/>", "plain", '<!DOCTYPE x [<!ENTITY e "e">]><testsuite>&e;</testsuite>', "\0\0"],
)
def test_what_is_no_report_is_told(tmp_path: Path, report: str) -> None:
    path = tmp_path / "r.xml"
    path.write_text(report, encoding="utf-8")
    with pytest.raises(InputError) as found:
        junit(path)
    assert found.value.code == "bad_report"
    with pytest.raises(InputError):
        junit(tmp_path / "missing.xml")


def test_a_collector_registers_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[steelyard.collectors]\nmine = mine_collector:read\n", encoding="utf-8")
    (tmp_path / "mine_collector.py").write_text(
        "from steelyard.evidence.collectors import Collected\n"
        "def read(path): return Collected('drill', {'details': {'from': path.name}})\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert collect("mine", Path("x")).kind == "drill"
    with pytest.raises(InputError) as found:
        collect("nobody", Path("x"))
    assert found.value.code == "unknown_collector"


def test_the_command_signs_what_was_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.xml").write_text(PASSED, encoding="utf-8")
    args = ["--system", "s", "--subject", "r.xml", "--collect", "junit:r.xml", "--out", "e.json", "--json"]
    assert main(["evidence", "new", "evaluation", *args]) == 0
    assert main(["evidence", "new", "drill", *args[:-3], "--out", "f.json", "--json"]) == 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"]["code"] == "other_kind"
