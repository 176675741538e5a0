"""Checking a whole log without trusting who kept it, in memory that does not grow with it.

Three layers: (1) signatures, and every checkpoint on the way is the root of what stands there; (2) every entry hashes
to its tile, every tile to the tile above; (3) in a store, every row that must have a leaf has one and equals what its
latest leaf says (`rows` below).

What passing proves: nothing changed since the newest checkpoint that somebody else holds. Not that it was true.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection, over
from steelyard.ledger import note, personal, record, registry, store, tiles, tree

ALARMS: dict[str, Text] = {
    "no_checkpoint": Text("there is no checkpoint", "没有检查点"),
    "bad_checkpoint": Text("the checkpoint cannot be read", "检查点无法读取"),
    "bad_signature": Text("the checkpoint is not signed by this key", "检查点并非由此密钥签署"),
    "bad_cosignature": Text("a witness's signature does not hold", "见证签名无效"),
    "truncated": Text("entries or tiles that the checkpoint covers are missing", "检查点所含的记录或哈希块缺失"),
    "bad_bundle": Text("a bundle of entries is damaged", "记录包已损坏"),
    "edited": Text("an entry is not the one that was logged", "记录与入账时不同"),
    "bad_tile": Text("a tile does not follow from the entries", "哈希块与记录不符"),
    "root_mismatch": Text("the entries do not add up to the checkpoint", "记录与检查点的根不符"),
    "fork": Text("another history than the one that was witnessed", "与已见证的历史不同（分叉）"),
    "rollback": Text("older than what was witnessed: put back from a copy", "早于已见证的状态：被旧备份覆盖"),
    "leaf_too_large": Text("an entry is larger than a leaf may be", "记录超过叶记录上限"),
    "not_canonical": Text("an entry is not canonical JSON", "记录不是规范 JSON"),
    "clock_backwards": Text("the clock went backwards here", "此处时钟发生回拨"),
    "row_without_leaf": Text("a row that must have a leaf has none", "应有叶记录的行没有叶记录"),
    "row_mismatch": Text("a row differs from its latest leaf", "行与其最新叶记录不符"),
    "leaf_without_row": Text("a leaf says a row exists that is gone", "叶记录中有，但所述的行已不在存储中"),
    "secret_missing": Text("a committed value is gone without a record of erasing", "承诺值的原值缺失，且无删除记录"),
    "secret_mismatch": Text("a committed value is not the one that was logged", "承诺值的原值与入账时不同"),
    "erased_returned": Text("erased personal data were put back", "已删除的个人数据被放回"),
    "index_differs": Text("an index does not say what the statements say", "索引与声明不一致"),
    "queue_old": Text("records have waited too long to become leaves", "记录等待入账时间过长"),
    "key_expired": Text("signed with a key after its end or revocation", "使用了已过期或已撤销的密钥"),
}
"""The closed list of alarms."""

NOTICES = frozenset({"clock_backwards", "queue_old"})
"""Alarms that are told and do not make the log wrong."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong: a code of `ALARMS`, the entry it is about if any, and what was seen."""

    code: str
    index: int | None = None
    seen: str = ""

    def text(self) -> Text:
        """The alarm for people."""
        about = ALARMS[self.code]
        return Text(f"{about.en}: {self.seen}", f"{about.zh}：{self.seen}") if self.seen else about


@dataclass(slots=True)
class Report:
    """The result of an audit. `checked` counts entries."""

    origin: str = ""
    size: int = 0
    root: bytes = b""
    checked: int = 0
    alarms: list[Alarm] = field(default_factory=list)
    witnesses: list[tuple[str, int]] = field(default_factory=list)
    more: int = 0
    wrong: bool = False

    MOST = 1_000

    def add(self, code: str, index: int | None = None, seen: str = "") -> None:
        """Notes an alarm; beyond a thousand they are counted only. Notices may take half the room, and never the rest:
        whoever can write many of them cannot hide an alarm behind them."""
        self.wrong = self.wrong or code not in NOTICES
        if len(self.alarms) >= (self.MOST // 2 if code in NOTICES else self.MOST):
            self.more += 1
        else:
            self.alarms.append(Alarm(code, index, seen))

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, of what is shown and of what is only counted."""
        return not self.wrong and all(item.code in NOTICES for item in self.alarms)


Look = Callable[[int, bytes], None]
"""Is shown every entry (index, bytes) in order."""


def audit(
    source: tiles.Source,
    key: note.VerifierKey,
    *,
    witnesses: Iterable[note.VerifierKey] = (),
    held: Iterable[note.Checkpoint] = (),
    look: Look | None = None,
    progress: Callable[[int, int], None] | None = None,
    own_records: bool = False,
) -> Report:
    """Checks a log from its first entry to its checkpoint.

    `held` are checkpoints that somebody kept: each must be the root of what stands at its size. `own_records` also
    checks that leaves are canonical JSON within the limit.
    """
    report = Report(origin=key.name)
    kept = sorted(held, key=lambda item: item.size)
    checkpoint = _checkpoint(source, key, witnesses, report)
    if checkpoint is None:
        return report
    report.size, report.root = checkpoint.size, checkpoint.root
    for item in kept:
        if item.size > checkpoint.size:
            report.add("rollback", None, f"{item.size} entries were witnessed, the log now says {checkpoint.size}")
    wanted: dict[int, list[bytes]] = {}
    for item in kept:
        if item.size <= checkpoint.size:
            wanted.setdefault(item.size, []).append(item.root)
    walk = _Walk(source, checkpoint.size, report, wanted)
    walk.run(look, progress, own_records)
    if walk.complete and walk.frontier.root() != checkpoint.root:
        report.add("root_mismatch", None, f"at {checkpoint.size} entries")
    elif walk.complete:  # the entries are those that were signed: where a tile disagrees, the tile is wrong
        report.alarms = [replace(item, code="bad_tile") if item.code == "edited" else item for item in report.alarms]
    return report


def _checkpoint(
    source: tiles.Source, key: note.VerifierKey, witnesses: Iterable[note.VerifierKey], report: Report
) -> note.Checkpoint | None:
    text = source.checkpoint()
    if text is None:
        report.add("no_checkpoint")
        return None
    try:
        signed = note.Note.parse(text)
        checkpoint = note.Checkpoint.parse(signed.text)
    except note.NoteError as error:
        report.add("bad_checkpoint", None, str(error))
        return None
    if not signed.signed_by(key) or checkpoint.origin != key.name:
        report.add("bad_signature", None, f"{checkpoint.origin}, expected {key.name}+{key.hash.hex()}")
        return None
    for witness in witnesses:
        lines = [item for item in signed.signatures if (item.name, item.mark) == (witness.name, witness.hash)]
        time = signed.cosigned_at(witness)
        if time is not None:
            report.witnesses.append((witness.name, time))
        elif lines:
            report.add("bad_cosignature", None, witness.name)
    return checkpoint


class _Walk:
    """One pass over the entries, bundle by bundle, building the tree beside the tiles."""

    def __init__(self, source: tiles.Source, size: int, report: Report, wanted: dict[int, list[bytes]]) -> None:
        self.source, self.size, self.report, self.wanted = source, size, report, wanted
        self.frontier = tree.Frontier()
        self.complete = True
        self.upper: dict[int, list[bytes]] = {}
        self.tile_no: dict[int, int] = {}
        self.sizes = sorted(wanted)

    def run(self, look: Look | None, progress: Callable[[int, int], None] | None, own: bool) -> None:
        """Reads everything the checkpoint covers, or up to the first part that is missing."""
        for index in range((self.size + tree.WIDTH - 1) // tree.WIDTH):
            width = min(tree.WIDTH, self.size - index * tree.WIDTH)
            if not self._bundle(index, width, look, own):
                self.complete = False
                return
            if progress is not None:
                progress(self.report.checked, self.size)
        for level, nodes in sorted(self.upper.items()):
            if nodes:
                self._compare(level, self.tile_no.get(level, 0), nodes)

    def _bundle(self, index: int, width: int, look: Look | None, own: bool) -> bool:
        first, report = index * tree.WIDTH, self.report
        data = self.source.bundle(index, width)
        if data is None:
            report.add("truncated", first, f"entries {first} to {first + width - 1}")
            return False
        try:
            entries = tiles.unpack(data)
        except ValueError as error:
            report.add("bad_bundle", first, str(error))
            return False
        if len(entries) < width:
            report.add("truncated", first + len(entries), f"the bundle ends at entry {first + len(entries) - 1}")
            return False
        if len(entries) not in (width, tree.WIDTH):
            report.add("bad_bundle", first + width, f"{len(entries)} entries where {width} belong")
        hashes = [tree.leaf_hash(entry) for entry in entries[:width]]
        tile = self._tile(0, index, width)
        if tile is not None and tile != b"".join(hashes):
            for at, item in enumerate(hashes):
                if tile[at * tree.HASH : (at + 1) * tree.HASH] != item:
                    report.add("edited", first + at, f"entry {first + at} and tile 0/{index} disagree")
        for at, entry in enumerate(entries[:width], first):
            if own:
                self._own(at, entry)
            if look is not None:
                look(at, entry)
        self._grow(hashes)
        report.checked += width
        return True

    def _own(self, index: int, entry: bytes) -> None:
        if len(entry) > record.MAX_LEAF:
            self.report.add("leaf_too_large", index, f"{len(entry)} bytes")
            return
        data = record.decode(entry)
        try:
            same = data is not None and record.encode(data) == entry
        except InputError:  # an entry that our own encoder refuses is not canonical either
            same = False
        if not same:
            self.report.add("not_canonical", index)
        elif data is not None and data.get("kind") == "clock.backwards":
            self.report.add("clock_backwards", index, str(data.get("ts", "")))

    def _grow(self, hashes: list[bytes]) -> None:
        """Appends, stopping at every size whose root somebody holds."""
        at, start = 0, self.frontier.size
        if self.sizes and self.sizes[0] == 0:
            self._check_held(0)
        while at < len(hashes):
            stop = len(hashes)
            if self.sizes and self.sizes[0] <= start + len(hashes):
                stop = self.sizes[0] - start
            for level, nodes in self.frontier.extend(hashes[at:stop]).items():
                if level:
                    self._raise(level, nodes)
            at = stop
            if self.sizes and self.sizes[0] == self.frontier.size:
                self._check_held(self.frontier.size)

    def _check_held(self, size: int) -> None:
        self.sizes.pop(0)
        if any(root != self.frontier.root() for root in self.wanted[size]):
            self.report.add("fork", None, f"at {size} entries")

    def _raise(self, level: int, nodes: list[bytes]) -> None:
        have = self.upper.setdefault(level, [])
        have += nodes
        while len(have) >= tree.WIDTH:
            number = self.tile_no.get(level, 0)
            self._compare(level, number, have[: tree.WIDTH])
            del have[: tree.WIDTH]
            self.tile_no[level] = number + 1

    def _compare(self, level: int, index: int, nodes: list[bytes]) -> None:
        data = self._tile(level, index, len(nodes))
        if data is not None and data != b"".join(nodes):
            self.report.add("bad_tile", None, f"tile {level}/{index}")

    def _tile(self, level: int, index: int, width: int) -> bytes | None:
        """The tile cut to its width; None, and an alarm, where there is less of it than that."""
        data, first = self.source.tile(level, index, width), index * tree.WIDTH if level == 0 else None
        if data is None or len(data) < width * tree.HASH:
            self.report.add("truncated", first, f"tile {level}/{index}")
            return None
        if len(data) not in (width * tree.HASH, tiles.MAX_TILE):
            self.report.add("bad_tile", first, f"tile {level}/{index} has {len(data)} bytes, not {width * tree.HASH}")
        return data[: width * tree.HASH]


def held_by_store(connection: Any, log: store.Log) -> Iterator[note.Checkpoint]:
    """Every checkpoint that a store signed for a log; those that do not hold are alarms of `audit_store`."""
    for (text,) in over(connection).all("SELECT note FROM ledger_checkpoint WHERE log = ? ORDER BY size", (log.id,)):
        try:
            yield note.signed_checkpoint(note.Note.parse(text), log.key)
        except note.NoteError:
            continue


def audit_store(
    connection: Any, log: store.Log, report: Report, vault: personal.Vault | None = None, *, rows: bool = True
) -> None:
    """What only a store can show: every checkpoint ever signed, every row against its leaf, every committed value."""
    link = over(connection)
    roots: dict[int, bytes] = {}
    for size, text in link.all("SELECT size, note FROM ledger_checkpoint WHERE log = ? ORDER BY size", (log.id,)):
        try:
            found = note.signed_checkpoint(note.Note.parse(text), log.key)
            roots[found.size] = found.root
            if found.size != size:
                report.add("bad_checkpoint", None, f"stored as of {size} entries")
        except note.NoteError as error:
            report.add("bad_signature", None, f"at {size} entries: {error}")
        except (TypeError, AttributeError):
            report.add("bad_checkpoint", None, f"at {size} entries: not a text")
    _head(link, log, roots, report)
    waiting = store.queue(link)
    if waiting.alarming:
        report.add("queue_old", None, f"{waiting.length} records, {waiting.age_ms // 1000} s")
    if rows:
        _rows(link, report)
    if vault is not None:
        _secrets(link, log, vault, report)


def _head(link: Connection, log: store.Log, roots: dict[int, bytes], report: Report) -> None:
    """Where the next batch would begin: at the newest checkpoint, or the log would contradict it."""
    row = link.one(  # one statement, so that a sequencer at work is seen before or after, never half-way
        "SELECT size, frontier, (SELECT max(size) FROM ledger_checkpoint c WHERE c.log = h.log),"
        " (SELECT max(idx) FROM ledger_entry e WHERE e.log = h.log) FROM ledger_head h WHERE log = ?",
        (log.id,),
    )
    size, frontier, signed, last = row if row is not None else (0, b"", None, None)
    if row is None or (signed or 0) != size:
        report.add("bad_checkpoint", None, f"the log has {size} entries, its newest checkpoint {signed or 0}")
    if last is not None and last >= size:
        report.add("bad_checkpoint", int(last), f"entry {last} stands beyond the {size} of the log")
    try:
        root = tree.Frontier.from_bytes(size, frontier).root()
    except (ValueError, TypeError):
        root = b""
    if size in roots and root != roots[size]:
        report.add("root_mismatch", None, f"the head of the log is not the checkpoint of {size} entries")


def _rows(link: Connection, report: Report) -> None:
    tables = set(link.tables())
    for item in registry.REGISTERED.values():
        if item.table not in tables:
            continue
        for thing, digest in item.rows(link):
            found = store.latest(link, thing)
            said = record.decode(found[2]) if found else None
            if said is None or said.get("object") != thing:
                report.add("row_without_leaf", None, f"{item.table}: {thing}")
            elif said.get("digest") != digest:
                report.add("row_mismatch", found[1] if found else None, f"{item.table}: {thing}")
        _gone(link, item, report)


def _gone(link: Connection, item: registry.Registered, report: Report) -> None:
    """Leaves of a table whose rows are not there any more."""
    end = item.prefix[:-1] + chr(ord(item.prefix[-1]) + 1)
    have = {thing for thing, _ in item.rows(link)}
    for thing, index, leaf in link.all(
        "SELECT object, idx, leaf FROM ledger_entry WHERE object >= ? AND object < ? ORDER BY log, idx",
        (item.prefix, end),
    ):
        data = record.decode(bytes(leaf) if not isinstance(leaf, (str, int)) else b"") or {}
        if thing not in have and "digest" in data:
            report.add("leaf_without_row", int(index), f"{item.table}: {thing}")


def _secrets(link: Connection, log: store.Log, vault: personal.Vault, report: Report) -> None:
    erased = personal.erased_marks(link)
    for index, leaf in store.entries(link, log):
        if b'"c":{' not in leaf:
            continue
        for field_name, mark in ((record.decode(leaf) or {}).get("c") or {}).items():
            state = vault.state(link, str(mark), erased)
            if state == "opened" and mark in erased:
                report.add("erased_returned", index, str(field_name))
            if state in ("missing", "mismatch"):
                report.add(f"secret_{state}", index, str(field_name))
