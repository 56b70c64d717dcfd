"""What a session knows of the sign-in that began it."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import SESSION_KEY, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore as OldStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from identity.models import BrowserSession, User
from identity.session_store import SessionStore
from identity.sessions import session_id, signed_in_at
from tests import factories

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> HttpRequest:
    request = HttpRequest()
    request.user = AnonymousUser()
    request.session = SessionStore()
    request.user = user
    login(request, user, "identity.backends.UsernameOrEmailBackend")
    return request


def test_who_signs_in_again_goes_on_in_the_same_session_with_another_key() -> None:
    clerk = factories.user()
    request = signed_in(clerk)
    first, key = session_id(request), request.session.session_key
    assert timezone.now() - signed_in_at(request) < timedelta(seconds=5)
    login(request, clerk, "identity.backends.UsernameOrEmailBackend")
    assert session_id(request) == first
    assert request.session.session_key != key


def test_a_session_keeps_what_it_knows() -> None:
    request = signed_in(factories.user())
    assert session_id(request) == session_id(request)
    assert signed_in_at(request) == signed_in_at(request)


def test_a_session_from_before_is_as_old_as_the_last_sign_in(django_user_model: Any) -> None:
    clerk = factories.user()
    request = signed_in(clerk)
    clerk.last_login = timezone.now() - timedelta(days=1)
    del request.session["sid"], request.session["auth_time"]
    assert signed_in_at(request) == clerk.last_login
    assert session_id(request)


def test_a_sign_in_deletes_a_hundred_sessions_that_are_over_and_no_other() -> None:
    now = timezone.now()
    BrowserSession.objects.bulk_create(
        BrowserSession(session_key=f"over{number:04}", session_data="", expire_date=now)
        for number in range(150)
    )
    soon = now + timedelta(minutes=1)
    BrowserSession.objects.create(session_key="goes0on0", session_data="", expire_date=soon)
    signed_in(factories.user())
    assert BrowserSession.objects.filter(expire_date__lte=now).count() == 50
    signed_in(factories.user())
    assert not BrowserSession.objects.filter(expire_date__lte=now).exists()
    assert BrowserSession.objects.filter(session_key="goes0on0").exists()


@pytest.mark.parametrize("name", ["\0" * 32, "é" * 32, "x" * 32, "x", " " * 32])
def test_a_cookie_that_names_no_session_is_nobodys(name: str) -> None:
    browser = Client()
    browser.cookies["sessionid"] = name
    assert browser.get("/account/").status_code == 302
    assert browser.get("/api/me/").status_code == 401


def test_the_sessions_of_the_table_before_are_known_by_whose_they_are_and_go_on() -> None:
    user = factories.user()
    before = OldStore()
    before.update({SESSION_KEY: str(user.pk), "cart": "full"})
    before.create()
    nobodys = OldStore()
    nobodys.create()
    Session.objects.filter(pk=nobodys.session_key).update(session_data="unreadable")
    migration = import_module("identity.migrations.0007_browser_sessions")
    migration.move_sessions(apps, connection.schema_editor())
    assert not Session.objects.exists()
    assert BrowserSession.objects.get(pk=before.session_key).user == user
    assert BrowserSession.objects.get(pk=nobodys.session_key).user_id is None
    assert SessionStore(before.session_key)["cart"] == "full"
