"""The same house as the tests of gates have."""

from tests.gates.conftest import house

__all__ = ["house"]
