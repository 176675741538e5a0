"""All properties of a policy, in the order of the contract."""

from collections.abc import Callable
from pathlib import Path

from steelyard.policy.compile import Policy, load_compiled
from steelyard.policy.load import MAX_LAYERS, base_of, resolve
from steelyard.policy.proofs.annex import annex_not_looser
from steelyard.policy.proofs.findings import Finding
from steelyard.policy.proofs.properties import monotone, one_lane, one_tier, promise
from steelyard.policy.proofs.rules import Witnesses, no_dead_rule, no_shadowed_rule
from steelyard.policy.proofs.system import System

SECONDS = 300.0


def check_policy(
    policy: Policy,
    bases: tuple[Policy, ...] = (),
    *,
    seconds: float = SECONDS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """Every property with its finding; `seconds` bounds the time the solver may take in all.

    `bases` are the policies that `policy` extends, the nearest first (`bases_of`). `progress` hears done and total.
    """
    facts = [fact for fact in policy.vocabulary.items if fact.demanding != "none"]
    stops = len(policy.data.tiers) + len(policy.data.prohibitions)
    total = 4 + len(policy.judges) + stops + len(facts) + len(policy.data.promises)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    system = System(policy, bases, seconds)
    tick()
    seen = Witnesses(system)
    findings = [one_tier(system), one_lane(system)]
    tick()
    dead = no_dead_rule(system, seen, tick)
    never = {str(item["rule"]) for item in (dead.counterexample, *dead.more) if item is not None}
    findings += [dead, no_shadowed_rule(system, seen, never, tick)]
    for fact in facts:
        tick()
        findings.append(monotone(system, fact))
    tick()
    findings.append(annex_not_looser(system))
    for item, node in system.promises:
        tick()
        findings.append(promise(system, item, node))
    return findings


def bases_of(reference: str | Path | None) -> tuple[Policy, ...]:
    """The policies that one extends, the nearest first. Raises InputError."""
    out: list[Policy] = []
    path = base_of(resolve(reference))
    while path is not None and len(out) < MAX_LAYERS:
        out.append(load_compiled(path))
        path = base_of(path)
    return tuple(out)
