"""The audit pack of one system: everything an outsider needs to check what was done, and nothing of others.

Rules enforced:
- what goes in is what the log took in: envelopes about the system and those about no system (keys, appointments,
  standing approvals), each with its receipt; the logs whole, because only a whole log shows that nothing was left out;
- names are opened only of those who signed, decided or appointed here; what was erased stays erased, and what is gone
  without a record of erasing is said so.

The zip itself is written by `audit_pack_zip`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from steelyard.base.canon import canonical_json
from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.base.yamldoc import parse
from steelyard.evidence import store as evidence
from steelyard.evidence import trust
from steelyard.gates import people, tables
from steelyard.gates.case import Case, case_of
from steelyard.gates.desk import Desk
from steelyard.gates.gate import Judge
from steelyard.gates.types import ASSESSMENT_TYPE
from steelyard.ledger import note, personal, record, store
from steelyard.policy.assess import assess
from steelyard.profile.document import Profile, check


@dataclass(frozen=True, slots=True)
class PackedLog:
    """A log as far as the pack carries it. `witnesses` are (name, size, POSIX time) of kept cosignatures."""

    folder: str
    log: store.Log
    size: int
    witnesses: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """An envelope of the pack, with the entry that took it in (None where the log has none)."""

    stored: evidence.Stored
    log: int | None
    index: int | None

    @property
    def name(self) -> str:
        """Its digest in hexadecimal, by which its files are called."""
        return self.stored.digest.removeprefix("sha256:")

    @property
    def form(self) -> str:
        """What it is: key, appointment, decision, assessment, evidence ..."""
        return self.stored.statement.predicate_type.removeprefix("https://steelyard.dev/").split("/")[0]


@dataclass(frozen=True, slots=True)
class Field:
    """A committed personal value of somebody of the pack, and what is left of it."""

    commitment: str
    person: str
    name: str
    state: personal.State
    opening: personal.Opening | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The profile at one assessment; None where its text was not kept. `changes` are (what, was, is)."""

    packed: Packed
    profile: Mapping[str, Any] | None
    changes: tuple[tuple[str, Any, Any], ...]


@dataclass(slots=True)
class Pack:
    """What was collected about one system, before anything is written."""

    system: str
    made: str
    judge: Judge
    logs: list[PackedLog]
    keys: list[trust.Key]
    envelopes: list[Packed]
    fields: list[Field]
    attachments: list[str]
    gates: Mapping[str, Any] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """The case as it stands."""
        return self.judge.case

    def names(self) -> dict[str, str]:
        """Pseudonym -> name, of those whose name could be opened."""
        return {item.person: str(item.opening.value) for item in self.fields if item.opening and item.name == "name"}

    def of(self, form: str) -> list[Packed]:
        """The envelopes of one form, in their order."""
        return [item for item in self.envelopes if item.form == form]


# Collecting -----------------------------------------------------------------------------------------------------------


def collect(desk: Desk, link: Connection, system: str, profile: str | Path | None = None) -> Pack:
    """Everything about a system, as of the newest checkpoint.

    What is queued is sequenced first; a `profile` that differs from the last one on record is put on record. Raises
    InputError `unknown_system` where the store holds nothing about the system, `other_system` for another's profile.
    """
    case = _case(desk, link, system, profile)
    store.sign_checkpoint(link, desk.home.log_signer())
    with link.transaction():
        logs = [_log(link, number, log) for number, log in enumerate(store.logs(link), 1)]
        places = {item.log.id: item for item in logs}
        envelopes = []
        for stored in evidence.walk(link):
            about = stored.statement.predicate.get("system")
            if about not in (None, system):
                continue
            found = store.latest(link, evidence.PREFIX + stored.digest)
            if found is None:
                envelopes.append(Packed(stored, None, None))
            elif found[1] < places[found[0].id].size:
                envelopes.append(Packed(stored, places[found[0].id].log.id, found[1]))
        row = link.one("SELECT max(created) FROM ledger_checkpoint WHERE log = ?", (logs[-1].log.id,))
        pack = Pack(
            system,
            store.rfc3339(int(row[0]) if row and row[0] is not None else 0),
            desk.judge(case, link),
            logs,
            trust.every(link),
            envelopes,
            [],
            [],
        )
        pack.fields = list(_fields(desk, link, pack, persons(pack)))
        pack.attachments = list(_attachments(link, pack))
    return pack


def _case(desk: Desk, link: Connection, system: str, profile: str | Path | None) -> Case:
    if profile is not None:
        case = desk.case(profile)
        if case.system != system:
            raise InputError(
                "other_system",
                Text(
                    f"this is the profile of {case.system}, not of {system}", f"此档案属于 {case.system}，而非 {system}"
                ),
                remedy=Text("name the system as its profile does", "请按档案中的标识填写系统"),
                path=str(profile),
            )
        ts = personal.utc_now()
        tables.record_assessment(link, case, people.own_key(desk.home, link, ts), ts)
        return case
    newest = None
    for stored in evidence.walk(link, system, ASSESSMENT_TYPE):
        newest = stored
    kept = profile_of(link, newest) if newest is not None else None
    if kept is None:
        raise InputError(
            "unknown_system",
            Text(f"this store holds no profile of {system}", f"此存储中没有 {system} 的档案"),
            remedy=Text("give it with --profile FILE, or check the name", "请用 --profile 提供档案，或核对名称"),
            field="SYSTEM",
        )
    assert newest is not None  # noqa: S101  (a profile was found behind it)
    case, said = case_of(assess(read_profile(kept, desk), desk.policy, desk.on)), newest.statement.predicate
    found = case.assessment
    same = (
        dict(said["bases"]) == dict(case.bases)
        and said["tier"] == {"lowest": found.tier.lowest, "highest": found.tier.highest}
        and said["prohibitions"] == [item.rule.id for item in found.prohibitions if item.certain]
    )
    # The record leaves out names, which the digest of a case covers: read alike, it is the case that was decided on.
    return replace(case, digest=str(said["case"])) if same else case


def read_profile(data: Mapping[str, Any], desk: Desk) -> Profile:
    """A profile as it was put on record. Raises the first InputError where today's facts cannot read it."""
    plain = {key: value for key, value in data.items() if key != "assumed"}
    profile, errors = check(parse(canonical_json(plain).decode(), "steelyard.yaml"), desk.policy.vocabulary)
    if errors:
        raise errors[0]
    return profile


def profile_of(link: Connection, assessed: evidence.Stored) -> dict[str, Any] | None:
    """The profile that an assessment names, as data; None where its text was not kept or was changed."""
    digest = next((item.sha256 for item in assessed.statement.subjects if item.name == "profile"), "")
    body = attachment(link, digest)
    if body is None or hashlib.sha256(body).hexdigest() != digest:
        return None
    data = json.loads(body)
    return data if isinstance(data, dict) else None


def attachment(link: Connection, sha256: str) -> bytes | None:
    """An attachment as it is stored, even where somebody changed it: the verifier is to say so, not we to hide it."""
    row = link.one("SELECT body FROM evidence_attachment WHERE sha256 = ?", (sha256,))
    return bytes(row[0]) if row else None


def _log(link: Connection, number: int, log: store.Log) -> PackedLog:
    newest = store.checkpoint(link, log)
    size = note.Checkpoint.parse(newest.text).size if newest else 0
    rows = link.all(
        "SELECT witness, size, line FROM ledger_cosignature WHERE log = ? AND size <= ? ORDER BY witness, size",
        (log.id, size),
    )
    seen = {str(name): (int(at), note.Signature.parse(str(line))) for name, at, line in rows}
    times = tuple((line.name, at, int.from_bytes(line.data[:8], "big")) for at, line in seen.values())
    return PackedLog(f"log/{number}", log, size, times)


def persons(pack: Pack) -> list[str]:
    """The pseudonyms of those who signed, decided or are named here, and of whoever appointed them."""
    holders = {key.keyid: key.holder for key in pack.keys if key.purpose == "person"}
    found: set[str] = set()
    for item in pack.envelopes:
        if item.form not in ("key", "appointment"):
            found.update(holders[name] for name in item.stored.signers if name in holders)
            person = item.stored.statement.predicate.get("person")
            found.update([person] if isinstance(person, str) else [])
    for item in reversed(pack.of("appointment")):
        said = item.stored.statement.predicate
        if said.get("person") in found:
            found.add(str(said["by"]))
    return sorted(found)


def _fields(desk: Desk, link: Connection, pack: Pack, who: list[str]) -> Iterator[Field]:
    """What is left of every value that leaves about these people commit to."""
    marks: list[tuple[str, str, str]] = []
    for person in who:
        for (leaf,) in link.all(
            "SELECT leaf FROM ledger_entry WHERE object = ? ORDER BY log, idx", (f"person:{person}",)
        ):
            said = record.decode(bytes(leaf)) or {}
            marks += [(str(mark), person, str(name)) for name, mark in (said.get("c") or {}).items()]
    if not marks:
        return
    if not (desk.home.key_folder / "personal.key").is_file():
        raise EnvironmentNotReady(
            "no_key",
            Text("the key of personal data is not on this machine", "本机没有个人数据密钥"),
            remedy=Text("restore keys/personal.key of this store", "请恢复该存储的 keys/personal.key"),
        )
    vault, erased = desk.home.vault(), personal.erased_marks(link)
    for mark, person, name in dict.fromkeys(marks):
        state = vault.state(link, mark, erased)
        yield Field(mark, person, name, state, vault.open(link, mark) if state == "opened" else None)


def _attachments(link: Connection, pack: Pack) -> Iterator[str]:
    """The files that envelopes about the system name and the store keeps."""
    named = {
        subject.sha256
        for item in pack.envelopes
        if item.stored.statement.predicate.get("system") == pack.system
        for subject in item.stored.statement.subjects
    }
    for digest in sorted(named):
        if link.one("SELECT 1 FROM evidence_attachment WHERE sha256 = ?", (digest,)) is not None:
            yield digest


def history(link: Connection, pack: Pack) -> list[Moment]:
    """The profile at each assessment on record, with what changed since the one before it."""
    out: list[Moment] = []
    before: Mapping[str, Any] | None = None
    for item in pack.of("assessment"):
        now = profile_of(link, item.stored)
        changes = tuple(_changes(before, now)) if before is not None and now is not None else ()
        out.append(Moment(item, now, changes))
        before = now if now is not None else before
    return out


def _changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(what, was, is): facts by their id, fields of the system as `system.<field>`, lists whole; None for not said."""
    for part, prefix in (("system", "system."), ("facts", "")):
        old, new = was.get(part) or {}, now.get(part) or {}
        for name in dict.fromkeys([*new, *old]):
            if old.get(name) != new.get(name):
                yield prefix + name, old.get(name), new.get(name)
    for part in ("models", "datasets", "asked"):
        if (was.get(part) or []) != (now.get(part) or []):
            yield part, was.get(part) or [], now.get(part) or []
