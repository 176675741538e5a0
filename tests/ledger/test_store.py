"""The log in a database: it grows only inside somebody's transaction, and what was acknowledged is a leaf once."""

import sqlite3
from pathlib import Path

import pytest

from steelyard.base import sql
from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.ledger import audit, note, record, store, tiles, tree
from tests.ledger.conftest import LARGE
from tests.ledger.logs import LOG_KEY, ORIGIN, OTHER_KEY, Made, data, entry, make, sqlite_url, tamper


def leaves(made: Made) -> list[bytes]:
    """Every entry, in order."""
    return [leaf for _, leaf in store.entries(made.link, made.log)]


def holds(made: Made) -> bool:
    """Whether our own audit finds nothing at all."""
    return not audit.audit(tiles.Database(made.link, made.log), made.log.key, own_records=True).alarms


# Appending ------------------------------------------------------------------------------------------------------------


def test_appending_outside_a_transaction_is_refused(made: Made) -> None:
    with pytest.raises(EnvironmentNotReady) as found:
        store.append(made.link, data(1))
    assert found.value.code == "no_transaction"
    assert store.queue(made.link).length == 0


def test_a_record_becomes_a_leaf_with_a_checkpoint_and_a_receipt(made: Made) -> None:
    with made.link.transaction():
        ticket = store.append(made.link, data(0))
    assert ticket > 0 and store.queue(made.link).length == 1 and leaves(made) == []
    done = store.sequence(made.link, LOG_KEY)
    assert (done.first, done.size) == (0, 1) and done.checkpoint is not None
    assert leaves(made) == [entry(0)] and store.queue(made.link).length == 0
    proof = store.prove(made.link, made.log, 0)
    found = note.signed_checkpoint(proof.note, made.log.key)
    assert tree.verify_inclusion(tree.leaf_hash(entry(0)), 0, found.size, proof.hashes, found.root)
    assert str(proof.note) == done.checkpoint and holds(made)


def test_a_rollback_leaves_nothing(made: Made) -> None:
    with pytest.raises(ZeroDivisionError), made.link.transaction():
        store.append(made.link, data(0))
        raise ZeroDivisionError
    assert store.queue(made.link).length == 0
    assert store.sequence(made.link, LOG_KEY).checkpoint is None
    for number in (1, 2):  # the tickets now have a hole before them
        with made.link.transaction():
            store.append(made.link, data(number))
    store.sequence_all(made.link, LOG_KEY)
    assert leaves(made) == [entry(1), entry(2)] and store.queue(made.link).length == 0 and holds(made)


def test_what_is_written_beside_it_goes_with_it(made: Made) -> None:
    made.link.execute("CREATE TABLE decision (n BIGINT)")
    with pytest.raises(ZeroDivisionError), made.link.transaction():
        made.link.execute("INSERT INTO decision (n) VALUES (?)", (1,))
        store.append(made.link, data(1))
        store.sequence(made.link, LOG_KEY)
        raise ZeroDivisionError
    assert made.link.all("SELECT n FROM decision") == [] and leaves(made) == []
    assert store.checkpoint(made.link, made.log) is None and store.queue(made.link).length == 0
    with made.link.transaction():
        made.link.execute("INSERT INTO decision (n) VALUES (?)", (2,))
        store.append(made.link, data(2))
        store.sequence(made.link, LOG_KEY)
    assert made.link.all("SELECT n FROM decision") == [(2,)] and leaves(made) == [entry(2)] and holds(made)


def test_a_bare_connection_of_either_driver_will_do(made: Made) -> None:
    raw = made.link.raw
    raw.execute("BEGIN")
    store.append(raw, data(0))
    raw.commit()
    store.sequence(raw, LOG_KEY)
    assert leaves(made) == [entry(0)]


def test_holes_between_tickets_are_no_holes_in_the_log(made: Made) -> None:
    for number in range(10):
        try:
            with made.link.transaction():
                store.append(made.link, data(number))
                assert number % 3
        except AssertionError:
            pass
    store.sequence(made.link, LOG_KEY, limit=2)
    store.sequence_all(made.link, LOG_KEY)
    assert leaves(made) == [entry(number) for number in (1, 2, 4, 5, 7, 8)] and holds(made)


def test_a_transaction_that_ends_late_becomes_a_later_leaf(postgresql: str) -> None:
    made = make(postgresql)
    with sql.connect(postgresql) as late, late.transaction():
        store.append(late, data(1))
        with made.link.transaction():
            store.append(made.link, data(2))
        store.sequence_all(made.link, LOG_KEY)
        assert leaves(made) == [entry(2)]
    store.sequence_all(made.link, LOG_KEY)
    assert leaves(made) == [entry(2), entry(1)] and store.queue(made.link).length == 0 and holds(made)
    made.link.close()


def test_a_transaction_that_ends_while_the_queue_is_emptied_is_not_lost(postgresql: str) -> None:
    made = make(postgresql)
    late = sql.connect(postgresql)
    with made.link.transaction():
        store.append(made.link, data(1))
    late.execute("BEGIN")
    store.append(late, data(2))
    with made.link.transaction():
        store.append(made.link, data(3))

    class Slow(sql.Connection):
        __slots__ = ()

        def insert_many(self, *parts: object) -> None:
            """Between reading the queue and emptying it the late transaction ends."""
            if late.in_transaction:
                late.raw.commit()
            super().insert_many(*parts)  # type: ignore[arg-type]

    store.sequence(Slow(made.link.raw), LOG_KEY)
    assert leaves(made) == [entry(1), entry(3)]
    store.sequence(made.link, LOG_KEY)
    assert leaves(made) == [entry(1), entry(3), entry(2)] and holds(made)
    late.close()
    made.link.close()


@pytest.mark.parametrize("batches", [[1] * 5, [255, 1, 1], [256], [257, 254, 2], [3, 600, 0, 200], [1_000, 1]])
def test_however_it_is_cut_it_is_the_same_log(made: Made, batches: list[int]) -> None:
    for batch in batches:
        store.sequence(made.link, LOG_KEY, leaves=[entry(store.size(made.link, made.log) + n) for n in range(batch)])
    total = sum(batches)
    frontier = tree.Frontier()
    frontier.extend([tree.leaf_hash(entry(number)) for number in range(total)])
    signed = store.checkpoint(made.link, made.log)
    assert signed is not None and note.Checkpoint.parse(signed.text).root == frontier.root()
    assert leaves(made) == [entry(number) for number in range(total)] and holds(made)
    rows = made.link.all("SELECT level, tile, length(hashes) FROM ledger_tile ORDER BY level, tile")
    assert rows == [(level, tile, width * 32) for level, tile, width in tree.tiles_of(total)]


# What cannot be a leaf ------------------------------------------------------------------------------------------------


def test_a_leaf_of_exactly_the_limit_and_one_beyond(made: Made) -> None:
    room = record.MAX_LEAF - len(b'{"x":""}')
    with made.link.transaction():
        store.append(made.link, {"x": "a" * room})
        with pytest.raises(InputError) as found:
            store.append(made.link, {"x": "a" * (room + 1)})
        with pytest.raises(InputError) as wide:
            store.append(made.link, {"x": "权" * (room // 3 + 1)})
    assert found.value.code == wide.value.code == "leaf_too_large" and "61,440" in found.value.message.zh
    store.sequence_all(made.link, LOG_KEY)
    assert len(leaves(made)[0]) == record.MAX_LEAF and len(leaves(made)) == 1 and holds(made)


def deep() -> object:
    """Lists within lists, five thousand of them."""
    out: object = None
    for _ in range(5_000):
        out = [out]
    return out


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, b"x", {1: 2}, {"a": {1}}, "\ud800", deep()])
def test_what_has_no_canonical_json_is_no_leaf(made: Made, value: object) -> None:
    with made.link.transaction(), pytest.raises(InputError) as found:
        store.append(made.link, {"x": value})
    assert found.value.code == "bad_leaf" and store.queue(made.link).length == 0


# Logs and keys --------------------------------------------------------------------------------------------------------


def test_only_the_logs_own_key_may_sign(made: Made) -> None:
    with made.link.transaction():
        store.append(made.link, data(0))
    with pytest.raises(EnvironmentNotReady) as found:
        store.sequence(made.link, OTHER_KEY)
    assert found.value.code == "wrong_key"
    assert leaves(made) == [] and store.queue(made.link).length == 1


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb"])
def test_a_name_that_notes_cannot_carry(url: str, origin: str) -> None:
    with sql.connect(url) as link:
        store.prepare(link)
        with pytest.raises(InputError) as found:
            store.create(link, origin, LOG_KEY.public)
        assert found.value.code == "bad_origin"
        with pytest.raises(EnvironmentNotReady) as missing:
            store.current(link)
        assert missing.value.code == "no_log"


def test_a_second_log_ends_the_first(made: Made) -> None:
    made.grow(3)
    second = store.create(made.link, f"{ORIGIN}#2", LOG_KEY.public)
    with pytest.raises(InputError):
        store.create(made.link, ORIGIN, LOG_KEY.public)
    store.sequence(made.link, LOG_KEY, leaves=[entry(9)])
    assert store.size(made.link, made.log) == 3 and store.size(made.link, second) == 1
    assert [item.ended for item in store.logs(made.link)] == [True, False]
    assert holds(made) and holds(Made(made.url, made.link, second))


# Reading --------------------------------------------------------------------------------------------------------------


def test_receipts_under_each_checkpoint(made: Made) -> None:
    made.grow(300, batch=100)
    for size in (100, 200, 300):
        proof = store.prove(made.link, made.log, 99, size)
        found = note.signed_checkpoint(proof.note, made.log.key)
        assert found.size == size
        assert tree.verify_inclusion(tree.leaf_hash(entry(99)), 99, size, proof.hashes, found.root)
    for index, size, code in ((0, 150, "no_checkpoint"), (100, 100, "no_entry"), (-1, None, "no_entry")):
        with pytest.raises(InputError) as refused:
            store.prove(made.link, made.log, index, size)
        assert refused.value.code == code
    over = store.checkpoint_over(made.link, made.log, 100)
    assert over is not None and note.Checkpoint.parse(over.text).size == 200
    assert store.checkpoint_over(made.link, made.log, 300) is None


def test_the_latest_leaf_about_an_object(made: Made) -> None:
    for digest in ("a", "b"):
        with made.link.transaction():
            store.append(made.link, record.record("x", ts="2026-11-24T00:00:00Z", object="system:1", digest=digest))
            store.append(made.link, record.record("x", ts="2026-11-24T00:00:00Z", object="system:2", digest="z"))
    store.sequence_all(made.link, LOG_KEY)
    found = store.latest(made.link, "system:1")
    assert found is not None and found[1] == 2 and b'"digest":"b"' in found[2]
    assert store.latest(made.link, "system:3") is None


def test_an_empty_log_has_a_checkpoint_too(made: Made) -> None:
    signed = store.sign_checkpoint(made.link, LOG_KEY)
    assert note.signed_checkpoint(signed, made.log.key) == note.Checkpoint(ORIGIN, 0, tree.EMPTY_ROOT)
    assert str(store.sign_checkpoint(made.link, LOG_KEY)) == str(signed) and holds(made)
    made.grow(1)
    assert holds(made)


class Counting(sql.Connection):
    """Counts the rows that are read."""

    __slots__ = ("rows",)

    def __init__(self, raw: object) -> None:
        super().__init__(raw)
        self.rows = 0

    def one(self, statement: str, parameters: object = ()) -> sql.Row | None:
        """The first row, counted."""
        row = super().one(statement, parameters)  # type: ignore[arg-type]
        self.rows += row is not None
        return row

    def all(self, statement: str, parameters: object = ()) -> list[sql.Row]:
        """Every row, counted."""
        rows = super().all(statement, parameters)  # type: ignore[arg-type]
        self.rows += len(rows)
        return rows


def test_a_receipt_at_100_000_entries_reads_at_most_25_rows(large: Made) -> None:
    for index in (0, 255, 12_345, 65_535, 65_536, LARGE - 1):
        link = Counting(large.link.raw)
        proof = store.prove(link, large.log, index)
        assert link.rows <= 25
        found = note.signed_checkpoint(proof.note, large.log.key)
        assert tree.verify_inclusion(tree.leaf_hash(entry(index)), index, LARGE, proof.hashes, found.root)
        assert len(proof.hashes) <= 17


# The clock ------------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_backwards_is_written_down(small: Made) -> None:
    tamper(small, "UPDATE ledger_head SET updated = updated + 3600000")
    small.grow(1)
    told = record.decode(leaves(small)[300])
    assert told is not None and told["kind"] == "clock.backwards" and told["body"]["before"] > told["ts"]
    assert leaves(small)[301] == entry(300)
    report = audit.audit(tiles.Database(small.link, small.log), small.log.key, own_records=True)
    assert [(item.code, item.index) for item in report.alarms] == [("clock_backwards", 300)]
    assert report.ok, "it is told and does not make the log wrong"


# A database that refuses ----------------------------------------------------------------------------------------------


def test_a_store_opened_to_read_is_read_and_never_written(small: Made) -> None:
    with sql.connect(small.url, read_only=True) as link:
        assert store.size(link, small.log) == 300
        assert store.prove(link, small.log, 7).index == 7
        assert audit.audit(tiles.Database(link, small.log), small.log.key).ok
        with pytest.raises(sqlite3.OperationalError, match="readonly"), link.transaction():
            store.append(link, data(0))
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store.sequence(link, LOG_KEY, leaves=[entry(300)])
    assert holds(small)


def test_a_postgresql_store_opened_to_read_is_never_written(postgresql: str) -> None:
    import psycopg

    made = make(postgresql, 300)
    with sql.connect(postgresql, read_only=True) as link:
        assert audit.audit(tiles.Database(link, made.log), made.log.key).ok
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), link.transaction():
            store.append(link, data(0))
    made.link.close()


def fill(made: Made, acknowledged: list[int]) -> Exception:
    """Appends and sequences until the database refuses; gives what it said."""
    for number in range(100_000):
        try:
            with made.link.transaction():
                store.append(made.link, {"v": 1, "kind": "test", "n": number, "text": "x" * 400})
            acknowledged.append(number)
            if number % 10 == 9:
                store.sequence(made.link, LOG_KEY)
        except Exception as error:
            return error
    raise AssertionError("it never refused")


def all_there(made: Made, acknowledged: list[int]) -> None:
    """Every acknowledged record is a leaf once, in order, and the log holds."""
    store.sequence_all(made.link, LOG_KEY)
    assert [(record.decode(leaf) or {})["n"] for leaf in leaves(made)] == acknowledged
    assert holds(made)


def test_a_full_database_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    made, acknowledged = make(sqlite_url(tmp_path)), list[int]()
    pages = int(made.link.all("PRAGMA page_count")[0][0])
    made.link.execute(f"PRAGMA max_page_count = {pages + 40}")
    error = fill(made, acknowledged)
    assert isinstance(error, sqlite3.OperationalError) and "full" in str(error) and acknowledged
    assert not made.link.in_transaction
    told = sql.failure(error, str(tmp_path))
    assert told.code == "store_failed" and "full" in told.message.zh
    made.link.execute("PRAGMA max_page_count = 1073741823")
    all_there(made, acknowledged)
    made.link.close()


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk cannot be mounted here (it needs root)")
    try:
        made, acknowledged = make(sqlite_url(disk)), list[int]()
        error = fill(made, acknowledged)
        assert isinstance(error, sqlite3.OperationalError) and acknowledged and not made.link.in_transaction
        assert audit.audit(tiles.Database(made.link, made.log), made.log.key).ok
        made.link.close()
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        again = Made(made.url, sql.connect(made.url), made.log)
        all_there(again, acknowledged)
        again.link.close()
    finally:
        subprocess.run(["umount", str(disk)], check=False)


# Triggers: they stop accidents ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET leaf = leaf WHERE idx = 1",
        "DELETE FROM ledger_entry WHERE idx = 1",
        "UPDATE ledger_checkpoint SET created = 0",
        "DELETE FROM ledger_checkpoint",
        "DELETE FROM ledger_tile",
        "UPDATE ledger_tile SET hashes = leaf FROM ledger_entry WHERE ledger_entry.idx = 1",
    ],
)
def test_what_the_ledger_wrote_neither_changes_nor_goes(made: Made, statement: str) -> None:
    made.grow(3)
    with pytest.raises(sql.database_errors()):
        made.link.execute(statement)
    assert holds(made)
