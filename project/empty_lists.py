"""What does a list of the back office say when nothing is on it, and what is there to do next?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.db.models.options import Options
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.taking import ADD_CUSTOMER, TAKE
from identity.invitations import INVITES
from identity.provider import connected_apps

Words = str | Promise


@dataclass(frozen=True)
class Action:
    """Something to do, for who has the permission."""

    label: Words
    door: str  # the name of its address
    permission: str = ""

    @property
    def link(self) -> str:
        return reverse(f"admin:{self.door}")


@dataclass(frozen=True)
class EmptyList:
    """What is said, and what may be done: the first that the reader may is offered."""

    words: Words
    actions: Sequence[Action] = field(default=())


@dataclass(frozen=True)
class Offer:
    """What one reader is told and offered."""

    words: str
    label: str
    link: str


_NEW_ORDER = Action(gettext_lazy("New order"), "crm_order_add", TAKE)
_CUSTOMERS = Action(
    gettext_lazy("See the customers"), "crm_customer_changelist", "crm.view_customer"
)
_HOME = Action(gettext_lazy("Go to the first page"), "index")

OF_MODELS = {
    "crm.order": EmptyList(gettext_lazy("No orders yet."), [_NEW_ORDER]),
    "crm.customer": EmptyList(
        gettext_lazy("No customers yet."),
        [
            Action(gettext_lazy("Import customers"), "crm_customer_import", "crm.import_customer"),
            Action(gettext_lazy("New customer"), "crm_customer_add", ADD_CUSTOMER),
        ],
    ),
    "crm.savedview": EmptyList(
        gettext_lazy("No saved views yet: save one above a list."),
        [
            Action(gettext_lazy("See the orders"), "crm_order_changelist", "crm.view_order"),
            _CUSTOMERS,
        ],
    ),
    "sms.message": EmptyList(
        gettext_lazy("No texts yet: one goes to a customer who orders."), [_NEW_ORDER]
    ),
    "sms.incomingtext": EmptyList(
        gettext_lazy("Nobody has texted you yet."),
        [Action(gettext_lazy("See the sent texts"), "sms_message_changelist", "sms.view_message")],
    ),
    "sms.consentchange": EmptyList(gettext_lazy("Nobody has opted out of texts."), [_CUSTOMERS]),
    "sms.broadcast": EmptyList(
        gettext_lazy("No broadcasts yet."),
        [
            Action(
                gettext_lazy("Choose customers to text"),
                "crm_customer_changelist",
                "sms.add_broadcast",
            )
        ],
    ),
    "sms.messagetemplate": EmptyList(gettext_lazy("No wording yet: setting up brings it.")),
    "django_q.ormq": EmptyList(gettext_lazy("No task waits: the worker is done with all of them.")),
    "django_q.failure": EmptyList(gettext_lazy("No task has failed.")),
    "identity.sessiontoken": EmptyList(gettext_lazy("Nobody is signed in to the API.")),
    "identity.personalaccesstoken": EmptyList(gettext_lazy("Nobody has a personal access token.")),
    "identity.authorization": EmptyList(
        gettext_lazy("No app acts for anybody."),
        [
            Action(
                gettext_lazy("See the connected apps"),
                "identity_application_changelist",
                "identity.view_application",
            )
        ],
    ),
    "identity.invitation": EmptyList(
        gettext_lazy("Nobody is invited."),
        [Action(gettext_lazy("Invite somebody"), "identity_invitation_add", INVITES)],
    ),
    "identity.application": EmptyList(
        gettext_lazy("No apps are connected."),
        [
            Action(
                gettext_lazy("Connect an app"),
                "identity_application_add",
                connected_apps.ADDS,
            )
        ],
    ),
}


def offer_for(request: HttpRequest, cl: ChangeList) -> Offer:
    """What an empty list tells this reader: to look for less, or how its first row comes about."""
    if cl.query or cl.get_filters_params():
        # Of Unfold's and of ours: whatever narrows a list is in its address.
        words = _("No {things} match.").format(things=cl.opts.verbose_name_plural)
        return Offer(words, _("Clear the search and filters"), request.path)
    empty = OF_MODELS.get(cl.opts.label_lower) or _default(cl.opts)
    offered = [each for each in empty.actions if request.user.has_perm(each.permission)]
    action = offered[0] if offered else _HOME
    return Offer(str(empty.words), str(action.label), action.link)


def _default(opts: Options[Any]) -> EmptyList:
    door = f"{opts.app_label}_{opts.model_name}_add"
    label = _("New {thing}").format(thing=opts.verbose_name)
    action = Action(label, door, f"{opts.app_label}.add_{opts.model_name}")
    return EmptyList(_("No {things} yet.").format(things=opts.verbose_name_plural), [action])
