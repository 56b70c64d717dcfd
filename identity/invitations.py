"""How does somebody new come by an account in the back office? By a link from who may add users.

It works once, for a week, and gives the roles that were chosen, none of which allows more than its
giver may. Whether that is still so is asked again when the link is used: an invitation is worth no
more than the word of who made it, or renewed it last.
"""

import secrets
from collections.abc import Collection
from datetime import timedelta

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from identity import rights
from identity.accounts import create_invited_account
from identity.errors import GivesMore, InvitationIsOver
from identity.models import Invitation, InvitationState, User
from identity.roles import assign_roles
from identity.session_tokens import digest

GOOD_FOR = timedelta(days=7)
INVITES = rights.ADDS


def check_email(email: str) -> None:
    """
    :raises ValidationError: somebody with this address is here already, or asked in.
    """
    if not email:
        return
    if User.objects.filter(email__iexact=email).exists():
        raise ValidationError(_("Somebody has an account with this address: give them the role."))
    asked = Invitation.objects.unanswered().filter(email__iexact=email)
    if asked.filter(expires_at__gt=timezone.now()).exists():
        raise ValidationError(_("There is an open invitation to this address: renew that one."))


@transaction.atomic
def invite(invitation: Invitation, roles: Collection[Group], *, by: User) -> str:
    """Save an invitation to these roles. Returns the secret of its link, which is stored nowhere.

    :raises PermissionDenied: they may not add people.
    :raises MayNotBe: the roles are not theirs to give.
    :raises ValidationError: somebody with this address is here already, or asked in.
    """
    rights.require(by, INVITES)
    check_email(invitation.email)
    rights.check_roles(roles, by=by)
    secret = _vouch_for(invitation, by)
    invitation.save(force_insert=True)
    invitation.roles.set(roles)
    return secret


@transaction.atomic
def renew(invitation: Invitation, *, by: User) -> str:
    """Give it another link, for another week; the old one is dead. Who renews it answers for it.

    :raises PermissionDenied: they may not add people.
    :raises MayNotBe: it was accepted or revoked, or the roles are not theirs to give.
    """
    rights.require(by, INVITES)
    rights.check_roles(invitation.roles.all(), by=by)
    secret = _vouch_for(invitation, by)
    changed = Invitation.objects.unanswered().filter(pk=invitation.pk)
    if not changed.update(
        digest=invitation.digest, expires_at=invitation.expires_at, invited_by=by
    ):
        raise InvitationIsOver(_("It was accepted or revoked already. Invite them anew."))
    return secret


def revoke(invitation: Invitation, *, by: User) -> None:
    """End it: its link opens nothing any more.

    :raises PermissionDenied: they may not add people.
    :raises MayNotBe: it was accepted or revoked.
    """
    rights.require(by, INVITES)
    if not Invitation.objects.filter(pk=invitation.pk).revoke():
        raise InvitationIsOver(_("It was accepted or revoked already."))


def find_by_secret(secret: str) -> Invitation | None:
    """The invitation whose link has this secret, whatever became of it."""
    return Invitation.objects.filter(digest=digest(secret)).first()


def check_open(invitation: Invitation) -> None:
    """
    :raises InvitationIsOver: nobody gets in with it, for the reason that it says.
    """
    ask = _("Ask who invited you for another one.")
    why = {
        InvitationState.ACCEPTED: _("This invitation was used. Sign in with what you chose then."),
        InvitationState.EXPIRED: _("This invitation has expired. {ask}").format(ask=ask),
        InvitationState.REVOKED: _("This invitation was taken back. {ask}").format(ask=ask),
    }
    if invitation.state in why:
        raise InvitationIsOver(why[invitation.state])
    if not _is_vouched_for(invitation):
        raise InvitationIsOver(
            _("Who invited you may not do so any more. Ask another Administrator to.")
        )


@transaction.atomic
def accept(invitation: Invitation, user: User, password: str) -> User:
    """Make the account of who was invited, with the roles of the invitation, which is used up.

    :raises InvitationIsOver: it is not open any more.
    :raises ValidationError: naming each wrong field.
    """
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    check_open(invitation)
    user.email = invitation.email
    create_invited_account(user, password)
    assign_roles(user, invitation.roles.all())
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    return user


def _vouch_for(invitation: Invitation, user: User) -> str:
    secret = secrets.token_urlsafe(32)
    invitation.digest, invitation.invited_by = digest(secret), user
    invitation.expires_at = timezone.now() + GOOD_FOR
    return secret


def _is_vouched_for(invitation: Invitation) -> bool:
    """May who invited them still give what it gives? A role may allow more by now."""
    inviter, roles = invitation.invited_by, invitation.roles.all()
    if inviter is None or not inviter.has_perm(INVITES) or not roles:
        return False
    try:
        rights.check_roles(roles, by=inviter)
    except GivesMore:
        return False
    return True
