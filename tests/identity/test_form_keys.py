"""Keys of forms: each is good for one use."""

from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from identity.form_keys import (
    FormWasSentBefore,
    OneUseForm,
    keep_outcome,
    outcome_of,
    use_form_key,
)
from identity.models import AttemptCount, Role, User
from tests import factories


def key_of(form: OneUseForm) -> str:
    return str(form["form_key"].value())


def test_each_form_that_is_shown_has_a_key_of_its_own() -> None:
    assert key_of(OneUseForm()) != key_of(OneUseForm())


def test_a_form_that_is_shown_again_keeps_its_key() -> None:
    assert key_of(OneUseForm({"form_key": "one"})) == "one"


@pytest.mark.parametrize("sent", [{}, {"form_key": ""}, {"form_key": "x" * 65}])
def test_a_form_without_a_key_is_not_taken(sent: dict[str, str]) -> None:
    assert not OneUseForm(sent).is_valid()


@pytest.mark.django_db
def test_a_key_is_good_once_for_each_person() -> None:
    one, two = factories.user(), factories.user()
    use_form_key(one, "key")
    use_form_key(two, "key")
    use_form_key(one, "another key")
    with pytest.raises(FormWasSentBefore):
        use_form_key(one, "key")
    assert AttemptCount.objects.count() == 3
    assert "key" not in repr(list(AttemptCount.objects.values("digest")))


@pytest.mark.django_db
def test_a_key_is_as_good_as_new_where_what_the_form_does_fails() -> None:
    user = factories.user()
    with pytest.raises(RuntimeError), transaction.atomic():
        use_form_key(user, "key")
        raise RuntimeError
    use_form_key(user, "key")


@pytest.mark.django_db
def test_who_sends_a_form_again_learns_what_came_of_it() -> None:
    one, two = factories.user(), factories.user()
    assert outcome_of(one, "key") is None
    use_form_key(one, "key", outcome="order 1")
    with pytest.raises(FormWasSentBefore) as refusal:
        use_form_key(one, "key", outcome="order 2")
    assert refusal.value.outcome == outcome_of(one, "key") == "order 1"
    assert outcome_of(two, "key") is None


@pytest.mark.django_db
def test_what_came_of_a_form_can_be_told_once_it_is_known() -> None:
    one, two = factories.user(), factories.user()
    use_form_key(one, "key")
    keep_outcome(one, "key", "order 1")
    keep_outcome(two, "key", "order 2")
    assert (outcome_of(one, "key"), outcome_of(two, "key")) == ("order 1", None)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_send_a_form_at_once_one_has_it_done() -> None:
    user = factories.user()
    barrier, outcomes = Barrier(4), list[str]()

    def send(user: User) -> None:
        try:
            barrier.wait()
            with transaction.atomic():
                use_form_key(user, "key")
                Role.objects.create(name=f"Role {len(outcomes)}")
            outcomes.append("done")
        except FormWasSentBefore:
            outcomes.append("sent before")
        finally:
            connection.close()

    threads = [Thread(target=send, args=[user]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "sent before", "sent before", "sent before"]
    assert Role.objects.count() == 1
