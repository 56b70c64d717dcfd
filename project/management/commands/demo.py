"""``manage.py demo``: a small business to look around in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.models import Customer
from project import setup


class Command(BaseCommand):
    help = "Load the demo business into an installation that has no customers."

    def handle(self, *args: Any, **options: Any) -> None:
        if Customer.objects.exists():
            raise CommandError(
                "There are customers already; the demo is for an empty installation."
            )
        customers, orders = setup.load_demo()
        self.stdout.write(f"Loaded {customers} customers and {orders} orders.")
