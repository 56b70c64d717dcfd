"""One wording to many people: who was chosen, and whom it is not sent to, and why."""

import re
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from identity.identifiers import new_id
from sms.models.messages import Message
from sms.phone_numbers import national_form, validate_phone_number


class BroadcastStatus(models.TextChoices):
    """The states of a broadcast; ``Broadcast`` draws the moves between them."""

    READY = "ready", pgettext_lazy("broadcast", "Not sent yet")
    SENDING = "sending", pgettext_lazy("broadcast", "Sending")
    PAUSED = "paused", pgettext_lazy("broadcast", "Paused")
    STOPPED = "stopped", pgettext_lazy("broadcast", "Stopped")
    DONE = "done", pgettext_lazy("broadcast", "Done")


class BroadcastQuerySet(models.QuerySet["Broadcast"]):
    def move(self, old: BroadcastStatus, new: BroadcastStatus, **changes: Any) -> bool:
        """Compare-and-swap the state of the one selected: False where another was first."""
        return self.filter(status=old).update(status=new, **changes) == 1


class Broadcast(models.Model):
    """A text to many, which somebody wrote, saw the price of, and confirmed.

    ::

        ready ──> sending ──> done       (each text was sent, or is settled otherwise)
                   │   ^
                   v   │
                  paused ──> stopped     (what waits in the queue is cancelled)
                   sending ────^

    It is ready from when people are chosen for it. Confirmed, its texts go into the queue some at a
    time (``sms.broadcasts.feeder``). A broadcast that nobody confirms is deleted after a day: who
    was chosen then may be called otherwise by now.
    """

    Status = BroadcastStatus
    UNDER_WAY: ClassVar = (BroadcastStatus.SENDING, BroadcastStatus.PAUSED)
    HALTED: ClassVar = (BroadcastStatus.PAUSED, BroadcastStatus.STOPPED)
    EVENT: ClassVar = "broadcast"  # of its texts, which are about it
    MOST_CHARACTERS: ClassVar = 1000
    VARIABLE: ClassVar = re.compile(r"\{([^{}]*)\}")  # also one that is misspelt

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.READY)
    english = models.TextField(max_length=MOST_CHARACTERS, blank=True)
    swahili = models.TextField(max_length=MOST_CHARACTERS, blank=True)
    variables = models.JSONField(default=list, help_text="The names that its words may use.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("confirmed by"),
    )
    # What was shown when it was confirmed.
    texts = models.PositiveIntegerField(_("texts"), null=True)
    messages = models.PositiveIntegerField(null=True, help_text="What the texts take on the air.")
    price = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    next_feed_at = models.DateTimeField(null=True, help_text="Until when its feeder rests.")

    objects = BroadcastQuerySet.as_manager()

    class Meta:
        verbose_name = _("broadcast")
        ordering: ClassVar = ["-created_at", "-id"]
        default_permissions: ClassVar = ("add", "change", "view")
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="sms_broadcast_newest"),
            models.Index(fields=["status", "created_at"], name="sms_broadcast_status"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=BroadcastStatus.values),
                name="sms_broadcast_status_known",
            )
        ]

    def __str__(self) -> str:
        words = " ".join((self.english or self.swahili).split())
        return words if len(words) <= 60 else f"{words[:59]}…"

    def clean(self) -> None:
        """Refuse words that say nothing, or would leave a variable unfilled in somebody's text.

        A form sends a line break as two characters, and the gateway charges for both.
        """
        for name in ("english", "swahili"):
            words = getattr(self, name).replace("\r\n", "\n").strip()
            setattr(self, name, words)
            if len(words) > self.MOST_CHARACTERS:  # a text field leaves it to its form
                told = _("{count} characters are too many: at most {most}.")
                raise ValidationError(
                    {name: told.format(count=len(words), most=self.MOST_CHARACTERS)}
                )
            self._refuse_unknown_variables(name, words)
        if not (self.english or self.swahili):
            raise ValidationError(_("Write what the text is to say, in one language at least."))

    def _refuse_unknown_variables(self, field: str, words: str) -> None:
        known = ", ".join(f"{{{name}}}" for name in self.variables)
        for name in self.VARIABLE.findall(words):
            if name not in self.variables:
                told = _("There is no {name} to fill in here. You can use: {known}.")
                raise ValidationError({field: told.format(name=f"{{{name}}}", known=known)})
        if re.search(r"[{}]", self.VARIABLE.sub("", words)):
            told = _("A brace stands alone. You can use: {known}.")
            raise ValidationError({field: told.format(known=known)})


class Exclusion(models.TextChoices):
    """Why somebody who was chosen is not texted."""

    NONE = "", _("Is texted")
    OPTED_OUT = "opted_out", _("Opted out of texts")
    UNREACHABLE = "unreachable", _("No text reaches the phone")
    DOUBLED = "doubled", _("Phone chosen twice")
    LANDLINE = "landline", _("Not a mobile number")


class BroadcastRecipient(models.Model):
    """Somebody who was chosen for a broadcast, as they were called then.

    A row with a message was queued; one with neither message nor exclusion waits.
    """

    Exclusion = Exclusion

    broadcast = models.ForeignKey(Broadcast, on_delete=models.CASCADE, related_name="recipients")
    recipient_id = models.UUIDField(null=True, help_text="Who it is, such as a customer.")
    phone_number = models.CharField(max_length=16, validators=[validate_phone_number])
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=5)
    values = models.JSONField(default=dict, help_text="What is filled in for the variables.")
    exclusion = models.CharField(max_length=20, choices=Exclusion, blank=True)
    # Protected: who has a message is not texted again.
    message = models.OneToOneField(Message, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions: ClassVar = ()  # it has no screen: the broadcast's shows it
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(
                fields=["broadcast", "id"],
                condition=models.Q(exclusion="", message=None),
                name="sms_recipient_waiting",
            ),
            models.Index(
                fields=["broadcast", "exclusion"],
                condition=~models.Q(exclusion=""),
                name="sms_recipient_excluded",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(exclusion__in=Exclusion.values),
                name="sms_recipient_exclusion_known",
            ),
            models.UniqueConstraint(
                fields=["broadcast", "phone_number"],
                condition=models.Q(exclusion=""),
                name="sms_recipient_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def written_phone(self) -> str:
        """As people at home read it."""
        return national_form(self.phone_number)
