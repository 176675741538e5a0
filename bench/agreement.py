"""Does every peer say what Steelyard says? `python -m bench.agreement`; exit 1 when one does not.

On complete profiles, the set of rules that hold must be the same, rule by rule. The check also counts how many rules it
has seen both hold and fail, because agreeing on rules that never fire proves nothing.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NamedTuple

from bench.engines import PEERS, NotInstalled, load
from bench.engines.base import Engine, Facts, rules_of
from bench.ours import ids, judge
from bench.population import draw
from steelyard.policy.compile import Policy, load_compiled

PROFILES = 200
SEED = 20_260_101


class Disagreement(NamedTuple):
    """A profile on which a peer gives other rules: those only we have, those only it has."""

    profile: int
    ours_only: list[str]
    peers_only: list[str]


def sample(policy: Policy, count: int) -> list[Facts]:
    """Half random, half realistic profiles."""
    half = count // 2
    return draw(policy, "random", count - half, SEED) + draw(policy, "realistic", half, SEED)


def compare(policy: Policy, engine: Engine, profiles: Sequence[Facts]) -> list[Disagreement]:
    """Every profile on which the two differ."""
    out = []
    for index, (facts, theirs) in enumerate(zip(profiles, engine.evaluate(profiles), strict=True)):
        mine = ids(judge(policy, facts))
        if mine != theirs:
            out.append(Disagreement(index, sorted(mine - theirs), sorted(theirs - mine)))
    return out


def main(argv: list[str] | None = None) -> int:
    """Compares every installed peer."""
    parser = argparse.ArgumentParser(prog="python -m bench.agreement", description=__doc__)
    parser.add_argument("--profiles", type=int, default=2 * PROFILES, help="half random, half realistic")
    options = parser.parse_args(argv)
    policy = load_compiled()
    rules = rules_of(policy)
    profiles = sample(policy, options.profiles)
    held = [ids(judge(policy, facts)) for facts in profiles]
    every = [*rules.first, *rules.second]
    both = sum(1 for name in every if 0 < sum(name in one for one in held) < len(held))
    print(f"{len(profiles)} complete profiles, {len(every)} rules, of which {both} were seen to hold and to fail")
    code = 0
    for name in PEERS:
        try:
            kind, version = load(name)
        except NotInstalled as error:
            print(f"{name}: skipped, {error}")
            continue
        found = compare(policy, kind(rules), profiles)
        print(f"{name} {version}: {'agrees' if not found else f'differs on {len(found)} profiles'}")
        for item in found[:10]:
            print(f"  profile {item.profile}: only ours {item.ours_only}, only theirs {item.peers_only}")
        code = code or int(bool(found))
    return code


if __name__ == "__main__":
    sys.exit(main())
