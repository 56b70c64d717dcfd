"""The server of the engine: the grants that there are, and what it gets to see of a request."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauthlib.common import Request
from oauthlib.oauth2 import AuthorizationCodeGrant as PlainCodeGrant
from oauthlib.oauth2 import (
    AuthorizationEndpoint,
    BearerToken,
    ClientCredentialsGrant,
    InvalidClientError,
    InvalidRequestError,
    OAuth2Error,
    RequestValidator,
    RevocationEndpoint,
    TokenEndpoint,
    UnauthorizedClientError,
)
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase
from oauthlib.openid.connect.core.grant_types import (
    AuthorizationCodeGrant,
    AuthorizationCodeGrantDispatcher,
    AuthorizationTokenGrantDispatcher,
    RefreshTokenGrant,
)

from identity.models import Application

DEVICE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT_TYPE]

# Of RFC 6749, 7009, 7636, 7662 and 8628. Others are ignored, as RFC 6749 has it in 3.1 and 3.2.
PARAMETERS = (
    *("client_id", "client_secret", "redirect_uri", "response_type", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "code_verifier", "code", "device_code"),
    *("grant_type", "refresh_token", "token", "token_type_hint"),
)
# Of OpenID Connect Core 1.0, 3.1.2.1, which the pages answer themselves.
PAGE_PARAMETERS = (
    *("prompt", "max_age", "login_hint", "id_token_hint", "response_mode", "request"),
    *("request_uri", "post_logout_redirect_uri", "logout_hint"),
)


def refuse_malformed(parameters: QueryDict) -> None:
    """
    :raises InvalidRequestError: a parameter is there twice, or has a null character.
    """
    for name in PARAMETERS + PAGE_PARAMETERS:
        values = parameters.getlist(name)
        if len(values) > 1:
            raise InvalidRequestError(f"The parameter {name} is there more than once.")
        if any("\0" in value for value in values):
            raise InvalidRequestError(f"The parameter {name} has a null character.")


class Server(AuthorizationEndpoint, TokenEndpoint, RevocationEndpoint):
    """Codes, renewals, apps for themselves, and devices: no implicit grant, and no passwords."""

    def __init__(
        self,
        validator: RequestValidator,
        token_expires_in: int,
        token_generator: Callable[[Request], str],
        refresh_token_generator: Callable[[Request], str],
        **kwargs: Any,
    ) -> None:
        self.request_validator = validator
        bearer = BearerToken(validator, token_generator, token_expires_in, refresh_token_generator)
        plain, openid = PlainCodeGrant(validator), AuthorizationCodeGrant(validator)
        AuthorizationEndpoint.__init__(
            self,
            default_response_type="code",
            default_token_type=bearer,
            response_types={"code": AuthorizationCodeGrantDispatcher(plain, openid)},
        )
        TokenEndpoint.__init__(
            self,
            default_grant_type="authorization_code",
            default_token_type=bearer,
            grant_types={
                "authorization_code": AuthorizationTokenGrantDispatcher(validator, plain, openid),
                "refresh_token": RefreshTokenGrant(validator),
                "client_credentials": ClientCredentialsGrant(validator),
                DEVICE_GRANT_TYPE: DeviceCodeGrant(validator),
            },
        )
        RevocationEndpoint.__init__(self, validator)


class DeviceCodeGrant(GrantTypeBase):
    """A device asks whether its person has said yes meanwhile (RFC 8628, section 3.4).

    Not the engine's: that one gives no refresh token, no ID token, and asks for a scope.
    """

    def create_token_response(
        self, request: Request, token_handler: BearerToken
    ) -> tuple[dict[str, str], str, int]:
        headers = self._get_default_headers()
        try:
            authenticate(self.request_validator, request)
            self.validate_grant_type(request)
            self.request_validator.validate_device_code(request)
        except OAuth2Error as error:
            return headers | error.headers, error.json, error.status_code
        token = token_handler.create_token(request, refresh_token=True)
        self.request_validator.add_id_token(token, request)
        self.request_validator.save_token(token, request)
        return headers, json.dumps(token), 200


def authenticate(validator: RequestValidator, request: Request) -> None:
    """Set ``request.client`` to the app that asks (RFC 6749, section 3.2.1).

    :raises InvalidClientError: it is not known, or did not show its secret.
    """
    if validator.client_authentication_required(request):
        is_known = validator.authenticate_client(request)
    else:
        is_known = validator.authenticate_client_id(request.client_id, request)
    if not is_known:
        raise InvalidClientError(request=request)


class Core(OAuthLibCore):
    """Hands to the server the parameters above, and nothing else that a client may think of."""

    def _extract_params(self, request: HttpRequest) -> tuple[str, str | None, str, Any]:
        query, body = _known(request.GET), _known(request.POST)
        uri = f"{request.path}?{query}" if query else request.path
        return uri, request.method, body, self.extract_headers(request)

    def extract_headers(self, request: HttpRequest) -> dict[str, Any]:
        headers: dict[str, Any] = super().extract_headers(request)
        # The engine compares these two by letter; schemes and types have no case (RFC 9110, 11.1).
        kind, _, rest = headers.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() == "basic":
            headers["HTTP_AUTHORIZATION"] = headers["Authorization"] = f"Basic {rest.strip()}"
        if request.content_type:
            headers["CONTENT_TYPE"] = headers["Content-Type"] = request.content_type
        headers.pop("Origin", None)  # browsers are answered by the CORS middleware
        return headers

    def authenticated_app(self, request: HttpRequest, *, grant_type: str = "") -> Application:
        """The app that asks, for what the engine has no endpoint for.

        :raises OAuth2Error: it did not show who it is, or may not use this grant.
        """
        asked = Request(*self._extract_params(request))
        authenticate(self.server.request_validator, asked)
        app: Application = asked.client
        if grant_type and not app.allows_grant_type(grant_type):
            raise UnauthorizedClientError(request=asked)
        return app


def _known(parameters: QueryDict) -> str:
    """The ones without a value are left out: they count as not there."""
    return urlencode({name: parameters[name] for name in PARAMETERS if parameters.get(name)})
