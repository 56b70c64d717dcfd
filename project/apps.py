"""The project app's configuration: it holds the commands, and our templates and static files."""

from typing import ClassVar

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from identity.rights_in_words import Subject


class ProjectConfig(AppConfig):
    name = "project"
    rights: ClassVar = (
        Subject(
            "health",
            _("Health"),
            {"project.view_health": _("See how the installation stands")},
            is_technical=True,
        ),
    )
