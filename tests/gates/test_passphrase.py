"""A passphrase typed on a terminal: a new one is asked for twice, since nobody can tell a slip of the finger later."""

import os
import pty
import sys
from pathlib import Path


def typed(folder: Path, lines: list[str]) -> tuple[int, str]:
    """`key new` on a terminal of its own, with these lines typed; its exit code and what the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        env = {name: value for name, value in os.environ.items() if not name.startswith("STEELYARD_")}
        command = [sys.executable, "-m", "steelyard", "key", "new", "--person", "Li Wei", "--lang", "en"]
        os.execve(sys.executable, command, env)  # noqa: S606
    shown, answered = b"", 0
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        if lines and shown[answered:].rstrip().endswith((b"Passphrase:", b"Once more:")):
            answered = len(shown)
            os.write(terminal, lines.pop(0).encode() + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_a_new_passphrase_is_asked_for_twice(tmp_path: Path) -> None:
    code, shown = typed(tmp_path, ["a long phrase", "a long phrasr"])
    assert code == 2 and "Once more:" in shown and "differ" in shown and "a long" not in shown
    assert not list(tmp_path.rglob("people/*.pem"))
    code, shown = typed(tmp_path, ["a long phrase", "a long phrase"])
    assert code == 0 and "p-" in shown and len(list(tmp_path.rglob("people/*.pem"))) == 1
