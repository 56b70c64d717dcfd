"""What does an installation need before it runs? Tables, roles, wording; at first also a demo."""

import json
import secrets
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from crm import customers, orders
from crm.models import Customer, Order
from identity import roles
from identity.models import User
from project import docs
from project.environment import BASE_DIR, environment
from sms import sweeping, wording

FIXTURES = BASE_DIR / "fixtures"


def prepare() -> None:
    """Bring the database up to this version; safe to run again, and at each deploy."""
    known = _known_permissions()
    call_command("migrate", interactive=False, verbosity=0)
    new = roles.known_permissions().keys() - known
    roles.load_roles(FIXTURES / "roles.json", new)
    wording.load_templates(FIXTURES / "message_templates.json")
    sweeping.schedule_sweeps()
    docs.register_app()


def _known_permissions() -> set[str]:
    """The permissions there were before this version; none in an empty database."""
    if "auth_permission" not in connection.introspection.table_names():
        return set()
    return set(roles.known_permissions())


def make_administrator() -> tuple[User, str]:
    """The first administrator, from ``DJANGO_SUPERUSER_*``, else with a password of chance.

    Returns the password too, which is stored nowhere.
    """
    password = environment.django_superuser_password or secrets.token_urlsafe(12)
    user = User.objects.create_superuser(
        username=environment.django_superuser_username or "admin",
        email=environment.django_superuser_email,
        password=password,
    )
    return user, password


def load_demo_if_new() -> None:
    """Load the demo business into an installation in which nobody has done anything yet."""
    if not User.objects.exists() and not Customer.objects.exists():
        load_demo()


@transaction.atomic
def load_demo(path: Path = FIXTURES / "demo.json") -> tuple[int, int]:
    """Load the demo business: how many customers and orders.

    The orders of today are texted about where the simulator takes the texts, so that there is
    something to read; no demo text ever goes to a real gateway.
    """
    demo = json.loads(path.read_text())
    by_code = {
        facts["code"]: customers.register_customer(Customer(**facts)) for facts in demo["customers"]
    }
    now = timezone.now()
    for facts in demo["orders"]:
        order = Order(
            customer=by_code[facts["customer"]],
            item=facts["item"],
            amount=facts["amount"],
            order_time=now - timedelta(hours=facts["hours_ago"]),
        )
        is_told = facts["hours_ago"] < 24 and settings.SMS_GATEWAY == "simulator"
        orders.place_order(order, text_customer=is_told)
        orders.change_status(order, facts["status"], text_customer=is_told)
    return len(by_code), len(demo["orders"])
