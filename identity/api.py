"""Sign in to the API, and ask who you are."""

from django.contrib.auth import authenticate
from django.http import HttpRequest
from ninja import Router

from identity import guard, session_tokens, two_factor
from identity.errors import CodeIsNeeded, WrongSignIn
from identity.models import User
from identity.schemas import Credentials, MeOut, RefreshIn, TokenPairOut
from identity.session_tokens import TokenPair
from identity.sign_ins import method_of, record_sign_in
from identity.tokens import needs

router = Router(tags=["identity"])


@router.post("/token/", response=TokenPairOut, operation_id="create_token", auth=None)
def create_token(request: HttpRequest, body: Credentials) -> TokenPair:
    """Get a token for a username or email address and its password.

    Where the user has a second factor, also for a `code`: without one, the answer to a right
    password is a 401 whose `detail` says that a code is needed.
    """
    address = request.META["REMOTE_ADDR"]
    with guard.attempt("sign_in", account=body.username, address=address):
        user = authenticate(request, username=body.username, password=body.password)
        if not isinstance(user, User):
            raise WrongSignIn
    method = _show_second_factor(user, body.code, address)
    record_sign_in(request, user, method)
    return session_tokens.issue_tokens(user)


def _show_second_factor(user: User, code: str, address: str) -> str:
    two_factor.refuse_if_missing(user)
    if not two_factor.has_second_factor(user):
        return "password"
    if not code:
        raise CodeIsNeeded
    used = two_factor.spend_code(user, code, address=address)
    return method_of([{"method": "password"}, {"method": "mfa", "type": used.type}])


@router.post("/token/refresh/", response=TokenPairOut, operation_id="refresh_token", auth=None)
def refresh_token(request: HttpRequest, body: RefreshIn) -> TokenPair:
    """Get a new pair for a refresh token, which is dead from then on."""
    address = request.META["REMOTE_ADDR"]
    with guard.attempt("refresh", account=body.refresh, address=address):
        return session_tokens.refresh_tokens(body.refresh)


@router.get("/me/", response=MeOut, operation_id="read_me", auth=needs())
def read_me(request: HttpRequest) -> dict[str, object]:
    """Who you are to the API, and what your credential is good for."""
    caller = request.auth  # type: ignore[attr-defined]  # Ninja puts there what `needs` returned
    user: User = caller.user
    roles = user.groups.order_by("name").values_list("name", flat=True)
    return {
        "id": user.pk,
        "username": user.username,
        "email": user.email,
        "name": user.get_full_name(),
        "roles": list(roles),
        "scopes": sorted(caller.scopes),
    }
