"""`steelyard catalogue`: what people and programs see, in both languages, and the exit codes."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.catalogue.export import from_json
from steelyard.catalogue.load import catalogue
from steelyard.catalogue.model import Kind
from steelyard.cli import catalogue as group
from steelyard.cli.main import main


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_LANG", "en")
    monkeypatch.setenv("COLUMNS", "110")


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["catalogue", *args])
    out, err = capsys.readouterr()
    return code, out, err


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_list_shows_all_clauses_and_what_superseded_them(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    assert all(identifier in out for identifier in catalogue().clauses)
    assert "100 clauses" in out
    assert "superseded by v2 since 2025-09-15" in out
    assert "from memory" in out


def test_list_narrows_by_kind_section_and_instrument(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(lines(run(capsys, "list", "--kind", "measure", "--json")[1])) == 21
    assert len(lines(run(capsys, "list", "--section", "3.1", "--json")[1])) == 13
    assert len(lines(run(capsys, "list", "--section", "v1:3.1.2", "--json")[1])) == 4
    assert len(lines(run(capsys, "list", "--instrument", "v1", "--json")[1])) == 100
    both = lines(run(capsys, "list", "--kind", "risk", "--section", "3.2.3", "--instrument", "v1", "--json")[1])
    assert [item["id"] for item in both] == ["v1:R3.2.3-a", "v1:R3.2.3-b"]


def test_list_says_when_nothing_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "list", "--kind", "risk", "--section", "6") == (0, "", "no clause found\n")


@pytest.mark.parametrize(("option", "value"), [("--section", "9.9"), ("--instrument", "v2")])
def test_list_refuses_what_does_not_exist(capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    code, out, err = run(capsys, "list", option, value)
    assert (code, out) == (2, "")
    assert value in err
    assert "->" in err


def test_the_kinds_offered_are_those_of_the_model() -> None:
    assert tuple(Kind) == group._KINDS


def test_show_gives_links_in_both_directions_with_their_marks(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "v1:M4.1.2-c")
    assert code == 0
    assert "Screen out high-risk weapons data" in out
    assert "carried out by [not official, our reading]\n    v1:D6.1-d" in out
    assert "treats [not official, from memory]\n    v1:R3.1.2-b" in out
    assert "superseded by v2 since 2025-09-15" in out
    assert "text: verified" in out
    assert "not binding" in out


def test_show_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", "v1:R3.2.2-a", "--lang", "zh")
    assert "诱发传统经济社会安全风险" in out
    assert "内容：凭记忆" in out
    assert "自 2025-09-15 起被 v2 取代" in out
    assert "非官方" in out


def test_show_a_section_gives_its_official_pair_and_its_clauses(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", "v1:3.1.1")
    assert "paired with [official, verified]\n    v1:4.1.1" in out
    assert "6 clauses\n    v1:R3.1.1-a" in out


def test_show_an_instrument_says_what_it_is_silent_on(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", "v1")
    assert "AI Safety Governance Framework 1.0" in out
    assert "Silent on: Numeric risk grades" in out
    assert "https://www.tc260.org.cn/" in out


def test_show_as_json_has_both_languages_and_links(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "show", "v1:M4.1.2-c", "v1:3.1.1", "v1", "cn:GAI-07", "--json")
    item, section, instrument, absent = lines(out)
    assert [entry["what"] for entry in (item, section, instrument, absent)] == [
        "clause",
        "section",
        "instrument",
        "not_loaded",
    ]
    assert item["title"] == {"en": "Screen out high-risk weapons data", "zh": "剔除高危领域敏感数据"}
    links = item["links"]
    assert isinstance(links, dict)
    assert [link["id"] for link in links["from"]] == ["v1:D6.1-d"]
    assert [link["id"] for link in links["to"]] == ["v1:R3.1.2-b", "v1:R3.1.2-d", "v1:R3.2.2-c"]
    assert not any(link["official"] for link in links["to"])


def test_show_says_not_loaded_for_another_instrument(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "cn:GAI-07")
    assert code == 0
    assert out == "cn:GAI-07  not loaded (the catalogue holds: v1)\n"


def test_show_an_unknown_id_is_one_clear_message_with_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "show", "v1:M4.1.2-z")
    assert (code, out) == (2, "")
    assert err.startswith("v1:M4.1.2-z does not exist in AI Safety Governance Framework\n  -> did you mean v1:M4.1.2-")
    assert len(err.splitlines()) == 2


def test_show_gives_the_others_when_one_id_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "show", "v1:G5.1", "v1:G5.99", "v1:G5.2")
    assert code == 2
    assert "v1:G5.1  " in out
    assert "v1:G5.2  " in out
    assert "v1:G5.99" in err
    code, out, _ = run(capsys, "show", "v1:G5.1", "v1:G5.99", "--json")
    good, bad = lines(out)
    assert (code, good["id"], bad["path"]) == (2, "v1:G5.1", "v1:G5.99")
    error = bad["error"]
    assert isinstance(error, dict)
    assert error["code"] == "unknown_clause"


@pytest.mark.parametrize("words", [["投毒"], ["improper", "poisoning"], ["R3.1.2-b"]])
def test_search_finds_in_both_languages_and_by_id(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, _ = run(capsys, "search", *words, "--json")
    assert code == 0
    assert lines(out)[0]["id"] == "v1:R3.1.2-b"


def test_search_says_when_nothing_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "search", "zebra", "--lang", "zh") == (0, "", "未找到条款\n")


def test_export_to_the_terminal_is_json_unless_asked_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert from_json(run(capsys, "export")[1]).digest == catalogue().digest
    assert from_json(run(capsys, "export", "--json")[1]).digest == catalogue().digest
    assert run(capsys, "export", "--format", "md", "--lang", "zh")[1].startswith("# 人工智能安全治理框架 1.0\n")


def test_export_to_a_file_that_excel_reads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "catalogue.csv"
    code, shown, _ = run(capsys, "export", "--format", "csv", "--out", str(out))
    assert (code, shown) == (0, f"100 clauses written to {out}\n")
    assert out.read_bytes().startswith(b"\xef\xbb\xbf"), "without the mark Excel garbles Chinese"
    with out.open(encoding="utf-8-sig", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 100
    assert list(tmp_path.iterdir()) == [out]


def test_export_to_a_file_answers_in_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "catalogue.json"
    _, shown, _ = run(capsys, "export", "--out", str(out), "--json")
    assert json.loads(shown) == {"path": str(out), "format": "json", "clauses": 100, "digest": catalogue().digest}
    assert from_json(out.read_bytes()).content == catalogue().content


def test_export_where_nothing_can_be_written_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "export", "--out", str(tmp_path / "no" / "where.json"))
    assert code == 2
    assert "cannot be written" in err
    assert list(tmp_path.iterdir()) == []


def test_export_refuses_two_formats_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "export", "--json", "--format", "csv")
    assert (code, err) == (2, "")
    assert json.loads(out)["error"]["code"] == "contradicting_options"


def test_help_and_usage_do_not_load_the_catalogue() -> None:
    program = (
        "import sys\n"
        "from steelyard.cli.main import main\n"
        "try:\n    main(['catalogue', 'show', '--help'])\n"
        "except SystemExit: pass\n"
        "assert 'steelyard.catalogue.load' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_compiled_catalogue_is_read_without_yaml(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from steelyard.cli.main import main\n"
        "assert main(['catalogue', 'show', 'v1:G5.1']) == 0\n"
        "print('yaml' in sys.modules, file=sys.stderr)\n"
    )
    environment = {"STEELYARD_CACHE": str(tmp_path), "PATH": "", "STEELYARD_LANG": "en"}
    answers = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, env=environment, text=True
        ).stderr
        for _ in range(2)
    ]
    assert [answer.strip() for answer in answers] == ["True", "False"]
