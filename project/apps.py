"""The project app's configuration: it holds the commands, and our templates and static files."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "project"
