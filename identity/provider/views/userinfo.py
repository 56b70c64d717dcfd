"""For apps: who the person is (OpenID Connect Core 1.0, section 5.3)."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from identity.errors import CredentialRefused
from identity.provider.claims import claims_of
from identity.provider.tokens import find_by_access_token


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def userinfo(request: HttpRequest) -> HttpResponse:
    """The claims of the scopes that were allowed. The token comes in the header, nowhere else."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return _refused(401, "", "Send the access token as: Bearer <token>.")
    if not text or " " in text or not text.isascii():
        return _refused(400, "invalid_request", "The Authorization header must be: Bearer <token>.")
    try:
        token, _app, user = find_by_access_token(text)
    except CredentialRefused as refusal:
        return _refused(401, "invalid_token", str(refusal))
    if token.authorization is None or "openid" not in token.scope.split():
        return _refused(403, "insufficient_scope", "This needs a token with the scope openid.")
    return JsonResponse(claims_of(user, token.scope.split()), headers={"Cache-Control": "no-store"})


def _refused(status: int, error: str, message: str) -> HttpResponse:
    """In the words of RFC 6750, section 3."""
    challenge = 'Bearer realm="Karani"'
    if error:
        challenge += f', error="{error}", error_description="{message}"'
    if error == "insufficient_scope":
        challenge += ', scope="openid"'
    told = {"error": error or "invalid_request", "error_description": message}
    headers = {"Cache-Control": "no-store", "WWW-Authenticate": challenge}
    return JsonResponse(told, status=status, headers=headers)
