"""The page on which a text to one customer is written."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from unfold.admin import ModelAdmin

from crm import texting
from crm.admin.customer_page import SEND_TEXTS, back_to, customer_for, further_page
from crm.errors import Refusal
from crm.forms import TextForm
from crm.models import Customer
from identity.form_keys import FormWasSentBefore, use_form_key
from identity.signed_in import staff_of
from sms import line, opt_outs, reach, status
from sms.errors import PhoneOptedOut, PhoneTakesNoTexts
from sms.phone_numbers import national_form
from sms.segments import count_segments

VIEW = "crm.view_customer"


def doors(customers_admin: ModelAdmin) -> list[URLPattern]:
    """To write a text, for who may send texts, and to learn how long it is by now."""

    @require_http_methods(["GET", "POST"])
    def write(request: HttpRequest, customer_id: UUID) -> HttpResponse:
        customer = customer_for(request, customer_id, VIEW, SEND_TEXTS)
        form = TextForm(request.POST or None)
        if form.is_valid() and _takes(request, form, customer):
            return back_to(customer)
        written = request.POST.get("text", "")
        return further_page(
            customers_admin,
            request,
            "text.html",
            title=_("Text to {name}").format(name=customer.name),
            customer=customer,
            form=form,
            **_told(customer),
            **_size(written),
        )

    @require_POST
    def size(request: HttpRequest, customer_id: UUID) -> HttpResponse:
        customer_for(request, customer_id, VIEW, SEND_TEXTS)
        return TemplateResponse(request, "crm/text_size.html", _size(request.POST.get("text", "")))

    wrap = customers_admin.admin_site.admin_view
    return [
        path("<uuid:customer_id>/text/", wrap(write), name="crm_customer_text"),
        path("<uuid:customer_id>/text/size/", wrap(size), name="crm_customer_text_size"),
    ]


def _told(customer: Customer) -> dict[str, Any]:
    """What is to be known before a text is written, and what forbids it."""
    known = line.read_line()
    is_wanted = not customer.sms_opted_out
    return {
        "phone": national_form(customer.phone_number),
        "may_be_texted": is_wanted and customer.takes_texts,
        "opt_out": opt_outs.tell(customer.phone_number),
        "obstacle": reach.obstacle_of(customer.phone_number),
        "held_up": status.reason_of(known) if line.is_shut(known) else "",
    }


def _size(text: str) -> dict[str, Any]:
    text = text.replace("\r\n", "\n").strip()
    return {"size": count_segments(text), "has_words": bool(text)}


def _takes(request: HttpRequest, form: TextForm, customer: Customer) -> bool:
    """Queue the text, once however often it is sent; else say why not, and False."""
    staff = staff_of(request)
    try:
        with transaction.atomic():
            use_form_key(staff, form.cleaned_data["form_key"])
            texting.text_customer(customer, form.cleaned_data["text"], by=staff)
    except FormWasSentBefore:
        messages.info(request, _("This text is queued already. It is sent once."))
    except ValidationError as error:
        form.add_error(None, error)
    except (Refusal, PhoneOptedOut, PhoneTakesNoTexts) as refusal:
        form.add_error(None, str(refusal))
    else:
        messages.success(request, _("The text is queued, and leaves within seconds."))
    return form.is_valid()
