"""Two implementations that nobody here wrote accept what we export, and refuse every tampered copy of it.

metamorphic_log (Rust) checks notes, inclusion and consistency; tlog_scales (Python) reads tiles, here over HTTP from a
plain file server, and checks proofs and cosignatures of its own making.
"""

import dataclasses
import functools
import http.server
import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import metamorphic_log
import pytest
import requests
from cryptography.exceptions import InvalidSignature
from tlog_scales import backend, reader, signing, tlog, writer
from tlog_scales import tiles as scales_tiles

from steelyard.ledger import audit, note, store, tiles, tree
from tests.ledger.logs import COSIGNED, LOG_KEY, ORIGIN, WITNESS, WITNESS_KEY, Made, entry, make, sqlite_url
from tests.ledger.tampering import OLD, SIZE, TAMPERINGS, Tampering, export

KEY = note.vkey(ORIGIN, LOG_KEY.public)
WITNESS_VKEY = note.vkey(WITNESS, WITNESS_KEY.public, note.COSIGNATURE)


class Refused(Exception):
    """A peer says no."""


class Exported(NamedTuple):
    """A log in a folder, where it is served, and the two checkpoints that an outsider kept."""

    made: Made
    folder: Path
    url: str
    held: list[str]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that prints nothing."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """A log of two full tiles and a partial one, cosigned at both its checkpoints."""
    top = tmp_path_factory.mktemp("peers")
    made = make(sqlite_url(top), OLD)
    made.cosign()
    old = str(store.checkpoint(made.link, made.log))
    made.grow(SIZE - OLD)
    made.cosign()
    folder = export(made, top / "log")
    (folder / "old-checkpoint").write_text(old)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(top)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Exported(made, folder, f"http://127.0.0.1:{server.server_port}", [old, (folder / "checkpoint").read_text()])
    server.shutdown()
    thread.join()
    made.link.close()


# The peers ------------------------------------------------------------------------------------------------------------


def scales(url: str, held: list[str]) -> None:
    """A reader of tlog_scales fetches everything and checks it against its own proofs."""
    log, key = reader.TilesReader(backend.HttpBackend(url)), signing.Vkey.from_string(str(KEY))
    checkpoint = log.get_checkpoint()
    checkpoint.verify(key)
    if checkpoint.origin != key.name:
        raise Refused("origin")
    witness = signing.VkeySet(signing.Vkey.from_string(str(WITNESS_VKEY)))
    if [sig.payload[:8] for _, sig in witness.verify(checkpoint.signatures, checkpoint)] != [COSIGNED.to_bytes(8)]:
        raise Refused("witness")
    if log.calculate_root_hash() != checkpoint.root_hash:
        raise Refused("root")
    for index in range(checkpoint.size):
        proof = log.get_inclusion_proof(index, checkpoint.size)
        proof.check(scales_tiles.leaf_hash(log.get_entry(index)), checkpoint.root_hash)
    for text in held:
        before = tlog.Checkpoint.from_text(text)
        log.get_consistency_proof(before.size, checkpoint.size).check(before.root_hash, checkpoint.root_hash)


def bundle(url: str, index: int, width: int) -> list[bytes]:
    """The entries of a bundle, fetched and cut by this test's own code."""
    path = f"{url}/tile/entries/{index:03d}" + ("" if width == 256 else f".p/{width}")
    answer = requests.get(path, timeout=10)
    if answer.status_code != 200:
        raise Refused(f"{path}: {answer.status_code}")
    found, data = [], answer.content
    while data:
        length = int.from_bytes(data[:2], "big")
        if len(data) < 2 + length:
            raise Refused("a bundle is cut")
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    if len(found) != width:
        raise Refused(f"{len(found)} entries where {width} belong")
    return found


def metamorphic(url: str, held: list[str]) -> None:
    """metamorphic_log checks the checkpoint, every entry by our proof from the served tiles, and what was held."""
    answer = requests.get(f"{url}/checkpoint", timeout=10)
    if answer.status_code != 200:
        raise Refused("no checkpoint")
    text, keys = answer.content.decode(), [str(KEY)]
    head = metamorphic_log.checkpoint_verify(text, keys)
    if head.origin != ORIGIN or metamorphic_log.verify_signed_note(rewritten(text), [rewritten_key()]) != 1:
        raise Refused("origin or witness")

    @functools.cache
    def read(level: int, index: int, width: int) -> bytes:
        found = requests.get(f"{url}/{tiles.tile_path(level, index, width)}", timeout=10)
        if found.status_code != 200:
            raise Refused(f"tile {level}/{index}: {found.status_code}")
        return found.content

    for start in range(0, head.size, 256):
        width = min(256, head.size - start)
        for index, leaf in enumerate(bundle(url, start // 256, width), start):
            proof = tree.inclusion_proof(index, head.size, read)
            metamorphic_log.checkpoint_verify_inclusion(text, keys, index, tree.leaf_hash(leaf), proof)
    for before in held:
        old = metamorphic_log.checkpoint_verify(before, keys).size
        if old > head.size:
            raise Refused("rollback")
        proof = tree.consistency_proof(old, head.size, read)
        metamorphic_log.checkpoint_verify_consistency(before, text, keys, proof)


def rewritten(text: str) -> str:
    """The cosignature as a plain signed note, since this peer knows Ed25519 but no cosignatures: the signed message is
    the text, and the line bears the mark of the same key as type 0x01."""
    body, _, lines = text.rpartition("\n\n")
    found = [line for line in lines.splitlines() if line.startswith(f"— {WITNESS} ")]
    if len(found) != 1:
        raise Refused("witness")
    line = note.Signature.parse(found[0])
    message = f"cosignature/v1\ntime {int.from_bytes(line.data[:8], 'big')}\n{body}\n"
    plain = note.Signature(WITNESS, note.VerifierKey.parse(rewritten_key()).hash, line.data[8:])
    return f"{message}\n{plain.line()}\n"


def rewritten_key() -> str:
    """The witness's key as one of type 0x01."""
    return str(note.vkey(WITNESS, WITNESS_KEY.public))


# How the two say no: their own errors, and Python's where tlog_scales runs off the end of a tile that is too short.
REFUSALS = (
    *(Refused, metamorphic_log.VerifyError, InvalidSignature, tlog.InclusionProofInvalid, tlog.ConsistencyProofInvalid),
    *(ValueError, RuntimeError, IndexError, AssertionError),
)
PEERS: list[Callable[[str, list[str]], None]] = [scales, metamorphic]
peers = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.__name__)


def ours(folder: Path, held: list[str]) -> audit.Report:
    """Our own audit of a folder."""
    kept = [note.signed_checkpoint(note.Note.parse(text), KEY) for text in held]
    return audit.audit(tiles.Folder(folder), KEY, witnesses=[WITNESS_VKEY], held=kept)


# Accepting ------------------------------------------------------------------------------------------------------------


@peers
def test_the_exported_log_is_accepted(exported: Exported, peer: Callable[[str, list[str]], None]) -> None:
    peer(f"{exported.url}/log", exported.held)


def test_our_audit_accepts_it_too(exported: Exported) -> None:
    report = ours(exported.folder, exported.held)
    assert report.ok and not report.alarms and report.checked == report.size == SIZE
    assert report.witnesses == [(WITNESS, COSIGNED)]


def test_the_exported_key_is_the_one_peers_compute(exported: Exported) -> None:
    text = (exported.folder / "vkey").read_text().strip()
    assert text == str(KEY) == signing.PlainEd25519Signer(ORIGIN, LOG_KEY.private).vkey.serialize()


def test_consistency_between_all_checkpoints_and_tlog_scales_makes_the_same_proofs(exported: Exported) -> None:
    log, read = reader.TilesReader(backend.LocalBackend(exported.folder)), tiles.Folder(exported.folder).tile
    checkpoint = log.get_checkpoint()
    for old in range(1, SIZE + 1, 37):
        proof = tree.consistency_proof(old, SIZE, read)  # type: ignore[arg-type]
        root = tree.root_of(old, store.read_tile(exported.made.link, exported.made.log))
        assert log.get_consistency_proof(old, SIZE).node_hashes == proof
        tlog.ConsistencyProof(old, SIZE, proof).check(root, checkpoint.root_hash)
        metamorphic_log.verify_consistency(old, SIZE, proof, root, checkpoint.root_hash)


def test_a_log_that_tlog_scales_wrote_passes_our_audit(tmp_path: Path) -> None:
    theirs = writer.TilesWriter.create(tmp_path / "log", ORIGIN)
    for number in range(600):
        theirs.add_leaf(entry(number))
        if number in (0, 255, 400, 599):
            theirs.commit([signing.PlainEd25519Signer(ORIGIN, LOG_KEY.private)])
    report = audit.audit(tiles.Folder(tmp_path / "log"), KEY, own_records=True)
    assert report.ok and report.checked == 600


@pytest.mark.slow
def test_three_levels_of_tiles_are_accepted(tmp_path: Path) -> None:
    made = make(sqlite_url(tmp_path), 66_000)
    folder = export(made, tmp_path / "log")
    log = reader.TilesReader(backend.LocalBackend(folder))
    checkpoint = log.get_checkpoint()
    checkpoint.verify(signing.Vkey.from_string(str(KEY)))
    assert log.calculate_root_hash() == checkpoint.root_hash
    for index in (0, 255, 65_535, 65_536, 65_999):
        proof = log.get_inclusion_proof(index, 66_000)
        proof.check(scales_tiles.leaf_hash(log.get_entry(index)), checkpoint.root_hash)
        assert list(store.prove(made.link, made.log, index).hashes) == proof.node_hashes
    assert audit.audit(tiles.Folder(folder), KEY).ok


# Refusing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
def test_tampered_copies_are_refused_by_both_and_by_us(exported: Exported, tampering: Tampering) -> None:
    number = TAMPERINGS.index(tampering)
    copy = exported.folder.with_name(f"copy-{number}")
    shutil.copytree(exported.folder, copy)
    tampering.change(copy)
    codes = {alarm.code for alarm in ours(copy, exported.held).alarms}
    assert tampering.code in codes and not codes & audit.NOTICES
    for peer in PEERS:
        with pytest.raises(REFUSALS):
            peer(f"{exported.url}/{copy.name}", exported.held)


def test_a_missing_cosignature_is_no_alarm_and_no_witness(exported: Exported, tmp_path: Path) -> None:
    shutil.copytree(exported.folder, tmp_path / "log")
    path = tmp_path / "log/checkpoint"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    report = ours(tmp_path / "log", exported.held)
    assert report.ok and report.witnesses == []


# Proof files ----------------------------------------------------------------------------------------------------------


def check_ours(text: str, leaf: bytes) -> bool:
    """Our own check of a proof file."""
    proof = note.Proof.parse(text)
    found = note.signed_checkpoint(proof.note, KEY)
    return tree.verify_inclusion(tree.leaf_hash(leaf), proof.index, found.size, proof.hashes, found.root)


def parts(text: str) -> tuple[int, list[bytes], str]:
    """Index, hashes and note of a proof file, read without our parser."""
    import base64

    head, _, signed = text.partition("\n\n")
    lines = head.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    return int(lines[1].removeprefix("index ")), [base64.b64decode(line) for line in lines[2:]], signed


def check_scales(text: str, leaf: bytes) -> bool:
    """tlog_scales on a proof file."""
    index, hashes, signed = parts(text)
    checkpoint = tlog.Checkpoint.from_text(signed)
    try:
        checkpoint.verify(signing.Vkey.from_string(str(KEY)))
        proof = tlog.InclusionProof(index, checkpoint.size, hashes)
        proof.check(scales_tiles.leaf_hash(leaf), checkpoint.root_hash)
    except Exception:  # any refusal
        return False
    return True


def check_metamorphic(text: str, leaf: bytes) -> bool:
    """metamorphic_log on a proof file."""
    index, hashes, signed = parts(text)
    try:
        metamorphic_log.checkpoint_verify_inclusion(signed, [str(KEY)], index, tree.leaf_hash(leaf), hashes)
    except metamorphic_log.VerifyError:
        return False
    return True


CHECKS = [check_ours, check_scales, check_metamorphic]


def test_proof_files_are_accepted(exported: Exported) -> None:
    for index, size in itertools.product((0, 1, 255, 256, OLD - 1), (OLD, SIZE)):
        text = str(store.prove(exported.made.link, exported.made.log, index, size))
        assert all(check(text, entry(index)) for check in CHECKS)


def changed(proof: note.Proof, **parts: object) -> str:
    """The proof with another part."""
    return str(dataclasses.replace(proof, **parts))  # type: ignore[arg-type]


PROOFS: dict[str, Callable[[Exported, note.Proof], str]] = {
    "a bit of a hash": lambda _, p: changed(p, hashes=(bytes([p.hashes[0][0] ^ 1]) + p.hashes[0][1:], *p.hashes[1:])),
    "two hashes change places": lambda _, p: changed(p, hashes=(p.hashes[1], p.hashes[0], *p.hashes[2:])),
    "a hash too few": lambda _, p: changed(p, hashes=p.hashes[:-1]),
    "a hash too many": lambda _, p: changed(p, hashes=(*p.hashes, p.hashes[0])),
    "the index one higher": lambda _, p: changed(p, index=p.index + 1),
    "the index one lower": lambda _, p: changed(p, index=p.index - 1),
    "the index beyond the log": lambda _, p: changed(p, index=SIZE),
    "the checkpoint of another size": lambda e, p: changed(p, note=note.Note.parse(e.held[0])),
    "the proof of another size": lambda e, p: changed(store.prove(e.made.link, e.made.log, p.index, OLD), note=p.note),
    "the proof of another entry": lambda e, p: str(store.prove(e.made.link, e.made.log, p.index + 1)),
    "the size in the checkpoint": lambda _, p: str(p).replace("\n520\n", "\n519\n"),
}


@pytest.mark.parametrize("name", PROOFS)
def test_tampered_proof_files_are_refused(exported: Exported, name: str) -> None:
    proof = store.prove(exported.made.link, exported.made.log, 42)
    text = PROOFS[name](exported, proof)
    for check in CHECKS:
        try:
            assert not check(text, entry(42))
        except note.NoteError:
            assert check is check_ours


def test_tampered_consistency_proofs_are_refused(exported: Exported) -> None:
    read = store.read_tile(exported.made.link, exported.made.log)
    old, new = (note.Checkpoint.parse(note.Note.parse(text).text) for text in exported.held)
    proof = tree.consistency_proof(OLD, SIZE, read)
    wrong = [proof[:-1], proof[1:], [*proof, proof[0]], [proof[1], proof[0], *proof[2:]], [], [b"\0" * 32, *proof[1:]]]
    wrong.append(tree.consistency_proof(OLD + 1, SIZE, read))
    metamorphic_log.verify_consistency(OLD, SIZE, proof, old.root, new.root)
    for bad in wrong:
        assert not tree.verify_consistency(OLD, SIZE, old.root, new.root, bad)
        with pytest.raises(tlog.ConsistencyProofInvalid):
            tlog.ConsistencyProof(OLD, SIZE, bad).check(old.root, new.root)
        with pytest.raises(metamorphic_log.VerifyError):
            metamorphic_log.verify_consistency(OLD, SIZE, bad, old.root, new.root)
