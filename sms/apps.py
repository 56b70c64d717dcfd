"""The sms app's configuration."""

from typing import ClassVar

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from identity.rights_in_words import Subject


class SmsConfig(AppConfig):
    name = "sms"
    verbose_name = _("Texts")
    rights: ClassVar = (
        Subject(
            "texts",
            _("Texts"),
            {
                "sms.view_message": _("See texts, sent and received"),
                "sms.add_message": _("Send texts, try them again or cancel them"),
                "sms.resume_line": _("Stop and resume all texts"),
            },
        ),
        Subject(
            "broadcasts",
            _("Broadcasts"),
            {
                "sms.view_broadcast": _("See broadcasts"),
                "sms.add_broadcast": _("Write and send broadcasts"),
                "sms.change_broadcast": _("Pause and stop broadcasts"),
            },
        ),
        Subject(
            "wording",
            _("Wording"),
            {
                "sms.view_messagetemplate": _("See the wording of texts"),
                "sms.change_messagetemplate": _("Change the wording of texts"),
            },
        ),
    )

    def ready(self) -> None:
        from sms import checks  # noqa: F401  # it registers itself
