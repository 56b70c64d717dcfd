"""Which programs may ask for tokens? Those that an Administrator has registered."""

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from oauth2_provider.generators import generate_client_secret

from identity import accounts, rights
from identity import roles as identity_roles
from identity.errors import HoldsMore
from identity.models import AccessToken, Application, Authorization, Consent, User
from identity.models.provider import AppKind
from identity.scopes import ALL_SCOPES
from identity.session_tokens import digest

ADDS, CHANGES = "identity.add_application", "identity.change_application"  # the permissions
DELETES = "identity.delete_application"


@transaction.atomic
def register_app(
    *,
    name: str,
    kind: AppKind,
    redirect_uris: Iterable[str] = (),
    post_logout_redirect_uris: Iterable[str] = (),
    scopes: Iterable[str] = (),
    has_device_flow: bool = False,
    user: User | None = None,
    client_id: str = "",
) -> tuple[Application, str]:
    """Make a connected app, or bring the one with this ``client_id`` up to date.

    ``user`` is the service account of a machine. An app in a browser or on people's devices can
    keep no secret and gets none. Returns the secret of a new app too, which is stored nowhere; it
    is empty where the app has none, or has it already.

    :raises ValidationError: a redirect URI is missing, or goes where no code may go.
    """
    known = Application.objects.select_for_update().filter(client_id=client_id).first()
    app = known or (Application(client_id=client_id) if client_id else Application())
    app.name, app.kind, app.user = name, kind, user
    app.redirect_uris = " ".join(redirect_uris)
    app.post_logout_redirect_uris = " ".join(post_logout_redirect_uris)
    app.allowed_scopes = " ".join(scopes)
    app.has_device_flow = has_device_flow
    return app, save_app(app, by=None)


def save_app(app: Application, *, by: User | None) -> str:
    """Save an app whose facts were set, and what follows from its kind.

    Returns the secret where one was made now: see ``register_app``. ``by`` is who does it; nobody,
    where the house does.

    :raises PermissionDenied: they may not add or change apps.
    :raises HoldsMore: it is not theirs to change, as it may do more.
    :raises ValidationError: a redirect URI is missing, or goes where no code may go.
    """
    _check(app, by, ADDS if app._state.adding else CHANGES)
    app.algorithm = Application.RS256_ALGORITHM
    app.allowed_origins = " ".join(_origins(app)) if app.is_public else ""
    if app.is_public:
        app.client_secret, app.requires_pkce = "", True
    app.full_clean()
    secret = "" if app.is_public or app.client_secret else _new_secret(app)
    app.save()
    if not app.is_active:  # what it had does not come back with it
        _end_tokens(app)
    return secret


def renew_secret(app: Application, *, by: User | None) -> str:
    """Another secret, from now on the only one; empty for an app that has none.

    ``by`` is who does it; nobody, where the house does.

    :raises PermissionDenied: they may not change apps.
    :raises HoldsMore: it is not theirs to change, as it may do more.
    """
    _check(app, by, CHANGES)
    if app.is_public:
        return ""
    secret = _new_secret(app)
    app.save(update_fields=["client_secret", "updated"])
    return secret


@transaction.atomic
def give_service_account(
    app: Application, roles: Iterable[Group], *, by: User | None = None
) -> User:
    """The user whom a machine is, with exactly these roles. Nobody can sign in as it.

    ``by`` is who does it; nobody, where the house does.

    :raises MayNotBe: the app may do, or would, what they may not.
    """
    account = app.user
    if account is None:
        account = User(username=f"app.{app.client_id}"[:150], first_name=app.name[:150])
        account.set_unusable_password()
        account.save(force_insert=True)
        app.user = account
        app.save(update_fields=["user", "updated"])
    identity_roles.assign_roles(account, roles, by=by)
    return account


def holds_more(app: Application, user: User) -> bool:
    """May the app do for itself what this user may not? Who has its secret could do it, too."""
    return app.user is not None and rights.holds_more(app.user, user)


@transaction.atomic
def delete_app(app: Application, *, by: User) -> None:
    """Delete an app and its tokens. Its service account stays, shut: what it did names it.

    :raises PermissionDenied: they may not delete apps.
    :raises HoldsMore: it is not theirs to delete, as it may do more.
    """
    _check(app, by, DELETES)
    if app.user is not None and app.kind == AppKind.MACHINE:
        accounts.deactivate(app.user)  # by the house: who deletes apps need not keep people
    app.delete()


def end_tokens(app: Application, *, by: User) -> None:
    """End all that the app has, for itself and for people; who let it in must allow it again.

    :raises PermissionDenied: they may not change apps.
    :raises HoldsMore: it is not theirs to change, as it may do more.
    """
    _check(app, by, CHANGES)
    with transaction.atomic():
        Consent.objects.filter(application=app).delete()
        _end_tokens(app)


def allowed_scopes(app: Application) -> set[str]:
    """What it may ask for."""
    return set(app.allowed_scopes.split()) or set(ALL_SCOPES)


def note_use(app: Application) -> None:
    """The app got a token; to the minute, as more would be a write at each call."""
    now = timezone.now()
    if app.last_used_at is None or app.last_used_at < now - timedelta(minutes=1):
        Application.objects.filter(pk=app.pk).update(last_used_at=now)


def is_registered_origin(origin: str) -> bool:
    """May pages from there read our answers? Where an app in a browser is at home."""
    apps = Application.objects.filter(is_active=True, allowed_origins__contains=origin)
    return any(origin in app.allowed_origins.split() for app in apps)


def _check(app: Application, by: User | None, permission: str) -> None:
    if by is None:
        return
    rights.require(by, permission)
    if holds_more(app, by):
        raise HoldsMore(str(app))


def _end_tokens(app: Application) -> None:
    now = timezone.now()
    Authorization.objects.filter(application=app, revoked_at=None).update(revoked_at=now)
    AccessToken.objects.filter(application=app, revoked_at=None).update(revoked_at=now)


def _origins(app: Application) -> list[str]:
    """Of the pages that people are sent back to: no wider than what was registered."""
    addresses = map(urlsplit, f"{app.redirect_uris} {app.post_logout_redirect_uris}".split())
    origins = (f"{it.scheme}://{it.netloc}" for it in addresses if it.scheme in {"http", "https"})
    return list(dict.fromkeys(origins))


def _new_secret(app: Application) -> str:
    secret: str = generate_client_secret()
    app.client_secret = digest(secret)
    return secret
