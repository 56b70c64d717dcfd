"""Each text with its state, the attempts to send it, and what the gateway reported."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import connections, models
from django.db.models import Case, Value, When
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from identity.identifiers import new_id
from sms.phone_numbers import is_forgotten, national_form, validate_phone_number
from sms.segments import Encoding

NOT_SENT_AGAIN = gettext_noop("It was not sent again.")  # kept in English


class MessageStatus(models.TextChoices):
    """The states of a message; ``Message`` draws the moves between them."""

    QUEUED = "queued", pgettext_lazy("text", "Queued")
    CLAIMED = "claimed", pgettext_lazy("text", "Being sent")
    SENDING = "sending", pgettext_lazy("text", "Sending")
    SENT = "sent", pgettext_lazy("text", "Sent")
    DELIVERED = "delivered", pgettext_lazy("text", "Delivered")
    UNDELIVERED = "undelivered", pgettext_lazy("text", "Not delivered")
    UNCONFIRMED = "unconfirmed", pgettext_lazy("text", "Unconfirmed")
    HELD = "held", pgettext_lazy("text", "Held")
    FAILED = "failed", pgettext_lazy("text", "Failed")
    SUPPRESSED = "suppressed", pgettext_lazy("text", "Opted out")
    CANCELLED = "cancelled", pgettext_lazy("text", "Cancelled")


class MessageQuerySet(models.QuerySet["Message"]):
    def move(self, old: MessageStatus, new: MessageStatus, **changes: Any) -> bool:
        """Compare-and-swap the state of the one message selected: False where another was first."""
        return self.filter(status=old).update(status=new, **changes) == 1

    def end(self, status: MessageStatus, reason: str = "", at: datetime | None = None) -> int:
        """Settle those selected, as nothing (more) is to be sent; how many there were.

        One that was sent again while it was in doubt is in doubt once more, as it was before.
        """
        in_doubt = {"may_be_double": True}
        return self.update(
            status=Case(
                When(**in_doubt, then=Value(MessageStatus.UNCONFIRMED)), default=Value(status)
            ),
            failure_reason=Case(
                When(**in_doubt, then=Value(f"{NOT_SENT_AGAIN} {reason}".strip())),
                default=Value(reason),
            ),
            final_at=Case(
                When(**in_doubt, then=Value(None)),
                default=Value(at or timezone.now()),
                output_field=models.DateTimeField(),
            ),
            next_attempt_at=None,
        )

    def sent_again_in_vain(self) -> "MessageQuerySet":
        """Those that somebody had sent again, where no other try is on the wire or was taken.

        What says that another try was taken spares the person the next one.
        """
        return self.filter(
            status__in=Message.CANCELLABLE | {MessageStatus.UNCONFIRMED}, may_be_double=True
        )

    def waiting(self) -> "MessageQuerySet":
        """Those selected of which nothing is on the wire, to be kept from it. In a transaction.

        Where rows can be locked, without those that another transaction holds. To wait for rows
        while others are held is how a worker, and then its texts, would be lost to a deadlock; what
        is in a worker's hands it asks about itself, before it begins.
        """
        found = self.filter(status__in=Message.WAITING).order_by("pk")
        if connections[self.db].features.has_select_for_update_skip_locked:
            found = found.select_for_update(skip_locked=True)
        pks = list(found.values_list("pk", flat=True))
        return Message.objects.filter(pk__in=pks, status__in=Message.WAITING)


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
          │           └──> cancelled                 (its order or its broadcast is gone)
          ├──> suppressed                            (the person opted out)
          ├──> failed                                (too old to be of use)
          └──> cancelled               (its order or its broadcast is gone, or staff said so)

    A person may send a failed text again, and an unconfirmed one, which is then marked as one that
    may come twice: both go back to queued. What would end the marked one without a report of it
    (failed, suppressed, cancelled) makes it unconfirmed again; a report or a late answer that says
    its earlier try was taken ends its wait. A move is a conditional UPDATE, so of two workers one
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
    WAITING: ClassVar = CANCELLABLE | {MessageStatus.CLAIMED}  # nothing of it is on the wire
    MAX_AGE = timedelta(hours=24)  # since queued_at; what comes later only confuses

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    phone_number = models.CharField(max_length=16, validators=[validate_phone_number])
    text = models.TextField(_("text"))
    event = models.CharField(max_length=50, blank=True)
    about_id = models.UUIDField(null=True, help_text="What the text is about, such as an order.")
    recipient_id = models.UUIDField(null=True, help_text="Whom it is to, such as a customer.")
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.QUEUED)
    encoding = models.CharField(
        _("encoding"), max_length=5, choices=[(each, each) for each in Encoding]
    )
    segments = models.PositiveSmallIntegerField(_("messages"))
    gateway = models.CharField(max_length=20, blank=True)
    gateway_message_id = models.CharField(_("gateway message id"), max_length=100, blank=True)
    cost = models.DecimalField(max_digits=10, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, blank=True)
    failure_reason = models.CharField(max_length=500, blank=True)
    may_be_double = models.BooleanField(_("may come twice"), default=False)
    is_promotional = models.BooleanField(
        default=False, help_text="A broadcast: with an opt-out line, and not at night."
    )
    queued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Who wrote it; nobody where it tells of an event.",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    queued_at = models.DateTimeField(default=timezone.now, help_text="When it was last asked for.")
    claimed_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("text")
        verbose_name_plural = _("texts")
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="sms_message_newest"),
            models.Index(fields=["about_id", "-created_at"], name="sms_message_about"),
            models.Index(fields=["phone_number", "-created_at"], name="sms_message_phone"),
            models.Index(fields=["recipient_id", "-created_at"], name="sms_message_recipient"),
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
            # Not in part: a partial one SQLite would use only where each query says why it may.
            models.Index(fields=["gateway_message_id"], name="sms_message_gateway_id"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=MessageStatus.values),
                name="sms_message_status_known",
            )
        ]

    def __str__(self) -> str:
        return gettext("Text to {phone}").format(phone=national_form(self.phone_number))

    @property
    def written_phone(self) -> str:
        """The phone in E.164 form; empty where it was erased."""
        return "" if is_forgotten(self.phone_number) else self.phone_number


class AttemptOutcome(models.TextChoices):
    """What came of one try."""

    TAKEN = "taken", _("Taken by the gateway")
    NOT_TAKEN = "not_taken", _("Did not reach the gateway, to be tried again")
    TURNED_AWAY = "turned_away", _("Turned away, to be tried again")
    HELD = "held", _("Not taken; the queue is held")
    REFUSED = "refused", _("Refused by the gateway")
    UNCLEAR = "unclear", _("No clear answer")


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
    gateway_message_id = models.CharField(
        max_length=100, blank=True, help_text="Of a try in doubt, or one that was not the last."
    )

    class Meta:
        ordering: ClassVar = ["started_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["gateway_message_id"], name="sms_attempt_gateway_id")
        ]

    def __str__(self) -> str:
        return f"attempt by {self.gateway}"


class Withdrawal(models.Model):
    """What some texts told of is gone, such as an order: none of them is sent any more.

    Asked for before each text is written to the wire, as one may be in a worker's hands, or come
    back from the gateway to be sent again.
    """

    about_id = models.UUIDField(primary_key=True)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions: ClassVar = ()  # it has no screen: the texts tell it

    def __str__(self) -> str:
        return f"withdrawal of {self.about_id}"


class Decision(models.Model):
    """What somebody of the staff decided about a message. Only added to."""

    class Kind(models.TextChoices):
        RETRY = "retry", _("Sent again")
        SEND_AGAIN = "send_again", _("Sent again although it may have gone out")
        CANCEL = "cancel", pgettext_lazy("text", "Cancelled")

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
