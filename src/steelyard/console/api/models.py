"""Tokens of the API, and the answers kept for a day so that a repeated request does nothing twice.

Rules enforced: of a token's secret only the SHA-256 is kept (the secret itself is 256 random bits, shown once); a token
ends, and never later than a year after it was made.
"""

import datetime as dt
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

SCOPES = ("read", "write", "decide")
LONGEST = dt.timedelta(days=366)
KEPT = dt.timedelta(hours=24)
SEEN_EVERY = dt.timedelta(minutes=1)
PREFIX = "sty_"


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class ApiToken(models.Model):
    """What a program shows instead of its owner: some scopes, perhaps only some units (none: all the owner sees)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)
    scopes = models.JSONField(default=list)
    units = models.JSONField(default=list)
    made = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-made", "-id")

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @classmethod
    def make(cls, owner: Any, name: str, scopes: list[str], units: list[str], expires: dt.datetime) -> Any:
        """A new token and its secret, which nobody can read again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        return (
            cls.objects.create(
                owner=owner,
                name=name,
                digest=digest_of(secret),
                hint=secret[:10],
                scopes=scopes,
                units=units,
                expires=min(expires, timezone.now() + LONGEST),
            ),
            secret,
        )

    @property
    def live(self) -> bool:
        """Whether it still opens anything."""
        return self.revoked is None and self.expires > timezone.now()

    def seen(self) -> None:
        """Remembers that it was used, to the minute: a request that reads should write nothing."""
        now = timezone.now()
        if self.last_used is None or now - self.last_used > SEEN_EVERY:
            ApiToken.objects.filter(pk=self.pk).update(last_used=now)


class Kept(models.Model):
    """The answer to a request with an idempotency key: the same key and request again gets the same answer."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    request = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    media_type = models.CharField(max_length=80)
    body = models.TextField()
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("token", "key"), name="api_kept_once"),)
