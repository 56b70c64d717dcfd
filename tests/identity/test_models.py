"""Users as the database keeps them, and as they are found by what people type."""

import re

import pytest
from django.db import IntegrityError, transaction

from identity.models import Role, SessionToken, User
from identity.session_tokens import issue_tokens
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_database_itself_refuses_an_email_that_differs_in_case_only() -> None:
    User.objects.create_user("wanjiku", email="wanjiku@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("kamau", email="Wanjiku@Example.com")
    other = User.objects.create_user("kamau", email="kamau@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=other.pk).update(email="WANJIKU@EXAMPLE.COM")
    assert set(User.objects.values_list("username", "email")) == {
        ("wanjiku", "wanjiku@example.com"),
        ("kamau", "kamau@example.com"),
    }


def test_any_number_of_people_have_no_email() -> None:
    for username in ("wanjiku", "kamau", "otieno"):
        User.objects.create_user(username)
    assert list(User.objects.values_list("email", flat=True)) == ["", "", ""]


@pytest.mark.parametrize("typed", ["wanjiku", "wanjiku@example.com", "WANJIKU@Example.COM"])
def test_a_user_is_found_by_username_or_email(typed: str) -> None:
    factories.user()
    wanjiku = factories.user(username="wanjiku", email="wanjiku@example.com")
    assert User.objects.get_by_natural_key(typed) == wanjiku


@pytest.mark.parametrize("first", ["the username", "the email"])
def test_a_username_wins_over_an_email_that_reads_the_same(first: str) -> None:
    facts = [
        {"username": "wanjiku@example.com", "email": "other@example.com"},
        {"username": "kamau", "email": "wanjiku@example.com"},
    ]
    for each in facts if first == "the username" else reversed(facts):
        factories.user(**each)
    found = User.objects.get_by_natural_key("wanjiku@example.com")
    assert found.username == "wanjiku@example.com"


@pytest.mark.parametrize("typed", ["", "-", None, "nobody", "Wanjiku", "wanjiku@"])
def test_nobody_is_found_by_what_is_nobodys(typed: str | None) -> None:
    factories.user(username="wanjiku", email="")
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(typed)


def test_each_user_has_a_subject_that_tells_nothing_of_them() -> None:
    first, second = factories.user(username="wanjiku"), factories.user()
    assert re.fullmatch(r"[0-9a-f]{32}", first.subject)
    assert first.subject != second.subject


def test_a_subject_belongs_to_one_user() -> None:
    first, second = factories.user(), factories.user()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=second.pk).update(subject=first.subject)
    second.refresh_from_db()
    assert second.subject != first.subject


def test_a_subject_survives_a_change_of_everything_else() -> None:
    user = factories.user()
    subject = user.subject
    user.username, user.email = "kamau", "kamau@example.com"
    user.save()
    user.refresh_from_db()
    assert user.subject == subject


def test_the_tokens_of_a_deleted_user_go_with_them() -> None:
    user, other = factories.user(), factories.user()
    issue_tokens(user)
    issue_tokens(other)
    user.delete()
    assert [row.user for row in SessionToken.objects.all()] == [other]


def test_a_role_is_a_group_of_django(roles: dict[str, Role]) -> None:
    clerk = factories.user("Clerk")
    assert [group.name for group in clerk.groups.all()] == ["Clerk"]
    assert str(roles["Clerk"]) == "Clerk"
