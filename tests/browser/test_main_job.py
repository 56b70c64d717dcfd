"""The main job as a clerk does it, at a desk and on a phone."""

from django_q.models import OrmQ
from playwright.sync_api import Page, expect

from crm.models import Customer, Order
from project.setup import FIXTURES
from sms import tasks
from tests import factories
from tests.browser.screen import no_wider_than_the_screen


def work() -> None:
    """What the worker does, until the queue is empty."""
    while task := OrmQ.objects.order_by("pk").first():
        name = task.task["func"].rpartition(".")[2]
        getattr(tasks, name)(*task.task["args"])
        task.delete()


def test_a_clerk_adds_a_customer_places_an_order_and_reads_its_text(page: Page) -> None:
    page.goto("/admin/crm/customer/add/")
    page.fill("[name=name]", "John Doe")
    page.fill("[name=phone_number]", "0722 000 000")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/crm/customer/")
    customer = Customer.objects.get()
    assert (customer.code, customer.phone_number) == ("CUST001", "+254722000000")

    page.goto("/admin/crm/order/add/")
    page.click("#id_customer + .select2 .select2-selection")
    page.fill(".select2-search__field", "0722 000 000")
    page.click(".select2-results__option--highlighted:has-text('John Doe')")
    page.fill("[name=item]", "Laptop Computer")
    page.fill("[name=amount]", "1,299.99")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/crm/order/*/change/")
    order = Order.objects.get()
    assert (order.customer, order.status) == (customer, "PENDING")

    work()
    page.goto("/admin/sms/message/phones/")
    expect(page.locator(".phone h2")).to_have_text("0722 000000")
    expect(page.locator(".bubble")).to_have_text(
        "Hello John Doe! Your order for Laptop Computer worth KES 1,299.99 "
        "has been received. Thank you!"
    )
    expect(page.locator(".about")).to_contain_text("Delivered")
    assert no_wider_than_the_screen(page)


def test_a_phone_that_is_none_is_said_at_its_field_and_nobody_is_added(page: Page) -> None:
    page.goto("/admin/crm/customer/add/")
    page.fill("[name=name]", "John Doe")
    page.fill("[name=phone_number]", "12")
    page.click("[name=_save]")
    expect(page.locator("body")).to_contain_text("“12” is not a valid phone number in KE.")
    assert not Customer.objects.exists()


def test_an_order_moves_by_the_next_legal_step(page: Page) -> None:
    order = factories.order()
    page.goto(f"/admin/crm/order/{order.pk}/change/")
    status = page.locator("select[name=status]")
    assert status.locator("option").all_inner_texts() == [
        "Pending",
        "Processing",
        "Completed",
        "Cancelled",
    ]
    status.select_option("PROCESSING")
    page.click("[name=_save]")
    page.wait_for_url("**/admin/crm/order/")
    order.refresh_from_db()
    assert order.status == "PROCESSING"


def test_a_shop_owner_imports_customers_and_sees_what_was_left_out(page: Page) -> None:
    page.goto("/admin/crm/customer/import/")
    page.set_input_files("[name=import_file]", FIXTURES / "samples" / "northwind" / "customers.csv")
    page.click("text=Check the sheet")
    expect(page.get_by_text("Nothing is written yet.")).to_be_visible()
    assert not Customer.objects.exists()
    assert no_wider_than_the_screen(page)
    page.click("button:has-text('Import')")
    expect(page.get_by_text("48 created")).to_be_visible()
    assert Customer.objects.count() == 48
    assert page.locator("#problems tbody tr").count() >= 45
