"""The admin's face: each sees the doors they may open, and whether texts leave the house."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from identity.models import User
from sms import line
from sms.models import Hold
from tests import factories

pytestmark = pytest.mark.django_db

SHOP = {"Orders": "/admin/crm/order/", "Customers": "/admin/crm/customer/"}
TEXTS = {
    "Sent texts": "/admin/sms/message/",
    "Opt-outs": "/admin/sms/consentchange/",
    "Broadcasts": "/admin/sms/broadcast/",
    "Simulated phones": "/admin/sms/message/phones/",
    "Wording": "/admin/sms/messagetemplate/",
}
PEOPLE = {
    "Users": "/admin/identity/user/",
    "Invitations": "/admin/identity/invitation/",
    "Roles": "/admin/identity/role/",
    "Health": "/admin/health/",
    "Signed-in browsers": "/admin/identity/browsersession/",
    "API sign-ins": "/admin/identity/sessiontoken/",
    "Personal tokens": "/admin/identity/personalaccesstoken/",
    "Access of apps": "/admin/identity/authorization/",
    "Waiting tasks": "/admin/django_q/ormq/",
    "Failed tasks": "/admin/django_q/failure/",
}


def open_page(user: User, path: str = "/admin/") -> Any:
    client = Client()
    client.force_login(user)
    response = client.get(path)
    assert response.status_code == 200
    return response


def sidebar(response: Any) -> dict[str, str]:
    """The links in the sidebar as the browser shows them: words and address."""
    start = response.content.decode().index('id="nav-sidebar-apps"')
    page = response.content.decode()[start:]
    known = set(SHOP | TEXTS | PEOPLE)
    links = re.findall(r'<a\b[^>]*?href="([^"]+)"[^>]*>(.*?)</a>', page, re.DOTALL)
    words = {
        unescape(" ".join(re.sub(r"<[^>]+>", " ", inner).split())): href for href, inner in links
    }
    # An icon is a word too, before the title.
    return {
        title: href
        for told, href in words.items()
        for title in known
        if told.split(" ", 1)[-1] == title
    }


@pytest.mark.parametrize(
    ("role", "doors"),
    [
        ("Viewer", SHOP | TEXTS),
        ("Clerk", SHOP | TEXTS),
        ("Manager", SHOP | TEXTS),
        ("Administrator", SHOP | TEXTS | PEOPLE),
    ],
)
def test_each_role_sees_the_doors_it_may_open(role: str, doors: dict[str, str]) -> None:
    assert sidebar(open_page(factories.user(role))) == doors


def test_a_superuser_sees_every_door(boss: User) -> None:
    assert sidebar(open_page(boss)) == SHOP | TEXTS | PEOPLE


def test_every_door_in_the_sidebar_opens(boss: User) -> None:
    client = Client()
    client.force_login(boss)
    for path in (SHOP | TEXTS | PEOPLE).values():
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/admin/crm/order/", "Orders"),
        ("/admin/crm/order/add/", "Orders"),
        ("/admin/crm/customer/", "Customers"),
        ("/admin/sms/message/", "Sent texts"),
        ("/admin/sms/message/phones/", "Simulated phones"),
        ("/admin/identity/user/", "Users"),
        ("/admin/health/", "Health"),
        ("/admin/", None),
    ],
)
def test_one_door_at_most_is_the_one_we_stand_at(boss: User, path: str, title: str | None) -> None:
    groups = open_page(boss, path).context["sidebar_navigation"]
    active = [item["title"] for group in groups for item in group["items"] if item["active"]]
    assert active == ([title] if title else [])


@pytest.mark.parametrize("role", ["Clerk", "Viewer", "Manager"])
def test_whoever_sees_the_texts_is_told_on_every_page_that_they_are_stopped(role: str) -> None:
    user = factories.user(role)
    assert "Texts stopped" not in open_page(user).content.decode()
    line.note_hold(line.find_line(), Hold.BALANCE, "Empty.")
    for path in ("/admin/", "/admin/crm/order/"):
        page = open_page(user, path)
        assert "Texts stopped" in page.content.decode()
        groups = page.context["sidebar_navigation"]
        badges = {item["title"]: item.get("badge") for group in groups for item in group["items"]}
        assert {title for title, badge in badges.items() if badge} == {"Sent texts"}


def test_who_may_not_see_the_texts_is_not_told_of_them() -> None:
    user = factories.user("Viewer")
    user.groups.get().permissions.remove(Permission.objects.get(codename="view_message"))
    line.note_hold(line.find_line(), Hold.BALANCE, "Empty.")
    assert "Texts stopped" not in open_page(user).content.decode()


def test_who_has_no_role_is_asked_to_sign_in() -> None:
    client = Client()
    client.force_login(factories.user())
    response = client.get("/admin/")
    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/")
