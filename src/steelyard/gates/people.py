"""People and what they may do: keys under pseudonyms, names in the erasable store, appointments with an end.

Rules enforced:
- a person's key always has a passphrase; names stand only in the vault, never in a leaf or a signed statement;
- the first person of an empty store becomes administrator, and that is on record; every later appointment is signed by
  somebody whose own appointment as administrator stands;
- the newest appointment of a person to a role in a unit counts, until its end.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from steelyard.base import keys
from steelyard.base.clock import parse_date
from steelyard.base.errors import EXIT_NO, EnvironmentNotReady, InputError, SteelyardError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.evidence import store as evidence
from steelyard.evidence import trust
from steelyard.evidence.statement import Statement, Subject
from steelyard.evidence.statement import local_date as local_date
from steelyard.gates.types import APPOINTMENT_TYPE
from steelyard.ledger import personal, record
from steelyard.ledger import store as ledger
from steelyard.ledger.home import Home
from steelyard.policy.model import ROLE_NAMES

ADMINISTRATOR, OPERATOR, AUDITOR = "administrator", "operator", "auditor"
ROLES: dict[str, Text] = {
    ADMINISTRATOR: Text("administrator", "管理员"),
    **ROLE_NAMES,
    OPERATOR: Text("operator", "运行值守"),
    AUDITOR: Text("auditor (reads only)", "审计（只读）"),
}
MAX_NAME = 200
PSEUDONYM = re.compile(r"p-[0-9a-f]{16}", re.ASCII)


class Refused(SteelyardError):
    """The core says no (exit code 1): the request is understood and not allowed."""

    exit_code = EXIT_NO


class Person(NamedTuple):
    """Somebody known here: pseudonym, name (None once erased), and the id of their key."""

    id: str
    name: str | None
    keyid: str


class Appointment(NamedTuple):
    """That this person may act in this role here until then. An empty unit means everywhere."""

    person: str
    role: str
    unit: str
    starts: str
    until: str | None
    by: str


def everybody(home: Home, link: Connection) -> Iterator[Person]:
    """Everybody known here: with a key of their own, or an account of the console, for which the console signs."""
    vault = home.vault() if (home.key_folder / "personal.key").is_file() else None
    marks: dict[str, str] = dict(link.all("SELECT subject, commitment FROM ledger_secret WHERE field = 'name'"))
    keyed = {key.holder: key.keyid for key in trust.every(link) if key.purpose == "person"}
    for holder in [*keyed, *(name for name in marks if name not in keyed)]:
        name: str | None = None
        if vault is not None and holder in marks:
            try:
                name = str(vault.open(link, marks[holder]).value)
            except (KeyError, ValueError):
                name = None
        yield Person(holder, name, keyed.get(holder) or _mark(holder))


def _mark(pseudonym: str) -> str:
    """What stands for a person without a key of their own where a digest is wanted."""
    return hashlib.sha256(pseudonym.encode()).hexdigest()


def erase(home: Home, link: Connection, subject: str, *, basis: str, ts: str) -> tuple[personal.Erased, list[str]]:
    """Destroys the personal data of a person, and the kept profiles that name them as owner or accountable.

    In the caller's transaction. Answers what was erased and the digests of the attachments that are gone. Raises
    InputError as `personal.erase` does, Refused `last_administrator`.
    """
    from steelyard.gates import leaving, summary

    if basis != personal.JOURNAL:  # a restore erases again whatever the copy says of roles
        leaving.keep_one(link, subject, ts)
    tables = set(link.tables())
    known = everybody(home, link) if "evidence_key" in tables else iter(())
    name = next((item.name for item in known if item.id == subject and item.name), None)
    erased = personal.erase(link, subject, basis=basis, ts=ts)
    gone: list[str] = []
    if name is None or "gates_assessment" not in tables:
        return erased, gone
    for (digest,) in link.all("SELECT digest FROM gates_assessment ORDER BY seq"):
        stored = evidence.get(link, str(digest))
        for item in stored.statement.subjects if stored is not None else ():
            data = evidence.attachment(link, item.sha256) if item.name == "profile" else None
            system = json.loads(data).get("system", {}) if data is not None else {}
            if any(plain(str(system.get(key, ""))) == plain(name) for key in ("owner", "accountable")):
                link.execute("DELETE FROM evidence_attachment WHERE sha256 = ?", (item.sha256,))
                gone.append(item.sha256)
                if "gates_system" in tables:
                    summary.forget(link, str(system.get("id", "")))  # lists would still name its owner
    return erased, gone


def plain(name: str) -> str:
    """A name as it is compared: without case, width and outer spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def is_called(person: Person, name: str) -> bool:
    """Whether a name or pseudonym is this person's. False where their name was erased and `name` is not a pseudonym."""
    return plain(name) in {plain(item) for item in (person.name or "", person.id)}


def named_in(home: Home, link: Connection, text: str, more: tuple[str, ...] = ()) -> bool:
    """Whether a text names somebody known here, or one of `more`."""
    said = plain(text)
    for name in {plain(item) for item in (*(person.name or "" for person in everybody(home, link)), *more)}:
        at = said.find(name) if " " in name or (not name.isascii() and len(name) > 1) else -1  # Will is a word too
        while at >= 0:
            around = said[max(at - 1, 0) : at] + said[at + len(name) : at + len(name) + 1]
            if not name.isascii() or not any(char.isascii() and char.isalnum() for char in around):
                return True
            at = said.find(name, at + 1)
    return False


def find(home: Home, link: Connection, name: str, field: str = "--by") -> Person:
    """The person of that name or pseudonym. Raises InputError `unknown_person`."""
    people = list(everybody(home, link))
    for person in people:
        if is_called(person, name):
            return person
    raise InputError(
        "unknown_person",
        Text(f"nobody here is called {name}", f"此存储中没有名为 {name} 的人"),
        remedy=Text(
            "`steelyard key new --person NAME` makes a key for them",
            "可用 `steelyard key new --person 姓名` 为其生成密钥",
        ),
        field=field,
    )


def key_path(home: Home, person: str) -> Path:
    """Where a person's key file stands."""
    return home.key_folder / "people" / f"{person}.pem"


def signer(home: Home, person: Person, passphrase: str | None) -> keys.FileSigner:
    """The key of a person. Raises EnvironmentNotReady `no_person_key`, `passphrase_needed`, `bad_key`."""
    path = key_path(home, person.id)
    if not path.exists():
        raise EnvironmentNotReady(
            "no_person_key",
            Text(
                f"the key of {person.name or person.id} is not on this machine",
                f"本机没有 {person.name or person.id} 的密钥",
            ),
            remedy=Text(f"copy it to {path}, or decide where it is", f"请将其放到 {path}，或在其所在机器上决定"),
        )
    key = keys.load(path, passphrase)
    if keys.key_id(key.public) != person.keyid:
        raise EnvironmentNotReady(
            "bad_key",
            Text(f"this is not the key of {person.name or person.id}", f"这不是 {person.name or person.id} 的密钥"),
            remedy=Text("restore the key file", "请恢复密钥文件"),
            path=str(path),
        )
    return key


def own_key(home: Home, link: Connection, ts: str) -> keys.FileSigner:
    """The statement key, trusted in this store from its first use on. Raises EnvironmentNotReady `unknown_own_key`."""
    own = home.statement_signer()
    if trust.find(link, keys.key_id(own.public)) is None:
        if trust.every(link):
            raise EnvironmentNotReady(
                "unknown_own_key",
                Text("this is not the key with which this store states things", "这不是此存储用于声明的密钥"),
                remedy=Text("restore keys/statement.pem of this store", "请恢复该存储的 keys/statement.pem"),
                path=str(home.key_folder / "statement.pem"),
            )
        evidence.vouch(link, trust.of_signer(own, "statement", trust.OWN, ts), own, ts=ts)
    return own


def new_person(home: Home, link: Connection, name: str, passphrase: str) -> tuple[Person, bool]:
    """Makes a key for a person; answers who they are and whether they became administrator.

    Raises InputError `bad_name`, `person_exists`.
    """
    name = _new_name(home, link, name)
    ts, pseudonym = personal.utc_now(), personal.new_subject()
    own = own_key(home, link, ts)
    path = key_path(home, pseudonym)
    key = keys.generate(path, passphrase)
    try:
        with link.transaction():
            first = _first(link)
            _name(home, link, pseudonym, name, ts)
            entry = trust.of_signer(key, "person", pseudonym, ts)
            evidence.vouch(link, entry, own, key, ts=ts)
            person = Person(pseudonym, name, entry.keyid)
            if first:
                said = Appointment(pseudonym, ADMINISTRATOR, "", ts, None, pseudonym)
                _record(link, said, own, key, ts=ts, reason="first person of the store")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return person, first


def enrol(home: Home, link: Connection, name: str) -> Person:
    """Makes somebody known who signs in at the console and has no key of their own, in the caller's transaction.

    The first person of a store becomes administrator. Raises InputError `bad_name`, `person_exists`.
    """
    name = _new_name(home, link, name)
    ts, pseudonym = personal.utc_now(), personal.new_subject()
    own = own_key(home, link, ts)
    with link.transaction():
        first = _first(link)
        _name(home, link, pseudonym, name, ts)
        if first:
            said = Appointment(pseudonym, ADMINISTRATOR, "", ts, None, pseudonym)
            _record(link, said, own, ts=ts, reason="first person of the store")
    return Person(pseudonym, name, _mark(pseudonym))


def _first(link: Connection) -> bool:
    return link.one("SELECT 1 FROM gates_appointment LIMIT 1") is None


def _name(home: Home, link: Connection, pseudonym: str, name: str, ts: str) -> None:
    """Commits to a name: the leaf holds the commitment, the erasable store the name."""
    marks = home.vault().commit(link, pseudonym, "person", {"name": name})
    ledger.append(link, record.record("person", ts=ts, object=f"person:{pseudonym}", commitments=marks))


def _new_name(home: Home, link: Connection, name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or any(not char.isprintable() for char in name):
        raise InputError(
            "bad_name",
            Text("a name is one line of 1 to 200 characters", "姓名应为 1 至 200 个字符的单行文本"),
            field="--person",
        )
    if any(item.name is not None and plain(item.name) == plain(name) for item in everybody(home, link)):
        raise InputError(
            "person_exists",
            Text(f"{name} is known here already", f"{name} 已在此登记"),
            remedy=Text("two people of one name: add something that tells them apart", "如有重名，请加以区分"),
            field="--person",
        )
    return name


def appoint(
    home: Home,
    link: Connection,
    person: Person,
    role: str,
    *,
    by: Person,
    passphrase: str | None,
    unit: str = "",
    until: str | None = None,
    key: keys.Signer | None = None,
) -> str:
    """Appoints somebody and answers the digest; signed with the appointer's key, or with `key` (the console's).

    Raises InputError `unknown_role`, Refused `not_administrator`, `last_administrator`.
    """
    from steelyard.gates import leaving

    if role not in ROLES:
        raise unknown_role(role)
    ts = personal.utc_now()
    if until is not None:
        parse_date(until, field="--until")
    if not holds(link, by.id, ADMINISTRATOR, ts):
        raise Refused(
            "not_administrator",
            Text(f"{by.name or by.id} is not an administrator here", f"{by.name or by.id} 不是此存储的管理员"),
            remedy=Text("let an administrator appoint", "请由管理员任命"),
            field="--by",
        )
    signing = key or signer(home, by, passphrase)
    with link.transaction():
        if role == ADMINISTRATOR and not unit and until is not None:
            leaving.keep_one(link, person.id, ts)
        return _record(link, Appointment(person.id, role, unit, ts, until, by.id), signing, ts=ts)


def appointments_of(link: Connection, person: str) -> list[Appointment]:
    """Every appointment of a person, the oldest first."""
    rows = link.all(
        "SELECT person, role, unit, starts, until, appointed_by FROM gates_appointment WHERE person = ? ORDER BY seq",
        (person,),
    )
    return [Appointment(*row) for row in rows]


def unknown_role(role: str) -> InputError:
    """The error for a role that does not exist."""
    return InputError(
        "unknown_role",
        Text(f"there is no role {role}", f"没有角色 {role}"),
        remedy=Text(f"use one of: {', '.join(ROLES)}", f"可用角色：{'、'.join(ROLES)}"),
        field="--role",
    )


def _record(link: Connection, item: Appointment, *signers: keys.Signer, ts: str, reason: str = "") -> str:
    predicate = {
        "person": item.person,
        "role": item.role,
        "unit": item.unit,
        "starts": item.starts,
        "until": item.until,
        "by": item.by,
        "reason": reason,
    }
    own = [found.keyid for found in trust.every(link) if found.purpose == "person" and found.holder == item.person]
    mark = own[0] if own else _mark(item.person)
    said = Statement((Subject(f"person:{item.person}", mark),), APPOINTMENT_TYPE, predicate)
    envelope = said.sealed(*signers)
    return evidence.insert(link, envelope, said, trust.check(link, envelope, said, ts), ts=ts).digest


def holds(link: Connection, person: str, role: str, ts: str, unit: str = "") -> bool:
    """Whether the person's appointment to the role stands at `ts`, in this unit or everywhere."""
    rows = link.all("SELECT digest FROM gates_appointment WHERE person = ? AND role = ? ORDER BY seq", (person, role))
    newest, today = {}, local_date(ts).isoformat()
    for (digest,) in rows:  # the index finds the statements; only they are believed
        stored = evidence.get(link, str(digest))
        said = stored.statement.predicate if stored is not None else {}
        theirs = stored is not None and stored.statement.predicate_type == APPOINTMENT_TYPE
        if theirs and (said["person"], said["role"]) == (person, role):
            newest[str(said["unit"])] = (str(said["starts"]), said["until"])
    return any(
        where in ("", unit) and starts <= ts and (until is None or str(until) >= today)
        for where, (starts, until) in newest.items()
    )


def roles_of(link: Connection, person: str, ts: str) -> list[str]:
    """Every role the person holds now; `role@unit` where it is held in one unit only."""
    rows = link.all("SELECT DISTINCT role, unit FROM gates_appointment WHERE person = ? ORDER BY role, unit", (person,))
    held = [(role, unit) for role, unit in rows if holds(link, person, role, ts, unit)]
    everywhere = [role for role in ROLES if (role, "") in held and holds(link, person, role, ts)]
    return everywhere + [f"{role}@{unit}" for role, unit in held if unit and role not in everywhere]
