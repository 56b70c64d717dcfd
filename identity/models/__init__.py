"""The facts of identity: who people are, their credentials, and the tables of the provider."""

from identity.models.credentials import AttemptCount, SessionToken
from identity.models.people import Role, User, UserManager, new_subject
from identity.models.provider import (
    AccessToken,
    Application,
    DeviceGrant,
    Grant,
    IDToken,
    RefreshToken,
)

__all__ = [
    "AccessToken",
    "Application",
    "AttemptCount",
    "DeviceGrant",
    "Grant",
    "IDToken",
    "RefreshToken",
    "Role",
    "SessionToken",
    "User",
    "UserManager",
    "new_subject",
]
