"""The queue of tasks: oldest first, and two clusters take different ones."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ

from project.broker import Broker
from sms import doorbells

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setattr(Conf, "POLL", 0.0)
    made = get_broker()
    assert isinstance(made, Broker)  # the one of the settings
    return made


def test_tasks_come_out_oldest_first_and_once(broker: Broker) -> None:
    ids = [broker.enqueue(f"task {number}") for number in range(3)]
    assert [broker.dequeue() for _ in range(4)] == [
        [(ids[0], "task 0")],
        [(ids[1], "task 1")],
        [(ids[2], "task 2")],
        None,
    ]


def test_a_task_that_is_not_acknowledged_comes_back_after_a_while(broker: Broker) -> None:
    broker.enqueue("task")
    broker.dequeue()
    lock = OrmQ.objects.get().lock
    expected = timezone.now() + timedelta(seconds=Conf.RETRY)
    assert abs(lock - expected) < timedelta(seconds=5)
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    assert broker.dequeue() is not None


def test_a_bell_for_later_is_not_taken_out_before_its_time(broker: Broker) -> None:
    doorbells.ring_at(timezone.now() + timedelta(seconds=60))
    assert broker.dequeue() is None
    OrmQ.objects.update(lock=timezone.now() - timedelta(seconds=1))
    assert broker.dequeue() is not None


@pytest.mark.django_db(transaction=True)
def test_no_cluster_waits_for_the_task_that_another_is_taking(broker: Broker) -> None:
    if not connection.features.has_select_for_update_skip_locked:
        return  # there is one writer at a time
    first, second = broker.enqueue("first"), broker.enqueue("second")
    taken: list[object] = []

    def take() -> None:
        try:
            taken.append(broker.dequeue())
        finally:
            connection.close()

    with transaction.atomic():
        OrmQ.objects.select_for_update().get(pk=first)
        other = threading.Thread(target=take)
        other.start()
        other.join(10)
    assert taken == [[(second, "second")]]


@pytest.mark.django_db(transaction=True)
def test_clusters_that_take_at_once_take_different_tasks(broker: Broker) -> None:
    for number in range(40):
        broker.enqueue(f"task {number}")
    taken: list[int] = []

    def take() -> None:
        try:
            while found := broker.dequeue():
                taken.extend(pk for pk, _ in found)
        finally:
            connection.close()

    clusters = [threading.Thread(target=take) for _ in range(3)]
    for cluster in clusters:
        cluster.start()
    for cluster in clusters:
        cluster.join()
    assert len(taken) == len(set(taken)) == 40
