"""A tour of the API with the client that openapi-python-client makes of its document:
``python tour.py ADDRESS PASSWORD``.

It is code as users write it: every name and every answer has its type from the document.
"""

import sys
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from karani_client import AuthenticatedClient, Client
from karani_client.api.customers import create_customer
from karani_client.api.identity import create_token, read_me
from karani_client.api.orders import create_order, create_orders, list_orders, update_order
from karani_client.models import (
    Credentials,
    NewCustomer,
    NewOrder,
    Order,
    OrderOrdering,
    OrderPage,
    OrderPatch,
    OrderStatus,
    Problem,
)
from karani_client.types import UNSET, Response, Unset

Answer = TypeVar("Answer")


def told(answer: Answer | Problem | None) -> Answer:
    """The answer, where it is the one that was hoped for."""
    assert answer is not None
    assert not isinstance(answer, Problem), answer
    return answer


def refused(response: Response[Answer | Problem], status: int) -> Problem:
    """The problem, where the answer is that one."""
    problem = response.parsed
    assert isinstance(problem, Problem), response
    assert problem.status == response.status_code == status, problem
    return problem


def fields(problem: Problem) -> dict[str, list[str]]:
    """The messages of each wrong field."""
    return problem.errors.additional_properties if problem.errors else {}


def token(address: str, password: str) -> AuthenticatedClient:
    """A client with a token, which all other requests carry."""
    anybody = Client(base_url=address)
    wrong = Credentials(username="admin", password="wrong")
    assert refused(create_token.sync_detailed(client=anybody, body=wrong), 401)
    right = Credentials(username="admin", password=password)
    pair = told(create_token.sync(client=anybody, body=right))
    karani = AuthenticatedClient(base_url=address, token=pair.access)
    me = told(read_me.sync(client=karani))
    assert me.username == "admin"
    assert "orders:write" in me.scopes
    return karani


def order(karani: AuthenticatedClient, customer_code: str) -> tuple[Order, str]:
    """An order, sent twice with the same key: it is placed once. With its ETag."""
    body = NewOrder(customer_code=customer_code, item="Tea", amount="1299.99")
    key = str(uuid4())
    first, again = (
        create_order.sync_detailed(client=karani, body=body, idempotency_key=key) for _ in range(2)
    )
    placed = told(first.parsed)
    assert (placed.amount, placed.status) == ("1299.99", OrderStatus.PENDING)
    assert told(again.parsed).id == placed.id
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    return placed, first.headers["ETag"]


def bulk(karani: AuthenticatedClient, customer_code: str) -> None:
    """Many orders, all or none."""
    rows = [
        NewOrder(customer_code=customer_code, item="Sugar", amount=amount)
        for amount in (10, 20, 30, 40)
    ]
    placed = told(create_orders.sync(client=karani, body=rows))
    assert [each.amount for each in placed] == ["10.00", "20.00", "30.00", "40.00"]
    rows.append(NewOrder(customer_code=customer_code, item="Salt", amount="0.001"))
    spoilt = create_orders.sync_detailed(client=karani, body=rows)
    assert list(fields(refused(spoilt, 400))) == ["4.amount"]


def listing(karani: AuthenticatedClient, customer_code: str) -> None:
    """A list with filters, page by page."""
    found: list[Order] = []
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        page = list_orders.sync(
            client=karani,
            customer_code=customer_code,
            status=[OrderStatus.PENDING, OrderStatus.PROCESSING],
            min_amount="15",
            ordering=OrderOrdering.AMOUNT,
            limit=2,
            cursor=cursor,
        )
        assert isinstance(page, OrderPage), page
        assert page.count == 4
        found += page.results
        cursor = parse_qs(urlsplit(page.next_).query)["cursor"][0] if page.next_ else None
    assert [each.amount for each in found] == ["20.00", "30.00", "40.00", "1299.99"]


def version(karani: AuthenticatedClient, order: Order, etag: str) -> None:
    """A change to a version that somebody else has changed meanwhile."""
    first, second = (
        update_order.sync_detailed(
            order.id, client=karani, body=OrderPatch(item="Green tea"), if_match=etag
        )
        for _ in range(2)
    )
    assert told(first.parsed).item == "Green tea"
    refused(second, 412)


def error(karani: AuthenticatedClient) -> None:
    """An error names every wrong field."""
    body = NewOrder(customer_code="NOBODY", item="", amount="10.999")
    problem = refused(create_order.sync_detailed(client=karani, body=body), 400)
    assert problem.detail == "The request has 3 invalid fields."
    assert fields(problem)["customer_code"] == ["Invalid customer code."]
    assert sorted(fields(problem)) == ["amount", "customer_code", "item"]


def main(address: str, password: str) -> None:
    karani = token(address, password)
    print("token")
    # The system gives the code.
    facts = NewCustomer(name="Python", phone_number="+254722000002")
    customer = told(create_customer.sync(client=karani, body=facts))
    assert customer.language == "en"
    print("customer")
    placed, etag = order(karani, customer.code)
    print("order")
    bulk(karani, customer.code)
    print("bulk")
    listing(karani, customer.code)
    print("list")
    version(karani, placed, etag)
    print("version")
    error(karani)
    print("error")


if __name__ == "__main__":
    main(*sys.argv[1:])
