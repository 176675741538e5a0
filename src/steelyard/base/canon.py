"""Canonical JSON and digests: the same value gives the same bytes on every machine (RFC 8785 without fractions).

Numbers are integers only: a fraction has no single spelling that people would agree on, so it is written as a string
before it gets here.
"""

import hashlib
import json
from typing import Any

import msgspec

_PLAIN = "\ud7ff"  # up to here UTF-16 units and code points give keys the same order


def _check(value: Any) -> bool:
    """Whether keys sort the same by code points as by UTF-16 units. Raises TypeError or ValueError."""
    if isinstance(value, str) or value is None or value is True or value is False:
        return True
    if isinstance(value, dict):
        plain = True
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON needs string keys, got {key!r}")
            if not key.isascii() and max(key) > _PLAIN:
                plain = False
            if not _check(item):
                plain = False
        return plain
    if isinstance(value, (list, tuple)):
        plain = True
        for item in value:
            plain = _check(item) and plain
        return plain
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise ValueError(f"{value} is beyond the integers JSON can carry exactly")
        return True
    raise TypeError(f"canonical JSON cannot carry {type(value).__name__}")


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    return [_ordered(item) for item in value] if isinstance(value, (list, tuple)) else value


def canonical_json(value: Any) -> bytes:
    """`value` as canonical JSON in UTF-8.

    Accepts dicts with string keys, lists, tuples, strings, integers up to 2**53-1, booleans and None; anything else is
    a TypeError or ValueError.
    """
    plain = _check(value)
    if plain:
        return msgspec.json.encode(value, order="sorted")
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def sha256_hex(data: bytes) -> str:
    """`sha256:` and the digest in lower-case hexadecimal."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """The digest of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))
