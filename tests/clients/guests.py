"""Whom Karani lets in for the tests of its OpenID provider: people, and apps that sign them in.

``let_in`` runs beside a Karani, in a process of its own: see ``newcomer.let_in``.
"""

import json
import sys
from collections.abc import Iterable
from io import StringIO
from typing import Any

from allauth.account.models import EmailAddress
from django.core.management import call_command

from tests import factories

CONFIRMED = {"is_confirmed": True}  # their email address
PEOPLE: dict[str, dict[str, Any]] = {
    "wanjiku": {"roles": ["Clerk"], **CONFIRMED},
    "otieno": CONFIRMED,
    "njeri": CONFIRMED,
    "akinyi": CONFIRMED,
    "juma": {},
}


def apps_at(home: str, branch: str) -> dict[str, list[str]]:
    """Apps that are at home at this address, and another Karani; each with what `setup_oauth` is
    told of it."""
    addresses = [
        *("--redirect-uri", f"{home}/back"),
        *("--post-logout-redirect-uri", f"{home}/goodbye"),
    ]
    return {
        "site": addresses,
        "phone": ["--public", *addresses],
        "refused": ["--public", *addresses],
        "unknown": ["--public", *addresses],
        "window": [
            "--public",
            "--redirect-uri",
            f"{home}/",
            "--post-logout-redirect-uri",
            f"{home}/",
        ],
        "tv": ["--public", "--device"],
        "branch": ["--redirect-uri", f"{branch}/sign-in/elsewhere/done/"],
        "robot": ["--machine", "--role", "Clerk"],
    }


def let_in() -> None:
    """Reads people and apps as JSON, like those above; writes what the makers of the apps need."""
    asked = json.load(sys.stdin)
    for username, facts in asked["people"].items():
        _add_person(username, **facts)
    told = {name: _connect(name, options) for name, options in asked["apps"].items()}
    json.dump(told, sys.stdout)


def _add_person(username: str, roles: Iterable[str] = (), *, is_confirmed: bool = False) -> None:
    user = factories.user(*roles, username=username, email=f"{username}@example.com")
    if is_confirmed:
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _connect(name: str, options: list[str]) -> dict[str, Any]:
    printed = StringIO()
    call_command("setup_oauth", "--json", "--name", name, *options, stdout=printed)
    told: dict[str, Any] = json.loads(printed.getvalue())
    return told
