"""Who wants no more texts: who said so, when and how is kept, and nothing that changed nothing."""

from datetime import UTC, datetime
from importlib import import_module
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from sms import opt_outs
from sms.models import ConsentChange, ConsentSource, OptOut
from sms.opt_outs import Word
from tests import factories

pytestmark = pytest.mark.django_db

PHONE = "+254722000000"


def recorded() -> list[tuple[Any, ...]]:
    """Oldest first: who said what, and how."""
    rows = ConsentChange.objects.order_by("pk")
    return list(rows.values_list("phone_number", "wants_texts", "source", "words", "said_by_id"))


def test_each_change_is_recorded_with_who_said_it_and_how() -> None:
    clerk = factories.user("Clerk")
    assert opt_outs.heed(PHONE, Word(False, ConsentSource.TEXT, words="Stop!")) is True
    assert opt_outs.is_opted_out(PHONE)
    assert opt_outs.heed(PHONE, Word(True, ConsentSource.STAFF, said_by=clerk)) is True
    assert not opt_outs.is_opted_out(PHONE)
    assert recorded() == [
        (PHONE, False, "text", "Stop!", None),
        (PHONE, True, "staff", "", clerk.pk),
    ]


def test_what_changes_nothing_is_not_recorded() -> None:
    assert opt_outs.heed(PHONE, factories.TEXTS_AGAIN) is False
    opt_outs.heed(PHONE, Word(False, ConsentSource.TEXT, words="STOP"))
    assert opt_outs.heed(PHONE, factories.NO_TEXTS) is False
    assert recorded() == [(PHONE, False, "text", "STOP", None)]
    assert OptOut.objects.count() == 1


def test_the_words_of_a_long_text_are_kept_in_part() -> None:
    opt_outs.heed(PHONE, Word(False, ConsentSource.TEXT, words="stop " * 100))
    assert ConsentChange.objects.get().words == "stop " * 32


def test_what_somebody_said_outlives_their_account() -> None:
    clerk = factories.user("Clerk")
    opt_outs.heed(PHONE, Word(False, ConsentSource.STAFF, said_by=clerk))
    clerk.delete()
    assert recorded() == [(PHONE, False, "staff", "", None)]


def test_opt_outs_from_before_the_record_are_in_it_once() -> None:
    record = import_module("sms.migrations.0006_callbacks").RECORD_KNOWN_OPT_OUTS
    before = datetime(2026, 9, 21, 12, 30, tzinfo=UTC)
    OptOut.objects.create(phone_number=PHONE)
    OptOut.objects.update(created_at=before)
    opt_outs.heed("+254733000000", factories.NO_TEXTS)
    with connection.cursor() as cursor:
        cursor.execute(record)
        cursor.execute(record)
    assert sorted(recorded()) == [
        (PHONE, False, "unknown", "", None),
        ("+254733000000", False, "staff", "", None),
    ]
    assert ConsentChange.objects.get(phone_number=PHONE).said_at == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wants_texts", [False, True])
def test_of_many_at_once_who_say_the_same_one_is_recorded(wants_texts: bool) -> None:
    if wants_texts:
        opt_outs.heed(PHONE, factories.NO_TEXTS)
    start, news = Barrier(8), list[bool]()

    def say() -> None:
        try:
            start.wait(timeout=60)
            news.append(opt_outs.heed(PHONE, Word(wants_texts, ConsentSource.TEXT)))
        finally:
            connection.close()

    threads = [Thread(target=say) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(news) == [False] * 7 + [True]
    assert recorded()[-1] == (PHONE, wants_texts, "text", "", None)
    assert ConsentChange.objects.count() == 1 + wants_texts
