"""Is anybody there who takes tasks out of the queue? Each worker says so, in a row of its own.

It does so where it asks for the next task, as that is what makes it a worker: one whose processes
all hang has nobody to hand a task to, and asks no more. While it is busy, the longest time between
two questions is that of the longest task (``Q_CLUSTER["timeout"]``), and with ``BEAT`` still less
than ``GONE``.
"""

import logging
import os
import socket
import time
from datetime import datetime, timedelta

from django.db import Error
from django.db.models import QuerySet
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ

from project.models import Worker
from project.version import version

logger = logging.getLogger(__name__)

BEAT = timedelta(seconds=10)  # between two signs of life
GONE = timedelta(seconds=60)  # after which a worker is missed: a restart takes less
_FORGOTTEN = timedelta(days=1)  # after which nobody asks what became of it


class Pulse:
    """The signs of life of this process, however often it is asked for one."""

    def __init__(self) -> None:
        self._started_at: datetime | None = None
        self._next = 0.0

    def beat(self) -> None:
        """Say that this worker is there, if the time for it has come.

        A database that does not answer ends no worker: it is asked again.
        """
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + BEAT.total_seconds()
        try:
            self._write(timezone.now())
        except Error as error:
            logger.warning("The worker could not say that it is there: %s", error)

    def _write(self, now: datetime) -> None:
        if self._started_at is None:
            # What one leaves behind goes when the next one begins: there never are many.
            Worker.objects.filter(seen_at__lt=now - _FORGOTTEN).delete()
            self._started_at = now
        Worker.objects.bulk_create(
            [Worker(name=_name(), version=version(), started_at=self._started_at, seen_at=now)],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["version", "started_at", "seen_at"],
        )


def _name() -> str:
    """The parent is named: it starts the process that takes tasks again, should that end."""
    return f"{socket.gethostname()[:255]}, process {os.getppid()}"


def last_seen() -> datetime | None:
    """When a worker was last seen to take tasks; nothing where none ever was."""
    newest = Worker.objects.order_by("-seen_at").values_list("seen_at", flat=True)
    return newest.first()


def left_waiting(now: datetime) -> QuerySet[OrmQ]:
    """The tasks that a worker would have taken, had there been one."""
    waiting: QuerySet[OrmQ] = OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lt=now - GONE)
    return waiting


def is_missed(seen_at: datetime | None, is_wanted: bool, now: datetime) -> bool:
    """Is there no worker any more? Where none ever was, it is missed once there is work for it."""
    return is_wanted if seen_at is None else seen_at < now - GONE
