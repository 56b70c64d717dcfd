"""Two who look like one person are told apart, and it is no longer asked."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import customers, distinctions, duplicates, erasing, merging, timeline
from crm.errors import CustomerIsErased, CustomerIsGone, NotTwoCustomers
from crm.models import Customer, Distinction
from identity.models import User
from tests import factories

pytestmark = pytest.mark.django_db

CUSTOMERS = "/admin/crm/customer/"


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk", username="clerk")


@pytest.fixture
def client(clerk: User) -> Client:
    """A browser in which a Clerk is signed in."""
    client = Client()
    client.force_login(clerk)
    return client


def namesakes(*codes: str) -> list[Customer]:
    return [factories.customer(name="Wanjiku Kamau", code=code) for code in codes]


def pointed_out(customer: Customer) -> set[str]:
    return {each.customer.code for each in duplicates.likely_duplicates(customer)}


def pairs() -> set[frozenset[str]]:
    """Who is not who, by their codes."""
    said = Distinction.objects.select_related("first", "second")
    return {frozenset({each.first.code, each.second.code}) for each in said}


def everything() -> list[list[Any]]:
    kinds: list[type[models.Model]] = [Customer, Customer.history.model, Distinction]
    return [list(kind._default_manager.order_by("pk").values()) for kind in kinds]


def page_of(client: Client, customer: Customer) -> str:
    return str(client.get(f"{CUSTOMERS}{customer.pk}/change/").content.decode())


def press(client: Client, button: str, customer: Customer, other: Any) -> Any:
    return client.post(f"{CUSTOMERS}{customer.pk}/{button}/", {"other": other})


def told(page: Any) -> list[str]:
    return [str(message) for message in get_messages(page.wsgi_request)]


# --- What is said -------------------------------------------------------------------------------


@pytest.mark.parametrize("said_of", [0, 1])
def test_who_was_told_apart_is_pointed_out_on_neither_page(clerk: User, said_of: int) -> None:
    both = namesakes("A1", "B2")
    namesakes("C3")
    distinctions.distinguish(both[said_of], both[1 - said_of], by=clerk)
    assert [pointed_out(each) for each in both] == [{"C3"}, {"C3"}]
    distinctions.take_back(*both, by=clerk)
    assert [pointed_out(each) for each in both] == [{"B2", "C3"}, {"A1", "C3"}]


def test_however_often_and_by_whomever_it_is_said_it_is_kept_once(clerk: User) -> None:
    one, other = namesakes("A1", "B2")
    first = distinctions.distinguish(one, other, by=clerk)
    assert distinctions.distinguish(other, one, by=factories.superuser()) == first
    assert Distinction.objects.get().said_by == clerk
    for _ in range(2):
        distinctions.take_back(other, one, by=clerk)
    assert not Distinction.objects.exists()


def test_of_many_who_were_told_apart_none_takes_the_place_of_another(clerk: User) -> None:
    customer, *others = namesakes("A1", *(f"B{number}" for number in range(8)))
    for other in others[:7]:
        distinctions.distinguish(customer, other, by=clerk)
    assert pointed_out(customer) == {"B7"}


def test_the_timeline_of_both_tells_who_said_so_and_of_whom(clerk: User) -> None:
    one, other = namesakes("A1", "B2")
    said = distinctions.distinguish(one, other, by=clerk)
    for customer, apart in ((one, other), (other, one)):
        [entry] = timeline.distinction_entries(customer)
        assert (entry.at, entry.by, entry.told_apart) == (said.said_at, "clerk", apart)
        assert (entry.title, entry.detail) == ("Told apart", f"Not the same person as {apart}.")


def test_the_database_keeps_a_pair_in_one_order_alone() -> None:
    first, second = sorted(namesakes("A1", "B2"), key=lambda each: each.pk)
    for pair in ((second, first), (first, first)):
        with pytest.raises(IntegrityError, match="crm_distinction_in_order"), transaction.atomic():
            Distinction.objects.create(first=pair[0], second=pair[1])
    assert not Distinction.objects.exists()


@pytest.mark.parametrize("name", ["name_key", "email"])
def test_the_list_of_likely_doubles_ends_with_those_who_were_told_apart(
    client: Client, clerk: User, name: str
) -> None:
    emails = ("w@example.com", "W@example.com")
    one, other = (factories.customer(name="Wanjiku Kamau", email=email) for email in emails)
    distinctions.distinguish(one, other, by=clerk)
    assert listed(client, name) == set()
    third = factories.customer(name="Wanjiku Kamau", email="w@example.com")
    assert listed(client, name) == {one, other, third}
    distinctions.distinguish(one, third, by=clerk)
    assert listed(client, name) == {other, third}


def listed(client: Client, name: str) -> set[Customer]:
    return set(client.get(CUSTOMERS, {"alike": name}).context["cl"].result_list)


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [distinctions.distinguish, distinctions.take_back])
def test_who_may_not_change_customers_neither_says_it_nor_takes_it_back(
    clerk: User, operation: Any
) -> None:
    one, other, third = namesakes("A1", "B2", "C3")
    distinctions.distinguish(one, third, by=clerk)
    before = everything()
    with pytest.raises(PermissionDenied):
        operation(one, other if operation is distinctions.distinguish else third, by=viewer())
    assert everything() == before


def viewer() -> User:
    return factories.user("Viewer")


def test_nobody_is_told_apart_from_themself_or_from_who_is_gone_or_erased(clerk: User) -> None:
    one, gone, erased = namesakes("A1", "GONE", "ERASED")
    customers.delete_customer(Customer.objects.get(pk=gone.pk))
    erasing.erase_customer(erased, by=factories.superuser())
    before = everything()
    for other, refusal in (
        (Customer.objects.get(pk=one.pk), NotTwoCustomers),
        (gone, CustomerIsGone),
        (erased, CustomerIsErased),
    ):
        for pair in ((one, other), (other, one)):
            with pytest.raises(refusal):
                distinctions.distinguish(*pair, by=clerk)
    assert everything() == before


# --- Merged, erased and deleted -----------------------------------------------------------------


def test_who_is_not_the_merged_person_is_not_the_kept_one_either(clerk: User) -> None:
    kept, other, known, third = namesakes("KEPT", "OTHER", "KNOWN", "THIRD")
    said = distinctions.distinguish(other, third, by=clerk)
    for pair in ((other, known), (kept, known), (kept, other)):
        distinctions.distinguish(*pair, by=clerk)
    merging.merge_customers(kept, other, by=factories.superuser())
    assert pairs() == {frozenset({"KEPT", "KNOWN"}), frozenset({"KEPT", "THIRD"})}
    moved = Distinction.objects.between(kept, third).get()
    assert (moved.pk, moved.said_by, moved.said_at) == (said.pk, clerk, said.said_at)
    assert pointed_out(kept) == set()


def test_before_two_who_were_told_apart_are_merged_it_is_said_who_did(clerk: User) -> None:
    kept, other = namesakes("KEPT", "OTHER")
    said = distinctions.distinguish(kept, other, by=clerk)
    Distinction.objects.filter(pk=said.pk).update(said_at=datetime(2026, 3, 4, 21, 30, tzinfo=UTC))
    plan = merging.plan_merge(kept, other, by=factories.superuser())
    # In the time of the business, where the next day has begun.
    told = "clerk said on 5 Mar 2026 that they are not the same person."
    assert plan.sentences[1] == told


def test_it_can_be_taken_back_however_much_has_happened_since(clerk: User) -> None:
    one, other = namesakes("A1", "B2")
    distinctions.distinguish(one, other, by=clerk)
    later = [timeline.Entry(timezone.now(), "Changed", "clerk") for _ in range(60)]
    entries = timeline.newest_first(later, timeline.distinction_entries(one))
    assert (len(entries), entries[-1].told_apart) == (51, other)


def test_of_who_was_erased_nobody_learns_whom_they_were_like(clerk: User) -> None:
    one, erased, third = namesakes("A1", "ERASED", "C3")
    for pair in ((one, erased), (erased, third), (one, third)):
        distinctions.distinguish(*pair, by=clerk)
    erasing.erase_customer(erased, by=factories.superuser())
    assert pairs() == {frozenset({"A1", "C3"})}


def test_what_was_said_goes_with_a_customer_and_stays_without_who_said_it(clerk: User) -> None:
    one, other, third = namesakes("A1", "B2", "C3")
    distinctions.distinguish(one, other, by=clerk)
    distinctions.distinguish(one, third, by=clerk)
    customers.delete_customer(other)
    clerk.delete()
    assert pairs() == {frozenset({"A1", "C3"})}
    assert [entry.by for entry in timeline.distinction_entries(one)] == ["somebody unknown"]


# --- The page -----------------------------------------------------------------------------------


def test_the_buttons_of_the_page_tell_apart_and_take_back(client: Client) -> None:
    one, other = namesakes("A1", "B2")
    assert "Not the same" in page_of(client, one)
    for _ in range(2):  # a double click
        page = press(client, "distinguish", one, other.pk)
    assert page["Location"] == f"{CUSTOMERS}{one.pk}/change/"
    assert set(told(page)) == {
        "Wanjiku Kamau (B2) is somebody else, and is pointed out here no more."
    }
    for customer, apart in ((one, other), (other, one)):
        shown = page_of(client, customer)
        assert "Might be the same person" not in shown
        assert f"Not the same person as {apart}." in shown
        assert "They may be the same after all" in shown
    for _ in range(2):
        page = press(client, "take-back", other, one.pk)
    assert told(page)[-1] == (
        "Wanjiku Kamau (A1) is pointed out here again, where the two look alike."
    )
    assert "Might be the same person" in page_of(client, one)
    assert not Distinction.objects.exists()


def test_who_compares_two_before_a_merge_can_tell_them_apart_there() -> None:
    one, other = namesakes("A1", "B2")
    client = Client()
    client.force_login(factories.user("Manager"))
    page = client.get(f"{CUSTOMERS}{one.pk}/merge/", {"with": "B2"}).content.decode()
    [form] = re.findall(f'action="{CUSTOMERS}{one.pk}/distinguish/">.*?</form>', page, re.DOTALL)
    assert f'name="other" value="{other.pk}"' in form
    assert "Not the same" in form


@pytest.mark.parametrize("button", ["distinguish", "take-back"])
@pytest.mark.parametrize("other", ["", "x", "01890000-0000-7000-8000-000000000000"])
def test_a_record_that_is_gone_by_now_is_told_of(client: Client, button: str, other: str) -> None:
    [customer] = namesakes("A1")
    before = everything()
    page = press(client, button, customer, other)
    assert page["Location"] == f"{CUSTOMERS}{customer.pk}/change/"
    assert told(page) == ["The other record is gone: it was deleted or merged."]
    assert everything() == before


def test_why_the_page_tells_nobody_apart_is_told(client: Client) -> None:
    [customer] = namesakes("A1")
    before = everything()
    page = press(client, "distinguish", customer, customer.pk)
    assert told(page) == ["That is this record itself: choose another one."]
    assert everything() == before


def test_a_viewer_is_offered_neither_button(clerk: User) -> None:
    one, other, _third = namesakes("A1", "B2", "C3")
    distinctions.distinguish(one, other, by=clerk)
    client = Client()
    client.force_login(viewer())
    page = page_of(client, one)
    assert "Might be the same person" in page
    assert "Not the same person as Wanjiku Kamau (B2)." in page
    assert "/distinguish/" not in page
    assert "/take-back/" not in page


def test_the_page_costs_the_same_queries_with_one_told_apart_as_with_ten(
    client: Client, clerk: User
) -> None:
    customer, counts = namesakes("A1")[0], []
    for start in (0, 1):
        for other in namesakes(*(f"B{start}{number}" for number in range(1 + 9 * start))):
            distinctions.distinguish(customer, other, by=clerk)
        namesakes(*(f"C{start}{number}" for number in range(1 + 3 * start)))
        page_of(client, customer)  # whatever is looked up once
        with CaptureQueriesContext(connection) as queries:
            page = page_of(client, customer)
        counts.append((len(queries), page.count("/distinguish/"), page.count("/take-back/")))
    assert counts == [(counts[0][0], 1, 1), (counts[0][0], 5, 11)]
