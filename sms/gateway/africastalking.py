"""Africa's Talking: one text to one phone, and an exact word for whatever comes of it.

The gateway has no idempotency key, so all turns on whether the request was written: before that a
text may safely be submitted again, after that only its own answer settles what became of it. What
cannot be told is ``Unclear``. The API: https://developers.africastalking.com/docs/sms/sending/bulk
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests
from africastalking.SMS import SMSService
from django.utils.http import parse_http_date_safe
from pydantic import BaseModel, Field, ValidationError
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, ProxyError

from sms.gateway import (
    Balance,
    GatewayError,
    Hold,
    NotTaken,
    OnHold,
    Refused,
    SlowDown,
    Submission,
    TurnedAway,
    Unclear,
    Unreachable,
)
from sms.gateway.connections import CONNECT_TIMEOUT, new_session

_READ_TIMEOUT = 10.0  # seconds
_POOL_SIZE = 16  # requests in flight at once, unless the settings say otherwise
_LONGEST_WAIT = 15 * 60.0  # seconds; what asks for more is more likely broken than busy

_Delays = Mapping[int, tuple[float, ...]]  # of each code, until each further try


@dataclass(frozen=True)
class _Meaning:
    """What a word of the gateway comes to: an error, its reason and what it says of us, or none
    for "taken"."""

    word: str
    error: type[GatewayError] | None = None
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


# The status code of a recipient; a request refused as a whole says the word alone.
_CODES = {
    100: _Meaning("Processed"),
    101: _Meaning("Sent"),
    102: _Meaning("Queued"),
    401: _Meaning(
        "RiskHold",
        Refused,
        "The gateway held the text back for a check of its own",
        {"needs_staff": True},
    ),
    402: _Meaning(
        "InvalidSenderId",
        OnHold,
        "The gateway does not know the sender ID",
        {"hold": Hold.SENDER},
    ),
    403: _Meaning(
        "InvalidPhoneNumber",
        Refused,
        "The gateway says there is no such phone number",
        {"unreachable": Unreachable.INVALID},
    ),
    404: _Meaning(
        "UnsupportedNumberType",
        Refused,
        "A phone number of this kind takes no texts",
        {"unreachable": Unreachable.KIND},
    ),
    405: _Meaning(
        "InsufficientBalance",
        OnHold,
        "The account with the gateway needs to be topped up",
        {"hold": Hold.BALANCE},
    ),
    406: _Meaning(
        "UserInBlacklist",
        Refused,
        "The customer has blocked texts from this sender",
        {"unreachable": Unreachable.BLOCKED},
    ),
    407: _Meaning("CouldNotRoute", TurnedAway, "The gateway has no way to the customer's network"),
    409: _Meaning(
        "DoNotDisturbRejection", Refused, "The customer's number is set to take no such texts"
    ),
    500: _Meaning("InternalServerError", TurnedAway, "The gateway has trouble of its own"),
    501: _Meaning(
        "GatewayError", TurnedAway, "The gateway has trouble with the customer's network"
    ),
    502: _Meaning("RejectedByGateway", TurnedAway, "The customer's network turned the text away"),
}
_ODD_REQUEST = _Meaning(
    "", Refused, "The gateway could not make sense of the request", {"needs_staff": True}
)
# HTTP statuses that tell what became of the text; after any other it is in doubt.
_STATUSES = {
    400: _ODD_REQUEST,
    401: _Meaning(
        "",
        OnHold,
        "The gateway does not accept the username and API key",
        {"hold": Hold.CREDENTIALS},
    ),
    403: _Meaning(
        "",
        OnHold,
        "The gateway does not let this account send texts",
        {"hold": Hold.CREDENTIALS},
    ),
    415: _ODD_REQUEST,
    429: _Meaning("", SlowDown, "The gateway asks to be sent texts more slowly"),
    503: _Meaning("", NotTaken, "The gateway is out of service for now"),
}

_BALANCE = re.compile(r"([A-Z]{3}) (-?[0-9]{1,10}(?:\.[0-9]{1,4})?)")
_COST = re.compile(r"([A-Z]{3}) ([0-9]{1,6}(?:\.[0-9]{1,4})?)")
_MESSAGE_ID = re.compile(r"[!-~]{1,100}")
# A reason is shown where it is one word, which can be neither the API key nor the text.
_WORD = re.compile(r"[A-Za-z]{1,40}")
_NO_REASON = re.compile(r"(Sent( to .*)?|Processed|Queued|Success)?", re.DOTALL)


class AfricasTalking:
    """Sends by the account ``username``; the one called "sandbox" texts nobody."""

    name = "africastalking"
    is_immediate = False

    def __init__(
        self,
        *,
        username: str,
        api_key: str,
        sender_id: str = "",
        base_url: str = "",
        read_timeout: float = _READ_TIMEOUT,
        connections: int = _POOL_SIZE,
        delays: Mapping[int, tuple[float, ...]] | None = None,
    ) -> None:
        self._service = _Service(username, api_key, base_url, connections)
        self._delays = delays or {}
        self._sender_id = sender_id
        self._timeout = (CONNECT_TIMEOUT, read_timeout)

    @property
    def url(self) -> str:
        """Where texts are posted."""
        return str(self._service._make_url("/messaging"))

    def submit(self, phone_number: str, text: str) -> Submission:
        """Hand one text over, to a phone in E.164 form.

        :raises GatewayError: it was not simply taken.
        """
        try:
            answer: _Answer = self._service.send(
                text, [phone_number], sender_id=self._sender_id or None, timeout=self._timeout
            )
        except ValueError:  # the SDK's own check, before anything else
            raise Refused("The phone number is not in international form.") from None
        if 200 <= answer.http_status < 300:
            return _read_receipt(answer, phone_number, self._delays)
        raise _error_of_status(answer)

    def balance(self) -> Balance:
        """What is left in the account. The gateway may be asked again and again for nothing.

        :raises NotTaken: it does not answer, or not so that it could be read.
        :raises OnHold: it does not accept the username and API key.
        """
        try:
            answer: _Answer = self._service.fetch_user(timeout=self._timeout)
        except Unclear as doubt:  # nothing was submitted, so nothing is in doubt
            raise NotTaken(f"The gateway did not tell the balance: {doubt}") from None
        if not 200 <= answer.http_status < 300:
            refusal = _error_of_status(answer)
            if isinstance(refusal, OnHold):
                raise refusal
            raise NotTaken(
                f"The gateway did not tell the balance [HTTP {answer.http_status}].",
                http_status=answer.http_status,
            )
        return _read_balance(answer)


@dataclass(frozen=True)
class _Answer:
    """An HTTP answer; the body is empty where it could not be read to its end."""

    http_status: int
    retry_after: str
    body: bytes


class _Service(SMSService):
    """The SDK's SMS service, over connections that are kept, with timeouts and without retries.

    By itself the SDK connects anew for each text, and forgets the HTTP status of an error.
    """

    def __init__(self, username: str, api_key: str, base_url: str, connections: int) -> None:
        super().__init__(username, api_key)
        if base_url:
            self._baseUrl = base_url.rstrip("/") + "/version1"
        self._session = new_session(connections)

    def fetch_user(self, *, timeout: tuple[float, float]) -> "_Answer":
        """What the gateway knows of the account: its application data."""
        return self._make_request(
            self._make_url("/user"),
            "GET",
            headers=self._headers,
            params={"username": self._username},
            timeout=timeout,
        )

    def _make_request(
        self,
        url: str,
        method: str,
        *,
        headers: dict[str, str],
        data: dict[str, str | int] | None = None,
        params: dict[str, str] | None = None,
        timeout: tuple[float, float],
        **_unused: object,
    ) -> _Answer:
        # No error says what another library's error says: that could be the key or the text.
        try:
            self._api_key.encode("latin-1")  # as http.client will, once it is too late to tell
            request = self._session.prepare_request(
                requests.Request(method, url, headers=headers, data=data, params=params)
            )
            self._session.get_adapter(url)
            settings = self._session.merge_environment_settings(request.url, {}, True, None, None)
        except (requests.RequestException, UnicodeError) as error:
            raise NotTaken(
                "The request to the gateway could not be made up; check its address and API key "
                f"in the settings [{type(error).__name__}]."
            ) from None
        try:
            with self._session.send(
                request, timeout=timeout, allow_redirects=False, **settings
            ) as response:
                retry_after = response.headers.get("Retry-After", "")
                return _Answer(response.status_code, retry_after, _read_body(response))
        except Exception as error:
            raise _error_of_exchange(error) from error


def _read_body(response: requests.Response) -> bytes:
    try:
        return response.content
    except requests.RequestException:
        return b""  # the status was read, and tells what it tells


def _error_of_exchange(error: Exception) -> GatewayError:
    """What an error between connecting and reading the answer says of the text."""
    reason = error.args[0] if error.args else None  # requests keeps the error of urllib3 in there
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    if isinstance(reason, ProxyError):
        # By itself it says nothing: urllib3 also makes one of a reset after writing.
        reason = reason.original_error
    if isinstance(reason, ConnectTimeoutError):
        kind = type(reason.__cause__ or reason).__name__
        return NotTaken(f"The gateway could not be reached [{kind}].")
    return Unclear(
        f"The gateway did not answer; the text may have gone out [{type(error).__name__}]."
    )


def _error_of_status(answer: _Answer) -> GatewayError:
    status = answer.http_status
    meaning = _STATUSES.get(status)
    if meaning is None or meaning.error is None:
        return Unclear(
            f"The gateway failed over the text, which may have gone out [HTTP {status}].",
            http_status=status,
        )
    facts = dict(meaning.facts)
    if issubclass(meaning.error, NotTaken):
        facts["retry_after"] = _seconds(answer.retry_after)
    return meaning.error(f"{meaning.reason} [HTTP {status}].", http_status=status, **facts)


def _seconds(retry_after: str) -> float | None:
    """The wait a Retry-After header asks for, in seconds or as a date (RFC 9110, 10.2.3)."""
    if re.fullmatch("[0-9]{1,9}", retry_after):
        return min(float(retry_after), _LONGEST_WAIT)
    date = parse_http_date_safe(retry_after)
    return None if date is None else min(max(date - time.time(), 0.0), _LONGEST_WAIT)


class _Recipient(BaseModel):
    """What decides is read strictly; what only informs may be missing or odd."""

    number: str
    status_code: int = Field(alias="statusCode")
    message_id: str | None = Field(None, alias="messageId")
    cost: object = None
    message_parts: object = Field(None, alias="messageParts")


class _MessageData(BaseModel):
    message: str = Field("", alias="Message")
    recipients: list[_Recipient] = Field(alias="Recipients")


class _Receipt(BaseModel):
    data: _MessageData = Field(alias="SMSMessageData")


class _UserData(BaseModel):
    balance: str


class _User(BaseModel):
    data: _UserData = Field(alias="UserData")


def _read_balance(answer: _Answer) -> Balance:
    try:
        match = _BALANCE.fullmatch(_User.model_validate_json(answer.body).data.balance)
    except ValidationError:
        match = None
    if match is None:
        raise NotTaken("The gateway's word on the balance could not be read.")
    return Balance(Decimal(match[2]), match[1])


def _read_receipt(answer: _Answer, phone_number: str, delays: _Delays) -> Submission:
    try:
        data = _Receipt.model_validate_json(answer.body).data
    except ValidationError:
        raise _doubt(answer, "The gateway's answer could not be read") from None
    if not data.recipients and not _NO_REASON.fullmatch(data.message):
        raise _error_of_request(answer, data.message, delays)
    ours = [recipient for recipient in data.recipients if recipient.number == phone_number]
    if len(ours) != 1:
        raise _doubt(answer, "The gateway's answer says nothing of this phone number")
    return _read_recipient(answer, ours[0], delays)


def _read_recipient(answer: _Answer, recipient: _Recipient, delays: _Delays) -> Submission:
    given = recipient.message_id or ""
    is_given = given not in ("", "None")  # the gateway's own word for none
    message_id = given if is_given and _MESSAGE_ID.fullmatch(given) else ""
    code = recipient.status_code
    meaning = _CODES.get(code)
    if meaning is None:
        raise _doubt(answer, "The gateway's answer is not understood", str(code), message_id)
    if meaning.error is not None and is_given:
        # With an id a report may come of it, as if it was taken after all.
        raise _doubt(answer, meaning.reason, meaning.word, message_id)
    if meaning.error is not None:
        raise _error_of_code(answer, code, delays)
    if not message_id:
        raise _doubt(answer, "The gateway took the text without a receipt", meaning.word)
    cost, currency = _read_cost(recipient.cost)
    return Submission(message_id, cost, currency, _read_segments(recipient.message_parts))


def _error_of_request(answer: _Answer, message: str, delays: _Delays) -> GatewayError:
    """Why a request was refused as a whole."""
    for code, meaning in _CODES.items():
        if meaning.word == message and meaning.error is not None:
            return _error_of_code(answer, code, delays)
    word = message if _WORD.fullmatch(message) else f"HTTP {answer.http_status}"
    return Refused(
        f"The gateway refused the text [{word}].",
        word=word,
        http_status=answer.http_status,
        needs_staff=True,
    )


def _error_of_code(answer: _Answer, code: int, delays: _Delays) -> GatewayError:
    meaning = _CODES[code]
    facts = dict(meaning.facts)
    if meaning.error is TurnedAway:
        facts["delays"] = tuple(delays.get(code, ()))
    error = meaning.error or Unclear  # the callers have seen to it that there is one
    return error(
        f"{meaning.reason} [{meaning.word}].",
        word=meaning.word,
        http_status=answer.http_status,
        **facts,
    )


def _doubt(answer: _Answer, reason: str, word: str = "", message_id: str = "") -> Unclear:
    word = word or f"HTTP {answer.http_status}"
    return Unclear(
        f"{reason}; the text may have gone out [{word}].",
        word=word,
        http_status=answer.http_status,
        gateway_message_id=message_id,
    )


def _read_cost(cost: object) -> tuple[Decimal | None, str]:
    """Amount and currency of ``KES 0.8000``."""
    match = _COST.fullmatch(cost) if isinstance(cost, str) else None
    return (Decimal(match[2]), match[1]) if match else (None, "")


def _read_segments(parts: object) -> int | None:
    # The number of parts is an octet on the air (3GPP TS 23.040, section 9.2.3.24.1).
    return parts if isinstance(parts, int) and 0 < parts < 256 else None
