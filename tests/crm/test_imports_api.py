"""Sheets that come in over the API: what is refused at once, and what the worker does then."""

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from crm import tasks
from crm.models import Customer, Import, Order
from crm.spreadsheets import jobs, reading
from crm.spreadsheets.reading import CSV
from crm.spreadsheets.resources import SheetResource
from identity.models import SessionToken, User
from identity.scopes import SCOPES
from sms.models import Message
from tests import factories
from tests.conftest import Api
from tests.crm.spreadsheets.sheets import csv_of, no_such_phone, workbook_of

pytestmark = pytest.mark.django_db

IMPORTS = "/api/imports/"
CUSTOMERS = csv_of("Code,Name,Phone", "ABC,Zoë Nyambura,0722 000000", "XYZ,Amina,0722 000001")
UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def manager() -> User:
    return factories.user("Manager")


@pytest.fixture
def api(manager: User, as_user: Callable[[User | None], Api]) -> Api:
    """Call the API as a Manager."""
    return as_user(manager)


def send(api: Api, data: bytes, name: str = "customers.csv", **fields: Any) -> Any:
    """Upload a sheet, of customers unless told otherwise."""
    form = {"kind": "customers"} | fields
    if name:
        form["file"] = SimpleUploadedFile(name, data)
    return api.client.post(IMPORTS, form, headers=api.headers)


def work() -> None:
    """Run what is queued of imports, as the worker does: by name and arguments."""
    for queued in OrmQ.objects.order_by("id"):
        task = queued.task
        if task["func"] == jobs.RUN_TASK:
            tasks.run_import(*task["args"])


def take_in(api: Api, *lines: str, data: bytes = b"", **fields: Any) -> dict[str, Any]:
    """Upload a sheet, let the worker at it, and ask what became of it."""
    sent = send(api, data or csv_of(*lines), **fields)
    assert sent.status_code == 202, sent.json()
    work()
    return dict(api.get(f"{IMPORTS}{sent.json()['id']}/").json())


def counts(told: dict[str, Any]) -> tuple[int, int, int, int]:
    return told["created"], told["updated"], told["skipped"], told["failed"]


def messages(told: dict[str, Any]) -> list[tuple[int | None, str, str, str]]:
    return [
        (each["row"], each["column"], each["value"], each["message"]) for each in told["errors"]
    ]


def nothing_is_stored() -> bool:
    tables = (Import, OrmQ, Customer, Order, Message)
    return not any(table._default_manager.exists() for table in tables)


# --- From the upload to the outcome -------------------------------------------------------------


def test_a_sheet_is_taken_at_once_and_imported_by_the_worker(
    api: Api, manager: User, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://karani.example.com"
    sent = send(api, CUSTOMERS)
    job = Import.objects.get()
    assert sent.status_code == 202
    assert sent["Location"] == f"https://karani.example.com/api/imports/{job.pk}/"
    expected = {
        "id": str(job.pk),
        "kind": "customers",
        "status": "queued",
        "total": 2,
        "processed": 0,
        "created": 0,
        "updated": 0,
        "skipped": 0,
        "failed": 0,
        "errors": [],
        "error_sheet": None,
    }
    assert sent.json() == expected
    assert not Customer.objects.exists()
    task = OrmQ.objects.get().task
    assert (task["func"], task["args"]) == ("crm.tasks.run_import", (str(job.pk),))

    tasks.run_import(str(job.pk))
    assert api.get(f"{IMPORTS}{job.pk}/").json() == expected | {
        "status": "done",
        "processed": 2,
        "created": 2,
    }
    assert list(Customer.objects.order_by("code").values_list("code", "name", "phone_number")) == [
        ("ABC", "Zoë Nyambura", "+254722000000"),
        ("XYZ", "Amina", "+254722000001"),
    ]


def test_the_file_goes_when_the_import_is_over(api: Api) -> None:
    send(api, CUSTOMERS)
    assert bytes(Import.objects.get().file) == CUSTOMERS
    work()
    assert bytes(Import.objects.get().file) == b""


def test_a_workbook_goes_in(api: Api) -> None:
    data = workbook_of(["Name", "Phone"], ["Zoë", "0722 000000"])
    assert counts(take_in(api, data=data, name="customers.xlsx")) == (1, 0, 0, 0)


def test_a_change_is_written_down_with_who_sent_the_sheet_and_which_it_was(
    api: Api, manager: User
) -> None:
    factories.customer(code="ABC")
    take_in(api, data=CUSTOMERS)
    job = Import.objects.get()
    for code in ("ABC", "XYZ"):
        change = Customer.objects.get(code=code).history.first()
        assert change.history_user == manager
        assert change.history_change_reason == f"Import of customers.csv ({job.pk})"


def test_an_order_is_written_down_so_as_well_and_a_long_name_leaves_room_for_the_import(
    api: Api, manager: User
) -> None:
    factories.customer(code="ABC")
    take_in(
        api,
        "Customer,Item,Amount,Status",
        "ABC,Tea,1,COMPLETED",
        kind="orders",
        name="x" * 90 + ".csv",
    )
    job = Import.objects.get()
    reason = f"Import of {'x' * 50} ({job.pk})"
    told = Order.objects.get().history.values_list("history_user", "history_change_reason")
    assert list(told) == [(manager.pk, reason), (manager.pk, reason)]


def test_an_import_of_somebody_who_was_deleted_meanwhile_goes_on(api: Api) -> None:
    sent = send(api, CUSTOMERS)
    User.objects.all().delete()
    work()
    assert Import.objects.get(pk=sent.json()["id"]).status == "done"
    assert set(Customer.history.values_list("history_user", flat=True)) == {None}


def test_rows_that_are_wrong_are_listed_and_the_others_go_in(api: Api) -> None:
    told = take_in(api, "Name,Phone", "A,0722000000", "B,123", ",0722000001,x")
    assert (told["total"], told["processed"], counts(told)) == (3, 3, (1, 0, 0, 2))
    assert told["status"] == "done"
    assert messages(told) == [
        (3, "Phone", "123", no_such_phone("123", "KE")),
        (4, "", "", "The row has 3 cells, but the sheet has 2 columns."),
    ]


def test_the_same_sheet_again_changes_nothing(api: Api) -> None:
    take_in(api, data=CUSTOMERS)
    assert counts(take_in(api, data=CUSTOMERS)) == (0, 0, 2, 0)
    assert Customer.history.count() == 2


def test_to_ask_costs_the_same_with_many_errors(
    api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    take_in(api, "Name,Phone", "A,1")
    take_in(api, "Name,Phone", *(f"A,{number}" for number in range(50)))
    for job in Import.objects.all():
        with django_assert_num_queries(2):  # the token, and the import
            assert api.get(f"{IMPORTS}{job.pk}/").status_code == 200


# --- The choices --------------------------------------------------------------------------------


def test_an_import_that_only_adds_leaves_what_is_there(api: Api) -> None:
    factories.customer(code="ABC", name="Old")
    assert counts(take_in(api, data=CUSTOMERS, mode="create")) == (1, 0, 1, 0)
    assert Customer.objects.get(code="ABC").name == "Old"
    assert Customer.objects.get(code="XYZ").name == "Amina"


def test_an_import_that_only_adds_asks_nothing_of_a_row_that_is_there(api: Api) -> None:
    factories.customer(code="ABC", name="Old")
    told = take_in(api, "Code,Name,Phone", "ABC,,nonsense", mode="create")
    assert (counts(told), told["errors"]) == ((0, 0, 1, 0), [])


def test_an_import_that_only_changes_tells_which_rows_are_not_there(api: Api) -> None:
    factories.customer(code="ABC", name="Old")
    told = take_in(api, data=CUSTOMERS, mode="update")
    assert counts(told) == (0, 1, 0, 1)
    assert messages(told) == [
        (3, "", "", "There is no such customer yet, and this import adds none.")
    ]
    assert Customer.objects.get().name == "Zoë Nyambura"


def test_an_import_that_only_changes_tells_a_wrong_cell_first(api: Api) -> None:
    told = take_in(api, "Name,Phone", "A,123", mode="update")
    assert messages(told) == [(2, "Phone", "123", no_such_phone("123", "KE"))]


def test_an_import_of_orders_that_only_changes_places_none(api: Api) -> None:
    customer = factories.customer(code="ABC")
    factories.order(customer=customer, reference="1", item="Tea", amount="1")
    lines = ("Ref,Customer,Item,Amount", "1,ABC,Coffee,1", "2,ABC,Tea,1", ",ABC,Milk,1")
    told = take_in(api, *lines, kind="orders", mode="update")
    assert counts(told) == (0, 1, 0, 2)
    assert [order.item for order in Order.objects.all()] == ["Coffee"]


def test_a_phone_in_national_form_is_of_the_region_unless_its_row_says_otherwise(api: Api) -> None:
    take_in(
        api,
        "Name,Phone,Country",
        "Alfreds,030-0074321,",
        "Home,0722000000,Kenya",
        "Anywhere,+255712000000,",
        region="DE",
    )
    assert dict(Customer.objects.values_list("name", "phone_number")) == {
        "Alfreds": "+49300074321",
        "Home": "+254722000000",
        "Anywhere": "+255712000000",
    }


@pytest.mark.parametrize(
    ("fields", "texts"),
    [({}, 0), ({"text_customers": "false"}, 0), ({"text_customers": "true"}, 1)],
)
def test_customers_are_texted_about_new_orders_only_if_asked(
    api: Api, templates: None, fields: dict[str, Any], texts: int
) -> None:
    factories.customer(code="ABC")
    take_in(api, "Customer,Item,Amount", "ABC,Tea,1", kind="orders", name="o.csv", **fields)
    assert (Order.objects.count(), Message.objects.count()) == (1, texts)


# --- The error sheet ----------------------------------------------------------------------------


def errors_of(api: Api, told: dict[str, Any]) -> Any:
    path = told["error_sheet"].removeprefix("http://127.0.0.1:8000")
    return api.get(path)


def test_the_error_sheet_has_the_rows_that_were_left_out_as_they_came(api: Api) -> None:
    told = take_in(
        api,
        "Code;Name;Phone;Notes",
        "ABC;Zoë;0722000000;good",
        "x;;'+25;=SUM(1)",
        "XYZ;Amina;0722000001;a;b;c",
    )
    assert told["error_sheet"] == f"http://127.0.0.1:8000/api/imports/{told['id']}/errors/"
    sheet = errors_of(api, told)
    assert sheet.status_code == 200
    assert sheet["Content-Type"] == "text/csv; charset=utf-8"
    assert sheet["Content-Disposition"] == 'attachment; filename="customers-with-errors.csv"'
    assert sheet["X-Content-Type-Options"] == "nosniff"
    lines = sheet.content.decode().split("\r\n")
    assert lines[0] == "\ufeffWhat is wrong,Code,Name,Phone,Notes"
    assert lines[1].startswith(f'"Phone: {no_such_phone("+25", "KE")} Code: Use 2 to 50 ')
    assert lines[1].endswith(" Name: This field cannot be blank.\",x,,'+25,'=SUM(1)")
    assert lines[2] == (
        '"The row has 6 cells, but the sheet has 4 columns.",XYZ,Amina,0722000001,a,b,c'
    )
    assert lines[3:] == [""]


def test_a_mended_error_sheet_goes_in_as_it_is(api: Api) -> None:
    told = take_in(api, "Name,Phone", "Zoë,123", "Amina,124")
    sheet = errors_of(api, told).content.decode()
    still = take_in(api, data=sheet.replace(",123", ",0722000000").encode())
    assert counts(still) == (1, 0, 0, 1)
    again = errors_of(api, still).content.decode()
    assert (
        again.splitlines()[0] == "\ufeffWhat is wrong,Name,Phone"
    )  # the column is not there twice
    assert counts(take_in(api, data=again.replace(",124", ",0722000001").encode())) == (1, 0, 0, 0)
    assert set(Customer.objects.values_list("name", flat=True)) == {"Zoë", "Amina"}


def test_dates_of_a_workbook_and_column_names_are_plain_and_harmless_in_the_error_sheet(
    api: Api,
) -> None:
    rows = (["Name", "Phone", "@Since"], ["A", "1", date(2026, 9, 21)])
    told = take_in(api, data=workbook_of(*rows), name="customers.xlsx")
    lines = errors_of(api, told).content.decode().splitlines()
    assert lines[0].endswith(",Name,Phone,'@Since")
    assert lines[1].endswith(",A,1,2026-09-21T00:00:00")


def test_the_first_hundred_errors_are_told_and_the_error_sheet_has_all(api: Api) -> None:
    told = take_in(api, "Name,Phone", *("A,1" for _ in range(150)))
    assert (told["failed"], len(told["errors"])) == (150, 100)
    assert len(CSV().create_dataset(errors_of(api, told).content)) == 150


def test_where_nothing_was_wrong_there_is_no_error_sheet(api: Api) -> None:
    told = take_in(api, data=CUSTOMERS)
    assert told["error_sheet"] is None
    assert api.get(f"{IMPORTS}{told['id']}/errors/").status_code == 404


# --- What is refused at once --------------------------------------------------------------------

NO_COUNTRY = "Enter the two-letter code of a country, such as KE."
NO_SHEET = "Send a CSV or XLSX file: a name that ends in .csv, .tsv, .txt or .xlsx."
REQUIRED = "This field is required."


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"name": ""}, {"file": [REQUIRED]}),
        ({"name": "", "file": "a,b"}, {"file": [REQUIRED]}),
        ({"name": "", "kind": ""}, {"file": [REQUIRED], "kind": None}),
        ({"kind": "messages"}, {"kind": ["Input should be 'customers' or 'orders'"]}),
        ({"csrfmiddlewaretoken": "x", "sheet": "1"}, {"sheet": ["Unknown field."]}),
        ({"mode": "replace"}, {"mode": ["Input should be 'create', 'update' or 'both'"]}),
        ({"text_customers": "perhaps"}, {"text_customers": None}),
        ({"region": "Kenya"}, {"region": [NO_COUNTRY]}),
        ({"region": "ke"}, {"region": [NO_COUNTRY]}),
        ({"region": "UK"}, {"region": [NO_COUNTRY]}),
        ({"region": "XX"}, {"region": [NO_COUNTRY]}),
        ({"region": ""}, {"region": [NO_COUNTRY]}),
        ({"name": "customers.pdf"}, {"file": [NO_SHEET]}),
        ({"name": "customers.pdf", "mode": "x"}, {"file": [NO_SHEET], "mode": None}),
        ({"data": b""}, {"file": ["The sheet is empty: it needs a line of column names."]}),
        (
            {"data": b"Name,Mail\nA,b\n"},
            {"file": ["The sheet has no column “Phone number”. Its columns are: Name, Mail."]},
        ),
        (
            {"kind": "orders"},
            {
                "file": [
                    "The sheet has no column “Customer code”. Its columns are: Code, Name, Phone."
                ]
            },
        ),
        (
            {"name": "customers.xlsx"},
            {"file": ["This is not an XLSX workbook. Save it as XLSX or CSV and try again."]},
        ),
        (
            {"data": csv_of("Name,Phone", *["A,1"] * (reading.MAX_ROWS + 1))},
            {"file": ["The sheet has more than 2,000 rows. Split it."]},
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_kept(
    api: Api, fields: dict[str, Any], errors: dict[str, list[str] | None]
) -> None:
    """None: whatever the words."""
    response = send(api, **{"data": CUSTOMERS} | fields)
    assert response.status_code == 400
    told = response.json()["errors"]
    assert set(told) == set(errors)
    assert {name: told[name] for name, words in errors.items() if words} == {
        name: words for name, words in errors.items() if words
    }
    assert nothing_is_stored()


def test_a_file_that_is_too_large_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.api.imports.MAX_BYTES", len(CUSTOMERS) - 1)
    response = send(api, CUSTOMERS)
    assert response.status_code == 413
    assert response.json()["detail"] == "The file is larger than 10 MB. Split it."
    assert nothing_is_stored()


def test_a_workbook_that_unpacks_to_too_much_is_refused(api: Api) -> None:
    bomb = BytesIO(workbook_of(["Name", "Phone"]))
    with ZipFile(bomb, "a", ZIP_DEFLATED) as archive, archive.open("xl/x.xml", "w") as part:
        for _ in range(101):
            part.write(b" " * 1024 * 1024)
    response = send(api, bomb.getvalue(), "customers.xlsx")
    assert response.status_code == 400
    assert response.json()["errors"] == {"file": ["The workbook is too large. Split it."]}


@pytest.mark.parametrize("content_type", ["application/json", "text/csv", ""])
def test_what_is_no_form_is_refused(api: Api, content_type: str) -> None:
    response = api.client.generic("POST", IMPORTS, b"{}", content_type, headers=api.headers)
    assert response.status_code == 415
    assert response.json()["detail"] == (
        "Send a form with a file, with Content-Type: multipart/form-data."
    )
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=\x00"]
)
def test_a_form_that_cannot_be_read_is_refused(api: Api, content_type: str) -> None:
    response = api.client.generic("POST", IMPORTS, b"x", content_type, headers=api.headers)
    assert response.status_code == 400
    assert response.json()["detail"].startswith("The form cannot be read: Invalid boundary")


# --- Who may ------------------------------------------------------------------------------------


def narrow(user: User, *scopes: str) -> Api:
    """A caller whose token has these scopes only."""
    api = Api(user)
    SessionToken.objects.filter(user=user).update(scopes=list(scopes))
    return api


@pytest.mark.parametrize("roles", [(), ("Viewer",)])
@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/json"])
def test_who_may_import_nothing_is_refused_before_the_body_is_read(
    roles: tuple[str, ...], content_type: str
) -> None:
    api = Api(factories.user(*roles))
    with patch("crm.api.imports._read_form") as read:
        response = api.client.generic("POST", IMPORTS, b"", content_type, headers=api.headers)
    assert response.status_code == 403
    assert not read.called


def permitted(codename: str) -> User:
    """Somebody who may import one kind only."""
    user = factories.user()
    user.user_permissions.add(Permission.objects.get(codename=codename))
    return user


def test_who_may_import_orders_only_imports_no_customers_and_sees_none_imported(api: Api) -> None:
    told = take_in(api, "Name,Phone", "A,1")
    job, before = Import.objects.get(), Customer.objects.count()
    other = Api(permitted("import_order"))
    response = send(other, CUSTOMERS)
    assert response.status_code == 403
    assert response.json()["detail"] == "You do not have permission to perform this action."
    for path in (f"{IMPORTS}{job.pk}/", f"{IMPORTS}{told['id']}/errors/"):
        assert other.get(path).status_code == 404
    assert (Import.objects.get().pk, Customer.objects.count()) == (job.pk, before)


def test_an_import_is_seen_by_whoever_may_import_such_rows(api: Api) -> None:
    told = take_in(api, "Name,Phone", "A,1")
    other = Api(permitted("import_customer"))
    assert other.get(f"{IMPORTS}{told['id']}/").json() == told
    assert errors_of(other, told).status_code == 200


@pytest.mark.parametrize("path", ["", "errors/"])
def test_an_import_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert api.get(f"{IMPORTS}{UNKNOWN}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("scopes", "kind", "named"),
    [
        (["customers:write"], "orders", "orders:write"),
        (["orders:write"], "customers", "customers:write"),
        (sorted(set(SCOPES) - {"customers:write"}), "customers", "customers:write"),
        (["customers:read", "orders:read"], "orders", "customers:write orders:write"),
    ],
)
def test_a_token_for_something_else_is_told_which_scope_it_takes(
    manager: User, scopes: list[str], kind: str, named: str
) -> None:
    response = send(narrow(manager, *scopes), CUSTOMERS, kind=kind)
    assert response.status_code == 403
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="Karani", error="insufficient_scope", scope="{named}"'
    )
    assert nothing_is_stored()


@pytest.mark.parametrize("path", ["", "errors/"])
def test_to_ask_takes_the_scope_that_writes_such_rows(api: Api, manager: User, path: str) -> None:
    told = take_in(api, "Name,Phone", "A,1")
    response = narrow(manager, "customers:read", "orders:write").get(
        f"{IMPORTS}{told['id']}/{path}"
    )
    assert response.status_code == 403
    assert 'scope="customers:write"' in response["WWW-Authenticate"]
    other = narrow(factories.user("Manager"), "customers:write")
    assert other.get(f"{IMPORTS}{told['id']}/{path}").status_code == 200


# --- In turns -----------------------------------------------------------------------------------

SHEET = csv_of(
    "Code,Name,Phone",
    "AA,Zoë,0722000000",
    "BB,Amina,1",
    "AA,Zoë again,0722000001",
    "CC,Juma,0722000002,x",
    "DD,Asha,0722000003",
)


@pytest.fixture
def in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows at a time, and one such time in a turn."""
    monkeypatch.setattr(jobs, "ROWS_AT_A_TIME", 2)
    monkeypatch.setattr(jobs, "TURN", 0)


def test_a_long_import_goes_on_in_the_next_task(api: Api, in_turns: None) -> None:
    job_id = send(api, SHEET).json()["id"]
    seen = []
    for turns in range(1, 4):
        assert OrmQ.objects.count() == turns
        tasks.run_import(job_id)
        told = api.get(f"{IMPORTS}{job_id}/").json()
        seen.append((told["status"], told["processed"], counts(told)))
    assert seen == [
        ("running", 2, (1, 0, 0, 1)),
        ("running", 4, (1, 0, 0, 3)),
        ("done", 5, (2, 0, 0, 3)),
    ]
    assert OrmQ.objects.count() == 3
    assert messages(told) == [
        (3, "Phone", "1", no_such_phone("1", "KE")),
        (4, "", "", "Row 2 is about the same customer. Keep one of them."),
        (5, "", "", "The row has 4 cells, but the sheet has 3 columns."),
    ]
    assert errors_of(api, told).content.decode().split("\r\n") == [
        "\ufeffWhat is wrong,Code,Name,Phone",
        f'"Phone: {no_such_phone("1", "KE")}",BB,Amina,1',
        "Row 2 is about the same customer. Keep one of them.,AA,Zoë again,0722000001",
        '"The row has 4 cells, but the sheet has 3 columns.",CC,Juma,0722000002,x',
        "",
    ]
    assert Import.objects.get().rows_by_key == {}


def test_turns_of_any_length_come_to_the_same(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ROWS_AT_A_TIME", 2)
    told = take_in(api, data=SHEET)
    assert (told["status"], told["processed"], counts(told)) == ("done", 5, (2, 0, 0, 3))
    assert OrmQ.objects.count() == 1


def test_what_a_dead_worker_had_committed_is_not_done_again(api: Api, in_turns: None) -> None:
    factories.customer(code="ABC")
    lines = ("Customer,Item,Amount", "ABC,One,1", "ABC,Two,2", "ABC,Three,3", "ABC,Four,4")
    job_id = send(api, csv_of(*lines), kind="orders").json()["id"]
    tasks.run_import(job_id)
    with dying(SystemExit(), at=4), pytest.raises(SystemExit):
        tasks.run_import(job_id)
    job = Import.objects.get()
    assert (job.status, job.processed, Order.objects.count()) == ("running", 2, 2)
    outlive_the_lease(job)
    assert (run(job).status, job.created) == ("done", 4)
    assert sorted(order.item for order in Order.objects.all()) == ["Four", "One", "Three", "Two"]


def test_an_import_that_fails_half_way_says_how_far_it_came(api: Api, in_turns: None) -> None:
    job_id = send(api, SHEET).json()["id"]
    tasks.run_import(job_id)
    with patch.object(SheetResource, "take_in", side_effect=RuntimeError):
        tasks.run_import(job_id)
    told = api.get(f"{IMPORTS}{job_id}/").json()
    assert (told["status"], told["processed"], counts(told)) == ("failed", 2, (1, 0, 0, 1))
    assert [message for *_, message in messages(told)] == [
        "Something went wrong on our side. 2 of 5 rows were done. Send the others again.",
        no_such_phone("1", "KE"),
    ]
    assert errors_of(api, told).status_code == 200


def test_tries_are_counted_since_an_import_last_got_on(api: Api, in_turns: None) -> None:
    job = queued(api, SHEET)
    for _ in range(3):
        with patch.object(SheetResource, "take_in", side_effect=SystemExit):
            for _ in range(2):
                with pytest.raises(SystemExit):
                    run(job)
                outlive_the_lease(job)
        run(job)
    assert (job.status, job.created) == ("done", 2)


# --- A worker that dies, comes late, or meets another -------------------------------------------


def queued(api: Api, data: bytes = CUSTOMERS) -> Import:
    send(api, data)
    return Import.objects.get()


def run(job: Import) -> Import:
    tasks.run_import(str(job.pk))
    job.refresh_from_db()
    return job


def outlive_the_lease(job: Import) -> None:
    Import.objects.filter(pk=job.pk).update(claimed_at=F("claimed_at") - jobs.LEASE)


def dying(error: BaseException, at: int = 2) -> Any:
    """So many rows are in, and then something happens."""
    real = SheetResource.take_in

    def take_in_and_die(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        assert at in (Customer.objects.count(), Order.objects.count())
        raise error

    return patch.object(SheetResource, "take_in", take_in_and_die)


def test_a_task_that_comes_again_does_nothing(api: Api) -> None:
    job = run(queued(api))
    finished_at = job.finished_at
    Customer.objects.filter(code="ABC").update(name="Changed since")
    assert run(job).finished_at == finished_at
    assert Customer.objects.get(code="ABC").name == "Changed since"


def test_a_task_whose_import_is_gone_does_nothing() -> None:
    tasks.run_import(UNKNOWN)
    assert nothing_is_stored()


def test_a_worker_that_is_killed_leaves_nothing_and_the_next_begins_again(api: Api) -> None:
    job = queued(api)
    with dying(SystemExit()), pytest.raises(SystemExit):
        run(job)
    job.refresh_from_db()
    assert (job.status, job.created, Customer.objects.count()) == ("running", 0, 0)
    assert api.get(f"{IMPORTS}{job.pk}/").json()["status"] == "running"
    # Too soon to know that it is dead: the task has to come again.
    with pytest.raises(jobs.ImportIsRunning):
        run(job)
    assert not Customer.objects.exists()
    outlive_the_lease(job)
    assert (run(job).status, job.created) == ("done", 2)
    assert Customer.objects.count() == 2


def test_a_worker_that_lost_its_lease_before_it_began_leaves_the_import_to_the_other(
    api: Api,
) -> None:
    job = queued(api)
    real = jobs._take_turn

    def come_late(ours: Any) -> None:
        with patch.object(jobs, "_take_turn", real):
            outlive_the_lease(job)
            tasks.run_import(str(job.pk))
        real(ours)

    with patch.object(jobs, "_take_turn", come_late):
        assert run(job).status == "done"
    assert (job.created, Customer.history.count()) == (2, 2)


def test_an_import_that_no_worker_survives_fails_after_three_tries(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    job = queued(api)
    for _ in range(3):
        with dying(SystemExit()), pytest.raises(SystemExit):
            run(job)
        outlive_the_lease(job)
    assert (run(job).status, bytes(job.file), Customer.objects.count()) == ("failed", b"", 0)
    told = api.get(f"{IMPORTS}{job.pk}/").json()
    reason = "Tried 3 times without getting on. 0 of 2 rows were done. Send the others again."
    assert told["errors"] == [{"row": None, "column": "", "value": "", "message": reason}]
    assert (told["total"], told["processed"], told["error_sheet"]) == (2, 0, None)
    assert f"The import {job.pk} was given up" in caplog.text
    assert run(job).status == "failed"


def test_a_fault_of_ours_ends_an_import_with_nothing_imported(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    job = queued(api)
    with dying(RuntimeError("a secret of ours")):
        assert run(job).status == "failed"
    assert (bytes(job.file), Customer.objects.count()) == (b"", 0)
    told = api.get(f"{IMPORTS}{job.pk}/").json()
    assert messages(told) == [
        (
            None,
            "",
            "",
            "Something went wrong on our side. 0 of 2 rows were done. Send the others again.",
        )
    ]
    assert "a secret of ours" in caplog.text


def test_a_database_that_is_away_for_a_while_only_delays_an_import(api: Api) -> None:
    job = queued(api)
    with dying(OperationalError("away")), pytest.raises(OperationalError):
        run(job)
    assert not Customer.objects.exists()
    outlive_the_lease(job)
    assert (run(job).status, Customer.objects.count()) == ("done", 2)


def test_a_sheet_that_has_become_too_long_says_so(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queued(api)
    monkeypatch.setattr(reading, "MAX_ROWS", 1)
    assert run(job).status == "failed"
    assert job.errors[0]["message"] == (
        "The sheet has more than 1 rows. Split it. 0 of 2 rows were done. Send the others again."
    )


def test_a_transaction_that_is_beyond_use_does_not_pass_for_an_import(api: Api) -> None:
    """As where the connection is lost in the midst: each row is caught, but none is there."""
    job = queued(api)
    real = SheetResource.take_in

    def take_in_and_break(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        transaction.set_rollback(True)
        return result

    with patch.object(SheetResource, "take_in", take_in_and_break):
        assert run(job).status == "failed"
    assert (job.created, Customer.objects.count()) == (0, 0)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_once_one_imports(api: Api) -> None:
    job = queued(api)
    both, outcomes = Barrier(2), list[str]()

    def race() -> None:
        both.wait()
        try:
            tasks.run_import(str(job.pk))
            outcomes.append("imported")
        except jobs.ImportIsRunning:
            outcomes.append("left it")
        finally:
            connection.close()

    threads = [Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job.refresh_from_db()
    assert "imported" in outcomes
    assert (job.status, job.created) == ("done", 2)
    assert Customer.history.count() == 2


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_who_would_take_over_waits_until_a_slow_worker_is_through(api: Api) -> None:
    job = queued(api)
    real, other = SheetResource.take_in, list[Thread]()

    def take_over() -> None:
        try:
            with patch.object(jobs, "LEASE", timedelta(0)):
                tasks.run_import(str(job.pk))
        finally:
            connection.close()

    def take_in_slowly(*args: Any, **kwargs: Any) -> Any:
        other.append(Thread(target=take_over))
        other[0].start()
        other[0].join(0.5)
        assert other[0].is_alive()
        return real(*args, **kwargs)

    with patch.object(SheetResource, "take_in", take_in_slowly):
        assert run(job).status == "done"
        other[0].join()
    job.refresh_from_db()
    assert (job.created, Customer.history.count()) == (2, 2)


# --- The document -------------------------------------------------------------------------------


def test_the_document_says_what_an_upload_takes(api: Api) -> None:
    document = api.get("/api/openapi.json").json()
    operation = document["paths"][IMPORTS]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "kind", "mode", "text_customers", "region"}
    assert form["required"] == ["file", "kind"]
    assert form["properties"]["file"]["format"] == "binary"
    assert {"202", "413", "415"} <= set(operation["responses"])
    assert "Location" in operation["responses"]["202"]["headers"]
    for scope in ("customers:write", "orders:write"):
        assert scope in operation["description"]
        assert {"OAuth2": [scope]} in operation["security"]
    errors = document["paths"]["/api/imports/{import_id}/errors/"]["get"]
    assert list(errors["responses"]["200"]["content"]) == ["text/csv"]
