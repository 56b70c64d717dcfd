"""``manage.py prepare``: before each deploy; migrates, and adds the roles and wording missing."""

from typing import Any

from django.core.management.base import BaseCommand

from project import setup


class Command(BaseCommand):
    help = "Bring the database up to this version: migrations, roles, message templates."

    def handle(self, *args: Any, **options: Any) -> None:
        setup.prepare()
        self.stdout.write("The database is ready.")
