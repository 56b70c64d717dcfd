"""``manage.py sms_status``: how the texts stand, and what holds them up."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder

from sms import line
from sms.money import spoken_sum
from sms.status import Status, find_status


class Command(BaseCommand):
    help = "Show the texts by state, the oldest in the queue, the line to the gateway and the rate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON, for a program")
        doing = parser.add_mutually_exclusive_group()
        doing.add_argument("--resume", action="store_true", help="first let texts go on")
        doing.add_argument("--stop", action="store_true", help="first let no more texts go out")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["resume"]:
            line.resume(None)
        elif options["stop"]:
            line.stop(None)
        status = find_status()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(status), cls=DjangoJSONEncoder))
        else:
            self.stdout.write("\n".join(_rows(status)))


def _rows(status: Status) -> list[str]:
    since = "" if status.since is None else f" since {status.since:%Y-%m-%d %H:%M} UTC"
    rows = [("Gateway", status.gateway), ("Line", status.line + since)]
    if status.reason:
        rows.append(("Reason", status.reason))
    if status.next_probe_at:
        rows.append(("Next try", f"{status.next_probe_at:%Y-%m-%d %H:%M:%S} UTC"))
    if status.balance is not None:
        rows.append(("Balance", spoken_sum(status.currency, status.balance)))
    limit = "no limit" if status.limit is None else f"limit {status.limit:.1f}"
    rows.append(("Rate", f"{status.rate:.1f} texts a second ({limit})"))
    if status.oldest_queued is not None:
        rows.append(("Oldest queued", f"{status.oldest_queued:.0f} s"))
    if status.trouble:
        rows.append(("Trouble", status.trouble))
    rows += [(state, str(count)) for state, count in sorted(status.counts.items())]
    return [f"{name + ':':<15}{value}" for name, value in rows]
