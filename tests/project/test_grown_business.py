"""The pages that grow with the business cost the queries that they cost when it was small."""

from itertools import cycle

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import notes, orders
from crm.models import Customer, Order
from identity.models import User
from sms import incoming
from tests import factories

FEW, MANY = 10, 1_000
PAGES = [
    "/admin/",
    "/admin/crm/order/",
    "/admin/crm/order/?status__exact=COMPLETED",
    "/admin/crm/order/?q=lamp",
    "/admin/crm/order/?p=2",
    "/admin/crm/customer/",
    "/admin/crm/customer/?q=customer",
    "/admin/crm/customer/?alike=name_key",
    "/admin/sms/message/",
    "/admin/sms/incomingtext/",
    "/admin/sms/consentchange/",
    "/admin/search/?s=lamp",
]


def grow_to(count: int, regular: Customer, staff: User) -> None:
    """So many orders, each with its text, and at least half as many of all else; half of all the
    orders are one customer's."""
    with transaction.atomic():
        for number, step in zip(range(Order.objects.count(), count), cycle("abcd"), strict=False):
            customer = regular if step in "ab" else factories.customer()
            order = factories.order(customer=customer, item="Lamp")
            if step in "bc":
                orders.change_status(order, "COMPLETED")
            incoming.receive_text(customer.phone_number, "STOP" if step == "d" else "Is it ready?")
            notes.add_note(regular, f"Call {number}", author=staff)


@pytest.mark.usefixtures("roles", "templates")
def test_what_staff_work_with_costs_the_same_for_10_rows_and_for_1000(boss: User) -> None:
    regular = factories.customer()
    one_of_them = factories.order(customer=regular)
    pages = [
        *PAGES,
        f"/admin/crm/customer/{regular.pk}/change/",
        f"/admin/crm/order/{one_of_them.pk}/change/",
    ]
    client = Client()
    client.force_login(boss)
    costs: dict[str, list[int]] = {page: [] for page in pages}
    for count in (FEW, MANY):
        grow_to(count, regular, boss)
        assert Order.objects.count() == count
        for page, seen in costs.items():
            client.get(page)  # whatever is looked up once
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200, page
            seen.append(len(queries))
    assert {page: seen for page, seen in costs.items() if len(set(seen)) > 1} == {}
