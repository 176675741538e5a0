"""A command run as a user runs it, with its wall time, CPU time and peak memory.

The command is started by a bare interpreter of its own, not by the benchmark: Linux counts the memory of the process
that starts a command as the command's, up to the moment the command takes over.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_LAUNCH = """
import json, os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
print(json.dumps([os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""


class Cost(NamedTuple):
    """What one run took: seconds of wall and CPU time (children included), peak resident memory in MiB."""

    wall: float
    cpu: float
    peak_mib: float


class CommandFailed(Exception):
    """The command did not answer 0; the message is its last words."""


def peak_mib() -> float:
    """Peak resident memory of this process; Linux is asked for its own mark, without that of the process before."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text().splitlines()
        return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:")), 0.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def steelyard() -> list[str]:
    """The command beside this Python, else the module."""
    script = Path(sys.executable).with_name("steelyard")
    return [str(script)] if script.exists() else [sys.executable, "-m", "steelyard.cli.main"]


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Runs a command, named by its path, to its end. Raises CommandFailed."""
    if not hasattr(os, "wait4"):
        raise CommandFailed("this system does not tell what a command took (no wait4)")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCH, *command],
        capture_output=True,
        check=True,
        env={**os.environ, **(env or {})},
    )
    code, wall, cpu, peak = json.loads(done.stdout)
    if code:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CommandFailed(f"exit {code}: {words[-1] if words else 'no message'}")
    return Cost(wall, cpu, peak / (2**20 if sys.platform == "darwin" else 2**10))
