"""The crm app's configuration."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "Customers and orders"

    def ready(self) -> None:
        from crm.notices import EVENTS
        from sms.events import declare_event

        for event in EVENTS:
            declare_event(event)
