"""What is an app told of a person? Each claim with the scope that it takes, and where it is from.

OpenID Connect Core 1.0, sections 5.1 and 5.4; ``roles`` is ours.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from identity.accounts import is_email_verified
from identity.models import User

Claim = tuple[str, Callable[[User], Any]]


def _phone_number(user: User) -> str:
    """The other apps know it: who a customer is, is nothing that identity knows."""
    source: Callable[[User], str] = import_string(settings.PHONE_NUMBER_SOURCE)
    return source(user)


CLAIMS: dict[str, Claim] = {
    "name": ("profile", lambda user: user.get_full_name()),
    "given_name": ("profile", lambda user: user.first_name),
    "family_name": ("profile", lambda user: user.last_name),
    "preferred_username": ("profile", lambda user: user.username),
    "updated_at": ("profile", lambda user: int(user.updated_at.timestamp())),
    "email": ("email", lambda user: user.email),
    "email_verified": ("email", lambda user: is_email_verified(user) if user.email else None),
    "phone_number": ("phone", _phone_number),
    "roles": ("roles", lambda user: sorted(user.groups.values_list("name", flat=True))),
}


def claims_of(user: User, scopes: Iterable[str]) -> dict[str, Any]:
    """The claims of these scopes; one that is not known of the person is left out (5.3.2)."""
    granted = set(scopes)
    told: dict[str, Any] = {"sub": user.subject}
    for name, (scope, tell) in CLAIMS.items():
        if scope in granted and (value := tell(user)) not in ("", None):
            told[name] = value
    return told
