"""The notes on a customer's page: written and taken away there."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from crm import notes
from crm.admin.customer_page import back_to, customer_for, further_page
from crm.errors import Refusal
from crm.forms import NoteForm
from crm.models import Customer, CustomerNote
from identity.form_keys import FormWasSentBefore, use_form_key
from identity.signed_in import staff_of


def doors(customers_admin: ModelAdmin) -> list[URLPattern]:
    """To write a note, for who may change customers, and to delete one."""

    @require_POST
    def add(request: HttpRequest, customer_id: UUID) -> HttpResponse:
        customer = customer_for(request, customer_id, notes.WRITE_NOTES)
        form = NoteForm(request.POST)
        if form.is_valid() and _takes(request, form, customer):
            return back_to(customer, "notes")
        return further_page(
            customers_admin, request, "note.html", title=_("Note"), customer=customer, form=form
        )

    @require_POST
    def delete(request: HttpRequest, customer_id: UUID, note_id: UUID) -> HttpResponse:
        customer = customer_for(request, customer_id, "crm.view_customer")
        note = CustomerNote.objects.filter(customer=customer, pk=note_id).first()
        if note is not None:  # else it was deleted a moment ago, by a double click
            notes.delete_note(note, by=staff_of(request))
        messages.success(request, _("The note is deleted."))
        return back_to(customer, "notes")

    wrap = customers_admin.admin_site.admin_view
    return [
        path("<uuid:customer_id>/note/", wrap(add), name="crm_customer_note"),
        path(
            "<uuid:customer_id>/notes/<uuid:note_id>/delete/",
            wrap(delete),
            name="crm_customer_note_delete",
        ),
    ]


def _takes(request: HttpRequest, form: NoteForm, customer: Customer) -> bool:
    """Write it down, once however often it is sent; else say why not, and False."""
    staff = staff_of(request)
    try:
        with transaction.atomic():
            use_form_key(staff, form.cleaned_data["form_key"])
            notes.add_note(customer, form.cleaned_data["text"], author=staff)
    except FormWasSentBefore:
        messages.info(request, _("This note is written down already."))
    except ValidationError as error:
        form.add_error(None, error)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
    return form.is_valid()
