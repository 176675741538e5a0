"""Pages for what went wrong, in both languages. What they show never comes from the request but its language."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from steelyard.console.web.templatetags.words import t


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """400: what was sent cannot be read; 413 where there was too much of it."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        why = t("That was more text than a form takes (5 MB).", "提交的文本超过表单上限（5 MB）。")
        return render(request, "400.html", {"why": why}, status=413)
    return render(request, "400.html", {"why": ""}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: a page of its own, which needs neither database nor session, for either may be what broke."""
    del request
    return HttpResponse(render_to_string("500.html"), status=500)
