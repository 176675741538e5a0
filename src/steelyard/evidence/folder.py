"""The envelopes and attachments of a folder store as files, each under its digest."""

import hashlib
from pathlib import Path

from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import parse_envelope
from steelyard.base.sql import Connection
from steelyard.evidence import store
from steelyard.evidence.statement import envelope_digest
from steelyard.ledger import folder, record
from steelyard.ledger.audit import Report


def mirror(root: Path, link: Connection) -> None:
    """Writes the envelopes and attachments that the files lack."""
    have = {item.stem for item in (root / "envelopes").glob("*.json")}
    for (digest,) in link.all("SELECT digest FROM evidence_envelope ORDER BY seq"):
        name = str(digest).removeprefix("sha256:")
        if name not in have:
            folder.write(root / "envelopes" / f"{name}.json", store.body(link, str(digest)) or b"")
    kept = {item.name for item in (root / "attachments").glob("*")}
    for (name,) in link.all("SELECT sha256 FROM evidence_attachment"):
        if name not in kept:
            folder.write(root / "attachments" / str(name), store.attachment(link, str(name)) or b"")


def rebuild(root: Path, link: Connection) -> None:
    """Fills empty tables from the files, in the order in which the log has the envelopes.

    Raises EnvironmentNotReady `bad_folder` where a file is not what its name says, or one that the log names is gone.
    """
    if link.one("SELECT 1 FROM evidence_envelope LIMIT 1") is not None:
        return
    rows = link.all(
        "SELECT leaf FROM ledger_entry WHERE object >= ? AND object < ? ORDER BY log, idx",
        (store.PREFIX, store.PREFIX[:-1] + ";"),
    )
    with link.transaction():
        for (leaf,) in rows:
            digest = str((record.decode(bytes(leaf)) or {}).get("digest"))
            path = root / "envelopes" / f"{digest.removeprefix('sha256:')}.json"
            try:
                envelope = parse_envelope(path.read_bytes(), path=str(path))
            except (OSError, InputError):
                raise _damaged(path) from None
            if envelope_digest(envelope) != digest:
                raise _damaged(path)
            store.put_back(link, envelope)
        for path in sorted((root / "attachments").glob("*")):
            if store.attach(link, path.read_bytes()) != path.name:
                raise _damaged(path)


def check(root: Path, link: Connection, report: Report) -> None:
    """Compares the files with the working copy: an envelope or attachment that is gone or another is an alarm."""
    for (digest,) in link.all("SELECT digest FROM evidence_envelope ORDER BY seq"):
        path = root / "envelopes" / f"{str(digest).removeprefix('sha256:')}.json"
        try:
            same = path.read_bytes() == store.body(link, str(digest))
        except OSError:
            report.add("leaf_without_row", None, f"envelopes: {path.name}")
            continue
        if not same:
            report.add("row_mismatch", None, f"envelopes: {path.name}")
    for path in sorted((root / "attachments").glob("*")):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            report.add("row_mismatch", None, f"attachments: {path.name}")


def _damaged(path: Path) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "bad_folder",
        Text("this file is missing or is not what its name says", "文件缺失或与其名称不符"),
        remedy=Text("restore the folder; nothing was built from it", "请恢复该文件夹；未据此重建任何内容"),
        path=str(path),
    )
