"""A broadcast until it is confirmed: whom it reaches, what it costs, and what confirms it."""

import time as clock
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone
from django_q.models import OrmQ

from identity.models import User
from sms import doorbells, opt_outs, tasks
from sms.broadcasts import control, drafts, reviews
from sms.broadcasts.wording import render
from sms.errors import (
    BroadcastHasMoved,
    BroadcastRefusal,
    NobodyToText,
    ReviewHasChanged,
    TooManyPeople,
)
from sms.models import (
    Broadcast,
    BroadcastRecipient,
    Exclusion,
    Message,
    UnreachablePhone,
)
from tests import factories

pytestmark = pytest.mark.django_db

LANDLINE = "+254202222222"
LINE = "\nTo get no more texts, tell Karani."
SWAHILI_LINE = "\nHutaki ujumbe tena? Waambie Karani."


@pytest.fixture
def manager() -> User:
    return factories.user("Manager")


def rows() -> Any:
    """All that a refusal leaves as it was."""
    tables: list[type[Model]] = [Broadcast, BroadcastRecipient, Message, OrmQ]
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


def opt_out(phone_number: str) -> None:
    opt_outs.heed(phone_number, factories.NO_TEXTS)


# --- Who is chosen ------------------------------------------------------------------------------


def test_people_are_chosen_as_they_are_called_now(manager: User) -> None:
    who = factories.person("Wanjiku Kamau", language="sw")
    broadcast = drafts.choose_people([who], manager)
    assert (broadcast.status, broadcast.author) == ("ready", manager)
    assert broadcast.variables == ["customer_name"]
    chosen = broadcast.recipients.get()
    assert (chosen.name, chosen.phone_number, chosen.language, chosen.values, chosen.exclusion) == (
        "Wanjiku Kamau",
        who.phone_number,
        "sw",
        {"customer_name": "Wanjiku Kamau"},
        "",
    )
    assert not OrmQ.objects.exists()


def test_of_a_phone_that_is_chosen_twice_the_first_person_gets_the_text() -> None:
    first = factories.person("Wanjiku")
    second = factories.person("Otieno", phone_number=first.phone_number)
    review = reviews.review(factories.broadcast(first, second))
    assert [each.name for each in review.reached] == ["Wanjiku"]
    assert [(each.name, each.exclusion) for each in review.excluded] == [("Otieno", "doubled")]


def test_nobody_is_no_broadcast(manager: User) -> None:
    with pytest.raises(NobodyToText):
        drafts.choose_people([], manager)
    assert not Broadcast.objects.exists()


def test_more_than_twenty_thousand_are_refused(manager: User) -> None:
    people = [factories.person(phone_number="+254722000000")] * (drafts.MOST_PEOPLE + 1)
    with pytest.raises(TooManyPeople, match=r"At most 20,000 people are texted at once\."):
        drafts.choose_people(people, manager)
    assert not Broadcast.objects.exists()


# --- Its words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("english", "swahili", "told"),
    [
        ("", " \r\n", "Write what the text is to say, in one language at least."),
        (
            "Hello {name}",
            "",
            "There is no {name} to fill in here. You can use: {customer_name}.",
        ),
        (
            "",
            "Habari {customer name}",
            "There is no {customer name} to fill in here. You can use: {customer_name}.",
        ),
        ("Hello {customer_name", "", "A brace stands alone. You can use: {customer_name}."),
        ("x" * 1001, "", "1001 characters are too many: at most 1000."),
    ],
)
def test_words_that_would_make_no_text_are_refused(english: str, swahili: str, told: str) -> None:
    broadcast = factories.broadcast()
    before = rows()
    with pytest.raises(ValidationError) as refusal:
        drafts.write_words(broadcast, english, swahili)
    assert refusal.value.messages == [told]
    assert rows() == before


def test_a_line_break_of_a_form_is_one_character() -> None:
    broadcast = factories.broadcast(english="Hello\r\nthere ")
    broadcast.refresh_from_db()
    assert broadcast.english == "Hello\nthere"


@pytest.mark.parametrize(
    ("language", "english", "swahili", "text"),
    [
        ("en", "Hi {customer_name}", "Habari", f"Hi Wanjiku{LINE}"),
        ("sw", "Hi", "Habari {customer_name}", f"Habari Wanjiku{SWAHILI_LINE}"),
        ("sw", "Hi", "", f"Hi{LINE}"),
        ("en", "", "Habari", f"Habari{SWAHILI_LINE}"),
        ("fr", "Hi", "Habari", f"Hi{LINE}"),
    ],
)
def test_each_is_texted_in_their_language_where_there_are_words_in_it(
    language: str, english: str, swahili: str, text: str
) -> None:
    broadcast = Broadcast(english=english, swahili=swahili)
    assert render(broadcast, language, {"customer_name": "Wanjiku"}) == text


@pytest.mark.parametrize(
    ("sender_id", "own", "language", "line"),
    [
        ("", "", "en", "To get no more texts, tell Duka."),
        ("DUKA", "", "en", "To get no more texts, tell Duka."),
        ("DUKA", "", "sw", "Hutaki ujumbe tena? Waambie Duka."),
        ("22384", "", "en", "Reply STOP to get no more texts."),
        ("22384", "", "sw", "Jibu ACHA usipate tena ujumbe."),
        ("+254722000", "", "en", "Reply STOP to get no more texts."),
        ("DUKA", "STOP *456*9*5#", "sw", "STOP *456*9*5#"),
    ],
)
def test_the_last_line_says_what_is_true_of_the_sender(
    settings: Any, sender_id: str, own: str, language: str, line: str
) -> None:
    settings.BUSINESS_NAME = "Duka"
    settings.AFRICASTALKING_SENDER_ID = sender_id
    settings.SMS_OPT_OUT_LINE = own
    broadcast = Broadcast(english="Sale", swahili="Bei nafuu")
    assert render(broadcast, language, {}).split("\n")[1] == line


# --- What is shown ------------------------------------------------------------------------------


def test_the_review_names_who_is_left_out_and_why() -> None:
    unwilling, in_vain = factories.person("Njeri"), factories.person("Otieno")
    opt_out(unwilling.phone_number)
    UnreachablePhone.objects.create(phone_number=in_vain.phone_number, reason="invalid")
    landline = factories.person("Akinyi", phone_number=LANDLINE)
    broadcast = factories.broadcast(unwilling, in_vain, landline, factories.person("Wanjiku"))
    review = reviews.review(broadcast)
    assert [each.name for each in review.reached] == ["Wanjiku"]
    assert {each.name: each.exclusion for each in review.excluded} == {
        "Njeri": "opted_out",
        "Otieno": "unreachable",
        "Akinyi": "landline",
    }
    assert review.reasons == {
        Exclusion.OPTED_OUT: 1,
        Exclusion.UNREACHABLE: 1,
        Exclusion.LANDLINE: 1,
    }
    assert review.sample == f"Hello Wanjiku!{LINE}"


def test_the_price_counts_each_text_to_its_last_line() -> None:
    long, short = "x" * (160 - len(LINE) - 2), "y"
    people = [factories.person(name, values={"customer_name": name}) for name in ("ABC", "AB")]
    review = reviews.review(factories.broadcast(*people, english=f"{long}{{customer_name}}"))
    assert (review.messages, review.sizes, review.dear) == (3, {1: 1, 2: 1}, 0)
    assert (review.price, review.price_each.currency) == (Decimal("2.40"), "KES")
    assert not review.price_each.is_measured
    dear = reviews.review(factories.broadcast(*people, english=f"{short} {{customer_name}} 🎉"))
    assert (dear.messages, dear.dear) == (2, 2)


def test_the_price_is_what_was_charged_lately() -> None:
    message = factories.message()
    Message.objects.filter(pk=message.pk).update(
        sent_at=timezone.now(), cost=Decimal("1.1000"), currency="UGX"
    )
    review = reviews.review(factories.broadcast())
    assert (review.price, review.price_each.currency) == (Decimal("1.10"), "UGX")
    assert review.price_each.is_measured


def test_a_review_costs_the_same_for_one_and_for_fifty(django_assert_num_queries: Any) -> None:
    one = factories.broadcast()
    many = factories.broadcast(*(factories.person() for _ in range(50)))
    for broadcast in (one, many):
        with django_assert_num_queries(4):
            reviews.review(broadcast)


def test_five_thousand_are_chosen_reviewed_and_confirmed_within_seconds(manager: User) -> None:
    people = [factories.person() for _ in range(5000)]
    opt_out(people[7].phone_number)
    begun = clock.monotonic()
    broadcast = drafts.choose_people(people, manager)
    drafts.write_words(broadcast, "Hello {customer_name}!", "")
    review = reviews.review(broadcast)
    control.confirm(broadcast, review.seen, manager)
    assert clock.monotonic() - begun < 30  # 2 s where nothing else runs
    assert (len(review.reached), review.price) == (4999, Decimal("3999.20"))
    assert broadcast.recipients.filter(exclusion="opted_out").count() == 1


# --- To confirm ---------------------------------------------------------------------------------


def test_what_was_seen_is_confirmed_and_kept(manager: User) -> None:
    unwilling = factories.person()
    opt_out(unwilling.phone_number)
    broadcast = factories.broadcast(factories.person(), unwilling)
    control.confirm(broadcast, reviews.review(broadcast).seen, manager)
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.confirmed_by) == ("sending", manager)
    assert (broadcast.texts, broadcast.messages) == (1, 1)
    assert (broadcast.price, broadcast.currency) == (Decimal("0.80"), "KES")
    assert broadcast.started_at is not None
    left_out = broadcast.recipients.exclude(exclusion="").get()
    assert (left_out.phone_number, left_out.exclusion) == (unwilling.phone_number, "opted_out")
    assert [task.func() for task in OrmQ.objects.all()] == [doorbells.FEED_TASK]


def test_of_two_who_confirm_one_does(manager: User) -> None:
    broadcast = factories.broadcast()
    seen = reviews.review(broadcast).seen
    control.confirm(broadcast, seen, manager)
    before = rows()
    with pytest.raises(BroadcastHasMoved, match=r"This broadcast is now: sending\."):
        control.confirm(broadcast, seen, manager)
    assert rows() == before


def change_words(broadcast: Broadcast) -> None:
    drafts.write_words(broadcast, "Other words", "")


def opt_first_out(broadcast: Broadcast) -> None:
    opt_out(broadcast.recipients.all()[0].phone_number)


def charge_more(broadcast: Broadcast) -> None:
    message = factories.message()
    facts = {"sent_at": timezone.now(), "cost": Decimal("1.00"), "currency": "KES"}
    Message.objects.filter(pk=message.pk).update(**facts)


def test_a_price_that_moved_a_little_is_about_what_was_shown(manager: User) -> None:
    broadcast = factories.broadcast(*(factories.person() for _ in range(100)))
    seen = reviews.review(broadcast).seen
    each = reviews.review(broadcast).price_each.amount
    message = factories.message()
    facts = {"sent_at": timezone.now(), "cost": each * Decimal("1.04"), "currency": "KES"}
    Message.objects.filter(pk=message.pk).update(**facts)
    assert reviews.review(broadcast).seen != seen
    control.confirm(broadcast, seen, manager)
    broadcast.refresh_from_db()
    assert broadcast.price == reviews.review(broadcast).price  # as it is now


@pytest.mark.parametrize("said", ["", ":", "{mark}", "{mark}:NaN", "{mark}:-1.00", "x:{price}"])
def test_what_was_never_shown_is_not_confirmed(manager: User, said: str) -> None:
    broadcast = factories.broadcast(factories.person())
    review = reviews.review(broadcast)
    before = rows()
    with pytest.raises(ReviewHasChanged):
        control.confirm(broadcast, said.format(mark=review.mark, price=review.price), manager)
    assert rows() == before


@pytest.mark.parametrize("change", [change_words, opt_first_out, charge_more])
def test_what_changed_since_it_was_seen_is_shown_first(manager: User, change: Any) -> None:
    broadcast = factories.broadcast(factories.person(), factories.person())
    seen = reviews.review(broadcast).seen
    change(broadcast)
    before = rows()
    with pytest.raises(ReviewHasChanged, match="Nothing was sent"):
        control.confirm(broadcast, seen, manager)
    assert rows() == before
    control.confirm(broadcast, reviews.review(broadcast).seen, manager)


def test_so_is_that_the_quiet_hours_have_begun(manager: User, settings: Any) -> None:
    broadcast = factories.broadcast()
    seen = reviews.review(broadcast).seen
    now, hour = timezone.localtime(), timedelta(hours=1)
    settings.SMS_QUIET_HOURS = ((now - hour).time(), (now + hour).time())
    with pytest.raises(ReviewHasChanged):
        control.confirm(broadcast, seen, manager)
    review = reviews.review(broadcast)
    assert review.starts_at == now + hour
    control.confirm(broadcast, review.seen, manager)
    task = OrmQ.objects.get()
    assert (task.func(), task.lock) == (doorbells.FEED_TASK, review.starts_at)


def test_where_nobody_is_left_nothing_is_confirmed(manager: User) -> None:
    broadcast = factories.broadcast()
    opt_first_out(broadcast)
    before = rows()
    with pytest.raises(NobodyToText, match=r"There is nobody to text\."):
        control.confirm(broadcast, reviews.review(broadcast).seen, manager)
    assert rows() == before


def test_one_without_words_is_not_confirmed(manager: User) -> None:
    broadcast = drafts.choose_people([factories.person()], manager)
    before = rows()
    with pytest.raises(ValidationError):
        control.confirm(broadcast, reviews.review(broadcast).seen, manager)
    assert rows() == before


# --- To let go ----------------------------------------------------------------------------------


def test_a_broadcast_that_is_ready_may_be_discarded() -> None:
    drafts.discard(factories.broadcast())
    assert not Broadcast.objects.exists()
    assert not BroadcastRecipient.objects.exists()


@pytest.mark.parametrize(
    "change", [drafts.discard, lambda broadcast: drafts.write_words(broadcast, "Other", "")]
)
def test_one_that_was_confirmed_is_neither_discarded_nor_written_anew(change: Any) -> None:
    broadcast = factories.confirmed()
    before = rows()
    with pytest.raises(BroadcastRefusal, match=r"This broadcast is now: sending\."):
        change(broadcast)
    assert rows() == before


def test_nobody_moves_one_that_is_gone(manager: User) -> None:
    broadcast = factories.broadcast()
    seen = reviews.review(broadcast).seen
    Broadcast.objects.all().delete()
    for move in (
        lambda: control.confirm(broadcast, seen, manager),
        lambda: control.pause(broadcast),
        lambda: drafts.discard(broadcast),
    ):
        with pytest.raises(BroadcastHasMoved, match=r"This broadcast is now: deleted\."):
            move()


def test_what_nobody_confirms_for_a_day_is_deleted_by_the_sweeper() -> None:
    young, old, sent = factories.broadcast(), factories.broadcast(), factories.confirmed()
    day = timezone.now() - timedelta(hours=24, minutes=1)
    Broadcast.objects.filter(pk__in=[old.pk, sent.pk]).update(created_at=day)
    tasks.sweep()
    assert set(Broadcast.objects.all()) == {young, sent}
