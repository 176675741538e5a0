"""Logs for tests: made quickly, and trees held in memory, cut into tiles by the test's own code."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from steelyard.base import keys, sql
from steelyard.ledger import note, store

ORIGIN = "log.example.cn/ai-governance"
WITNESS = "witness.example.org/w1"
COSIGNED = 1_790_000_000


@dataclass(frozen=True)
class RawSigner:
    """A key from its 32-byte seed, as test vectors give it."""

    private: Ed25519PrivateKey

    @classmethod
    def seed(cls, seed: bytes) -> "RawSigner":
        """The key of a seed."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> bytes:
        """The raw public key."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`."""
        return self.private.sign(data)


LOG_KEY, OTHER_KEY, WITNESS_KEY = (RawSigner.seed(bytes([number]) * 32) for number in (1, 2, 3))


def entry(number: int) -> bytes:
    """A leaf that is canonical JSON."""
    return b'{"kind":"test","n":%d,"v":1}' % number


def data(number: int) -> dict[str, object]:
    """The record that becomes `entry(number)`."""
    return {"v": 1, "kind": "test", "n": number}


@dataclass
class Made:
    """An open store with its log."""

    url: str
    link: sql.Connection
    log: store.Log
    signer: keys.Signer = LOG_KEY

    def grow(self, count: int, batch: int = 1_000) -> None:
        """Adds leaves, a checkpoint for each batch."""
        start = store.size(self.link, self.log)
        for at in range(start, start + count, batch):
            leaves = [entry(number) for number in range(at, min(at + batch, start + count))]
            store.sequence(self.link, self.signer, leaves=leaves)

    def cosign(self) -> note.Signature:
        """Has the witness cosign the newest checkpoint."""
        signed = store.checkpoint(self.link, self.log)
        assert signed is not None
        line = note.cosign(signed, WITNESS, WITNESS_KEY, COSIGNED)
        store.add_cosignature(self.link, self.log, note.Checkpoint.parse(signed.text).size, line)
        return line


def make(url: str, count: int = 0, origin: str = ORIGIN, signer: keys.Signer = LOG_KEY) -> Made:
    """A new store at `url` with a log of `count` entries."""
    link = sql.connect(url)
    store.prepare(link)
    made = Made(url, link, store.create(link, origin, signer.public), signer)
    made.grow(count)
    return made


def sqlite_url(folder: Path) -> str:
    """The address of a store in a folder."""
    return f"sqlite:///{folder / 'steelyard.db'}"


def tamper(made: Made, *statements: str) -> None:
    """Changes a SQLite store as whoever owns the file can: without its triggers."""
    raw = sqlite3.connect(made.url.removeprefix("sqlite:///"))
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert raw.execute(statement).rowcount, statement
    raw.commit()
    raw.close()


# RFC 6962 as its section 2.1 writes it, for comparison ----------------------------------------------------------------


def split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """MTH over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    at = split(len(leaves))
    return sha256(b"\x01" + plain_root(leaves[:at]) + plain_root(leaves[at:])).digest()


def plain_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    at = split(len(leaves))
    if index < at:
        return [*plain_path(index, leaves[:at]), plain_root(leaves[at:])]
    return [*plain_path(index - at, leaves[at:]), plain_root(leaves[:at])]


def plain_proof(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    if old == len(leaves):
        return [] if whole else [plain_root(leaves)]
    at = split(len(leaves))
    if old <= at:
        return [*plain_proof(old, leaves[:at], whole), plain_root(leaves[at:])]
    return [*plain_proof(old - at, leaves[at:], False), plain_root(leaves[:at])]


class Tiles:
    """Tiles in memory, filled from what each append gains."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.sizes: dict[int, int] = {}

    def add(self, gained: dict[int, list[bytes]]) -> None:
        """Appends the new nodes of each level."""
        for level, nodes in gained.items():
            for node in nodes:
                at = self.sizes.get(level, 0)
                key = (level, at // 256)
                self.tiles[key] = self.tiles.get(key, b"") + node
                self.sizes[level] = at + 1

    def read(self, level: int, index: int, width: int) -> bytes:
        """A tile, refusing to be read beyond the tree."""
        found = self.tiles[level, index]
        assert len(found) >= width * 32
        return found


def hashes(count: int) -> list[bytes]:
    """Distinct leaf hashes."""
    return [sha256(b"\x00" + number.to_bytes(4, "big")).digest() for number in range(count)]


def lines(items: Iterable[bytes]) -> list[str]:
    """Hashes in hexadecimal."""
    return [item.hex() for item in items]
