"""What programs act for a user with, and how often somebody tried to guess one."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from identity.identifiers import new_id
from identity.models.people import User

if TYPE_CHECKING:
    from identity.session_store import SessionStore


class BrowserSession(AbstractBaseSession):
    """The session of a browser, as Django keeps them, and who is signed in with it.

    So whoever looks after people sees where they are signed in, and can end it.
    """

    # No key in the database: a session is saved at the end of a request, in which somebody may have
    # been deleted.
    user = models.ForeignKey(
        User,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="browser_sessions",
        help_text="Nobody, until they have signed in.",
    )
    signed_in_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=300, help_text="What their browser said it is.")

    class Meta:
        verbose_name = _("signed-in browser")
        verbose_name_plural = _("signed-in browsers")
        default_permissions = ()
        permissions: ClassVar = [  # for all that is technical: of the queue, too
            ("view_technical", "Can view signed-in browsers, tokens and the queue"),
            ("change_technical", "Can end browsers and tokens, and discard or retry tasks"),
        ]

    def __str__(self) -> str:
        return f"browser of {self.user_id}"

    @classmethod
    def get_session_store_class(cls) -> type["SessionStore"]:
        from identity.session_store import SessionStore

        return SessionStore


class SessionToken(models.Model):
    """One pair of first-party tokens: a short-lived access token and the refresh token that
    replaces it.

    Only digests are stored. A refresh makes a new pair in the same family; a refresh token used
    twice tells that somebody else has it, and ends the family (RFC 9700, section 4.14.2).
    """

    goes_with_its_owner: ClassVar = True  # by itself it is only ended

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="session_tokens", verbose_name=_("user")
    )
    family = models.UUIDField(default=new_id, db_index=True)
    access_digest = models.CharField(max_length=64, unique=True)
    refresh_digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    password_mark = models.CharField(
        max_length=128, help_text="Tells the password of the time: a changed one ends the token."
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    access_expires_at = models.DateTimeField(_("access expires at"))
    refresh_expires_at = models.DateTimeField(_("refresh expires at"), db_index=True)
    refreshed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("session token")
        verbose_name_plural = _("session tokens")

    def __str__(self) -> str:
        return f"session token of {self.user_id}"


class PersonalAccessToken(models.Model):
    """What its owner made for a program of theirs to call the API with. Only the digest is stored.

    It lives until it expires, is revoked, or the owner's password changes.
    """

    goes_with_its_owner: ClassVar = True  # by itself it is only ended

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="personal_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    password_mark = models.CharField(
        max_length=128, help_text="Tells the password of the time: a changed one ends the token."
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    last_used_at = models.DateTimeField(_("last used at"), null=True, help_text=_("To the minute."))
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("personal access token")
        verbose_name_plural = _("personal access tokens")
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name


class AttemptCount(models.Model):
    """How often something that could be guessed was tried; see ``identity.guard``.

    Who tried, and at which account, is kept as a digest that only this installation can make.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=40, help_text="What was counted, by whom.")
    count = models.PositiveIntegerField(default=0)
    outcome = models.CharField(
        max_length=64, blank=True, default="", help_text="Of a form that was sent: what it made."
    )
    expires_at = models.DateTimeField(
        db_index=True, help_text="From then on the count is 0 again, and the row may go."
    )

    def __str__(self) -> str:
        return f"{self.kind}: {self.count}"
