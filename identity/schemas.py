"""The wire format of sign-in and of one's own account."""

from uuid import UUID

from ninja import Field, Schema


class Credentials(Schema):
    """A username or an email address, with its password."""

    username: str = Field(max_length=254, description="Username or email address")
    password: str = Field(max_length=1024)


class RefreshIn(Schema):
    refresh: str = Field(max_length=512)


class TokenPairOut(Schema):
    access: str
    refresh: str
    token_type: str = "Bearer"  # noqa: S105  # a kind, no secret
    expires_in: int = Field(description="Seconds until the access token ends")


class MeOut(Schema):
    id: UUID
    username: str
    email: str
    name: str
    roles: list[str]
    scopes: list[str] = Field(description="The scopes of the credential of this request")
