"""A backup is put back in place of all data, and nobody is texted twice for it."""

from pathlib import Path

from django.contrib.contenttypes.models import ContentType
from django.db import Error, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from project import setup
from project.backups.errors import CannotRestore
from project.backups.making import engine, remember
from project.models import Worker
from project.workers import GONE, last_seen
from sms import line
from sms.models import Broadcast, Message


def restore_backup(path: Path, *, force: bool = False) -> bool:
    """Put the data of this file in place of all that are there, and bring them up to this version.

    Texts that waited then may have left since: where there are any, all texts are stopped, and the
    answer is True.

    :raises CannotRestore: a worker is at work, unless forced; or the file is no backup of ours.
        Nothing has changed.
    """
    if not path.is_file():
        raise CannotRestore(_("There is no file {file}.").format(file=path))
    if not force:
        _refuse_while_somebody_works()
    engine().restore(path)
    connection.close()
    ContentType.objects.clear_cache()
    setup.prepare()
    Worker.objects.all().delete()  # they worked then
    remember(path)  # what it was made of knew nothing of it yet
    return _stop_what_may_have_left()


def _refuse_while_somebody_works() -> None:
    try:
        seen_at = last_seen()
    except Error:  # a new database, which nobody can have worked with
        return
    if seen_at is not None and seen_at > timezone.now() - GONE:
        seconds = max(0, round((timezone.now() - seen_at).total_seconds()))
        refusal = _(
            "A worker was seen {seconds} s ago. Stop Karani, wait a minute, and try again; or "
            "say --force: what is written meanwhile is lost."
        )
        raise CannotRestore(refusal.format(seconds=seconds))


def _stop_what_may_have_left() -> bool:
    waits = Message.objects.filter(status__in=Message.WAITING).exists()
    is_under_way = Broadcast.objects.filter(status__in=Broadcast.UNDER_WAY).exists()
    if waits or is_under_way:
        line.stop(None)
    return waits or is_under_way
