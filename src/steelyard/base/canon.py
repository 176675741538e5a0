"""Canonical JSON and digests: the same value gives the same bytes on every machine (RFC 8785).

What we write ourselves has integers only: a fraction has no single spelling that people would agree on, so it is
written as a string before it gets here. Records of others may hold fractions (`canonical_with_fractions`).
"""

import hashlib
import json
import math
from collections.abc import Iterator
from decimal import Decimal
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


def canonical_with_fractions(value: Any) -> bytes:
    """The same for data of others, which may hold fractions: RFC 8785 in full, with the numbers of ECMAScript."""
    try:
        return canonical_json(value)
    except TypeError:
        return "".join(_written(value)).encode("utf-8")


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, float):
        yield number_text(value)
    elif isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("canonical JSON needs string keys")
        between = "{"
        for key in sorted(value, key=lambda key: key.encode("utf-16-be")):
            yield f"{between}{json.dumps(key, ensure_ascii=False)}:"
            yield from _written(value[key])
            between = ","
        yield "}" if value else "{}"
    elif isinstance(value, (list, tuple)):
        between = "["
        for item in value:
            yield between
            yield from _written(item)
            between = ","
        yield "]" if value else "[]"
    else:
        yield canonical_json(value).decode()


def number_text(value: float) -> str:
    """A number as ECMAScript writes it (RFC 8785 section 3.2.2.3). Raises ValueError for what JSON cannot carry."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number of JSON")
    if value == 0:
        return "0"
    sign, value = ("-", -value) if value < 0 else ("", value)
    digits, exponent = f"{Decimal(repr(value)).normalize():E}".split("E")
    mantissa = digits.replace(".", "")
    point = int(exponent) + 1
    if len(mantissa) <= point <= 21:
        return sign + mantissa + "0" * (point - len(mantissa))
    if 0 < point <= 21:
        return f"{sign}{mantissa[:point]}.{mantissa[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{mantissa}"
    power = point - 1
    head = mantissa[0] + (f".{mantissa[1:]}" if len(mantissa) > 1 else "")
    return f"{sign}{head}e{'+' if power > 0 else '-'}{abs(power)}"


def sha256_hex(data: bytes) -> str:
    """`sha256:` and the digest in lower-case hexadecimal."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """The digest of the canonical JSON of `value`."""
    return sha256_hex(canonical_json(value))
