"""What differs between two assessments."""

from typing import Any

from steelyard.policy.assess import Assessment


def compare(old: Assessment, new: Assessment) -> dict[str, Any]:
    """The change as plain data.

    `facts` maps each changed fact to its effective values; `rules` lists the ids of rules and obligations that came,
    went, or were open and now hold for certain (or the reverse).
    """
    words = new.policy.vocabulary
    facts = {
        fact.id: {"old": _plain(old, fact.id), "new": _plain(new, fact.id)}
        for fact in words.items
        if old.values.get(fact.id) != new.values.get(fact.id)
    }
    before, after = _rules(old), _rules(new)
    return {
        "systems": [old.profile.id, new.profile.id],
        "tier": {"old": old.tier._asdict(), "new": new.tier._asdict()},
        "lane": {"old": old.lane._asdict(), "new": new.lane._asdict()},
        "facts": facts,
        "rules": {
            "added": [name for name in after if name not in before],
            "removed": [name for name in before if name not in after],
            "settled": [name for name in after if name in before and after[name] != before[name]],
        },
        "digests": {"old": old.digests, "new": new.digests},
    }


def _plain(assessment: Assessment, fact: str) -> Any:
    value = assessment.values.get(fact)
    return None if value is None else assessment.policy.vocabulary[fact].plain(value)


def _rules(assessment: Assessment) -> dict[str, bool]:
    return {
        item.rule.id: item.certain for item in (*assessment.tiers, *assessment.prohibitions, *assessment.obligations)
    }
