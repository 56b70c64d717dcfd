"""Test data, made by the real operations. Each call makes another one unless told which."""

import base64
import time
from collections.abc import Collection, Iterable
from itertools import count
from typing import Any, cast
from urllib.parse import urlencode
from uuid import uuid4

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.test import Client
from django.utils import timezone
from django_q.models import Failure, Task

from crm.customers import register_customer
from crm.models import Customer, Order
from crm.orders import place_order
from identity import invitations, personal_tokens
from identity import roles as identity_roles
from identity.models import Application, Authorization, Invitation, Role, User
from identity.models.provider import AppKind
from identity.provider import connected_apps
from identity.provider.authorizations import begin_authorization
from identity.scopes import SCOPES
from project.setup import FIXTURES
from sms import outbox, wording
from sms.broadcasts import control, drafts, reviews
from sms.broadcasts.drafts import Person
from sms.models import Broadcast, ConsentSource, Message, MessageTemplate
from sms.opt_outs import Word

_numbers = count(1)

PASSWORD = "correct horse battery staple"
NO_TEXTS = Word(wants_texts=False, source=ConsentSource.STAFF)
TEXTS_AGAIN = Word(wants_texts=True, source=ConsentSource.STAFF)
FORM = "application/x-www-form-urlencoded"


def customer(*, sms_opted_out: bool = False, **facts: Any) -> Customer:
    number = next(_numbers)
    facts.setdefault("name", f"Customer {number}")
    facts.setdefault("phone_number", f"+2547{number:08d}")
    return register_customer(Customer(**facts), word=NO_TEXTS if sms_opted_out else None)


def word(*, wants_texts: bool, said_by: User | None = None) -> Word:
    """What staff wrote down of texts to a phone."""
    return Word(wants_texts=wants_texts, source=ConsentSource.STAFF, said_by=said_by)


def order(*, text_customer: bool = True, **facts: Any) -> Order:
    if "customer" not in facts:
        facts["customer"] = customer()
    facts.setdefault("item", "Laptop Computer")
    facts.setdefault("amount", "1299.99")
    return place_order(Order(**facts), text_customer=text_customer)


def message(phone_number: str = "+254722000000", text: str = "Hello", **facts: Any) -> Message:
    return outbox.queue_message(phone_number, text, **facts)


def person(name: str = "Wanjiku Kamau", **facts: Any) -> Person:
    """Somebody to text in a broadcast."""
    facts.setdefault("recipient_id", None)
    facts.setdefault("phone_number", f"+2547{next(_numbers):08d}")
    facts.setdefault("language", "en")
    facts.setdefault("values", {"customer_name": name})
    return Person(name=name, **facts)


def broadcast(
    *people: Person, english: str = "Hello {customer_name}!", swahili: str = ""
) -> Broadcast:
    """One that is ready to be confirmed, to these or to somebody."""
    made = drafts.choose_people(people or [person()], user())
    return drafts.write_words(made, english, swahili)


def confirmed(*people: Person, **words: str) -> Broadcast:
    """One that is being sent."""
    ready = broadcast(*people, **words)
    return control.confirm(ready, reviews.review(ready).seen, user())


def roles() -> dict[str, Role]:
    identity_roles.load_roles(FIXTURES / "roles.json")
    # To the stubs a proxy's manager makes what it is a proxy of.
    return {role.name: cast("Role", role) for role in Role.objects.all()}


def templates() -> None:
    wording.load_templates(FIXTURES / "message_templates.json")


def switch_on(*events: str) -> None:
    """Have the texts of these events sent, in every language."""
    for template in MessageTemplate.objects.filter(event__in=events):
        template.is_active = True
        wording.change_wording(template)


def user(*role_names: str, **facts: Any) -> User:
    """A user with these roles; without any, one who serves themself."""
    number = next(_numbers)
    facts.setdefault("username", f"user{number}")
    facts.setdefault("email", f"user{number}@example.com")
    made = User.objects.create_user(password=PASSWORD, **facts)
    known = roles() if role_names else {}
    identity_roles.assign_roles(made, [known[name] for name in role_names])
    return made


def invitation(*role_names: str, by: User | None = None, **facts: Any) -> tuple[Invitation, str]:
    """An invitation to these roles, and the secret of its link."""
    facts.setdefault("name", f"Guest {next(_numbers)}")
    made, known = Invitation(**facts), roles()
    chosen = [known[name] for name in role_names]
    return made, invitations.invite(made, chosen, by=by or superuser())


def superuser(**facts: Any) -> User:
    number = next(_numbers)
    facts.setdefault("username", f"boss{number}")
    facts.setdefault("email", f"boss{number}@example.com")
    return User.objects.create_superuser(password=PASSWORD, **facts)


def service_account(*role_names: str, **facts: Any) -> User:
    """A user whom no person is: nobody signs in as it."""
    account = user(*role_names, **facts)
    account.set_unusable_password()
    account.save(update_fields=["password"])
    return account


def app(**facts: Any) -> tuple[Application, str]:
    """A connected app that acts for itself, and its secret."""
    facts.setdefault("name", f"App {next(_numbers)}")
    facts.setdefault("kind", AppKind.MACHINE)
    return connected_apps.register_app(**facts)


def app_token(*role_names: str, scopes: Iterable[str] = SCOPES, user: User | None = None) -> str:
    """An access token of an app that acts for itself, as a service account with these roles."""
    made, secret = app(user=user or service_account(*role_names))
    form = urlencode({"grant_type": "client_credentials", "scope": " ".join(scopes)})
    response = Client().post("/o/token/", form, content_type=FORM, headers=basic(made, secret))
    return str(response.json()["access_token"])


def personal_token(owner: User, *, scopes: Collection[str] = tuple(SCOPES), **facts: Any) -> str:
    """The text of a personal access token."""
    _, text = personal_tokens.create_token(owner, f"Program {next(_numbers)}", scopes, **facts)
    return text


def basic(app: Application, secret: str) -> dict[str, str]:
    """The header with which an app tells who it is (RFC 6749, section 2.3.1)."""
    pair = base64.b64encode(f"{app.client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def authorization(user: User) -> Authorization:
    """A person's yes to an app."""
    scopes, moment = ["orders:read"], timezone.now()
    return begin_authorization(user, app()[0], scopes, sid="", auth_time=moment)


def failed_task(name: str = "sms.tasks.drain") -> Failure:
    """What the worker writes down of a task that failed."""
    now = timezone.now()
    facts = {"func": name, "started": now, "stopped": now, "success": False, "result": "No."}
    Task.objects.create(id=uuid4().hex, name=f"task {next(_numbers)}", **facts)
    return Failure.objects.latest("started")


def authenticator_app(user: User) -> str:
    """Set up an app that shows codes, and recovery codes; returns the app's secret."""
    secret = str(totp.generate_totp_secret())
    totp.TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def code_of(secret: str, steps: int = 0) -> str:
    """What the app shows now, or so many half minutes from now."""
    counter = int(time.time()) // 30 + steps
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter)))


def recovery_codes(user: User) -> list[str]:
    found = Authenticator.objects.get(user=user, type="recovery_codes")
    return list(found.wrap().get_unused_codes())
