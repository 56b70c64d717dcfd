"""Lists as people like to see them: views they named, and columns they chose."""

from typing import Any, cast
from urllib.parse import urlencode

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import saved_views
from crm.models import ColumnChoice, Customer, Order, SavedView, ViewedList
from identity.models import User
from tests import factories

pytestmark = pytest.mark.django_db

ORDERS, CUSTOMERS = "/admin/crm/order/", "/admin/crm/customer/"
VIEWS = "/admin/crm/savedview/"


@pytest.fixture
def manager() -> User:
    return factories.user("Manager")


@pytest.fixture
def clerk() -> User:
    return factories.user("Clerk")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def view(
    owner: User, name: str = "Late", query: str = "status__exact=PENDING", **facts: Any
) -> SavedView:
    return saved_views.save_view(owner, facts.pop("list", "orders"), name, query, **facts)


def save(client: Client, name: str = "Late", query: str = "q=lamp", **fields: str) -> Any:
    return client.post(f"{VIEWS}add/", {"list": "orders", "name": name, "query": query} | fields)


def offered(client: Client, path: str = ORDERS) -> dict[str, str]:
    """The views that a list offers, with where they lead."""
    return {each["view"].name: each["link"] for each in client.get(path).context["views"]}


def shown(page: Any) -> list[str]:
    return [name for name in page.context["cl"].list_display if name != "action_checkbox"]


def listed(page: Any) -> list[Any]:
    return list(page.context["cl"].result_list)


# --- Views: saved and applied -------------------------------------------------------------------


def test_a_list_is_saved_as_it_is_seen_and_found_again(clerk: User) -> None:
    lamps = [factories.order(item=f"Lamp {number}", amount=number) for number in (2, 1, 3)]
    factories.order(item="Radio")
    client = browser(clerk)
    seen = client.get(ORDERS, {"q": "lamp", "o": "money", "columns": "money,order_number,state"})
    saved = save(client, "Lamps", seen.context["query_as_seen"])
    address = f"{ORDERS}?columns=money%2Corder_number%2Cstate&o=money&q=lamp"
    assert (saved.status_code, saved["Location"]) == (302, address)
    page = client.get(ORDERS + offered(client)["Lamps"])
    assert listed(page) == [lamps[1], lamps[0], lamps[2]]
    assert shown(page) == ["money", "order_number", "state"]
    assert page.context["current_view"].name == "Lamps"
    assert SavedView.objects.get().owner == clerk


def test_a_view_of_the_same_name_is_replaced(clerk: User) -> None:
    client = browser(clerk)
    save(client, " Late ", "q=lamp")
    save(client, "Late", "q=radio")
    assert SavedView.objects.values_list("name", "query").get() == ("Late", "q=radio")
    view(factories.user("Clerk"))  # another's
    assert SavedView.objects.count() == 2


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("?q=lamp&p=3&e=1&_popup=1&nonsense=1", "q=lamp"),
        (
            "status__exact=PENDING&status__exact=CANCELLED",
            "status__exact=CANCELLED&status__exact=PENDING",
        ),
        ("texts=yes", ""),
        ("q=", ""),
        ("q=a%00b&o=-ordered", "o=-ordered"),
        ("order_time_from_0=soon", "order_time_from_0=soon"),
    ],
)
def test_only_what_the_list_knows_is_kept_of_an_address(clerk: User, query: str, kept: str) -> None:
    assert saved_views.clean_query("orders", query) == kept
    page = browser(clerk).get(f"{ORDERS}?{kept}")
    assert page.status_code == 200


def test_each_list_keeps_the_parameters_of_its_filters() -> None:
    for model, viewed in ((Order, ViewedList.ORDERS), (Customer, ViewedList.CUSTOMERS)):
        request = Client().get("/").wsgi_request
        request.user = factories.superuser()
        screen: Any = site.get_model_admin(cast("Any", model))
        filters = screen.get_changelist_instance(request).filter_specs
        known = {each for spec in filters for each in spec.expected_parameters() if each}
        known = {each for each in known if not each.endswith("__isnull")}
        assert known <= saved_views.PARAMETERS[viewed]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "},
        {"name": "x" * 61},
        {"name": "a\tb"},
        {"list": "texts"},
        {"query": "q=" + "x" * 2000},
    ],
)
def test_a_view_that_makes_no_sense_is_not_saved(clerk: User, fields: dict[str, str]) -> None:
    page = save(browser(clerk), **fields)
    assert page.status_code == 200
    assert page.context["adminform"].form.errors
    assert not SavedView.objects.exists()


def test_an_address_with_too_many_parts_is_refused() -> None:
    with pytest.raises(ValidationError, match="too long"):
        saved_views.clean_query("orders", "&".join(["q=1"] * 51))


# --- Views: whose ---------------------------------------------------------------------------------


def test_ones_own_view_is_nobody_elses(clerk: User, manager: User) -> None:
    mine = view(clerk)
    assert offered(browser(clerk)) == {"Late": "?status__exact=PENDING"}
    for other in (manager, factories.superuser()):
        client = browser(other)
        assert offered(client) == {}
        address = f"{VIEWS}{mine.pk}/change/"
        assert client.get(address)["Location"] == "/admin/"
        assert client.post(address, {"name": "Mine"})["Location"] == "/admin/"
        assert client.post(f"{VIEWS}{mine.pk}/delete/", {"post": "yes"})["Location"] == "/admin/"
        assert "Late" not in client.get(VIEWS).content.decode()
    assert SavedView.objects.values_list("name", flat=True).get() == "Late"


def test_a_shared_view_is_everybodys_to_open_and_its_keepers_to_change(
    clerk: User, manager: User
) -> None:
    save(browser(manager), is_shared="on")
    shared = SavedView.objects.get(is_shared=True)
    client = browser(clerk)
    assert offered(client) == {"Late": "?q=lamp"}
    assert client.get(f"{VIEWS}{shared.pk}/change/").status_code == 200
    assert client.post(f"{VIEWS}{shared.pk}/change/", {"name": "Mine"}).status_code == 403
    assert client.post(f"{VIEWS}{shared.pk}/delete/", {"post": "yes"}).status_code == 403
    another = browser(factories.user("Manager"))
    another.post(f"{VIEWS}{shared.pk}/change/", {"name": "Lamps"})
    assert SavedView.objects.values_list("name", "is_shared", "owner").get() == (
        "Lamps",
        False,
        manager.pk,
    )


def test_who_may_not_share_shares_nothing(clerk: User) -> None:
    client = browser(clerk)
    assert "is_shared" not in client.get(ORDERS).content.decode()
    save(client, is_shared="on")
    mine = SavedView.objects.get()
    client.post(f"{VIEWS}{mine.pk}/change/", {"name": "Late", "is_shared": "on"})
    mine.refresh_from_db()
    assert not mine.is_shared
    assert offered(browser(factories.user("Clerk"))) == {}


def test_a_view_of_a_list_that_one_may_not_see_is_not_seen_either(manager: User) -> None:
    shared = view(manager, is_shared=True)
    viewer = factories.user("Viewer")
    viewer.groups.get().permissions.remove(Permission.objects.get(codename="view_order"))
    client = browser(viewer)
    assert client.get(f"{VIEWS}{shared.pk}/change/")["Location"] == "/admin/"
    assert save(client).status_code == 403
    assert offered(client, CUSTOMERS) == {}
    assert SavedView.objects.count() == 1


def rows() -> list[Any]:
    return list(SavedView.objects.order_by("pk").values())


def test_the_operations_save_and_share_nothing_that_its_owner_may_not(clerk: User) -> None:
    mine = view(clerk)
    nobody, before = factories.user(), rows()
    with pytest.raises(PermissionDenied):
        view(nobody)
    for name in ("Late", "Another"):
        with pytest.raises(PermissionDenied):
            view(clerk, name, is_shared=True)
    mine.is_shared = True
    with pytest.raises(PermissionDenied):
        saved_views.revise_view(mine, {"is_shared": True}, by=clerk)
    assert rows() == before


@pytest.mark.parametrize("is_shared", [False, True])
def test_the_operations_change_and_delete_no_view_of_another(
    clerk: User, manager: User, is_shared: bool
) -> None:
    theirs = view(manager, is_shared=is_shared)
    user, before = clerk if is_shared else factories.user("Manager"), rows()
    with pytest.raises(PermissionDenied):
        saved_views.delete_view(theirs, by=user)
    theirs.is_shared = not is_shared  # as a form leaves it
    with pytest.raises(PermissionDenied):
        saved_views.revise_view(theirs, {"name": "Mine"}, by=user)
    assert rows() == before


def test_a_view_of_a_list_that_one_no_longer_sees_is_not_changed_either(manager: User) -> None:
    mine = view(manager, is_shared=True)
    manager.groups.get().permissions.remove(Permission.objects.get(codename="view_order"))
    user, before = User.objects.get(pk=manager.pk), rows()
    with pytest.raises(PermissionDenied):
        saved_views.revise_view(mine, {"name": "Lamps"}, by=user)
    with pytest.raises(PermissionDenied):
        saved_views.delete_view(mine, by=user)
    assert rows() == before


def test_ones_own_view_is_renamed_and_deleted(clerk: User) -> None:
    mine, other = view(clerk), view(clerk, "Other")
    client = browser(clerk)
    page = client.post(f"{VIEWS}{mine.pk}/change/", {"name": "Other"})
    assert page.context["adminform"].form.errors == {
        "name": ["There is another view with this name."]
    }
    client.post(f"{VIEWS}{mine.pk}/change/", {"name": "Pending", "query": "q=x", "list": "texts"})
    mine.refresh_from_db()
    assert (mine.name, mine.query, mine.list) == ("Pending", "status__exact=PENDING", "orders")
    client.post(f"{VIEWS}{mine.pk}/delete/", {"post": "yes"})
    assert list(SavedView.objects.all()) == [other]


# --- Columns --------------------------------------------------------------------------------------


def test_each_sees_the_columns_that_they_chose(clerk: User, manager: User) -> None:
    client = browser(clerk)
    columns = {"column": ["state", "reference", "order_number"]}
    places = {"place_state": "2", "place_reference": "3", "place_order_number": "1"}
    back = client.post(
        f"{ORDERS}columns/", columns | places | {"query": "q=lamp&columns=money&p=2"}
    )
    assert (back.status_code, back["Location"]) == (302, f"{ORDERS}?q=lamp")
    assert shown(client.get(ORDERS)) == ["order_number", "state", "reference"]
    assert shown(client.get(ORDERS, {"columns": "money"})) == ["money"]
    assert "money" in shown(browser(manager).get(ORDERS))
    assert shown(client.get(CUSTOMERS))[0] == "name"


@pytest.mark.parametrize(
    "form", [{}, {"column": ["nonsense", "id"]}, {"column": ["state"], "reset": "1"}]
)
def test_a_list_without_columns_is_shown_as_it_comes(clerk: User, form: dict[str, Any]) -> None:
    client = browser(clerk)
    saved_views.choose_columns(clerk, "orders", ["state"], ["state"])
    client.post(f"{ORDERS}columns/", form)
    assert not ColumnChoice.objects.exists()
    as_it_comes = shown(client.get(ORDERS))
    assert as_it_comes[0] == "order_number"
    assert as_it_comes == shown(client.get(ORDERS, {"columns": "nonsense,id"}))
    assert "reference" not in as_it_comes


def test_who_may_move_nothing_has_no_column_for_it() -> None:
    client = browser(factories.user("Viewer"))
    assert "next_steps" not in shown(client.get(ORDERS))
    assert shown(client.get(ORDERS, {"columns": "next_steps"}))[0] == "order_number"


def test_a_list_is_sorted_by_the_same_column_whoever_opens_its_address(
    clerk: User, manager: User
) -> None:
    cheap, dear = factories.order(amount=1), factories.order(amount=2)
    viewer = factories.user("Viewer")  # has no boxes to tick, which count as a column
    page = browser(manager).get(ORDERS, {"o": "-4"})  # as Django numbers them
    assert listed(page) == [dear, cheap]
    link = page.context["cl"].get_query_string({"o": "4.-1"})
    assert link == "?" + urlencode({"o": "money.-order_number"})
    for user in (viewer, clerk):
        assert listed(browser(user).get(f"{ORDERS}{link}&columns=state,money")) == [cheap, dear]
    for unknown in ("nonsense", "-99", "", "-", "what.state.x"):
        assert browser(clerk).get(ORDERS, {"o": unknown}).status_code == 200
    assert listed(browser(clerk).get(ORDERS, {"o": "reference"})) == [dear, cheap]  # is not shown


@pytest.mark.parametrize("path", [ORDERS, CUSTOMERS])
def test_a_list_costs_the_same_with_one_view_and_with_twenty(manager: User, path: str) -> None:
    client, counts = browser(manager), []
    factories.order()
    viewed = "orders" if path == ORDERS else "customers"
    for number in (1, 20):
        for each in range(number):
            view(factories.user("Manager"), f"{number} {each}", list=viewed, is_shared=True)
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Their owner goes -----------------------------------------------------------------------------


@pytest.mark.parametrize("is_among_others", [False, True])
def test_whoever_is_deleted_takes_their_own_views_along_and_leaves_those_that_all_use(
    admin_client: Client, manager: User, clerk: User, is_among_others: bool
) -> None:
    view(manager, "Mine")
    shared = view(manager, "All's", is_shared=True)
    others = view(clerk, "Hers")
    address, body = f"/admin/identity/user/{manager.pk}/delete/", {"post": "yes"}
    if is_among_others:
        address = "/admin/identity/user/"
        body |= {"action": "delete_selected", "_selected_action": str(manager.pk)}
    asked = (
        admin_client.get(address)
        if not is_among_others
        else admin_client.post(address, {k: v for k, v in body.items() if k != "post"})
    )
    assert "What they shared with everybody stays." in asked.content.decode()
    assert admin_client.post(address, body).status_code == 302
    assert not User.objects.filter(pk=manager.pk).exists()
    assert set(SavedView.objects.values_list("pk", "owner")) == {
        (shared.pk, None),
        (others.pk, clerk.pk),
    }
    assert offered(browser(clerk)) == {"All's": f"?{shared.query}", "Hers": f"?{others.query}"}
    page = admin_client.get(f"{VIEWS}{shared.pk}/change/")
    assert page.status_code == 200


# --- What no page of ours would send --------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("&".join(["q=lamp"] * 51), "This address is too long to be saved."),
        (
            "q=" + "\N{SNOWMAN}" * 600,
            "Ensure this value has at most 2000 characters (it has 5402).",
        ),
    ],
)
def test_an_address_that_cannot_be_kept_is_refused(manager: User, query: str, why: str) -> None:
    page = save(browser(manager), query=query)
    assert page.status_code == 200
    assert why in page.content.decode()
    assert not SavedView.objects.exists()


def test_a_place_of_five_thousand_digits_is_none(manager: User) -> None:
    columns = {"column": ["money", "state"], "place_money": "9" * 5000, "place_state": "2"}
    assert browser(manager).post(f"{ORDERS}columns/", columns).status_code == 302
    assert saved_views.columns_of(manager, "orders") == ["money", "state"]
