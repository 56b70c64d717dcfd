"""The form by which people sign in to the back office."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from identity import guard
from identity.errors import TooManyAttempts


class GuardedSignInForm(AuthenticationForm):  # type: ignore[misc]  # Unfold has no types
    """Unfold's, with the same limit of failures as the API: they share their counts."""

    def clean(self) -> dict[str, Any]:
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if not username or not password:  # no try: a field is missing
            return self._checked()
        address = self.request.META["REMOTE_ADDR"]
        try:
            with guard.attempt("sign_in", account=username, address=address):
                return self._checked()
        except TooManyAttempts as refusal:
            raise ValidationError(str(refusal), code="too_many_attempts") from None

    def _checked(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean()
        return data
