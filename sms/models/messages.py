"""Each text with its state, the attempts to send it, and what the gateway reported."""

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from identity.identifiers import new_id
from sms.phone_numbers import validate_phone_number
from sms.segments import Encoding


class MessageStatus(models.TextChoices):
    """The states of a message; ``Message`` draws the moves between them."""

    QUEUED = "queued", "Queued"
    CLAIMED = "claimed", "Being sent"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    DELIVERED = "delivered", "Delivered"
    UNDELIVERED = "undelivered", "Not delivered"
    UNCONFIRMED = "unconfirmed", "Unconfirmed"
    HELD = "held", "Held"
    FAILED = "failed", "Failed"
    SUPPRESSED = "suppressed", "Opted out"
    CANCELLED = "cancelled", "Cancelled"


class MessageQuerySet(models.QuerySet["Message"]):
    def move(self, old: MessageStatus, new: MessageStatus, **changes: Any) -> bool:
        """Compare-and-swap the state of the one message selected: False where another was first."""
        return self.filter(status=old).update(status=new, **changes) == 1


class Message(models.Model):
    """One text to one phone.

    ::

        queued ──> claimed ──> sending ──> sent ──> delivered
          │           │           │          └────> undelivered
          │           │           ├──> queued        (the gateway did not take it: later again)
          │           │           ├──> failed        (the gateway refused it)
          │           │           ├──> held ──> queued   (no balance, wrong key: once mended)
          │           │           └──> unconfirmed   (it may have been taken: never sent again)
          │           │                   └──> sent, delivered, undelivered   (a report fits it)
          │           ├──> queued                    (the lease ran out: nothing was sent)
          │           └──> cancelled                 (its broadcast was stopped or paused)
          ├──> suppressed                            (the person opted out)
          ├──> failed                                (too old to be of use)
          └──> cancelled               (its order or its broadcast is gone, or staff said so)

    A person may send a failed text again, and an unconfirmed one, which is then marked as one that
    may come twice: both go back to queued. A move is a conditional UPDATE, so of two workers one
    wins.
    """

    Status = MessageStatus
    FINAL: ClassVar = frozenset(
        {
            MessageStatus.DELIVERED,
            MessageStatus.UNDELIVERED,
            MessageStatus.FAILED,
            MessageStatus.SUPPRESSED,
            MessageStatus.CANCELLED,
        }
    )
    RETRIABLE: ClassVar = frozenset({MessageStatus.FAILED, MessageStatus.UNCONFIRMED})
    CANCELLABLE: ClassVar = frozenset({MessageStatus.QUEUED, MessageStatus.HELD})
    MAX_AGE = timedelta(hours=24)  # since queued_at; what comes later only confuses

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    phone_number = models.CharField(max_length=16, validators=[validate_phone_number])
    text = models.TextField()
    event = models.CharField(max_length=50, blank=True)
    about_id = models.UUIDField(null=True, help_text="What the text is about, such as an order.")
    recipient_id = models.UUIDField(null=True, help_text="Whom it is to, such as a customer.")
    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    encoding = models.CharField(max_length=5, choices=[(each, each) for each in Encoding])
    segments = models.PositiveSmallIntegerField()
    gateway = models.CharField(max_length=20, blank=True)
    gateway_message_id = models.CharField(max_length=100, blank=True)
    cost = models.DecimalField(max_digits=10, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    failure_reason = models.CharField(max_length=500, blank=True)
    may_be_double = models.BooleanField(default=False)
    is_promotional = models.BooleanField(
        default=False, help_text="A broadcast: with an opt-out line, and not at night."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(default=timezone.now, help_text="When it was last asked for.")
    claimed_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "text"
        verbose_name_plural = "texts"
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="sms_message_newest"),
            models.Index(fields=["about_id", "-created_at"], name="sms_message_about"),
            models.Index(fields=["phone_number", "-created_at"], name="sms_message_phone"),
            models.Index(fields=["status", "created_at"], name="sms_message_status"),
            models.Index(
                fields=["is_promotional", "queued_at", "id"],
                condition=models.Q(status="queued"),
                name="sms_message_queue",
            ),
            models.Index(
                fields=["status", "claimed_at"],
                condition=models.Q(status__in=["claimed", "sending", "unconfirmed", "held"]),
                name="sms_message_under_way",
            ),
            models.Index(
                fields=["sent_at"],
                condition=models.Q(sent_at__isnull=False),
                name="sms_message_sent",
            ),
            models.Index(
                fields=["gateway_message_id"],
                condition=~models.Q(gateway_message_id=""),
                name="sms_message_gateway_id",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=MessageStatus.values),
                name="sms_message_status_known",
            )
        ]

    def __str__(self) -> str:
        return f"Text to {self.phone_number}"


class AttemptOutcome(models.TextChoices):
    """What came of one try."""

    TAKEN = "taken", "Taken by the gateway"
    NOT_TAKEN = "not_taken", "Did not reach the gateway, to be tried again"
    TURNED_AWAY = "turned_away", "Turned away, to be tried again"
    HELD = "held", "Not taken; the queue is held"
    REFUSED = "refused", "Refused by the gateway"
    UNCLEAR = "unclear", "No clear answer"


class Attempt(models.Model):
    """One try at handing a message to the gateway, written down before the wire is touched.

    An attempt with no outcome was cut short: the gateway may have taken the text.
    """

    Outcome = AttemptOutcome

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attempts")
    gateway = models.CharField(max_length=20)
    claimed_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=AttemptOutcome, blank=True)
    word = models.CharField(max_length=40, blank=True, help_text="The gateway's own, or a status.")
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["started_at", "id"]

    def __str__(self) -> str:
        return f"attempt by {self.gateway}"


class Decision(models.Model):
    """What somebody of the staff decided about a message. Only added to."""

    class Kind(models.TextChoices):
        RETRY = "retry", "Sent again"
        SEND_AGAIN = "send_again", "Sent again although it may have gone out"
        CANCEL = "cancel", "Cancelled"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=20, choices=Kind)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    made_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=500, blank=True, help_text="What stood in its way then.")

    class Meta:
        ordering: ClassVar = ["made_at", "id"]

    def __str__(self) -> str:
        return self.get_kind_display()
