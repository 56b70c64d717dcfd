"""Whose phone may be texted, who said so, and which phones no text reaches."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sms.phone_numbers import national_form, validate_phone_number


class OptOut(models.Model):
    """A phone whose owner wants no more texts."""

    phone_number = models.CharField(
        primary_key=True, max_length=16, validators=[validate_phone_number]
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("opt-out")

    def __str__(self) -> str:
        return self.phone_number


class ConsentSource(models.TextChoices):
    """How somebody's word on texts reached us."""

    TEXT = "text", _("By text")
    GATEWAY = "gateway", _("By the gateway's own opt-out")
    OWN_PAGE = "own_page", _("On their own page")
    STAFF = "staff", _("By staff")
    API = "api", _("By an app")
    SHEET = "sheet", _("By a spreadsheet")
    NEW_PHONE = "new_phone", _("Taken over from the old phone")
    UNKNOWN = "unknown", _("Before this was recorded")


class ConsentChange(models.Model):
    """Who said when and how that a phone may, or may not, be texted. Only added to."""

    Source = ConsentSource

    phone_number = models.CharField(max_length=16, validators=[validate_phone_number])
    wants_texts = models.BooleanField(_("wants texts"))
    source = models.CharField(_("source"), max_length=20, choices=ConsentSource)
    words = models.CharField(
        _("words"), max_length=160, blank=True, help_text=_("What they texted.")
    )
    said_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("said by"),
        help_text=_("Who entered it; nobody where the phone's owner texted."),
    )
    said_at = models.DateTimeField(_("said at"), auto_now_add=True)

    class Meta:
        verbose_name = _("opt-out or its end")
        verbose_name_plural = _("opt-outs")
        ordering: ClassVar = ["-said_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["phone_number", "-said_at"], name="sms_consent_phone")
        ]

    def __str__(self) -> str:
        said = gettext("{phone}: texts") if self.wants_texts else gettext("{phone}: no texts")
        return said.format(phone=national_form(self.phone_number))


class UnreachablePhone(models.Model):
    """A phone of which the gateway said that no text gets there; until one does."""

    class Reason(models.TextChoices):
        INVALID = "invalid", _("There is no such number")
        KIND = "kind", _("Numbers of this kind take no texts")
        BLOCKED = "blocked", _("Its owner blocks texts from this sender")

    phone_number = models.CharField(
        primary_key=True, max_length=16, validators=[validate_phone_number]
    )
    reason = models.CharField(max_length=20, choices=Reason)
    noted_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.phone_number}: {self.get_reason_display()}"
