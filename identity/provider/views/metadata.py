"""What this provider can do, and its public keys: for programs that set themselves up.

One document for OpenID Connect Discovery 1.0 and RFC 8414; it names what works, and nothing else.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from identity.provider import keys
from identity.provider.claims import CLAIMS
from identity.provider.server import GRANT_TYPES
from identity.scopes import ALL_SCOPES

_MAX_AGE = 3600  # seconds that others may remember our keys; they ask again for one they miss


@require_safe
def metadata(request: HttpRequest) -> JsonResponse:
    """The addresses are those of ``PUBLIC_URL``, whatever host the request names."""
    secret_methods = ["client_secret_basic", "client_secret_post"]
    told: dict[str, Any] = {
        "issuer": settings.ISSUER,
        "authorization_endpoint": _address("authorize"),
        "token_endpoint": _address("token"),
        "userinfo_endpoint": _address("userinfo"),
        "jwks_uri": _address("jwks"),
        "revocation_endpoint": _address("revoke-token"),
        "introspection_endpoint": _address("introspect"),
        "device_authorization_endpoint": _address("device-authorization"),
        "end_session_endpoint": _address("end-session"),
        "scopes_supported": list(ALL_SCOPES),
        "claims_supported": ["sub", *CLAIMS],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [keys.ALGORITHM],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "token_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "revocation_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "introspection_endpoint_auth_methods_supported": secret_methods,
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "service_documentation": settings.PUBLIC_URL + reverse("api-docs"),
    }
    return JsonResponse(told, headers={"Cache-Control": f"public, max-age={_MAX_AGE}"})


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """The keys that ID tokens are checked with (RFC 7517)."""
    told = {"keys": keys.published_keys()}
    return JsonResponse(told, headers={"Cache-Control": f"public, max-age={_MAX_AGE}"})


def _address(name: str) -> str:
    return settings.PUBLIC_URL + reverse(f"oauth2_provider:{name}")
