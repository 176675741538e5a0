"""Who asks: a token as `Authorization: Bearer`, or, to read only, a session of the console.

Rules enforced:
- an operation names the scope it needs; a token without it gets 403, no token or session 401;
- a token shows and does no more than its owner may now (`people.permissions`), within its units where it names some;
- requests are counted for each token and session, and failed tokens for each address; too many get 429.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from steelyard.base.i18n import Text
from steelyard.console.api.limits import Buckets
from steelyard.console.api.models import ApiToken, digest_of
from steelyard.console.api.problems import Problem, no_such_system, not_allowed
from steelyard.console.people import permissions
from steelyard.console.people.models import User
from steelyard.console.web import store
from steelyard.gates import summary
from steelyard.gates.case import Case, case_of
from steelyard.policy.assess import assess
from steelyard.profile.document import Profile

REQUESTS = Buckets(settings.API_PER_MINUTE)
FAILURES = Buckets(60)
WRITE_WEIGHT = 10
_ASK = {"WWW-Authenticate": 'Bearer realm="steelyard"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, and the token that stands for them; without a token it is their session."""

    user: User
    token: ApiToken | None

    @property
    def units(self) -> tuple[str, ...]:
        """The units that the token is limited to; none means no such limit."""
        return tuple(self.token.units) if self.token is not None else ()

    @property
    def sight(self) -> permissions.Sight:
        """Which systems the person sees."""
        return permissions.sight(self.user.roles(), self.user.person)

    def shows(self, unit: str, owner: str) -> bool:
        """Whether a system of this unit and owner is among those this caller sees."""
        seen = self.sight
        inside = not self.units or unit in self.units
        return inside and (seen.units is None or unit in seen.units or owner == self.user.person)

    @property
    def sees_all(self) -> bool:
        """Whether nothing is hidden from this caller."""
        return not self.units and self.sight.units is None

    def need(self, action: str, unit: str | None = None) -> None:
        """Raises Problem 403 where the person may not do this (`people.permissions.MAY`)."""
        if not permissions.may(self.user, action, unit):
            raise not_allowed(
                Text("none of your roles may do this", "您的角色均不可执行此操作"),
                remedy=Text("ask an administrator for an appointment", "请向管理员申请任命"),
            )


def _count(name: str, request: HttpRequest) -> None:
    wait = REQUESTS.take(name, 1 if request.method in ("GET", "HEAD") else WRITE_WEIGHT)
    if wait:
        raise too_many(wait)


def too_many(wait: int) -> Problem:
    """The problem for too many requests."""
    return Problem(
        429,
        "too_many_requests",
        Text("too many requests", "请求过于频繁"),
        remedy=Text(f"wait {wait} s", f"请等待 {wait} 秒"),
        headers={"Retry-After": str(wait)},
    )


def no_token() -> Problem:
    """The problem for a request that shows nothing."""
    return Problem(
        401,
        "no_token",
        Text("this needs a token", "需要令牌"),
        remedy=Text(
            "make one at /tokens and send it as Authorization: Bearer TOKEN",
            "请在 /tokens 创建，并以 Authorization: Bearer 令牌 发送",
        ),
        headers=_ASK,
    )


class Bearer(HttpBearer):
    """A token of the API, made at /tokens."""

    openapi_description = "A token made at /tokens, with the scope that the operation names."

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """The caller behind a token. Raises Problem 401, 403, 429."""
        found = ApiToken.objects.select_related("owner").filter(digest=digest_of(token.strip())).first()
        if found is None or not found.live or not found.owner.is_active:
            wait = FAILURES.take(str(request.META.get("REMOTE_ADDR", "")))
            if wait:
                raise too_many(wait)
            raise Problem(
                401,
                "bad_token",
                Text("no such token, or it has ended or was revoked", "令牌不存在、已到期或已撤销"),
                remedy=Text("make a new one at /tokens", "请在 /tokens 新建"),
                headers={"WWW-Authenticate": _ASK["WWW-Authenticate"] + ', error="invalid_token"'},
            )
        _count(f"token {found.pk}", request)
        if self.scope not in found.scopes:
            raise Problem(
                403,
                "scope_missing",
                Text(f"this token does not have the scope {self.scope}", f"此令牌没有 {self.scope} 权限"),
                remedy=Text("make one that has it at /tokens", "请在 /tokens 创建含该权限的令牌"),
                headers={
                    "WWW-Authenticate": f'{_ASK["WWW-Authenticate"]}, error="insufficient_scope", scope="{self.scope}"'
                },
            )
        found.seen()
        return Caller(found.owner, found)


class Session(APIKeyCookie):
    """The session of somebody who is signed in at the console; reads only."""

    param_name = "sessionid"
    openapi_description = "The session of somebody signed in at the console: for reading only."

    def __init__(self) -> None:
        super().__init__(csrf=False)  # GET changes nothing

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        """The person of the session; None where nobody is signed in."""
        if key is None or not request.user.is_authenticated:
            return None
        _count(f"person {request.user.pk}", request)
        return Caller(request.user, None)


READ: Sequence[Any] = (Bearer("read"), Session())
WRITE: Sequence[Any] = (Bearer("write"),)
DECIDE: Sequence[Any] = (Bearer("decide"),)


def caller_of(request: HttpRequest) -> Caller:
    """Who asks, once an operation runs."""
    found: Caller = request.auth
    return found


def case_for(caller: Caller, system: str) -> tuple[Profile, Case]:
    """A system on record that the caller sees, judged today. Raises Problem 404."""
    desk = store.desk()
    profile = summary.profile_on_record(store.link(), desk, system) if "\0" not in system else None
    if profile is None or not caller.shows(profile.unit, profile.owner):
        raise no_such_system(system)
    return profile, case_of(assess(profile, desk.policy, desk.on))
