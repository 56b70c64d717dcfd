"""What an installation may lack to text people: told when it starts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004  # a warning of theirs


@register
def callbacks_are_open(**options: Any) -> list[CheckMessage]:
    """A real gateway has nowhere to say what became of the texts, or who wants no more."""
    if settings.SMS_GATEWAY != "africastalking" or settings.SMS_CALLBACK_SECRET:
        return []
    return [
        Warning(
            "The gateway cannot tell which texts arrived, nor who wants no more of them: "
            "its callbacks are closed.",
            hint="Set SMS_CALLBACK_SECRET, then enter what `manage.py sms_callbacks` prints in "
            "the dashboard of Africa's Talking.",
            id="sms.W001",
        )
    ]
