"""What every page knows: the language, the person and their roles."""

from typing import Any

from django.http import HttpRequest


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """The language code, the other one, and the roles of who is signed in."""
    lang = getattr(request, "lang", "en")
    user = getattr(request, "user", None)
    roles = user.roles() if user is not None and user.is_authenticated else []
    return {"lang": lang, "html_lang": "zh-Hans" if lang == "zh" else "en", "my_roles": roles}
