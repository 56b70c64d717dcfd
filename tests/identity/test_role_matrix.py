"""What each role may do, in words: compared on one page, and chosen in each role's form."""

import json
import re
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from identity import roles
from identity.models import Role
from identity.rights_in_words import subjects
from identity.role_matrix import other_rights, role_matrix
from tests import factories
from tests.identity.test_admin import ROLES, role_form, signed_in

pytestmark = pytest.mark.django_db

MATRIX = f"{ROLES}matrix/"


def told() -> dict[str, str]:
    return {name: str(words) for each in subjects() for name, words in each.words.items()}


# --- The words ----------------------------------------------------------------------------------


def test_each_right_of_the_roles_that_karani_comes_with_has_words(fixtures: Path) -> None:
    known = json.loads((fixtures / "roles.json").read_text())
    assert {name for names in known.values() for name in names} <= told().keys()


def test_there_are_words_for_rights_that_there_are_and_no_two_are_alike() -> None:
    assert told().keys() <= roles.known_permissions().keys()
    assert len(set(told().values())) == len(told())
    assert len({each.key for each in subjects()}) == len(subjects())


def test_what_people_do_all_day_comes_first() -> None:
    titles = [str(each.title) for each in subjects()]
    assert titles[:2] == ["Customers", "Orders"]
    assert titles[-2:] == ["Technical", "Health"]


# --- Comparing ----------------------------------------------------------------------------------


def test_the_matrix_says_which_role_may_what(roles: dict[str, Role]) -> None:
    matrix = role_matrix()
    assert [role.name for role in matrix.roles] == ["Administrator", "Clerk", "Manager", "Viewer"]
    may = {row.words: dict(row.marks) for section in matrix.sections for row in section.rows}
    assert may["See customers"] == dict.fromkeys(roles, True)
    assert may["Take orders"] == dict.fromkeys(roles, True) | {"Viewer": False}
    assert may["Delete roles"] == dict.fromkeys(roles, False) | {"Administrator": True}


def test_the_page_says_it_in_words_with_headers(roles: dict[str, Role]) -> None:
    page = signed_in(factories.user("Administrator")).get(MATRIX).content.decode()
    squeezed = " ".join(page.split())
    assert '<th scope="rowgroup" colspan="5">Orders</th>' in squeezed
    row = squeezed[squeezed.index('<th scope="row">Take orders</th>') :]
    cells = re.findall(r'<td class="may[^"]*">(\w+)</td>', row[: row.index("</tr>")])
    assert cells == ["Yes", "Yes", "Yes", "No"]
    assert 'role="region"' in page


def test_where_there_is_no_role_the_page_leads_to_one(admin_client: Client) -> None:
    page = admin_client.get(MATRIX).content.decode()
    assert "There is no role yet." in page
    assert f'href="{ROLES}add/"' in page


def test_the_page_costs_the_same_queries_with_four_roles_and_with_fifty(
    admin_client: Client, roles: dict[str, Role]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert admin_client.get(MATRIX).status_code == 200
        return len(seen)

    queries()  # what is asked once a process is asked here
    few = queries()
    for number in range(46):
        made = Role.objects.create(name=f"Packer {number}")
        made.permissions.set(roles["Clerk"].permissions.all())
    assert queries() == few


# --- The form -----------------------------------------------------------------------------------


def test_a_role_is_made_of_plain_words(admin_client: Client) -> None:
    page = admin_client.get(f"{ROLES}add/").content.decode()
    assert "Take orders" in page
    assert "log entry" not in page
    assert "content type" not in page
    admin_client.post(f"{ROLES}add/", role_form("Packer", ["crm.view_order", "sms.view_message"]))
    made = Role.objects.get(name="Packer")
    held = made.permissions.values_list("codename", flat=True)
    assert sorted(held) == ["view_message", "view_order"]


def test_the_form_has_ticked_what_the_role_may(admin_client: Client) -> None:
    viewers = factories.roles()["Viewer"]
    page = admin_client.get(f"{ROLES}{viewers.pk}/change/").content.decode()
    ticked = re.findall(r'<input[^>]*value="([\w.]+)"[^>]*\schecked[\s>]', page)
    assert sorted(ticked) == [
        *("crm.view_customer", "crm.view_order", "sms.view_broadcast"),
        *("sms.view_message", "sms.view_messagetemplate"),
    ]


def test_what_is_technical_is_told_and_not_lost(admin_client: Client) -> None:
    made = Role.objects.create(name="Engineer")
    made.permissions.add(roles.known_permissions()["admin.view_logentry"])
    path = f"{ROLES}{made.pk}/change/"
    assert other_rights(made) == ["Can view log entry"]
    assert "Can view log entry" in admin_client.get(path).content.decode()
    admin_client.post(path, role_form("Engineer", ["crm.view_order"]))
    held = made.permissions.values_list("codename", flat=True)
    assert sorted(held) == ["view_logentry", "view_order"]


def test_who_only_looks_at_roles_reads_what_one_may() -> None:
    clerks = factories.roles()["Clerk"]
    looker = factories.user("Viewer")
    looker.user_permissions.add(roles.known_permissions()["identity.view_role"])
    page = signed_in(looker).get(f"{ROLES}{clerks.pk}/change/").content.decode()
    assert "See customers, Add customers, Change customers" in page
    assert "checkbox" not in page[page.index("What it may do") :]


def test_the_list_tells_how_many_have_each(admin_client: Client) -> None:
    factories.user("Clerk")
    factories.user("Clerk", "Viewer")
    page = "".join(admin_client.get(ROLES).content.decode().split())
    assert page.count("field-people") >= 4
    assert MATRIX in page
