"""What our OpenID provider asks of a request, beyond what the engine does by itself."""

import secrets
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2 import InvalidRequestError

from identity.models import Grant, RefreshToken
from identity.provider.tokens import forget_dead_tokens
from identity.session_tokens import digest

# Of RFC 6749, 7009 and 7636. Others are ignored, as RFC 6749 has it in sections 3.1 and 3.2.
PARAMETERS = (
    *("client_id", "client_secret", "redirect_uri", "response_type", "scope", "state"),
    *("code_challenge", "code_challenge_method", "code_verifier", "code"),
    *("grant_type", "refresh_token", "token", "token_type_hint"),
)
# The SHA-256 digest in base64url without padding, of a verifier of 43 to 128 characters: RFC 7636.
_CHALLENGE_LENGTH = 43


def refuse_malformed(parameters: QueryDict) -> None:
    """
    :raises InvalidRequestError: a parameter is there twice, or has a null character.
    """
    for name in PARAMETERS:
        values = parameters.getlist(name)
        if len(values) > 1:
            raise InvalidRequestError(f"The parameter {name} is there more than once.")
        if any("\0" in value for value in values):
            raise InvalidRequestError(f"The parameter {name} has a null character.")


class KnownParameters(OAuthLibCore):
    """Hands to the engine the parameters above, and nothing else that a client may think of."""

    def _extract_params(self, request: HttpRequest) -> tuple[str, str | None, str, Any]:
        query, body = _known(request.GET), _known(request.POST)
        uri = f"{request.path}?{query}" if query else request.path
        return uri, request.method, body, self.extract_headers(request)


def _known(parameters: QueryDict) -> str:
    """The ones without a value are left out: they count as not there."""
    return urlencode({name: parameters[name] for name in PARAMETERS if parameters.get(name)})


class Validator(OAuth2Validator):
    """Whom and what the engine believes."""

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        """Secrets are long and random, so a plain digest is enough; a public app's matches none."""
        return bool(stored_secret) and secrets.compare_digest(
            digest(provided_secret), stored_secret
        )

    def _authenticate_basic_auth(self, request: Any) -> bool:
        try:
            return bool(super()._authenticate_basic_auth(request))
        except ValueError:  # letters in the header that base64 does not have
            return False

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        try:
            return bool(
                super().validate_redirect_uri(client_id, redirect_uri, request, *args, **kwargs)
            )
        except ValueError:  # no address at all, as http://[ or one with the port 99999
            return False

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        """Always, and with S256, which must be named: without, RFC 7636 means "plain".

        :raises InvalidRequestError: the challenge is no digest.
        """
        challenge = request.code_challenge
        if challenge is not None and (
            request.code_challenge_method != "S256" or len(challenge) != _CHALLENGE_LENGTH
        ):
            raise InvalidRequestError("The code challenge must be of method S256.", request=request)
        return True

    def validate_scopes(
        self,
        client_id: str,
        scopes: list[str],
        client: Any,
        request: Any,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """An app says what it wants: there is no scope that it has unasked (RFC 6749, 3.3)."""
        is_known = super().validate_scopes(client_id, scopes, client, request, *args, **kwargs)
        return bool(scopes) and bool(is_known)

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        # Locked until the answer is committed: of two who send it, the second finds it used.
        Grant.objects.select_for_update().filter(code=code).first()
        is_good = super().validate_code(client_id, code, client, request, *args, **kwargs)
        return bool(is_good) and bool(request.user.is_active)

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        # One at a time in each family, whose oldest row is the lock: of two who send the same
        # token, the second finds it used; and what a reuse ends has no new member meanwhile.
        known = RefreshToken.objects.filter(token_checksum=digest(refresh_token))
        family = RefreshToken.objects.filter(token_family__in=known.values("token_family"))
        family.select_for_update().order_by("pk").first()
        is_good = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return bool(is_good) and bool(request.user.is_active)

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        super().save_bearer_token(token, request, *args, **kwargs)
        forget_dead_tokens(request.client, request.user)
