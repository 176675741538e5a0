"""The Merkle tree of a log, without I/O: hashes, appending, roots, proofs, and checking proofs.

Rules enforced (RFC 6962 section 2, RFC 9162 section 2.1; indexes count from 0):
- a leaf hashes as SHA-256(0x00 || entry), an inner node as SHA-256(0x01 || left || right);
- hashes are kept in tiles of height 8 (C2SP tlog-tiles): tile (level, n) holds the nodes of height 8*level from
  256*n on; only the last tile of a level may be partial, and only it ever changes;
- a proof is made from tiles alone: at most three or four tiles of a million entries;
- an inclusion proof does not bind the size of the tree: take size and root from one signed checkpoint only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

HEIGHT, WIDTH = 8, 256
HASH = 32
EMPTY_ROOT = sha256(b"").digest()

TileKey = tuple[int, int]
ReadTile = Callable[[int, int, int], bytes]
"""Reads (level, index, width): at least `width` hashes of a tile, 32 bytes each."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that is needed to append and to give the root.

    `nodes` are the roots of the perfect subtrees of the size's binary digits, the largest first.
    """

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if len(self.nodes) != size.bit_count() or any(len(node) != HASH for node in self.nodes):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} subtrees, not {len(self.nodes)}")

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> "Frontier":
        """The frontier that `as_bytes` wrote. Raises ValueError where it does not fit the size."""
        if len(data) % HASH:
            raise ValueError("a frontier is a list of hashes")
        return cls(size, (data[at : at + HASH] for at in range(0, len(data), HASH)))

    def as_bytes(self) -> bytes:
        """The subtree roots, joined."""
        return b"".join(self.nodes)

    def root(self) -> bytes:
        """The root of the tree so far; of nothing, the hash of nothing."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = sha256(b"\x01" + node + root).digest()
        return root

    def extend(self, hashes: Sequence[bytes]) -> dict[int, list[bytes]]:
        """Appends leaf hashes; gives what each tile level gains: level -> new nodes of height 8*level, in order."""
        gained: dict[int, list[bytes]] = {0: list(hashes)}
        nodes, size = self.nodes, self.size
        digest = sha256
        for node in hashes:
            size += 1
            height = 0
            rest = size
            while not rest & 1:  # one merge for every subtree that this leaf completes
                rest >>= 1
                height += 1
                node = digest(b"\x01" + nodes.pop() + node).digest()
                if not height & 7:
                    gained.setdefault(height >> 3, []).append(node)
            nodes.append(node)
        self.size = size
        return gained


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Every tile of a tree as (level, index, width), the partial one of each level last."""
    level, count = 0, size
    while count:
        for index in range(count // WIDTH):
            yield level, index, WIDTH
        if count % WIDTH:
            yield level, count // WIDTH, count % WIDTH
        level, count = level + 1, count // WIDTH


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """The root over nodes of one height, as RFC 6962 splits them. Raises ValueError for none."""
    if not hashes:
        raise ValueError("no hashes, no root")
    level = list(hashes)
    while len(level) > 1:
        pairs = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) & 1:
            pairs.append(level[-1])
        level = pairs
    return level[0]


class _Nodes:
    """Nodes of a stored tree, each tile read once."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self._size, self._read = size, read
        self._tiles: dict[TileKey, bytes] = {}

    def node(self, height: int, index: int) -> bytes:
        """The perfect subtree of 2**height leaves from leaf index * 2**height on."""
        level, above = divmod(height, HEIGHT)
        first = index << above
        tile, offset = divmod(first, WIDTH)
        data = self._tile(level, tile)
        count = 1 << above
        hashes = [data[at : at + HASH] for at in range(offset * HASH, (offset + count) * HASH, HASH)]
        if len(hashes) != count or any(len(item) != HASH for item in hashes):
            raise ValueError(f"tile {level}/{tile} is too short")
        return subtree_root(hashes)

    def _tile(self, level: int, index: int) -> bytes:
        key = (level, index)
        if key not in self._tiles:
            width = min(WIDTH, (self._size >> (HEIGHT * level)) - index * WIDTH)
            data = self._read(level, index, width)
            if len(data) < width * HASH:
                raise ValueError(f"tile {level}/{index} holds {len(data) // HASH} hashes, not {width}")
            self._tiles[key] = data[: width * HASH]
        return self._tiles[key]

    def range_root(self, start: int, end: int) -> bytes:
        """The root over the leaves start..end-1, where start is a multiple of the largest subtree below it."""
        parts = []
        at = start
        while at < end:
            height = (end - at).bit_length() - 1
            if at:
                height = min(height, (at & -at).bit_length() - 1)
            parts.append(self.node(height, at >> height))
            at += 1 << height
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def root_of(size: int, read: ReadTile) -> bytes:
    """The root of the first `size` leaves of a stored tree (which may be larger)."""
    return _Nodes(size, read).range_root(0, size) if size else EMPTY_ROOT


def prefix_root(old: int, size: int, read: ReadTile) -> bytes:
    """The root of the first `old` leaves, read from the tiles of one's own tree of `size` leaves.

    For somebody else's tiles take a consistency proof: nothing ties these to a signed root.
    """
    return _Nodes(size, read).range_root(0, old) if old else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: ReadTile) -> list[bytes]:
    """The audit path of leaf `index` in the tree of the first `size` leaves (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    nodes = _Nodes(size, read)
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(nodes.range_root(middle, end))
            end = middle
        else:
            proof.append(nodes.range_root(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, read: ReadTile) -> list[bytes]:
    """The proof that the first `old` leaves are the start of the first `new` (RFC 9162 section 2.1.4.1)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} cannot be the start of one of {new}")
    if old in (0, new):
        return []
    nodes = _Nodes(new, read)
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while True:
        if old - start == end - start:
            if not whole:
                proof.append(nodes.range_root(start, end))
            return proof[::-1]
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(nodes.range_root(middle, end))
            end = middle
        else:
            proof.append(nodes.range_root(start, middle))
            start, whole = middle, False


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf hash `leaf` stands at `index` in the tree of `size` with `root` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf
    for item in proof:
        if last == 0 or len(item) != HASH:
            return False
        if position & 1 or position == last:
            node = node_hash(item, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, item)
        position >>= 1
        last >>= 1
    return last == 0 and node == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `old` with `old_root` is the start of that of `new` (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if not path or any(len(item) != HASH for item in path):
        return False
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = path[0]
    for item in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = node_hash(item, first), node_hash(item, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, item)
        position >>= 1
        last >>= 1
    return last == 0 and first == old_root and second == new_root
