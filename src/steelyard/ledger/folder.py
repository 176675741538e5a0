"""A store as a folder of files, for laptops, CI and git: the log as tiles, commitments' openings beside it.

The files are the truth; the database below `work/` is a copy for speed, built again from the files where it is missing,
and never trusted over them: a folder whose log does not verify is refused.
"""

import json
from pathlib import Path

from steelyard.base.errors import EnvironmentNotReady
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.ledger import audit, note, personal, record, store, tiles, tree

IGNORE = "# A copy for speed, and keys: never committed.\nwork/\nkeys/\n"


def log_folder(root: Path, log: store.Log) -> Path:
    """Where a log's tiles stand."""
    return root / "log" / str(log.id)


def mirror(root: Path, link: Connection) -> None:
    """Writes what the database has and the files lack: tiles, checkpoint, openings."""
    for log in store.logs(link):
        target = log_folder(root, log)
        for _ in tiles.export(link, log, target):
            pass
        _prune(target / "tile")
    secrets = link.all("SELECT commitment, subject, field, salt, ciphertext FROM ledger_secret ORDER BY commitment")
    owners = link.all("SELECT subject, wrapped, erased FROM ledger_subject ORDER BY subject")
    data = {
        "secrets": [[row[0], row[1], row[2], bytes(row[3]).hex(), bytes(row[4]).hex()] for row in secrets],
        "subjects": [[row[0], bytes(row[1]).hex() if row[1] is not None else None, row[2]] for row in owners],
    }
    write(root / "personal.json", json.dumps(data, indent=1).encode())
    if not (root / ".gitignore").exists():
        write(root / ".gitignore", IGNORE.encode())


def _prune(tile: Path) -> None:
    """Drops partial tiles that a wider one has replaced: the folder keeps the newest state, not every state."""
    for partial in tile.rglob("*.p"):
        widest = max((int(item.name) for item in partial.iterdir() if item.name.isdigit()), default=0)
        full = partial.with_suffix("").is_file()
        for item in partial.iterdir():
            if full or (item.name.isdigit() and int(item.name) < widest):
                item.unlink()
        if full:
            partial.rmdir()


def write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all, unless it holds these bytes already."""
    try:
        if path.is_file() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise EnvironmentNotReady(
            "cannot_write",
            Text(f"cannot write: {error.strerror}", f"无法写入：{error.strerror}"),
            remedy=Text("check the folder and the free space", "请检查文件夹与剩余空间"),
            path=str(path),
        ) from None


def rebuild(root: Path, link: Connection) -> bool:
    """Fills an empty database from the files; answers whether there was anything. Raises EnvironmentNotReady."""
    folders = sorted(
        (item for item in (root / "log").glob("*") if item.name.isdigit()), key=lambda item: int(item.name)
    )
    if not folders:
        return False
    with link.transaction():
        for folder in folders:
            _log(folder, link)
        _personal(root / "personal.json", link)
        personal.reapply(link)
    return True


def state(root: Path, link: Connection) -> str:
    """How the working copy stands to the files: `same`, `behind` (the files have more or other), `ahead`, or `none`."""
    logs = [(log, _checkpoint(log_folder(root, log))) for log in store.logs(link)]
    folders = [item for item in (root / "log").glob("*") if item.name.isdigit()]
    if not folders:
        return "none" if not logs or not any(store.size(link, log) for log, _ in logs) else "ahead"
    if len(folders) > len(logs):
        return "behind"
    ahead = len(folders) < len(logs)
    for log, there in logs:
        size = store.size(link, log)
        if there is None:
            ahead = True
            continue
        if there.size > size:
            return "behind"
        try:
            if there.size and tree.prefix_root(there.size, size, store.read_tile(link, log)) != there.root:
                return "behind"
        except ValueError:
            return "behind"
        ahead = ahead or there.size < size
    return "ahead" if ahead else "same"


def _checkpoint(folder: Path) -> note.Checkpoint | None:
    text = tiles.Folder(folder).checkpoint()
    try:
        return note.Checkpoint.parse(note.Note.parse(text).text) if text is not None else None
    except note.NoteError:
        return None


def _log(folder: Path, link: Connection) -> None:
    source = tiles.Folder(folder)
    try:
        key = note.VerifierKey.parse((folder / "vkey").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder, str(error)) from None
    report = audit.audit(source, key)
    if not report.ok:
        raise _damaged(folder, report.alarms[0].text().en)
    log = store.create(link, key.name, key.public)
    frontier = tree.Frontier()
    for index in range((report.size + tree.WIDTH - 1) // tree.WIDTH):
        width = min(tree.WIDTH, report.size - index * tree.WIDTH)
        leaves = tiles.unpack(source.bundle(index, width) or b"")[:width]
        store.put_back(link, log, frontier, [(leaf, _object(leaf)) for leaf in leaves])
    store.put_back_head(link, log, frontier, note.Note.parse(source.checkpoint() or ""))


def _object(leaf: bytes) -> str | None:
    thing = (record.decode(leaf) or {}).get("object")
    return thing if isinstance(thing, str) else None


def _personal(path: Path, link: Connection) -> None:
    try:
        data = json.loads(path.read_bytes())
        secrets = [(row[0], row[1], row[2], bytes.fromhex(row[3]), bytes.fromhex(row[4])) for row in data["secrets"]]
        owners = [(row[0], bytes.fromhex(row[1]) if row[1] else None, row[2]) for row in data["subjects"]]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from None
    link.insert_many("ledger_secret", ("commitment", "subject", "field", "salt", "ciphertext"), secrets)
    link.insert_many("ledger_subject", ("subject", "wrapped", "erased"), owners)


def _damaged(path: Path, why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        "bad_folder",
        Text(f"the log in this folder does not hold: {why}", f"此文件夹中的账本核验未通过：{why}"),
        remedy=Text("nothing was built from it; restore the folder", "未据此重建任何内容；请恢复该文件夹"),
        path=str(path),
    )
