"""A page that stood open while somebody changed the record: nothing of theirs is lost unseen."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from crm import customers, orders
from crm.errors import ChangedMeanwhile
from crm.models import Customer, Order
from identity.models import User
from sms.models import Message
from tests import factories
from tests.crm.test_admin import ShownForm

pytestmark = pytest.mark.django_db

YOURS = "Look at it, and save again to put yours in its place."


@pytest.fixture
def client() -> Client:
    """A browser in which a Manager is signed in."""
    return browser("wanjiku")


def browser(username: str) -> Client:
    client = Client()
    client.force_login(factories.user("Manager", username=username))
    return client


def page_of(record: Customer | Order) -> str:
    return f"/admin/crm/{record._meta.model_name}/{record.pk}/change/"


def shown_in(response: Any) -> dict[str, str]:
    """What the page sends when nobody touches a field."""
    return ShownForm(str(response.context["adminform"].form.as_p())).values


def errors(page: Any) -> dict[str, list[str]]:
    return dict(page.context["adminform"].form.errors)


@pytest.fixture
def order() -> Order:
    return factories.order(item="Lamp", amount=Decimal("5.00"))


def test_what_another_changed_meanwhile_is_told_and_nothing_is_written(
    client: Client, order: Order
) -> None:
    stale = shown_in(client.get(page_of(order)))
    other = browser("achieng")
    other.post(page_of(order), stale | {"amount": "9"})
    page = client.post(page_of(order), stale | {"amount": "7", "item": "Radio"})
    assert page.status_code == 200
    assert errors(page) == {
        "amount": [f"achieng changed this from “5.00” to “9.00” (just now). {YOURS}"]
    }
    order.refresh_from_db()
    assert (order.item, order.amount) == ("Lamp", Decimal("9.00"))
    assert order.history.count() == 2


def test_what_was_typed_stays_and_goes_in_once_its_author_has_seen_the_other(
    client: Client, order: Order
) -> None:
    stale = shown_in(client.get(page_of(order)))
    orders.revise_order(order, {"amount": Decimal("9.00"), "reference": "R1"})
    page = client.post(page_of(order), stale | {"amount": "7", "item": "Radio"})
    again = shown_in(page)
    assert (again["amount"], again["item"]) == ("7", "Radio")
    assert again["reference"] == "R1"  # which nobody typed here
    assert client.post(page_of(order), again).status_code == 302
    order.refresh_from_db()
    assert (order.amount, order.item, order.reference) == (Decimal("7.00"), "Radio", "R1")


def test_who_saves_again_is_stopped_again_where_it_changed_again(
    client: Client, order: Order
) -> None:
    stale = shown_in(client.get(page_of(order)))
    orders.revise_order(order, {"amount": Decimal("9.00")})
    again = shown_in(client.post(page_of(order), stale | {"amount": "7"}))
    orders.revise_order(order, {"amount": Decimal("11.00")})
    page = client.post(page_of(order), again)
    assert errors(page) == {
        "amount": [f"somebody unknown changed this from “9.00” to “11.00” (just now). {YOURS}"]
    }
    order.refresh_from_db()
    assert order.amount == Decimal("11.00")


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ({"amount": Decimal("9.00")}, {"item": "Radio"}),  # another field
        ({"amount": Decimal("9.00")}, {"amount": "9.00", "item": "Radio"}),  # the same value
    ],
)
def test_two_changes_that_do_not_meet_both_go_in(
    client: Client, order: Order, theirs: dict[str, Any], mine: dict[str, str]
) -> None:
    stale = shown_in(client.get(page_of(order)))
    orders.revise_order(order, theirs)
    assert client.post(page_of(order), stale | mine).status_code == 302
    order.refresh_from_db()
    assert (order.item, order.amount) == ("Radio", Decimal("9.00"))


def test_an_order_that_was_moved_meanwhile_is_told_with_what_became_of_it(
    client: Client, order: Order, templates: None
) -> None:
    stale = shown_in(client.get(page_of(order)))
    browser("achieng").post(page_of(order), stale | {"status": "CANCELLED"})
    page = client.post(page_of(order), stale | {"status": "PROCESSING", "item": "Radio"})
    said = f"achieng changed this from “Pending” to “Cancelled” (just now). {YOURS}"
    assert errors(page) == {"status": [said]}
    form = page.context["adminform"].form
    assert [value for value, _ in form.fields["status"].choices] == ["CANCELLED"]
    order.refresh_from_db()
    assert (order.status, order.item) == ("CANCELLED", "Lamp")
    assert not Message.objects.exclude(event="order_placed").exists()
    assert client.post(page_of(order), shown_in(page)).status_code == 302
    order.refresh_from_db()
    assert (order.status, order.item) == ("CANCELLED", "Radio")


def test_a_step_that_is_open_still_is_kept(client: Client, order: Order) -> None:
    stale = shown_in(client.get(page_of(order)))
    orders.change_status(order, "PROCESSING")
    again = shown_in(client.post(page_of(order), stale | {"status": "COMPLETED"}))
    assert (again["status"], again["initial-status"]) == ("COMPLETED", "PROCESSING")
    assert client.post(page_of(order), again).status_code == 302
    order.refresh_from_db()
    assert order.status == "COMPLETED"


def test_a_time_that_was_changed_is_no_less_changed_where_another_field_is_wrong(
    client: Client, order: Order
) -> None:
    """It has two inputs, whose shown values the page sends along as well."""
    shown = shown_in(client.get(page_of(order)))
    mine = {"order_time_0": "2026-09-21", "order_time_1": "15:30:00", "amount": "free"}
    again = shown_in(client.post(page_of(order), shown | mine))
    assert client.post(page_of(order), again | {"amount": "5"}).status_code == 302
    order.refresh_from_db()
    assert order.order_time.isoformat() == "2026-09-21T12:30:00+00:00"


def test_a_time_that_both_changed_is_told(client: Client, order: Order) -> None:
    shown = shown_in(client.get(page_of(order)))
    mine = {"order_time_0": "2026-09-21", "order_time_1": "15:30:00"}
    client.post(page_of(order), shown | mine)
    page = client.post(page_of(order), shown | mine | {"order_time_1": "16:30:00"})
    assert list(errors(page)) == ["order_time"]
    assert client.post(page_of(order), shown_in(page)).status_code == 302
    order.refresh_from_db()
    assert order.order_time.isoformat() == "2026-09-21T13:30:00+00:00"


def test_a_customer_whom_both_change_is_told_as_well(client: Client) -> None:
    customer = factories.customer(name="Jane", email="jane@example.com")
    stale = shown_in(client.get(page_of(customer)))
    browser("achieng").post(page_of(customer), stale | {"name": "Jane Doe"})
    mine = {"name": "Janet", "email": "janet@example.com"}
    page = client.post(page_of(customer), stale | mine)
    assert errors(page) == {
        "name": [f"achieng changed this from “Jane” to “Jane Doe” (just now). {YOURS}"]
    }
    customer.refresh_from_db()
    assert (customer.name, customer.email) == ("Jane Doe", "jane@example.com")
    assert client.post(page_of(customer), shown_in(page)).status_code == 302
    customer.refresh_from_db()
    assert (customer.name, customer.email) == ("Janet", "janet@example.com")


def test_another_customer_of_an_order_is_a_change_too(client: Client, order: Order) -> None:
    stale = shown_in(client.get(page_of(order)))
    theirs, mine = factories.customer(name="Theirs"), factories.customer()
    orders.revise_order(order, {"customer": theirs})
    page = client.post(page_of(order), stale | {"customer": str(mine.pk)})
    [said] = errors(page)["customer"]
    assert f"to “{theirs}”" in said
    assert client.post(page_of(order), shown_in(page)).status_code == 302
    order.refresh_from_db()
    assert order.customer == mine


def test_the_operations_refuse_what_was_not_seen(order: Order) -> None:
    with pytest.raises(ChangedMeanwhile) as refusal:
        orders.revise_order(order, {"amount": Decimal(7)}, seen={"amount": Decimal(4), "item": ""})
    assert refusal.value.names == ["amount"]
    with pytest.raises(ChangedMeanwhile):
        orders.revise_order(order, {}, "COMPLETED", seen={"status": "PROCESSING"})
    with pytest.raises(ChangedMeanwhile):
        customers.update_customer(order.customer, {"name": "New"}, seen={"name": "Other"})
    order.refresh_from_db()
    assert (order.amount, order.status, order.customer.name != "New") == (
        Decimal("5.00"),
        "PENDING",
        True,
    )
    assert order.history.count() == order.customer.history.count() == 1
    orders.revise_order(order, {"amount": Decimal(7)}, seen={"amount": Decimal("5.00")})
    with pytest.raises(ValidationError):
        orders.revise_order(order, {"amount": Decimal(-7)}, seen={"amount": Decimal(7)})


def test_the_boss_sees_who_it_was(admin_client: Client, boss: User, order: Order) -> None:
    """Whoever changed it themself in another window is told the same."""
    stale = shown_in(admin_client.get(page_of(order)))
    admin_client.post(page_of(order), stale | {"item": "Radio"})
    page = admin_client.post(page_of(order), stale | {"item": "Clock"})
    assert errors(page)["item"][0].startswith(
        f"{boss.username} changed this from “Lamp” to “Radio”"
    )


def test_it_is_told_who_linked_the_account_meanwhile(admin_client: Client, boss: User) -> None:
    customer = factories.customer()
    first, second = factories.user(username="first"), factories.user(username="second")
    stale = shown_in(admin_client.get(page_of(customer)))
    admin_client.post(page_of(customer), stale | {"user": str(first.pk)})
    page = admin_client.post(page_of(customer), stale | {"user": str(second.pk)})
    assert errors(page)["user"][0].startswith(
        f"{boss.username} changed this from “nothing” to “first”"
    )
    customer.refresh_from_db()
    assert customer.user == first
