"""Whom and what does the engine believe? Its questions, answered from our tables."""

import json
import re
import secrets
from datetime import timedelta
from typing import Any

from django.utils import timezone
from oauth2_provider.models import set_token_value
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2 import (
    InvalidGrantError,
    InvalidRequestError,
    UnsupportedResponseTypeError,
)
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error

from identity.models import (
    AccessToken,
    Application,
    Authorization,
    Grant,
    RefreshToken,
    User,
)
from identity.provider.authorizations import begin_authorization, end_authorization, may_go_on
from identity.provider.connected_apps import allowed_scopes, note_use
from identity.provider.devices import DeviceRefusal, redeem_device_code
from identity.provider.id_tokens import new_id_token
from identity.provider.tokens import REFRESH_LIFETIME, forget_dead_tokens
from identity.scopes import OPENID_SCOPES
from identity.sealing import seal, unseal
from identity.session_tokens import digest

# The SHA-256 digest in base64url without padding, and the verifier that it is of (RFC 7636, 4.1).
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CODE_LIFETIME = timedelta(seconds=60)
# How long two tabs that renew with the same token count as one (RFC 9700 leaves it to the server).
TWIN_WINDOW = timedelta(seconds=10)


class AnsweredBefore(Exception):
    """The same app asks the same again within seconds: it gets the same answer."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer  # JSON


def _answer_twin(answer: str, scope: str | None) -> bool:
    """To who asks for the same. For anything else the token is used up; but so soon after it was
    used this is no theft yet.

    :raises AnsweredBefore: with the same answer.
    """
    if not scope or set(scope.split()) == set(json.loads(answer)["scope"].split()):
        raise AnsweredBefore(answer)
    return False


class Validator(OAuth2Validator):
    """Whom and what the engine believes."""

    # --- Apps -----------------------------------------------------------------------------------

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        """Secrets are long and random, so a plain digest is enough; a public app's matches none."""
        return bool(stored_secret) and secrets.compare_digest(
            digest(provided_secret), stored_secret
        )

    def _authenticate_basic_auth(self, request: Request) -> bool:
        try:
            return bool(super()._authenticate_basic_auth(request))
        except ValueError:  # letters in the header that base64 does not have
            return False

    def validate_response_type(
        self,
        client_id: str,
        response_type: str,
        client: Application,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """
        :raises UnsupportedResponseTypeError: it is not ``code``; the engine would say that this app
            may not use it, as if another could (RFC 6749, section 4.1.2.1).
        """
        if response_type != "code":
            raise UnsupportedResponseTypeError(request=request)
        return client.allows_grant_type(Application.GRANT_AUTHORIZATION_CODE)

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """With S256, which must be named: without, RFC 7636 means "plain".

        :raises InvalidRequestError: the challenge is no digest.
        """
        challenge = request.code_challenge
        if challenge is not None and (
            request.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(challenge)
        ):
            raise InvalidRequestError("The code challenge must be of method S256.", request=request)
        app: Application = request.client
        return app.requires_pkce or app.is_public

    def validate_scopes(
        self,
        client_id: str,
        scopes: list[str],
        client: Application,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """An app says what it wants: there is no scope that it has unasked (RFC 6749, 3.3).

        One that acts for itself is no person, of whom there is nothing to tell.
        """
        allowed = allowed_scopes(client)
        if request.grant_type == "client_credentials":
            allowed -= OPENID_SCOPES.keys()
        return bool(scopes) and allowed >= set(scopes)

    def validate_grant_type(
        self,
        client_id: str,
        grant_type: str,
        client: Application,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """An app acts for itself as its service account: without a live one it is nobody."""
        account = request.client.user
        if grant_type == "client_credentials" and (account is None or not account.is_active):
            return False
        return bool(
            super().validate_grant_type(client_id, grant_type, client, request, *args, **kwargs)
        )

    # --- Codes ----------------------------------------------------------------------------------

    def _create_authorization_code(
        self, request: Request, code: dict[str, str], expires: Any = None
    ) -> Grant:
        authorization = begin_authorization(
            request.user,
            request.client,
            request.scopes,
            sid=request.sid,
            auth_time=request.auth_time,
        )
        return Grant.objects.create(
            application=request.client,
            user=request.user,
            authorization=authorization,
            code=digest(code["code"]),
            expires=timezone.now() + _CODE_LIFETIME,
            redirect_uri=request.redirect_uri,
            scope=authorization.scope,
            code_challenge=request.code_challenge or "",
            code_challenge_method=request.code_challenge_method or "",
            nonce=request.nonce or "",
        )

    def get_authorization_code_scopes(
        self, client_id: str, code: str, redirect_uri: str, request: Request
    ) -> list[str]:
        """By these the engine chooses between OAuth and OpenID Connect."""
        grant = Grant.objects.filter(code=digest(code or "")).first()
        return grant.scope.split() if grant else []

    def validate_code(
        self,
        client_id: str,
        code: str,
        client: Application,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """
        :raises InvalidGrantError: the verifier is none.
        """
        # Locked until the answer is committed: of two who send it, the second finds it used.
        grants = Grant.objects.select_for_update(of=("self",)).select_related(
            "authorization__user", "authorization__application"
        )
        grant = grants.filter(code=digest(code), application=client).first()
        if grant is None:
            return False
        if grant.used_at is not None:  # RFC 6749, 4.1.2: somebody else may have it
            end_authorization(grant.authorization)
            return False
        # A challenge without its verifier is no proof (RFC 7636, 4.6). A verifier without a
        # challenge: the code was not asked for by this client (RFC 9700, 4.8.2).
        verifier = request.code_verifier or ""
        is_half_proof = bool(verifier) != bool(grant.code_challenge)
        if timezone.now() >= grant.expires or not grant.authorization.is_live or is_half_proof:
            return False
        # A shorter one could be found from its challenge, which stood in an address.
        if verifier and not _VERIFIER.fullmatch(verifier):
            raise InvalidGrantError("The code_verifier must be 43 to 128 letters, digits and -._~")
        request.grant, request.authorization = grant, grant.authorization
        request.user, request.scopes = grant.authorization.user, grant.scope.split()
        return True

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge_method or None

    def confirm_redirect_uri(
        self,
        client_id: str,
        code: str,
        redirect_uri: str,
        client: Application,
        *args: Any,
        **_: Any,
    ) -> bool:
        """The same, to the letter, as the code was asked for with (RFC 6749, section 4.1.3).

        :raises InvalidGrantError: it is another (section 5.2); the engine would say another error.
        """
        grant = Grant.objects.filter(code=digest(code), application=client).first()
        if grant is None or grant.redirect_uri != redirect_uri:
            raise InvalidGrantError("The redirect_uri is not the one that the code was asked with.")
        return True

    def get_authorization_code_nonce(
        self, client_id: str, code: str, redirect_uri: str, request: Request
    ) -> str:
        nonce: str = request.grant.nonce
        return nonce

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        request.grant.used_at = timezone.now()
        request.grant.save(update_fields=["used_at", "updated"])

    # --- Renewals -------------------------------------------------------------------------------

    def validate_refresh_token(
        self,
        refresh_token: str,
        client: Application,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        """
        :raises AnsweredBefore: the app sent it twice at once, as two tabs of a browser do.
        """
        known = RefreshToken.objects.filter(token_checksum=digest(refresh_token))
        # One at a time in each authorization: of two who send the same token, the second finds it
        # used; and what a reuse ends has no new member meanwhile.
        held = Authorization.objects.select_for_update().filter(
            pk__in=known.values("authorization")
        )
        if held.first() is None:
            return False
        row = known.select_related("authorization__user", "authorization__application").get()
        authorization = row.authorization
        if row.application_id != client.pk or not authorization.is_live:
            return False
        now = timezone.now()
        if row.revoked is not None:
            if row.sealed_answer and now < row.revoked + TWIN_WINDOW:
                return _answer_twin(unseal(row.sealed_answer, token=refresh_token), request.scope)
            end_authorization(authorization)  # it is in two hands
            return False
        if now >= row.created + REFRESH_LIFETIME or not may_go_on(authorization.user, client):
            return False
        request.renewed, request.authorization = row, authorization
        request.user, request.refresh_token = authorization.user, refresh_token
        return True

    def get_original_scopes(
        self, refresh_token: str, request: Request, *args: Any, **kwargs: Any
    ) -> list[str]:
        """What was allowed, as far as the app may still ask for it."""
        allowed = allowed_scopes(request.client)
        return [scope for scope in request.authorization.scope.split() if scope in allowed]

    # --- Devices --------------------------------------------------------------------------------

    def validate_device_code(self, request: Request) -> None:
        """
        :raises OAuth2Error: not yet, too often, no, or too late (RFC 8628, section 3.5).
        """
        device_code = getattr(request, "device_code", None)  # the engine does not know it
        if not device_code:
            raise InvalidRequestError("Missing device_code parameter.", request=request)
        try:
            given = redeem_device_code(device_code, request.client)
        except DeviceRefusal as refusal:
            raise CustomOAuth2Error(refusal.error, str(refusal), request=request) from None
        assert given.authorization is not None  # noqa: S101  # narrows the type: a yes has one
        request.authorization = given.authorization
        request.user, request.scopes = given.authorization.user, given.scope.split()

    # --- Tokens ---------------------------------------------------------------------------------

    def _save_bearer_token(
        self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        app: Application = request.client
        authorization: Authorization | None = getattr(request, "authorization", None)
        user: User | None = authorization.user if authorization else None
        now = timezone.now()
        access = AccessToken(
            user=user,
            application=app,
            authorization=authorization,
            scope=token["scope"],
            expires=now + timedelta(seconds=token["expires_in"]),
        )
        set_token_value(access, token["access_token"])
        access.save()
        if authorization is not None and "refresh_token" in token:
            refresh = RefreshToken(
                user=authorization.user,
                application=app,
                authorization=authorization,
                access_token=access,
            )
            set_token_value(refresh, token["refresh_token"])
            refresh.save()
        if renewed := getattr(request, "renewed", None):
            answer = seal(json.dumps(token), token=request.refresh_token)
            RefreshToken.objects.filter(pk=renewed.pk).update(revoked=now, sealed_answer=answer)
            AccessToken.objects.filter(pk=renewed.access_token_id).update(revoked_at=now)
        note_use(app)
        forget_dead_tokens(app, user)

    def finalize_id_token(
        self, id_token: dict[str, Any], token: dict[str, Any], token_handler: Any, request: Request
    ) -> str:
        """The engine's draft knows nothing that ours does not."""
        grant = getattr(request, "grant", None)
        return new_id_token(
            request.authorization,
            request.client,
            request.scopes,
            access_token=token["access_token"],
            nonce=grant.nonce if grant else "",
        )

    def add_id_token(self, token: dict[str, Any], request: Request) -> None:
        """Where no grant of the engine's does it."""
        if "openid" in request.scopes:
            token["id_token"] = self.finalize_id_token({}, token, None, request)

    def revoke_token(
        self, token: str, token_type_hint: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """End a token of the app that asks, and what came of the same consent with it.

        Another app's is left alone, and nothing is said of it (RFC 7009, sections 2.1 and 2.2).
        """
        which = {"token_checksum": digest(token), "application": request.client}
        access = AccessToken.objects.filter(**which).select_related("authorization").first()
        refresh = RefreshToken.objects.filter(**which).select_related("authorization").first()
        found = access or refresh
        if found is not None and found.authorization is not None:
            end_authorization(found.authorization)
        elif access is not None:
            access.revoke()
