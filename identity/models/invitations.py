"""Whom somebody has asked in."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from identity.identifiers import new_id
from identity.models.people import User


class InvitationState(models.TextChoices):
    """What became of an invitation."""

    OPEN = "open", pgettext_lazy("invitation", "Open")
    ACCEPTED = "accepted", _("Accepted")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def unanswered(self) -> "InvitationQuerySet":
        """Neither accepted nor revoked; the time of some may be over."""
        return self.filter(accepted_at=None, revoked_at=None)

    def revoke(self) -> int:
        """End those that are unanswered; how many."""
        return self.unanswered().update(revoked_at=timezone.now())


class Invitation(models.Model):
    """A link with which somebody makes an account of theirs, with the roles that were chosen.

        OPEN -> ACCEPTED | REVOKED;  OPEN <-> EXPIRED, which time does and renewing undoes

    Only the digest of what is secret in the link is stored. ``invited_by`` answers for it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=200, help_text=_("Whom you invite."))
    email = models.EmailField(
        _("email address"),
        blank=True,
        help_text=_("Their account gets it. Leave it empty where they have none."),
    )
    roles = models.ManyToManyField(Group, related_name="invitations", verbose_name=_("roles"))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="invitations",
        verbose_name=_("invited by"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("good until"), editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    accepted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        default_permissions = ()  # who may add users may invite them
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> InvitationState:
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.revoked_at is not None:
            return InvitationState.REVOKED
        is_over = self.expires_at <= timezone.now()
        return InvitationState.EXPIRED if is_over else InvitationState.OPEN
