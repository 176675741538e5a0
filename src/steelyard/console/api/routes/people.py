"""People: who has an account, under which pseudonym they stand in statements, and which roles they hold now."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from steelyard.console.api import schemas
from steelyard.console.api.auth import READ, caller_of
from steelyard.console.api.routes.systems import Limit, Offset
from steelyard.console.people.models import User

router = Router(tags=["people"])


@router.get("/people", response=schemas.PersonPage, auth=READ, operation_id="list_people", summary="List people")
def list_people(request: HttpRequest, limit: Limit = 20, offset: Offset = 0) -> Any:
    """Everybody with an account, by name, with the roles they hold now. Scope: read."""
    caller_of(request).need("see_people")
    found = User.objects.filter(is_active=True)
    return {
        "items": [
            {"person": user.person, "name": user.display_name, "roles": user.roles()}
            for user in found[offset : offset + limit]
        ],
        "total": found.count(),
        "limit": limit,
        "offset": offset,
    }
