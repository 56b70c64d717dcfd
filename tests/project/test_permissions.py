"""Who may what, as data: every operation of the API and every door of the admin, for everybody.

An operation or a door that stands in neither table fails a test here: whoever adds one says who it
is for.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from django_q.models import OrmQ

from crm import distinctions, notes, orders, saved_views
from crm.models import (
    ColumnChoice,
    Customer,
    CustomerNote,
    Distinction,
    Import,
    Merge,
    Order,
    SavedView,
)
from crm.my_orders import urls as my_orders_urls
from crm.spreadsheets import jobs
from identity.account import urls as account_urls
from identity.models import (
    BrowserSession,
    Consent,
    Invitation,
    PersonalAccessToken,
    Role,
    SessionToken,
    User,
)
from identity.people.urls import urlpatterns as people_urls
from identity.scopes import SCOPES
from identity.session_tokens import issue_tokens
from project import health_page
from project.api import api as the_api
from sms import incoming, opt_outs
from sms.broadcasts import control, reviews
from sms.models import (
    Broadcast,
    BroadcastRecipient,
    ConsentChange,
    Decision,
    IncomingText,
    Line,
    LineEvent,
    Message,
    MessageTemplate,
    OptOut,
)
from tests import factories

pytestmark = pytest.mark.django_db

UNKNOWN = UUID("01890000-0000-7000-8000-000000000000")


def rows_of(table: str) -> dict[str, list[str]]:
    """The rows of a table in words, by their first word."""
    return {first: rest for first, *rest in filter(None, map(str.split, table.splitlines()))}


def all_rows() -> dict[str, list[Any]]:
    """Everything that a refused request leaves as it was."""
    tables: list[type[models.Model]] = [
        *(Customer, Customer.history.model, CustomerNote, Distinction, Merge, Order),
        Order.history.model,
        *(Message, Decision, Line, LineEvent, MessageTemplate, IncomingText, OptOut),
        *(ConsentChange, Broadcast, BroadcastRecipient, Import, OrmQ),
        *(Invitation, Invitation.roles.through, Authenticator),
        *(User, User.groups.through, Role, Role.permissions.through),
        *(SavedView, ColumnChoice),
    ]
    return {
        table._meta.label: list(table._default_manager.order_by("pk").values()) for table in tables
    }


class World(NamedTuple):
    """A shop with three customers: two sign in and have an order each, of which the text of one
    failed; one has no order. And a sheet with a wrong row, imported by a superuser."""

    owner: User
    other: User
    order: Order
    orderless: Customer
    message: Message
    imported: Import

    def ids(self) -> dict[str, UUID]:
        """The records that a request is about."""
        return {
            "customer_id": self.order.customer_id,
            "order_id": self.order.pk,
            "message_id": self.message.pk,
            "import_id": self.imported.pk,
        }


@pytest.fixture
def world(templates: None) -> World:
    owner, other = factories.user(username="owner"), factories.user(username="other")
    order = factories.order(customer=factories.customer(user=owner, **OWNER))
    factories.order(customer=factories.customer(code="OTHER", user=other))
    Message.objects.filter(about_id=order.pk).update(status="failed")
    message = Message.objects.get(about_id=order.pk)
    orderless = factories.customer(code="ORDERLESS")
    imported = jobs.queue_import(factories.superuser(), *SHEET, kind="customers")
    jobs.run_import(imported.pk)
    return World(owner, other, order, orderless, message, imported)


# --- The API ------------------------------------------------------------------------------------

# none      sends no credential
# owner     signs in as the customer whom the request is about
# other     signs in as another customer
# alone     signs in, and is nobody's customer
# super     is a superuser
# narrow    is a superuser too, with a token of every scope but the one that the operation takes
# app       is a connected app with a token of its own, whose service account is a Manager
# less      is such an app too, without the scope that the operation takes
# mine      sends a personal access token of every scope, which a Manager made
# few       sends such a token too, without the scope that the operation takes
STATUSES = rows_of("""
operation                    none owner other alone Viewer Clerk Manager Admin super narrow app less mine few

create_token                  200   200   200   200    200   200     200   200   200    200 200  200  200 200
refresh_token                 200   200   200   200    200   200     200   200   200    200 200  200  200 200
register_account              201   201   201   201    201   201     201   201   201    201 201  201  201 201
read_me                       401   200   200   200    200   200     200   200   200    200 200  200  200 200

list_customers                401   200   200   200    200   200     200   200   200    403 200  403  200 403
create_customer               401   403   403   403    403   201     201   201   201    403 201  403  201 403
read_customer                 401   200   404   404    200   200     200   200   200    403 200  403  200 403
replace_customer              401   200   404   404    403   200     200   200   200    403 200  403  200 403
update_customer               401   200   404   404    403   200     200   200   200    403 200  403  200 403
delete_customer               401   404   404   404    403   403     204   204   204    403 204  403  204 403
list_orders_of_customer       401   200   404   404    200   200     200   200   200    403 200  403  200 403
export_customers              401   200   200   200    403   403     200   200   200    403 200  403  200 403

list_orders                   401   200   200   200    200   200     200   200   200    403 200  403  200 403
search_orders                 401   200   200   200    200   200     200   200   200    403 200  403  200 403
list_orders_by_customer_code  401   200   404   404    200   200     200   200   200    403 200  403  200 403
list_orders_by_customer_id    401   200   404   404    200   200     200   200   200    403 200  403  200 403
create_order                  401   201   400   403    403   201     201   201   201    403 201  403  201 403
create_orders                 401   403   403   403    403   201     201   201   201    403 201  403  201 403
read_order                    401   200   404   404    200   200     200   200   200    403 200  403  200 403
replace_order                 401   200   404   404    403   200     200   200   200    403 200  403  200 403
update_order                  401   200   404   404    403   200     200   200   200    403 200  403  200 403
delete_order                  401   403   404   404    403   403     204   204   204    403 204  403  204 403
export_orders                 401   200   200   200    403   403     200   200   200    403 200  403  200 403

create_import                 401   403   403   403    403   202     202   202   202    403 202  403  202 403
read_import                   401   404   404   404    404   200     200   200   200    403 200  403  200 403
download_import_errors        401   404   404   404    404   200     200   200   200    403 200  403  200 403

list_messages                 401   403   403   403    200   200     200   200   200    403 200  403  200 403
send_message                  401   403   403   403    403   202     202   202   202    403 202  403  202 403
read_message                  401   403   403   403    200   200     200   200   200    403 200  403  200 403
retry_message                 401   403   403   403    403   202     202   202   202    403 202  403  202 403
""")  # noqa: E501  # one column for each caller, one line for each operation
CALLERS = STATUSES.pop("operation")
ROLES = {"Viewer": "Viewer", "Clerk": "Clerk", "Manager": "Manager", "Admin": "Administrator"}


class Call(NamedTuple):
    """How an operation is called, about the owner's records."""

    method: str
    path: str
    scope: str = ""
    query: str = ""
    body: Any = None
    form: dict[str, Any] | None = None  # sent in place of a body


JOHN = {"name": "John Doe", "phone_number": "+254722000000"}
DESKTOP = {"item": "Desktop Computer", "amount": "1.00"}
OWNER: dict[str, Any] = {"code": "OWNER", "phone_number": "+254733000000"}
SHEET = ("customers.csv", b"Code,Name,Phone\nJANE,Jane Doe,0722000001\n,Nobody,\n")
OWNERS_PASSWORD = {"username": "owner", "password": factories.PASSWORD}

CALLS = {
    "create_token": Call("POST", "/api/token/", body=OWNERS_PASSWORD),
    "refresh_token": Call("POST", "/api/token/refresh/"),
    "register_account": Call(
        "POST",
        "/api/register/",
        body=JOHN
        | {"username": "john", "email": "john@example.com", "password": factories.PASSWORD},
    ),
    "read_me": Call("GET", "/api/me/"),
    "list_customers": Call("GET", "/api/customers/", "customers:read"),
    "create_customer": Call("POST", "/api/customers/", "customers:write", body=JOHN),
    "read_customer": Call("GET", "/api/customers/{customer_id}/", "customers:read"),
    "replace_customer": Call(
        "PUT", "/api/customers/{customer_id}/", "customers:write", body=OWNER | {"name": "John Doe"}
    ),
    "update_customer": Call(
        "PATCH", "/api/customers/{customer_id}/", "customers:write", body={"name": "John Doe"}
    ),
    "delete_customer": Call("DELETE", "/api/customers/{customer_id}/", "customers:write"),
    "list_orders_of_customer": Call("GET", "/api/customers/{customer_id}/orders/", "orders:read"),
    "export_customers": Call("GET", "/api/customers/export/", "customers:read"),
    "list_orders": Call("GET", "/api/orders/", "orders:read"),
    "search_orders": Call("GET", "/api/orders/search/", "orders:read", "?q=laptop"),
    "list_orders_by_customer_code": Call(
        "GET", "/api/orders/by-customer/", "orders:read", "?customer_code=OWNER"
    ),
    "list_orders_by_customer_id": Call("GET", "/api/orders/customer/{customer_id}/", "orders:read"),
    "create_order": Call(
        "POST", "/api/orders/", "orders:write", body=DESKTOP | {"customer_code": "OWNER"}
    ),
    "create_orders": Call(
        "POST", "/api/orders/bulk/", "orders:write", body=[DESKTOP | {"customer_code": "OWNER"}]
    ),
    "read_order": Call("GET", "/api/orders/{order_id}/", "orders:read"),
    "replace_order": Call("PUT", "/api/orders/{order_id}/", "orders:write", body=DESKTOP),
    "update_order": Call("PATCH", "/api/orders/{order_id}/", "orders:write", body={"amount": "1"}),
    "delete_order": Call("DELETE", "/api/orders/{order_id}/", "orders:write"),
    "export_orders": Call("GET", "/api/orders/export/", "orders:read"),
    "create_import": Call(
        "POST", "/api/imports/", "customers:write", form={"kind": "customers", "file": SHEET}
    ),
    "read_import": Call("GET", "/api/imports/{import_id}/", "customers:write"),
    "download_import_errors": Call("GET", "/api/imports/{import_id}/errors/", "customers:write"),
    "list_messages": Call("GET", "/api/messages/", "messages:read"),
    "send_message": Call(
        "POST",
        "/api/messages/",
        "messages:send",
        body={"phone_number": "+254722000000", "text": "Hello"},
    ),
    "read_message": Call("GET", "/api/messages/{message_id}/", "messages:read"),
    "retry_message": Call("POST", "/api/messages/{message_id}/retry/", "messages:send"),
}


def user_of(world: World, caller: str) -> User | None:
    if caller == "none":
        return None
    if caller in {"owner", "other"}:
        return world.owner if caller == "owner" else world.other
    if caller in {"super", "narrow"}:
        return factories.superuser()
    return factories.user(*[ROLES[caller]] if caller in ROLES else [])


def headers_of(world: World, caller: str, operation: str) -> dict[str, str]:
    """The header with which a caller calls this operation; "none" calls with no header."""
    lacks = CALLS[operation].scope if caller in {"narrow", "less", "few"} else ""
    scopes = [scope for scope in SCOPES if scope != lacks]
    if caller in {"mine", "few"}:
        text = factories.personal_token(factories.user("Manager"), scopes=scopes)
        return {"Authorization": f"Bearer {text}"}
    if caller in {"app", "less"}:
        return {"Authorization": f"Bearer {factories.app_token('Manager', scopes=scopes)}"}
    return token_of(user_of(world, caller), except_scope=lacks)


def token_of(user: User | None, except_scope: str = "") -> dict[str, str]:
    if user is None:
        return {}
    access = issue_tokens(user).access
    if except_scope:
        scopes = [each for each in SCOPES if each != except_scope]
        SessionToken.objects.filter(user=user).update(scopes=scopes)
    return {"Authorization": f"Bearer {access}"}


@contextmanager
def undone() -> Iterator[None]:
    """What is written in here is rolled back at the end."""
    savepoint = transaction.savepoint()  # no block, in which a durable one could not begin
    yield
    transaction.savepoint_rollback(savepoint)


def send(headers: dict[str, str], call: Call, **ids: UUID) -> Any:
    path = call.path.format(**ids) + call.query
    if call.form is not None:
        file = SimpleUploadedFile(*call.form["file"])
        return Client().post(path, call.form | {"file": file}, headers=headers)
    body = b"" if call.body is None else json.dumps(call.body).encode()
    return Client().generic(call.method, path, body, "application/json", headers=headers)


def send_about_owner(world: World, headers: dict[str, str], name: str) -> Any:
    call = CALLS[name]
    if name == "refresh_token":
        call = call._replace(body={"refresh": issue_tokens(world.owner).refresh})
    ids = world.ids()
    if name == "delete_customer":
        ids["customer_id"] = world.orderless.pk
    response = send(headers, call, **ids)
    if response.streaming:
        response.getvalue()  # an export is made while it is sent
    return response


def test_every_operation_says_here_who_it_is_for() -> None:
    documented = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in the_api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    }
    assert {name: (call.method, call.path) for name, call in CALLS.items()} == documented
    assert set(STATUSES) == set(documented)


@pytest.mark.parametrize("caller", CALLERS)
def test_the_api_answers_each_as_the_table_says_and_a_refusal_changes_nothing(
    world: World, caller: str
) -> None:
    expected = {name: int(row[CALLERS.index(caller)]) for name, row in STATUSES.items()}
    told, changed = {}, []
    for name in STATUSES:
        with undone():
            headers = headers_of(world, caller, name)
            before = all_rows()
            told[name] = send_about_owner(world, headers, name).status_code
            if told[name] >= 400 and all_rows() != before:
                changed.append(name)
    assert told == expected
    assert changed == []


def test_a_token_without_the_scope_is_told_which(world: World) -> None:
    boss = factories.superuser()
    for name, call in CALLS.items():
        if call.scope:
            response = send_about_owner(world, token_of(boss, except_scope=call.scope), name)
            assert response["WWW-Authenticate"] == (
                f'Bearer realm="Karani", error="insufficient_scope", scope="{call.scope}"'
            ), name


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if "{" in call.path])
@pytest.mark.parametrize("caller", ["other", "alone"])
def test_anothers_record_is_answered_like_one_that_is_not_there(
    world: World, caller: str, name: str
) -> None:
    headers = token_of(user_of(world, caller))
    theirs = send_about_owner(world, headers, name)
    missing = send(headers, CALLS[name], **dict.fromkeys(world.ids(), UNKNOWN))
    assert theirs.status_code == missing.status_code
    assert theirs.json() | {"request_id": ""} == missing.json() | {"request_id": ""}


@pytest.mark.parametrize("item", ["Desktop Computer", ""])
def test_an_order_for_another_tells_nothing_of_whether_there_is_one(
    world: World, item: str
) -> None:
    headers = token_of(world.other)
    theirs, missing = (
        send(
            headers,
            CALLS["create_order"]._replace(body=DESKTOP | {"customer_code": code, "item": item}),
        )
        for code in ("OWNER", "NOBODY")
    )
    assert theirs.status_code == missing.status_code == 400
    assert theirs.json()["errors"] == missing.json()["errors"]


@pytest.mark.parametrize(
    ("caller", "codes"),
    [
        ("owner", ["OWNER"]),
        ("other", ["OTHER"]),
        ("alone", []),
        ("Viewer", ["JANE", "ORDERLESS", "OTHER", "OWNER"]),
        ("super", ["JANE", "ORDERLESS", "OTHER", "OWNER"]),
    ],
)
def test_lists_hold_what_the_caller_may_see(world: World, caller: str, codes: list[str]) -> None:
    headers = token_of(user_of(world, caller))
    customers = send(headers, CALLS["list_customers"]).json()
    assert sorted(row["code"] for row in customers["results"]) == codes
    for name in ("list_orders", "search_orders"):
        found = send(headers, CALLS[name]).json()
        told = sorted(row["customer_code"] for row in found["results"])
        assert told == [code for code in codes if code not in {"JANE", "ORDERLESS"}]
        assert found["count"] == len(told)


def test_a_filter_finds_nothing_of_anothers(world: World) -> None:
    headers = token_of(world.other)
    for name, query in [
        ("list_customers", "?code=OWNER"),
        ("list_customers", "?q=OWNER"),
        ("list_orders", "?customer_code=OWNER"),
        ("list_orders", f"?customer_id={world.order.customer_id}"),
        ("search_orders", f"?q={world.order.order_number}"),
    ]:
        assert send(headers, CALLS[name]._replace(query=query)).json()["count"] == 0, query


# --- What a customer may do with their own ------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("update_order", {"status": "PROCESSING"}),
        ("update_order", {"status": "COMPLETED", "amount": "1.00"}),
        ("update_customer", {"code": "BETTER"}),
        ("replace_customer", JOHN | {"code": "BETTER"}),
        ("update_customer", {"phone_number": "+254722000000"}),
    ],
)
def test_what_the_business_decides_is_not_the_customers_to_change(
    world: World, name: str, body: dict[str, Any]
) -> None:
    before = all_rows()
    headers = token_of(world.owner)
    call = CALLS[name]._replace(body=body)
    ids = {"customer_id": world.order.customer_id, "order_id": world.order.pk}
    assert send(headers, call, **ids).status_code == 403
    assert all_rows() == before


def test_a_customer_cancels_an_order_of_their_own(world: World) -> None:
    call = CALLS["update_order"]._replace(body={"status": "CANCELLED"})
    response = send(token_of(world.owner), call, order_id=world.order.pk)
    assert (response.status_code, response.json()["status"]) == (200, "CANCELLED")


@pytest.mark.parametrize("body", [{"item": "Desktop Computer"}, {"status": "CANCELLED"}])
def test_an_order_under_way_is_not_the_customers_to_change(
    world: World, body: dict[str, Any]
) -> None:
    orders.change_status(world.order, "PROCESSING")
    before = all_rows()
    call = CALLS["update_order"]._replace(body=body)
    response = send(token_of(world.owner), call, order_id=world.order.pk)
    assert response.status_code == 409
    assert all_rows() == before


# --- The admin ----------------------------------------------------------------------------------

# For each door the least role that may open it, and the least whose form it takes. Each role may
# what the one before it may, and a superuser what an Administrator may. Who may not gets a 403; who
# is no staff is asked to sign in.
DOORS = rows_of("""
door                            open           send

crm_customer_changelist         Viewer         Viewer
crm_customer_add                Clerk          Clerk
crm_customer_change             Viewer         Clerk
crm_customer_delete             Manager        Manager
crm_customer_history            Viewer         Viewer
crm_customer_simple_history     Viewer         nobody
crm_customer_import             Clerk          Clerk
crm_customer_process_import     -              Clerk
crm_customer_export             Manager        Manager
crm_customer_note               -              Clerk
crm_customer_note_delete        -              Manager
crm_customer_distinguish        -              Clerk
crm_customer_take_back          -              Clerk
crm_customer_merge              Manager        Manager
crm_customer_erase              Manager        Manager
crm_customer_text               Clerk          Clerk
crm_customer_text_size          -              Clerk
crm_customer_columns            -              Viewer

crm_order_changelist            Viewer         Viewer
crm_order_add                   Clerk          Clerk
crm_order_find_customer         Viewer         Viewer
crm_order_move                  -              Clerk
crm_order_receipt               Viewer         Viewer
crm_order_change                Viewer         Clerk
crm_order_delete                Manager        Manager
crm_order_history               Viewer         Viewer
crm_order_simple_history        Viewer         nobody
crm_order_import                Clerk          Clerk
crm_order_process_import        -              Clerk
crm_order_export                Manager        Manager
crm_order_columns               -              Viewer

crm_savedview_changelist        Viewer         Viewer
crm_savedview_add               Viewer         Viewer
crm_savedview_change            Viewer         Manager
crm_savedview_delete            Manager        Manager
crm_savedview_history           Viewer         Viewer

sms_phones                      Viewer         Viewer
sms_message_changelist          Viewer         Viewer
sms_message_add                 nobody         nobody
sms_message_change              Viewer         nobody
sms_message_delete              nobody         nobody
sms_message_history             Viewer         Viewer
sms_message_retry               -              Clerk
sms_message_send_again          Clerk          Clerk
sms_message_cancel              -              Clerk
sms_line_stop                   -              Manager
sms_line_resume                 -              Manager
sms_spend                       Viewer         Viewer

sms_incomingtext_changelist     Viewer         Viewer
sms_incomingtext_add            nobody         nobody
sms_incomingtext_change         Viewer         nobody
sms_incomingtext_delete         nobody         nobody
sms_incomingtext_history        Viewer         Viewer
sms_consentchange_changelist    Viewer         Viewer
sms_consentchange_add           nobody         nobody
sms_consentchange_change        Viewer         nobody
sms_consentchange_delete        nobody         nobody
sms_consentchange_history       Viewer         Viewer

sms_broadcast_changelist        Viewer         Viewer
sms_broadcast_add               nobody         nobody
sms_broadcast_change            Viewer         nobody
sms_broadcast_delete            nobody         nobody
sms_broadcast_history           Viewer         Viewer
sms_broadcast_words             Manager        Manager
sms_broadcast_examples          -              Manager
sms_broadcast_review            Manager        Manager
sms_broadcast_pause             -              Manager
sms_broadcast_resume            -              Manager
sms_broadcast_stop              Manager        Manager
sms_broadcast_discard           -              Manager

sms_messagetemplate_changelist  Viewer         Viewer
sms_messagetemplate_add         nobody         nobody
sms_messagetemplate_change      Viewer         Manager
sms_messagetemplate_delete      nobody         nobody
sms_messagetemplate_history     Viewer         Viewer
sms_messagetemplate_preview     -              Manager

identity_user_changelist        Administrator  Administrator
identity_user_add               Administrator  Administrator
identity_user_change            Administrator  Administrator
identity_user_delete            Administrator  Administrator
identity_user_history           Administrator  Administrator
identity_user_remove_second_factor  Administrator  Administrator
identity_user_deactivate        Administrator  Administrator
identity_user_reactivate        Administrator  Administrator
identity_user_end_access        Administrator  Administrator
auth_user_password_change       Administrator  Administrator

identity_invitation_changelist  Administrator  Administrator
identity_invitation_add         Administrator  Administrator
identity_invitation_change      Administrator  nobody
identity_invitation_delete      nobody         nobody
identity_invitation_history     Administrator  Administrator
identity_invitation_link        Administrator  Administrator
identity_invitation_renew       Administrator  Administrator
identity_invitation_revoke      Administrator  Administrator

identity_sessiontoken_changelist  Administrator  Administrator
identity_sessiontoken_add         nobody         nobody
identity_sessiontoken_change      Administrator  nobody
identity_sessiontoken_delete      nobody         nobody
identity_sessiontoken_history     Administrator  Administrator
identity_personalaccesstoken_changelist  Administrator  Administrator
identity_personalaccesstoken_add         nobody         nobody
identity_personalaccesstoken_change      Administrator  nobody
identity_personalaccesstoken_delete      nobody         nobody
identity_personalaccesstoken_history     Administrator  Administrator
identity_authorization_changelist  Administrator  Administrator
identity_authorization_add         nobody         nobody
identity_authorization_change      Administrator  nobody
identity_authorization_delete      nobody         nobody
identity_authorization_history     Administrator  Administrator
django_q_failure_changelist  Administrator  Administrator
django_q_failure_add         nobody         nobody
django_q_failure_change      Administrator  nobody
django_q_failure_delete      nobody         nobody
django_q_failure_history     Administrator  Administrator
identity_browsersession_changelist  Administrator  Administrator
identity_browsersession_add         nobody         nobody
identity_browsersession_change      nobody         nobody
identity_browsersession_delete      nobody         nobody
identity_browsersession_history     nobody         nobody
django_q_ormq_changelist  Administrator  Administrator
django_q_ormq_add         nobody         nobody
django_q_ormq_change      nobody         nobody
django_q_ormq_delete      nobody         nobody
django_q_ormq_history     nobody         nobody

identity_role_changelist        Administrator  Administrator
identity_role_add               Administrator  Administrator
identity_role_change            Administrator  Administrator
identity_role_delete            Administrator  Administrator
identity_role_history           Administrator  Administrator
identity_role_matrix            Administrator  Administrator

identity_application_changelist   Administrator  Administrator
identity_application_add          Administrator  Administrator
identity_application_change       Administrator  Administrator
identity_application_delete       Administrator  Administrator
identity_application_history      Administrator  Administrator
identity_application_new_secret   Administrator  Administrator
identity_application_end_access   Administrator  Administrator

health                          Administrator  Administrator
health_ask_gateway              -              Administrator
""")
del DOORS["door"]
RANKS = ["Viewer", "Clerk", "Manager", "Administrator", "superuser"]

ABOUT_ONE = (
    *("_change", "_delete", "_history", "_preview"),
    *("_new_secret", "_end_access", "_remove_second_factor", "_deactivate", "_reactivate"),
    *("_link", "_renew", "_revoke"),
    *("_retry", "_send_again", "_cancel", "_note", "_text", "_size", "_merge", "_erase"),
    *("_move", "_receipt", "_distinguish", "_take_back"),
    *("_words", "_examples", "_review", "_discard", "_pause", "_resume", "_stop"),
)
ASK_FOR_NOTHING = {
    *("crm_customer_note_delete", "crm_order_move"),
    *("crm_customer_distinguish", "crm_customer_take_back"),
    *("crm_customer_columns", "crm_order_columns"),
    *("identity_application_end_access", "identity_user_remove_second_factor"),
    *("identity_user_deactivate", "identity_user_reactivate", "identity_user_end_access"),
    *("identity_invitation_renew", "identity_invitation_revoke"),
    *("sms_message_retry", "sms_message_send_again", "sms_message_cancel"),
    *("sms_line_stop", "sms_line_resume", "health_ask_gateway"),
    *(f"sms_broadcast_{move}" for move in ("discard", "pause", "resume", "stop")),
}

Addresses = dict[str, str]
Forms = dict[str, dict[str, Any]]


def may(rank: str, least: str) -> bool:
    return least in RANKS and RANKS.index(rank) >= RANKS.index(least)


def staff(rank: str) -> Client:
    """A browser in which somebody of this rank is signed in."""
    client = Client()
    client.force_login(factories.superuser() if rank == "superuser" else factories.user(rank))
    return client


@pytest.fixture
def addresses(world: World) -> Addresses:
    """Where each door is; that of a record is the owner's."""
    opt_outs.heed("+254733000009", factories.NO_TEXTS)
    factories.authenticator_app(world.owner)
    incoming.receive_text(world.order.customer.phone_number, "Is it ready?")
    Client().force_login(world.owner)
    issue_tokens(world.owner)
    factories.personal_token(world.owner)
    paused = factories.confirmed()
    control.pause(paused)
    records: dict[str, models.Model] = {
        "crm_customer": world.order.customer,
        "crm_customer_note_delete": notes.add_note(
            world.order.customer, "Pays on Fridays", author=factories.user("Clerk")
        ),
        "crm_order": world.order,
        "crm_savedview": saved_views.save_view(
            factories.user("Manager"), "orders", "Late", "q=lamp", is_shared=True
        ),
        "sms_message": Message.objects.get(about_id=world.order.pk),
        "sms_incomingtext": IncomingText.objects.get(),
        "sms_consentchange": ConsentChange.objects.latest("said_at"),
        "sms_messagetemplate": MessageTemplate.objects.get(event="order_placed", language="en"),
        "sms_broadcast": factories.broadcast(),
        "sms_broadcast_pause": factories.confirmed(),
        "sms_broadcast_resume": paused,
        "sms_broadcast_stop": factories.confirmed(),
        "identity_user": world.owner,
        "identity_user_deactivate": world.other,
        "identity_user_end_access": world.other,
        "identity_user_reactivate": factories.user(is_active=False),
        "auth_user": world.owner,
        "identity_sessiontoken": SessionToken.objects.get(),
        "identity_personalaccesstoken": PersonalAccessToken.objects.get(),
        "identity_authorization": factories.authorization(world.owner),
        "identity_browsersession": BrowserSession.objects.filter(user=world.owner)[0],
        "django_q_ormq": OrmQ.objects.all()[0],
        "django_q_failure": factories.failed_task(),
        "identity_invitation": factories.invitation("Viewer")[0],
        "identity_role": factories.roles()["Viewer"],
        "identity_application": factories.app(name="Till")[0],
    }
    found = {}
    for name in DOORS:
        # The longest one: some doors have a record of their own.
        found_for = (each for each in records if f"{name}_".startswith(f"{each}_"))
        start = max(found_for, key=len, default="")
        arguments: list[Any] = []
        if start and name.endswith(ABOUT_ONE):
            arguments.append(records[start].pk)
        if name == "crm_customer_note_delete":
            arguments.insert(0, world.order.customer_id)
        if name.endswith("simple_history"):
            arguments.append(records[start].history.get().pk)  # type: ignore[attr-defined]  # these two have it
        found[name] = reverse(f"admin:{name}", args=arguments)
    return found


@pytest.fixture
def forms(world: World, addresses: Addresses) -> Forms:
    """What would change something if it were taken."""
    role = factories.roles()["Administrator"]
    customer = {"name": "John", "phone_number": "0722000000", "language": "en", "code": "OWNER"}
    order = {
        "customer": world.orderless.pk,
        "item": "Desktop",
        "amount": "1",
        "status": "CANCELLED",
    }
    moment = {"order_time_0": "2026-09-21", "order_time_1": "12:00:00"}
    person = {"username": "wanjiku", "groups": [role.pk]}
    password = {"password1": "another battery staple", "password2": "another battery staple"}
    text = {"phone_number": "+254722000000", "text": "Hello", "status": "queued"}
    consent = {"phone_number": "+254722000000", "wants_texts": "on", "source": "staff"}
    wording = {"event": "order_placed", "language": "en", "body": "Hello", "is_active": "on"}
    app = {"name": "Till 2", "kind": "machine", "is_active": "on"}
    delete = {"post": "yes"}
    stranger = Customer.objects.get(code="OTHER")
    distinctions.distinguish(world.order.customer, stranger, by=factories.superuser())
    return {
        "crm_customer_add": customer | {"code": "NEW"},
        "crm_customer_change": customer,
        "crm_customer_simple_history": customer,
        "crm_customer_delete": delete,
        "crm_customer_erase": {"code": "OWNER"},
        "crm_customer_distinguish": {"other": world.orderless.pk},
        "crm_customer_take_back": {"other": stranger.pk},
        "crm_customer_merge": {"with": "ORDERLESS"},
        "crm_customer_text": {"text": "Your lamp is here.", "form_key": "two"},
        "crm_customer_note": {"text": "Pays on Mondays", "form_key": "one"},
        "crm_order_add": order | moment,
        "crm_order_change": order | moment,
        "crm_order_simple_history": order | moment,
        "crm_order_delete": delete,
        "crm_order_columns": {"column": "state"},
        "crm_customer_columns": {"column": "name"},
        "crm_savedview_add": {"list": "orders", "name": "New", "query": "q=lamp"},
        "crm_savedview_change": {"name": "New"},
        "crm_savedview_delete": delete,
        "crm_order_move": {"status": "CANCELLED", "form_key": "one"},
        "sms_message_add": text,
        "sms_message_change": text,
        "sms_message_delete": delete,
        "sms_consentchange_add": consent,
        "sms_consentchange_change": consent,
        "sms_consentchange_delete": delete,
        "sms_incomingtext_add": text,
        "sms_incomingtext_change": text,
        "sms_incomingtext_delete": delete,
        "sms_broadcast_words": {"english": "Other words"},
        "sms_broadcast_review": {
            "seen": reviews.review(Broadcast.objects.get(status="ready")).seen
        },
        "sms_messagetemplate_add": wording,
        "sms_messagetemplate_change": wording,
        "sms_messagetemplate_delete": delete,
        "sms_messagetemplate_preview": wording,
        "identity_user_add": person | password,
        "identity_user_change": person,
        "identity_user_delete": delete,
        "auth_user_password_change": password,
        "identity_invitation_add": {"name": "Wanjiku", "roles": [role.pk]},
        "identity_role_add": {"name": "Owner"},
        "identity_role_change": {"name": "Owner"},
        "identity_role_delete": delete,
        "identity_application_add": app | {"name": "Other"},
        "identity_application_change": app,
        "identity_application_delete": delete,
    }


def test_every_door_of_the_admin_says_here_who_it_is_for() -> None:
    doors = {
        pattern.name
        for resolver in admin.site.get_urls()
        if isinstance(resolver, URLResolver)
        for pattern in resolver.url_patterns
        if isinstance(pattern, URLPattern) and pattern.name  # else it leads on to one with a name
    }
    beside = {pattern.name for pattern in health_page.doors()}
    assert set(DOORS) == doors | beside


@pytest.mark.parametrize("rank", RANKS)
def test_each_opens_the_doors_that_the_table_says(addresses: Addresses, rank: str) -> None:
    client = staff(rank)
    before = all_rows()
    told = {name: client.get(addresses[name]).status_code for name in DOORS}
    assert told == {
        name: 405 if least == "-" else 200 if may(rank, least) else 403
        for name, (least, _) in DOORS.items()
    }
    assert all_rows() == before


@pytest.mark.parametrize("rank", RANKS)
def test_no_form_is_taken_from_whom_the_table_does_not_say(
    addresses: Addresses, forms: Forms, rank: str
) -> None:
    client = staff(rank)
    before = all_rows()
    forbidden = [name for name, (_, least) in DOORS.items() if not may(rank, least)]
    told = {
        name: client.post(addresses[name], forms.get(name, {})).status_code for name in forbidden
    }
    assert told == dict.fromkeys(forbidden, 403)
    assert all_rows() == before


@pytest.mark.parametrize("rank", RANKS)
def test_a_form_is_taken_from_whom_the_table_says(addresses: Addresses, rank: str) -> None:
    client = staff(rank)
    allowed = [name for name, (_, least) in DOORS.items() if may(rank, least)]
    # An empty form is shown again with what is wrong with it; some of these ask for nothing.
    told = {name: client.post(addresses[name]).status_code for name in allowed}
    done = dict.fromkeys(ASK_FOR_NOTHING & set(allowed), 302)
    assert told == dict.fromkeys(allowed, 200) | done
    states = Broadcast.objects.order_by("status").values_list("status", flat=True)
    moved, unmoved = ["paused", "sending", "stopped"], ["paused", "ready", "sending", "sending"]
    assert list(states) == (moved if may(rank, "Manager") else unmoved)


@pytest.mark.parametrize("is_signed_in", [True, False])
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_is_no_staff_is_asked_to_sign_in_at_every_door(
    world: World, addresses: Addresses, forms: Forms, method: str, is_signed_in: bool
) -> None:
    client = Client()
    if is_signed_in:
        client.force_login(world.owner)
    before = all_rows()
    for name, address in addresses.items():
        response = getattr(client, method)(address, forms.get(name, {}))
        assert response.status_code == 302, name
        assert response["Location"].startswith("/admin/login/?next="), name
    assert all_rows() == before


@pytest.mark.parametrize(
    ("rank", "model", "action"),
    [
        ("Viewer", "crm/order", "mark_processing"),
        ("Viewer", "crm/order", "mark_completed"),
        ("Viewer", "crm/order", "mark_cancelled"),
        ("Viewer", "crm/order", "delete_selected"),
        ("Clerk", "crm/order", "delete_selected"),
        ("Clerk", "crm/customer", "delete_selected"),
        ("Viewer", "crm/customer", "text_them"),
        ("Clerk", "crm/customer", "text_them"),
        ("Viewer", "sms/message", "try_again"),
        ("superuser", "sms/message", "delete_selected"),
        ("superuser", "sms/broadcast", "delete_selected"),
        ("superuser", "sms/messagetemplate", "delete_selected"),
    ],
)
def test_no_action_on_a_list_does_what_its_role_may_not(
    world: World, rank: str, model: str, action: str
) -> None:
    client = staff(rank)
    chosen = {
        "crm/order": world.order.pk,
        "crm/customer": world.orderless.pk,
        "sms/message": Message.objects.get(about_id=world.order.pk).pk,
        "sms/messagetemplate": MessageTemplate.objects.get(event="order_placed", language="en").pk,
        "sms/broadcast": factories.broadcast().pk,
    }[model]
    Message.objects.filter(about_id=world.order.pk).update(
        status="failed"
    )  # so that there is one to try again
    before = all_rows()
    confirmed = {"post": "yes", "seen_at": timezone.now().isoformat(), "form_key": "one"}
    body = {"action": action, "_selected_action": [chosen], **confirmed}
    client.post(f"/admin/{model}/", body)
    assert all_rows() == before


def test_an_action_on_a_list_does_what_its_role_may(world: World) -> None:
    body = {
        "action": "mark_processing",
        "_selected_action": [world.order.pk],
        "seen_at": timezone.now().isoformat(),
        "form_key": "one",
    }
    staff("Clerk").post("/admin/crm/order/", body)
    world.order.refresh_from_db()
    assert world.order.status == "PROCESSING"


# What the palette offers to do, and the least role to whom; and which records it finds.
PALETTE = {
    "New order": "Clerk",
    "New customer": "Clerk",
    "Write a broadcast": "Manager",
    "Import orders": "Clerk",
    "Import customers": "Clerk",
    "Export orders": "Manager",
    "Export customers": "Manager",
    "Invite somebody": "Administrator",
    "New user": "Administrator",
    "New role": "Administrator",
    "Connect an app": "Administrator",
}
PALETTE_FINDS = {"Customers": "Viewer", "Orders": "Viewer", "Texts": "Viewer"}


@pytest.mark.parametrize("rank", RANKS)
def test_the_palette_offers_what_the_table_says_and_leads_to_no_closed_door(
    world: World, rank: str
) -> None:
    client = staff(rank)
    before = all_rows()
    groups = client.get("/admin/search/", {"fragment": "1"}).context["groups"]
    lines = {group.title: group.lines for group in groups}
    offered = [entry.title for entry in lines.get("Actions", [])]
    assert offered == [title for title, least in PALETTE.items() if may(rank, least)]
    links = [entry.link for each in lines.values() for entry in each]
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)
    for text, least in PALETTE.items():
        groups = client.get("/admin/search/", {"fragment": "1", "s": text}).context["groups"]
        named = {entry.title for group in groups for entry in group.lines}
        assert (text in named) == may(rank, least), text
    assert all_rows() == before


@pytest.mark.parametrize("rank", RANKS)
def test_the_palette_finds_the_records_that_the_table_says(world: World, rank: str) -> None:
    client = staff(rank)
    query = {"fragment": "1", "s": OWNER["phone_number"]}
    groups = client.get("/admin/search/", query).context["groups"]
    assert {group.title for group in groups} == {
        kind for kind, least in PALETTE_FINDS.items() if may(rank, least)
    }
    for group in groups:
        for entry in group.lines:
            assert client.get(entry.link).status_code == 200, entry.link


@pytest.mark.parametrize(
    ("model", "field", "least"),
    [("order", "customer", "Viewer"), ("customer", "user", "Administrator")],
)
@pytest.mark.parametrize("rank", RANKS)
def test_a_choice_of_records_is_offered_to_who_may_see_them(
    world: World, rank: str, model: str, field: str, least: str
) -> None:
    query = {"app_label": "crm", "model_name": model, "field_name": field, "term": "o"}
    response = staff(rank).get("/admin/autocomplete/", query)
    assert response.status_code == (200 if may(rank, least) else 403)


def test_who_may_not_change_people_links_no_account_to_a_customer(world: World) -> None:
    mine = factories.user("Manager", username="wanjiku")
    client = Client()
    client.force_login(mine)
    customer = world.orderless
    form = {
        "name": "John Doe",
        "phone_number": customer.phone_number,
        "language": "en",
        "code": customer.code,
        "user": str(mine.pk),
    }
    assert client.post(f"/admin/crm/customer/{customer.pk}/change/", form).status_code == 302
    customer.refresh_from_db()
    assert (customer.name, customer.user) == ("John Doe", None)


# --- The pages of one's own ---------------------------------------------------------------------

# What each is answered who opens a page outside the back office, or sends its form; about what is
# the owner's. 302 asks to sign in, or leads back to the page where it is done.
OWN_PAGES = rows_of("""
page                       none owner other alone Viewer super

home                        200   200   200   200    200   200
account                     302   200   200   200    200   200
account-token-new           302   200   200   200    200   200
account-token               302   200   404   404    404   404
account-token-revoke        302   302   404   404    404   404
account-app-remove          302   302   404   404    404   404
my-orders                   302   200   200   200    200   200
my-orders-register          302   302   302   302    403   403
my-orders-cancel            302   302   404   404    404   404
my-orders-stop-texts        302   302   302   404    404   404
""")
OWN_PAGES_ASKED_BY = OWN_PAGES.pop("page")
SENT: dict[str, dict[str, str]] = {
    "account-token-revoke": {},
    "account-app-remove": {},
    "my-orders-register": {"name": "Jane Doe", "phone_number": "0722000002"},
    "my-orders-cancel": {},
    "my-orders-stop-texts": {},
}
# What each changes by it: the owner what is theirs, and others what these pages have of theirs.
CHANGED = {
    "owner": set(SENT) - {"my-orders-register"},
    "other": {"my-orders-stop-texts"},
    "alone": {"my-orders-register"},
}


def test_every_page_of_ones_own_says_here_who_it_is_for() -> None:
    patterns = [*account_urls.urlpatterns, *my_orders_urls.urlpatterns]
    assert set(OWN_PAGES) == {pattern.name for pattern in patterns} | {"home"}


@pytest.mark.parametrize("caller", OWN_PAGES_ASKED_BY)
def test_a_page_of_ones_own_answers_each_as_the_table_says(world: World, caller: str) -> None:
    factories.personal_token(world.owner)
    app, _ = factories.app()
    consent = Consent.objects.create(user=world.owner, application=app, scope="orders:read")
    about: dict[str, UUID] = {
        "account-token": world.owner.personal_tokens.get().pk,
        "account-token-revoke": world.owner.personal_tokens.get().pk,
        "account-app-remove": consent.pk,
        "my-orders-cancel": world.order.pk,
    }
    client, user = Client(), user_of(world, caller)
    if user is not None:
        client.force_login(user)

    def kept() -> Any:
        mine = PersonalAccessToken.objects.filter(user=world.owner), Consent.objects.all()
        return all_rows(), *(list(rows.order_by("pk").values()) for rows in mine)

    told, changed = {}, set()
    for name in OWN_PAGES:
        path = reverse(name, args=[about[name]] if name in about else [])
        before = kept()
        with undone():
            response = client.post(path, SENT[name]) if name in SENT else client.get(path)
            told[name] = response.status_code
            if kept() != before:
                changed.add(name)
    column = OWN_PAGES_ASKED_BY.index(caller)
    assert told == {name: int(row[column]) for name, row in OWN_PAGES.items()}
    assert changed == CHANGED.get(caller, set())


# --- The front door -----------------------------------------------------------------------------

# What each page for people answers to a GET: to a stranger; to who is signed in, here without a
# second factor; and to who signed in a while ago, and has to show again that it is still they. 302
# leads to the sign-in, or on; 404 is for what they do not have, 405 for what is only sent.
PEOPLE = rows_of("""
page                                  stranger signed-in a-while-ago

account_login                              200       200         200
account_inactive                           200       200         200
account_signup                             200       200         200
sign_up_sent                               302       302         302
complete_sign_up                           410       410         410
mfa_authenticate                           302       302         302
mfa_login_webauthn                         200       200         200
account_reauthenticate                     302       200         200
mfa_reauthenticate                         302       302         302
mfa_reauthenticate_webauthn                302       302         302
reauthenticate_elsewhere                   302       404         404
openid_connect_login                       405       405         405
openid_connect_callback                    404       404         404
socialaccount_login_cancelled              200       200         200
account_logout                             302       200         200
invitation                                 410       410         410
choose_language                            405       405         405

account_reset_password                     200       200         200
account_reset_password_done                200       200         200
account_reset_password_from_key            200       200         200
account_reset_password_from_key_done       200       200         200
account_confirm_email                      200       200         200
account_email_verification_sent            200       200         200

account_change_password                    302       200         200
account_set_password                       302       302         302
account_email                              302       200         302
mfa_index                                  302       200         200
mfa_activate_totp                          302       200         302
mfa_deactivate_totp                        302       404         404
mfa_view_recovery_codes                    302       404         404
mfa_download_recovery_codes                302       404         404
mfa_generate_recovery_codes                302       200         302
mfa_list_webauthn                          302       302         302
mfa_add_webauthn                           302       200         302
mfa_edit_webauthn                          302       404         302
mfa_remove_webauthn                        302       404         302
""")
VISITORS = PEOPLE.pop("page")
PARTS: dict[str, dict[str, Any]] = {
    "account_reset_password_from_key": {"uidb36": "0", "key": "x"},
    "account_confirm_email": {"key": "x"},
    "complete_sign_up": {"sealed": "x"},
    "invitation": {"secret": "x"},
    "mfa_edit_webauthn": {"pk": 1},
    "mfa_remove_webauthn": {"pk": 1},
}


def test_every_page_for_people_says_here_who_it_is_for() -> None:
    signing_up = {"account_signup", "sign_up_sent", "complete_sign_up"}
    assert set(PEOPLE) == {pattern.name for pattern in people_urls} | signing_up


@pytest.mark.parametrize("visitor", VISITORS)
def test_each_page_for_people_answers_as_the_table_says(world: World, visitor: str) -> None:
    told = {}
    before = all_rows()
    for name in PEOPLE:
        client = Client()  # a new one each time: a page may leave something in the session
        if visitor != "stranger":
            client.force_login(world.owner)
        if visitor == "a-while-ago":
            session = client.session
            session["auth_time"] -= 600
            session.save()
        told[name] = client.get(reverse(name, kwargs=PARTS.get(name))).status_code
    assert told == {name: int(row[VISITORS.index(visitor)]) for name, row in PEOPLE.items()}
    for rows in (before, after := all_rows()):
        for user in rows[User._meta.label]:
            user.pop("last_login")  # the test itself signed in
    assert after == before
