"""Sheets that go out over the API: whole, in the list's order, and good to come in again."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError, connection
from django.http import FileResponse
from django.test.utils import CaptureQueriesContext

from crm.models import Customer, Order
from crm.spreadsheets import exports, jobs, writing
from crm.spreadsheets.reading import CSV, XLSX
from crm.spreadsheets.resources import OrderResource, SheetResource
from identity.models import SessionToken, User
from tests import factories
from tests.conftest import Api
from tests.crm.spreadsheets.sheets import cells_of

pytestmark = pytest.mark.django_db

CUSTOMERS, ORDERS = "/api/customers/export/", "/api/orders/export/"
BOTH = pytest.mark.parametrize("file_format", ["csv", "xlsx"])
MOMENT = datetime(2026, 9, 21, 12, 30, tzinfo=UTC)  # half past three in Nairobi


@pytest.fixture
def manager() -> User:
    return factories.user("Manager")


@pytest.fixture
def api(manager: User, as_user: Callable[[User | None], Api]) -> Api:
    """Call the API as a Manager."""
    return as_user(manager)


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return str(response.getvalue().decode())


def lines_of(response: Any) -> list[str]:
    """The lines of a CSV file below its header."""
    return text_of(response).splitlines()[1:]


# --- The file -------------------------------------------------------------------------------------


def test_orders_come_as_csv_newest_first(api: Api) -> None:
    customer = factories.customer(code="ABC", name="Zoë")
    first = factories.order(customer=customer, item="Tea", amount="5", order_time=MOMENT)
    second = factories.order(
        customer=customer, item="=1+1", amount="1299.9", order_time=MOMENT, reference="10248"
    )
    response = api.get(ORDERS)
    assert response.streaming
    assert text_of(response) == (
        "Order number,Reference,Customer code,Customer name,Item,Amount,Currency,Status,Order time"
        f"\r\n{second.order_number},10248,ABC,Zoë,'=1+1,1299.90,KES,PENDING,"
        "2026-09-21T15:30:00+03:00"
        f"\r\n{first.order_number},,ABC,Zoë,Tea,5.00,KES,PENDING,2026-09-21T15:30:00+03:00\r\n"
    )


def test_orders_come_as_a_workbook_with_real_dates_and_numbers(api: Api) -> None:
    order = factories.order(
        customer=factories.customer(code="ABC", name="Zoë"),
        item="=1+1",
        amount="1299.90",
        order_time=MOMENT,
    )
    assert cells_of(api.get(ORDERS, file_format="xlsx").getvalue()) == [
        (
            *("Order number", "Reference", "Customer code", "Customer name", "Item", "Amount"),
            *("Currency", "Status", "Order time"),
        ),
        (
            *(order.order_number, None, "ABC", "Zoë", "'=1+1", 1299.9, "KES", "PENDING"),
            datetime(2026, 9, 21, 15, 30),  # noqa: DTZ001  # a spreadsheet's date has no zone
        ),
    ]


def test_customers_come_as_csv(api: Api) -> None:
    factories.customer(code="ABC", name="Zoë", phone_number="+254722000000", language="sw")
    assert text_of(api.get(CUSTOMERS)) == (
        "Code,Name,Phone number,Email,Language\r\nABC,Zoë,'+254722000000,,sw\r\n"
    )


@pytest.mark.parametrize(
    ("path", "file_format", "content_type", "ending"),
    [
        (ORDERS, "csv", "text/csv; charset=utf-8", "csv"),
        (CUSTOMERS, "xlsx", exports.XLSX_TYPE, "xlsx"),
    ],
)
def test_a_file_says_what_it_is_and_of_which_day(
    api: Api, path: str, file_format: str, content_type: str, ending: str
) -> None:
    with patch("django.utils.timezone.now", return_value=datetime(2026, 9, 20, 22, tzinfo=UTC)):
        # The token was given in another time: a browser session does not mind.
        api.headers.clear()
        api.client.force_login(factories.user("Manager"))
        response = api.get(path, file_format=file_format)
    what = path.split("/")[2]
    assert response["Content-Type"] == content_type
    assert response["Content-Disposition"] == f'attachment; filename="{what}-2026-09-21.{ending}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    response.close()


@BOTH
@pytest.mark.parametrize("path", [CUSTOMERS, ORDERS])
def test_where_there_is_nothing_a_file_has_its_column_names(
    api: Api, path: str, file_format: str
) -> None:
    data = api.get(path, file_format=file_format).getvalue()
    sheet = (CSV if file_format == "csv" else XLSX)().create_dataset(data)
    assert (sheet.headers[-1], len(sheet)) == (
        "Language" if path == CUSTOMERS else "Order time",
        0,
    )


STORED = [
    "Zoë",
    "'=1",
    "=cmd()",
    "-1",
    "@x",
    "1,2;3|4",
    'He said "no"',
    "日本 🎉",
    "<r><t>x</t></r>",
]
STORED += [
    "<r>&",
    "'<r>",
    "_x0041_",
    "_x005F_x0041_",
    "ABC_x000D_",
    "http://example.com",
    "1e5",
    "'",
]


@BOTH
def test_what_was_exported_imports_as_unchanged(api: Api, manager: User, file_format: str) -> None:
    for number, text in enumerate(STORED):
        customer = factories.customer(name=text, email="", language="sw")
        factories.order(
            customer=customer,
            item=text,
            amount="9999999999.99" if number else "0.01",
            reference=f"{text}{number}",
            order_time=datetime(1900, 1, 1, tzinfo=UTC) if number else MOMENT,
        )
    before = [list(table.objects.order_by("pk").values()) for table in (Customer, Order)]
    for path, kind in ((CUSTOMERS, "customers"), (ORDERS, "orders")):
        data = api.get(path, file_format=file_format).getvalue()
        job = jobs.queue_import(manager, f"x.{file_format}", data, kind=kind)
        jobs.run_import(job.pk)
        job.refresh_from_db()
        assert (job.errors, job.skipped, job.total) == ([], len(STORED), len(STORED))
    assert [list(table.objects.order_by("pk").values()) for table in (Customer, Order)] == before


@BOTH
def test_an_export_has_what_the_list_has_with_the_same_filters(api: Api, file_format: str) -> None:
    wanted = factories.order(item="Tea", amount="10")
    factories.order(item="Tea", amount="1")
    factories.order(item="Coffee", amount="10")
    form = CSV if file_format == "csv" else XLSX
    found = api.get(ORDERS, file_format=file_format, q="tea", min_amount="5").getvalue()
    assert [row[0] for row in form().create_dataset(found)] == [wanted.order_number]
    found = api.get(CUSTOMERS, file_format=file_format, code=wanted.customer.code).getvalue()
    assert [row[0] for row in form().create_dataset(found)] == [wanted.customer.code]


@BOTH
@pytest.mark.parametrize("path", [CUSTOMERS, ORDERS])
def test_fifty_rows_cost_the_queries_of_one(api: Api, path: str, file_format: str) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert api.get(path, file_format=file_format).getvalue()
        return len(queries)

    factories.order()
    one = cost()
    for _ in range(49):
        factories.order()
    assert cost() == one == (2 if file_format == "csv" else 3)  # the token, the rows; too many?


def test_rows_are_read_some_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_PIECE", 100)
    for _ in range(20):
        factories.order()
    pieces = list(api.get(ORDERS).streaming_content)
    assert len(pieces) > 10
    assert len(b"".join(pieces).splitlines()) == 21


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [CUSTOMERS, ORDERS])
def test_another_format_is_refused(api: Api, path: str) -> None:
    response = api.get(path, file_format="pdf")
    assert response.status_code == 400
    assert response.json()["errors"] == {"file_format": ["Input should be 'csv' or 'xlsx'"]}


def test_a_wrong_filter_is_refused(api: Api) -> None:
    assert api.get(ORDERS, start_date="21/09/2026").json()["detail"] == (
        "Invalid date format. Use YYYY-MM-DD"
    )
    response = api.get(ORDERS, file_format="pdf", status="LOST")
    assert set(response.json()["errors"]) == {"file_format", "status"}


def test_more_rows_than_a_workbook_holds_are_refused_at_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_WORKBOOK_ROWS", 2)
    for _ in range(2):
        factories.order()
    response = api.get(ORDERS, file_format="xlsx")
    assert len(cells_of(response.getvalue())) == 3
    factories.order()
    response = api.get(ORDERS, file_format="xlsx")
    assert response.status_code == 400
    assert response.json()["errors"] == {
        "file_format": ["A workbook holds 1,048,575 rows. Ask for csv, or for fewer."]
    }
    assert len(lines_of(api.get(ORDERS))) == 3


def test_a_row_that_comes_too_late_for_a_workbook_is_not_dropped_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "MAX_WORKBOOK_ROWS", 1)
    with tempfile.TemporaryFile() as file, pytest.raises(writing.TooManyRows):
        writing.write_workbook(file, ["Text"], [["a"], ["b"]])


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["Viewer", "Clerk"])
@pytest.mark.parametrize("path", [CUSTOMERS, ORDERS])
def test_staff_who_may_not_export_are_refused(role: str, path: str) -> None:
    factories.order()
    response = Api(factories.user(role)).get(path)
    assert response.status_code == 403
    assert response.json()["detail"] == "You do not have permission to perform this action."


def test_who_sees_all_orders_without_being_staff_needs_the_permission_too() -> None:
    user = factories.user()
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    assert Api(user).get(ORDERS).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="export_order"))
    factories.order()
    assert len(lines_of(Api(user).get(ORDERS))) == 1


@BOTH
def test_customers_take_along_what_is_their_own(file_format: str) -> None:
    owner = factories.user()
    own = factories.order(customer=factories.customer(code="OWN", user=owner))
    factories.order(customer=factories.customer(code="OTHER"))
    form = CSV if file_format == "csv" else XLSX
    for path, first in ((ORDERS, own.order_number), (CUSTOMERS, "OWN")):
        found = Api(owner).get(path, file_format=file_format).getvalue()
        assert [row[0] for row in form().create_dataset(found)] == [first]
        assert Api(owner).get(path, file_format=file_format, q="OTHER").getvalue() != found
    assert lines_of(Api(owner).get(ORDERS, customer_code="OTHER")) == []
    assert lines_of(Api(factories.user()).get(CUSTOMERS)) == []


@pytest.mark.parametrize(
    ("path", "scope"), [(ORDERS, "orders:read"), (CUSTOMERS, "customers:read")]
)
def test_an_export_takes_the_scope_of_the_list(manager: User, path: str, scope: str) -> None:
    api = Api(manager)
    SessionToken.objects.update(scopes=["orders:write", "customers:write"])
    response = api.get(path)
    assert response.status_code == 403
    assert f'scope="{scope}"' in response["WWW-Authenticate"]


# --- What goes wrong ------------------------------------------------------------------------------


def failing_after(rows: int) -> Any:
    real = SheetResource.written

    def written(self: SheetResource, queryset: Any) -> Iterator[list[Any]]:
        for number, row in enumerate(real(self, queryset)):
            if number == rows:
                raise DatabaseError("gone")
            yield row

    return patch.object(SheetResource, "written", written)


@BOTH
def test_a_database_that_fails_at_the_start_is_a_problem_and_no_file(
    api: Api, file_format: str
) -> None:
    factories.order()
    with failing_after(0):
        response = api.get(ORDERS, file_format=file_format)
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"


def test_a_csv_that_breaks_off_ends_in_an_error_that_the_server_sees(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server then closes the connection without the end that HTTP has for a whole answer."""
    monkeypatch.setattr(writing, "_PIECE", 10)
    for _ in range(3):
        factories.order()
    with failing_after(2):
        response = api.get(ORDERS)
        assert response.status_code == 200
        with pytest.raises(DatabaseError):
            list(response.streaming_content)
    assert "An export broke off." in caplog.text


def test_a_workbook_that_fails_leaves_no_file_behind(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    factories.order()
    factories.order()
    with failing_after(1):
        assert api.get(ORDERS, file_format="xlsx").status_code == 500
    assert list(tmp_path.iterdir()) == []
    response = api.get(ORDERS, file_format="xlsx")
    assert isinstance(response, FileResponse)
    assert len(cells_of(response.getvalue())) == 3
    assert list(tmp_path.iterdir()) == []


def test_the_admin_and_the_api_write_the_same_file(api: Api) -> None:
    factories.order(item="=1", reference="7")
    rows = Order.objects.all()
    dataset = OrderResource().export(rows)
    assert text_of(api.get(ORDERS)) == CSV().export_data(dataset)
    assert cells_of(api.get(ORDERS, file_format="xlsx").getvalue()) == cells_of(
        XLSX().export_data(dataset)
    )


def test_the_document_says_that_a_file_comes_in_either_format(api: Api) -> None:
    document = api.get("/api/openapi.json").json()
    for path in (ORDERS, CUSTOMERS):
        operation = document["paths"][path]["get"]
        assert set(operation["responses"]["200"]["content"]) == {"text/csv", exports.XLSX_TYPE}
        names = {parameter["name"] for parameter in operation["parameters"]}
        listed = document["paths"][path.replace("export/", "")]["get"]["parameters"]
        filters = {parameter["name"] for parameter in listed} - {"limit", "cursor", "ordering"}
        assert names == filters | {"file_format"}
