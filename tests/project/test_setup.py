"""What an installation has before it runs: tables, roles, wording, an administrator, a demo."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django_q.models import OrmQ

from crm.models import Customer, Order
from identity.models import Role, User
from project.environment import Environment
from project.setup import FIXTURES, load_demo, make_administrator, prepare
from sms.models import Message, MessageTemplate
from tests import factories

pytestmark = pytest.mark.django_db

DEMO = json.loads((FIXTURES / "demo.json").read_text())
TODAYS = [order for order in DEMO["orders"] if order["hours_ago"] < 24]


def run(command: str) -> str:
    out = io.StringIO()
    call_command(command, stdout=out)
    return out.getvalue()


# --- Preparing ----------------------------------------------------------------------------------


def test_preparing_gives_an_installation_its_roles_and_its_wording() -> None:
    prepare()
    assert sorted(Role.objects.values_list("name", flat=True)) == [
        "Administrator",
        "Clerk",
        "Manager",
        "Viewer",
    ]
    wording = MessageTemplate.objects.values_list("event", "language", "is_active")
    assert list(wording) == [
        ("order_cancelled", "en", False),
        ("order_cancelled", "sw", False),
        ("order_completed", "en", False),
        ("order_completed", "sw", False),
        ("order_placed", "en", True),
        ("order_placed", "sw", True),
        ("order_processing", "en", False),
        ("order_processing", "sw", False),
    ]


def test_preparing_again_leaves_all_as_staff_made_it() -> None:
    prepare()
    Role.objects.get(name="Clerk").permissions.clear()
    MessageTemplate.objects.filter(language="sw").update(body="Asante!", is_active=False)
    MessageTemplate.objects.filter(event="order_completed").update(is_active=True)
    before = list(MessageTemplate.objects.values())
    prepare()
    assert Role.objects.count() == 4
    assert not Role.objects.get(name="Clerk").permissions.exists()
    assert list(MessageTemplate.objects.values()) == before


def test_a_role_gets_the_permissions_that_are_new_with_a_version_and_no_other() -> None:
    prepare()
    manager = Role.objects.get(name="Manager")
    manager.permissions.remove(Permission.objects.get(codename="add_order"))
    Permission.objects.get(codename="import_order").delete()  # as before the version that made it
    prepare()
    names = set(manager.permissions.values_list("codename", flat=True))
    assert "import_order" in names
    assert "add_order" not in names


def test_preparing_makes_no_user_and_no_demo() -> None:
    assert run("prepare") == "The database is ready.\n"
    assert not User.objects.exists()
    assert not Customer.objects.exists()


# --- The first administrator --------------------------------------------------------------------


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start with these variables."""

    def start(**variables: str) -> None:
        facts: dict[str, Any] = {
            "django_superuser_username": "",
            "django_superuser_password": "",
            "django_superuser_email": "",
            **variables,
        }
        monkeypatch.setattr("project.setup.environment", Environment(_env_file=None, **facts))

    return start


def test_the_first_administrator_gets_a_password_that_is_stored_nowhere(asked_for: Any) -> None:
    asked_for()
    user, password = make_administrator()
    assert (user.username, user.email) == ("admin", "")
    assert user.is_superuser
    assert user.is_staff
    assert len(password) == 16
    assert Client().login(username="admin", password=password)
    assert password not in repr(list(User.objects.values()))


def test_no_two_installations_have_the_same_password(asked_for: Any) -> None:
    asked_for()
    _, first = make_administrator()
    User.objects.all().delete()
    _, second = make_administrator()
    assert first != second


def test_the_first_administrator_is_whom_the_environment_names(asked_for: Any) -> None:
    asked_for(
        django_superuser_username="wanjiku",
        django_superuser_password=factories.PASSWORD,
        django_superuser_email="wanjiku@example.com",
    )
    user, password = make_administrator()
    assert (user.username, user.email) == ("wanjiku", "wanjiku@example.com")
    assert password == factories.PASSWORD
    assert Client().login(username="wanjiku@example.com", password=factories.PASSWORD)


def test_the_first_administrator_takes_nobodys_place(asked_for: Any) -> None:
    asked_for()
    admin = factories.user(username="admin")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_administrator()
    admin.refresh_from_db()
    assert not admin.is_superuser
    assert admin.check_password(factories.PASSWORD)


# --- The demo -----------------------------------------------------------------------------------


def test_the_demo_is_a_business_with_all_its_customers_and_orders(templates: None) -> None:
    assert load_demo() == (36, len(DEMO["orders"]))
    assert Customer.objects.count() == 36
    placed = Order.objects.order_by("created_at").values_list("customer__code", "item", "status")
    assert list(placed) == [
        (order["customer"], order["item"], order["status"]) for order in DEMO["orders"]
    ]


def test_the_demo_has_orders_in_each_state(templates: None) -> None:
    load_demo()
    assert set(Order.objects.values_list("status", flat=True)) == set(Order.Status.values)


def test_the_codes_after_the_demo_go_on_from_it(templates: None) -> None:
    load_demo()
    assert factories.customer().code == "CUST037"


def test_the_orders_of_today_are_texted_about_where_a_simulator_takes_the_texts(
    templates: None, settings: Any
) -> None:
    settings.SMS_GATEWAY = "simulator"
    load_demo()
    assert len(TODAYS) == 4
    assert Message.objects.count() == OrmQ.objects.count() == 4
    assert set(Message.objects.values_list("status", flat=True)) == {"queued"}
    told = Order.objects.filter(pk__in=Message.objects.values("about_id"))
    assert sorted(told.values_list("item", flat=True)) == sorted(each["item"] for each in TODAYS)


@pytest.mark.parametrize("gateway", ["africastalking", "console"])
def test_no_demo_text_goes_to_another_gateway(templates: None, settings: Any, gateway: str) -> None:
    settings.SMS_GATEWAY = gateway
    load_demo()
    assert Order.objects.count() == len(DEMO["orders"])
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_a_demo_with_a_mistake_is_not_loaded_at_all(templates: None, tmp_path: Path) -> None:
    broken = DEMO | {"orders": [*DEMO["orders"][-3:], DEMO["orders"][0] | {"amount": "-1"}]}
    file = tmp_path / "demo.json"
    file.write_text(json.dumps(broken))
    with pytest.raises(ValidationError), transaction.atomic():
        load_demo(file)
    assert not Customer.objects.exists()
    assert not Order.objects.exists()
    assert not Message.objects.exists()


def test_the_demo_command_tells_what_it_loaded(templates: None) -> None:
    assert run("demo") == f"Loaded 36 customers and {len(DEMO['orders'])} orders.\n"


def test_the_demo_command_leaves_a_business_alone(templates: None) -> None:
    factories.customer()
    with pytest.raises(CommandError, match="There are customers already"):
        run("demo")
    assert Customer.objects.count() == 1
    assert not Order.objects.exists()
