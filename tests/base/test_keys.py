"""Keys in files nobody else reads, and envelopes that another DSSE implementation reads and writes."""

import base64
import json
import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from steelyard.base import keys
from steelyard.base.errors import EnvironmentNotReady, InputError

TYPE = "application/vnd.in-toto+json"
WORDS = "权衡 correct horse"


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passphrase", [None, WORDS])
def test_a_key_is_written_for_its_owner_alone_and_read_back(tmp_path: Path, passphrase: str | None) -> None:
    path = tmp_path / "keys" / "person.pem"
    old = os.umask(0)
    try:
        made = keys.generate(path, passphrase)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert [item.name for item in path.parent.iterdir()] == ["person.pem"], "nothing is left beside it"
    assert (b"ENCRYPTED" in path.read_bytes()) == (passphrase is not None)
    found = keys.load(path, passphrase)
    assert found == made and keys.verify(made.public, found.sign(b"x"), b"x")


def test_a_key_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    keys.generate(path)
    before = path.read_bytes()
    with pytest.raises(InputError) as found:
        keys.generate(path)
    assert found.value.code == "exists" and path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["log.pem"]


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError):
        keys.generate(tmp_path / "log.pem")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((EnvironmentNotReady, InputError)):
        keys.generate(tmp_path / "file" / "log.pem")


def refused(path: Path, passphrase: str | None) -> EnvironmentNotReady:
    """What loading a key answers."""
    with pytest.raises(EnvironmentNotReady) as found:
        keys.load(path, passphrase)
    assert found.value.exit_code == 3 and found.value.path == str(path)
    return found.value


def test_passphrases_wrong_missing_and_unneeded(tmp_path: Path) -> None:
    locked, bare = tmp_path / "locked.pem", tmp_path / "bare.pem"
    keys.generate(locked, WORDS)
    keys.generate(bare)
    assert refused(locked, "wrong").code == "bad_key"
    assert refused(locked, None).code == "passphrase_needed"
    assert refused(bare, "unneeded").code == "bad_key"
    assert "none" in refused(bare, "unneeded").message.en


def test_neither_passphrase_nor_key_ever_shows(tmp_path: Path) -> None:
    path = tmp_path / "locked.pem"
    made = keys.generate(path, WORDS)
    secret = made._private.private_bytes_raw().hex()
    assert "private" not in repr(made).lower() and secret not in repr(made)
    for attempt in (WORDS + "x", None):
        try:
            keys.load(path, attempt)
        except EnvironmentNotReady as error:
            shown = error.render("en") + error.render("zh") + str(error.as_dict("zh")) + repr(error)
            shown += "".join(traceback.format_exception(error))
            assert WORDS not in shown and secret not in shown and error.__cause__ is None


@pytest.mark.skipif(os.name != "posix", reason="modes are a thing of POSIX")
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o601])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.pem"
    keys.generate(path)
    path.chmod(mode)
    error = refused(path, None)
    assert error.code == "key_readable_by_others" and error.remedy is not None and "chmod 600" in error.remedy.zh


def other_kind() -> bytes:
    """A key of another kind in PEM."""
    return generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("data", [b"", b"not a key", other_kind(), b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_ed25519_key(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log.pem"
    path.write_bytes(data)
    path.chmod(0o600)
    assert refused(path, None).code == "bad_key"


def test_a_missing_key_and_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.pem", None).code == "no_key"
    assert refused(tmp_path, None).code == "cannot_read"


def test_public_keys_in_pem(tmp_path: Path) -> None:
    made = keys.generate(tmp_path / "log.pem")
    path = tmp_path / "log.pub"
    path.write_bytes(keys.public_pem(made.public))
    assert keys.read_public(path) == made.public
    for data in (b"", b"x", (tmp_path / "log.pem").read_bytes()):
        path.write_bytes(data)
        with pytest.raises(InputError) as found:
            keys.read_public(path)
        assert found.value.code == "bad_key"
    with pytest.raises(InputError):
        keys.read_public(tmp_path / "absent")


def test_the_first_vector_of_rfc_8032() -> None:
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert keys.verify(public, signature, b"") and not keys.verify(public, signature, b"x")
    assert not keys.verify(public, signature[:-1], b"") and not keys.verify(public[:-1], signature, b"")
    assert not keys.verify(b"", b"", b"")


def test_the_id_of_a_key_is_that_of_its_spki() -> None:
    private = Ed25519PrivateKey.generate()
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    import hashlib

    assert keys.key_id(private.public_key().public_bytes_raw()) == hashlib.sha256(der).hexdigest()


# Envelopes ------------------------------------------------------------------------------------------------------------


def ours(path: Path) -> tuple[keys.FileSigner, SSlibKey]:
    """A key of ours, and the same as securesystemslib knows it, under the id we give it."""
    made = keys.generate(path)
    public = SSlibKey.from_crypto(made._private.public_key(), keyid=keys.key_id(made.public))
    return made, public


def test_the_example_of_the_dsse_protocol() -> None:
    want = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert keys.pae("http://example.com/HelloWorld", b"hello world") == want


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_the_pre_authentication_encoding_is_theirs(payload: bytes, kind: str) -> None:
    assert keys.pae(kind, payload) == TheirEnvelope(payload, kind, {}).pae()


def test_securesystemslib_verifies_our_envelopes(tmp_path: Path) -> None:
    (one, one_public), (two, two_public) = ours(tmp_path / "one.pem"), ours(tmp_path / "two.pem")
    data = keys.seal(TYPE, b'{"a":"\xe6\x9d\x83"}', one, two).as_bytes()
    theirs = TheirEnvelope.from_dict(json.loads(data))
    assert set(theirs.verify([one_public, two_public], 2)) == {keys.key_id(one.public), keys.key_id(two.public)}
    theirs.payload += b" "
    with pytest.raises(VerificationError):
        theirs.verify([one_public, two_public], 1)


def test_we_verify_the_envelopes_of_securesystemslib(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    theirs = TheirEnvelope(b"payload", TYPE, {})
    theirs.sign(CryptoSigner(private))
    (name,) = theirs.signatures
    public = private.public_key().public_bytes_raw()
    found = keys.parse_envelope(json.dumps(theirs.to_dict()).encode())
    assert found.payload == b"payload" and found.payload_type == TYPE
    assert found.signed_by({name: public}) == [name]
    assert found.signed_by({name: keys.generate(tmp_path / "k.pem").public}) == []


def test_payload_and_type_are_both_signed(tmp_path: Path) -> None:
    made, _ = ours(tmp_path / "k.pem")
    sealed = keys.seal(TYPE, b"payload", made)
    name = keys.key_id(made.public)
    assert sealed.signed_by([made.public]) == [name]
    assert keys.Envelope(TYPE, b"payloae", sealed.signatures).signed_by([made.public]) == []
    assert keys.Envelope(TYPE + "x", b"payload", sealed.signatures).signed_by([made.public]) == []
    assert keys.Envelope(TYPE, b"payload", ((name, b""),)).signed_by([made.public]) == []


@given(
    st.binary(max_size=100), st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=70)), min_size=1, max_size=3)
)
def test_envelopes_round_trip(payload: bytes, signatures: list[tuple[str, bytes]]) -> None:
    sealed = keys.Envelope(TYPE, payload, tuple(signatures))
    assert keys.parse_envelope(sealed.as_bytes()) == sealed


def test_base64_of_either_alphabet_is_read() -> None:
    text = base64.urlsafe_b64encode(b"\xfb\xff\xfe").decode()
    assert "-" in text or "_" in text
    raw = {"payloadType": TYPE, "payload": text, "signatures": [{"keyid": "a", "sig": text}]}
    assert keys.parse_envelope(json.dumps(raw).encode()).payload == b"\xfb\xff\xfe"


GOOD: dict[str, Any] = {"payloadType": TYPE, "payload": "eA==", "signatures": [{"keyid": "a", "sig": "eA=="}]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
        json.dumps(GOOD).encode() + b"{}",
        json.dumps({**GOOD, "extra": 1}).encode(),
        json.dumps({**GOOD, "payload": 1}).encode(),
        json.dumps({**GOOD, "payload": "eA"}).encode(),
        json.dumps({**GOOD, "payload": "权"}).encode(),
        json.dumps({**GOOD, "payload": "eA==\n"}).encode(),
        json.dumps({**GOOD, "payloadType": None}).encode(),
        json.dumps({**GOOD, "signatures": []}).encode(),
        json.dumps({**GOOD, "signatures": {}}).encode(),
        json.dumps({**GOOD, "signatures": ["x"]}).encode(),
        json.dumps({**GOOD, "signatures": [{"keyid": "a"}]}).encode(),
        json.dumps({**GOOD, "signatures": [{"keyid": "a", "sig": 7}]}).encode(),
        b'{"payloadType":"a","payloadType":"b","payload":"eA==","signatures":[{"keyid":"a","sig":"eA=="}]}',
        b'{"payloadType":"a","payload":"eA==","signatures":[{"keyid":"a","keyid":"b","sig":"eA=="}]}',
        b'{"payloadType":"a","payload":"eA==","signatures":[NaN]}',
        b"[" * 100_000,
        b'{"payloadType":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_envelope(data: bytes) -> None:
    with pytest.raises(InputError) as found:
        keys.parse_envelope(data, path="x.json")
    assert found.value.code == "bad_envelope" and found.value.path == "x.json"


def test_an_envelope_too_large_is_not_even_parsed() -> None:
    with pytest.raises(InputError, match="larger than"):
        keys.parse_envelope(b" " * (keys.MAX_ENVELOPE + 1))


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["eA==", "a"])
KEYS = st.sampled_from([*GOOD, "keyid", "sig"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
BYTES = (
    st.binary(max_size=80)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(lambda key, value: json.dumps({**GOOD, key: value}).encode(), st.sampled_from([*GOOD]), JSON)
)


@given(BYTES)
def test_whatever_the_bytes_parsing_raises_nothing_but_input_error(data: bytes) -> None:
    try:
        found = keys.parse_envelope(data)
    except InputError:
        return
    assert keys.parse_envelope(found.as_bytes()) == found
    assert found.signed_by([bytes(32)]) == []


# JSON -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b'{"a":1,"a":1}', b'[{"a":{"b":1,"b":2}}]', b'{"a":1,"\\u0061":1}', b"NaN", b"[Infinity]", b"{", b"\xff", b""],
)
def test_json_that_could_be_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        keys.strict_json(data)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 50_000, b"9" * 10_000])
def test_json_that_is_too_much_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        keys.strict_json(data)


@given(JSON.filter(lambda value: "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value)))
def test_all_other_json_is_what_it_is(value: object) -> None:
    assert keys.strict_json(json.dumps(value).encode()) == value
