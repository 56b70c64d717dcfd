"""Customers and orders: the facts, their constraints, and who may see which."""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import connection, models
from django.db.models.functions import Concat, StrIndex, Substr
from django.utils import timezone
from simple_history.models import HistoricalRecords

from crm.folding import fold, lines
from identity.identifiers import new_id
from identity.models import User
from sms.models import Message, OptOut, UnreachablePhone
from sms.phone_numbers import takes_texts, validate_phone_number

_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_BREAK = "\n\n"  # between what an order says of itself and what it says of its customer

PHONE_NUMBER_IS_TAKEN = "Customer with this phone number already exists."


def validate_one_line(text: str) -> None:
    """Refuse control characters, a line break among them: the text goes into texts and lists.

    :raises ValidationError: it has one.
    """
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValidationError("Write it in one line, without control characters.", code="line")


def validate_order_time(moment: datetime) -> None:
    """Refuse what no order number can tell, and nobody means.

    :raises ValidationError: not between the years 1900 and 2200.
    """
    if not _EARLIEST <= moment < _LATEST:
        raise ValidationError("Enter a time between the years 1900 and 2200.", code="range")


def default_currency() -> str:
    return settings.CURRENCY


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """All of them for staff who may view customers, else the user's own record."""
        return self if user.has_perm("crm.view_customer") else self.of_account(user)

    def of_account(self, user: User | AnonymousUser) -> Self:
        """The record of the customer who signs in as this user, if any."""
        return self.filter(user_id=user.pk)

    def with_opt_out(self) -> Self:
        """Adds ``sms_opted_out``: does the owner of the phone want no texts?"""
        opt_outs = OptOut.objects.filter(phone_number=models.OuterRef("phone_number"))
        return self.annotate(sms_opted_out=models.Exists(opt_outs))

    def with_reach(self) -> Self:
        """Adds ``unreachable``: why no text gets to the phone, by the gateway; else None."""
        known = UnreachablePhone.objects.filter(phone_number=models.OuterRef("phone_number"))
        return self.annotate(unreachable=models.Subquery(known.values("reason")))

    def search(self, text: str) -> Self:
        """Those whose code, name, phone or email contains the whole text, in any case."""
        wanted = fold(text)
        return self.filter(search_text__contains=wanted) if wanted else self.all()

    def held(self, ids: Iterable[UUID]) -> "dict[UUID, Customer]":
        """Those with these ids, as they are now and stay until the transaction ends.

        Nobody can rename or delete them meanwhile, but others may place orders for them too. Who
        writes an order holds its customer first, and locks the order after that: the other way
        round, a renaming that waits for the order would itself be waited for.
        """
        chosen = self.filter(pk__in={pk for pk in ids if pk}).order_by("pk")
        if connection.vendor != "postgresql":  # there a transaction has the database for itself
            return {customer.pk: customer for customer in chosen}
        sql, values = chosen.query.sql_with_params()
        # What the database itself does for a foreign key, but that it waits for the commit.
        return {customer.pk: customer for customer in self.raw(f"{sql} FOR KEY SHARE", values)}


class Customer(models.Model):
    """Somebody who buys from the business, and is texted about it."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        SWAHILI = "sw", "Kiswahili"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Z0-9_-]{2,50}\Z",
                "Use 2 to 50 capital letters, digits, hyphens and underscores.",
            )
        ],
        error_messages={"unique": "Customer with this code already exists."},
    )
    name = models.CharField(max_length=200, validators=[validate_one_line])
    phone_number = models.CharField(
        max_length=16,
        unique=True,
        validators=[validate_phone_number],
        error_messages={"unique": PHONE_NUMBER_IS_TAKEN},
    )
    email = models.EmailField(blank=True)
    language = models.CharField(
        max_length=2,
        choices=Language,
        default=Language.ENGLISH,
        help_text="The language of the texts to this customer.",
    )
    user = models.OneToOneField(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="customer",
        help_text="The account with which the customer serves themself, if any.",
        error_messages={"unique": "This account belongs to another customer."},
    )
    search_text = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    sms_opted_out: bool  # only where with_opt_out() or an operation put it
    unreachable: str | None  # only where with_reach() put it

    objects = CustomerQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["search_text"])

    class Meta:
        verbose_name = "customer"
        ordering: ClassVar = ["-created_at", "-id"]
        permissions: ClassVar = [
            ("import_customer", "Can import customers from a spreadsheet"),
            ("export_customer", "Can export customers to a spreadsheet"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="crm_customer_newest"),
            models.Index(fields=["name", "id"], name="crm_customer_name"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(code="") & ~models.Q(phone_number=""),
                name="crm_customer_code_and_phone_given",
            ),
            models.CheckConstraint(
                condition=~models.Q(search_text=""), name="crm_customer_can_be_found"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"

    def fill_search_text(self) -> None:
        """Whoever writes a code, a name, a phone or an email calls this before."""
        self.search_text = lines(self.code, self.name, self.phone_number, self.email)

    @property
    def takes_texts(self) -> bool:
        """Does a text get to a phone of this kind? Not to a fixed line."""
        return takes_texts(self.phone_number)

    @property
    def search_text_in_orders(self) -> str:
        """That by which the customer's orders are found."""
        return lines(self.code, self.name, self.phone_number)


class OrderStatus(models.TextChoices):
    """The states of an order; ``Order`` draws the moves between them."""

    PENDING = "PENDING", "Pending"
    PROCESSING = "PROCESSING", "Processing"
    COMPLETED = "COMPLETED", "Completed"
    CANCELLED = "CANCELLED", "Cancelled"


class OrderQuerySet(models.QuerySet["Order"]):
    when_empty: Callable[[], object] | None = None  # asked by a list that finds no rows

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """All of them for staff who may view orders, else those of the user's own record."""
        return self if user.has_perm("crm.view_order") else self.filter(customer__user_id=user.pk)

    def with_sms_status(self) -> Self:
        """Adds ``sms_status``: the state of the newest text about the order, or None."""
        newest = Message.objects.filter(about_id=models.OuterRef("pk")).order_by("-created_at")
        return self.annotate(sms_status=models.Subquery(newest.values("status")[:1]))

    def search(self, text: str) -> Self:
        """Those whose item, numbers or customer contains the whole text, in any case."""
        wanted = fold(text)
        return self.filter(search_text__contains=wanted) if wanted else self.all()

    def refill_search_text(self, customer: Customer) -> int:
        """Let orders of a customer be found by what the customer is called now; how many.

        One query for all of them, which is no news of the orders themselves: neither their time of
        change nor their history tells of it.
        """
        end = StrIndex("search_text", models.Value(_BREAK)) + len(_BREAK) - 1
        return self.filter(customer=customer).update(
            search_text=Concat(
                Substr("search_text", 1, end),
                models.Value(customer.search_text_in_orders),
                output_field=models.TextField(),
            )
        )


class Order(models.Model):
    """Something a customer ordered.

    ::

        PENDING ──> PROCESSING ──> COMPLETED
           │  └──────────┼────────────^
           └─────────────┴──> CANCELLED
    """

    Status = OrderStatus

    MOVES: ClassVar[dict[str, tuple[OrderStatus, ...]]] = {
        OrderStatus.PENDING: (
            OrderStatus.PROCESSING,
            OrderStatus.COMPLETED,
            OrderStatus.CANCELLED,
        ),
        OrderStatus.PROCESSING: (OrderStatus.COMPLETED, OrderStatus.CANCELLED),
        OrderStatus.COMPLETED: (),
        OrderStatus.CANCELLED: (),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order_number = models.CharField(max_length=30, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    item = models.CharField(max_length=200, validators=[validate_one_line])
    amount = models.DecimalField(
        max_digits=12, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    currency = models.CharField(max_length=3, default=default_currency, editable=False)
    status = models.CharField(max_length=20, choices=OrderStatus, default=OrderStatus.PENDING)
    reference = models.CharField(
        max_length=100,
        blank=True,
        validators=[validate_one_line],
        help_text="The number the order has elsewhere, such as in a spreadsheet it came from.",
    )
    order_time = models.DateTimeField(default=timezone.now, validators=[validate_order_time])
    search_text = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    sms_status: str | None  # only where with_sms_status() or an operation put it

    objects = OrderQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["search_text"])

    class Meta:
        verbose_name = "order"
        ordering: ClassVar = ["-created_at", "-id"]
        permissions: ClassVar = [
            ("import_order", "Can import orders from a spreadsheet"),
            ("export_order", "Can export orders to a spreadsheet"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="crm_order_newest"),
            models.Index(fields=["-order_time", "-id"], name="crm_order_time"),
            models.Index(fields=["status", "-created_at", "-id"], name="crm_order_status"),
            models.Index(fields=["customer", "-created_at", "-id"], name="crm_order_customer"),
            models.Index(fields=["amount", "id"], name="crm_order_amount"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order_number"], name="crm_order_order_number_unique"),
            models.UniqueConstraint(
                fields=["reference"],
                condition=~models.Q(reference=""),
                name="crm_order_reference_unique",
                violation_error_message="Order with this reference already exists.",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0), name="crm_order_amount_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=OrderStatus.values), name="crm_order_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(search_text__contains=_BREAK), name="crm_order_can_be_found"
            ),
        ]

    def __str__(self) -> str:
        return self.order_number or "new order"

    def fill_search_text(self) -> None:
        """Whoever writes an item, a number, a reference or a customer of an order calls this
        before, and holds the customer while doing so (``Customer.objects.held``).

        The customer's part is a copy, so that one index on one column serves a search, and a page
        of the newest that match can stop once it is full.
        """
        own = lines(self.item, self.order_number, self.reference)
        self.search_text = own + _BREAK + self.customer.search_text_in_orders

    @property
    def open_moves(self) -> tuple[OrderStatus, ...]:
        """The states this order can move to from here."""
        return self.MOVES[self.status]


class Counter(models.Model):
    """The last number given out in a series, such as that of the customer codes."""

    name = models.CharField(max_length=50, primary_key=True)
    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class ImportKind(models.TextChoices):
    """What the rows of a sheet are."""

    CUSTOMERS = "customers", "Customers"
    ORDERS = "orders", "Orders"

    @property
    def permission(self) -> str:
        """What a user needs to import such a sheet, and to see what became of it."""
        return "crm.import_customer" if self is ImportKind.CUSTOMERS else "crm.import_order"


class ImportMode(models.TextChoices):
    """What an import may do: add rows, change those that are there, or both."""

    CREATE = "create", "Add new ones only"
    UPDATE = "update", "Change known ones only"
    BOTH = "both", "Add and change"


class ImportStatus(models.TextChoices):
    """The states of an import; ``Import`` draws the moves between them."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class ImportQuerySet(models.QuerySet["Import"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the kinds that the user may import themself."""
        return self.filter(kind__in=[kind for kind in ImportKind if user.has_perm(kind.permission)])


class Import(models.Model):
    """A sheet that somebody sent, and what became of its rows.

    ::

        queued ──> running ──> done
                      ├──────> failed   (a fault of ours, or its workers died again and again)
                      └──> running      (the next turn, also where the worker of the last one died)
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=ImportKind)
    mode = models.CharField(max_length=10, choices=ImportMode, default=ImportMode.BOTH)
    text_customers = models.BooleanField(default=False)
    region = models.CharField(max_length=2)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(max_length=255)
    file = models.BinaryField()  # empty when the import is over
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0)  # since it last got on
    claimed_at = models.DateTimeField(null=True)  # None: no worker is at it
    rows_by_key = models.JSONField(default=dict)  # which row was about which stored one
    total = models.PositiveIntegerField(default=0)
    processed = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list)  # the first ones
    error_sheet = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = "import"
        default_permissions = ()  # who may import is a permission on what is imported
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=ImportStatus.values), name="crm_import_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=ImportKind.values), name="crm_import_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"import of {self.file_name}"
