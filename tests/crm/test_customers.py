"""Registering, changing and deleting customers."""

from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from crm import customers
from crm.errors import CustomerHasOrders, CustomerIsGone
from crm.models import Counter, Customer
from sms import opt_outs
from sms.models import ConsentChange
from tests import factories

pytestmark = pytest.mark.django_db


def test_customers_with_no_code_get_the_next_free_ones() -> None:
    factories.customer(code="CUST002")
    assert [factories.customer().code for _ in range(3)] == ["CUST001", "CUST003", "CUST004"]


def test_the_series_goes_on_past_three_digits() -> None:
    factories.customer()
    Counter.objects.filter(name="customer_code").update(value=999)
    assert factories.customer().code == "CUST1000"


@pytest.mark.parametrize(
    ("facts", "errors"),
    [
        (
            {"code": "a b"},
            {"code": ["Use 2 to 50 capital letters, digits, hyphens and underscores."]},
        ),
        ({"name": " "}, {"name": ["This field cannot be blank."]}),
        (
            {"phone_number": "0722000000"},
            {
                "phone_number": [
                    "Enter a valid phone number with + and the country code, such as +254722000000."
                ]
            },
        ),
        ({"email": "nobody"}, {"email": ["Enter a valid email address."]}),
        ({"language": "xx"}, {"language": ["Value 'xx' is not a valid choice."]}),
        ({"code": "TAKEN"}, {"code": ["Customer with this code already exists."]}),
        (
            {"phone_number": "+254711000000", "code": "TAKEN"},
            {
                "phone_number": ["Customer with this phone number already exists."],
                "code": ["Customer with this code already exists."],
            },
        ),
    ],
)
def test_each_wrong_field_is_named_and_nobody_is_registered(
    facts: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    factories.customer(code="TAKEN", phone_number="+254711000000")
    with pytest.raises(ValidationError) as refusal:
        factories.customer(**facts)
    assert refusal.value.message_dict == errors
    assert Customer.objects.count() == 1


def test_a_code_that_another_request_took_meanwhile_is_named_too() -> None:
    factories.customer(code="TAKEN")
    real_check, checks = customers._check, iter([lambda customer, **options: None])
    with (
        patch(
            "crm.customers._check",
            lambda customer, **options: next(checks, real_check)(customer, **options),
        ),
        pytest.raises(ValidationError) as refusal,
    ):
        factories.customer(code="TAKEN")
    assert refusal.value.message_dict == {"code": ["Customer with this code already exists."]}
    assert Customer.objects.count() == 1


def test_a_change_keeps_the_consent_unless_it_is_given() -> None:
    customer = factories.customer(sms_opted_out=True)
    assert opt_outs.is_opted_out(customer.phone_number)
    assert customers.update_customer(customer, {"name": "Another"}).sms_opted_out is True
    assert (
        customers.update_customer(customer, {}, word=factories.TEXTS_AGAIN).sms_opted_out is False
    )
    assert customers.update_customer(customer, {}, word=factories.NO_TEXTS).sms_opted_out is True
    assert opt_outs.is_opted_out(customer.phone_number)


def test_registering_somebody_who_opted_out_is_no_consent() -> None:
    opt_outs.heed("+254722000000", factories.NO_TEXTS)
    assert factories.customer(phone_number="+254722000000").sms_opted_out is True


def test_a_change_to_a_code_that_another_has_is_refused() -> None:
    factories.customer(code="TAKEN")
    customer = factories.customer(code="MINE")
    with pytest.raises(ValidationError):
        customers.update_customer(customer, {"code": "TAKEN"})
    assert set(Customer.objects.values_list("code", flat=True)) == {"TAKEN", "MINE"}


def test_a_customer_without_orders_can_be_deleted() -> None:
    customers.delete_customer(factories.customer())
    assert not Customer.objects.exists()


def test_a_customer_with_orders_stays_and_how_many_is_said() -> None:
    order = factories.order()
    factories.order(customer=order.customer)
    with pytest.raises(CustomerHasOrders, match="has 2 orders and cannot be deleted") as refusal:
        customers.delete_customer(order.customer)
    assert refusal.value.count == 2
    assert Customer.objects.filter(pk=order.customer_id).exists()


def test_the_history_of_a_customer_outlives_them() -> None:
    customer = factories.customer(name="Before")
    customers.update_customer(customer, {"name": "After"})
    customers.delete_customer(customer)
    kept = Customer.history.order_by("history_id").values_list("history_type", "name")
    assert list(kept) == [("+", "Before"), ("~", "After"), ("-", "After")]


def test_the_database_itself_refuses_a_second_phone_and_an_empty_code() -> None:
    first, second = factories.customer(), factories.customer()
    for broken in ({"phone_number": first.phone_number}, {"code": first.code}, {"code": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Customer.objects.filter(pk=second.pk).update(**broken)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_get_the_same_code() -> None:
    def register(number: int) -> None:
        try:
            factories.customer(phone_number=f"+25471100{number:04d}")
        finally:
            connection.close()

    threads = [Thread(target=register, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted(Customer.objects.values_list("code", flat=True))
    assert codes == [f"CUST{number:03d}" for number in range(1, 13)]


def test_a_new_phone_that_is_opted_out_stays_so_whatever_the_change_says() -> None:
    opt_outs.heed("+254733000000", factories.NO_TEXTS)
    customer = factories.customer()
    change = {"phone_number": "+254733000000"}
    assert (
        customers.update_customer(customer, change, word=factories.TEXTS_AGAIN).sms_opted_out
        is True
    )
    assert (
        customers.update_customer(customer, {}, word=factories.TEXTS_AGAIN).sms_opted_out is False
    )


def test_an_opt_out_moves_with_its_owner_to_their_new_phone() -> None:
    customer = factories.customer(sms_opted_out=True)
    changed = customers.update_customer(customer, {"phone_number": "+254733000000"})
    assert changed.sms_opted_out is True


def test_a_new_phone_that_takes_over_says_so_in_its_record() -> None:
    customer = factories.customer(sms_opted_out=True)
    customers.update_customer(customer, {"phone_number": "+254733000000"})
    change = ConsentChange.objects.get(phone_number="+254733000000")
    assert (change.wants_texts, change.source, change.said_by) == (False, "new_phone", None)
    known_phone = ConsentChange.objects.exclude(pk=change.pk).get()
    assert (known_phone.wants_texts, known_phone.source) == (False, "staff")


def test_to_register_or_to_change_somebody_without_a_word_on_texts_records_none() -> None:
    customer = factories.customer()
    customers.register_customer(
        Customer(name="Jane", phone_number="+254733000000"), word=factories.TEXTS_AGAIN
    )
    customers.update_customer(customer, {"name": "Another", "phone_number": "+254744000000"})
    assert not ConsentChange.objects.exists()


def test_of_two_changes_at_once_neither_undoes_the_other() -> None:
    customer = factories.customer(name="Before", email="before@example.com")
    mine, theirs = Customer.objects.get(pk=customer.pk), Customer.objects.get(pk=customer.pk)
    customers.update_customer(mine, {"name": "After"})
    customers.update_customer(theirs, {"email": "after@example.com"})
    customer.refresh_from_db()
    assert (customer.name, customer.email) == ("After", "after@example.com")


def test_a_customer_who_was_just_deleted_is_not_brought_back() -> None:
    customer = factories.customer()
    customers.delete_customer(Customer.objects.get(pk=customer.pk))
    with pytest.raises(CustomerIsGone, match="was just deleted"):
        customers.update_customer(customer, {"name": "After"})
    assert not Customer.objects.exists()
