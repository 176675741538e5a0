"""A log as files: paths and bundles as C2SP names them, an export that goes on, reading that never falls over."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.base.errors import EnvironmentNotReady
from steelyard.ledger import audit, note, store, tiles
from tests.ledger.logs import ORIGIN, Made, entry
from tests.ledger.tampering import export


@pytest.mark.parametrize(
    ("path", "want"),
    [
        (tiles.tile_path(0, 0), "tile/0/000"),
        (tiles.tile_path(1, 999), "tile/1/999"),
        (tiles.tile_path(0, 1_000), "tile/0/x001/000"),
        (tiles.tile_path(0, 1_234_067), "tile/0/x001/x234/067"),  # the example in the tlog-tiles specification
        (tiles.tile_path(0, 273, 112), "tile/0/273.p/112"),
        (tiles.tile_path("entries", 1_234_067, 8), "tile/entries/x001/x234/067.p/8"),
    ],
)
def test_paths(path: str, want: str) -> None:
    assert path == want


@given(st.integers(0, 2**55), st.integers(1, 256))
def test_paths_are_those_of_tlog_scales(index: int, width: int) -> None:
    from tlog_scales.tiles import tile_path

    assert tiles.tile_path(3, index, width).split("/") == tile_path(3, index, width % 256)
    assert tiles.tile_path("entries", index, width).split("/") == tile_path(-1, index, width % 256)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    packed = tiles.pack(entries)
    assert tiles.unpack(packed) == entries
    for cut in {1, 2, len(packed) // 2} & set(range(len(packed))):
        with contextlib.suppress(ValueError):
            assert tiles.unpack(packed[:-cut]) == entries[: len(tiles.unpack(packed[:-cut]))]


def test_bundles_have_limits() -> None:
    assert tiles.unpack(tiles.pack([b"x" * 65_535])) == [b"x" * 65_535]
    with pytest.raises(OverflowError):
        tiles.pack([b"x" * 65_536])
    with pytest.raises(ValueError, match="more than 256"):
        tiles.unpack(b"\0\0" * 257)
    with pytest.raises(ValueError, match="middle"):
        tiles.unpack(b"\0")


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_export_has_exactly_the_files_of_its_size(small: Made, tmp_path: Path) -> None:
    folder = export(small, tmp_path / "log")
    assert set(files(folder)) == {
        *("checkpoint", "vkey", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"),
        *("tile/entries/000", "tile/entries/001.p/44"),
    }
    assert tiles.unpack(files(folder)["tile/entries/001.p/44"]) == [entry(number) for number in range(256, 300)]
    assert audit.audit(tiles.Folder(folder), small.log.key).ok


def test_an_export_goes_on_and_never_touches_what_is_full(small: Made, tmp_path: Path) -> None:
    folder = export(small, tmp_path / "log")
    full = folder / "tile/0/000"
    os.utime(full, (1, 1))
    small.grow(300)
    export(small, folder)
    assert full.stat().st_mtime == 1
    assert audit.audit(tiles.Folder(folder), small.log.key).ok
    whole = export(small, tmp_path / "whole")
    assert files(whole).items() <= files(folder).items()


def test_an_export_that_stops_half_way_leaves_the_old_checkpoint(small: Made, tmp_path: Path) -> None:
    folder = export(small, tmp_path / "log")
    old = (folder / "checkpoint").read_bytes()
    small.grow(1_000)
    for done in tiles.export(small.link, small.log, folder):
        if done > 600:
            break
    assert (folder / "checkpoint").read_bytes() == old
    assert audit.audit(tiles.Folder(folder), small.log.key).ok, "what stood there before still holds"
    export(small, folder)
    assert audit.audit(tiles.Folder(folder), small.log.key).size == 1_300


def test_an_export_of_an_earlier_size(small: Made, tmp_path: Path) -> None:
    small.grow(300)
    folder = export(small, tmp_path / "log", 300)
    report = audit.audit(tiles.Folder(folder), small.log.key)
    assert report.ok and report.size == 300


def test_an_export_says_where_it_cannot_write(small: Made, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    with pytest.raises(EnvironmentNotReady) as found:
        export(small, tmp_path / "log")
    assert found.value.code == "cannot_write" and found.value.path == str(tmp_path / "log")


def test_an_export_of_nothing_writes_nothing(made: Made, tmp_path: Path) -> None:
    export(made, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_a_store_and_its_export_read_alike(made: Made, tmp_path: Path) -> None:
    made.grow(300)
    folder, database = tiles.Folder(export(made, tmp_path / "log")), tiles.Database(made.link, made.log)
    made.grow(200)  # the store goes on
    for level, index, width in ((0, 0, 256), (0, 1, 44), (1, 0, 1)):
        assert folder.tile(level, index, width) == database.tile(level, index, width)
        if level == 0:
            assert folder.bundle(index, width) == database.bundle(index, width)
    for source in (folder, database):
        assert source.tile(0, 9, 256) is source.tile(5, 0, 1) is source.bundle(9, 256) is source.bundle(9, 3) is None


def test_a_partial_tile_is_read_from_the_full_one_that_replaced_it(small: Made, tmp_path: Path) -> None:
    folder = export(small, tmp_path / "log")
    old = (folder / "checkpoint").read_text()
    small.grow(300)
    export(small, folder)
    (folder / "tile/0/001.p/44").unlink()
    (folder / "tile/entries/001.p/44").unlink()
    (folder / "checkpoint").write_text(old)
    report = audit.audit(tiles.Folder(folder), small.log.key)
    assert report.ok and report.checked == 300


def test_files_too_large_are_not_read_into_memory(small: Made, tmp_path: Path) -> None:
    folder = export(small, tmp_path / "log")
    with open(folder / "tile/0/000", "ab") as stream:
        stream.truncate(10**12)  # sparse: takes no room
    with open(folder / "tile/entries/000", "ab") as stream:
        stream.truncate(10**12)
    report = audit.audit(tiles.Folder(folder), small.log.key)
    assert {alarm.code for alarm in report.alarms} == {"truncated"}
    (folder / "checkpoint").write_bytes(b"\xff" * 100)
    assert [alarm.code for alarm in audit.audit(tiles.Folder(folder), small.log.key).alarms] == ["bad_checkpoint"]
    with open(folder / "checkpoint", "ab") as stream:
        stream.truncate(10**12)
    assert [alarm.code for alarm in audit.audit(tiles.Folder(folder), small.log.key).alarms] == ["bad_checkpoint"]


def test_the_exported_key_is_read_back(small: Made, tmp_path: Path) -> None:
    folder = export(small, tmp_path / "log")
    assert note.VerifierKey.parse((folder / "vkey").read_text()) == small.log.key
    assert small.log.key.name == ORIGIN
    assert store.logs(small.link)[0].key == small.log.key
