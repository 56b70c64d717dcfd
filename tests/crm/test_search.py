"""Searching: one answer on every database and in every place where people ask."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import customers, orders
from crm.folding import fold, lines
from crm.models import Customer, Order
from tests import factories

pytestmark = pytest.mark.django_db

needs_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no such index, nor locks of rows"
)
needs_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL has an index of trigrams instead"
)


def found(text: str) -> list[Order]:
    return list(Order.objects.search(text))


# --- What matches -------------------------------------------------------------------------------

MATCHES = [
    ("Laptop Computer", "laptop"),
    ("Laptop Computer", "TOP COMP"),
    ("Laptop Computer", "l"),
    ("Zoë", "ZOË"),
    ("Zoe\u0308", "zoë"),  # an e with a mark beside it
    ("Straße", "STRASSE"),
    ("STRASSE", "straße"),
    ("İstanbul", "istanbul"),
    ("istanbul", "İSTANBUL"),
    ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ("кирпич", "КИРПИЧ"),
    ("茶", "茶"),
    ("\uff34\uff45\uff41", "tea"),  # wide letters
    ("Tea", "\uff34\uff45\uff41"),
    ("\ufb01le", "FILE"),  # one letter that is two
    ("100% wool", "0% w"),
    ("a_b", "a_b"),
    ("a\\b", "\\"),
    ("6\" pipe of 1'", "\" pipe of 1'"),
    ("Tea -- all", "-- ALL"),
    ("Green  tea", "green tea"),
    ("Green tea", "green   tea"),
    ("Green tea", " tea "),
    ("Green tea", "green\ntea"),  # pasted from two lines
    ("Green tea", "\u200egreen\u200b tea\x07"),
    ("Green tea", " "),
    ("Green tea", ""),
]
MISSES = [
    ("Zoë", "zoe"),
    ("Zoe", "zoë"),
    ("Laptop Computer", "computer laptop"),
    ("1000 wool", "0% w"),
    ("axb", "a_b"),
    ("ab", "\\"),
    ("ab", "\\%"),
    ("Green tea", "greentea"),
]


@pytest.mark.parametrize(("item", "text"), MATCHES, ids=ascii)
def test_a_text_is_found_whatever_its_case_width_and_spacing(item: str, text: str) -> None:
    order = factories.order(item=item)
    assert found(text) == [order]


@pytest.mark.parametrize(("item", "text"), MISSES, ids=ascii)
def test_other_letters_accents_and_orders_of_words_are_other_texts(item: str, text: str) -> None:
    factories.order(item=item)
    assert found(text) == []


def test_to_fold_what_is_folded_changes_nothing_of_any_letter() -> None:
    letters = [chr(number) for number in range(0x20000) if not 0xD800 <= number < 0xE000]
    assert [each for each in letters if fold(fold(f"a{each}b")) != fold(f"a{each}b")] == []


def test_lines_leave_out_what_is_empty() -> None:
    assert lines("One", "", " ", "Two\nthree") == "one\ntwo three"


# --- Where is looked ----------------------------------------------------------------------------


@pytest.fixture
def zoe() -> Customer:
    return factories.customer(
        code="ZO-1", name="Zoë Kamau", phone_number="+254722000000", email="zoe@example.com"
    )


@pytest.mark.parametrize("text", ["zo-1", "ZOË", "+254722000000", "722000", "ZOE@EX"])
def test_a_customer_is_found_by_code_name_phone_and_email(zoe: Customer, text: str) -> None:
    factories.customer()
    assert list(Customer.objects.search(text)) == [zoe]


@pytest.mark.parametrize("text", ["lap", "ref-1", "zo-1", "ZOË", "+254722000000", "722000"])
def test_an_order_is_found_by_item_reference_and_customer(zoe: Customer, text: str) -> None:
    wanted = factories.order(customer=zoe, item="Laptop", reference="REF-1")
    factories.order(item="Tea")
    assert found(text) == [wanted]


def test_an_order_is_found_by_its_number_but_not_by_an_email(zoe: Customer) -> None:
    order = factories.order(customer=zoe)
    assert found(order.order_number.lower()) == [order]
    assert found("zoe@example.com") == []


def test_no_text_reaches_from_one_field_into_the_next(zoe: Customer) -> None:
    order = factories.order(customer=zoe, item="Tea", reference="REF-1")
    for text in order.search_text.replace("\n\n", "\n").split("\n"):
        assert found(text) == [order]
    for between in ("\n", "", " ", "\n\n"):
        assert found(f"tea{between}{order.order_number}") == []
        assert found(f"ref-1{between}zo-1") == []
    assert list(Customer.objects.search("zo-1\nzoë")) == []


def test_the_api_and_the_back_office_find_the_same(
    api: Any, admin_client: Client, zoe: Customer
) -> None:
    for item in ("Green tea", "Tea, green", "100% tea"):
        factories.order(customer=zoe, item=item)
    for text in ("TEA", "green tea", "tea green", "0%", "zoë", "zoe", "722000", "  kamau ", "x"):
        wanted = {str(order.pk) for order in found(text)}
        by_api = api.get("/api/orders/", q=text).json()["results"]
        searched = api.get("/api/orders/search/", q=text).json()["results"]
        page = admin_client.get("/admin/crm/order/", {"q": text})
        listed = [str(order.pk) for order in page.context["cl"].result_list]
        for answer in ([row["id"] for row in by_api], [row["id"] for row in searched], listed):
            assert set(answer) == wanted, text
    query = {"app_label": "crm", "model_name": "order", "field_name": "customer"}
    for text in ("ZOË", "zo-1", "kamau zoë", "EXAMPLE", "zoe kamau"):
        by_api = api.get("/api/customers/", q=text).json()["results"]
        offered = admin_client.get("/admin/autocomplete/", query | {"term": text}).json()
        assert [row["id"] for row in by_api] == [row["id"] for row in offered["results"]], text


# --- When something changes ---------------------------------------------------------------------


def test_the_orders_of_a_customer_are_found_by_what_the_customer_is_called_now(
    zoe: Customer,
) -> None:
    made = [factories.order(customer=zoe, reference=reference) for reference in ("REF-1", "")]
    other = factories.order(customer=factories.customer(name="Zoë Otieno"))
    customers.update_customer(zoe, {"name": "Chloë", "phone_number": "+254733000000"})
    assert set(found("chloë")) == set(found("+254733000000")) == set(found("zo-1")) == set(made)
    assert found("zoë") == [other]
    assert found("722000") == []
    customers.update_customer(zoe, {"code": "CH-1"})
    assert set(found("ch-1")) == set(found("chloë")) == set(made)
    assert found("zo-1") == []
    assert found("ref-1") == made[:1]
    assert list(Customer.objects.search("chloë")) == list(Customer.objects.search("ch-1")) == [zoe]
    for order in made:
        kept = order.search_text
        order.refresh_from_db()
        assert order.search_text.partition("\n\n")[0] == kept.partition("\n\n")[0]
        order.customer.refresh_from_db()
        order.fill_search_text()
        assert order.search_text == Order.objects.get(pk=order.pk).search_text


def test_a_new_name_of_a_customer_is_no_change_of_an_order(zoe: Customer) -> None:
    order = factories.order(customer=zoe)
    customers.update_customer(zoe, {"name": "Chloë"})
    assert Order.objects.get(pk=order.pk).updated_at == order.updated_at
    assert order.history.count() == 1


def test_to_rename_a_customer_costs_the_same_with_1_order_and_with_50(zoe: Customer) -> None:
    def cost(name: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            customers.update_customer(zoe, {"name": name})
        return len(queries)

    factories.order(customer=zoe)
    few = cost("Chloë")
    for _ in range(49):
        factories.order(customer=zoe)
    assert cost("Zuri") == few
    assert len(found("zuri")) == 50
    assert cost("ZURI") == few - 1  # by that the orders are found already


def test_an_email_of_a_customer_leaves_the_orders_alone(zoe: Customer) -> None:
    factories.order(customer=zoe)
    with CaptureQueriesContext(connection) as queries:
        customers.update_customer(zoe, {"email": "chloe@example.com"})
    assert not any('UPDATE "crm_order"' in query["sql"] for query in queries)
    assert list(Customer.objects.search("chloe@")) == [zoe]
    assert list(Customer.objects.search("zoe@")) == []


def test_an_order_is_found_by_what_it_is_about_now(zoe: Customer) -> None:
    order = factories.order(item="Tea", reference="REF-1")
    orders.revise_order(order, {"item": "Coffee", "reference": "REF-2"})
    assert found("coffee") == found("ref-2") == found(order.order_number) == [order]
    assert found("tea") == found("ref-1") == []
    orders.revise_order(order, {"customer": zoe})
    assert found("zoë") == found("coffee") == [order]
    orders.change_status(order, "COMPLETED")
    assert found("zoë") == found("coffee") == [order]


def test_many_orders_placed_together_are_found(zoe: Customer) -> None:
    made = [Order(customer=zoe, item=f"Tea {number}", amount="1.00") for number in range(3)]
    orders.place_orders(made)
    assert found("tea 1") == made[1:2]
    assert set(found("zoë")) == set(made)


def test_an_order_for_a_customer_who_has_a_new_name_by_now_is_found_by_it(zoe: Customer) -> None:
    known = Customer.objects.get(pk=zoe.pk)
    customers.update_customer(zoe, {"name": "Chloë"})
    order = factories.order(customer=known)
    assert found("chloë") == [order]
    assert found("zoë") == []


def test_history_keeps_nothing_of_it(zoe: Customer) -> None:
    for model in (Customer, Order):
        assert "search_text" not in {field.name for field in model.history.model._meta.fields}


@pytest.mark.parametrize("model", [Customer, Order])
def test_the_database_itself_refuses_what_could_not_be_found(
    model: type[Customer | Order],
) -> None:
    factories.order()
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(search_text="")


# --- At the same time ---------------------------------------------------------------------------


@pytest.fixture
def another_request() -> Iterator[Callable[..., "Future[Any]"]]:
    """Does something on a connection of its own; it is under way or waiting when this returns."""
    with ThreadPoolExecutor() as threads:

        def start(work: Callable[[], Any]) -> "Future[Any]":
            running = threads.submit(in_a_thread, work)
            deadline = time.monotonic() + 5
            while not (running.done() or is_waited_for()) and time.monotonic() < deadline:
                time.sleep(0.01)
            return running

        yield start


def in_a_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def is_waited_for() -> bool:
    """Does somebody wait for a lock of this database?"""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.postgres
@needs_postgres
@pytest.mark.django_db(transaction=True)
def test_an_order_placed_while_its_customer_is_renamed_is_found_by_the_new_name(
    another_request: Callable[..., "Future[Any]"],
) -> None:
    customer = factories.customer(name="Zoë")
    known = Customer.objects.get(pk=customer.pk)
    with transaction.atomic():
        customers.update_customer(customer, {"name": "Chloë"})
        placing = another_request(lambda: factories.order(customer=known))
        assert not placing.done()
    placed = placing.result(timeout=5)
    assert found("chloë") == [placed]
    assert found("zoë") == []


@pytest.mark.postgres
@needs_postgres
@pytest.mark.django_db(transaction=True)
def test_a_customer_renamed_while_an_order_is_placed_is_found_by_the_new_name(
    another_request: Callable[..., "Future[Any]"],
) -> None:
    customer = factories.customer(name="Zoë")
    with transaction.atomic():
        order = factories.order(customer=Customer.objects.get(pk=customer.pk))
        renaming = another_request(lambda: customers.update_customer(customer, {"name": "Chloë"}))
        assert not renaming.done()
    renaming.result(timeout=5)
    assert found("chloë") == [order]
    assert found("zoë") == []


@pytest.mark.postgres
@needs_postgres
@pytest.mark.django_db(transaction=True)
def test_two_orders_of_a_customer_are_placed_at_once(
    another_request: Callable[..., "Future[Any]"],
) -> None:
    customer = factories.customer()
    with transaction.atomic():
        factories.order(customer=customer)
        other = another_request(lambda: factories.order(customer=customer))
        other.result(timeout=5)
    assert Order.objects.count() == 2


@pytest.mark.postgres
@needs_postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "write",
    [
        lambda order: orders.revise_order(order, {"item": "Coffee"}),
        lambda order: orders.change_status(order, "COMPLETED"),
        orders.delete_order,
    ],
    ids=["revise", "move", "delete"],
)
def test_neither_a_renaming_nor_the_orders_written_beside_it_wait_for_ever(
    another_request: Callable[..., "Future[Any]"], write: Callable[[Order], Any]
) -> None:
    customer = factories.customer(name="Zoë")
    first, second = factories.order(customer=customer), factories.order(customer=customer)
    with transaction.atomic():
        write(first)
        renaming = another_request(lambda: customers.update_customer(customer, {"name": "Chloë"}))
        assert not renaming.done()
        write(second)
        new = factories.order(customer=Customer.objects.get(pk=customer.pk))
    renaming.result(timeout=5)
    assert new in found("chloë")
    assert found("zoë") == []


# --- The index ----------------------------------------------------------------------------------


@pytest.mark.postgres
@needs_postgres
@pytest.mark.parametrize("model", [Customer, Order])
def test_a_search_uses_the_index(model: type[Customer | Order]) -> None:
    factories.order()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = model.objects.order_by().search("zoë").explain()
    assert f"Bitmap Index Scan on {model._meta.db_table}_search" in plan


@needs_sqlite
def test_on_sqlite_the_newest_orders_that_match_are_found_in_an_index_alone() -> None:
    newest = Order.objects.search("zoë").order_by("-created_at", "-id").values("pk")[:5]
    # Where it is not: did a migration write the table anew? Then it makes the index again.
    assert "USING COVERING INDEX crm_order_search" in newest.explain()


def test_where_the_extension_is_refused_one_is_told_what_to_do() -> None:
    def refuse(sql: str) -> None:
        raise ProgrammingError('permission denied to create extension "pg_trgm"\nHINT: Ask.')

    editor = SimpleNamespace(
        connection=SimpleNamespace(vendor="postgresql", alias="default"), execute=refuse
    )
    migration = import_module("crm.migrations.0003_search_index")
    with pytest.raises(CommandError) as refusal:
        migration.index(None, editor)
    assert str(refusal.value) == (
        "PostgreSQL would not add its extension pg_trgm, with which searches use an index: "
        'permission denied to create extension "pg_trgm". Let a superuser of the server run '
        "“CREATE EXTENSION pg_trgm” in this database (the extension comes with the package "
        "postgresql-contrib where it is not there), and start again."
    )


@pytest.mark.django_db(transaction=True)
def test_rows_from_before_there_was_a_search_text_get_theirs() -> None:
    order = factories.order(
        customer=factories.customer(name="Zoë", email="zoe@example.com"), reference="REF-1"
    )
    for _ in range(4):
        factories.order(customer=order.customer)
    model: type[Customer | Order]
    wanted = {
        model: dict(model.objects.values_list("pk", "search_text")) for model in (Customer, Order)
    }
    everything = MigrationExecutor(connection).loader.graph.leaf_nodes()
    migration = import_module("crm.migrations.0002_search_text")
    try:
        MigrationExecutor(connection).migrate([("crm", "0001_initial")])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(migration, "BATCH", 2)
            MigrationExecutor(connection).migrate(everything)
    finally:
        MigrationExecutor(connection).migrate(everything)
    for model in (Customer, Order):
        assert dict(model.objects.values_list("pk", "search_text")) == wanted[model]
