"""Sheets of customers and orders: what each row does, and what is said of the rows left out."""
# ruff: noqa: DTZ001  # the dates of a spreadsheet know no time zone

import logging
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from crm import orders
from crm.models import Customer, Order
from crm.spreadsheets.reading import CSV, XLSX
from crm.spreadsheets.resources import CustomerResource, OrderResource, SheetResource
from sms.models import Message
from tests import factories
from tests.crm.spreadsheets.sheets import (
    Problem,
    cells_of,
    csv_of,
    listed,
    no_such_country,
    no_such_phone,
    workbook_of,
)

pytestmark = pytest.mark.django_db

Outcome = tuple[dict[str, int], list[Problem]]


def run(
    resource: SheetResource, *lines: str, data: bytes = b"", form: Any = CSV, **how: Any
) -> Outcome:
    """Import a sheet: how many rows had which fate, and what was wrong with some."""
    sheet = form().create_dataset(data or csv_of(*lines))
    result = resource.import_data(sheet, use_transactions=True, **how)
    assert not result.base_errors
    totals = {fate: number for fate, number in result.totals.items() if number}
    return totals, listed(resource.problems(result))


def refusal_of(resource: SheetResource, *lines: str) -> str:
    """Import a sheet that makes no sense as a whole: the reason."""
    result = resource.import_data(CSV().create_dataset(csv_of(*lines)), use_transactions=True)
    assert len(result.base_errors) == 1
    assert not result.rows
    return str(result.base_errors[0].error)


# --- Customers ----------------------------------------------------------------------------------


def test_a_row_makes_a_customer() -> None:
    totals, problems = run(
        CustomerResource(),
        "Code,Name,Phone number,Email,Language",
        "abc-1, Zoë Nyambura ,0722 000000,zoe@example.com,Kiswahili",
    )
    assert (totals, problems) == ({"new": 1}, [])
    customer = Customer.objects.get()
    assert (
        customer.code,
        customer.name,
        customer.phone_number,
        customer.email,
        customer.language,
    ) == ("ABC-1", "Zoë Nyambura", "+254722000000", "zoe@example.com", "sw")


def test_the_country_of_a_row_is_that_of_its_phone() -> None:
    run(
        CustomerResource(),
        "Name;Country;Phone",
        "Alfreds Futterkiste;Germany;030-0074321",
        "Home;;0722 000000",
    )
    assert list(Customer.objects.order_by("name").values_list("phone_number", flat=True)) == [
        "+49300074321",
        "+254722000000",
    ]


def test_customers_without_a_code_get_the_next_ones() -> None:
    run(CustomerResource(), "Name,Phone", "A,0722000000", "B,0722000001")
    assert list(Customer.objects.order_by("code").values_list("code", "name")) == [
        ("CUST001", "A"),
        ("CUST002", "B"),
    ]


def test_a_row_with_a_known_code_changes_that_customer() -> None:
    customer = factories.customer(code="ABC", name="Old", language="sw")
    totals, problems = run(
        CustomerResource(), "Code,Name,Phone", "abc,New,+254733000000", "XYZ,Other,+254733000001"
    )
    assert (totals, problems) == ({"new": 1, "update": 1}, [])
    customer.refresh_from_db()
    assert (customer.name, customer.phone_number) == ("New", "+254733000000")
    assert customer.language == "sw"


@pytest.mark.parametrize("line", ["New,0722 000000,", "New,254722000000,", "New,+254722000000,"])
def test_a_row_without_a_code_changes_the_customer_who_has_the_phone(line: str) -> None:
    customer = factories.customer(code="ABC", name="Old", phone_number="+254722000000")
    totals, problems = run(CustomerResource(), "Name,Phone,Code", line)
    assert (totals, problems) == ({"update": 1}, [])
    customer.refresh_from_db()
    assert (customer.code, customer.name) == ("ABC", "New")


def test_empty_cells_leave_code_and_language_and_take_an_email_away() -> None:
    customer = factories.customer(
        code="ABC", language="sw", email="a@example.com", phone_number="+254722000000"
    )
    run(CustomerResource(), "Code,Name,Phone,Language,Email", ",New,+254722000000,,")
    customer.refresh_from_db()
    assert (customer.code, customer.language, customer.email) == ("ABC", "sw", "")


def test_a_row_that_says_what_is_stored_already_is_skipped() -> None:
    customer = factories.customer(code="ABC", name="A", phone_number="+254722000000")
    totals, problems = run(
        CustomerResource(), "Code,Name,Phone,Language", "abc, A ,0722 000000,English"
    )
    assert (totals, problems) == ({"skip": 1}, [])
    assert customer.history.count() == 1


def test_a_phone_that_another_customer_has_is_a_row_error() -> None:
    factories.customer(code="ABC", phone_number="+254722000000")
    totals, problems = run(
        CustomerResource(), "Code,Name,Phone", "XYZ,A,0722 000000", "OK,B,0722 000001"
    )
    assert totals == {"new": 1, "invalid": 1}
    assert problems == [
        (2, "Phone", "0722 000000", "Customer with this phone number already exists.")
    ]
    assert set(Customer.objects.values_list("code", flat=True)) == {"ABC", "OK"}


def test_bad_rows_are_told_by_the_sheets_own_rows_and_columns_and_good_ones_go_in() -> None:
    totals, problems = run(
        CustomerResource(),
        "Company Name;Country;Tel;Barua pepe",
        "A;;0722 000000;a@example.com",
        "",
        "B;Narnia;0722 000001;",
        "C;;12;",
        "D;;0722 000003;nobody",
        ";;0722 000004;",
        "F;;0722 000005;;too;many",
        "G;;0722 000006;",
    )
    assert totals == {"new": 2, "invalid": 5}
    assert problems == [
        (
            4,
            "Tel",
            "0722 000001",
            no_such_country("Narnia"),
        ),
        (
            5,
            "Tel",
            "12",
            no_such_phone("12", "KE"),
        ),
        (6, "Barua pepe", "nobody", "Enter a valid email address."),
        (7, "Company Name", "", "This field cannot be blank."),
        (8, "", "", "The row has 6 cells, but the sheet has 4 columns."),
    ]
    assert set(Customer.objects.values_list("name", flat=True)) == {"A", "G"}


def test_every_wrong_cell_of_a_customer_is_told_at_once() -> None:
    totals, problems = run(
        CustomerResource(), "Code,Name,Phone,Email,Language", f"a b,{'x' * 201},12,nobody,French"
    )
    assert totals == {"invalid": 1}
    assert sorted(problems) == [
        (2, "Code", "a b", "Use 2 to 50 capital letters, digits, hyphens and underscores."),
        (2, "Email", "nobody", "Enter a valid email address."),
        (2, "Language", "French", "“French” is not a language of texts. Write en or sw."),
        (
            2,
            "Name",
            "x" * 201,
            "Ensure this value has at most 200 characters (it has 201).",
        ),
        (
            2,
            "Phone",
            "12",
            no_such_phone("12", "KE"),
        ),
    ]
    assert not Customer.objects.exists()


def test_an_error_of_a_column_that_the_sheet_does_not_have_shows_no_value() -> None:
    factories.customer(code="CUST001", phone_number="+254722000000")
    with patch("crm.customers._next_code", lambda phone_number: "CUST001"):
        totals, problems = run(CustomerResource(), "Name,Phone", "A,0722 000001")
    assert totals == {"invalid": 1}
    assert problems == [(2, "Code", "", "Customer with this code already exists.")]


# --- The sheet as a whole -----------------------------------------------------------------------


def test_a_sheet_without_a_column_that_is_needed_is_refused_and_nothing_is_written() -> None:
    assert refusal_of(CustomerResource(), "Name,Fax", "A,0722 000000") == (
        "The sheet has no column “Phone number”. Its columns are: Name, Fax."
    )
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("Item,Amount", "Customer code"),
        ("Customer,Amount", "Item"),
        ("Customer,Item", "Amount"),
        ("Anything", "Customer code"),
    ],
)
def test_a_sheet_of_orders_needs_customer_item_and_amount(header: str, missing: str) -> None:
    columns = header.replace(",", ", ")
    assert refusal_of(OrderResource(), header, "1") == (
        f"The sheet has no column “{missing}”. Its columns are: {columns}."
    )
    assert not Order.objects.exists()


def test_a_sheet_with_a_column_twice_is_refused_and_nothing_is_written() -> None:
    assert refusal_of(CustomerResource(), "Name,Phone,phone", "A,0722 000000,0722 000001") == (
        "Two columns are named “Phone”. Rename one."
    )
    assert not Customer.objects.exists()


def test_a_fault_of_ours_leaves_out_its_row_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = CustomerResource.write

    def faulty(self: CustomerResource, instance: Customer, is_create: bool) -> None:
        real(self, instance, is_create)
        if instance.name == "B":
            raise RuntimeError("disk on fire")

    with patch.object(CustomerResource, "write", faulty), caplog.at_level(logging.ERROR):
        totals, problems = run(
            CustomerResource(), "Name,Phone", "A,0722000000", "B,0722000001", "C,0722000002"
        )
    assert totals == {"new": 2, "invalid": 1}
    assert problems == [(3, "", "", "Something went wrong on our side.")]
    assert set(Customer.objects.values_list("name", flat=True)) == {"A", "C"}
    assert "disk on fire" in caplog.text


def test_history_names_the_file() -> None:
    factories.customer(code="ABC", phone_number="+254722000000")
    run(CustomerResource(), "Code,Name,Phone", "ABC,New,0722000000", file_name="march.csv")
    customer = Customer.objects.get()
    assert [row.history_change_reason for row in customer.history.order_by("history_id")] == [
        None,
        "Import of march.csv",
    ]


def test_a_long_file_name_is_cut_to_fit_the_history() -> None:
    run(CustomerResource(), "Name,Phone", "A,0722000000", file_name="x" * 200)
    assert Customer.history.get().history_change_reason == f"Import of {'x' * 90}"


# --- Orders -------------------------------------------------------------------------------------


@pytest.fixture
def customer() -> Customer:
    return factories.customer(code="ABC", name="Alfreds", phone_number="+254722000000")


def test_a_row_makes_an_order(customer: Customer) -> None:
    totals, problems = run(
        OrderResource(),
        "Order Ref,Customer Code,Item,Amount,Order Date",
        '10248,abc,12 x Queso Cabrales,"1,440.00",1996-07-04',
    )
    assert (totals, problems) == ({"new": 1}, [])
    order = Order.objects.get()
    assert (order.customer, order.item, order.amount, order.reference, order.status) == (
        customer,
        "12 x Queso Cabrales",
        Decimal("1440.00"),
        "10248",
        "PENDING",
    )
    assert order.order_time == datetime(1996, 7, 3, 21, tzinfo=UTC)  # midnight in Nairobi
    assert order.order_number.startswith("1219960703210000-")


def test_an_order_without_a_time_is_of_now(customer: Customer) -> None:
    before = datetime.now(UTC)
    run(OrderResource(), "Customer,Item,Amount,Date", "ABC,Laptop,1,")
    assert before <= Order.objects.get().order_time <= datetime.now(UTC)


def test_a_row_with_a_known_reference_changes_that_order(customer: Customer) -> None:
    order = factories.order(customer=customer, reference="10248", item="Old", amount="1.00")
    totals, problems = run(
        OrderResource(), "Ref,Customer,Item,Amount", "10248,ABC,New,2.00", "10249,ABC,Other,3.00"
    )
    assert (totals, problems) == ({"new": 1, "update": 1}, [])
    order.refresh_from_db()
    assert (order.item, order.amount) == ("New", Decimal("2.00"))


def test_a_row_with_an_order_number_changes_that_order(customer: Customer) -> None:
    order = factories.order(customer=customer, reference="R1")
    other = factories.customer(code="XYZ")
    totals, problems = run(
        OrderResource(),
        "Order number,Customer code,Item,Amount,Reference",
        f"{order.order_number},XYZ,New,2.00,R2",
    )
    assert (totals, problems) == ({"update": 1}, [])
    number = order.order_number
    order.refresh_from_db()
    assert (order.order_number, order.customer, order.item, order.reference) == (
        number,
        other,
        "New",
        "R2",
    )


def test_an_order_number_that_is_not_there_is_a_row_error(customer: Customer) -> None:
    totals, problems = run(
        OrderResource(),
        "Order number,Customer code,Item,Amount",
        "LA20260921123000-7K3F,ABC,Laptop,-",
    )
    assert totals == {"invalid": 1}
    assert sorted(problems) == [
        (2, "Amount", "-", "“-” is not an amount. Write it as 1299.99."),
        (
            2,
            "Order number",
            "LA20260921123000-7K3F",
            "There is no order LA20260921123000-7K3F. For a new one, leave the cell empty.",
        ),
    ]
    assert not Order.objects.exists()


def test_a_reference_that_another_order_has_is_a_row_error(customer: Customer) -> None:
    factories.order(customer=customer, reference="R1")
    order = factories.order(customer=customer, reference="R2", item="Old")
    totals, problems = run(
        OrderResource(),
        "Order number,Reference,Customer code,Item,Amount",
        f"{order.order_number},R1,ABC,New,5",
    )
    assert totals == {"invalid": 1}
    assert problems == [(2, "Reference", "R1", "Order with this reference already exists.")]
    order.refresh_from_db()
    assert (order.item, order.reference) == ("Old", "R2")


def test_empty_cells_leave_reference_status_and_time(customer: Customer) -> None:
    moment = datetime(2026, 9, 21, tzinfo=UTC)
    order = factories.order(customer=customer, reference="R1", order_time=moment)
    orders.change_status(order, "PROCESSING")
    totals, problems = run(
        OrderResource(),
        "Order number,Reference,Customer code,Item,Amount,Status,Order time",
        f"{order.order_number},,ABC,New,5,,",
    )
    assert (totals, problems) == ({"update": 1}, [])
    order.refresh_from_db()
    assert (order.item, order.reference, order.status, order.order_time) == (
        "New",
        "R1",
        "PROCESSING",
        moment,
    )


def test_an_order_that_says_what_is_stored_already_is_skipped(customer: Customer) -> None:
    order = factories.order(
        customer=customer,
        item="Laptop",
        amount="5.00",
        reference="R1",
        order_time=datetime(2026, 9, 21, 12, 30, 15, 999999, tzinfo=UTC),
    )
    totals, problems = run(
        OrderResource(),
        "Ref,Customer,Item,Amount,Status,Date",
        "R1,abc, Laptop ,5,pending,2026-09-21T15:30:15",
    )
    assert (totals, problems) == ({"skip": 1}, [])
    assert order.history.count() == 1


def test_a_customers_name_in_a_sheet_of_orders_changes_nothing(customer: Customer) -> None:
    order = factories.order(customer=customer, item="Laptop", amount="5", reference="R1")
    totals, problems = run(
        OrderResource(),
        "Ref,Customer code,Customer name,Item,Amount,Currency",
        "R1,ABC,Somebody else,Laptop,5,kes",
    )
    assert (totals, problems) == ({"skip": 1}, [])
    order.refresh_from_db()
    customer.refresh_from_db()
    assert (order.currency, customer.name) == ("KES", "Alfreds")


def test_an_amount_in_another_currency_is_not_taken_for_ours(customer: Customer) -> None:
    totals, problems = run(
        OrderResource(), "Ref,Customer code,Item,Amount,Currency", "R1,ABC,Laptop,5,USD"
    )
    assert totals == {"invalid": 1}
    assert problems == [
        (2, "Currency", "USD", "The order is in KES. Write its amount in that currency.")
    ]
    assert not Order.objects.exists()


def test_a_row_about_what_another_row_is_about_is_left_out(customer: Customer) -> None:
    totals, problems = run(
        OrderResource(),
        "Ref,Customer code,Item,Amount",
        "R1,ABC,One,1",
        ",ABC,Without,1",
        "R1,ABC,Two,2",
        ",ABC,Without,1",
    )
    assert totals == {"new": 3, "invalid": 1}
    assert problems == [(4, "", "", "Row 2 is about the same order. Keep one of them.")]
    assert Order.objects.get(reference="R1").item == "One"


def test_a_line_break_in_a_cell_is_a_space(customer: Customer) -> None:
    sheet = b'Customer code,Item,Amount\nABC,"two\r\nlines",1\n'
    assert run(OrderResource(), data=sheet) == ({"new": 1}, [])
    assert Order.objects.get().item == "two lines"


def test_a_new_order_moves_to_the_status_of_its_row(customer: Customer) -> None:
    totals, problems = run(
        OrderResource(),
        "Customer,Item,Amount,Status",
        "ABC,A,1,pending",
        "ABC,B,1,Processing",
        "ABC,C,1,COMPLETED",
        "ABC,D,1,cancelled",
        "ABC,E,1,",
        file_name="orders.csv",
    )
    assert (totals, problems) == ({"new": 5}, [])
    assert list(Order.objects.order_by("item").values_list("status", flat=True)) == [
        "PENDING",
        "PROCESSING",
        "COMPLETED",
        "CANCELLED",
        "PENDING",
    ]
    kept = Order.history.filter(item="C").order_by("history_id")
    assert list(kept.values_list("status", "history_change_reason")) == [
        ("PENDING", "Import of orders.csv"),
        ("COMPLETED", "Import of orders.csv"),
    ]


def test_a_status_moves_an_order_by_a_legal_step(customer: Customer) -> None:
    order = factories.order(customer=customer, item="A", amount="1", reference="R1")
    totals, _ = run(OrderResource(), "Ref,Customer,Item,Amount,Status", "R1,ABC,A,1,COMPLETED")
    assert totals == {"update": 1}
    order.refresh_from_db()
    assert order.status == "COMPLETED"


def test_an_illegal_step_is_a_row_error_and_nothing_of_its_row_is_written(
    customer: Customer,
) -> None:
    order = factories.order(customer=customer, item="A", amount="1", reference="R1")
    orders.change_status(order, "COMPLETED")
    totals, problems = run(
        OrderResource(),
        "Ref,Customer,Item,Amount,Hali",
        "R1,ABC,Another,2,pending",
        "R2,ABC,B,1,pending",
    )
    assert totals == {"new": 1, "invalid": 1}
    assert problems == [
        (
            2,
            "Hali",
            "pending",
            f"Order {order.order_number} is COMPLETED and cannot become PENDING. That is final.",
        )
    ]
    order.refresh_from_db()
    assert (order.item, order.amount, order.status) == ("A", Decimal("1.00"), "COMPLETED")
    assert order.history.count() == 2


def test_an_order_that_somebody_moved_meanwhile_keeps_their_step(customer: Customer) -> None:
    order = factories.order(customer=customer, item="A", amount="1", reference="R1")
    orders.change_status(order, "PROCESSING")
    real = OrderResource.write

    def late(self: OrderResource, instance: Order, is_create: bool) -> None:
        Order.objects.filter(pk=order.pk).update(status="CANCELLED")
        real(self, instance, is_create)

    with patch.object(OrderResource, "write", late):
        totals, problems = run(
            OrderResource(), "Ref,Customer,Item,Amount,Status", "R1,ABC,A,1,COMPLETED"
        )
    assert totals == {"invalid": 1}
    assert [message for *_, message in problems] == [
        f"Order {order.order_number} is CANCELLED and cannot become COMPLETED. That is final."
    ]


def test_bad_orders_are_told_by_the_sheets_own_rows_and_columns_and_good_ones_go_in(
    customer: Customer,
) -> None:
    totals, problems = run(
        OrderResource(),
        "Mteja\tBidhaa\tKiasi",
        "ABC\tA\t1.00",
        "NOBODY\tB\t1.00",
        "ABC\tC\t1.999",
        "ABC\tD\t0",
        "ABC\t\t1.00",
        f"ABC\t{'x' * 201}\t1.00",
        "ABC\tG\t1.00",
    )
    assert totals == {"new": 2, "invalid": 5}
    assert problems == [
        (
            3,
            "Mteja",
            "NOBODY",
            "There is no customer with the code “NOBODY”. Add the customer first.",
        ),
        (4, "Kiasi", "1.999", "Ensure that there are no more than 2 decimal places."),
        (5, "Kiasi", "0", "Ensure this value is greater than or equal to 0.01."),
        (6, "Bidhaa", "", "This field cannot be blank."),
        (
            7,
            "Bidhaa",
            "x" * 201,
            "Ensure this value has at most 200 characters (it has 201).",
        ),
    ]
    assert set(Order.objects.values_list("item", flat=True)) == {"A", "G"}


def test_every_wrong_cell_of_an_order_is_told_at_once() -> None:
    totals, problems = run(
        OrderResource(),
        "Customer,Item,Amount,Date,Status,Ref",
        f"NOBODY,,free,soon,shipped,{'9' * 101}",
    )
    assert totals == {"invalid": 1}
    assert sorted(problems) == [
        (2, "Amount", "free", "“free” is not an amount. Write it as 1299.99."),
        (
            2,
            "Customer",
            "NOBODY",
            "There is no customer with the code “NOBODY”. Add the customer first.",
        ),
        (2, "Date", "soon", "“soon” is not a date. Write it as 2026-12-31 or 31/12/2026."),
        (2, "Item", "", "This field cannot be blank."),
        (
            2,
            "Ref",
            "9" * 101,
            "Ensure this value has at most 100 characters (it has 101).",
        ),
        (
            2,
            "Status",
            "shipped",
            "“SHIPPED” is not a status. Write one of PENDING, PROCESSING, COMPLETED, CANCELLED.",
        ),
    ]
    assert not Order.objects.exists()


def test_dates_of_a_workbook_are_those_of_the_business(customer: Customer) -> None:
    data = workbook_of(
        ["Customer", "Item", "Amount", "Date"], ["ABC", "A", 1.5, datetime(2026, 12, 31, 14, 30)]
    )
    run(OrderResource(), data=data, form=XLSX)
    order = Order.objects.get()
    assert order.order_time == datetime(2026, 12, 31, 11, 30, tzinfo=UTC)
    assert order.amount == Decimal("1.50")


# --- Texts --------------------------------------------------------------------------------------

TWO_ORDERS = ("Customer,Item,Amount", "ABC,Laptop,5", "NOBODY,Laptop,5", "ABC,Mouse,1")


def test_nobody_is_texted_unless_asked_for(templates: None, customer: Customer) -> None:
    run(OrderResource(), *TWO_ORDERS)
    assert Order.objects.count() == 2
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


def test_each_new_order_is_texted_about_once_where_asked_for(
    templates: None, customer: Customer
) -> None:
    factories.order(customer=customer, reference="R1", text_customer=False)
    run(
        OrderResource(text_customers=True),
        "Customer,Item,Amount,Ref",
        "ABC,Laptop,5,",
        "NOBODY,Laptop,5,",
        "ABC,Changed,1,R1",
    )
    message = Message.objects.get()
    assert message.about_id == Order.objects.get(item="Laptop").pk
    assert message.text == (
        "Hello Alfreds! Your order for Laptop worth KES 5.00 has been received. Thank you!"
    )
    assert OrmQ.objects.count() == 1


def test_a_dry_run_writes_nothing_and_texts_nobody(templates: None, customer: Customer) -> None:
    order = factories.order(customer=customer, reference="R1", item="Old", text_customer=False)
    totals, problems = run(
        OrderResource(text_customers=True),
        "Ref,Customer,Item,Amount,Status",
        "R1,ABC,New,5,COMPLETED",
        "R2,ABC,Laptop,5,",
        "R3,NOBODY,Laptop,5,",
        dry_run=True,
    )
    assert totals == {"update": 1, "new": 1, "invalid": 1}
    assert len(problems) == 1
    assert Order.objects.get() == order
    order.refresh_from_db()
    assert (order.item, order.status) == ("Old", "PENDING")
    assert Order.history.count() == 1
    assert not Message.objects.exists()
    assert not OrmQ.objects.exists()


# --- There and back -----------------------------------------------------------------------------

NASTY = [
    "=1+1",
    "+254722000000",
    "-5",
    "@SUM(A1:A9)",
    "'quoted",
    "''=2",
    "#REF!",
    "00123",
    "1e5",
    'Bar "Mambo", Nakuru; Kenya | Uganda',
    "Zoë 日本 🎉",
]


@pytest.mark.parametrize("form", [CSV, XLSX])
def test_exported_customers_come_back_unchanged(form: Any) -> None:
    for number, name in enumerate(NASTY):
        factories.customer(
            name=name,
            code=f"-{number}",
            language=["en", "sw"][number % 2],
            email="" if number else "a@example.com",
        )
    exported = form().export_data(CustomerResource().export())
    data = exported.encode() if isinstance(exported, str) else exported
    assert run(CustomerResource(), data=data, form=form) == ({"skip": len(NASTY)}, [])
    assert Customer.history.count() == len(NASTY)


@pytest.mark.parametrize("form", [CSV, XLSX])
def test_exported_orders_come_back_unchanged(form: Any, customer: Customer) -> None:
    steps = ["PENDING", "PROCESSING", "COMPLETED", "CANCELLED"]
    amounts = ["0.01", "1299.90", "9999999999.99", "0.07"]
    for number, item in enumerate(NASTY):
        order = factories.order(
            customer=customer,
            item=item,
            amount=amounts[number % 4],
            reference=NASTY[-number] if number % 3 else "",
            order_time=datetime(2026, 9, 21, number, 30, 15, 999999, tzinfo=UTC),
        )
        orders.change_status(order, steps[number % 4])
    before = list(Order.objects.order_by("pk").values())
    exported = form().export_data(OrderResource().export())
    data = exported.encode() if isinstance(exported, str) else exported
    assert run(OrderResource(), data=data, form=form) == ({"skip": len(NASTY)}, [])
    assert list(Order.objects.order_by("pk").values()) == before


def test_an_export_of_customers_has_these_columns() -> None:
    factories.customer(
        code="ABC", name="Zoë", phone_number="+254722000000", email="z@example.com", language="sw"
    )
    assert CSV().export_data(CustomerResource().export()) == (
        "Code,Name,Phone number,Email,Language\r\nABC,Zoë,'+254722000000,z@example.com,sw\r\n"
    )


def test_an_export_of_orders_has_these_columns_with_real_numbers_and_dates(
    customer: Customer,
) -> None:
    order = factories.order(
        customer=customer,
        reference="R1",
        amount="1299.90",
        order_time=datetime(2026, 9, 21, 12, 30, tzinfo=UTC),
    )
    assert cells_of(XLSX().export_data(OrderResource().export())) == [
        (
            "Order number",
            "Reference",
            "Customer code",
            "Customer name",
            "Item",
            "Amount",
            "Currency",
            "Status",
            "Order time",
        ),
        (
            order.order_number,
            "R1",
            "ABC",
            "Alfreds",
            "Laptop Computer",
            1299.9,
            "KES",
            "PENDING",
            datetime(2026, 9, 21, 15, 30),
        ),
    ]


def test_an_export_asks_the_database_once_for_1_order_and_for_50() -> None:
    counts = []
    for number in (1, 49):
        for _ in range(number):
            factories.order()
        with CaptureQueriesContext(connection) as queries:
            assert len(OrderResource().export()) == Order.objects.count()
        counts.append(len(queries) - 1)
    assert counts == [1, 1]


def test_two_people_with_one_phone_are_not_one() -> None:
    totals, problems = run(
        CustomerResource(), "Code,Name,Phone", "AAA1,Ann,0722000222", ",Bob,0722 000 222"
    )
    assert totals == {"new": 1, "invalid": 1}
    assert problems == [(3, "", "", "Row 2 is about the same customer. Keep one of them.")]
    assert Customer.objects.get().name == "Ann"


def test_a_column_that_the_sheet_does_not_have_is_not_written(customer: Customer) -> None:
    resource = CustomerResource()
    run(resource, "Code,Name,Phone", f"ABC,New,{customer.phone_number}")
    assert set(resource.told(customer)) == {"code", "name", "phone_number"}
