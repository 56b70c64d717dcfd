"""A customer's page, at a desk and on a phone."""

from playwright.sync_api import Page, expect

from crm.models import Customer
from sms.models import Message
from tests import factories
from tests.browser.axe import grave_faults
from tests.browser.screen import no_wider_than_the_screen


def open_page(page: Page, customer: Customer) -> None:
    page.goto(f"/admin/crm/customer/{customer.pk}/change/")


def test_a_note_is_written_and_taken_away_without_leaving_the_page(page: Page) -> None:
    open_page(page, factories.customer(name="Wanjiku Kamau"))
    expect(page.get_by_role("link", name="New order")).to_be_in_viewport()
    page.get_by_label("A note on this customer").fill("Pays on Fridays.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Pays on Fridays.")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_text("Delete this note").click()
    expect(page.get_by_text("It cannot be undone.")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Delete the note").dblclick()
    expect(page.get_by_text("The note is deleted.").first).to_be_visible()
    expect(page.get_by_text("Pays on Fridays.")).to_have_count(0)


def test_what_was_changed_stands_at_the_end_of_the_page(page: Page) -> None:
    open_page(page, factories.customer(name="Before"))
    page.get_by_label("Name", exact=False).first.fill("After")
    page.get_by_role("button", name="Save and continue editing").click()
    changes = page.get_by_role("region", name="What changed")
    expect(changes).to_contain_text("Name: Before → After")
    assert no_wider_than_the_screen(page)


def test_a_text_is_sent_from_a_customers_page(page: Page) -> None:
    open_page(page, factories.customer(name="Wanjiku Kamau"))
    expect(page.get_by_role("link", name="Send a text")).to_be_in_viewport()
    page.get_by_role("link", name="Send a text").click()
    page.get_by_label("Text", exact=False).last.press_sequentially("Your lamp is here.")
    expect(page.get_by_text("1 message, with room for 142 more characters.")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Send text").click()
    expect(page.get_by_text("The text is queued, and leaves within seconds.")).to_be_visible()
    expect(page.get_by_role("region", name="Texts")).to_contain_text("Your lamp is here.")
    assert Message.objects.get().text == "Your lamp is here."


def test_a_record_that_is_likely_the_same_persons_is_merged(page: Page) -> None:
    kept = factories.customer(name="Wanjiku Kamau", code="KEPT")
    factories.order(customer=factories.customer(name="Kamau Wanjiku", code="OTHER"))
    open_page(page, kept)
    expect(page.get_by_role("region", name="Might be the same person")).to_contain_text(
        "The same name"
    )
    assert no_wider_than_the_screen(page)
    page.get_by_role("link", name="Compare and merge").click()
    expect(page.get_by_text("1 order, 1 text and 0 notes of OTHER go to KEPT.")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_role("button", name="Merge, keep KEPT").click()
    expect(page.get_by_text("Kamau Wanjiku (OTHER) went into KEPT")).to_be_visible()
    expect(page.get_by_role("region", name="Orders")).to_contain_text("1 order, KES 1,299.99")
    assert list(Customer.objects.values_list("code", flat=True)) == ["KEPT"]


def test_a_record_that_is_not_the_same_persons_is_pointed_out_no_more(page: Page) -> None:
    customer = factories.customer(name="Wanjiku Kamau")
    other = factories.customer(name="Kamau Wanjiku", code="OTHER")
    open_page(page, customer)
    likely = page.get_by_role("region", name="Might be the same person")
    expect(likely).to_be_visible()
    assert grave_faults(page) == []
    likely.get_by_role("button", name="Not the same").dblclick()
    expect(page.get_by_text("Kamau Wanjiku (OTHER) is somebody else").first).to_be_visible()
    expect(likely).to_have_count(0)
    changes = page.get_by_role("region", name="What changed")
    expect(changes).to_contain_text("Not the same person as Kamau Wanjiku (OTHER).")
    assert no_wider_than_the_screen(page)
    assert grave_faults(page) == []
    open_page(page, other)
    expect(page.get_by_role("region", name="What changed")).to_be_visible()
    expect(likely).to_have_count(0)
    changes.get_by_role("button", name="They may be the same after all").click()
    expect(likely).to_contain_text("The same name")
    assert no_wider_than_the_screen(page)


def test_who_asks_to_be_forgotten_is_and_the_order_stays(page: Page) -> None:
    customer = factories.customer(name="Wanjiku Kamau", code="GONE")
    factories.order(customer=customer)
    open_page(page, customer)
    page.get_by_role("link", name="Erase personal data").click()
    expect(page.get_by_text("1 order of GONE, with its item, amount and dates")).to_be_visible()
    assert no_wider_than_the_screen(page)
    page.get_by_label("Type GONE to erase it.").fill("gone")
    page.get_by_role("button", name="Erase personal data").click()
    expect(page.get_by_text("The personal data is erased. The orders stay.")).to_be_visible()
    expect(page.get_by_role("region", name="Orders")).to_contain_text("1 order, KES 1,299.99")
    expect(page.get_by_text("Wanjiku")).to_have_count(0)
    assert no_wider_than_the_screen(page)


def test_the_list_shows_at_least_four_customers_on_a_phones_screen(page: Page) -> None:
    for number in range(6):
        factories.customer(name=f"Wanjiku wa Kamau {number}", sms_opted_out=number == 5)
    page.goto("/admin/crm/customer/")
    rows = page.locator("#result_list .data-row")
    expect(rows.first).to_contain_text("Opted out")
    assert no_wider_than_the_screen(page)
    last = rows.nth(3).bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= 800
    page.get_by_role("link", name="Wanjiku wa Kamau 5").click()
    expect(page.get_by_role("heading", name="Wanjiku wa Kamau 5").first).to_be_visible()


def test_the_page_of_a_text_tells_that_none_is_wanted(page: Page) -> None:
    open_page(page, factories.customer(name="Wanjiku Kamau", sms_opted_out=True))
    page.get_by_role("link", name="Send a text").click()
    expect(page.get_by_text("This customer wants no texts.")).to_be_visible()
    expect(page.get_by_role("button", name="Send text")).to_have_count(0)
    page.get_by_role("link", name="Back to the customer").click()
    expect(page.get_by_role("region", name="Texts")).to_contain_text("None yet.")
