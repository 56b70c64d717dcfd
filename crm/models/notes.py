"""What staff wrote down about a customer."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.customers import Customer
from identity.identifiers import new_id


class CustomerNote(models.Model):
    """Something worth knowing of a customer. Only added and taken away, never rewritten."""

    MOST_CHARACTERS: ClassVar = 2000

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(_("note"), max_length=MOST_CHARACTERS)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("note on a customer")
        verbose_name_plural = _("notes on customers")
        # Who may change a customer may write notes, and delete their own: this is for all others.
        default_permissions: ClassVar = ("delete",)
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["customer", "-created_at"], name="crm_note_customer")
        ]

    def __str__(self) -> str:
        return f"note on {self.customer_id}"
