"""What every request passes: the person's language, and the door."""

from collections.abc import Callable

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation

COOKIE = "lang"
OPEN = ("/accounts/login/", "/accounts/2fa/authenticate/", "/setup", "/lang", "/healthz", "/static/")
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
        if not request.path.startswith(OPEN) and not request.user.is_authenticated:
            if not get_user_model().objects.exists():
                return redirect("/setup")
            return redirect(f"/accounts/login/?next={request.path}" if request.method == "GET" else "/accounts/login/")
        response = self.get_response(request)
        if request.user.is_authenticated and not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
