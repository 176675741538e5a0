"""The documentation is current, its links resolve, and its two languages keep step."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "docs.py"
PAIRS = sorted(
    (page, page.with_name(page.name.replace(".zh-CN", "")))
    for page in (*ROOT.glob("*.zh-CN.md"), *ROOT.glob("docs/**/*.zh-CN.md"))
)


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    """`scripts/docs.py` as a module."""
    spec = importlib.util.spec_from_file_location("docs_script", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current_and_links_resolve() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, encoding="utf-8", check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_the_check_finds_what_is_wrong(docs: ModuleType, tmp_path: Path) -> None:
    page = (
        "# A title: `x`\n\n## 用词\n\n[ok](#a-title-x) [ok](#用词) [ok](b/c.md#here) [out](https://example.org/x)\n"
        "[gone](nope.md) [no heading](#nope) [leaves](../secret.md)\n\n"
        "`[code](nope.md)`\n\n```text\n[code](nope.md)\n# Not a heading\n```\n\n"
        '<img src="nope.png" alt="">\n'
    )
    (tmp_path / "README.md").write_text(page, encoding="utf-8")
    (tmp_path / "docs" / "b").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.md").write_text('<a id="here"></a>\n', encoding="utf-8")
    total, broken = docs.broken_links(tmp_path)
    assert total == 7
    assert [item.target for item in broken] == ["nope.md", "#nope", "../secret.md", "nope.png"]


def test_a_changed_page_is_not_current(
    docs: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "generated", lambda: {"docs/reference/facts.md": "# Something else\n"})
    assert docs.main(["--check"]) == 1
    assert "docs/reference/facts.md: not current" in capsys.readouterr().err


@pytest.mark.parametrize(("chinese", "english"), PAIRS, ids=[page.name for page, _ in PAIRS])
def test_both_languages_have_the_same_headings(chinese: Path, english: Path, docs: ModuleType) -> None:
    levels = [[level for level, _ in docs.headings(page.read_text("utf-8"))] for page in (chinese, english)]
    assert levels[0] == levels[1]
    assert f"]({english.name})" in chinese.read_text("utf-8") and f"]({chinese.name})" in english.read_text("utf-8")


def test_pages_that_people_start_with_exist_in_chinese() -> None:
    names = {page.name for page, _ in PAIRS}
    assert names >= {
        "README.zh-CN.md",
        "tutorial.zh-CN.md",
        "add-a-rule.zh-CN.md",
        "read-a-policy.zh-CN.md",
        "map-an-inventory.zh-CN.md",
        "tiers-and-lanes.zh-CN.md",
    }


def test_every_page_can_be_reached_from_the_index(docs: ModuleType) -> None:
    queue, seen = [ROOT / "docs" / "index.md"], set()
    while queue:
        page = queue.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        queue += [
            (page.parent / target.partition("#")[0]).resolve()
            for target in docs.links(page.read_text("utf-8"))
            if target.partition("#")[0] and ":" not in target.partition("#")[0]
        ]
    assert set(docs.pages_of(ROOT)) - seen <= {ROOT / "CHANGELOG.md"}


def test_every_error_code_is_listed() -> None:
    page = (ROOT / "docs" / "reference" / "errors-and-exit-codes.md").read_text("utf-8")
    missing = {code for code in codes() if f"`{code}`" not in page}
    assert not missing


def codes() -> set[str]:
    """The codes of all errors that the source can raise."""
    found: set[str] = set()
    for path in (ROOT / "src" / "steelyard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            raises = name in ("error", "_error", "fail") or name.endswith(("InputError", "NotReady", "LanguageError"))
            code = node.args[0].value
            if (raises or name == "FactError") and isinstance(code, str) and code.replace("_", "").isalpha():
                found.add(code)
    assert len(found) > 50
    return found
