"""Which keys are trusted here, for what, and from when until when. Keys come and go by signed statements like all else.

Rules enforced:
- the store's own statement key vouches for itself when the store is new; every other key is vouched for by a key that
  was good at that time;
- a signature counts when its key had started, had not ended and was not revoked at the time the envelope came in; what
  came in before a revocation stays good.
"""

import base64
from dataclasses import dataclass
from typing import Any

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.keys import Envelope, Signer, key_id, pae, verify
from steelyard.base.sql import Connection
from steelyard.evidence.statement import PREDICATE, Statement, Subject, local_date

KEY_TYPE = PREDICATE.format("key")
INSIDE = frozenset(PREDICATE.format(name) for name in ("assessment", "decision", "appointment", "key"))
"""The types of what this installation and its people state; a key from outside signs none of them."""
OWN = "statement"
PURPOSES: dict[str, Text] = {
    "statement": Text("what this installation states", "本机构的声明"),
    "person": Text("decisions of a person", "个人的决定"),
    "outside": Text("evidence of somebody else", "外部出具的证据"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A trusted public key. `holder` is a pseudonym, or a name for an outside key.

    Times are RFC 3339, `ends` is a date: the last day, in Shanghai, on which it is good, as with everything that ends.
    """

    keyid: str
    public: bytes
    purpose: str
    holder: str
    starts: str
    ends: str | None = None
    revoked: str | None = None

    def good_at(self, ts: str) -> bool:
        """Whether a signature that came in at `ts` counts."""
        ended = self.ends is not None and self.ends < local_date(ts).isoformat()
        return self.starts <= ts and not ended and not (self.revoked and self.revoked <= ts)


def statement(key: Key) -> Statement:
    """The statement that a key is trusted (or, with `revoked`, no longer)."""
    predicate: dict[str, Any] = {
        "keyid": key.keyid,
        "public": base64.b64encode(key.public).decode(),
        "purpose": key.purpose,
        "holder": key.holder,
        "starts": key.starts,
        "ends": key.ends,
        "revoked": key.revoked,
    }
    return Statement((Subject(f"key:{key.keyid[:16]}", key.keyid),), KEY_TYPE, predicate)


def of_signer(signer: Signer, purpose: str, holder: str, starts: str, ends: str | None = None) -> Key:
    """The key entry of a signer."""
    return Key(key_id(signer.public), signer.public, purpose, holder, starts, ends)


def find(link: Connection, keyid: str) -> Key | None:
    """A key by its id."""
    row = link.one(
        "SELECT keyid, public, purpose, holder, starts, ends, revoked FROM evidence_key WHERE keyid = ?", (keyid,)
    )
    return Key(str(row[0]), bytes(row[1]), *row[2:]) if row else None


def every(link: Connection) -> list[Key]:
    """All keys ever trusted here."""
    rows = link.all(
        "SELECT keyid, public, purpose, holder, starts, ends, revoked FROM evidence_key ORDER BY starts, keyid"
    )
    return [Key(str(row[0]), bytes(row[1]), *row[2:]) for row in rows]


def known(link: Connection, envelope: Envelope) -> tuple[str, ...]:
    """The ids of signatures whose keys are known here, in their order: the same when an index is rebuilt."""
    return tuple(name for name, _ in envelope.signatures if find(link, name) is not None)


def untrusted(path: str | None) -> InputError:
    """The error for a signature of a key that nobody here knows."""
    return InputError(
        "untrusted",
        Text("signed by a key that is not trusted here", "签名所用的密钥未在此存储中登记为可信"),
        remedy=Text(
            "`steelyard key trust FILE.pem --name NAME` if you know whose it is",
            "确认密钥归属后，可用 `steelyard key trust 文件.pem --name 名称` 登记",
        ),
        path=path,
    )


def check(
    link: Connection, envelope: Envelope, said: Statement, ts: str, *, path: str | None = None
) -> tuple[str, ...]:
    """The ids of the trusted keys that signed an envelope coming in at `ts`.

    Raises InputError `untrusted`, `bad_signature`, `key_expired`, `wrong_purpose`.
    """
    trusted = {name: key for name, _ in envelope.signatures if (key := find(link, name)) is not None}
    if not trusted:
        raise untrusted(path)
    signed = envelope.signed_by({name: key.public for name, key in trusted.items()})
    message = pae(envelope.payload_type, envelope.payload)
    if not all(verify(trusted[name].public, sig, message) for name, sig in envelope.signatures if name in trusted):
        raise InputError(
            "bad_signature",
            Text(
                "the signature does not belong to this content: it was changed after signing",
                "签名与内容不符：签署后被改动",
            ),
            remedy=Text("get the file again from whoever signed it", "请向签署方重新获取"),
            path=path,
        )
    good = [name for name in signed if trusted[name].good_at(ts)]
    if not good:
        raise InputError(
            "key_expired",
            Text("signed by a key that has ended or was revoked", "签名密钥已到期或已被撤销"),
            remedy=Text("let it be signed with a key that is good now", "请用有效密钥重新签署"),
            path=path,
        )
    if said.predicate_type in INSIDE and all(trusted[name].purpose == "outside" for name in good):
        raise InputError(
            "wrong_purpose",
            Text("this key is trusted for evidence and nothing else", "此密钥仅可用于证据，不可用于其他声明"),
            remedy=Text("people of this organisation sign that", "此类声明须由本组织人员签署"),
            path=path,
        )
    return tuple(good)


def index_key(link: Connection, said: Statement) -> None:
    """Keeps the index of keys; the newest statement about a key counts."""
    data = said.predicate
    link.execute("DELETE FROM evidence_key WHERE keyid = ?", (data["keyid"],))
    link.execute(
        "INSERT INTO evidence_key (keyid, public, purpose, holder, starts, ends, revoked) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            data["keyid"],
            base64.b64decode(data["public"]),
            data["purpose"],
            data["holder"],
            data["starts"],
            data.get("ends"),
            data.get("revoked"),
        ),
    )
