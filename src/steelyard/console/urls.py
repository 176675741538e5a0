"""The rooms of the console. What an address allows to whom stands in `people.permissions`."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import include, path, re_path

from steelyard import __version__
from steelyard.console.web import store
from steelyard.ledger import store as ledger


def health(request: HttpRequest) -> HttpResponse:
    """Whether the console answers and its ledger keeps up."""
    del request
    waiting = ledger.queue(store.link())
    ok = not waiting.alarming
    return JsonResponse({"ok": ok, "version": __version__, "queue": waiting.length}, status=200 if ok else 503)


def start(request: HttpRequest) -> HttpResponse:
    """Reviewers start with their duties, everybody else with the systems."""
    return redirect(
        "/reviews/" if request.user.is_role("business", "data", "legal", "security", "senior") else "/systems/"
    )


def closed(request: HttpRequest) -> HttpResponse:
    """Accounts are made by an administrator and have no e-mail: the account pages for these are not here."""
    raise Http404(request.path)


CLOSED = r"^accounts/(?:signup|email|confirm-email|password/set|password/reset|login/code)/"
handler400 = "steelyard.console.web.errors.bad_request"
handler500 = "steelyard.console.web.errors.server_error"
urlpatterns = [
    path("", start),
    path("healthz", health),
    re_path(CLOSED, closed),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("", include("steelyard.console.people.urls")),
    path("", include("steelyard.console.systems.urls")),
    path("", include("steelyard.console.intake.urls")),
    path("", include("steelyard.console.reviews.urls")),
    path("", include("steelyard.console.api.urls")),
]
