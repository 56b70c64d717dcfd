"""Which records of customers were found to be one person's, and put together."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from crm.models.customers import Customer
from identity.identifiers import new_id


class Merge(models.Model):
    """A record that went into another one, as it was then. Only added to.

    Where that one goes into a third, ``kept`` leads to the third, and ``kept_code`` stays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kept = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="merges")
    kept_code = models.CharField(max_length=50)
    other_id = models.UUIDField(unique=True)
    code = models.CharField(max_length=50)
    name = models.CharField(max_length=200)
    phone_number = models.CharField(max_length=16)
    email = models.EmailField(blank=True)
    orders = models.PositiveIntegerField()
    texts = models.PositiveIntegerField()
    notes = models.PositiveIntegerField()
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    merged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions: ClassVar = ()  # it has no screen: the customer's page tells it
        ordering: ClassVar = ["-merged_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["code"], name="crm_merge_code"),
            models.Index(fields=["phone_number"], name="crm_merge_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.code} into {self.kept_code}"
