"""Which clauses the policy carries out: every risk, measure and guideline has an obligation, or a stated reason."""

from typing import NamedTuple

from steelyard.base.i18n import Text
from steelyard.catalogue.model import COVERED, Clause
from steelyard.policy.compile import Policy


class Covered(NamedTuple):
    """One clause with the obligations that carry it out, or why it stays information (None with obligations)."""

    clause: Clause
    obligations: tuple[str, ...]
    information: Text | None

    @property
    def ok(self) -> bool:
        """Whether the clause is accounted for."""
        return bool(self.obligations) or self.information is not None


def coverage(policy: Policy) -> list[Covered]:
    """One row for each risk, measure, governance measure and guideline of the policy's instruments, in order."""
    notes = {item.clause: item.reason for item in policy.data.information}
    carried: dict[str, list[str]] = {}
    for obligation in policy.data.obligations:
        for cited in obligation.clauses:
            carried.setdefault(cited, []).append(obligation.id)
    rows = []
    for clause in policy.clauses.clauses.values():
        if clause.kind in COVERED and clause.instrument in policy.data.instruments:
            owed = tuple(carried.get(clause.id, ()))
            rows.append(Covered(clause, owed, None if owed else notes.get(clause.id)))
    return rows
