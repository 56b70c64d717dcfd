"""``manage.py doctor``: what the health page says, for a terminal or a monitor."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from project.doctor.examination import Check, Report, examine
from project.doctor.findings import Finding
from project.health_page import words_of
from sms import probing
from sms.gateway import GatewayError


class Command(BaseCommand):
    help = "Say how the installation stands; the exit code is 1 where something is broken."
    requires_system_checks = ()  # they may be what fails

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON, for a program")
        parser.add_argument(
            "--ask-gateway", action="store_true", help="first ask the gateway for the balance"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["ask_gateway"]:
            self._ask()
        report = examine()
        told = json.dumps(report.as_data(), indent=1) if options["json"] else _told(report)
        self.stdout.write(told)
        if report.is_broken:
            raise SystemExit(1)

    def _ask(self) -> None:
        try:
            self.stderr.write(words_of(probing.ask_balance()))
        except GatewayError as error:
            raise CommandError(str(error)) from None


def _told(report: Report) -> str:
    lines = [line for check, finding in report.found for line in _rows(check, finding)]
    return "\n".join([*lines, "", report.summary])


def _rows(check: Check, finding: Finding) -> list[str]:
    told = [
        *finding.details,
        *([_("To do: {advice}").format(advice=finding.advice)] * bool(finding.advice)),
    ]
    first = f"{finding.state.label + ':':<14}{check.title}: {finding.figure}"
    return [first, *(" " * 14 + each for each in told)]
