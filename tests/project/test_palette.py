"""The palette: what is typed finds what can be done, the pages and the records of each who asks."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from crm import customers, merging, orders
from crm.models import Customer, Order
from identity.models import User
from sms.models import Message
from tests import factories

pytestmark = pytest.mark.django_db

PATH = "/admin/search/"
PHONE = "+254712345678"
KINDS = ("Customers", "Orders", "Texts")


def ask(user: User, text: str = "", **more: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.get(PATH, {"fragment": "1", "s": text} | more)


def lines(user: User, text: str = "") -> dict[str, list[str]]:
    """The titles of what is listed, by their group."""
    response = ask(user, text)
    assert response.status_code == 200
    return {
        group.title: [entry.title for entry in group.lines] for group in response.context["groups"]
    }


def records(user: User, text: str) -> dict[str, list[str]]:
    return {kind: titles for kind, titles in lines(user, text).items() if kind in KINDS}


def told(user: User, text: str, kind: str) -> list[list[str]]:
    """Of each line of a kind, what tells it from the others."""
    [group] = [group for group in ask(user, text).context["groups"] if group.title == kind]
    return [[entry.title, *entry.details] for entry in group.entries]


def exactly(moment: datetime) -> str:
    return f'title="{date_format(timezone.localtime(moment), "j M Y H:i:s")}"'


@pytest.fixture
def clerk(templates: None) -> User:
    return factories.user("Clerk")


@pytest.fixture
def wanjiku(clerk: User) -> Customer:
    """A customer with an order, beside another who has one."""
    factories.order(item="Radio", customer=factories.customer(name="John Doe", code="JOHN"))
    customer = factories.customer(name="Wanjiku Kamau", phone_number=PHONE, code="WANJIKU")
    factories.order(item="Green tea", customer=customer, amount="80405.00", reference="Till 7")
    return customer


# --- Records ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["0712 345 678", "0712345678", "254712345678", "+254712345678", "+254 712 345 678"]
)
def test_a_phone_however_it_is_written_finds_who_has_it(
    clerk: User, wanjiku: Customer, text: str
) -> None:
    assert records(clerk, text) == {
        "Customers": ["Wanjiku Kamau"],
        "Orders": ["Green tea"],
        "Texts": ["Hello Wanjiku Kamau! Your order for Green tea worth KES 80,…"],
    }


@pytest.mark.parametrize("text", ["0712 345", "0712345", "+254 712 34", "254712", "712345"])
def test_so_does_the_part_of_it_that_is_typed_so_far(
    clerk: User, wanjiku: Customer, text: str
) -> None:
    assert records(clerk, text) == {"Customers": ["Wanjiku Kamau"], "Orders": ["Green tea"]}


@pytest.mark.parametrize("text", ["0733 000000", "other"])
def test_what_a_merged_record_was_known_by_finds_the_kept_one(
    clerk: User, wanjiku: Customer, text: str
) -> None:
    other = factories.customer(name="W.", phone_number="+254733000000", code="OTHER")
    merging.merge_customers(wanjiku, other, by=factories.user("Manager"))
    found = records(clerk, text)
    assert (found["Customers"], found["Orders"]) == (["Wanjiku Kamau"], ["Green tea"])
    assert not any(
        "New customer" in line for titles in lines(clerk, text).values() for line in titles
    )


@pytest.mark.parametrize("text", ["wanjiku", "KAMAU", "Wanjiku  Kamau", " njik "])
def test_a_part_of_a_name_finds_the_customer_and_the_orders(
    clerk: User, wanjiku: Customer, text: str
) -> None:
    assert records(clerk, text) == {"Customers": ["Wanjiku Kamau"], "Orders": ["Green tea"]}


@pytest.mark.parametrize("text", ["green", "TEA", "n t", "till 7", "Till 7"])
def test_an_order_is_found_by_its_item_and_the_number_it_has_elsewhere(
    clerk: User, wanjiku: Customer, text: str
) -> None:
    assert records(clerk, text) == {"Orders": ["Green tea"]}


def test_an_order_is_found_by_its_number_in_any_case(clerk: User, wanjiku: Customer) -> None:
    number = wanjiku.orders.get().order_number
    for text in (number, number.lower(), number[-6:]):
        assert records(clerk, text) == {"Orders": ["Green tea"]}


def test_each_line_says_enough_to_tell_it_from_others(clerk: User, wanjiku: Customer) -> None:
    order = wanjiku.orders.get()
    assert told(clerk, PHONE, "Customers") == [["Wanjiku Kamau", "WANJIKU", "0712 345678"]]
    [[*facts, moment]] = told(clerk, PHONE, "Orders")
    assert facts == ["Green tea", order.order_number, "Wanjiku Kamau", "KES 80,405.00", "Pending"]
    assert exactly(order.order_time) in moment
    text = Message.objects.get(about_id=order.pk)
    [[_, state, moment]] = told(clerk, PHONE, "Texts")
    assert state == "Queued"
    assert exactly(text.created_at) in moment


def test_nothing_is_kept_of_an_earlier_answer(clerk: User, wanjiku: Customer) -> None:
    assert told(clerk, "tea", "Orders")[0][4] == "Pending"
    orders.change_status(wanjiku.orders.get(), "COMPLETED")
    customers.update_customer(wanjiku, {"name": "Wanjiku Otieno"})
    changed = told(clerk, "tea", "Orders")[0][2:5]
    assert changed == ["Wanjiku Otieno", "KES 80,405.00", "Completed"]


def test_the_one_that_is_named_stands_before_newer_ones(clerk: User) -> None:
    factories.order(
        item="Oldest", reference="7", customer=factories.customer(name="Oldest", code="A7")
    )
    for number in range(70, 77):
        customer = factories.customer(name=f"Customer {number}", code=f"A{number}")
        factories.order(item=f"Lamp {number}", customer=customer, reference=str(number))
    assert records(clerk, "a7")["Customers"][:2] == ["Oldest", "Customer 76"]
    assert records(clerk, "7")["Orders"][:2] == ["Oldest", "Lamp 76"]


def test_five_of_a_kind_are_listed_and_where_the_others_are(clerk: User) -> None:
    customer = factories.customer(name="Jane", phone_number=PHONE)
    for number in range(5):
        factories.order(item=f"Lamp {number}", customer=customer)
    newest = ["Lamp 4", "Lamp 3", "Lamp 2", "Lamp 1", "Lamp 0"]
    assert records(clerk, "lamp") == {"Orders": newest}
    assert "5 results" in ask(clerk, "lamp").content.decode()
    factories.order(item="Lamp 5", customer=customer)
    found = records(clerk, "lamp")["Orders"]
    assert found == ["Lamp 5", *newest[:4], "All orders with “lamp”"]
    assert "5 results" in ask(clerk, "lamp").content.decode()


@pytest.mark.parametrize(
    ("text", "kind", "link"),
    [
        ("lamp & co", "Orders", "/admin/crm/order/?q=lamp+%26+co"),
        ("lamp & co", "Customers", "/admin/crm/customer/?q=lamp+%26+co"),
        ("0712 345", "Customers", "/admin/crm/customer/?q=712345"),
        ("0712 345 678", "Orders", "/admin/crm/order/?q=%2B254712345678"),
        ("0712 345 678", "Texts", "/admin/sms/message/?q=%2B254712345678"),
    ],
)
def test_the_list_with_the_others_finds_the_same(
    clerk: User, text: str, kind: str, link: str
) -> None:
    customer = factories.customer(name="Lamp & Co", phone_number=PHONE)
    for number in range(6):
        factories.customer(name=f"Lamp & Co {number}", phone_number=f"+25471234500{number}")
        factories.order(item=f"Lamp & co {number}", customer=customer)
    [group] = [group for group in ask(clerk, text).context["groups"] if group.title == kind]
    assert group.more.link == link
    client = Client()
    client.force_login(clerk)
    assert client.get(link).context["cl"].result_count > 5


# --- What can be done ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("new o", ["New order"]),
        ("ORDER new", ["New order"]),
        ("take order", ["New order"]),
        ("excel", ["Import orders", "Import customers", "Export orders", "Export customers"]),
        ("import cust", ["Import customers"]),
        ("text", ["Write a broadcast"]),
        ("ew order", []),
        ("new order for john", []),
    ],
)
def test_words_find_what_can_be_done(templates: None, text: str, titles: list[str]) -> None:
    assert lines(factories.user("Manager"), text).get("Actions", []) == titles


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("wording", ["Wording"]),
        ("texts", ["Sent texts", "Received texts", "Spent on texts"]),
        ("broad", ["Broadcasts"]),
        ("passk", ["Your account"]),
        ("users", []),
    ],
)
def test_words_find_the_pages(clerk: User, text: str, titles: list[str]) -> None:
    assert lines(clerk, text).get("Pages", []) == titles


def test_without_a_word_all_that_can_be_done_and_opened_is_listed(
    clerk: User, wanjiku: Customer
) -> None:
    found = lines(clerk)
    assert list(found) == ["Actions", "Pages"]
    assert found["Actions"] == [
        "New order",
        "New customer",
        "Import orders",
        "Import customers",
    ]
    assert found["Pages"][:3] == ["Home", "Orders", "Customers"]
    assert "Type a name, a phone, an item or an order number." in ask(clerk).content.decode()


@pytest.mark.parametrize(
    ("text", "title", "field", "value"),
    [
        ("Jane & Co", "New customer: Jane & Co", "name", "Jane & Co"),
        ("0712 345 678", "New customer: 0712 345678", "phone_number", PHONE),
    ],
)
def test_where_nothing_is_found_the_next_thing_is_to_add_the_customer(
    clerk: User, text: str, title: str, field: str, value: str
) -> None:
    response = ask(clerk, text)
    assert "Nothing is found for" in response.content.decode()
    [group] = response.context["groups"]
    [entry] = group.lines
    assert entry.title == title
    client = Client()
    client.force_login(clerk)
    form = client.get(entry.link).context["adminform"].form
    assert form.initial[field] == value


def test_who_adds_no_customers_is_told_to_look_at_how_it_is_written() -> None:
    response = ask(factories.user("Viewer"), "Nobody")
    assert response.context["groups"] == []
    page = response.content.decode()
    assert "Nothing is found for “Nobody”. Check how it is written, or write less of it." in page


# --- Who is shown what --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codename", "kind"),
    [("view_customer", "Customers"), ("view_order", "Orders"), ("view_message", "Texts")],
)
def test_who_may_not_see_records_of_a_kind_is_shown_none(
    clerk: User, wanjiku: Customer, codename: str, kind: str
) -> None:
    clerk.groups.get().permissions.remove(Permission.objects.get(codename=codename))
    assert set(records(clerk, "0712 345 678")) == set(KINDS) - {kind}


def test_staff_who_may_do_nothing_are_shown_nothing_of_the_business(wanjiku: Customer) -> None:
    idle = factories.user()
    User.objects.filter(pk=idle.pk).update(is_staff=True)
    assert lines(idle) == {"Pages": ["Home", "Your account"]}
    for text in ("wanjiku", "0712 345 678", "tea", "new order", "wording"):
        assert lines(idle, text) == {}


@pytest.mark.parametrize("is_signed_in", [True, False])
@pytest.mark.parametrize("query", ["?s=wanjiku", "?fragment=1&s=wanjiku"])
def test_who_is_no_staff_is_asked_to_sign_in_and_shown_nothing(
    wanjiku: Customer, is_signed_in: bool, query: str
) -> None:
    client = Client()
    if is_signed_in:
        client.force_login(factories.user())
    response = client.get(f"{PATH}{query}")
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/?next=/admin/search/")
    assert response.content == b""


def test_it_answers_to_be_read_only_and_is_kept_nowhere(clerk: User) -> None:
    client = Client()
    client.force_login(clerk)
    assert client.post(PATH, {"s": "a"}).status_code == 405
    assert "no-store" in client.get(PATH)["Cache-Control"]


# --- What is typed by accident ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *(
            "%",
            "_",
            "\\",
            "%%",
            "'",
            '"',
            "<script>alert(1)</script>",
            "{0}",
            "{text}",
            "\0",
            "\0a",
        ),
        *("é", "茶", "ﷺ", "🙂", "\u200e0712 345 678\u200e", "+", "0", "(((", "a" * 200, "a" * 5000),
        *("0" * 300, "٠٧١٢٣٤٥", "²²²²", "\ud800"),
    ],
)
def test_whatever_is_typed_is_answered(clerk: User, wanjiku: Customer, text: str) -> None:
    response = ask(clerk, text.encode("utf-8", "replace").decode())
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()
    assert records(clerk, "tea") == {"Orders": ["Green tea"]}


@pytest.mark.parametrize("text", ["%", "_", "a_b", "%tea%"])
def test_a_sign_that_databases_know_stands_for_itself(
    clerk: User, wanjiku: Customer, text: str
) -> None:
    assert records(clerk, text) == {}


def test_what_is_longer_than_anything_stored_finds_nothing(clerk: User) -> None:
    factories.customer(name="a" * 200)
    assert records(clerk, "a" * 200)["Customers"] == ["a" * 59 + "…"]
    assert lines(clerk, "a" * 201) == {}


# --- Without a script ---------------------------------------------------------------------------


def test_without_a_script_it_is_a_page(clerk: User, wanjiku: Customer) -> None:
    client = Client()
    client.force_login(clerk)
    page = client.get(PATH, {"s": "tea"}).content.decode()
    order = wanjiku.orders.get()
    assert page.count("<h1") == 1
    assert "<title> Search | Karani</title>" in page
    assert '<label for="palette-page-text">' in page
    assert f'href="/admin/crm/order/{order.pk}/change/"' in page
    assert 'role="option"' not in page


def test_every_page_leads_to_it(clerk: User) -> None:
    client = Client()
    client.force_login(clerk)
    for path in ("/admin/", "/admin/crm/order/", "/admin/crm/order/add/", PATH):
        assert client.get(path).content.decode().count('<a href="/admin/search/"') == 2, path


# --- What it costs ------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "lamp", "0712 345 678", "0712 345", "cust", "7"])
def test_it_costs_the_same_for_ten_rows_and_for_a_thousand(clerk: User, text: str) -> None:
    def asked() -> list[str]:
        client = Client()
        client.force_login(clerk)
        with CaptureQueriesContext(connection) as queries:
            client.get(PATH, {"fragment": "1", "s": text})
        return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]

    customer = factories.customer(name="Lamp & Co", phone_number=PHONE)

    def place(count: int) -> None:
        orders.place_orders(
            [Order(customer=customer, item=f"Lamp {each}", amount=1) for each in range(count)]
        )

    place(10)
    ten = asked()
    place(990)
    assert Order.objects.count() == 1000
    assert len(asked()) == len(ten) <= 2 + 5  # of the session and the user, and of the records
