"""Roles: loaded once and then the Administrators' own, and what having one means."""

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission

from identity.errors import RoleIsNeeded
from identity.models import Role, User
from identity.roles import assign_roles, delete_role, load_roles, mark_staff
from tests import factories

pytestmark = pytest.mark.django_db


def permissions_of(role: Group) -> set[str]:
    return {
        f"{app}.{codename}"
        for app, codename in role.permissions.values_list("content_type__app_label", "codename")
    }


def write_roles(path: Path, roles: dict[str, list[str]]) -> Path:
    file = path / "roles.json"
    file.write_text(json.dumps(roles))
    return file


# --- Loading ------------------------------------------------------------------------------------


def test_loading_makes_each_role_with_its_permissions(tmp_path: Path) -> None:
    file = write_roles(tmp_path, {"Packer": ["crm.view_order"], "Guest": []})
    assert load_roles(file) == ["Packer", "Guest"]
    assert {role.name: permissions_of(role) for role in Role.objects.all()} == {
        "Packer": {"crm.view_order"},
        "Guest": set(),
    }


def test_loading_again_makes_nothing(fixtures: Path) -> None:
    assert load_roles(fixtures / "roles.json") == ["Viewer", "Clerk", "Manager", "Administrator"]
    before = {role.pk: permissions_of(role) for role in Role.objects.all()}
    assert load_roles(fixtures / "roles.json") == []
    assert {role.pk: permissions_of(role) for role in Role.objects.all()} == before


def test_a_role_stays_as_its_administrator_made_it(fixtures: Path, roles: dict[str, Role]) -> None:
    roles["Clerk"].permissions.set(Permission.objects.filter(codename="view_order"))
    roles["Viewer"].permissions.clear()
    assert load_roles(fixtures / "roles.json") == []
    assert permissions_of(roles["Clerk"]) == {"crm.view_order"}
    assert permissions_of(roles["Viewer"]) == set()


def test_only_a_role_that_is_missing_is_made(fixtures: Path, roles: dict[str, Role]) -> None:
    roles["Clerk"].delete()
    assert load_roles(fixtures / "roles.json") == ["Clerk"]
    assert Role.objects.count() == 4


def test_an_unknown_permission_is_named_and_no_role_is_made(tmp_path: Path) -> None:
    file = write_roles(
        tmp_path,
        {"Packer": ["crm.view_order"], "Guest": ["crm.eat_order", "crm.view_order", "nonsense"]},
    )
    with pytest.raises(
        ValueError, match=r"Guest has unknown permissions: crm\.eat_order, nonsense$"
    ):
        load_roles(file)
    assert not Role.objects.exists()


# --- The roles that Karani comes with -----------------------------------------------------------


def test_each_role_may_do_all_that_the_one_before_it_may(roles: dict[str, Role]) -> None:
    viewer, clerk, manager, administrator = (
        permissions_of(roles[name]) for name in ("Viewer", "Clerk", "Manager", "Administrator")
    )
    assert viewer < clerk < manager < administrator


def test_a_viewer_only_looks(roles: dict[str, Role]) -> None:
    assert permissions_of(roles["Viewer"]) == {
        "crm.view_customer",
        "crm.view_order",
        "sms.view_message",
        "sms.view_messagetemplate",
        "sms.view_broadcast",
    }


def test_a_clerk_takes_in_orders_and_sheets_but_deletes_and_exports_nothing(
    roles: dict[str, Role],
) -> None:
    assert permissions_of(roles["Clerk"]) - permissions_of(roles["Viewer"]) == {
        "crm.add_customer",
        "crm.change_customer",
        "crm.import_customer",
        "crm.add_order",
        "crm.change_order",
        "crm.import_order",
        "sms.add_message",
    }


def test_a_manager_has_the_shop_its_wording_and_its_broadcasts(roles: dict[str, Role]) -> None:
    assert permissions_of(roles["Manager"]) - permissions_of(roles["Clerk"]) == {
        "crm.delete_customer",
        "crm.export_customer",
        "crm.delete_customernote",
        "crm.erase_customer",
        "crm.delete_order",
        "crm.export_order",
        "crm.share_savedview",
        "sms.change_messagetemplate",
        "sms.resume_line",
        "sms.add_broadcast",
        "sms.change_broadcast",
    }


def test_an_administrator_has_the_people_the_apps_and_the_health_page_too(
    roles: dict[str, Role],
) -> None:
    assert permissions_of(roles["Administrator"]) - permissions_of(roles["Manager"]) == {
        f"identity.{verb}_{kind}"
        for verb in ("view", "add", "change", "delete")
        for kind in ("user", "role", "application")
    } | {"identity.view_technical", "identity.change_technical", "project.view_health"}


# --- Having a role ------------------------------------------------------------------------------


def test_somebody_with_a_role_is_staff(roles: dict[str, Role]) -> None:
    user = factories.user()
    assign_roles(user, [roles["Viewer"]])
    user.refresh_from_db()
    assert user.is_staff
    assert user.has_perm("crm.view_order")
    assert not user.has_perm("crm.add_order")


def test_a_user_gets_exactly_the_roles_assigned(roles: dict[str, Role]) -> None:
    user = factories.user("Viewer", "Clerk")
    assign_roles(user, [roles["Clerk"], roles["Manager"]])
    assert {group.name for group in user.groups.all()} == {"Clerk", "Manager"}


def test_somebody_without_a_role_is_no_staff_any_more() -> None:
    user = factories.user("Clerk")
    assign_roles(user, [])
    user.refresh_from_db()
    assert not user.is_staff


def test_a_superuser_is_staff_without_a_role() -> None:
    boss = factories.superuser()
    assign_roles(boss, [])
    boss.refresh_from_db()
    assert boss.is_staff


def test_marking_mends_what_was_set_by_hand() -> None:
    user = factories.user()
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    mark_staff(user)
    user.refresh_from_db()
    assert not user.is_staff


def test_marking_writes_that_one_field_only(roles: dict[str, Role]) -> None:
    user = factories.user()
    stale = User.objects.get(pk=user.pk)
    User.objects.filter(pk=user.pk).update(first_name="Wanjiku")
    assign_roles(stale, [roles["Clerk"]])
    user.refresh_from_db()
    assert (user.first_name, user.is_staff) == ("Wanjiku", True)


def test_who_held_only_a_role_that_is_deleted_is_staff_no_longer() -> None:
    clerk, both = factories.user("Clerk"), factories.user("Clerk", "Viewer")
    delete_role(factories.roles()["Clerk"])
    assert not User.objects.get(pk=clerk.pk).is_staff
    assert User.objects.get(pk=both.pk).is_staff
    assert not Role.objects.filter(name="Clerk").exists()


def test_a_role_that_an_app_is_for_alone_is_not_deleted(roles: dict[str, Role]) -> None:
    app, _ = factories.app(name="Till")
    app.allowed_roles.set([roles["Clerk"]])
    told = r"^Only who has the role Clerk may use Till\. Choose there who else may"
    with pytest.raises(RoleIsNeeded, match=told):
        delete_role(roles["Clerk"])
    assert [role.name for role in app.allowed_roles.all()] == ["Clerk"]
    app.allowed_roles.add(roles["Manager"])
    delete_role(roles["Clerk"])
    assert [role.name for role in app.allowed_roles.all()] == ["Manager"]
