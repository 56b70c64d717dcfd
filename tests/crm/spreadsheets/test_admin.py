"""Import and export in the admin: who may, what a file must be, and what the pages say and do."""

import io
import os
import re
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core import signing
from django.test import Client

from crm.models import Customer, Order
from crm.spreadsheets import forms
from crm.spreadsheets.admin import SpreadsheetAdmin
from identity.models import User
from sms.models import Message
from tests import factories
from tests.crm.spreadsheets.sheets import (
    cells_of,
    check,
    confirm,
    confirmation,
    counts,
    csv_of,
    listed,
    workbook_of,
)

pytestmark = pytest.mark.django_db

CUSTOMERS = csv_of("Code,Name,Phone", "ABC,Zoë Nyambura,0722 000000")
START_AGAIN = "This import is over or was not checked. Upload the file again."


@pytest.fixture
def manager() -> User:
    return factories.user("Manager")


def browser(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


@pytest.fixture
def client(manager: User) -> Client:
    """A browser in which a Manager is signed in."""
    return browser(manager)


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which uploads wait for their confirmation."""
    monkeypatch.setattr("django.conf.settings.DATA_DIR", tmp_path)
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


def errors(page: Any) -> list[str]:
    return list(page.context["form"].errors.get("import_file", []))


# --- Doors --------------------------------------------------------------------------------------

DOORS: dict[str, Callable[[Client, str, dict[str, str]], Any]] = {
    "to the upload": lambda client, url, fields: client.get(f"{url}import/"),
    "of the check": lambda client, url, fields: client.post(
        f"{url}import/", {"import_file": io.BytesIO(CUSTOMERS)}
    ),
    "of the import": lambda client, url, fields: client.post(f"{url}process_import/", fields),
    "to the export": lambda client, url, fields: client.get(f"{url}export/"),
    "of the export": lambda client, url, fields: client.post(
        f"{url}export/", {"format": "0", "resource": "0"}
    ),
}


@pytest.mark.parametrize(
    ("role", "door"),
    [
        *(("Viewer", door) for door in DOORS),
        *(("Clerk", door) for door in DOORS if "export" in door),
    ],
)
@pytest.mark.parametrize("what", ["customer", "order"])
def test_who_may_not_import_and_export_is_refused_and_nothing_is_written(
    client: Client, uploads: Path, what: str, role: str, door: str
) -> None:
    fields = confirmation(check(client, "customer", "customers.csv", CUSTOMERS))
    kept = list(uploads.iterdir())
    response = DOORS[door](browser(factories.user(role)), f"/admin/crm/{what}/", fields)
    assert response.status_code == 403
    assert not Customer.objects.exists()
    assert list(uploads.iterdir()) == kept


@pytest.mark.parametrize(
    ("role", "door"),
    [
        *(("Clerk", door) for door in DOORS if "export" not in door),
        *(("Manager", door) for door in DOORS),
        *(("Administrator", door) for door in DOORS),
    ],
)
def test_who_may_import_and_export_is_let_in(client: Client, role: str, door: str) -> None:
    fields = confirmation(check(client, "customer", "customers.csv", CUSTOMERS))
    response = DOORS[door](browser(factories.user(role)), "/admin/crm/customer/", fields)
    assert response.status_code == 200
    assert Customer.objects.count() == (door == "of the import")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("user", [None, "self-service"])
def test_who_is_no_staff_is_asked_to_sign_in(client: Client, user: str | None, door: str) -> None:
    fields = confirmation(check(client, "customer", "customers.csv", CUSTOMERS))
    stranger = browser(factories.user() if user else None)
    response = DOORS[door](stranger, "/admin/crm/customer/", fields)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")
    assert not Customer.objects.exists()


@pytest.mark.parametrize("what", ["customer", "order"])
def test_a_list_offers_import_and_export_only_to_those_who_may(what: str) -> None:
    offered = {"Manager": (True, True), "Clerk": (True, False), "Viewer": (False, False)}
    for role, (has_import, has_export) in offered.items():
        page = browser(factories.user(role)).get(f"/admin/crm/{what}/").content.decode()
        assert (f"/admin/crm/{what}/import/" in page) is has_import
        assert (f"/admin/crm/{what}/export/" in page) is has_export


def test_an_import_is_run_by_post_only(client: Client) -> None:
    assert client.get("/admin/crm/customer/process_import/").status_code == 405


# --- The file -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("customers.pdf", CUSTOMERS, "Choose a CSV or XLSX file."),
        ("customers", CUSTOMERS, "Choose a CSV or XLSX file."),
        ("customers.csv", b"", "The submitted file is empty."),
        (
            "customers.csv",
            b"\n",
            "The sheet is empty: it needs a line of column names.",
        ),
        (
            "customers.xlsx",
            CUSTOMERS,
            "This is not an XLSX workbook. Save it as XLSX or CSV and try again.",
        ),
        (
            "customers.csv",
            workbook_of(["Name", "Phone"]),
            "The text of this file cannot be read. Save it as UTF-8 and try again.",
        ),
        (
            "customers.csv",
            b"Name,<b>Fax</b>\nA,1\n",
            "The sheet has no column “Phone number”. Its columns are: Name, <b>Fax</b>.",
        ),
    ],
)
def test_a_file_that_is_no_sheet_of_customers_is_refused_and_not_kept(
    client: Client, uploads: Path, name: str, data: bytes, message: str
) -> None:
    page = check(client, "customer", name, data)
    assert page.status_code == 200
    assert errors(page) == [message]
    assert "<b>Fax" not in page.content.decode()
    assert not list(uploads.iterdir())
    assert not Customer.objects.exists()


def test_a_check_without_a_file_asks_for_one(client: Client) -> None:
    page = client.post("/admin/crm/customer/import/", {"resource": "0"})
    assert errors(page) == ["This field is required."]


def test_a_file_that_is_too_large_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MAX_BYTES", len(CUSTOMERS))
    assert counts(check(client, "customer", "customers.csv", CUSTOMERS)) == (1, 0, 0, 0)
    page = check(client, "customer", "customers.csv", CUSTOMERS + b"\n")
    assert errors(page) == ["The file is larger than 10 MB. Split it."]


def test_a_csv_with_semicolons_and_a_byte_order_mark_goes_in(client: Client) -> None:
    data = "Jina;Simu;Lugha\nZoë;0722 000000;sw\n".encode("utf-8-sig")
    page = confirm(client, "customer", check(client, "customer", "wateja.csv", data))
    assert counts(page) == (1, 0, 0, 0)
    customer = Customer.objects.get()
    assert (customer.name, customer.phone_number, customer.language) == (
        "Zoë",
        "+254722000000",
        "sw",
    )


def test_a_workbook_goes_in(client: Client) -> None:
    data = workbook_of(["Name", "Phone"], ["Zoë", 722000000])
    page = confirm(client, "customer", check(client, "customer", "Customers.XLSX", data))
    assert counts(page) == (1, 0, 0, 0)
    assert Customer.objects.get().phone_number == "+254722000000"


# --- Look, then run -----------------------------------------------------------------------------


def test_a_check_shows_what_an_import_would_do_and_writes_nothing(client: Client) -> None:
    factories.customer(code="OLD", name="Old", phone_number="+254722000001")
    factories.customer(code="SAME", name="Same", phone_number="+254722000002")
    page = check(
        client,
        "customer",
        "customers.csv",
        csv_of(
            "Code,Name,Phone,Fax",
            "NEW,<i>New</i>,0722 000000,1",
            "OLD,Changed,0722 000001,1",
            "SAME,Same,0722 000002,1",
            "BAD,<u>Bad</u>,12,1",
        ),
    )
    assert counts(page) == (1, 1, 1, 1)
    text = page.content.decode()
    assert "1 to create, 1 to update" in text
    assert "Nothing is written yet." in text
    assert "Import 2 rows" in text
    assert page.context["outcome"].headers == ["Code", "Name", "Phone number"]
    assert page.context["outcome"].rows == [
        ("New", ["NEW", "<i>New</i>", "+254722000000"]),
        ("Update", ["OLD", "Changed", "+254722000001"]),
        ("Unchanged", ["SAME", "Same", "+254722000002"]),
    ]
    assert "&lt;i&gt;New&lt;/i&gt;" in text
    assert "<i>New" not in text
    assert set(Customer.objects.values_list("code", "name")) == {("OLD", "Old"), ("SAME", "Same")}
    assert Customer.history.count() == 2


def test_a_broken_row_is_listed_and_the_others_go_in(client: Client) -> None:
    data = csv_of("Name,Phone", "A,0722 000000", "Kamau, Wanjiku,0722 000001", "C,0722 000002")
    looked_at = check(client, "customer", "customers.csv", data)
    done = confirm(client, "customer", looked_at)
    for page in (looked_at, done):
        assert counts(page) == (2, 0, 0, 1)
        assert listed(page.context["outcome"].problems) == [
            (3, "", "", "The row has 3 cells, but the sheet has 2 columns.")
        ]
        assert "The row has 3 cells, but the sheet has 2 columns." in page.content.decode()
    assert set(Customer.objects.values_list("name", flat=True)) == {"A", "C"}


def test_an_import_is_written_down_with_its_user_and_its_file(
    client: Client, manager: User
) -> None:
    confirm(client, "customer", check(client, "customer", "march.csv", CUSTOMERS))
    row = Customer.history.get()
    assert (row.history_user, row.history_change_reason) == (manager, "Import of march.csv")


def test_a_sheet_with_nothing_to_write_offers_no_import_and_is_not_kept(
    client: Client, uploads: Path
) -> None:
    factories.customer(code="ABC", name="Zoë Nyambura", phone_number="+254722000000")
    page = check(client, "customer", "customers.csv", CUSTOMERS)
    assert counts(page) == (0, 0, 1, 0)
    assert confirmation(page) == {}
    assert not list(uploads.iterdir())


def test_an_upload_is_gone_after_its_import(client: Client, uploads: Path) -> None:
    page = check(client, "customer", "customers.csv", CUSTOMERS)
    assert len(list(uploads.iterdir())) == 1
    confirm(client, "customer", page)
    assert not list(uploads.iterdir())


def test_a_second_click_imports_nothing_more(client: Client) -> None:
    data = csv_of("Customer,Item,Amount", "ABC,Laptop,5")
    factories.customer(code="ABC")
    page = check(client, "order", "orders.csv", data)
    assert counts(confirm(client, "order", page)) == (1, 0, 0, 0)
    again = confirm(client, "order", page)
    assert START_AGAIN in again.content.decode()
    assert Order.objects.count() == 1


def test_a_second_click_while_the_first_is_at_work_imports_nothing_more(client: Client) -> None:
    factories.customer(code="ABC")
    page = check(client, "order", "orders.csv", csv_of("Customer,Item,Amount", "ABC,Laptop,5"))
    real = SpreadsheetAdmin._import

    def slow(*args: Any, **kwargs: Any) -> Any:
        with patch.object(SpreadsheetAdmin, "_import", real):
            assert START_AGAIN in confirm(client, "order", page).content.decode()
        return real(*args, **kwargs)

    with patch.object(SpreadsheetAdmin, "_import", slow):
        assert counts(confirm(client, "order", page)) == (1, 0, 0, 0)
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "/etc/passwd",
        "../../etc/passwd",
        signing.dumps("/etc/passwd"),
        signing.dumps("/etc/passwd", salt="elsewhere"),
        signing.dumps("/etc/passwd", key="guessed", salt="crm.spreadsheets.uploaded"),
    ],
    ids=["empty", "plain", "relative", "no salt", "another salt", "another key"],
)
def test_a_confirmation_that_we_did_not_write_is_refused(client: Client, forged: str) -> None:
    page = check(client, "customer", "customers.csv", CUSTOMERS)
    answer = confirm(client, "customer", page, import_file_name=forged)
    assert answer.status_code == 200
    assert START_AGAIN in answer.content.decode()
    assert "root:" not in answer.content.decode()
    assert not Customer.objects.exists()


def test_an_upload_that_was_cleared_away_has_to_be_made_again(
    client: Client, uploads: Path
) -> None:
    page = check(client, "customer", "customers.csv", CUSTOMERS)
    for file in uploads.iterdir():
        file.unlink()
    answer = confirm(client, "customer", page)
    assert START_AGAIN in answer.content.decode()
    assert not Customer.objects.exists()


@pytest.mark.parametrize("changes", [{"format": "1"}, {"format": "7"}, {"format": ""}])
def test_a_confirmation_for_another_format_is_refused(
    client: Client, changes: dict[str, str]
) -> None:
    page = check(client, "customer", "customers.csv", CUSTOMERS)
    answer = confirm(client, "customer", page, **changes)
    assert START_AGAIN in answer.content.decode()
    assert not Customer.objects.exists()


def test_a_sheet_of_customers_confirmed_as_orders_is_refused(client: Client) -> None:
    page = check(client, "customer", "customers.csv", CUSTOMERS)
    answer = confirm(client, "order", page)
    assert START_AGAIN in answer.content.decode()
    assert not Customer.objects.exists()
    assert not Order.objects.exists()


def test_the_page_of_a_large_sheet_stays_small(client: Client) -> None:
    good = [f"CODE{n},Customer {n},07220{n:05d}" for n in range(100)]
    bad = [f"CODE{n},{'x' * 500},{'y' * 5000}" for n in range(100, 200)]
    bad += [f"CODE{n},{'x' * 500},0722000000,more" for n in range(200, 2000)]
    page = check(client, "customer", "customers.csv", csv_of("Code,Name,Phone", *good, *bad))
    assert counts(page) == (100, 0, 0, 1900)
    assert len(page.content) < 300_000
    assert len(page.context["outcome"].rows) == 50
    assert len(page.context["outcome"].problems) == 400
    assert "And 1,600 more, which are listed once these are mended." in page.content.decode()


# --- Texts --------------------------------------------------------------------------------------


def test_only_an_import_of_orders_asks_whether_to_text_and_the_default_is_no(
    client: Client,
) -> None:
    customers = client.get("/admin/crm/customer/import/")
    orders = client.get("/admin/crm/order/import/")
    assert "text_customers" not in customers.context["form"].fields
    assert "Text the customers" not in customers.content.decode()
    assert "Text the customers" in orders.content.decode()
    question = orders.context["form"]["text_customers"]
    assert not question.value()
    assert not re.search(r"\schecked(=|\s|>)", str(question))


@pytest.mark.parametrize("answers", [{}, {"text_customers": "on"}])
def test_customers_are_texted_once_for_each_new_order_if_asked_and_only_on_import(
    client: Client, templates: None, answers: dict[str, str]
) -> None:
    customer = factories.customer(code="ABC", name="Zoë", phone_number="+254722000000")
    factories.order(customer=customer, reference="R1", text_customer=False)
    data = csv_of(
        "Customer,Item,Amount,Ref",
        "ABC,Laptop,1299.99,",
        "ABC,Mouse,5,",
        "ABC,Changed,5,R1",
        "NOBODY,Laptop,5,",
    )
    page = check(client, "order", "orders.csv", data, **answers)
    assert counts(page) == (2, 1, 0, 1)
    assert ("2 texts will be sent." in page.content.decode()) is bool(answers)
    assert not Message.objects.exists()

    confirm(client, "order", page)
    texts = Message.objects.order_by("created_at", "id").values_list("phone_number", "text")
    said = "Hello Zoë! Your order for {} worth KES {} has been received. Thank you!"
    assert list(texts) == (
        [
            ("+254722000000", said.format("Laptop", "1,299.99")),
            ("+254722000000", said.format("Mouse", "5.00")),
        ]
        if answers
        else []
    )


# --- Export -------------------------------------------------------------------------------------


def export(client: Client, what: str, form: int, query: str = "") -> Any:
    fields = {"format": str(form), "resource": "0"}
    return client.post(f"/admin/crm/{what}/export/{query}", fields)


def test_an_export_is_a_file_in_the_format_asked_for(client: Client) -> None:
    factories.customer(code="ABC", name="Zoë", phone_number="+254722000000")
    response = export(client, "customer", 0)
    assert response["Content-Type"] == "text/csv"
    assert response["Content-Disposition"].startswith('attachment; filename="Customer-')
    assert response["Content-Disposition"].endswith('.csv"')
    assert response.content.decode() == (
        "Code,Name,Phone number,Email,Language\r\nABC,Zoë,'+254722000000,,en\r\n"
    )
    response = export(client, "customer", 1)
    assert response["Content-Type"] == (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    assert response["Content-Disposition"].endswith('.xlsx"')
    assert cells_of(response.content) == [
        ("Code", "Name", "Phone number", "Email", "Language"),
        ("ABC", "Zoë", "'+254722000000", None, "en"),
    ]


def test_an_export_has_the_rows_that_the_list_showed(client: Client) -> None:
    factories.customer(code="ABC", phone_number="+254722000000")
    factories.customer(code="XYZ", phone_number="+254722000001")
    lines = export(client, "customer", 0, "?q=0722+000001").content.decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["Code", "XYZ"]


def test_an_export_forgets_a_filter_that_the_list_does_not_have(client: Client) -> None:
    response = client.get("/admin/crm/customer/export/?nosuch=1")
    assert response.status_code == 302
    assert response["Location"] == "/admin/crm/customer/export/"


@pytest.mark.parametrize("form", [0, 1])
def test_what_was_exported_imports_as_unchanged(client: Client, form: int) -> None:
    customer = factories.customer(name="=1+1", email="a@example.com")
    for item in ("'quoted", "+254", "日本"):
        factories.order(customer=customer, item=item, amount="1299.90", reference=f"-{item}")
    ending = ("csv", "xlsx")[form]
    for what, number in (("customer", 1), ("order", 3)):
        data = export(client, what, form).content
        page = check(client, what, f"{what}s.{ending}", data)
        assert counts(page) == (0, 0, number, 0)


def test_an_exported_amount_can_be_added_up(client: Client) -> None:
    for amount in ("0.10", "0.20"):
        factories.order(amount=amount)
    rows = cells_of(export(client, "order", 1).content)
    column = rows[0].index("Amount")
    assert sum(Decimal(str(row[column])) for row in rows[1:]) == Decimal("0.30")


def test_a_text_that_no_workbook_can_hold_does_not_stop_an_export(client: Client) -> None:
    factories.customer()
    Customer.objects.update(name="ring \a me")  # as it may stand there from elsewhere
    assert cells_of(export(client, "customer", 1).content)[1][1] == "ring � me"


def test_an_upload_that_nobody_confirms_goes_within_an_hour(client: Client, uploads: Path) -> None:
    check(client, "customer", "customers.csv", CUSTOMERS)
    (old,) = uploads.iterdir()
    long_ago = time.time() - 3601
    os.utime(old, (long_ago, long_ago))
    check(client, "customer", "customers.csv", CUSTOMERS)
    (new,) = uploads.iterdir()
    assert new != old


def test_a_sheet_of_orders_that_could_be_placed_twice_is_said_to_be_so(client: Client) -> None:
    factories.customer(code="ABC")
    warning = "to import it again would place the orders again"
    bare = check(client, "order", "orders.csv", csv_of("Customer,Item,Amount", "ABC,Laptop,5"))
    assert warning in bare.content.decode()
    told = check(client, "order", "orders.csv", csv_of("Ref,Customer,Item,Amount", "1,ABC,Tea,5"))
    assert warning not in told.content.decode()
