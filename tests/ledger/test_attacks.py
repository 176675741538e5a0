"""What an attack found, each mended: what must hold when a server, a key or a table misbehaves."""

import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.base import keys, sql
from steelyard.base.errors import InputError, SteelyardError
from steelyard.ledger import audit, note, personal, record, store, tiles, tree, witness
from tests.ledger.logs import LOG_KEY, ORIGIN, OTHER_KEY, WITNESS, Made, data, entry, make, sqlite_url, tamper
from tests.ledger.tampering import export


def forged(folder: Path, count: int) -> Made:
    """A log of the same key and name with other entries."""
    made = make(sqlite_url(folder))
    store.sequence(made.link, LOG_KEY, leaves=[b'{"forged":%d}' % number for number in range(count)])
    return made


def test_a_witness_does_not_cosign_a_fork_that_keeps_one_old_tile(tmp_path: Path) -> None:
    """Entries from 256 on are rewritten. The level above says so; the tile of their hashes stays the old one."""
    honest = make(sqlite_url(tmp_path), 300)
    watching = witness.Witness(tmp_path / "witness")
    assert watching.look(tiles.Folder(export(honest, tmp_path / "log")), honest.log.key).line is not None
    other = make(sqlite_url(tmp_path / "forged"), 256)
    store.sequence(other.link, LOG_KEY, leaves=[b'{"forged":%d}' % number for number in range(744)])
    fork = export(other, tmp_path / "fork")
    honest.grow(212)
    (fork / "tile/0/001").write_bytes(tiles.Database(honest.link, honest.log).tile(0, 1, 256) or b"")
    assert watching.look(tiles.Folder(fork), honest.log.key).line is None


class Fickle(tiles.Folder):
    """A log that gives other tiles when it is asked for them again."""

    def __init__(self, root: Path, then: Path) -> None:
        super().__init__(root)
        self.seen: set[tuple[int, int]] = set()
        self.then = tiles.Folder(then)

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """A tile of the one log, and then of the other."""
        first = (level, index) not in self.seen
        self.seen.add((level, index))
        return super().tile(level, index, width) if first else self.then.tile(level, index, width)


def test_a_witness_does_not_cosign_a_fork_of_a_server_that_changes_its_answers(tmp_path: Path) -> None:
    honest = make(sqlite_url(tmp_path), 100)
    watching = witness.Witness(tmp_path / "witness")
    assert watching.look(tiles.Folder(export(honest, tmp_path / "log")), honest.log.key).line is not None
    honest.grow(50)
    fork = Fickle(export(forged(tmp_path / "forged", 150), tmp_path / "fork"), export(honest, tmp_path / "longer"))
    assert watching.look(fork, honest.log.key).line is None


class Changing(tiles.Folder):
    """A log that answers with another checkpoint when asked again."""

    def __init__(self, root: Path, then: str) -> None:
        super().__init__(root)
        self.asked, self.then = 0, then

    def checkpoint(self) -> str | None:
        """The checkpoint, once."""
        self.asked += 1
        return super().checkpoint() if self.asked == 1 else self.then


def test_a_witness_cosigns_the_checkpoint_that_it_checked(tmp_path: Path) -> None:
    honest = make(sqlite_url(tmp_path), 100)
    folder = export(honest, tmp_path / "log")
    watching = witness.Witness(tmp_path / "witness")
    watching.look(tiles.Folder(folder), honest.log.key, whole=True)
    other = forged(tmp_path / "forged", 50)
    text = str(store.checkpoint(other.link, other.log))
    watching.look(Changing(folder, text), honest.log.key, whole=True)
    held = watching.held(honest.log.key)
    assert held is not None and held.size == 100, "a rollback to a forged log was cosigned"


class Broken:
    """A key that is in a token which was pulled out."""

    public = LOG_KEY.public

    def sign(self, data: bytes) -> bytes:
        """Fails."""
        raise RuntimeError("the token is gone")


def test_a_signer_that_fails_leaves_nothing_half_done(made: Made) -> None:
    with made.link.transaction():
        store.append(made.link, data(0))
        with pytest.raises(RuntimeError):
            store.sequence(made.link, Broken())
    assert store.queue(made.link).length == 1, "an acknowledged record is neither queued nor a leaf"
    store.sequence(made.link, LOG_KEY)
    assert store.size(made.link, made.log) == 1


def test_a_head_that_was_changed_is_not_signed(small: Made) -> None:
    tamper(small, "UPDATE ledger_head SET frontier = zeroblob(length(frontier))")
    with pytest.raises(SteelyardError):
        small.grow(1)
    assert store.size(small.link, small.log) == 300


def test_nothing_is_added_to_a_log_that_ends_at_that_moment(postgresql: str) -> None:
    made = make(postgresql, 1)

    class Late(sql.Connection):
        __slots__ = ()

        def one(self, statement: str, parameters: object = ()) -> sql.Row | None:
            """The log is ended just before its head is read."""
            if "frontier" in statement:
                with sql.connect(postgresql) as other:
                    store.create(other, f"{ORIGIN}#2", LOG_KEY.public)
            return super().one(statement, parameters)  # type: ignore[arg-type]

    with sql.connect(postgresql) as link:
        store.sequence(Late(link.raw), LOG_KEY, leaves=[entry(1)])
    assert store.size(made.link, made.log) == 1
    made.link.close()


def test_one_step_back_of_the_clock_is_told_once(small: Made) -> None:
    tamper(small, "UPDATE ledger_head SET updated = updated + 3600000")
    small.grow(5, batch=1)
    kinds = [(record.decode(leaf) or {}).get("kind") for _, leaf in store.entries(small.link, small.log, 300)]
    assert kinds == ["clock.backwards", *["test"] * 5]


def test_what_was_erased_is_gone_from_every_file(tmp_path: Path) -> None:
    made, vault, subject = make(sqlite_url(tmp_path)), personal.Vault(b"\1" * 32), personal.new_subject()
    with made.link.transaction():
        vault.commit(made.link, subject, "test", {"phone": "13800138000"})
    secrets = made.link.all("SELECT salt, ciphertext FROM ledger_secret")[0]
    secrets += made.link.all("SELECT wrapped FROM ledger_subject")[0]
    with made.link.transaction():
        personal.erase(made.link, subject, basis="request", ts="2026-11-24T00:00:00Z")
    store.sequence_all(made.link, LOG_KEY)
    personal.scrub(made.link)
    held = [path.name for path in tmp_path.iterdir() if any(bytes(item) in path.read_bytes() for item in secrets)]
    assert held == []


@pytest.mark.parametrize("table", ["ledger_entry (log, idx, leaf) VALUES (1, 7, x'00')"])
def test_replacing_is_no_way_round_the_triggers(small: Made, table: str) -> None:
    with pytest.raises(sql.database_errors()):
        small.link.execute(f"INSERT OR REPLACE INTO {table}")


def test_truncating_is_no_way_round_the_triggers(postgresql: str) -> None:
    made = make(postgresql, 3)
    with pytest.raises(sql.database_errors()):
        made.link.execute("TRUNCATE ledger_entry")
    made.link.close()


def test_a_damaged_store_is_not_exported_as_if_it_were_whole(small: Made, tmp_path: Path) -> None:
    tamper(small, "DELETE FROM ledger_entry WHERE idx = 7")
    with pytest.raises(SteelyardError):
        export(small, tmp_path / "log")
    assert not (tmp_path / "log/checkpoint").exists()


def test_a_checkpoint_that_cannot_be_read_is_an_error_for_people(small: Made, tmp_path: Path) -> None:
    tamper(small, "UPDATE ledger_checkpoint SET note = 'x'")
    with pytest.raises(SteelyardError):
        export(small, tmp_path / "log")


def test_leaves_of_the_wrong_type_are_no_bytes_that_nobody_wrote(small: Made) -> None:
    tamper(small, "UPDATE ledger_entry SET leaf = 5 WHERE idx = 7")
    assert b"\0" * 5 not in [leaf for _, leaf in store.entries(small.link, small.log)]


def test_leaves_that_cannot_be_served_are_not_queued(made: Made) -> None:
    with pytest.raises(SteelyardError), made.link.transaction():
        store.queue_leaves(made.link, [b"x" * 70_000])


def test_an_object_that_postgresql_cannot_store_is_refused_alike_on_both(postgresql: str) -> None:
    made = make(postgresql)
    with pytest.raises(InputError), made.link.transaction():
        store.append(made.link, {"object": "a\0b"})
    made.link.close()


def test_a_hundred_witnesses_do_not_make_the_checkpoint_unreadable(small: Made) -> None:
    signed = store.checkpoint(small.link, small.log)
    assert signed is not None
    for number in range(100):
        line = note.cosign(signed, f"witness.example/{number}", OTHER_KEY, 1)
        store.add_cosignature(small.link, small.log, 300, line)
    assert audit.audit(tiles.Database(small.link, small.log), small.log.key).ok


def test_two_keys_of_one_witness_are_both_kept(small: Made) -> None:
    signed = store.checkpoint(small.link, small.log)
    assert signed is not None
    for key in (LOG_KEY, OTHER_KEY):
        store.add_cosignature(small.link, small.log, 300, note.cosign(signed, WITNESS, key, 1))
    found = store.checkpoint(small.link, small.log)
    assert found is not None and len(found.signatures) == 3


# Keys and addresses ---------------------------------------------------------------------------------------------------


def test_an_envelope_that_cannot_be_encoded_is_refused() -> None:
    raw = b'{"payloadType":"\\ud800","payload":"","signatures":[{"keyid":"a","sig":""}]}'
    with pytest.raises(InputError):
        keys.parse_envelope(raw)


def test_a_signature_given_twice_counts_once() -> None:
    assert len(keys.seal("t", b"p", LOG_KEY, LOG_KEY).signed_by([LOG_KEY.public])) == 1


def test_a_key_id_is_a_text() -> None:
    with pytest.raises(InputError):
        keys.parse_envelope(b'{"payloadType":"t","payload":"","signatures":[{"keyid":null,"sig":""}]}')


def test_a_number_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ValueError):
        keys.strict_json(b"1e999")


@pytest.mark.parametrize("passphrase", ["x" * 2_000, "\udcff"])
def test_a_passphrase_that_cannot_be_used_is_an_error_for_people(tmp_path: Path, passphrase: str) -> None:
    with pytest.raises(SteelyardError):
        keys.generate(tmp_path / "k.pem", passphrase)


def test_an_empty_passphrase_is_none(tmp_path: Path) -> None:
    keys.generate(tmp_path / "k.pem", "words")
    with pytest.raises(SteelyardError) as found:
        keys.load(tmp_path / "k.pem", "")
    assert found.value.code == "passphrase_needed"


def test_a_half_written_key_of_a_dead_process_is_in_nobodys_way(tmp_path: Path) -> None:
    import os

    (tmp_path / f".k.pem.{os.getpid()}.new").write_text("")
    keys.generate(tmp_path / "k.pem")


def test_a_password_in_the_query_is_hidden_too() -> None:
    assert "s3cret" not in sql.place("postgresql://h/db?user=u&password=s3cret")


def test_a_head_and_a_checkpoint_changed_together_are_not_signed_on(small: Made) -> None:
    frontier = tree.Frontier()
    frontier.extend([tree.leaf_hash(b'{"forged":%d}' % number) for number in range(300)])
    signed = store.checkpoint(small.link, small.log)
    assert signed is not None
    text = str(replace(signed, text=note.Checkpoint(ORIGIN, 300, frontier.root()).text()))
    tamper(small, "UPDATE ledger_head SET updated = updated")
    with sqlite3.connect(small.url.removeprefix("sqlite:///")) as raw:
        raw.execute("UPDATE ledger_head SET frontier = ?", (frontier.as_bytes(),))
        raw.execute("UPDATE ledger_checkpoint SET note = ?", (text,))
    with pytest.raises(SteelyardError):
        small.grow(1)


def test_a_sequencer_that_waits_while_the_log_ends_goes_on_with_the_next(postgresql: str) -> None:
    made = make(postgresql, 1)
    failed: list[Exception] = []

    def sequence() -> None:
        with sql.connect(postgresql) as link:
            try:
                store.sequence(link, LOG_KEY, leaves=[entry(1)])
            except Exception as error:
                failed.append(error)

    with made.link.transaction():
        made.link.one("SELECT size FROM ledger_head WHERE log = 1 FOR UPDATE")
        second = store.create(made.link, f"{ORIGIN}#2", LOG_KEY.public)
        waiting = threading.Thread(target=sequence)
        waiting.start()
        time.sleep(0.3)
    waiting.join()
    assert not failed, "it says that somebody changed the ledger"
    assert store.size(made.link, second) == 1
    made.link.close()
