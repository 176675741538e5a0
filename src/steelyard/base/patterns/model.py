"""What a pack of patterns holds, and what is found with it. No Arrow, no policy; structures only.

A rule: `trigger` finds candidates (common subset of RE2, see `subset`; read over folded text, see `fold`); a capturing
group in it is the finding. `before` and `after` are the insides of character classes that must not stand right beside a
candidate; `number: true` also refuses one that is part of a longer decimal number. `validator` names a function of
`validators` that has the last word, `extend` one that moves the end onward where a width has no bound (a private key).
One of `needs` (words), `digits` (the length of a run of digits) and `gate` (a cheap expression) says what every match
contains, so that a text without it is not searched. `context` are words that, within `reach` characters, raise the
confidence to `with_context` (one step up); with `only_with_context` there is no finding without them.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from steelyard.base.i18n import Text

Confidence = Literal["low", "medium", "high"]
RANK: dict[Confidence, int] = {"low": 0, "medium": 1, "high": 2}
STEP_UP: dict[Confidence, Confidence] = {"low": "medium", "medium": "high", "high": "high"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A place in a text: `start` to `end` in code points of the text as given. It never holds the words themselves."""

    kind: str
    rule: str
    start: int
    end: int
    confidence: Confidence


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Texts in which the rule finds something, and texts in which it finds nothing. All are made up."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]


class RuleData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as written."""

    id: str
    kind: str
    trigger: str
    description: Text
    examples: Examples
    confidence: Confidence
    needs: tuple[str, ...] = ()
    digits: int = 0
    gate: str | None = None
    before: str = ""
    after: str = ""
    number: bool = False
    ignore_case: bool = False
    validator: str | None = None
    extend: str | None = None
    context: tuple[str, ...] = ()
    reach: int = 24
    with_context: Confidence | None = None
    only_with_context: bool = False
    clauses: tuple[str, ...] = ()


class PackData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack as written."""

    patterns: int
    rules: tuple[RuleData, ...]


class CompiledRule(msgspec.Struct, frozen=True):
    """A checked rule with the greatest width of its trigger in code points."""

    data: RuleData
    width: int
    group: bool


class Compiled(msgspec.Struct, frozen=True):
    """Checked packs, as they are kept in the cache; `digest` names their contents."""

    digest: str
    rules: tuple[CompiledRule, ...]


def as_dict(finding: Finding) -> dict[str, Any]:
    """A finding as JSON carries it."""
    return {
        "kind": finding.kind,
        "rule": finding.rule,
        "start": finding.start,
        "end": finding.end,
        "confidence": finding.confidence,
    }
