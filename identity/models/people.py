"""Who people are."""

import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, Group
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from identity.identifiers import new_id


def new_subject() -> str:
    """A subject identifier: never reused, and telling nothing of the person (OpenID Core 8)."""
    return secrets.token_hex(16)


class UserManager(DjangoUserManager["User"]):
    """Makes users, and finds them by what they type to sign in."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user who signs in with this username or email address.

        A username wins over an email address that reads the same.

        :raises User.DoesNotExist: nobody does.
        """
        found = self.filter(models.Q(username=username) | models.Q(email__iexact=username or "-"))
        best = sorted(found[:2], key=lambda user: user.username != username)
        if not best:
            raise self.model.DoesNotExist
        return best[0]


class User(AbstractUser):
    """A person who can sign in: staff with roles, or a customer who serves themself."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        SWAHILI = "sw", "Kiswahili"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.CharField(
        _("subject"),
        max_length=64,
        unique=True,
        default=new_subject,
        editable=False,
        help_text=_("What other apps know the person by (the `sub` claim); it never changes."),
    )

    language = models.CharField(
        max_length=5,
        choices=Language,
        blank=True,
        default="",
        editable=False,
        help_text="In which they read our pages. Blank: they have not chosen yet.",
    )
    updated_at = models.DateTimeField(auto_now=True, editable=False)
    times_shut = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="How often the account was closed: sessions and tokens from before do not come "
        "back with it.",
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")  # type: ignore[assignment]  # the stubs want it translated
        verbose_name_plural = _("users")  # type: ignore[assignment]  # as above
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="identity_user_email_unique",
                violation_error_message=_("User with this email already exists."),
            )
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.is_active:
            self.times_shut += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "times_shut"}
        super().save(*args, **kwargs)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What sessions and tokens are compared with: it tells the password, and whether the
        account was closed since."""
        known: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]  # not in the stubs
        return f"{known}.{self.times_shut}" if self.times_shut else known

    def check_password(self, raw_password: str | None) -> bool:
        """Also hashes the password anew where that is done harder by now, as Django does.

        That is no change of it, so what lives as long as the password lives on.
        """
        known = self.get_session_auth_hash()
        is_right = super().check_password(raw_password)
        mark = self.get_session_auth_hash()
        if mark != known:
            for held in (self.session_tokens, self.personal_tokens, self.authorizations):
                held.filter(password_mark=known).update(password_mark=mark)
        return is_right


class Role(Group):
    """A back-office role: a named set of permissions. Django calls it a group."""

    class Meta:
        proxy = True
        verbose_name = _("role")
        verbose_name_plural = _("roles")


class SignIn(models.Model):
    """One time that somebody signed in, for them to see whether it was they."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    method = models.CharField(
        max_length=40, help_text="How they showed who they are, as in `password and code`."
    )
    address = models.CharField(max_length=45, help_text="The IP address they came from.")
    user_agent = models.CharField(max_length=300, help_text="What their browser says it is.")

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.user_id} by {self.method}"
