"""What runs here: versions, and the clock."""

import platform
from datetime import datetime, timedelta

import django
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from identity.models import User
from project.doctor.findings import Finding, look, ok
from project.doctor.storage import engine
from project.models import Worker
from project.version import version
from project.workers import GONE

_DRIFT = timedelta(seconds=5)


def versions() -> Finding:
    """Also of the workers: one that a deploy has forgotten runs what was."""
    figure = f"Karani {version()}"
    details = [
        f"Python {platform.python_version()}",
        f"Django {django.__version__}",
        engine(),
    ]
    live = Worker.objects.filter(seen_at__gte=timezone.now() - GONE)
    others = sorted(set(live.values_list("version", flat=True)) - {version()})
    if not others:
        return ok(figure, details)
    old = _("A worker runs Karani {versions}.").format(versions=", ".join(others))
    advice = _("Start every worker again, so that all run the same version.")
    return look(f"{figure}. {old}", advice, details)


def clock() -> Finding:
    """This machine's, beside that of the database: texts are due by both."""
    here = timezone.now()
    local = f"{timezone.localtime(here):%Y-%m-%d %H:%M:%S}"
    figure = _("{time} in {zone}.").format(time=local, zone=settings.TIME_ZONE)
    there = _time_of_database()
    if there is None or abs(there - here) < _DRIFT:
        return ok(figure)
    wrong = _("The database's clock says {time}.")
    told = wrong.format(time=f"{timezone.localtime(there):%Y-%m-%d %H:%M:%S}")
    return look(f"{figure} {told}", _("Have both machines set their clocks by NTP."))


def _time_of_database() -> datetime | None:
    """Nothing for SQLite, which has this machine's."""
    if connection.vendor != "postgresql":
        return None
    moment: datetime | None = User.objects.annotate(at=Now()).values_list("at", flat=True).first()
    return moment
