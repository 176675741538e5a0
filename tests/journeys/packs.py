"""A house for the tests of audit packs: three systems, several people, a restored log; and packs taken apart."""

import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steelyard.base import keys
from steelyard.cli.main import main
from steelyard.evidence.kinds import Kinds
from steelyard.evidence.statement import PREDICATE, Statement, Subject, evidence, subject_of
from steelyard.gates import people
from steelyard.ledger import restore
from steelyard.ledger.home import Home
from steelyard.ledger.personal import utc_now
from tests.conftest import ROOT

SYSTEM = "meeting-notes"
Members = dict[str, bytes]


@dataclass
class House:
    """A folder with a store, driven through the command line as its people would."""

    folder: Path
    who: dict[str, str] = field(default_factory=dict)
    outside: Any = None

    @property
    def home(self) -> Home:
        return Home(f"sqlite:///{self.folder / '.steelyard' / 'steelyard.db'}", "pw")

    def do(self, *args: object, code: int = 0) -> str:
        """Runs a command in the folder; answers what it printed."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setenv("STEELYARD_KEY_PASSPHRASE", "pw")
            patch.setenv("STEELYARD_LANG", "en")
            patch.delenv("STEELYARD_STORE", raising=False)
            found = main([str(arg) for arg in args])
        assert found == code, (args, out.getvalue(), err.getvalue())
        return out.getvalue().strip()

    def person(self, name: str) -> None:
        """Makes a key for somebody."""
        self.who[name] = self.do("key", "new", "--person", name)

    def prove(self, system: str, obligation: str, text: str, kind: str = "document", *more: object) -> None:
        """Adds evidence about a file with this text."""
        file = self.folder / f"{obligation}-{len(text)}.txt"
        file.write_text(text, encoding="utf-8")
        out = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
        self.do(
            "evidence",
            "new",
            kind,
            "--system",
            system,
            "--subject",
            file,
            "--obligation",
            obligation,
            "--out",
            out,
            *more,
        )
        self.do("evidence", "add", out, "--attach", file, "--profile", self.folder / f"{system}.yaml")

    def from_outside(self, system: str, obligation: str, text: str) -> None:
        """Adds evidence signed by a laboratory that is trusted for evidence."""
        file = self.folder / "laboratory.txt"
        file.write_text(text, encoding="utf-8")
        said = evidence(
            Kinds.registered()["document"], [subject_of(file)], system, issued=utc_now(), obligations=[obligation]
        )
        out = self.folder / "laboratory.json"
        out.write_bytes(said.sealed(self.outside).as_bytes())
        self.do("evidence", "add", out, "--profile", self.folder / f"{system}.yaml")

    def pack(self, name: str = "pack.zip", system: str = SYSTEM, *more: object) -> Path:
        """Writes a pack and answers where it is."""
        self.do("audit-pack", system, "--out", self.folder / name, *more)
        return self.folder / name


def build(folder: Path) -> House:
    """The house: see the steps."""
    folder.mkdir()
    for path in (ROOT / "examples" / "systems").glob("*.yaml"):
        shutil.copy(path, folder)
    house = House(folder)
    for name in ("Li Wei", "王芳", "Zhao Yan", "Sun Qi", "Chen Bo"):
        house.person(name)
    for name, role in (("王芳", "legal"), ("Zhao Yan", "security"), ("Sun Qi", "business"), ("Chen Bo", "data")):
        house.do("appoint", name, "--role", role, "--by", "Li Wei")
    house.outside = keys.generate(folder / "laboratory.pem")
    (folder / "laboratory.pub").write_bytes(keys.public_pem(house.outside.public))
    house.do("key", "trust", folder / "laboratory.pub", "--name", "Laboratory", "--by", "Li Wei")
    house.prove(SYSTEM, "govern.register-light", "the register names it")
    house.prove("loan-approval", "govern.register-light", "loans are in the register too")
    house.from_outside(SYSTEM, "supply.light-check", "looked at from outside")
    house.do(
        "decide", "report", f"{SYSTEM}.yaml", "--by", "Chen Bo", "--role", "data", "--reason", "told the data office"
    )
    house.do(
        "decide", "approve", f"{SYSTEM}.yaml", "--by", "Zhao Yan", "--role", "security", "--reason", "no open ports"
    )
    house.do(
        "decide", "stop", "loan-approval.yaml", "--by", "Sun Qi", "--role", "business", "--reason", "scores drifted"
    )
    house.do("key", "revoke", "Chen Bo", "--by", "Li Wei")
    (folder / "held.note").write_text(house.do("ledger", "checkpoint") + "\n", encoding="utf-8")
    house.do("ledger", "erase", house.who["Zhao Yan"])
    _restore(house)
    profile = folder / f"{SYSTEM}.yaml"
    text = profile.read_text("utf-8")
    assert "compute_origin: [domestic]" in text
    profile.write_text(text.replace("compute_origin: [domestic]", "compute_origin: [imported]"), encoding="utf-8")
    house.do(
        "decide",
        "approve",
        f"{SYSTEM}.yaml",
        "--by",
        "王芳",
        "--role",
        "legal",
        "--reason",
        "contract <checked> & kept",
        "--gate",
        "launch",
    )
    house.do(
        "decide",
        "except",
        f"{SYSTEM}.yaml",
        "--by",
        "王芳",
        "--role",
        "legal",
        "--reason",
        "supplier answers next month",
        "--obligation",
        "supply.light-check",
        "--until",
        "2999-01-01",
    )
    house.do("ledger", "witness", "--state", folder / "witness", "--name", "witness.example.org/w1")
    return house


def _restore(house: House) -> None:
    """Puts an older copy of the database back, as a machine that broke would make somebody do."""
    database = house.folder / ".steelyard" / "steelyard.db"
    for path in database.parent.glob("steelyard.db-*"):
        path.unlink()
    copy = database.read_bytes()
    house.prove("support-bot", "govern.register-light", "a chat bot that the copy does not know")
    for path in database.parent.glob("steelyard.db-*"):
        path.unlink()
    database.write_bytes(copy)
    restore.restore(house.home)


def copy_of(house: House, folder: Path) -> House:
    """The house once more, to be gone on with."""
    other = House(folder, house.who, house.outside)
    shutil.copytree(house.folder, folder)
    return other


# Packs taken apart ----------------------------------------------------------------------------------------------------


def members(path: Path) -> Members:
    """The members of a pack."""
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def put(path: Path, parts: Members) -> Path:
    """A zip of these members."""
    with zipfile.ZipFile(path, "w") as pack:
        for name, data in parts.items():
            pack.writestr(zipfile.ZipInfo(name), data)
    return path


def change(parts: Members, name: str, at: int = -1) -> None:
    """Changes one byte of a member."""
    data = bytearray(parts[name])
    data[at if at >= 0 else len(data) // 2] ^= 1
    parts[name] = bytes(data)


def edit(parts: Members, name: str) -> "Any":
    """The JSON of a member, written back at the end of the block."""

    @contextmanager
    def block() -> Iterator[Any]:
        data = json.loads(parts[name])
        yield data
        parts[name] = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"

    return block()


def relist(parts: Members) -> None:
    """Makes pack.json list what is there, as whoever tampers would."""
    with edit(parts, "pack.json") as pack:
        free = ("pack.json", "pack.sig.json")
        pack["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items() if name not in free}


def reseal(parts: Members, house: House) -> None:
    """Seals the pack anew with the house's own key: the owner is the one who tampers."""
    relist(parts)
    said = Statement(
        (Subject("pack.json", hashlib.sha256(parts["pack.json"]).hexdigest()),),
        PREDICATE.format("audit-pack"),
        {"system": SYSTEM},
    )
    parts["pack.sig.json"] = said.sealed(house.home.statement_signer()).as_bytes()


def predicate(parts: Members, name: str) -> Any:
    """What an envelope of a pack states."""
    return json.loads(base64.b64decode(json.loads(parts[name])["payload"]))


def verify(pack: Path, folder: Path, *options: object) -> "subprocess.CompletedProcess[str]":
    """Runs the shipped verifier as a stranger would: bare Python, an empty folder, an empty environment."""
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "src/steelyard/journeys/verify_pack.py", folder / "verify_pack.py")
    command = [sys.executable, "-I", "-S", "verify_pack.py", str(pack), *map(str, options)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=folder, env={}, timeout=120, check=False)


def administrator(house: House) -> keys.FileSigner:
    """The key of the first person."""
    return keys.load(people.key_path(house.home, house.who["Li Wei"]), "pw")
