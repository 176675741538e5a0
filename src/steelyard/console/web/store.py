"""The store behind the console: the rooms' tables through Django's own connection, one transaction for all."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

from django.conf import settings
from django.db import connection, transaction

from steelyard.base import sql
from steelyard.base.clock import today
from steelyard.base.keys import FileSigner
from steelyard.evidence.kinds import Kinds
from steelyard.gates import requirements, tables
from steelyard.gates.desk import Desk
from steelyard.gates.people import own_key
from steelyard.intake.interview import Interview
from steelyard.ledger import store as ledger
from steelyard.ledger.home import Home
from steelyard.ledger.personal import utc_now
from steelyard.policy.compile import Policy, load_compiled

_SIGNER = Lock()
DEMO = "demo:organisation"
"""What the ledger calls a demonstration: the object of one of its first records, for good."""


def home() -> Home:
    """The store's folder and keys."""
    found: Home = settings.STORE
    return found


def link() -> sql.Connection:
    """The rooms' face of Django's connection of this thread."""
    connection.ensure_connection()
    return sql.over(connection.connection)


@lru_cache(1)
def policy() -> Policy:
    """The policy in force."""
    return load_compiled(None)


@lru_cache(4)
def _desk(on: dt.date) -> Desk:
    kinds = Kinds.registered()
    return Desk(home(), policy(), kinds, requirements.load(policy(), kinds), on)


def desk() -> Desk:
    """The desk as of today."""
    return _desk(today())


@lru_cache(1)
def interview() -> Interview:
    """The interview under the policy in force."""
    return Interview(policy())


@lru_cache(1)
def log_signer() -> FileSigner:
    """The key of the log, read once."""
    with _SIGNER:
        return home().log_signer()


@lru_cache(1)
def demo() -> bool:
    """Whether this store is a demonstration, as its ledger says; asked once, and again after one was made here."""
    return link().one("SELECT 1 FROM ledger_entry WHERE object = ?", (DEMO,)) is not None


@contextmanager
def change() -> Iterator[sql.Connection]:
    """One transaction for a change of state: Django's rows, statements and leaves, all or nothing.

    What was queued becomes leaves before it commits; the folder then remembers the newest checkpoint.
    """
    with transaction.atomic():
        face = link()
        yield face
        ledger.sequence(face, log_signer())
        transaction.on_commit(lambda: home().remember(link()))


def own(face: sql.Connection) -> FileSigner:
    """The console's statement key, trusted in this store."""
    return own_key(home(), face, utc_now())


def prepare() -> None:
    """Makes or updates the tables of the rooms and opens the log, before the first request."""
    home().connect().close()
    face = link()
    tables.prepare(face)
