"""Who may what in the console: one table from actions to roles, one from routes to actions, and who sees which system.

Rules enforced:
- a route of the console does what ROUTES says for it, and `web.middleware.GateMiddleware` asks this table before the
  view runs; a test walks every route with every role against it, and fails for a route that does not stand here;
- a role held in one unit counts in that unit alone; administration is held everywhere or not at all;
- administrators, auditors and reviewers see the systems of the units they are appointed for, everywhere where the
  appointment names none; being an owner shows one's own systems and no others; a system that somebody may not see does
  not exist for them (404);
- an auditor reads and changes nothing.

What a decision needs beyond that is the core's matter (`gates.decide`), which asks again in its own transaction.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from steelyard.gates.people import ADMINISTRATOR, ROLES
from steelyard.policy.model import ROLE_NAMES
from steelyard.profile.document import Profile

AUDITOR, OPERATOR, OWNER = "auditor", "operator", "owner"
OPEN = "open"  # without signing in
ANY = frozenset(ROLES)
WORKING = ANY - {AUDITOR}
REVIEWING = frozenset(ROLE_NAMES) - {OWNER}

# Action -> the roles that may; None: everybody who is signed in.
MAY: dict[str, frozenset[str] | None] = {
    "sign_in": None,  # one's own account, session and language
    "look": None,  # lists and systems: those that `sight` shows, perhaps none
    "begin": WORKING,
    "answer": WORKING,  # one's own drafts
    "submit": WORKING,
    "prove": WORKING,  # one's own systems, or a role that the system's obligations name
    "comment": WORKING,
    "decide": REVIEWING | {OPERATOR},
    "see_rules": ANY,
    "sign_rule": REVIEWING,
    "see_people": ANY,
    "make_account": frozenset({ADMINISTRATOR}),
    "appoint": frozenset({ADMINISTRATOR}),
    "make_token": ANY,  # which does no more than its owner may
}
# An operator stops a system and does nothing else to it; reviewers decide and may stop.
DECIDES = {"approve": REVIEWING, "refuse": REVIEWING, "stop": REVIEWING | {OPERATOR}}

_OWN = {"GET": "sign_in", "POST": "sign_in"}
_DOOR = {"GET": OPEN, "POST": OPEN}
# Route -> method -> action. A method that does not stand here is answered with 405.
ROUTES: dict[str, dict[str, str]] = {
    "": {"GET": "sign_in"},
    "healthz": {"GET": OPEN},
    "setup": _DOOR,
    "lang": {"POST": OPEN},
    "people/": {"GET": "see_people", "POST": "make_account"},
    "people/<slug:person_id>/": {"GET": "see_people", "POST": "appoint"},
    "systems/": {"GET": "look"},
    "systems/<slug:system>/": {"GET": "look"},
    "systems/<slug:system>/what-if": {"GET": "look"},
    "systems/<slug:system>/evidence": {"POST": "prove"},
    "systems/<slug:system>/edit": {"POST": "answer"},
    "intake/new": {"POST": "begin"},
    "intake/<slug:system>/": {"GET": "answer", "POST": "answer"},
    "intake/<slug:system>/result": {"GET": "answer"},
    "intake/<slug:system>/submit": {"POST": "submit"},
    "reviews/": {"GET": "look"},
    "reviews/<slug:system>/": {"GET": "look"},
    "reviews/<slug:system>/say": {"POST": "comment"},
    "reviews/<slug:system>/decide": {"POST": "decide"},
    "standing": {"GET": "see_rules", "POST": "sign_rule"},
    "tokens": {"GET": "make_token", "POST": "make_token"},
    "tokens/<int:number>/revoke": {"POST": "sign_in"},
    "log/<int:number>/checkpoint": {"GET": OPEN},
    "log/<int:number>/vkey": {"GET": OPEN},
    "log/<int:number>/<path:path>": {"GET": OPEN},
    "accounts/login/": _DOOR,
    "accounts/logout/": _OWN,
    "accounts/inactive/": {"GET": OPEN},
    "accounts/reauthenticate/": _OWN,
    "accounts/password/change/": _OWN,
    "accounts/2fa/": {"GET": "sign_in"},
    "accounts/2fa/authenticate/": _DOOR,
    "accounts/2fa/reauthenticate/": _OWN,
    "accounts/2fa/totp/activate/": _OWN,
    "accounts/2fa/totp/deactivate/": _OWN,
    "accounts/2fa/recovery-codes/": {"GET": "sign_in"},
    "accounts/2fa/recovery-codes/generate/": _OWN,
    "accounts/2fa/recovery-codes/download/": {"GET": "sign_in"},
}
# Served without signing in; nothing else is.
OPEN_PATHS = frozenset(
    f"/{route}" for route, methods in ROUTES.items() if any(action == OPEN for action in methods.values())
)


class Held(NamedTuple):
    """A role that somebody holds now; an empty unit means everywhere."""

    role: str
    unit: str


class Sight(NamedTuple):
    """Which systems somebody sees: all (`units` None), else those of these units and their own."""

    units: tuple[str, ...] | None
    own: str

    def shows(self, profile: Profile) -> bool:
        """Whether this system is among them."""
        return self.units is None or profile.unit in self.units or bool(self.own and profile.owner == self.own)


def held(roles: Iterable[str]) -> list[Held]:
    """The roles as `gates.people.roles_of` lists them (`role`, `role@unit`), taken apart."""
    found = [Held(role, unit) for role, _, unit in (item.partition("@") for item in roles)]
    return [item for item in found if not (item.role == ADMINISTRATOR and item.unit)]


def sight(roles: Iterable[str], person: str) -> Sight:
    """Which systems a person with these roles sees."""
    seeing = [item for item in held(roles) if item.role != OWNER]
    if any(not item.unit for item in seeing):
        return Sight(None, person)
    return Sight(tuple(sorted({item.unit for item in seeing})), person)


def may(user: Any, action: str, unit: str | None = None) -> bool:
    """Whether a signed-in person may do this: anywhere (`unit` None), or in this unit."""
    allowed = MAY[action]
    if allowed is None:
        return True
    return any(item.role in allowed and (unit is None or item.unit in ("", unit)) for item in held(user.roles()))


def roles_in(user: Any, unit: str) -> list[str]:
    """The roles somebody holds for systems of this unit, in the order of ROLES."""
    mine = {item.role for item in held(user.roles()) if item.unit in ("", unit)}
    return [role for role in ROLES if role in mine]
