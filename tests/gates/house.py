"""A small house for tests: a folder with a profile and a store, worked through the command line in this process."""

import base64
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from steelyard.base import keys
from steelyard.cli.main import main

ADMINISTRATOR = "Ouyang Min"
OWNER = "Zhou Lan"
PASSPHRASE = "only for tests"  # noqa: S105
EXAMPLES = Path(__file__).parent.parent.parent / "examples"


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its only line of JSON."""
        return json.loads(self.out)


class House:
    """The folder that is the current one, and its store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], store: str | None = None) -> None:
        self.folder, self._capsys, self.store = folder, capsys, store
        self.number = 0

    @property
    def database(self) -> Path:
        """The file of the store."""
        return self.folder / ".steelyard" / "steelyard.db"

    def run(self, *args: object) -> Said:
        """One command; whatever it answers, it shows no traceback and calls nothing a defect."""
        more = ["--store", self.store] if self.store else []
        self._capsys.readouterr()
        code = main([*map(str, args), *more])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err and "defect" not in said.err, said.err
        return Said(code, said.out, said.err)

    def ok(self, *args: object) -> str:
        """A command that must succeed."""
        said = self.run(*args)
        assert said.code == 0, (args, said)
        return said.out.strip()

    def json(self, *args: object, code: int = 0) -> Any:
        """The JSON answer of a command with this exit code."""
        said = self.run(*args, "--json")
        assert said.code == code, (args, said)
        return json.loads(said.out)

    def json_lines(self, *args: object) -> list[dict[str, Any]]:
        """The JSON lines of a command that must succeed."""
        return [json.loads(line) for line in self.ok(*args, "--json").splitlines()]

    def refused(self, code: int, error: str, *args: object) -> dict[str, Any]:
        """A command that must fail with this exit code and error code, and says what to do in both languages."""
        said = self.run(*args, "--json")
        found = json.loads(said.out.strip().splitlines()[-1])["error"]
        assert (said.code, found["code"]) == (code, error), said
        told: dict[str, Any] = found
        return told

    # What stands in the folder ----------------------------------------------------------------------------------------

    def profile(self, example: str = "meeting-notes", name: str = "steelyard.yaml", **changes: Any) -> Path:
        """An example's profile with some facts (or parts of `system`, or `models`, `datasets`) changed."""
        data = yaml.safe_load((EXAMPLES / "systems" / f"{example}.yaml").read_text(encoding="utf-8"))
        for key, value in changes.items():
            if key in ("models", "datasets"):
                data[key] = value
            elif key in ("id", "name", "purpose", "unit", "owner", "accountable"):
                data["system"][key] = value
            elif value is None:
                data["facts"].pop(key, None)
            else:
                data["facts"][key] = value
        path = self.folder / name
        path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        return path

    def file(self, text: str = "done", name: str | None = None) -> Path:
        """A new file."""
        self.number += 1
        path = self.folder / (name or f"file{self.number}.txt")
        path.write_text(text, encoding="utf-8")
        return path

    def people(self, **roles: str) -> None:
        """The administrator, and people by role: `people(legal="Zhao Lei")`."""
        self.ok("key", "new", "--person", ADMINISTRATOR)
        for role, name in roles.items():
            self.person(name, role)

    def person(self, name: str, *roles: str) -> str:
        """Somebody with a key and roles; answers the pseudonym."""
        person = str(self.json("key", "new", "--person", name)["person"])
        for role in roles:
            self.ok("appoint", name, "--role", role, "--by", ADMINISTRATOR)
        return person

    def statement(self, kind: str, *more: object, result: Mapping[str, Any] | None = None, system: str = "") -> Path:
        """A signed statement in a file."""
        self.number += 1
        out = self.folder / f"statement{self.number}.json"
        args: list[object] = ["--subject", self.file(f"{self.number}"), "--system", system or "meeting-notes"]
        if result is not None:
            args += ["--predicate", self.file(json.dumps(result), f"result{self.number}.json")]
        self.ok("evidence", "new", kind, *args, *more, "--out", out)
        return out

    def add(self, kind: str, *more: object, result: Mapping[str, Any] | None = None, system: str = "") -> str:
        """A statement made and taken in; answers its digest."""
        return self.ok("evidence", "add", self.statement(kind, *more, result=result, system=system))

    def light(self) -> None:
        """What the fast-lane example owes up to launch."""
        self.add("document", "--obligation", "govern.register-light")
        self.add("attestation", "--obligation", "supply.light-check")

    def gate(self, at: str = "launch", *more: object) -> dict[str, Any]:
        """The gate in JSON; its exit code says the same as its `open`."""
        said = self.run("gate", "steelyard.yaml", "--at", at, "--json", *more)
        data: dict[str, Any] = said.json
        assert said.code == (0 if data["open"] else 1), said
        return data

    def decide(self, action: str, by: str, role: str, *more: object, reason: str = "looked at it") -> str:
        """A decision that must be recorded."""
        return self.ok(
            "decide", action, "steelyard.yaml", "--by", by, "--role", role, "--reason", reason, *more
        )  # fmt: skip

    # As whoever owns the disk -----------------------------------------------------------------------------------------

    def signer(self, name: str = "statement.pem") -> keys.FileSigner:
        """A key of the store."""
        return keys.load(self.folder / ".steelyard" / "keys" / name, PASSPHRASE)

    def tamper(self, *statements: str, rows: bool = True) -> None:
        """Changes the database without its triggers."""
        raw = sqlite3.connect(self.database)
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert raw.execute(statement).rowcount or not rows, statement
        raw.commit()
        raw.close()

    def select(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        raw = sqlite3.connect(self.database)
        try:
            return raw.execute(statement).fetchall()
        finally:
            raw.close()

    def dump(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of tables, sorted."""
        return {name: sorted(self.select(f"SELECT * FROM {name}"), key=repr) for name in tables}  # noqa: S608

    def everything(self) -> bytes:
        """Every byte of the store but its keys: database, WAL, memory, journal, files."""
        found = [
            path for path in (self.folder / ".steelyard").rglob("*") if path.is_file() and "keys" not in path.parts
        ]
        return b"\n".join(path.read_bytes() for path in sorted(found))


def opened(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """An envelope as JSON, and the statement in it."""
    envelope = json.loads(path.read_text(encoding="utf-8"))
    return envelope, json.loads(base64.b64decode(envelope["payload"]))


def sealed(statement: Any, *signers: keys.Signer, payload: bytes | None = None) -> str:
    """Any statement, signed: also one that our own code would not write."""
    data = payload if payload is not None else json.dumps(statement).encode()
    return keys.seal("application/vnd.in-toto+json", data, *signers).as_bytes().decode()
