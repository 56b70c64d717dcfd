"""The sms app's configuration."""

from django.apps import AppConfig


class SmsConfig(AppConfig):
    name = "sms"
    verbose_name = "Texts"

    def ready(self) -> None:
        from sms import checks  # noqa: F401  # it registers itself
