"""``manage.py setup_oauth``: connect an app, and print what its maker needs."""

import argparse
import json
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse

from identity.models import Application, Role
from identity.models.provider import AppKind
from identity.provider import connected_apps
from identity.scopes import ALL_SCOPES, SCOPES

_USUAL_SCOPES = ["openid", "profile", "email"]


class Command(BaseCommand):
    help = (
        "Connect an app that signs people in, or that calls the API: make it, or change what is "
        "given of the one of this name. Prints what its maker needs; run it as often as you like."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--name", required=True, help="what people read when they are asked; finds the app")
        add(
            *("--redirect-uri", "--redirect-uris"),
            nargs="+",
            action="extend",
            metavar="URI",
            help="where people are sent back to, to the letter; of http://127.0.0.1 any port",
        )
        add(
            "--post-logout-redirect-uri",
            nargs="+",
            action="extend",
            metavar="URI",
            help="where they may be sent once they are signed out",
        )
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument(
            "--web-server",
            dest="kind",
            action="store_const",
            const=AppKind.WEB_SERVER,
            help="it signs people in, and keeps a secret; what a new app is without a word",
        )
        kind.add_argument(
            "--public",
            dest="kind",
            action="store_const",
            const=AppKind.BROWSER_OR_MOBILE,
            help="it runs in browsers or on people's devices, and can keep no secret",
        )
        kind.add_argument(
            "--machine",
            dest="kind",
            action="store_const",
            const=AppKind.MACHINE,
            help="it acts for itself, with nobody there",
        )
        add(
            "--device",
            action=argparse.BooleanOptionalAction,
            help="it signs in devices without a keyboard, too",
        )
        add(
            "--scope",
            nargs="+",
            action="extend",
            metavar="SCOPE",
            help=f"all that it may ask for (without: anything); of {', '.join(ALL_SCOPES)}",
        )
        add(
            "--role",
            nargs="+",
            action="extend",
            default=[],
            metavar="ROLE",
            help="of a machine: what it may do, as in --role Clerk",
        )
        add("--new-secret", action="store_true", help="replace its secret, which is then shown")
        add("--json", action="store_true", help="print JSON, for a script")

    def handle(self, *args: Any, **options: Any) -> None:
        app, secret, is_new = _set_up(options)
        told = _told(app, secret, is_new)
        self.stdout.write(json.dumps(told, indent=2) if options["json"] else _as_text(app, told))


@transaction.atomic
def _set_up(options: dict[str, Any]) -> tuple[Application, str, bool]:
    """
    :raises CommandError: an option is wrong; nothing was changed.
    """
    name = options["name"].strip()
    found = list(Application.objects.filter(name=name)[:2])
    if len(found) == 2:
        raise CommandError(
            f"Two apps are named {name}: give one of them another name in the admin."
        )
    known = found[0] if found else None
    kind = options["kind"] or (known.kind if known else AppKind.WEB_SERVER)
    roles = _roles(options["role"], kind)
    try:
        app, secret = connected_apps.register_app(
            name=name,
            kind=kind,
            client_id=known.client_id if known else "",
            user=known.user if known else None,
            **_facts(options, known or Application()),
        )
    except ValidationError as error:
        raise CommandError("\n".join(error.messages)) from None
    if app.kind == AppKind.MACHINE and (roles or app.user is None):
        connected_apps.give_service_account(app, roles)
    if options["new_secret"] and not secret:
        secret = connected_apps.renew_secret(app, by=None)
    return app, secret, known is None


def _facts(options: dict[str, Any], app: Application) -> dict[str, Any]:
    """What was given, and of what was not what the app has. ``""`` is given, and empties a list."""
    device = options["device"]
    return {
        "redirect_uris": _given(options["redirect_uri"], app.redirect_uris),
        "post_logout_redirect_uris": _given(
            options["post_logout_redirect_uri"], app.post_logout_redirect_uris
        ),
        "scopes": _given(options["scope"], app.allowed_scopes),
        "has_device_flow": app.has_device_flow if device is None else device,
    }


def _given(words: list[str] | None, else_these: str) -> list[str]:
    return else_these.split() if words is None else " ".join(words).split()


def _roles(names: list[str], kind: AppKind) -> list[Role]:
    if names and kind != AppKind.MACHINE:
        raise CommandError("--role is for an app that acts for itself: add --machine.")
    known = {role.name: role for role in Role.objects.all()}
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"There is no role {', '.join(unknown)}. There are: {', '.join(known)}.")
    # To the stubs a proxy's manager makes what it is a proxy of.
    return [cast("Role", known[name]) for name in names]


def _told(app: Application, secret: str, is_new: bool) -> dict[str, Any]:
    allowed = app.allowed_scopes.split()
    scopes, usual = allowed or list(ALL_SCOPES), allowed or _USUAL_SCOPES
    if app.kind == AppKind.MACHINE:  # it is nobody to be told of
        scopes = usual = [scope for scope in scopes if scope in SCOPES]
    redirect_uris = app.redirect_uris.split()
    environment = {
        "OIDC_ISSUER": settings.ISSUER,
        "OIDC_CLIENT_ID": app.client_id,
        "OIDC_CLIENT_SECRET": secret,
        "OIDC_REDIRECT_URI": redirect_uris[0] if redirect_uris else "",
        "OIDC_SCOPE": " ".join(usual),
    }
    return {
        "name": app.name,
        "kind": app.kind.value,
        "is_new": is_new,
        "is_active": app.is_active,
        "client_id": app.client_id,
        "client_secret": secret or None,
        "issuer": settings.ISSUER,
        "discovery_url": settings.PUBLIC_URL + reverse("oauth2_provider:openid-metadata"),
        "token_endpoint": settings.PUBLIC_URL + reverse("oauth2_provider:token"),
        "redirect_uris": redirect_uris,
        "post_logout_redirect_uris": app.post_logout_redirect_uris.split(),
        "scopes": scopes,
        "env": {name: value for name, value in environment.items() if value},
    }


def _as_text(app: Application, told: dict[str, Any]) -> str:
    if told["client_secret"]:
        secret = f"{told['client_secret']}   (shown this once)"
    elif app.is_public:
        secret = "none: it can keep none; PKCE takes its place"  # noqa: S105  # a sentence
    else:
        secret = "shown when it was made; --new-secret makes another"  # noqa: S105  # a sentence
    state = "is connected" if told["is_new"] else "is up to date"
    if not app.is_active:
        state += ", but switched off: an Administrator can switch it on in the admin"
    lines = [
        f"{app.name} {state}.",
        "",
        f"  client id      {told['client_id']}",
        f"  client secret  {secret}",
        f"  discovery      {told['discovery_url']}",
        *(f"  redirect URI   {uri}" for uri in told["redirect_uris"]),
        "",
        "For its .env:",
        "",
        *(f'{name}="{value}"' for name, value in told["env"].items()),
    ]
    return "\n".join(lines)
