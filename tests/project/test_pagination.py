"""Pages of a list: each row once, whichever way one walks and whatever happens meanwhile."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import orders
from crm.models import Customer, Order
from tests import factories

pytestmark = pytest.mark.django_db

PATH = "/api/orders/"


@pytest.fixture
def seven(db: None) -> list[Order]:
    """Seven orders of the same amount, oldest first."""
    customer = factories.customer(name="John Doe", code="CUST900")
    return [factories.order(customer=customer, amount="100.00") for _ in range(7)]


def follow(api: Any, link: str) -> Any:
    parts = urlsplit(link)
    response = api.client.get(f"{parts.path}?{parts.query}", headers=api.headers)
    assert response.status_code == 200, response.content
    return response.json()


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["results"]]


def walk(api: Any, page: Any, direction: str) -> list[list[str]]:
    """The ids on each page from this one on."""
    pages = [ids(page)]
    while page[direction]:
        page = follow(api, page[direction])
        pages.append(ids(page))
    return pages


def last_page(api: Any, page: Any) -> Any:
    while page["next"]:
        page = follow(api, page["next"])
    return page


# --- Walking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ordering", ["amount", "-amount", "created_at", "-created_at", "order_time", "-order_time"]
)
def test_every_row_comes_once_forward_and_back(api: Any, seven: list[Order], ordering: str) -> None:
    wanted = [str(order.pk) for order in seven]
    if ordering.startswith("-"):
        wanted.reverse()
    first = api.get(PATH, ordering=ordering, limit=2).json()
    forward = walk(api, first, "next")
    assert forward == [wanted[0:2], wanted[2:4], wanted[4:6], wanted[6:7]]
    back = walk(api, last_page(api, first), "previous")
    assert back == [wanted[6:7], wanted[4:6], wanted[2:4], wanted[0:2]]


def test_every_page_counts_all_rows(api: Any, seven: list[Order]) -> None:
    page = api.get(PATH, limit=3).json()
    counts = [page["count"]]
    while page["next"]:
        page = follow(api, page["next"])
        counts.append(page["count"])
    assert counts == [7, 7, 7]


def test_the_ends_have_no_further_link(api: Any, seven: list[Order]) -> None:
    first = api.get(PATH, limit=4).json()
    last = follow(api, first["next"])
    again = follow(api, last["previous"])
    assert first["previous"] is None
    assert last["next"] is None
    assert again["previous"] is None
    assert ids(again) == ids(first)


def test_a_page_that_just_fits_has_no_next(api: Any, seven: list[Order]) -> None:
    assert api.get(PATH, limit=7).json()["next"] is None


def test_the_newest_ten_come_first(api: Any) -> None:
    customer = factories.customer()
    made = [str(factories.order(customer=customer).pk) for _ in range(11)]
    page = api.get(PATH).json()
    assert ids(page) == made[:0:-1]
    assert ids(follow(api, page["next"])) == made[:1]


def test_an_empty_list_is_one_empty_page(api: Any) -> None:
    body = api.get(PATH).json()
    assert body == {"count": 0, "next": None, "previous": None, "results": []}


def test_names_that_are_alike_are_walked_too(api: Any) -> None:
    made = [factories.customer(name=name) for name in ("Neema", "Amina", "Neema", "Neema", "Zuri")]
    wanted = [str(made[index].pk) for index in (1, 0, 2, 3, 4)]
    pages = walk(api, api.get("/api/customers/", ordering="name", limit=2).json(), "next")
    assert pages == [wanted[0:2], wanted[2:4], wanted[4:5]]


# --- While rows come and go ---------------------------------------------------------------------


def test_rows_added_while_paging_repeat_nothing(api: Any, seven: list[Order]) -> None:
    wanted = [str(order.pk) for order in reversed(seven)]
    first = api.get(PATH, limit=2).json()
    for _ in range(3):
        factories.order(customer=seven[0].customer)
    assert [row for page in walk(api, first, "next") for row in page] == wanted


def test_rows_added_while_paging_are_met_on_the_way_back(api: Any, seven: list[Order]) -> None:
    second = follow(api, api.get(PATH, limit=2).json()["next"])
    added = factories.order(customer=seven[0].customer)
    back = [row for page in walk(api, second, "previous") for row in page]
    assert back[2:] == [str(seven[6].pk), str(seven[5].pk), str(added.pk)]


def test_rows_deleted_while_paging_skip_no_other(api: Any, seven: list[Order]) -> None:
    newest_first = list(reversed(seven))
    first = api.get(PATH, limit=2).json()
    for index in (0, 1, 3):  # the cursor's own row is the second
        orders.delete_order(newest_first[index])
    rest = [row for page in walk(api, first, "next")[1:] for row in page]
    assert rest == [str(newest_first[index].pk) for index in (2, 4, 5, 6)]


def test_a_row_deleted_among_equals_skips_no_other(api: Any, seven: list[Order]) -> None:
    first = api.get(PATH, limit=2, ordering="amount").json()
    orders.delete_order(seven[1])  # the cursor's own
    rest = [row for page in walk(api, first, "next")[1:] for row in page]
    assert rest == [str(order.pk) for order in seven[2:]]


# --- Links --------------------------------------------------------------------------------------


def test_a_link_is_a_full_address_that_keeps_the_filters(api: Any, seven: list[Order]) -> None:
    orders.change_status(seven[3], "PROCESSING")
    orders.change_status(seven[4], "CANCELLED")
    query = {
        "status": ["PENDING", "PROCESSING"],
        "q": "laptop & co",
        "customer_code": "CUST900",
        "min_amount": "1",
        "ordering": "amount",
        "limit": "2",
    }
    for order in seven[:4]:
        order.refresh_from_db(fields=["status"])
        orders.revise_order(order, {"item": "Laptop & Co."})
    page = api.get(PATH, **query).json()
    parts = urlsplit(page["next"])
    kept = parse_qs(parts.query)
    del kept["cursor"]
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"http://testserver{PATH}"
    assert kept == {
        name: value if isinstance(value, list) else [value] for name, value in query.items()
    }
    assert page["count"] == 4
    assert walk(api, page, "next") == [
        [str(seven[0].pk), str(seven[1].pk)],
        [str(seven[2].pk), str(seven[3].pk)],
    ]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/orders/search/", {"q": "John"}),
        ("/api/orders/by-customer/", {"customer_code": "CUST900"}),
        ("/api/orders/customer/{customer}/", {}),
        ("/api/customers/{customer}/orders/", {}),
    ],
)
def test_every_list_of_orders_is_walked_alike(
    api: Any, seven: list[Order], path: str, query: dict[str, str]
) -> None:
    factories.order()
    path = path.format(customer=seven[0].customer_id)
    wanted = [str(order.pk) for order in reversed(seven)]
    pages = walk(api, api.get(path, limit=3, **query).json(), "next")
    assert pages == [wanted[0:3], wanted[3:6], wanted[6:7]]


# --- What is refused ----------------------------------------------------------------------------


def assert_wrong(response: Any, field: str) -> None:
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert list(response.json()["errors"]) == [field]


@pytest.mark.parametrize("limit", ["0", "-1", "501", "abc", "1.5", ""])
def test_a_limit_is_from_one_to_five_hundred(api: Any, limit: str) -> None:
    assert_wrong(api.get(PATH, limit=limit), "limit")


@pytest.mark.parametrize("limit", [1, 500])
def test_the_least_and_the_greatest_limit_are_taken(
    api: Any, seven: list[Order], limit: int
) -> None:
    assert len(api.get(PATH, limit=limit).json()["results"]) == min(limit, 7)


@pytest.mark.parametrize("ordering", ["item", "--amount", "customer__name", "id", ""])
def test_an_ordering_that_is_not_offered_is_refused(api: Any, ordering: str) -> None:
    assert_wrong(api.get(PATH, ordering=ordering), "ordering")


def forged(seven: list[Order]) -> list[str]:
    facts = {
        "ordering": "-created_at",
        "value": seven[3].created_at.isoformat(),
        "pk": str(seven[3].pk),
        "is_backward": False,
    }
    mine = signing.dumps(facts, key="a key of mine", salt="project.pagination")
    elsewhere = signing.dumps(facts, salt="crm.spreadsheets.uploaded")
    return ["1", "x:y:z", "é", "x" * 1000, mine, elsewhere]


def test_a_forged_cursor_is_refused(api: Any, seven: list[Order]) -> None:
    for cursor in forged(seven):
        response = api.get(PATH, cursor=cursor)
        assert_wrong(response, "cursor")
        assert response.json()["errors"]["cursor"] == [
            "This is not a cursor that was given out here."
        ]


def test_a_cursor_that_was_tampered_with_is_refused(api: Any, seven: list[Order]) -> None:
    given = parse_qs(urlsplit(api.get(PATH, limit=2).json()["next"]).query)["cursor"][0]
    changed = ("B" if given.startswith("A") else "A") + given[1:]
    assert_wrong(api.get(PATH, cursor=changed), "cursor")


def test_a_cursor_that_is_too_long_is_refused(api: Any) -> None:
    assert_wrong(api.get(PATH, cursor="x" * 1001), "cursor")


@pytest.mark.parametrize("other", ["amount", "-amount", "created_at"])
def test_a_cursor_of_another_ordering_is_refused(api: Any, seven: list[Order], other: str) -> None:
    given = parse_qs(urlsplit(api.get(PATH, limit=2).json()["next"]).query)["cursor"][0]
    response = api.get(PATH, cursor=given, ordering=other)
    assert_wrong(response, "cursor")
    assert response.json()["errors"]["cursor"] == [
        "This cursor belongs to a list in another ordering."
    ]


# --- The cost -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/orders/", "/api/customers/"])
def test_a_page_costs_the_same_queries_with_one_row_and_with_fifty(api: Any, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get(path, limit=500).status_code == 200
        return len(captured)

    factories.order()
    few = queries()
    for _ in range(49):
        factories.order()
    assert Customer.objects.count() == Order.objects.count() == 50
    assert queries() == few
