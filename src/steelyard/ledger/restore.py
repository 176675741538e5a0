"""Putting a copy back: the journal of erasings is applied again, the old log ends, a new one begins.

The new log's first leaf names the last checkpoint of the old one that was witnessed, or else seen, so that nobody can
pass the gap over. A copy put back in any other way is named a rollback (`home.Home.refuse_rollback`, `audit`).
"""

from collections.abc import Callable

from steelyard.base import sql
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.ledger import audit, note, personal, record, store, tiles
from steelyard.ledger.home import Home

Erase = Callable[[sql.Connection, str, str], object]
"""Erases what a store holds about a pseudonym (second argument), at a time (third), in the caller's transaction."""


def _personal(link: sql.Connection, subject: str, ts: str) -> object:
    return personal.erase(link, subject, basis=personal.JOURNAL, ts=ts)


def restore(home: Home, witnessed: note.Note | None = None, erase: Erase = _personal) -> store.Log:
    """Opens a copy of the database that was put back, and answers the new log.

    `erase` is how the journal is applied again; rooms that keep more about a person than the ledger does bring theirs.
    `witnessed` is the newest checkpoint that a witness holds; without it, the one the folder remembers. Raises
    InputError `bad_checkpoint` where that checkpoint is not of the old log, and where the copy does not lead up to it.
    """
    with sql.connect(home.url, create=False) as link:
        store.prepare(link)
        old = store.current(link)
        last = home.seen()
        if witnessed is not None:
            try:
                last = note.signed_checkpoint(witnessed, old.key)
            except note.NoteError as error:
                raise InputError(
                    "bad_checkpoint",
                    Text(f"not a checkpoint of this log: {error}", f"不是此账本的检查点：{error}"),
                    remedy=Text("give the newest one the witness holds", "请提供见证方持有的最新检查点"),
                ) from None
        signer = home.log_signer()
        number = len(store.logs(link)) + 1
        name = f"{old.origin.split('#')[0]}#{number}"
        with link.transaction():
            erased = dict(personal.subjects(link))
            again = [name for name in personal.journal(home.journal) if erased.get(name) is False]
            log = store.create(link, name, signer.public)
            body = {"old": old.origin, "copy": store.size(link, old), "again": sorted(set(again))}
            if last is not None:
                body["last"] = last.text()
            first = record.record("log.restored", ts=personal.utc_now(), object=f"log:{name}", body=body)
            waiting = link.all("SELECT leaf, object, queued FROM ledger_queue ORDER BY ticket")
            link.execute("DELETE FROM ledger_queue")
            store.append(link, first)
            link.insert_many("ledger_queue", ("leaf", "object", "queued"), waiting)
            for subject in dict.fromkeys(again):
                erase(link, subject, personal.utc_now())
            store.sequence(link, signer)
        store.sequence_all(link, signer)
        personal.scrub(link)
        home.forget()
        home.remember(link)
    return log


def verify(home: Home, link: sql.Connection, log: store.Log) -> audit.Report:
    """Audits one log of a store; the newest one with every row and committed value that must stand behind a leaf."""
    if log.origin != store.current(link).origin:
        return audit.audit(tiles.Database(link, log), log.key, held=audit.held_by_store(link, log))
    seen = home.seen()
    held = [*audit.held_by_store(link, log), *([seen] if seen is not None and seen.origin == log.origin else [])]
    report = audit.audit(tiles.Database(link, log), log.key, held=held, own_records=True)
    vault = home.vault() if (home.key_folder / "personal.key").is_file() else None
    audit.audit_store(link, log, report, vault)
    return report
