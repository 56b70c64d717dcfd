"""``manage.py rotate_signing_key``: sign ID tokens with a new key from now on."""

from typing import Any

from django.core.management.base import BaseCommand

from identity.provider import keys


class Command(BaseCommand):
    help = (
        "Sign ID tokens with a new key from now on. The two keys before it stay published, so that "
        "apps can check what was signed with them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        made = keys.rotate()
        self.stdout.write(f"ID tokens are signed with the key {made.kid} from now on.")
