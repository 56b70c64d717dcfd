"""Who signed in, when, how and from where? For people to see whether it was they."""

from collections.abc import Iterable
from datetime import timedelta
from functools import reduce
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity.models import SignIn, User

KEPT_FOR = timedelta(days=90)
_CLEANED_AT_ONCE = 100  # rows; a sign-in makes one

_MFA_WORDS = {"totp": "code", "recovery_codes": "recovery code", "webauthn": "passkey"}
_AND = " and "
_IN_WORDS = {  # of those that are kept, which are in English
    "password": _("password"),
    "code": _("code"),
    "recovery code": _("recovery code"),
    "passkey": _("passkey"),
    "password reset": _("password reset"),
    "invitation": _("invitation"),
    "unknown": _("unknown"),
}


def method_of(records: Iterable[dict[str, Any]]) -> str:
    """What the person showed, in the order they did, of allauth's notes in the session."""
    words = [_MFA_WORDS.get(each.get("type", ""), "") or _word_of(each) for each in records]
    return _AND.join(dict.fromkeys(words)) or "unknown"


def method_in_words(method: str) -> str:
    """What ``method_of`` found, as its reader says it; an issuer keeps its name."""
    told = [str(_IN_WORDS.get(word, word)) for word in method.split(_AND)]
    both = gettext("{one} and {other}")
    return reduce(lambda one, other: both.format(one=one, other=other), told)


def _word_of(record: dict[str, Any]) -> str:
    if record["method"] == "socialaccount" and settings.UPSTREAM_OIDC:
        return str(settings.UPSTREAM_OIDC["name"])
    return str(record["method"]).replace("_", " ")


def record_sign_in(request: HttpRequest, user: User, method: str) -> SignIn:
    """Write one down, and let some go that are old enough."""
    old = SignIn.objects.filter(at__lte=timezone.now() - KEPT_FOR).order_by()
    SignIn.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_CLEANED_AT_ONCE])).delete()
    return SignIn.objects.create(
        user=user,
        method=method[:40],
        address=request.META.get("REMOTE_ADDR", "")[:45],
        user_agent=request.META.get("HTTP_USER_AGENT", "").replace("\x00", "")[:300],
    )
