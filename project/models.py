"""What the house itself keeps: the requests that were sent with an Idempotency-Key."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from identity.identifiers import new_id


class IdempotencyRecord(models.Model):
    """A request that was sent with a key and, once it is done, the answer it got.

    ``status`` tells the two apart: it is null while the request is being worked on.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client = models.CharField(
        max_length=128, blank=True, help_text="The app that acted for the user; empty for ours."
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was asked.")
    claim = models.UUIDField(
        default=new_id, help_text="Who works on it: only under this claim is it finished."
    )
    created_at = models.DateTimeField(db_index=True)
    locked_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "client", "key"], name="project_idempotencyrecord_unique"
            )
        ]

    def __str__(self) -> str:
        return f"request of {self.user_id} with the key {self.key}"
