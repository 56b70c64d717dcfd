"""The queue of tasks, in order: django-q2's own broker takes them as the database hands them out.

There, one cluster also waits for a row that another is taking, where it could take the next one.
"""

import time
from typing import Any

from django.db import connections, transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from project.workers import Pulse


class Broker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """Tasks come out oldest first, and of several clusters none waits for another's."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pulse = Pulse()

    def dequeue(self) -> list[tuple[int, Any]] | None:
        """The next tasks, locked for ``Q_CLUSTER["retry"]`` seconds; waits a moment for none.

        Who asks lives, and has a hand free: it hands on what it took before it asks again.
        """
        tasks = self.get_connection()  # which closes a connection that has died
        self._pulse.beat()
        due = tasks.filter(key=self.list_key, lock__lt=timezone.now()).order_by("id")
        if connections[due.db].features.has_select_for_update_skip_locked:
            with transaction.atomic(using=due.db):
                taken = self._take(due.select_for_update(skip_locked=True))
        else:
            taken = self._take(due)
        if taken:
            return taken
        time.sleep(Conf.POLL)
        return None

    def _take(self, due: Any) -> list[tuple[int, Any]]:
        # The lock is compared and swapped: where rows cannot be locked, another may be quicker.
        return [
            (task.pk, task.payload)
            for task in due[: Conf.BULK]
            if self.get_connection()
            .filter(pk=task.pk, lock=task.lock)
            .update(lock=self.timeout(task))
        ]
