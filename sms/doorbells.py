"""How is the sender called? A task rings its bell: now, or when something will be due.

A bell is a task in the queue of the same database, so it commits with what it tells of. It may be
lost (the queue emptied, ``SECRET_KEY`` changed) or ring twice: the rows say what is to be done, and
the sweeper rings again.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.tasks import async_task

SEND_TASK = "sms.tasks.send_message"
SEND_MANY_TASK = "sms.tasks.send_messages"
DRAIN_TASK = "sms.tasks.drain"
PROBE_TASK = "sms.tasks.probe_line"
FEED_TASK = "sms.tasks.feed_broadcast"


class _Later(ORM):  # type: ignore[misc]  # django-q2 has no types
    """Puts a task into the queue that nobody takes out before its time."""

    def __init__(self, due: datetime) -> None:
        super().__init__()
        self._due = due

    def enqueue(self, task: str) -> int:
        key = self.list_key or Conf.CLUSTER_NAME
        package = self.get_connection().create(key=key, payload=task, lock=self._due)
        return int(package.pk)


def ring(message_ids: Iterable[UUID]) -> None:
    """Call the sender for these texts: one task, however many there are."""
    ids = [str(message_id) for message_id in message_ids]
    if len(ids) == 1:
        _queue(SEND_TASK, ids[0])
    elif ids:
        _queue(SEND_MANY_TASK, ids)


def ring_at(due: datetime | None) -> None:
    """Call the sender for whatever is due then; now where no time is given."""
    _queue(DRAIN_TASK, due=due)


def call_for_probe(due: datetime | None = None) -> None:
    """Have the line tried then; now where no time is given."""
    _queue(PROBE_TASK, due=due)


def call_feeder(broadcast_id: UUID, due: datetime | None = None) -> None:
    """Have the next texts of a broadcast queued then; now where no time is given."""
    _queue(FEED_TASK, str(broadcast_id), due=due)


def _queue(task: str, *arguments: str | list[str], due: datetime | None = None) -> None:
    options = {} if due is None else {"broker": _Later(due)}
    # A bell that fails is not rung again by the queue: the row and the sweeper see to that.
    async_task(task, *arguments, ack_failure=True, **options)
