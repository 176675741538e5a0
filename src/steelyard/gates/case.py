"""The case: exactly what a decision is about, and what each obligation rests on.

Rules enforced:
- the digest of a case covers everything that could change a reviewer's mind (answers, models, datasets, purpose, unit,
  owner, tier, lane, prohibitions, obligations) and nothing else: not the date, not a wording of the policy;
- each obligation rests on its rule and on the values of the facts that make it owed; evidence about a model or a
  dataset rests on that list too. A change re-opens what rested on it, and nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.base.canon import digest
from steelyard.policy.assess import Assessment
from steelyard.policy.match import Fired
from steelyard.policy.tree import TIER

MODELS, DATASETS = "models", "datasets"
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Case:
    """What is decided about one system. `bases`: obligation (or `models`, `datasets`) -> digest of what it rests on."""

    system: str
    owner: str
    digest: str
    bases: Mapping[str, str]
    assessment: Assessment


def case_of(assessment: Assessment) -> Case:
    """The case of an assessment."""
    profile = assessment.profile
    bases = {item.rule.id: _basis(assessment, item) for item in assessment.obligations}
    bases[MODELS], bases[DATASETS] = digest(list(profile.models)), digest(list(profile.datasets))
    data = profile.as_data()
    whole = {
        "system": profile.id,
        "owner": profile.owner,
        "accountable": profile.accountable,
        "unit": profile.unit,
        "purpose": " ".join(profile.purpose.split()),
        "facts": data["facts"],
        "assumed": data.get("assumed", []),
        "tier": list(assessment.tier),
        "lane": list(assessment.lane),
        "prohibitions": [[item.rule.id, item.certain] for item in assessment.prohibitions],
        "bases": bases,
    }
    return Case(profile.id, profile.owner, digest(whole), bases, assessment)


def _basis(assessment: Assessment, item: Fired) -> str:
    rule = item.rule
    facts = assessment.facts(item)
    if TIER in facts:
        facts[TIER] = list(assessment.tier)
    return digest(
        {
            "id": rule.id,
            "when": rule.when,
            "gate": rule.gate,
            "due": rule.due,
            "every": rule.every,
            "evidence": list(rule.evidence),
            "facts": facts,
        }
    )


def about(kind_about: str) -> str | None:
    """The list in the profile that evidence of a kind is about."""
    return {"model": MODELS, "dataset": DATASETS}.get(kind_about)


def digests_in(things: tuple[Any, ...]) -> frozenset[str]:
    """The SHA-256 digests that a profile's models or datasets carry (`digest` or `sha256`), in hexadecimal."""
    return frozenset(found for item in things if (found := _sha256(item)) is not None)


def all_digested(things: tuple[Any, ...]) -> bool:
    """Whether each of them carries a SHA-256, so that evidence can say by digest which ones it is about."""
    return bool(things) and all(_sha256(item) is not None for item in things)


def _sha256(item: Any) -> str | None:
    value = (item.get("sha256") or item.get("digest")) if isinstance(item, Mapping) else None
    text = value.removeprefix("sha256:").lower() if isinstance(value, str) else ""
    return text if _HEX.fullmatch(text) else None
