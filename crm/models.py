"""Customers and orders: the facts, their constraints, and who may see which."""

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

from identity.identifiers import new_id
from identity.models import User
from sms.models import Message, OptOut
from sms.phone_numbers import validate_phone_number

_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


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

    def search(self, text: str) -> Self:
        """Those whose code, name, phone or email contains the text, in any case."""
        return self.filter(
            models.Q(code__icontains=text)
            | models.Q(name__icontains=text)
            | models.Q(phone_number__icontains=text)
            | models.Q(email__icontains=text)
        )


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
        error_messages={"unique": "Customer with this phone number already exists."},
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
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    sms_opted_out: bool  # only where with_opt_out() or an operation put it

    objects = CustomerQuerySet.as_manager()
    history = HistoricalRecords()

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
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class OrderStatus(models.TextChoices):
    """The states of an order; ``Order`` draws the moves between them."""

    PENDING = "PENDING", "Pending"
    PROCESSING = "PROCESSING", "Processing"
    COMPLETED = "COMPLETED", "Completed"
    CANCELLED = "CANCELLED", "Cancelled"


class OrderQuerySet(models.QuerySet["Order"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """All of them for staff who may view orders, else those of the user's own record."""
        return self if user.has_perm("crm.view_order") else self.filter(customer__user_id=user.pk)

    def with_sms_status(self) -> Self:
        """Adds ``sms_status``: the state of the newest text about the order, or None."""
        newest = Message.objects.filter(about_id=models.OuterRef("pk")).order_by("-created_at")
        return self.annotate(sms_status=models.Subquery(newest.values("status")[:1]))

    def search(self, text: str) -> Self:
        """Those whose item, numbers or customer contains the text, in any case."""
        return self.filter(
            models.Q(item__icontains=text)
            | models.Q(order_number__icontains=text)
            | models.Q(reference__icontains=text)
            | models.Q(customer__name__icontains=text)
            | models.Q(customer__code__icontains=text)
            | models.Q(customer__phone_number__icontains=text)
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
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    sms_status: str | None  # only where with_sms_status() or an operation put it

    objects = OrderQuerySet.as_manager()
    history = HistoricalRecords()

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
        ]

    def __str__(self) -> str:
        return self.order_number or "new order"

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
