"""Who asks to be forgotten is; the accounts stay."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.test import Client

from crm import (
    audience,
    customers,
    erasing,
    merging,
    notes,
    orders,
    saved_views,
    texting,
    timeline,
)
from crm.admin.customers import CustomerAdmin
from crm.errors import CustomerIsErased, CustomerIsGone
from crm.models import Customer, CustomerNote, Import, Order, SavedView, ViewedList
from crm.spreadsheets import jobs
from identity.models import User
from sms import incoming, opt_outs
from sms.errors import PhoneIsBeingTexted
from sms.models import (
    Attempt,
    BroadcastRecipient,
    ConsentChange,
    DeliveryReport,
    IncomingText,
    Message,
    OptOut,
    OptOutNotice,
    UnreachablePhone,
)
from tests import factories
from tests.conftest import Api
from tests.crm.test_admin import ShownForm

pytestmark = pytest.mark.django_db

CUSTOMERS = "/admin/crm/customer/"
PHONE, FORMER = "+254722345678", "+254733345678"
TELLTALE = ("wanjiku", "722345678", "733345678", "w@example.com", "fridays", "kamau")


@pytest.fixture
def manager() -> User:
    return factories.user("Manager", username="boss")


@pytest.fixture
def client(manager: User) -> Client:
    """A browser in which a Manager is signed in."""
    client = Client()
    client.force_login(manager)
    return client


@pytest.fixture
def customer(templates: None, manager: User) -> Customer:
    """One of whom there is something in every table."""
    made = factories.customer(
        name="Wanjiku Kamau", code="GONE", phone_number=FORMER, email="w@example.com"
    )
    customers.update_customer(made, {"phone_number": PHONE, "user": factories.user()})
    factories.order(customer=made)
    notes.add_note(made, "Pays on Fridays.", author=manager)
    other = factories.customer(name="W. Kamau", code="OTHER", phone_number="+254744345678")
    made = customers.update_customer(made, {"user": None})
    merging.merge_customers(made, other, by=manager)
    texting.text_customer(made, "Hello Wanjiku", by=manager)
    factories.confirmed(factories.person("Wanjiku Kamau", phone_number=PHONE, recipient_id=made.pk))
    incoming.receive_text(PHONE, "This is Wanjiku", raw={"from": PHONE})
    incoming.receive_opt_out(FORMER, raw={"from": FORMER})
    said_of(made)
    sheet = b"Code,Name,Phone\nA,Wanjiku Kamau,0722 345 678\n"
    imported = jobs.queue_import(manager, "sheet.csv", sheet, kind="customers")
    jobs.run_import(imported.pk)
    saved_views.save_view(manager, ViewedList.CUSTOMERS, "Regulars", "q=0722+345+678")
    saved_views.save_view(manager, ViewedList.CUSTOMERS, "Opted out", "texts=opted_out")
    return Customer.objects.get(pk=made.pk)


def said_of(customer: Customer) -> None:
    """What the gateway tells by itself."""
    message = Message.objects.filter(recipient_id=customer.pk).earliest("created_at")
    Message.objects.filter(pk=message.pk).update(
        status="failed", failure_reason=f"The gateway refused {PHONE}."
    )
    moment = message.created_at
    Attempt.objects.create(message=message, started_at=moment, gateway="x", detail=f"to {PHONE}")
    for mine in (message, None):
        DeliveryReport.objects.create(
            gateway_message_id="1", phone_number=PHONE, raw={"to": PHONE}, message=mine
        )
    UnreachablePhone.objects.create(phone_number=PHONE, reason="blocked")
    LogEntry.objects.log_actions(
        user_id=factories.superuser().pk,
        queryset=Customer.objects.filter(pk=customer.pk),
        action_flag=2,
        change_message="[]",
    )


def everything() -> dict[str, list[Any]]:
    kinds: list[type[models.Model]] = [
        kind for kind in apps.get_models() if kind._meta.app_label in {"crm", "sms", "admin"}
    ]
    return {
        kind._meta.label: [_plain(row) for row in kind._default_manager.order_by("pk").values()]
        for kind in kinds
    }


def _plain(row: dict[str, Any]) -> str:
    plain = {
        name: bytes(value).decode() if isinstance(value, bytes | memoryview) else value
        for name, value in row.items()
    }
    return json.dumps(plain, default=str)


def told(page: Any) -> list[str]:
    return [str(message) for message in get_messages(page.wsgi_request)]


# --- What goes ----------------------------------------------------------------------------------


def test_nothing_in_any_table_tells_who_it_was_but_that_they_want_no_texts(
    customer: Customer, manager: User
) -> None:
    assert len(telltales(everything())) > 10
    erasing.erase_customer(customer, by=manager)
    assert set(telltales(everything())) == {("sms.OptOut", "733345678")}
    assert [view.name for view in SavedView.objects.all()] == ["Opted out"]


def telltales(rows: dict[str, list[Any]]) -> list[tuple[str, str]]:
    return [
        (table, each)
        for table, found in rows.items()
        for row in found
        for each in TELLTALE
        if each in row.replace(" ", "").casefold()
    ]


def test_the_customer_has_no_name_no_phone_no_email_and_no_account(
    customer: Customer, manager: User
) -> None:
    customers.update_customer(customer, {"user": factories.user()})
    erasing.erase_customer(customer, by=manager)
    row = Customer.objects.get()
    assert str(row) == "Erased customer (GONE)"
    assert (row.written_phone, row.email, row.user, row.takes_texts) == ("", "", None, False)
    assert row.erased_at is not None
    assert list(Customer.objects.search("gone")) == [row]
    assert not CustomerNote.objects.exists()
    for kind in (IncomingText, ConsentChange, OptOutNotice, UnreachablePhone):
        assert not kind._default_manager.exists()


def test_the_orders_stay_with_their_amounts_and_dates(customer: Customer, manager: User) -> None:
    facts = ("order_number", "item", "amount", "currency", "status", "order_time", "created_at")
    before = list(Order.objects.values_list(*facts))
    erasing.erase_customer(customer, by=manager)
    assert list(Order.objects.values_list(*facts)) == before
    order = Order.objects.get()
    assert list(Order.objects.search("gone")) == [order]
    assert orders.change_status(order, "PROCESSING").status == "PROCESSING"


def test_a_text_that_waits_is_not_sent_and_what_was_sent_keeps_its_cost(
    customer: Customer, manager: User
) -> None:
    Message.objects.filter(text="Hello Wanjiku").update(status="delivered", cost="0.80")
    texting.text_customer(customer, "One more", by=manager)
    waiting = Message.objects.filter(status="queued")
    assert waiting.exists()
    erasing.erase_customer(customer, by=manager)
    assert not waiting.exists()
    reasons = Message.objects.filter(status="cancelled").values_list("failure_reason", flat=True)
    assert set(reasons) == {"The personal data was erased."}
    kept = Message.objects.get(status="delivered")
    assert (kept.text, kept.written_phone, str(kept.cost)) == ("", "", "0.8000")


def test_who_waits_for_a_text_of_a_broadcast_gets_none(customer: Customer, manager: User) -> None:
    erasing.erase_customer(customer, by=manager)
    assert not BroadcastRecipient.objects.filter(message=None).exists()


def test_who_wanted_no_texts_is_not_texted_when_the_number_comes_again(
    customer: Customer, manager: User
) -> None:
    opt_outs.heed(PHONE, factories.NO_TEXTS)
    erasing.erase_customer(customer, by=manager)
    assert OptOut.objects.filter(phone_number=PHONE).exists()
    assert factories.customer(phone_number=PHONE).sms_opted_out is True


def test_a_phone_that_is_anothers_by_now_is_left_to_them(customer: Customer, manager: User) -> None:
    other = factories.customer(name="Otieno", phone_number=FORMER)
    factories.message(FORMER, "For Otieno", recipient_id=other.pk)
    erasing.erase_customer(customer, by=manager)
    assert Message.objects.get(text="For Otieno").phone_number == FORMER
    assert Customer.objects.get(pk=other.pk).name == "Otieno"


def test_two_people_of_one_broadcast_can_both_be_forgotten(manager: User) -> None:
    people = [factories.customer() for _ in range(2)]
    factories.confirmed(
        *(factories.person(phone_number=each.phone_number, recipient_id=each.pk) for each in people)
    )
    for each in people:
        erasing.erase_customer(each, by=manager)
    assert Customer.objects.filter(erased_at=None).count() == 0


def test_what_names_somebody_else_is_left(manager: User) -> None:
    sheet = b"Code,Name,Phone\nA,Anna,nonsense\n"
    imported = jobs.queue_import(manager, "sheet.csv", sheet, kind="customers")
    jobs.run_import(imported.pk)
    erasing.erase_customer(factories.customer(name="Ann"), by=manager)
    assert b"Anna" in bytes(Import.objects.get().error_sheet)
    erasing.erase_customer(factories.customer(name="ANNA"), by=manager)
    assert bytes(Import.objects.get().error_sheet) == b""


@pytest.mark.parametrize(
    "name",
    [
        "Anna Wafula.csv",
        "Anna_Wafula.csv",
        "wafula-anna2.csv",
        "AnnaWafula.csv",
        "0722_345-678.csv",
        "254722345678 July.csv",
    ],
)
def test_a_sheet_that_was_called_as_they_were_is_no_more(manager: User, name: str) -> None:
    anna = factories.customer(code="ANNA", name="Anna Wafula", phone_number=PHONE)
    rows = b"Code,Name,Phone\nANNA,Anna  Wafula,0722345678\nOTHER,Juma,0733000000\n"
    for each in (name, "July Annas.csv"):
        job = jobs.queue_import(manager, each, rows, kind="customers")
        jobs.run_import(job.pk)
        rows = rows.replace(b"Juma", b"Otieno")
    erasing.erase_customer(anna, by=manager)
    assert sorted(Import.objects.values_list("file_name", flat=True)) == [
        "July Annas.csv",
        "erased.csv",
    ]
    told = Customer.history.filter(history_change_reason__startswith="Import of ")
    reasons = set(told.values_list("history_change_reason", flat=True))
    ours, theirs = Import.objects.order_by("created_at").values_list("pk", flat=True)
    assert reasons == {f"Import of erased.csv ({ours})", f"Import of July Annas.csv ({theirs})"}


def test_who_erased_it_and_when_is_told_and_nothing_else(customer: Customer, manager: User) -> None:
    erasing.erase_customer(customer, by=manager)
    entry = timeline.entries_of(Customer.objects.get())[0]
    assert (entry.by, entry.detail, entry.changes) == ("boss", "Personal data erased", ())
    assert timeline.consent_entries(PHONE) == []


# --- What is refused ----------------------------------------------------------------------------


def test_nothing_new_is_written_about_who_was_forgotten(manager: User) -> None:
    customer, other = factories.customer(), factories.customer()
    erasing.erase_customer(customer, by=manager)
    before = everything()
    for write in (
        lambda: customers.update_customer(customer, {"name": "Wanjiku"}),
        lambda: factories.order(customer=customer),
        lambda: notes.add_note(customer, "Back again", author=manager),
        lambda: texting.text_customer(customer, "Hello", by=manager),
        lambda: merging.merge_customers(customer, other, by=manager),
        lambda: merging.merge_customers(other, customer, by=manager),
        lambda: erasing.erase_customer(customer, by=manager),
    ):
        with pytest.raises(CustomerIsErased):
            write()
    assert everything() == before
    assert [each.recipient_id for each in audience.people_of(Customer.objects.all())] == [other.pk]


def test_nobody_is_erased_by_who_may_not(customer: Customer) -> None:
    clerk, before = factories.user("Clerk"), everything()
    with pytest.raises(PermissionDenied):
        erasing.erase_customer(customer, by=clerk)
    assert everything() == before


def test_a_customer_who_was_just_deleted_is_not_erased(manager: User) -> None:
    customer = factories.customer()
    customers.delete_customer(Customer.objects.get(pk=customer.pk))
    before = everything()
    with pytest.raises(CustomerIsGone):
        erasing.erase_customer(customer, by=manager)
    assert everything() == before


def test_while_a_text_is_on_the_wire_nothing_is_erased(customer: Customer, manager: User) -> None:
    Message.objects.filter(text="Hello Wanjiku").update(status="sending")
    before = everything()
    with pytest.raises(PhoneIsBeingTexted, match="Try again in a minute"):
        erasing.erase_customer(customer, by=manager)
    assert everything() == before


def test_a_sheet_that_names_the_person_does_not_bring_them_back(
    manager: User, caplog: pytest.LogCaptureFixture
) -> None:
    customer = factories.customer(code="GONE", name="Wanjiku")
    erasing.erase_customer(customer, by=manager)
    sheet = b"Code,Name,Phone\nGONE,Wanjiku,0722 345 678\n"
    imported = jobs.queue_import(manager, "sheet.csv", sheet, kind="customers")
    jobs.run_import(imported.pk)
    told = f"{CustomerIsErased(customer)}"
    assert [error["message"] for error in Import.objects.get().errors] == [told]
    assert Customer.objects.get().name == "Erased customer"
    assert not caplog.records


def test_a_sheet_of_orders_that_names_the_person_is_told_why_it_takes_none(
    manager: User, caplog: pytest.LogCaptureFixture
) -> None:
    customer = factories.customer(code="GONE", name="Wanjiku")
    erasing.erase_customer(customer, by=manager)
    before = everything()
    sheet = b"Customer code,Item,Amount\nGONE,Lamp,500\n"
    imported = jobs.queue_import(manager, "sheet.csv", sheet, kind="orders")
    jobs.run_import(imported.pk)
    told = f"{CustomerIsErased(customer)}"
    row = Import.objects.get()
    assert [error["message"] for error in row.errors] == [told]
    assert not Order.objects.exists()
    assert not caplog.records
    row.delete()
    assert everything() == before


# --- The screens and the API --------------------------------------------------------------------


def test_the_page_says_what_goes_and_what_stays_and_asks_for_the_code(
    client: Client, customer: Customer
) -> None:
    address = f"{CUSTOMERS}{customer.pk}/erase/"
    assert address in client.get(f"{CUSTOMERS}{customer.pk}/change/").content.decode()
    page = " ".join(client.get(address).content.decode().split())
    for text in ("1 note.", "1 order of GONE, with its item", "Type GONE to erase it."):
        assert text in page
    before = everything()
    answer = client.post(address, {"code": "OTHER"})
    assert told(answer) == ["Type the customer's code: nothing was erased."]
    assert everything() == before
    answer = client.post(address, {"code": " gone "})
    assert answer["Location"] == f"{CUSTOMERS}{customer.pk}/change/"
    assert told(answer)[-1] == "The personal data is erased. The orders stay."


@pytest.mark.parametrize("is_at_the_last_moment", [False, True])
def test_who_saves_a_page_whose_customer_was_erased_meanwhile_is_told_so(
    client: Client,
    customer: Customer,
    manager: User,
    monkeypatch: pytest.MonkeyPatch,
    is_at_the_last_moment: bool,
) -> None:
    address = f"{CUSTOMERS}{customer.pk}/change/"
    form = ShownForm(str(client.get(address).context["adminform"].form.as_p())).values
    if is_at_the_last_moment:
        may = CustomerAdmin.has_change_permission
        seen: list[bool] = []

        def quicker(self: CustomerAdmin, request: Any, obj: Customer | None = None) -> bool:
            """The first answer is of the moment before."""
            if obj is not None and not seen:
                seen.append(True)
                return True
            return may(self, request, obj)

        monkeypatch.setattr(CustomerAdmin, "has_change_permission", quicker)
    erasing.erase_customer(customer, by=manager)
    before = everything()
    answer = client.post(address, form | {"name": "Achieng"})
    assert (answer.status_code, answer["Location"]) == (302, address)
    assert told(answer)[-1] == str(CustomerIsErased(customer))
    assert everything() == before
    assert client.get(address).status_code == 200


def test_who_may_not_change_customers_is_not_told_more_of_an_erased_one(
    customer: Customer, manager: User
) -> None:
    erasing.erase_customer(customer, by=manager)
    viewer = factories.user("Viewer")
    browser = Client()
    browser.force_login(viewer)
    answer = browser.post(f"{CUSTOMERS}{customer.pk}/change/", {"name": "Achieng"})
    assert answer.status_code == 403


def test_an_erased_customer_is_shown_as_one_and_nothing_is_offered(
    client: Client, customer: Customer, manager: User
) -> None:
    erasing.erase_customer(customer, by=manager)
    page = client.get(f"{CUSTOMERS}{customer.pk}/change/").content.decode()
    assert "Erased customer" in page
    assert "Personal data erased" in page
    for offer in ("New order", "Send a text", "Add note", "tel:", "Merge with", 'name="_save"'):
        assert offer not in page
    for address in (
        CUSTOMERS,
        "/admin/sms/message/",
        "/admin/crm/order/",
        "/admin/sms/message/phones/",
    ):
        assert client.get(address).status_code == 200
    message = Message.objects.first()
    assert message is not None
    assert client.get(f"/admin/sms/message/{message.pk}/change/").status_code == 200
    assert client.get(f"{CUSTOMERS}{customer.pk}/erase/").status_code == 302


def test_an_erased_customer_is_not_offered_for_an_order(client: Client, manager: User) -> None:
    customer, other = factories.customer(name="A"), factories.customer(name="B")
    erasing.erase_customer(customer, by=manager)
    query = {"app_label": "crm", "model_name": "order", "field_name": "customer", "term": "cust"}
    found = client.get("/admin/autocomplete/", query).json()["results"]
    assert [each["id"] for each in found] == [str(other.pk)]


def test_the_api_shows_an_erased_customer_without_a_phone_and_changes_nothing_of_them(
    customer: Customer, manager: User
) -> None:
    erasing.erase_customer(customer, by=manager)
    api = Api(manager)
    row = api.get(f"/api/customers/{customer.pk}/").json()
    assert (row["code"], row["name"], row["phone_number"]) == ("GONE", "Erased customer", "")
    assert (row["email"], row["takes_texts"]) == ("", False)
    order = api.get("/api/orders/").json()["results"][0]
    assert (order["customer_code"], order["customer_phone"]) == ("GONE", "")
    texts = api.get("/api/messages/").json()["results"]
    assert {(each["phone_number"], each["text"]) for each in texts} == {("", "")}
    answer = api.patch(f"/api/customers/{customer.pk}/", {"name": "Wanjiku"})
    assert answer.status_code == 409
    answer = api.post("/api/orders/", {"customer_code": "GONE", "item": "A", "amount": "1"})
    assert answer.status_code == 400
    assert "GONE,Erased customer,," in api.get("/api/customers/export/").getvalue().decode()
