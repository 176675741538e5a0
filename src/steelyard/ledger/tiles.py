"""A log as files: C2SP tlog-tiles paths and entry bundles, written to a folder and read from one, or over HTTP.

An exported folder is a complete log: `checkpoint`, `vkey`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`. It can
be served as static files and checked with the public key alone.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from steelyard.base.errors import EnvironmentNotReady
from steelyard.base.i18n import Text
from steelyard.base.sql import over
from steelyard.ledger import store
from steelyard.ledger.note import Checkpoint, NoteError
from steelyard.ledger.tree import HASH, WIDTH, tiles_of

MAX_TILE = WIDTH * HASH
MAX_BUNDLE = WIDTH * (2 + 65_535)


class Source(Protocol):
    """A log to be read by somebody who does not trust it. Missing parts are None, never an error."""

    def checkpoint(self) -> str | None:
        """The text of the latest signed checkpoint."""

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """The hashes of a tile, `width` of them or more."""

    def bundle(self, index: int, width: int) -> bytes | None:
        """The entries 256*index.. of a log, each with its length before it."""


def number_path(number: int) -> str:
    """A tile number as path parts of three digits, all but the last with an `x` before: 1234067 is x001/x234/067."""
    text = f"{number % 1000:03d}"
    number //= 1000
    while number:
        text = f"x{number % 1000:03d}/{text}"
        number //= 1000
    return text


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """The path of a tile, or of an entry bundle with the level `entries`."""
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{number_path(index)}{partial}"


def pack(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle: each with its length as two bytes, big-endian. Raises OverflowError beyond 65,535 bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack(bundle: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError where it ends in the middle of one, or has more than 256."""
    out: list[bytes] = []
    at = 0
    while at < len(bundle):
        if len(out) == WIDTH:
            raise ValueError(f"an entry bundle holds more than {WIDTH} entries")
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if at + 2 > len(bundle) or end > len(bundle):
            raise ValueError("an entry bundle ends in the middle of an entry")
        out.append(bundle[at + 2 : end])
        at = end
    return out


class Folder:
    """A log in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def checkpoint(self) -> str | None:
        """The file `checkpoint`, as text."""
        data = self._read("checkpoint", 1_000_000)
        try:
            return data.decode() if data is not None else None
        except UnicodeDecodeError:
            return ""

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """The partial tile of that width, else the full one."""
        return self._widest(level, index, width, MAX_TILE)

    def bundle(self, index: int, width: int) -> bytes | None:
        """The partial bundle of that width, else the full one."""
        return self._widest("entries", index, width, MAX_BUNDLE)

    def _widest(self, level: int | str, index: int, width: int, limit: int) -> bytes | None:
        data = self._read(tile_path(level, index, width), limit)
        return data if data is not None or width == WIDTH else self._read(tile_path(level, index), limit)

    def _read(self, name: str, limit: int) -> bytes | None:
        try:
            with open(self.root / name, "rb") as stream:
                data = stream.read(limit + 1)
        except OSError:
            return None
        return data if len(data) <= limit else b""


class Database:
    """A log in a store, read as an auditor reads it: a column of the wrong type was tampered with, and is missing."""

    def __init__(self, connection: Any, log: store.Log) -> None:
        self._link, self._log = over(connection), log

    def checkpoint(self) -> str | None:
        """The latest checkpoint with its cosignatures; no text at all where it cannot be read."""
        try:
            found = store.checkpoint(self._link, self._log)
        except EnvironmentNotReady:
            return ""
        return str(found) if found else None

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """A tile as stored, cut to that width: the log may have grown since its checkpoint."""
        row = self._link.one(
            "SELECT hashes FROM ledger_tile WHERE log = ? AND level = ? AND tile = ?", (self._log.id, level, index)
        )
        data = _blob(row[0]) if row else None
        return data[: width * HASH] if data is not None else None

    def bundle(self, index: int, width: int) -> bytes | None:
        """The entries of a bundle as stored; None where one is missing or too long to be served."""
        rows = self._link.all(
            "SELECT idx, leaf FROM ledger_entry WHERE log = ? AND idx >= ? AND idx < ? ORDER BY idx",
            (self._log.id, index * WIDTH, index * WIDTH + width),
        )
        leaves = [leaf for _, value in rows if (leaf := _blob(value)) is not None]
        if [row[0] for row in rows] != list(range(index * WIDTH, index * WIDTH + width)) or len(leaves) < width:
            return None
        try:
            return pack(leaves)
        except OverflowError:
            return None


def _blob(value: Any) -> bytes | None:
    """The bytes in a column; None for a text or a number that SQLite lets stand there."""
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else None


def export(connection: Any, log: store.Log, folder: Path, size: int | None = None) -> Iterator[int]:
    """Writes the log's first `size` entries (those of the latest checkpoint) to a folder; yields entries done.

    What stands there already and is full is kept, so an export goes on where one stopped and costs what is new. The
    checkpoint is written last: a reader never sees one whose tiles are not there. Raises EnvironmentNotReady where the
    folder cannot be written.
    """
    signed = store.checkpoint(connection, log, size)
    if signed is None:
        return
    try:
        total = Checkpoint.parse(signed.text).size
    except NoteError as error:
        raise store.damaged(str(error)) from None
    source = Database(connection, log)
    try:
        for level, index, width in tiles_of(total):
            _keep(folder / tile_path(level, index, width), width, lambda: source.tile(level, index, width))  # noqa: B023
            if level == 0:
                _keep(folder / tile_path("entries", index, width), width, lambda: source.bundle(index, width))  # noqa: B023
                yield index * WIDTH + width
        _write(folder / "vkey", f"{log.key}\n".encode())
        _write(folder / "checkpoint", str(signed).encode())
    except OSError as error:
        raise EnvironmentNotReady(
            "cannot_write",
            Text(f"cannot write: {error.strerror}", f"无法写入：{error.strerror}"),
            remedy=Text(
                "check the folder and the free space; run it again to go on",
                "请检查文件夹与剩余空间；再次运行即可继续",
            ),
            path=str(folder),
        ) from None


def _keep(path: Path, width: int, read: Callable[[], bytes | None]) -> None:
    """Writes what `read` gives, cut to the tile's width; a full tile that stands there already never changes."""
    if width == WIDTH and path.is_file():
        return
    data = read()
    if data is None:
        raise store.damaged(f"{path.name} is missing")
    _write(path, data if "entries" in path.parts else data[: width * HASH])


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with open(temporary, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
