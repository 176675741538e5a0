"""What the README and the guides tell people to type works, in the order in which it stands there.

In a page, a fenced block with `title="NAME"` is written to that file; a `console` block is typed: its lines that start
with `$ ` are run, and the lines below each must be what the command says. `...` stands for any number of lines, and at
the end of a line for its rest. A block with `exit="N"` ends with a command that answers N.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

PAGES = (
    "README.md",
    "README.zh-CN.md",
    "docs/tutorial.md",
    "docs/tutorial.zh-CN.md",
    "docs/how-to/add-a-rule.md",
    "docs/how-to/add-a-rule.zh-CN.md",
    "docs/how-to/write-an-annex.md",
    "docs/how-to/open-a-gate.md",
    "docs/how-to/open-a-gate.zh-CN.md",
    "docs/how-to/map-an-inventory.md",
    "docs/how-to/take-in-a-system.md",
    "docs/how-to/take-in-a-system.zh-CN.md",
    "docs/how-to/prove-a-policy.md",
    "docs/how-to/map-an-inventory.zh-CN.md",
    "docs/reference/python-api.md",
)
NOT_RUN = ("make", "pip")
_BLOCK = re.compile(r"^```(?P<kind>\w+)(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INFO = re.compile(r'(\w+)="([^"]*)"')
ANYTHING = "..."


class Command(NamedTuple):
    """A line to type, the lines shown below it, and the exit code it answers."""

    line: str
    shown: list[str]
    exit_code: int


class File(NamedTuple):
    """A file that the page asks its reader to write."""

    name: str
    text: str


def steps(page: str) -> Iterator[Command | File]:
    """The files and commands of a page, in order."""
    for block in _BLOCK.finditer(page):
        info = dict(_INFO.findall(block["info"]))
        if "title" in info:
            yield File(info["title"], block["text"])
        elif block["kind"] == "console":
            yield from commands(block["text"], int(info.get("exit", 0)))


def commands(text: str, exit_code: int) -> Iterator[Command]:
    """The commands of a console block, the last of which answers `exit_code`; a backslash continues a line."""
    lines = iter(text.splitlines())
    found: list[Command] = []
    for line in lines:
        if line.startswith("$ "):
            typed = line[2:]
            while typed.endswith("\\"):
                typed = f"{typed[:-1].rstrip()} {next(lines).strip()}"
            found.append(Command(typed, [], 0))
        else:
            found[-1].shown.append(line)
    return iter([*found[:-1], found[-1]._replace(exit_code=exit_code)])


def says(output: str, shown: list[str]) -> bool:
    """Whether the output is what the page shows."""
    lines = "".join(line.rstrip() + "\n" for line in output.splitlines())
    return not shown or re.fullmatch("".join(map(pattern, shown)), lines) is not None


def pattern(line: str) -> str:
    """A regular expression for a shown line."""
    if line.strip() == ANYTHING:
        return r"(?:[^\n]*\n)*?"
    if line.endswith(ANYTHING):
        return re.escape(line.removesuffix(ANYTHING)) + r"[^\n]*\n"
    return re.escape(line.rstrip()) + "\n"


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def check_not_run(line: str) -> None:
    """`make` and `pip` lines are read, not run: their targets and extras must exist."""
    words = line.split()
    if words[0] == "make":
        assert set(words[1:]) <= targets(), line
        return
    assert words[:2] == ["pip", "install"], line
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for name in re.findall(r"\[([^\]]+)\]", line):
        assert set(name.split(",")) <= set(extras), line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scratch copy of what the pages work on."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_tells_people_to_type_works(name: str, folder: Path) -> None:
    here = Path(sys.executable).parent
    assert shutil.which("steelyard", path=str(here)), "the command is not installed beside this Python"
    path = f"{here}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "STEELYARD_LANG": "en", "COLUMNS": "100"}
    run = 0
    for step in steps((ROOT / name).read_text("utf-8")):
        if isinstance(step, File):
            (folder / step.name).write_text(step.text, encoding="utf-8")
            continue
        if step.line.split()[0] in NOT_RUN:
            check_not_run(step.line)
            continue
        if step.line.startswith("export "):
            variable, _, value = step.line.removeprefix("export ").partition("=")
            environment[variable] = value
            continue
        done = subprocess.run(
            ["sh", "-c", step.line],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == step.exit_code, f"$ {step.line}\n{done.stdout}"
        assert says(done.stdout, step.shown), f"$ {step.line}\n{done.stdout}\n\nbut the page shows\n" + "\n".join(
            step.shown
        )
        run += 1
    assert run, f"{name} holds no command"


def test_a_page_is_read_as_meant() -> None:
    page = '```yaml title="a.yaml"\nfacts: {}\n```\n\n```console exit="2"\n$ one \\\n  two\nout\n$ three\n```\n'
    assert list(steps(page)) == [File("a.yaml", "facts: {}\n"), Command("one two", ["out"], 0), Command("three", [], 2)]
    assert says("a\nb\nc\n", ["a", "...", "c"]) and says("a\n", ["a", "..."]) and says("anything\n", [])
    assert says("a b\n", ["a..."]) and not says("b a\n", ["a..."])
    assert not says("a\nb\n", ["a"]) and not says("a\nb\n", ["b"]) and not says("a\n", ["a", "b"])
