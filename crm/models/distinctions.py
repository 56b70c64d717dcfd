"""Which records of customers look like one person's, and were found to be two people's."""

from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

from crm.models.customers import Customer
from identity.identifiers import new_id


class DistinctionQuerySet(models.QuerySet["Distinction"]):
    def of(self, customer: Customer) -> Self:
        """Those between the customer and anybody."""
        return self.filter(models.Q(first=customer) | models.Q(second=customer))

    def between(self, one: Customer, other: Customer) -> Self:
        """The one between these two, in whichever order, if any."""
        first, second = sorted((one.pk, other.pk))
        return self.filter(first=first, second=second)


class Distinction(models.Model):
    """Two customers who are not the same person, by the word of one of the staff.

    It holds for both, and is kept once: ``first`` has the lesser id. It is taken away with either
    of them, or where the word is taken back.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The constraint below is the index of the first.
    first = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    second = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    said_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    said_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DistinctionQuerySet.as_manager()

    class Meta:
        default_permissions: ClassVar = ()  # it has no screen: the customers' pages tell it
        ordering: ClassVar = ["-said_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="crm_distinction_once"),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="crm_distinction_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} is not {self.second_id}"

    def other_than(self, customer_id: UUID) -> UUID:
        """The id of the other one of the two."""
        return self.second_id if self.first_id == customer_id else self.first_id
