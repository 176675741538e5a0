"""Comments: what reviewers and owners say to each other about a case. Decisions are not here; they are signed."""

from django.conf import settings
from django.db import models


class Comment(models.Model):
    """A remark about a system as it stood (`case`); `asks` marks a request for change."""

    system = models.CharField(max_length=80, db_index=True)
    case = models.CharField(max_length=80)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    text = models.TextField(max_length=4_000)
    asks = models.BooleanField(default=False)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("at", "id")
