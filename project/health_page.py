"""The page of what ``project.doctor`` finds, for who may see it, and the button on it."""

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from project.doctor.examination import examine
from sms import probing
from sms.gateway import Balance, GatewayError
from sms.money import spoken_amount

VIEW_HEALTH = "project.view_health"


def doors() -> list[URLPattern]:
    """The page, and what asks the gateway; beside the doors of the models."""
    wrap = admin.site.admin_view
    return [
        path("health/", wrap(show), name="health"),
        path("health/ask-gateway/", wrap(ask_gateway), name="health_ask_gateway"),
    ]


def show(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(VIEW_HEALTH):
        raise PermissionDenied
    context = admin.site.each_context(request) | {
        "title": _("Health"),
        "report": examine(),
        "at": timezone.now(),
        "has_balance": settings.SMS_GATEWAY == "africastalking",
    }
    return TemplateResponse(request, "project/health.html", context)


def ask_gateway(request: HttpRequest) -> HttpResponse:
    """Not while the page is made: a gateway that hangs would hold it up for 15 s."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perm(VIEW_HEALTH):
        raise PermissionDenied
    try:
        messages.success(request, words_of(probing.ask_balance()))
    except GatewayError as error:
        messages.error(request, str(error))
    return redirect("admin:health")


def words_of(balance: Balance | None) -> str:
    """What the gateway answered."""
    if balance is None:
        return _("This gateway wants no money.")
    told = _("The gateway answers: {currency} {amount} is left.")
    return told.format(currency=balance.currency, amount=spoken_amount(balance.amount))
