"""The crm app's configuration."""

from dataclasses import replace

from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "Customers and orders"

    def ready(self) -> None:
        from crm.models import Customer, Order
        from crm.notices import EVENTS
        from crm.samples import recent_orders
        from sms.events import declare_event
        from sms.subjects import declare_subjects

        for event in EVENTS:
            declare_event(replace(event, samples=recent_orders))
        declare_subjects(Order, Customer)
