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
from identity.scopes import ALL_SCOPES

_USUAL_SCOPES = ["openid", "profile", "email"]


class Command(BaseCommand):
    help = (
        "Connect an app that signs people in, or that calls the API: make it, or bring the one of "
        "this name up to date. Prints what its maker needs; run it again as often as you like."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--name", required=True, help="what people read when they are asked; finds the app")
        add(
            *("--redirect-uri", "--redirect-uris"),
            nargs="+",
            action="extend",
            default=[],
            metavar="URI",
            help="where people are sent back to, to the letter; of http://127.0.0.1 any port",
        )
        add(
            "--post-logout-redirect-uri",
            nargs="+",
            action="extend",
            default=[],
            metavar="URI",
            help="where they may be sent once they are signed out",
        )
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument(
            "--public",
            action="store_true",
            help="it runs in browsers or on people's devices, and can keep no secret",
        )
        kind.add_argument(
            "--machine", action="store_true", help="it acts for itself, with nobody there"
        )
        add("--device", action="store_true", help="it signs in devices without a keyboard, too")
        add(
            "--scope",
            nargs="+",
            action="extend",
            default=[],
            metavar="SCOPE",
            help=f"all that it may ask for (without: anything); of {', '.join(ALL_SCOPES)}",
        )
        add(
            "--role",
            nargs="+",
            action="extend",
            default=[],
            metavar="ROLE",
            help="with --machine: what it may do, as in --role Clerk",
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
    known = list(Application.objects.filter(name=options["name"])[:2])
    if len(known) == 2:
        raise CommandError(
            f"Two apps are named {options['name']}: give one of them another name in the admin."
        )
    roles = _roles(options)
    try:
        app, secret = connected_apps.register_app(
            name=options["name"],
            kind=_kind(options),
            redirect_uris=options["redirect_uri"],
            post_logout_redirect_uris=options["post_logout_redirect_uri"],
            scopes=[scope for each in options["scope"] for scope in each.split()],
            has_device_flow=options["device"],
            client_id=known[0].client_id if known else "",
            user=known[0].user if known else None,
        )
    except ValidationError as error:
        raise CommandError("\n".join(error.messages)) from None
    if app.kind == AppKind.MACHINE and (roles or app.user is None):
        connected_apps.give_service_account(app, roles)
    if options["new_secret"] and not secret:
        secret = connected_apps.renew_secret(app)
    return app, secret, not known


def _kind(options: dict[str, Any]) -> AppKind:
    if options["machine"]:
        return AppKind.MACHINE
    return AppKind.BROWSER_OR_MOBILE if options["public"] else AppKind.WEB_SERVER


def _roles(options: dict[str, Any]) -> list[Role]:
    if options["role"] and not options["machine"]:
        raise CommandError("--role is for an app that acts for itself: add --machine.")
    known = {role.name: role for role in Role.objects.all()}
    if unknown := [name for name in options["role"] if name not in known]:
        raise CommandError(f"There is no role {', '.join(unknown)}. There are: {', '.join(known)}.")
    # To the stubs a proxy's manager makes what it is a proxy of.
    return [cast("Role", known[name]) for name in options["role"]]


def _told(app: Application, secret: str, is_new: bool) -> dict[str, Any]:
    allowed = app.allowed_scopes.split()
    usual = [] if app.kind == AppKind.MACHINE else _USUAL_SCOPES
    redirect_uris = app.redirect_uris.split()
    environment = {
        "OIDC_ISSUER": settings.ISSUER,
        "OIDC_CLIENT_ID": app.client_id,
        "OIDC_CLIENT_SECRET": secret,
        "OIDC_REDIRECT_URI": redirect_uris[0] if redirect_uris else "",
        "OIDC_SCOPE": " ".join(allowed or usual),
    }
    return {
        "name": app.name,
        "kind": app.kind.value,
        "is_new": is_new,
        "client_id": app.client_id,
        "client_secret": secret or None,
        "issuer": settings.ISSUER,
        "discovery_url": settings.PUBLIC_URL + reverse("oauth2_provider:openid-metadata"),
        "token_endpoint": settings.PUBLIC_URL + reverse("oauth2_provider:token"),
        "redirect_uris": redirect_uris,
        "post_logout_redirect_uris": app.post_logout_redirect_uris.split(),
        "scopes": allowed or list(ALL_SCOPES),
        "env": {name: value for name, value in environment.items() if value},
    }


def _as_text(app: Application, told: dict[str, Any]) -> str:
    if told["client_secret"]:
        secret = f"{told['client_secret']}   (shown this once)"
    elif app.is_public:
        secret = "none: it can keep none; PKCE takes its place"  # noqa: S105  # a sentence
    else:
        secret = "shown when it was made; --new-secret makes another"  # noqa: S105  # a sentence
    lines = [
        f"{app.name} is connected." if told["is_new"] else f"{app.name} is up to date.",
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
