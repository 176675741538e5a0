"""Every route of the console, read from the URLconf, with an address that fits it."""

import re
from collections.abc import Iterator
from typing import Any


def patterns(resolver: Any = None, before: str = "") -> Iterator[str]:
    """The route of every pattern, in the order in which Django tries them."""
    from django.urls import get_resolver
    from django.urls.resolvers import URLResolver

    for item in (resolver or get_resolver()).url_patterns:
        route = before + str(item.pattern)
        if isinstance(item, URLResolver):
            yield from patterns(item, route)
        else:
            yield route


def address(route: str, system: str, person: str) -> str:
    """An address of a route: its places filled with something that is there."""
    path = route.replace("<slug:system>", system).replace("<slug:person_id>", person)
    if path.startswith("^"):
        path = re.sub(r"\(\?:([^|)]*)[^)]*\)", r"\1", path.lstrip("^"))
    path = re.sub(r"\^?\(\?P<\w+>[^)]*\)", "1", path).replace("^", "").rstrip("$")
    return "/" + re.sub(r"<(\w+:)?\w+>", "1", path)


def samples(system: str, person: str) -> list[str]:
    """An address for every route but those of the API, which tokens open and other tests walk."""
    return [address(route, system, person) for route in patterns() if not route.lstrip("^").startswith("api/")]
