"""A backup is put back in place of all data, and nobody is texted twice for it."""

from pathlib import Path

from django.contrib.contenttypes.models import ContentType
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.translation import gettext as _

from identity import accounts
from identity.models import Invitation
from project import setup
from project.backups.errors import CannotRestore
from project.backups.making import engine, remember
from project.models import Worker
from project.workers import GONE, last_seen
from sms import line
from sms.models import Broadcast, Message

_OUR_APPS = ("crm", "identity", "project", "sms")  # those of others may have joined theirs since


def restore_backup(path: Path, *, force: bool = False) -> bool:
    """Put the data of this file in place of all that are there, and bring them up to this version.

    Who was signed in then is not now, and has no token of then: they may have been shut out since.
    Invitations of then are revoked, as some may have been since.
    Texts that waited then may have left since: where there are any, all texts are stopped, and the
    answer is True.

    :raises CannotRestore: a worker is at work, unless forced; or the file is no backup of ours, or
        one of a later version. Nothing has changed.
    """
    if not path.is_file():
        raise CannotRestore(_("There is no file {file}.").format(file=path))
    if not force:
        _refuse_while_somebody_works()
    _refuse_later_versions(path)
    engine().restore(path)
    connection.close()
    ContentType.objects.clear_cache()
    setup.prepare()
    Worker.objects.all().delete()  # they worked then
    accounts.sign_everybody_out()
    Invitation.objects.all().revoke()
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


def _refuse_later_versions(path: Path) -> None:
    """Nobody can bring its data down to what this version knows."""
    known = set(MigrationLoader(None).disk_migrations)
    later = {each for each in engine().migrations_in(path) - known if each[0] in _OUR_APPS}
    if later:
        refusal = _(
            "{file} is of a later version of Karani, which has {migrations}. Install that version "
            "or a newer one, and restore it there."
        )
        named = ", ".join(sorted(f"{app} {name}" for app, name in later))
        raise CannotRestore(refusal.format(file=path, migrations=named))


def _stop_what_may_have_left() -> bool:
    waits = Message.objects.filter(status__in=Message.WAITING).exists()
    is_under_way = Broadcast.objects.filter(status__in=Broadcast.UNDER_WAY).exists()
    if waits or is_under_way:
        line.stop(None)
    return waits or is_under_way
