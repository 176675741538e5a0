"""Our own audit: every tampering with a store is named, nothing makes it fall over, and it needs little memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.ledger import audit, note, record, store, tiles, tree
from tests.conftest import ROOT
from tests.ledger.logs import LOG_KEY, ORIGIN, OTHER_KEY, WITNESS, WITNESS_KEY, Made, entry, make, sqlite_url, tamper
from tests.ledger.tampering import export


def codes(made: Made, **more: object) -> set[str]:
    """The codes of the alarms over a store."""
    found = audit.audit(tiles.Database(made.link, made.log), made.log.key, own_records=True, **more)  # type: ignore[arg-type]
    return {alarm.code for alarm in found.alarms}


@pytest.mark.parametrize(
    ("statement", "want"),
    [
        ("UPDATE ledger_entry SET leaf = CAST('{}' AS BLOB) WHERE idx = 299", {"edited", "root_mismatch"}),
        ("UPDATE ledger_entry SET leaf = CAST('{}' AS BLOB) WHERE idx = 7", {"edited", "bad_tile", "root_mismatch"}),
        (
            "UPDATE ledger_entry SET leaf = CAST('[]' AS BLOB) WHERE idx = 299",
            {"edited", "not_canonical", "root_mismatch"},
        ),
        ("DELETE FROM ledger_entry WHERE idx = 7", {"truncated"}),
        ("DELETE FROM ledger_entry WHERE idx = 299", {"truncated"}),
        ("UPDATE ledger_entry SET idx = idx + 1000 WHERE idx = 299", {"truncated"}),
        ("UPDATE ledger_entry SET leaf = zeroblob(70000) WHERE idx = 7", {"truncated"}),
        ("UPDATE ledger_entry SET leaf = 'text' WHERE idx = 7", {"truncated"}),
        ("UPDATE ledger_entry SET leaf = 1000000000000000 WHERE idx = 7", {"truncated"}),
        ("UPDATE ledger_tile SET hashes = zeroblob(8192) WHERE level = 0 AND tile = 0", {"bad_tile"}),
        ("UPDATE ledger_tile SET hashes = zeroblob(32) WHERE level = 1", {"bad_tile"}),
        ("UPDATE ledger_tile SET hashes = substr(hashes, 1, 32) WHERE level = 0", {"truncated"}),
        ("UPDATE ledger_tile SET hashes = 'text' WHERE level = 0", {"truncated"}),
        ("UPDATE ledger_tile SET hashes = 1000000000000000 WHERE level = 1", {"truncated"}),
        ("DELETE FROM ledger_tile WHERE level = 1", {"truncated"}),
        ("DELETE FROM ledger_checkpoint", {"no_checkpoint"}),
        ("UPDATE ledger_checkpoint SET note = 'x'", {"bad_checkpoint"}),
        ("UPDATE ledger_checkpoint SET note = x'00ff'", {"bad_checkpoint"}),
        ("UPDATE ledger_checkpoint SET note = replace(note, '300', '299')", {"bad_signature"}),
        ("INSERT INTO ledger_cosignature VALUES (1, 300, 'w', 'x')", {"bad_checkpoint"}),
        ("INSERT INTO ledger_cosignature VALUES (1, 300, 'w', x'00')", {"bad_checkpoint"}),
        ("UPDATE ledger_log SET public = zeroblob(32)", set()),  # the auditor brings the key
    ],
)
def test_tampering_with_a_store_is_named(small: Made, statement: str, want: set[str]) -> None:
    assert codes(small) == set()
    tamper(small, statement)
    assert codes(small) == want


def test_the_alarm_names_the_entry(small: Made) -> None:
    tamper(small, "UPDATE ledger_entry SET leaf = CAST('{}' AS BLOB) WHERE idx = 270")
    report = audit.audit(tiles.Database(small.link, small.log), small.log.key)
    assert not report.ok and report.checked == 300
    found = report.alarms[0]
    assert (found.code, found.index) == ("edited", 270) and "270" in found.text().en and "270" in found.text().zh


def test_of_a_thousand_alarms_the_rest_is_counted(tmp_path: Path) -> None:
    made = make(sqlite_url(tmp_path), 1_500)
    tamper(made, "UPDATE ledger_entry SET leaf = CAST('{}' AS BLOB)")
    report = audit.audit(tiles.Database(made.link, made.log), made.log.key)
    assert len(report.alarms) == audit.Report.MOST and report.more == 502 and not report.ok


def test_no_number_of_notices_hides_an_alarm(tmp_path: Path) -> None:
    made = make(sqlite_url(tmp_path))
    told = [record.encode(record.record("clock.backwards", ts=f"2026-11-24T00:00:00.{n:04d}Z")) for n in range(1_500)]
    store.sequence(made.link, LOG_KEY, leaves=[*told, entry(0)])
    report = audit.audit(tiles.Database(made.link, made.log), made.log.key, own_records=True)
    assert report.ok and len(report.alarms) + report.more == 1_500
    tamper(made, "UPDATE ledger_entry SET leaf = CAST('{}' AS BLOB) WHERE idx = 1500")
    report = audit.audit(tiles.Database(made.link, made.log), made.log.key, own_records=True)
    assert not report.ok and {"edited", "root_mismatch"} <= {alarm.code for alarm in report.alarms}


def held(*sizes: int, start: bytes = b"") -> list[note.Checkpoint]:
    """Checkpoints over the entries that tests use, another first entry where `start` is one."""
    out = []
    for size in sizes:
        frontier = tree.Frontier()
        frontier.extend([tree.leaf_hash((start or entry(0)) if at == 0 else entry(at)) for at in range(size)])
        out.append(note.Checkpoint(ORIGIN, size, frontier.root()))
    return out


def test_every_checkpoint_that_somebody_held_must_be_the_start(small: Made) -> None:
    assert codes(small, held=held(0, 1, 255, 256, 257, 300, 1)) == set()
    for size in (1, 200, 256, 257, 300):
        assert codes(small, held=[*held(100, 300), *held(size, start=b"{}")]) == {"fork"}
    assert codes(small, held=held(301)) == {"rollback"}
    assert codes(small, held=held(300, 900)) == {"rollback"}


def test_the_auditors_key_counts_and_no_other(small: Made) -> None:
    source = tiles.Database(small.link, small.log)
    for key in (note.vkey(ORIGIN, OTHER_KEY.public), note.vkey(f"{ORIGIN}2", LOG_KEY.public)):
        assert [alarm.code for alarm in audit.audit(source, key).alarms] == ["bad_signature"]


def test_witnesses_are_told_with_their_time(small: Made) -> None:
    small.cosign()
    key = note.vkey(WITNESS, WITNESS_KEY.public, note.COSIGNATURE)
    stranger = note.vkey("other.example", OTHER_KEY.public, note.COSIGNATURE)
    report = audit.audit(tiles.Database(small.link, small.log), small.log.key, witnesses=[key, stranger])
    assert report.witnesses == [(WITNESS, 1_790_000_000)] and report.ok


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        (b'{"b":1,"a":2}', "not_canonical"),
        (b'{"a":1,"a":1}', "not_canonical"),
        (b'{"a": 1}', "not_canonical"),
        (b'{"a":1.0}', "not_canonical"),
        (b'{"a":NaN}', "not_canonical"),
        (b'{"a":1e2}', "not_canonical"),
        (b'{"a":' + b"9" * 5_000 + b"}", "not_canonical"),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "not_canonical"),
        (b'{"a":"\\ud800"}', "not_canonical"),
        (b'{"a":"\xff"}', "not_canonical"),
        (b"\xef\xbb\xbf{}", "not_canonical"),
        (b"[]", "not_canonical"),
        (b"null", "not_canonical"),
        (b"", "not_canonical"),
        (b'{"a":"' + b"x" * 61_440 + b'"}', "leaf_too_large"),
    ],
)
def test_leaves_that_our_own_rooms_never_write(tmp_path: Path, leaf: bytes, code: str) -> None:
    made = make(sqlite_url(tmp_path))
    store.sequence(made.link, LOG_KEY, leaves=[leaf])
    assert codes(made) == {code}
    assert audit.audit(tiles.Database(made.link, made.log), made.log.key).ok, "somebody else's log may hold anything"


@given(st.binary(max_size=60))
def test_no_leaf_makes_the_decoder_fall_over(leaf: bytes) -> None:
    found = record.decode(leaf)
    assert found is None or isinstance(found, dict)


def test_every_entry_is_shown_once_in_order(small: Made) -> None:
    seen: list[tuple[int, bytes]] = []
    told: list[tuple[int, int]] = []
    audit.audit(
        tiles.Database(small.link, small.log),
        small.log.key,
        look=lambda index, leaf: seen.append((index, leaf)),
        progress=lambda done, total: told.append((done, total)),
    )
    assert seen == [(number, entry(number)) for number in range(300)] and told == [(256, 300), (300, 300)]


class Hostile:
    """A source that answers with whatever it likes."""

    def __init__(self, draw: st.DataObject, checkpoint: str) -> None:
        self._draw, self._checkpoint = draw, checkpoint

    def checkpoint(self) -> str | None:
        """A checkpoint that is signed, or none."""
        return self._draw.draw(st.just(self._checkpoint) | st.none() | st.text(max_size=30))

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Any bytes."""
        return self._draw.draw(st.none() | st.binary(max_size=100) | st.just(b"\0" * 32 * width))

    def bundle(self, index: int, width: int) -> bytes | None:
        """Any bytes."""
        return self._draw.draw(st.none() | st.binary(max_size=100) | st.just(b"\0\0" * width))


@given(st.data(), st.integers(1, 2**63 - 1))
@settings(max_examples=60, deadline=None)
def test_a_hostile_source_is_answered_with_alarms_only(draw: st.DataObject, size: int) -> None:
    size = draw.draw(st.integers(1, 600) | st.just(size))
    signed = str(note.sign(note.Checkpoint(ORIGIN, size, b"\1" * 32).text(), ORIGIN, LOG_KEY))
    report = audit.audit(Hostile(draw, signed), note.vkey(ORIGIN, LOG_KEY.public), own_records=True)
    assert not report.ok and all(alarm.code in audit.ALARMS and alarm.text() for alarm in report.alarms)


def test_what_lies_beside_the_tiles_of_a_size_is_named(small: Made, tmp_path: Path) -> None:
    folder = export(small, tmp_path / "log")
    for name, more in (("tile/0/001.p/44", b"\0" * 32), ("tile/1/000.p/1", b"\0"), ("tile/entries/001.p/44", b"\0\1x")):
        path = folder / name
        before = path.read_bytes()
        path.write_bytes(before + more)
        found = {alarm.code for alarm in audit.audit(tiles.Folder(folder), small.log.key).alarms}
        assert found == {"bad_bundle" if "entries" in name else "bad_tile"}
        path.write_bytes(before)
    assert audit.audit(tiles.Folder(folder), small.log.key).ok


def test_every_checkpoint_ever_signed_is_checked(small: Made) -> None:
    small.grow(10, batch=5)
    key = small.log.key
    report = audit.Report()
    audit.audit_store(small.link, small.log, report)
    assert report.ok and len(list(audit.held_by_store(small.link, small.log))) == 3
    tamper(small, "UPDATE ledger_checkpoint SET note = replace(note, '305', '304') WHERE size = 305")
    audit.audit_store(small.link, small.log, report)
    assert [alarm.code for alarm in report.alarms] == ["bad_signature"]
    assert [item.size for item in audit.held_by_store(small.link, small.log)] == [300, 310] and key.name == ORIGIN


@pytest.mark.parametrize(
    ("statement", "want"),
    [
        ("DELETE FROM ledger_checkpoint WHERE size = 310", {"bad_checkpoint"}),
        ("UPDATE ledger_checkpoint SET note = x'00' WHERE size = 305", {"bad_checkpoint"}),
        ("UPDATE ledger_checkpoint SET size = 306 WHERE size = 305", {"bad_checkpoint"}),
        ("INSERT INTO ledger_entry (log, idx, leaf) VALUES (1, 310, x'00')", {"bad_checkpoint"}),
        ("DELETE FROM ledger_head", {"bad_checkpoint"}),
        ("UPDATE ledger_head SET size = 305", {"bad_checkpoint", "root_mismatch"}),
        ("UPDATE ledger_head SET frontier = zeroblob(length(frontier))", {"root_mismatch"}),
        ("UPDATE ledger_head SET frontier = 'text'", {"root_mismatch"}),
    ],
)
def test_the_next_batch_must_begin_where_the_newest_checkpoint_ends(
    small: Made, statement: str, want: set[str]
) -> None:
    small.grow(10, batch=5)
    report = audit.Report()
    audit.audit_store(small.link, small.log, report)
    assert not report.alarms
    tamper(small, statement)
    audit.audit_store(small.link, small.log, report)
    assert {alarm.code for alarm in report.alarms} - {"bad_signature"} == want


def test_an_old_queue_is_told(small: Made) -> None:
    with small.link.transaction():
        store.append(small.link, {"v": 1, "kind": "test"})
    report = audit.Report()
    audit.audit_store(small.link, small.log, report)
    assert not report.alarms
    tamper(small, "UPDATE ledger_queue SET queued = queued - 6000")
    audit.audit_store(small.link, small.log, report)
    assert [alarm.code for alarm in report.alarms] == ["queue_old"] and report.ok
    assert store.queue(small.link).alarming


GROWTH = """
import sys
from pathlib import Path
from steelyard.base import sql
from steelyard.ledger import audit, note, store, tiles

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

link = sql.connect(sys.argv[1], read_only=True)
log = store.current(link)
source = tiles.Folder(Path(sys.argv[2])) if len(sys.argv) > 2 else tiles.Database(link, log)
before = peak()
report = audit.audit(source, log.key, own_records=True)
assert report.ok and report.checked == store.size(link, log)
print(peak() - before)
"""


def growth(made: Made, folder: Path | None = None) -> int:
    """By how many KiB a process grows while it audits a log."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("this system does not tell the peak memory of a process")
    command = [sys.executable, "-c", GROWTH, made.url, *([str(folder)] if folder else [])]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


def test_ten_times_the_log_takes_no_more_memory(tmp_path: Path, large: Made) -> None:
    tenth = make(sqlite_url(tmp_path), 10_000)
    small, whole = growth(tenth), growth(large)
    assert whole < small + 4_096, f"{small} KiB at 10,000 entries, {whole} KiB at 100,000"


@pytest.mark.slow
def test_ten_times_the_folder_takes_no_more_memory(tmp_path: Path, large: Made) -> None:
    tenth = make(sqlite_url(tmp_path), 10_000)
    small = growth(tenth, export(tenth, tmp_path / "tenth"))
    whole = growth(large, export(large, tmp_path / "whole"))
    assert whole < small + 4_096, f"{small} KiB at 10,000 entries, {whole} KiB at 100,000"
