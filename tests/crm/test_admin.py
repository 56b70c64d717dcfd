"""The screens of customers and orders: what staff see, what they may do, and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from secrets import token_urlsafe
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.sites import site
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from crm import customers, orders
from crm.admin import CustomerAdmin
from crm.errors import CustomerHasOrders, OrderCannotMove, Refusal
from crm.models import Customer, Order
from identity.models import User
from sms import incoming, opt_outs
from sms.models import ConsentChange, Message, UnreachablePhone
from tests import factories
from tests.crm.spreadsheets.sheets import no_such_phone

pytestmark = pytest.mark.django_db

CUSTOMERS, ORDERS = "/admin/crm/customer/", "/admin/crm/order/"


@pytest.fixture
def manager() -> User:
    return factories.user("Manager")


@pytest.fixture
def client(manager: User) -> Client:
    """A browser in which a Manager is signed in."""
    return browser(manager)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def listed(page: Any) -> list[Any]:
    return list(page.context["cl"].result_list)


def errors(page: Any) -> dict[str, list[str]]:
    return dict(page.context["adminform"].form.errors)


def told(page: Any) -> list[str]:
    return [str(message) for message in get_messages(page.wsgi_request)]


def customer_form(**changes: str) -> dict[str, str]:
    form = {
        "name": "Wanjiku Kamau",
        "phone_number": "0722 000000",
        "email": "",
        "language": "en",
        "code": "",
    }
    return form | changes


def order_form(buyer: Customer, **changes: str) -> dict[str, str]:
    form = {
        "customer": str(buyer.pk),
        "item": "Laptop Computer",
        "amount": "1299.99",
        "order_time_0": "2026-09-21",
        "order_time_1": "15:30:00",
        "reference": "",
        "form_key": token_urlsafe(16),
    }
    return form | changes


# --- Lists --------------------------------------------------------------------------------------


def test_the_list_of_customers_shows_each_with_their_phone_as_it_is_dialled(
    client: Client,
) -> None:
    factories.customer(name="Wanjiku Kamau", code="ABC", phone_number="+254722000000")
    factories.customer(name="Berlin", phone_number="+49300074321", sms_opted_out=True)
    page = client.get(CUSTOMERS).content.decode()
    for text in ("Wanjiku Kamau", "ABC", "0722 000000", "+49 30 0074321", "Opted out"):
        assert text in page


@pytest.mark.parametrize(
    "text",
    [
        "abc-1",
        "wanji",
        "0722 000000",
        "0722 000 000",
        "0722-000-000",
        "0722000000",
        "254722000000",
        "254 722 000 000",
        "+254722000000",
        "+254 722 000 000",
        "722000000",
        "22000",
        "w@example",
    ],
)
def test_a_customer_is_found_by_code_name_email_and_phone(client: Client, text: str) -> None:
    wanted = factories.customer(
        code="ABC-1",
        name="Wanjiku Kamau",
        phone_number="+254722000000",
        email="w@example.com",
    )
    factories.customer(code="XYZ", name="Otieno", phone_number="+254733111111")
    assert listed(client.get(CUSTOMERS, {"q": text})) == [wanted]


def test_customers_are_narrowed_to_a_language(client: Client) -> None:
    factories.customer()
    wanted = factories.customer(language="sw")
    assert listed(client.get(CUSTOMERS, {"language__exact": "sw"})) == [wanted]


def test_the_list_of_orders_shows_each_with_its_amount_and_its_text(
    client: Client, templates: None
) -> None:
    order = factories.order(
        customer=factories.customer(name="Wanjiku", code="ABC"), amount="1299.90"
    )
    page = client.get(ORDERS).content.decode()
    for text in (order.order_number, "Wanjiku (ABC)", "KES 1,299.90", "Pending", "Queued"):
        assert text in page


@pytest.mark.parametrize(
    "text",
    [
        "laptop",
        "20260921120000",
        "ref-1",
        "wanji",
        "abc-1",
        "0722 000000",
        "254722000000",
        "+254722000000",
        "22000",
    ],
)
def test_an_order_is_found_by_item_numbers_and_customer(client: Client, text: str) -> None:
    wanted = factories.order(
        customer=factories.customer(
            code="ABC-1", name="Wanjiku Kamau", phone_number="+254722000000"
        ),
        reference="REF-1",
        order_time=datetime(2026, 9, 21, 12, tzinfo=UTC),
    )
    factories.order(
        customer=factories.customer(code="XYZ", name="Otieno", phone_number="+254733111111"),
        item="Mouse",
        order_time=datetime(2025, 1, 1, tzinfo=UTC),
    )
    assert listed(client.get(ORDERS, {"q": text})) == [wanted]


def test_an_order_is_found_by_its_whole_number(client: Client) -> None:
    wanted, _ = factories.order(), factories.order()
    assert listed(client.get(ORDERS, {"q": wanted.order_number.lower()})) == [wanted]


@pytest.mark.parametrize("text", ["20260921", "0722000000"])
def test_a_number_that_could_be_a_phone_finds_an_order_too(client: Client, text: str) -> None:
    wanted = factories.order(
        reference="0722000000", order_time=datetime(2026, 9, 21, 12, tzinfo=UTC)
    )
    assert listed(client.get(ORDERS, {"q": text})) == [wanted]


def test_orders_are_narrowed_to_a_status(client: Client) -> None:
    factories.order()
    wanted = factories.order()
    orders.change_status(wanted, "COMPLETED")
    assert listed(client.get(ORDERS, {"status__exact": "COMPLETED"})) == [wanted]
    both = client.get(ORDERS, {"status__exact": ["COMPLETED", "PENDING"]})
    assert wanted in listed(both)
    assert len(listed(both)) > 1


def test_the_customer_of_an_order_is_found_by_phone_while_it_is_typed(client: Client) -> None:
    wanted = factories.customer(name="Wanjiku", code="ABC", phone_number="+254722000000")
    factories.customer()
    query = {"app_label": "crm", "model_name": "order", "field_name": "customer"}
    found = client.get("/admin/autocomplete/", query | {"term": "0722 000000"}).json()
    assert found["results"] == [{"id": str(wanted.pk), "text": "Wanjiku (ABC)"}]


@pytest.mark.parametrize("url", [CUSTOMERS, ORDERS])
def test_a_list_costs_the_same_queries_for_1_row_and_for_50(
    client: Client, templates: None, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("crm.admin.operations.OperationsAdmin.list_per_page", 100)
    counts = []
    for number in (1, 49):
        for _ in range(number):
            factories.order()
        client.get(url)  # whatever is looked up once
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url)
        assert len(listed(page)) == Order.objects.count()
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Customers ----------------------------------------------------------------------------------


def test_a_customer_is_added_with_a_phone_as_it_is_dialled_and_a_code_in_small_letters(
    client: Client, manager: User
) -> None:
    response = client.post(
        f"{CUSTOMERS}add/",
        customer_form(code=" abc-1 ", email="w@example.com", language="sw"),
    )
    assert response.status_code == 302
    customer = Customer.objects.get()
    assert (
        customer.name,
        customer.phone_number,
        customer.code,
        customer.email,
        customer.language,
    ) == ("Wanjiku Kamau", "+254722000000", "ABC-1", "w@example.com", "sw")
    row = Customer.history.get()
    assert (row.history_type, row.history_user) == ("+", manager)


def test_a_customer_added_without_a_code_gets_the_next_one(client: Client) -> None:
    client.post(f"{CUSTOMERS}add/", customer_form())
    assert Customer.objects.get().code == "CUST001"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": " "}, {"name": ["This field is required."]}),
        (
            {"name": "x" * 201},
            {"name": ["Ensure this value has at most 200 characters (it has 201)."]},
        ),
        ({"phone_number": ""}, {"phone_number": ["This field is required."]}),
        (
            {"phone_number": "12"},
            {"phone_number": [no_such_phone("12", "KE")]},
        ),
        (
            {"phone_number": "+254 733 000 000"},
            {"phone_number": ["Customer with this phone number already exists."]},
        ),
        (
            {"code": "a b"},
            {"code": ["Use 2 to 50 capital letters, digits, hyphens and underscores."]},
        ),
        ({"code": "taken"}, {"code": ["Customer with this code already exists."]}),
        ({"email": "nobody"}, {"email": ["Enter a valid email address."]}),
        (
            {"language": "fr"},
            {"language": ["Select a valid choice. fr is not one of the available choices."]},
        ),
    ],
)
def test_a_wrong_value_of_a_customer_is_told_beside_its_field_and_nothing_is_saved(
    client: Client, changes: dict[str, str], expected: dict[str, list[str]]
) -> None:
    taken = factories.customer(code="TAKEN", phone_number="+254733000000")
    page = client.post(f"{CUSTOMERS}add/", customer_form(**changes))
    assert page.status_code == 200
    assert errors(page) == expected
    assert Customer.objects.get() == taken
    assert Customer.history.count() == 1


def test_a_customer_is_changed_and_history_names_who_did_it(client: Client, manager: User) -> None:
    customer = factories.customer(code="ABC", phone_number="+254722000000")
    response = client.post(
        f"{CUSTOMERS}{customer.pk}/change/",
        customer_form(code="ABC", name="Wanjiku Otieno", phone_number="0733 000000"),
    )
    assert response.status_code == 302
    customer.refresh_from_db()
    assert (customer.name, customer.phone_number) == ("Wanjiku Otieno", "+254733000000")
    row = customer.history.order_by("-history_id")[0]
    assert (row.history_type, row.history_user, row.name) == ("~", manager, "Wanjiku Otieno")


def test_a_stored_customer_keeps_a_code(client: Client) -> None:
    customer = factories.customer(code="ABC")
    page = client.post(f"{CUSTOMERS}{customer.pk}/change/", customer_form(code=""))
    assert errors(page) == {"code": ["This field is required."]}
    customer.refresh_from_db()
    assert customer.code == "ABC"


def test_a_customer_is_opted_out_of_texts_and_in_again(client: Client, manager: User) -> None:
    url = f"{CUSTOMERS}{factories.customer(code='ABC', phone_number='+254722000000').pk}/change/"
    client.post(url, customer_form(code="ABC", sms_opted_out="on"))
    assert opt_outs.is_opted_out("+254722000000")
    assert client.get(url).context["adminform"].form["sms_opted_out"].value() is True
    client.post(url, customer_form(code="ABC") | {"initial-sms_opted_out": "True"})
    assert not opt_outs.is_opted_out("+254722000000")
    changes = ConsentChange.objects.order_by("pk")
    assert list(changes.values_list("wants_texts", "source", "said_by")) == [
        (False, "staff", manager.pk),
        (True, "staff", manager.pk),
    ]


def test_a_customer_can_be_added_as_opted_out(client: Client) -> None:
    client.post(f"{CUSTOMERS}add/", customer_form(sms_opted_out="on"))
    assert opt_outs.is_opted_out("+254722000000")
    assert ConsentChange.objects.get().source == "staff"


def test_a_new_phone_that_is_opted_out_stays_so(client: Client) -> None:
    opt_outs.heed("+254733000000", factories.NO_TEXTS)
    customer = factories.customer(code="ABC", phone_number="+254722000000")
    client.post(
        f"{CUSTOMERS}{customer.pk}/change/", customer_form(code="ABC", phone_number="0733 000000")
    )
    assert Customer.objects.get().phone_number == "+254733000000"
    assert opt_outs.is_opted_out("+254733000000")


def test_a_clerk_neither_sees_the_account_of_a_customer_nor_sets_it(manager: User) -> None:
    clerk = browser(factories.user("Clerk"))
    customer = factories.customer(code="ABC", phone_number="+254722000000")
    url = f"{CUSTOMERS}{customer.pk}/change/"
    assert "user" not in clerk.get(url).context["adminform"].form.fields
    assert "user" not in clerk.get(f"{CUSTOMERS}add/").context["adminform"].form.fields
    clerk.post(url, customer_form(code="ABC", name="New", user=str(manager.pk)))
    customer.refresh_from_db()
    assert (customer.name, customer.user) == ("New", None)
    clerk.post(f"{CUSTOMERS}add/", customer_form(phone_number="0733 000000", user=str(manager.pk)))
    assert Customer.objects.get(phone_number="+254733000000").user is None


def test_a_clerk_who_changes_a_customer_leaves_their_account(manager: User) -> None:
    customer = factories.customer(code="ABC", user=manager)
    browser(factories.user("Clerk")).post(
        f"{CUSTOMERS}{customer.pk}/change/", customer_form(code="ABC", name="New")
    )
    customer.refresh_from_db()
    assert (customer.name, customer.user) == ("New", manager)


def test_an_administrator_links_an_account_to_a_customer() -> None:
    administrator, account = factories.user("Administrator"), factories.user()
    customer = factories.customer(code="ABC")
    browser(administrator).post(
        f"{CUSTOMERS}{customer.pk}/change/", customer_form(code="ABC", user=str(account.pk))
    )
    customer.refresh_from_db()
    assert customer.user == account


def test_an_account_belongs_to_one_customer() -> None:
    administrator, account = factories.user("Administrator"), factories.user()
    factories.customer(user=account)
    customer = factories.customer(code="ABC")
    page = browser(administrator).post(
        f"{CUSTOMERS}{customer.pk}/change/", customer_form(code="ABC", user=str(account.pk))
    )
    assert errors(page) == {"user": ["This account belongs to another customer."]}
    customer.refresh_from_db()
    assert customer.user is None


def test_a_customer_without_orders_is_deleted(client: Client, manager: User) -> None:
    customer = factories.customer()
    client.post(f"{CUSTOMERS}{customer.pk}/delete/", {"post": "yes"})
    assert not Customer.objects.exists()
    row = Customer.history.order_by("-history_id")[0]
    assert (row.history_type, row.history_user) == ("-", manager)


def test_a_customer_with_orders_is_not_deleted(client: Client) -> None:
    order = factories.order()
    page = client.post(f"{CUSTOMERS}{order.customer_id}/delete/", {"post": "yes"})
    assert order.order_number in page.content.decode()
    assert Customer.objects.get() == order.customer
    assert Order.objects.get() == order


def test_of_many_customers_those_without_orders_can_be_deleted_at_once(client: Client) -> None:
    rows = [factories.customer(), factories.customer()]
    assert run_action(client, CUSTOMERS, "delete_selected", rows).status_code == 302
    assert not Customer.objects.exists()


def test_of_many_customers_none_is_deleted_where_one_has_orders(client: Client) -> None:
    rows = [factories.customer(), factories.order().customer]
    run_action(client, CUSTOMERS, "delete_selected", rows)
    assert Customer.objects.count() == 2


def run_action(client: Client, url: str, action: str, rows: list[Any]) -> Any:
    fields = {"action": action, "_selected_action": [str(row.pk) for row in rows], "post": "yes"}
    return client.post(url, fields)


# --- Orders -------------------------------------------------------------------------------------


def test_an_order_is_placed_and_its_customer_is_texted(
    client: Client, manager: User, templates: None
) -> None:
    customer = factories.customer(name="John Doe", phone_number="+254722000000")
    response = client.post(f"{ORDERS}add/", order_form(customer, reference="R1"))
    assert response.status_code == 302
    order = Order.objects.get()
    assert (order.customer, order.item, order.amount, order.status, order.reference) == (
        customer,
        "Laptop Computer",
        Decimal("1299.99"),
        "PENDING",
        "R1",
    )
    assert order.order_time == datetime(2026, 9, 21, 12, 30, tzinfo=UTC)  # in Nairobi 15:30
    assert Message.objects.get().text == (
        "Hello John Doe! Your order for Laptop Computer worth KES 1,299.99 "
        "has been received. Thank you!"
    )
    assert OrmQ.objects.count() == 1
    row = Order.history.get()
    assert (row.history_type, row.history_user) == ("+", manager)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"item": " "}, {"item": ["This field is required."]}),
        ({"amount": "1.999"}, {"amount": ["Ensure that there are no more than 2 decimal places."]}),
        ({"amount": "0"}, {"amount": ["Ensure this value is greater than or equal to 0.01."]}),
        ({"amount": "free"}, {"amount": ["“free” is not an amount. Write it as 1299.99."]}),
        ({"order_time_0": "soon"}, {"order_time": ["Enter a valid date."]}),
        ({"order_time_0": "", "order_time_1": ""}, {"order_time": ["This field is required."]}),
        (
            {"customer": "0192f0c0-0000-7000-8000-000000000000"},
            {
                "customer": [
                    "Select a valid choice. That choice is not one of the available choices."
                ]
            },
        ),
        ({"reference": "R1"}, {"__all__": ["Order with this reference already exists."]}),
    ],
)
def test_a_wrong_value_of_an_order_is_told_beside_its_field_and_nothing_is_saved(
    client: Client, templates: None, changes: dict[str, str], expected: dict[str, list[str]]
) -> None:
    known = factories.order(reference="R1", text_customer=False)
    page = client.post(f"{ORDERS}add/", order_form(known.customer, **changes))
    assert page.status_code == 200
    assert errors(page) == expected
    assert Order.objects.get() == known
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_what_only_the_operation_refuses_is_told_on_the_form_and_nothing_is_saved(
    client: Client, templates: None
) -> None:
    page = client.post(f"{ORDERS}add/", order_form(factories.customer(), order_time_0="1899-01-01"))
    assert errors(page) == {"order_time": ["Enter a time between the years 1900 and 2200."]}
    assert 'value="Laptop Computer"' in page.content.decode()
    assert not Order.objects.exists()
    assert not Message.objects.exists()


def test_a_new_order_asks_for_no_status_and_takes_none(client: Client) -> None:
    assert "status" not in client.get(f"{ORDERS}add/").context["adminform"].form.fields
    client.post(f"{ORDERS}add/", order_form(factories.customer(), status="COMPLETED"))
    assert Order.objects.get().status == "PENDING"


def test_an_order_is_changed_and_history_names_who_did_it(client: Client, manager: User) -> None:
    order = factories.order()
    other = factories.customer()
    response = client.post(
        f"{ORDERS}{order.pk}/change/",
        order_form(other, item="Mouse", amount="5", reference="R1", status="PROCESSING"),
    )
    assert response.status_code == 302
    order.refresh_from_db()
    assert (order.customer, order.item, order.amount, order.reference, order.status) == (
        other,
        "Mouse",
        Decimal("5.00"),
        "R1",
        "PROCESSING",
    )
    kept = order.history.order_by("history_id").values_list("item", "status", "history_user")
    assert list(kept) == [
        ("Laptop Computer", "PENDING", None),
        ("Mouse", "PROCESSING", manager.pk),
    ]


def test_nobody_is_texted_about_a_change(client: Client, templates: None) -> None:
    order = factories.order(text_customer=False)
    client.post(f"{ORDERS}{order.pk}/change/", order_form(order.customer, status="COMPLETED"))
    assert Order.objects.get().status == "COMPLETED"
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        ("PENDING", ["PENDING", "PROCESSING", "COMPLETED", "CANCELLED"]),
        ("PROCESSING", ["PROCESSING", "COMPLETED", "CANCELLED"]),
        ("COMPLETED", ["COMPLETED"]),
        ("CANCELLED", ["CANCELLED"]),
    ],
)
def test_the_page_of_an_order_offers_its_next_steps_only(
    client: Client, status: str, steps: list[str]
) -> None:
    order = factories.order()
    orders.change_status(order, status)
    form = client.get(f"{ORDERS}{order.pk}/change/").context["adminform"].form
    assert [value for value, _ in form.fields["status"].choices] == steps


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING", "CANCELLED", "LOST", ""])
def test_an_illegal_step_is_refused_and_nothing_changes(client: Client, status: str) -> None:
    order = factories.order()
    orders.change_status(order, "COMPLETED")
    page = client.post(
        f"{ORDERS}{order.pk}/change/", order_form(order.customer, item="Mouse", status=status)
    )
    assert page.status_code == 200
    assert list(errors(page)) == ["status"]
    order.refresh_from_db()
    assert (order.item, order.status) == ("Laptop Computer", "COMPLETED")
    assert order.history.count() == 2


def test_the_order_number_and_the_currency_stay(client: Client) -> None:
    order = factories.order()
    client.post(
        f"{ORDERS}{order.pk}/change/",
        order_form(order.customer, status="PENDING", order_number="X", currency="USD"),
    )
    number = order.order_number
    order.refresh_from_db()
    assert (order.order_number, order.currency) == (number, "KES")


def test_the_page_of_an_order_shows_its_texts(client: Client, templates: None) -> None:
    order = factories.order(customer=factories.customer(name="<i>Zoë</i>"))
    message = Message.objects.get()
    page = client.get(f"{ORDERS}{order.pk}/change/").content.decode()
    assert f"/admin/sms/message/{message.pk}/change/" in page
    assert "Hello &lt;i&gt;Zoë&lt;/i&gt;! Your order for Laptop Computer" in page


def test_an_order_is_deleted_and_its_text_is_cancelled(
    client: Client, templates: None, manager: User
) -> None:
    order = factories.order()
    client.post(f"{ORDERS}{order.pk}/delete/", {"post": "yes"})
    assert not Order.objects.exists()
    assert Message.objects.get().status == "cancelled"
    row = Order.history.order_by("-history_id")[0]
    assert (row.history_type, row.history_user) == ("-", manager)


def test_many_orders_are_deleted_and_their_texts_are_cancelled(
    client: Client, templates: None
) -> None:
    run_action(client, ORDERS, "delete_selected", [factories.order(), factories.order()])
    assert not Order.objects.exists()
    assert set(Message.objects.values_list("status", flat=True)) == {"cancelled"}


def test_a_viewer_has_no_actions_and_runs_none() -> None:
    order = factories.order()
    viewer = browser(factories.user("Viewer"))
    assert not viewer.get(ORDERS).context["action_form"]
    run_action(viewer, ORDERS, "mark_completed", [order])
    order.refresh_from_db()
    assert order.status == "PENDING"


# --- Who may what -------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [CUSTOMERS, ORDERS])
def test_a_viewer_reads_and_changes_nothing(url: str) -> None:
    viewer = browser(factories.user("Viewer"))
    order = factories.order()
    row = order if url == ORDERS else order.customer
    assert viewer.get(url).status_code == 200
    assert viewer.get(f"{url}{row.pk}/change/").status_code == 200
    form = order_form(order.customer, status="COMPLETED") | customer_form()
    for refused in (f"{url}add/", f"{url}{row.pk}/change/", f"{url}{row.pk}/delete/"):
        assert viewer.post(refused, form | {"post": "yes"}).status_code == 403
    assert (Customer.history.count(), Order.history.count()) == (1, 1)


@pytest.mark.parametrize("url", [CUSTOMERS, ORDERS])
def test_a_clerk_deletes_nothing(url: str) -> None:
    order = factories.order()
    row = order if url == ORDERS else factories.customer()
    clerk = browser(factories.user("Clerk"))
    assert clerk.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    run_action(clerk, url, "delete_selected", [row])
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("url", [CUSTOMERS, ORDERS])
def test_the_history_of_a_row_can_be_read(manager: User, url: str) -> None:
    order = factories.order()
    row = order if url == ORDERS else order.customer
    row.history.update(history_user=manager, history_change_reason="Import of march.csv")
    for role in ("Viewer", "Clerk", "Manager"):
        reader = browser(factories.user(role))
        page = reader.get(f"{url}{row.pk}/history/")
        assert manager.username in page.content.decode()
        assert "Import of march.csv" in page.content.decode()
        assert reader.get(f"{url}{row.pk}/history/{row.history.get().pk}/").status_code == 200


@pytest.mark.parametrize("role", ["Viewer", "Clerk", "Manager"])
@pytest.mark.parametrize("url", [CUSTOMERS, ORDERS])
def test_nothing_is_written_by_way_of_the_history(url: str, role: str) -> None:
    order = factories.order()
    row = order if url == ORDERS else order.customer
    form = customer_form(code="NEW") | order_form(order.customer, item="Mouse", status="COMPLETED")
    response = browser(factories.user(role)).post(
        f"{url}{row.pk}/history/{row.history.get().pk}/", form
    )
    assert response.status_code in {403, 405}
    assert row.history.count() == 1


# --- Races --------------------------------------------------------------------------------------

TAKEN = ValidationError({"phone_number": "Customer with this phone number already exists."})


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        ("crm.customers.register_customer", TAKEN),
        ("crm.orders.place_order", ValidationError({"reference": "That was taken meanwhile."})),
        ("crm.orders.place_order", Refusal("Something else came first.")),
    ],
)
def test_a_new_row_that_another_request_was_quicker_with_is_a_message(
    client: Client, operation: str, refusal: Exception
) -> None:
    customer = factories.customer()
    is_order = "order" in operation
    url = f"{ORDERS if is_order else CUSTOMERS}add/"
    form = order_form(customer) if is_order else customer_form()
    with patch(operation, side_effect=refusal):
        page = client.post(url, form, follow=True)
    assert page.status_code == 200
    message = refusal.messages[0] if isinstance(refusal, ValidationError) else str(refusal)
    assert message in page.content.decode()
    assert (Customer.objects.count(), Order.objects.count()) == (1, 0)


def test_a_customer_whose_new_phone_was_taken_meanwhile_is_a_message(client: Client) -> None:
    customer = factories.customer(code="ABC", name="Old")
    with patch("crm.customers.update_customer", side_effect=TAKEN):
        page = client.post(
            f"{CUSTOMERS}{customer.pk}/change/", customer_form(code="ABC"), follow=True
        )
    assert "Customer with this phone number already exists." in page.content.decode()
    customer.refresh_from_db()
    assert customer.name == "Old"


def test_an_order_that_was_moved_meanwhile_is_a_message_and_nothing_of_the_change_stays(
    client: Client,
) -> None:
    order = factories.order()
    moved = Order.objects.get(pk=order.pk)
    moved.status = "CANCELLED"
    with patch("crm.orders.revise_order", side_effect=OrderCannotMove(moved, "COMPLETED")):
        page = client.post(
            f"{ORDERS}{order.pk}/change/",
            order_form(order.customer, item="Mouse", status="COMPLETED"),
            follow=True,
        )
    assert page.status_code == 200
    assert (
        f"Order {order.order_number} is CANCELLED and cannot become COMPLETED. That is final."
        in page.content.decode()
    )
    order.refresh_from_db()
    assert (order.item, order.status) == ("Laptop Computer", "PENDING")
    assert order.history.count() == 1


def test_a_customer_who_ordered_meanwhile_is_not_deleted_and_that_is_a_message(
    client: Client,
) -> None:
    customer = factories.customer()
    with patch("crm.customers.delete_customer", side_effect=CustomerHasOrders(customer, 1)):
        page = client.post(f"{CUSTOMERS}{customer.pk}/delete/", {"post": "yes"}, follow=True)
        assert page.status_code == 200
        assert "has 1 order and cannot be deleted" in page.content.decode()
        page = run_action(client, CUSTOMERS, "delete_selected", [customer])
        assert told(page) == [
            f"Customer {customer.code} has 1 order and cannot be deleted. Delete the order first."
        ]
    assert Customer.objects.get() == customer


def test_of_many_customers_none_is_deleted_where_one_ordered_meanwhile(client: Client) -> None:
    rows = [factories.customer(), factories.customer()]
    real, outcomes = customers.delete_customer, iter([None, CustomerHasOrders(rows[0], 1)])

    def late(customer: Customer) -> None:
        if refusal := next(outcomes):
            raise refusal
        real(customer)

    with patch("crm.customers.delete_customer", late):
        page = run_action(client, CUSTOMERS, "delete_selected", rows)
    assert len(told(page)) == 1
    assert Customer.objects.count() == 2


def test_a_page_that_is_open_since_before_somebody_opted_out_takes_nothing_back(
    client: Client,
) -> None:
    customer = factories.customer(code="ABC", phone_number="+254722000000")
    stale = customer_form(code="ABC", name="New") | {"initial-sms_opted_out": "False"}
    opt_outs.heed("+254722000000", factories.NO_TEXTS)
    client.post(f"{CUSTOMERS}{customer.pk}/change/", stale)
    customer.refresh_from_db()
    assert customer.name == "New"
    assert opt_outs.is_opted_out("+254722000000")


def shown_on(client: Client, url: str) -> dict[str, str]:
    """What the page sends when nobody touches a field."""
    form = client.get(url).context["adminform"].form
    page = ShownForm(str(form.as_p()))
    return page.values


class ShownForm(HTMLParser):
    """The values of the inputs and the chosen options of a form."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") != "checkbox":
            self.values[given.get("name") or ""] = given.get("value") or ""
        if tag == "select":
            self.select = given.get("name") or ""
        if tag == "option" and "selected" in given:
            self.values[self.select] = given.get("value") or ""


@pytest.mark.parametrize("url", [CUSTOMERS, ORDERS])
def test_a_page_writes_only_what_was_changed_on_it(client: Client, url: str) -> None:
    order = factories.order(
        customer=factories.customer(name="Before", email="old@example.com"), amount=Decimal("5.00")
    )
    row = order if url == ORDERS else order.customer
    page = f"{url}{row.pk}/change/"
    shown = shown_on(client, page)
    if url == ORDERS:
        orders.revise_order(order, {"amount": Decimal("9.00")})
        mine = {"item": "After"}
    else:
        customers.update_customer(order.customer, {"email": "new@example.com"})
        mine = {"name": "After"}
    assert client.post(page, shown | mine).status_code == 302
    order = Order.objects.get()
    if url == ORDERS:
        assert (order.item, order.amount) == ("After", Decimal("9.00"))
    else:
        assert (order.customer.name, order.customer.email) == ("After", "new@example.com")
    assert row.history.count() == 3


# --- May this customer be texted? ---------------------------------------------------------------


def test_a_customer_tells_who_said_what_of_texts_and_when(client: Client) -> None:
    customer = factories.customer()
    page = client.get(f"{CUSTOMERS}{customer.pk}/change/").content.decode()
    assert "Nothing: texts are sent." in page
    assert "Nothing is known to keep texts away." in page
    incoming.receive_text(customer.phone_number, "STOP please", gateway_message_id="1")
    incoming.receive_text(customer.phone_number, "START", gateway_message_id="2")
    url = f"{CUSTOMERS}{customer.pk}/change/"
    form = customer_form(code=customer.code, phone_number=customer.phone_number, sms_opted_out="on")
    client.post(url, form | {"initial-sms_opted_out": "False"})
    words = unescape(client.get(url).content.decode())
    told = [
        "No texts wanted: by staff, ",
        "Texts wanted: by text (“START”), ",
        "No texts wanted: by text (“STOP please”), ",
    ]
    places = [words.index(each) for each in told]
    assert places == sorted(places)


def test_a_customer_whom_no_text_reaches_is_marked_on_the_list(client: Client) -> None:
    factories.customer(name="Mobile")
    factories.customer(name="Fixed", phone_number="+254202222222")
    factories.customer(name="Quiet", phone_number="+254202222223", sms_opted_out=True)
    blocked = factories.customer(name="Blocked")
    UnreachablePhone.objects.create(phone_number=blocked.phone_number, reason="blocked")
    rows = {each.name: each for each in listed(client.get(CUSTOMERS))}
    screen = site.get_model_admin(Customer)
    assert isinstance(screen, CustomerAdmin)
    assert {name: screen.texts_wanted(row)[1] for name, row in rows.items()} == {
        "Mobile": "Yes",
        "Fixed": "No mobile",
        "Quiet": "Opted out",
        "Blocked": "Unreachable",
    }
    words = client.get(f"{CUSTOMERS}{blocked.pk}/change/").content.decode()
    assert "its owner blocks texts from this sender" in words
    found = {
        texts: {each.name for each in listed(client.get(CUSTOMERS, {"texts": texts}))}
        for texts in ("yes", "opted_out", "unreachable")
    }
    assert found == {
        "yes": {"Mobile", "Fixed"},
        "opted_out": {"Quiet"},
        "unreachable": {"Blocked"},
    }


def test_a_fixed_line_is_pointed_out_when_it_is_entered(client: Client) -> None:
    page = client.post(f"{CUSTOMERS}add/", customer_form(phone_number="020 2222222"), follow=True)
    assert Customer.objects.get().phone_number == "+254202222222"
    warning = "020 2222222 is not a mobile number: no text gets there. Ask for a mobile number."
    assert warning in page.content.decode()


def test_orders_are_narrowed_to_a_time_by_the_businesss_clock(client: Client) -> None:
    noon = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)  # in Nairobi
    for minutes in (-1, 0, 60, 61):
        factories.order(order_time=noon + timedelta(minutes=minutes), item=f"Lamp {minutes}")
    time = {"order_time_from_0": "2026-09-21", "order_time_from_1": "12:00:00"}
    end = {"order_time_to_0": "2026-09-21", "order_time_to_1": "13:00:00"}

    def found(**query: str) -> set[str]:
        return {order.item for order in listed(client.get(ORDERS, query))}

    assert found(**time, **end) == {"Lamp 0", "Lamp 60"}
    assert found(**time) == {"Lamp 0", "Lamp 60", "Lamp 61"}
    assert found(**end) == {"Lamp -1", "Lamp 0", "Lamp 60"}
    assert len(found(order_time_from_0="2026-09-21", order_time_to_0="2026-09-21")) == 4
    assert found(order_time_from_0="2026-09-22") == found(order_time_to_0="2026-09-20") == set()
    for nonsense in ("soon", "0001-01-01", "9999-12-31"):
        assert len(found(**time | {"order_time_from_0": nonsense})) in (0, 4)
