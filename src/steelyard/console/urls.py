"""The rooms of the console."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import include, path

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


urlpatterns = [
    path("", start),
    path("healthz", health),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("", include("steelyard.console.people.urls")),
    path("", include("steelyard.console.systems.urls")),
    path("", include("steelyard.console.intake.urls")),
    path("", include("steelyard.console.reviews.urls")),
]
