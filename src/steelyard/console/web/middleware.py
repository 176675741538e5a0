"""What every request passes: the person's language, and the door, which asks the table of who may what.

Rules enforced: nobody passes without signing in but to what `people.permissions` calls open; a role that the table does
not name for a route and method is answered with 403, a method it does not name with 405; text never holds a NUL.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils import translation

from steelyard.console.people import permissions
from steelyard.console.web.templatetags.words import t

COOKIE = "lang"
OPEN = ("/static/", "/api/", "/log/")  # beginnings; whole paths stand in `permissions.OPEN_PATHS`
Handler = Callable[[HttpRequest], HttpResponse]


class LanguageMiddleware:
    """Sets `request.lang` (en or zh): what the person chose, else the browser's, and Django's words alike."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(COOKIE)
        if chosen not in ("en", "zh"):
            chosen = "zh" if request.headers.get("Accept-Language", "").lower().startswith("zh") else "en"
        request.lang = chosen
        with translation.override("zh-hans" if chosen == "zh" else "en"):
            response = self.get_response(request)
        response.headers["Content-Language"] = "zh-Hans" if chosen == "zh" else "en"
        return response


class GateMiddleware:
    """Nobody passes without signing in; an installation without people leads to the setup page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        open_to_all = request.path in permissions.OPEN_PATHS or request.path.startswith(OPEN)
        if not open_to_all and not request.user.is_authenticated:
            if not get_user_model().objects.exists():
                return redirect("/setup")
            after = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
            return redirect(f"/accounts/login/{after}")
        response = self.get_response(request)
        if request.user.is_authenticated and not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, more: Mapping[str, Any]) -> HttpResponse | None:
        """Asks the table before the view runs."""
        del view, args, more
        methods = permissions.ROUTES.get(request.resolver_match.route)
        if methods is None:
            return None
        if any("\x00" in value for data in (request.GET, request.POST) for row in data.lists() for value in row[1]):
            raise BadRequest("a NUL in a text")
        action = methods.get("GET" if request.method == "HEAD" else str(request.method))
        if action is None:
            return HttpResponseNotAllowed(sorted(methods))
        if action != permissions.OPEN and not permissions.may(request.user, action):
            raise PermissionDenied(
                t("None of your roles allows this: {roles}", "您的角色不允许此操作：{roles}", roles=_said(request))
            )
        return None


def _said(request: HttpRequest) -> str:
    from steelyard.console.web.templatetags.words import role

    return t(", ", "、").join(role(item) for item in request.user.roles()) or t("you hold none yet", "您尚无角色")
