"""What changed of a customer or an order, as people read it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from simple_history.models import HistoricalRecords

from crm import customers, orders, timeline
from crm.models import Customer, Order
from crm.timeline import Change, Entry
from tests import factories

pytestmark = pytest.mark.django_db

NOBODY = "somebody unknown"


def told(entries: list[Entry]) -> list[tuple[Any, ...]]:
    return [(entry.title, entry.by, entry.changes, entry.detail) for entry in entries]


def test_a_change_is_told_with_the_field_in_words_and_what_it_held_before_and_after() -> None:
    customer = factories.customer(name="Before", phone_number="+254722000000")
    facts = {"name": "After", "phone_number": "+49300074321", "language": "sw", "email": "a@b.ke"}
    customers.update_customer(customer, facts)
    assert told(timeline.entries_of(customer)) == [
        (
            "Changed",
            NOBODY,
            (
                Change("Name", "Before", "After"),
                Change("Phone number", "0722 000000", "+49 30 0074321"),
                Change("Email", "nothing", "a@b.ke"),
                Change("Language", "English", "Kiswahili"),
            ),
            "",
        ),
        ("Created", NOBODY, (), ""),
    ]


def test_an_order_tells_of_its_moves_its_amounts_and_its_times() -> None:
    order = factories.order(amount="1299.99", order_time="2026-09-21T12:00:00Z")
    order.refresh_from_db()
    orders.revise_order(order, {"amount": "80405", "reference": "R-1"}, "PROCESSING")
    assert timeline.entries_of(order)[0].changes == (
        Change("Amount", "1,299.99", "80,405.00"),
        Change("Status", "Pending", "Processing"),
        Change("Reference", "nothing", "R-1"),
    )


def test_who_changed_it_is_told_where_that_is_known(rf: Any) -> None:
    customer, clerk = factories.customer(), factories.user("Clerk", username="wanjiku")
    HistoricalRecords.context.request = request = rf.get("/")
    request.user = clerk
    try:
        customers.update_customer(customer, {"name": "After"})
    finally:
        del HistoricalRecords.context.request
    assert [entry.by for entry in timeline.entries_of(customer)] == ["wanjiku", NOBODY]


def test_another_customer_or_account_is_told_by_name_and_so_is_one_that_is_gone() -> None:
    first, second = factories.customer(name="First", code="A1"), factories.customer(name="Second")
    order = factories.order(customer=first)
    orders.revise_order(order, {"customer": second})
    customers.delete_customer(first)
    order.refresh_from_db()
    (change,) = timeline.entries_of(order)[0].changes
    assert change == Change("Customer", "First (A1)", f"Second ({second.code})")
    account = factories.user(username="jane")
    customers.update_customer(second, {"user": account})
    assert timeline.entries_of(second)[0].changes == (Change("Account", "nothing", "jane"),)
    assert told(timeline.entries_of(second, hidden={"user"})) == [("Created", NOBODY, (), "")]


def test_why_it_changed_is_told_and_a_save_that_changed_nothing_is_not() -> None:
    customer = factories.customer(name="Before")
    customers.update_customer(customer, {"name": "Before"})
    customer._change_reason = "Import of sheet.csv"  # type: ignore[attr-defined]  # read by simple_history
    customers.update_customer(customer, {"name": "Before"})
    assert told(timeline.entries_of(customer)) == [
        ("Changed", NOBODY, (), "Import of sheet.csv"),
        ("Created", NOBODY, (), ""),
    ]


def test_of_a_long_history_the_newest_are_told_with_what_was_before_each() -> None:
    customer = factories.customer(name="Name 0")
    for number in range(1, 5):
        customers.update_customer(customer, {"name": f"Name {number}"})
    assert [entry.changes for entry in timeline.entries_of(customer, most=2)] == [
        (Change("Name", "Name 3", "Name 4"),),
        (Change("Name", "Name 2", "Name 3"),),
    ]


def test_what_was_said_of_texts_is_told_among_the_changes_by_its_time() -> None:
    customer = factories.customer(name="Before")
    boss = factories.superuser(username="boss")
    customers.update_customer(customer, {}, word=factories.word(wants_texts=False, said_by=boss))
    customers.update_customer(customer, {"name": "After"})
    entries = timeline.newest_first(
        timeline.entries_of(customer), timeline.consent_entries(customer.phone_number)
    )
    assert [(entry.title, entry.by, entry.detail) for entry in entries] == [
        ("Changed", NOBODY, ""),
        ("No texts wanted", "boss", "By staff"),
        ("Created", NOBODY, ""),
    ]


@pytest.mark.parametrize("count", [2, 20])
def test_a_long_history_costs_no_more_queries_than_a_short_one(count: int) -> None:
    order = factories.order()
    buyers = [factories.customer() for _ in range(count)]
    for buyer in buyers:
        orders.revise_order(order, {"customer": buyer})
    kept = Order.objects.get(pk=order.pk)
    with CaptureQueriesContext(connection) as queries:
        assert len(timeline.entries_of(kept)) == count + 1
    assert len(queries) == 2
    assert Customer.objects.count() == count + 1
