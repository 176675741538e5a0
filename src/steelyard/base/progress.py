"""Progress for anything longer than two seconds: one line on standard error, only where a person is watching."""

import sys
import time


class Progress:
    """Shows `done of total` at most five times a second, and nothing at all within the first two seconds."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._start = self._shown = time.monotonic()
        self._visible = False

    def update(self, done: int) -> None:
        """Tells how many of `total` are done."""
        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._start < 2 or now - self._shown < 0.2:
            return
        self._shown, self._visible = now, True
        share = done / self._total if self._total else 1.0
        print(f"\r{self._label} {done:,}/{self._total:,} ({share:.0%})", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Clears the line."""
        if self._visible:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
