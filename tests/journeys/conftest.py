"""A house with an audit pack, built once for each module that attacks it."""

from pathlib import Path

import pytest

from tests.journeys.packs import House, Members, build, members


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """An installation with one high-tier system at an open gate."""
    return build(tmp_path_factory.mktemp("audit") / "house")


@pytest.fixture(scope="module")
def pack(house: House) -> Path:
    """Its audit pack, as written."""
    return house.pack()


@pytest.fixture
def parts(pack: Path) -> Members:
    """The members of the pack, to be changed by a test."""
    return members(pack)
