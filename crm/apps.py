"""The crm app's configuration."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "Customers and orders"

    def ready(self) -> None:
        from crm.notices import ORDER_PLACED
        from sms.events import declare_event

        declare_event(ORDER_PLACED)
