"""``manage.py rotate_signing_key``: sign ID tokens with a new key."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from identity.provider import keys


class Command(BaseCommand):
    help = (
        "Sign ID tokens with a new key: five minutes from now, when apps have had time to see it. "
        "The two keys before it stay published, so that apps can check what was signed with them."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--at-once",
            action="store_true",
            help="somebody else has the key: sign with the new one now, and forget all others",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        made = keys.rotate(at_once=options["at_once"])
        since = "from now on" if options["at_once"] else "in five minutes"
        self.stdout.write(f"The key {made.kid} signs ID tokens {since}.")
