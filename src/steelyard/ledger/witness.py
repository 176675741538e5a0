"""Witnessing: somebody else keeps the newest checkpoint, sees that each one extends the last, and signs that it does.

Rules enforced (C2SP tlog-cosignature; the checks of tlog-witness):
- a checkpoint is cosigned only when the log's key signed it and its tree starts with the one witnessed before;
- a smaller tree is a rollback, another root at the witnessed size is a fork: both are named, neither is cosigned, and
  what is held stays;
- the new state is on disk before the cosignature leaves.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from steelyard.base import keys
from steelyard.base.errors import EnvironmentNotReady
from steelyard.base.i18n import Text
from steelyard.ledger import audit, note, tiles, tree


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a log gave: the alarms, and the cosigned checkpoint where there are none."""

    report: audit.Report
    line: note.Signature | None
    held: note.Checkpoint | None


class Witness:
    """A witness with a key and a folder of its own, which should belong to somebody else than the log's owner."""

    def __init__(self, folder: Path, name: str | None = None, passphrase: str | None = None) -> None:
        self.folder = folder
        path = folder / "witness.pem"
        self.signer = keys.load(path, passphrase) if path.exists() else keys.generate(path, passphrase)
        named = folder / "name"
        if name is None and named.exists():
            name = named.read_text(encoding="utf-8").strip()
        self.name = name or f"witness.local/{keys.key_id(self.signer.public)[:12]}"
        self.key = note.vkey(self.name, self.signer.public, note.COSIGNATURE)
        _write(named, self.name)

    def _file(self, origin: str) -> Path:
        return self.folder / "logs" / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.note"

    def held(self, key: note.VerifierKey) -> note.Checkpoint | None:
        """The newest checkpoint witnessed of a log. Raises EnvironmentNotReady where the file was damaged."""
        path = self._file(key.name)
        if not path.exists():
            return None
        try:
            return note.signed_checkpoint(note.Note.parse(path.read_text(encoding="utf-8")), key)
        except (OSError, ValueError) as error:
            raise EnvironmentNotReady(
                "bad_witness_state",
                Text(f"what this witness held is damaged: {error}", f"见证记录已损坏：{error}"),
                remedy=Text("restore the witness's folder; do not start afresh", "请恢复见证文件夹，切勿重新开始"),
                path=str(path),
            ) from None

    def look(self, source: tiles.Source, key: note.VerifierKey, *, whole: bool = False) -> Seen:
        """Checks the log's newest checkpoint against the one held, and cosigns it.

        With `whole` every entry and tile is checked too; otherwise a consistency proof is made from the tiles. What is
        signed is what was checked: checkpoint and tiles are asked for once.
        """
        held = self.held(key)
        pinned = _Pinned(source)
        report = audit.audit(pinned, key, held=[held] if held else []) if whole else audit.Report(origin=key.name)
        text = pinned.checkpoint()
        try:
            if text is None:
                raise _Alarm("no_checkpoint", "")
            signed = note.Note.parse(text)
            if not signed.signed_by(key):
                raise _Alarm("bad_signature", f"expected {key.name}+{key.hash.hex()}")
            now = note.signed_checkpoint(signed, key)
            report.size, report.root = now.size, now.root
            if not whole:
                _consistent(pinned, held, now, report)
        except (_Alarm, note.NoteError) as error:
            if report.ok:
                code, seen = (error.code, error.seen) if isinstance(error, _Alarm) else ("bad_checkpoint", str(error))
                report.add(code, None, seen)
            return Seen(report, None, held)
        if not report.ok:
            return Seen(report, None, held)
        _write(self._file(key.name), str(signed))
        return Seen(report, note.cosign(signed, self.name, self.signer, int(time.time())), held)


class _Alarm(Exception):
    def __init__(self, code: str, seen: str) -> None:
        super().__init__(code)
        self.code, self.seen = code, seen


class _Pinned:
    """A source whose checkpoint and tiles are asked for once and then remembered; entries are streamed."""

    MOST = 1_000

    def __init__(self, source: tiles.Source) -> None:
        self._source, self._text = source, source.checkpoint()
        self._tiles: dict[tuple[int, int, int], bytes | None] = {}

    def checkpoint(self) -> str | None:
        return self._text

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        place = (level, index, width)
        if place in self._tiles:
            return self._tiles[place]
        data = self._source.tile(level, index, width)
        if len(self._tiles) < self.MOST:  # an audit of a whole log asks for each tile once anyway
            self._tiles[place] = data
        return data

    def bundle(self, index: int, width: int) -> bytes | None:
        return self._source.bundle(index, width)


def _consistent(source: _Pinned, held: note.Checkpoint | None, now: note.Checkpoint, report: audit.Report) -> None:
    """A consistency proof from what is held to what is shown, checked against both signed roots (RFC 9162)."""

    def read(level: int, index: int, width: int) -> bytes:
        data = source.tile(level, index, width)
        if data is None:
            raise ValueError(f"tile {level}/{index} is missing")
        return data

    if held is not None and now.size < held.size:
        report.add("rollback", None, f"{held.size} entries were witnessed, the log now says {now.size}")
        return
    try:
        if held is None or held.size == 0:
            if tree.root_of(now.size, read) != now.root:
                report.add("root_mismatch", None, f"at {now.size} entries")
            return
        proof = tree.consistency_proof(held.size, now.size, read)
        if not tree.verify_consistency(held.size, now.size, held.root, now.root, proof):
            report.add("fork", None, f"{now.size} entries do not continue the {held.size} that were witnessed")
    except ValueError as error:
        report.add("truncated", None, str(error))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.new")
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
