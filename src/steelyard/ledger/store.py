"""The log in a database: queueing, sequencing, reading. The only module that writes the tables of the ledger.

Rules enforced:
- `append` opens, commits and rolls back nothing: it writes a queue row in the caller's transaction, and refuses a
  connection outside one;
- one sequencer at a time: it holds the head row (and on SQLite the write lock) from reading the queue to the commit, so
  a second one waits and then finds the queue empty;
- queue rows, leaves, tiles, head and checkpoint change in one transaction: a crash leaves all or nothing of it;
- a clock that goes backwards is itself written into the log.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import Signer
from steelyard.base.sql import Connection, migrate, over
from steelyard.ledger import note, record, tree

BATCH = 1_000
MOST_LEAF = 65_535  # what an entry bundle can carry
MOST_COSIGNATURES = 50
QUEUE_ALARM_MS = 5_000
CLOCK_SLACK_MS = 1_000
ROOM = "ledger"


def now_ms() -> int:
    """The time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """A time in milliseconds as RFC 3339 in UTC."""
    seconds, rest = divmod(ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


class Sequenced(NamedTuple):
    """What one sequencing did: the entries first..size-1 are leaves under this checkpoint."""

    first: int
    size: int
    checkpoint: str | None


class Queue(NamedTuple):
    """How many records wait, and how long the oldest has waited, in milliseconds."""

    length: int
    age_ms: int

    @property
    def alarming(self) -> bool:
        """Whether a record has waited too long to be safe."""
        return self.age_ms > QUEUE_ALARM_MS


@dataclass(frozen=True, slots=True)
class Log:
    """One log of a store: its number, its key, and whether it was ended by a restore."""

    id: int
    key: note.VerifierKey
    ended: bool = False

    @property
    def origin(self) -> str:
        """The name of the log, also of its key."""
        return self.key.name


def append(connection: Any, data: Mapping[str, Any]) -> int:
    """Queues a record in the caller's transaction and answers its ticket; it becomes a leaf when sequenced.

    `connection` is a `Connection`, or a raw sqlite3 or psycopg one. Raises InputError where it cannot be a leaf,
    EnvironmentNotReady `no_transaction` outside a transaction.
    """
    link = over(connection)
    if not link.in_transaction:
        raise _no_transaction()
    leaf, thing = _encoded(data)
    row = link.one(
        "INSERT INTO ledger_queue (leaf, object, queued) VALUES (?, ?, ?) RETURNING ticket",
        (leaf, thing, now_ms()),
    )
    assert row is not None  # noqa: S101  (RETURNING gives the row it wrote)
    return int(row[0])


def append_many(connection: Any, records: Sequence[Mapping[str, Any]]) -> None:
    """Queues many records of rooms at once, as `append` does one by one."""
    link = over(connection)
    if not link.in_transaction:
        raise _no_transaction()
    now = now_ms()
    link.insert_many("ledger_queue", ("leaf", "object", "queued"), [(*_encoded(data), now) for data in records])


def _encoded(data: Mapping[str, Any]) -> tuple[bytes, str | None]:
    record.refuse_personal(data)
    leaf = record.encode(data)
    thing = data.get("object")
    if not isinstance(thing, str):
        return leaf, None
    if "\0" in thing:
        raise InputError(
            "bad_leaf",
            Text("the object of a record is a text without NUL", "记录的对象名不得含 NUL"),
            remedy=Text("name it otherwise", "请换一个名称"),
        )
    return leaf, thing


def _no_transaction() -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "no_transaction",
        Text("a record is written in the transaction of what it records", "记录须与其所记事项在同一事务中写入"),
        remedy=Text("begin a transaction first", "请先开始事务"),
    )


def queue_leaves(connection: Any, leaves: Sequence[bytes]) -> None:
    """Queues canonical leaves in the caller's transaction, fast."""
    _carried(leaves)
    now = now_ms()
    over(connection).insert_many("ledger_queue", ("leaf", "queued"), [(leaf, now) for leaf in leaves])


def queue(connection: Any) -> Queue:
    """What waits to become a leaf."""
    row = over(connection).one("SELECT count(*), min(queued) FROM ledger_queue")
    count, oldest = row if row else (0, None)
    return Queue(int(count), max(0, now_ms() - int(oldest)) if oldest is not None else 0)


def prepare(connection: Any) -> None:
    """Makes or updates the tables of the ledger."""
    migrate(over(connection), ROOM)


def create(connection: Any, origin: str, public: bytes) -> Log:
    """Opens a log under `origin`, after ending the one before. Raises InputError `bad_origin`, `log_exists`."""
    link = over(connection)
    try:
        key = note.vkey(origin, public)
    except note.NoteError:
        raise InputError(
            "bad_origin",
            Text(f"{origin!r} cannot name a log", f"{origin!r} 不能作为账本名称"),
            remedy=Text(
                "use something like example.cn/ai-governance: no spaces, no plus sign",
                "请使用类似 example.cn/ai-governance 的名称，不含空格与加号",
            ),
            field="--origin",
        ) from None
    with link.transaction():
        rows = link.all("SELECT log, origin FROM ledger_log ORDER BY log")
        if any(row[1] == origin for row in rows):
            raise InputError(
                "log_exists",
                Text(f"the log {origin} exists already", f"账本 {origin} 已存在"),
                remedy=Text("nothing needs to be done", "无需重复创建"),
                field="--origin",
            )
        number, now = (int(rows[-1][0]) + 1 if rows else 1), now_ms()
        link.execute("UPDATE ledger_log SET ended = ? WHERE ended IS NULL", (now,))
        link.execute(
            "INSERT INTO ledger_log (log, origin, public, opened) VALUES (?, ?, ?, ?)", (number, origin, public, now)
        )
        link.execute("INSERT INTO ledger_head (log, size, frontier, updated) VALUES (?, 0, ?, ?)", (number, b"", now))
    return Log(number, key)


def logs(connection: Any) -> list[Log]:
    """Every log of the store, the oldest first; the last is the one that grows."""
    rows = over(connection).all("SELECT log, origin, public, ended FROM ledger_log ORDER BY log")
    return [Log(int(n), note.vkey(origin, bytes(public)), ended is not None) for n, origin, public, ended in rows]


def current(connection: Any) -> Log:
    """The log that grows. Raises EnvironmentNotReady `no_log`."""
    found = logs(connection)
    if not found:
        raise EnvironmentNotReady(
            "no_log",
            Text("this store has no ledger yet", "此存储尚无账本"),
            remedy=Text(
                "`steelyard ledger init --origin NAME` opens one", "可用 `steelyard ledger init --origin 名称` 创建"
            ),
        )
    return found[-1]


def sequence(connection: Any, signer: Signer, *, limit: int = BATCH, leaves: Sequence[bytes] = ()) -> Sequenced:
    """Turns up to `limit` queued records, then `leaves`, into leaves, tiles and one signed checkpoint.

    Runs in the caller's transaction if there is one, else in its own; signs before it writes. EnvironmentNotReady:
    `wrong_key` where `signer` is not the log's, `ledger_damaged` where the head is not what was signed last.
    """
    link = over(connection)
    _carried(leaves)
    with link.transaction():
        log, frontier, updated = _head(link)
        if signer.public != log.key.public:
            raise EnvironmentNotReady(
                "wrong_key",
                Text(f"this is not the key of the log {log.origin}", f"这不是账本 {log.origin} 的密钥"),
                remedy=Text("restore keys/log.pem of this store", "请恢复该存储的 keys/log.pem"),
            )
        size = frontier.size
        waiting = link.all("SELECT ticket, leaf, object FROM ledger_queue ORDER BY ticket LIMIT ?", (limit,))
        if not waiting and not leaves:
            return Sequenced(size, size, None)
        _continues(link, log, frontier)
        now = now_ms()
        fresh = [(blob(leaf), thing) for _, leaf, thing in waiting] + [(leaf, None) for leaf in leaves]
        if now < updated - CLOCK_SLACK_MS:
            told = record.record("clock.backwards", ts=rfc3339(now), body={"before": rfc3339(updated)})
            fresh.insert(0, (record.encode(told), None))
        gained = frontier.extend([tree.leaf_hash(leaf) for leaf, _ in fresh])
        checkpoint = note.Checkpoint(log.origin, frontier.size, frontier.root())
        signed = str(note.sign(checkpoint.text(), log.origin, signer))
        _write(link, log, size, gained, fresh)
        if waiting:
            if waiting[-1][0] - waiting[0][0] + 1 == len(waiting):
                link.execute("DELETE FROM ledger_queue WHERE ticket BETWEEN ? AND ?", (waiting[0][0], waiting[-1][0]))
            else:
                link.executemany("DELETE FROM ledger_queue WHERE ticket = ?", [(row[0],) for row in waiting])
        link.execute(
            "INSERT INTO ledger_checkpoint (log, size, note, created) VALUES (?, ?, ?, ?)",
            (log.id, frontier.size, signed, now),
        )
        link.execute(
            "UPDATE ledger_head SET size = ?, frontier = ?, updated = ? WHERE log = ?",
            (frontier.size, frontier.as_bytes(), now, log.id),
        )
    return Sequenced(size, frontier.size, signed)


def _head(link: Connection) -> tuple[Log, tree.Frontier, int]:
    """The log that grows and its right edge, locked until the transaction ends."""
    lock = " FOR UPDATE" if link.dialect == "postgresql" else ""
    found = (
        "SELECT l.log, l.origin, l.public, h.size, h.frontier, h.updated FROM ledger_log l"  # noqa: S608
        f" JOIN ledger_head h ON h.log = l.log WHERE l.ended IS NULL ORDER BY l.log DESC LIMIT 1{lock}"
    )
    row = link.one(found) or link.one(found)  # on PostgreSQL the log may end while its lock is waited for
    if row is None:
        current(link)
        raise damaged("its head is missing")
    log = Log(int(row[0]), note.vkey(str(row[1]), blob(row[2])))
    try:
        return log, tree.Frontier.from_bytes(int(row[3]), blob(row[4])), int(row[5])
    except ValueError as error:
        raise damaged(str(error)) from None


def _continues(link: Connection, log: Log, frontier: tree.Frontier) -> None:
    """The head is what the last checkpoint says: nothing is signed that contradicts what was signed."""
    row = link.one("SELECT size, note FROM ledger_checkpoint WHERE log = ? ORDER BY size DESC LIMIT 1", (log.id,))
    if row is None:
        if frontier.size:
            raise damaged("its checkpoints are missing")
        return
    try:
        last = note.signed_checkpoint(note.Note.parse(str(row[1])), log.key)
    except note.NoteError as error:
        raise damaged(str(error)) from None
    if (last.size, last.root) != (frontier.size, frontier.root()):
        raise damaged("its head is not what was signed last")


def damaged(why: str) -> EnvironmentNotReady:
    """The error for a ledger whose tables were changed by somebody else."""
    return EnvironmentNotReady(
        "ledger_damaged",
        Text(f"the ledger was changed by something else: {why}", f"账本被其他程序改动：{why}"),
        remedy=Text(
            "`steelyard ledger verify` says what; restore the store from a copy",
            "请用 `steelyard ledger verify` 查明，并用备份恢复存储",
        ),
    )


def blob(value: Any) -> bytes:
    """The bytes of a column; those of its text where somebody stored another type."""
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else str(value).encode("utf-8", "replace")


def _carried(leaves: Sequence[bytes]) -> None:
    """Refuses leaves that no entry bundle can carry."""
    longest = max(map(len, leaves), default=0)
    if longest > MOST_LEAF:
        raise InputError(
            "leaf_too_large",
            Text(
                f"an entry holds at most {MOST_LEAF:,} bytes, this one has {longest:,}",
                f"记录上限为 {MOST_LEAF:,} 字节，实为 {longest:,}",
            ),
            remedy=Text("keep the content elsewhere and log its digest", "请另存内容，只记录其摘要"),
        )


def _write(
    link: Connection,
    log: Log,
    start: int,
    gained: Mapping[int, Sequence[bytes]],
    fresh: Sequence[tuple[bytes, str | None]],
) -> None:
    number = log.id
    link.insert_many(
        "ledger_entry",
        ("log", "idx", "leaf", "object"),
        [(number, index, leaf, thing) for index, (leaf, thing) in enumerate(fresh, start)],
    )
    for level, hashes in gained.items():
        first = start >> (tree.HEIGHT * level)
        at = 0
        while at < len(hashes):
            tile, offset = divmod(first + at, tree.WIDTH)
            part = hashes[at : at + tree.WIDTH - offset]
            at += len(part)
            if offset == 0:
                link.execute(
                    "INSERT INTO ledger_tile (log, level, tile, hashes) VALUES (?, ?, ?, ?)",
                    (number, level, tile, b"".join(part)),
                )
            else:
                # SQLite's || makes text of two blobs, so the growth is spelled as a cast.
                grown = "CAST(hashes || ? AS BLOB)" if link.dialect == "sqlite" else "hashes || ?"
                link.execute(
                    f"UPDATE ledger_tile SET hashes = {grown} WHERE log = ? AND level = ? AND tile = ?",  # noqa: S608
                    (b"".join(part), number, level, tile),
                )


def sequence_all(connection: Any, signer: Signer) -> Sequenced:
    """Sequences until the queue is empty; in steps of one transaction each where no transaction is open."""
    first: int | None = None
    while True:
        done = sequence(connection, signer)
        first = done.first if first is None else first
        if done.checkpoint is None:
            return Sequenced(first, done.size, None)


def size(connection: Any, log: Log) -> int:
    """How many entries a log has."""
    row = over(connection).one("SELECT size FROM ledger_head WHERE log = ?", (log.id,))
    return int(row[0]) if row else 0


def entries(connection: Any, log: Log, start: int = 0, step: int = 4_096) -> Iterator[tuple[int, bytes]]:
    """(index, leaf) in order from `start`, in bounded memory."""
    link, at = over(connection), start
    while True:
        rows = link.all(
            "SELECT idx, leaf FROM ledger_entry WHERE log = ? AND idx >= ? ORDER BY idx LIMIT ?", (log.id, at, step)
        )
        for index, leaf in rows:
            yield int(index), blob(leaf)
        if len(rows) < step:
            return
        at = int(rows[-1][0]) + 1


def read_tile(connection: Any, log: Log) -> tree.ReadTile:
    """A reader of the log's tiles; ValueError where one is missing."""
    link = over(connection)

    def read(level: int, index: int, width: int) -> bytes:
        row = link.one(
            "SELECT hashes FROM ledger_tile WHERE log = ? AND level = ? AND tile = ?", (log.id, level, index)
        )
        if row is None:
            raise ValueError(f"tile {level}/{index} is missing")
        return blob(row[0])

    return read


def checkpoint(connection: Any, log: Log, at: int | None = None) -> note.Note | None:
    """The latest signed checkpoint (of at most `at` entries), with the cosignatures it has; None before the first."""
    link = over(connection)
    where, more = ("AND size <= ?", (at,)) if at is not None else ("", ())
    row = link.one(
        f"SELECT size, note FROM ledger_checkpoint WHERE log = ? {where} ORDER BY size DESC LIMIT 1",  # noqa: S608
        (log.id, *more),
    )
    if row is None:
        return None
    lines = link.all(
        "SELECT line FROM ledger_cosignature WHERE log = ? AND size = ? ORDER BY witness LIMIT ?",
        (log.id, row[0], MOST_COSIGNATURES),
    )
    try:
        return note.with_signatures(
            note.Note.parse(str(row[1])), [note.Signature.parse(str(line[0])) for line in lines]
        )
    except note.NoteError as error:
        raise damaged(str(error)) from None


def checkpoint_over(connection: Any, log: Log, index: int) -> note.Note | None:
    """The first checkpoint that covers the entry at `index`; None while there is none."""
    row = over(connection).one("SELECT min(size) FROM ledger_checkpoint WHERE log = ? AND size > ?", (log.id, index))
    return checkpoint(connection, log, int(row[0])) if row and row[0] is not None else None


def sign_checkpoint(connection: Any, signer: Signer) -> note.Note:
    """The latest checkpoint; of an empty log one is signed. What is queued is sequenced first."""
    link = over(connection)
    sequence_all(link, signer)
    log = current(link)
    found = checkpoint(link, log)
    if found is not None:
        return found
    with link.transaction():
        empty = note.sign(note.Checkpoint(log.origin, 0, tree.EMPTY_ROOT).text(), log.origin, signer)
        link.execute(
            "INSERT INTO ledger_checkpoint (log, size, note, created) VALUES (?, 0, ?, ?)",
            (log.id, str(empty), now_ms()),
        )
    return empty


def add_cosignature(connection: Any, log: Log, at: int, line: note.Signature) -> None:
    """Keeps a witness's signature of the checkpoint of `at` entries; the newest of each witness counts."""
    link = over(connection)
    with link.transaction():
        name = f"{line.name}+{line.mark.hex()}"
        link.execute("DELETE FROM ledger_cosignature WHERE log = ? AND size = ? AND witness = ?", (log.id, at, name))
        link.execute(
            "INSERT INTO ledger_cosignature (log, size, witness, line) VALUES (?, ?, ?, ?)",
            (log.id, at, name, line.line()),
        )


def prove(connection: Any, log: Log, index: int, at: int | None = None) -> note.Proof:
    """The receipt of the entry at `index` under the checkpoint of `at` entries, or the latest.

    Raises InputError `no_entry`, `no_checkpoint`.
    """
    signed = checkpoint(connection, log, at)
    found = note.Checkpoint.parse(signed.text) if signed else None
    if signed is None or found is None or (at is not None and found.size != at):
        raise InputError(
            "no_checkpoint",
            Text("there is no checkpoint of that size", "没有该规模的检查点"),
            remedy=Text("leave --size out to use the latest", "可省略 --size 以使用最新检查点"),
            field="--size",
        )
    if not 0 <= index < found.size:
        raise InputError(
            "no_entry",
            Text(f"the checkpoint covers {found.size} entries, from 0", f"检查点含 {found.size} 条记录，从 0 起"),
            remedy=Text("choose an index below that", "请选择更小的序号"),
            field="INDEX",
        )
    hashes = tree.inclusion_proof(index, found.size, read_tile(connection, log))
    return note.Proof(index, tuple(hashes), signed)


def latest(connection: Any, thing: str) -> tuple[Log, int, bytes] | None:
    """The last leaf about an object: its log, index and bytes; None where there is none."""
    link = over(connection)
    row = link.one(
        "SELECT log, idx, leaf FROM ledger_entry WHERE object = ? ORDER BY log DESC, idx DESC LIMIT 1", (thing,)
    )
    if row is None:
        return None
    log = next(item for item in logs(link) if item.id == row[0])
    return log, int(row[1]), bytes(row[2])


def put_back(connection: Any, log: Log, frontier: tree.Frontier, fresh: Sequence[tuple[bytes, str | None]]) -> None:
    """Writes leaves that stand in files already, with their objects, in the caller's transaction."""
    start = frontier.size
    _write(over(connection), log, start, frontier.extend([tree.leaf_hash(leaf) for leaf, _ in fresh]), fresh)


def put_back_head(connection: Any, log: Log, frontier: tree.Frontier, signed: note.Note) -> None:
    """Ends a `put_back`: the head, the checkpoint and its cosignatures as the files have them."""
    link, now = over(connection), now_ms()
    own = note.Note(signed.text, tuple(item for item in signed.signatures if item.mark == log.key.hash))
    link.execute(
        "UPDATE ledger_head SET size = ?, frontier = ?, updated = ? WHERE log = ?",
        (frontier.size, frontier.as_bytes(), now, log.id),
    )
    link.execute(
        "INSERT INTO ledger_checkpoint (log, size, note, created) VALUES (?, ?, ?, ?)",
        (log.id, frontier.size, str(own), now),
    )
    for line in signed.signatures:
        if line.mark != log.key.hash:
            add_cosignature(link, log, frontier.size, line)
