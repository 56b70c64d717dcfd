"""The wire to a gateway, as all workers see it: may a text be written to it now, and how fast?"""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Hold(models.TextChoices):
    """Why nothing is sent until something outside has changed."""

    BALANCE = "balance", _("The account with the gateway is empty")
    CREDENTIALS = "credentials", _("The gateway does not accept our username and API key")
    SENDER = "sender", _("The gateway does not know our sender ID")
    STAFF = "staff", _("Somebody of the staff stopped the texts")


class Line(models.Model):
    """What is known of the way to one gateway: one row each, shared by all workers and machines.

    ::

        clear ──> held     (no balance, wrong key, unknown sender, staff: nothing is sent)
          │        └──> trying
          ├──> broken      (two failures of the infrastructure in a row)
          │        └──> trying   (the gateway told the balance, or staff said so)
          └─────────────────┴──> clear  (the one text that is let through was taken)

    While it is trying, one text at a time is in the air, of all workers together.
    """

    Hold = Hold
    FAILURES_TO_BREAK: ClassVar = 2  # in a row

    gateway = models.CharField(primary_key=True, max_length=20)
    hold = models.CharField(max_length=20, choices=Hold, blank=True)
    held_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, help_text="What the gateway said.")
    failures = models.PositiveIntegerField(default=0, help_text="Of the wire, in a row.")
    broken_at = models.DateTimeField(null=True, help_text="Since when nothing is written to it.")
    is_trying = models.BooleanField(default=False)
    tried_at = models.DateTimeField(null=True, help_text="When the text that tries it was let on.")
    probes = models.PositiveIntegerField(default=0, help_text="Since it was held or broke.")
    next_probe_at = models.DateTimeField(null=True)
    tried_balance = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, help_text="With which an empty one was tried."
    )
    balance = models.DecimalField(max_digits=14, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    balance_at = models.DateTimeField(null=True)
    # A token bucket; see ``sms.line``. Rates are texts a second.
    tokens = models.FloatField(default=0.0)
    tokens_at = models.DateTimeField(null=True)
    slowed_rate = models.FloatField(null=True, help_text="What a 429 has slowed it to.")
    slowed_at = models.DateTimeField(null=True)
    quiet_until = models.DateTimeField(null=True, help_text="The gateway asked to be left alone.")
    trouble = models.CharField(max_length=500, blank=True, help_text="What staff should know of.")
    trouble_at = models.DateTimeField(null=True)

    TROUBLE_IS_NEWS: ClassVar = timedelta(hours=24)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(hold__in=["", *Hold.values]), name="sms_line_hold_known"
            )
        ]
        permissions: ClassVar = [("resume_line", "Can stop and resume the sending of texts")]
        default_permissions: ClassVar = ("view",)

    def __str__(self) -> str:
        return f"line to {self.gateway}"


class LineEvent(models.Model):
    """Something that stopped all texts or let them go on, as their pages tell. Only added to."""

    class Kind(models.TextChoices):
        HELD = "held", _("Texts are held")
        BROKEN = "broken", _("The gateway cannot be reached")
        RESUMED = "resumed", _("Texts are resumed")
        CLEAR = "clear", _("Texts go out again")

    gateway = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=Kind)
    hold = models.CharField(max_length=20, choices=Hold, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()  # told on the pages of texts, to who may see those
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["gateway", "at"], name="sms_line_event_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d %H:%M}"
