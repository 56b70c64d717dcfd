"""The gateway's callbacks, translated into our words.

Africa's Talking signs nothing and comes from no known address, so who calls shows that they are it
by a secret in the address. They are not known to call again where we fail, and are known to call
twice: whatever comes is kept as it came, answered at once with an empty 200, and bears being told
any number of times. https://developers.africastalking.com/docs/sms/notifications
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path, register_converter, reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from sms import delivery_reports, incoming
from sms.phone_numbers import find_phone_number

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024  # of a callback: the longest text there is has 1,530 letters
_MOST_FIELDS = 50

Fields = dict[str, Any]

# Their list of failure reasons, but for those of premium texts, which we do not send.
_REASONS = {
    "UserInBlackList": "The owner of the phone blocks texts from this sender.",
    "DoNotDisturbRejection": "The owner of the phone takes no advertising.",
    "UserDoesNotExist": "There is no such number.",
    "NotNetworkSubcriber": "The number is not of the network that was asked.",  # spelt so there
    "NotNetworkSubscriber": "The number is not of the network that was asked.",
    "UserIsInactive": "The number is not in use.",
    "UserAccountSuspended": "The phone network has suspended the number.",
    "DeliveryFailure": "The phone network could not deliver the text.",
}


class CallbackSecret:
    """The part of the address that only the gateway knows.

    With another one the address is none of ours, so that the answer is that of any unknown page.
    """

    regex = "[A-Za-z0-9_-]+"

    def to_python(self, value: str) -> str:
        secret: str = settings.SMS_CALLBACK_SECRET
        if not secret or not constant_time_compare(value, secret):
            raise ValueError("not the secret")
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(CallbackSecret, "callback_secret")


def callback(take: Callable[[Fields], None]) -> Callable[..., HttpResponse]:
    """A view that hands over the fields of a callback, and answers 200 with nothing."""

    @csrf_exempt
    @require_POST
    def view(request: HttpRequest, secret: str) -> HttpResponse:
        if len(request.body) > MOST_BYTES:
            logger.warning("A callback was too large: %d bytes.", len(request.body))
            return HttpResponse(status=413)
        take(_fields(request.body))
        return HttpResponse()

    return view


@callback
def delivery(fields: Fields) -> None:
    """What became of a text."""
    phone_number = _phone(fields, "phoneNumber")
    delivery_reports.receive_report(
        _id(fields),
        _text(fields, "status", 50),
        _reason(fields),
        phone_number=phone_number[:16],
        network_code=_text(fields, "networkCode", 20),
        raw=fields,
    )


@callback
def incoming_text(fields: Fields) -> None:
    """A text that somebody sent to us."""
    incoming.receive_text(
        _phone(fields, "from"),
        _text(fields, "text"),
        gateway_message_id=_id(fields),
        sent_at=_moment(fields, "date"),
        raw=fields,
    )


@callback
def opt_out(fields: Fields) -> None:
    """Somebody wants no more texts, and told the gateway."""
    incoming.receive_opt_out(
        _phone(fields, "phoneNumber"), sender_id=_text(fields, "senderId", 20), raw=fields
    )


_VIEWS = {"delivery": delivery, "incoming": incoming_text, "opt-out": opt_out}

urlpatterns = [
    # Without the slash as well: a redirect there would lose what is sent.
    path(f"<callback_secret:secret>/{place}{end}", view, name=f"sms-callback-{place}")
    for end in ("", "/")
    for place, view in _VIEWS.items()
]


def callback_addresses() -> dict[str, str]:
    """Where the gateway is to call, by what it calls each; empty where there is no secret."""
    secret: str = settings.SMS_CALLBACK_SECRET
    names = {
        "Delivery reports": "sms-callback-delivery",
        "Incoming messages": "sms-callback-incoming",
        "Bulk SMS opt-out": "sms-callback-opt-out",
    }
    if not secret:
        return {}
    return {
        title: settings.PUBLIC_URL + reverse(name, args=[secret]) for title, name in names.items()
    }


def _fields(body: bytes) -> Fields:
    """The fields of a form, whatever was sent: what is no form is one field with an odd name."""
    text = body.decode(errors="replace")
    try:
        form = parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS)
    except ValueError:  # more fields than any callback has
        return {"body": _storable(text)}
    return {
        _storable(name): _storable(values[0]) if len(values) == 1 else [*map(_storable, values)]
        for name, values in form.items()
    }


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL takes no null character


def _text(fields: Fields, name: str, most: int | None = None) -> str:
    value = fields.get(name, "")
    text: str = value[-1] if isinstance(value, list) else value
    return text.strip()[:most]


def _reason(fields: Fields) -> str:
    """Why a text did not arrive, in plain words; in the gateway's own where they are new."""
    word = _text(fields, "failureReason", 200)
    return _REASONS.get(word, word)


def _id(fields: Fields) -> str:
    # Cut short it would be the id of another; the whole of it is in `raw`.
    text = _text(fields, "id")
    return text if len(text) <= 100 else ""


def _phone(fields: Fields, name: str) -> str:
    """The phone in E.164 form, else as it came, as much of it as is kept."""
    text = _text(fields, name)
    # A plus sign that nobody encoded is a space by the rules of forms.
    raw = fields.get(name)
    if isinstance(raw, str) and raw.startswith(" ") and text[:1].isdigit():
        text = f"+{text}"
    return find_phone_number(text[:30]) or text[:30]


def _moment(fields: Fields, name: str) -> datetime | None:
    """A moment by the gateway's clock, of which nobody says in which zone it is."""
    try:
        moment = parse_datetime(_text(fields, name, 40))
    except ValueError:  # such as the 31st of February
        return None
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # A clock that is wrong would make of a later text an earlier one.
    ago = timezone.now() - moment
    return moment if timedelta(days=-1) < ago < timedelta(days=30) else None
