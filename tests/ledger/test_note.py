"""Notes, checkpoints, cosignatures, proofs: texts of others are read, ours are theirs to read, junk is refused."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steelyard.ledger import note
from steelyard.ledger.note import Checkpoint, Note, NoteError, Proof, Signature, VerifierKey
from tests.ledger.logs import LOG_KEY, ORIGIN, OTHER_KEY, WITNESS, WITNESS_KEY, RawSigner

# golang.org/x/mod/sumdb/note, note_test.go
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)

WIDE_SPACE = "Bad\u3000Name"

# A checkpoint of Go's checksum database (transparency-dev/formats, log/checkpoint_test.go).
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB = (
    "go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n\n"
    "— sum.golang.org "
    "Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=\n"
)

# A checkpoint of a Certificate Transparency log, cosigned by four witnesses of the public network (tlog-scales' tests).
CT_KEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
CT_WITNESSES = [
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
]
CT = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""  # noqa: E501
CT_TIME = 1_779_573_024

# The example in the tlog-cosignature specification, which says at which time it was made.
EXAMPLE = (
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)


def test_a_note_of_the_reference_implementation() -> None:
    peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)
    both = Note.parse(f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}")
    assert both.text == TEXT and both.signed_by(peter) and both.signed_by(enoch)
    assert str(peter) == PETER and str(both) == f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}"
    alone = Note.parse(f"{TEXT}\n{PETER_LINE}")
    assert alone.signed_by(peter) and not alone.signed_by(enoch)
    assert not Note.parse(f"{TEXT.replace('cryptography', 'Cryptography')}\n{PETER_LINE}").signed_by(peter)


def test_we_sign_what_the_reference_implementation_signs() -> None:
    signer = RawSigner.seed(PETER_SEED)
    assert str(note.vkey("PeterNeumann", signer.public)) == PETER
    assert str(note.sign(TEXT, "PeterNeumann", signer)) == f"{TEXT}\n{PETER_LINE}"


def test_a_repeated_signature_must_hold_each_time() -> None:
    bad = f"{PETER_LINE[:60]}ABCD{PETER_LINE[60:]}"
    assert Note.parse(f"{TEXT}\n{PETER_LINE}{PETER_LINE}").signed_by(VerifierKey.parse(PETER))
    assert not Note.parse(f"{TEXT}\n{PETER_LINE}{bad}").signed_by(VerifierKey.parse(PETER))
    assert not Note.parse(f"{TEXT}\n{bad}").signed_by(VerifierKey.parse(PETER))


def test_no_mangled_key_passes() -> None:
    for start in range(len(PETER)):
        for end in range(start, len(PETER) + 1):
            if (start, end) != (0, len(PETER)):
                with pytest.raises(NoteError):
                    VerifierKey.parse(PETER[start:end])
    for at, char in enumerate(PETER):
        with pytest.raises(NoteError):
            VerifierKey.parse(PETER[:at] + chr(ord(char) + 1) + PETER[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # longer than a key
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # an algorithm nobody knows
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "rekor.sigstore.dev+12345678+THIS_IS_NOT_BASE64!",
        "rekor.sigstore.dev+12345678+AwEB",
        "rekor.sigstore.dev+12345678",
        "\ud800+12345678+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_keys_that_the_reference_implementations_refuse(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n{PETER_LINE[:-1]}",
        f"\x01{TEXT}\n{PETER_LINE}",
        f"{TEXT}\r\n\n{PETER_LINE}",
        f"\ud800{TEXT}\n{PETER_LINE}",
        f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', 'Bad Name')}",
        f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', WIDE_SPACE)}",
        f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', 'Bad+Name')}",
        f"{TEXT}\n{PETER_LINE.replace('—', '-')}",
        f"{TEXT}\n{PETER_LINE.replace(' x08', '  x08')}",
        f"{TEXT}\n{PETER_LINE}Unexpected line.\n",
        f"{TEXT}\n{PETER_LINE}\n",
        f"{TEXT}\n— PeterNeumann x08g\n",
        f"{TEXT}\n— PeterNeumann x08go===\n",
        f"{TEXT}\n{PETER_LINE.replace('AM=', 'AN=')}",  # the same bytes in another spelling
        f"{TEXT}\n{PETER_LINE * 101}",
        f"{'x' * 1_000_001}\n\n{PETER_LINE}",
    ],
)
def test_malformed_notes(text: str) -> None:
    with pytest.raises(NoteError):
        Note.parse(text)


def test_a_hundred_signatures_are_carried() -> None:
    assert len(Note.parse(f"{TEXT}\n{PETER_LINE}{ENOCH_LINE * 99}").signatures) == 100


def test_the_last_empty_line_parts_text_and_signatures() -> None:
    text = "Ognuno sta solo sul cuor della terra\n\ned è subito sera.\n"
    found = Note.parse(str(note.sign(text, "q.example/s", LOG_KEY)))
    assert found.text == text and found.signed_by(note.vkey("q.example/s", LOG_KEY.public))


def test_a_checkpoint_of_gos_checksum_database() -> None:
    key = VerifierKey.parse(SUMDB_KEY)
    signed = Note.parse(SUMDB)
    assert signed.signed_by(key)
    assert Checkpoint.parse(signed.text).size == 6_476_701
    with pytest.raises(NoteError, match=r"go\.sum database tree"):  # its origin is not the name of its key
        note.signed_checkpoint(signed, key)
    assert not Note.parse(SUMDB.replace("6476701", "6476702")).signed_by(key)


def test_a_checkpoint_of_a_public_log_with_its_witnesses() -> None:
    signed, key = Note.parse(CT), VerifierKey.parse(CT_KEY)
    assert note.signed_checkpoint(signed, key).size == 1_432_088_532
    assert str(signed) == CT, "signatures of kinds we do not know are carried on"
    for text in CT_WITNESSES:
        witness = VerifierKey.parse(text)
        assert str(witness) == text and witness.kind == note.COSIGNATURE
        assert signed.cosigned_at(witness) == CT_TIME
        assert not signed.signed_by(witness), "a witness's key is no log's key"
        assert Note.parse(CT.replace("1432088532", "1432088533")).cosigned_at(witness) is None
    assert signed.cosigned_at(key) is None, "a log's key is no witness's key"


def test_the_example_of_the_specification_is_read_as_it_says() -> None:
    line = Signature.parse(EXAMPLE)
    assert line.name == "witness.example.com/w1" and line.line() == EXAMPLE
    assert int.from_bytes(line.data[:8], "big") == 1_679_315_147 and len(line.data) == 72
    assert note.cosigned_message("example.com/behind-the-sofa\n20852163\nroot\n", 1_679_315_147) == (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nroot\n"
    )


def cosigned(time: int = 1_790_000_000) -> tuple[Note, VerifierKey]:
    """A checkpoint with a cosignature."""
    signed = note.sign(Checkpoint(ORIGIN, 7, b"\1" * 32).text(), ORIGIN, LOG_KEY)
    line = note.cosign(signed, WITNESS, WITNESS_KEY, time)
    return note.with_signatures(signed, [line]), note.vkey(WITNESS, WITNESS_KEY.public, note.COSIGNATURE)


def test_a_cosignature_binds_text_time_and_witness() -> None:
    both, witness = cosigned()
    assert both.cosigned_at(witness) == 1_790_000_000
    line = both.signatures[1]
    later = Signature(line.name, line.mark, (1_790_000_001).to_bytes(8, "big") + line.data[8:])
    assert Note(both.text, (later,)).cosigned_at(witness) is None
    assert Note(both.text + "extension\n", (line,)).cosigned_at(witness) is None
    assert Note(both.text, (Signature(line.name, line.mark, line.data[:-1]),)).cosigned_at(witness) is None
    assert both.cosigned_at(note.vkey(WITNESS, OTHER_KEY.public, note.COSIGNATURE)) is None
    assert both.cosigned_at(note.vkey("witness.example.org/w2", WITNESS_KEY.public, note.COSIGNATURE)) is None
    assert Note(both.text, (line, later)).cosigned_at(witness) is None, (
        "a second line of the same witness must hold too"
    )


def test_of_two_cosignatures_the_later_time_counts() -> None:
    both, witness = cosigned()
    again = note.cosign(both, WITNESS, WITNESS_KEY, 1_790_000_060)
    assert note.with_signatures(both, [again, again]).cosigned_at(witness) == 1_790_000_060
    assert len(note.with_signatures(both, [again, again]).signatures) == 3


def test_a_time_beyond_63_bits_is_refused() -> None:
    signed, witness = cosigned(2**63)
    assert signed.cosigned_at(witness) is None
    assert cosigned(2**63 - 1)[0].cosigned_at(witness) == 2**63 - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log\n1\n",
        "log\n01\n" + "A" * 43 + "=\n",
        "log\n+1\n" + "A" * 43 + "=\n",
        "log\n-1\n" + "A" * 43 + "=\n",
        "log\n１\n" + "A" * 43 + "=\n",
        "log\n1 \n" + "A" * 43 + "=\n",
        f"log\n{2**63}\n" + "A" * 43 + "=\n",
        "log\n1\nAAAA\n",
        "log\n1\n" + "A" * 43 + "\n",
        "log\n1\n" + "A" * 42 + "B=\n",
        "log\n1\n" + "A" * 43 + "=",
        "log\n1\n" + "A" * 43 + "=\n\n",
        "\n1\n" + "A" * 43 + "=\n",
        "log\n1\n" + "A" * 43 + "=\nextension\n\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_extension_lines_are_let_pass() -> None:
    text = Checkpoint(ORIGIN, 0, b"\0" * 32).text()
    assert Checkpoint.parse(text + "extension\n") == Checkpoint.parse(text)


def test_signed_checkpoint_says_what_is_wrong() -> None:
    signed = note.sign(Checkpoint(ORIGIN, 7, b"\1" * 32).text(), ORIGIN, LOG_KEY)
    assert note.signed_checkpoint(signed, note.vkey(ORIGIN, LOG_KEY.public)).size == 7
    with pytest.raises(NoteError, match="not signed by"):
        note.signed_checkpoint(signed, note.vkey(ORIGIN, OTHER_KEY.public))
    foreign = note.sign(Checkpoint("other.example", 7, b"\1" * 32).text(), ORIGIN, LOG_KEY)
    with pytest.raises(NoteError, match=r"other\.example"):
        note.signed_checkpoint(foreign, note.vkey(ORIGIN, LOG_KEY.public))


HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=63)
SIGNED, _WITNESS = cosigned()


@given(st.integers(0, 2**63 - 1), HASHES, st.none() | st.binary(max_size=100))
def test_proof_files_round_trip(index: int, hashes: list[bytes], extra: bytes | None) -> None:
    proof = Proof(index, tuple(hashes), SIGNED, extra)
    assert Proof.parse(str(proof)) == proof
    assert str(proof).startswith("c2sp.org/tlog-proof@v1\n") and str(proof).endswith(f"\n\n{SIGNED}")


def test_a_proof_file_as_the_specification_draws_it() -> None:
    text = f"c2sp.org/tlog-proof@v1\nextra eA==\nindex 73894\n{'A' * 43}=\n\n{SIGNED}"
    assert Proof.parse(text) == Proof(73_894, (b"\0" * 32,), SIGNED, b"x")


@pytest.mark.parametrize(
    "head",
    [
        "c2sp.org/tlog-proof@v2\nindex 1\n",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n",
        "c2sp.org/tlog-proof@v1\nindex -1\n",
        "c2sp.org/tlog-proof@v1\nindex 1 \n",
        "c2sp.org/tlog-proof@v1\nINDEX 1\n",
        f"c2sp.org/tlog-proof@v1\nindex {2**63}\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nextra eA==\n",
        "c2sp.org/tlog-proof@v1\nextra eA=\nindex 1\n",
        "c2sp.org/tlog-proof@v1\nextra eA==\nextra eA==\nindex 1\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + f"{'A' * 43}=\n" * 64,
        "",
    ],
)
def test_malformed_proofs(head: str) -> None:
    with pytest.raises(NoteError):
        Proof.parse(f"{head}\n{SIGNED}")


NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=20).filter(
    lambda text: "+" not in text and not any(char.isspace() for char in text)
)
BODIES = st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.just("\n"), max_size=200).map(
    lambda text: text + "\n"
)


@given(NAMES, BODIES)
def test_notes_and_keys_round_trip(name: str, text: str) -> None:
    key = note.vkey(name, LOG_KEY.public)
    assert VerifierKey.parse(str(key)) == key
    signed = note.sign(text, name, LOG_KEY)
    assert Note.parse(str(signed)) == signed
    assert Note.parse(str(signed)).signed_by(key)


@given(NAMES, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_checkpoints_round_trip(name: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(name, size, root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize("name", ["", " ", "a b", "a+b", "a\n", "a\u2003b", "a\x7f", "\ud800"])
def test_names_that_notes_cannot_carry(name: str) -> None:
    with pytest.raises(NoteError):
        note.vkey(name, LOG_KEY.public)


VALID = [str(SIGNED), CT, SIGNED.text, PETER, PETER_LINE[:-1], str(Proof(3, (b"\1" * 32,) * 3, SIGNED, b"x"))]
PIECES = st.sampled_from(
    ["\n", "\n\n", "—", " ", "+", "=", "index 1", "extra ", "\ud800", "\x00", "A" * 43 + "=", "٣", "²"]
)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A valid text with a few places cut out or written over, or any text at all."""
    text = draw(st.sampled_from(VALID) | st.text(max_size=80))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        text = text[:start] + draw(PIECES | st.text(max_size=4) | st.just("")) + text[end:]
    return text


PARSERS: list[Callable[[str], object]] = [Note.parse, VerifierKey.parse, Signature.parse, Checkpoint.parse, Proof.parse]


@given(mangled())
@example("c2sp.org/tlog-proof@v1\n\n")
@example("\ud800\n\n" + PETER_LINE)
@example("log\n²\n" + "A" * 43 + "=\n")
def test_whatever_the_text_parsing_raises_nothing_but_note_error(text: str) -> None:
    keys = [VerifierKey.parse(CT_KEY), VerifierKey.parse(CT_WITNESSES[0]), _WITNESS]
    for parse in PARSERS:
        try:
            found = parse(text)
        except NoteError:
            continue
        str(found)
        if isinstance(found, Note):
            assert Note.parse(str(found)) == found
            for key in keys:
                found.signed_by(key), found.cosigned_at(key)
                with pytest.raises(NoteError):
                    note.signed_checkpoint(Note(found.text, ()), key)
