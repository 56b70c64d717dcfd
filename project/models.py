"""What the house itself keeps: requests sent with an Idempotency-Key, workers, the last backup."""

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


class Worker(models.Model):
    """A process that takes tasks out of the queue, and when it was last seen to do so."""

    name = models.CharField(primary_key=True, max_length=300, help_text="Its machine and process.")
    version = models.CharField(max_length=40, help_text="Of Karani, which it runs.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        permissions: ClassVar = [("view_health", "Can see the health page")]

    def __str__(self) -> str:
        return self.name


class Backup(models.Model):
    """The last backup of this database, and where it lies: written down once it was made, so that
    every machine can tell how old it is."""

    made_at = models.DateTimeField()
    machine = models.CharField(max_length=255)
    path = models.CharField(max_length=4096, help_text="On that machine.")
    size = models.BigIntegerField(help_text="In bytes.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.path
