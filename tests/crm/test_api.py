"""Customers and orders over HTTP, as api.md's contract has them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from crm.models import Customer, Order
from crm.self_service import MOST_ORDERS
from identity.models import User
from sms import opt_outs
from sms.models import ConsentChange, Message
from tests import factories
from tests.conftest import JSON, Api

pytestmark = pytest.mark.django_db

PHONE = "+254722000000"
BAD_PHONE = "Enter a valid phone number with + and the country code, such as +254722000000."

# --- Customers ----------------------------------------------------------------------------------


def test_a_customer_is_made_and_read_back(api: Api) -> None:
    made = api.post(
        "/api/customers/", {"code": "CUST001", "name": "John Doe", "phone_number": PHONE}
    )
    assert made.status_code == 201
    body = made.json()
    customer = Customer.objects.get()
    assert body == {
        "id": str(customer.pk),
        "code": "CUST001",
        "name": "John Doe",
        "phone_number": PHONE,
        "email": "",
        "language": "en",
        "sms_opted_out": False,
        "takes_texts": True,
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
    }
    assert body["created_at"].endswith("Z")
    assert api.get(f"/api/customers/{customer.pk}/").json() == body


def test_a_fixed_line_is_pointed_out(api: Api) -> None:
    made = api.post("/api/customers/", {"name": "John Doe", "phone_number": "+254202222222"})
    assert (made.status_code, made.json()["takes_texts"]) == (201, False)
    assert [each["takes_texts"] for each in api.get("/api/customers/").json()["results"]] == [False]


def test_a_customer_without_a_code_gets_the_next_one(api: Api) -> None:
    made = api.post("/api/customers/", {"name": "John Doe", "phone_number": PHONE})
    assert made.json()["code"] == "CUST001"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {},
            {"name": ["This field is required."], "phone_number": ["This field is required."]},
        ),
        ({"name": "John", "phone_number": "0704044033"}, {"phone_number": [BAD_PHONE]}),
        (
            {"name": "John", "phone_number": PHONE, "code": "cust1"},
            {"code": ["Use 2 to 50 capital letters, digits, hyphens and underscores."]},
        ),
        (
            {"name": " ", "phone_number": PHONE, "email": "x", "language": "fr"},
            {
                "name": ["This field cannot be blank."],
                "email": ["Enter a valid email address."],
                "language": ["Input should be 'en' or 'sw'"],
            },
        ),
        (
            {"name": "John", "phone_number": "+254711000000"},
            {"phone_number": ["Customer with this phone number already exists."]},
        ),
        (
            {"name": "", "phone_number": "+254711000000", "code": "TAKEN"},
            {
                "name": ["This field cannot be blank."],
                "code": ["Customer with this code already exists."],
                "phone_number": ["Customer with this phone number already exists."],
            },
        ),
        ({"name": 7, "phone_number": None}, {"name": None, "phone_number": None}),
    ],
)
def test_a_wrong_customer_is_refused_with_every_wrong_field(
    api: Api, body: dict[str, Any], errors: dict[str, list[str] | None]
) -> None:
    factories.customer(code="TAKEN", phone_number="+254711000000")
    refused = api.post("/api/customers/", body)
    assert refused.status_code == 400
    assert refused["Content-Type"] == "application/problem+json"
    told = refused.json()["errors"]
    assert set(told) == set(errors)
    assert all(told[name] == messages for name, messages in errors.items() if messages)
    assert Customer.objects.count() == 1


def test_put_replaces_and_patch_changes(api: Api) -> None:
    customer = factories.customer(email="a@example.com")
    path = f"/api/customers/{customer.pk}/"
    changed = api.patch(path, {"name": "Jane"})
    assert (changed.status_code, changed.json()["email"]) == (200, "a@example.com")
    replaced = api.put(path, {"code": "NEW", "name": "Janet", "phone_number": PHONE})
    assert replaced.status_code == 200
    customer.refresh_from_db()
    assert (customer.code, customer.name, customer.phone_number, customer.email) == (
        "NEW",
        "Janet",
        PHONE,
        "",
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"code": "TAKEN"}, "code"),
        ({"phone_number": "0704044033"}, "phone_number"),
        ({"sms_opted_out": "perhaps"}, "sms_opted_out"),
    ],
)
def test_a_wrong_patch_changes_nothing(api: Api, change: dict[str, Any], field: str) -> None:
    factories.customer(code="TAKEN")
    customer = factories.customer(code="MINE", name="John")
    refused = api.patch(f"/api/customers/{customer.pk}/", change)
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {field}
    customer.refresh_from_db()
    assert (customer.code, customer.name) == ("MINE", "John")


def test_an_empty_patch_changes_nothing_and_is_no_error(api: Api) -> None:
    customer = factories.customer(name="John")
    assert api.patch(f"/api/customers/{customer.pk}/", {}).json()["name"] == "John"


@pytest.mark.parametrize("body", [[], [None, None], "name", 1])
def test_a_patch_that_is_no_object_is_refused(api: Api, body: Any) -> None:
    order = factories.order()
    for path in (f"/api/orders/{order.pk}/", f"/api/customers/{order.customer_id}/"):
        refused = api.client.patch(
            path, json.dumps(body), content_type="application/json", headers=api.headers
        )
        assert refused.status_code == 400
        assert refused.json()["errors"] == {"body": ["Give the fields as an object."]}


def test_consent_to_texts_is_read_and_changed(api: Api) -> None:
    customer = factories.customer()
    path = f"/api/customers/{customer.pk}/"
    assert api.patch(path, {"sms_opted_out": True}).json()["sms_opted_out"] is True
    assert opt_outs.is_opted_out(customer.phone_number)
    assert api.get(path).json()["sms_opted_out"] is True
    assert api.patch(path, {"sms_opted_out": False}).json()["sms_opted_out"] is False


def test_consent_that_an_app_gives_or_takes_is_recorded_with_whose_it_is(
    api: Api, boss: User
) -> None:
    body = {"name": "Jane", "phone_number": "+254722000000", "sms_opted_out": True}
    address = f"/api/customers/{api.post('/api/customers/', body).json()['id']}/"
    api.put(address, body | {"code": "JANE"})
    api.patch(address, {"sms_opted_out": False})
    changes = ConsentChange.objects.order_by("pk")
    assert list(changes.values_list("phone_number", "wants_texts", "source", "said_by")) == [
        ("+254722000000", False, "api", boss.pk),
        ("+254722000000", True, "api", boss.pk),
    ]


def test_a_customer_with_orders_is_not_deleted_and_one_without_is(api: Api) -> None:
    order, free = factories.order(), factories.customer()
    refused = api.delete(f"/api/customers/{order.customer_id}/")
    assert refused.status_code == 409
    assert "has 1 order and cannot be deleted" in refused.json()["detail"]
    assert api.delete(f"/api/customers/{free.pk}/").status_code == 204
    assert list(Customer.objects.all()) == [order.customer]


def codes(response: Any) -> set[str]:
    assert response.status_code == 200
    return {row["code"] for row in response.json()["results"]}


def test_customers_are_found_by_what_they_have(api: Api) -> None:
    factories.customer(code="AA", name="Wanjiku", phone_number=PHONE, email="w@example.com")
    factories.customer(code="BB", name="Otieno", phone_number="+254711000000")
    path = "/api/customers/"
    assert codes(api.get(path, q="wanji")) == {"AA"}
    assert codes(api.get(path, q="254711")) == {"BB"}
    assert codes(api.get(path, q="W@EX")) == {"AA"}
    assert codes(api.get(path, code="BB")) == {"BB"}
    assert codes(api.get(path, phone_number=PHONE)) == {"AA"}
    assert codes(api.get(path, created_after="2999-01-01T00:00:00Z")) == set()
    assert codes(api.get(path, created_before="2999-01-01T00:00:00Z")) == {"AA", "BB"}
    assert codes(api.get(path, q="%")) == set()
    assert [row["name"] for row in api.get(path, ordering="name").json()["results"]] == [
        "Otieno",
        "Wanjiku",
    ]


def test_a_filter_time_without_a_zone_is_refused(api: Api) -> None:
    refused = api.get("/api/customers/", created_after="2026-01-01T00:00:00")
    assert (refused.status_code, set(refused.json()["errors"])) == (400, {"created_after"})


@pytest.mark.parametrize(
    "moment",
    [
        *("0.5", "1700000000", "-1", "now", "", "2026-01-11", "2026-01-11 10:00:00Z"),
        *("2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z", "2016-12-31T23:59:60Z"),
        *("0000-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00", "２０２６-01-01T00:00:00Z"),
    ],
)
def test_a_filter_time_that_is_none_says_how_to_write_one(api: Api, moment: str) -> None:
    for name in ("created_after", "created_before"):
        refused = api.get("/api/customers/", **{name: moment})
        assert refused.status_code == 400
        assert refused.json()["errors"] == {
            name: ["Enter a time with its offset from UTC, such as 2026-01-11T10:00:00Z."]
        }


# --- Orders -------------------------------------------------------------------------------------


def test_an_order_is_placed_and_its_text_is_queued(api: Api, templates: None) -> None:
    customer = factories.customer(code="CUST001", name="John Doe", phone_number=PHONE)
    made = api.post(
        "/api/orders/",
        {"customer_code": "CUST001", "item": "Laptop Computer", "amount": "1299.99"},
    )
    assert made.status_code == 201
    body = made.json()
    order = Order.objects.get()
    assert body == {
        "id": str(order.pk),
        "order_number": order.order_number,
        "customer_id": str(customer.pk),
        "customer_code": "CUST001",
        "customer_name": "John Doe",
        "customer_phone": PHONE,
        "item": "Laptop Computer",
        "amount": "1299.99",
        "currency": "KES",
        "status": "PENDING",
        "order_time": body["order_time"],
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "sms_status": "queued",
    }
    assert api.get(f"/api/orders/{order.pk}/").json() == body
    assert Message.objects.get().about_id == order.pk


@pytest.mark.parametrize(
    ("amount", "stored"),
    [("1000", "1000.00"), (1000, "1000.00"), (1299.99, "1299.99"), (0.01, "0.01"), ("5.5", "5.50")],
)
def test_an_amount_may_be_a_string_or_a_number(api: Api, amount: object, stored: str) -> None:
    customer = factories.customer()
    made = api.post(
        "/api/orders/", {"customer_id": str(customer.pk), "item": "Tea", "amount": amount}
    )
    assert made.json()["amount"] == stored


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("1.999", "Ensure that there are no more than 2 decimal places."),
        (1.999, "Ensure that there are no more than 2 decimal places."),
        ("0", "Ensure this value is greater than or equal to 0.01."),
        (-5, "Ensure this value is greater than or equal to 0.01."),
        ("10000000000", "Ensure that there are no more than 10 digits before the decimal point."),
        ("1,299.99", "Enter a number, such as 1299.99."),
        ("1e3", "Enter a number, such as 1299.99."),
        ("NaN", "Enter a number, such as 1299.99."),
        ("", "Enter a number, such as 1299.99."),
        (True, "Enter a number, such as 1299.99."),
    ],
)
def test_a_wrong_amount_is_refused_never_rounded(api: Api, amount: object, message: str) -> None:
    customer = factories.customer()
    refused = api.post(
        "/api/orders/", {"customer_code": customer.code, "item": "Tea", "amount": amount}
    )
    assert refused.status_code == 400
    assert refused.json()["errors"] == {"amount": [message]}
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"customer_code": "NOPE"}, {"customer_code": ["Invalid customer code."]}),
        (
            {"customer_code": "NOPE", "amount": "1.999", "item": "x" * 201},
            {
                "customer_code": ["Invalid customer code."],
                "amount": ["Ensure that there are no more than 2 decimal places."],
                "item": ["Ensure this value has at most 200 characters (it has 201)."],
            },
        ),
        ({"customer_id": str(uuid4())}, {"customer_id": ["Invalid customer id."]}),
        ({}, {"customer_code": ["This field is required."]}),
        (
            {"customer_code": "CUST001", "order_time": "0001-01-01T00:00:00+03:00"},
            {"order_time": ["Enter a time between the years 1900 and 2200."]},
        ),
    ],
)
def test_a_wrong_order_is_refused_and_nobody_is_texted(
    api: Api, templates: None, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    factories.customer()
    refused = api.post("/api/orders/", {"item": "Tea", "amount": "10"} | body)
    assert refused.status_code == 400
    assert refused.json()["errors"] == errors
    count = f"{len(errors)} invalid field" + ("s" if len(errors) > 1 else "")
    assert refused.json()["detail"] == f"The request has {count}."
    assert not Order.objects.exists()
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_a_code_and_an_id_of_two_customers_are_refused(api: Api) -> None:
    first, second = factories.customer(), factories.customer()
    body = {"customer_code": first.code, "customer_id": str(second.pk)}
    refused = api.post("/api/orders/", {"item": "Tea", "amount": "10"} | body)
    assert (refused.status_code, Order.objects.count()) == (400, 0)


def test_a_status_at_birth_is_pending_whatever_the_body_says(api: Api) -> None:
    customer = factories.customer()
    body = {"customer_code": customer.code, "item": "Tea", "amount": 1, "status": "COMPLETED"}
    assert api.post("/api/orders/", body).json()["status"] == "PENDING"


@pytest.mark.parametrize("body", ["{", "", "[1]", '"x"', "null", '{"item": NaN}', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(api: Api, body: str | bytes) -> None:
    refused = api.post("/api/orders/", body)
    assert refused.status_code == 400
    assert refused["Content-Type"] == "application/problem+json"
    assert not Order.objects.exists()


def test_put_replaces_item_and_amount_only(api: Api) -> None:
    order = factories.order()
    changed = api.put(
        f"/api/orders/{order.pk}/", {"item": "Tea", "amount": 5, "status": "COMPLETED"}
    ).json()
    assert (changed["item"], changed["amount"], changed["status"]) == ("Tea", "5.00", "PENDING")
    assert changed["order_number"] == order.order_number


def test_patch_moves_the_status_by_legal_steps(api: Api) -> None:
    order = factories.order()
    path = f"/api/orders/{order.pk}/"
    assert api.patch(path, {"status": "COMPLETED", "item": "Tea"}).json()["status"] == "COMPLETED"
    refused = api.patch(path, {"status": "PENDING", "item": "Coffee"})
    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        f"Order {order.order_number} is COMPLETED and cannot become PENDING. That is final."
    )
    order.refresh_from_db()
    assert (order.status, order.item) == ("COMPLETED", "Tea")


def test_a_refused_move_names_the_moves_that_are_open(api: Api) -> None:
    order = factories.order()
    path = f"/api/orders/{order.pk}/"
    api.patch(path, {"status": "PROCESSING"})
    refused = api.patch(path, {"status": "PENDING"})
    assert refused.status_code == 409
    assert "It can move to: COMPLETED, CANCELLED." in refused.json()["detail"]


def test_the_history_names_who_changed_an_order_by_token(
    as_user: Callable[..., Api], db: None
) -> None:
    clerk = factories.user("Clerk")
    order = factories.order()
    as_user(clerk).patch(f"/api/orders/{order.pk}/", {"status": "PROCESSING", "item": "Tea"})
    kept = order.history.order_by("history_id").values_list("history_user__username", flat=True)
    assert list(kept) == [None, clerk.username]


def test_a_deleted_order_is_gone(api: Api) -> None:
    order = factories.order()
    path = f"/api/orders/{order.pk}/"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404


# --- Lists --------------------------------------------------------------------------------------


def items(response: Any) -> list[str]:
    assert response.status_code == 200, response.json()
    return [row["item"] for row in response.json()["results"]]


def test_orders_are_listed_newest_first(api: Api) -> None:
    for item in ("first", "second", "third"):
        factories.order(item=item)
    page = api.get("/api/orders/", limit=2)
    assert items(page) == ["third", "second"]
    assert page.json()["count"] == 3
    assert page.json()["previous"] is None
    assert items(api.client.get(page.json()["next"], headers=api.headers)) == ["first"]


def test_days_are_days_of_the_business_and_both_ends_count(api: Api) -> None:
    for day, moment in (
        ("before", "2026-03-09T20:59:59Z"),  # 23:59:59 in Nairobi, the day before
        ("start", "2026-03-09T21:00:00Z"),
        ("end", "2026-03-10T20:59:59Z"),
        ("after", "2026-03-10T21:00:00Z"),
    ):
        customer = factories.customer()
        body = {"customer_code": customer.code, "item": day, "amount": 1, "order_time": moment}
        assert api.post("/api/orders/", body).status_code == 201
    found = api.get("/api/orders/", start_date="2026-03-10", end_date="2026-03-10")
    assert sorted(items(found)) == ["end", "start"]
    assert sorted(items(api.get("/api/orders/", end_date="2026-03-09"))) == ["before"]
    assert sorted(items(api.get("/api/orders/", start_date="2026-03-11"))) == ["after"]
    everything = api.get("/api/orders/", start_date="0001-01-01", end_date="9999-12-31")
    assert len(items(everything)) == 4


@pytest.mark.parametrize("day", ["10-03-2026", "2026-3-1", "2026-02-30", "yesterday", "", "0"])
def test_a_bad_date_says_how_to_write_one(api: Api, day: str) -> None:
    for name in ("start_date", "end_date"):
        refused = api.get("/api/orders/", **{name: day})
        assert refused.status_code == 400
        assert refused.json()["detail"] == "Invalid date format. Use YYYY-MM-DD"


def test_orders_are_filtered_by_what_they_are(api: Api) -> None:
    cheap = factories.order(item="cheap", amount=5)
    dear = factories.order(item="dear", amount=500)
    api.patch(f"/api/orders/{dear.pk}/", {"status": "CANCELLED"})
    path = "/api/orders/"
    assert items(api.get(path, status="CANCELLED")) == ["dear"]
    assert items(api.get(f"{path}?status=PENDING&status=CANCELLED")) == ["dear", "cheap"]
    assert items(api.get(path, min_amount="5.01")) == ["dear"]
    assert items(api.get(path, max_amount="5")) == ["cheap"]
    assert items(api.get(path, customer_code=cheap.customer.code)) == ["cheap"]
    assert items(api.get(path, customer_id=str(dear.customer_id))) == ["dear"]
    assert items(api.get(path, q="DEA")) == ["dear"]
    assert items(api.get(path, ordering="amount")) == ["cheap", "dear"]


def test_a_filter_amount_may_be_larger_than_any_order(api: Api) -> None:
    factories.order(item="cheap", amount=5)
    many = f"{'9' * 30}.{'9' * 30}"
    assert items(api.get("/api/orders/", min_amount=f"-{many}", max_amount=many)) == ["cheap"]
    assert items(api.get("/api/orders/", min_amount=many)) == []


@pytest.mark.parametrize(
    "amount",
    [
        *("much", "", " 1", "+1", "1_000", "1,000", "1e3", "1e400", "-1e99999999", "0x10", "١٢"),
        *("NaN", "Infinity", "9" * 31),
    ],
)
def test_a_filter_amount_is_a_plain_number(api: Api, amount: str) -> None:
    for name in ("min_amount", "max_amount"):
        refused = api.get("/api/orders/", **{name: amount})
        assert refused.status_code == 400
        assert refused.json()["errors"] == {name: ["Enter a number, such as 1299.99."]}


@pytest.mark.parametrize(
    "query",
    [
        {"status": "LOST"},
        {"customer_id": "7"},
        {"min_amount": "much"},
        {"limit": "0"},
        {"limit": "501"},
        {"ordering": "secret"},
    ],
)
def test_a_filter_value_that_is_unknown_is_named(api: Api, query: dict[str, str]) -> None:
    refused = api.get("/api/orders/", **query)
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == set(query)


def test_search_looks_at_the_item_the_number_and_the_customer(api: Api) -> None:
    order = factories.order(
        item="Solar lantern",
        customer=factories.customer(code="WANJA", name="Wanjiku", phone_number=PHONE),
    )
    factories.order(item="Tea 100%_\\")
    for text in ("solar", "LANTERN", order.order_number[-6:], "wanji", "WANJA", "722000000"):
        assert items(api.get("/api/orders/search/", q=text)) == ["Solar lantern"], text
    for text in ("%", "_", "\\"):
        assert items(api.get("/api/orders/search/", q=text)) == ["Tea 100%_\\"], text
    assert api.get("/api/orders/search/").json()["errors"] == {"q": ["This field is required."]}


def test_the_orders_of_a_customer_are_found_three_ways(api: Api) -> None:
    order = factories.order(item="Tea")
    factories.order(item="Coffee")
    customer = order.customer
    assert items(api.get("/api/orders/by-customer/", customer_code=customer.code)) == ["Tea"]
    assert items(api.get(f"/api/orders/customer/{customer.pk}/")) == ["Tea"]
    assert items(api.get(f"/api/customers/{customer.pk}/orders/")) == ["Tea"]
    unknown = uuid4()
    for missing in (
        api.get("/api/orders/by-customer/", customer_code="NOPE"),
        api.get(f"/api/orders/customer/{unknown}/"),
        api.get(f"/api/customers/{unknown}/orders/"),
    ):
        assert (missing.status_code, missing.json()["detail"]) == (404, "Not found.")


# --- Self-service -------------------------------------------------------------------------------


@pytest.fixture
def own(db: None) -> tuple[Api, Customer]:
    user = factories.user()
    return Api(user), factories.customer(user=user, code="OWN")


def test_a_customer_sees_their_own_record_and_orders_only(own: tuple[Api, Customer]) -> None:
    caller, customer = own
    mine, other = factories.order(customer=customer, item="mine"), factories.order(item="other")
    assert codes(caller.get("/api/customers/")) == {"OWN"}
    assert items(caller.get("/api/orders/")) == ["mine"]
    assert items(caller.get("/api/orders/search/", q="Laptop")) == []
    assert items(caller.get("/api/orders/", customer_code=other.customer.code)) == []
    assert caller.get(f"/api/orders/{mine.pk}/").status_code == 200
    for path in (
        f"/api/orders/{other.pk}/",
        f"/api/customers/{other.customer_id}/",
        f"/api/orders/customer/{other.customer_id}/",
        f"/api/orders/by-customer/?customer_code={other.customer.code}",
    ):
        assert caller.get(path).status_code == 404
    assert caller.patch(f"/api/orders/{other.pk}/", {"item": "x"}).status_code == 404
    assert caller.patch(f"/api/customers/{other.customer_id}/", {"name": "x"}).status_code == 404


def test_a_customer_orders_for_themself(own: tuple[Api, Customer], templates: None) -> None:
    caller, _ = own
    made = caller.post("/api/orders/", {"item": "Tea", "amount": "10"})
    assert (made.status_code, made.json()["customer_code"]) == (201, "OWN")
    refused = caller.post(
        "/api/orders/", {"item": "Tea", "amount": "10", "customer_code": factories.customer().code}
    )
    assert refused.json()["errors"] == {"customer_code": ["Invalid customer code."]}
    assert Order.objects.count() == 1


def test_a_customer_changes_and_cancels_only_what_is_pending(own: tuple[Api, Customer]) -> None:
    caller, customer = own
    order = factories.order(customer=customer)
    path = f"/api/orders/{order.pk}/"
    assert caller.patch(path, {"item": "Tea"}).status_code == 200
    assert caller.patch(path, {"status": "COMPLETED"}).status_code == 403
    assert caller.delete(path).status_code == 403
    assert caller.patch(path, {"status": "CANCELLED"}).status_code == 200
    refused = caller.patch(path, {"item": "Coffee"})
    assert refused.status_code == 409
    assert "only a PENDING order can be changed" in refused.json()["detail"]
    order.refresh_from_db()
    assert (order.item, order.status) == ("Tea", "CANCELLED")


def test_a_customer_changes_their_own_record_but_not_its_code(own: tuple[Api, Customer]) -> None:
    caller, customer = own
    path = f"/api/customers/{customer.pk}/"
    assert caller.patch(path, {"name": "New name"}).status_code == 200
    assert caller.patch(path, {"code": "OTHER"}).status_code == 403
    assert caller.delete(path).status_code == 403
    customer.refresh_from_db()
    assert (customer.name, customer.code) == ("New name", "OWN")


def test_a_user_without_a_record_can_order_nothing(as_user: Callable[..., Api], db: None) -> None:
    caller = as_user(factories.user())
    assert caller.post("/api/orders/", {"item": "Tea", "amount": "1"}).status_code == 403
    assert codes(caller.get("/api/customers/")) == set()
    assert not Order.objects.exists()


def test_a_viewer_may_look_but_not_touch(as_user: Callable[..., Api], db: None) -> None:
    order = factories.order()
    viewer = as_user(factories.user("Viewer"))
    assert viewer.get(f"/api/orders/{order.pk}/").status_code == 200
    assert viewer.patch(f"/api/orders/{order.pk}/", {"item": "x"}).status_code == 403
    assert viewer.patch(f"/api/customers/{order.customer_id}/", {"name": "x"}).status_code == 403
    order.refresh_from_db()
    assert order.item == "Laptop Computer"


def test_a_put_that_says_nothing_of_consent_keeps_it(api: Api) -> None:
    customer = factories.customer(sms_opted_out=True)
    body = {"code": customer.code, "name": "New", "phone_number": customer.phone_number}
    assert api.put(f"/api/customers/{customer.pk}/", body).json()["sms_opted_out"] is True
    assert opt_outs.is_opted_out(customer.phone_number)


@pytest.mark.parametrize(
    "change", [{"phone_number": "+254733000000"}, {"sms_opted_out": False}, {"code": "OTHER"}]
)
def test_a_customer_takes_no_phone_and_no_consent_that_may_be_anothers(
    own: tuple[Api, Customer], change: dict[str, Any]
) -> None:
    caller, customer = own
    path = f"/api/customers/{customer.pk}/"
    assert caller.patch(path, {"sms_opted_out": True}).json()["sms_opted_out"] is True
    before = Customer.objects.values().get(pk=customer.pk)
    assert caller.patch(path, change).status_code == 403
    assert Customer.objects.values().get(pk=customer.pk) == before
    assert opt_outs.is_opted_out(customer.phone_number)


def test_a_customer_places_so_many_orders_an_hour(own: tuple[Api, Customer]) -> None:
    caller, customer = own
    body = {"item": "Mouse", "amount": "1.00"}
    for _ in range(MOST_ORDERS):
        factories.order(customer=customer, text_customer=False)
    refused = caller.post("/api/orders/", body)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert customer.orders.count() == MOST_ORDERS
    Order.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert caller.post("/api/orders/", body).status_code == 201


@pytest.mark.parametrize("number", ["1.00000000000000001", "99.990000000000000001"])
def test_a_number_is_what_is_written_to_the_last_digit(api: Api, number: str) -> None:
    factories.customer(code="CUST001")
    body = f'{{"customer_code": "CUST001", "item": "Mouse", "amount": {number}}}'
    refused = api.client.post("/api/orders/", body, content_type=JSON, headers=api.headers)
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {"amount"}
    assert not Order.objects.exists()


def test_an_object_that_has_a_name_twice_is_refused(api: Api) -> None:
    body = '{"name": "A", "name": "B", "phone_number": "+254722000000"}'
    refused = api.client.post("/api/customers/", body, content_type=JSON, headers=api.headers)
    assert refused.status_code == 400
    assert "an object has a name twice" in refused.json()["detail"]
    assert not Customer.objects.exists()


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_a_path_that_is_none_is_not_found_by_any_method(api: Api, method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    for path in ("/api/orders", "/api/nope/", "/api/orders/zz/"):
        response = getattr(client, method)(path, headers=api.headers)
        assert (response.status_code, response.json()["detail"]) == (404, "Not found."), path


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/xml"])
def test_a_body_that_does_not_say_it_is_json_is_refused(api: Api, kind: str) -> None:
    customer = factories.customer()
    body = f'{{"customer_code": "{customer.code}", "item": "Tea", "amount": 1}}'
    refused = api.client.post("/api/orders/", body, content_type=kind, headers=api.headers)
    assert refused.status_code == 415
    assert refused["Content-Type"] == "application/problem+json"
    assert not Order.objects.exists()


@pytest.mark.parametrize("name", ["created_after", "created_before"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_filter_time_past_the_ends_of_the_calendar_is_named(
    api: Api, name: str, moment: str
) -> None:
    refused = api.get("/api/customers/", **{name: moment})
    assert (refused.status_code, set(refused.json()["errors"])) == (400, {name})


def test_what_was_deleted_between_the_look_and_the_change_is_not_found(api: Api) -> None:
    order = factories.order()
    found = api.get(f"/api/orders/{order.pk}/")
    assert found.status_code == 200
    with patch("crm.api.orders.get_object_or_404", return_value=order):
        Order.objects.all().delete()
        assert api.patch(f"/api/orders/{order.pk}/", {"item": "x"}).status_code == 404
    with patch("crm.api.customers.find_customer", return_value=order.customer):
        Customer.objects.all().delete()
        gone = api.patch(f"/api/customers/{order.customer_id}/", {"name": "x"})
        assert gone.status_code == 404
    assert not Order.objects.exists()
