"""Which credentials does the document know, and which does an operation take?"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from ninja.operation import Operation

from identity.scopes import SCOPES

Part = dict[str, Any]


def security_schemes() -> dict[str, Part]:
    token = {"tokenUrl": f"{settings.PUBLIC_URL}/o/token/", "scopes": dict(SCOPES)}
    return {
        "OAuth2": {
            "type": "oauth2",
            "description": "An app acts for a person (with PKCE, S256) or for itself.",
            "flows": {
                "authorizationCode": {
                    "authorizationUrl": f"{settings.PUBLIC_URL}/o/authorize/",
                    "refreshUrl": token["tokenUrl"],
                    **token,
                },
                "clientCredentials": token,
            },
        },
        "Bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The `access` token of `POST /api/token/`, or a personal access token "
            "(`kpt_...`), which its owner makes for a program of theirs at "
            f"{settings.PUBLIC_URL}/account/.",
        },
        "Session": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of a browser that is signed in. What changes something "
            "wants the CSRF token as well, in `X-CSRFToken`.",
        },
    }


def security_of(operation: Operation, scopes: Sequence[str] = ()) -> list[Part]:
    """Any of our credentials, or none at all.

    An app's has one of these scopes, else the one that ``needs`` gave to each of its callbacks.
    """
    if not operation.auth_callbacks:
        return []
    needed = {getattr(auth, "scope", None) or "" for auth in operation.auth_callbacks} - {""}
    either = [[scope] for scope in scopes] or [sorted(needed)]
    return [*({"OAuth2": each} for each in either), {"Bearer": []}, {"Session": []}]


def is_restricted(operation: Operation) -> bool:
    """May a credential be good, and yet not for this operation?"""
    return any(
        getattr(auth, "scope", None) or getattr(auth, "permission", None)
        for auth in operation.auth_callbacks
    )
