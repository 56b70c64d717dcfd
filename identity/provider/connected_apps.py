"""Which programs may ask for tokens? Those that an Administrator has registered."""

from collections.abc import Iterable
from typing import Literal

from django.db import transaction
from oauth2_provider.generators import generate_client_secret

from identity.models import Application, User
from identity.session_tokens import digest

Grant = Literal["authorization_code", "client_credentials"]

_GRANTS: dict[Grant, str] = {
    "authorization_code": Application.GRANT_AUTHORIZATION_CODE,
    "client_credentials": Application.GRANT_CLIENT_CREDENTIALS,
}


@transaction.atomic
def register_app(
    *,
    name: str,
    grant: Grant,
    redirect_uris: Iterable[str] = (),
    user: User | None = None,
    client_id: str = "",
    is_public: bool = False,
) -> tuple[Application, str]:
    """Make a connected app, or bring the one with this ``client_id`` up to date.

    ``user`` is the service account of an app that acts for itself. A public app, such as a page or
    a program on people's devices, can keep no secret and gets none. Returns the secret of a new
    app too, which is stored nowhere; it is empty where the app has none, or has it already.

    :raises ValidationError: a redirect URI is missing, or goes where no code may go.
    """
    known = Application.objects.select_for_update().filter(client_id=client_id).first()
    app = known or (Application(client_id=client_id) if client_id else Application())
    app.name, app.user = name, user
    app.authorization_grant_type = _GRANTS[grant]
    app.client_type = Application.CLIENT_PUBLIC if is_public else Application.CLIENT_CONFIDENTIAL
    app.redirect_uris = " ".join(redirect_uris)
    secret = ""
    if is_public:
        app.client_secret = ""
    elif not app.client_secret:
        secret = generate_client_secret()
        app.client_secret = digest(secret)
    app.full_clean()
    app.save()
    return app, secret
