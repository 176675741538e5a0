"""A witness keeps the newest checkpoint, cosigns what extends it, and names what does not."""

from pathlib import Path

import pytest

from steelyard.base.errors import EnvironmentNotReady
from steelyard.ledger import note, store, tiles, witness
from tests.ledger.logs import LOG_KEY, ORIGIN, OTHER_KEY, Made, make, sqlite_url
from tests.ledger.tampering import export, flip


def forged(folder: Path, count: int) -> Made:
    """A log of the same key and name with other entries."""
    made = make(sqlite_url(folder))
    store.sequence(made.link, LOG_KEY, leaves=[b'{"forged":%d}' % number for number in range(count)])
    return made


def codes(seen: witness.Seen) -> list[str]:
    """The codes of the alarms."""
    return [alarm.code for alarm in seen.report.alarms]


whole = pytest.mark.parametrize("whole", [False, True])


@whole
def test_each_checkpoint_that_extends_the_last_is_cosigned(small: Made, tmp_path: Path, whole: bool) -> None:
    watching = witness.Witness(tmp_path / "witness", "witness.example.org/w1")
    for count in (0, 1, 211, 1, 600):
        small.grow(count)
        seen = watching.look(tiles.Folder(export(small, tmp_path / "log")), small.log.key, whole=whole)
        assert seen.report.ok and seen.line is not None
        signed = store.checkpoint(small.link, small.log)
        assert signed is not None
        assert note.with_signatures(signed, [seen.line]).cosigned_at(watching.key) is not None
        watching = witness.Witness(tmp_path / "witness")  # it remembers its name, its key and what it held
        assert watching.held(small.log.key) == note.Checkpoint.parse(signed.text)


@whole
def test_a_smaller_log_is_a_rollback(small: Made, tmp_path: Path, whole: bool) -> None:
    watching = witness.Witness(tmp_path / "witness")
    watching.look(tiles.Database(small.link, small.log), small.log.key, whole=whole)
    older = make(sqlite_url(tmp_path / "older"), 299)
    seen = watching.look(tiles.Database(older.link, older.log), small.log.key, whole=whole)
    assert seen.line is None and codes(seen) == ["rollback"]
    held = watching.held(small.log.key)
    assert held is not None and held.size == 300


@whole
@pytest.mark.parametrize("count", [300, 301, 556, 1_000])
def test_another_history_is_a_fork(small: Made, tmp_path: Path, whole: bool, count: int) -> None:
    watching = witness.Witness(tmp_path / "witness")
    watching.look(tiles.Database(small.link, small.log), small.log.key, whole=whole)
    other = forged(tmp_path / "forged", count)
    seen = watching.look(tiles.Database(other.link, other.log), small.log.key, whole=whole)
    assert seen.line is None and codes(seen) == ["fork"]


@whole
def test_a_fork_whose_folder_still_holds_the_old_tiles(small: Made, tmp_path: Path, whole: bool) -> None:
    folder = export(small, tmp_path / "log")
    watching = witness.Witness(tmp_path / "witness")
    watching.look(tiles.Folder(folder), small.log.key, whole=whole)
    (folder / "tile/0/000").unlink()
    (folder / "tile/entries/000").unlink()
    export(forged(tmp_path / "forged", 310), folder)  # tile/0/001.p/44 stays, tile/0/001.p/54 is new
    assert (folder / "tile/0/001.p/44").exists()
    seen = watching.look(tiles.Folder(folder), small.log.key, whole=whole)
    assert seen.line is None and codes(seen) == ["fork"]


@whole
def test_damage_another_key_and_nothing_at_all(small: Made, tmp_path: Path, whole: bool) -> None:
    watching, folder = witness.Witness(tmp_path / "witness"), export(small, tmp_path / "log")
    stranger = note.vkey(ORIGIN, OTHER_KEY.public)
    assert codes(watching.look(tiles.Folder(folder), stranger, whole=whole)) == ["bad_signature"]
    assert codes(watching.look(tiles.Folder(tmp_path), small.log.key, whole=whole)) == ["no_checkpoint"]
    flip(folder / "tile/0/001.p/44")
    seen = watching.look(tiles.Folder(folder), small.log.key, whole=whole)
    assert codes(seen) == (["bad_tile"] if whole else ["root_mismatch"]) and seen.line is None
    (folder / "tile/0/001.p/44").unlink()
    seen = watching.look(tiles.Folder(folder), small.log.key, whole=whole)
    assert codes(seen) == ["truncated"] and seen.line is None
    (folder / "checkpoint").write_text("x")
    assert codes(watching.look(tiles.Folder(folder), small.log.key, whole=whole)) == ["bad_checkpoint"]
    assert watching.held(small.log.key) is None, "nothing was ever taken as witnessed"


def test_a_witness_that_lost_what_it_held_says_so(small: Made, tmp_path: Path) -> None:
    watching = witness.Witness(tmp_path / "witness")
    watching.look(tiles.Database(small.link, small.log), small.log.key)
    (state,) = (tmp_path / "witness/logs").iterdir()
    state.write_text(state.read_text().replace("300", "200"))
    with pytest.raises(EnvironmentNotReady) as found:
        watching.look(tiles.Database(small.link, small.log), small.log.key)
    assert found.value.code == "bad_witness_state"
