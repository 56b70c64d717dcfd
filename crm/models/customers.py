"""Customers: the facts, their constraints, and who may see which."""

from collections.abc import Iterable
from typing import ClassVar, Self
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from crm.folding import fold, lines, name_key
from crm.models.values import validate_one_line
from identity.identifiers import new_id
from identity.models import User
from sms.models import OptOut, UnreachablePhone
from sms.phone_numbers import takes_texts, validate_phone_number

PHONE_NUMBER_IS_TAKEN = _("Customer with this phone number already exists.")


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

    def sharing(self, name: str) -> Self:
        """Those of whom another one has the same ``name_key`` or ``email``; one read of an index.

        Small letters are not told from capitals in an email.
        """
        key = Lower("email") if name == "email" else models.F(name)
        known = Customer.objects.order_by().annotate(shared=key).exclude(shared="")
        twice = known.values("shared").annotate(count=models.Count("pk")).filter(count__gt=1)
        return self.annotate(shared=key).filter(shared__in=twice.values("shared"))

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
        wanted = {pk for pk in ids if pk}
        if not wanted:
            return {}  # Django has no SQL for a choice of none
        chosen = self.filter(pk__in=wanted).order_by("pk")
        if connection.vendor != "postgresql":  # there a transaction has the database for itself
            return {customer.pk: customer for customer in chosen}
        sql, values = chosen.query.sql_with_params()
        # What the database itself does for a foreign key, but that it waits for the commit.
        return {customer.pk: customer for customer in self.raw(f"{sql} FOR KEY SHARE", values)}


class Customer(models.Model):
    """Somebody who buys from the business, and is texted about it."""

    FOUND_BY: ClassVar = ("search_text", "name_key")  # what is derived from the facts

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        SWAHILI = "sw", "Kiswahili"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(
        _("code"),
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Z0-9_-]{2,50}\Z",
                _("Use 2 to 50 capital letters, digits, hyphens and underscores."),
            )
        ],
        error_messages={"unique": _("Customer with this code already exists.")},
    )
    name = models.CharField(_("name"), max_length=200, validators=[validate_one_line])
    phone_number = models.CharField(
        _("phone number"),
        max_length=16,
        unique=True,
        validators=[validate_phone_number],
        error_messages={"unique": PHONE_NUMBER_IS_TAKEN},
    )
    email = models.EmailField(_("email"), blank=True)
    language = models.CharField(
        _("language"),
        max_length=2,
        choices=Language,
        default=Language.ENGLISH,
        help_text=_("The language of the texts to this customer."),
    )
    user = models.OneToOneField(
        User,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="customer",
        help_text=_("The account with which the customer serves themself, if any."),
        error_messages={"unique": _("This account belongs to another customer.")},
    )
    also_known = models.TextField(blank=True, default="", editable=False)  # from merged records
    name_key = models.CharField(max_length=200, blank=True, default="", editable=False)
    search_text = models.TextField(blank=True, default="", editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)  # when the person was forgotten
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    sms_opted_out: bool  # only where with_opt_out() or an operation put it
    unreachable: str | None  # only where with_reach() put it

    objects = CustomerQuerySet.as_manager()
    history = HistoricalRecords(
        excluded_fields=["search_text", "name_key", "also_known", "erased_at"]
    )

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering: ClassVar = ["-created_at", "-id"]
        permissions: ClassVar = [
            ("import_customer", "Can import customers from a spreadsheet"),
            ("export_customer", "Can export customers to a spreadsheet"),
            ("erase_customer", "Can erase the personal data of customers"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="crm_customer_newest"),
            models.Index(fields=["name", "id"], name="crm_customer_name"),
            models.Index(fields=["name_key"], name="crm_customer_name_key"),
            models.Index(Lower("email"), name="crm_customer_email"),
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
        """Whoever writes a code, a name, a phone or an email calls this before, and saves
        ``FOUND_BY`` with it."""
        self.name_key = "" if self.is_erased else name_key(self.name)
        own = lines(self.code, self.name, self.written_phone, self.email)
        self.search_text = "\n".join(filter(None, [own, self.also_known]))

    @property
    def is_erased(self) -> bool:
        """Was all forgotten by which the person could be known?"""
        return self.erased_at is not None

    @property
    def written_phone(self) -> str:
        """The phone in E.164 form; empty where it was erased."""
        return "" if self.is_erased else self.phone_number

    @property
    def takes_texts(self) -> bool:
        """Does a text get to a phone of this kind? Not to a fixed line."""
        return takes_texts(self.phone_number)

    @property
    def search_text_in_orders(self) -> str:
        """That by which the customer's orders are found."""
        own = lines(self.code, self.name, self.written_phone)
        return "\n".join(filter(None, [own, self.also_known]))
