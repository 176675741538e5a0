"""`restore`: a store put back from a backup so that its log says so.

Rules enforced:
- the backup is checked by its digest and worked on as a copy, which takes the store's place only when every log in it
  holds; a database that is in use is left alone, one that is there is replaced only with --force and kept beside;
- what the journal names is erased again, the kept profiles that name these people too; the old log ends and a new one
  begins, which names the last checkpoint that was seen or witnessed.
"""

import argparse
import contextlib
import hashlib
import json
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from steelyard.base.errors import EXIT_DONE, EXIT_NO, EnvironmentNotReady, InputError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.backup import DATABASE, FORMAT, MANIFEST, STEP, sqlite_file
from steelyard.cli.common import say, say_json, warn
from steelyard.cli.stores import home_of, passphrase_of, store_options

if TYPE_CHECKING:
    from steelyard.ledger.audit import Report
    from steelyard.ledger.home import Home
    from steelyard.ledger.note import Note


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parser."""
    restore = commands.add_parser("restore", parents=[common], help=Text("put a backup back", "恢复备份").get(lang))
    restore.add_argument("file", metavar="FILE", nargs="?")
    restore.add_argument(
        "--force", action="store_true", help=Text("replace the database that is there", "替换现有数据库").get(lang)
    )
    restore.add_argument(
        "--put-back",
        action="store_true",
        help=Text("the copy is in place already: only do the rest", "副本已就位，只执行后续步骤").get(lang),
    )
    restore.add_argument(
        "--checkpoint",
        metavar="FILE",
        help=Text("the newest checkpoint that a witness holds", "见证方持有的最新检查点").get(lang),
    )
    store_options(restore, lang)
    restore.set_defaults(run=run_restore)


def run_restore(options: argparse.Namespace) -> int:
    """Puts a backup in the store's place; exit 1 where its log does not hold, and then nothing has changed."""
    from steelyard.ledger.home import Home

    home = home_of(options)
    if options.put_back == (options.file is not None):
        raise InputError(
            "no_file",
            Text("name a backup, or say --put-back", "请指定备份文件，或使用 --put-back"),
            remedy=Text("steelyard restore FILE", "steelyard restore 文件"),
        )
    held = _checkpoint(options.checkpoint) if options.checkpoint else None
    if options.put_back:
        if home.mirror is not None:
            sqlite_file(home)
        with _memory(home) as keep:
            told, reports = _opened(home, held)
            keep(all(item.ok for item in reports))
        return _tell(told, reports, None, options)
    target = sqlite_file(home)
    exists = target.exists()
    if exists and not options.force:
        raise InputError(
            "exists",
            Text("there is a database here already", "此处已有数据库"),
            remedy=Text(
                "--force puts the backup in its place, and keeps it under another name",
                "--force 将以备份替换，原库另名保留",
            ),
            path=str(target),
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}.restoring")
    before, passphrase = None, passphrase_of(options)
    try:
        _unpacked(Path(options.file), aside)
        with _memory(home) as keep, _unused(target):
            told, reports = _opened(Home(f"sqlite:///{quote(str(aside.absolute()))}", passphrase), held)
            good = all(item.ok for item in reports)
            if good:
                _settled(aside)
                before = _moved_aside(target) if exists else None
                aside.replace(target)
            keep(good)
    finally:
        for path in (aside, *_beside(aside)):
            path.unlink(missing_ok=True)
    return _tell(told, reports, before, options)


def _unpacked(source: Path, target: Path) -> None:
    """Writes the database of a backup to `target` after checking its digest. Raises InputError `bad_backup`."""
    try:
        with zipfile.ZipFile(source) as pack:
            manifest = json.loads(pack.read(MANIFEST)) if pack.getinfo(MANIFEST).file_size < STEP else {}
            if manifest.get("steelyard_backup") != FORMAT:
                raise ValueError(MANIFEST)
            told, hasher, size = manifest["database"], hashlib.sha256(), 0
            handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as out, pack.open(DATABASE) as stream:
                while (block := stream.read(STEP)) and size <= told["bytes"]:
                    out.write(block)
                    hasher.update(block)
                    size += len(block)
                out.flush()
                os.fsync(out.fileno())
            if (size, hasher.hexdigest()) != (told["bytes"], told["sha256"]):
                raise ValueError(DATABASE)
    except (
        zipfile.BadZipFile,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        NotImplementedError,
    ) as error:
        raise InputError(
            "bad_backup",
            Text(f"this is not a whole backup: {error}", f"备份不完整：{error}"),
            remedy=Text("use a file that `steelyard backup` wrote", "请使用 `steelyard backup` 生成的文件"),
            path=str(source),
        ) from None
    except OSError as error:
        raise InputError(
            "cannot_read", Text(f"cannot read: {error.strerror}", f"无法读取：{error.strerror}"), path=str(source)
        ) from None


def _opened(home: "Home", held: "Note | None") -> "tuple[dict[str, Any], list[Report]]":
    """Begins the new log, erases again what the journal names, and audits every log; what was done, what was found."""
    from steelyard.base import sql
    from steelyard.gates import people, tables
    from steelyard.ledger import personal, restore, store

    with sql.connect(home.url, create=False) as link:
        _check_keys(home, link)
        if "evidence_envelope" in link.tables():
            tables.prepare(link)
    again: list[dict[str, Any]] = []

    def erase(link: sql.Connection, subject: str, ts: str) -> None:
        erased, profiles = people.erase(home, link, subject, basis=personal.JOURNAL, ts=ts)
        again.append({"subject": subject, "fields": len(erased.fields), "profiles": len(profiles)})

    log = restore.restore(home, held, erase)
    with sql.connect(home.url, create=False) as link:
        reports = [restore.verify(home, link, item) for item in store.logs(link)]
        size = store.size(link, store.current(link))
    return {"log": log.origin, "size": size, "erased_again": again}, reports


def _check_keys(home: "Home", link: Any) -> None:
    """Raises EnvironmentNotReady `keys_missing`: a store without its keys could not be gone on with."""
    have = set(link.tables())
    needed = ["log.pem"]
    if "evidence_key" in have and link.one("SELECT 1 FROM evidence_key LIMIT 1"):
        needed.append("statement.pem")
    if "ledger_subject" in have and link.one("SELECT 1 FROM ledger_subject WHERE wrapped IS NOT NULL LIMIT 1"):
        needed.append("personal.key")
    missing = [name for name in needed if not (home.key_folder / name).is_file()]
    if missing:
        raise EnvironmentNotReady(
            "keys_missing",
            Text(
                f"the keys of this store are not here: {', '.join(missing)}", f"缺少此存储的密钥：{'、'.join(missing)}"
            ),
            remedy=Text("put keys/ back first; a backup does not hold them", "请先放回 keys/；备份中不含密钥"),
            path=str(home.key_folder),
        )


def _checkpoint(path: str) -> "Note":
    from steelyard.ledger import note

    try:
        return note.Note.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, note.NoteError) as error:
        raise InputError(
            "bad_checkpoint", Text(f"not a checkpoint: {error}", f"不是检查点：{error}"), path=path
        ) from None


@contextlib.contextmanager
def _memory(home: "Home") -> "Iterator[Any]":
    """Lets the folder remember the new log only where `keep(True)` is said."""
    path, good = home.folder / "seen.json", False
    before = path.read_bytes() if path.is_file() else None

    def keep(yes: bool) -> None:
        nonlocal good
        good = yes

    try:
        yield keep
    finally:
        if not good and before is not None:
            path.write_bytes(before)
        elif not good:
            path.unlink(missing_ok=True)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")]


@contextlib.contextmanager
def _unused(path: Path) -> Iterator[None]:
    """Holds a database that is to be replaced. Raises EnvironmentNotReady `store_in_use`."""
    if not path.exists():
        yield
        return
    raw = sqlite3.connect(path, timeout=1, isolation_level=None)
    try:
        try:
            raw.execute("PRAGMA locking_mode=EXCLUSIVE")
            raw.execute("BEGIN EXCLUSIVE")
            raw.execute("ROLLBACK")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            raise EnvironmentNotReady(
                "store_in_use",
                Text("this database is in use", "数据库正在使用中"),
                remedy=Text("end `steelyard serve` and other commands first", "请先结束 `steelyard serve` 等程序"),
                path=str(path),
            ) from None
        except sqlite3.DatabaseError:  # damaged: that is why somebody restores
            pass
        yield
    finally:
        raw.close()


def _settled(path: Path) -> None:
    """Brings everything into the one file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _moved_aside(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.name}.before-{number}")).exists():
        number += 1
    for old in _beside(path):
        if old.exists():
            old.replace(kept.with_name(kept.name + old.name.removeprefix(path.name)))
    path.replace(kept)
    return kept


def _tell(told: dict[str, Any], reports: "list[Report]", before: Path | None, options: argparse.Namespace) -> int:
    lang: Lang = options.lang
    ok = all(item.ok for item in reports)
    alarms = [(item.origin, alarm) for item in reports for alarm in item.alarms]
    if options.json:
        said = [{"log": origin, "code": alarm.code, "index": alarm.index} for origin, alarm in alarms]
        say_json({"ok": ok, **told, "alarms": said, "kept": str(before) if before else None})
        return EXIT_DONE if ok else EXIT_NO
    for origin, alarm in alarms:
        warn(f"{origin}: {alarm.code}: {alarm.text().get(lang)}")
    if not ok:
        warn(Text("the log does not hold; nothing was replaced", "账本核验未通过，未作替换").get(lang))
        return EXIT_NO
    again = told["erased_again"]
    say(Text(f"restored; the log goes on as {told['log']}", f"已恢复；账本续为 {told['log']}").get(lang))
    for item in again:
        say(
            Text(
                f"erased again: {item['subject']} ({item['fields']} values, {item['profiles']} profiles)",
                f"已再次删除：{item['subject']}（{item['fields']} 项，{item['profiles']} 份档案）",
            ).get(lang)
        )
    if not again:
        say(Text("nothing had to be erased again", "没有需要再次删除的内容").get(lang))
    if before is not None:
        warn(
            Text(
                f"the database before is kept as {before}; remove it when it is not needed: erasing does not reach it",
                f"原数据库保留为 {before}；不再需要时请删除：后续删除操作不会触及它",
            ).get(lang)
        )
    return EXIT_DONE
