"""What people see of their own account: programs that may act for them, and who signed in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from identity.browsers import browser_name
from identity.models import AccessToken, Consent, PersonalAccessToken, SignIn, User
from identity.personal_tokens import has_other_password
from identity.scopes import ALL_SCOPES
from identity.sign_ins import method_in_words

SIGN_INS_SHOWN = 50
SIGN_INS_SHOWN_FOR = timedelta(days=90)


@dataclass(frozen=True)
class OwnToken:
    """A personal access token, as its owner sees it."""

    row: PersonalAccessToken
    sentences: list[str]
    why_dead: str  # empty while it gives access


@dataclass(frozen=True)
class LetIn:
    """An app that a person has let in."""

    consent: Consent
    sentences: list[str]
    last_used_at: datetime | None  # when it last got a token for this person


@dataclass(frozen=True)
class PastSignIn:
    row: SignIn
    method: str
    browser: str


def tokens_of(user: User) -> list[OwnToken]:
    """Those that were not revoked, newest first."""
    rows = user.personal_tokens.filter(revoked_at=None).order_by("-id")
    return [OwnToken(row, sentences_of(row.scopes), _why_dead(row, user)) for row in rows]


def apps_of(user: User) -> list[LetIn]:
    """The apps with access, by name."""
    given = AccessToken.objects.filter(user=user, application=OuterRef("application"))
    newest = Subquery(given.order_by("-created").values("created")[:1])
    consents = user.consents.select_related("application").annotate(last_used_at=newest)
    return [
        LetIn(consent, sentences_of(consent.scope.split()), consent.last_used_at)
        for consent in consents.order_by("application__name", "pk")
    ]


def sign_ins_of(user: User) -> list[PastSignIn]:
    """The newest of the last 90 days."""
    since = timezone.now() - SIGN_INS_SHOWN_FOR
    rows = user.sign_ins.filter(at__gte=since).order_by("-id")[:SIGN_INS_SHOWN]
    return [
        PastSignIn(row, method_in_words(row.method), browser_name(row.user_agent)) for row in rows
    ]


def sentences_of(scopes: Iterable[str]) -> list[str]:
    """What somebody allowed; a scope that is no more is named as it was."""
    allowed = set(scopes)
    known = [str(sentence) for scope, sentence in ALL_SCOPES.items() if scope in allowed]
    return known + sorted(allowed - ALL_SCOPES.keys())


def _why_dead(token: PersonalAccessToken, owner: User) -> str:
    if token.expires_at <= timezone.now():
        return pgettext("token", "Expired")
    if has_other_password(token, owner):
        return _("Ended when your password changed")
    return ""
