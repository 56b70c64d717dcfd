"""Who people are, and the tokens by which programs act for them."""

import secrets
from typing import ClassVar

from django.contrib.auth.models import AbstractUser, Group
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.db.models.functions import Lower

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

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.CharField(
        max_length=64,
        unique=True,
        default=new_subject,
        editable=False,
        help_text="What other apps know the person by (the `sub` claim); it never changes.",
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        verbose_name = "user"
        verbose_name_plural = "users"
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="identity_user_email_unique",
                violation_error_message="User with this email already exists.",
            )
        ]


class Role(Group):
    """A back-office role: a named set of permissions. Django calls it a group."""

    class Meta:
        proxy = True
        verbose_name = "role"
        verbose_name_plural = "roles"


class SessionToken(models.Model):
    """One pair of first-party tokens: a short-lived access token and the refresh token that
    replaces it.

    Only digests are stored. A refresh makes a new pair in the same family; a refresh token used
    twice tells that somebody else has it, and ends the family (RFC 9700, section 4.14.2).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="session_tokens")
    family = models.UUIDField(default=new_id, db_index=True)
    access_digest = models.CharField(max_length=64, unique=True)
    refresh_digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    password_mark = models.CharField(
        max_length=128, help_text="Tells the password of the time: a changed one ends the token."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    access_expires_at = models.DateTimeField()
    refresh_expires_at = models.DateTimeField(db_index=True)
    refreshed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"session token of {self.user_id}"
