"""Writing an audit pack: one zip, streamed, the same bytes for the same state, sealed.

Rules enforced:
- members are stored, not compressed (no library's version shows), in a fixed order and with one time;
- `pack.json` lists every other member with its digest and is sealed with the house's statement key;
- the zip appears whole or not at all, and never over another file.
"""

import base64
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from steelyard import __version__
from steelyard.base import keys as signing
from steelyard.base.errors import EnvironmentNotReady, InputError
from steelyard.base.i18n import Text
from steelyard.base.sql import Connection
from steelyard.evidence import store as evidence
from steelyard.evidence import trust
from steelyard.evidence.statement import PREDICATE, Statement, Subject
from steelyard.gates import people
from steelyard.gates.desk import Desk
from steelyard.journeys.audit_pack import Field, Pack, Packed, PackedLog, attachment
from steelyard.ledger import store, tiles

FORMAT = 1
SEAL_TYPE = PREDICATE.format("audit-pack")
VERIFIER = "verify_pack.py"
_TIME = (1980, 1, 1, 0, 0, 0)  # the first a zip can carry


def write(
    pack: Pack,
    desk: Desk,
    link: Connection,
    target: Path,
    pages: Mapping[str, bytes],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Writes the zip and answers what is in it. `pages` are members made elsewhere: the page, the OSCAL results.

    Raises InputError `exists`, EnvironmentNotReady `cannot_write`.
    """
    own = people.own_key(desk.home, link, pack.made)
    refuse_existing(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with _Zip(temporary) as out, tempfile.TemporaryDirectory(prefix=".steelyard-pack-", dir=target.parent) as spare:
            total = len(pack.envelopes)
            for name in sorted(pages, key=lambda name: (name != "index.html", name)):
                out.add(name, pages[name])
            out.add(VERIFIER, resources.files(__package__).joinpath(VERIFIER).read_bytes())
            out.add("keys.json", _plain([_key_row(key) for key in pack.keys]))
            out.add("rows.json", _plain([_row(item) for item in pack.envelopes]))
            out.add("openings.json", _plain([_opening_row(item) for item in pack.fields]))
            for key in pack.keys:
                out.add(f"keys/{key.keyid}.pem", signing.public_pem(key.public))
            for done, item in enumerate(pack.envelopes, 1):
                body = evidence.body(link, item.stored.digest)
                out.add(f"envelopes/{item.name}.json", body or b"")
                if item.log is not None and item.index is not None:
                    place = next(one for one in pack.logs if one.log.id == item.log)
                    proof = store.prove(link, place.log, item.index, place.size)
                    out.add(f"proofs/{item.name}.tlog-proof", str(proof).encode())
                if progress is not None:
                    progress(done, total)
            for digest in pack.attachments:
                out.add(f"attachments/{digest}", attachment(link, digest) or b"")
            for packed in pack.logs:
                _add_log(out, link, packed, Path(spare))
            contents = _contents(pack, desk, out.digests)
            listed = _plain(contents)
            out.add("pack.json", listed)
            said = Statement(
                (Subject("pack.json", hashlib.sha256(listed).hexdigest()),),
                SEAL_TYPE,
                {"system": pack.system, "made": pack.made, "files": len(contents["files"])},
            )
            out.add("pack.sig.json", said.sealed(own).as_bytes())
        os.link(temporary, target)  # unlike rename, a link never replaces
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise EnvironmentNotReady(
            "cannot_write",
            Text(f"cannot write: {error.strerror}", f"无法写入：{error.strerror}"),
            remedy=Text("check the folder and the free space", "请检查文件夹与剩余空间"),
            path=str(target),
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return contents


def refuse_existing(target: Path) -> None:
    """Raises InputError `exists` where something stands at `target`: a pack is never written over a file."""
    if target.exists() or target.is_symlink():
        raise _exists(target)


def _exists(target: Path) -> InputError:
    return InputError(
        "exists",
        Text("the file already exists", "文件已存在"),
        remedy=Text("choose another name, or remove it first", "请换一个文件名，或先删除它"),
        path=str(target),
    )


class _Zip:
    """A zip whose bytes depend on its members alone: stored, one time, the digest of each kept as it is written."""

    def __init__(self, path: Path) -> None:
        self.digests: dict[str, str] = {}
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> "_Zip":
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    def add(self, name: str, data: bytes) -> None:
        """Writes a member that is at hand."""
        self.digests[name] = hashlib.sha256(data).hexdigest()
        self._zip.writestr(self._info(name, len(data)), data)

    def copy(self, name: str, path: Path) -> None:
        """Writes a file as a member, in pieces."""
        total = hashlib.sha256()
        with open(path, "rb") as source, self._zip.open(self._info(name, path.stat().st_size), "w") as out:
            while chunk := source.read(1 << 20):
                total.update(chunk)
                out.write(chunk)
        self.digests[name] = total.hexdigest()

    @staticmethod
    def _info(name: str, size: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, _TIME)
        info.file_size, info.create_system, info.external_attr = size, 3, 0o644 << 16
        return info


def _add_log(out: _Zip, link: Connection, packed: PackedLog, spare: Path) -> None:
    folder = spare / packed.folder
    for _ in tiles.export(link, packed.log, folder, packed.size):
        pass
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        out.copy(f"{packed.folder}/{path.relative_to(folder).as_posix()}", path)
    for size in sorted({size for _, size, _ in packed.witnesses if size < packed.size}):
        out.add(f"{packed.folder}/witnessed/{size}", str(store.checkpoint(link, packed.log, size)).encode())


def _contents(pack: Pack, desk: Desk, files: Mapping[str, str]) -> dict[str, Any]:
    digests = pack.case.assessment.digests
    return {
        "format": FORMAT,
        "system": pack.system,
        "made": pack.made,
        "version": __version__,
        "on": desk.on.isoformat(),
        "case": pack.case.digest,
        "digests": {name: digests[name] for name in ("profile", "policy", "catalogue")},
        "logs": [
            {"dir": item.folder, "origin": item.log.origin, "vkey": str(item.log.key), "size": item.size}
            for item in pack.logs
        ],
        "gates": dict(pack.gates),
        "files": dict(files),
    }


def _plain(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _key_row(key: trust.Key) -> dict[str, Any]:
    return {
        "keyid": key.keyid,
        "public": base64.b64encode(key.public).decode(),
        "purpose": key.purpose,
        "holder": key.holder,
        "starts": key.starts,
        "ends": key.ends,
        "revoked": key.revoked,
    }


def _row(item: Packed) -> dict[str, str]:
    return {
        "table": "evidence_envelope",
        "object": evidence.PREFIX + item.stored.digest,
        "digest": item.stored.digest,
    }


def _opening_row(item: Field) -> dict[str, Any]:
    out: dict[str, Any] = {
        "commitment": item.commitment,
        "person": item.person,
        "field": item.name,
        "state": item.state,
    }
    if item.opening is not None:
        out |= {"kind": item.opening.kind, "value": item.opening.value, "salt": item.opening.salt.hex()}
    return out
