"""Whom Karani lets in for the tests of its OpenID provider: people, and apps that sign them in.

``let_in`` runs beside a Karani, in a process of its own: see ``newcomer.let_in``.
"""

import json
import sys
from io import StringIO
from typing import Any

from allauth.account.models import EmailAddress
from django.core.management import call_command

from tests import factories

# Each with their roles.
PEOPLE: dict[str, list[str]] = {"wanjiku": ["Clerk"], "otieno": []}


def apps_at(home: str) -> dict[str, list[str]]:
    """Apps that are at home at this address, each with what `setup_oauth` is told of it."""
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
        "robot": ["--machine", "--role", "Clerk"],
    }


def let_in() -> None:
    """Reads people and apps as JSON, like those above; writes what the makers of the apps need."""
    asked = json.load(sys.stdin)
    for username, roles in asked["people"].items():
        user = factories.user(*roles, username=username, email=f"{username}@example.com")
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    told = {name: _connect(name, options) for name, options in asked["apps"].items()}
    json.dump(told, sys.stdout)


def _connect(name: str, options: list[str]) -> dict[str, Any]:
    printed = StringIO()
    call_command("setup_oauth", "--json", "--name", name, *options, stdout=printed)
    told: dict[str, Any] = json.loads(printed.getvalue())
    return told
