"""Why does no text get to a phone? By its kind, or as the gateway told."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from sms.models import UnreachablePhone
from sms.phone_numbers import takes_texts

NO_MOBILE = gettext_noop("This is not a mobile number, so that no text gets there.")


def obstacle_of(phone_number: str) -> str:
    """What keeps texts from this phone, in a sentence; empty where nothing is known to."""
    if not takes_texts(phone_number):
        return _(NO_MOBILE)
    known = UnreachablePhone.objects.filter(phone_number=phone_number).first()
    if known is None:
        return ""
    when = date_format(timezone.localtime(known.noted_at), "j M Y H:i")
    told = _("No text gets there: {why} (told by the gateway, {when}).")
    return told.format(why=_said(known), when=when)


def _said(known: UnreachablePhone) -> str:
    reason = str(known.get_reason_display())
    return f"{reason[:1].lower()}{reason[1:]}"
