"""Sheets that were imported, and what became of their rows."""

from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models

from identity.identifiers import new_id
from identity.models import User


class ImportKind(models.TextChoices):
    """What the rows of a sheet are."""

    CUSTOMERS = "customers", "Customers"
    ORDERS = "orders", "Orders"

    @property
    def permission(self) -> str:
        """What a user needs to import such a sheet, and to see what became of it."""
        return "crm.import_customer" if self is ImportKind.CUSTOMERS else "crm.import_order"


class ImportMode(models.TextChoices):
    """What an import may do: add rows, change those that are there, or both."""

    CREATE = "create", "Add new ones only"
    UPDATE = "update", "Change known ones only"
    BOTH = "both", "Add and change"


class ImportStatus(models.TextChoices):
    """The states of an import; ``Import`` draws the moves between them."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class ImportQuerySet(models.QuerySet["Import"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the kinds that the user may import themself."""
        return self.filter(kind__in=[kind for kind in ImportKind if user.has_perm(kind.permission)])


class Import(models.Model):
    """A sheet that somebody sent, and what became of its rows.

    ::

        queued ──> running ──> done
                      ├──────> failed   (a fault of ours, or its workers died again and again)
                      └──> running      (the next turn, also where the worker of the last one died)
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=ImportKind)
    mode = models.CharField(max_length=10, choices=ImportMode, default=ImportMode.BOTH)
    text_customers = models.BooleanField(default=False)
    region = models.CharField(max_length=2)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(max_length=255)
    file = models.BinaryField()  # empty when the import is over
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0)  # since it last got on
    claimed_at = models.DateTimeField(null=True)  # None: no worker is at it
    rows_by_key = models.JSONField(default=dict)  # which row was about which stored one
    total = models.PositiveIntegerField(default=0)
    processed = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list)  # the first ones
    error_sheet = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = "import"
        default_permissions = ()  # who may import is a permission on what is imported
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=ImportStatus.values), name="crm_import_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=ImportKind.values), name="crm_import_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"import of {self.file_name}"
