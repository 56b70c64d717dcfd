"""The lists of customers and of orders: tabs, columns, views, and what they say when empty."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import orders, sales
from crm.models import Order
from project import home
from tests import factories

pytestmark = pytest.mark.django_db

ORDERS = "/admin/crm/order/"


@pytest.fixture
def client() -> Client:
    """A browser in which a Manager is signed in."""
    client = Client()
    client.force_login(factories.user("Manager"))
    return client


def listed(page: Any) -> list[Any]:
    return list(page.context["cl"].result_list)


# --- Tabs ---------------------------------------------------------------------------------------


@pytest.fixture
def four(client: Client) -> list[Order]:
    """Two lamps and two radios: pending, processing; completed, cancelled."""
    made = [factories.order(item=item) for item in ("Lamp", "Lamp", "Radio", "Radio")]
    for order, status in zip(made[1:], ("PROCESSING", "COMPLETED", "CANCELLED"), strict=True):
        orders.change_status(order, status)
    return made


def counts(page: Any) -> dict[str, int]:
    return {tab.title: tab.count for tab in page.context["cl"].tabs}


def test_each_status_has_a_tab_that_counts_its_orders(client: Client, four: list[Order]) -> None:
    page = client.get(ORDERS)
    assert counts(page) == {
        "All": 4,
        "To fulfil": 2,
        "Pending": 1,
        "Processing": 1,
        "Completed": 1,
        "Cancelled": 1,
    }
    assert 'href="?" aria-current="page">All <span>4</span>' in page.content.decode()


def test_a_tab_leads_to_as_many_orders_as_it_says(client: Client, four: list[Order]) -> None:
    for query in ("", "?q=lamp", "?status__exact=PENDING", "?order_time_from_0=2020-01-01&o=-4"):
        for tab in client.get(ORDERS + query).context["cl"].tabs:
            page = client.get(ORDERS + tab.link)
            [current] = [each for each in page.context["cl"].tabs if each.is_current]
            assert current.title == tab.title
            assert len(listed(page)) == page.context["cl"].result_count == tab.count


def test_tabs_count_under_the_search_and_keep_it(client: Client, four: list[Order]) -> None:
    page = client.get(ORDERS, {"q": "lamp", "status__exact": "COMPLETED", "p": "1"})
    assert counts(page) == {
        "All": 2,
        "To fulfil": 2,
        "Pending": 1,
        "Processing": 1,
        "Completed": 0,
        "Cancelled": 0,
    }
    links = {tab.title: tab.link for tab in page.context["cl"].tabs}
    assert (links["All"], links["Pending"]) == ("?q=lamp", "?q=lamp&status__exact=PENDING")


def test_statuses_that_have_no_tab_together_are_on_none(client: Client, four: list[Order]) -> None:
    span = home.orders_of(sales.last_days(30))
    page = client.get(span)
    assert len(listed(page)) == 3
    assert not any(tab.is_current for tab in page.context["cl"].tabs)


def test_tabs_cost_no_query_more_than_the_count_of_the_rows_did(
    client: Client, four: list[Order]
) -> None:
    client.get(ORDERS)
    for query in ({}, {"q": "lamp"}, {"q": "lamp", "status__exact": "PENDING"}):
        with CaptureQueriesContext(connection) as queries:
            client.get(ORDERS, query)
        asked = [each["sql"] for each in queries if 'FROM "crm_order"' in each["sql"]]
        assert ["COUNT(" in sql for sql in asked] == [True, False]
