"""Statements: in-toto and DSSE as others read them, nothing that is not one is taken for one."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.v1.statement import Statement as Peer
from securesystemslib.dsse import Envelope as PeerEnvelope
from securesystemslib.signer import SSlibKey

from steelyard.base import keys
from steelyard.base.errors import InputError
from steelyard.evidence import statement
from steelyard.evidence.kinds import Kinds
from steelyard.evidence.statement import Statement, Subject, check_evidence, evidence, local_date, parse
from tests.gates.house import House, opened, sealed

KINDS = Kinds.shipped()
DIGEST = "ab" * 32


@pytest.fixture
def signer(tmp_path: Path) -> keys.FileSigner:
    """A key."""
    return keys.generate(tmp_path / "key.pem")


def envelope(data: Any, *, payload: bytes | None = None, kind: str = statement.PAYLOAD_TYPE) -> keys.Envelope:
    """Any payload in an envelope whose signature nobody looks at."""
    return keys.Envelope(kind, payload if payload is not None else json.dumps(data).encode(), (("k", b"s"),))


def plain(**changes: Any) -> dict[str, Any]:
    """A statement as data, with some parts changed; None removes."""
    data = {
        "_type": statement.STATEMENT_TYPE,
        "subject": [{"name": "a", "digest": {"sha256": DIGEST}}],
        "predicateType": KINDS["document"].predicate_type,
        "predicate": {
            "system": "s",
            "kind": "document",
            "issued": "2026-11-24T08:00:00.000Z",
            "confidence": "high",
            "result": {},
        },
    }
    for key, value in changes.items():
        where = data if key in data else data["predicate"]
        assert isinstance(where, dict)
        if value is None:
            where.pop(key, None)
        else:
            where[key] = value
    return data


# As others read it


def test_in_toto_and_securesystemslib_read_what_the_command_wrote(house: House) -> None:
    path = house.statement("document", "--obligation", "govern.register-light", "--valid-until", "2027-01-31")
    raw, said = opened(path)
    peer = Peer.copy_from_pb(_protobuf(said))
    peer.validate()
    assert peer.pb.predicate_type == "https://steelyard.dev/evidence/document/v1"
    assert [item.name for item in peer.pb.subject] == said_names(said)
    public = house.signer().public
    key = SSlibKey.from_crypto(keys.Ed25519PublicKey.from_public_bytes(public), keyid=keys.key_id(public))
    theirs = PeerEnvelope.from_dict(raw)
    assert list(theirs.verify([key], 1)) == [keys.key_id(public)]
    other = PeerEnvelope(theirs.payload + b" ", theirs.payload_type, theirs.signatures)
    with pytest.raises(Exception, match="signature"):
        other.verify([key], 1)


def said_names(said: dict[str, Any]) -> list[str]:
    """The names of its subjects."""
    return [item["name"] for item in said["subject"]]


def _protobuf(said: dict[str, Any]) -> Any:
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.v1.statement_pb2 import Statement as Pb

    return ParseDict({key: value for key, value in said.items() if key != "_type"} | {"type": said["_type"]}, Pb())


def test_the_payload_is_canonical_and_the_same_statement_has_one_digest(signer: keys.FileSigner) -> None:
    kind = KINDS["drill"]
    one, two = (
        evidence(kind, [Subject("a", DIGEST)], "s", issued="2026-11-24T08:00:00Z", result=result)
        for result in (
            {"outcome": "pass", "minutes_to_restore": 3},
            {"minutes_to_restore": 3, "outcome": "pass"},
        )
    )
    ours = json.dumps(json.loads(one.payload()), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert one.payload() == two.payload() == ours.encode()
    assert statement.envelope_digest(one.sealed(signer)) == statement.envelope_digest(two.sealed(signer))


def test_fractions_are_refused_with_a_hint_not_rounded() -> None:
    said = Statement((Subject("a", DIGEST),), "t", {"share": 0.1})
    with pytest.raises(InputError) as caught:
        said.payload()
    assert caught.value.code == "bad_statement" and "fractions" in caught.value.message.en


# What is none


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (plain(_type="https://in-toto.io/Statement/v0.1"), "in-toto"),
        (plain(subject=[]), "subject"),
        (plain(subject="a"), "subject"),
        (plain(subject=[{"name": "a", "digest": {"sha256": DIGEST}}] * 2), "one name"),
        (plain(subject=[{"name": "", "digest": {"sha256": DIGEST}}]), "sha256"),
        (plain(subject=[{"name": "a", "digest": {"sha256": DIGEST.upper()}}]), "sha256"),
        (plain(subject=[{"name": "a", "digest": {"sha512": DIGEST}}]), "sha256"),
        (plain(subject=[{"name": "a", "digest": [DIGEST]}]), "sha256"),
        (plain(subject=[None]), "sha256"),
        (plain(predicateType=None), "predicateType"),
        (plain(predicate=["x"]), "predicateType"),
        ({**plain(), "comment": "x"}, "comment"),
        ([], "in-toto"),
    ],
)
def test_what_is_no_statement_is_told(data: Any, word: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(envelope(data), path="x.json")
    assert caught.value.code == "bad_statement" and word in caught.value.message.en and caught.value.path == "x.json"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"_type": 1, "_type": 2}',
        b'{"a": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        json.dumps(plain(system="\ud800")).encode(),
        json.dumps(plain(result={"details": {"deep": ["a\0b"]}})).encode(),
    ],
    ids=["repeated key", "NaN", "not UTF-8", "deep", "endless number", "half a surrogate", "NUL"],
)
def test_json_that_two_readers_could_read_differently_is_refused(payload: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse(envelope(None, payload=payload))
    assert caught.value.code == "bad_statement"


def test_extra_subjects_and_other_digests_beside_sha256_are_fine() -> None:
    more = [{"name": f"n{i}", "digest": {"sha256": DIGEST, "sha512": "00"}, "uri": "x:y"} for i in range(300)]
    assert len(parse(envelope(plain(subject=more))).subjects) == 300


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"system": None}, "system"),
        ({"system": ""}, "system"),
        ({"system": 7}, "system"),
        ({"kind": "review"}, "kind"),
        ({"issued": None}, "issued"),
        ({"issued": "2026-11-24"}, "issued"),
        ({"issued": "2026-11-24T08:00:00"}, "issued"),
        ({"issued": "2026-02-30T08:00:00Z"}, "issued"),
        ({"issued": "2026-11-24T25:00:00Z"}, "issued"),
        ({"issued": "0000-01-01T00:00:00Z"}, "issued"),
        ({"issued": "9999-12-31T23:59:59Z"}, "issued"),
        ({"issued": "0001-01-01T00:00:00+14:00"}, "issued"),
        ({"issued": 1}, "issued"),
        ({"valid_until": "soon"}, "valid_until"),
        ({"valid_until": "2026-13-01"}, "valid_until"),
        ({"valid_until": 20270101}, "valid_until"),
        ({"confidence": "certain"}, "confidence"),
        ({"confidence": ["high"]}, "confidence"),
        ({"obligations": "x"}, "obligations"),
        ({"obligations": [1]}, "obligations"),
        ({"method": {}}, "method"),
        ({"extra": 1}, "extra"),
        ({"result": {"nothing_like_it": 1}}, "nothing_like_it"),
        ({"result": []}, None),
    ],
)
def test_evidence_with_a_wrong_field_names_the_field(changes: dict[str, Any], field: str | None) -> None:
    data = plain(**{key: value for key, value in changes.items() if value is None or key in plain()["predicate"]})
    data["predicate"] |= {key: value for key, value in changes.items() if value is not None}
    with pytest.raises(InputError) as caught:
        check_evidence(parse(envelope(data)), KINDS)
    assert caught.value.field == field and caught.value.message.zh


def test_a_type_that_is_no_kind_is_named() -> None:
    for name in ("https://slsa.dev/provenance/v1", "https://steelyard.dev/evidence/nope/v1", "https://steelyard.dev/x"):
        with pytest.raises(InputError) as caught:
            check_evidence(parse(envelope(plain(predicateType=name))), KINDS)
        assert caught.value.code == "unknown_kind"


@given(st.datetimes(), st.sampled_from(["Z", "+08:00", "-11:30"]))
def test_every_time_that_passes_has_a_day(moment: Any, zone: str) -> None:
    text = moment.isoformat(timespec="milliseconds") + zone
    data = plain(issued=text)
    try:
        check_evidence(parse(envelope(data)), KINDS)
    except InputError:
        with pytest.raises(ValueError, match=""):
            local_date(text)
    else:
        assert abs((local_date(text) - moment.date()).days) <= 1


def test_a_day_begins_in_shanghai() -> None:
    assert local_date("2026-11-24T15:59:59Z").isoformat() == "2026-11-24"
    assert local_date("2026-11-24T16:00:00.123456789Z").isoformat() == "2026-11-25"
    assert local_date("2026-11-24T16:00:00+08:00").isoformat() == "2026-11-24"


# Through the command line


def test_two_files_of_one_name_keep_both_and_one_file_twice_counts_once(house: House) -> None:
    for folder in ("a", "b"):
        (house.folder / folder).mkdir()
        (house.folder / folder / "x.txt").write_text(folder)
    out = house.folder / "out.json"
    args = ["--subject", "a/x.txt", "b/x.txt", "a/x.txt", "--system", "s", "--out", out]
    house.ok("evidence", "new", "document", *args)
    assert said_names(opened(out)[1]) == ["a/x.txt", "b/x.txt"]


@pytest.mark.parametrize(
    ("error", "args"),
    [
        ("cannot_read", ["document", "--subject", "absent.txt"]),
        ("unknown_kind", ["documint", "--subject", "here.txt"]),
        ("bad_date", ["document", "--subject", "here.txt", "--valid-until", "tomorrow"]),
        ("bad_statement", ["document", "--subject", "here.txt", "--system", ""]),
        ("unknown_measure", ["drill", "--subject", "here.txt", "--predicate", "odd.json"]),
        ("wrong_type", ["drill", "--subject", "here.txt", "--predicate", "type.json"]),
        ("bad_json", ["drill", "--subject", "here.txt", "--predicate", "twice.json"]),
        ("bad_json", ["drill", "--subject", "here.txt", "--predicate", "list.json"]),
        ("cannot_read", ["drill", "--subject", "here.txt", "--predicate", "absent.json"]),
        ("bad_statement", ["drill", "--subject", "here.txt", "--predicate", "fraction.json"]),
    ],
)
def test_bad_input_of_evidence_new_writes_nothing(house: House, error: str, args: list[str]) -> None:
    for name, text in (
        ("here.txt", "x"),
        ("odd.json", '{"odd": 1}'),
        ("type.json", '{"outcome": 3}'),
        ("twice.json", '{"outcome": "pass", "outcome": "fail"}'),
        ("list.json", "[]"),
        ("fraction.json", '{"details": {"share": 0.5}}'),
    ):
        house.file(text, name)
    told = house.refused(2, error, "evidence", "new", "--system", "s", "--out", "out.json", *args)
    assert told["message"] and not (house.folder / "out.json").exists()


def test_evidence_new_never_overwrites(house: House) -> None:
    path = house.statement("document")
    before = path.read_bytes()
    house.refused(2, "exists", "evidence", "new", "document", "--subject", "file2.txt", "--system", "s", "--out", path)
    assert path.read_bytes() == before


def test_a_statement_that_was_changed_or_is_from_a_stranger_does_not_hold(house: House, tmp_path: Path) -> None:
    path = house.statement("document", "--valid-until", "2030-01-01")
    assert house.json("evidence", "verify", path)["ok"] is True
    assert house.json("evidence", "verify", path, "--subject", "file2.txt")["ok"] is True
    other = house.json("evidence", "verify", path, "--subject", house.file("something else"), code=1)
    assert [item["code"] for item in other["problems"]] == ["other_subject"]
    late = house.json("evidence", "verify", path, "--on", "2030-01-02", code=1)
    assert [item["code"] for item in late["problems"]] == ["expired"]
    house.refused(2, "bad_date", "evidence", "verify", path, "--on", "someday")
    house.refused(2, "cannot_read", "evidence", "verify", path, "--subject", "absent.txt")

    raw, said = opened(path)
    said["predicate"]["system"] = "another"
    raw["payload"] = base64.b64encode(json.dumps(said).encode()).decode()
    changed = house.file(json.dumps(raw), "changed.json")
    assert house.json("evidence", "verify", changed, code=1)["problems"][0]["code"] == "bad_signature"

    stranger = keys.generate(tmp_path / "stranger.pem")
    foreign = house.file(sealed(opened(path)[1], stranger), "foreign.json")
    assert house.json("evidence", "verify", foreign, code=1)["problems"][0]["code"] == "untrusted"
    (tmp_path / "stranger.pub").write_bytes(keys.public_pem(stranger.public))
    assert house.json("evidence", "verify", foreign, "--key", tmp_path / "stranger.pub")["ok"] is True
    assert house.json("evidence", "verify", path, "--key", tmp_path / "stranger.pub", code=1)["ok"] is False
    house.refused(2, "bad_key", "evidence", "verify", path, "--key", "file2.txt")
