"""The words of the texts sent at events."""

import re
from collections.abc import Callable
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

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
    MOST_CHARACTERS = 1000

    body = models.TextField(
        _("body"),
        max_length=MOST_CHARACTERS,
        help_text=_("Words in braces are filled in, such as {customer_name}."),
    )
    is_active = models.BooleanField(
        _("send this text"),
        default=True,
        help_text=_("Off: who reads this language is not texted at this event."),
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("message template")
        ordering: ClassVar = ["event", "language"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "language"], name="sms_template_unique")
        ]

    # Whatever stands in braces is meant as a variable, also where it is misspelt.
    VARIABLE = re.compile(r"\{([^{}]*)\}")

    def __str__(self) -> str:
        return f"{self.event_label} ({self.get_language_display()})"

    @classmethod
    def wording_of(cls, event: str) -> "Callable[[str], MessageTemplate | None]":
        """What is sent at an event, by language: in it, else in English; one query.

        None where that is switched off or there is none: nobody is texted then.
        """
        templates = {each.language: each for each in cls.objects.filter(event=event)}
        english = templates.get(cls.Language.ENGLISH)

        def wording(language: str) -> "MessageTemplate | None":
            template = templates.get(language) or english
            return template if template and template.is_active else None

        return wording

    @property
    def event_label(self) -> str:
        event = events.find_event(self.event)
        return str(event.label) if event else self.event

    def clean(self) -> None:
        """Refuse what would stand unfilled in somebody's text, and count each line break as one.

        A form sends a line break as two characters, and the gateway charges for both.
        """
        self.body = self.body.replace("\r\n", "\n")
        if (length := len(self.body)) > self.MOST_CHARACTERS:  # a text field leaves it to its form
            told = _("{count} characters are too many: at most {most}.")
            raise ValidationError({"body": told.format(count=length, most=self.MOST_CHARACTERS)})
        event = events.find_event(self.event)
        allowed = list(event.variables) if event else []
        names = ", ".join(f"{{{name}}}" for name in allowed)
        for name in self.VARIABLE.findall(self.body):
            if name not in allowed:
                told = _("There is no {name} to fill in here. You can use: {known}.")
                raise ValidationError({"body": told.format(name=f"{{{name}}}", known=names)})
        if re.search(r"[{}]", self.VARIABLE.sub("", self.body)):
            told = _("A brace stands alone. You can use: {known}.")
            raise ValidationError({"body": told.format(known=names)})

    def render(self, values: dict[str, str]) -> str:
        """The text with its variables filled in; what is no variable stays as it is."""
        return self.VARIABLE.sub(lambda match: values.get(match[1], match[0]), self.body).strip()
