"""Packs: YAML that experts change, compiled once to a binary form so that no command spends its time in YAML.

The compiled form is msgpack of typed structures (never pickle), named by the digest of its sources and of this
version; a stale or damaged file is simply built again, and a cache that cannot be written is done without.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from steelyard import __version__

T = TypeVar("T")


def cache_dir() -> Path:
    """Where compiled packs are kept: `STEELYARD_CACHE`, else `steelyard` below the user's cache folder."""
    explicit = os.environ.get("STEELYARD_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "steelyard"


def cached(name: str, sources: Sequence[Path], kind: type[T], build: Callable[[], T]) -> T:
    """The compiled form of a pack.

    `sources` are all files `build` reads (their bytes name the compiled form); `kind` is the msgspec structure that
    `build` returns. Errors of `build` pass through; nothing is kept then.
    """
    try:
        stamp = _stamp(name, sources)
        folder = cache_dir()
    except (OSError, RuntimeError):
        return build()
    target = folder / f"{name}-{stamp}.pack"
    try:
        return msgspec.msgpack.decode(target.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, ValueError):
        pass
    value = build()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(target, msgspec.msgpack.encode(value))
        for old in folder.glob(f"{name}-*.pack"):
            if old != target:
                old.unlink(missing_ok=True)
    return value


def _stamp(name: str, sources: Sequence[Path]) -> str:
    total = hashlib.sha256(f"{__version__}\0{name}".encode())
    code = Path(__file__).parent.parent
    for module in sorted((code / name.partition(".")[0]).glob("*.py")):
        total.update(f"{module.name}{module.stat().st_mtime_ns}{module.stat().st_size}".encode())
    for source in sources:
        total.update(hashlib.sha256(source.read_bytes()).digest())
    return total.hexdigest()[:24]


def _write(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".pack-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(target)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
