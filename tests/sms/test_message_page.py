"""What staff do about texts on their screens: try one again, cancel one, stop and resume all."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django_q.models import OrmQ

from identity.models import User
from sms import line, outbox, tasks
from sms.gateway import Hold, OnHold
from sms.models import Decision, Line, Message
from tests import factories
from tests.sms.conftest import Scripted

pytestmark = pytest.mark.django_db

LOG = "/admin/sms/message/"
LINK = "text-primary-600 dark:text-primary-500 inline-block py-1"
BUTTONS = ("Try again", "Send again …", "Cancel this text")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def clerk() -> Client:
    return browser(factories.user("Clerk", username="wanjiku"))


@pytest.fixture
def manager() -> Client:
    return browser(factories.user("Manager", username="otieno"))


def a_text(status: str, **facts: object) -> Message:
    message = factories.message()
    Message.objects.filter(pk=message.pk).update(status=status, **facts)
    OrmQ.objects.all().delete()
    message.refresh_from_db()
    return message


def page_of(client: Client, message: Message) -> str:
    return unescape(client.get(f"{LOG}{message.pk}/change/").content.decode())


def everything() -> tuple[object, ...]:
    tables = (Message.objects, Decision.objects, Line.objects, OrmQ.objects)
    return tuple(list(each.values()) for each in tables)


def test_a_text_leads_to_what_it_is_about_and_to_whom_it_is(clerk: Client) -> None:
    factories.templates()
    order = factories.order()
    page = page_of(clerk, Message.objects.get(about_id=order.pk))
    assert f'<a class="{LINK}" href="/admin/crm/order/{order.pk}/change/">{order}</a>' in page
    customer = order.customer
    assert f'href="/admin/crm/customer/{customer.pk}/change/">{customer}</a>' in page


def test_a_text_of_a_broadcast_leads_to_it(clerk: Client) -> None:
    broadcast = factories.confirmed()
    tasks.feed_broadcast(str(broadcast.pk))
    page = page_of(clerk, Message.objects.get())
    assert f'href="/admin/sms/broadcast/{broadcast.pk}/change/">{broadcast}</a>' in page


def test_a_text_leads_nowhere_that_its_reader_may_not_go() -> None:
    factories.templates()
    order = factories.order()
    reader = factories.user("Viewer")
    of_crm = Permission.objects.filter(content_type__app_label="crm")
    factories.roles()["Viewer"].permissions.remove(*of_crm)
    page = page_of(browser(reader), Message.objects.get(about_id=order.pk))
    assert "What happened" in page
    assert str(order.pk) not in page
    assert str(order.customer) not in page


@pytest.mark.parametrize(
    ("status", "button"),
    [
        ("failed", "Try again"),
        ("unconfirmed", "Send again …"),
        ("queued", "Cancel this text"),
        ("held", "Cancel this text"),
        ("sending", None),
        ("delivered", None),
    ],
)
def test_a_text_offers_what_may_be_done_about_it_to_who_may_send(
    clerk: Client, status: str, button: str | None
) -> None:
    message = a_text(status)
    words = page_of(clerk, message)
    assert [each for each in BUTTONS if each in words] == ([button] if button else [])
    words = page_of(browser(factories.user("Viewer")), message)
    assert not any(each in words for each in BUTTONS)


def test_a_clerk_tries_a_failed_text_again(clerk: Client) -> None:
    message = a_text("failed")
    page = clerk.post(f"{LOG}{message.pk}/retry/", follow=True)
    assert "The text is queued again." in page.content.decode()
    message.refresh_from_db()
    assert message.status == "queued"
    decision = message.decisions.get()
    assert (decision.kind, str(decision.made_by)) == ("retry", "wanjiku")


def test_a_text_in_doubt_is_sent_again_only_after_the_warning(clerk: Client) -> None:
    message = a_text("unconfirmed")
    before = everything()
    page = clerk.get(f"{LOG}{message.pk}/send-again/")
    assert "the phone gets it twice" in page.content.decode()
    assert everything() == before
    page = clerk.post(f"{LOG}{message.pk}/send-again/", follow=True)
    assert "The text is queued once more." in page.content.decode()
    message.refresh_from_db()
    assert (message.status, message.may_be_double) == ("queued", True)
    assert "May come twice" in page.content.decode()
    assert "by wanjiku" in page.content.decode()


def test_a_clerk_cancels_a_text_that_waits(clerk: Client) -> None:
    message = a_text("queued")
    page = clerk.post(f"{LOG}{message.pk}/cancel/", follow=True)
    assert "The text is cancelled." in page.content.decode()
    message.refresh_from_db()
    assert message.status == "cancelled"


@pytest.mark.parametrize(
    ("door", "told"),
    [
        ("retry", "Only a failed or an unconfirmed one can be sent again."),
        ("send-again", "Only a failed or an unconfirmed one can be sent again."),
        ("cancel", "Only one that is queued or held can be cancelled."),
    ],
)
def test_what_somebody_else_settled_meanwhile_is_told_and_nothing_changes(
    clerk: Client, door: str, told: str
) -> None:
    message = a_text("delivered")
    before = everything()
    page = clerk.post(f"{LOG}{message.pk}/{door}/", follow=True)
    assert f"This text is delivered. {told}" in page.content.decode()
    assert everything() == before


def test_a_text_that_is_not_there_is_not_found(clerk: Client) -> None:
    for door in ("retry", "send-again", "cancel"):
        path = f"{LOG}01890000-0000-7000-8000-000000000000/{door}/"
        assert clerk.post(path).status_code == 404


def test_a_form_without_its_key_does_nothing() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.user("Manager"))
    message = a_text("failed")
    line.stop(None)
    before = everything()
    for path in (f"{message.pk}/retry/", f"{message.pk}/cancel/", "resume/", "stop/"):
        assert client.post(LOG + path).status_code == 403
    assert everything() == before


def test_texts_that_an_empty_account_holds_up_are_told_and_resumed(
    manager: Client, clerk: Client, gateway: Scripted
) -> None:
    gateway.answers = [OnHold("The account needs to be topped up.", Hold.BALANCE)]
    message = factories.message()
    tasks.drain()
    factories.message()
    words = " ".join(unescape(clerk.get(LOG).content.decode()).split())
    for expected in (
        "No texts are sent.",
        "The account with the gateway is empty. The account needs to be topped up.",
        "2 texts wait.",
        "Karani looks again by itself at",
    ):
        assert expected in words
    assert "Resume texts" not in words
    assert "Resume texts" in manager.get(LOG).content.decode()

    page = manager.post(f"{LOG}resume/", follow=True)
    assert "Texts go on: one is tried first." in page.content.decode()
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "sent"


def test_a_manager_stops_all_texts_and_lets_them_go_on(manager: Client) -> None:
    assert "Stop all texts" in manager.get(LOG).content.decode()
    page = manager.post(f"{LOG}stop/", follow=True)
    words = page.content.decode()
    assert "No more texts are sent until they are resumed." in words
    assert "Stopped by otieno." in words
    message = factories.message()
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "queued"
    manager.post(f"{LOG}resume/")
    tasks.drain()
    message.refresh_from_db()
    assert message.status == "sent"
    page = manager.post(f"{LOG}resume/", follow=True)
    assert "Nothing holds the texts up." in page.content.decode()
    told = page.content.decode().partition('id="line-events"')[2].partition("</details>")[0]
    assert re.findall(r"</time>: (.+)</li>", told) == [
        "Texts go out again",
        "Texts are resumed by otieno",
        "Texts are held by otieno (Somebody of the staff stopped the texts)",
    ]


def test_texts_that_wait_for_money_may_be_stopped_as_well(manager: Client) -> None:
    line.note_hold(line.find_line(), Line.Hold.BALANCE, "Empty.")
    assert "Stop all texts" in manager.get(LOG).content.decode()
    manager.post(f"{LOG}stop/")
    assert line.find_line().hold == "staff"
    assert "Stop all texts" not in manager.get(LOG).content.decode()


def test_a_broken_line_is_told_as_such(clerk: Client) -> None:
    known = line.find_line()
    for _ in range(Line.FAILURES_TO_BREAK):
        line.note_failure(known, "The gateway could not be reached [ConnectTimeout].")
    words = " ".join(clerk.get(LOG).content.decode().split())
    assert "The gateway cannot be reached." in words
    assert "[ConnectTimeout]" in words


def test_a_text_to_a_number_that_takes_none_is_not_offered_again(clerk: Client) -> None:
    landline = outbox.queue_message("+254202222222", "Hello")
    assert landline.status == "failed"
    assert "Try again" not in page_of(clerk, landline)
    before = everything()
    response = clerk.post(f"{LOG}{landline.pk}/retry/", follow=True)
    (refusal,) = response.context["messages"]
    assert "Mend the customer's number: the next text goes to that one." in str(refusal)
    assert everything() == before


def test_to_cancel_what_was_to_be_sent_again_is_told_as_what_it_is(clerk: Client) -> None:
    message = a_text("queued", may_be_double=True)
    response = clerk.post(f"{LOG}{message.pk}/cancel/", follow=True)
    (said,) = response.context["messages"]
    assert str(said) == (
        "The text is not sent again. Whether it arrived before is still not known."
    )
    message.refresh_from_db()
    assert message.status == "unconfirmed"


def test_what_is_not_in_doubt_any_more_is_not_offered_to_be_sent_again(clerk: Client) -> None:
    message = a_text("delivered")
    page = clerk.get(f"{LOG}{message.pk}/send-again/").content.decode()
    assert "This text is delivered. Only a failed or an unconfirmed one can be sent again." in page
    assert "Send it again all the same" not in page
    message = a_text("unconfirmed")
    page = clerk.get(f"{LOG}{message.pk}/send-again/").content.decode()
    assert "If it did, the phone gets it twice." in page
    assert "Send it again all the same" in page
