"""Listening to many texts on several processes.

Enforced: the answer is the same on one process or on several; where this machine gives no further processes, one does
it all; helpers leave the keyboard to the process that started them and end with it.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType

from steelyard.base.errors import InputError
from steelyard.intake.text.mentions import refuse
from steelyard.journeys.sounds import Heard, Told, listen

_CHUNK = 32
_MOST = 8


def _listen_all(items: Sequence[Told]) -> list[Heard | None]:
    """Hears texts; None for one that cannot be read (errors do not travel between processes)."""
    out: list[Heard | None] = []
    for item in items:
        try:
            refuse(item.text)
        except InputError:
            out.append(None)
        else:
            out.append(listen(item))
    return out


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Listeners:
    """Processes that listen beside this one; with one worker there are none."""

    def __init__(self, workers: int = 1) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if workers > 1:
            try:
                self._pool = ProcessPoolExecutor(
                    min(workers, _MOST), multiprocessing.get_context("spawn"), initializer=_prepare
                )
                for _ in range(min(workers, _MOST)):
                    self._pool.submit(_listen_all, ())  # they load while the inventory is being read
            except (OSError, NotImplementedError, ValueError):
                self._pool = None

    def __enter__(self) -> "Listeners":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def listen(self, items: Sequence[Told]) -> Iterator[Heard | None]:
        """What each text says, in order; None for one that cannot be read."""
        chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
        done = 0
        if self._pool is not None and len(chunks) > 1:
            try:
                for heard in self._pool.map(_listen_all, chunks):
                    yield from heard
                    done += 1
            except BrokenProcessPool:
                self._pool = None
        for chunk in chunks[done:]:
            yield from _listen_all(chunk)


def _prepare() -> None:
    """Makes a helper leave the keyboard to its parent, and end when that is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
