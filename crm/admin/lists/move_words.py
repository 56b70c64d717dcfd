"""How moves of orders are spoken of: before they are made, and after."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.models import OrderStatus
from crm.moving import MOST_AT_ONCE, Moved, Preview
from sms.forecasts import Forecast

SHOWN_REFUSALS = 5


def _counted(words: str, count: int) -> str:
    return words.format(count=f"{count:,}")


def question_of(preview: Preview) -> str:
    """``Complete 12 orders?``"""
    return f"{button_of(preview)}?" if preview.moving else _("Nothing to move")


def button_of(preview: Preview) -> str:
    """``Complete 12 orders``"""
    count = preview.moving
    if preview.status == OrderStatus.PROCESSING:
        words = ngettext(
            "Mark {count} order as processing", "Mark {count} orders as processing", count
        )
    elif preview.status == OrderStatus.COMPLETED:
        words = ngettext("Complete {count} order", "Complete {count} orders", count)
    else:
        words = ngettext("Cancel {count} order", "Cancel {count} orders", count)
    return _counted(words, count)


def consequences_of(preview: Preview) -> list[str]:
    """What would come of it, a sentence each."""
    texts = _texts(preview.forecast) if preview.moving else []
    return [*texts, *_stuck(preview), *_left(preview)]


def _texts(forecast: Forecast) -> Iterator[str]:
    if forecast.is_silent:
        yield _("No text goes: none is sent at this step.")
        return
    if forecast.texts:
        words = ngettext("{count} text will go.", "{count} texts will go.", forecast.texts)
        yield _counted(words, forecast.texts)
    else:
        yield _("No text will go.")
    if count := forecast.opted_out:
        words = ngettext(
            "{count} customer opted out and gets none.",
            "{count} customers opted out and get none.",
            count,
        )
        yield _counted(words, count)
    if count := forecast.no_mobile:
        words = ngettext(
            "{count} customer has no mobile number and gets none.",
            "{count} customers have no mobile number and get none.",
            count,
        )
        yield _counted(words, count)


def _stuck(preview: Preview) -> Iterator[str]:
    for status, count in preview.stuck.items():
        if status == preview.status:
            words = ngettext(
                "{count} order is that already, and stays as it is.",
                "{count} orders are that already, and stay as they are.",
                count,
            )
        elif status == OrderStatus.CANCELLED:
            words = ngettext(
                "{count} order can’t: it is cancelled.",
                "{count} orders can’t: they are cancelled.",
                count,
            )
        elif status == OrderStatus.COMPLETED:
            words = ngettext(
                "{count} order can’t: it is completed.",
                "{count} orders can’t: they are completed.",
                count,
            )
        else:
            words = ngettext(
                "{count} order can’t: it is being processed.",
                "{count} orders can’t: they are being processed.",
                count,
            )
        yield _counted(words, count)


def _left(preview: Preview) -> Iterator[str]:
    if preview.left:
        words = _("At most {most} move at once, the oldest first. {left} more can move after that.")
        yield words.format(most=f"{MOST_AT_ONCE:,}", left=f"{preview.left:,}")


def result_of(moved: Moved, status: OrderStatus) -> str:
    """``12 orders are completed now.`` Empty where none was moved."""
    count = moved.moved
    if not count:
        return ""
    if status == OrderStatus.PROCESSING:
        words = ngettext(
            "{count} order is being processed now.",
            "{count} orders are being processed now.",
            count,
        )
    elif status == OrderStatus.COMPLETED:
        words = ngettext(
            "{count} order is completed now.", "{count} orders are completed now.", count
        )
    else:
        words = ngettext(
            "{count} order is cancelled now.", "{count} orders are cancelled now.", count
        )
    return _counted(words, count)


def shortfalls_of(moved: Moved, expected: int) -> list[str]:
    """Why fewer were moved than was seen before, and how many are left; a sentence each."""
    told = [str(refusal) for refusal in moved.refused[:SHOWN_REFUSALS]]
    if more := len(moved.refused[SHOWN_REFUSALS:]):
        words = ngettext(
            "{count} more order could not be moved either.",
            "{count} more orders could not be moved either.",
            more,
        )
        told.append(_counted(words, more))
    if before := moved.refused_before:
        words = ngettext(
            "{count} order could not be moved.", "{count} orders could not be moved.", before
        )
        told.append(_counted(words, before))
    accounted = moved.moved + moved.waiting + len(moved.refused) + moved.refused_before
    if (changed := expected - accounted) > 0:
        words = ngettext(
            "{count} order has changed since you looked, and stays as it is.",
            "{count} orders have changed since you looked, and stay as they are.",
            changed,
        )
        told.append(_counted(words, changed))
    if moved.waiting:
        words = ngettext(
            "{count} more order had not moved yet: look again in a moment.",
            "{count} more orders had not moved yet: look again in a moment.",
            moved.waiting,
        )
        told.append(_counted(words, moved.waiting))
    if left := moved.left:
        words = ngettext(
            "{count} more order can move: do it again for that.",
            "{count} more orders can move: do it again for those.",
            left,
        )
        told.append(_counted(words, left))
    return told
