"""Cases for tests of the pure judge: systems of the example inventory, and evidence that satisfies what they owe."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from steelyard.evidence.kinds import Kinds
from steelyard.gates.case import Case, case_of
from steelyard.gates.gate import Decision, Item, Judge, Step
from steelyard.gates.requirements import Requirements, load
from steelyard.intake.apply import apply_mapping, profile_of
from steelyard.intake.inventory import read_sheet
from steelyard.intake.mapping import load_mapping
from steelyard.policy.assess import assess
from steelyard.policy.compile import Policy, load_compiled
from steelyard.profile.document import Profile
from tests.gates.house import EXAMPLES

DAY = dt.date(2026, 11, 24)
KINDS = Kinds.shipped()


@cache
def shipped() -> Policy:
    """The shipped policy."""
    return load_compiled()


@cache
def wanted() -> Requirements:
    """The shipped requirements."""
    return load(shipped(), KINDS)


@cache
def systems() -> dict[str, Profile]:
    """The systems of the example inventory."""
    policy, folder = shipped(), EXAMPLES / "inventory"
    mapping, doc = load_mapping(folder / "mapping.yaml", policy)
    mapped = apply_mapping(mapping, doc, read_sheet(folder / "inventory.csv", mapping.data.inventory).frame, policy)
    found = [profile_of(mapping, mapped, row, policy) for row in range(mapped.facts.height)]
    return {item.id: replace(item, owner="Zhou Lan") for item in found}


def case(profile: Profile, policy: Policy | None = None, on: dt.date = DAY) -> Case:
    """The case of a profile."""
    return case_of(assess(profile, policy or shipped(), on))


def example_of(obligation: str, kind: str) -> dict[str, Any]:
    """The smallest result that counts."""
    more = wanted().of(obligation, kind)
    return more.examples.meets if more else KINDS[kind].examples.satisfies


def item(obligation: str, kind: str, number: int = 1, **changes: Any) -> Item:
    """Evidence of a kind for one obligation."""
    values = KINDS[kind].parse(changes.pop("result", None) or example_of(obligation, kind))
    name, named = f"sha256:{obligation}:{kind}:{number}", frozenset({obligation})
    plain = Item(name, number, kind, DAY, None, named, values, frozenset(), None)
    return replace(plain, **changes)


def decision(action: str, role: str, of: Case | None, number: int = 1, **changes: Any) -> Decision:
    """A decision about a case."""
    person = changes.pop("person", f"p-{role}")
    name, digest = f"sha256:{action}:{role}:{number}", of.digest if of else None
    plain = Decision(name, number, action, digest, None, None, role, person, DAY, None)
    return replace(plain, **changes)


def everything(of: Case, subjects: Iterable[str] = ()) -> tuple[list[Item], list[Decision]]:
    """Evidence for every obligation and an approval in every role: what opens a gate that nothing else shuts."""
    items, roles = [], {"legal", *(reviewer for reviewer in judge(of).roles())}
    for number, fired in enumerate(of.assessment.obligations, 1):
        rule = fired.rule
        role = wanted().approvals.get(rule.id)
        if role is not None:
            roles.add(role)
        elif rule.evidence:
            items.append(item(rule.id, rule.evidence[0], number, bases=of.bases, subjects=frozenset(subjects)))
    return items, [decision("approve", role, of, 1000 + index) for index, role in enumerate(sorted(roles))]


def judge(
    of: Case, items: Iterable[Item] = (), decisions: Iterable[Decision] = (), on: dt.date = DAY, **changes: Any
) -> Judge:
    """A judge over them."""
    requirements = changes.pop("requirements", None) or wanted()
    return Judge(of, list(items), list(decisions), requirements, KINDS, on)


def step(of: Judge, obligation: str, gate: str | None = None) -> Step:
    """One step."""
    fired = next(found for found in of.case.assessment.obligations if found.rule.id == obligation)
    return of.step(fired, gate)
