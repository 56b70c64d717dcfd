"""What can be done, and which pages there are? Of each, what the signed-in person may open."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import taking
from identity import invitations, rights
from identity.provider import connected_apps
from project import backoffice
from project.palette.entries import Entry, Group, is_meant


@dataclass(frozen=True)
class Door:
    """Something to do or to look at; ``words`` are others by which people look for it."""

    title: str | Promise
    icon: str
    url: str
    permission: str = ""  # without one, it is for all who get into the back office
    words: str | Promise = ""

    def is_for(self, request: HttpRequest) -> bool:
        return not self.permission or request.user.has_perm(self.permission)

    def entry(self) -> Entry:
        return Entry(str(self.title), reverse(self.url), self.icon)


NEW_ORDER = Door(
    gettext_lazy("New order"),
    "add_shopping_cart",
    "admin:crm_order_add",
    taking.TAKE,
    gettext_lazy("add create take place sell sale"),
)
NEW_CUSTOMER = Door(
    gettext_lazy("New customer"),
    "person_add",
    "admin:crm_customer_add",
    taking.ADD_CUSTOMER,
    gettext_lazy("add create register"),
)
_IN = gettext_lazy("upload spreadsheet sheet excel csv")
_OUT = gettext_lazy("download spreadsheet sheet excel csv")
_ADD = gettext_lazy("add create invite staff")

ACTIONS = (
    NEW_ORDER,
    NEW_CUSTOMER,
    Door(
        gettext_lazy("Write a broadcast"),
        "campaign",
        "admin:sms_broadcast_changelist",
        "sms.add_broadcast",
        gettext_lazy("new send text message sms many customers"),
    ),
    Door(
        gettext_lazy("Import orders"),
        "upload_file",
        "admin:crm_order_import",
        "crm.import_order",
        _IN,
    ),
    Door(
        gettext_lazy("Import customers"),
        "upload_file",
        "admin:crm_customer_import",
        "crm.import_customer",
        _IN,
    ),
    Door(
        gettext_lazy("Export orders"),
        "download",
        "admin:crm_order_export",
        "crm.export_order",
        _OUT,
    ),
    Door(
        gettext_lazy("Export customers"),
        "download",
        "admin:crm_customer_export",
        "crm.export_customer",
        _OUT,
    ),
    Door(
        gettext_lazy("Invite somebody"),
        "mail",
        "admin:identity_invitation_add",
        invitations.INVITES,
        gettext_lazy("new add create user person staff"),
    ),
    Door(
        gettext_lazy("New user"),
        "person_add",
        "admin:identity_user_add",
        rights.ADDS,
        _ADD,
    ),
    Door(
        gettext_lazy("New role"),
        "badge",
        "admin:identity_role_add",
        "identity.add_role",
        gettext_lazy("add create rights permissions"),
    ),
    Door(
        gettext_lazy("Connect an app"),
        "apps",
        "admin:identity_application_add",
        connected_apps.ADDS,
        gettext_lazy("new add create oauth api client"),
    ),
)
# The pages that are not in the sidebar.
HOME = Door(
    gettext_lazy("Home"), "home", "admin:index", words=gettext_lazy("start dashboard sales")
)
OTHER_PAGES = (
    Door(
        gettext_lazy("Spent on texts"),
        "payments",
        "admin:sms_spend",
        "sms.view_message",
        gettext_lazy("cost price money sms"),
    ),
    Door(
        gettext_lazy("What each role may do"),
        "grid_on",
        "admin:identity_role_matrix",
        "identity.view_role",
        gettext_lazy("rights permissions matrix"),
    ),
    Door(
        gettext_lazy("Your account"),
        "manage_accounts",
        "account",
        words=gettext_lazy("my password sign in passkey code email"),
    ),
)


def actions(request: HttpRequest, text: str) -> Group:
    """What this person can do, of what the text means; all of it where there is no text."""
    return Group(_("Actions"), [door.entry() for door in _meant(ACTIONS, request, text)])


def pages(request: HttpRequest, text: str) -> Group:
    """The pages that this person can open, likewise: those of the sidebar among them."""
    in_sidebar = [
        Entry(str(item["title"]), str(item["link"]), item["icon"], [str(group)])
        for group, item in backoffice.items_for(request)
        if is_meant(text, str(item["title"]))
    ]
    first, rest = (_meant(doors, request, text) for doors in ([HOME], OTHER_PAGES))
    return Group(
        _("Pages"),
        [*(door.entry() for door in first), *in_sidebar, *(door.entry() for door in rest)],
    )


def _meant(doors: Iterable[Door], request: HttpRequest, text: str) -> list[Door]:
    return [
        door
        for door in doors
        if door.is_for(request) and is_meant(text, str(door.title), str(door.words))
    ]
