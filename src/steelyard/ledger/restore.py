"""Putting a copy back: the journal of erasings is applied again, the old log ends, a new one begins.

The new log's first leaf names the last checkpoint of the old one that was witnessed, or else seen, so that nobody can
pass the gap over. A copy put back in any other way is named a rollback (`home.Home.refuse_rollback`, `audit`).
"""

from steelyard.base import sql
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.ledger import note, personal, record, store
from steelyard.ledger.home import Home


def restore(home: Home, witnessed: note.Note | None = None) -> store.Log:
    """Opens a copy of the database that was put back, and answers the new log.

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
                personal.erase(link, subject, basis="journal", ts=personal.utc_now())
            store.sequence(link, signer)
        store.sequence_all(link, signer)
        home.forget()
        home.remember(link)
    return log
