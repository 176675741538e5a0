"""What the processes of test_crash.py do. Each acknowledges a record by a line in its own file, after the commit."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from steelyard.base import sql
from steelyard.ledger import store
from tests.ledger.logs import LOG_KEY


def said(path: Path, *words: object) -> None:
    """Adds lines to a file; a process killed afterwards has still said them."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, "".join(f"{word}\n" for word in words).encode())
    os.close(handle)


def heard(path: Path) -> list[str]:
    """The lines of a file."""
    return path.read_text().split() if path.exists() else []


def writer(url: str, name: str, count: int, acknowledged: Path) -> None:
    """Appends `count` records, each in a transaction of its own."""
    with sql.connect(url) as link:
        for number in range(count):
            with link.transaction():
                store.append(link, {"v": 1, "kind": "test", "who": name, "n": number})
            said(acknowledged, f"{name}/{number}")


def sequencer(url: str, stop: Path) -> None:
    """Sequences, a few records at a time, until told to stop."""
    with sql.connect(url) as link:
        while not stop.exists():
            if store.sequence(link, LOG_KEY, limit=7).checkpoint is None:
                time.sleep(0.01)


def opener(url: str, start: float, told: Path) -> None:
    """Opens a store that others open at the same time, and makes its tables."""
    time.sleep(max(0.0, start - time.time()))
    try:
        with sql.connect(url) as link:
            store.prepare(link)
    except Exception as error:
        said(told, repr(error).replace(" ", "_"))


def endless(url: str, acknowledged: Path) -> None:
    """Appends and sequences until killed."""
    with sql.connect(url) as link:
        log = store.current(link)
        number = store.size(link, log) + store.queue(link).length
        while True:
            with link.transaction():
                store.append(link, {"v": 1, "kind": "test", "who": "x", "n": number})
            said(acknowledged, f"x/{number}")
            number += 1
            if number % 5 == 0:
                store.sequence(link, LOG_KEY)


class Mortal(sql.Connection):
    """A connection whose process kills itself before its statement number `fatal`, counted from 1; a commit counts.

    On SQLite the database itself counts, by its trace: every row of an `executemany` is a statement.
    """

    __slots__ = ("fatal", "seen")

    def __init__(self, raw: Any, fatal: int) -> None:
        super().__init__(raw if sql.Connection(raw).dialect == "sqlite" else _Committing(raw, self))
        self.fatal, self.seen = fatal, 0
        if self.dialect == "sqlite":
            raw.set_trace_callback(lambda _: self.step())

    def step(self) -> None:
        """One statement begins."""
        self.seen += 1
        if self.seen == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        """Runs one statement, or dies."""
        if self.dialect == "postgresql":
            self.step()
        return super().execute(statement, parameters)

    def executemany(self, statement: str, rows: Any) -> None:
        """Runs one statement for every row, or dies."""
        if self.dialect == "postgresql":
            self.step()
        super().executemany(statement, rows)

    def insert_many(self, table: str, columns: Any, rows: Any) -> None:
        """Inserts many rows, or dies."""
        if self.dialect == "postgresql":
            self.step()
        super().insert_many(table, columns, rows)


class _Committing:
    """A driver's connection that counts its commits too."""

    def __init__(self, raw: Any, mortal: Mortal) -> None:
        self._raw, self._mortal = raw, mortal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def commit(self) -> None:
        """Commits, or dies."""
        self._mortal.step()
        self._raw.commit()


def mortal(url: str, fatal: int, acknowledged: Path) -> None:
    """Appends three records in two transactions and sequences them, dying before statement number `fatal`."""
    link = Mortal(sql.connect(url).raw, fatal)
    with link.transaction():
        store.append(link, {"v": 1, "kind": "test", "who": "m", "n": 0})
        store.append(link, {"v": 1, "kind": "test", "who": "m", "n": 1})
    said(acknowledged, "m/0", "m/1")
    with link.transaction():
        store.append(link, {"v": 1, "kind": "test", "who": "m", "n": 2})
    said(acknowledged, "m/2")
    store.sequence(link, LOG_KEY)
    said(acknowledged, "sequenced")
    link.close()
