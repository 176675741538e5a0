"""People who sign in. What they may do is not here: roles are appointments, signed and in the ledger."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from steelyard.console.people import permissions
from steelyard.console.web import store
from steelyard.gates import people
from steelyard.ledger.personal import utc_now


class User(AbstractUser):
    """An account. `person` is the pseudonym under which the person stands in statements and in the ledger."""

    first_name = None
    last_name = None
    person = models.CharField(max_length=32, unique=True)
    display_name = models.CharField(max_length=200)
    REQUIRED_FIELDS = ()

    class Meta:
        ordering = ("display_name", "id")

    def __str__(self) -> str:
        return self.display_name

    def roles(self) -> list[str]:
        """The roles this person holds now, by appointment (`role@unit` where in one unit); read once a request."""
        found = getattr(self, "_roles", None)
        if found is None:
            found = self._roles = people.roles_of(store.link(), self.person, utc_now())
        return list(found)

    def is_role(self, *names: str) -> bool:
        """Whether the person holds one of these roles now, wherever."""
        return any(item.role in names for item in permissions.held(self.roles()))

    def sight(self) -> permissions.Sight:
        """Which systems this person sees."""
        return permissions.sight(self.roles(), self.person)
