"""The sample sheets, taken in as a newcomer takes them: upload, look, confirm.

What goes in follows from the sheets and from which phones can exist (libphonenumber's data; should
a new version of it count otherwise, see that the phone in question is right, and mend the list).
"""

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum
from django.test import Client
from django_q.models import OrmQ

from crm.models import Customer, Order
from crm.spreadsheets import admin
from crm.spreadsheets.reading import CSV
from crm.spreadsheets.resources import CustomerResource, OrderResource
from sms.models import Message
from tests import factories
from tests.crm.spreadsheets.sheets import check, confirm, counts, no_such_phone

pytestmark = pytest.mark.django_db

# The row of the sheet and the code of each customer who has no phone that can exist today.
UNREACHABLE = """
    3 ANATR   4 ANTON   5 AROUT   8 BLONP  10 BONAP  12 BSBEV  13 CACTU  14 CENTC  15 CHOPS
   16 COMMI  17 CONSH  19 DUMON  20 EASTC  22 FAMIA  24 FOLIG  27 FRANR  29 FURIB  32 GOURL
   34 GROSR  35 HANAR  36 HILAA  41 LACOR  42 LAMAI  47 LILAS  48 LINOD  54 NORTS  55 OCEAN
   59 PERIC  61 PRINI  62 QUEDE  63 QUEEN  65 RANCH  68 RICAR  69 RICSU  71 SANTG  73 SEVES
   77 SUPRD  81 TORTU  82 TRADH  87 VICTE  88 VINET  91 WELLI  93 WILMK
"""
UNREACHABLE_CODES = set(UNREACHABLE.split()[1::2])
UNREACHABLE_ROWS = [int(row) for row in UNREACHABLE.split()[0::2]]
JUNK_ROWS = [85, 86]  # “Val2 ” and VALON: a sheet's worth of nothing, and no phone
TAKEN, REFUSED = 48, 45  # of 93

ORDERS_TAKEN, ORDERS_REFUSED = 481, 349  # of 830
AMOUNT_TAKEN = Decimal("861189.59")  # of 1,265,793.22
LONG_ITEM_ROW, LONG_ITEM_REFERENCE = 831, "11077"


@pytest.fixture
def client() -> Client:
    """A browser in which a Manager is signed in."""
    client = Client()
    client.force_login(factories.user("Manager"))
    return client


@pytest.fixture
def samples(fixtures: Path) -> Path:
    return fixtures / "samples" / "northwind"


def take_in(client: Client, what: str, path: Path) -> tuple[Any, Any]:
    """The page before and the page after."""
    looked_at = check(client, what, path.name, path.read_bytes())
    return looked_at, confirm(client, what, looked_at)


def test_customers_who_can_be_phoned_go_in_and_the_others_are_told(
    client: Client, samples: Path
) -> None:
    looked_at, done = take_in(client, "customer", samples / "customers.csv")
    assert counts(looked_at) == counts(done) == (TAKEN, 0, 0, REFUSED)
    assert "customers.csv</strong>:\n                48 created, 0 updated" in (
        done.content.decode()
    )
    assert Customer.objects.count() == TAKEN
    problems = done.context["outcome"].problems
    assert [problem.row for problem in problems] == sorted(UNREACHABLE_ROWS + JUNK_ROWS)
    assert {problem.column for problem in problems} == {"Phone"}
    by_row = {problem.row: (problem.value, problem.message) for problem in problems}
    assert by_row[85] == by_row[86] == ("", "The row has no phone number.")
    assert by_row[3] == (
        "(5) 555-4729",
        no_such_phone("(5) 555-4729", "MX"),
    )
    assert not UNREACHABLE_CODES & set(Customer.objects.values_list("code", flat=True))


def test_the_country_of_each_customer_gave_their_phone_its_code(
    client: Client, samples: Path
) -> None:
    take_in(client, "customer", samples / "customers.csv")
    phones = dict(Customer.objects.values_list("code", "phone_number"))
    assert phones["ALFKI"] == "+49300074321"
    assert phones["BERGS"] == "+46921123465"
    assert phones["ISLAT"] == "+441985558888"
    assert phones["GREAL"] == "+15035557555"
    assert phones["PARIS"] == "+33142342266"
    codes = (
        "1",
        "30",
        "31",
        "32",
        "33",
        "34",
        "353",
        "358",
        "39",
        "43",
        "44",
        "45",
        "46",
        "48",
        "49",
    )
    countries = Counter(
        next(code for code in codes if phone.startswith(f"+{code}")) for phone in phones.values()
    )
    assert countries == {
        "1": 16,  # the USA 13, Canada 3
        "49": 11,
        "34": 5,
        "39": 3,
        "33": 2,
        "43": 2,
        "45": 2,
        "46": 2,
        "32": 1,
        "353": 1,
        "358": 1,
        "44": 1,
        "48": 1,
    }
    assert Customer.objects.get(code="BERGS").name == "Berglunds snabbköp"


def test_orders_of_customers_who_are_there_go_in_and_the_others_are_told(
    client: Client, samples: Path, monkeypatch: pytest.MonkeyPatch, templates: None
) -> None:
    monkeypatch.setattr(admin, "SHOWN_PROBLEMS", 1000)
    take_in(client, "customer", samples / "customers.csv")
    looked_at, done = take_in(client, "order", samples / "orders.csv")
    assert counts(looked_at) == counts(done) == (ORDERS_TAKEN, 0, 0, ORDERS_REFUSED)
    assert Order.objects.count() == ORDERS_TAKEN
    assert Order.objects.aggregate(sum=Sum("amount"))["sum"] == AMOUNT_TAKEN

    with (samples / "orders.csv").open(encoding="utf-8") as file:
        rows = dict(enumerate(csv.DictReader(file), 2))
    orphans = [n for n, row in rows.items() if row["Customer Code"] in UNREACHABLE_CODES]
    assert len(orphans) == ORDERS_REFUSED - 1
    problems = done.context["outcome"].problems
    assert [problem.row for problem in problems] == sorted([*orphans, LONG_ITEM_ROW])
    by_row = {problem.row: problem for problem in problems}
    assert by_row[2].column == "Customer Code"
    assert by_row[2].message == (
        "There is no customer with the code “VINET”. Add the customer first."
    )
    assert by_row[LONG_ITEM_ROW].column == "Item"
    assert by_row[LONG_ITEM_ROW].message == (
        "Ensure this value has at most 200 characters (it has 578)."
    )
    assert not Order.objects.filter(reference=LONG_ITEM_REFERENCE).exists()

    order = Order.objects.select_related("customer").get(reference="10249")
    assert (order.customer.code, order.amount, order.item) == (
        "TOMSP",
        Decimal("1863.40"),
        "9 x Tofu; 40 x Manjimup Dried Apples",
    )
    assert order.order_time.isoformat() == "1996-07-04T21:00:00+00:00"  # midnight in Nairobi
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_the_same_sheets_once_more_change_nothing_and_say_so(
    client: Client, samples: Path, templates: None
) -> None:
    sheets = {"customer": samples / "customers.csv", "order": samples / "orders.csv"}
    for what, resource in (("customer", CustomerResource()), ("order", OrderResource())):
        resource.import_data(CSV().create_dataset(sheets[what].read_bytes()))
    written = Customer.history.count(), Order.history.count()
    unchanged = {"customer": (0, 0, TAKEN, REFUSED), "order": (0, 0, ORDERS_TAKEN, ORDERS_REFUSED)}
    for what, path in sheets.items():
        page = check(client, what, path.name, path.read_bytes(), text_customers="on")
        assert counts(page) == unchanged[what]
        assert page.context["confirm_form"] is None
        words = f"0 to create, 0 to update, {unchanged[what][2]} unchanged"
        assert words in page.content.decode()
    assert (Customer.objects.count(), Order.objects.count()) == (TAKEN, ORDERS_TAKEN)
    assert (Customer.history.count(), Order.history.count()) == written
    assert not Message.objects.exists()
