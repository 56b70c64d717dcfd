"""Was this very form sent before? Each that a page shows has a key, which is good for one use.

A double click, a reload or the way back sends a form again, and it must not do again what it did.
The used keys are rows in the database, in the transaction of what the form does: of two at the same
moment the second waits for the first, and finds its key used; and where the first fails, the key is
as good as new.
"""

import secrets
from datetime import timedelta
from typing import Any

from django import forms
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from identity.models import AttemptCount, User

_KEPT_FOR = timedelta(days=1)  # whoever sends a form again later means it


class FormWasSentBefore(Exception):
    """What the form asks for is done already. ``outcome`` is what came of it, where it was kept."""

    def __init__(self, outcome: str = "") -> None:
        super().__init__(outcome)
        self.outcome = outcome


class OneUseForm(forms.Form):
    """A form with a key; what it does begins with ``use_form_key``."""

    form_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["form_key"].initial = new_form_key()


def new_form_key() -> str:
    """For a form that is about to be shown."""
    return secrets.token_urlsafe(16)


def use_form_key(user: User, key: str, outcome: str = "") -> None:
    """Use up a key, in the transaction of what the form does; another person's is another key.

    The outcome is kept for whoever sends the form again, such as the id of what it makes.

    :raises FormWasSentBefore: it was used.
    """
    # The guard's table, which forgets a row in time: a key is tried once.
    row = AttemptCount(
        digest=_digest(user, key),
        kind="form",
        count=1,
        outcome=outcome,
        expires_at=timezone.now() + _KEPT_FOR,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise FormWasSentBefore(outcome_of(user, key) or "") from None


def keep_outcome(user: User, key: str, outcome: str) -> None:
    """What came of the form, where that is not known before; in the transaction of what it does."""
    AttemptCount.objects.filter(digest=_digest(user, key)).update(outcome=outcome)


def outcome_of(user: User, key: str) -> str | None:
    """What came of the form with this key; None where it was not sent."""
    found = AttemptCount.objects.filter(digest=_digest(user, key))
    return found.values_list("outcome", flat=True).first()


def _digest(user: User, key: str) -> str:
    return salted_hmac("identity.form_keys", f"{user.pk} {key}", algorithm="sha256").hexdigest()
