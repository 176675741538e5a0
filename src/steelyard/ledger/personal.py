"""Personal data beside a log that never forgets: salted commitments in leaves, values under keys that can be destroyed.

Rules enforced:
- a commitment is HMAC-SHA256 under a random salt of its own, over the lengths and texts of kind, field and canonical
  value: equal values are not linkable, and with the salt gone even a telephone number cannot be tested by guessing;
- a value is encrypted (AES-256-GCM) under the key of the person it concerns, that key under the store's key;
- erasing destroys salt, ciphertext and key, writes an erasure leaf, and adds a line to a journal beside the store, so
  that a copy put back can be erased again.
"""

import datetime as dt
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from steelyard.base.canon import canonical_json
from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection, over
from steelyard.ledger import record, store

SALT = 32
JOURNAL = "journal"
"""The basis of an erasing that a restore does again."""
State = Literal["opened", "erased", "missing", "mismatch"]
STATES: dict[str, Text] = {
    "opened": Text("opened: the value is the one that was logged", "已核对：与入账值一致"),
    "erased": Text("erased, and the erasing is on record", "已删除，且删除有记录"),
    "missing": Text("missing without a record of erasing", "缺失且无删除记录"),
    "mismatch": Text("not the value that was logged", "与入账值不一致"),
}


def commitment(salt: bytes, kind: str, field: str, value: Any) -> str:
    """HMAC-SHA256 in hexadecimal, keyed by the salt, over kind, field and the canonical JSON of the value."""
    parts = (kind.encode(), field.encode(), canonical_json(value))
    message = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    return hmac.digest(salt, message, "sha256").hex()


def new_subject() -> str:
    """A pseudonym for a person: random, so that it says nothing about whom it names."""
    return f"p-{secrets.token_hex(8)}"


class Opening(NamedTuple):
    """A committed value with its salt: enough for an auditor to check the commitment without our keys."""

    commitment: str
    subject: str
    kind: str
    field: str
    value: Any
    salt: bytes


class Vault:
    """Commits, opens and erases values. `key` is the store's own 32-byte key; nothing of it is ever written."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise EnvironmentNotReady(
                "bad_key",
                Text("the key of personal data is damaged", "个人数据密钥已损坏"),
                remedy=Text("restore keys/personal.key of this store", "请恢复该存储的 keys/personal.key"),
            )
        self._box = AESGCM(key)

    def __repr__(self) -> str:
        return "Vault(...)"

    def commit(self, connection: Any, subject: str, kind: str, values: Mapping[str, Any]) -> dict[str, str]:
        """Stores the values in the caller's transaction and gives field -> commitment for the leaf.

        Raises InputError `erased_subject` for somebody whose data were erased.
        """
        return self.commit_many(connection, kind, [(subject, values)])[0]

    def commit_many(
        self, connection: Any, kind: str, items: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[dict[str, str]]:
        """The same for many (subject, values) at once, in their order: each subject's key is opened once."""
        link = over(connection)
        boxes: dict[str, AESGCM] = {}
        rows: list[tuple[Any, ...]] = []
        out: list[dict[str, str]] = []
        for subject, values in items:
            box = boxes.get(subject)
            if box is None:
                box = boxes[subject] = AESGCM(self._subject_key(link, subject))
            marks: dict[str, str] = {}
            for field, value in values.items():
                drawn = os.urandom(SALT + 12)
                salt, nonce = drawn[:SALT], drawn[SALT:]
                mark = commitment(salt, kind, field, value)
                text = box.encrypt(nonce, canonical_json({"kind": kind, "value": value}), mark.encode())
                rows.append((mark, subject, field, salt, nonce + text))
                marks[field] = mark
            out.append(marks)
        link.insert_many("ledger_secret", ("commitment", "subject", "field", "salt", "ciphertext"), rows)
        return out

    def _subject_key(self, link: Connection, subject: str) -> bytes:
        row = link.one("SELECT wrapped, erased FROM ledger_subject WHERE subject = ?", (subject,))
        if row is None:
            key, nonce = AESGCM.generate_key(256), os.urandom(12)
            wrapped = nonce + self._box.encrypt(nonce, key, subject.encode())
            link.execute("INSERT INTO ledger_subject (subject, wrapped) VALUES (?, ?)", (subject, wrapped))
            return key
        if row[0] is None:
            raise InputError(
                "erased_subject",
                Text("the personal data of this person were erased", "此人的个人数据已被删除"),
                remedy=Text("use a new pseudonym", "请使用新的化名"),
            )
        return self._unwrap(bytes(row[0]), subject)

    def _unwrap(self, wrapped: bytes, subject: str) -> bytes:
        try:
            return self._box.decrypt(wrapped[:12], wrapped[12:], subject.encode())
        except InvalidTag:
            raise EnvironmentNotReady(
                "bad_key",
                Text("the key of personal data does not fit this store", "个人数据密钥与此存储不符"),
                remedy=Text("restore keys/personal.key of this store", "请恢复该存储的 keys/personal.key"),
            ) from None

    def open(self, connection: Any, mark: str) -> "Opening":
        """The value behind a commitment; KeyError where it is gone, ValueError where it is not the one logged."""
        link = over(connection)
        row = link.one(
            "SELECT s.subject, s.field, s.salt, s.ciphertext, k.wrapped FROM ledger_secret s"
            " JOIN ledger_subject k ON k.subject = s.subject WHERE s.commitment = ?",
            (mark,),
        )
        if row is None or row[4] is None:
            raise KeyError(mark)
        subject, field, salt, text, wrapped = str(row[0]), str(row[1]), bytes(row[2]), bytes(row[3]), bytes(row[4])
        try:
            plain = AESGCM(self._unwrap(wrapped, subject)).decrypt(text[:12], text[12:], mark.encode())
        except InvalidTag:
            raise ValueError("the stored value was changed") from None
        data = json.loads(plain)
        if commitment(salt, data["kind"], field, data["value"]) != mark:
            raise ValueError("the stored value is not the committed one")
        return Opening(mark, subject, data["kind"], field, data["value"], salt)

    def state(self, connection: Any, mark: str, erased: frozenset[str] = frozenset()) -> State:
        """What an auditor sees of a commitment; `erased` are those that erasure leaves name."""
        try:
            self.open(connection, mark)
        except KeyError:
            return "erased" if mark in erased else "missing"
        except (ValueError, TypeError, EnvironmentNotReady):  # a value, its type or the wrapped key was changed
            return "mismatch"
        return "opened"


class Erased(NamedTuple):
    """What one erasing removed."""

    subject: str
    fields: dict[str, str]


def erase(connection: Any, subject: str, *, basis: str, ts: str) -> Erased:
    """Destroys the key, salts and ciphertexts of a person in the caller's transaction and queues the erasure leaf.

    `basis` says why, without personal data. Raises InputError `unknown_subject`. The caller adds the journal line
    (`journal_line`) once the transaction is committed.
    """
    link = over(connection)
    row = link.one("SELECT wrapped FROM ledger_subject WHERE subject = ?", (subject,))
    if row is None:
        raise InputError(
            "unknown_subject",
            Text(f"there are no personal data of {subject} here", f"此处没有 {subject} 的个人数据"),
            remedy=Text("use the pseudonym, for example p-0123456789abcdef", "请使用化名，例如 p-0123456789abcdef"),
            field="SUBJECT",
        )
    marks = link.all("SELECT commitment, field FROM ledger_secret WHERE subject = ? ORDER BY commitment", (subject,))
    fields = {str(mark): str(field) for mark, field in marks}
    link.execute("DELETE FROM ledger_secret WHERE subject = ?", (subject,))
    now = store.now_ms()
    link.execute("UPDATE ledger_subject SET wrapped = NULL, erased = ? WHERE subject = ?", (now, subject))
    leaf = record.record(
        "erasure", ts=ts, object=f"subject:{subject}", body={"subject": subject, "basis": basis, "fields": fields}
    )
    store.append(link, leaf)
    return Erased(subject, fields)


def reapply(connection: Any) -> int:
    """Destroys again what erasure leaves name and somebody put back; answers how many. In the caller's transaction."""
    link = over(connection)
    count = 0
    for subject, marks in _erasures(link):
        for mark in marks:
            count += link.execute("DELETE FROM ledger_secret WHERE commitment = ?", (mark,)).rowcount
        link.execute(
            "UPDATE ledger_subject SET wrapped = NULL, erased = COALESCE(erased, ?) WHERE subject = ?",
            (store.now_ms(), subject),
        )
    return count


def _erasures(link: Connection) -> Iterator[tuple[str, list[str]]]:
    rows = link.all("SELECT leaf FROM ledger_entry WHERE object >= 'subject:' AND object < 'subject;'")
    for (leaf,) in rows:
        data = record.decode(store.blob(leaf))
        if data and data.get("kind") == "erasure":
            body = data.get("body", {})
            yield str(body.get("subject")), [str(mark) for mark in body.get("fields", {})]


def erased_marks(connection: Any) -> frozenset[str]:
    """Every commitment that an erasure leaf names."""
    return frozenset(mark for _, marks in _erasures(over(connection)) for mark in marks)


def subjects(connection: Any) -> list[tuple[str, bool]]:
    """Every pseudonym and whether its data were erased."""
    rows = over(connection).all("SELECT subject, wrapped FROM ledger_subject ORDER BY subject")
    return [(str(name), wrapped is None) for name, wrapped in rows]


# The journal ----------------------------------------------------------------------------------------------------------


def journal_line(path: Path, erased: Erased, ts: str) -> None:
    """Adds a line to the journal of erasings, outside the store and its backups; on disk before this returns."""
    line = json.dumps({"subject": erased.subject, "fields": erased.fields, "ts": ts}, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def scrub(connection: Any) -> None:
    """Empties SQLite's write-ahead log, where what was erased still stands; outside a transaction. No-op elsewhere."""
    link = over(connection)
    if link.dialect == "sqlite" and not link.in_transaction:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def journal(path: Path) -> Iterator[str]:
    """The pseudonyms in a journal; a torn last line is passed over. Raises InputError `bad_journal`."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            yield str(json.loads(line)["subject"])
        except (ValueError, KeyError, TypeError):
            if number >= len(lines) - 1 and lines[-1] != b"":
                return
            raise InputError(
                "bad_journal",
                Text("the journal of erasings is damaged here", "删除日志在此处损坏"),
                remedy=Text("restore the journal before the store is opened", "请先恢复该日志，再打开存储"),
                path=str(path),
                line=number,
            ) from None


def utc_now() -> str:
    """Now, as RFC 3339 in UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
