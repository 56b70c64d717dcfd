"""What a gateway is: something that takes a text to a phone, or says why it does not.

The sender must know what came of a submission: the text was taken (a ``Submission``), it surely was
not (``NotTaken``, ``SlowDown``, ``TurnedAway``, ``OnHold``, ``Refused``), or nobody can tell
(``Unclear``). A gateway raises nothing else.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
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


@dataclass(frozen=True)
class Balance:
    """What is left in the account with the gateway."""

    amount: Decimal
    currency: str


class Hold(StrEnum):
    """Why the gateway takes no text of ours until somebody mends something."""

    BALANCE = "balance"
    CREDENTIALS = "credentials"
    SENDER = "sender"


class Unreachable(StrEnum):
    """Why no text of ours ever gets to a phone."""

    INVALID = "invalid"
    KIND = "kind"
    BLOCKED = "blocked"


class GatewayError(Exception):
    """A text was not simply taken. ``word`` is the gateway's own, such as ``CouldNotRoute``."""

    def __init__(self, message: str, *, word: str = "", http_status: int | None = None) -> None:
        super().__init__(message)
        self.word = word or ("" if http_status is None else f"HTTP {http_status}")
        self.http_status = http_status


class NotTaken(GatewayError):
    """The gateway could not be reached or is out of service; nothing was handed over.

    ``retry_after`` is in seconds, where the gateway asked for it.
    """

    def __init__(
        self,
        message: str,
        *,
        word: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, word=word, http_status=http_status)
        self.retry_after = retry_after


class SlowDown(NotTaken):
    """Nothing was handed over, as the texts come too fast."""


class TurnedAway(GatewayError):
    """This text was not taken this time. ``delays`` are the seconds until each further try."""

    def __init__(
        self,
        message: str,
        *,
        word: str = "",
        http_status: int | None = None,
        delays: tuple[float, ...] = (),
    ) -> None:
        super().__init__(message, word=word, http_status=http_status)
        self.delays = delays


class OnHold(GatewayError):
    """No text of ours is taken until somebody mends something."""

    def __init__(
        self, message: str, hold: Hold, *, word: str = "", http_status: int | None = None
    ) -> None:
        super().__init__(message, word=word, http_status=http_status)
        self.hold = hold


class Refused(GatewayError):
    """The gateway will not take this text, now or later.

    ``unreachable`` says so of every text to this phone; ``needs_staff``, that it is for somebody of
    the staff to look into.
    """

    def __init__(
        self,
        message: str,
        *,
        word: str = "",
        http_status: int | None = None,
        unreachable: Unreachable | None = None,
        needs_staff: bool = False,
    ) -> None:
        super().__init__(message, word=word, http_status=http_status)
        self.unreachable = unreachable
        self.needs_staff = needs_staff


class Unclear(GatewayError):
    """The text may have been taken; to submit it again could text somebody twice.

    ``gateway_message_id`` is its id, where the gateway gave it one all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        word: str = "",
        http_status: int | None = None,
        gateway_message_id: str = "",
    ) -> None:
        super().__init__(message, word=word, http_status=http_status)
        self.gateway_message_id = gateway_message_id


class Gateway(Protocol):
    """One way to send texts."""

    name: str
    is_immediate: bool  # takes each text at once, here, and may ask the database

    def submit(self, phone_number: str, text: str) -> Submission:
        """Hand one text over, to a phone in E.164 form. Called by several threads at once, unless
        it is immediate.

        :raises GatewayError: it was not simply taken.
        """
        ...

    def balance(self) -> Balance | None:
        """What is left in the account; None for a gateway that wants no money.

        :raises GatewayError: it could not be asked: ``OnHold`` where it does not accept us.
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
            read_timeout=settings.AFRICASTALKING_READ_TIMEOUT,
            connections=settings.SMS_CONCURRENCY,
            delays=settings.SMS_RETRY_DELAYS,
        )
    if settings.SMS_GATEWAY == "console":
        from sms.gateway.console import Console

        return Console()
    from sms.gateway.simulator import Simulator

    return Simulator()
