"""Many orders moved at once, from the list: what is said before, what is done, and what is told."""

from threading import Barrier, Thread
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import moving, orders
from crm.admin.lists import move_words
from crm.models import Order, OrderStatus
from identity.models import User
from sms.forecasts import Forecast, forecast
from sms.models import Message, MessageTemplate
from tests import factories

pytestmark = pytest.mark.django_db

ORDERS = "/admin/crm/order/"
COMPLETED = OrderStatus.COMPLETED


@pytest.fixture
def clerk() -> Client:
    client = Client()
    client.force_login(factories.user("Clerk", username="clerk"))
    return client


@pytest.fixture
def shop(templates: None) -> None:
    """One that texts at every step."""
    factories.switch_on("order_processing", "order_completed", "order_cancelled")


def placed(count: int = 1, *, status: str = "", **facts: Any) -> list[Order]:
    made = [factories.order(text_customer=False, **facts) for _ in range(count)]
    if status:
        orders.change_statuses(made, status)
        Message.objects.all().delete()
    return list(Order.objects.filter(pk__in=[order.pk for order in made]).order_by("created_at"))


def choose(
    client: Client, action: str, rows: list[Order], *, all_of: str = "", **fields: Any
) -> Any:
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows], **fields}
    if all_of:
        form["select_across"] = "1"
    return client.post(ORDERS + all_of, form)


def confirm(client: Client, page: Any) -> Any:
    """Press the button of the page."""
    context = page.context
    return client.post(
        page.wsgi_request.get_full_path(),
        {
            "action": context["action"],
            "select_across": context["select_across"],
            "seen_at": context["seen_at"],
            "form_key": context["form_key"],
            "expected": context["preview"].moving,
            "_selected_action": context["chosen"],
        },
    )


def told(page: Any) -> list[str]:
    return [str(message) for message in get_messages(page.wsgi_request)]


def move_all(*, by: User, form_key: str) -> moving.Moved:
    return moving.move_orders(Order.objects.all(), COMPLETED, by=by, form_key=form_key)


def statuses() -> list[str]:
    return list(Order.objects.order_by("created_at").values_list("status", flat=True))


# --- Said before --------------------------------------------------------------------------------


def test_how_many_would_move_and_how_many_texts_would_go_is_said_before(
    clerk: Client, shop: None
) -> None:
    rows = placed(9)
    rows += placed(customer=factories.customer(sms_opted_out=True))
    rows += placed(2, customer=factories.customer(phone_number="+254202222222"))
    rows += placed(2, status="CANCELLED") + placed(status="COMPLETED")
    before = statuses()
    page = choose(clerk, "mark_completed", rows)
    assert page.context["title"] == "Complete 12 orders?"
    assert page.context["consequences"] == [
        "9 texts will go.",
        "1 customer opted out and gets none.",
        "1 customer has no mobile number and gets none.",
        "1 order is that already, and stays as it is.",
        "2 orders can’t: they are cancelled.",
    ]
    assert statuses() == before
    assert not Message.objects.exists()


def test_that_no_text_is_sent_at_a_step_is_said(clerk: Client, templates: None) -> None:
    page = choose(clerk, "mark_processing", placed())
    assert page.context["title"] == "Mark 1 order as processing?"
    assert page.context["consequences"] == ["No text goes: none is sent at this step."]


def test_where_none_can_move_there_is_no_button(clerk: Client) -> None:
    page = choose(clerk, "mark_cancelled", placed(status="COMPLETED"))
    assert page.context["title"] == "Nothing to move"
    assert page.context["consequences"] == ["1 order can’t: it is completed."]
    assert "Back to the list" in page.content.decode()
    assert 'name="seen_at"' not in page.content.decode()


def test_a_preview_costs_the_same_for_one_and_for_fifty(shop: None) -> None:
    counts = []
    for count in (1, 49):
        placed(count)
        with CaptureQueriesContext(connection) as queries:
            preview = moving.preview_moves(Order.objects.all(), COMPLETED)
        counts.append(len(queries))
    assert (preview.moving, preview.forecast.texts) == (50, 50)
    assert counts == [4, 4]


def test_a_language_that_is_switched_off_gets_no_text(templates: None) -> None:
    MessageTemplate.objects.filter(language="sw").update(is_active=False)
    people = [("+254722000000", "en"), ("+254722000000", "en"), ("+254722000001", "sw")]
    assert forecast("order_placed", people) == Forecast(texts=2, opted_out=0, no_mobile=0)
    assert forecast("no_such_event", people).is_silent


# --- Done ---------------------------------------------------------------------------------------


def test_what_is_confirmed_is_done_and_told(clerk: Client, shop: None) -> None:
    rows, other = placed(3), placed()
    done = confirm(clerk, choose(clerk, "mark_completed", rows))
    assert (done.status_code, done["Location"]) == (302, ORDERS)
    assert told(done) == ["3 orders are completed now."]
    assert statuses() == ["COMPLETED"] * 3 + ["PENDING"]
    assert set(Message.objects.values_list("about_id", flat=True)) == {row.pk for row in rows}
    assert other[0].history.count() == 1
    assert rows[0].history.latest().history_user.username == "clerk"


def test_to_confirm_twice_moves_and_texts_once_and_tells_the_same(
    clerk: Client, shop: None
) -> None:
    page = choose(clerk, "mark_completed", placed(3))
    confirm(clerk, page)
    again = confirm(clerk, page)
    assert told(again) == ["3 orders are completed now."] * 2
    assert statuses() == ["COMPLETED"] * 3
    assert Message.objects.count() == 3
    assert Order.history.count() == 6


def test_what_could_not_be_moved_is_told_again_too(clerk: Client) -> None:
    rows = placed(3)
    page = choose(clerk, "mark_completed", rows)
    orders.change_status(rows[0], "CANCELLED")
    confirm(clerk, page)
    again = confirm(clerk, page)
    assert told(again)[2:] == [
        "2 orders are completed now.",
        "1 order has changed since you looked, and stays as it is.",
    ]


def test_to_confirm_twice_what_had_no_order_to_move_tells_the_same(clerk: Client) -> None:
    [order] = placed()
    page = choose(clerk, "mark_completed", [order])
    orders.change_status(order, "CANCELLED")
    for _ in range(2):
        done = confirm(clerk, page)
    assert set(told(done)) == {"1 order has changed since you looked, and stays as it is."}
    assert statuses() == ["CANCELLED"]


def test_more_than_a_limit_do_not_move_by_a_second_click(clerk: Client) -> None:
    with patch.object(moving, "MOST_AT_ONCE", 4), patch.object(moving, "_STEP", 3):
        page = choose(clerk, "mark_completed", placed(6), all_of="?")
        confirm(clerk, page)
        again = confirm(clerk, page)
    assert told(again)[2:] == told(again)[:2]
    assert statuses() == ["COMPLETED"] * 4 + ["PENDING"] * 2


@pytest.mark.django_db(transaction=True)
def test_of_two_who_confirm_at_once_both_are_told_the_same_and_one_moves(shop: None) -> None:
    placed(3)
    by, barrier, done = factories.user("Clerk"), Barrier(2), list[Any]()

    def move() -> None:
        try:
            barrier.wait()
            done.append(move_all(by=by, form_key="one"))
        finally:
            connection.close()

    threads = [Thread(target=move) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(each.moved, each.left) for each in done] == [(3, 0), (3, 0)]
    assert (Message.objects.count(), Order.history.count()) == (3, 6)


def test_all_that_match_are_moved_and_none_that_came_meanwhile(clerk: Client, shop: None) -> None:
    rows = placed(3, item="Lamp")
    placed(item="Radio")
    page = choose(clerk, "mark_processing", rows[:1], all_of="?q=lamp&status__exact=PENDING")
    assert page.context["title"] == "Mark 3 orders as processing?"
    assert page.context["chosen"] == [str(rows[0].pk)]
    placed(item="Lamp")
    orders.change_status(rows[2], "CANCELLED")
    done = confirm(clerk, page)
    assert done["Location"] == f"{ORDERS}?q=lamp&status__exact=PENDING"
    assert told(done) == [
        "2 orders are being processed now.",
        "1 order has changed since you looked, and stays as it is.",
    ]
    assert statuses() == ["PROCESSING"] * 2 + ["CANCELLED", "PENDING", "PENDING"]


def test_no_more_than_a_limit_move_at_once_and_the_rest_is_told(clerk: Client) -> None:
    with patch.object(moving, "MOST_AT_ONCE", 4), patch.object(moving, "_STEP", 3):
        page = choose(clerk, "mark_completed", placed(6), all_of="?")
        assert page.context["title"] == "Complete 4 orders?"
        assert page.context["consequences"][-1].endswith("2 more can move after that.")
        done = confirm(clerk, page)
    assert told(done) == [
        "4 orders are completed now.",
        "2 more orders can move: do it again for those.",
    ]
    assert statuses() == ["COMPLETED"] * 4 + ["PENDING"] * 2


def test_a_step_that_fails_leaves_those_before_it_done(shop: None) -> None:
    rows, by = placed(4), factories.user("Clerk")
    real, calls = orders.change_statuses, []

    def second_fails(chosen: Any, status: str) -> Any:
        calls.append(status)
        if len(calls) == 2:
            raise RuntimeError
        return real(chosen, status)

    with (
        patch.object(moving, "_STEP", 2),
        patch.object(moving, "change_statuses", second_fails),
        pytest.raises(RuntimeError),
    ):
        move_all(by=by, form_key="one")
    assert statuses() == ["COMPLETED"] * 2 + ["PENDING"] * 2
    again = move_all(by=by, form_key="one")
    assert (again.moved, again.waiting) == (2, 2)
    told = "2 more orders had not moved yet: look again in a moment."
    assert move_words.shortfalls_of(again, 4) == [told]
    assert move_all(by=by, form_key="two").moved == 2
    assert Message.objects.count() == len(rows)


def test_an_order_that_moved_while_it_was_being_moved_is_told_of(clerk: Client) -> None:
    rows = placed(7)
    page = choose(clerk, "mark_completed", rows)
    real = orders.change_statuses

    def after_another(chosen: Any, status: str) -> Any:
        seen = list(chosen)  # as they were read
        real(rows[:6], "CANCELLED")
        return real(seen, status)

    with patch.object(moving, "change_statuses", after_another):
        done = confirm(clerk, page)
    first, *refusals = told(done)
    assert first == "1 order is completed now."
    assert refusals[0] == (
        f"Order {rows[0].order_number} is CANCELLED and cannot become COMPLETED. That is final."
    )
    assert (len(refusals), refusals[-1]) == (6, "1 more order could not be moved either.")
    again = confirm(clerk, page)
    assert told(again)[-2:] == ["1 order is completed now.", "6 orders could not be moved."]


def test_who_may_not_change_orders_moves_none(shop: None) -> None:
    [order] = placed(1)
    viewer, before = factories.user("Viewer"), statuses()
    with pytest.raises(PermissionDenied):
        move_all(by=viewer, form_key="one")
    with pytest.raises(PermissionDenied):
        moving.move_order(order, COMPLETED, seen="PENDING", by=viewer, form_key="one")
    assert (statuses(), Message.objects.count(), Order.history.count()) == (before, 0, 1)


# --- Offered ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ("", ["mark_processing", "mark_completed", "mark_cancelled"]),
        ("?status__exact=PENDING", ["mark_processing", "mark_completed", "mark_cancelled"]),
        ("?status__exact=PROCESSING", ["mark_completed", "mark_cancelled"]),
        ("?status__exact=COMPLETED", []),
        ("?status__exact=CANCELLED&status__exact=COMPLETED", []),
        ("?status__exact=nonsense", []),
    ],
)
def test_a_list_offers_the_moves_that_its_orders_can_make(
    clerk: Client, query: str, offered: list[str]
) -> None:
    page = clerk.get(ORDERS + query)
    form = page.context["action_form"]
    actions = [name for name, _ in form.fields["action"].choices if name] if form else []
    assert actions == offered


def test_each_row_offers_its_next_steps_and_asks_before_one_is_made(
    clerk: Client, shop: None
) -> None:
    [pending], [processing], [done] = placed(), placed(status="PROCESSING"), placed()
    orders.change_status(done, "COMPLETED")
    page = clerk.get(ORDERS).content.decode()
    offered = {
        order.pk: [name for name in moving_names if f'value="{name} {order.pk}"' in page]
        for order in (pending, processing, done)
        for moving_names in [("mark_processing", "mark_completed", "mark_cancelled")]
    }
    assert offered == {
        pending.pk: ["mark_processing", "mark_completed", "mark_cancelled"],
        processing.pk: ["mark_completed", "mark_cancelled"],
        done.pk: [],
    }
    ticked = {"_selected_action": [str(pending.pk)], "index": "0"}  # is not what is meant
    asked = clerk.post(f"{ORDERS}?q=laptop", ticked | {"move": f"mark_completed {processing.pk}"})
    assert asked.context["title"] == "Complete 1 order?"
    assert asked.context["chosen"] == [str(processing.pk)]
    assert confirm(clerk, asked)["Location"] == f"{ORDERS}?q=laptop"
    assert statuses() == ["PENDING", "COMPLETED", "COMPLETED"]


@pytest.mark.parametrize("value", ["", "mark_completed", "mark_completed x", "delete_selected {}"])
def test_a_button_that_no_row_has_moves_nothing(clerk: Client, value: str) -> None:
    [order] = placed()
    page = clerk.post(ORDERS, {"move": value.format(order.pk)}, follow=True)
    assert page.status_code == 200
    assert statuses() == ["PENDING"]


def test_a_viewer_is_offered_no_step_and_makes_none() -> None:
    client = Client()
    client.force_login(factories.user("Viewer"))
    [order] = placed()
    assert "next-step" not in client.get(ORDERS).content.decode()
    client.post(ORDERS, {"move": f"mark_completed {order.pk}"})
    choose(client, "mark_completed", [order], seen_at="2999-01-01T00:00:00+00:00", form_key="one")
    assert statuses() == ["PENDING"]


def test_a_list_that_offers_no_move_takes_none(clerk: Client) -> None:
    [order] = placed()
    form = {"action": "mark_completed", "_selected_action": [str(order.pk)]}
    clerk.post(f"{ORDERS}?status__exact=COMPLETED", form)
    assert statuses() == ["PENDING"]


@pytest.mark.parametrize(
    ("seen_at", "form_key"),
    [
        *((wrong, "one") for wrong in ("", "soon", "2026-99-99T00:00", "2026-09-21T12:00")),
        ("2999-01-01T00:00:00+00:00", ""),
    ],
)
def test_without_a_count_that_was_seen_it_is_counted_first(
    clerk: Client, seen_at: str, form_key: str
) -> None:
    page = choose(clerk, "mark_completed", placed(), seen_at=seen_at, form_key=form_key)
    assert page.context["title"] == "Complete 1 order?"
    assert statuses() == ["PENDING"]
