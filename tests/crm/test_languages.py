"""Each reads pages and refusals in their language; what is kept, texted and answered to an app is
the same whoever did it."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from crm import customers, erasing, merging, orders, timeline
from crm.errors import CustomerHasOrders, OrderCannotMove
from crm.models import Customer, Order
from crm.spreadsheets.reading import UnreadableSheet, read_sheet
from sms.models import Message
from tests import factories

pytestmark = pytest.mark.django_db


def reasons(customer: Customer) -> list[str]:
    return [entry.detail for entry in timeline.entries_of(customer) if entry.detail]


def test_why_a_record_changed_is_kept_in_english_and_told_in_the_language_of_its_reader() -> None:
    kept, other = factories.customer(code="KEPT"), factories.customer(code="OTHER")
    moved = factories.order(customer=other)
    boss = factories.superuser()
    with translation.override("sw"):
        merging.merge_customers(kept, other, by=boss)
        erasing.erase_customer(kept, by=boss)
        assert reasons(kept) == ["Data ya kibinafsi imefutwa", "Imeunganishwa na OTHER"]
        assert timeline.entries_of(moved)[0].detail == "OTHER aliunganishwa ndani ya KEPT"
    assert reasons(kept) == ["Personal data erased", "Merged with OTHER"]
    known = Customer.history.filter(history_change_reason__startswith="Merged into")
    assert known.get().history_change_reason == "Merged into KEPT"


@pytest.mark.parametrize(
    "reason", ["Import of Merged with love.csv", "Merged into a book", "As they asked by phone"]
)
def test_a_reason_in_english_is_told_as_it_is_kept(reason: str) -> None:
    customer = factories.customer()
    customer._change_reason = reason  # type: ignore[attr-defined]  # read by simple_history
    customers.update_customer(customer, {"name": "Wanjiku"})
    assert reasons(customer) == [reason]


def test_a_text_is_in_the_language_of_its_customer_whoever_takes_the_order(
    templates: None,
) -> None:
    with translation.override("sw"):
        order = factories.order(item="Kettle", amount="1299.99")
    text = Message.objects.get(about_id=order.pk).text
    assert "Your order for Kettle worth KES 1,299.99" in text


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Customer C1 has 2 orders and cannot be deleted. Delete the orders first."),
        ("sw", "Mteja C1 ana oda 2 na hawezi kufutwa. Futa oda hizo kwanza."),
    ],
)
def test_a_refusal_is_in_the_language_of_who_asked(language: str, told: str) -> None:
    customer = factories.customer(code="C1")
    factories.order(customer=customer)
    factories.order(customer=customer)
    with translation.override(language), pytest.raises(CustomerHasOrders) as refusal:
        customers.delete_customer(customer)
    assert str(refusal.value) == told
    assert customer.orders.count() == 2


def test_a_step_that_an_order_cannot_take_is_refused_in_swahili() -> None:
    order = orders.revise_order(factories.order(), {}, "COMPLETED")
    with translation.override("sw"), pytest.raises(OrderCannotMove) as refusal:
        orders.revise_order(order, {}, "PROCESSING")
    assert str(refusal.value) == (
        f"Hali ya oda {order.order_number} ni COMPLETED na haiwezi kuwa PROCESSING. "
        "Hiyo ni ya mwisho."
    )
    assert Order.objects.get().status == "COMPLETED"


def test_what_is_wrong_with_a_value_is_told_in_swahili() -> None:
    known = factories.customer(phone_number="+254722000000")
    with translation.override("sw"), pytest.raises(ValidationError) as refusal:
        factories.customer(phone_number=known.phone_number)
    assert refusal.value.message_dict == {
        "phone_number": ["Tayari kuna mteja mwenye nambari hii ya simu."]
    }
    assert Customer.objects.count() == 1


def test_what_is_wrong_with_a_sheet_is_told_in_swahili() -> None:
    with translation.override("sw"), pytest.raises(UnreadableSheet) as refusal:
        read_sheet("empty.csv", b"")
    assert str(refusal.value) == "Lahajedwali ni tupu: linahitaji mstari wa majina ya safu."


def test_an_app_is_answered_in_english_whoever_it_works_for() -> None:
    boss = factories.superuser(language="sw")
    answer = Client().post(
        "/api/customers/",
        {"name": "Two\nlines", "phone_number": "+254722000000"},
        content_type="application/json",
        headers={
            "Authorization": f"Bearer {factories.personal_token(boss)}",
            "Accept-Language": "sw",
        },
    )
    assert answer.status_code == 400
    assert "Write it in one line, without control characters." in answer.content.decode()
    assert not Customer.objects.exists()


def test_what_became_of_a_name_is_told_with_its_field_in_swahili() -> None:
    customer = factories.customer(name="Before")
    customers.update_customer(customer, {"name": "After"})
    with translation.override("sw"):
        [change] = timeline.entries_of(customer)[0].changes
    assert (change.field, change.old, change.new) == ("Jina", "Before", "After")


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("customer/", ("Hafikiki", "Jina, msimbo, simu au barua pepe")),
        ("customer/add/", ("Nambari ya simu", "Lugha ya jumbe kwa mteja huyu.", "Kumbukumbu")),
        ("customer/import/", ("Ingiza wateja", "Lahajedwali")),
        ("order/", ("Inasubiri", "Bidhaa")),
        ("order/add/", ("Kiasi kwa KES", "Wakati wa oda")),
        ("order/import/", ("Ingiza oda", "Watumie wateja ujumbe")),
        ("savedview/add/", ("Umeshirikiwa na kila mtu",)),
    ],
)
def test_every_page_of_customers_and_orders_speaks_swahili(
    page: str, told: tuple[str, ...]
) -> None:
    factories.order()
    client = Client()
    client.force_login(factories.superuser(language="sw"))
    shown = client.get(f"/admin/crm/{page}").content.decode()
    assert '<html lang="sw"' in shown
    assert [words for words in told if words not in shown] == []


def test_my_orders_speaks_swahili() -> None:
    user = factories.user(language="sw")
    order = factories.order(customer=factories.customer(user=user))
    client = Client()
    client.force_login(user)
    page = client.get("/my-orders/").content.decode()
    for words in ("Weka oda", "Oda zako", "Inasubiri", "Ghairi oda hii", "Simamisha jumbe"):
        assert words in page
    page = client.post(f"/my-orders/{order.pk}/cancel/", follow=True).content.decode()
    assert f"Oda yako {order.order_number} imeghairiwa." in page
    assert "Imeghairiwa" in page
