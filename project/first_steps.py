"""What is left to do in a new installation? Read from what is there: nobody ticks it off."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists
from django.urls import reverse
from django.utils.translation import gettext as _

from crm.models import Customer, Order
from identity.invitations import INVITES
from identity.models import Application, User
from project.environment import Environment


@dataclass(frozen=True)
class FirstStep:
    """Something to do once; ``link`` is where, or empty where it is a setting of the machine."""

    words: str
    is_done: bool
    link: str = ""


def first_steps(user: User) -> list[FirstStep]:
    """Those of whoever may invite others; nothing once all are done. One query."""
    if not user.has_perm(INVITES):
        return []
    others = User.objects.filter(is_active=True, is_staff=True).exclude(pk=user.pk)
    is_there = User.objects.values_list(
        Exists(Customer.objects.all()),
        Exists(Order.objects.all()),
        Exists(others),
        Exists(Application.objects.all()),
    )
    has_customers, has_orders, has_staff, has_apps = is_there.get(pk=user.pk)
    has_name = Environment.model_fields["business_name"].default != settings.BUSINESS_NAME
    steps = [
        FirstStep(_("Name the business: set BUSINESS_NAME"), has_name),
        FirstStep(
            _("Import your customers from a spreadsheet"),
            has_customers,
            reverse("admin:crm_customer_import"),
        ),
        FirstStep(_("Take the first order"), has_orders, reverse("admin:crm_order_add")),
        FirstStep(
            _("Have texts sent: set SMS_GATEWAY to africastalking"),
            settings.SMS_GATEWAY == "africastalking",
        ),
        FirstStep(_("Invite your staff"), has_staff, reverse("admin:identity_invitation_add")),
        FirstStep(_("Connect an app"), has_apps, reverse("admin:identity_application_add")),
    ]
    return [] if all(step.is_done for step in steps) else steps
