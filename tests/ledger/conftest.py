"""Stores for the tests of the ledger, on both databases, and one large log for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.logs import Made, make, sqlite_url

LARGE = 100_000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store on either database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    return sqlite_url(tmp_path)


@pytest.fixture
def made(url: str) -> Iterator[Made]:
    """An empty log on either database."""
    found = make(url)
    yield found
    found.link.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Made]:
    """A log of 300 entries on SQLite, to be damaged."""
    found = make(sqlite_url(tmp_path), 300)
    yield found
    found.link.close()


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A log of 100,000 entries on SQLite, to be read only."""
    found = make(sqlite_url(tmp_path_factory.mktemp("large")), LARGE)
    yield found
    found.link.close()
