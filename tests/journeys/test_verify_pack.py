"""The stand-alone verifier: files that are no packs, hostile zips, and its own cryptography against that of others."""

import ast
import hashlib
import json
import sys
import time
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.base import keys
from steelyard.evidence.statement import Subject
from steelyard.journeys import verify_pack
from steelyard.ledger import note, store
from tests.conftest import ROOT
from tests.journeys.packs import (
    SYSTEM,
    House,
    Members,
    change,
    copy_of,
    members,
    put,
    relist,
    verify,
)
from tests.ledger.logs import make, sqlite_url

SCRIPT = ROOT / "src/steelyard/journeys/verify_pack.py"


# Files that are no packs ----------------------------------------------------------------------------------------------


def test_a_zip_that_is_cut_cannot_be_read(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(pack.read_bytes()[:-4_000])
    done = verify(tmp_path / "cut.zip", tmp_path / "empty")
    assert done.returncode == 2 and "cannot be read" in done.stdout and "无法" in done.stdout and not done.stderr


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "a/../../b", "..\\outside", "C:/x", "a//b", ".hidden", "a\nb"]
)
def test_names_that_lead_elsewhere_are_refused(name: str, parts: Members, tmp_path: Path) -> None:
    done = verify(put(tmp_path / "pack.zip", {**parts, name: b"x"}), tmp_path / "empty")
    assert done.returncode == 2 and not done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"pack.zip", "empty"}


def test_a_name_that_stands_twice_is_refused(parts: Members, tmp_path: Path) -> None:
    path = put(tmp_path / "pack.zip", parts)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as twice:
        twice.writestr("index.html", b"another page")
    assert verify(path, tmp_path / "empty").returncode == 2


def test_a_zip_that_swells_is_refused(parts: Members, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        for name, data in parts.items():
            bomb.writestr(name, data)
        bomb.writestr("attachments/" + "0" * 64, bytes(200_000_000))
    assert (tmp_path / "bomb.zip").stat().st_size < 1_000_000
    started = time.monotonic()
    done = verify(tmp_path / "bomb.zip", tmp_path / "empty")
    assert done.returncode == 2 and time.monotonic() - started < 5


def test_links_in_a_folder_are_refused(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as one:
        one.extractall(tmp_path / "folder")
    (tmp_path / "folder/attachments/link").symlink_to("/etc/hostname")
    assert verify(tmp_path / "folder", tmp_path / "empty").returncode == 2


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"[" * 200_000, b'{"files": {}, "logs": 7}', b"\xff"])
def test_a_list_that_is_none_is_no_pack(data: bytes, parts: Members, tmp_path: Path) -> None:
    done = verify(put(tmp_path / "pack.zip", {**parts, "pack.json": data}), tmp_path / "empty")
    assert done.returncode in (1, 2) and "HOLDS" not in done.stdout.replace("DOES NOT HOLD", "") and not done.stderr


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_single_byte_can_be_changed(data: st.DataObject, pack: Path) -> None:
    """Any byte of any member, listed anew but not sealed: something is wrong, or the file cannot be read."""
    parts = members(pack)
    name = data.draw(st.sampled_from(sorted(set(parts) - {"pack.json"})))
    change(parts, name, data.draw(st.integers(0, len(parts[name]) - 1)))
    relist(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify_pack, "members", lambda path: (set(parts), parts.__getitem__))
        check = verify_pack.Check("pack.zip", [], [], [])
        try:
            check.run()
        except Exception:
            return
    assert check.alarms, name


# The script itself ----------------------------------------------------------------------------------------------------


def test_the_script_is_short_and_needs_nothing_but_python_3_8() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    parsed = ast.parse(text, feature_version=(3, 8))
    brought = {name.name for node in ast.walk(parsed) if isinstance(node, ast.Import) for name in node.names}
    brought |= {str(node.module) for node in ast.walk(parsed) if isinstance(node, ast.ImportFrom)}
    assert brought <= sys.stdlib_module_names
    newer = {"removeprefix", "removesuffix", "bit_count", "is_relative_to", "pairwise", "hexdigest_file"}
    assert not newer & {node.attr for node in ast.walk(parsed) if isinstance(node, ast.Attribute)}
    forbidden = {"open", "write_text", "write_bytes", "extract", "extractall", "exec", "eval", "system"}
    called = {
        getattr(node.func, "id", getattr(node.func, "attr", ""))
        for node in ast.walk(parsed)
        if isinstance(node, ast.Call)
    }
    assert not forbidden & called


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
@settings(max_examples=25, deadline=None)
def test_signatures_are_judged_as_others_judge_them(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert verify_pack.verify(public, signature, message)
    assert not verify_pack.verify(public, signature, message + b"x")
    wrong = bytearray(signature)
    wrong[bit // 8] ^= 1 << bit % 8
    assert not verify_pack.verify(public, bytes(wrong), message)
    assert keys.verify(public, bytes(wrong), message) is False


def test_the_vector_of_the_standard() -> None:
    """RFC 8032, section 7.1, test 2."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify_pack.verify(public, signature, b"\x72")


@pytest.mark.parametrize("length", [0, 31, 33, 63])
def test_signatures_of_another_form_are_refused(length: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"x")
    order = 2**252 + 27742317777372353535851937790883648493
    high = (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not verify_pack.verify(public, signature[:32] + high, b"x")
    assert not verify_pack.verify(public, (signature * 2)[:length], b"x")
    assert not verify_pack.verify((public * 2)[:length], signature, b"x")


@pytest.mark.parametrize("y", [1, 0, 2**255 - 20, 2**255 - 19, 2**255 - 18])
def test_keys_of_small_order_are_refused(y: int) -> None:
    """Such a key would let one signature stand for any message."""
    for sign in (0, 1 << 255):
        public = (y | sign).to_bytes(32, "little")
        assert not verify_pack.verify(public, (1).to_bytes(32, "little") + bytes(32), b"anything")


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 513])
def test_trees_and_proofs_are_those_of_the_ledger(size: int, tmp_path: Path) -> None:
    made = make(sqlite_url(tmp_path), size)
    with made.link:
        leaves = [hashlib.sha256(b"\x00" + leaf).digest() for _, leaf in store.entries(made.link, made.log)]
        root = note.Checkpoint.parse(store.checkpoint(made.link, made.log).text).root  # type: ignore[union-attr]
        assert verify_pack.tree(leaves) == root
        for index in {0, size // 2, size - 1}:
            proof = [*store.prove(made.link, made.log, index).hashes]
            assert verify_pack.climb(leaves[index], index, size, proof) == root
            for wrong in (proof[:-1], [*proof, bytes(32)], [bytes(32), *proof[1:]]):
                assert wrong == proof or verify_pack.climb(leaves[index], index, size, wrong) != root
    assert verify_pack.tile(0, 1234067, 256) == "tile/0/x001/x234/067"
    assert verify_pack.tile("entries", 12, 5) == "tile/entries/012.p/5"


def test_a_thousand_entries_and_two_hundred_signatures_take_seconds(house: House, tmp_path: Path) -> None:
    """Pure Python on one core; the promise is 20 seconds."""
    from steelyard.evidence import store as evidence
    from steelyard.evidence.kinds import Kinds
    from steelyard.evidence.statement import evidence as stated
    from steelyard.gates.desk import writing
    from steelyard.ledger.personal import utc_now

    other, kind = copy_of(house, tmp_path / "copy"), Kinds.registered()["document"]
    own = other.home.statement_signer()
    with writing(other.home) as link, link.transaction():
        for number in range(180):
            subject = Subject(f"file-{number}", hashlib.sha256(str(number).encode()).hexdigest())
            said = stated(kind, [subject], SYSTEM, issued=utc_now(), obligations=["govern.register-light"])
            evidence.insert(link, said.sealed(own), said, (), ts=utc_now())
        store.queue_leaves(link, [b'{"kind":"other","n":%d,"ts":"x","v":1}' % number for number in range(800)])
    path = other.pack("large.zip")
    started = time.monotonic()
    done = verify(path, tmp_path / "empty")
    took = time.monotonic() - started
    listed = json.loads(members(path)["pack.json"])
    assert done.returncode == 0, done.stdout
    assert sum(log["size"] for log in listed["logs"]) > 1_000
    assert sum(name.startswith("envelopes/") for name in listed["files"]) > 200 and took < 20
