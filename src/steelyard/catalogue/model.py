"""What the catalogue holds: instruments, their sections and clauses, and the links between them.

Everything here is frozen and holds only tuples, so a loaded catalogue cannot change under its readers. The shapes serve
a voluntary framework and a body of law alike: binding level, dates, supersession and confidence are kept for every
clause, resolved from its section and instrument where it names none of its own.
"""

import datetime as dt
import re
from enum import StrEnum

import msgspec

from steelyard.base.i18n import Text

_ID = re.compile(r"(?P<instrument>[a-z][a-z0-9_]*):(?P<local>[A-Za-z0-9][A-Za-z0-9._-]*)")


class BindingLevel(StrEnum):
    """How strongly a text binds, from the strongest to the weakest (China annex, 0.2)."""

    LAW = "law"
    ADMIN_REGULATION = "admin_regulation"
    DEPT_RULE = "dept_rule"
    NORMATIVE_DOC = "normative_doc"
    GB_MANDATORY = "gb_mandatory"
    GBT_RECOMMENDED = "gbt_recommended"
    TECHNICAL_DOC = "technical_doc"
    POLICY = "policy"
    DRAFT = "draft"

    @property
    def allows_hard_verdict(self) -> bool:
        """Whether "non-compliant" may be said on its strength alone; the three weakest only raise a tier or a task."""
        return self not in (BindingLevel.TECHNICAL_DOC, BindingLevel.POLICY, BindingLevel.DRAFT)


class Confidence(StrEnum):
    """How far something was checked against the official text. It travels with the thing to the page that shows it."""

    VERIFIED = "verified"  # seen in the official text, or in two independent sources
    SECONDARY = "secondary"  # seen in one secondary source only
    PARTIAL = "partial"  # seen in part; the rest is from memory
    FROM_MEMORY = "from_memory"  # no source seen
    UNCERTAIN = "uncertain"  # sources conflict, or the final text was not seen
    ANALYTICAL = "analytical"  # our own reading; the text does not say it in so many words


class Kind(StrEnum):
    """What a clause is. `duty` is an item of an instrument that is not organised like the framework."""

    PRINCIPLE = "principle"
    COMPOSITION = "composition"
    RISK = "risk"
    MEASURE = "measure"
    GOVERNANCE = "governance"
    GUIDELINE = "guideline"
    DUTY = "duty"


COVERED = frozenset({Kind.RISK, Kind.MEASURE, Kind.GOVERNANCE, Kind.GUIDELINE})
"""The kinds that a policy must carry out or explain; 92 clauses in Framework 1.0."""


class Role(StrEnum):
    """Who a clause speaks to. `oversight` is government, industry bodies and social supervision."""

    DEVELOPER = "developer"
    PROVIDER = "provider"
    KEY_SECTOR_USER = "key_sector_user"
    USER = "user"
    DISTRIBUTOR = "distributor"
    PUBLIC = "public"
    OVERSIGHT = "oversight"


ALL_ROLES = tuple(role for role in Role if role is not Role.OVERSIGHT)
"""What `all` stands for in a pack: whoever builds, offers or uses AI. Oversight is written beside it where meant."""


class Stage(StrEnum):
    """A stage in the life of a system."""

    DESIGN = "design"
    DATA = "data"
    TRAINING = "training"
    TESTING = "testing"
    DEPLOYMENT = "deployment"
    USE = "use"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


ALL_STAGES = tuple(Stage)
"""What `all` stands for in a pack."""


class Relation(StrEnum):
    """What a link says, read from its source to its target."""

    PAIRED_WITH = "paired_with"  # section of risks - section of measures
    TREATED_BY = "treated_by"  # risk - technical measure
    GOVERNED_BY = "governed_by"  # risk - governance measure
    CARRIED_OUT_BY = "carried_out_by"  # technical or governance measure - guideline item
    CORRESPONDS_TO = "corresponds_to"  # crosswalk between instruments


class Supersession(msgspec.Struct, frozen=True):
    """What took the place of a text, and from which day. `by` may name an instrument that is not loaded."""

    by: str
    since: dt.date


class Instrument(msgspec.Struct, frozen=True):
    """A legal or technical text. `id` is the namespace of its clauses.

    `effective` is None for a text that names no day of its own. `silent_on` lists what the text does not say, so that
    nobody fills it in by guessing.
    """

    id: str
    title: Text
    issuer: Text
    version: str
    binding: BindingLevel
    confidence: Confidence
    released: dt.date
    effective: dt.date | None
    superseded_by: Supersession | None
    url: str
    silent_on: tuple[Text, ...]


class Section(msgspec.Struct, frozen=True):
    """A numbered part of an instrument. Clauses are reported by section: `v1:3.1.1` is the family of model risks.

    `parent` is the id of the section above. `confidence` is that of its title. `binding`, `effective`, `until` and
    `superseded_by` are resolved as in `Clause`.
    """

    id: str
    instrument: str
    number: str
    parent: str | None
    title: Text
    text: Text | None
    confidence: Confidence
    binding: BindingLevel
    effective: dt.date
    until: dt.date | None
    superseded_by: Supersession | None


class ClauseConfidence(msgspec.Struct, frozen=True):
    """The confidence of each part of a clause: that it exists, its title, its text, its tags."""

    existence: Confidence
    title: Confidence
    text: Confidence
    roles: Confidence
    stages: Confidence

    @property
    def weakest(self) -> Confidence:
        """The weakest mark on existence, title and text: the one a short list shows."""
        return max((self.existence, self.title, self.text), key=_WEAKNESS.index)


_WEAKNESS = (
    Confidence.VERIFIED,
    Confidence.SECONDARY,
    Confidence.PARTIAL,
    Confidence.ANALYTICAL,
    Confidence.FROM_MEMORY,
    Confidence.UNCERTAIN,
)


class Clause(msgspec.Struct, frozen=True):
    """One numbered item of an instrument: a risk, a measure, a duty.

    `text` is our paraphrase, never a quotation. `section` is the id of its section. `effective` is the first day on
    which the clause counts: its own, else that of its section or instrument, else the release of the instrument.
    `until` is its last day, None while open. `roles` and `stages` are expanded (no `all`) and in the order of the enum.
    """

    id: str
    instrument: str
    kind: Kind
    section: str
    title: Text
    text: Text
    roles: tuple[Role, ...]
    stages: tuple[Stage, ...]
    confidence: ClauseConfidence
    binding: BindingLevel
    effective: dt.date
    until: dt.date | None
    superseded_by: Supersession | None

    def in_force(self, on: dt.date) -> bool:
        """Whether the clause counts on that day. A superseded text may still be in force as a chosen baseline."""
        return self.effective <= on and (self.until is None or on <= self.until)

    def superseded(self, on: dt.date) -> bool:
        """Whether something had taken its place by that day."""
        return self.superseded_by is not None and self.superseded_by.since <= on


class Link(msgspec.Struct, frozen=True):
    """A relation between two clauses or two sections.

    `official` is true only where the document itself makes the link; `basis` says in one sentence where it comes from.
    `target` may belong to an instrument that is not loaded.
    """

    source: str
    target: str
    relation: Relation
    official: bool
    confidence: Confidence
    basis: Text


class NotLoaded(msgspec.Struct, frozen=True):
    """The answer for an id of an instrument that the catalogue does not hold: neither right nor wrong."""

    id: str
    instrument: str


class Content(msgspec.Struct, frozen=True):
    """Everything a catalogue holds, in the order of its packs. This is the shape of the JSON export."""

    instruments: tuple[Instrument, ...]
    sections: tuple[Section, ...]
    clauses: tuple[Clause, ...]
    links: tuple[Link, ...]


def split_id(identifier: str) -> tuple[str, str] | None:
    """`v1:M4.1.2-c` as (`v1`, `M4.1.2-c`); None where it has not the form `instrument:number`."""
    match = _ID.fullmatch(identifier)
    return (match["instrument"], match["local"]) if match else None
