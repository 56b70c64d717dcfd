"""The screens of broadcasts: from the list of customers to how far it is."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user
from django.test import Client
from django_q.models import OrmQ

from identity.models import User
from sms import line, opt_outs, tasks
from sms.broadcasts import control
from sms.models import Broadcast, Message, UnreachablePhone
from tests import factories

pytestmark = pytest.mark.django_db

CUSTOMERS = "/admin/crm/customer/"
LIST = "/admin/sms/broadcast/"


@pytest.fixture
def manager() -> Client:
    return browser(factories.user("Manager"))


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words_of(response: Any) -> str:
    page = response.content.decode()
    page = page[page.index('id="content"') :] if 'id="content"' in page else page
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def choose(client: Client, *customers: Any, path: str = CUSTOMERS, **more: Any) -> Any:
    chosen = [str(customer.pk) for customer in customers]
    return client.post(path, {"action": "text_them", "_selected_action": chosen, **more})


def seen_on(response: Any) -> str:
    found = re.search(r'name="seen" value="([\w:.]+)"', response.content.decode())
    assert found is not None
    return found[1]


# --- From the list of customers -----------------------------------------------------------------


def test_a_manager_goes_from_the_list_to_texts_that_are_on_their_way(manager: Client) -> None:
    wanjiku = factories.customer(name="Wanjiku Kamau")
    njeri = factories.customer(name="Njeri Mwangi", sms_opted_out=True)
    factories.customer(name="Not chosen")
    response = choose(manager, wanjiku, njeri)
    broadcast = Broadcast.objects.get()
    assert response["Location"] == f"{LIST}{broadcast.pk}/words/"
    assert "2 people chosen" in words_of(manager.get(response["Location"]))

    form = {"english": "Hello {customer_name}, half price today!", "swahili": ""}
    response = manager.post(f"{LIST}{broadcast.pk}/words/", form)
    assert response["Location"] == f"{LIST}{broadcast.pk}/review/"
    page = manager.get(response["Location"])
    words = words_of(page)
    for expected in (
        "1 text, 1 message, about KES 0.80",
        "KES 0.80 a message, as Africa's Talking publishes it",
        "It begins as soon as you confirm",
        "Hello Wanjiku Kamau, half price today! To get no more texts, tell Karani.",
        "Opted out of texts: 1",
        "Njeri Mwangi",
    ):
        assert expected in words
    assert "Not chosen" not in words
    assert not OrmQ.objects.exists()

    response = manager.post(f"{LIST}{broadcast.pk}/review/", {"seen": seen_on(page)})
    assert response["Location"] == f"{LIST}{broadcast.pk}/change/"
    tasks.feed_broadcast(str(broadcast.pk))
    message = Message.objects.get()
    assert (message.phone_number, message.recipient_id, message.is_promotional) == (
        wanjiku.phone_number,
        wanjiku.pk,
        True,
    )
    words = words_of(manager.get(response["Location"]))
    for expected in ("Sending", "Queued 1", "Left out 1", "Njeri Mwangi", "about KES 0.80"):
        assert expected in words
    assert LogEntry.objects.get().change_message == "Confirmed."


def test_all_that_match_a_search_are_chosen_beyond_the_page(manager: Client) -> None:
    some = [factories.customer(name=f"Njeri {number}") for number in range(30)]
    factories.customer(name="Otieno")
    choose(manager, some[0], path=f"{CUSTOMERS}?q=njeri", select_across="1")
    names = Broadcast.objects.get().recipients.values_list("name", flat=True)
    assert sorted(names) == sorted(customer.name for customer in some)


def test_the_end_of_a_line_is_one_character(manager: Client) -> None:
    """A browser counts it as one, and sends it as two (HTML, the value of a textarea)."""
    broadcast = factories.broadcast()
    most = "\r\n".join(["x" * 9] * (Broadcast.MOST_CHARACTERS // 10)) + "\r\n"
    url = f"{LIST}{broadcast.pk}/words/"
    assert manager.post(url, {"english": f"{most[:-2]}x"}).status_code == 302
    broadcast.refresh_from_db()
    assert len(broadcast.english) == Broadcast.MOST_CHARACTERS
    page = manager.post(url, {"english": f"{most[:-2]}xx", "swahili": ""})
    assert f"at most {Broadcast.MOST_CHARACTERS} characters" in words_of(page)
    before = broadcast.english
    broadcast.refresh_from_db()
    assert broadcast.english == before


def test_the_language_of_the_customer_chooses_the_words(manager: Client) -> None:
    choose(manager, factories.customer(name="Juma", language="sw"))
    broadcast = Broadcast.objects.get()
    form = {"english": "Hello", "swahili": "Habari {customer_name}"}
    manager.post(f"{LIST}{broadcast.pk}/words/", form)
    page = manager.get(f"{LIST}{broadcast.pk}/review/")
    assert "Habari Juma Hutaki ujumbe tena? Waambie Karani." in words_of(page)


def test_who_may_not_text_customers_is_not_offered_it() -> None:
    customer = factories.customer()
    client = browser(factories.user("Clerk"))
    assert "text_them" not in client.get(CUSTOMERS).content.decode()
    choose(client, customer)
    assert not Broadcast.objects.exists()


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("english", "refusal"),
    [
        ("", "Write what the text is to say, in one language at least."),
        ("Hello {name}", "There is no {name} to fill in here. You can use: {customer_name}."),
    ],
)
def test_words_that_make_no_text_are_told_and_kept_in_the_form(
    manager: Client, english: str, refusal: str
) -> None:
    broadcast = factories.broadcast(english="As before")
    response = manager.post(f"{LIST}{broadcast.pk}/words/", {"english": english, "swahili": ""})
    assert response.status_code == 200
    assert refusal in words_of(response)
    assert response.context["form"]["english"].value() == english
    broadcast.refresh_from_db()
    assert broadcast.english == "As before"


def test_what_changed_since_it_was_shown_is_shown_anew(manager: Client) -> None:
    leaving = factories.person("Njeri")
    broadcast = factories.broadcast(leaving, factories.person("Wanjiku"))
    seen = seen_on(manager.get(f"{LIST}{broadcast.pk}/review/"))
    opt_outs.heed(leaving.phone_number, factories.NO_TEXTS)
    response = manager.post(f"{LIST}{broadcast.pk}/review/", {"seen": seen})
    assert response.status_code == 200
    assert told(response)[0].startswith("Something has changed since you looked")
    assert "1 text, 1 message" in words_of(response)
    broadcast.refresh_from_db()
    assert (broadcast.status, OrmQ.objects.count()) == ("ready", 0)
    manager.post(f"{LIST}{broadcast.pk}/review/", {"seen": seen_on(response)})
    broadcast.refresh_from_db()
    assert broadcast.status == "sending"


def test_a_double_click_makes_one_broadcast(manager: Client) -> None:
    broadcast = factories.broadcast()
    seen = seen_on(manager.get(f"{LIST}{broadcast.pk}/review/"))
    for _ in range(2):
        response = manager.post(f"{LIST}{broadcast.pk}/review/", {"seen": seen})
        assert response["Location"] == f"{LIST}{broadcast.pk}/change/"
    assert OrmQ.objects.count() == 1
    page = manager.get(f"{LIST}{broadcast.pk}/change/")
    assert told(page) == ["The broadcast is on its way.", "This broadcast is now: sending."]


def test_nobody_left_to_text_is_told_and_cannot_be_confirmed(manager: Client) -> None:
    leaving = factories.person()
    broadcast = factories.broadcast(leaving)
    seen = seen_on(manager.get(f"{LIST}{broadcast.pk}/review/"))
    opt_outs.heed(leaving.phone_number, factories.NO_TEXTS)
    response = manager.post(f"{LIST}{broadcast.pk}/review/", {"seen": seen})
    assert told(response) == ["There is nobody to text."]
    assert 'name="seen"' not in response.content.decode()
    assert not OrmQ.objects.exists()


def test_a_page_of_none_is_404(manager: Client) -> None:
    gone = factories.broadcast()
    Broadcast.objects.all().delete()
    for door in ("words", "review", "change"):
        assert manager.get(f"{LIST}{gone.pk}/{door}/").status_code == 404
    assert manager.post(f"{LIST}{gone.pk}/stop/").status_code == 404


@pytest.mark.parametrize("door", ["words", "review"])
def test_what_is_under_way_is_not_written_anew(manager: Client, door: str) -> None:
    broadcast = factories.confirmed()
    response = manager.get(f"{LIST}{broadcast.pk}/{door}/")
    assert response["Location"] == f"{LIST}{broadcast.pk}/change/"


def test_a_review_without_words_leads_to_them(manager: Client) -> None:
    choose(manager, factories.customer())
    broadcast = Broadcast.objects.get()
    response = manager.get(f"{LIST}{broadcast.pk}/review/")
    assert response["Location"] == f"{LIST}{broadcast.pk}/words/"


# --- While it is written ------------------------------------------------------------------------


def test_the_server_says_how_what_is_written_reads_and_how_long_it_is(manager: Client) -> None:
    broadcast = factories.broadcast(factories.person("Wanjiku"))
    response = manager.post(
        f"{LIST}{broadcast.pk}/examples/",
        {"english": "Hi {customer_name}", "swahili": "Habari 🎉\r\n"},
    )
    assert words_of(response) == (
        "English, as the first to get it reads it: 1 message (GSM-7) "
        "Hi Wanjiku To get no more texts, tell Karani. "
        "Kiswahili, as the first to get it reads it: 1 message (UCS-2: a character such as an "
        "emoji or a curly quote halves what fits into each) "
        "Habari 🎉 Hutaki ujumbe tena? Waambie Karani."
    )
    broadcast.refresh_from_db()
    assert broadcast.swahili == ""


def test_what_makes_it_dear_and_loses_nothing_may_be_replaced(manager: Client) -> None:
    broadcast = factories.broadcast(factories.person("Wanjiku"))
    written = {"english": "\u201cBig\u201d sale, \u0169 \u2026", "swahili": "Habari"}
    page = manager.post(f"{LIST}{broadcast.pk}/examples/", written).content.decode()
    assert re.findall('data-replace-in="(.+?)"', page) == ["english"]
    assert re.findall('data-from="(.+?)" data-to="(.+?)"', page) == [
        ("\u201c", "&quot;"),
        ("\u201d", "&quot;"),
        ("\u2026", "..."),
    ]
    assert "then 1 message<" in page  # the other character is a letter, and stays
    broadcast.english = written["english"]
    broadcast.save()
    review = manager.get(f"{LIST}{broadcast.pk}/review/").content.decode()
    assert "curly quote" in review
    assert "data-replace-in" not in review  # nothing is written there


@pytest.mark.parametrize("why_not", ["doubled", "opted out", "unreachable"])
def test_what_is_written_is_shown_as_somebody_who_gets_it_reads_it(
    manager: Client, why_not: str
) -> None:
    first, second = factories.person("Wanjiku"), factories.person("Otieno")
    broadcast = factories.broadcast(first, second)
    if why_not == "doubled":
        broadcast.recipients.filter(name="Wanjiku").update(exclusion="doubled")
    elif why_not == "opted out":
        opt_outs.heed(first.phone_number, factories.NO_TEXTS)
    else:
        UnreachablePhone.objects.create(phone_number=first.phone_number)
    response = manager.post(f"{LIST}{broadcast.pk}/examples/", {"english": "Hi {customer_name}"})
    assert "Hi Otieno" in words_of(response)


def test_where_nobody_gets_it_what_is_written_is_shown_all_the_same(manager: Client) -> None:
    first = factories.person("Wanjiku")
    broadcast = factories.broadcast(first)
    opt_outs.heed(first.phone_number, factories.NO_TEXTS)
    response = manager.post(f"{LIST}{broadcast.pk}/examples/", {"english": "Hi {customer_name}"})
    assert "Hi Wanjiku" in words_of(response)


# --- Under way ----------------------------------------------------------------------------------


def test_it_is_paused_resumed_and_stopped_by_its_buttons(manager: Client) -> None:
    broadcast = factories.confirmed()
    address = f"{LIST}{broadcast.pk}/"
    for door, state, offered in (
        ("pause", "paused", ["resume", "stop"]),
        ("resume", "sending", ["pause", "stop"]),
        ("stop", "stopped", []),
    ):
        response = manager.post(f"{address}{door}/", follow=True)
        broadcast.refresh_from_db()
        assert broadcast.status == state
        page = response.content.decode()
        doors = ("pause", "resume", "stop")
        assert [each for each in doors if f"{address}{each}/" in page] == offered
    notes = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(notes) == ["Paused.", "Resumed.", "Stopped."]
    assert "Stopped." in words_of(manager.get(f"{address}history/"))
    done = manager.get(f"{address}change/").content.decode().partition('id="done"')[2]
    told = re.findall(r"<li>(\w+) by (.+), <time", done)
    assert told == [(each, str(get_user(manager))) for each in ("Paused", "Resumed", "Stopped")]


def test_to_stop_one_for_good_is_asked_first(manager: Client) -> None:
    broadcast = factories.confirmed(factories.person(), factories.person())
    page = manager.get(f"{LIST}{broadcast.pk}/stop/")
    assert "2 people will not get the text, and it cannot go on." in words_of(page)
    broadcast.refresh_from_db()
    assert broadcast.status == "sending"
    control.stop(broadcast)
    words = words_of(manager.get(f"{LIST}{broadcast.pk}/stop/"))
    assert "There is nothing to stop: this broadcast is now stopped. Back to it" in words
    assert "Stop for good" not in words


def test_what_holds_all_texts_up_is_told_before_and_after_it_is_confirmed(manager: Client) -> None:
    line.stop(factories.user(username="otieno"))
    why = "It waits, as all texts do. Somebody of the staff stopped the texts. Stopped by otieno."
    ready, sending = factories.broadcast(), factories.confirmed()
    review = words_of(manager.get(f"{LIST}{ready.pk}/review/"))
    assert why in review
    assert "It begins once texts go out again" in review
    assert why in words_of(manager.get(f"{LIST}{sending.pk}/change/"))
    line.resume(None)
    assert "It waits" not in words_of(manager.get(f"{LIST}{sending.pk}/change/"))


def test_the_list_says_how_to_begin_one_to_who_may(manager: Client) -> None:
    assert "Choose customers to text" in words_of(manager.get(LIST))
    viewer = browser(factories.user("Viewer"))
    assert "Choose customers to text" not in words_of(viewer.get(LIST))


def test_both_texts_are_shown_before_it_is_confirmed(manager: Client) -> None:
    broadcast = factories.broadcast(english="Half price today!", swahili="Nusu bei leo!")
    page = words_of(manager.get(f"{LIST}{broadcast.pk}/review/"))
    assert "English, as the first to get it reads it" in page
    assert "Half price today! To get" in page
    assert "Kiswahili, as the first to get it reads it" in page
    assert "Nusu bei leo! Hutaki" in page


@pytest.mark.parametrize("door", ["review", "change"])
def test_all_who_are_left_out_are_listed_where_that_is_asked_for(
    manager: Client, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    monkeypatch.setattr("sms.admin.broadcasts.page.SHOWN_NAMES", 2)
    people = [factories.person(f"Person {number}") for number in range(5)]
    broadcast = factories.broadcast(*people)
    for person in people[1:]:
        opt_outs.heed(person.phone_number, factories.NO_TEXTS)
    if door == "change":
        seen = seen_on(manager.get(f"{LIST}{broadcast.pk}/review/"))
        manager.post(f"{LIST}{broadcast.pk}/review/", {"seen": seen})
    few = words_of(manager.get(f"{LIST}{broadcast.pk}/{door}/"))
    assert "And 2 more. Show all" in few
    assert "Person 4" not in few
    every = words_of(manager.get(f"{LIST}{broadcast.pk}/{door}/?all=1"))
    assert "Person 4" in every
    assert "more. Show all" not in every


def test_a_button_that_comes_too_late_is_told_so(manager: Client) -> None:
    broadcast = factories.confirmed()
    control.stop(broadcast)
    response = manager.post(f"{LIST}{broadcast.pk}/pause/", follow=True)
    assert told(response) == ["This broadcast is now: stopped."]
    assert not LogEntry.objects.exists()


def test_who_only_looks_sees_no_buttons() -> None:
    broadcast = factories.confirmed()
    client = browser(factories.user("Viewer"))
    page = client.get(f"{LIST}{broadcast.pk}/change/").content.decode()
    assert "/pause/" not in page
    assert "/stop/" not in page


def test_a_discarded_one_is_gone_and_one_under_way_stays(manager: Client) -> None:
    ready, sending = factories.broadcast(), factories.confirmed()
    assert manager.post(f"{LIST}{ready.pk}/discard/")["Location"] == LIST
    response = manager.post(f"{LIST}{sending.pk}/discard/", follow=True)
    assert told(response) == ["This broadcast is now: sending."]
    assert list(Broadcast.objects.all()) == [sending]


def test_its_texts_are_a_click_away(manager: Client) -> None:
    broadcast = factories.confirmed(factories.person("Wanjiku"))
    factories.message(text="About an order")
    tasks.feed_broadcast(str(broadcast.pk))
    page = manager.get(f"{LIST}{broadcast.pk}/change/").content.decode()
    link = f"/admin/sms/message/?about_id__exact={broadcast.pk}"
    assert link in page
    words = words_of(manager.get(link))
    assert "Hello Wanjiku!" in words
    assert "About an order" not in words


# --- The list -----------------------------------------------------------------------------------


def test_the_list_shows_what_each_says_costs_and_how_it_stands(manager: Client) -> None:
    factories.confirmed(english="Half price today!")
    choose(manager, factories.customer())
    words = words_of(manager.get(LIST))
    for expected in ("Half price today!", "Sending", "KES 0.80", "No words yet", "Not sent yet"):
        assert expected in words


def test_the_list_costs_the_same_for_one_and_for_fifty(
    manager: Client, django_assert_max_num_queries: Any
) -> None:
    factories.confirmed()
    with django_assert_max_num_queries(20) as first:
        manager.get(LIST)
    for _ in range(24):
        factories.confirmed()
    with django_assert_max_num_queries(20) as then:
        manager.get(LIST)
    assert len(then) == len(first)


def test_a_broadcasts_page_costs_the_same_for_one_and_for_fifty(
    manager: Client, django_assert_max_num_queries: Any
) -> None:
    unwilling = [factories.person() for _ in range(51)]
    for person in unwilling:
        opt_outs.heed(person.phone_number, factories.NO_TEXTS)
    few = factories.confirmed(unwilling[0], factories.person())
    many = factories.confirmed(*unwilling[1:], factories.person())
    counts = []
    for broadcast in (few, many):
        with django_assert_max_num_queries(20) as queries:
            manager.get(f"{LIST}{broadcast.pk}/change/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
