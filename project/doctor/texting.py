"""Do texts reach people? How long they wait, what the line to the gateway says, and the gateway."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from project.doctor.findings import Finding, at, broken, look, ok, time_since
from sms import line, probing, status
from sms.models import Hold, Line, Message
from sms.money import spoken_amount

_LATE = timedelta(minutes=2)  # for a text that could have left
_FEW = 100  # messages that the balance pays for


def texts() -> Finding:
    """How many wait, how long, and what holds them up."""
    now, known = timezone.now(), line.read_line()
    figure, is_late = _waiting()
    state, reason = status.state_of(known), status.reason_of(known)
    details = [known.trouble] if status.is_news(known, now) else []
    if state in ("held", "broken"):
        stopped = _("No texts are sent. {reason}").format(reason=reason)
        advice = _("Mend that, then press “Resume texts” above the sent texts.")
        is_meant = known.hold == Hold.STAFF
        return (look if is_meant else broken)(f"{stopped} {figure}", advice, details)
    if state in ("trying", "quiet"):
        advice = _("Nothing to do: Karani goes on by itself.")
        slow = _("The gateway is being tried with one text.") if state == "trying" else reason
        return look(f"{slow} {figure}", advice, details)
    if is_late:
        advice = _("See that a worker runs; SMS_RATE and SMS_CONCURRENCY say how fast it sends.")
        return look(figure, advice, details)
    if details:
        return look(figure, _("See what the gateway said of that text, in its list."), details)
    return ok(figure)


def _waiting() -> tuple[str, bool]:
    """In words; and do they wait for long, though they could leave?"""
    count = Message.objects.filter(status__in=Message.WAITING).count()
    figure = ngettext("{count} text waits", "{count} texts wait", count)
    figure = figure.format(count=f"{count:,}") if count else _("No text waits")
    now = timezone.now()
    overdue = status.oldest_due(now)
    if overdue is None:
        return f"{figure}.", False
    oldest = _("the oldest that could leave for {time}").format(time=time_since(now - overdue))
    return f"{figure}, {oldest}.", overdue > _LATE


def gateway() -> Finding:
    """Which one, what it said last, and what is left in the account. It is not asked here."""
    if settings.SMS_GATEWAY != "africastalking":
        return _no_real_one()
    known = line.read_line()
    details = [_last_text(), *_unless_asked(known)]
    name = "Africa's Talking"
    if settings.AFRICASTALKING_USERNAME == "sandbox":
        figure = _("{name}, its sandbox: no customer gets a text.").format(name=name)
        advice = _("Set AFRICASTALKING_USERNAME and AFRICASTALKING_API_KEY of a live app.")
        return look(figure, advice, details)
    if not settings.SMS_CALLBACK_SECRET:
        figure = _("{name} cannot tell which texts arrived.").format(name=name)
        advice = _(
            "Set SMS_CALLBACK_SECRET, then enter what “python manage.py sms_callbacks” prints in "
            "its dashboard."
        )
        return look(figure, advice, details)
    return _with_balance(name, known, details)


def _no_real_one() -> Finding:
    figure = _("{name}: no customer gets a text.").format(name=settings.SMS_GATEWAY.capitalize())
    advice = _(
        "To send real texts, set SMS_GATEWAY=africastalking, AFRICASTALKING_USERNAME, "
        "AFRICASTALKING_API_KEY and SMS_CALLBACK_SECRET, and start Karani again. Then enter what "
        "“python manage.py sms_callbacks” prints in the dashboard of Africa's Talking."
    )
    return look(figure, advice)


def _last_text() -> str:
    sent_at = status.last_sent_at()
    if sent_at is None:
        return _("It has taken no text yet.")
    return _("It took the last text {time} ago.").format(time=time_since(sent_at))


def _unless_asked(known: Line) -> list[str]:
    return [] if known.balance_at else [_("It has not been asked for the balance yet.")]


def _with_balance(name: str, known: Line, details: list[str]) -> Finding:
    if known.balance is None or known.balance_at is None:
        return ok(f"{name}.", details)
    figure = _("{name}: {currency} {amount} on {time}.").format(
        name=name,
        currency=known.currency,
        amount=spoken_amount(known.balance),
        time=at(known.balance_at),
    )
    pays_for = probing.pays_for(known.balance)
    if pays_for is not None:
        few = ngettext(
            "That pays for about {count} text.", "That pays for about {count} texts.", pays_for
        )
        details = [few.format(count=f"{pays_for:,}"), *details]
    advice = _("Top up the account with the gateway.")
    if known.balance <= 0:
        return broken(figure, advice, details)
    return (
        look(figure, advice, details)
        if pays_for is not None and pays_for < _FEW
        else ok(figure, details)
    )
