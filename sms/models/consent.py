"""Whose phone may be texted."""

from django.db import models

from sms.phone_numbers import validate_phone_number


class OptOut(models.Model):
    """A phone whose owner wants no more texts."""

    phone_number = models.CharField(
        primary_key=True, max_length=16, validators=[validate_phone_number]
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "opt-out"

    def __str__(self) -> str:
        return self.phone_number
