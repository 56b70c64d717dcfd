"""Who wants no more texts? Kept by phone, and asked again just before each text is sent."""

from sms.models import OptOut


def opt_out(phone_number: str) -> None:
    """From the next text on, nothing is sent to this phone."""
    OptOut.objects.get_or_create(phone_number=phone_number)


def opt_in(phone_number: str) -> None:
    """Texts may go to this phone again."""
    OptOut.objects.filter(phone_number=phone_number).delete()


def is_opted_out(phone_number: str) -> bool:
    return OptOut.objects.filter(phone_number=phone_number).exists()
