"""The facts of identity: who people are, their credentials, and the tables of the provider."""

from identity.models.credentials import (
    AttemptCount,
    BrowserSession,
    PersonalAccessToken,
    SessionToken,
)
from identity.models.invitations import Invitation, InvitationState
from identity.models.people import Role, SignIn, User, UserManager, new_subject
from identity.models.provider import (
    AccessToken,
    Application,
    Authorization,
    Consent,
    DeviceGrant,
    Grant,
    IDToken,
    RefreshToken,
    SigningKey,
)

__all__ = [
    "AccessToken",
    "Application",
    "AttemptCount",
    "Authorization",
    "BrowserSession",
    "Consent",
    "DeviceGrant",
    "Grant",
    "IDToken",
    "Invitation",
    "InvitationState",
    "PersonalAccessToken",
    "RefreshToken",
    "Role",
    "SessionToken",
    "SignIn",
    "SigningKey",
    "User",
    "UserManager",
    "new_subject",
]
