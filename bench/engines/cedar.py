"""Cedar, by `cedarpy`.

Each rule is a `permit` with the facts as the context of the request; the answer names every permit that applied, by its
`@id`. Policies and entities are parsed once, requests go in batches: all profiles against the rules that the facts
decide, then all profiles, with the tier and the few facts needed, against the rules that ask for it.
"""

from collections.abc import Sequence
from typing import Any

import cedarpy

from bench.engines.base import Engine, Facts, Language, RuleSet, any_of, quoted, second_reads, tier_from, write
from steelyard.policy.tree import Node

BATCH = 500
_REQUEST = {"principal": 'User::"reviewer"', "action": 'Action::"assess"', "resource": 'System::"one"'}


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


LANGUAGE = Language(
    both=" && ",
    either=" || ",
    negation="!",
    one_of=lambda fact, values: any_of(" || ", [f"{fact} == {quoted(value)}" for value in values]),
    meets=lambda fact, values: (
        f"{fact}.containsAny({_list(values)})" if len(values) > 1 else f"{fact}.contains({quoted(values[0])})"
    ),
    not_empty=lambda fact: f"!{fact}.isEmpty()",
    name=lambda fact: f"context.{fact}",
)


class Cedar(Engine):
    """Two parsed policy sets, requests in batches."""

    package = "cedarpy"
    how = f"one permit per rule, parsed once; requests in batches of {BATCH}, twice because of the tier"

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._first = self._policies(rules.first)
        self._second = self._policies(rules.second)
        self._nobody = cedarpy.Entities.from_json_str("[]")
        self._reads = second_reads(rules)

    def _policies(self, rules: dict[str, Node]) -> Any:
        return cedarpy.PolicySet.from_str(
            "\n".join(
                f"@id({quoted(name)})\npermit(principal, action, resource)\n"
                f"when {{ {write(node, LANGUAGE, self._rules)} }};"
                for name, node in rules.items()
            )
        )

    def _ask(self, policies: Any, contexts: Sequence[Facts]) -> list[set[str]]:
        requests = [{**_REQUEST, "context": facts} for facts in contexts]
        answers = cedarpy.is_authorized_batch(requests, policies, self._nobody)
        out = []
        for answer in answers:
            if answer.diagnostics.errors:
                raise RuntimeError(answer.diagnostics.errors[0])
            out.append(set(answer.diagnostics.id_annotations_by_reason.values()))
        return out

    def evaluate(self, profiles: Sequence[Facts]) -> list[set[str]]:
        """The ids of the rules that hold, for each profile."""
        out: list[set[str]] = []
        for start in range(0, len(profiles), BATCH):
            batch = profiles[start : start + BATCH]
            first = self._ask(self._first, batch)
            known = [
                {"tier": tier_from(held, self._rules), **{name: facts[name] for name in self._reads}}
                for facts, held in zip(batch, first, strict=True)
            ]
            out += [held | more for held, more in zip(first, self._ask(self._second, known), strict=True)]
        return out
