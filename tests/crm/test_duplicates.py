"""Which other records may be of the same person: what is pointed out, and that no table is read
for it."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import customers, duplicates
from crm.folding import name_key
from crm.models import Customer
from tests import factories

pytestmark = pytest.mark.django_db

PHONE = "+254722000000"
NEARBY = "A phone that differs in one digit or two that are swapped, and a name alike"


def told(customer: Customer) -> dict[str, list[str]]:
    return {each.customer.code: each.reasons for each in duplicates.likely_duplicates(customer)}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Wanjiku Kamau", "KAMAU  wanjiku"),
        ("Zoë Nyong'o", "Nyongo, Zoe"),
        ("Nyong’o", "nyong'o"),
        ("ﬁona", "Fiona"),
    ],
)
def test_names_are_alike_whatever_their_order_their_case_and_their_signs(
    name: str, other: str
) -> None:
    assert name_key(name) == name_key(other) != ""


def test_a_name_of_signs_alone_is_like_no_other() -> None:
    factories.customer(name="***")
    assert told(factories.customer(name="???")) == {}


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        ({"name": "Kamau WANJIKU"}, ["The same name"]),
        ({"email": "W@example.COM"}, ["The same email"]),
        ({"phone_number": "+255722000000"}, ["The same phone, but for the country code"]),
        ({"phone_number": "+254722000001", "name": "Wanjiku"}, [NEARBY]),
        ({"phone_number": "+254720200000", "name": "Wanjiku N. Kamau"}, [NEARBY]),
        ({"phone_number": "+254722000001"}, None),
        ({"phone_number": "+254722000011", "name": "Wanjiku"}, None),
        ({"name": "Wanjiku"}, None),
    ],
)
def test_another_record_is_pointed_out_with_what_is_alike(
    facts: dict[str, Any], reasons: list[str] | None
) -> None:
    customer = factories.customer(name="Wanjiku Kamau", phone_number=PHONE, email="w@example.com")
    factories.customer(**{"name": "Otieno", "code": "OTHER"} | facts)
    assert told(customer) == ({"OTHER": reasons} if reasons else {})


def test_who_has_or_had_a_phone_of_the_other_is_pointed_out_on_both_pages() -> None:
    first = factories.customer(code="FIRST", phone_number=PHONE)
    customers.update_customer(first, {"phone_number": "+254733000000"})
    second = factories.customer(code="SECOND", phone_number=PHONE)
    assert told(first) == {"SECOND": ["A phone that this customer had before"]}
    assert told(second) == {"FIRST": ["Had this customer's phone before"]}


def test_those_with_the_most_reasons_come_first_and_some_are_enough() -> None:
    customer = factories.customer(name="Wanjiku Kamau", email="w@example.com", phone_number=PHONE)
    for _ in range(6):
        factories.customer(name="Wanjiku Kamau")
    factories.customer(name="Wanjiku Kamau", email="w@example.com", code="SURE")
    likely = told(customer)
    assert (len(likely), next(iter(likely))) == (5, "SURE")
    assert likely["SURE"] == ["The same email", "The same name"]


def test_an_email_that_is_not_known_makes_nobody_alike() -> None:
    factories.customer()
    assert told(factories.customer()) == {}


def test_the_name_by_which_doubles_are_found_follows_the_name() -> None:
    customer = factories.customer(name="Wanjiku Kamau", phone_number=PHONE)
    other = factories.customer(name="Otieno")
    customers.update_customer(other, {"name": "Kamau Wanjiku"})
    assert told(customer) == {other.code: ["The same name"]}


def test_no_question_reads_the_table_of_customers() -> None:
    customer = factories.customer(name="Wanjiku Kamau", email="w@example.com")
    with CaptureQueriesContext(connection) as queries:
        duplicates.likely_duplicates(customer)
    assert len(queries) == 5
    if connection.vendor == "sqlite":
        scans = [line for query in queries for line in _plan(query["sql"]) if "SCAN" in line]
        assert scans == []


def test_the_list_is_narrowed_to_those_who_may_be_there_twice() -> None:
    named = [factories.customer(name=name) for name in ("Wanjiku Kamau", "KAMAU Wanjiku")]
    mailed = [factories.customer(name=name, email=f"{name}@example.com") for name in "Oo"]
    factories.customer(name="Otieno")
    factories.customer(name="***")
    factories.customer(name="???")
    client = Client()
    client.force_login(factories.user("Viewer"))
    found = {
        key: set(client.get("/admin/crm/customer/", {"alike": key}).context["cl"].result_list)
        for key in ("name_key", "email", "nonsense")
    }
    assert found["name_key"] == {*named, *mailed}
    assert found["email"] == set(mailed)
    assert len(found["nonsense"]) == 7


def _plan(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"))
        return [row[3] for row in cursor.fetchall()]


def test_the_page_points_them_out_and_leads_to_the_merge() -> None:
    customer = factories.customer(name="Wanjiku Kamau", code="A1")
    factories.customer(name="Wanjiku Kamau", code="B2")
    for role, may_merge in (("Clerk", False), ("Manager", True)):
        client = Client()
        client.force_login(factories.user(role))
        page = client.get(f"/admin/crm/customer/{customer.pk}/change/").content.decode()
        assert "Might be the same person" in page
        assert ("merge/?with=B2" in page) == may_merge
