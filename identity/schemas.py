"""The wire format of sign-in and of one's own account."""

from typing import Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import ConfigDict


class Credentials(Schema):
    """A username or an email address, with its password and, where the user has a second factor,
    a code of it."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(
        max_length=254, description="Username or email address", examples=["john.doe"]
    )
    password: str = Field(
        max_length=1024,
        examples=["correct horse battery staple"],
        json_schema_extra={"format": "password"},
    )
    code: str = Field(
        "",
        max_length=32,
        description="Of the user's authenticator app, or a recovery code: each is good once. Who "
        "has only passkeys takes a recovery code",
        examples=["123456"],
    )


class RefreshIn(Schema):
    """A refresh token, to be spent."""

    model_config = ConfigDict(extra="forbid", title="TokenRefresh")

    refresh: str = Field(max_length=512, examples=["your-refresh-token"])


class TokenPairOut(Schema):
    """A token to call with, and the one that gets the next pair."""

    access: str = Field(
        description="Send it as `Authorization: Bearer ...`", examples=["your-access-token"]
    )
    refresh: str = Field(description="Good once", examples=["your-refresh-token"])
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a kind, no secret
    expires_in: int = Field(description="Seconds until the access token ends", examples=[900])


class MeOut(Schema):
    """The user who calls, and what the credential of this request is good for."""

    id: UUID
    username: str = Field(examples=["john.doe"])
    email: str = Field(description="Empty where none is known", examples=["john.doe@example.com"])
    name: str = Field(examples=["John Doe"])
    roles: list[str] = Field(
        description="In the back office; a customer has none", examples=[["Clerk"]]
    )
    scopes: list[str] = Field(
        description="The scopes of the credential of this request",
        examples=[["customers:read", "orders:read", "orders:write"]],
    )
