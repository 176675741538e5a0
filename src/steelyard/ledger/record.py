"""Leaves: what may become an entry of the log.

Rules enforced:
- a leaf is canonical JSON of one object, at most 61,440 bytes: a summary and digests, never a body;
- no personal data in clear: names are pseudonyms, values are salted commitments; a leaf that a room writes is refused
  where a pattern of personal data hits, one of `ledger append` is counted and told.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.base.canon import canonical_with_fractions
from steelyard.base.errors import InputError
from steelyard.base.i18n import Text

MAX_LEAF = 61_440
VERSION = 1


def record(
    kind: str,
    *,
    ts: str,
    object: str | None = None,
    digest: str | None = None,
    actor: str | None = None,
    body: Mapping[str, Any] | None = None,
    commitments: Mapping[str, str] | None = None,
    blobs: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A leaf of a room.

    `ts` is RFC 3339 with zone; `actor` a pseudonym; `object` what it is about (the latest leaf about an object counts),
    `digest` the SHA-256 of that object's row or body now; `commitments` field -> hex; `blobs` name -> digest.
    """
    out: dict[str, Any] = {"v": VERSION, "kind": kind, "ts": ts}
    if actor is not None:
        out["actor"] = actor
    if object is not None:
        out["object"] = object
    if digest is not None:
        out["digest"] = digest
    if body:
        out["body"] = dict(body)
    if commitments:
        out["c"] = dict(commitments)
    if blobs:
        out["blob"] = dict(blobs)
    return out


def encode(data: Mapping[str, Any]) -> bytes:
    """The bytes of a leaf. Raises InputError `bad_leaf` or `leaf_too_large`."""
    try:
        leaf = canonical_with_fractions(dict(data))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            "bad_leaf",
            Text(f"cannot be written as canonical JSON: {error}", f"无法写成规范 JSON：{error}"),
            remedy=Text("use texts, numbers, true, false, lists and objects", "请只用文本、数字、真假值、列表与对象"),
        ) from None
    if len(leaf) > MAX_LEAF:
        raise InputError(
            "leaf_too_large",
            Text(
                f"a leaf holds at most {MAX_LEAF:,} bytes, this one has {len(leaf):,}",
                f"叶记录上限为 {MAX_LEAF:,} 字节，实为 {len(leaf):,}",
            ),
            remedy=Text("keep the content elsewhere and log its digest", "请另存内容，只记录其摘要"),
        )
    return leaf


def decode(leaf: bytes) -> dict[str, Any] | None:
    """The object in a leaf, or None where a leaf is not one JSON object."""
    try:
        data = json.loads(leaf)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def lint(data: Mapping[str, Any]) -> list[str]:
    """Where a record looks as if it held personal data or a secret: `place: kind` for each hit, never the text itself.

    Digests, times and pseudonyms are passed over; what remains is matched with the shipped patterns (`base.patterns`).
    """
    suspects = [
        (place, text) for place, text in _texts(data, "") if _SUSPECT.search(text) and not _PLAIN.fullmatch(text)
    ]
    if not suspects:
        return []
    from steelyard.base.patterns import shipped

    rules = shipped()
    return [f"{place}: {hit.kind}" for place, text in suspects for hit in rules.find(text, "medium")]


_SUSPECT = re.compile(r"\d{5}|@|-----|[A-Za-z]\d{4}|(?:key|secret|token|passw\w*|pwd)\W", re.IGNORECASE)
_PLAIN = re.compile(r"(?:sha256:)?[0-9a-f]{64}|p-[0-9a-f]{16}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield place, str(key)
            yield from _texts(item, f"{place}/{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _texts(item, f"{place}/{index}")


def refuse_personal(data: Mapping[str, Any]) -> None:
    """Raises InputError `personal_data` where a room would write personal data into a leaf in clear."""
    hits = lint(data.get("body") or {})
    if hits:
        raise InputError(
            "personal_data",
            Text(f"this would put personal data into the ledger: {hits[0]}", f"这会把个人数据写入账本：{hits[0]}"),
            remedy=Text("leave it out, or name the person by pseudonym", "请删去，或以化名指代"),
        )
