"""What is above each page: that no worker is there, and that no customer gets a real text."""

import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ

from project import banners
from project.models import Worker
from project.workers import GONE
from sms import line
from tests import factories

pytestmark = pytest.mark.django_db

PAGES = (
    *("/admin/", "/admin/crm/order/", "/admin/crm/order/add/", "/admin/crm/customer/import/"),
    *("/admin/sms/message/", "/admin/sms/message/spend/", "/admin/health/", "/admin/crm/"),
)
SIMULATOR = "Simulator: no customer gets a text."


@pytest.fixture(autouse=True)
def _up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The web server has not just started."""
    monkeypatch.setattr(banners, "_STARTED_AT", timezone.now() - timedelta(hours=1))


def seen(ago: timedelta) -> None:
    """The worker was last seen so long ago."""
    now = timezone.now()
    facts = {"version": "1", "started_at": now - timedelta(days=1), "seen_at": now - ago}
    Worker.objects.update_or_create(name="shop, process 7", defaults=facts)


def left_waiting(ago: timedelta) -> None:
    due = timezone.now() - ago
    OrmQ.objects.create(key=Conf.CLUSTER_NAME, payload="task", lock=due)


def browser(*roles: str) -> Client:
    client = Client()
    client.force_login(factories.user(*roles) if roles else factories.superuser())
    return client


def told(client: Client, path: str = "/admin/") -> Sequence[tuple[str, str]]:
    """Each banner on the page: its role, and its words with those of its links."""
    page = client.get(path).content.decode()
    found = re.findall(r'<div class="banner [a-z]+" role="(\w+)">(.*?)</div>', page, re.DOTALL)
    return [
        (role, unescape(" ".join(re.sub(r"<[^>]+>", " ", words).split()))) for role, words in found
    ]


def alerts(client: Client, path: str = "/admin/") -> list[str]:
    return [words for role, words in told(client, path) if role == "alert"]


# --- The worker ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_a_worker_gone_for_a_minute_is_told_on_every_page(path: str) -> None:
    client = browser()
    seen(timedelta())
    assert alerts(client, path) == []
    seen(timedelta(minutes=3, seconds=5))
    assert alerts(client, path) == [
        "No texts are sent: the worker was last seen 3 minutes ago. What to do"
    ]


def test_who_looks_after_karani_is_led_to_the_health_page_others_are_told_whom_to_tell() -> None:
    seen(timedelta(hours=2, minutes=1))
    page = browser("Administrator").get("/admin/crm/order/").content.decode()
    assert 'href="/admin/health/#workers"' in page
    [words] = alerts(browser("Clerk"))
    assert words == (
        "No texts are sent: the worker was last seen 2 hours, 1 minute ago. "
        "They wait, and none is lost. Tell whoever runs Karani."
    )


def test_the_exact_time_is_shown_on_hover(settings: Any) -> None:
    seen(timedelta(minutes=3))
    local = timezone.localtime(Worker.objects.get().seen_at)
    page = browser("Clerk").get("/admin/").content.decode()
    assert f'title="{local.day} {local:%b %Y %H:%M:%S}"' in page


def test_a_new_installation_is_not_told_of_a_worker_before_something_waits_for_it() -> None:
    client = browser("Clerk")
    assert alerts(client) == []
    left_waiting(timedelta())
    assert alerts(client) == []
    left_waiting(GONE + timedelta(seconds=5))
    assert alerts(client)[0].startswith("No texts are sent: no worker has been seen yet.")


def test_a_web_server_that_has_just_started_gives_the_worker_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = browser("Clerk")
    seen(timedelta(days=2))  # both were stopped meanwhile
    monkeypatch.setattr(banners, "_STARTED_AT", timezone.now())
    assert alerts(client) == []


def test_a_worker_that_is_back_is_told_of_no_more() -> None:
    client = browser("Clerk")
    seen(timedelta(minutes=3))
    assert len(alerts(client)) == 1
    seen(timedelta())
    assert alerts(client) == []


# --- No real texts ------------------------------------------------------------------------------


def test_while_the_simulator_is_on_each_page_says_so_and_leads_to_its_phones() -> None:
    for path in PAGES[1:]:
        assert told(browser(), path) == [("status", f"{SIMULATOR} Simulated phones")], path
    home = browser("Administrator")
    assert told(home) == [("status", f"{SIMULATOR} Simulated phones Send real texts")]
    assert 'href="/admin/health/#gateway"' in home.get("/admin/").content.decode()
    clerk = browser("Clerk")
    assert told(clerk) == [("status", f"{SIMULATOR} Simulated phones")]
    assert 'href="/admin/sms/message/phones/"' in clerk.get("/admin/").content.decode()


def test_who_may_not_see_texts_is_led_to_none() -> None:
    user = factories.user("Viewer")
    user.groups.get().permissions.remove(Permission.objects.get(codename="view_message"))
    client = Client()
    client.force_login(user)
    assert told(client) == [("status", SIMULATOR)]


def test_texts_that_are_printed_are_told_of_too(settings: Any) -> None:
    settings.SMS_GATEWAY = "console"
    assert told(browser("Clerk")) == [("status", "Texts are printed: no customer gets one.")]


def test_where_texts_are_sent_and_a_worker_is_there_nothing_is_above_the_page(
    settings: Any,
) -> None:
    settings.SMS_GATEWAY = "africastalking"
    seen(timedelta())
    assert told(browser()) == []


# --- What it costs ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["Clerk", "Administrator"])
def test_all_of_it_is_one_query_a_page(role: str) -> None:
    client = browser(role)
    seen(timedelta(minutes=3))
    line.stop(None)
    client.get("/admin/crm/order/")
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/admin/crm/order/")
    assert "Texts stopped" in page.content.decode()
    asked = [each["sql"] for each in queries if re.search("worker|sms_line", each["sql"])]
    assert len(asked) == 1
    assert "project_worker" in asked[0]
    assert "sms_line" in asked[0]


@pytest.mark.parametrize("path", ["/sign-in/", "/admin/login/", "/"])
def test_a_stranger_is_told_nothing_and_nothing_is_asked_for_them(path: str) -> None:
    seen(timedelta(minutes=3))
    client = Client()
    with CaptureQueriesContext(connection) as queries:
        assert told(client, path) == []
    assert [each for each in queries if "worker" in each["sql"]] == []


def test_a_popup_has_the_page_behind_it_to_say_so() -> None:
    seen(timedelta(minutes=3))
    assert told(browser(), "/admin/crm/customer/add/?_popup=1") == []


def test_a_banner_is_shown_once_on_each_page() -> None:
    client = Client()
    client.force_login(factories.superuser())
    for path in (each for each in PAGES if each != "/admin/health/"):  # which says it itself, too
        assert client.get(path).content.decode().count(SIMULATOR) == 1, path
