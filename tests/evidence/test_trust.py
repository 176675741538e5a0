"""Keys: which signature counts, from when until when, and what a key from outside can never do."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.base import keys, sql
from steelyard.base.clock import today
from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.evidence import store, trust
from steelyard.evidence.statement import PREDICATE, Statement, Subject
from steelyard.gates import tables
from steelyard.ledger.personal import utc_now
from tests.gates.house import ADMINISTRATOR, House, opened, sealed


def key(starts: str, ends: str | None = None, revoked: str | None = None) -> trust.Key:
    """A key with these times."""
    return trust.Key("k", b"\0" * 32, "outside", "A", starts, ends, revoked)


@pytest.mark.parametrize(
    ("found", "at", "good"),
    [
        (key("2026-01-01T00:00:00.000Z"), "2025-12-31T23:59:59.999Z", False),
        (key("2026-01-01T00:00:00.000Z"), "2026-01-01T00:00:00.000Z", True),
        # the day on which it ends is its last, in Shanghai
        (key("2026-01-01T00:00:00.000Z", "2026-12-31"), "2026-12-31T15:59:59.000Z", True),
        (key("2026-01-01T00:00:00.000Z", "2026-12-31"), "2026-12-31T16:00:00.000Z", False),
        (key("2026-01-01T00:00:00.000Z", None, "2026-06-01T00:00:00.000Z"), "2026-05-31T23:59:59.999Z", True),
        (key("2026-01-01T00:00:00.000Z", None, "2026-06-01T00:00:00.000Z"), "2026-06-01T00:00:00.000Z", False),
    ],
)
def test_when_a_key_is_good(found: trust.Key, at: str, good: bool) -> None:
    assert found.good_at(at) is good


@pytest.fixture
def laboratory(house: House) -> keys.FileSigner:
    """An outside key that an administrator trusts for evidence."""
    house.profile()
    house.people(legal="Zhao Lei")
    signer = keys.generate(house.folder / "lab.pem")
    (house.folder / "lab.pub").write_bytes(keys.public_pem(signer.public))
    house.ok("key", "trust", "lab.pub", "--name", "A testing laboratory", "--by", ADMINISTRATOR)
    return signer


def test_an_outside_key_brings_evidence_in_until_it_is_revoked(house: House, laboratory: keys.FileSigner) -> None:
    said = opened(house.statement("document", "--obligation", "govern.register-light"))[1]
    first = house.file(sealed(said, laboratory))
    house.ok("evidence", "add", first)
    assert any(item["obligation"] == "govern.register-light" for item in house.gate("intake")["satisfied"])
    house.refused(1, "not_administrator", "key", "revoke", "A testing laboratory", "--by", "Zhao Lei")
    house.ok("key", "revoke", keys.key_id(laboratory.public)[:16], "--by", ADMINISTRATOR)
    said["predicate"]["issued"] = utc_now()
    second = house.file(sealed(said, laboratory))
    house.refused(2, "key_expired", "evidence", "add", second)
    # what came in before stays good, in the gate and when it is verified; what did not come in does not hold
    assert any(item["obligation"] == "govern.register-light" for item in house.gate("intake")["satisfied"])
    assert house.json("evidence", "verify", first)["ok"] is True
    assert house.json("evidence", "verify", second, code=1)["problems"][0]["code"] == "key_expired"
    assert house.json("reindex")["corrected"] == []


def test_a_key_with_an_end_ends(house: House, laboratory: keys.FileSigner) -> None:
    yesterday = (today() - dt.timedelta(days=1)).isoformat()
    house.ok("key", "trust", "lab.pub", "--name", "Lab", "--until", yesterday, "--by", ADMINISTRATOR)
    said = opened(house.statement("document"))[1]
    house.refused(2, "key_expired", "evidence", "add", house.file(sealed(said, laboratory)))
    house.ok("key", "trust", "lab.pub", "--name", "Lab", "--until", today().isoformat(), "--by", ADMINISTRATOR)
    house.ok("evidence", "add", house.file(sealed(said, laboratory)))


@pytest.mark.parametrize("kind", sorted(trust.INSIDE))
def test_an_outside_key_makes_nobody_administrator(house: House, laboratory: keys.FileSigner, kind: str) -> None:
    """Neither as a file that somebody takes in, nor where our own code would write it."""
    name = house.json_lines("key", "list")[0]["holder"]
    predicate: dict[str, Any] = {
        "person": name, "role": "administrator", "unit": "", "starts": utc_now(), "until": None, "by": name,
        "keyid": keys.key_id(laboratory.public), "public": "", "purpose": "person", "holder": name, "action": "approve",
        "system": "meeting-notes", "decided": utc_now(),
    }  # fmt: skip
    said = Statement((Subject("a", "ab" * 32),), kind, predicate)
    before = house.select("SELECT count(*) FROM evidence_envelope")
    path = house.file(said.sealed(laboratory).as_bytes().decode())
    house.refused(2, "not_evidence", "evidence", "add", path)
    with sql.connect(f"sqlite:///{house.database}", read_only=True) as link:
        with pytest.raises(InputError) as caught:
            trust.check(link, said.sealed(laboratory), said, utc_now())
        assert caught.value.code == "wrong_purpose"
    assert house.select("SELECT count(*) FROM evidence_envelope") == before


def test_only_an_administrator_trusts_a_key(house: House, laboratory: keys.FileSigner) -> None:
    house.refused(1, "not_administrator", "key", "trust", "lab.pub", "--name", "Lab", "--by", "Zhao Lei")
    house.refused(2, "unknown_person", "key", "trust", "lab.pub", "--name", "Lab", "--by", "Nobody")
    house.refused(2, "bad_key", "key", "trust", "lab.pem", "--name", "Lab", "--by", ADMINISTRATOR)
    house.refused(2, "bad_date", "key", "trust", "lab.pub", "--name", "L", "--until", "soon", "--by", ADMINISTRATOR)
    house.refused(2, "unknown_key", "key", "revoke", "nothing like it", "--by", ADMINISTRATOR)


def test_every_signature_of_a_known_key_must_hold(house: House, laboratory: keys.FileSigner) -> None:
    """A good signature does not carry a bad one of another trusted key along."""
    path = house.statement("document")
    raw, said = opened(path)
    theirs = json.loads(sealed(said, laboratory))["signatures"][0]
    wrong = {**theirs, "sig": raw["signatures"][0]["sig"]}
    for signatures in ([*raw["signatures"], wrong], [wrong, *raw["signatures"]]):
        bad = house.file(json.dumps({**raw, "signatures": signatures}))
        house.refused(2, "bad_signature", "evidence", "add", bad)


def test_the_signer_of_evidence_is_the_first_whose_key_is_known(house: House, laboratory: keys.FileSigner) -> None:
    """An unknown name in front does not take the place of who signed, nor after the index was rebuilt."""
    said = opened(house.statement("document"))[1]
    stranger = keys.generate(house.folder / "stranger.pem")
    house.ok("evidence", "add", house.file(sealed(said, stranger, laboratory)))
    wanted = [(keys.key_id(laboratory.public),)]
    assert house.select("SELECT signer FROM evidence_item") == wanted
    house.ok("reindex")
    assert house.select("SELECT signer FROM evidence_item") == wanted


# Keys in files


def test_the_key_of_another_person_in_the_place_of_ones_own_is_noticed(house: House) -> None:
    house.profile()
    house.people(legal="Zhao Lei", security="Sun Yue")
    folder = house.folder / ".steelyard/keys/people"
    ids = {item["name"]: item["holder"] for item in house.json_lines("key", "list")}
    (folder / f"{ids['Zhao Lei']}.pem").write_bytes((folder / f"{ids['Sun Yue']}.pem").read_bytes())
    args = ["decide", "approve", "steelyard.yaml", "--by", "Zhao Lei", "--role", "legal", "--reason", "seen"]
    house.refused(3, "bad_key", *args)
    (folder / f"{ids['Zhao Lei']}.pem").unlink()
    house.refused(3, "no_person_key", *args)


def test_without_the_passphrase_nobody_signs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.profile()
    house.people(legal="Zhao Lei")
    args = ["decide", "approve", "steelyard.yaml", "--by", "Zhao Lei", "--role", "legal", "--reason", "seen"]
    before = house.dump("evidence_envelope")
    monkeypatch.setenv("STEELYARD_KEY_PASSPHRASE", "wrong")
    house.refused(3, "bad_key", *args)
    monkeypatch.delenv("STEELYARD_KEY_PASSPHRASE")
    house.refused(3, "passphrase_needed", *args)
    house.refused(3, "no_passphrase", *args, "--passphrase-file", "absent.txt")
    house.refused(3, "passphrase_needed", "key", "new", "--person", "Somebody")
    assert house.dump("evidence_envelope") == before
    secret = house.file("only for tests\n", "secret.txt")
    house.ok(*args, "--passphrase-file", secret)


def test_a_store_does_not_take_a_new_key_for_its_own(house: House) -> None:
    house.people()
    own = house.folder / ".steelyard/keys/statement.pem"
    own.rename(house.folder / "kept.pem")
    house.refused(3, "unknown_own_key", "key", "new", "--person", "Somebody")
    assert len(list((house.folder / ".steelyard/keys/people").iterdir())) == 1
    (house.folder / "kept.pem").replace(own)
    house.ok("key", "new", "--person", "Somebody")


def test_key_files_are_for_their_owner_only(house: House) -> None:
    house.people()
    for path in (house.folder / ".steelyard" / "keys").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    own = house.folder / ".steelyard/keys/statement.pem"
    own.chmod(0o644)
    house.refused(3, "key_readable_by_others", "key", "new", "--person", "Somebody")


# Below the command line


def test_the_first_key_vouches_for_itself_and_no_later_one_does(tmp_path: Path) -> None:
    with sql.connect(f"sqlite:///{tmp_path / 's.db'}") as link:
        from steelyard.ledger import store as ledger

        ledger.prepare(link)
        tables.prepare(link)
        first, second = (keys.generate(tmp_path / f"{name}.pem") for name in "ab")
        now = utc_now()
        store.vouch(link, trust.of_signer(first, "statement", trust.OWN, now), first, ts=now)
        with pytest.raises(InputError) as caught:
            store.vouch(link, trust.of_signer(second, "person", "p-0", now), second, ts=now)
        assert caught.value.code == "untrusted"
        assert [item.purpose for item in trust.every(link)] == ["statement"]
        with pytest.raises(EnvironmentNotReady):
            keys.load(tmp_path / "absent.pem")


def test_types_that_stay_inside_are_all_that_rooms_write() -> None:
    written = {tables.ASSESSMENT_TYPE, tables.DECISION_TYPE, trust.KEY_TYPE, PREDICATE.format("appointment")}
    assert written == trust.INSIDE
