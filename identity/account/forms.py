"""The form by which people make a personal access token."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from identity.form_keys import OneUseForm
from identity.models import PersonalAccessToken
from identity.personal_tokens import LIFETIME, LONGEST_LIFETIME
from identity.scopes import SCOPES

_DAYS = (7, 30, LIFETIME.days, 180, LONGEST_LIFETIME.days)


class TokenForm(OneUseForm):
    """What the token is for, what it may do, and how long."""

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=PersonalAccessToken._meta.get_field("name").max_length,
        help_text=_("A name by which you will know it again, such as “Till in the shop”."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"),
        choices=list(SCOPES.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("It can do nothing that you cannot do yourself."),
        error_messages={"required": _("Choose at least one thing that it may do.")},
    )
    lifetime = forms.TypedChoiceField(
        label=_("How long?"),
        choices=lambda: [(days, _("{days} days").format(days=days)) for days in _DAYS],
        coerce=int,
        initial=LIFETIME.days,
    )

    @property
    def facts(self) -> dict[str, Any]:
        """What ``create_token`` asks for."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "scopes": data["scopes"],
            "lifetime": timedelta(days=data["lifetime"]),
        }
