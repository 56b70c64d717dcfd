"""Where the data are: the database, whether it is of this version, and the room there is."""

import shutil
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from project.backups.making import this_machine
from project.doctor.findings import Finding, broken, look, ok, time_since
from project.health import missing_migrations
from project.models import Backup

_DAILY = timedelta(hours=26)  # with two for a backup that begins late
_GIB = 1024**3
_SCARCE, _FULL = 2 * _GIB, _GIB // 4  # bytes left on the disk


def database() -> Finding:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        (size,) = cursor.fetchone()
    figure = _("{engine} answers; {size}.")
    return ok(figure.format(engine=engine(), size=filesizeformat(size)))


def engine() -> str:
    """The database's name and version."""
    version = ".".join(map(str, connection.get_database_version()))
    return f"{connection.display_name} {version}"


def migrations() -> Finding:
    missing = missing_migrations()
    if not missing:
        return ok(_("All are applied."))
    figure = ngettext("{count} is missing.", "{count} are missing.", len(missing))
    advice = _("Run “python manage.py prepare”, then start Karani again.")
    return broken(figure.format(count=len(missing)), advice, missing)


def backup() -> Finding:
    """How old the last one is, on whatever machine it was made."""
    last = Backup.objects.order_by("-made_at").first()
    if last is None:
        advice = _("Run “python manage.py backup”, and have it run each night: see the README.")
        return look(_("None has been made."), advice)
    figure = _("The last one was made {time} ago: {size}, {path} on {machine}.").format(
        time=time_since(last.made_at),
        size=filesizeformat(last.size),
        path=last.path,
        machine=last.machine,
    )
    if last.machine == this_machine() and not Path(last.path).exists():
        return look(f"{figure} " + _("It is there no more."), _("Run “python manage.py backup”."))
    if timezone.now() - last.made_at > _DAILY:
        return look(figure, _("Run “python manage.py backup”, and see why it did not run."))
    return ok(figure)


def disk() -> Finding:
    """The room where Karani keeps its own files, and SQLite its database."""
    folder = settings.DATA_DIR
    while not folder.exists():  # where nothing was kept yet
        folder = folder.parent
    left = shutil.disk_usage(folder).free
    figure = _("{size} left for {folder}.")
    figure = figure.format(size=filesizeformat(left), folder=settings.DATA_DIR)
    advice = _("Make room: old backups and logs go first. With none left, nothing is written.")
    if left < _FULL:
        return broken(figure, advice)
    return look(figure, advice) if left < _SCARCE else ok(figure)
