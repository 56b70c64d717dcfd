"""``manage.py restore FILE``: the data of a backup in place of all that are there."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from project.backups.errors import CannotRestore
from project.backups.restoring import restore_backup


class Command(BaseCommand):
    help = "Put the data of a backup in place of all that are there. Stop Karani first."
    requires_system_checks = ()  # the database may be a new one

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="what “backup” wrote")
        parser.add_argument(
            "--force", action="store_true", help="though a worker was seen within a minute"
        )
        parser.add_argument("--no-input", action="store_true", help="do not ask whether to")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = _("All data are replaced by those of {file}. Go on? [y/N] ")
        if not options["no_input"] and input(asked.format(file=options["file"])).lower() != "y":
            raise CommandError(_("Nothing was changed."))
        try:
            is_stopped = restore_backup(options["file"], force=options["force"])
        except CannotRestore as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(_("The data of {file} are there.").format(file=options["file"]))
        self.stdout.write(
            _(
                "Everybody signs in anew, and who was invited must be invited again. Accounts, "
                "roles, personal access tokens and apps are as they were then: deactivate or "
                "revoke again what was since."
            )
        )
        if is_stopped:
            self.stdout.write(
                _(
                    "Some texts waited when it was made, and may have left since: all texts are "
                    "stopped. Cancel those that have, then “Resume texts” in the back office, or "
                    "“python manage.py sms_status --resume”."
                )
            )
