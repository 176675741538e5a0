"""Canonical JSON and digests: the same value gives the same bytes on every machine (RFC 8785 without fractions).

Numbers are integers only: a fraction has no single spelling that people would agree on, so it is written as a string
before it gets here.
"""

import hashlib
import json
from typing import Any


def _utf16_order(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON needs string keys, got {key!r}")
        return {key: _ordered(value[key]) for key in sorted(value, key=_utf16_order)}
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise ValueError(f"{value} is beyond the integers JSON can carry exactly")
        return value
    raise TypeError(f"canonical JSON cannot carry {type(value).__name__}")


def canonical_json(value: Any) -> bytes:
    """`value` as canonical JSON in UTF-8.

    Accepts dicts with string keys, lists, tuples, strings, integers up to 2**53-1, booleans and None; anything else is
    a TypeError or ValueError.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def sha256_hex(data: bytes) -> str:
    """`sha256:` and the digest in lower-case hexadecimal."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """The digest of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))
