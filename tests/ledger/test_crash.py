"""Processes that write at once, and processes that die: what was acknowledged is a leaf once, and the log holds."""

import multiprocessing
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from steelyard.base import sql
from steelyard.ledger import audit, record, store, tiles
from tests.ledger import workers
from tests.ledger.logs import LOG_KEY, Made, make, sqlite_url


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Where processes come from: a server that has imported everything, so that one starts within milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ledger.workers"])
    return context


Start = Callable[..., BaseProcess]


@pytest.fixture
def start(processes: ForkServerContext) -> Iterator[Start]:
    """Starts a process of this test; none outlives it."""
    running: list[BaseProcess] = []

    def run(target: Callable[..., None], *args: Any) -> BaseProcess:
        process = processes.Process(target=target, args=args)
        process.start()
        running.append(process)
        return process

    yield run
    for process in running:
        if process.is_alive():
            process.kill()
        process.join()


def reopened(made: Made) -> Made:
    """The store as another process finds it."""
    made.link.close()
    return Made(made.url, sql.connect(made.url), made.log)


def sound(made: Made, acknowledged: list[str]) -> list[str]:
    """Checks that the log holds and that each acknowledged record is a leaf exactly once; gives all, in order."""
    store.sequence_all(made.link, LOG_KEY)
    report = audit.audit(tiles.Database(made.link, made.log), made.log.key, own_records=True)
    assert not report.alarms
    found = []
    for _, leaf in store.entries(made.link, made.log):
        data = record.decode(leaf)
        assert data is not None
        if "who" in data:
            found.append(f"{data['who']}/{data['n']}")
    times = Counter(found)
    assert set(times.values()) <= {1}, "a record became two leaves"
    assert set(acknowledged) <= set(found), "an acknowledged record is gone"
    assert store.queue(made.link).length == 0
    signed = [row[0] for row in made.link.all("SELECT size FROM ledger_checkpoint ORDER BY size")]
    assert signed and signed[-1] == report.size == store.size(made.link, made.log)
    return found


@pytest.mark.parametrize("sequencers", [1, 2])
def test_eight_writers_and_their_sequencers(url: str, tmp_path: Path, start: Start, sequencers: int) -> None:
    made, stop = make(url), tmp_path / "stop"
    files = [tmp_path / f"acknowledged-{number}" for number in range(8)]
    counting = [start(workers.sequencer, url, stop) for _ in range(sequencers)]
    writing = [start(workers.writer, url, f"w{number}", 12, file) for number, file in enumerate(files)]
    for process in writing:
        process.join(60)
    stop.touch()
    for process in (*writing, *counting):
        process.join(20)
        assert process.exitcode == 0
    acknowledged = [line for file in files for line in workers.heard(file)]
    assert len(acknowledged) == 96
    found = sound(made, acknowledged)
    assert sorted(found) == sorted(acknowledged)
    for number in range(8):
        mine = [line for line in found if line.startswith(f"w{number}/")]
        assert mine == [f"w{number}/{n}" for n in range(12)], "the order of one writer is kept"
    made.link.close()


def test_killed_before_each_statement_in_turn(tmp_path: Path, start: Start) -> None:
    first = make(sqlite_url(tmp_path), 254)  # the third record completes a tile and begins a level above
    first.link.close()
    original = Path(first.url.removeprefix("sqlite:///"))
    for fatal in range(1, 200):
        path = tmp_path / f"killed-{fatal}.db"
        shutil.copy(original, path)
        acknowledged = tmp_path / f"acknowledged-{fatal}"
        process = start(workers.mortal, f"sqlite:///{path}", fatal, acknowledged)
        process.join(30)
        said = workers.heard(acknowledged)
        made = Made(f"sqlite:///{path}", sql.connect(f"sqlite:///{path}"), first.log)
        if "sequenced" in said:
            assert store.size(made.link, made.log) == 257
        found = sound(made, [line for line in said if line != "sequenced"])
        assert found == [f"m/{number}" for number in range(len(found))]
        made.link.close()
        path.unlink()
        if process.exitcode == 0:
            assert fatal > 15 and said == ["m/0", "m/1", "m/2", "sequenced"]
            return
        assert process.exitcode == -9
    raise AssertionError("it never lived to the end")


def test_killed_before_each_statement_on_postgresql(postgresql: str, tmp_path: Path, start: Start) -> None:
    made = make(postgresql, 254)
    for fatal in range(1, 200):
        before = store.size(made.link, made.log)
        acknowledged = tmp_path / f"acknowledged-{fatal}"
        process = start(workers.mortal, postgresql, fatal, acknowledged)
        process.join(30)
        said = workers.heard(acknowledged)
        _settled(made)
        store.sequence_all(made.link, LOG_KEY)
        gained = [record.decode(leaf) or {} for _, leaf in store.entries(made.link, made.log, before)]
        numbers = [data["n"] for data in gained]
        assert numbers == list(range(len(numbers))) and len(numbers) >= len(said) - ("sequenced" in said)
        assert not audit.audit(tiles.Database(made.link, made.log), made.log.key).alarms
        if process.exitcode == 0:
            assert fatal > 12 and said == ["m/0", "m/1", "m/2", "sequenced"]
            made.link.close()
            return
        assert process.exitcode == -9
    raise AssertionError("it never lived to the end")


def _settled(made: Made) -> None:
    """Waits until the server has noticed that its client is gone, and let go of what that held."""
    for _ in range(200):
        row = made.link.one(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state LIKE 'idle in%%'"
        )
        if row == (0,):
            return
        time.sleep(0.02)
    raise AssertionError("the server still holds the transaction of a dead client")


def test_killed_at_any_moment(url: str, tmp_path: Path, start: Start) -> None:
    made, acknowledged, dice = make(url), tmp_path / "acknowledged", random.Random(20261124)
    for _ in range(6):
        before = len(workers.heard(acknowledged))
        process = start(workers.endless, url, acknowledged)
        while len(workers.heard(acknowledged)) == before and process.is_alive():
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.12))
        process.kill()
        process.join()
        made = reopened(made)
        if made.link.dialect == "postgresql":
            _settled(made)
        found = sound(made, workers.heard(acknowledged))
        assert found == [f"x/{number}" for number in range(len(found))]
    made.link.close()


def test_eight_processes_open_a_new_store_at_once(url: str, tmp_path: Path, start: Start) -> None:
    told = tmp_path / "told"
    moment = time.time() + 0.5
    opening = [start(workers.opener, url, moment, told) for _ in range(8)]
    for process in opening:
        process.join(40)
        assert process.exitcode == 0
    assert workers.heard(told) == []
    made = make(url, 3)
    assert audit.audit(tiles.Database(made.link, made.log), made.log.key).ok
    made.link.close()
