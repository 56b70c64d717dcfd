"""What each operation may cost in queries, its authentication among them: the same for one row and
for fifty."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Order
from identity.models import PersonalAccessToken
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

LISTS = {  # the token with what its user may do, the page, the count
    "/api/customers/": 3,
    "/api/customers/?q=customer": 3,
    "/api/orders/": 3,
    "/api/orders/?q=lap&status=PENDING&status=COMPLETED&ordering=amount": 3,
    "/api/orders/search/?q=lap": 3,
    "/api/messages/": 3,
}
OF_ONE_CUSTOMER = {
    "/api/orders/by-customer/?customer_code=CUST001": 3,
    "/api/orders/customer/{customer_id}/": 3,
    "/api/customers/{customer_id}/orders/": 3,
}


@pytest.fixture(params=["Clerk", "superuser", "personal token"])
def caller(request: pytest.FixtureRequest, templates: None) -> Api:
    if request.param == "superuser":
        return Api(factories.superuser())
    caller = Api(factories.user("Clerk"))
    if request.param == "personal token":
        text = factories.personal_token(factories.user("Clerk"))
        caller.headers["Authorization"] = f"Bearer {text}"
        # In this minute it was used before: the first use in each is a query more.
        until = timezone.now() + timedelta(hours=1)
        PersonalAccessToken.objects.update(last_used_at=until)
    return caller


@pytest.fixture
def order(templates: None) -> Order:
    return factories.order(customer=factories.customer(code="CUST001"))


def statements(call: Any) -> list[str]:
    """What was asked of the database, but for where transactions begin and end."""
    with CaptureQueriesContext(connection) as queries:
        response = call()
    assert response.status_code < 300, response.content
    return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]


@pytest.mark.parametrize(("path", "most"), [*LISTS.items(), *OF_ONE_CUSTOMER.items()])
def test_a_list_costs_the_same_for_one_row_and_for_fifty(
    caller: Api, order: Order, path: str, most: int
) -> None:
    path = path.format(customer_id=order.customer_id)
    page = f"{path}{'&' if '?' in path else '?'}limit=1"
    one = statements(lambda: caller.get(page))
    customer = order.customer if path.format() not in LISTS else None
    for _ in range(60):
        factories.order(customer=customer or factories.customer())
    page = page.replace("limit=1", "limit=50")
    assert len(caller.get(page).json()["results"]) == 50
    fifty = statements(lambda: caller.get(page))
    assert len(one) == most, one
    assert len(fifty) == most, fifty


@pytest.mark.parametrize(
    "path",
    [
        "/api/me/",
        "/api/customers/{customer_id}/",
        "/api/orders/{order_id}/",
        "/api/messages/{message_id}/",
    ],
)
def test_to_read_one_costs_two(caller: Api, order: Order, path: str) -> None:
    message_id = caller.get("/api/messages/").json()["results"][0]["id"]
    path = path.format(customer_id=order.customer_id, order_id=order.pk, message_id=message_id)
    asked = statements(lambda: caller.get(path))
    assert len(asked) <= 2, asked


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/customers/", {"name": "John Doe", "phone_number": "+254722000000"}),
        ("/api/customers/", {"name": "J", "phone_number": "+254722000000", "code": "J1"}),
        ("/api/orders/", {"customer_code": "CUST001", "item": "Mouse", "amount": "1.00"}),
        ("/api/messages/", {"phone_number": "+254722000000", "text": "Hello"}),
    ],
)
def test_to_create_one_costs_at_most_eight(
    caller: Api, order: Order, path: str, body: dict[str, Any]
) -> None:
    factories.customer()  # the first code of all costs the row of their counter, too
    asked = statements(lambda: caller.post(path, body))
    assert len(asked) <= 8, asked
