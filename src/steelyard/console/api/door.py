"""The door of the API: whatever answers for Django or the server itself also answers as a problem, never as a page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from steelyard.console.api.problems import MEDIA_TYPE, plain, response_of

Handler = Callable[[HttpRequest], HttpResponse]
ROOT = "/api/"


class ProblemMiddleware:
    """Turns every failure under /api/ that is not a problem yet into one."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(ROOT):
            return response
        response.headers.setdefault("Cache-Control", "no-store")
        if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
            return response
        told = response_of(request, plain(response.status_code))
        if "Allow" in response.headers:
            told.headers["Allow"] = response.headers["Allow"]
        return told


def nothing_here(request: HttpRequest) -> HttpResponse:
    """The answer for an address under /api/ that is none."""
    return response_of(request, plain(404))
