"""Taking an order: who orders is found or written down, and however often it is sent, it is one."""

import re
from decimal import Decimal
from html import unescape
from secrets import token_urlsafe
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from crm import erasing, merging, orders, taking
from crm.models import Customer, Order
from identity.form_keys import FormWasSentBefore, outcome_of
from identity.models import AttemptCount, User
from sms.models import Message, MessageTemplate, UnreachablePhone
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("templates")]

ADD, FIND = "/admin/crm/order/add/", "/admin/crm/order/find-customer/"
JANE = {"customer_name": "Jane Doe", "customer_phone": "0722 000001"}


NO_PHONE = (
    "“12” is not a valid phone number in KE. Write it as it is dialled there, or with + and the "
    "country code."
)
KNOWN = (
    "0722 000001 is the phone of Wanjiku Kamau, who is chosen now. Save again to go on with them."
)


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk")


@pytest.fixture
def client(clerk: User) -> Client:
    """A browser in which a Clerk is signed in."""
    return browser(clerk)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def filled_in(**fields: str) -> dict[str, str]:
    form = {
        "item": "Laptop Computer",
        "amount": "1,299.99",
        "order_time_0": "2026-09-21",
        "order_time_1": "15:30:00",
        "form_key": token_urlsafe(16),
    }
    return form | fields


def errors(page: Any) -> dict[str, list[str]]:
    return dict(page.context["adminform"].form.errors)


def told(page: Any) -> list[str]:
    """The messages, without the tags of their links."""
    return [re.sub("<.*?>", "", str(message)) for message in get_messages(page.wsgi_request)]


def everything() -> list[int]:
    return [kind.objects.count() for kind in (Customer, Order, Message, OrmQ, AttemptCount)]


# --- Who orders ---------------------------------------------------------------------------------


def test_a_new_customer_is_registered_with_the_order(client: Client) -> None:
    page = client.post(ADD, filled_in(**JANE))
    order = Order.objects.get()
    assert page["Location"] == f"/admin/crm/order/{order.pk}/change/"
    customer = order.customer
    assert (customer.name, customer.phone_number) == ("Jane Doe", "+254722000001")
    assert (customer.code, order.amount) == ("CUST001", Decimal("1299.99"))
    assert Message.objects.get().text.startswith("Hello Jane Doe! Your order for Laptop Computer")


def test_nobody_is_registered_where_the_order_is_refused(client: Client) -> None:
    page = client.post(ADD, filled_in(order_time_0="1899-01-01", **JANE))
    assert list(errors(page)) == ["order_time"]
    assert everything() == [0, 0, 0, 0, 0]
    assert 'value="Jane Doe"' in page.content.decode()


def test_nothing_is_ordered_where_the_customer_is_refused(client: Client) -> None:
    page = client.post(ADD, filled_in(customer_name="Jane\x07Doe", customer_phone="0722000001"))
    said = ["Write it in one line, without control characters."]
    assert errors(page) == {"customer_name": said}
    assert everything() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"customer": ["Choose who orders, or write down a new customer."]}),
        ({"customer_name": "Jane Doe"}, {"customer_phone": ["This field is required."]}),
        ({"customer_phone": "0722000001"}, {"customer_name": ["This field is required."]}),
        (JANE | {"customer_phone": "12"}, {"customer_phone": [NO_PHONE]}),
    ],
)
def test_what_is_missing_of_who_orders_is_told_beside_its_field(
    client: Client, fields: dict[str, str], expected: dict[str, list[str]]
) -> None:
    page = client.post(ADD, filled_in(**fields))
    assert errors(page) == expected
    assert everything() == [0, 0, 0, 0, 0]


def test_an_order_is_for_a_known_customer_or_for_a_new_one(client: Client) -> None:
    known = factories.customer()
    page = client.post(ADD, filled_in(customer=str(known.pk), **JANE))
    assert errors(page) == {"customer": ["Choose a customer or write down a new one, not both."]}
    assert everything() == [1, 0, 0, 0, 0]


def test_the_phone_of_a_known_customer_leads_to_them(client: Client) -> None:
    known = factories.customer(name="Wanjiku Kamau", phone_number="+254722000001", code="ABC")
    sent = filled_in(**JANE)
    page = client.post(ADD, sent)
    assert errors(page) == {"customer": [KNOWN]}
    assert everything() == [1, 0, 0, 0, 0]
    form = page.context["adminform"].form
    shown = {name: form[name].value() or "" for name in (*JANE, "customer", "item", "form_key")}
    assert shown == {name: sent[name] for name in ("item", "form_key")} | {
        "customer": str(known.pk),
        "customer_name": "",
        "customer_phone": "",
    }
    assert "Wanjiku Kamau, 0722 000001, ABC</option>" in page.content.decode()
    assert client.post(ADD, sent | shown).status_code == 302
    assert Order.objects.get().customer == known


def test_who_may_register_nobody_takes_orders_of_known_customers() -> None:
    clerk = factories.user("Clerk")
    clerk.groups.get().permissions.remove(Permission.objects.get(codename="add_customer"))
    client = browser(clerk)
    assert "New customer" not in client.get(ADD).content.decode()
    before = everything()
    assert client.post(ADD, filled_in(**JANE)).status_code == 403
    assert everything() == before
    assert client.get(FIND, {"term": "nobody"}).json()["results"] == []
    assert client.post(ADD, filled_in(customer=str(factories.customer().pk))).status_code == 302


def test_the_customer_whose_page_led_here_is_chosen(client: Client) -> None:
    customer = factories.customer(name="Wanjiku", phone_number="+254722000000", code="ABC")
    page = client.get(ADD, {"customer": str(customer.pk)}).content.decode()
    assert f'<option value="{customer.pk}" selected>Wanjiku, 0722 000000, ABC</option>' in page


@pytest.mark.parametrize("customer", ["", "abc", "0192f0c0-0000-7000-8000-000000000000"])
def test_an_address_that_names_nobody_chooses_nobody(client: Client, customer: str) -> None:
    page = client.get(ADD, {"customer": customer, "form_key": "mine", "amount": "5"})
    assert page.status_code == 200
    assert " selected>" not in page.content.decode()
    form = page.context["adminform"].form
    assert (form["form_key"].value() != "mine", form["amount"].value()) == (True, None)


def test_seldom_wanted_fields_are_folded_away_until_they_are_filled_in(client: Client) -> None:
    def folded(page: Any) -> int:
        return int(page.content.decode().count("<details><summary>"))

    assert folded(client.get(ADD)) == 2
    assert folded(client.post(ADD, filled_in(amount="", **JANE))) == 1
    assert folded(client.post(ADD, filled_in(amount="", reference="R1", **JANE))) == 0


# --- The search ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term",
    [
        *("0722 000000", "254722000000", "+254 722 000 000", "0722 0", "0722"),
        *("wanji", "abc-1", "w@example"),
    ],
)
def test_who_orders_is_found_by_phone_name_and_code(client: Client, term: str) -> None:
    wanted = factories.customer(
        name="Wanjiku Kamau", phone_number="+254722000000", code="ABC-1", email="w@example.com"
    )
    factories.customer(name="Otieno", phone_number="+254733111111", code="XYZ")
    assert client.get(FIND, {"term": term}).json() == {
        "results": [{"id": str(wanted.pk), "text": "Wanjiku Kamau, 0722 000000, ABC-1"}],
        "pagination": {"more": False},
    }


def test_who_was_forgotten_is_not_found_and_not_chosen(client: Client) -> None:
    customer = factories.customer(name="Wanjiku Kamau")
    erasing.erase_customer(customer, by=factories.user("Manager"))
    assert [each["id"] for each in client.get(FIND).json()["results"]] == []
    assert " selected>" not in client.get(ADD, {"customer": str(customer.pk)}).content.decode()
    page = client.post(ADD, filled_in(customer=str(customer.pk)))
    assert list(errors(page)) == ["customer"]
    assert not Order.objects.exists()


def test_where_nobody_is_found_a_new_customer_is_offered(client: Client) -> None:
    assert client.get(FIND, {"term": " 0722 000000 "}).json()["results"] == [
        {
            "id": "new",
            "text": "Nobody is found. New customer: 0722 000000",
            "typed": "0722 000000",
        }
    ]
    assert client.get(FIND).json()["results"] == []


def test_many_who_are_found_come_page_by_page(client: Client) -> None:
    made = [factories.customer(name=f"Kamau {number}") for number in range(45)]
    pages = [client.get(FIND, {"term": "kamau", "page": page}).json() for page in ("1", "2", "3")]
    assert [len(page["results"]) for page in pages] == [20, 20, 5]
    assert [page["pagination"]["more"] for page in pages] == [True, True, False]
    found = [each["id"] for page in pages for each in page["results"]]
    assert found == [str(customer.pk) for customer in reversed(made)]
    for page in ("0", "-1", "x", ""):
        assert client.get(FIND, {"term": "kamau", "page": page}).json() == pages[0]


def test_the_search_costs_the_same_queries_for_1_row_and_for_50(client: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(FIND, {"term": "customer"})
        return len(queries)

    factories.customer()
    one = cost()
    for _ in range(49):
        factories.customer()
    assert cost() == one


# --- What is told -------------------------------------------------------------------------------


def test_whoever_took_an_order_is_told_its_number_and_that_a_text_goes(client: Client) -> None:
    customer = factories.customer(phone_number="+254722000000")
    page = client.post(ADD, filled_in(customer=str(customer.pk)))
    number = Order.objects.get().order_number
    assert told(page) == [f"Order {number} is taken. A text goes to 0722 000000. Take another"]
    shown = client.get(page["Location"]).content.decode()
    assert f'is taken. A text goes to 0722 000000. <a class="underline" href="{ADD}">' in shown


def test_whoever_took_an_order_is_told_why_no_text_goes(client: Client) -> None:
    def said(**facts: Any) -> str:
        customer = factories.customer(name="Jane <b>Doe", **facts)
        words = told(client.post(ADD, filled_in(customer=str(customer.pk))))[-1]
        return unescape(words.partition(" is taken. ")[2])

    assert said(sms_opted_out=True) == "No text goes out: Jane <b>Doe wants none. Take another"
    assert said(phone_number="+254202222222") == (
        "This is not a mobile number, so that no text gets there. Take another"
    )
    UnreachablePhone.objects.create(phone_number="+254722000009", reason="blocked")
    assert said(phone_number="+254722000009").startswith("No text gets there: its owner blocks")
    MessageTemplate.objects.filter(event="order_placed").update(is_active=False)
    assert said() == "No text goes out: that text is switched off. Take another"


def test_another_order_is_taken_right_after(client: Client) -> None:
    sent = filled_in(_addanother="1", **JANE)
    for _ in range(2):
        page = client.post(ADD, sent)
        assert page["Location"] == ADD
        assert told(page)[-1].startswith(f"Order {Order.objects.get().order_number} is taken.")


# --- Sent twice ---------------------------------------------------------------------------------


def test_each_form_that_is_shown_has_a_key_of_its_own(client: Client) -> None:
    def key() -> str:
        page = client.get(ADD).content.decode()
        [value] = re.findall(r'name="form_key" value="([^"]+)"', page)
        return str(value)

    assert key() != key()


def test_a_form_without_a_key_is_not_taken(client: Client) -> None:
    page = client.post(ADD, filled_in(form_key="", **JANE))
    assert errors(page) == {"form_key": ["Load the page again."]}
    assert "Load the page again." in page.content.decode()
    assert everything() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("more", [{}, {"reference": "R1"}])
def test_an_order_that_is_sent_again_is_the_same_order(
    client: Client, more: dict[str, str]
) -> None:
    """Its reference and the phone of its customer, which are taken by then, are its own."""
    sent = filled_in(**JANE, **more)
    first, second = client.post(ADD, sent), client.post(ADD, sent)
    assert everything() == [1, 1, 1, 1, 1]
    assert second.status_code == 302
    assert second["Location"] == first["Location"]
    assert told(second)[-1] == told(first)[-1]


def test_the_key_of_a_form_that_was_refused_is_as_good_as_new(client: Client) -> None:
    sent = filled_in(**JANE)
    client.post(ADD, sent | {"order_time_0": "1899-01-01"})
    client.post(ADD, sent | {"amount": ""})
    client.post(ADD, sent)
    assert everything() == [1, 1, 1, 1, 1]


def test_what_another_sends_with_the_same_key_is_another_order(client: Client) -> None:
    sent = filled_in(customer=str(factories.customer().pk))
    client.post(ADD, sent)
    browser(factories.user("Clerk")).post(ADD, sent)
    assert Order.objects.count() == 2


def test_an_order_that_was_deleted_is_not_placed_by_sending_it_again(client: Client) -> None:
    sent = filled_in(**JANE)
    client.post(ADD, sent)
    orders.delete_order(Order.objects.get())
    page = client.post(ADD, sent)
    assert page["Location"] == "/admin/crm/order/"
    assert told(page)[-1] == "That order was taken already, and is deleted by now."
    assert not Order.objects.exists()


def test_the_operation_takes_a_form_once(clerk: User) -> None:
    jane = Customer(name="Jane Doe", phone_number="+254722000001")
    order = taking.take_order(clerk, "key", Order(item="Lamp", amount="5"), jane)
    assert (order.customer, order.status) == (jane, "PENDING")
    assert outcome_of(clerk, "key") == str(order.pk)
    with pytest.raises(FormWasSentBefore) as refusal:
        taking.take_order(clerk, "key", Order(item="Lamp", amount="5", customer=jane))
    assert refusal.value.outcome == str(order.pk)
    with pytest.raises(ValidationError):
        taking.take_order(clerk, "another key", Order(item="", amount="5", customer=jane))
    assert everything() == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("right", ["add_order", "add_customer"])
def test_the_operation_takes_no_order_that_its_taker_may_not(clerk: User, right: str) -> None:
    clerk.groups.get().permissions.remove(Permission.objects.get(codename=right))
    jane = Customer(name="Jane Doe", phone_number="+254722000001")
    before = everything()
    with pytest.raises(PermissionDenied):
        taking.take_order(clerk, "key", Order(item="Lamp", amount="5"), jane)
    assert (everything(), outcome_of(clerk, "key")) == (before, None)


def test_who_may_add_no_customer_takes_the_order_of_a_known_one(clerk: User) -> None:
    clerk.groups.get().permissions.remove(Permission.objects.get(codename="add_customer"))
    known = factories.customer()
    order = taking.take_order(clerk, "key", Order(item="Lamp", amount="5", customer=known))
    assert Order.objects.get() == order


@pytest.mark.parametrize("term", ["0722 000001", "+254722000001", "TWICE"])
def test_what_a_merged_record_was_known_by_finds_the_kept_one(client: Client, term: str) -> None:
    kept = merged_into("+254733000000")
    found = client.get(FIND, {"term": term}).json()["results"]
    assert [each["id"] for each in found] == [str(kept.pk)]


def test_a_new_customer_with_the_phone_of_a_merged_record_is_offered_the_kept_one(
    client: Client,
) -> None:
    kept = merged_into("+254733000000")
    page = client.post(ADD, filled_in(**JANE))
    assert errors(page) == {
        "customer": [
            (
                "0722 000001 is the phone of a record that was merged into Wanjiku Kamau, "
                "who is chosen now. Save again to go on with them."
            )
        ]
    }
    assert page.context["adminform"].form["customer"].value() == str(kept.pk)
    assert not Order.objects.exists()
    assert Customer.objects.count() == 1


def test_whoever_has_the_phone_now_comes_before_the_one_who_had_it(client: Client) -> None:
    merged_into("+254733000000")
    has_it = factories.customer(name="Wanjiku Kamau", phone_number="+254722000001")
    page = client.post(ADD, filled_in(**JANE))
    assert errors(page) == {"customer": [KNOWN]}
    assert page.context["adminform"].form["customer"].value() == str(has_it.pk)


def merged_into(phone_number: str) -> Customer:
    """The customer with this phone, into whose record went that of 0722 000001."""
    kept = factories.customer(name="Wanjiku Kamau", phone_number=phone_number)
    twice = factories.customer(code="TWICE", name="W. K.", phone_number="+254722000001")
    merging.merge_customers(kept, twice, by=factories.user("Manager"))
    return kept


@pytest.mark.parametrize("page", ["9" * 20, "9" * 5000, "999999999"])
def test_a_page_of_the_search_that_there_cannot_be_is_no_fault_of_ours(
    client: Client, page: str
) -> None:
    factories.customer(name="Wanjiku Kamau")
    assert client.get(FIND, {"term": "Wanjiku", "page": page}).status_code == 200
