"""The house itself: languages, lazy imports, a small core, and nothing on disk from commands that only read."""

import ast
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT, Run

SOURCES = sorted((ROOT / "src/steelyard").rglob("*.py"))
HEAVY = ("polars", "pyarrow", "z3", "django", "numpy", "fastexcel", "xlsxwriter")


def imported(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after `code`."""
    script = f"{code}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def closure(extra: str | None) -> set[str]:
    """The distributions that `pip install steelyard` or `steelyard[extra]` brings on this machine."""
    found: set[str] = set()
    queue = [("steelyard", extra)]
    while queue:
        name, wanted = queue.pop()
        for text in metadata.requires(name) or []:
            requirement = Requirement(text)
            wants = requirement.marker is None or requirement.marker.evaluate({"extra": wanted or ""})
            if wants and requirement.name.lower() not in found:
                found.add(requirement.name.lower())
                queue.append((requirement.name, next(iter(requirement.extras), None)))
    return found


def megabytes(names: set[str]) -> float:
    """Installed size of distributions."""
    files = (file for name in names for file in metadata.files(name) or [])
    return sum(size.stat().st_size for file in files if (size := Path(str(file.locate()))).is_file()) / 1e6


def test_the_core_is_small(capsys: pytest.CaptureFixture[str]) -> None:
    core = closure(None)
    assert core <= {"pyyaml", "msgspec", "cryptography", "cffi", "pycparser", "typing-extensions"}
    extras = set(metadata.metadata("steelyard").get_all("Provides-Extra") or [])
    with capsys.disabled():
        print(f"\n  size of steelyard's dependencies: core {megabytes(core):.0f} MB", end="")
        for extra in sorted(extras):
            print(f", [{extra}] +{megabytes(closure(extra) - core):.0f} MB", end="")
    assert extras and all(closure(extra) - core for extra in extras)


def test_help_imports_no_command() -> None:
    modules = imported("from steelyard.cli.main import build_parser\nbuild_parser('en', None)")
    assert not {name for name in modules if name.split(".")[0] in (*HEAVY, "yaml", "cryptography")}


def test_assess_needs_the_core_only() -> None:
    profile = ROOT / "examples/systems/meeting-notes.yaml"
    code = (
        "import io, contextlib\nfrom steelyard.cli.main import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n    main(['assess', {str(profile)!r}])"
    )
    assert not {name for name in imported(code) if name.split(".")[0] in HEAVY}


def test_portfolio_without_its_extra_says_what_to_install(tmp_path: Path) -> None:
    absent = "for name in ('polars', 'pyarrow', 'fastexcel', 'xlsxwriter'):\n    sys.modules[name] = None\n"
    call = f"sys.exit(main(['portfolio', 'assess', 'x.csv', '--out', {str(tmp_path)!r}]))"
    code = f"import sys\n{absent}from steelyard.cli.main import main\n{call}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 3 and "steelyard[portfolio]" in done.stderr and "Traceback" not in done.stderr


def test_every_message_is_in_both_languages() -> None:
    """Every `Text(...)` in the code has two arguments, and the second is Chinese wherever the first has words."""
    checked = 0
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Text":
                if any(isinstance(arg, ast.Starred) for arg in node.args) or node.keywords:
                    continue
                assert len(node.args) == 2, f"{path}:{node.lineno}"
                english, chinese = (ast.unparse(arg) for arg in node.args)
                literal = all(isinstance(arg, (ast.Constant, ast.JoinedStr)) for arg in node.args)
                if (
                    literal
                    and ".zh" not in chinese
                    and english != chinese
                    and any(char.isalpha() for char in english.replace("{", ""))
                ):
                    assert any("\u4e00" <= char <= "\u9fff" for char in chinese), f"{path}:{node.lineno}: {chinese}"
                checked += 1
    assert checked > 150


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_help_of_every_command(lang: str, steelyard: Run) -> None:
    from steelyard.cli.main import GROUPS

    top = steelyard("--help", env={"STEELYARD_LANG": lang})
    assert top.returncode == 0
    for name, group in GROUPS.items():
        assert name in top.stdout and group.about.get(lang)[:10] in top.stdout  # type: ignore[arg-type]
        assert steelyard(name, "--help", env={"STEELYARD_LANG": lang}).returncode == 0


def test_language_is_chosen_by_option_or_environment(steelyard: Run) -> None:
    profile = ROOT / "examples/systems/meeting-notes.yaml"
    assert "等级" in steelyard("assess", profile, "--lang", "zh").stdout
    assert "等级" in steelyard("--lang", "zh", "assess", profile).stdout
    assert "等级" in steelyard("assess", profile, env={"STEELYARD_LANG": "", "LC_ALL": "zh_CN.UTF-8"}).stdout


def test_reading_commands_write_nothing(tmp_path: Path, steelyard: Run) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("facts: {audience: internal}\n")
    cache = tmp_path / "cache"
    for args in (
        ["assess", profile],
        ["plan", profile],
        ["validate", profile],
        ["policy", "test"],
        ["catalogue", "list"],
    ):
        assert steelyard(*args, cwd=tmp_path, env={"STEELYARD_CACHE": str(cache)}).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"p.yaml", "cache"}
    assert all(path.suffix == ".pack" for path in cache.iterdir())


def test_a_damaged_or_forbidden_cache_does_no_harm(tmp_path: Path, steelyard: Run) -> None:
    profile = ROOT / "examples/systems/meeting-notes.yaml"
    cache = tmp_path / "cache"
    env = {"STEELYARD_CACHE": str(cache)}
    wanted = steelyard("assess", profile, "--json", env=env).stdout
    for path in cache.iterdir():
        path.write_bytes(os.urandom(200))
    assert steelyard("assess", profile, "--json", env=env).stdout == wanted
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert steelyard("assess", profile, "--json", env={"STEELYARD_CACHE": str(blocked)}).stdout == wanted


def test_locks_carry_hashes_and_name_no_index() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert {"py311.txt", "py312.txt", "py313.txt"} <= {path.name for path in locks}
    for path in locks:
        text = path.read_text()
        assert "--hash=sha256:" in text and "://" not in text and "--index" not in text and "--find" not in text


def test_names_cannot_steer_the_terminal(tmp_path: Path, steelyard: Run) -> None:
    path = tmp_path / "p.yaml"
    path.write_text('system: {name: "a\\e[2Jb\\u202Ec"}\nfacts: {}\n')
    said = steelyard("assess", path).stdout
    assert "\x1b" not in said and "\u202e" not in said and "bc" in said
