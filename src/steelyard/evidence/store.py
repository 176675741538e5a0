"""The store of envelopes: truth by digest, indexes beside it, attachments by content, each logged as it comes in.

Rules enforced:
- an envelope comes in only with a signature of a key that is trusted here, at a time when that key was good;
- from outside comes evidence of a known kind and nothing else: decisions, appointments, keys and assessments are
  written by the commands that check who may; the same statement counts once, however often it is signed again;
- its row, its index rows and its ledger record are written in one transaction;
- indexes hold nothing that envelopes do not: `reindex` drops and rebuilds them, for every room that registered one.
"""

import datetime as dt
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import Envelope, Signer, parse_envelope
from steelyard.base.sql import Connection, migrate, over
from steelyard.evidence import trust
from steelyard.evidence.kinds import PREDICATE_PREFIX, Kinds
from steelyard.evidence.statement import Statement, bad_statement, check_evidence, envelope_digest, parse
from steelyard.ledger import record, registry
from steelyard.ledger import store as ledger

ROOM = "evidence"
SLACK = dt.timedelta(minutes=5)
"""How far another machine's clock may be ahead."""
MAX_ATTACHMENT = 256 * 1024 * 1024
PREFIX = "envelope:"


class Stored(NamedTuple):
    """An envelope of the store, in its order."""

    seq: int
    digest: str
    received: int
    statement: Statement
    signers: tuple[str, ...]


Index = Callable[[Connection, Stored], None]


@dataclass(frozen=True, slots=True)
class Indexer:
    """A room's index over statements of some predicate types; `tables` are cleared before a rebuild."""

    predicate: str
    tables: tuple[str, ...]
    index: Index


INDEXERS: list[Indexer] = []


def indexes(predicate: str, *tables: str) -> Callable[[Index], Index]:
    """Registers a function that keeps index tables for statements whose type starts with `predicate`."""

    def add(function: Index) -> Index:
        INDEXERS.append(Indexer(predicate, tables, function))
        for table in tables:
            registry.exempt(table, "an index: rebuilt from the envelopes")
        return function

    return add


def prepare(link: Connection) -> None:
    """Makes or updates the tables of evidence."""
    migrate(link, ROOM)


def add(link: Connection, envelope: Envelope, kinds: Kinds, *, ts: str, path: str | None = None) -> Stored:
    """Takes an envelope in, in one transaction with its indexes and its ledger record.

    The same envelope again changes nothing. Raises InputError `untrusted`, `bad_statement`, `unknown_kind`, ...
    """
    statement = parse(envelope, path=path)
    with link.transaction():
        known = get(link, envelope_digest(envelope))
        if known is not None:
            return known
        if statement.predicate_type in trust.INSIDE:
            raise InputError(
                "not_evidence",
                Text("this is not evidence, and comes in by its own command only", "这不是证据，只能由相应命令写入"),
                remedy=Text(
                    "`steelyard decide`, `appoint` and `key` write such statements",
                    "请使用 `steelyard decide`、`appoint` 或 `key`",
                ),
                path=path,
            )
        signers = trust.check(link, envelope, statement, ts, path=path)
        check_evidence(statement, kinds, path=path)
        if dt.datetime.fromisoformat(str(statement.predicate["issued"])) > dt.datetime.fromisoformat(ts) + SLACK:
            raise bad_statement("it was issued in the future", "签发时间在未来", path=path, field="issued")
        return _same(link, envelope, statement) or insert(link, envelope, statement, signers, ts=ts)


def _same(link: Connection, envelope: Envelope, statement: Statement) -> Stored | None:
    """The envelope that holds this very statement already: signed again, it is no newer and counts once."""
    said = statement.predicate
    for (digest,) in link.all(
        "SELECT digest FROM evidence_item WHERE system = ? AND kind = ? AND issued = ?",
        (said["system"], said["kind"], said["issued"]),
    ):
        data = body(link, str(digest))
        if data is not None and parse_envelope(data).payload == envelope.payload:
            return get(link, str(digest))
    return None


def insert(link: Connection, envelope: Envelope, statement: Statement, signers: tuple[str, ...], *, ts: str) -> Stored:
    """Writes a checked envelope with its indexes and record, in the caller's transaction."""
    digest, now = envelope_digest(envelope), ledger.now_ms()
    system = statement.predicate.get("system")
    row = link.one(
        "INSERT INTO evidence_envelope (digest, predicate_type, system, received, body) VALUES (?, ?, ?, ?, ?)"
        " RETURNING seq",
        (digest, statement.predicate_type, system if isinstance(system, str) else None, now, envelope.as_bytes()),
    )
    assert row is not None  # noqa: S101
    stored = Stored(int(row[0]), digest, now, statement, trust.known(link, envelope))
    _index(link, stored)
    leaf: dict[str, Any] = {"subjects": [item.sha256 for item in statement.subjects[:200]]}  # names may be personal
    if isinstance(system, str):
        leaf["system"] = system
    kind = statement.predicate_type.removeprefix("https://steelyard.dev/").removesuffix("/v1").replace("/", ".")
    ledger.append(
        link,
        record.record(
            kind, ts=ts, actor=signers[0] if signers else None, object=PREFIX + digest, digest=digest, body=leaf
        ),
    )
    return stored


def put_back(link: Connection, envelope: Envelope) -> None:
    """Writes an envelope that stands in files and in the log already, in the caller's transaction."""
    statement = parse(envelope)
    system = statement.predicate.get("system")
    digest, now = envelope_digest(envelope), ledger.now_ms()
    row = link.one(
        "INSERT INTO evidence_envelope (digest, predicate_type, system, received, body) VALUES (?, ?, ?, ?, ?)"
        " RETURNING seq",
        (digest, statement.predicate_type, system if isinstance(system, str) else None, now, envelope.as_bytes()),
    )
    assert row is not None  # noqa: S101
    _index(link, Stored(int(row[0]), digest, now, statement, trust.known(link, envelope)))


def _index(link: Connection, stored: Stored) -> None:
    for item in INDEXERS:
        if stored.statement.predicate_type.startswith(item.predicate):
            item.index(link, stored)


def get(link: Connection, digest: str) -> Stored | None:
    """The envelope of that digest."""
    row = link.one("SELECT seq, digest, received, body FROM evidence_envelope WHERE digest = ?", (digest,))
    return _stored(row) if row else None


def walk(link: Connection, system: str | None = None, predicate: str = "", *, exact: bool = False) -> Iterator[Stored]:
    """Every envelope in its order, of one system or of one kind of predicate; in bounded memory.

    `predicate` is how the type begins, or with `exact` all of it.
    """
    at = 0
    where, more = ("AND system = ?", (system,)) if system is not None else ("", ())
    if exact:
        where, more = f"{where} AND predicate_type = ?", (*more, predicate)
    while True:
        rows = link.all(
            f"SELECT seq, digest, received, body FROM evidence_envelope WHERE seq > ? {where} ORDER BY seq LIMIT 500",  # noqa: S608
            (at, *more),
        )
        for row in rows:
            stored = _stored(row)
            if stored.statement.predicate_type.startswith(predicate):
                yield stored
        if len(rows) < 500:
            return
        at = int(rows[-1][0])


def body(link: Connection, digest: str) -> bytes | None:
    """The JSON of an envelope as it came."""
    row = link.one("SELECT body FROM evidence_envelope WHERE digest = ?", (digest,))
    return _bytes(row[0]) if row else None


def _bytes(value: Any) -> bytes:
    """A column of bytes, whatever a hand put there: it is hashed and compared, not trusted."""
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode("utf-8", "surrogateescape")


def _stored(row: Any) -> Stored:
    envelope = parse_envelope(_bytes(row[3]))
    return Stored(
        int(row[0]), str(row[1]), int(row[2]), parse(envelope), tuple(name for name, _ in envelope.signatures)
    )


class Rebuilt(NamedTuple):
    """How many envelopes were read, and which tables held something else before."""

    envelopes: int
    corrected: tuple[str, ...]


def reindex(link: Connection) -> Rebuilt:
    """Drops what every index holds and rebuilds it from the envelopes."""
    count, tables = 0, tuple(dict.fromkeys(name for item in INDEXERS for name in item.tables))
    with link.transaction():
        before = {table: _contents(link, table) for table in tables}
        for table in tables:
            link.execute(f"DELETE FROM {table}")  # noqa: S608  (names registered in code)
        for stored in walk(link):
            data = body(link, stored.digest) or b""
            _index(link, stored._replace(signers=trust.known(link, parse_envelope(data))))
            count += 1
        return Rebuilt(count, tuple(table for table in tables if _contents(link, table) != before[table]))


def differing(link: Connection) -> tuple[str, ...]:
    """The index tables that do not say what the envelopes say; reads only, and rebuilds them in memory to compare."""
    tables = dict.fromkeys(name for item in INDEXERS for name in item.tables)
    with over(sqlite3.connect(":memory:", isolation_level=None)) as aside:
        for room in dict.fromkeys(name.split("_")[0] for name in tables):
            migrate(aside, room)
        with aside.transaction():
            for stored in walk(link):
                data = body(link, stored.digest) or b""
                _index(aside, stored._replace(signers=trust.known(aside, parse_envelope(data))))
        return tuple(table for table in tables if _contents(link, table) != _contents(aside, table))


def _contents(link: Connection, table: str) -> str:
    """A digest of all rows of an index, in no order."""
    total = 0
    for row in link.execute(f"SELECT * FROM {table}"):  # noqa: S608  (names registered in code)
        plain = [bytes(item) if isinstance(item, memoryview) else item for item in row]
        total += int.from_bytes(hashlib.sha256(repr(plain).encode()).digest())
    return f"{total:x}"


class Listed(NamedTuple):
    """A piece of evidence as lists show it."""

    digest: str
    kind: str
    issued: str
    valid_until: str | None
    confidence: str


def items(link: Connection, system: str, limit: int = 500) -> list[Listed]:
    """The evidence about a system, the newest first."""
    rows = link.all(
        "SELECT digest, kind, issued, valid_until, confidence FROM evidence_item WHERE system = ?"
        " ORDER BY seq DESC LIMIT ?",
        (system, limit),
    )
    return [Listed(*row) for row in rows]


# Attachments ----------------------------------------------------------------------------------------------------------


def attach(link: Connection, data: bytes) -> str:
    """Keeps the bytes of a file under their SHA-256, which is answered. Raises InputError `too_large`."""
    if len(data) > MAX_ATTACHMENT:
        raise too_large(None)
    digest = hashlib.sha256(data).hexdigest()
    link.execute(
        "INSERT INTO evidence_attachment (sha256, size, body) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
        (digest, len(data), data),
    )
    return digest


def too_large(path: str | None) -> InputError:
    """The error for an attachment that is not kept here."""
    return InputError(
        "too_large",
        Text(f"an attachment holds at most {MAX_ATTACHMENT:,} bytes", f"附件上限为 {MAX_ATTACHMENT:,} 字节"),
        remedy=Text("keep it elsewhere; its digest is in the statement", "请另存；声明中已有其摘要"),
        path=path,
    )


def attachment(link: Connection, digest: str) -> bytes | None:
    """The bytes of an attachment; None where it is not kept. Raises InputError `edited` where they were changed."""
    row = link.one("SELECT body FROM evidence_attachment WHERE sha256 = ?", (digest,))
    if row is None:
        return None
    data = _bytes(row[0])
    if hashlib.sha256(data).hexdigest() != digest:
        raise InputError("edited", Text("an attachment was changed", "附件已被改动"), path=digest)
    return data


# The index of evidence ------------------------------------------------------------------------------------------------


@indexes(PREDICATE_PREFIX, "evidence_item", "evidence_subject")
def _index_item(link: Connection, stored: Stored) -> None:
    said = stored.statement.predicate
    named = said.get("obligations")
    link.execute(
        "INSERT INTO evidence_item (digest, seq, system, kind, issued, valid_until, confidence, signer, obligations,"
        " result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stored.digest,
            stored.seq,
            said["system"],
            said["kind"],
            said["issued"],
            said.get("valid_until"),
            said["confidence"],
            stored.signers[0] if stored.signers else "",
            json.dumps(named) if named else None,
            json.dumps(said["result"], ensure_ascii=False, sort_keys=True),
        ),
    )
    for item in stored.statement.subjects:
        link.execute(
            "INSERT INTO evidence_subject (digest, name, sha256) VALUES (?, ?, ?)",
            (stored.digest, item.name, item.sha256),
        )


def _rows(link: Connection) -> Iterator[tuple[str, str]]:
    at = 0
    while True:
        rows = link.all("SELECT seq, digest, body FROM evidence_envelope WHERE seq > ? ORDER BY seq LIMIT 500", (at,))
        for _, digest, data in rows:
            yield PREFIX + str(digest), "sha256:" + hashlib.sha256(_bytes(data)).hexdigest()
        if len(rows) < 500:
            return
        at = int(rows[-1][0])


registry.register("evidence_envelope", PREFIX, _rows)
registry.exempt("evidence_attachment", "kept under the digest that statements name; checked when it is read")


@indexes(trust.KEY_TYPE, "evidence_key")
def _index_key(link: Connection, stored: Stored) -> None:
    trust.index_key(link, stored.statement)


def vouch(link: Connection, key: trust.Key, *signers: Signer, ts: str) -> Stored:
    """Makes a key trusted, or says that it no longer is; signed by keys that are trusted already.

    The first key of an empty store vouches for itself. Raises InputError as `add` does.
    """
    said = trust.statement(key)
    envelope = said.sealed(*signers)
    with link.transaction():
        if link.one("SELECT 1 FROM evidence_key LIMIT 1") is None:
            return insert(link, envelope, said, tuple(name for name, _ in envelope.signatures), ts=ts)
        return insert(link, envelope, said, trust.check(link, envelope, said, ts), ts=ts)
