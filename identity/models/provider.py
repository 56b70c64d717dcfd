"""The tables of the OpenID provider: those of django-oauth-toolkit, as ours, so that they can have
our columns, and some of our own."""

import re
import secrets
from typing import ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
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
from identity.scopes import ALL_SCOPES

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\])):([1-9][0-9]{0,4})(/.*|)")


class SigningKey(models.Model):
    """A key pair that ID tokens are signed with. The newest signs; the others are still published,
    so that what they signed can be checked."""

    kid = models.CharField(
        max_length=64, primary_key=True, help_text="The key's thumbprint (RFC 7638)."
    )
    private_key = models.TextField(help_text="PEM, sealed; see `identity.sealing`.")
    public_key = models.JSONField(help_text="As a JSON Web Key (RFC 7517).")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "signing key"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.kid


class AppKind(models.TextChoices):
    """What kind of program an app is, from which follows how it gets its tokens."""

    WEB_SERVER = "web_server", _("Web server: signs people in, and keeps a secret")
    BROWSER_OR_MOBILE = (
        "browser_or_mobile",
        _("Browser or mobile app: signs people in, has no secret"),
    )
    MACHINE = "machine", _("Machine: acts for itself, with nobody there")


class Application(AbstractApplication):
    """A connected app: a client of the OpenID provider.

    With authorization codes it acts for the people who let it; with client credentials it acts for
    itself, as its service account.
    """

    _KINDS: ClassVar = {
        (AbstractApplication.CLIENT_CONFIDENTIAL, "authorization-code"): AppKind.WEB_SERVER,
        (AbstractApplication.CLIENT_PUBLIC, "authorization-code"): AppKind.BROWSER_OR_MOBILE,
        (AbstractApplication.CLIENT_CONFIDENTIAL, "client-credentials"): AppKind.MACHINE,
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)  # type: ignore[assignment]  # an int there
    client_id = models.CharField(
        _("client id"), max_length=128, unique=True, default=generate_client_id
    )
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
        verbose_name=_("service account"),
        help_text=_("Whom the app is when it acts for itself; the roles say what it may do."),
    )
    is_active = models.BooleanField(
        _("is active"),
        default=True,
        help_text=_("Switched off, the app gets no token, and those it has are dead."),
    )
    requires_pkce = models.BooleanField(
        _("requires PKCE"),
        default=True,
        help_text=_(
            "Switch it off only for an old web server that cannot do it (RFC 9700, 2.1.1)."
        ),
    )
    has_device_flow = models.BooleanField(
        _("signs in devices"),
        default=False,
        help_text=_("For a screen without a keyboard, or a terminal: people say yes on a phone."),
    )
    allowed_scopes = models.TextField(
        blank=True, help_text="What the app may ask for, with spaces between. Empty: every scope."
    )
    allowed_roles = models.ManyToManyField(
        Group,
        blank=True,
        related_name="allowed_apps",
        help_text=_("Whom the app may sign in. Nobody chosen: everybody, also customers."),
    )
    last_used_at = models.DateTimeField(
        _("last used at"), null=True, editable=False, help_text=_("To the minute.")
    )

    class Meta(AbstractApplication.Meta):
        verbose_name = _("connected app")
        verbose_name_plural = _("connected apps")

    @property
    def kind(self) -> AppKind:
        return self._KINDS[self.client_type, self.authorization_grant_type]

    @kind.setter
    def kind(self, kind: AppKind) -> None:
        wanted = {kind: columns for columns, kind in self._KINDS.items()}
        self.client_type, self.authorization_grant_type = wanted[AppKind(kind)]

    @property
    def is_public(self) -> bool:
        return self.client_type == self.CLIENT_PUBLIC

    def clean(self) -> None:
        """Not the engine's: that one asks for its own key, and refuses the schemes of mobile apps.

        :raises ValidationError: there is no name, or a field has an address where no code may go.
        """
        errors = {}
        if not self.name.strip():
            errors["name"] = [gettext("People must read who asks them: give a name.")]
        needs_address = self.kind != AppKind.MACHINE and not self.has_device_flow
        if needs_address and not self.redirect_uris.split():
            errors["redirect_uris"] = [
                gettext("Where does the app get people back? Give one address.")
            ]
        for field in ("redirect_uris", "post_logout_redirect_uris"):
            if wrong := [self._why_not(uri) for uri in getattr(self, field).split()]:
                errors[field] = [*errors.get(field, []), *filter(None, wrong)]
        if unknown := sorted(set(self.allowed_scopes.split()) - ALL_SCOPES.keys()):
            told = gettext("There is no scope {names}.")
            errors["allowed_scopes"] = [told.format(names=", ".join(unknown))]
        if errors := {field: messages for field, messages in errors.items() if messages}:
            raise ValidationError(errors)

    def _why_not(self, uri: str) -> str:
        """Why people may not be sent there; empty where they may.

        Plain HTTP carries codes within one machine only (RFC 9700, section 2.1; RFC 8252, 7.3), or
        to ourselves, whose pages come the same way. A mobile app's own scheme is the name of a
        domain turned round (RFC 8252, section 7.1).
        """
        try:
            parts = urlsplit(uri)
            is_whole = parts.port is None or parts.port > 0
        except ValueError:
            is_whole = False
        if not is_whole or "#" in uri or "@" in parts.netloc or "*" in parts.netloc:
            return gettext("Not an address to send people to: {address}").format(address=uri)
        is_near = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        is_ours = parts.netloc == urlsplit(settings.PUBLIC_URL).netloc
        if parts.scheme == "https" or (parts.scheme == "http" and (is_near or is_ours)):
            if parts.netloc:
                return ""
            return gettext("Not an address to send people to: {address}").format(address=uri)
        if self.is_public and "." in parts.scheme:
            return ""
        return gettext("Must be https: {address}").format(address=uri)

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Asked by the engine: may a code be sent there?"""
        return _is_among(uri, self.redirect_uris)

    def post_logout_redirect_uri_allowed(self, uri: str) -> bool:
        """May people be sent there once they are signed out?"""
        return _is_among(uri, self.post_logout_redirect_uris)

    def get_allowed_schemes(self) -> list[str]:
        """Asked by the engine; `clean` has looked at each address."""
        return [urlsplit(uri).scheme for uri in self.redirect_uris.split()]

    def is_usable(self, request: object) -> bool:
        """Asked by the engine wherever an app comes in."""
        return self.is_active

    def allows_grant_type(self, *grant_types: str) -> bool:
        """Asked by the engine wherever tokens are asked for."""
        if self.has_device_flow and self.GRANT_DEVICE_CODE in grant_types:
            return True
        return self.authorization_grant_type in grant_types


class Consent(models.Model):
    """A person's yes to an app, kept until they take it back: what they are not asked again."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="consents", verbose_name=_("user")
    )
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="consents")
    scope = models.TextField(
        _("scope"), help_text=_("Everything that was allowed, with spaces between.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "application"], name="identity_consent_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} lets {self.application_id}: {self.scope}"


class Authorization(models.Model):
    """One time that a person let an app in. Its code and all that comes of it live with it."""

    goes_with_its_owner: ClassVar = True

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="authorizations", verbose_name=_("user")
    )
    application = models.ForeignKey(
        Application,
        on_delete=models.CASCADE,
        related_name="authorizations",
        verbose_name=_("application"),
    )
    scope = models.TextField(_("scope"), help_text=_("What was allowed, with spaces between."))
    sid = models.CharField(
        max_length=64,
        blank=True,
        db_index=True,
        help_text="The browser session it was given in (the `sid` claim); empty for a device.",
    )
    auth_time = models.DateTimeField(
        _("auth time"), help_text=_("When the person signed in to that session.")
    )
    password_mark = models.CharField(
        max_length=128, help_text="Tells the password of the time: a changed one ends the tokens."
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("authorization")
        verbose_name_plural = _("authorizations")

    def __str__(self) -> str:
        return f"{self.user_id} let {self.application_id} in"

    @property
    def is_live(self) -> bool:
        """Does what came of it still count? Reads the user and the app."""
        return (
            self.revoked_at is None
            and self.user.is_active
            and self.application.is_active
            and secrets.compare_digest(self.password_mark, self.user.get_session_auth_hash())
        )


class Grant(AbstractGrant):
    """A person's yes, on its way to the app as an authorization code: a minute, and one use.

    The column ``code`` has the digest. A used one stays to tell a replay (RFC 6749, 4.1.2).
    """

    authorization = models.ForeignKey(Authorization, on_delete=models.CASCADE)
    nonce = models.TextField(blank=True, default="")
    used_at = models.DateTimeField(null=True)


class AccessToken(AbstractAccessToken):
    """What an app calls the API with. Only its digest, ``token_checksum``, is stored."""

    token = None  # type: ignore[assignment]  # no column for the text itself
    authorization = models.ForeignKey(
        Authorization,
        on_delete=models.CASCADE,
        null=True,
        help_text="Nothing where the app acts for itself.",
    )
    revoked_at = models.DateTimeField(null=True)

    def revoke(self) -> None:
        """Kept until it would have expired, to tell its holder what became of it."""
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at", "updated"])


class RefreshToken(AbstractRefreshToken):
    """What an app gets its next access token with, once. Only its digest is stored.

    ``revoked`` is when it was used, or ended; each rotation stays within the authorization.
    """

    token = None  # type: ignore[assignment]  # no column for the text itself
    authorization = models.ForeignKey(Authorization, on_delete=models.CASCADE)
    sealed_answer = models.TextField(
        blank=True,
        help_text="What the app was answered when it used this token; only the token opens it.",
    )


class IDToken(AbstractIDToken):
    """Who somebody is, told to an app. The engine wants the table; ours are signed, not stored."""


class DeviceGrant(AbstractDeviceGrant):
    """A person's yes to an app on a device without a browser: ten minutes to give it, and one use.

    ``device_code`` and ``user_code`` have digests.
    """

    authorization = models.ForeignKey(Authorization, on_delete=models.CASCADE, null=True)


def _is_among(uri: str, registered: str) -> bool:
    """Is it one of these, to the letter (RFC 9700, section 4.1.3)? The engine takes host and scheme
    in capitals for the same, and leaves out line ends."""
    return _without_loopback_port(uri) in map(_without_loopback_port, registered.split())


def _without_loopback_port(uri: str) -> str:
    """A program on a device listens on whatever port it gets, also where one was registered
    (RFC 8252, section 7.3)."""
    found = _LOOPBACK.fullmatch(uri)
    return f"{found[1]}{found[3]}" if found and int(found[2]) < 65536 else uri
