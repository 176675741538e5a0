"""`backup`: one file out of a store that is in use.

Rules enforced:
- a backup is a consistent copy of the SQLite file, with a manifest and digests, in one ZIP that must not exist yet;
  keys and the journal of erasings stay outside: who finds a backup can sign nothing and open no name, and what was
  erased after it was made is erased again when it is put back.
"""

import argparse
import contextlib
import hashlib
import json
import os
import sqlite3
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.base.errors import EXIT_DONE, EnvironmentNotReady, InputError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import say, say_json, warn
from steelyard.cli.stores import home_of, store_options

if TYPE_CHECKING:
    from steelyard.ledger.home import Home

FORMAT, MANIFEST, DATABASE, STEP = 1, "manifest.json", "steelyard.db", 1 << 20
NOT_IN_IT: dict[str, Text] = {
    "keys/": Text(
        "whoever has both a backup and the keys could sign in our name and read the names; keep them apart",
        "同时持有备份与密钥者可冒名签署并读取姓名，须分开保存",
    ),
    "erasures.jsonl": Text(
        "the journal of erasings must outlive every backup, so that what was erased is erased again",
        "删除日志须独立于任何备份长期保存，恢复时方能再次删除已删内容",
    ),
}


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parser."""
    backup = commands.add_parser(
        "backup", parents=[common], help=Text("copy the store into one file", "将存储备份为单个文件").get(lang)
    )
    backup.add_argument("file", metavar="FILE")
    store_options(backup, lang)
    backup.set_defaults(run=run_backup)


def sqlite_file(home: "Home") -> Path:
    """The file of the store. Raises EnvironmentNotReady `backup_elsewhere` for other stores, `no_store`."""
    from steelyard.base import sql

    if home.mirror is not None:
        raise EnvironmentNotReady(
            "backup_elsewhere",
            Text("this store is a folder of files", "此存储为文件夹"),
            remedy=Text(
                "copy the folder, without its keys/ and work/, with any program",
                "请直接复制该文件夹（不含 keys/ 与 work/）",
            ),
            path=str(home.mirror),
        )
    path = sql.sqlite_path(home.url)
    if path is None:
        raise EnvironmentNotReady(
            "backup_elsewhere",
            Text("PostgreSQL backs itself up", "PostgreSQL 须使用其自带的备份工具"),
            remedy=Text(
                "pg_dump --format=custom --file=FILE URL writes a backup, pg_restore --clean --if-exists --dbname=URL"
                " FILE puts it back; `steelyard restore --put-back` then erases again and begins a new log",
                "备份：pg_dump --format=custom --file=文件 地址；"
                "恢复：pg_restore --clean --if-exists --dbname=地址 文件，"
                "然后运行 `steelyard restore --put-back`，以重新执行删除并开启新账本",
            ),
            path=sql.place(home.url),
        )
    return path


# Out ------------------------------------------------------------------------------------------------------------------


def run_backup(options: argparse.Namespace) -> int:
    """Writes a backup of a store that may be in use, whole or not at all."""
    home, target = home_of(options), Path(options.file)
    source = sqlite_file(home)
    home.connect_to_read().close()  # raises where there is no store
    copy = target.with_name(f".{target.name}.{os.getpid()}.db")
    made = target.with_name(f".{target.name}.{os.getpid()}.new")
    if target.exists():
        raise InputError(
            "exists",
            Text("the file already exists", "文件已存在"),
            remedy=Text("choose another name, or remove it first", "请换一个文件名，或先删除它"),
            path=str(target),
        )
    try:
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        manifest = _copied(source, copy)
        manifest["database"] = {"file": DATABASE, "bytes": copy.stat().st_size, "sha256": sha256_of(copy)}
        os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with open(made, "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as pack:
                pack.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
                pack.write(copy, DATABASE)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(made, target)
    except sqlite3.Error as error:
        from steelyard.base import sql

        raise sql.failure(error, str(source)) from None
    except OSError as error:
        raise InputError(
            "cannot_write", Text(f"cannot write: {error.strerror}", f"无法写入：{error.strerror}"), path=str(target)
        ) from None
    finally:
        for path in (made, copy, *(copy.with_name(copy.name + end) for end in ("-wal", "-shm", "-journal"))):
            path.unlink(missing_ok=True)
    digest = f"sha256:{sha256_of(target)}"
    if options.json:
        say_json({"file": str(target), "digest": digest, **manifest})
        return EXIT_DONE
    log = manifest["log"]
    say(digest)
    say(Text(f"{log['origin']}: {log['size']:,} entries", f"{log['origin']}：{log['size']:,} 条记录").get(options.lang))
    for name, why in NOT_IN_IT.items():
        warn(Text(f"not in it: {name}: {why.en}", f"未包含：{name}：{why.zh}").get(options.lang))
    return EXIT_DONE


def _copied(source: Path, copy: Path) -> dict[str, Any]:
    """Copies the database as it stands at one moment, and tells what is in it."""
    from steelyard import __version__
    from steelyard.base import sql
    from steelyard.ledger import store
    from steelyard.ledger.personal import utc_now

    made = utc_now()
    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=15)) as from_,
        contextlib.closing(sqlite3.connect(copy)) as to,
    ):
        from_.backup(to)
        to.execute("PRAGMA journal_mode=DELETE")
        link = sql.over(to)
        if "ledger_log" not in link.tables() or not store.logs(link):
            raise EnvironmentNotReady(
                "no_store", Text("there is no log in this store", "此存储没有账本"), path=str(source)
            )
        log = store.current(link)
        latest = store.checkpoint(link, log)
        return {
            "steelyard_backup": FORMAT,
            "made": made,
            "version": __version__,
            "log": {
                "origin": log.origin,
                "size": store.size(link, log),
                "checkpoint": str(latest) if latest is not None else None,
            },
            "not_in_it": {name: {"en": why.en, "zh": why.zh} for name, why in NOT_IN_IT.items()},
        }


def sha256_of(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
