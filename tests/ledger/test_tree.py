"""The tree agrees with RFC 6962: its public vectors, its recursive definition, and an implementation of others."""

import itertools
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.ledger import tree
from steelyard.ledger.tree import Frontier, verify_consistency, verify_inclusion
from tests.ledger.logs import Tiles, hashes, lines, plain_path, plain_proof, plain_root

# Certificate Transparency's reference tree, as its implementations in C++, Go and Rust carry it.
ENTRIES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ENTRIES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
PAIR_1 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
RIGHT_4 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
PAIR_3 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
PAIR_2 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = [
    (0, 1, []),
    (0, 8, [LEAF_1, PAIR_1, RIGHT_4]),
    (5, 8, [LEAF_4, PAIR_3, ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], PAIR_1, LEAF_4]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [LEAF_1, PAIR_1, RIGHT_4]),
    (6, 8, [PAIR_2, PAIR_3, ROOTS[4]]),
    (2, 5, [PAIR_1, LEAF_4]),
]

SIZES = st.integers(1, 700)
BIG = 70_000


@pytest.fixture(scope="module")
def reference() -> Tiles:
    """The reference tree of Certificate Transparency, in a tile."""
    tiles = Tiles()
    tiles.add(Frontier().extend([tree.leaf_hash(entry) for entry in ENTRIES]))
    return tiles


@pytest.fixture(scope="module")
def big() -> tuple[list[bytes], Tiles, Frontier]:
    """A tree of three levels of tiles, appended in uneven batches."""
    leaves, tiles, frontier = hashes(BIG), Tiles(), Frontier()
    at = 0
    for number in range(1, BIG):
        step = (number * 37) % 911
        tiles.add(frontier.extend(leaves[at : at + step]))
        at += step
        if at >= BIG:
            break
    assert frontier.size == BIG
    return leaves, tiles, frontier


def test_the_roots_of_the_public_vectors(reference: Tiles) -> None:
    assert tree.EMPTY_ROOT.hex() == ROOTS[0]
    frontier = Frontier()
    for size, want in enumerate(ROOTS[1:], 1):
        frontier.extend([tree.leaf_hash(ENTRIES[size - 1])])
        assert frontier.root().hex() == want
        assert tree.root_of(size, reference.read).hex() == want


@pytest.mark.parametrize(("index", "size", "want"), INCLUSION)
def test_the_inclusion_proofs_of_the_public_vectors(reference: Tiles, index: int, size: int, want: list[str]) -> None:
    proof = tree.inclusion_proof(index, size, reference.read)
    assert lines(proof) == want
    assert verify_inclusion(tree.leaf_hash(ENTRIES[index]), index, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new", "want"), CONSISTENCY)
def test_the_consistency_proofs_of_the_public_vectors(reference: Tiles, old: int, new: int, want: list[str]) -> None:
    proof = tree.consistency_proof(old, new, reference.read)
    assert lines(proof) == want
    assert verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), proof)


@given(st.lists(st.integers(0, 300), max_size=5))
def test_however_appends_are_cut_the_tree_is_the_one_rfc6962_defines(batches: list[int]) -> None:
    leaves, tiles, frontier = hashes(sum(batches)), Tiles(), Frontier()
    for batch in batches:
        frontier = Frontier.from_bytes(frontier.size, frontier.as_bytes())
        tiles.add(frontier.extend(leaves[frontier.size : frontier.size + batch]))
    assert frontier.root() == plain_root(leaves) == tree.root_of(len(leaves), tiles.read)
    held = {(level, index, len(found) // 32) for (level, index), found in tiles.tiles.items()}
    assert held == set(tree.tiles_of(len(leaves)))


@given(SIZES, st.data())
@settings(deadline=None)
def test_inclusion_proofs_are_the_defined_ones_and_verify(size: int, draw: st.DataObject) -> None:
    index, leaves, tiles = draw.draw(st.integers(0, size - 1)), hashes(size + 3), Tiles()
    tiles.add(Frontier().extend(leaves))  # the stored tree may have grown since
    proof, root = tree.inclusion_proof(index, size, tiles.read), plain_root(leaves[:size])
    assert proof == plain_path(index, leaves[:size])
    assert verify_inclusion(leaves[index], index, size, proof, root)

    other = draw.draw(st.integers(-1, size).filter(lambda item: item != index))
    assert not verify_inclusion(leaves[index], other, size, proof, root), "another index"
    assert not verify_inclusion(leaves[index], index, size, proof, plain_root(leaves[: size + 1])), (
        "another size's root"
    )
    assert not verify_inclusion(leaves[index - 1], index, size, proof, root) or size == 1, "another leaf"
    assert not verify_inclusion(leaves[index], index, size, [*proof, root], root), "a hash too many"
    assert not proof or not verify_inclusion(leaves[index], index, size, proof[:-1], root), "a hash too few"
    if proof:
        at, bit = draw.draw(st.integers(0, len(proof) - 1)), draw.draw(st.integers(0, 255))
        assert not verify_inclusion(leaves[index], index, size, flipped(proof, at, bit), root), "a flipped bit"
        assert not verify_inclusion(leaves[index], index, size, [*proof[:-1], proof[-1][:31]], root), "a cut hash"


@given(SIZES, st.data())
@settings(deadline=None)
def test_consistency_proofs_are_the_defined_ones_and_verify(new: int, draw: st.DataObject) -> None:
    old, leaves, tiles = draw.draw(st.integers(1, new)), hashes(new + 3), Tiles()
    tiles.add(Frontier().extend(leaves))
    proof = tree.consistency_proof(old, new, tiles.read)
    before, after = plain_root(leaves[:old]), plain_root(leaves[:new])
    assert proof == plain_proof(old, leaves[:new])
    assert verify_consistency(old, new, before, after, proof)

    assert not verify_consistency(old, new, plain_root(leaves[: old + 1]), after, proof), "another old root"
    assert not verify_consistency(old, new, before, plain_root(leaves[: new + 1]), proof), "another new root"
    assert not verify_consistency(old, new, before, after, [*proof, after]), "a hash too many"
    assert old == new or not verify_consistency(new, old, after, before, proof), "the wrong way round"
    if proof:
        at, bit = draw.draw(st.integers(0, len(proof) - 1)), draw.draw(st.integers(0, 255))
        assert not verify_consistency(old, new, before, after, flipped(proof, at, bit)), "a flipped bit"
        assert not verify_consistency(old, new, before, after, proof[:-1]), "a hash too few"
    if old < new:
        rewritten = [*leaves[: old - 1], leaves[old + 1], *leaves[old:new]]
        assert not verify_consistency(old, new, before, plain_root(rewritten), plain_proof(old, rewritten)), "a rewrite"


def flipped(proof: list[bytes], at: int, bit: int) -> list[bytes]:
    """The proof with one bit changed."""
    number = int.from_bytes(proof[at], "big") ^ (1 << bit)
    return [*proof[:at], number.to_bytes(32, "big"), *proof[at + 1 :]]


def test_every_pair_of_small_sizes() -> None:
    leaves, tiles = hashes(40), Tiles()
    tiles.add(Frontier().extend(leaves))
    roots = [plain_root(leaves[:size]) for size in range(41)]
    for new in range(1, 41):
        for old in range(new + 1):
            proof = tree.consistency_proof(old, new, tiles.read)
            assert verify_consistency(old, new, roots[old], roots[new], proof)
            assert old == 0 or not verify_consistency(old, new, roots[old], roots[new - 1], proof)
        for index in range(new):
            proof = tree.inclusion_proof(index, new, tiles.read)
            assert [i for i in range(new) if verify_inclusion(leaves[index], i, new, proof, roots[new])] == [index]


def test_an_inclusion_proof_does_not_bind_the_size(reference: Tiles) -> None:
    """Why size and root are only ever taken from one signed checkpoint: nothing else ties them together."""
    proof = tree.inclusion_proof(5, 8, reference.read)
    leaf, root = tree.leaf_hash(ENTRIES[5]), bytes.fromhex(ROOTS[8])
    assert verify_inclusion(leaf, 5, 8, proof, root)
    assert verify_inclusion(leaf, 5, 7, proof, root), "the root of eight leaves passes for one of seven"


def test_three_levels_of_tiles(big: tuple[list[bytes], Tiles, Frontier]) -> None:
    leaves, tiles, frontier = big
    assert frontier.root() == plain_root(leaves)
    widths: dict[int, list[int]] = {}
    for level, _, width in tree.tiles_of(BIG):
        widths.setdefault(level, []).append(width)
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}, "the example in the tlog-tiles specification"
    for old, new in ((1, BIG), (65_536, BIG), (65_535, 65_537), (4_097, 69_999), (256, 65_536)):
        before, after = plain_root(leaves[:old]), plain_root(leaves[:new])
        assert tree.root_of(old, tiles.read) == before
        assert verify_consistency(old, new, before, after, tree.consistency_proof(old, new, tiles.read))
    for index in (0, 255, 256, 65_535, 65_536, BIG - 1):
        proof = tree.inclusion_proof(index, BIG, tiles.read)
        assert verify_inclusion(leaves[index], index, BIG, proof, frontier.root())


def test_a_proof_reads_few_tiles(big: tuple[list[bytes], Tiles, Frontier]) -> None:
    _, tiles, _ = big
    for index in (0, 12_345, 65_535, 65_536, BIG - 1):
        seen: list[tuple[int, int]] = []

        def read(level: int, at: int, width: int, seen: list[tuple[int, int]] = seen) -> bytes:
            seen.append((level, at))
            return tiles.read(level, at, width)

        tree.inclusion_proof(index, BIG, read)
        assert len(seen) == len(set(seen)) <= 5


@pytest.mark.parametrize(
    "call",
    [
        lambda read: tree.inclusion_proof(8, 8, read),
        lambda read: tree.inclusion_proof(-1, 8, read),
        lambda read: tree.inclusion_proof(0, 0, read),
        lambda read: tree.consistency_proof(9, 8, read),
        lambda read: tree.consistency_proof(-1, 8, read),
        lambda read: tree.inclusion_proof(0, 8, lambda *_: b"\0" * 32),
        lambda read: Frontier(3, [b"\0" * 32]),
        lambda read: Frontier.from_bytes(1, b"\0" * 33),
        lambda read: Frontier(1, [b"\0" * 31]),
        lambda read: tree.subtree_root([]),
    ],
)
def test_what_does_not_exist_is_refused(reference: Tiles, call: object) -> None:
    with pytest.raises(ValueError):
        call(reference.read)  # type: ignore[operator]


def test_nothing_is_the_start_of_everything_and_proves_nothing() -> None:
    assert verify_consistency(0, 5, tree.EMPTY_ROOT, b"\1" * 32, [])
    assert not verify_consistency(0, 5, b"\2" * 32, b"\1" * 32, [])
    assert not verify_consistency(0, 5, tree.EMPTY_ROOT, b"\1" * 32, [b"\0" * 32])
    assert not verify_consistency(3, 5, b"\2" * 32, b"\1" * 32, [])
    assert not verify_consistency(-1, 5, b"\2" * 32, b"\1" * 32, [])
    assert not verify_inclusion(b"\1" * 32, 0, 0, [], b"\1" * 32)
    assert verify_inclusion(b"\1" * 32, 0, 1, [], b"\1" * 32)


def agree_with_pymerkle(count: int, sizes: list[int]) -> None:
    """Roots and inclusion proofs are those of pymerkle, and its consistency proofs hold for our roots."""
    import pymerkle

    entries = [b"entry %d" % number for number in range(count)]
    leaves, tiles, theirs = [tree.leaf_hash(entry) for entry in entries], Tiles(), pymerkle.InmemoryTree()
    tiles.add(Frontier().extend(leaves))
    theirs.append_entries(entries)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for size in sizes:
            root = tree.root_of(size, tiles.read)
            assert theirs.get_root(size) == root
            for index in {0, 1, size // 3, size - 2, size - 1} & set(range(size)):
                proof = tree.inclusion_proof(index, size, tiles.read)
                found = theirs.prove_inclusion(index + 1, size)
                assert found.path[1:] == proof and found.path[0] == leaves[index]
                assert verify_inclusion(found.path[0], index, size, found.path[1:], root)
        for old, new in itertools.pairwise(sizes):
            before, after = tree.root_of(old, tiles.read), tree.root_of(new, tiles.read)
            pymerkle.verify_consistency(before, after, theirs.prove_consistency(old, new), old, new)
            assert verify_consistency(old, new, before, after, tree.consistency_proof(old, new, tiles.read))


def test_pymerkle_agrees_at_100_000() -> None:
    agree_with_pymerkle(100_000, [1, 2, 255, 256, 257, 1_000, 65_535, 65_536, 65_537, 99_999, 100_000])


@pytest.mark.slow
def test_pymerkle_agrees_at_1_000_000() -> None:
    agree_with_pymerkle(1_000_000, [1, 65_536, 524_288, 999_999, 1_000_000])
