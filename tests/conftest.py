"""Shared fixtures: the shipped policy, a way to run the command line, and where the real data stand."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.policy.compile import Policy, load_compiled

ROOT = Path(__file__).parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The shipped policy."""
    return load_compiled()


@pytest.fixture
def real_data() -> Path:
    """The folder of real inputs; skips loudly where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real data are not here: expected {REAL_DATA.name}/ beside the checkout's parent shared/")
    return REAL_DATA


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def steelyard(tmp_path: Path) -> Run:
    """Runs the command line as its user would, in a process of its own."""

    def run(
        *args: object, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "steelyard", *map(str, args)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd or ROOT,
            env={**os.environ, "STEELYARD_LANG": "en", **(env or {})},
            timeout=120,
            check=False,
        )

    return run
