"""``manage.py sms_callbacks``: what to enter where Africa's Talking asks for callback URLs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sms.webhooks import callback_addresses


class Command(BaseCommand):
    help = "Print the addresses at which the gateway tells of deliveries, answers and opt-outs."

    def handle(self, *args: Any, **options: Any) -> None:
        addresses = callback_addresses()
        if not addresses:
            raise CommandError("Set SMS_CALLBACK_SECRET first: the callbacks are closed without.")
        for title, address in addresses.items():
            self.stdout.write(f"{title:19}{address}")
