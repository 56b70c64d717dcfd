"""Orders: the facts, their states, their constraints, and who may see which."""

from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar, Self

from django.contrib.auth.models import AnonymousUser
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Concat, StrIndex, Substr
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from simple_history.models import HistoricalRecords

from crm.folding import fold, lines
from crm.models.customers import Customer
from crm.models.values import default_currency, validate_one_line, validate_order_time
from identity.identifiers import new_id
from identity.models import User
from sms.models import Message

_BREAK = "\n\n"  # between what an order says of itself and what it says of its customer


class OrderStatus(models.TextChoices):
    """The states of an order; ``Order`` draws the moves between them."""

    PENDING = "PENDING", pgettext_lazy("order", "Pending")
    PROCESSING = "PROCESSING", pgettext_lazy("order", "Processing")
    COMPLETED = "COMPLETED", pgettext_lazy("order", "Completed")
    CANCELLED = "CANCELLED", pgettext_lazy("order", "Cancelled")


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
    order_number = models.CharField(_("order number"), max_length=30, editable=False)
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.PROTECT, related_name="orders"
    )
    item = models.CharField(_("item"), max_length=200, validators=[validate_one_line])
    amount = models.DecimalField(
        _("amount"),
        max_digits=12,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
    )
    currency = models.CharField(
        _("currency"), max_length=3, default=default_currency, editable=False
    )
    status = models.CharField(
        _("status"), max_length=20, choices=OrderStatus, default=OrderStatus.PENDING
    )
    reference = models.CharField(
        _("reference"),
        max_length=100,
        blank=True,
        validators=[validate_one_line],
        help_text=_("The number the order has elsewhere, such as in a spreadsheet it came from."),
    )
    order_time = models.DateTimeField(
        _("order time"), default=timezone.now, validators=[validate_order_time]
    )
    search_text = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    sms_status: str | None  # only where with_sms_status() or an operation put it

    objects = OrderQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["search_text"])

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
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
                violation_error_message=_("Order with this reference already exists."),
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
        return self.order_number or str(_("new order"))

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
