"""Whom Karani lets in for the tests of its OpenID provider: people, and apps that sign them in.

It asks a Karani that runs, and has its process to itself: see ``newcomer.manage``.
"""

import json
import sys
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction

from identity.models import User
from identity.models.provider import AppKind
from identity.provider.connected_apps import register_app
from tests import factories

# Nobody listens at port 9: the tests read the addresses to which people are sent back.
CALLBACK = "http://127.0.0.1:9/back"
GOODBYE = "http://127.0.0.1:9/goodbye"
_ADDRESSES = {"redirect_uris": [CALLBACK], "post_logout_redirect_uris": [GOODBYE]}

PEOPLE: list[dict[str, Any]] = [
    {"username": "wanjiku", "roles": ["Clerk"]},
    {"username": "otieno", "roles": []},
    {"username": "robot", "roles": ["Clerk"]},
]
APPS: list[dict[str, Any]] = [
    {"client_id": "site", "kind": AppKind.WEB_SERVER, **_ADDRESSES},
    {"client_id": "phone", "kind": AppKind.BROWSER_OR_MOBILE, **_ADDRESSES},
    {"client_id": "refused", "kind": AppKind.BROWSER_OR_MOBILE, **_ADDRESSES},
    {"client_id": "unknown", "kind": AppKind.BROWSER_OR_MOBILE, **_ADDRESSES},
    {"client_id": "tv", "kind": AppKind.BROWSER_OR_MOBILE, "has_device_flow": True},
    {"client_id": "robot", "kind": AppKind.MACHINE, "acts_as": "robot"},
]


@transaction.atomic
def let_in() -> None:
    """Reads people and apps as JSON; writes the secrets of the apps, by their client IDs."""
    asked = json.load(sys.stdin)
    for facts in asked["people"]:
        _add_person(**facts)
    json.dump({facts["client_id"]: _add_app(**facts) for facts in asked["apps"]}, sys.stdout)


def _add_person(username: str, roles: list[str], *, is_email_verified: bool = True) -> None:
    user = factories.user(*roles, username=username, email=f"{username}@example.com")
    if is_email_verified:
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _add_app(client_id: str, kind: str, *, acts_as: str = "", **facts: Any) -> str:
    user = User.objects.get(username=acts_as) if acts_as else None
    facts.setdefault("name", client_id.capitalize())
    _, secret = register_app(client_id=client_id, kind=AppKind(kind), user=user, **facts)
    return secret
