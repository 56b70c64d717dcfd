"""What a gateway is: something that takes a text to a phone, or says why it does not.

Three things can come of a submission, and the sender must know which: the text was taken (a
``Submission``), it surely was not (``NotTaken``, ``Refused``), or nobody can tell (``Unclear``).
A gateway raises nothing else.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Protocol

from django.conf import settings


@dataclass(frozen=True)
class Submission:
    """The gateway's receipt for a text it took."""

    gateway_message_id: str
    cost: Decimal | None = None
    currency: str = ""
    segments: int | None = None  # as the gateway counts them


class GatewayError(Exception):
    """A text was not simply taken."""

    def __init__(self, message: str, *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class NotTaken(GatewayError):
    """Nothing was handed over; the same text may be submitted again later.

    ``retry_after`` is in seconds, where the gateway asked for it.
    """

    def __init__(
        self, message: str, *, http_status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, http_status=http_status)
        self.retry_after = retry_after


class Refused(GatewayError):
    """The gateway will not take this text, now or later."""


class Unclear(GatewayError):
    """The text may have been taken; to submit it again could text somebody twice."""


class Gateway(Protocol):
    """One way to send texts."""

    name: str

    def submit(self, phone_number: str, text: str) -> Submission:
        """Hand one text over, to a phone in E.164 form.

        :raises NotTaken: it was not taken; try again later.
        :raises Refused: it will not be taken.
        :raises Unclear: it may have been taken.
        """
        ...


@cache
def get_gateway() -> Gateway:
    """The gateway of ``SMS_GATEWAY``; one a process, so that its connections are used again."""
    if settings.SMS_GATEWAY == "africastalking":
        from sms.gateway.africastalking import AfricasTalking

        return AfricasTalking(
            username=settings.AFRICASTALKING_USERNAME,
            api_key=settings.AFRICASTALKING_API_KEY,
            sender_id=settings.AFRICASTALKING_SENDER_ID,
            base_url=settings.AFRICASTALKING_BASE_URL,
        )
    if settings.SMS_GATEWAY == "console":
        from sms.gateway.console import Console

        return Console()
    from sms.gateway.simulator import Simulator

    return Simulator()
