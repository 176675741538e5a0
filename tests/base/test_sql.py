"""Two databases behind one face: the same statements, whole transactions, migrations that cannot be changed later."""

import hashlib
import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.base import sql
from steelyard.base.errors import EnvironmentNotReady, InputError


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store on either database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def link(url: str) -> Iterator[sql.Connection]:
    """A connection with a table."""
    with sql.connect(url) as found:
        found.execute(
            f"CREATE TABLE thing (n BIGINT, data {'BLOB' if found.dialect == 'sqlite' else 'BYTEA'}, word TEXT)"
        )
        yield found


def test_the_same_statements_on_both(link: sql.Connection) -> None:
    rows = [(1, b"\0\xff", "权"), (2, b"", "a\tb\\N\nc"), (3, None, None)]
    link.insert_many("thing", ("n", "data", "word"), rows[:2])
    link.executemany("INSERT INTO thing (n, data, word) VALUES (?, ?, ?)", rows[2:])
    assert link.all("SELECT n, data, word FROM thing WHERE n > ? ORDER BY n", (0,)) == rows
    assert link.one("SELECT word FROM thing WHERE data = ?", (b"\0\xff",)) == ("权",)
    assert link.one("SELECT n FROM thing WHERE n = ?", (9,)) is None
    assert link.tables() == ["thing"]
    link.insert_many("thing", ("n",), [])


def test_a_transaction_is_whole_or_nothing(link: sql.Connection, url: str) -> None:
    assert not link.in_transaction
    with link.transaction():
        assert link.in_transaction
        link.execute("INSERT INTO thing (n) VALUES (1)")
    with pytest.raises(ZeroDivisionError), link.transaction():
        link.execute("INSERT INTO thing (n) VALUES (2)")
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), link.transaction():
        link.execute("INSERT INTO thing (n) VALUES (3)")
        raise KeyboardInterrupt
    assert not link.in_transaction
    with sql.connect(url) as other:
        assert other.all("SELECT n FROM thing") == [(1,)]


def test_a_transaction_within_another_is_part_of_it(link: sql.Connection, url: str) -> None:
    with pytest.raises(ZeroDivisionError), link.transaction():
        with link.transaction():
            link.execute("INSERT INTO thing (n) VALUES (1)")
        with sql.connect(url) as other:
            assert other.all("SELECT n FROM thing") == []
        raise ZeroDivisionError
    assert link.all("SELECT n FROM thing") == []


def test_a_statement_that_fails_ends_no_later_transaction(link: sql.Connection) -> None:
    with pytest.raises(sql.database_errors()), link.transaction():
        link.execute("INSERT INTO thing (n) VALUES (1)")
        link.execute("INSERT INTO absent (n) VALUES (1)")
    with link.transaction():
        link.execute("INSERT INTO thing (n) VALUES (2)")
    assert link.all("SELECT n FROM thing") == [(2,)]


def test_closing_rolls_back(url: str, link: sql.Connection) -> None:
    other = sql.connect(url)
    other.execute("BEGIN")
    other.execute("INSERT INTO thing (n) VALUES (1)")
    other.close()
    assert link.all("SELECT n FROM thing") == []


def test_two_writers_on_sqlite_wait_and_never_deadlock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with sql.connect(url) as link:
        link.execute("CREATE TABLE thing (n BIGINT)")
        link.execute("INSERT INTO thing (n) VALUES (0)")
    failed: list[BaseException] = []

    def count() -> None:
        try:
            with sql.connect(url) as link:
                for _ in range(20):
                    with link.transaction():
                        row = link.one("SELECT n FROM thing")
                        assert row is not None
                        link.execute("UPDATE thing SET n = ?", (row[0] + 1,))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sql.connect(url) as link:
        assert not failed and link.all("SELECT n FROM thing") == [(80,)]


def test_how_sqlite_is_set_up(tmp_path: Path) -> None:
    with sql.connect(f"sqlite:///{tmp_path}/a folder/权.db") as link:
        settings = {name: link.one(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "secure_delete")}
        assert settings == {"journal_mode": ("wal",), "synchronous": (2,), "secure_delete": (1,)}
        assert link.one("PRAGMA foreign_keys") == (1,) and link.one("PRAGMA busy_timeout") == (sql.BUSY_MS,)
    assert (tmp_path / "a folder/权.db").is_file()


def test_what_is_deleted_is_gone_from_the_file_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with sql.connect(f"sqlite:///{path}") as link, link.transaction():
        link.execute("CREATE TABLE thing (n BIGINT, word TEXT)")
        link.insert_many("thing", ("n", "word"), [(n, f"13800138000-{n}") for n in range(200)])
    assert path.read_bytes().count(b"13800138000") == 200
    with sql.connect(f"sqlite:///{path}") as link:
        link.execute("DELETE FROM thing WHERE n % 2 = 0")
    assert path.read_bytes().count(b"13800138000") == 100 and not path.with_name("store.db-wal").exists()


def test_reading_creates_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "store.db"
    for create, read_only in ((False, False), (True, True), (False, True)):
        with pytest.raises(EnvironmentNotReady) as found:
            sql.connect(f"sqlite:///{path}", create=create, read_only=read_only)
        assert found.value.code == "no_store" and not path.parent.exists()
    with sql.connect(f"sqlite:///{path}") as link:
        link.execute("CREATE TABLE thing (n BIGINT)")
    with (
        sql.connect(f"sqlite:///{path}", read_only=True) as link,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        link.execute("INSERT INTO thing VALUES (1)")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"this is a text and no database at all" * 50)
    with pytest.raises(EnvironmentNotReady) as found:
        sql.connect(f"sqlite:///{path}")
    assert found.value.code == "store_failed" and found.value.path == str(path)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(EnvironmentNotReady):
        sql.connect(f"sqlite:///{tmp_path}/folder.db")


@pytest.mark.parametrize("url", ["", "store.db", "mysql://host/db", "sqlite://host/db", "file:///x", "sqlite:/x"])
def test_an_address_of_another_kind(url: str) -> None:
    with pytest.raises(InputError) as found:
        sql.connect(url)
    assert found.value.code == "bad_store"


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(EnvironmentNotReady) as found:
        sql.connect("postgresql://user:s3cret@127.0.0.1:1/db")
    shown = found.value.render("en") + found.value.render("zh")
    assert found.value.code == "store_failed" and "s3cret" not in shown and "127.0.0.1" in shown


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("postgresql://h/db", "postgresql://h/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://u:p@h:5432/db", "postgresql://u:***@h:5432/db"),
        ("postgresql://p:p@h/db", "postgresql://p:***@h/db"),
        ("postgresql://u:a:b%40c@h/db", "postgresql://u:***@h/db"),
    ],
)
def test_places_hide_passwords(url: str, want: str) -> None:
    assert sql.place(url) == want


def test_a_postgresql_connection_that_may_only_read(postgresql: str) -> None:
    import psycopg

    with sql.connect(postgresql, read_only=True) as link:
        assert link.tables() == []
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            link.execute("CREATE TABLE thing (n BIGINT)")


# Migrations -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The migrations of a room made for this test, beside the real rooms."""
    import steelyard

    folder = tmp_path / "rooms" / "attic"
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.setattr(steelyard, "__path__", [*steelyard.__path__, str(folder.parent)])
    yield folder / "migrations"
    sys.modules.pop("steelyard.attic", None)
    shutil.rmtree(folder)


def test_steps_are_applied_once_in_order(url: str, room: Path) -> None:
    (room / "0001_a.sql").write_text("CREATE TABLE a (ticket INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB);;\n")
    (room / "0003_c.sqlite.sql").write_text("INSERT INTO a (data) VALUES (x'01');;\n")
    (room / "0003_c.postgresql.sql").write_text("INSERT INTO a (data) VALUES ('\\x01');;\n")
    (room / "0002_b.sql").write_text("-- a comment\nCREATE TABLE b (n BIGINT);;\nINSERT INTO b VALUES (1);;\n")
    with sql.connect(url) as link:
        for _ in range(2):
            sql.migrate(link, "attic")
            assert link.all("SELECT ticket, data FROM a") == [(1, b"\1")] and link.all("SELECT n FROM b") == [(1,)]
        (room / "0004_d.sql").write_text("INSERT INTO b VALUES (2)")
        sql.migrate(link, "attic")
        assert link.all("SELECT number FROM schema_migration ORDER BY number") == [(1,), (2,), (3,), (4,)]
        assert link.all("SELECT n FROM b ORDER BY n") == [(1,), (2,)]


def test_a_step_that_was_applied_and_then_changed_is_refused(url: str, room: Path) -> None:
    (room / "0001_a.sql").write_text("CREATE TABLE a (n BIGINT)")
    with sql.connect(url) as link:
        sql.migrate(link, "attic")
        (room / "0001_a.sql").write_text("CREATE TABLE a (n BIGINT, m BIGINT)")
        with pytest.raises(EnvironmentNotReady) as found:
            sql.migrate(link, "attic")
        assert found.value.code == "schema_mismatch" and not link.in_transaction


def test_a_store_of_a_newer_program_is_refused(url: str, room: Path) -> None:
    (room / "0001_a.sql").write_text("CREATE TABLE a (n BIGINT)")
    (room / "0002_b.sql").write_text("CREATE TABLE b (n BIGINT)")
    with sql.connect(url) as link:
        sql.migrate(link, "attic")
        (room / "0002_b.sql").unlink()
        with pytest.raises(EnvironmentNotReady) as found:
            sql.migrate(link, "attic")
        assert found.value.code == "schema_mismatch"


def test_steps_that_fail_leave_nothing(url: str, room: Path) -> None:
    (room / "0001_a.sql").write_text("CREATE TABLE a (n BIGINT)")
    (room / "0002_b.sql").write_text("CREATE TABLE b (n BIGINT);;\nINSERT INTO absent VALUES (1);;\n")
    with sql.connect(url) as link:
        with pytest.raises(sql.database_errors()):
            sql.migrate(link, "attic")
        assert not {"a", "b"} & set(link.tables())
        (room / "0002_b.sql").write_text("CREATE TABLE b (n BIGINT)")
        sql.migrate(link, "attic")
        assert {"a", "b"} <= set(link.tables())


def test_the_digest_of_a_step_is_that_of_its_text(tmp_path: Path, room: Path) -> None:
    (room / "0001_a.sql").write_text("CREATE TABLE a (n BIGINT)")
    with sql.connect(f"sqlite:///{tmp_path}/store.db") as link:
        sql.migrate(link, "attic")
        want = hashlib.sha256(b"CREATE TABLE a (n BIGINT)").hexdigest()
        assert link.all("SELECT room, number, name, digest FROM schema_migration") == [("attic", 1, "0001_a", want)]
