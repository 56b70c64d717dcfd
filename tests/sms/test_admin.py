"""The screens of texts: a log that nobody edits, and the simulated phones."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from identity.models import Role, User
from identity.roles import assign_roles
from sms import decisions, delivery_reports, incoming, opt_outs, tasks
from sms.admin import messages, phones
from sms.models import (
    Attempt,
    ConsentSource,
    Decision,
    DeliveryReport,
    IncomingText,
    Message,
)
from sms.opt_outs import Word
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db

LOG, RECEIVED, OPT_OUTS, PHONES = (
    "/admin/sms/message/",
    "/admin/sms/incomingtext/",
    "/admin/sms/consentchange/",
    "/admin/sms/message/phones/",
)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client() -> Client:
    """A browser in which a Viewer is signed in."""
    return browser(factories.user("Viewer"))


def everybody() -> list[User]:
    roles = ("Viewer", "Clerk", "Manager", "Administrator")
    return [*(factories.user(role) for role in roles), factories.superuser()]


def sent(phone_number: str = "+254722000000", text: str = "Hello", minutes_ago: int = 0) -> Message:
    """A text that the simulator took."""
    message = factories.message(phone_number, text)
    tasks.send_message(str(message.pk))
    Message.objects.filter(pk=message.pk).update(
        sent_at=timezone.now() - timedelta(minutes=minutes_ago)
    )
    message.refresh_from_db()
    return message


def test_who_opted_out_is_listed_with_who_said_so_when_and_how(client: Client) -> None:
    boss = factories.user("Manager", username="otieno")
    word = Word(wants_texts=False, source=ConsentSource.TEXT, words="ACHA")
    opt_outs.heed("+254722000001", word)
    again = Word(wants_texts=True, source=ConsentSource.STAFF, said_by=boss)
    opt_outs.heed("+254722000001", again)
    opt_outs.heed("+254733000000", Word(wants_texts=False, source=ConsentSource.GATEWAY))
    page = client.get(OPT_OUTS)
    assert [(each.phone_number, each.wants_texts) for each in listed(page)] == [
        ("+254733000000", False),
        ("+254722000001", True),
        ("+254722000001", False),
    ]
    words = unescape(page.content.decode())
    for said in ("0733 000000", "By text", "ACHA", "By staff", "otieno", "own opt-out"):
        assert said in words
    assert len(listed(client.get(OPT_OUTS, {"q": "0722 000 001"}))) == 2
    assert len(listed(client.get(OPT_OUTS, {"wants_texts__exact": "0"}))) == 2


def test_those_that_failed_are_tried_again_together(gateway: Scripted) -> None:
    clerk = browser(factories.user("Clerk", username="wanjiku"))
    failed, other, landline, opted_out, waiting = (
        factories.message(phone_number)
        for phone_number in (
            "+254722000001",
            "+254722000002",
            "+254202222222",
            "+254722000003",
            "+254722000004",
        )
    )
    chosen = [failed, other, landline, opted_out, waiting]
    Message.objects.exclude(pk=waiting.pk).update(status="failed", failure_reason="Too old.")
    opt_outs.heed(opted_out.phone_number, factories.NO_TEXTS)
    page = clerk.post(
        LOG, {"action": "try_again", "_selected_action": [each.pk for each in chosen]}, follow=True
    )
    words = unescape(page.content.decode())
    assert "2 texts are queued again." in words
    assert "No mobile number: no text gets there. (1)" in words
    assert "The phone has opted out of texts. (1)" in words
    states = {each.pk: each.status for each in Message.objects.all()}
    assert [states[each.pk] for each in chosen] == ["queued"] * 2 + ["failed"] * 2 + ["queued"]
    makers = Decision.objects.values_list("made_by__username", flat=True)
    assert list(makers) == ["wanjiku", "wanjiku"]
    tasks.drain()
    assert len(gateway.taken) == 3
    again = clerk.post(LOG, {"action": "try_again", "_selected_action": [failed.pk]}, follow=True)
    assert "None of these has failed in a way that can be tried again." in again.content.decode()


def test_of_very_many_that_failed_some_hundreds_are_tried_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decisions, "MOST_AT_ONCE", 2)
    chosen = [factories.message().pk for _ in range(3)]
    Message.objects.update(status="failed")
    body = {"action": "try_again", "_selected_action": chosen}
    clerk = browser(factories.user("Clerk"))
    words = clerk.post(LOG, body, follow=True).content.decode()
    assert "2 texts are queued again." in words
    assert "1 more failed: choose them again to try those, too." in words
    assert Message.objects.filter(status="failed").count() == 1


def listed(page: Any) -> list[Any]:
    return list(page.context["cl"].result_list)


def words_of(page: Any) -> str:
    return unescape(page.content.decode())


# --- The log ------------------------------------------------------------------------------------


def test_the_log_shows_each_text_with_its_phone_its_state_and_its_price(client: Client) -> None:
    message = factories.message("+254722000000", "Habari " + "x" * 80)
    Message.objects.filter(pk=message.pk).update(
        status="undelivered", cost=Decimal("0.8000"), currency="KES"
    )
    words = words_of(client.get(LOG))
    for expected in ("0722 000000", f"Habari {'x' * 72}…", "Not delivered", "KES 0.80"):
        assert expected in words
    assert "x" * 73 not in words


def test_a_text_is_found_by_its_phone_and_its_words(client: Client) -> None:
    wanted = factories.message("+254722000000", "Hello Wanjiku")
    factories.message("+254733111111", "Hello Otieno")
    assert listed(client.get(LOG, {"q": "722000"})) == [wanted]
    assert listed(client.get(LOG, {"q": "wanjiku"})) == [wanted]
    assert listed(client.get(LOG, {"status__exact": "failed"})) == []


def test_what_may_come_twice_is_marked_and_found(client: Client) -> None:
    message, _ = factories.message(), factories.message()
    Message.objects.filter(pk=message.pk).update(status="sent", may_be_double=True)
    page = client.get(LOG, {"may_be_double__exact": "1"})
    assert listed(page) == [message]
    assert "Sent, may come twice" in words_of(page)


def test_a_text_is_found_by_its_phone_as_the_log_writes_it(client: Client) -> None:
    wanted = factories.message("+254722000000")
    factories.message("+254733111111")
    assert listed(client.get(LOG, {"q": "0722 000000"})) == [wanted]


def test_a_text_tells_its_attempts_and_its_reports(client: Client) -> None:
    message = sent(text="<i>Hello</i>")
    Attempt.objects.create(
        message=message,
        gateway="africastalking",
        started_at=datetime(2026, 9, 21, 12, 30, tzinfo=UTC),
        outcome=Attempt.Outcome.NOT_TAKEN,
        detail="Connection refused.",
    )
    delivery_reports.receive_report(message.gateway_message_id, "AbsentSubscriber", "Phone is off")
    words = words_of(client.get(f"{LOG}{message.pk}/change/"))
    for expected in (
        "0722 000000",
        "Not delivered",
        f"receipt {message.gateway_message_id}",
        "Did not reach the gateway, to be tried again",
        "Connection refused.",
        "Phone is off",
        message.gateway_message_id,
    ):
        assert expected in words
    assert "<i>Hello" not in client.get(f"{LOG}{message.pk}/change/").content.decode()


def test_nobody_adds_changes_or_deletes_a_text() -> None:
    message = sent()
    delivery_reports.receive_report(message.gateway_message_id, "Success")
    before = list(Message.objects.values())
    fields = {
        "text": "Changed",
        "status": "failed",
        "post": "yes",
    }
    for user in everybody():
        client = browser(user)
        assert client.get(f"{LOG}{message.pk}/change/").status_code == 200
        for url in ("add/", f"{message.pk}/change/", f"{message.pk}/delete/"):
            assert client.post(f"{LOG}{url}", fields).status_code == 403
        assert client.get(f"{LOG}add/").status_code == 403
        client.post(
            LOG, {"action": "delete_selected", "_selected_action": str(message.pk), "post": "yes"}
        )
    assert list(Message.objects.values()) == before
    assert (Attempt.objects.count(), DeliveryReport.objects.count()) == (1, 1)


@pytest.mark.parametrize("url", [LOG, RECEIVED, PHONES, "/admin/sms/messagetemplate/"])
def test_a_user_without_a_role_opens_none_of_these_pages(url: str) -> None:
    response = browser(factories.user()).get(url)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_the_log_costs_the_same_queries_for_1_text_and_for_50(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages.MessageAdmin, "list_per_page", 100)
    counts = []
    for number in (1, 49):
        for _ in range(number):
            factories.message()
        client.get(LOG)  # whatever is looked up once
        with CaptureQueriesContext(connection) as queries:
            page = client.get(LOG)
        assert len(listed(page)) == Message.objects.count()
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- What came in -------------------------------------------------------------------------------


def test_received_texts_tell_who_wrote_what_and_what_it_was_taken_for(client: Client) -> None:
    incoming.receive_text("+254722000000", "ACHA", gateway_message_id="1")
    incoming.receive_text("+254733111111", "Is my <b>cake</b> ready?", gateway_message_id="2")
    incoming.receive_text("SAFARICOM", "Buy a bundle", gateway_message_id="3")
    words = words_of(client.get(RECEIVED))
    for expected in ("0722 000000", "ACHA", "No more texts", "SAFARICOM", "Something else"):
        assert expected in words
    assert "<b>cake" not in client.get(RECEIVED).content.decode()
    found = listed(client.get(RECEIVED, {"q": "0722 000000"}))
    assert [each.text for each in found] == ["ACHA"]
    assert [each.text for each in listed(client.get(RECEIVED, {"q": "cake"}))] == [
        "Is my <b>cake</b> ready?"
    ]


def test_received_texts_cost_the_same_queries_for_1_and_for_20(client: Client) -> None:
    counts = []
    for number in (1, 19):
        for _ in range(number):
            incoming.receive_text("+254722000000", "Hello")
        client.get(RECEIVED)  # whatever is looked up once
        with CaptureQueriesContext(connection) as queries:
            page = client.get(RECEIVED)
        assert len(listed(page)) == IncomingText.objects.count()
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- The simulated phones -----------------------------------------------------------------------


def test_a_phone_shows_its_texts_from_the_oldest_to_the_newest(client: Client) -> None:
    sent(text="second", minutes_ago=5)
    sent(text="first", minutes_ago=10)
    sent(text="third <b>")
    words = client.get(PHONES).content.decode()
    assert "0722 000000" in words
    assert words.index("first") < words.index("second") < words.index("third &lt;b&gt;")


def test_the_phone_that_was_texted_last_comes_first(client: Client) -> None:
    sent("+254722000001", minutes_ago=10)
    sent("+254722000002", minutes_ago=5)
    sent("+254722000003", minutes_ago=20)
    sent("+254722000001", minutes_ago=1)
    phones = client.get(PHONES).context["phones"]
    assert [(phone["number"], len(phone["messages"])) for phone in phones] == [
        ("0722 000001", 2),
        ("0722 000002", 1),
        ("0722 000003", 1),
    ]


def test_a_phone_shows_its_newest_20_texts(client: Client) -> None:
    for number in range(22):
        sent(text=f"text {number}", minutes_ago=22 - number)
    (phone,) = client.get(PHONES).context["phones"]
    assert [message.text for message in phone["messages"]] == [
        f"text {number}" for number in range(2, 22)
    ]


def test_a_phone_with_many_texts_takes_none_from_another(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phones, "SHOWN_PHONES", 2)
    monkeypatch.setattr(phones, "SHOWN_TEXTS", 2)
    sent("+254722000001", minutes_ago=10)
    for _ in range(4):
        sent("+254722000002")
    shown = client.get(PHONES).context["phones"]
    assert [len(phone["messages"]) for phone in shown] == [2, 1]


def test_only_what_the_simulator_took_is_on_a_phone(client: Client) -> None:
    Message.objects.filter(pk=sent(text="for real").pk).update(gateway="africastalking")
    factories.message(text="not sent yet")
    page = client.get(PHONES)
    assert page.context["phones"] == []
    assert "No text was sent yet." in page.content.decode()


def test_with_another_gateway_nobody_is_told_that_texts_stay_here(
    client: Client, settings: Settings
) -> None:
    page = client.get(PHONES).content.decode()
    assert "no text leaves this machine" in page
    assert f'href="{PHONES}"' in page
    settings.SMS_GATEWAY = "console"
    page = client.get(PHONES).content.decode()
    assert "no text leaves this machine" not in page
    assert "texts go to real phones now" in page
    assert f'href="{PHONES}"' not in page  # nor is it in the sidebar


def test_the_phones_cost_the_same_queries_for_1_and_for_30(client: Client) -> None:
    counts = []
    for number in (1, 29):
        for _ in range(number):
            sent(f"+2547220000{Message.objects.count():02d}")
        client.get(PHONES)  # whatever is looked up once
        with CaptureQueriesContext(connection) as queries:
            page = client.get(PHONES)
        assert len(page.context["phones"]) == Message.objects.count()
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_phones_are_shown_to_those_only_who_may_see_texts() -> None:
    packer = factories.user()
    packers = Role(name="Packer")
    packers.save()
    assign_roles(packer, [packers])
    assert browser(packer).get(PHONES).status_code == 403
    for user in everybody():
        assert browser(user).get(PHONES).status_code == 200
