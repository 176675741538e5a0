"""An annex never loosens its base, except where it says so.

For every complete profile: the tier is not lower than under the base, and what the base asks of a system of that tier,
or forbids, is still asked or forbidden. An obligation of a lower tier may give way to those of a higher one, since the
base says so itself; where an annex makes it do so, the finding says which, and what comes in its place. Rules that
`loosens:` names are left out of the base. That a rule which stays keeps its gate, date,
evidence and clauses is checked when the annex is loaded.
"""

from itertools import pairwise
from typing import Any

import z3  # type: ignore[import-untyped]

from steelyard.base.i18n import Text
from steelyard.policy.compile import Policy
from steelyard.policy.proofs.findings import Answers, Disagreement, Finding, assess_answers, plain, rules_of, small
from steelyard.policy.proofs.properties import guarded
from steelyard.policy.proofs.system import Rules, System
from steelyard.policy.proofs.terms import TRUE, either
from steelyard.policy.tree import TIER, TIERS

NAME = "annex_not_looser"
ABOUT = Text("the annex never loosens its base, except where it says so", "附加策略除已声明之处外，从不放宽基础策略")


def annex_not_looser(system: System) -> Finding:
    """Compares each layer with the next below it; the counterexample names the rule of the base that is lost."""
    if not system.bases:
        return Finding(NAME, ABOUT, True, note=Text("it extends no other policy", "此策略未扩展其他策略"))
    return guarded(NAME, ABOUT, lambda: _compare(system))


def _compare(system: System) -> Finding:
    found: list[dict[str, Any]] = []
    notes: list[Text] = []
    yielding: list[Text] = []
    layers = [system.policy, *system.bases]
    for depth, (annex, base) in enumerate(pairwise(layers)):
        loosened = frozenset(item.rule for item in annex.data.loosened[len(base.data.loosened) :])
        mine = system.rules if depth == 0 else Rules(system.solver, system.terms, annex, f"layer {depth}: ")
        kept = Rules(system.solver, system.terms, base, f"base {depth}: ", without=loosened)
        lost = _lost(system, mine, kept, loosened)
        found += [item for item, _ in lost]
        notes += [note for _, note in lost]
        yielding += _yielding(system, mine, kept, loosened | {str(item["rule"]) for item, _ in lost})
    notes += yielding
    note = Text("; ".join(item.en for item in notes), "；".join(item.zh for item in notes)) if notes else None
    if not found:
        return Finding(NAME, ABOUT, True, note=note)
    return Finding(NAME, ABOUT, False, found[0], tuple(found[1:]), note)


def _yielding(system: System, mine: Rules, kept: Rules, known: frozenset[str]) -> list[Text]:
    """Obligations of a lower tier that no longer apply because the annex raises the tier, and what comes instead."""
    annex, base = mine.policy, kept.policy
    out = []
    for rule, judge in base.obligations:
        if TIER not in judge.reads or rule.id in known:
            continue
        found = system.smallest(kept.holds[rule.id], z3.Not(mine.holds[rule.id]))
        if found is None:
            continue
        answers = _answers(annex, found[0])
        one, other = assess_answers(annex, answers), assess_answers(base, answers)
        owed = {duty.id for duty, _ in annex.obligations}
        new = sorted((rules_of(one) - rules_of(other)) & owed)
        if rule.id in rules_of(one):
            raise Disagreement(plain(annex.vocabulary, answers))
        instead = Text(", ".join(new), "、".join(new)) if new else Text("nothing", "无")
        tiers = (other.tier.lowest, one.tier.lowest)
        out.append(
            Text(
                f"{rule.id} gives way where {annex.data.id} raises the tier, for example from {tiers[0]} to {tiers[1]};"
                f" in its place: {instead.en}",
                f"{annex.data.id} 提高等级后 {rule.id} 不再适用，例如由 {tiers[0]} 升为 {tiers[1]}；"
                f"取而代之的是：{instead.zh}",
            )
        )
    return out


def _lost(system: System, mine: Rules, kept: Rules, loosened: frozenset[str]) -> list[tuple[dict[str, Any], Text]]:
    terms, annex, base = system.terms, mine.policy, kept.policy
    out = []
    lower = either(z3.And(kept.at_least[rank], z3.Not(mine.at_least[rank])) for rank in (1, 2))
    found = system.smallest(lower)
    if found is not None:
        out.append(_lower_tier(system, annex, base, _answers(annex, found[0]), loosened))
    for rule, judge in (*base.prohibitions, *base.obligations):
        now = annex.judges.get(rule.id)
        if rule.id in loosened or (now is not None and now[1].node == judge.node):
            continue
        gone = z3.Not(mine.holds[rule.id]) if now is not None else TRUE
        found = system.smallest(terms.term(judge.node, mine.at_least), gone)
        if found is None:
            continue
        answers = _answers(annex, found[0])
        one = assess_answers(annex, answers)
        if judge.truth(one.values) is not True or rule.id in rules_of(one):
            raise Disagreement(plain(annex.vocabulary, answers))
        note = Text(
            f"{rule.id} of {base.data.id} would apply to this system, and does not under {annex.data.id}",
            f"{base.data.id} 的 {rule.id} 本应适用于此系统，在 {annex.data.id} 下不再适用",
        )
        out.append(({"facts": plain(annex.vocabulary, answers), "rule": rule.id}, note))
    return out


def _answers(annex: Policy, values: Any) -> Answers:
    """The facts of a counterexample; a lower layer may know fewer facts than the policy that is checked."""
    words = annex.vocabulary
    return small(annex, {name: values[name] for name in words.ids})


def _lower_tier(
    system: System, annex: Policy, base: Policy, answers: Answers, loosened: frozenset[str]
) -> tuple[dict[str, Any], Text]:
    one, other = assess_answers(annex, answers), assess_answers(base, answers)
    ranks = {item.rule.id: TIERS.index(item.rule.tier) for item in other.tiers if item.rule.id not in loosened}
    rank = TIERS.index(one.tier.highest)
    lifted = [rule for rule, of in ranks.items() if of > rank]
    if not lifted:
        raise Disagreement(plain(system.policy.vocabulary, answers))
    tiers = {"base": other.tier.lowest, "annex": one.tier.lowest}
    note = Text(
        f"{lifted[0]} lifts this system to {tiers['base']} under {base.data.id}; under {annex.data.id} it is"
        f" {tiers['annex']}",
        f"{lifted[0]} 在 {base.data.id} 下使此系统升为 {tiers['base']}，在 {annex.data.id} 下为 {tiers['annex']}",
    )
    return {"facts": plain(system.policy.vocabulary, answers), "rule": lifted[0], "tier": tiers}, note
