"""An import that the worker runs, each row of it once, whatever befalls the worker.

The file lies in the database, as web and worker may be two machines, and goes when the import is
over. The worker takes it in turns of some seconds, each a task that queues the next: the queue ends
a task that takes long, and texts want to leave meanwhile. A turn takes some rows at a time, in one
transaction with how far the import is then. So a worker that dies in the midst leaves nothing half
done, and a task that the queue delivers again goes on where the last one was, or finds nothing left
to do; and on SQLite, nobody waits long to write.
"""

import logging
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django_q.tasks import async_task
from import_export.results import Result, RowResult

from crm.models import Import, ImportMode, ImportQuerySet, ImportStatus
from crm.spreadsheets.error_sheets import extend_error_sheet
from crm.spreadsheets.reading import Sheet, UnreadableSheet, read_sheet
from crm.spreadsheets.resources import RESOURCES, SheetResource
from identity.models import User

logger = logging.getLogger(__name__)

RUN_TASK = "crm.tasks.run_import"
TURN = 5.0  # seconds
ROWS_AT_A_TIME = 50  # a second of work, or five on a slow machine
SHOWN_ERRORS = 100
MAX_TRIES = 3

# A claim older than this has no worker any more: the queue ends a task after 35 s. It delivers it
# again 110 s after it was fetched (``Q_CLUSTER`` in the settings), by when the claim, which may
# have come 70 s after the fetch, is as old as this.
LEASE = timedelta(seconds=40)


class ImportIsRunning(Exception):
    """Another worker is at it. The task stays queued, and comes again after that one's time."""


def queue_import(
    user: User,
    file_name: str,
    data: bytes,
    *,
    kind: str,
    mode: str = ImportMode.BOTH,
    text_customers: bool = False,
    region: str = "",
) -> Import:
    """Save a sheet and the task that imports it, or neither.

    The sheet is read here too, so that one that makes no sense as a whole is told at once.

    :raises ValidationError: it makes none.
    """
    try:
        sheet = read_sheet(file_name, data)
        RESOURCES[kind]().before_import(sheet)
    except UnreadableSheet as error:
        raise ValidationError({"file": str(error)}) from None
    job = Import(
        user=user,
        file_name=file_name,
        file=data,
        kind=kind,
        mode=mode,
        text_customers=text_customers,
        region=region,
        total=len(sheet.numbers),
    )
    with transaction.atomic():
        job.save(force_insert=True)
        async_task(RUN_TASK, str(job.pk))
    return job


def run_import(import_id: UUID) -> None:
    """Take a turn at an import; whatever its state, calling this again does no harm.

    :raises ImportIsRunning: another worker is at it.
    :raises OperationalError: the database was away or too busy. The queue calls again.
    """
    claimed_at = _claim(import_id)
    if claimed_at is None:
        return
    ours = Import.objects.filter(pk=import_id, status=ImportStatus.RUNNING, claimed_at=claimed_at)
    try:
        _take_turn(ours)
    except OperationalError:
        raise
    except UnreadableSheet as error:
        _fail(ours, str(error))
    except Exception:
        logger.exception("The import %s failed.", import_id)
        _fail(ours, "Something went wrong on our side.")


def _claim(import_id: UUID) -> datetime | None:
    """Take the import for this worker alone, also from one that died; None where it is over."""
    now = timezone.now()
    row = Import.objects.filter(pk=import_id)
    running = row.filter(status=ImportStatus.RUNNING)
    is_free = Q(claimed_at=None) | Q(claimed_at__lt=now - LEASE)
    due = row.filter(status=ImportStatus.QUEUED) | running.filter(is_free)
    if due.filter(tries__lt=MAX_TRIES).update(
        status=ImportStatus.RUNNING, claimed_at=now, tries=F("tries") + 1
    ):
        return now
    if _fail(due.filter(tries__gte=MAX_TRIES), f"Tried {MAX_TRIES} times without getting on."):
        logger.error("The import %s was given up: its workers did not get on.", import_id)
    elif running.exists():
        raise ImportIsRunning
    return None


def _take_turn(ours: ImportQuerySet) -> None:
    job = ours.first()
    if job is None:
        return  # our lease ran out before we began, and another worker has it now
    sheet = read_sheet(job.file_name, bytes(job.file))
    ends_at = time.monotonic() + TURN
    while _take_some(ours, sheet) and time.monotonic() < ends_at:
        pass
    with transaction.atomic():
        if ours.update(claimed_at=None):
            async_task(RUN_TASK, str(job.pk))


@transaction.atomic
def _take_some(ours: ImportQuerySet, sheet: Sheet) -> bool:
    """Import the next rows, and say how far it is then; False where that was the end."""
    # Locked: who would take it over now waits until these rows are through, or their worker gone.
    job = ours.select_for_update().defer("file").first()
    if job is None:
        return False
    stop = min(job.processed + ROWS_AT_A_TIME, len(sheet))
    resource = RESOURCES[job.kind](
        text_customers=job.text_customers,
        mode=ImportMode(job.mode),
        region=job.region,
        user=job.user,
    )
    resource.rows_by_key = job.rows_by_key
    part = sheet.part(job.processed, stop)
    result = resource.take_in(part, f"{job.file_name[:50]} ({job.pk})")
    progress = {"processed": stop, "tries": 0} | _outcome(job, resource, result)
    if stop < len(sheet):
        return bool(ours.update(rows_by_key=resource.rows_by_key, **progress))
    _end(ours, ImportStatus.DONE, **progress)
    return False


def _outcome(job: Import, resource: SheetResource, result: Result) -> dict[str, Any]:
    """What became of all rows so far."""
    problems = list(resource.problems(result))
    errors = [*job.errors, *(asdict(problem) for problem in problems)]
    return {
        "created": job.created + result.totals[RowResult.IMPORT_TYPE_NEW],
        "updated": job.updated + result.totals[RowResult.IMPORT_TYPE_UPDATE],
        "skipped": job.skipped + result.totals[RowResult.IMPORT_TYPE_SKIP],
        "failed": job.failed + result.totals[RowResult.IMPORT_TYPE_INVALID],
        "errors": errors[:SHOWN_ERRORS],
        "error_sheet": extend_error_sheet(
            bytes(job.error_sheet), resource.sheet, resource.titles, problems
        ),
    }


@transaction.atomic
def _fail(rows: ImportQuerySet, reason: str) -> bool:
    job = rows.select_for_update().defer("file").first()
    if job is None:
        return False
    told = f"{reason} {job.processed} of {job.total} rows were done. Send the others again."
    whole = {"row": None, "column": "", "value": "", "message": told}
    return _end(rows, ImportStatus.FAILED, errors=[whole, *job.errors][:SHOWN_ERRORS])


def _end(rows: ImportQuerySet, status: ImportStatus, **outcome: Any) -> bool:
    """Say how it ended, and forget what only served to get there."""
    return bool(
        rows.update(status=status, finished_at=timezone.now(), file=b"", rows_by_key={}, **outcome)
    )
