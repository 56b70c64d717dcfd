"""The words of the texts sent at events."""

import re
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from sms import events


class MessageTemplate(models.Model):
    """The words of the text sent at an event, in one language."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        SWAHILI = "sw", "Kiswahili"

    event = models.CharField(max_length=50, editable=False)
    language = models.CharField(
        max_length=5, choices=Language, default=Language.ENGLISH, editable=False
    )
    body = models.TextField(
        max_length=1000,
        help_text="Words in braces are filled in, such as {customer_name}.",
    )
    is_active = models.BooleanField(
        "send this text", default=True, help_text="Off: nobody is texted at this event."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "message template"
        ordering: ClassVar = ["event", "language"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "language"], name="sms_template_unique")
        ]

    VARIABLE = re.compile(r"\{(\w*)\}")

    def __str__(self) -> str:
        return f"{self.event_label} ({self.get_language_display()})"

    @property
    def event_label(self) -> str:
        event = events.find_event(self.event)
        return event.label if event else self.event

    def clean(self) -> None:
        """Refuse a variable that would stand unfilled in somebody's text."""
        event = events.find_event(self.event)
        allowed = list(event.variables) if event else []
        unknown = [name for name in self.VARIABLE.findall(self.body) if name not in allowed]
        if unknown:
            names = ", ".join(f"{{{name}}}" for name in allowed)
            raise ValidationError(
                {"body": f"There is no {{{unknown[0]}}} to fill in here. You can use: {names}."}
            )

    def render(self, values: dict[str, str]) -> str:
        """The text with its variables filled in; what is no variable stays as it is."""
        return self.VARIABLE.sub(lambda match: values.get(match[1], match[0]), self.body).strip()
