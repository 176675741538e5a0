"""Thirty ways to tamper with an exported log, and the alarm that each must raise."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from steelyard.ledger import note, store, tiles, tree
from tests.ledger.logs import LOG_KEY, ORIGIN, OTHER_KEY, Made, entry, make, sqlite_url

OLD, SIZE = 300, 520


def export(made: Made, folder: Path, size: int | None = None) -> Path:
    """The log of a store, in a folder."""
    for _ in tiles.export(made.link, made.log, folder, size):
        pass
    return folder


def flip(path: Path, at: int = 100) -> None:
    """Changes one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def swap(one: Path, two: Path) -> None:
    """Exchanges two files."""
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)


def rewrite(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Changes the entries of a bundle."""
    path.write_bytes(tiles.pack(change(tiles.unpack(path.read_bytes()))))


def reword(path: Path, old: str, new: str) -> None:
    """Changes a text."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def checkpoint(folder: Path) -> note.Checkpoint:
    """What the folder's checkpoint says, whoever signed it."""
    return note.Checkpoint.parse(note.Note.parse((folder / "checkpoint").read_text()).text)


def signed(folder: Path, change: Callable[[note.Note], note.Note]) -> None:
    """Changes the signed note."""
    path = folder / "checkpoint"
    path.write_text(str(change(note.Note.parse(path.read_text()))))


def other_key(found: note.Note) -> note.Note:
    """The note signed by a key of the same name, and not by the log's."""
    return note.with_signatures(note.sign(found.text, ORIGIN, OTHER_KEY), found.signatures[1:])


def disguised_key(found: note.Note) -> note.Note:
    """The same, under the mark of the log's key."""
    line = replace(other_key(found).signatures[0], mark=found.signatures[0].mark)
    return note.Note(found.text, (line, *found.signatures[1:]))


def later(found: note.Note) -> note.Note:
    """The witness's time moved by a second."""
    log, witness = found.signatures
    time = int.from_bytes(witness.data[:8], "big") + 1
    return note.Note(found.text, (log, replace(witness, data=time.to_bytes(8, "big") + witness.data[8:])))


def borrowed(folder: Path) -> None:
    """The witness's line is that of an older checkpoint."""
    line = note.Note.parse((folder / "old-checkpoint").read_text()).signatures[1]
    signed(folder, lambda found: note.Note(found.text, (found.signatures[0], line)))


def consistent_edit(folder: Path) -> None:
    """An entry and its hash are changed together."""
    changed = entry(7).replace(b"7", b"8")
    rewrite(folder / "tile/entries/000", lambda entries: [*entries[:7], changed, *entries[8:]])
    path = folder / "tile/0/000"
    data = path.read_bytes()
    path.write_bytes(data[: 7 * 32] + tree.leaf_hash(changed) + data[8 * 32 :])


def another_history(folder: Path, keep: int) -> None:
    """The owner of the log's key writes the log anew, another entry at `keep`, as long as before."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "old-checkpoint":
            path.unlink()
    made = make(sqlite_url(folder.parent / f"{folder.name}-forged"), keep)
    store.sequence(made.link, LOG_KEY, leaves=[b'{"kind":"forged","n":0,"v":1}'])
    made.grow(SIZE - keep - 1)
    made.cosign()
    export(made, folder)
    made.link.close()


def put_back(folder: Path) -> None:
    """The log as it was at the older checkpoint."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "old-checkpoint":
            path.unlink()
    made = make(sqlite_url(folder.parent / f"{folder.name}-old"), OLD)
    made.cosign()
    export(made, folder)
    made.link.close()


class Tampering(NamedTuple):
    """What is done to a copy, and the code of the alarm."""

    name: str
    change: Callable[[Path], object]
    code: str


FIRST, SECOND = "tile/entries/000", "tile/entries/001"
LAST = f"tile/entries/002.p/{SIZE % 256}"
TAMPERINGS = [
    Tampering("an entry is changed", lambda f: flip(f / FIRST), "edited"),
    Tampering("an entry of the partial bundle is changed", lambda f: flip(f / LAST, 20), "edited"),
    Tampering("two entries change places", lambda f: rewrite(f / FIRST, lambda e: [e[1], e[0], *e[2:]]), "edited"),
    Tampering("two bundles change places", lambda f: swap(f / FIRST, f / SECOND), "edited"),
    Tampering("an entry is put in for another", lambda f: rewrite(f / FIRST, lambda e: [b"{}", *e[1:]]), "edited"),
    Tampering("an entry and its hash are changed", consistent_edit, "root_mismatch"),
    Tampering("the length of an entry is changed", lambda f: flip(f / FIRST, 0), "bad_bundle"),
    Tampering("a bundle has an entry more", lambda f: rewrite(f / FIRST, lambda e: [*e, e[0]]), "bad_bundle"),
    Tampering("a bundle is cut", lambda f: (f / LAST).write_bytes((f / LAST).read_bytes()[:-3]), "bad_bundle"),
    Tampering("a bundle has an entry less", lambda f: rewrite(f / SECOND, lambda e: e[:-1]), "truncated"),
    Tampering("a bundle is removed", lambda f: (f / SECOND).unlink(), "truncated"),
    Tampering("the partial bundle is removed", lambda f: (f / LAST).unlink(), "truncated"),
    Tampering("a hash of a tile is changed", lambda f: flip(f / "tile/0/000"), "bad_tile"),
    Tampering("a hash of the partial tile is changed", lambda f: flip(f / "tile/0/002.p/8"), "bad_tile"),
    Tampering("two tiles change places", lambda f: swap(f / "tile/0/000", f / "tile/0/001"), "bad_tile"),
    Tampering("a tile is cut by a hash", lambda f: (f / "tile/0/001").write_bytes(b"\0" * 255 * 32), "truncated"),
    Tampering("a tile is cut by a byte", lambda f: (f / "tile/0/001").write_bytes(b"\0" * 8_191), "truncated"),
    Tampering("a tile is removed", lambda f: (f / "tile/0/001").unlink(), "truncated"),
    Tampering("a hash of an upper tile is changed", lambda f: flip(f / "tile/1/000.p/2", 40), "bad_tile"),
    Tampering("an upper tile is removed", lambda f: (f / "tile/1/000.p/2").unlink(), "truncated"),
    Tampering("the size is raised", lambda f: reword(f / "checkpoint", "\n520\n", "\n521\n"), "bad_signature"),
    Tampering("the size is lowered", lambda f: reword(f / "checkpoint", "\n520\n", "\n519\n"), "bad_signature"),
    Tampering(
        "the root is another",
        lambda f: reword(f / "checkpoint", base64.b64encode(checkpoint(f).root).decode(), "A" * 43 + "="),
        "bad_signature",
    ),
    Tampering("the origin is another", lambda f: reword(f / "checkpoint", ORIGIN, f"{ORIGIN}-2"), "bad_signature"),
    Tampering("another key signed", lambda f: signed(f, other_key), "bad_signature"),
    Tampering("another key signed under this key's mark", lambda f: signed(f, disguised_key), "bad_signature"),
    Tampering("the checkpoint is removed", lambda f: (f / "checkpoint").unlink(), "no_checkpoint"),
    Tampering("the checkpoint is cut", lambda f: (f / "checkpoint").write_text(f"{ORIGIN}\n520\n"), "bad_checkpoint"),
    Tampering("the time of the cosignature is changed", lambda f: signed(f, later), "bad_cosignature"),
    Tampering("the cosignature is of an older checkpoint", borrowed, "bad_cosignature"),
    Tampering("history before the older checkpoint is another", lambda f: another_history(f, OLD - 100), "fork"),
    Tampering("history after the older checkpoint is another", lambda f: another_history(f, OLD + 100), "fork"),
    Tampering("an older copy is put back", put_back, "rollback"),
]
