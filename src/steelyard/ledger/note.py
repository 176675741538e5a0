"""Signed notes, checkpoints, cosignatures and proof files: the texts that leave the house.

Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature (cosignature/v1), tlog-proof@v1. Ed25519 only; signatures
of unknown keys are carried on and never believed.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from steelyard.base.keys import Signer, verify
from steelyard.ledger.tree import HASH

ED25519, COSIGNATURE = 0x01, 0x04
MAX_NOTE = 1_000_000
PROOF_HEAD = "c2sp.org/tlog-proof@v1"
MOST = 2**63 - 1  # what other implementations can count and time: a signed 64-bit number
_NO_TEXT = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f\ud800-\udfff]+")


class NoteError(ValueError):
    """A note, key or proof text that does not follow its format; the message says where."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under: `name+hash+base64` (signed-note). `kind` is 0x01 or 0x04."""

    name: str
    kind: int
    public: bytes

    @property
    def hash(self) -> bytes:
        """The four bytes that mark this key's signatures."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.hash.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The key in a vkey line. Raises NoteError."""
        name, _, rest = text.strip().partition("+")
        mark, _, encoded = rest.partition("+")
        data = _unbase64(encoded, "a verifier key")
        if not _NAME.fullmatch(name) or len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
            raise NoteError("a verifier key is NAME+HASH+KEY with an Ed25519 key")
        key = cls(name, data[0], data[1:])
        if key.hash.hex() != mark:
            raise NoteError("the hash in the verifier key does not belong to its key")
        return key


def vkey(name: str, public: bytes, kind: int = ED25519) -> VerifierKey:
    """The verifier key of a raw Ed25519 public key. Raises NoteError for a name that notes cannot carry."""
    if not _NAME.fullmatch(name):
        raise NoteError(f"{name!r} cannot name a key: no spaces, no plus sign, not empty")
    return VerifierKey(name, kind, public)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the name, the four-byte key hash, and what follows it."""

    name: str
    mark: bytes
    data: bytes

    def line(self) -> str:
        """The line as notes carry it, without its end."""
        return f"— {self.name} {base64.b64encode(self.mark + self.data).decode()}"

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """A signature line. Raises NoteError."""
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not _NAME.fullmatch(parts[1]):
            raise NoteError("a signature line is: — NAME BASE64")
        data = _unbase64(parts[2], "a signature")
        if len(data) < 5:
            raise NoteError("a signature is too short")
        return cls(parts[1], data[:4], data[4:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{item.line()}\n" for item in self.signatures)

    @classmethod
    def parse(cls, text: str) -> "Note":
        """A signed note. Raises NoteError."""
        if len(text) > MAX_NOTE or _NO_TEXT.search(text):
            raise NoteError("a note is plain text of less than a megabyte, without control characters")
        at = text.rfind("\n\n")
        if at < 0 or not text.endswith("\n"):
            raise NoteError("a note is a text, an empty line, and signature lines")
        lines = text[at + 2 : -1].split("\n") if text[at + 2 :] else []
        if not lines or len(lines) > 100:
            raise NoteError("a note has between 1 and 100 signatures")
        return cls(text[: at + 1], tuple(Signature.parse(line) for line in lines))

    def signed_by(self, key: VerifierKey) -> bool:
        """Whether this log or note key (0x01) signed the text. Two lines of one key: both must hold."""
        found = [item for item in self.signatures if item.name == key.name and item.mark == key.hash]
        if key.kind != ED25519 or not found:
            return False
        return all(verify(key.public, item.data, self.text.encode()) for item in found)

    def cosigned_at(self, key: VerifierKey) -> int | None:
        """The POSIX time at which this witness key (0x04) cosigned, or None. Of several lines all must hold."""
        times = []
        for item in self.signatures:
            if item.name == key.name and item.mark == key.hash:
                time = int.from_bytes(item.data[:8], "big")
                good = key.kind == COSIGNATURE and len(item.data) == 72 and time <= MOST
                if not good or not verify(key.public, item.data[8:], cosigned_message(self.text, time)):
                    return None
                times.append(time)
        return max(times, default=None)


def cosigned_message(text: str, time: int) -> bytes:
    """What a cosignature/v1 signs: a head, the time, and the note's text."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def sign(text: str, name: str, signer: Signer) -> Note:
    """The text signed by one key."""
    key = vkey(name, signer.public)
    return Note(text, (Signature(name, key.hash, signer.sign(text.encode())),))


def cosign(note: Note, name: str, signer: Signer, time: int) -> Signature:
    """A cosignature/v1: this witness saw the note at `time` (POSIX seconds), after an older one it extends."""
    key = vkey(name, signer.public, COSIGNATURE)
    return Signature(name, key.hash, time.to_bytes(8, "big") + signer.sign(cosigned_message(note.text, time)))


def with_signatures(note: Note, more: Iterable[Signature]) -> Note:
    """The note with further signature lines; one that is there already is not repeated."""
    have = set(note.signatures)
    return replace(note, signatures=note.signatures + tuple(item for item in dict.fromkeys(more) if item not in have))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its origin, how many entries it has, and their root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines of a checkpoint."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The checkpoint in a note's text; extension lines are let pass. Raises NoteError."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
            raise NoteError("a checkpoint is three lines: origin, size, root")
        origin, size, root = lines[:3]
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", size, re.ASCII) or int(size) > MOST:
            raise NoteError("the size of a checkpoint is a decimal number")
        digest = _unbase64(root, "the root of a checkpoint")
        if len(digest) != HASH:
            raise NoteError("the root of a checkpoint is 32 bytes")
        return cls(origin, int(size), digest)


@dataclass(frozen=True, slots=True)
class Proof:
    """A receipt: that an entry stands at `index` in the log whose checkpoint is `note` (tlog-proof@v1)."""

    index: int
    hashes: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    def __str__(self) -> str:
        lines = [PROOF_HEAD]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(item).decode() for item in self.hashes]
        return "\n".join(lines) + f"\n\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """A proof file. Raises NoteError."""
        head, gap, rest = text.partition("\n\n")
        lines = head.split("\n")
        if not gap or lines.pop(0) != PROOF_HEAD:
            raise NoteError(f"a proof starts with {PROOF_HEAD}")
        extra = _unbase64(lines.pop(0)[6:], "extra data") if lines and lines[0].startswith("extra ") else None
        match = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "", re.ASCII)
        if match is None or int(match[1]) > MOST:
            raise NoteError("a proof names the index of its entry")
        hashes = [_unbase64(line, "a hash of a proof") for line in lines]
        if len(hashes) > 63 or any(len(item) != HASH for item in hashes):
            raise NoteError("a proof has at most 63 hashes of 32 bytes")
        return cls(int(match[1]), tuple(hashes), Note.parse(rest), extra)


def signed_checkpoint(note: Note, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a note that `key` signed. Raises NoteError where it did not, or the origin is another's."""
    if not note.signed_by(key):
        raise NoteError(f"not signed by {key.name} ({key.hash.hex()})")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != key.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin}, the key of {key.name}")
    return checkpoint


def _unbase64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise NoteError(f"{what} is not in the one spelling of base64")
    return data


def hashes_from(data: bytes) -> Sequence[bytes]:
    """The hashes in a tile."""
    return [data[at : at + HASH] for at in range(0, len(data), HASH)]
