"""An empty list says so, and offers the one thing to do next that its reader may."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from project.empty_lists import OF_MODELS
from sms.models import MessageTemplate
from tests import factories

pytestmark = pytest.mark.django_db

NEW_ORDER = ("New order", "/admin/crm/order/add/")
HOME = ("Go to the first page", "/admin/")
SENT = ("See the sent texts", "/admin/sms/message/")
OFFERS = {
    "crm/order": {"Viewer": HOME, "Clerk": NEW_ORDER, "Manager": NEW_ORDER},
    "crm/customer": {
        "Viewer": HOME,
        "Clerk": ("Import customers", "/admin/crm/customer/import/"),
    },
    "crm/savedview": {"Viewer": ("See the orders", "/admin/crm/order/")},
    "sms/message": {"Viewer": HOME, "Clerk": NEW_ORDER},
    "sms/incomingtext": {"Viewer": SENT},
    "sms/consentchange": {"Viewer": ("See the customers", "/admin/crm/customer/")},
    "sms/broadcast": {
        "Clerk": HOME,
        "Manager": ("Choose customers to text", "/admin/crm/customer/"),
    },
    "sms/messagetemplate": {"Viewer": HOME},
    "django_q/ormq": {"Administrator": HOME},
    "django_q/failure": {"Administrator": HOME},
    "identity/sessiontoken": {"Administrator": HOME},
    "identity/personalaccesstoken": {"Administrator": HOME},
    "identity/authorization": {
        "Administrator": ("See the connected apps", "/admin/identity/application/")
    },
    "identity/invitation": {
        "Administrator": ("Invite somebody", "/admin/identity/invitation/add/")
    },
    "identity/application": {
        "Administrator": ("Connect an app", "/admin/identity/application/add/")
    },
}


def offered(rank: str, path: str) -> tuple[str, tuple[str, str]]:
    """The words, and the one button, its label and where it leads."""
    client = Client()
    client.force_login(factories.user(rank))
    page: Any = client.get(path)
    assert page.status_code == 200
    [(words, link, label)] = re.findall(
        r'<h2 class="font-semibold text-center[^>]*>(.*?)</h2>\s*'
        r'<a href="(.*?)".*?>\s*([^<>]+?)\s*</a>',
        page.content.decode(),
        re.DOTALL,
    )
    return unescape(words), (label, link)


@pytest.mark.parametrize(
    ("model", "rank"), [(model, rank) for model, ranks in OFFERS.items() for rank in ranks]
)
def test_an_empty_list_offers_what_its_reader_may_do_next(model: str, rank: str) -> None:
    MessageTemplate.objects.all().delete()
    words, offer = offered(rank, f"/admin/{model}/")
    assert offer == OFFERS[model][rank]
    assert words.endswith(".")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/admin/crm/order/?q=lamp", "No orders match."),
        ("/admin/crm/order/?status__exact=CANCELLED", "No orders match."),
        ("/admin/crm/customer/?texts=opted_out", "No customers match."),
        ("/admin/sms/message/?created_at_from_0=2099-01-01", "No texts match."),
        ("/admin/identity/user/?q=nobody", "No users match."),
    ],
)
def test_where_nothing_matches_the_list_offers_to_show_all(path: str, words: str) -> None:
    factories.order()
    clear = ("Clear the search and filters", path.partition("?")[0])
    assert offered("Administrator", path) == (words, clear)


def test_each_list_that_can_be_empty_says_here_what_it_offers() -> None:
    never_empty = {"identity.user", "identity.role", "identity.browsersession"}  # of who looks
    lists = {model._meta.label_lower for model in admin.site._registry}
    assert {f"{each.replace('/', '.')}" for each in OFFERS} == lists - never_empty
    assert set(OF_MODELS) <= lists
