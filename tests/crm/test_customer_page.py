"""The page of one customer: what it shows of them, and what leads on from it."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import customers, notes, orders
from crm.errors import CustomerIsGone
from crm.models import Customer, CustomerNote
from identity.models import User
from sms.models import Message
from tests import factories

pytestmark = pytest.mark.django_db

CUSTOMERS = "/admin/crm/customer/"


@pytest.fixture
def manager() -> User:
    return factories.user("Manager", username="boss")


@pytest.fixture
def client(manager: User) -> Client:
    """A browser in which a Manager is signed in."""
    return browser(manager)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(client: Client, customer: Customer) -> str:
    response = client.get(f"{CUSTOMERS}{customer.pk}/change/")
    assert response.status_code == 200
    return str(response.content.decode())


def section(page: str, name: str) -> str:
    """The part of a page below the heading with this id."""
    found: str = page.partition(f'id="{name}"')[2].partition("</section>")[0]
    return found


def told(page: Any) -> list[str]:
    return [str(message) for message in get_messages(page.wsgi_request)]


def words(html: str) -> str:
    """What is read of it, without tags and with single spaces."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", html)).split())


# --- What there is of them ----------------------------------------------------------------------


def test_the_page_begins_with_who_it_is_how_they_are_reached_and_a_new_order(
    client: Client,
) -> None:
    customer = factories.customer(name="Wanjiku Kamau", code="ABC", phone_number="+254722000000")
    page = page_of(client, customer)
    assert "Wanjiku Kamau ABC 0722 000000 Texts: Yes" in words(section(page, "customer-name"))
    assert 'href="tel:+254722000000"' in page
    [address] = set(re.findall(r'href="(/admin/crm/order/add/\S+)"', page))
    assert f'value="{customer.pk}" selected' in client.get(unescape(address)).content.decode()


def test_what_a_customer_bought_is_told_in_all(client: Client, settings: Any) -> None:
    customer = factories.customer()
    for amount in ("80000.00", "405.00"):
        factories.order(customer=customer, amount=amount)
    factories.order(amount="7.00")
    assert "2 orders, KES 80,405.00 " in words(
        section(page_of(client, customer), "customer-orders")
    )
    orders.change_status(factories.order(customer=customer, amount="1.00"), "CANCELLED")
    settings.CURRENCY = "UGX"
    factories.order(customer=customer, amount="9.00")
    shown = words(section(page_of(client, customer), "customer-orders"))
    assert "3 orders, UGX 9.00; and 1 cancelled " in shown


def test_a_customers_page_leads_to_their_orders_and_texts(client: Client) -> None:
    factories.templates()
    customer = factories.customer()
    assert page_of(client, customer).count("None yet.") == 2
    placed = [factories.order(customer=customer, item=f"Lamp {number}") for number in range(11)]
    factories.order(item="Radio")
    page = page_of(client, customer)
    bought, texts = section(page, "customer-orders"), section(page, "customer-texts")
    assert [order.order_number in bought for order in placed] == [False] + [True] * 10
    assert "Radio" not in bought + texts
    sent = Message.objects.get(about_id=placed[-1].pk)
    assert f'href="/admin/sms/message/{sent.pk}/change/"' in texts
    everything = re.findall(r'href="(/admin/\S+)">All', bought + texts)
    lists = [client.get(unescape(address)).context["cl"] for address in everything]
    assert [len(each.result_list) for each in lists] == [11, 11]


@pytest.mark.parametrize(
    ("codename", "gone"),
    [("view_order", "customer-orders"), ("view_message", "customer-texts")],
)
def test_a_customers_page_shows_no_rows_that_its_reader_may_not_see(
    codename: str, gone: str
) -> None:
    viewer = factories.user("Viewer")
    viewer.groups.get().permissions.remove(Permission.objects.get(codename=codename))
    page = page_of(browser(viewer), factories.customer())
    shown = {each for each in ("customer-orders", "customer-texts") if each in page}
    assert shown == {"customer-orders", "customer-texts"} - {gone}
    assert "New order" not in page
    assert "Add note" not in page


def test_a_refused_change_of_a_phone_shows_nothing_of_its_owners_texts(client: Client) -> None:
    other = factories.customer()
    message = factories.message(other.phone_number, "Only for the other one")
    customer = factories.customer(code="ABC")
    form = {"name": "A", "phone_number": other.phone_number, "language": "en", "code": "ABC"}
    page = client.post(f"{CUSTOMERS}{customer.pk}/change/", form).content.decode()
    assert "already exists" in page
    assert message.text not in page


def test_what_changed_is_told_with_who_did_it_and_what_it_was_before(client: Client) -> None:
    customer = factories.customer(name="Before", code="ABC")
    form = {"name": "After", "phone_number": "0733000000", "language": "en", "code": "ABC"}
    shown = {f"initial-{name}": value for name, value in form.items()} | {"initial-name": "Before"}
    client.post(f"{CUSTOMERS}{customer.pk}/change/", form | shown)
    entries = words(section(page_of(client, customer), "customer-changes"))
    assert re.search(r"Changed by boss (now|a second ago) Name: Before → After Created by", entries)


def test_an_account_is_told_to_who_may_link_one_alone(client: Client) -> None:
    customer = factories.customer()
    customers.update_customer(customer, {"user": factories.user(username="jane")})
    boss = browser(factories.superuser())
    told_of = [
        words(section(page_of(each, customer), "customer-changes")) for each in (client, boss)
    ]
    assert ["jane" in each for each in told_of] == [False, True]


def test_a_page_costs_the_same_queries_with_much_on_it_as_with_little(client: Client) -> None:
    factories.templates()
    customer, counts = factories.customer(name="Name 0"), []
    author = factories.user("Clerk")
    for number in (2, 10):
        for each in range(number):
            factories.order(customer=customer)
            notes.add_note(customer, "Pays on Fridays", author=author)
            customers.update_customer(customer, {"name": f"Name {number} {each}"})
        page_of(client, customer)  # whatever is looked up once
        with CaptureQueriesContext(connection) as queries:
            page_of(client, customer)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Notes --------------------------------------------------------------------------------------


def add_note(client: Client, customer: Customer, text: str, key: str = "one") -> Any:
    form = {"text": text, "form_key": key}
    return client.post(f"{CUSTOMERS}{customer.pk}/note/", form)


def test_a_note_is_written_on_the_page_and_shown_there_the_newest_first(client: Client) -> None:
    customer = factories.customer()
    page = add_note(client, customer, "Pays on Fridays.\r\nLives near the <market>.")
    assert page["Location"] == f"{CUSTOMERS}{customer.pk}/change/#notes"
    add_note(client, customer, "Asked for a lamp", key="two")
    shown = section(page_of(client, customer), "notes")
    assert "Pays on Fridays.<br>Lives near the &lt;market&gt;." in shown
    assert re.search(r"Asked for a lamp boss, now .* Pays on Fridays", words(shown))
    note = CustomerNote.objects.earliest("created_at")
    assert (note.text, str(note.author)) == ("Pays on Fridays.\nLives near the <market>.", "boss")


def test_a_note_that_is_sent_twice_is_written_once(client: Client) -> None:
    customer = factories.customer()
    for _ in range(2):
        page = add_note(client, customer, "Pays on Fridays.")
    assert told(page) == ["This note is written down already."]
    assert CustomerNote.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" \r\n ", "This field is required."),
        ("x" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
    ],
)
def test_a_note_that_says_nothing_or_too_much_is_shown_again(
    client: Client, text: str, why: str
) -> None:
    page = add_note(client, factories.customer(), text)
    assert page.status_code == 200
    assert why in page.content.decode()
    assert not CustomerNote.objects.exists()


@pytest.mark.parametrize("text", [" \n ", "x" * 2001])
def test_whoever_asks_a_note_says_something_and_not_too_much(manager: User, text: str) -> None:
    with pytest.raises(ValidationError):
        notes.add_note(factories.customer(), text, author=manager)
    assert not CustomerNote.objects.exists()


def test_who_may_change_no_customer_writes_no_note() -> None:
    viewer, customer = factories.user("Viewer"), factories.customer()
    with pytest.raises(PermissionDenied):
        notes.add_note(customer, "Pays on Fridays.", author=viewer)
    assert not CustomerNote.objects.exists()


def test_the_operation_deletes_no_note_that_is_anothers_or_no_longer_ones_own() -> None:
    clerk, other = factories.user("Clerk"), factories.user("Clerk")
    note = notes.add_note(factories.customer(), "Pays on Fridays.", author=clerk)
    clerk.groups.clear()
    for by in (other, User.objects.get(pk=clerk.pk)):
        with pytest.raises(PermissionDenied):
            notes.delete_note(note, by=by)
    assert CustomerNote.objects.get() == note


def test_nothing_is_noted_of_a_customer_who_was_just_deleted(manager: User) -> None:
    customer = factories.customer()
    customers.delete_customer(Customer.objects.get(pk=customer.pk))
    with pytest.raises(CustomerIsGone, match="was just deleted"):
        notes.add_note(customer, "Pays on Fridays.", author=manager)
    assert not CustomerNote.objects.exists()


def delete_note(client: Client, note: CustomerNote) -> Any:
    return client.post(f"{CUSTOMERS}{note.customer_id}/notes/{note.pk}/delete/")


def test_a_clerk_deletes_their_own_note_and_a_manager_anybodys(client: Client) -> None:
    customer, clerk = factories.customer(), factories.user("Clerk")
    mine = notes.add_note(customer, "Mine", author=clerk)
    other = notes.add_note(customer, "Another's", author=factories.user("Clerk"))
    shown = browser(clerk)
    assert page_of(shown, customer).count("Delete this note") == 1
    assert delete_note(shown, other).status_code == 403
    assert CustomerNote.objects.count() == 2
    for _ in range(2):  # a double click
        page = delete_note(shown, mine)
    assert page["Location"] == f"{CUSTOMERS}{customer.pk}/change/#notes"
    assert set(told(page)) == {"The note is deleted."}
    assert delete_note(client, other).status_code == 302
    assert not CustomerNote.objects.exists()


def test_to_delete_a_note_asks_first(client: Client, manager: User) -> None:
    customer = factories.customer()
    notes.add_note(customer, "Pays on Fridays.", author=manager)
    shown = words(section(page_of(client, customer), "notes"))
    assert "Delete this note … It cannot be undone. Delete the note" in shown


def test_a_note_is_not_deleted_from_another_customers_page(client: Client, manager: User) -> None:
    note = notes.add_note(factories.customer(), "Pays on Fridays.", author=manager)
    client.post(f"{CUSTOMERS}{factories.customer().pk}/notes/{note.pk}/delete/")
    assert CustomerNote.objects.get() == note


def test_a_customer_with_notes_alone_is_deleted_with_them(client: Client, manager: User) -> None:
    customer = factories.customer()
    notes.add_note(customer, "Pays on Fridays.", author=manager)
    client.post(f"{CUSTOMERS}{customer.pk}/delete/", {"post": "yes"})
    assert not Customer.objects.exists()
    assert not CustomerNote.objects.exists()
