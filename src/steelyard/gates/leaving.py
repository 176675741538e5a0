"""When somebody leaves: whose data are meant, whether they are gone already, and that one administrator remains.

Rules enforced:
- a store always has somebody who may appoint: the only administrator is neither erased nor ended nor loses their key;
- erasing destroys personal data and nothing else: roles and keys end by appointments and revocations, which are signed.
"""

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.evidence import trust
from steelyard.evidence.statement import local_date
from steelyard.gates.people import ADMINISTRATOR, Refused, everybody, holds, is_called
from steelyard.ledger.home import Home
from steelyard.ledger.store import rfc3339


def subject_of(home: Home, link: Connection, said: str) -> str:
    """The pseudonym that a name or pseudonym means. Raises InputError `unknown_subject`."""
    tables = link.tables()
    known = everybody(home, link) if "evidence_key" in tables else iter(())
    found = next((person.id for person in known if is_called(person, said)), None)
    if found is None and not ("ledger_subject" in tables and _known(link, said)):
        raise InputError(
            "unknown_subject",
            Text(f"there are no personal data of {said} here", f"此处没有 {said} 的个人数据"),
            remedy=Text(
                "`steelyard key list` shows names and pseudonyms; who was erased is found by the pseudonym only",
                "可用 `steelyard key list` 查看姓名与化名；已删除者只能按化名查找",
            ),
            field="SUBJECT",
        )
    return found or said


def _known(link: Connection, subject: str) -> bool:
    return link.one("SELECT 1 FROM ledger_subject WHERE subject = ?", (subject,)) is not None


def erased_on(link: Connection, subject: str) -> str | None:
    """The day on which the data of a person were erased, where nothing of them came back since."""
    row = link.one("SELECT erased FROM ledger_subject WHERE subject = ?", (subject,))
    left = link.one("SELECT 1 FROM ledger_secret WHERE subject = ? LIMIT 1", (subject,))
    return local_date(rfc3339(int(row[0]))).isoformat() if row and row[0] is not None and not left else None


def keep_one(link: Connection, person: str, ts: str) -> None:
    """Raises Refused `last_administrator` where nobody could appoint any more without this person."""
    if "gates_appointment" not in link.tables():
        return
    lost = {key.holder for key in trust.every(link) if key.purpose == "person" and not key.good_at(ts)}
    rows = link.all("SELECT DISTINCT person FROM gates_appointment WHERE role = ?", (ADMINISTRATOR,))
    now = {str(name) for (name,) in rows if holds(link, str(name), ADMINISTRATOR, ts)} - lost
    if person not in now or any(erased_on(link, name) is None for name in now - {person}):
        return
    raise Refused(
        "last_administrator",
        Text(
            f"{person} is the only administrator here; without one nobody can appoint, trust or revoke",
            f"{person} 是此存储唯一的管理员；没有管理员，就无人可以任命、信任或撤销",
        ),
        remedy=Text(
            "appoint another first: steelyard appoint NAME --role administrator --by ADMINISTRATOR",
            "请先任命另一位管理员：steelyard appoint 姓名 --role administrator --by 管理员",
        ),
    )
