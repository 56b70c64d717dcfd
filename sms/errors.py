"""Why an operation on a text refuses."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sms.models import Broadcast, Message


class MessageCannotBeRetried(Exception):
    """The text is on its way, has arrived, or was not to be sent, or it would not be: only a failed
    or an unconfirmed one can be sent again."""

    def __init__(self, message: Message, why: str = "") -> None:
        state = message.get_status_display().lower()
        super().__init__(
            why
            or _(
                "This text is {state}. Only a failed or an unconfirmed one can be sent again."
            ).format(state=state)
        )


class MessageCannotBeCancelled(Exception):
    """A worker has the text already, or it is settled."""

    def __init__(self, message: Message) -> None:
        told = _("This text is {state}. Only one that is queued or held can be cancelled.")
        super().__init__(told.format(state=message.get_status_display().lower()))


class PhoneTakesNoTexts(Exception):
    """The number is one of a fixed line, or of another kind that no text gets to."""

    kind = gettext_lazy("No mobile number: no text gets there.")

    def __init__(self, phone_number: str) -> None:
        told = _(
            "{phone} is not a mobile number, so that no text gets there. "
            "Mend the customer's number: the next text goes to that one."
        )
        super().__init__(told.format(phone=phone_number))


class PhoneOptedOut(Exception):
    """Whoever has the phone wants no texts."""

    kind = gettext_lazy("The phone has opted out of texts.")

    def __init__(self, phone_number: str) -> None:
        told = _(
            "{phone} has opted out of texts, so that nothing was queued. "
            "Write down first that the customer wants texts again, if that is so."
        )
        super().__init__(told.format(phone=phone_number))


class PhoneIsBeingTexted(Exception):
    """A worker has a text to the phone in its hands."""

    def __init__(self) -> None:
        super().__init__(_("A text to this phone is being sent right now. Try again in a minute."))


class BroadcastRefusal(Exception):
    """What is asked of a broadcast cannot be done. The message says why."""


class NobodyToText(BroadcastRefusal):
    """Nobody was chosen, or nobody of those who were may be texted."""

    def __init__(self) -> None:
        super().__init__(_("There is nobody to text."))


class TooManyPeople(BroadcastRefusal):
    """More than are texted at once."""

    def __init__(self, most: int) -> None:
        told = _("At most {most} people are texted at once. Choose fewer.")
        super().__init__(told.format(most=f"{most:,}"))


class ReviewHasChanged(BroadcastRefusal):
    """It is not what somebody saw when they confirmed it: they look again, then decide."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Something has changed since you looked: who gets the text, its words, its price "
                "or when it goes. Nothing was sent. Look again, then confirm."
            )
        )


class BroadcastHasMoved(BroadcastRefusal):
    """Its state does not allow that, or somebody was quicker, or it is gone."""

    def __init__(self, broadcast: Broadcast) -> None:
        known = Broadcast.objects.filter(pk=broadcast.pk).first()
        state = known.get_status_display().lower() if known else _("deleted")
        super().__init__(_("This broadcast is now: {state}.").format(state=state))
