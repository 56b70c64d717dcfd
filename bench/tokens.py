"""What does a token call cost, and what would it cost if secrets were hashed like passwords?

Everything runs in one process, in a database of the tests' kind that goes at the end.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.installation import installation


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.tokens", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", type=int, default=50, help="of which the median is told")
    parser.add_argument("--database", default="sqlite://:memory:", help="where a test one is made")
    options = parser.parse_args()
    with installation(options.database):
        report(options.runs)


def report(runs: int) -> None:
    """Print each median in milliseconds."""
    from django.conf import settings
    from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
    from django.test import Client

    from identity.models import User
    from identity.models.provider import AppKind
    from identity.provider import connected_apps

    settings.ALLOWED_HOSTS = ["testserver"]
    account = User.objects.create_user(username="robot")
    app, secret = connected_apps.register_app(name="Robot", kind=AppKind.MACHINE, user=account)
    form = {"grant_type": "client_credentials", "scope": "orders:read"}
    proof = {"client_id": app.client_id, "client_secret": secret}
    client = Client()

    def ask() -> Any:
        body = "&".join(f"{name}={value}" for name, value in (form | proof).items())
        kind = "application/x-www-form-urlencoded"
        return client.post("/o/token/", body, content_type=kind)

    assert ask().status_code == 200  # noqa: S101  # else a refusal would be measured
    hashed = make_password(secret, hasher=PBKDF2PasswordHasher())
    token_call = median(runs, ask)
    one_check = median(max(5, runs // 10), lambda: check_password(secret, hashed))
    print(f"A token call of an app for itself: {token_call:.1f} ms")
    print(f"One check of a secret hashed like a password: {one_check:.1f} ms")
    print(f"With that, a token call would cost {1 + one_check / token_call:.0f} times as much.")


def median(runs: int, call: Callable[[], object]) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


if __name__ == "__main__":
    main()
