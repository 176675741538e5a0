"""Whether a gate opens: what is due there, what satisfies it, what is missing, lapsed, contradicted or excepted.

Pure: a case, the evidence and decisions about its system, a date. Rules enforced:
- due at a gate is what falls due there or at an earlier one (`change`: all up to launch again; `retire`: its own);
  a date, or a time after a gate that was passed, makes an obligation due at *operate*;
- an obligation or prohibition that an open fact decides keeps the gate shut and names the fact;
- what was issued or decided after the day does not count on it;
- evidence counts when its kind is accepted, its result certainly meets the minimum, it is fresh, it holds on the day,
  and what it rests on has not changed; a contrary result that was issued later contradicts it;
- reviews that a lane asks for are satisfied by decisions of as many appointed, distinct people as it asks for, never by
  a paper; an approval of one gate says nothing about a later one, and ends when it says so;
- an exception stands until its end and no longer.
"""

import datetime as dt
from collections.abc import Sequence

from steelyard.base.clock import add_duration
from steelyard.evidence.kinds import Kinds
from steelyard.gates.case import Case, about, all_digested, digests_in
from steelyard.gates.minimum import Short, by_decision, missed
from steelyard.gates.outcome import APPROVAL as APPROVAL
from steelyard.gates.outcome import Consent as Consent
from steelyard.gates.outcome import Decision as Decision
from steelyard.gates.outcome import Found
from steelyard.gates.outcome import Item as Item
from steelyard.gates.outcome import Result as Result
from steelyard.gates.outcome import State as State
from steelyard.gates.outcome import Step as Step
from steelyard.gates.requirements import Requirements
from steelyard.policy.match import Fired
from steelyard.policy.model import GATES
from steelyard.policy.tree import TIER

MOST_SHORT = 3
_UP_TO = {
    "intake": ("intake",),
    "build": ("intake", "build"),
    "launch": ("intake", "build", "launch"),
    "operate": ("intake", "build", "launch", "operate"),
    "change": ("intake", "build", "launch", "change"),
    "retire": ("retire",),
}


class Judge:
    """Everything about one system on one day, asked gate by gate."""

    def __init__(
        self,
        case: Case,
        items: Sequence[Item],
        decisions: Sequence[Decision],
        requirements: Requirements,
        kinds: Kinds,
        on: dt.date,
    ) -> None:
        self.case, self.requirements, self.kinds, self.on = case, requirements, kinds, on
        self.decisions = sorted((item for item in decisions if item.decided <= on), key=lambda item: item.seq)
        self._items: dict[tuple[str, str | None], list[Item]] = {}
        for item in sorted((item for item in items if item.issued <= on), key=_newest, reverse=True):
            for name in (None,) if item.obligations is None else item.obligations:
                self._items.setdefault((item.kind, name), []).append(item)
        profile = case.assessment.profile
        self._digests = {"model": digests_in(profile.models), "dataset": digests_in(profile.datasets)}
        self._listed = {"model": not all_digested(profile.models), "dataset": not all_digested(profile.datasets)}

    # Gates ------------------------------------------------------------------------------------------------------------

    def gate(self, name: str) -> Result:
        """The gate, with every obligation that matters there."""
        wanted = _UP_TO[name]
        fired = [item for item in self.case.assessment.obligations if item.rule.gate in wanted]
        fired.sort(key=lambda item: GATES.index(item.rule.gate))
        steps = tuple(self.step(item, name) for item in fired)
        consents = () if name in ("intake", "build", "retire") else tuple(self.consents())
        stops = tuple(self.stops()) if name != "retire" else ()
        forbidden = self.case.assessment.prohibitions if name != "retire" else ()
        return Result(
            name,
            steps,
            tuple(item.role for item in consents if item.state != "satisfied"),
            stops,
            tuple(item for item in forbidden if item.certain),
            tuple(item for item in forbidden if not item.certain),
            consents,
        )

    def plan(self) -> list[Step]:
        """Every obligation and where it stands."""
        fired = sorted(self.case.assessment.obligations, key=lambda item: GATES.index(item.rule.gate))
        return [self.step(item, None) for item in fired]

    def stops(self) -> list[Decision]:
        """Stops that nobody lifted: an approval after it, by somebody in a role of the lane, lifts one for good, also
        when that approval itself goes stale later."""
        standing: list[Decision] = []
        for item in self.decisions:
            if item.action == "stop":
                standing.append(item)
            elif item.action == "approve" and item.obligation is None:
                standing = [stop for stop in standing if stop.gate not in (None, item.gate) and item.gate is not None]
        return standing

    def _ask(self, fired: Fired) -> tuple[str, ...]:
        """The facts that decide whether it is owed; where the tier does, those that would settle the tier first."""
        named = tuple(name for name in fired.open if name != TIER)
        return named or tuple(self.case.assessment.open_facts[:3])

    # One obligation ---------------------------------------------------------------------------------------------------

    def step(self, fired: Fired, gate: str | None) -> Step:
        """Where an obligation stands on the day; `gate` is the one that is asked about."""
        rule = fired.rule
        facts = self._ask(fired) if not fired.certain else ()
        excepted = self._exception(rule.id)
        role = self.requirements.approvals.get(rule.id)
        found = self._approved(rule.id, role, rule.gate, rule.every) if role is not None else self._evidence(fired)
        state: State = found.state
        if state != "satisfied" and excepted is not None:
            return Step(fired, "excepted", (excepted.digest,), facts, excepted.until, role=role)
        if state != "satisfied" and not self._due(fired, gate):
            state = "later"
        elif state != "satisfied" and not fired.certain:
            state = "uncertain"
        short = found.short if role is None or state == "satisfied" else self._papers(fired, role)
        return Step(
            fired,
            state,
            found.by,
            facts,
            found.until,
            found.reopened,
            role,
            found.general,
            short,
            found.at,
            found.overridden,
        )

    def _papers(self, fired: Fired, role: str) -> tuple[Short, ...]:
        """Evidence that names an obligation which only decisions satisfy."""
        named = [item for kind in fired.rule.evidence for item in self._items.get((kind, fired.rule.id), ())]
        return tuple(Short(item.digest, item.added or item.issued, by_decision(role)) for item in named[:MOST_SHORT])

    def _exception(self, obligation: str) -> Decision | None:
        standing = None
        for item in self.decisions:
            if item.obligation == obligation and item.action == "except":
                standing = item
        return standing if standing is not None and self._stands(standing) else None

    def _stands(self, item: Decision) -> bool:
        """Whether an exception or override has not ended and what it rested on has not changed."""
        basis = item.more.get("basis")
        in_time = item.until is not None and item.until >= self.on
        return in_time and basis in (None, self.case.bases.get(item.obligation or ""))

    def _due(self, fired: Fired, gate: str | None) -> bool:
        """Whether the obligation has fallen due at the gate that is asked about."""
        due = fired.rule.due
        if due is None or gate is None:
            return True
        if not due.startswith("P"):
            return dt.date.fromisoformat(due) <= self.on
        passed = [
            item.decided
            for item in self.decisions
            if item.action in ("approve", "admit") and item.gate in (None, fired.rule.gate)
        ]
        return bool(passed) and add_duration(min(passed), due) <= self.on

    def _approved(self, obligation: str | None, role: str, gate: str, every: str | None = None) -> Found:
        """Satisfied by decisions of the lane's role about this very case: by as many people as the lane asks for since
        the role last refused, while none of them has ended."""
        refused: Decision | None = None
        words: dict[str, Decision] = {}
        stale: tuple[str, ...] = ()
        for item in self.decisions:
            mine = item.role == role and item.action in ("approve", "refuse") and item.obligation in (None, obligation)
            if not mine or not _speaks_at(item, gate):
                continue
            if item.case != self.case.digest:
                stale = (item.digest,)
            elif item.action == "refuse":
                refused, words = item, {}
            else:
                refused = None
                words[item.person] = item
        if refused is not None:
            return Found("contradicted", (refused.digest,), at=refused.decided)
        ends = {name: _first(item.until, every and add_duration(item.decided, every)) for name, item in words.items()}
        standing = {name: item for name, item in words.items() if (end := ends[name]) is None or end >= self.on}
        if len(standing) >= self._reviewers().get(role, 1):
            until = _first(*(ends[name] for name in standing))
            return Found("satisfied", tuple(item.digest for item in standing.values()), until=until)
        if len(words) > len(standing):
            return Found("lapsed", tuple(item.digest for item in words.values()))
        return Found("due", tuple(item.digest for item in standing.values()), stale)

    def _evidence(self, fired: Fired) -> Found:
        rule = fired.rule
        reopened: list[str] = []
        short: list[Short] = []
        contrary: Item | None = None
        lapsed: Item | None = None
        best: tuple[Item, dt.date | None] | None = None
        for kind_id in rule.evidence:
            kind = self.kinds.get(kind_id)
            if kind is None:
                continue
            for item in self._of(kind_id, rule.id):
                truth = self.requirements.truth(rule.id, kind, item.values)
                if not self._rests(item, rule.id, kind.about):
                    if truth:
                        reopened.append(item.digest)
                    continue
                if truth is False and kind.contradicted(item.values):
                    contrary = max(contrary or item, item, key=_newest)
                    continue
                if not truth:
                    if len(short) < MOST_SHORT and (lacks := missed(self.requirements, rule.id, kind, item.values)):
                        short.append(Short(item.digest, item.added or item.issued, lacks))
                    continue
                ends = self._ends(item, rule.id, kind_id, kind.valid, rule.every)
                if ends is not None and ends < self.on:
                    lapsed = max(lapsed or item, item, key=_newest)
                    continue
                if best is None or _newest(item) > _newest(best[0]):
                    best = (item, ends)
                break
        again, little = tuple(reopened[:3]), tuple(short)
        good = [item for item in (best[0] if best else None, lapsed) if item is not None]
        if contrary is not None and all(_newest(contrary) > _newest(item) for item in good):
            override = self._override(rule.id, contrary)
            if override is None:
                return Found("contradicted", (contrary.digest,), again, short=little, at=contrary.issued)
            if best is None:
                by = (contrary.digest, override.digest)
                return Found("satisfied", by, until=override.until, at=contrary.issued, overridden=True)
        if best is not None:
            return Found("satisfied", (best[0].digest,), until=best[1], general=best[0].obligations is None)
        if lapsed is not None:
            return Found("lapsed", (lapsed.digest,), again, short=little)
        return Found("due", (), again, short=little)

    def _of(self, kind: str, obligation: str) -> Sequence[Item]:
        """Evidence of a kind that names the obligation or none at all, the newest first."""
        named, general = self._items.get((kind, obligation), ()), self._items.get((kind, None), ())
        if not named or not general:
            return named or general
        return sorted((*named, *general), key=_newest, reverse=True)

    def _rests(self, item: Item, obligation: str, kind_about: str) -> bool:
        """Whether what the evidence rested on is what stands today."""
        listed = about(kind_about)
        wanted = self._digests.get(kind_about)
        if wanted and not wanted <= item.subjects:
            return False
        if item.bases is None:
            return True
        if listed is not None and self._listed[kind_about] and item.bases.get(listed) != self.case.bases.get(listed):
            return False
        before = item.bases.get(obligation)
        return before is None or before == self.case.bases.get(obligation)

    def _ends(self, item: Item, obligation: str, kind: str, valid: str | None, every: str | None) -> dt.date | None:
        """The last day on which the evidence counts for the obligation."""
        more = self.requirements.of(obligation, kind)
        ends = [item.valid_until] if item.valid_until else []
        for span in (valid if item.valid_until is None else None, every, more.fresh if more else None):
            if span:
                ends.append(add_duration(item.issued, span))
        return min(ends) if ends else None

    def _override(self, obligation: str, contrary: Item) -> Decision | None:
        for item in reversed(self.decisions):
            if item.action == "override" and item.obligation == obligation and item.seq > contrary.seq:
                return item if self._stands(item) else None
        return None

    # The lane ---------------------------------------------------------------------------------------------------------

    def _reviewers(self) -> dict[str, int]:
        """How many people of which role review the case: those of the highest lane that is still possible."""
        assessment = self.case.assessment
        lane = assessment.policy.lanes[assessment.tier.highest]
        return {item.role: item.count for item in lane.reviewers}

    def roles(self) -> tuple[str, ...]:
        """The roles whose people review the case."""
        return tuple(self._reviewers())

    def word(self) -> Decision | None:
        """The last word of anybody about this very case, where the lane names no roles."""
        said = ("approve", "refuse", "admit")
        found = [item for item in self.decisions if item.case == self.case.digest and item.action in said]
        found = [item for item in found if item.obligation is None and _speaks_at(item, "launch")]
        ended = {item.digest for item in found if item.until is not None and item.until < self.on}
        return next((item for item in reversed(found) if item.digest not in ended), None)

    def consents(self) -> list[Consent]:
        """What the lane asks for and obligations do not carry: roles, or `approval` where one of anybody is enough."""
        carried = {
            self.requirements.approvals[item.rule.id]
            for item in self.case.assessment.obligations
            if item.rule.id in self.requirements.approvals
        }
        if wanted := self.roles():
            found = ((role, self._approved(None, role, "launch")) for role in wanted if role not in carried)
            return [Consent(role, item.state, item.by, item.until) for role, item in found]
        word = self.word()
        if word is None:
            return [Consent(APPROVAL, "due")]
        good = word.action in ("approve", "admit")
        return [
            Consent(APPROVAL, "satisfied" if good else "contradicted", (word.digest,), word.until if good else None)
        ]


def _newest(item: Item) -> tuple[dt.date, int]:
    return item.issued, item.seq


def _first(*days: dt.date | str | None) -> dt.date | None:
    return min((day for day in days if isinstance(day, dt.date)), default=None)


def _speaks_at(item: Decision, gate: str) -> bool:
    """Whether a decision counts at a gate: an approval at its own and at earlier ones, a refusal at all but `retire`,
    which stands alone."""
    if item.gate is None or item.gate == gate:
        return True
    if "retire" in (item.gate, gate):
        return False
    return item.action == "refuse" or GATES.index(item.gate) >= GATES.index(gate)
