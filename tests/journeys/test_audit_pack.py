"""The audit pack: a stranger checks it with bare Python, and whatever is done to it afterwards is named.

Each tampering is tried as far as whoever does it could go: with pack.json made to list what is there, and where the
alarm should not rest on the seal alone, sealed anew with the house's own key.
"""

import base64
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from steelyard.base import keys
from steelyard.evidence.statement import PREDICATE, Statement, Subject, envelope_digest
from steelyard.ledger import note
from tests.conftest import ROOT
from tests.journeys.packs import (
    SYSTEM,
    House,
    Members,
    administrator,
    change,
    copy_of,
    edit,
    members,
    predicate,
    put,
    relist,
    reseal,
    verify,
)

SCRIPT = ROOT / "src/steelyard/journeys/verify_pack.py"


def vkey(parts: Members, number: int = 2) -> str:
    return parts[f"log/{number}/vkey"].decode().strip()


# As it is -------------------------------------------------------------------------------------------------------------


def test_a_stranger_can_check_it(house: House, pack: Path, parts: Members, tmp_path: Path) -> None:
    done = verify(pack, tmp_path / "empty")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HOLDS" in done.stdout and "核验通过" in done.stdout and "--held" in done.stdout and not done.stderr
    assert {path.name for path in (tmp_path / "empty").iterdir()} == {"verify_pack.py"}
    witness = note.vkey("witness.example.org/w1", keys.load(house.folder / "witness/witness.pem").public, 0x04)
    options = ("--key", vkey(parts, 1), "--witness", witness, "--held", house.folder / "held.note")
    trusting = verify(pack, tmp_path / "empty", *options)
    assert trusting.returncode == 0 and "--held" not in trusting.stdout, trusting.stdout


def test_it_can_be_unpacked_or_packed_again(pack: Path, parts: Members, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as one:
        one.extractall(tmp_path / "folder")
    assert verify(tmp_path / "folder", tmp_path / "empty").returncode == 0
    with zipfile.ZipFile(tmp_path / "again.zip", "w", zipfile.ZIP_DEFLATED) as other:
        other.mkdir("log")
        for name, data in parts.items():
            other.writestr(name, data)
    assert verify(tmp_path / "again.zip", tmp_path / "empty").returncode == 0


def test_the_same_state_gives_the_same_bytes(house: House, pack: Path) -> None:
    assert house.pack("again.zip").read_bytes() == pack.read_bytes()


def test_it_holds_what_it_should(house: House, parts: Members) -> None:
    listed = json.loads(parts["pack.json"])
    assert listed["format"] == 1 and listed["system"] == SYSTEM and len(listed["logs"]) == 2
    assert set(listed["gates"]) == {"intake", "build", "launch", "operate", "change", "retire"}
    assert listed["gates"]["intake"]["open"] and listed["gates"]["launch"]["digest"] == listed["case"]
    assert parts["verify_pack.py"] == SCRIPT.read_bytes()
    forms = [predicate(parts, name)["predicateType"].split("/")[3] for name in parts if name.startswith("envelopes/")]
    counted = {form: forms.count(form) for form in set(forms)}
    assert counted == {"key": 8, "appointment": 5, "evidence": 2, "assessment": 2, "decision": 4}
    assert {f"proofs/{name[10:-5]}.tlog-proof" for name in parts if name.startswith("envelopes/")} <= set(parts)
    openings = {item["person"]: item for item in json.loads(parts["openings.json"])}
    states = {name: openings[who]["state"] for name, who in house.who.items() if who in openings}
    assert states == {"Li Wei": "opened", "王芳": "opened", "Chen Bo": "opened", "Zhao Yan": "erased"}
    assert openings[house.who["王芳"]]["value"] == "王芳" and "value" not in openings[house.who["Zhao Yan"]]
    revoked = [key for key in json.loads(parts["keys.json"]) if key["revoked"]]
    assert [key["holder"] for key in revoked] == [house.who["Chen Bo"]]
    texts = [data for name, data in parts.items() if name.startswith("attachments/")]
    assert b"the register names it" in texts and b"loans are in the register too" not in texts


def test_nothing_of_other_systems_is_in_it(house: House, parts: Members) -> None:
    """Their ids stand in leaves, which a whole log cannot do without; their names, facts, files and people nowhere."""
    everything = b"\n".join(parts.values())
    plain = everything + b"".join(
        base64.b64decode(json.loads(data)["payload"]) for name, data in parts.items() if name.startswith("envelopes/")
    )
    others = (
        "Loan approval", "loan_purpose", "loans are in the register", "scores drifted", "Sun Qi", "Zhao Yan",
        "chat bot", "no_such_text",
    )  # fmt: skip
    loan = (house.folder / "loan-approval.yaml").read_text("utf-8")
    assert "Loan approval" in loan or "name: " in loan
    names = [
        line.split(":", 1)[1].strip() for line in loan.splitlines() if line.strip().startswith(("name:", "owner:"))
    ]
    for text in (*others, *names):
        assert text.encode() not in plain, text
    outside_leaves = b"\n".join(data for name, data in parts.items() if "/tile/entries/" not in name)
    for system in ("loan-approval", "support-bot"):
        assert system.encode() in everything or system == "support-bot"
        assert system.encode() not in outside_leaves
    assert str(house.folder).encode() not in plain


def test_a_changed_profile_is_put_on_record(house: House, tmp_path: Path) -> None:
    other = House(tmp_path / "copy", house.who, house.outside)
    shutil.copytree(house.folder, other.folder)
    profile = other.folder / f"{SYSTEM}.yaml"
    text = profile.read_text("utf-8").replace("personal_data: personal", "personal_data: sensitive")
    profile.write_text(text, encoding="utf-8")
    found = members(other.pack("with.zip", SYSTEM, "--profile", profile))
    assert verify(other.folder / "with.zip", tmp_path / "empty").returncode == 0
    forms = [predicate(found, name)["predicateType"].split("/")[3] for name in found if name.startswith("envelopes/")]
    assert forms.count("assessment") == 3
    with_file, without = json.loads(found["pack.json"]), json.loads(members(other.pack("without.zip"))["pack.json"])
    assert with_file["case"] == without["case"] and with_file["gates"] == without["gates"]


def test_what_it_refuses(house: House, pack: Path, tmp_path: Path) -> None:
    before = pack.read_bytes()
    assert "exists" in house.do("audit-pack", SYSTEM, "--out", pack, "--json", code=2) and pack.read_bytes() == before
    told = house.do("audit-pack", "no-such-system", "--out", house.folder / "x.zip", "--json", code=2)
    assert json.loads(told)["error"]["code"] == "unknown_system"
    profile = house.folder / "loan-approval.yaml"
    told = house.do("audit-pack", SYSTEM, "--out", house.folder / "x.zip", "--profile", profile, "--json", code=2)
    assert json.loads(told)["error"]["code"] == "other_system"
    empty = House(tmp_path / "nothing")
    empty.folder.mkdir()
    assert "no_store" in empty.do("audit-pack", SYSTEM, "--out", tmp_path / "x.zip", "--json", code=3)
    assert not [*empty.folder.iterdir()] and not [*house.folder.glob("*x.zip*")] and not [*house.folder.glob(".*.new")]


# What is done to it afterwards ----------------------------------------------------------------------------------------


class Tampering(NamedTuple):
    """What somebody does to a pack, the alarm it must raise, and how far they go to hide it."""

    what: str
    do: Callable[[Members, House], None]
    code: str
    hidden: str = "sealed"
    options: tuple[str, ...] = ()


def replace(parts: Members, name: str, old: bytes, new: bytes) -> None:
    assert len(old) == len(new) and old in parts[name], name
    parts[name] = parts[name].replace(old, new, 1)


def entries(number: int = 1) -> str:
    return f"log/{number}/tile/entries/000.p/{27 if number == 1 else 4}"


def tile(number: int = 1) -> str:
    return entries(number).replace("entries", "0")


def of(parts: Members, form: str, number: int = 0) -> str:
    """The digest of an envelope of that form, in the order of the rows."""
    names = [row["digest"][7:] for row in json.loads(parts["rows.json"])]
    found = [name for name in names if f"/{form}" in predicate(parts, f"envelopes/{name}.json")["predicateType"]]
    return found[number]


def edited_leaf(parts: Members, house: House) -> None:
    replace(parts, entries(), b'"kind":"decision"', b'"kind":"decisiom"')


def bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle."""
    found, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : end])
        at = end
    return found


def edited_leaf_and_tile(parts: Members, house: House) -> None:
    edited_leaf(parts, house)
    parts[tile()] = b"".join(hashlib.sha256(b"\x00" + leaf).digest() for leaf in bundle(parts[entries()]))


def cut_log(parts: Members, house: House) -> None:
    parts[entries()] = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in bundle(parts[entries()])[:-2])


def other_log_key(parts: Members, house: House) -> None:
    """Everything about the log is signed anew, with a key of one's own."""
    key = house.outside
    text = parts["log/2/checkpoint"].decode()
    signed = note.sign(text[: text.rindex("\n\n") + 1], text.split("\n")[0], key)
    own = note.vkey(text.split("\n")[0], key.public)
    parts["log/2/checkpoint"], parts["log/2/vkey"] = str(signed).encode(), f"{own}\n".encode()
    with edit(parts, "pack.json") as pack:
        pack["logs"][1]["vkey"] = str(own)


def resigned(parts: Members, house: House) -> None:
    """The checkpoint says another root, signed by another key."""
    text = parts["log/1/checkpoint"].decode()
    origin, size, _ = text.split("\n")[:3]
    fake = note.Checkpoint(origin, int(size), bytes(32)).text()
    parts["log/1/checkpoint"] = str(note.sign(fake, origin, house.outside)).encode()


def swapped_key(parts: Members, house: House) -> None:
    """The key of somebody is exchanged for one of one's own, wherever the pack names it."""
    public = house.outside.public
    with edit(parts, "keys.json") as rows:
        row = next(item for item in rows if item["holder"] == house.who["王芳"])
        row["public"] = base64.b64encode(public).decode()
    parts[f"keys/{row['keyid']}.pem"] = keys.public_pem(public)


def unrevoked(parts: Members, house: House) -> None:
    with edit(parts, "keys.json") as rows:
        next(item for item in rows if item["revoked"])["revoked"] = None


def rewritten(parts: Members, name: str, words: tuple[str, str]) -> bytes:
    envelope = json.loads(parts[f"envelopes/{name}.json"])
    payload = base64.b64decode(envelope["payload"]).decode()
    assert words[0] in payload
    envelope["payload"] = base64.b64encode(payload.replace(*words).encode()).decode()
    return json.dumps(envelope, separators=(",", ":")).encode()


def reason_changed(parts: Members, house: House) -> None:
    name = of(parts, "decision")
    parts[f"envelopes/{name}.json"] = rewritten(parts, name, ("told the data office", "told the press office"))


def reason_changed_and_renamed(parts: Members, house: House) -> None:
    name = of(parts, "decision")
    body = rewritten(parts, name, ("told the data office", "told the press office"))
    new = hashlib.sha256(body).hexdigest()
    del parts[f"envelopes/{name}.json"]
    parts[f"envelopes/{new}.json"] = body
    parts[f"proofs/{new}.tlog-proof"] = parts.pop(f"proofs/{name}.tlog-proof")
    parts["rows.json"] = parts["rows.json"].replace(name.encode(), new.encode())


def drop(parts: Members, name: str) -> None:
    """Takes an envelope out, with its row and its proof."""
    del parts[f"envelopes/{name}.json"], parts[f"proofs/{name}.tlog-proof"]
    with edit(parts, "rows.json") as rows:
        rows[:] = [row for row in rows if row["digest"] != f"sha256:{name}"]


def wrong_row(parts: Members, house: House) -> None:
    one, other = of(parts, "decision", 0), of(parts, "decision", 1)
    with edit(parts, "rows.json") as rows:
        next(row for row in rows if row["digest"] == f"sha256:{one}")["digest"] = f"sha256:{other}"


def opening(parts: Members, house: House, name: str, **values: Any) -> None:
    with edit(parts, "openings.json") as rows:
        row = next(item for item in rows if item["person"] == house.who[name])
        row.update(values)


def no_opening(parts: Members, house: House) -> None:
    with edit(parts, "openings.json") as rows:
        rows[:] = [row for row in rows if row["person"] != house.who["王芳"]]


def other_opening(parts: Members, house: House) -> None:
    salt = json.loads(parts["openings.json"])[0].get("salt") or "00" * 32
    opening(parts, house, "Zhao Yan", state="opened", kind="person", value="Zhao Yan", salt=salt)


def swapped_proofs(parts: Members, house: House) -> None:
    one, other = (f"proofs/{of(parts, 'decision', number)}.tlog-proof" for number in (0, 1))
    parts[one], parts[other] = parts[other], parts[one]


def damaged_proof(parts: Members, house: House) -> None:
    name = f"proofs/{of(parts, 'evidence')}.tlog-proof"
    lines = parts[name].decode().split("\n")
    lines[2] = base64.b64encode(bytes(32)).decode()
    parts[name] = "\n".join(lines).encode()


def without_first_log(parts: Members, house: House) -> None:
    for name in [name for name in parts if name.startswith("log/1/")]:
        del parts[name]
    with edit(parts, "pack.json") as pack:
        del pack["logs"][0]


def extra_decision(parts: Members, house: House) -> None:
    """A decision of somebody's, signed by a key from outside, with a row and a borrowed proof."""
    told = predicate(parts, f"envelopes/{of(parts, 'decision', 2)}.json")
    said = Statement((Subject("x", "0" * 64),), told["predicateType"], {**told["predicate"], "reason": "invented"})
    stranger = keys.seal("application/vnd.in-toto+json", said.payload(), RawKey())
    name = envelope_digest(stranger)[7:]
    parts[f"envelopes/{name}.json"] = stranger.as_bytes()
    parts[f"proofs/{name}.tlog-proof"] = parts[f"proofs/{of(parts, 'decision', 2)}.tlog-proof"]
    with edit(parts, "rows.json") as rows:
        rows.append({"table": "evidence_envelope", "object": f"envelope:sha256:{name}", "digest": f"sha256:{name}"})


class RawKey:
    """A key that nobody here knows."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


def not_json(parts: Members, house: House) -> None:
    parts["rows.json"] = b"[" * 100_000


def smaller(parts: Members, house: House) -> None:
    replace(parts, "log/1/checkpoint", b"\n27\n", b"\n26\n")


def cosignature_changed(parts: Members, house: House) -> None:
    head, _, line = parts["log/2/checkpoint"].decode().rstrip("\n").rpartition(" ")
    data = bytearray(base64.b64decode(line))
    data[-1] ^= 1  # a bit of the signature itself, so that it stays a signature line
    parts["log/2/checkpoint"] = f"{head} {base64.b64encode(data).decode()}\n".encode()


def attachment_edited(parts: Members, house: House) -> None:
    change(parts, next(name for name in parts if name.startswith("attachments/")))


def results_changed(parts: Members, house: House) -> None:
    change(parts, "oscal/assessment-results.json")


WITNESS = "--witness"
TAMPERINGS = [
    Tampering("an entry is edited", edited_leaf, "edited"),
    Tampering("an entry and its tile are edited", edited_leaf_and_tile, "root_mismatch"),
    Tampering("the last entries are cut off", cut_log, "truncated"),
    Tampering("a tile is changed", lambda p, h: change(p, tile(), 40), "bad_tile"),
    Tampering("the checkpoint is changed", smaller, "bad_checkpoint"),
    Tampering("the checkpoint is signed by another key", resigned, "bad_checkpoint"),
    Tampering("the log has another key", other_log_key, "bad_checkpoint", options=("--key",)),
    Tampering("the first log is left out", without_first_log, "log_missing"),
    Tampering("the cosignature is changed", cosignature_changed, "bad_cosignature", options=(WITNESS,)),
    Tampering("somebody's key is swapped", swapped_key, "key_mismatch"),
    Tampering("a revoked key is good again", unrevoked, "key_mismatch"),
    Tampering("a payload is changed", reason_changed, "bad_signature"),
    Tampering("a payload is changed, under its new name", reason_changed_and_renamed, "no_leaf"),
    Tampering("an envelope is removed", lambda p, h: p.pop(f"envelopes/{of(p, 'decision')}.json") and None, "omitted"),
    Tampering("a decision is removed with its row", lambda p, h: drop(p, of(p, "decision", 1)), "omitted"),
    Tampering("an appointment is removed with its row", lambda p, h: drop(p, of(p, "appointment", 1)), "omitted"),
    Tampering("a row says another digest", wrong_row, "row_mismatch"),
    Tampering("an attachment is changed", attachment_edited, "changed"),
    Tampering("a name is changed", lambda p, h: opening(p, h, "王芳", value="王方"), "opening_mismatch"),
    Tampering("an opening is removed", no_opening, "opening_missing"),
    Tampering("a name is said to be erased", lambda p, h: opening(p, h, "王芳", state="erased"), "opening_missing"),
    Tampering("an erased name is invented", other_opening, "opening_mismatch"),
    Tampering("two proofs are exchanged", swapped_proofs, "bad_proof"),
    Tampering("a proof is changed", damaged_proof, "bad_proof"),
    Tampering("a decision of a stranger is added", extra_decision, "untrusted"),
    Tampering("a decision that never was logged is added", extra_decision, "no_leaf"),
    Tampering("the page is changed", lambda p, h: change(p, "index.html"), "changed", "not"),
    Tampering("the page is changed and listed", lambda p, h: change(p, "index.html"), "bad_seal", "listed"),
    Tampering("the verifier is changed", lambda p, h: change(p, "verify_pack.py"), "changed", "not"),
    Tampering("the results for other tools are changed", results_changed, "bad_seal", "listed"),
    Tampering("a file is added", lambda p, h: p.update({"attachments/more": b"x"}), "changed", "not"),
    Tampering("a file is removed", lambda p, h: p.pop("index.html") and None, "changed", "not"),
    Tampering("a list is no JSON", not_json, "bad_file"),
]  # fmt: skip


@pytest.mark.parametrize("case", TAMPERINGS, ids=[case.what for case in TAMPERINGS])
def test_tampering_is_named(case: Tampering, house: House, parts: Members, tmp_path: Path) -> None:
    key = vkey(parts, 1)
    witness = str(note.vkey("witness.example.org/w1", keys.load(house.folder / "witness/witness.pem").public, 0x04))
    case.do(parts, house)
    if case.hidden == "listed":
        relist(parts)
    elif case.hidden == "sealed":
        reseal(parts, house)
    options = [item for name in case.options for item in (name, {"--key": key, WITNESS: witness}[name])]
    done = verify(put(tmp_path / "pack.zip", parts), tmp_path / "empty", *options)
    told = [line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("ALARM ")]
    assert done.returncode == 1 and case.code in told, done.stdout + done.stderr
    assert "DOES NOT HOLD 核验未通过" in done.stdout and "Traceback" not in done.stderr
    assert case.hidden != "sealed" or "bad_seal" not in told or case.what == "a list is no JSON", told


def test_resealing_alone_raises_nothing(house: House, parts: Members, tmp_path: Path) -> None:
    reseal(parts, house)
    assert verify(put(tmp_path / "pack.zip", parts), tmp_path / "empty").returncode == 0


# Who holds an older state ---------------------------------------------------------------------------------------------


def test_an_older_state_is_named_to_whoever_holds_a_newer_one(house: House, pack: Path, tmp_path: Path) -> None:
    later = copy_of(house, tmp_path / "later")
    later.do("decide", "stop", f"{SYSTEM}.yaml", "--by", "王芳", "--role", "legal", "--reason", "it talks nonsense")
    (tmp_path / "newer.note").write_text(later.do("ledger", "checkpoint") + "\n", encoding="utf-8")
    assert verify(pack, tmp_path / "empty").returncode == 0
    old = verify(pack, tmp_path / "empty", "--held", tmp_path / "newer.note")
    assert old.returncode == 1 and "ALARM rollback" in old.stdout
    new = verify(later.pack("later.zip"), tmp_path / "empty", "--held", tmp_path / "newer.note")
    assert new.returncode == 0, new.stdout


@pytest.mark.parametrize(
    ("size", "origin", "code"),
    [(3, None, "fork"), (27, None, "fork"), (1, "somewhere.else/log", "log_missing")],
)
def test_another_history_is_named(
    size: int, origin: str | None, code: str, house: House, pack: Path, parts: Members, tmp_path: Path
) -> None:
    told = note.Checkpoint(origin or parts["log/1/checkpoint"].decode().split("\n")[0], size, bytes(32))
    other = note.sign(told.text(), told.origin, house.home.log_signer())
    (tmp_path / "other.note").write_text(str(other), encoding="utf-8")
    done = verify(pack, tmp_path / "empty", "--held", tmp_path / "other.note")
    assert done.returncode == 1 and f"ALARM {code}" in done.stdout, done.stdout


def test_a_witness_who_never_signed_is_named(pack: Path, tmp_path: Path) -> None:
    stranger = note.vkey("witness.example.org/w2", RawKey().public, 0x04)
    done = verify(pack, tmp_path / "empty", "--witness", stranger)
    assert done.returncode == 1 and "ALARM bad_cosignature" in done.stdout


def test_an_earlier_cosignature_is_kept(house: House, tmp_path: Path) -> None:
    later = copy_of(house, tmp_path / "later")
    later.do("decide", "report", f"{SYSTEM}.yaml", "--by", "王芳", "--role", "legal", "--reason", "told the board")
    parts = members(later.pack("later.zip"))
    assert "log/2/witnessed/4" in parts and "witness.example.org" not in parts["log/2/checkpoint"].decode()
    witness = note.vkey("witness.example.org/w1", keys.load(later.folder / "witness/witness.pem").public, 0x04)
    done = verify(later.folder / "later.zip", tmp_path / "empty", "--witness", witness)
    assert done.returncode == 0, done.stdout
    change(parts, "log/2/witnessed/4", 40)
    reseal(parts, later)
    assert verify(put(tmp_path / "pack.zip", parts), tmp_path / "empty", "--witness", witness).returncode == 1


# What the owner of the store does before the pack is made -------------------------------------------------------------


def logged(house: House, said: Statement, *signers: keys.Signer) -> None:
    """Puts a statement into the store and the log past every check, as whoever owns the database can."""
    from steelyard.evidence import store as evidence
    from steelyard.gates.desk import writing
    from steelyard.ledger.personal import utc_now

    with writing(house.home) as link, link.transaction():
        evidence.insert(link, said.sealed(*signers), said, (), ts=utc_now())


def decision_of(parts: Members, who: str, **changes: Any) -> Statement:
    told = predicate(parts, f"envelopes/{of(parts, 'decision', 2)}.json")
    return Statement((Subject("x", "0" * 64),), told["predicateType"], {**told["predicate"], "person": who, **changes})


def by_the_laboratory(house: House, parts: Members) -> None:
    logged(house, decision_of(parts, house.who["王芳"]), house.outside)


def by_somebody_else(house: House, parts: Members) -> None:
    logged(house, decision_of(parts, house.who["王芳"]), administrator(house))


def in_a_role_not_held(house: House, parts: Members) -> None:
    logged(house, decision_of(parts, house.who["Li Wei"], role="legal"), administrator(house))


def with_a_revoked_key(house: House, parts: Members) -> None:
    key = keys.load(house.home.key_folder / "people" / f"{house.who['Chen Bo']}.pem", "pw")
    logged(house, decision_of(parts, house.who["Chen Bo"], role="data"), key)


def appointed_by_oneself(house: House, parts: Members) -> None:
    key = keys.load(house.home.key_folder / "people" / f"{house.who['Sun Qi']}.pem", "pw")
    told = predicate(parts, f"envelopes/{of(parts, 'appointment', 1)}.json")
    who = house.who["Sun Qi"]
    said = {**told["predicate"], "person": who, "by": who, "role": "security"}
    logged(house, Statement((Subject("x", "0" * 64),), told["predicateType"], said), key)


def vouched_by_the_laboratory(house: House, parts: Members) -> None:
    fresh = RawKey()
    said = {
        "keyid": keys.key_id(fresh.public), "public": base64.b64encode(fresh.public).decode(), "purpose": "person",
        "holder": house.who["王芳"], "starts": "2020-01-01T00:00:00.000Z", "ends": None, "revoked": None,
    }  # fmt: skip
    logged(house, Statement((Subject("x", said["keyid"] or ""),), PREDICATE.format("key"), said), house.outside)


def row_deleted(house: House, parts: Members) -> None:
    with house.home.connect() as link:
        link.execute("DELETE FROM evidence_envelope WHERE digest = ?", (f"sha256:{of(parts, 'decision', 2)}",))


def name_deleted(house: House, parts: Members) -> None:
    with house.home.connect() as link:
        link.execute("DELETE FROM ledger_secret WHERE subject = ?", (house.who["王芳"],))


def attachment_changed(house: House, parts: Members) -> None:
    with house.home.connect() as link:
        link.execute("UPDATE evidence_attachment SET body = ? WHERE body = ?", (b"no", b"the register names it"))


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (by_the_laboratory, "not_allowed"),
        (by_somebody_else, "not_allowed"),
        (in_a_role_not_held, "not_allowed"),
        (with_a_revoked_key, "untrusted"),
        (appointed_by_oneself, "not_allowed"),
        (vouched_by_the_laboratory, "not_allowed"),
        (row_deleted, "omitted"),
        (name_deleted, "opening_missing"),
        (attachment_changed, "changed"),
    ],
    ids=lambda item: getattr(item, "__name__", item),
)
def test_what_was_done_to_the_store_shows(
    do: Callable[[House, Members], None], code: str, house: House, parts: Members, tmp_path: Path
) -> None:
    other = copy_of(house, tmp_path / "copy")
    do(other, parts)
    done = verify(other.pack("after.zip"), tmp_path / "empty")
    assert done.returncode == 1 and f"ALARM {code}" in done.stdout, done.stdout
    page = members(other.folder / "after.zip")["index.html"].decode()
    assert ("MISSING" in page) == (do is name_deleted)
