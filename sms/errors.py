"""Why an operation on a text refuses."""

from sms.models import Message


class MessageCannotBeRetried(Exception):
    """The text is on its way, has arrived, or was not to be sent: only a failed or an unconfirmed
    one can be sent again."""

    def __init__(self, message: Message) -> None:
        super().__init__(
            f"This text is {message.status}. Only a failed or an unconfirmed one can be sent again."
        )


class MessageCannotBeCancelled(Exception):
    """A worker has the text already, or it is settled."""

    def __init__(self, message: Message) -> None:
        super().__init__(
            f"This text is {message.status}. Only one that is queued or held can be cancelled."
        )


class PhoneTakesNoTexts(Exception):
    """The number is one of a fixed line, or of another kind that no text gets to."""

    def __init__(self, phone_number: str) -> None:
        super().__init__(
            f"{phone_number} is not a mobile number, so that no text gets there. "
            "Give the customer a mobile number first."
        )
