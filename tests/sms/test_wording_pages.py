"""The screens of the wording: the list with its switches, the form, and the live preview."""

from decimal import Decimal
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import orders
from identity.models import User
from sms import wording
from sms.admin import wording_preview
from sms.models import Message, MessageTemplate
from tests import factories

pytestmark = pytest.mark.django_db

WORDING = "/admin/sms/messagetemplate/"
VARIABLES = "{customer_name}, {item}, {currency}, {amount}, {order_number}"


@pytest.fixture
def template(templates: None) -> MessageTemplate:
    return MessageTemplate.objects.get(event="order_placed", language="en")


# --- The list -----------------------------------------------------------------------------------


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def manager(templates: None) -> Client:
    """A browser in which a Manager is signed in."""
    return browser(factories.user("Manager"))


def everybody() -> list[User]:
    roles = ("Viewer", "Clerk", "Manager", "Administrator")
    return [*(factories.user(role) for role in roles), factories.superuser()]


def words_of(page: Any) -> str:
    return unescape(page.content.decode())


def switches(page: Any, **on_or_off: bool) -> dict[str, str]:
    """What the list sends when some events are switched, in both languages."""
    form = {"_save": "Save", "form-INITIAL_FORMS": "8", "form-TOTAL_FORMS": "8"}
    for number, template in enumerate(page.context["cl"].result_list):
        form[f"form-{number}-id"] = str(template.pk)
        if on_or_off.get(template.event, template.is_active):
            form[f"form-{number}-is_active"] = "on"
    return form


def test_the_list_has_each_event_in_the_order_of_an_orders_life(manager: Client) -> None:
    listed = manager.get(WORDING).context["cl"].result_list
    assert [(each.event, each.language) for each in listed] == [
        (event, language)
        for event in ("order_placed", "order_processing", "order_completed", "order_cancelled")
        for language in ("en", "sw")
    ]


def test_the_list_tells_what_each_text_costs(manager: Client, template: MessageTemplate) -> None:
    template.body = "’" * 71
    wording.change_wording(template)
    words = words_of(manager.get(WORDING))
    assert words.count("1 message, KES 0.80") == 7
    assert words.count("2 messages, KES 1.60") == 1


def test_a_text_is_switched_on_the_list_and_nothing_else_changes(manager: Client) -> None:
    before = list(MessageTemplate.objects.values_list("pk", "body"))
    form = switches(manager.get(WORDING), order_completed=True, order_placed=False)
    assert manager.post(WORDING, form).status_code == 302
    on = MessageTemplate.objects.filter(is_active=True).values_list("event", "language")
    assert set(on) == {("order_completed", "en"), ("order_completed", "sw")}
    assert list(MessageTemplate.objects.values_list("pk", "body")) == before
    order = factories.order()
    orders.change_status(order, "COMPLETED")
    assert list(Message.objects.values_list("event", flat=True)) == ["order_completed"]


def test_who_switches_a_text_keeps_what_another_wrote_meanwhile(template: MessageTemplate) -> None:
    seen_before = MessageTemplate.objects.get(pk=template.pk)
    template.body = "Written meanwhile"
    wording.change_wording(template)
    seen_before.is_active = False
    wording.change_wording(seen_before, ["is_active"])
    template.refresh_from_db()
    assert (template.body, template.is_active) == ("Written meanwhile", False)


@pytest.mark.parametrize("role", ["Viewer", "Clerk"])
def test_who_may_not_change_the_wording_switches_nothing(manager: Client, role: str) -> None:
    form = switches(manager.get(WORDING), order_completed=True)
    before = list(MessageTemplate.objects.values())
    client = browser(factories.user(role))
    assert "Order completed" in words_of(client.get(WORDING))
    assert client.post(WORDING, form).status_code == 403
    assert list(MessageTemplate.objects.values()) == before


def test_the_list_costs_the_same_queries_for_1_text_and_for_50(
    manager: Client, template: MessageTemplate
) -> None:
    MessageTemplate.objects.exclude(pk=template.pk).delete()
    counts = []
    for number in (0, 49):
        MessageTemplate.objects.bulk_create(
            MessageTemplate(event=f"event_{each}", body="Hello") for each in range(number)
        )
        manager.get(WORDING)  # whatever is looked up once
        with CaptureQueriesContext(connection) as queries:
            page = manager.get(WORDING)
        assert len(page.context["cl"].result_list) == number + 1
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- The form -----------------------------------------------------------------------------------


def test_a_manager_changes_the_wording_and_the_next_text_has_it(
    template: MessageTemplate,
) -> None:
    response = browser(factories.user("Manager")).post(
        f"{WORDING}{template.pk}/change/",
        {"body": "Dear {customer_name}, thank you: {order_number}.", "is_active": "on"},
    )
    assert response.status_code == 302
    order = factories.order(customer=factories.customer(name="Wanjiku"))
    assert Message.objects.get().text == f"Dear Wanjiku, thank you: {order.order_number}."


def test_a_manager_switches_a_text_off_and_nobody_gets_it(template: MessageTemplate) -> None:
    browser(factories.user("Manager")).post(
        f"{WORDING}{template.pk}/change/", {"body": template.body}
    )
    factories.order()
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("Dear {name}", f"There is no {{name}} to fill in here. You can use: {VARIABLES}."),
        ("Dear {}", f"There is no {{}} to fill in here. You can use: {VARIABLES}."),
        (
            "Dear {customer name}",
            f"There is no {{customer name}} to fill in here. You can use: {VARIABLES}.",
        ),
        ("Dear {Item}", f"There is no {{Item}} to fill in here. You can use: {VARIABLES}."),
        ("Dear {item", f"A brace stands alone. You can use: {VARIABLES}."),
        ("Dear item}", f"A brace stands alone. You can use: {VARIABLES}."),
        (" ", "This field is required."),
        ("x" * 1001, "Ensure this value has at most 1000 characters (it has 1001)."),
    ],
    ids=[
        "unknown variable",
        "variable without a name",
        "variable with a space",
        "variable in capitals",
        "variable that does not end",
        "variable that does not begin",
        "nothing",
        "too long",
    ],
)
def test_a_wording_that_cannot_be_is_told_and_not_saved(
    template: MessageTemplate, body: str, message: str
) -> None:
    page = browser(factories.user("Manager")).post(
        f"{WORDING}{template.pk}/change/", {"body": body, "is_active": "on"}
    )
    assert page.status_code == 200
    assert dict(page.context["adminform"].form.errors) == {"body": [message]}
    assert list(MessageTemplate.objects.filter(pk=template.pk).values()) == [
        {
            "id": template.pk,
            "event": "order_placed",
            "language": "en",
            "body": template.body,
            "is_active": True,
            "updated_at": template.updated_at,
        }
    ]


def test_the_event_and_the_language_of_a_wording_stay(template: MessageTemplate) -> None:
    browser(factories.user("Manager")).post(
        f"{WORDING}{template.pk}/change/",
        {"body": "Thanks", "is_active": "on", "event": "other", "language": "sw"},
    )
    template.refresh_from_db()
    assert (template.event, template.language, template.body) == ("order_placed", "en", "Thanks")


def test_the_page_of_a_wording_shows_its_words_an_example_and_its_length(
    template: MessageTemplate,
) -> None:
    words = words_of(browser(factories.user("Manager")).get(f"{WORDING}{template.pk}/change/"))
    for expected in (
        "Order placed (English)",
        *(f">{name}</li>" for name in VARIABLES.split(", ")),
        "An example: there is no order yet of a customer who reads this language",
        "Hello Wanjiku Kamau! Your order for Laptop Computer worth KES 1,299.99 has been received.",
        "KES 0.80",
        "GSM-7",
    ):
        assert expected in words


@pytest.mark.parametrize("role", ["Viewer", "Clerk"])
def test_who_may_not_change_the_wording_reads_it_and_is_refused(
    template: MessageTemplate, role: str
) -> None:
    client = browser(factories.user(role))
    assert client.get(f"{WORDING}{template.pk}/change/").status_code == 200
    response = client.post(f"{WORDING}{template.pk}/change/", {"body": "Mine", "is_active": "on"})
    assert response.status_code == 403
    assert MessageTemplate.objects.get(pk=template.pk).body == template.body


def test_nobody_adds_or_deletes_a_wording(template: MessageTemplate) -> None:
    for user in everybody():
        client = browser(user)
        assert client.post(f"{WORDING}add/", {"body": "Mine"}).status_code == 403
        response = client.post(f"{WORDING}{template.pk}/delete/", {"post": "yes"})
        assert response.status_code == 403
        action = {"action": "delete_selected", "_selected_action": template.pk, "post": "yes"}
        client.post(WORDING, action)
    assert MessageTemplate.objects.count() == 8


def test_a_wording_that_cannot_be_is_refused_by_the_operation_too(
    template: MessageTemplate,
) -> None:
    for body in ("Dear {name}", "Dear {item", "x" * 1001):
        changed = MessageTemplate.objects.get(pk=template.pk)
        changed.body = body
        with pytest.raises(ValidationError):
            wording.change_wording(changed)
    assert MessageTemplate.objects.get(pk=template.pk).body == template.body


def test_a_line_break_is_one_character_however_a_browser_sends_it(
    manager: Client, template: MessageTemplate
) -> None:
    form = {"body": "Dear {customer_name},\r\nthank you.", "is_active": "on"}
    manager.post(f"{WORDING}{template.pk}/change/", form)
    template.refresh_from_db()
    assert template.body == "Dear {customer_name},\nthank you."


def test_a_wording_that_was_refused_is_shown_again_with_its_preview(
    manager: Client, template: MessageTemplate
) -> None:
    page = manager.post(f"{WORDING}{template.pk}/change/", {"body": "Dear {name}’s"})
    assert page.context["preview"].text == "Dear {name}’s"
    assert page.context["preview"].cost.count.encoding == "UCS-2"


# --- The preview --------------------------------------------------------------------------------


def asked(client: Client, template: MessageTemplate, body: str, search: str = "") -> Any:
    form = {"body": body, "search": search}
    return client.post(f"{WORDING}{template.pk}/preview/", form)


def seen(client: Client, template: MessageTemplate, body: str, search: str = "") -> Any:
    return asked(client, template, body, search).context["preview"]


def test_the_preview_is_of_the_latest_order_of_a_customer_of_that_language(
    manager: Client, template: MessageTemplate
) -> None:
    neema = factories.customer(name="Neema", language="sw")
    factories.order(customer=factories.customer(name="Akinyi"))
    factories.order(customer=factories.customer(name="Otieno"), item="Mouse")
    factories.order(customer=neema)
    preview = seen(manager, template, "Dear {customer_name}: {item}")
    assert preview.text == "Dear Otieno: Mouse"
    assert [each.values["customer_name"] for each in preview.others] == ["Akinyi"]
    swahili = MessageTemplate.objects.get(event="order_placed", language="sw")
    assert seen(manager, swahili, "{customer_name}").text == "Neema"


@pytest.mark.parametrize("search", ["akin", "0722 000 001", "number"])
def test_another_customer_is_chosen_by_a_search(
    manager: Client, template: MessageTemplate, search: str
) -> None:
    akinyi = factories.customer(name="Akinyi", phone_number="+254722000001", language="sw")
    order = factories.order(customer=akinyi)
    factories.order()
    search = order.order_number if search == "number" else search
    assert seen(manager, template, "Dear {customer_name}", search).text == "Dear Akinyi"


def test_where_there_is_no_order_or_nobody_is_found_the_examples_are_shown(
    manager: Client, template: MessageTemplate
) -> None:
    preview = seen(manager, template, "Dear {customer_name}")
    assert (preview.text, preview.found_nobody) == ("Dear Wanjiku Kamau", False)
    factories.order()
    page = asked(manager, template, "Dear {customer_name}", "no such person")
    assert page.context["preview"].text == "Dear Wanjiku Kamau"
    assert "Nobody was found; this is an example." in words_of(page)


def test_who_may_not_see_orders_sees_the_examples(template: MessageTemplate) -> None:
    factories.order(customer=factories.customer(name="Secret"))
    manager = factories.user("Manager")
    role = manager.groups.get()
    role.permissions.remove(role.permissions.get(codename="view_order"))
    client = browser(User.objects.get(pk=manager.pk))
    for search in ("", "Secret"):
        page = asked(client, template, "Dear {customer_name}", search)
        assert page.context["preview"].text == "Dear Wanjiku Kamau"
        assert "Secret" not in words_of(page)


def test_a_curly_quote_doubles_the_price_and_the_page_says_what_to_write_instead(
    manager: Client, template: MessageTemplate
) -> None:
    body = "{customer_name}’s order is ready. " + "a" * 60
    page = asked(manager, template, body)
    preview = page.context["preview"]
    assert (preview.cost.count.encoding, preview.cost.count.segments) == ("UCS-2", 2)
    assert (preview.cost.amount, preview.fixed.amount) == (Decimal("1.60"), Decimal("0.80"))
    assert [(each.text, each.replacement, each.is_exact) for each in preview.dear] == [
        ("’", "'", True)
    ]
    words = words_of(page)
    assert "right single quotation mark" in words
    assert "Replace what loses nothing: then 1 message, KES 0.80" in words


def test_a_letter_that_would_be_another_is_named_and_not_replaced_with_the_rest(
    manager: Client, template: MessageTemplate
) -> None:
    page = asked(manager, template, "Wanjirũ")
    assert page.context["preview"].fixed is None
    words = words_of(page)
    assert "Write u all the same" in words
    assert "Replace what loses nothing" not in words


def test_what_a_customers_own_name_costs_is_told_apart(
    manager: Client, template: MessageTemplate
) -> None:
    factories.order(customer=factories.customer(name="Wanjirũ"))
    preview = seen(manager, template, "Dear {customer_name}")
    assert (preview.dear, [each.text for each in preview.dear_by_values]) == ([], ["ũ"])


def test_the_preview_tells_what_saving_would_say_and_saves_nothing(
    manager: Client, template: MessageTemplate
) -> None:
    before = list(MessageTemplate.objects.values())
    told = seen(manager, template, "Dear {name}").problems
    assert told == [f"There is no {{name}} to fill in here. You can use: {VARIABLES}."]
    assert seen(manager, template, "x" * 1001).problems == [
        "1001 characters are too many: at most 1000."
    ]
    assert seen(manager, template, " ").problems == ["This field cannot be blank."]
    assert seen(manager, template, "Dear {item}").problems == []
    assert list(MessageTemplate.objects.values()) == before


def test_what_is_typed_is_text_and_no_html(manager: Client, template: MessageTemplate) -> None:
    factories.order(customer=factories.customer(name="<b>Bold</b>"))
    page = asked(manager, template, "<i>Dear</i> {customer_name} {<u>x}").content.decode()
    for tag in ("<i>", "<b>", "<u>"):
        assert tag not in page
    assert "&lt;i&gt;Dear" in page


def test_the_preview_uses_the_price_that_was_charged_lately(
    manager: Client, template: MessageTemplate
) -> None:
    message = factories.message()
    Message.objects.filter(pk=message.pk).update(
        sent_at=timezone.now(), cost=Decimal("1.2500"), currency="KES"
    )
    page = asked(manager, template, "Hello")
    assert page.context["preview"].cost.amount == Decimal("1.25")
    assert "as the gateway charged lately" in words_of(page)


def test_who_asks_too_often_is_told_when_to_come_again(
    manager: Client, template: MessageTemplate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wording_preview, "MOST_A_MINUTE", 2)
    clock = SimpleNamespace(time=lambda: 600.0 + 45)
    monkeypatch.setattr(wording_preview, "time", clock)
    assert [asked(manager, template, "Hello").status_code for _ in range(2)] == [200, 200]
    refused = asked(manager, template, "Hello")
    assert (refused.status_code, refused["Retry-After"]) == (429, "15")
    assert asked(browser(factories.superuser()), template, "Hello").status_code == 200
    clock.time = lambda: 600.0 + 60
    assert asked(manager, template, "Hello").status_code == 200


def test_a_preview_costs_the_same_queries_for_1_order_and_for_50(
    manager: Client, template: MessageTemplate
) -> None:
    counts = []
    for number in (1, 49):
        for _ in range(number):
            factories.order()
        with CaptureQueriesContext(connection) as queries:
            asked(manager, template, "Dear {customer_name}")
        counts.append(len(queries))
    assert counts[0] == counts[1]
