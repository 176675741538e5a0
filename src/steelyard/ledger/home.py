"""A store and the folder around it: its address, its keys, its connection, and its memory of how far the log had come.

Rules enforced:
- the address is `--store`, else `STEELYARD_STORE`, else `.steelyard/steelyard.db` beside the profile, else that of the
  nearest `.steelyard/` here or above; reading creates nothing;
- log and statement keys are made on first use in the folder, mode 0600; persons' keys are never made silently;
- the folder remembers the newest checkpoint outside the database: a copy of the database put back is named a rollback,
  and nothing is written to it.
"""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steelyard.base import keys, sql
from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Text
from steelyard.ledger import folder, note, store
from steelyard.ledger.personal import Vault

FOLDER, DATABASE = ".steelyard", "steelyard.db"
STORE_VARIABLE, PASSPHRASE_VARIABLE = "STEELYARD_STORE", "STEELYARD_KEY_PASSPHRASE"


def nearest(start: Path) -> Path | None:
    """The `.steelyard` folder in `start` or the nearest one above it."""
    for place in (start, *start.parents):
        if (place / FOLDER).is_dir():
            return place / FOLDER
    return None


def address(option: str | None, profile: Path | None = None) -> str:
    """The address of the store a command means (contracts, "Everywhere")."""
    given = option or os.environ.get(STORE_VARIABLE)
    if given:
        return given
    if profile is not None:
        return f"sqlite:///{(profile.absolute().parent / FOLDER / DATABASE)}"
    found = nearest(Path.cwd()) or Path.cwd() / FOLDER
    return f"sqlite:///{found / DATABASE}"


class Home:
    """A store with its folder. `passphrase` makes and opens the log and statement keys; `also` may open them."""

    def __init__(self, url: str, passphrase: str | None = None, *, also: str | None = None) -> None:
        self.mirror: Path | None = None
        if url.startswith("folder:"):
            self.folder = Path(url.removeprefix("folder:"))
            self.mirror = self.folder
            self.url = f"sqlite:///{self.folder.absolute() / 'work' / DATABASE}"
        else:
            self.url = url
            path = sql.sqlite_path(url)
            self.folder = path.parent if path is not None else nearest(Path.cwd()) or Path.cwd() / FOLDER
        self._passphrase, self._also = passphrase or os.environ.get(PASSPHRASE_VARIABLE) or None, also

    # Connections ------------------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether there is something to read; a server is asked only when it is opened."""
        if self.mirror is not None and (self.mirror / "log").is_dir():
            return True
        path = sql.sqlite_path(self.url)
        return path is None or path.is_file()

    def connect(self) -> sql.Connection:
        """A connection for writing, with tables and a log. Raises EnvironmentNotReady, also `rolled_back`."""
        self._drop_stale()
        link = sql.connect(self.url)
        try:
            store.prepare(link)
            if not store.logs(link) and not (self.mirror is not None and folder.rebuild(self.mirror, link)):
                self._open_log(link, None)
            self.refuse_rollback(link)
        except sql.database_errors() as error:
            link.close()
            raise sql.failure(error, sql.place(self.url)) from None
        except BaseException:
            link.close()
            raise
        return link

    def _drop_stale(self) -> None:
        """Drops a folder's working copy where the files have more, or other history: the files are the truth."""
        path = sql.sqlite_path(self.url)
        if self.mirror is None or path is None or not path.is_file():
            return
        try:
            with sql.connect(self.url, create=False) as link:
                stale = "ledger_log" in link.tables() and folder.state(self.mirror, link) == "behind"
        except EnvironmentNotReady:
            stale = True
        if stale:
            self.drop_working_copy()

    def drop_working_copy(self) -> None:
        """Removes a folder's working copy; it is built again from the files. Does nothing to other stores."""
        path = sql.sqlite_path(self.url)
        if self.mirror is not None and path is not None:
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)

    def connect_to_read(self) -> sql.Connection:
        """A connection that changes nothing (but a folder's working copy). Raises EnvironmentNotReady `no_store`."""
        if self.mirror is not None and (self.mirror / "log").is_dir():
            self.connect().close()
        return sql.connect(self.url, create=False, read_only=True)

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A connection for writing; what was queued is sequenced at the end, and the newest checkpoint remembered."""
        with self.connect() as link:
            try:
                yield link
                self.sequence(link)
            except sql.database_errors() as error:
                raise sql.failure(error, sql.place(self.url)) from None

    def sequence(self, link: sql.Connection) -> None:
        """Turns everything queued into leaves now, and remembers the checkpoint in the folder."""
        if store.queue(link).length:
            store.sequence_all(link, self.log_signer())
        if self.mirror is not None:
            folder.mirror(self.mirror, link)
        self.remember(link)

    # Keys -------------------------------------------------------------------------------------------------------------

    @property
    def key_folder(self) -> Path:
        """The folder of the keys."""
        return self.folder / "keys"

    def log_signer(self) -> keys.FileSigner:
        """The key that signs checkpoints; made on first use."""
        return self._own("log.pem")

    def statement_signer(self) -> keys.FileSigner:
        """The key that signs what this installation states; made on first use."""
        return self._own("statement.pem")

    def _own(self, name: str) -> keys.FileSigner:
        path = self.key_folder / name
        if not path.exists():
            with contextlib.suppress(InputError):  # somebody else made it a moment ago
                return keys.generate(path, self._passphrase)
        refused: EnvironmentNotReady | None = None
        for passphrase in dict.fromkeys((self._passphrase, self._also, None)):
            try:
                return keys.load(path, passphrase)
            except EnvironmentNotReady as error:
                if error.code not in ("bad_key", "passphrase_needed"):
                    raise
                refused = refused or error
        assert refused is not None  # noqa: S101  (None is always tried)
        raise refused

    def vault(self) -> Vault:
        """The box of personal data; its key is made on first use."""
        path = self.key_folder / "personal.key"
        if not path.exists():
            with contextlib.suppress(InputError):
                keys.write_secret(path, secrets.token_bytes(32))
        try:
            return Vault(path.read_bytes())
        except OSError as error:
            raise EnvironmentNotReady(
                "cannot_read", Text(f"cannot read: {error.strerror}", f"无法读取：{error.strerror}"), path=str(path)
            ) from None

    # The log ----------------------------------------------------------------------------------------------------------

    def open_log(self, origin: str | None) -> store.Log:
        """The log, opened under `origin` (or a name of its own) where there is none. Raises InputError `log_exists`."""
        link = sql.connect(self.url)
        with link:
            store.prepare(link)
            found = store.logs(link)
            if found and origin in (None, found[-1].origin):
                return found[-1]
            if found:
                raise InputError(
                    "log_exists",
                    Text(f"this store already keeps the log {found[-1].origin}", f"此存储已有账本 {found[-1].origin}"),
                    remedy=Text("use another store, or go on with that log", "请使用其他存储，或继续使用该账本"),
                    field="--origin",
                )
            return self._open_log(link, origin)

    def _open_log(self, link: sql.Connection, origin: str | None) -> store.Log:
        signer = self.log_signer()
        name = origin or f"steelyard.local/{keys.key_id(signer.public)[:12]}"
        return store.create(link, name, signer.public)

    # Memory beside the database ---------------------------------------------------------------------------------------

    @property
    def journal(self) -> Path:
        """The journal of erasings, outside the database and its backups."""
        return self.folder / "erasures.jsonl"

    @property
    def _memory(self) -> Path:
        return self.folder / "seen.json"

    def remember(self, link: sql.Connection) -> None:
        """Writes the newest checkpoint beside the database, if it is newer than the one there."""
        log = store.current(link)
        latest = store.checkpoint(link, log)
        if latest is None:
            return
        seen, now = self.seen(), note.Checkpoint.parse(latest.text)
        if seen is not None and seen.origin == now.origin and seen.size >= now.size:
            return
        temporary = self._memory.with_name(f".seen.{os.getpid()}.new")
        try:
            temporary.write_text(json.dumps({"checkpoint": str(latest)}, ensure_ascii=False), encoding="utf-8")
            temporary.replace(self._memory)
        except OSError:
            temporary.unlink(missing_ok=True)

    def seen(self) -> note.Checkpoint | None:
        """The newest checkpoint this folder remembers; None where it remembers none that can be read."""
        try:
            text = json.loads(self._memory.read_text(encoding="utf-8"))["checkpoint"]
            return note.Checkpoint.parse(note.Note.parse(text).text)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self) -> None:
        """Drops the remembered checkpoint: only a restore, which names it in the new log, may do so."""
        self._memory.unlink(missing_ok=True)

    def refuse_rollback(self, link: sql.Connection) -> None:
        """Raises EnvironmentNotReady `rolled_back` where the database is older than the folder remembers."""
        seen = self.seen()
        if seen is None:
            return
        log = next((item for item in store.logs(link) if item.origin == seen.origin), None)
        size = store.size(link, log) if log is not None else 0
        if log is not None and size >= seen.size:
            return
        raise EnvironmentNotReady(
            "rolled_back",
            Text(
                f"this database was put back from a copy: {seen.origin} has {size} entries, {seen.size} were seen",
                f"此数据库被旧备份覆盖：{seen.origin} 现有 {size} 条记录，此前曾有 {seen.size} 条",
            ),
            remedy=Text(
                "nothing was written; run `steelyard restore --put-back`, which erases again and begins a new log",
                "未写入任何内容；请运行 `steelyard restore --put-back`，以重新执行删除并开启新账本",
            ),
            path=sql.place(self.url),
        )
