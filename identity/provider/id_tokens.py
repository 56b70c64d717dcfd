"""Who somebody is, told to an app in a signed token (OpenID Connect Core 1.0, section 2)."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone

from identity.models import Application, Authorization
from identity.provider import keys
from identity.provider.claims import claims_of

LIFETIME = timedelta(minutes=15)


class NotOurs(Exception):
    """It is no ID token that was issued here."""


@dataclass(frozen=True)
class Hint:
    """What an ID token says that an app sends back: to whom it was given, of whom, in which
    session (empty for a device)."""

    client_id: str
    subject: str
    sid: str


def new_id_token(
    authorization: Authorization,
    app: Application,
    scopes: Iterable[str],
    *,
    access_token: str,
    nonce: str = "",
) -> str:
    """The person of this authorization, told to the app that they let in."""
    now = timezone.now()
    claims: dict[str, Any] = {
        **claims_of(authorization.user, scopes),
        "iss": settings.ISSUER,
        "aud": app.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "auth_time": int(authorization.auth_time.timestamp()),
        "at_hash": _left_half(access_token),
    }
    if authorization.sid:
        claims["sid"] = authorization.sid
    if nonce:
        claims["nonce"] = nonce
    kid, key = keys.signing_key()
    return jwt.encode(claims, key, algorithm=keys.ALGORITHM, headers={"kid": kid})


def read_hint(token: str) -> Hint:
    """What an ID token of ours says, also when it has expired: it is a hint, no credential
    (OpenID Connect RP-Initiated Logout 1.0, section 2).

    :raises NotOurs: not signed with one of our keys, or with none, or it does not say all that.
    """
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        known = {key["kid"]: key for key in keys.published_keys()}
        claims = jwt.decode(
            token,
            jwt.PyJWK(known[kid]),
            algorithms=[keys.ALGORITHM],
            issuer=settings.ISSUER,
            options={"verify_exp": False, "verify_aud": False, "require": ["sub", "aud", "iss"]},
        )
    except (jwt.InvalidTokenError, KeyError):
        raise NotOurs from None
    return Hint(str(claims["aud"]), str(claims["sub"]), str(claims.get("sid", "")))


def _left_half(access_token: str) -> str:
    """``at_hash``: the left half of the token's digest (OpenID Connect Core 1.0, 3.1.3.6)."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
