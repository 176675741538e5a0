"""The same promises on a real PostgreSQL: the tests of this folder again, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SAME = ("test_permissions.py", "test_bad_input.py", "test_uploads.py", "test_safety.py")


@pytest.mark.slow
def test_the_console_keeps_its_promises_on_postgresql(postgresql: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "--show-capture=no", *(str(HERE / name) for name in SAME)],
        env={**os.environ, "STEELYARD_CONSOLE_TEST_STORE": postgresql},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
