"""`evidence add`: what evidence that comes in rests on, and what its maker should know about it.

Rules enforced: evidence rests on one profile, never on the first of several that happen to lie there; what names an
obligation that is not owed, or one that only a decision satisfies, is taken in and said so.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.base.errors import InputError, SteelyardError
from steelyard.base.i18n import Text
from steelyard.cli.common import policy_of

if TYPE_CHECKING:
    from steelyard.evidence.statement import Statement
    from steelyard.gates.case import Case
    from steelyard.gates.requirements import Requirements

USUAL = "steelyard.yaml"
MOST = 50

Cases = dict[str, list[tuple[Path, "Case"]]]
"""By system: the profiles that are to be had, each with its case."""


def cases_of(options: argparse.Namespace, folder: Path) -> Cases:
    """The cases of `--profile`, or of the profiles beside the store: what evidence that comes in now rests on."""
    from steelyard.base.clock import today
    from steelyard.gates.case import case_of
    from steelyard.policy.assess import assess
    from steelyard.profile.document import read

    policy = policy_of(options)
    found: Cases = {}
    paths = sorted(folder.glob("*.yaml"), key=lambda path: (path.name != USUAL, path.name))[:MOST]
    for path in [Path(options.profile)] if options.profile else paths:
        try:
            case = case_of(assess(read(path, policy.vocabulary), policy, today()))
        except SteelyardError:
            if options.profile:
                raise
            continue
        found.setdefault(case.system, []).append((path, case))
    return found


def case_for(options: argparse.Namespace, cases: Cases, system: str) -> "Case | None":
    """The case of a system. Raises InputError `other_system`, `several_profiles`."""
    if options.profile and system not in cases:
        other = next(iter(cases))
        raise InputError(
            "other_system",
            Text(
                f"this is the profile of {other}, the evidence is about {system}",
                f"此档案属于 {other}，证据针对的却是 {system}",
            ),
            remedy=Text("name the profile of that system", "请提供该系统的档案"),
            path=options.profile,
        )
    found = cases.get(system, [])
    usual = next((case for path, case in found if path.name == USUAL), None)
    if usual is None and len({case.assessment.digests["profile"] for _, case in found}) > 1:
        names = [path.name for path, _ in found]
        raise InputError(
            "several_profiles",
            Text(
                f"{' and '.join(names)} are both profiles of {system}",
                f"{'、'.join(names)} 都是 {system} 的档案",
            ),
            remedy=Text(
                "say with --profile FILE which one the evidence rests on", "请用 --profile 文件 指明证据以哪一份为依据"
            ),
            field="--profile",
        )
    return usual or (found[0][1] if found else None)


def cautions(
    said: "Statement", owed: Iterable[str] | None, requirements: "Requirements", path: str
) -> list[tuple[str, Text]]:
    """What somebody who hands evidence in should know, as (code, message). `owed` None: nobody knows what is owed."""
    from steelyard.base.yamldoc import near
    from steelyard.gates.minimum import by_decision

    named = said.predicate.get("obligations") or []
    known, system = None if owed is None else set(owed), said.predicate.get("system")
    out: list[tuple[str, Text]] = []
    if not named:
        text = Text(
            f"{path} names no obligation: it counts for each that takes this kind",
            f"{path} 未指明义务：对接受该类别的每项义务都有效",
        )
        out.append(("names_no_obligation", text))
    for name in named:
        if known is not None and name not in known:
            hint = near(str(name), known) or Text("`steelyard plan` lists what it owes", "`steelyard plan` 列出其义务")
            text = Text(
                f"{path}: {system} does not owe {name}, so this counts for nothing there; {hint.en}",
                f"{path}：{system} 并无义务 {name}，此证据不起作用；{hint.zh}",
            )
            out.append(("not_owed", text))
        elif (role := requirements.approvals.get(name)) is not None:
            who = by_decision(role)
            text = Text(
                f"{path}: this does not count for {name}, which needs {who.en}: "
                f"steelyard decide approve FILE --role {role} --by NAME --reason TEXT",
                f"{path}：此证据对 {name} 不算数，须{who.zh}："
                f"steelyard decide approve 文件 --role {role} --by 姓名 --reason 理由",
            )
            out.append(("decision_needed", text))
    return out
