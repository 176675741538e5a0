"""The store of envelopes: truth by digest, indexes beside it, attachments by content, each logged as it comes in.

Rules enforced:
- an envelope comes in only with a signature of a key that is trusted here, at a time when that key was good;
- its row, its index rows and its ledger record are written in one transaction;
- indexes hold nothing that envelopes do not: `reindex` drops and rebuilds them, for every room that registered one.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import Envelope, Signer, parse_envelope
from steelyard.base.sql import Connection, migrate
from steelyard.evidence import trust
from steelyard.evidence.kinds import PREDICATE_PREFIX, Kinds
from steelyard.evidence.statement import Statement, check_evidence, envelope_digest, parse
from steelyard.ledger import record, registry
from steelyard.ledger import store as ledger

ROOM = "evidence"
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
        digest = envelope_digest(envelope)
        known = get(link, digest)
        if known is not None:
            return known
        signers = trust.check(link, envelope, statement, ts, path=path)
        if statement.predicate_type.startswith(PREDICATE_PREFIX):
            check_evidence(statement, kinds, path=path)
        return insert(link, envelope, statement, signers, ts=ts)


def insert(link: Connection, envelope: Envelope, statement: Statement, signers: tuple[str, ...], *, ts: str) -> Stored:
    """Writes a checked envelope with its indexes and record, in the caller's transaction."""
    digest, body = envelope_digest(envelope), envelope.as_bytes()
    system = statement.predicate.get("system")
    row = link.one(
        "INSERT INTO evidence_envelope (digest, predicate_type, system, received, body) VALUES (?, ?, ?, ?, ?)"
        " RETURNING seq",
        (digest, statement.predicate_type, system if isinstance(system, str) else None, ledger.now_ms(), body),
    )
    assert row is not None  # noqa: S101
    stored = Stored(int(row[0]), digest, ledger.now_ms(), statement, signers)
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
    _index(link, Stored(int(row[0]), digest, now, statement, tuple(name for name, _ in envelope.signatures)))


def _index(link: Connection, stored: Stored) -> None:
    for item in INDEXERS:
        if stored.statement.predicate_type.startswith(item.predicate):
            item.index(link, stored)


def get(link: Connection, digest: str) -> Stored | None:
    """The envelope of that digest."""
    row = link.one("SELECT seq, digest, received, body FROM evidence_envelope WHERE digest = ?", (digest,))
    return _stored(row) if row else None


def walk(link: Connection, system: str | None = None, predicate: str = "") -> Iterator[Stored]:
    """Every envelope in its order, of one system or of one kind of predicate; in bounded memory."""
    at = 0
    where, more = ("AND system = ?", (system,)) if system is not None else ("", ())
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
    return bytes(row[0]) if row else None


def _stored(row: Any) -> Stored:
    envelope = parse_envelope(bytes(row[3]))
    return Stored(
        int(row[0]), str(row[1]), int(row[2]), parse(envelope), tuple(name for name, _ in envelope.signatures)
    )


def reindex(link: Connection) -> int:
    """Drops what every index holds and rebuilds it from the envelopes; answers how many were read."""
    count = 0
    with link.transaction():
        for table in dict.fromkeys(name for item in INDEXERS for name in item.tables):
            link.execute(f"DELETE FROM {table}")  # noqa: S608  (names registered in code)
        for stored in walk(link):
            _index(link, stored)
            count += 1
    return count


# Attachments ----------------------------------------------------------------------------------------------------------


def attach(link: Connection, data: bytes) -> str:
    """Keeps the bytes of a file under their SHA-256, which is answered. Raises InputError `too_large`."""
    if len(data) > MAX_ATTACHMENT:
        raise InputError(
            "too_large",
            Text(f"an attachment holds at most {MAX_ATTACHMENT:,} bytes", f"附件上限为 {MAX_ATTACHMENT:,} 字节"),
            remedy=Text("keep it elsewhere; its digest is in the statement", "请另存；声明中已有其摘要"),
        )
    digest = hashlib.sha256(data).hexdigest()
    with link.transaction():
        if link.one("SELECT 1 FROM evidence_attachment WHERE sha256 = ?", (digest,)) is None:
            link.execute(
                "INSERT INTO evidence_attachment (sha256, size, body) VALUES (?, ?, ?)", (digest, len(data), data)
            )
    return digest


def attachment(link: Connection, digest: str) -> bytes | None:
    """The bytes of an attachment; None where it is not kept. Raises InputError `edited` where they were changed."""
    row = link.one("SELECT body FROM evidence_attachment WHERE sha256 = ?", (digest,))
    if row is None:
        return None
    data = bytes(row[0])
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
            yield PREFIX + str(digest), "sha256:" + hashlib.sha256(bytes(data)).hexdigest()
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
