"""How often: a bucket of requests for each token or session, and one for failed tokens of each address.

Each process counts for itself. What changes something weighs as much as ten that read.
"""

import math
import time
from threading import Lock

MANY = 10_000


class Buckets:
    """Buckets that fill by `per_minute` a minute and hold as much."""

    def __init__(self, per_minute: int) -> None:
        self.most, self.rate = float(per_minute), per_minute / 60
        self._lock = Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str, weight: float = 1) -> int:
        """Takes from the bucket of that name; 0 where there was enough, else the seconds to wait, rounded up."""
        now, weight = time.monotonic(), min(weight, self.most)
        with self._lock:
            level, at = self._levels.get(name, (self.most, now))
            level = min(self.most, level + (now - at) * self.rate)
            if level >= weight:
                self._levels[name] = (level - weight, now)
                if len(self._levels) > MANY:
                    self._drop(now)
                return 0
            self._levels[name] = (level, now)
            return max(1, math.ceil((weight - level) / self.rate))

    def _drop(self, now: float) -> None:
        """Forgets the buckets that are full again; all of them, where that does not help."""
        full = [name for name, (level, at) in self._levels.items() if level + (now - at) * self.rate >= self.most]
        for name in full:
            del self._levels[name]
        if len(self._levels) > MANY:
            self._levels.clear()
