"""What every page knows: the language, the person, their roles and what these allow."""

from typing import Any

from django.http import HttpRequest

from steelyard.console.people import permissions
from steelyard.console.web import store


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """The language code, the other one, and the roles of who is signed in with what they may do."""
    lang = getattr(request, "lang", "en")
    user = getattr(request, "user", None)
    known: dict[str, Any] = {"lang": lang, "html_lang": "zh-Hans" if lang == "zh" else "en", "demo": store.demo()}
    if user is not None and user.is_authenticated:
        known["my_roles"] = user.roles()
        known["can"] = {action: permissions.may(user, action) for action in permissions.MAY}
    return known
