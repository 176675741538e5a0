"""What the operations take and give, for checking and for the OpenAPI document."""

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, StringConstraints

KEPT = r"^[^\x00]*$"
Clean = Annotated[str, StringConstraints(max_length=200, pattern=KEPT)]
LONGEST_REASON = 4_000


class Names(Schema):
    """A text in both languages."""

    en: str
    zh: str


class Bounds(Schema):
    """The lowest and the highest it can be, given what is not known."""

    lowest: str
    highest: str


class SystemRow(Schema):
    """A system as lists show it. `owner` is a pseudonym; `waiting` are the roles it waits for."""

    system: str
    name: str
    unit: str
    owner: str
    stage: str
    tier_lowest: str
    tier_highest: str
    lane: str
    owed: int
    done: int
    shut: int
    waiting: list[str]
    prohibited: bool
    stopped: bool
    case_digest: str
    submitted: str
    due: str | None


class SystemPage(Schema):
    """A page of systems. `total` is exact unless `total_exact` is false: then there are at least that many."""

    items: list[SystemRow]
    total: int
    total_exact: bool
    limit: int
    offset: int


class Prohibition(Schema):
    """A rule that says stop; `certain` false: an open fact decides."""

    rule: str
    title: Names
    basis: str
    clauses: list[str]
    certain: bool


class Obligation(Schema):
    """What the system owes and where it stands. `by` are the digests that made it so; `role` is who decides, if any."""

    id: str
    title: Names
    clauses: list[str]
    owner: str
    gate: str
    due: str | None
    every: str | None
    evidence: list[str]
    certain: bool
    state: str
    by: list[str]
    until: str | None
    open_facts: list[str]
    role: str | None


class DecisionRow(Schema):
    """A decision on record. `person` is a pseudonym; `case` the digest that was decided about."""

    digest: str
    action: str
    case: str | None
    gate: str | None
    obligation: str | None
    role: str
    person: str
    decided: str
    until: str | None


class EvidenceRow(Schema):
    """Evidence on record."""

    digest: str
    kind: str
    issued: str
    valid_until: str | None
    confidence: str


class SystemWhole(Schema):
    """Everything about a system. `digest` is what a decision names as `reviewed`; `profile` is its steelyard.yaml."""

    system: str
    profile: dict[str, Any]
    row: SystemRow | None
    tier: Bounds
    lane: Bounds
    prohibitions: list[Prohibition]
    obligations: list[Obligation]
    decisions: list[DecisionRow]
    evidence: list[EvidenceRow]
    open_facts: list[str]
    digest: str
    digests: dict[str, str]


class Recorded(Schema):
    """A profile on record. `assessment` is the digest of the signed assessment; `changed` whether it is a new one."""

    system: str
    digest: str
    assessment: str
    changed: bool
    tier: Bounds
    lane: Bounds
    stage: str
    open_facts: list[str]


class EvidencePage(Schema):
    """A page of evidence about one system, the newest first."""

    items: list[EvidenceRow]
    total: int
    limit: int
    offset: int


class EvidenceTaken(Schema):
    """Evidence taken in; `new` false: it stood here already."""

    digest: str
    system: str
    new: bool


class EnvelopeWhole(Schema):
    """A signed statement of the store with its DSSE envelope."""

    digest: str
    type: str
    system: str | None
    received: str
    signers: list[str]
    envelope: dict[str, Any]


class DecisionIn(Schema):
    """A decision of the token's person. `reviewed` is the digest of the case that was looked at."""

    model_config = ConfigDict(extra="forbid")

    system: Clean
    action: Literal["approve", "refuse", "except", "override", "stop", "report", "declare"]
    role: Clean | None = None
    reason: Annotated[str, StringConstraints(max_length=LONGEST_REASON, pattern=KEPT)] = ""
    gate: Clean | None = None
    obligation: Clean | None = None
    until: Clean | None = None
    reviewed: Clean | None = None
    requested_by: Clean | None = None


class DecisionTaken(Schema):
    """A decision on record. `admitted`: the automatic approval that a declaration led to, if any."""

    digest: str
    system: str
    action: str
    case: str
    admitted: str | None


class PersonRow(Schema):
    """Somebody with an account; roles as `role` or `role@unit`."""

    person: str
    name: str
    roles: list[str]


class PersonPage(Schema):
    """A page of people, by name."""

    items: list[PersonRow]
    total: int
    limit: int
    offset: int


class GateStep(Schema):
    """An obligation or approval at a gate. `command` is what would satisfy it, where a tool or a decision does."""

    model_config = ConfigDict(extra="allow")

    obligation: str
    needs: list[str]
    command: str | None
    by: list[str]


class GateUncertain(Schema):
    """An obligation or prohibition that an open fact decides."""

    model_config = ConfigDict(extra="allow")

    obligation: str
    fact: str | None
    facts: list[str]


class GateSatisfied(Schema):
    """An obligation that is satisfied."""

    model_config = ConfigDict(extra="allow")

    obligation: str
    by: list[str]
    until: str | None


class Gate(Schema):
    """Whether a gate opens, as `steelyard gate --json` says it."""

    model_config = ConfigDict(extra="allow")

    gate: str
    open: bool
    missing: list[GateStep]
    lapsed: list[GateStep]
    contradicted: list[GateStep]
    excepted: list[GateStep]
    uncertain: list[GateUncertain]
    satisfied: list[GateSatisfied]
    later: list[str]
    prohibited: list[str]
    stopped: list[str]
    digest: str
    on: str
