"""The crm app's configuration."""

from dataclasses import replace
from typing import ClassVar

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from identity.rights_in_words import Subject


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = _("Customers and orders")
    rights: ClassVar = (
        Subject(
            "customers",
            _("Customers"),
            {
                "crm.view_customer": _("See customers"),
                "crm.add_customer": _("Add customers"),
                "crm.change_customer": _("Change customers"),
                "crm.delete_customer": _("Delete customers"),
                "crm.erase_customer": _("Erase the personal data of customers"),
                "crm.delete_customernote": _("Delete notes about customers"),
                "crm.import_customer": _("Import customers from a sheet"),
                "crm.export_customer": _("Export customers"),
            },
        ),
        Subject(
            "orders",
            _("Orders"),
            {
                "crm.view_order": _("See orders"),
                "crm.add_order": _("Take orders"),
                "crm.change_order": _("Change orders, and move them on"),
                "crm.delete_order": _("Delete orders"),
                "crm.import_order": _("Import orders from a sheet"),
                "crm.export_order": _("Export orders"),
            },
        ),
        Subject(
            "views",
            _("Views of lists"),
            {"crm.share_savedview": _("Share views of lists with everybody")},
        ),
    )

    def ready(self) -> None:
        from crm.models import Customer, Order
        from crm.notices import EVENTS
        from crm.samples import recent_orders
        from sms.events import declare_event
        from sms.subjects import declare_subjects

        for event in EVENTS:
            declare_event(replace(event, samples=recent_orders))
        declare_subjects(Order, Customer)
