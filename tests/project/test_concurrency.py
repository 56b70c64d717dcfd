"""Thirty-two callers at the same moment, over the API and against a real PostgreSQL."""

from collections import Counter
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.models import Customer, Order
from identity.models import User
from sms.models import Message
from tests import factories
from tests.conftest import JSON, Api

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite lets one of them write at a time"
    ),
    pytest.mark.django_db(transaction=True),
]

CALLERS = 32


@pytest.fixture
def boss() -> User:
    return factories.superuser()


def at_once(call: Callable[[Api, int], Any], boss: User) -> list[Any]:
    """What each caller was answered."""
    callers = [Api(boss) for _ in range(CALLERS)]
    answers: list[Any] = []
    start = Barrier(CALLERS)

    def run(number: int) -> None:
        try:
            start.wait(timeout=60)
            answers.append(call(callers[number], number))
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == CALLERS
    return answers


def test_customers_without_a_code_get_each_their_own(boss: User) -> None:
    def register(api: Api, number: int) -> Any:
        body = {"name": "John Doe", "phone_number": f"+2547220000{number:02d}"}
        return api.post("/api/customers/", body)

    answers = at_once(register, boss)
    assert {answer.status_code for answer in answers} == {201}
    codes = {answer.json()["code"] for answer in answers}
    assert codes == {f"CUST{number:03d}" for number in range(1, CALLERS + 1)}
    assert Customer.objects.count() == CALLERS


def test_a_phone_that_all_want_goes_to_one(boss: User) -> None:
    body = {"name": "John Doe", "phone_number": "+254722000000"}
    answers = at_once(lambda api, number: api.post("/api/customers/", body), boss)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 400: CALLERS - 1}
    assert Customer.objects.count() == 1


def test_an_account_gets_one_record(boss: User) -> None:
    user = factories.user()

    def register(_: Api, number: int) -> Any:
        client = Client(REMOTE_ADDR=f"203.0.113.{number}")
        client.force_login(user)
        facts = {"name": "Jane Doe", "phone_number": f"07220000{number:02d}"}
        return client.post("/my-orders/register/", facts)

    answers = at_once(register, boss)
    assert Counter(answer.status_code for answer in answers) == {302: CALLERS}
    assert Customer.objects.get().user == user


@pytest.mark.parametrize("with_etag", [False, True])
def test_of_those_who_move_an_order_one_wins(boss: User, with_etag: bool) -> None:
    order = factories.order()
    address = f"/api/orders/{order.pk}/"
    seen = {"If-Match": Api(boss).get(address)["ETag"]} if with_etag else {}

    def move(api: Api, number: int) -> Any:
        status = ("PROCESSING", "COMPLETED", "CANCELLED")[number % 3] if with_etag else "COMPLETED"
        headers = api.headers | seen
        return api.client.patch(address, {"status": status}, content_type=JSON, headers=headers)

    answers = at_once(move, boss)
    loser = 412 if with_etag else 409
    assert Counter(answer.status_code for answer in answers) == {200: 1, loser: CALLERS - 1}
    [winner] = [answer.json() for answer in answers if answer.status_code == 200]
    assert Order.objects.get().status == winner["status"]
    assert order.history.filter(history_type="~").count() == 1


def test_one_idempotency_key_makes_one_order(boss: User) -> None:
    factories.templates()
    factories.customer(code="CUST001")
    body = {"customer_code": "CUST001", "item": "Laptop", "amount": "1.00"}

    def place(api: Api, number: int) -> Any:
        headers = api.headers | {"Idempotency-Key": "the-one"}
        return api.client.post("/api/orders/", body, content_type=JSON, headers=headers)

    answers = at_once(place, boss)
    assert {answer.status_code for answer in answers} <= {201, 409}
    placed = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in placed}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in placed) == 1
    assert (Order.objects.count(), Message.objects.count()) == (1, 1)


@pytest.mark.parametrize("is_new", [True, False])
def test_a_form_that_is_sent_many_times_at_once_takes_one_order(boss: User, is_new: bool) -> None:
    factories.templates()
    person = {"customer_name": "Jane Doe", "customer_phone": "0722000001"}
    if not is_new:
        person = {"customer": str(factories.customer().pk)}
    order = {"item": "Laptop", "amount": "1.00", "form_key": "the-one", "reference": "R1"}
    moment = {"order_time_0": "2026-09-21", "order_time_1": "12:00:00"}
    clients = [Client() for _ in range(CALLERS)]
    for client in clients:
        client.force_login(boss)

    def take(_: Api, number: int) -> Any:
        return clients[number].post("/admin/crm/order/add/", order | person | moment)

    answers = at_once(take, boss)
    page = f"/admin/crm/order/{Order.objects.get().pk}/change/"
    led_to = Counter(answer.headers.get("Location", answer.status_code) for answer in answers)
    assert led_to == {page: CALLERS}
    assert (Customer.objects.count(), Message.objects.count()) == (1, 1)


@pytest.mark.parametrize("kind", ["order", "customer"])
def test_of_those_who_change_what_all_saw_one_wins_and_the_others_are_told(
    boss: User, kind: str
) -> None:
    record = factories.order(amount="5.00")
    values = [f"{number}.00" for number in range(10, 10 + CALLERS)]
    fields = {"item": "Laptop Computer", "status": "PENDING", "customer": str(record.customer_id)}
    field = "amount"
    row: Any = record
    if kind == "customer":
        field, row = "name", record.customer
        fields = {name: getattr(row, name) for name in ("phone_number", "language", "code")}
    moment = timezone.localtime(record.order_time)
    fields |= {"order_time_0": f"{moment:%Y-%m-%d}", "order_time_1": f"{moment:%H:%M:%S}"}
    fields[field] = str(getattr(row, field))
    seen = {f"initial-{name}": value for name, value in fields.items()}
    clients = [Client() for _ in range(CALLERS)]
    for client in clients:
        client.force_login(boss)

    def change(_: Api, number: int) -> Any:
        page = f"/admin/crm/{kind}/{row.pk}/change/"
        return clients[number].post(page, fields | seen | {field: values[number]})

    answers = at_once(change, boss)
    assert Counter(answer.status_code for answer in answers) == {302: 1, 200: CALLERS - 1}
    told = [answer.context["adminform"].form.errors for answer in answers if answer.context]
    assert {tuple(errors) for errors in told} == {(field,)}
    row.refresh_from_db()
    assert str(getattr(row, field)) in values
    assert row.history.count() == 2


def test_orders_placed_while_their_customer_is_renamed_are_found_by_the_new_name(
    boss: User,
) -> None:
    customer = factories.customer(code="CUST001", name="Before")
    body = {"customer_code": "CUST001", "item": "Laptop", "amount": "1.00"}

    def act(api: Api, number: int) -> Any:
        if number == CALLERS // 2:
            return api.patch(f"/api/customers/{customer.pk}/", {"name": "After"})
        return api.post("/api/orders/", body)

    answers = at_once(act, boss)
    assert {answer.status_code for answer in answers} == {200, 201}
    assert Api(boss).get("/api/orders/search/", q="after").json()["count"] == CALLERS - 1


def test_orders_change_while_their_customer_is_renamed(boss: User) -> None:
    """Neither waits for the other: who changes an order holds its customer first."""
    customer = factories.customer(name="Before")
    orders = [factories.order(customer=customer) for _ in range(CALLERS // 4)]

    def act(api: Api, number: int) -> Any:
        if number % 8 == 0:
            return api.patch(f"/api/customers/{customer.pk}/", {"name": f"After {number}"})
        order = orders[number % len(orders)]
        return api.patch(f"/api/orders/{order.pk}/", {"item": f"Mouse {number}"})

    for _ in range(3):
        answers = at_once(act, boss)
        assert {answer.status_code for answer in answers} == {200}
    found = Api(boss).get("/api/orders/search/", q=Customer.objects.get().name)
    assert found.json()["count"] == len(orders)
