"""A real terminal to type into: a pseudo-terminal with the command behind it."""

import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path
from types import TracebackType

from tests.conftest import ROOT

PROMPT = "  > "
_READY = re.compile(r"  > $")


class Terminal:
    """`with Terminal("intake", path) as it: it.type("1")`; `shown` is all that the terminal has shown."""

    def __init__(self, *args: object, lang: str = "en", cwd: Path = ROOT) -> None:
        self.shown = ""
        self._code: int | None = None
        self._pid, self._fd = pty.fork()
        if self._pid == 0:  # the child
            os.chdir(cwd)
            os.environ["STEELYARD_LANG"], os.environ["COLUMNS"] = lang, "100"
            os.execv(sys.executable, [sys.executable, "-m", "steelyard", *map(str, args)])  # noqa: S606

    def __enter__(self) -> "Terminal":
        self.until()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._fd)

    def until(self, seconds: float = 20) -> str:
        """What is shown until the next prompt, or until the end."""
        fresh, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            if not select.select([self._fd], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(self._fd, 65_536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            fresh += piece
            if _READY.search(fresh.decode("utf-8", "ignore")):
                break
        else:
            raise AssertionError(f"no prompt: {self.shown[-500:]}{fresh.decode('utf-8', 'replace')}")
        said = fresh.decode("utf-8", "replace").replace("\r\n", "\n")
        self.shown += said
        return said

    def type(self, line: str) -> str:
        """Types a line and answers what is shown then."""
        return self.keys(line.encode("utf-8", "surrogateescape") + b"\n")

    def keys(self, keys: bytes) -> str:
        """Presses keys, such as b'\\x03' for Ctrl-C."""
        os.write(self._fd, keys)
        return self.until()

    def kill(self) -> None:
        """Kills the command (SIGKILL)."""
        os.kill(self._pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """The exit code."""
        if self._code is None:
            _, status = os.waitpid(self._pid, 0)
            self._code = os.waitstatus_to_exitcode(status)
        return self._code
