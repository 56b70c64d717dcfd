"""The tables of the OpenID provider: those of django-oauth-toolkit, as ours, so that they can have
our columns."""

from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from oauth2_provider.generators import generate_client_id
from oauth2_provider.models import (
    AbstractAccessToken,
    AbstractApplication,
    AbstractDeviceGrant,
    AbstractGrant,
    AbstractIDToken,
    AbstractRefreshToken,
)

from identity.identifiers import new_id
from identity.models.people import User


class Application(AbstractApplication):
    """A connected app: a client of the OpenID provider.

    With authorization codes it acts for the people who let it; with client credentials it acts for
    itself, as its service account.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)  # type: ignore[assignment]  # an int there
    client_id = models.CharField(max_length=128, unique=True, default=generate_client_id)
    client_secret = models.CharField(
        max_length=64, blank=True, help_text="The digest of the secret; empty for a public app."
    )
    hash_client_secret = None  # type: ignore[assignment]  # no column: every secret is hashed
    user = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="apps",
        verbose_name="service account",
        help_text="Whom the app is when it acts for itself; the roles say what it may do.",
    )
    is_active = models.BooleanField(
        default=True, help_text="Switched off, the app gets no token, and those it has are dead."
    )

    class Meta(AbstractApplication.Meta):
        verbose_name = "connected app"
        verbose_name_plural = "connected apps"

    def clean(self) -> None:
        """Plain HTTP carries codes within one machine only (RFC 9700, section 2.1; RFC 8252, 7.3),
        or to ourselves, whose pages come the same way."""
        super().clean()
        ours = urlsplit(settings.PUBLIC_URL)
        for uri in map(urlsplit, self.redirect_uris.split()):
            is_near = uri.hostname in {"127.0.0.1", "::1", "localhost"}
            if uri.scheme == "http" and not is_near and uri.netloc != ours.netloc:
                raise ValidationError({"redirect_uris": f"Must be https: {uri.geturl()}"})

    def get_allowed_schemes(self) -> list[str]:
        return ["https", "http"]  # `clean` says to where

    def is_usable(self, request: object) -> bool:
        """Asked by the engine wherever an app comes in."""
        return self.is_active


class Grant(AbstractGrant):
    """A person's yes, on its way to the app as an authorization code: a minute, and one use."""


class AccessToken(AbstractAccessToken):
    """What an app calls the API with. Only its digest, ``token_checksum``, is stored."""

    token = None  # type: ignore[assignment]  # no column for the text itself
    revoked_at = models.DateTimeField(null=True)

    def revoke(self) -> None:
        """Kept until it would have expired, to tell its holder what became of it."""
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at", "updated"])


class RefreshToken(AbstractRefreshToken):
    """What an app gets its next access token with, once. Only its digest is stored."""

    token = None  # type: ignore[assignment]  # no column for the text itself

    @classmethod
    def revoke_family(cls, token_family: UUID | None) -> None:
        """End all that came of one consent: a token used twice is in two hands."""
        now = timezone.now()
        with transaction.atomic():
            live = cls.objects.filter(token_family=token_family, revoked=None)
            live.update(revoked=now, updated=now)
            held = AccessToken.objects.filter(refresh_token__token_family=token_family)
            held.filter(revoked_at=None).update(revoked_at=now, updated=now)


class IDToken(AbstractIDToken):
    """Who somebody is, told to an app. None is issued yet."""


class DeviceGrant(AbstractDeviceGrant):
    """A person's yes to an app on a device without a browser. None is given yet."""
