"""My orders: what a customer sees there, and does."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from crm import orders
from crm.models import Customer, Order
from crm.my_orders.page import own_orders
from identity.models import AttemptCount, User
from identity.session_tokens import issue_tokens
from sms.models import Message, MessageStatus, OptOut
from tests import factories

pytestmark = pytest.mark.django_db

PAGE = "/my-orders/"
LAPTOP = {"item": "Laptop Computer", "amount": "1299.99", "form_key": "one"}


@pytest.fixture
def customer(templates: None) -> Customer:
    user = factories.user(username="juma")
    return factories.customer(name="Juma", phone_number="+254722000000", user=user)


@pytest.fixture
def mine(customer: Customer) -> Client:
    """A browser in which the customer is signed in."""
    return signed_in(customer.user)


def signed_in(user: User | None) -> Client:
    assert user is not None
    client = Client()
    client.force_login(user)
    return client


def words(response: Any) -> str:
    """What a page says, on one line."""
    body = re.sub(r"(?s).*<main>(.*)</main>.*", r"\1", response.content.decode())
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))


def everything() -> list[Any]:
    """What a refused request leaves as it was."""
    tables: list[type[models.Model]] = [Customer, Order, Order.history.model, Message]
    tables += [OrmQ, OptOut, AttemptCount]
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


# --- Who gets in --------------------------------------------------------------------------------


def doors(order: Order) -> list[tuple[str, str]]:
    return [
        ("get", PAGE),
        ("post", PAGE),
        ("post", f"{PAGE}register/"),
        ("post", f"{PAGE}{order.pk}/cancel/"),
        ("post", f"{PAGE}stop-texts/"),
    ]


def test_who_is_not_signed_in_is_asked_to_and_nothing_happens(customer: Customer) -> None:
    order = factories.order(customer=customer)
    token = issue_tokens(User.objects.get()).access
    before = everything()
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        for method, path in doors(order):
            body = LAPTOP if method == "post" else None
            response = getattr(Client(), method)(path, body, headers=headers)
            assert response.status_code == 302, path
            assert response["Location"] == f"/sign-in/?next={path}", path
    assert everything() == before


def test_nothing_is_done_without_the_csrf_token(customer: Customer) -> None:
    order = factories.order(customer=customer)
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get())
    before = everything()
    for method, path in doors(order)[1:]:
        assert getattr(client, method)(path, LAPTOP).status_code == 403, path
    assert everything() == before


def test_no_copy_of_the_page_is_kept_and_it_is_not_framed(mine: Client) -> None:
    response = mine.get(PAGE)
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    page = response.content.decode()
    assert "<script" not in page
    assert page.count("<h1") == 1
    assert re.findall(r'(?:src|href|action)="https?://', page) == []


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("Clerk", "You are no customer here, so there are no orders of your own."),
        ("", "Tell us once, and you can place orders here and follow them."),
    ],
)
def test_who_is_no_customer_is_told_so_and_places_nothing(
    customer: Customer, role: str, said: str
) -> None:
    client = signed_in(factories.user(*[role] if role else []))
    before = everything()
    assert said in words(client.get(PAGE))
    assert said in words(client.post(PAGE, LAPTOP))
    assert client.post(f"{PAGE}stop-texts/").status_code == 404
    assert everything() == before


# --- Who has an account only --------------------------------------------------------------------

REGISTER = f"{PAGE}register/"
JANE = {"name": "Jane Doe", "phone_number": "0722 000001"}


@pytest.fixture
def jane(templates: None) -> User:
    """Somebody who signs in with an account that they have elsewhere."""
    return factories.user(username="jane", email="jane@example.com", first_name="Jane")


def test_who_has_an_account_only_says_who_they_are_and_orders(jane: User) -> None:
    client = signed_in(jane)
    page = client.get(PAGE)
    assert page.context["form"]["name"].value() == "Jane"
    assert "ask them to connect your account, and tell them your username: jane" in words(page)
    assert " jane . Name Phone number Where we text you" in words(page)  # labels without a colon
    response = client.post(REGISTER, JANE | {"email": "other@example.com"})
    assert (response.status_code, response["Location"]) == (302, PAGE)
    customer = Customer.objects.get()
    assert (customer.user, customer.name, customer.phone_number, customer.email) == (
        jane,
        "Jane Doe",
        "+254722000001",
        "jane@example.com",
    )
    assert customer.code == "CUST001"
    assert "Thank you. You can place an order now." in client.get(PAGE).content.decode()
    assert client.post(PAGE, LAPTOP).status_code == 302
    assert customer.orders.get().item == "Laptop Computer"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"phone_number": "0722000000"}, "Customer with this phone number already exists."),
        ({"phone_number": "0722"}, "phone_number"),
        ({"phone_number": ""}, "This field is required."),
        ({"name": " "}, "This field is required."),
        ({"name": "Jane\u0085Doe"}, "Write it in one line, without control characters."),
    ],
)
def test_a_wrong_record_is_refused_and_the_page_says_why(
    customer: Customer, jane: User, facts: dict[str, str], said: str
) -> None:
    before = everything()[:-1]  # a try is counted
    response = signed_in(jane).post(REGISTER, JANE | facts)
    assert response.status_code == 200
    assert said in str(response.context["form"].errors)
    assert everything()[:-1] == before


def test_who_has_a_record_gets_no_other(mine: Client) -> None:
    before = everything()
    assert mine.get(REGISTER)["Location"] == PAGE
    assert mine.post(REGISTER, JANE)["Location"] == PAGE
    assert everything() == before


@pytest.mark.parametrize("role", ["Viewer", "Administrator"])
def test_staff_make_no_record_of_themselves(templates: None, role: str) -> None:
    client = signed_in(factories.user(role))
    before = everything()
    response = client.post(REGISTER, JANE)
    assert response.status_code == 403
    assert "You are no customer here" in words(response)
    assert everything() == before


def test_the_records_that_somebody_tries_to_make_are_counted(
    customer: Customer, jane: User
) -> None:
    client = signed_in(jane)
    for _ in range(10):
        assert client.post(REGISTER, JANE | {"phone_number": "0722000000"}).status_code == 200
    response = client.post(REGISTER, JANE)
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Too many attempts. Try again in 60 minutes." in words(response)
    assert Customer.objects.get() == customer


# --- The list -----------------------------------------------------------------------------------


def test_an_order_is_shown_in_words_with_the_text_about_it(
    mine: Client, customer: Customer
) -> None:
    noon = datetime(2026, 9, 21, 12, tzinfo=UTC)
    order = factories.order(customer=customer, order_time=noon)
    Message.objects.update(status="delivered", created_at=noon)
    # Nairobi is three hours ahead of UTC.
    assert (
        f"Laptop Computer KES 1,299.99 Placed 21 Sep 2026, 15:00 Number {order.order_number} "
        "Pending Hello Juma! Your order for Laptop Computer worth KES 1,299.99 has been received. "
        "Thank you! Text of 21 Sep 2026, 15:00 · Delivered"
    ) in words(mine.get(PAGE))


@pytest.mark.parametrize("status", MessageStatus.values)
def test_every_state_of_a_text_has_words(mine: Client, customer: Customer, status: str) -> None:
    factories.order(customer=customer)
    Message.objects.update(status=status)
    state = own_orders(customer).orders[0].texts[0].state
    assert state[0].isupper()
    assert f"· {state}" in words(mine.get(PAGE))


def test_what_customers_typed_is_text_and_no_page(mine: Client, customer: Customer) -> None:
    factories.order(customer=customer, item="<b>Mouse</b>")
    assert "<b>" not in mine.get(PAGE).content.decode()


def test_nobody_sees_anothers_orders(mine: Client) -> None:
    factories.order(item="Desktop")
    said = words(mine.get(PAGE))
    assert "Desktop" not in said
    assert "Your orders You have placed none yet." in said


def test_staff_who_buy_here_see_their_own_orders_only(customer: Customer) -> None:
    clerk = factories.user("Clerk")
    factories.order(customer=factories.customer(user=clerk), item="Mouse")
    factories.order(customer=customer, item="Desktop")
    said = words(signed_in(clerk).get(PAGE))
    assert "Mouse" in said
    assert "Desktop" not in said


def test_orders_come_newest_first_by_pages_that_miss_and_repeat_none(customer: Customer) -> None:
    factories.order(text_customer=False)
    placed = [factories.order(customer=customer, text_customer=False).pk for _ in range(41)]
    first = own_orders(customer)
    newer = factories.order(customer=customer, text_customer=False)
    second = own_orders(customer, first.older)
    third = own_orders(customer, second.older)
    pages = [[order.row.pk for order in page.orders] for page in (first, second, third)]
    assert [len(page) for page in pages] == [20, 20, 1]
    assert [pk for page in pages for pk in page] == placed[::-1]
    assert third.older is None
    assert own_orders(customer).orders[0].row == newer


def test_the_pages_lead_on_and_back(mine: Client, customer: Customer) -> None:
    for _ in range(21):
        factories.order(customer=customer, text_customer=False)
    first = mine.get(PAGE).content.decode()
    assert "Newest orders" not in first
    older = re.search(r'href="(/my-orders/\?before=[\w-]+)">Older orders<', first)
    assert older
    last = mine.get(older[1]).content.decode()
    assert last.count('class="pill') == 1
    assert "Older orders" not in last
    assert '<a class="button" href="/my-orders/">Newest orders</a>' in last


def test_a_full_page_of_the_last_orders_has_no_older_ones(customer: Customer) -> None:
    for _ in range(20):
        factories.order(customer=customer, text_customer=False)
    assert own_orders(customer).older is None


@pytest.mark.parametrize("before", ["x", "1", "\0", "0" * 33])
def test_a_page_that_no_link_leads_to_is_not_there(mine: Client, before: str) -> None:
    assert mine.get(PAGE, {"before": before}).status_code == 404


def test_each_order_has_the_texts_that_this_customer_got_about_it(customer: Customer) -> None:
    first = factories.order(customer=customer)
    factories.message(customer.phone_number, "Late", about_id=first.pk, recipient_id=customer.pk)
    second = factories.order(customer=customer, text_customer=False)
    theirs = factories.order()  # texted to its customer of the time
    Order.objects.filter(pk=theirs.pk).update(customer=customer)
    told = {
        order.row.pk: [text.row.text for text in order.texts]
        for order in own_orders(customer).orders
    }
    confirmed = Message.objects.filter(about_id=first.pk).earliest("created_at").text
    assert told == {first.pk: [confirmed, "Late"], second.pk: [], theirs.pk: []}


def test_the_page_costs_the_same_for_one_order_and_for_fifty(
    mine: Client, customer: Customer
) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            assert mine.get(PAGE).status_code == 200
        return [query["sql"] for query in asked]

    factories.order(customer=customer)
    one = queries()
    for _ in range(50):
        factories.order(customer=customer)
    assert len(one) == len(queries()) == 5, one  # session, user, customer, orders, texts


# --- Placing ------------------------------------------------------------------------------------


def test_an_order_is_placed_with_its_text(mine: Client, customer: Customer) -> None:
    response = mine.post(PAGE, LAPTOP)
    assert (response.status_code, response["Location"]) == (302, PAGE)
    order = Order.objects.get()
    assert (order.customer, order.item, str(order.amount)) == (
        customer,
        "Laptop Computer",
        "1299.99",
    )
    assert (order.status, order.history.get().history_user) == ("PENDING", customer.user)
    assert Message.objects.get().about_id == order.pk
    assert OrmQ.objects.count() == 1
    assert f"Your order {order.order_number} is placed." in words(mine.get(PAGE))


def test_a_form_sent_twice_places_one_order(mine: Client) -> None:
    mine.post(PAGE, LAPTOP)
    before = everything()
    response = mine.post(PAGE, LAPTOP)
    assert (response.status_code, response["Location"]) == (302, PAGE)
    assert "That order was placed already, once." in words(mine.get(PAGE))
    assert everything() == before
    mine.post(PAGE, LAPTOP | {"form_key": "two"})
    assert Order.objects.count() == 2


def test_an_order_is_ones_own_whatever_the_form_says(mine: Client, customer: Customer) -> None:
    other = factories.customer(code="OTHER")
    mine.post(PAGE, LAPTOP | {"customer": str(other.pk), "customer_code": "OTHER"})
    assert Order.objects.get().customer == customer


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"item": " "}, "This field is required."),
        ({"item": "x" * 201}, "Ensure this value has at most 200 characters (it has 201)."),
        ({"item": "a\tb"}, "Write it in one line, without control characters."),
        ({"amount": ""}, "This field is required."),
        ({"amount": "0"}, "Ensure this value is greater than or equal to 0.01."),
        ({"amount": "-1"}, "Ensure this value is greater than or equal to 0.01."),
        ({"amount": "1.999"}, "Ensure that there are no more than 2 decimal places."),
        ({"amount": "10000000000"}, "Ensure that there are no more than 10 digits before the"),
        ({"amount": "NaN"}, "Enter a number."),
        ({"form_key": ""}, "Your orders You have placed none yet."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_placed(
    mine: Client, changes: dict[str, str], said: str
) -> None:
    before = everything()
    response = mine.post(PAGE, LAPTOP | changes)
    assert response.status_code == 200
    assert said in words(response)
    assert everything() == before
    mine.post(PAGE, LAPTOP)  # the key of the form is as good as new
    assert Order.objects.count() == 1


def test_the_twenty_first_order_of_an_hour_is_refused(mine: Client, customer: Customer) -> None:
    for _ in range(20):
        factories.order(customer=customer, text_customer=False)
    moment = timezone.now() - timedelta(minutes=30)
    Order.objects.update(created_at=moment)
    before = everything()
    response = mine.post(PAGE, LAPTOP)
    assert response.status_code == 429
    assert 1790 <= int(response["Retry-After"]) <= 1800
    assert "You placed 20 orders within an hour. Try again in 30 minutes." in words(response)
    assert everything() == before


# --- Cancelling ---------------------------------------------------------------------------------


def test_an_order_is_cancelled_while_nobody_has_started_on_it(
    mine: Client, customer: Customer
) -> None:
    order = factories.order(customer=customer)
    response = mine.post(f"{PAGE}{order.pk}/cancel/")
    assert (response.status_code, response["Location"]) == (302, PAGE)
    order.refresh_from_db()
    assert order.status == "CANCELLED"
    said = words(mine.get(PAGE))
    assert f"Your order {order.order_number} is cancelled." in said
    assert "Cancel this order" not in said


@pytest.mark.parametrize("status", ["PROCESSING", "COMPLETED", "CANCELLED"])
def test_an_order_that_moved_on_is_not_cancelled(
    mine: Client, customer: Customer, status: str
) -> None:
    order = factories.order(customer=customer)
    orders.change_status(order, status)
    before = everything()
    mine.post(f"{PAGE}{order.pk}/cancel/")
    assert everything() == before
    said = words(mine.get(PAGE))
    assert f"Your order {order.order_number} is {status.lower()}: it cannot be cancelled." in said
    assert "Cancel this order" not in said


def test_anothers_order_is_not_there_and_stays(mine: Client) -> None:
    order = factories.order()
    before = everything()
    assert mine.post(f"{PAGE}{order.pk}/cancel/").status_code == 404
    assert mine.post(f"{PAGE}{uuid4()}/cancel/").status_code == 404
    assert mine.get(f"{PAGE}{order.pk}/cancel/").status_code == 405
    assert everything() == before


# --- Texts --------------------------------------------------------------------------------------


def test_a_customer_stops_the_texts_and_is_offered_no_way_back(mine: Client) -> None:
    assert "We text you about your orders at 0722 000000." in words(mine.get(PAGE))
    response = mine.post(f"{PAGE}stop-texts/")
    assert (response.status_code, response["Location"]) == (302, PAGE)
    assert OptOut.objects.get().phone_number == "+254722000000"
    said = words(mine.get(PAGE))
    assert "You get no more texts." in said
    assert "You get no texts at 0722 000000. To get them again, ask Karani." in said
    assert "Stop the texts" not in said


def test_who_has_a_fixed_line_is_promised_no_texts(mine: Client, customer: Customer) -> None:
    Customer.objects.filter(pk=customer.pk).update(phone_number="+254202222222")
    page = " ".join(mine.get("/my-orders/").content.decode().split())
    assert "No text about it gets to 020 2222222, which is not a mobile phone." in page
    assert "No text gets to 020 2222222: it is not a mobile phone." in page
    assert "We text you" not in page


def test_nobody_stops_the_texts_of_another(mine: Client) -> None:
    other = factories.customer()
    mine.post(f"{PAGE}stop-texts/", {"customer": str(other.pk)})
    assert not OptOut.objects.filter(phone_number=other.phone_number).exists()
