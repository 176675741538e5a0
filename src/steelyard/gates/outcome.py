"""What a judge reads and answers: evidence and decisions about a system, where each obligation stands, a gate."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from steelyard.base.i18n import Text
from steelyard.gates.minimum import Short
from steelyard.policy.match import Fired
from steelyard.policy.model import ROLE_NAMES
from steelyard.profile.facts import Value

State = Literal["satisfied", "due", "lapsed", "contradicted", "excepted", "uncertain", "later"]
APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of evidence as the store indexes it. `bases` is what obligations rested on when it came in, None where
    no assessment was on record; `obligations` None means it names none; `added` is the day it came in."""

    digest: str
    seq: int
    kind: str
    issued: dt.date
    valid_until: dt.date | None
    obligations: frozenset[str] | None
    values: Mapping[str, Value]
    subjects: frozenset[str]
    bases: Mapping[str, str] | None
    confidence: str = "medium"
    added: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about the system, as the store indexes it."""

    digest: str
    seq: int
    action: str
    case: str | None
    gate: str | None
    obligation: str | None
    role: str
    person: str
    decided: dt.date
    until: dt.date | None
    more: Mapping[str, Any] = field(default_factory=dict)


class Found(NamedTuple):
    """What evidence or decisions say about one obligation; the fields are those of a step."""

    state: State
    by: tuple[str, ...] = ()
    reopened: tuple[str, ...] = ()
    until: dt.date | None = None
    general: bool = False
    short: tuple[Short, ...] = ()
    at: dt.date | None = None
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Where one obligation stands. `by` are the digests that made it so; `facts` are open ones that decide it.

    `reopened` are digests of evidence that counted before something it rested on changed; `short` is what was handed in
    and does not count; `at` is the day of what contradicts; `overridden`: a decision lets it stand against that.
    """

    fired: Fired
    state: State
    by: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    until: dt.date | None = None
    reopened: tuple[str, ...] = ()
    role: str | None = None
    general: bool = False
    short: tuple[Short, ...] = ()
    at: dt.date | None = None
    overridden: bool = False


class Consent(NamedTuple):
    """An approval that the lane asks for and no obligation carries: by a role, or by anybody (`approval`)."""

    role: str
    state: State
    by: tuple[str, ...] = ()
    until: dt.date | None = None

    @property
    def name(self) -> str:
        """How it is called among obligations."""
        return APPROVAL if self.role == APPROVAL else f"{APPROVAL}.{self.role}"

    def title(self) -> Text:
        """Whose approval it is, in words."""
        if self.role == APPROVAL:
            return Text(
                "approval by any appointed person who does not own it", "一名已获任命、且不是负责人的人员的批准"
            )
        who = ROLE_NAMES.get(self.role, Text(self.role, self.role))
        return Text(f"approval by {who.en}", f"{who.zh}的批准")


@dataclass(frozen=True, slots=True)
class Result:
    """A gate on a day. `approval` says what the lane still asks for beyond obligations, `consents` all it asks for;
    `stops` are standing stops; `undecided` are prohibitions that an open fact decides."""

    gate: str
    steps: tuple[Step, ...]
    approval: tuple[str, ...]
    stops: tuple[Decision, ...]
    prohibitions: tuple[Fired, ...]
    undecided: tuple[Fired, ...] = ()
    consents: tuple[Consent, ...] = ()

    @property
    def granted(self) -> list[Consent]:
        """The approvals beyond obligations that stand."""
        return [item for item in self.consents if item.state == "satisfied"]

    @property
    def open(self) -> bool:
        """Whether the gate opens."""
        shut = any(step.state not in ("satisfied", "excepted", "later") for step in self.steps)
        return not (shut or self.approval or self.stops or self.prohibitions or self.undecided)

    def of(self, *states: State) -> list[Step]:
        """The steps in one of these states."""
        return [step for step in self.steps if step.state in states]
