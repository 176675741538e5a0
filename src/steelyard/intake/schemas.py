"""JSON Schemas of the files people write: published, and printed by `steelyard schema NAME`."""

from inspect import cleandoc
from typing import Any

import msgspec

from steelyard.base.errors import unreachable
from steelyard.intake.mapping import MappingData
from steelyard.policy.model import (
    DefaultTier,
    Information,
    Lane,
    Layer,
    Loosening,
    Obligation,
    Prohibition,
    Promise,
    Term,
    TierRule,
)
from steelyard.profile.document import SYSTEM_FIELDS
from steelyard.profile.facts import Fact, vocabulary

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(name: str) -> dict[str, Any]:
    """The schema of a `profile`, `policy` or `mapping` file."""
    if name == "profile":
        return profile_schema()
    if name == "mapping":
        found = {"$schema": DIALECT, "title": "Steelyard inventory mapping", **_struct(MappingData)}
    elif name == "policy":
        found = policy_schema()
    else:
        unreachable(name)
    tidy: dict[str, Any] = _tidy(found)
    return tidy


def _tidy(value: Any) -> Any:
    """The same schema with descriptions free of indentation, which Python versions treat differently."""
    if isinstance(value, dict):
        return {
            key: cleandoc(item) if key == "description" and isinstance(item, str) else _tidy(item)
            for key, item in value.items()
        }
    return [_tidy(item) for item in value] if isinstance(value, list) else value


def profile_schema() -> dict[str, Any]:
    """`steelyard.yaml`: one property per fact, with its question as the description."""
    text = {"type": ["string", "integer", "null"]}
    thing = {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        ]
    }
    return {
        "$schema": DIALECT,
        "title": "steelyard.yaml",
        "description": "One AI system. An absent or null fact is unknown. / 一个人工智能系统；缺省或 null 表示未知。",
        "type": "object",
        "required": ["facts"],
        "additionalProperties": False,
        "properties": {
            "steelyard": {"const": 1},
            "system": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": dict.fromkeys(SYSTEM_FIELDS, text),
            },
            "facts": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": {fact.id: _fact(fact) for fact in vocabulary().items},
            },
            "models": {"type": ["array", "null"], "items": thing},
            "datasets": {"type": ["array", "null"], "items": thing},
            "asked": {"type": ["array", "null"], "items": {"enum": list(vocabulary().ids)}},
        },
    }


def _fact(fact: Fact) -> dict[str, Any]:
    members = list(fact.members)
    shapes: dict[str, list[dict[str, Any]]] = {
        "bool": [{"type": "boolean"}, {"enum": ["yes", "no", "是", "否"]}],
        "count": [{"type": "integer", "minimum": 0}],
        "one_of": [{"enum": members}],
        "set_of": [
            {"type": "array", "items": {"enum": members}, "uniqueItems": True},
            {"enum": [*members, "none"]},
        ],
    }
    return {
        "description": f"{fact.question.en} / {fact.question.zh}",
        "anyOf": [*shapes[fact.type], {"type": "null"}],
    }


def policy_schema() -> dict[str, Any]:
    """A policy file, or an annex that extends one; an annex may name an entry of its base with only what changes."""
    kinds = {
        "tiers": TierRule,
        "lanes": Lane,
        "prohibitions": Prohibition,
        "obligations": Obligation,
        "information": Information,
        "promises": Promise,
        "loosens": Loosening,
    }
    (head, default, term, *rest), components = msgspec.json.schema_components(
        [Layer, DefaultTier, Term, *kinds.values()], ref_template="#/$defs/{name}"
    )
    head_properties = components["Layer"]["properties"]
    del head
    lists = {}
    for (name, kind), whole in zip(kinds.items(), rest, strict=True):
        items = whole
        if hasattr(kind, "id"):
            part = {key: value for key, value in components[kind.__name__].items() if key != "required"}
            more: dict[str, Any] = {"also_when": {"type": "string"}, "remove": {"const": True}}
            change = {**part, "required": ["id"], "properties": {**part["properties"], **more}}
            items = {"anyOf": [whole, change]}
        lists[name] = {"type": "array", "items": items}
    return {
        "$schema": DIALECT,
        "title": "Steelyard policy",
        "type": "object",
        "required": ["policy", "id", "version", "title"],
        "additionalProperties": False,
        "properties": {
            "policy": {"const": 1},
            **head_properties,
            "instruments": {"type": "array", "items": {"type": "string"}},
            "extends": {"type": "string"},
            "include": {"type": "array", "items": {"type": "string"}},
            "sets": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            "terms": {"type": "object", "additionalProperties": term},
            "facts": {"type": "array", "items": {"type": "object"}},
            "default": default,
            **lists,
        },
        "$defs": components,
    }


def _struct(kind: Any) -> dict[str, Any]:
    (top,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    return {**top, "$defs": components}
