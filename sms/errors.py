"""Why an operation on a text refuses."""

from sms.models import Message


class MessageCannotBeRetried(Exception):
    """The text is on its way, has arrived, or was not to be sent: only a failed or an unconfirmed
    one can be sent again."""

    def __init__(self, message: Message) -> None:
        super().__init__(
            f"This text is {message.status}. Only a failed or an unconfirmed one can be sent again."
        )
