"""Pages of a list: each row once, whichever way one walks and whatever happens meanwhile."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis.exceptions import ConnectionError as CacheIsDown

from crm import orders
from crm.models import Customer, Order
from project import pagination
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


def test_a_row_with_a_long_name_in_any_script_is_walked_past(api: Any) -> None:
    name = "".join(chr(0x1F600 + number) for number in range(80)) + "𐐀𐑐" * 60
    made = [factories.customer(name=name), factories.customer(name=name)]
    pages = walk(api, api.get("/api/customers/", ordering="name", limit=1).json(), "next")
    assert pages == [[str(customer.pk)] for customer in made]


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


NOT_OURS = "This is not a cursor that was given out here."
OF_ANOTHER_LIST = "This cursor belongs to a list with another address, filters or ordering."


def cursor_of(api: Any, path: str = PATH, **query: Any) -> str:
    """The cursor of the second page."""
    link = api.get(path, limit=2, **query).json()["next"]
    (cursor,) = parse_qs(urlsplit(str(link)).query)["cursor"]
    return cursor


def position(api: Any, **changes: Any) -> dict[str, Any]:
    """What the cursor of the second page says, changed."""
    return {**pagination.Position.read(cursor_of(api)).model_dump(), **changes}


def assert_refused(api: Any, cursor: str, problem: str, path: str = PATH, **query: Any) -> None:
    response = api.get(path, cursor=cursor, **query)
    assert_wrong(response, "cursor")
    assert response.json()["errors"]["cursor"] == [problem]


def test_a_forged_cursor_is_refused(api: Any, seven: list[Order]) -> None:
    facts = position(api)
    mine = signing.dumps(facts, key="a key of mine", salt="project.pagination")
    elsewhere = signing.dumps(facts, salt="crm.spreadsheets.uploaded")
    for cursor in ("1", "x:y:z", "é", "x" * 1000, mine, elsewhere):
        assert_refused(api, cursor, NOT_OURS)


@pytest.mark.parametrize(
    "changes",
    [
        {"value": "yesterday"},
        {"value": "2026-13-01T00:00:00+00:00"},
        {"value": ""},
        {"value": None},
        {"value": 5},
        {"value": ["2026-01-01"]},
        {"pk": "1"},
        {"pk": None},
        {"is_backward": "perhaps"},
        {"list": None},
    ],
    ids=str,
)
def test_a_cursor_that_we_signed_but_cannot_read_is_refused(
    api: Any, seven: list[Order], changes: dict[str, Any]
) -> None:
    cursor = signing.dumps(position(api, **changes), salt="project.pagination")
    assert_refused(api, cursor, NOT_OURS)


@pytest.mark.parametrize("facts", [None, [], "2026", {"ordering": "-created_at", "pk": "1"}])
def test_a_cursor_of_another_version_is_refused(api: Any, facts: Any) -> None:
    assert_refused(api, signing.dumps(facts, salt="project.pagination"), NOT_OURS)


def test_a_cursor_from_before_the_key_changed_is_refused_unless_the_old_key_is_kept(
    api: Any, seven: list[Order], settings: Any
) -> None:
    cursor = signing.dumps(position(api), key="the old key", salt="project.pagination")
    assert_refused(api, cursor, NOT_OURS)
    settings.SECRET_KEY_FALLBACKS = ["the old key"]
    assert ids(api.get(PATH, cursor=cursor).json())[0] == str(seven[4].pk)


def test_a_cursor_that_was_tampered_with_is_refused(api: Any, seven: list[Order]) -> None:
    given = parse_qs(urlsplit(api.get(PATH, limit=2).json()["next"]).query)["cursor"][0]
    changed = ("B" if given.startswith("A") else "A") + given[1:]
    assert_wrong(api.get(PATH, cursor=changed), "cursor")


def test_a_cursor_that_is_too_long_is_refused(api: Any) -> None:
    assert_wrong(api.get(PATH, cursor="x" * 1001), "cursor")


@pytest.mark.parametrize("other", ["amount", "-amount", "created_at"])
def test_a_cursor_of_another_ordering_is_refused(api: Any, seven: list[Order], other: str) -> None:
    assert_refused(api, cursor_of(api), OF_ANOTHER_LIST, ordering=other)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/customers/", {}),
        ("/api/orders/search/", {"q": "John"}),
        ("/api/orders/by-customer/", {"customer_code": "CUST900"}),
        ("/api/orders/customer/{customer}/", {}),
        (PATH, {"q": "laptop"}),
        (PATH, {"status": "PENDING"}),
        (PATH, {"customer_code": "CUST900"}),
        (PATH, {"start_date": "2026-01-01"}),
    ],
    ids=str,
)
def test_a_cursor_of_another_list_is_refused(
    api: Any, seven: list[Order], path: str, query: dict[str, str]
) -> None:
    path = path.format(customer=seven[0].customer_id)
    assert_refused(api, cursor_of(api), OF_ANOTHER_LIST, path, **query)


def test_a_cursor_of_another_search_is_refused(api: Any, seven: list[Order]) -> None:
    cursor = cursor_of(api, q="laptop")
    assert_refused(api, cursor, OF_ANOTHER_LIST, q="computer")
    assert_refused(api, cursor, OF_ANOTHER_LIST)


def test_a_cursor_goes_with_another_limit(api: Any, seven: list[Order]) -> None:
    page = api.get(PATH, cursor=cursor_of(api), limit=3).json()
    assert ids(page) == [str(order.pk) for order in reversed(seven[2:5])]


# --- The count ----------------------------------------------------------------------------------


@pytest.fixture
def three_are_many() -> Iterator[None]:
    """A count above three is a large one, and none is remembered from before."""
    cache.clear()
    with patch.object(pagination, "EXACT_UP_TO", 3):
        yield
    cache.clear()


def queries(ask: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert ask().status_code == 200
    return len(captured)


def test_a_large_count_is_remembered_on_all_pages_and_for_a_while(
    api: Any, seven: list[Order], three_are_many: None
) -> None:
    first = api.get(PATH, limit=3).json()
    factories.order(customer=seven[0].customer)
    assert queries(lambda: api.get(PATH, limit=3)) == 2  # the token, the page
    assert api.get(PATH, limit=3, ordering="amount").json()["count"] == 7
    assert follow(api, first["next"])["count"] == 7
    cache.clear()  # as time does
    assert api.get(PATH, limit=3).json()["count"] == 8


def test_a_large_count_is_forgotten_after_a_minute(
    api: Any, seven: list[Order], three_are_many: None
) -> None:
    with patch.object(cache, "set", wraps=cache.set) as remember:
        api.get(PATH, limit=3)
    ((_, count, seconds), _) = remember.call_args
    assert (count, seconds) == (7, 60)


def test_where_the_cache_fails_each_page_is_counted(
    api: Any, seven: list[Order], three_are_many: None
) -> None:
    def fail(*args: Any) -> None:
        raise CacheIsDown("Connection refused.")

    with patch.object(cache, "get", fail), patch.object(cache, "set", fail):
        assert api.get(PATH, limit=3).json()["count"] == 7
        factories.order(customer=seven[0].customer)
        assert api.get(PATH, limit=3).json()["count"] == 8


def test_a_small_count_is_that_of_now(api: Any, three_are_many: None) -> None:
    customer = factories.customer()
    for number in range(1, 4):
        factories.order(customer=customer)
        assert api.get(PATH, limit=1).json()["count"] == number
    assert queries(lambda: api.get(PATH, limit=1)) == 3  # the token, the page, the count


def test_each_filter_has_a_count_of_its_own(
    api: Any, seven: list[Order], three_are_many: None
) -> None:
    for order in seven[:5]:
        orders.change_status(order, "PROCESSING")
    counts = [
        api.get(PATH, limit=1, **query).json()["count"]
        for query in ({}, {"status": "PROCESSING"}, {"status": "PENDING"}, {"q": "laptop"})
    ]
    assert counts == [7, 5, 2, 7]


def test_nobody_is_told_the_count_of_what_others_see(
    api: Any, as_user: Callable[..., Any], seven: list[Order], three_are_many: None
) -> None:
    assert api.get(PATH, limit=1).json()["count"] == 7
    counts = []
    for number in (5, 4):
        user = factories.user()
        customer = factories.customer(user=user)
        for _ in range(number):
            factories.order(customer=customer)
        counts.append(as_user(user).get(PATH, limit=1).json()["count"])
    assert counts == [5, 4]


def test_a_last_page_counts_the_pages_before_it(api: Any, seven: list[Order]) -> None:
    page = follow(api, api.get(PATH, limit=6).json()["next"])
    assert (len(page["results"]), page["count"]) == (1, 7)


def test_a_filter_that_nothing_can_meet_leaves_none(api: Any, seven: list[Order]) -> None:
    cursor = cursor_of(api)
    with patch("crm.models.OrderQuerySet.visible_to", lambda self, user: self.none()):
        page = api.get(PATH, cursor=cursor).json()
    assert page == {"count": 0, "next": None, "previous": None, "results": []}


# --- The cost -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/orders/", "/api/customers/"])
@pytest.mark.parametrize("limit", [1, 500])
def test_a_page_costs_the_same_queries_with_few_rows_and_with_fifty(
    api: Any, path: str, limit: int
) -> None:
    factories.order(), factories.order()
    few = queries(lambda: api.get(path, limit=limit))
    for _ in range(48):
        factories.order()
    assert Customer.objects.count() == Order.objects.count() == 50
    assert queries(lambda: api.get(path, limit=limit)) == few
