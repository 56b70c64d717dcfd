"""``manage.py backup``: all data in one file, while Karani runs. For cron, each night."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from project.backups.errors import CannotBackUp
from project.backups.making import KEEP, make_backup


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("takes a number of 1 and more")
    return int(text)


class Command(BaseCommand):
    help = "Back up the database into DATA_DIR/backups."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--keep", type=_count, default=KEEP, help=f"keep so many of the newest ({KEEP})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            path = make_backup(options["keep"])
        except CannotBackUp as refusal:
            raise CommandError(str(refusal)) from None
        if options["verbosity"]:
            size = filesizeformat(path.stat().st_size)
            self.stdout.write(_("{path} has all data ({size}).").format(path=path, size=size))
            self.stdout.write(
                _("Not in it: the settings, SECRET_KEY above all. Keep both, and elsewhere.")
            )
