"""SQL in two dialects over plain DB-API: SQLite and PostgreSQL. Connections, transactions, numbered migrations.

Rules enforced:
- statements are written once, with `?` for parameters; `BLOB` in a migration becomes `BYTEA` on PostgreSQL;
- a transaction on SQLite takes the write lock at once (`BEGIN IMMEDIATE`), so two writers wait and never deadlock;
- SQLite runs with WAL, `synchronous=FULL`, `secure_delete=ON`: what was acknowledged survives, what was erased is gone;
- each room owns the tables of its migrations; a migration that was applied and then changed is refused.
"""

import hashlib
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from steelyard.base.errors import EnvironmentNotReady, InputError, SteelyardError, missing_extra
from steelyard.base.i18n import Text

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]
BUSY_MS = 15_000


class Connection:
    """A DB-API connection of either dialect behind one small face. Opens no transaction by itself."""

    __slots__ = ("dialect", "raw")

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.dialect: Dialect = "sqlite" if isinstance(raw, sqlite3.Connection) else "postgresql"

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Runs one statement and gives the cursor."""
        if self.dialect == "sqlite":
            return self.raw.execute(statement, parameters)
        return self.raw.execute(statement.replace("?", "%s"), parameters)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for every row."""
        if self.dialect == "sqlite":
            self.raw.executemany(statement, rows)
            return
        with self.raw.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), rows)

    def one(self, statement: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row, or None."""
        row: Row | None = self.execute(statement, parameters).fetchone()
        return row

    def all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Every row."""
        rows: list[Row] = self.execute(statement, parameters).fetchall()
        return rows

    def insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Inserts many rows by the fastest way of the dialect (COPY on PostgreSQL)."""
        names = ", ".join(columns)
        if self.dialect == "sqlite":
            marks = ", ".join("?" * len(columns))
            self.raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
            return
        with self.raw.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        if self.dialect == "sqlite":
            return bool(self.raw.in_transaction)
        return int(self.raw.info.transaction_status) != 0

    @contextmanager
    def transaction(self) -> Iterator["Connection"]:
        """One transaction: committed at the end, rolled back on any error. Inside another one it is part of it."""
        if self.in_transaction:
            yield self
            return
        self.execute("BEGIN IMMEDIATE" if self.dialect == "sqlite" else "BEGIN")
        try:
            yield self
        except BaseException:
            self.raw.rollback()
            raise
        try:
            self.raw.commit()
        except BaseException:
            self.raw.rollback()
            raise

    def tables(self) -> list[str]:
        """The names of all tables, sorted."""
        if self.dialect == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        else:
            query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return sorted(str(row[0]) for row in self.all(query))

    def close(self) -> None:
        """Closes the connection; an open transaction is rolled back."""
        self.raw.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def over(connection: Any) -> Connection:
    """`connection` itself, or the face of a raw DB-API connection (sqlite3 or psycopg)."""
    return connection if isinstance(connection, Connection) else Connection(connection)


def sqlite_path(url: str) -> Path | None:
    """The file of a `sqlite:///PATH` address (absolute with a fourth slash); None for another kind of address."""
    if not url.startswith("sqlite:///"):
        return None
    return Path(unquote(url.removeprefix("sqlite:///")))


def connect(url: str, *, create: bool = True, read_only: bool = False) -> Connection:
    """Opens `sqlite:///PATH` or `postgresql://...`.

    Raises InputError `bad_store` for another address, EnvironmentNotReady `no_store` where a file is missing and may
    not be made, `cannot_open_store` where it cannot be opened or reached.
    """
    path = sqlite_path(url)
    if path is not None:
        return _sqlite(path, create=create and not read_only, read_only=read_only)
    if urlsplit(url).scheme in ("postgresql", "postgres"):
        return _postgresql(url, read_only=read_only)
    raise InputError(
        "bad_store",
        Text("not the address of a store", "不是存储地址"),
        remedy=Text(
            "use sqlite:///PATH, postgresql://HOST/DATABASE or folder:PATH",
            "请使用 sqlite:///路径、postgresql://主机/库名 或 folder:路径",
        ),
        field="--store",
    )


def _sqlite(path: Path, *, create: bool, read_only: bool) -> Connection:
    if not create and not path.is_file():
        raise EnvironmentNotReady(
            "no_store",
            Text("there is no store here", "此处没有存储"),
            remedy=Text(
                "name it with --store, or run a command that writes first", "请用 --store 指定，或先运行会写入的命令"
            ),
            path=str(path),
        )
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc' if create else 'rw'}"
        raw = sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA recursive_triggers=ON")  # REPLACE fires what guards against DELETE
        if not read_only:
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute("PRAGMA synchronous=FULL")
            raw.execute("PRAGMA secure_delete=ON")
        raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise failure(error, str(path)) from None
    return Connection(raw)


def _postgresql(url: str, *, read_only: bool) -> Connection:
    try:
        import psycopg
    except ImportError:
        raise missing_extra("postgres", "psycopg") from None
    try:
        raw = psycopg.connect(url, autocommit=True, connect_timeout=10)
        if read_only:
            raw.execute("SET default_transaction_read_only = on")
    except psycopg.Error as error:
        raise failure(error, place(url)) from None
    return Connection(raw)


def place(url: str) -> str:
    """The address without its passwords, for messages."""
    hidden = re.sub(r"(//[^/@:]*:)[^@/]*@", r"\1***@", url)
    return re.sub(r"((?:^|[?&\s])(?:ssl)?password=)[^&\s]*", r"\1***", hidden)


def failure(error: Exception, where: str) -> SteelyardError:
    """The error for people behind an error of the database or the disk."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return EnvironmentNotReady(
        "store_failed",
        Text(f"the store refused: {reason}", f"存储拒绝操作：{reason}"),
        remedy=Text(
            "nothing was changed; check that it can be written, has space, and is not locked by another program",
            "未作任何更改；请检查是否可写、空间是否充足、是否被其他程序占用",
        ),
        path=where,
    )


def database_errors() -> tuple[type[Exception], ...]:
    """The exception classes of the drivers that are loaded, for one `except` at the rim."""
    import sys

    psycopg = sys.modules.get("psycopg")
    return (sqlite3.Error, psycopg.Error) if psycopg is not None else (sqlite3.Error,)


# Migrations -----------------------------------------------------------------------------------------------------------

_HISTORY = """CREATE TABLE IF NOT EXISTS schema_migration (
  room TEXT NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, applied BIGINT NOT NULL,
  PRIMARY KEY (room, number))"""


def migrate(connection: Connection, room: str) -> None:
    """Applies what is new of `steelyard/<room>/migrations/NNNN_name.sql` (and `.sqlite.sql`, `.postgresql.sql`).

    Each file is one step in one transaction with the others that are new. Raises EnvironmentNotReady
    `schema_mismatch` where an applied step differs from the file, or the store is newer than this program.
    """
    steps = list(_steps(room, connection.dialect))
    done: dict[Any, Any] = {}
    try:
        done = dict(connection.all("SELECT number, digest FROM schema_migration WHERE room = ?", (room,)))
    except database_errors():
        if connection.in_transaction:
            raise
    if {number: digest for number, _, digest, _ in steps} == done:
        return
    with connection.transaction():
        if connection.dialect == "postgresql":
            connection.execute("SELECT pg_advisory_xact_lock(7236118)")
        connection.execute(_HISTORY)
        done = dict(connection.all("SELECT number, digest FROM schema_migration WHERE room = ?", (room,)))
        if set(done) - {number for number, *_ in steps}:
            raise _mismatch(room)
        for number, name, digest, text in steps:
            if number in done:
                if done[number] != digest:
                    raise _mismatch(room)
                continue
            for statement in _statements(text):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migration (room, number, name, digest, applied) VALUES (?, ?, ?, ?, ?)",
                (room, number, name, digest, int(time.time())),
            )


def _mismatch(room: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "schema_mismatch",
        Text(f"the tables of {room} belong to another version", f"{room} 的表属于其他版本"),
        remedy=Text(
            "use the version of Steelyard that wrote this store, or a newer one", "请使用写入该存储的版本或更新版本"
        ),
    )


def _steps(room: str, dialect: Dialect) -> Iterator[tuple[int, str, str, str]]:
    folder = resources.files(f"steelyard.{room}") / "migrations"
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        parts = item.name.split(".")
        if parts[-1] != "sql" or (len(parts) == 3 and parts[1] != dialect):
            continue
        text = item.read_text(encoding="utf-8")
        if dialect == "postgresql":
            text = text.replace("BLOB", "BYTEA").replace("INTEGER PRIMARY KEY AUTOINCREMENT", _IDENTITY)
        number = int(parts[0].split("_")[0])
        yield number, parts[0], hashlib.sha256(text.encode()).hexdigest(), text


_IDENTITY = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"


def _statements(text: str) -> Iterator[str]:
    """The statements of a migration: separated by a line that ends in `;;`."""
    for part in text.split(";;\n"):
        statement = part.strip().removesuffix(";;")
        if statement:
            yield statement
