"""Where the data are: the database, whether it is of this version, and the room there is."""

import shutil

from django.conf import settings
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from project.doctor.findings import Finding, broken, look, ok
from project.health import missing_migrations

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
