"""The queue on a screen: what waits, and what failed, which can be forgotten."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import Failure, OrmQ
from django_q.tasks import async_task

from tests import factories

pytestmark = pytest.mark.django_db

WAITING, FAILED = "/admin/django_q/ormq/", "/admin/django_q/failure/"


@pytest.fixture
def client() -> Client:
    browser = Client()
    browser.force_login(factories.user("Administrator"))
    return browser


def test_a_task_that_waits_is_told_with_what_it_is_about(client: Client) -> None:
    async_task("sms.tasks.drain", "01890000-0000-7000-8000-000000000000")
    page = client.get(WAITING).content.decode()
    assert "sms.tasks.drain" in page
    assert "01890000-0000-7000-8000-000000000000" in page


def test_a_task_that_nobody_can_read_is_listed_too(client: Client) -> None:
    OrmQ.objects.create(key="karani", payload="nonsense")
    assert client.get(WAITING).status_code == 200


def test_a_task_that_failed_tells_why_and_is_discarded(client: Client) -> None:
    failed, other = factories.failed_task(), factories.failed_task("sms.tasks.sweep")
    assert "sms.tasks.drain" in client.get(FAILED).content.decode()
    assert "No." in client.get(f"{FAILED}{failed.pk}/change/").content.decode()
    body = {"action": "discard", "_selected_action": [failed.pk]}
    client.post(FAILED, body)
    assert "1 was discarded." in client.get(FAILED).content.decode()
    assert list(Failure.objects.all()) == [other]


def test_who_only_looks_discards_nothing() -> None:
    administrator = factories.user("Administrator")
    role = administrator.groups.get()
    role.permissions.remove(role.permissions.get(codename="change_technical"))
    browser = Client()
    browser.force_login(administrator)
    failed = factories.failed_task()
    browser.post(FAILED, {"action": "discard", "_selected_action": [failed.pk]})
    assert Failure.objects.count() == 1


@pytest.mark.parametrize("path", [WAITING, FAILED])
def test_a_list_costs_the_same_queries_with_one_and_with_twenty(client: Client, path: str) -> None:
    def make() -> None:
        async_task("sms.tasks.drain")
        factories.failed_task()

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        return len(seen)

    make()
    queries()  # what is asked once a process is asked here
    few = queries()
    for _ in range(19):
        make()
    assert queries() == few
