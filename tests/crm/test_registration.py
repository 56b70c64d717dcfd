"""A customer makes an account of their own over the API."""

from collections.abc import Callable
from typing import Any

import pytest

from crm.errors import AccountHasCustomer, AccountIsOfStaff
from crm.models import Customer
from crm.registration import register_customer_of
from identity.accounts import name_parts
from identity.models import User
from tests import factories
from tests.conftest import Api

pytestmark = pytest.mark.django_db

JANE = {
    "username": "jane",
    "email": "jane@example.com",
    "password": "correct horse battery staple",
    "phone_number": "+254722000000",
    "name": "Jane Doe",
}


def register(**facts: Any) -> Any:
    body = {name: value for name, value in (JANE | facts).items() if value is not None}
    return Api(None).post("/api/register/", body)


def test_who_registers_signs_in_and_orders(templates: None) -> None:
    response = register()
    assert response.status_code == 201
    told = response.json()
    user = User.objects.get()
    assert (told["id"], told["username"], told["email"]) == (
        str(user.pk),
        "jane",
        "jane@example.com",
    )
    assert told["customer"]["code"] == "CUST001"
    assert told["customer"]["name"] == "Jane Doe"
    assert (user.first_name, user.last_name) == ("Jane", "Doe")
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)

    caller = Api(None)
    tokens = caller.post("/api/token/", {"username": "jane", "password": JANE["password"]}).json()
    caller.headers["Authorization"] = f"Bearer {tokens['access']}"
    placed = caller.post("/api/orders/", {"item": "Mouse", "amount": "1.00"})
    assert (placed.status_code, placed.json()["customer_code"]) == (201, "CUST001")


def test_without_a_name_the_username_is_it() -> None:
    assert register(name=None).json()["customer"]["name"] == "jane"
    assert User.objects.get().get_full_name() == ""


@pytest.mark.parametrize(
    ("name", "given", "family"),
    [
        ("Wanjiku", "Wanjiku", ""),
        (" Wanjiku  wa  Kamau ", "Wanjiku  wa", "Kamau"),
        ("", "", ""),
        ("W" * 151, "W" * 150, ""),
    ],
)
def test_the_last_word_of_a_name_is_the_familys(name: str, given: str, family: str) -> None:
    assert name_parts(name) == {"first_name": given, "last_name": family}


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        ({"username": "jane@example.com"}, {"username"}),
        ({"username": ""}, {"username"}),
        ({"username": None, "password": None}, {"username", "password"}),
        ({"email": "jane"}, {"email"}),
        ({"email": ""}, {"email"}),
        ({"password": "12345678"}, {"password"}),
        ({"password": "jane@example.com"}, {"password"}),
        ({"phone_number": "0722000000", "name": "\n"}, {"phone_number", "name"}),
    ],
)
def test_a_wrong_registration_is_refused_whole(facts: dict[str, Any], fields: set[str]) -> None:
    response = register(**facts)
    assert response.status_code == 400
    assert set(response.json()["errors"]) == fields
    assert not User.objects.exists()
    assert not Customer.objects.exists()


def test_what_others_have_is_refused_and_all_of_it_is_named(db: None) -> None:
    factories.user(username="JANE", email="Jane@Example.com")
    factories.customer(phone_number="+254722000000")
    response = register(password="password")
    assert response.status_code == 400
    assert response.json()["errors"] == {
        "username": ["User with this username already exists."],
        "email": ["User with this email already exists."],
        "phone_number": ["Customer with this phone number already exists."],
        "password": ["This password is too common."],
    }
    assert (User.objects.count(), Customer.objects.count()) == (1, 1)


def test_registration_is_limited_by_address() -> None:
    statuses = [
        register(username=f"jane{number}", phone_number="+254722").status_code
        for number in range(5)
    ]
    assert statuses == [400] * 5  # what makes no sense asks nothing, and is not counted
    taken = [
        register(
            username=f"jane{number}",
            email=f"jane{number}@example.com",
            phone_number=f"+2547220000{number:02d}",
        )
        for number in range(21)
    ]
    assert [response.status_code for response in taken] == [201] * 20 + [429]
    assert int(taken[-1]["Retry-After"]) > 0
    assert (User.objects.count(), Customer.objects.count()) == (20, 20)


def test_a_browser_of_staff_registers_nobody_as_staff(
    as_user: Callable[[User | None], Api], boss: User
) -> None:
    body = JANE | {"is_staff": True, "is_superuser": True, "roles": ["Administrator"]}
    as_user(boss).post("/api/register/", body)
    assert not User.objects.exclude(pk=boss.pk).filter(is_staff=True).exists()


# --- Of an account that is there ----------------------------------------------------------------


def record(phone_number: str = "+254722000001") -> Customer:
    return Customer(name="Jane Doe", phone_number=phone_number)


def test_a_record_is_made_of_an_account_once() -> None:
    user = factories.user(email="jane@example.com")
    made = register_customer_of(user, record())
    assert (made.user, made.code, made.email) == (user, "CUST001", "jane@example.com")
    with pytest.raises(AccountHasCustomer):
        register_customer_of(user, record("+254722000002"))
    assert Customer.objects.get() == made


def test_who_was_linked_to_a_customer_meanwhile_gets_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = factories.user()
    linked = factories.customer(user=user)
    # As the slower of the two sees it, which looked before the other wrote.
    monkeypatch.setattr("crm.models.CustomerQuerySet.of_account", lambda rows, user: rows.none())
    with pytest.raises(AccountHasCustomer):
        register_customer_of(user, record())
    assert Customer.objects.get() == linked


def test_no_record_is_made_of_staff_also_where_they_became_it_just_now() -> None:
    user = factories.user()
    User.objects.update(is_staff=True)
    with pytest.raises(AccountIsOfStaff):
        register_customer_of(user, record())
    assert not Customer.objects.exists()
