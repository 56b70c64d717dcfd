"""What the gateway tells by itself, each word as it came."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sms.models.messages import Message


class ReportEffect(models.TextChoices):
    """What came of a delivery report."""

    NONE = "", _("Not matched with a text")
    MOVED = "moved", _("Settled the text")
    ON_THE_WAY = "on_the_way", _("On the way")
    REPEATED = "repeated", _("Said before")
    CONTRADICTS = "contradicts", _("Contradicts what was final already")
    OTHER_TRY = "other_try", _("About another try of it")
    UNKNOWN = "unknown", _("Not understood")


class DeliveryReport(models.Model):
    """What the gateway said of a message later, as it came; matched now or when the id is known."""

    Effect = ReportEffect

    gateway_message_id = models.CharField(max_length=100, db_index=True)
    status = models.CharField(max_length=50)
    phone_number = models.CharField(max_length=16, blank=True)
    failure_reason = models.CharField(max_length=200, blank=True)
    network_code = models.CharField(max_length=20, blank=True)
    raw = models.JSONField(default=dict)
    received_at = models.DateTimeField(auto_now_add=True)
    effect = models.CharField(max_length=20, choices=ReportEffect, blank=True)
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, null=True, related_name="delivery_reports"
    )

    class Meta:
        ordering: ClassVar = ["received_at"]
        indexes: ClassVar = [
            models.Index(
                fields=["received_at"],
                condition=models.Q(message=None),
                name="sms_report_unmatched",
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} for {self.gateway_message_id}"


class IncomingText(models.Model):
    """A text that somebody sent to us, as it came."""

    class Meaning(models.TextChoices):
        OTHER = "other", _("Something else")
        STOP = "stop", _("No more texts")
        START = "start", _("Texts again")
        HELP = "help", _("What is this?")

    gateway_message_id = models.CharField(max_length=100, blank=True)
    phone_number = models.CharField(max_length=30)  # as it came: it may be no number
    text = models.TextField(_("text"))
    meaning = models.CharField(_("meaning"), max_length=10, choices=Meaning)
    raw = models.JSONField(default=dict)
    sent_at = models.DateTimeField(
        _("sent at"), null=True, help_text=_("By the gateway's clock, if it said.")
    )
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)

    class Meta:
        verbose_name = _("incoming text")
        ordering: ClassVar = ["-received_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["phone_number", "-received_at"], name="sms_incoming_phone")
        ]
        constraints: ClassVar = [
            # The gateway may tell of one twice.
            models.UniqueConstraint(
                fields=["gateway_message_id"],
                condition=~models.Q(gateway_message_id=""),
                name="sms_incoming_unique",
            )
        ]

    def __str__(self) -> str:
        return gettext("Text from {phone}").format(phone=self.phone_number)


class OptOutNotice(models.Model):
    """What the gateway told of somebody who opted out with it and not with us, as it came."""

    phone_number = models.CharField(max_length=30)  # as it came: it may be no number
    sender_id = models.CharField(max_length=20, blank=True)
    raw = models.JSONField(default=dict)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions: ClassVar = ()  # it has no screen: the consent of the phone tells it

    def __str__(self) -> str:
        return f"opt-out of {self.phone_number}"
