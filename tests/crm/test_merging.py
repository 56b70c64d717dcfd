"""Two records of one person become one, and it can be explained afterwards."""

import re
from collections.abc import Callable
from html import unescape
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.db import connection, models
from django.test import Client

from crm import customers, erasing, merging, notes, orders, timeline
from crm.errors import (
    AccountsNeedAdministrator,
    BothHaveAccounts,
    CustomerIsErased,
    CustomerIsGone,
    NotTwoCustomers,
    Refusal,
)
from crm.models import Customer, CustomerNote, Import, Merge, Order
from crm.spreadsheets import jobs
from crm.timeline import Change
from identity.models import User
from sms import opt_outs
from sms.models import ConsentChange, Message, OptOut
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

CUSTOMERS = "/admin/crm/customer/"
PHONE, OTHER_PHONE = "+254722000000", "+254733000000"


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
def kept() -> Customer:
    return factories.customer(name="Wanjiku Kamau", code="KEPT", phone_number=PHONE)


@pytest.fixture
def other() -> Customer:
    return factories.customer(name="W. Kamau", code="OTHER", phone_number=OTHER_PHONE)


def everything() -> list[list[Any]]:
    kinds: list[type[models.Model]] = [
        *(Customer, Customer.history.model, Order, Order.history.model, CustomerNote, Merge),
        *(Message, OptOut, ConsentChange),
    ]
    return [list(kind._default_manager.order_by("pk").values()) for kind in kinds]


def told(page: Any) -> list[str]:
    return [str(message) for message in get_messages(page.wsgi_request)]


# --- What moves ---------------------------------------------------------------------------------


def test_orders_texts_and_notes_move_and_the_other_record_goes(
    templates: None, kept: Customer, other: Customer, manager: User
) -> None:
    order = factories.order(customer=other)
    notes.add_note(other, "Pays on Fridays.", author=manager)
    merge = merging.merge_customers(kept, other, by=manager)
    assert (merge.orders, merge.texts, merge.notes) == (1, 1, 1)
    assert (merge.kept, merge.kept_code, merge.merged_by) == (kept, "KEPT", manager)
    assert (merge.code, merge.name, merge.phone_number) == ("OTHER", "W. Kamau", OTHER_PHONE)
    assert list(Customer.objects.all()) == [kept]
    assert Order.objects.get(pk=order.pk).customer == kept
    assert CustomerNote.objects.get().customer == kept
    message = Message.objects.get()
    assert (message.recipient_id, message.phone_number) == (kept.pk, OTHER_PHONE)


def test_the_facts_of_the_kept_record_stay_and_only_an_email_it_lacks_is_taken_over(
    kept: Customer, other: Customer, manager: User
) -> None:
    customers.update_customer(other, {"email": "w@example.com", "language": "sw"})
    merging.merge_customers(kept, other, by=manager)
    row = Customer.objects.get()
    assert (row.name, row.phone_number, row.code) == ("Wanjiku Kamau", PHONE, "KEPT")
    assert (row.email, row.language) == ("w@example.com", "en")


def test_an_email_of_its_own_stays(kept: Customer, other: Customer, manager: User) -> None:
    customers.update_customer(kept, {"email": "kept@example.com"})
    customers.update_customer(other, {"email": "other@example.com"})
    merging.merge_customers(kept, other, by=manager)
    assert Customer.objects.get().email == "kept@example.com"


def test_an_account_moves_where_the_kept_record_has_none(kept: Customer, other: Customer) -> None:
    account = factories.user()
    customers.update_customer(other, {"user": account})
    merging.merge_customers(kept, other, by=factories.user("Administrator"))
    assert Customer.objects.get().user == account


@pytest.mark.parametrize("text", ["OTHER", "w. kam", OTHER_PHONE, "wanjiku", "KEPT", PHONE])
def test_the_kept_record_and_its_orders_are_found_by_what_both_were_called(
    kept: Customer, other: Customer, manager: User, text: str
) -> None:
    order, moved = factories.order(customer=kept), factories.order(customer=other)
    merging.merge_customers(kept, other, by=manager)
    assert list(Customer.objects.search(text)) == [kept]
    assert set(Order.objects.search(text)) == {order, moved}
    placed = factories.order(customer=Customer.objects.get())
    customers.update_customer(Customer.objects.get(), {"email": "new@example.com"})
    assert list(Customer.objects.search(text)) == [kept]
    assert placed in Order.objects.search(text)


def test_who_wanted_no_texts_to_one_phone_is_texted_to_neither(
    kept: Customer, other: Customer, manager: User
) -> None:
    opt_outs.heed(OTHER_PHONE, factories.NO_TEXTS)
    merging.merge_customers(kept, other, by=manager)
    assert set(OptOut.objects.values_list("phone_number", flat=True)) == {PHONE, OTHER_PHONE}
    change = ConsentChange.objects.get(phone_number=PHONE)
    assert (change.wants_texts, change.source, change.said_by) == (False, "new_phone", manager)


def test_the_kept_records_own_word_on_texts_stays(
    kept: Customer, other: Customer, manager: User
) -> None:
    opt_outs.heed(PHONE, factories.NO_TEXTS)
    merging.merge_customers(kept, other, by=manager)
    assert list(OptOut.objects.values_list("phone_number", flat=True)) == [PHONE]


def test_of_three_records_each_is_explained_by_the_one_that_is_left(
    kept: Customer, other: Customer, manager: User
) -> None:
    third = factories.customer(code="THIRD")
    factories.order(customer=other)
    merging.merge_customers(kept, other, by=manager)
    merging.merge_customers(third, kept, by=manager)
    assert merging.kept_for(pk=other.pk) == merging.kept_for(pk=kept.pk) == third
    assert [entry.detail for entry in timeline.merge_entries(third)] == [
        "KEPT (Wanjiku Kamau, 0722 000000) went into THIRD, with 1 order, 0 texts and 0 notes.",
        "OTHER (W. Kamau, 0733 000000) went into KEPT, with 1 order, 0 texts and 0 notes.",
    ]
    assert list(Customer.objects.search(OTHER_PHONE)) == [third]


# --- What can be explained ----------------------------------------------------------------------


def test_the_history_of_each_order_and_record_tells_of_the_merge(
    kept: Customer, other: Customer, manager: User
) -> None:
    order = factories.order(customer=other)
    merging.merge_customers(kept, other, by=manager)
    entry = timeline.entries_of(Order.objects.get(pk=order.pk))[0]
    change = Change("Customer", "W. Kamau (OTHER)", "Wanjiku Kamau (KEPT)")
    assert (entry.by, entry.changes) == ("boss", (change,))
    assert entry.detail == "OTHER was merged into KEPT"
    gone = Customer.history.filter(id=other.pk).latest()
    assert (gone.history_type, gone.history_user) == ("-", manager)
    assert gone.history_change_reason == "Merged into KEPT"


def test_the_page_of_the_kept_record_explains_it_and_shows_the_texts_of_both(
    templates: None, client: Client, kept: Customer, other: Customer, manager: User
) -> None:
    factories.order(customer=other, item="Radio")
    factories.message(OTHER_PHONE, "Sent before anybody knew whose phone it is")
    merging.merge_customers(kept, other, by=manager)
    page = client.get(f"{CUSTOMERS}{kept.pk}/change/").content.decode()
    assert "OTHER (W. Kamau, 0733 000000) went into KEPT, with 1 order, 1 text and" in page
    assert "Your order for Radio" in page
    assert "Sent before anybody knew whose phone it is" in page


def test_the_address_of_the_other_record_leads_to_the_kept_one(
    client: Client, kept: Customer, other: Customer, manager: User
) -> None:
    address = f"{CUSTOMERS}{other.pk}/change/"
    merging.merge_customers(kept, other, by=manager)
    page = client.get(address)
    assert page["Location"] == f"{CUSTOMERS}{kept.pk}/change/"
    assert told(page) == ["That record was merged into this one, as it says below."]
    for nonsense in ("x", "01890000-0000-7000-8000-000000000000"):
        assert client.get(f"{CUSTOMERS}{nonsense}/change/")["Location"] == "/admin/"


# --- What is refused ----------------------------------------------------------------------------


def test_a_record_is_not_merged_with_itself(kept: Customer, manager: User) -> None:
    before = everything()
    with pytest.raises(NotTwoCustomers):
        merging.merge_customers(kept, Customer.objects.get(pk=kept.pk), by=manager)
    assert everything() == before


@pytest.mark.parametrize("gone", ["KEPT", "OTHER"])
def test_a_record_that_was_just_deleted_is_not_merged(
    kept: Customer, other: Customer, manager: User, gone: str
) -> None:
    customers.delete_customer(Customer.objects.get(code=gone))
    before = everything()
    with pytest.raises(CustomerIsGone, match=gone):
        merging.merge_customers(kept, other, by=manager)
    assert everything() == before


def test_two_records_with_an_account_each_are_not_merged(kept: Customer, other: Customer) -> None:
    for each in (kept, other):
        customers.update_customer(each, {"user": factories.user()})
    before = everything()
    with pytest.raises(BothHaveAccounts, match="KEPT and OTHER both have an account"):
        merging.merge_customers(kept, other, by=factories.superuser())
    assert everything() == before


@pytest.mark.parametrize("owner", ["KEPT", "OTHER"])
def test_which_orders_an_account_sees_a_manager_does_not_decide(
    kept: Customer, other: Customer, manager: User, owner: str
) -> None:
    customers.update_customer(Customer.objects.get(code=owner), {"user": factories.user()})
    before = everything()
    with pytest.raises(AccountsNeedAdministrator, match=f"{owner} has an account"):
        merging.merge_customers(kept, other, by=manager)
    assert everything() == before


@pytest.mark.parametrize("right", [*merging.MERGE])
def test_nobody_merges_or_plans_it_without_each_of_its_rights(
    kept: Customer, other: Customer, manager: User, right: str
) -> None:
    codename = right.removeprefix("crm.")
    manager.groups.get().permissions.remove(Permission.objects.get(codename=codename))
    before = everything()
    with pytest.raises(PermissionDenied):
        merging.plan_merge(kept, other, by=manager)
    with pytest.raises(PermissionDenied):
        merging.merge_customers(kept, other, by=manager)
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_an_order_that_is_placed_meanwhile_is_moved_or_refused_and_never_lost() -> None:
    kept, other = factories.customer(), factories.customer()
    by, outcomes = factories.superuser(), list[str]()

    def place() -> None:
        try:
            for _ in range(5):
                factories.order(customer=Customer.objects.get(pk=other.pk), text_customer=False)
                outcomes.append("placed")
        except Exception as refusal:  # noqa: BLE001  # which one, is told below
            outcomes.append(type(refusal).__name__)
        finally:
            connection.close()

    placing = Thread(target=place)
    placing.start()
    merging.merge_customers(kept, other, by=by)
    placing.join()
    assert set(outcomes) <= {"placed", "ValidationError", "DoesNotExist"}
    assert kept.orders.count() == outcomes.count("placed") == Order.objects.count()


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_the_other_way_round_at_once_one_wins() -> None:
    first, second = factories.customer(), factories.customer()
    by, outcomes = factories.superuser(), list[str]()

    def merge(kept: Customer, other: Customer) -> None:
        try:
            merging.merge_customers(kept, other, by=by)
            outcomes.append("merged")
        except Refusal as refusal:
            outcomes.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [Thread(target=merge, args=pair) for pair in [(first, second), (second, first)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["CustomerIsGone", "merged"]
    assert (Customer.objects.count(), Merge.objects.count()) == (1, 1)


# --- The page -----------------------------------------------------------------------------------


def test_the_page_asks_for_the_other_record_by_code_or_phone(
    client: Client, kept: Customer, other: Customer
) -> None:
    address = f"{CUSTOMERS}{kept.pk}/merge/"
    assert "Its code or phone" in client.get(address).content.decode()
    for text in ("other", " 0733 000000", OTHER_PHONE):
        assert "W. Kamau" in client.get(address, {"with": text}).content.decode()
    page = client.get(address, {"with": "nobody"}).content.decode()
    assert "No customer has the code or phone “nobody”." in page
    page = client.get(address, {"with": "KEPT"}).content.decode()
    assert "That is this record itself: choose another one." in page


def test_the_page_says_what_happens_before_it_does(
    templates: None, client: Client, kept: Customer, other: Customer, manager: User
) -> None:
    factories.order(customer=other)
    customers.update_customer(other, {"email": "w@example.com"}, word=factories.NO_TEXTS)
    address = f"{CUSTOMERS}{kept.pk}/merge/"
    page = client.get(address, {"with": "OTHER"}).content.decode()
    assert re.findall("<li>([^<]*)</li>", page.partition('id="plan"')[2]) == [
        "1 order, 1 text and 0 notes of OTHER go to KEPT.",
        "KEPT keeps its name, phone, language and code.",
        "KEPT has no email and takes over w@example.com.",
        "OTHER wants no texts to 0733 000000, so that none are sent to 0722 000000 either.",
        (
            "OTHER is deleted. Its code, name, phone and email stay on the page of KEPT, "
            "which is found by them."
        ),
    ]
    [swapped] = re.findall(r'href="([^"]*with=KEPT)"', page)
    assert "Merge, keep OTHER" in client.get(unescape(swapped)).content.decode()
    answer = client.post(address, {"with": "OTHER"})
    assert answer["Location"] == f"{CUSTOMERS}{kept.pk}/change/#customer-changes"
    assert told(answer) == ["W. Kamau (OTHER) went into KEPT, with 1 order, 1 text and 0 notes."]
    assert list(Customer.objects.all()) == [kept]
    again = client.post(address, {"with": "OTHER"})
    assert again["Location"] == answer["Location"]
    assert client.post(address, {"with": "NOBODY"}).status_code == 200
    assert Merge.objects.count() == 1


def test_the_page_says_why_a_merge_is_refused_and_offers_none(
    client: Client, kept: Customer, other: Customer
) -> None:
    customers.update_customer(other, {"user": factories.user()})
    address, before = f"{CUSTOMERS}{kept.pk}/merge/", everything()
    page = client.get(address, {"with": "OTHER"}).content.decode()
    assert "Ask an Administrator to merge them." in page
    assert "Merge, keep" not in page
    answer = client.post(address, {"with": "OTHER"})
    assert [each for each in told(answer) if "Ask an Administrator" in each]
    assert everything() == before


def test_a_clerk_is_offered_no_merge(kept: Customer) -> None:
    clerk = Client()
    clerk.force_login(factories.user("Clerk"))
    page = clerk.get(f"{CUSTOMERS}{kept.pk}/change/").content.decode()
    assert "Merge with another record" not in page


def test_an_order_moves_on_after_a_merge(kept: Customer, other: Customer, manager: User) -> None:
    order = factories.order(customer=other)
    merging.merge_customers(kept, other, by=manager)
    assert orders.change_status(order, "PROCESSING").customer == kept


# --- Whoever still knows the other record by its code or phone ------------------------------------

MERGED = (
    "OTHER, 0733 000000, was merged into KEPT. Use the code KEPT; "
    "if it is somebody else who has the phone now, add them on the page of a new customer."
)


def imported(manager: User, kind: str, sheet: str) -> Import:
    job = jobs.queue_import(manager, "sheet.csv", sheet.encode(), kind=kind)
    jobs.run_import(job.pk)
    return Import.objects.get()


@pytest.mark.parametrize(
    "row", ["OTHER,W. Kamau,0733 000000", ",W.,0733 000000", "NEW,W,0733000000"]
)
def test_a_sheet_makes_no_new_double_of_a_merged_record(
    kept: Customer, other: Customer, manager: User, row: str
) -> None:
    merging.merge_customers(kept, other, by=manager)
    before = everything()
    job = imported(manager, "customers", f"Code,Name,Phone\n{row}\n")
    assert [error["message"] for error in job.errors] == [MERGED]
    assert everything() == before


def test_an_order_in_a_sheet_that_names_the_other_record_is_the_kept_ones(
    kept: Customer, other: Customer, manager: User
) -> None:
    merging.merge_customers(kept, other, by=manager)
    job = imported(manager, "orders", "Customer code,Item,Amount\nother,Lamp,500\n")
    assert (job.created, job.errors) == (1, [])
    assert Order.objects.get().customer == kept


@pytest.mark.parametrize("fact", [{"code": "OTHER"}, {"phone_number": OTHER_PHONE}])
def test_the_api_makes_no_new_double_of_a_merged_record(
    api: Api, kept: Customer, other: Customer, manager: User, fact: dict[str, str]
) -> None:
    merging.merge_customers(kept, other, by=manager)
    before = everything()
    body = {"name": "W.", "phone_number": "+254744000000"} | fact
    answer = api.post("/api/customers/", body)
    assert (answer.status_code, answer.json()["detail"]) == (409, MERGED)
    assert everything() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/customers/{pk}/"),
        ("patch", "/api/customers/{pk}/"),
        ("delete", "/api/customers/{pk}/"),
        ("get", "/api/customers/{pk}/orders/"),
        ("get", "/api/orders/customer/{pk}/"),
        ("get", "/api/orders/by-customer/?customer_code={code}"),
    ],
)
def test_the_api_tells_where_a_merged_record_went(
    api: Api, kept: Customer, other: Customer, manager: User, method: str, path: str
) -> None:
    address = path.format(pk=other.pk, code=other.code)
    merging.merge_customers(kept, other, by=manager)
    answer = getattr(api, method)(address, *([{"name": "New"}] if method == "patch" else []))
    told = f"That customer was merged into {kept.code}. Go on with its id: {kept.pk}."
    assert (answer.status_code, answer.json()["detail"]) == (404, told)
    kept.refresh_from_db()
    assert kept.name != "New"


def test_who_may_not_see_the_kept_record_is_not_told_of_it(
    as_user: Callable[[User], Api], kept: Customer, other: Customer, manager: User
) -> None:
    merging.merge_customers(kept, other, by=manager)
    answer = as_user(factories.user()).get(f"/api/customers/{other.pk}/")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Not found.")


def test_where_the_kept_record_was_erased_a_new_double_is_told_of_that(
    api: Api, kept: Customer, other: Customer, manager: User
) -> None:
    merging.merge_customers(kept, other, by=manager)
    erasing.erase_customer(kept, by=manager)
    before = everything()
    body = {"code": "OTHER", "name": "W.", "phone_number": "+254744000000"}
    answer = api.post("/api/customers/", body)
    assert (answer.status_code, answer.json()["detail"]) == (409, str(CustomerIsErased(kept)))
    order = {"customer_code": "OTHER", "item": "Lamp", "amount": "500"}
    assert api.post("/api/orders/", order).status_code == 400
    assert everything() == before


@pytest.mark.parametrize("name", ["customer_code", "customer_id"])
def test_an_order_over_the_api_that_names_the_other_record_is_the_kept_ones(
    api: Api, kept: Customer, other: Customer, manager: User, name: str
) -> None:
    other_id = str(other.pk)
    merging.merge_customers(kept, other, by=manager)
    named = {name: other_id if name == "customer_id" else "OTHER"}
    answer = api.post("/api/orders/", named | {"item": "Lamp", "amount": "500"})
    assert answer.status_code == 201
    assert Order.objects.get().customer == kept


def test_a_phone_that_somebody_else_has_by_now_a_person_may_write_down(
    kept: Customer, other: Customer, manager: User
) -> None:
    merging.merge_customers(kept, other, by=manager)
    customers.register_customer(Customer(name="Otieno", phone_number=OTHER_PHONE))
    assert Customer.objects.count() == 2


def test_the_next_free_code_is_not_that_of_a_merged_record(kept: Customer, manager: User) -> None:
    typed = factories.customer(code="CUST001")
    merging.merge_customers(kept, typed, by=manager)
    new = customers.register_customer(Customer(name="Otieno", phone_number="+254744000000"))
    assert new.code == "CUST002"
