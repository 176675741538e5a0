"""Which rows must have a leaf. A table is here, or among the exempt ones with the reason; a test sees to it.

A registered table gives (object, digest) for each of its rows: the latest leaf about that object must say that digest,
and a leaf of that table whose row is gone is an alarm too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from steelyard.base.sql import Connection

Rows = Callable[[Connection], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Registered:
    """A table whose rows are logged. `prefix` starts the `object` of its leaves; `rows` walks (object, digest)."""

    table: str
    prefix: str
    rows: Rows


REGISTERED: dict[str, Registered] = {}
EXEMPT: dict[str, str] = {
    "schema_migration": "the history of the tables themselves",
    "ledger_log": "the ledger itself",
    "ledger_head": "the ledger itself",
    "ledger_queue": "waits to become leaves; its age is shown",
    "ledger_entry": "the ledger itself",
    "ledger_tile": "the ledger itself",
    "ledger_checkpoint": "the ledger itself: signed",
    "ledger_cosignature": "signed by witnesses",
    "ledger_secret": "openings of commitments: checked against the leaves that hold them",
    "ledger_subject": "keys of people, destroyed on erasing",
}


def register(table: str, prefix: str, rows: Rows) -> None:
    """Declares a table whose rows must have leaves."""
    REGISTERED[table] = Registered(table, prefix, rows)


def exempt(table: str, why: str) -> None:
    """Declares a table whose rows need none, and why: an index that `reindex` rebuilds, for example."""
    EXEMPT[table] = why
