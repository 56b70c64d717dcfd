"""Signs of life: a worker says that it is there where it takes tasks, and is missed a minute on."""

import logging
import socket
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ

from project import workers
from project.broker import Broker
from project.models import Worker
from project.version import version
from project.workers import BEAT, GONE, Pulse, is_missed, last_seen, left_waiting

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SECOND = timedelta(seconds=1)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setattr(Conf, "POLL", 0.0)
    made = get_broker()
    assert isinstance(made, Broker)
    return made


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stands = Clock()
    monkeypatch.setattr(workers, "time", stands)
    return stands


def test_who_asks_for_a_task_is_seen_though_there_is_none(broker: Broker) -> None:
    assert last_seen() is None
    before = timezone.now()
    assert broker.dequeue() is None
    worker = Worker.objects.get()
    assert worker.name.startswith(f"{socket.gethostname()}, process ")
    assert worker.version == version()
    assert before <= worker.started_at == worker.seen_at == last_seen()


def test_who_only_puts_tasks_into_the_queue_is_no_worker(broker: Broker) -> None:
    broker.enqueue("task")
    assert not Worker.objects.exists()


def test_a_worker_has_one_row_written_as_often_as_a_beat(clock: Clock, broker: Broker) -> None:
    broker.dequeue()
    first = Worker.objects.get()
    with CaptureQueriesContext(connection) as queries:
        clock.seconds += BEAT.total_seconds() - 1
        broker.dequeue()
    assert [query["sql"].split()[0] for query in queries if "worker" in query["sql"]] == []
    clock.seconds += 1
    broker.dequeue()
    second = Worker.objects.get()
    assert (second.name, second.started_at) == (first.name, first.started_at)
    assert second.seen_at > first.seen_at


def test_a_sign_of_life_is_one_statement(clock: Clock) -> None:
    pulse = Pulse()
    pulse.beat()
    clock.seconds += BEAT.total_seconds()
    with CaptureQueriesContext(connection) as queries:
        pulse.beat()
    written = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert [sql.split()[0] for sql in written] == ["INSERT"]


def test_the_longest_task_makes_no_worker_missed() -> None:
    assert timedelta(seconds=Conf.TIMEOUT) + BEAT < GONE


def test_a_database_that_does_not_answer_ends_no_worker(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OperationalError("database is locked")

    pulse = Pulse()
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(Worker.objects, "bulk_create", fail)
        pulse.beat()
    assert caplog.messages == ["The worker could not say that it is there: database is locked"]
    assert not Worker.objects.exists()
    clock.seconds += BEAT.total_seconds()
    pulse.beat()
    assert Worker.objects.count() == 1


def test_rows_of_workers_long_gone_go_when_another_begins() -> None:
    for hours in (25, 23):
        seen_at = timezone.now() - timedelta(hours=hours)
        Worker.objects.create(name=f"{hours} h ago", started_at=seen_at, seen_at=seen_at)
    Pulse().beat()
    oldest, newest = Worker.objects.order_by("seen_at").values_list("name", flat=True)
    assert oldest == "23 h ago"
    assert newest.startswith(socket.gethostname())


@pytest.mark.parametrize(
    ("seen_at", "is_wanted", "expected"),
    [
        (NOW, False, False),
        (NOW - GONE, True, False),
        (NOW - GONE - SECOND, False, True),
        (NOW + SECOND, True, False),  # its clock is ahead
        (None, False, False),  # a new installation
        (None, True, True),
    ],
)
def test_a_worker_is_missed_after_a_minute(
    seen_at: object, is_wanted: bool, expected: bool
) -> None:
    assert is_missed(seen_at, is_wanted, NOW) is expected  # type: ignore[arg-type]


def test_a_task_is_left_waiting_a_minute_after_it_was_due() -> None:
    due = {"now": NOW, "a minute": NOW - GONE - SECOND, "later": NOW + GONE}
    for name, lock in due.items():
        OrmQ.objects.create(key=Conf.CLUSTER_NAME, payload=name, lock=lock)
    assert [task.payload for task in left_waiting(NOW)] == ["a minute"]
