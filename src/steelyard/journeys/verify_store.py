"""Verifying a whole store: its logs, its rows against their leaves, its indexes against the statements, its files.

What only the log itself can show stands in `ledger.audit`; this walk adds what other rooms keep beside it.
"""

from collections.abc import Callable, Sequence

from steelyard.base import sql
from steelyard.base.errors import InputError
from steelyard.evidence import folder as evidence_folder
from steelyard.evidence import store as evidence
from steelyard.gates.desk import bring_up
from steelyard.ledger import audit, folder, note, store, tiles
from steelyard.ledger.home import Home

Progress = Callable[[int, int], None]


def verify(
    home: Home,
    key: note.VerifierKey | None = None,
    witnesses: Sequence[note.VerifierKey] = (),
    tell: Progress | None = None,
) -> audit.Report:
    """Checks everything a store holds; `key` replaces the log's own public key. Raises as opening does.

    Older logs of the store (ended by a restore) come first: where one does not hold, its report is the answer.
    """
    bring_up(home)
    with home.connect_to_read() as link:
        logs = store.logs(link)
        for log in logs[:-1]:
            old = audit.audit(tiles.Database(link, log), log.key, held=audit.held_by_store(link, log))
            if not old.ok:
                return old
        log, seen = store.current(link), home.seen()
        held = [*audit.held_by_store(link, log), *([seen] if seen is not None and seen.origin == log.origin else [])]
        report = audit.audit(
            tiles.Database(link, log), key or log.key, witnesses=witnesses, held=held, progress=tell, own_records=True
        )
        if seen is not None and seen.origin not in {item.origin for item in logs}:
            report.add("rollback", None, f"{seen.origin} was seen here")
        vault = home.vault() if (home.key_folder / "personal.key").is_file() else None
        audit.audit_store(link, log, report, vault)
        _indexes(link, report)
        if home.mirror is not None:
            for item in logs:
                files = audit.audit(tiles.Folder(folder.log_folder(home.mirror, item)), item.key)
                report.alarms += [alarm for alarm in files.alarms if alarm not in report.alarms]
            if "evidence_envelope" in link.tables():
                evidence_folder.check(home.mirror, link, report)
    return report


def _indexes(link: sql.Connection, report: audit.Report) -> None:
    """Index tables that somebody edited: `reindex` puts them right."""
    have = set(link.tables())
    if "evidence_envelope" not in have or "gates_decision" not in have:
        return
    try:
        for table in evidence.differing(link):
            report.add("index_differs", None, table)
    except InputError:  # a statement that cannot be read is an alarm of its own
        report.add("index_differs", None, "evidence_envelope")
