"""A request with an Idempotency-Key is done once, and answered the same each time."""

import json
from datetime import timedelta
from functools import partial
from threading import Barrier, Event, Thread
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error, connection, transaction
from django.test import RequestFactory
from django.test.client import encode_multipart
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from ninja.errors import HttpError

from crm import orders
from crm.models import Customer, Order
from crm.orders import place_order
from identity.models import SessionToken, User
from identity.scopes import SCOPES
from identity.session_tokens import issue_tokens, refresh_tokens
from identity.tokens import Caller
from project import gunicorn, idempotency
from project.api import api as the_api
from project.models import IdempotencyRecord
from sms.models import Message
from tests import factories
from tests.conftest import JSON, Api

pytestmark = pytest.mark.django_db

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
ORDERS = "/api/orders/"
DESKTOP = {"item": "Desktop Computer", "amount": "1.00", "customer_code": "CUST001"}
PLACE_ORDER = "crm.orders.place_order"

needs_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="SQLite has one writer at a time, so nothing changes under an operation",
)


@pytest.fixture
def customer(templates: None) -> Customer:
    return factories.customer(code="CUST001")


def send(
    api: Api, body: Any = DESKTOP, path: str = ORDERS, method: str = "POST", key: str = KEY
) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    headers = api.headers | {idempotency.HEADER: key}
    return api.client.generic(method, path, content, JSON, headers=headers)


def is_replay(response: Any) -> bool:
    return bool(response.get(idempotency.REPLAYED) == "true")


def assert_replayed(first: Any, second: Any) -> None:
    """The second answer is the first, but for what tells of the second request itself."""
    assert not is_replay(first)
    assert is_replay(second)
    assert second.status_code == first.status_code
    assert second.content == first.content
    own = {"X-Request-ID", idempotency.REPLAYED}
    told, again = ({k: v for k, v in one.items() if k not in own} for one in (first, second))
    assert again == told
    assert second["X-Request-ID"] != first["X-Request-ID"]


def counts() -> tuple[int, int, int, int]:
    """Orders, their history, texts and tasks: one each for one order."""
    return (
        Order.objects.count(),
        Order.history.count(),
        Message.objects.count(),
        OrmQ.objects.count(),
    )


NOTHING, ONE_ORDER = (0, 0, 0, 0), (1, 1, 1, 1)


def caller_with_a_customer() -> Api:
    """For tests with real transactions, whose fixtures could not be undone."""
    factories.templates()
    factories.customer(code="CUST001")
    return Api(factories.superuser())


# --- The same request again ---------------------------------------------------------------------


def test_an_order_sent_twice_with_one_key_is_placed_once(api: Api, customer: Customer) -> None:
    first = send(api)
    second = send(api)
    assert first.status_code == 201
    assert_replayed(first, second)
    assert counts() == ONE_ORDER
    assert Order.objects.get().pk == UUID(second.json()["id"])


def test_without_a_key_each_request_is_a_new_one(api: Api, customer: Customer) -> None:
    first, second = api.post(ORDERS, DESKTOP), api.post(ORDERS, DESKTOP)
    assert (first.status_code, second.status_code) == (201, 201)
    assert not is_replay(second)
    assert counts() == (2, 2, 2, 2)
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("PUT", {"item": "Desktop Computer", "amount": "1.00"}, 200),
        ("PATCH", {"status": "COMPLETED"}, 200),
        ("DELETE", None, 204),
    ],
)
def test_every_method_that_changes_something_takes_a_key(
    api: Api, method: str, body: Any, status: int
) -> None:
    order = factories.order()
    first = send(api, body, f"{ORDERS}{order.pk}/", method)
    history = Order.history.count()
    second = send(api, body, f"{ORDERS}{order.pk}/", method)
    assert first.status_code == status
    assert_replayed(first, second)
    assert (second.content == b"") is (status == 204)
    assert Order.history.count() == history


def test_headers_of_the_first_answer_come_again(api: Api, customer: Customer) -> None:
    render = the_api.create_response

    def with_headers(*args: Any, **options: Any) -> Any:
        response = render(*args, **options)
        response["Location"] = "/api/orders/1/"
        return response

    with patch.object(the_api, "create_response", with_headers):
        first = send(api)
    second = send(api)
    assert_replayed(first, second)
    assert (second["ETag"], second["Location"]) == (first["ETag"], "/api/orders/1/")


def test_a_key_in_quotes_is_the_same_key(api: Api, customer: Customer) -> None:
    assert_replayed(send(api), send(api, key=f'"{KEY}"'))
    assert counts() == ONE_ORDER
    assert idempotency.read_key(r'"a\"b\\c"') == r'a"b\c'


def test_a_key_outlives_the_token_it_came_with(boss: User, customer: Customer) -> None:
    api, pair = Api(None), issue_tokens(boss)
    api.headers = {"Authorization": f"Bearer {pair.access}"}
    first = send(api)
    api.headers = {"Authorization": f"Bearer {refresh_tokens(pair.refresh).access}"}
    assert_replayed(first, send(api))
    assert counts() == ONE_ORDER


def test_a_browser_session_may_send_a_key(boss: User, customer: Customer) -> None:
    browser = Api(None)
    browser.client.force_login(boss)
    assert_replayed(send(browser), send(browser))
    assert counts() == ONE_ORDER


# --- The key with another request, or of another caller -----------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"body": DESKTOP | {"amount": "2.00"}},
        {"path": "/api/customers/"},
        {"path": ORDERS + "?text=1"},
        {"method": "PUT", "path": "/api/orders/01890000-0000-7000-8000-000000000000/"},
    ],
)
def test_the_key_with_another_request_is_refused(
    api: Api, customer: Customer, other: dict[str, Any]
) -> None:
    send(api)
    refused = send(api, **other)
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json() == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "This Idempotency-Key was used with another request. "
        "Send a new one with a new key.",
        "request_id": refused["X-Request-ID"],
    }
    assert not is_replay(refused)
    assert counts() == ONE_ORDER
    assert Customer.objects.count() == 1
    assert IdempotencyRecord.objects.get().status == 201


def test_two_users_may_choose_the_same_key(api: Api, customer: Customer) -> None:
    first, second = send(api), send(Api(factories.superuser()))
    assert (first.status_code, second.status_code) == (201, 201)
    assert not is_replay(second)
    assert counts() == (2, 2, 2, 2)


def test_two_apps_of_one_user_may_choose_the_same_key(api: Api, customer: Customer) -> None:
    first = send(api)
    with patch("identity.tokens.Caller", partial(Caller, client="stock")):
        second, third = send(api), send(api)
    assert first.json()["id"] != second.json()["id"]
    assert_replayed(second, third)
    assert counts() == (2, 2, 2, 2)


# --- While the first is being worked on ---------------------------------------------------------


def assert_busy(response: Any) -> None:
    assert response.status_code == 409
    assert response["Retry-After"] == "1"
    assert not is_replay(response)
    assert response.json()["detail"] == (
        "The first request with this Idempotency-Key is still being worked on. Try again shortly."
    )


def test_a_second_request_meanwhile_is_told_to_wait(api: Api, customer: Customer) -> None:
    answers = []

    def ask_again_and_place(order: Order) -> Order:
        answers.extend([send(api), send(api, DESKTOP | {"amount": "2.00"})])
        return place_order(order)

    with patch(PLACE_ORDER, ask_again_and_place):
        first = send(api)
    busy, other = answers
    assert_busy(busy)
    assert other.status_code == 422
    assert first.status_code == 201
    assert counts() == ONE_ORDER
    assert_replayed(first, send(api))


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done_and_the_others_wait_or_are_told_its_answer() -> None:
    api = caller_with_a_customer()
    answers, together = [], Barrier(32)

    def ask() -> None:
        try:
            together.wait()
            answers.append(send(api))
        finally:
            connection.close()

    threads = [Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 32
    done = [answer for answer in answers if answer.status_code == 201]
    assert [is_replay(answer) for answer in done].count(False) == 1
    assert len({answer.content for answer in done}) == 1
    for answer in answers:
        if answer not in done:
            assert_busy(answer)
    assert counts() == ONE_ORDER
    again = send(api)
    assert is_replay(again)
    assert again.content == done[0].content


@pytest.mark.postgres
@needs_postgres
@pytest.mark.django_db(transaction=True)
def test_a_slow_request_that_was_taken_over_undoes_what_it_did() -> None:
    api = caller_with_a_customer()
    is_under_way, may_go_on = Event(), Event()
    slow = []

    def place_slowly(order: Order) -> Order:
        placed = place_order(order)
        if not is_under_way.is_set():
            is_under_way.set()
            may_go_on.wait(20)
        return placed

    def ask_slowly() -> None:
        slow.append(send(api))
        connection.close()

    with patch(PLACE_ORDER, place_slowly):
        thread = Thread(target=ask_slowly)
        thread.start()
        assert is_under_way.wait(20)
        assert_busy(send(api))
        IdempotencyRecord.objects.update(locked_until=timezone.now())
        second = send(api)
        may_go_on.set()
        thread.join()
    assert second.status_code == 201
    assert_busy(slow[0])
    assert counts() == ONE_ORDER
    assert_replayed(second, send(api))


def test_who_lost_the_claim_undoes_what_it_did(api: Api, customer: Customer) -> None:
    def place_and_lose(order: Order) -> Order:
        placed = place_order(order)
        IdempotencyRecord.objects.update(claim=customer.pk)
        return placed

    with patch(PLACE_ORDER, place_and_lose):
        assert_busy(send(api))
    assert counts() == NOTHING


def test_a_key_that_others_claim_and_release_all_the_time_is_busy(
    api: Api, customer: Customer
) -> None:
    with patch("project.idempotency._insert", return_value=False) as insert:
        assert_busy(send(api))
    assert insert.call_count == 3
    assert counts() == NOTHING


# --- Crashes, faults, and refusals --------------------------------------------------------------


class Killed(BaseException):
    """The process ended: nothing catches it."""


def place_and_die(order: Order) -> Order:
    place_order(order)
    raise Killed


def place_and_fail(order: Order) -> Order:
    place_order(order)
    raise RuntimeError


@pytest.mark.django_db(transaction=True)
def test_a_request_that_died_is_done_by_the_retry_once_its_lease_is_over() -> None:
    api = caller_with_a_customer()
    with patch(PLACE_ORDER, place_and_die), pytest.raises(Killed):
        send(api)
    assert counts() == NOTHING
    assert IdempotencyRecord.objects.get().status is None
    assert_busy(send(api))
    assert counts() == NOTHING
    IdempotencyRecord.objects.update(locked_until=timezone.now())
    assert send(api, DESKTOP | {"amount": "2.00"}).status_code == 422
    done = send(api)
    assert done.status_code == 201
    assert_replayed(done, send(api))
    assert counts() == ONE_ORDER


def test_the_lease_is_longer_than_the_web_server_lets_a_worker_hang() -> None:
    assert idempotency.LEASE.total_seconds() > gunicorn.timeout


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_ours_leaves_nothing_and_the_retry_is_the_first() -> None:
    api = caller_with_a_customer()
    with patch(PLACE_ORDER, place_and_fail):
        assert send(api).status_code == 500
    assert counts() == NOTHING
    assert not IdempotencyRecord.objects.exists()
    done = send(api)
    assert done.status_code == 201
    assert not is_replay(done)
    assert counts() == ONE_ORDER


@pytest.mark.django_db(transaction=True)
def test_where_the_answer_cannot_be_kept_nothing_is_done() -> None:
    api = caller_with_a_customer()
    with patch.object(idempotency.Attempt, "settle", side_effect=Error):
        assert send(api).status_code == 500
    assert counts() == NOTHING
    assert send(api).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_where_the_key_cannot_be_released_its_lease_ends() -> None:
    api = caller_with_a_customer()
    with patch.object(idempotency.Attempt, "_claimed", side_effect=Error):
        assert send(api).status_code == 500
    assert counts() == NOTHING
    assert_busy(send(api))


@pytest.mark.parametrize("status", [401, 403, 412, 413, 415, 429, 503])
def test_an_answer_about_the_moment_is_not_kept(api: Api, customer: Customer, status: int) -> None:
    with patch(PLACE_ORDER, side_effect=HttpError(status, "Not now.")):
        assert send(api).status_code == status
    assert not IdempotencyRecord.objects.exists()
    assert send(api).status_code == 201
    assert counts() == ONE_ORDER


def test_a_request_without_a_good_credential_says_nothing_of_the_key(
    boss: User, customer: Customer
) -> None:
    assert send(Api(None)).status_code == 401
    api = Api(boss)
    SessionToken.objects.update(scopes=["orders:read"])
    assert send(api).status_code == 403
    assert not IdempotencyRecord.objects.exists()
    SessionToken.objects.update(scopes=list(SCOPES))
    done = send(api)
    assert done.status_code == 201
    SessionToken.objects.update(scopes=["orders:read"])
    assert send(api).status_code == 403
    assert send(Api(None)).status_code == 401
    SessionToken.objects.update(scopes=list(SCOPES))
    assert_replayed(done, send(api))
    assert counts() == ONE_ORDER


def test_wrong_fields_replay_even_when_they_would_do_by_now(api: Api, templates: None) -> None:
    refused = send(api)
    assert refused.status_code == 400
    assert refused.json()["errors"] == {"customer_code": ["Invalid customer code."]}
    factories.customer(code="CUST001")
    assert_replayed(refused, send(api))
    assert counts() == NOTHING
    assert send(api, key="another").status_code == 201


def test_a_body_that_is_no_json_replays(api: Api) -> None:
    headers = api.headers | {idempotency.HEADER: KEY}
    first, second = (api.client.post(ORDERS, "{", JSON, headers=headers) for _ in range(2))
    assert first.status_code == 400
    assert_replayed(first, second)


def test_a_conflict_and_a_missing_row_replay(api: Api) -> None:
    order = factories.order()
    path = f"/api/customers/{order.customer_id}/"
    conflict = send(api, None, path, "DELETE")
    assert conflict.status_code == 409
    assert "Retry-After" not in conflict
    orders.delete_order(order)
    assert_replayed(conflict, send(api, None, path, "DELETE"))
    assert Customer.objects.count() == 1
    missing = send(api, None, f"{ORDERS}{order.customer_id}/", "DELETE", key="another")
    assert missing.status_code == 404
    assert_replayed(missing, send(api, None, f"{ORDERS}{order.customer_id}/", "DELETE", "another"))


def test_a_refusal_that_undoes_its_transaction_is_kept(api: Api, customer: Customer) -> None:
    @transaction.atomic(savepoint=False)
    def place_and_refuse(order: Order) -> Order:
        place_order(order)
        raise ValidationError({"item": "Sold out."})

    with patch(PLACE_ORDER, place_and_refuse):
        refused = send(api)
    assert refused.json()["errors"] == {"item": ["Sold out."]}
    assert counts() == NOTHING
    assert_replayed(refused, send(api))


def test_an_operation_that_was_undone_never_says_that_it_is_done(
    api: Api, customer: Customer
) -> None:
    def place_and_undo(order: Order) -> Order:
        placed = place_order(order)
        transaction.set_rollback(True)
        return placed

    # The answer asks the database nothing, as the state of the text is known.
    with patch(PLACE_ORDER, place_and_undo):
        assert send(api).status_code == 500
    assert counts() == NOTHING
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.postgres
@needs_postgres
@pytest.mark.django_db(transaction=True)
def test_a_customer_who_was_just_deleted_is_refused_as_without_a_key() -> None:
    api, gone = caller_with_a_customer(), factories.customer()
    Customer.objects.get(pk=gone.pk).delete()

    def place_for_the_deleted(order: Order) -> Order:
        order.customer = gone
        return place_order(order)

    with patch(PLACE_ORDER, place_for_the_deleted):
        keyed, plain = send(api), api.post(ORDERS, DESKTOP)
    assert plain.json()["errors"] == {"customer": ["The customer was just deleted."]}
    assert keyed.json() | {"request_id": ""} == plain.json() | {"request_id": ""}
    assert counts() == NOTHING


# --- How long, and at what cost -----------------------------------------------------------------


def age(**by: float) -> None:
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(**by))


def test_a_key_is_kept_for_24_hours(api: Api, customer: Customer) -> None:
    first = send(api)
    age(hours=23, minutes=59)
    assert_replayed(first, send(api))
    age(hours=24)
    later = send(api, DESKTOP | {"amount": "2.00"})
    assert later.status_code == 201
    assert_replayed(later, send(api, DESKTOP | {"amount": "2.00"}))
    assert counts() == (2, 2, 2, 2)


def test_old_keys_go_as_new_ones_come_a_few_at_a_time(api: Api, customer: Customer) -> None:
    for number in range(12):
        send(api, {}, key=f"old-{number}")
    age(hours=25)
    send(api, {}, key="new-1")
    assert IdempotencyRecord.objects.count() == 3
    send(api, {}, key="new-2")
    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == {"new-1", "new-2"}


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The first word of each statement about the keys."""
    table = f'"{IdempotencyRecord._meta.db_table}"'
    return [each["sql"].split()[0] for each in queries if table in each["sql"]]


def test_a_key_costs_four_statements_a_replay_one_and_no_key_none(
    api: Api, customer: Customer
) -> None:
    with CaptureQueriesContext(connection) as plain:
        api.post(ORDERS, DESKTOP)
    with CaptureQueriesContext(connection) as first:
        send(api)
    with CaptureQueriesContext(connection) as replay:
        send(api)
    assert statements(plain) == []
    assert statements(first) == ["SELECT", "INSERT", "DELETE", "UPDATE"]
    assert statements(replay) == ["SELECT"]
    assert len(replay) == 2  # with the credential's own


def test_a_read_takes_no_notice_of_a_key(api: Api) -> None:
    for key in [KEY, "not a key"]:
        response = send(api, None, method="GET", key=key)
        assert response.status_code == 200
        assert not is_replay(response)
    assert not IdempotencyRecord.objects.exists()


def test_an_answer_with_tokens_is_not_stored(boss: User) -> None:
    signing_in = {"username": boss.username, "password": factories.PASSWORD}
    first, second = (send(Api(None), signing_in, "/api/token/") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["access"] != second.json()["access"]
    assert not IdempotencyRecord.objects.exists()


# --- The key, and what makes two requests the same ----------------------------------------------


@pytest.mark.parametrize(
    "key", ["", "two words", "clé", "k" * 256, '"', '""', '"open', '"a"b"', '"two words"', "\x7f"]
)
def test_a_malformed_key_is_refused(api: Api, customer: Customer, key: str) -> None:
    refused = send(api, key=key)
    assert refused.status_code == 400
    assert refused.json()["errors"] == {
        "Idempotency-Key": ["Send 1 to 255 visible ASCII characters, such as a UUID."]
    }
    assert counts() == NOTHING
    assert not IdempotencyRecord.objects.exists()


def test_the_longest_key_fits(api: Api, customer: Customer) -> None:
    assert_replayed(send(api, key="k" * 255), send(api, key="k" * 255))


def upload(content: bytes = b"Name\nJohn", boundary: str = "one", **fields: str) -> Any:
    file = SimpleUploadedFile("customers.csv", content, "text/csv")
    form = {"kind": "customers", **fields, "file": file}
    request = RequestFactory().post(
        "/api/imports/",
        encode_multipart(boundary, form),
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    _ = request.POST  # as the check for CSRF does: the body cannot be read after it
    return request


def test_an_upload_is_the_same_by_its_fields_and_contents() -> None:
    first, retry = upload(), upload(boundary="two")
    assert idempotency.fingerprint(first) == idempotency.fingerprint(retry)
    assert retry.FILES["file"].read() == b"Name\nJohn"
    others = [upload(b"Name\nJane"), upload(kind="orders"), upload(mode="create")]
    assert len({idempotency.fingerprint(each) for each in [first, *others]}) == 4


def test_a_record_is_told_by_its_key(api: Api, customer: Customer) -> None:
    send(api)
    assert str(IdempotencyRecord.objects.get()).endswith(f"with the key {KEY}")


# --- The documentation --------------------------------------------------------------------------


def test_the_document_tells_of_the_key_where_it_counts() -> None:
    the_api.get_openapi_schema()  # what it says twice, it says no differently
    for methods in the_api.get_openapi_schema()["paths"].values():
        for method, operation in methods.items():
            takes_keys = method != "get" and bool(operation["security"])
            key = {"$ref": "#/components/parameters/IdempotencyKey"}
            taken = operation.get("parameters", []).count(key)
            assert taken == takes_keys, operation["operationId"]
            assert not takes_keys or {"409", "422"} <= set(operation["responses"])
            tell = {
                status
                for status, response in operation["responses"].items()
                if "Idempotent-Replayed" in response.get("headers", {})
            }
            assert bool(tell) is takes_keys
            assert not tell & {"401", "403", "422"}
