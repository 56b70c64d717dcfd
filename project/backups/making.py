"""A backup is made: a file in ``DATA_DIR/backups`` that its owner alone can read."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkstemp
from types import ModuleType

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from project.backups import postgresql, sqlite
from project.backups.errors import CannotBackUp
from project.models import Backup

KEEP = 14  # backups, unless told otherwise
_NAMED = "karani-%Y%m%d-%H%M%S"  # in UTC
_UNFINISHED = "unfinished-"
_LONGEST = timedelta(days=1)  # that a backup can take


def make_backup(keep: int = KEEP) -> Path:
    """Write all data of the database into a new file, and discard the oldest beyond so many.

    :raises CannotBackUp: nothing has changed.
    """
    path = _folder() / f"{timezone.now().astimezone(UTC):{_NAMED}}{engine().SUFFIX}"
    try:
        with _draft(path.parent) as draft:
            engine().dump(draft)
            _to_the_disk(draft)
            draft.replace(path)
    except OSError as error:
        reason = _("{file} cannot be written: {reason}").format(file=path, reason=error)
        raise CannotBackUp(reason) from None
    remember(path)
    _discard_oldest(path.parent, keep)
    return path


@transaction.atomic
def remember(path: Path) -> None:
    """Write down in the database that this is its last backup; of those before it, the folder
    tells."""
    file = path.stat()
    last = Backup(
        made_at=_made_at(path), machine=this_machine(), path=str(path.absolute()), size=file.st_size
    )
    last.save()
    Backup.objects.exclude(pk=last.pk).delete()


def _made_at(path: Path) -> datetime:
    """As its name says; a file that was copied is younger than what is in it."""
    with suppress(ValueError):  # somebody has named it otherwise
        return datetime.strptime(path.stem, _NAMED).replace(tzinfo=UTC)
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def engine() -> ModuleType:
    """How the database in use is copied and put back."""
    return postgresql if connection.vendor == "postgresql" else sqlite


def this_machine() -> str:
    return socket.gethostname()[:255]


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "backups"


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A file under another name, for nobody's eyes; gone where it was not finished."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = mkstemp(dir=folder, prefix=_UNFINISHED)  # of mode 600
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _to_the_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _discard_oldest(folder: Path, keep: int) -> None:
    ours = sorted(folder.glob(f"karani-*{engine().SUFFIX}"))
    for path in ours[: max(0, len(ours) - keep)]:
        path.unlink()
    begun_before = time.time() - _LONGEST.total_seconds()
    for draft in folder.glob(f"{_UNFINISHED}*"):
        if draft.stat().st_mtime < begun_before:  # whoever wrote it was killed
            draft.unlink()
