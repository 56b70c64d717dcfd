"""Is the gateway well again? It is asked for the balance, which costs nothing and sends nothing."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from sms import doorbells, line
from sms.gateway import Balance, GatewayError, OnHold, get_gateway
from sms.models import Hold, Line, Message

_LONG_HOLD = 12  # probes, each after SMS_BALANCE_PROBE: an hour
_PLENTY = 10  # messages that a balance must pay for, for the account not to be called empty


def probe(now: datetime | None = None) -> None:
    """Ask the gateway for the balance, if the line waits for that and its time has come.

    An answer lets one text through, to try the line; an account that is empty must have been topped
    up.
    """
    now = now or timezone.now()
    known = line.find_line()
    due, hold = known.next_probe_at, known.hold
    if not line.is_shut(known) or due is None or due > now:
        return
    again = now + (
        timedelta(seconds=settings.SMS_BALANCE_PROBE) if hold else line.wire_delay(known.probes + 1)
    )
    row = Line.objects.filter(pk=known.pk)
    if not row.filter(next_probe_at=due).update(next_probe_at=again, probes=F("probes") + 1):
        return  # another worker asks
    doorbells.call_for_probe(again)  # before the question, in case this worker dies over it
    known.refresh_from_db()
    try:
        balance = get_gateway().balance()
    except OnHold as error:
        line.note_hold(known, Hold(error.hold), str(error))
    except GatewayError as error:
        row.filter(hold=hold).update(reason=str(error))
    else:
        _note_balance(known, balance, hold)


def ask_balance() -> Balance | None:
    """Ask the gateway now what is left, and write it down; None where it wants no money.

    Takes 15 s at most. Nothing is let through by it; and while the account is called empty nothing
    is written, as the probe tells by what was known that it has been topped up.

    :raises GatewayError: it could not be asked.
    """
    known = line.find_line()
    balance = get_gateway().balance()
    if balance is not None:
        _write_balance(Line.objects.filter(pk=known.pk).exclude(hold=Hold.BALANCE), balance)
    return balance


def pays_for(balance: Decimal) -> int | None:
    """How many messages this pays for; nothing where no price is known."""
    price = _price()
    return None if price is None else max(0, int(balance / price))


def _note_balance(known: Line, balance: Balance | None, hold: str) -> None:
    is_enough = _is_enough(known, balance)
    if balance is not None:
        _write_balance(Line.objects.filter(pk=known.pk), balance)
    if is_enough:
        # Not what somebody has stopped meanwhile.
        tried = balance.amount if balance and hold == Hold.BALANCE else None
        line.let_one_through(known, Q(hold=hold), tried_balance=tried)


def _is_enough(known: Line, balance: Balance | None) -> bool:
    """Does this answer end what the line waits for?"""
    if known.hold != Hold.BALANCE or balance is None:
        return True
    if balance.amount <= 0:
        return False
    if known.probes % _LONG_HOLD == 0:
        return True
    if known.tried_balance is not None:  # and the text that tried it was refused for want of money
        return balance.amount > known.tried_balance
    if _told_since_held(known) and balance.amount > (known.balance or 0):
        return True  # somebody topped it up
    return balance.amount >= _plenty()


def _told_since_held(known: Line) -> bool:
    return bool(known.balance_at and known.held_at and known.balance_at >= known.held_at)


def _write_balance(row: QuerySet[Line], balance: Balance) -> None:
    row.update(balance=balance.amount, currency=balance.currency, balance_at=timezone.now())


def _plenty() -> Decimal:
    """What pays for many messages, and for the longest text that was refused twice over."""
    price = _price()
    if price is None:
        return Decimal("Infinity")
    held = Message.objects.filter(status=Message.Status.HELD)
    longest = held.aggregate(longest=Max("segments"))["longest"] or 1
    return price * max(_PLENTY, 2 * longest)


def _price() -> Decimal | None:
    """Of one message, as the gateway charged the last."""
    priced = Message.objects.filter(sent_at__isnull=False, cost__gt=0)
    last = priced.order_by("-sent_at").first()
    return None if last is None or last.cost is None else last.cost / last.segments
