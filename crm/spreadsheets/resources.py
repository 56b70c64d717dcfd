"""Customers and orders as sheets: each row is read, then saved by the operation it stands for."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import tablib
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.results import Result, RowResult

from crm import customers, orders, reasons
from crm.errors import OrderCannotMove, Refusal
from crm.models import Customer, ImportKind, ImportMode, Order
from crm.spreadsheets import cells
from crm.spreadsheets.columns import CUSTOMER_COLUMNS, ORDER_COLUMNS, match_columns
from crm.spreadsheets.reading import Sheet, UnreadableSheet
from identity.models import User

logger = logging.getLogger(__name__)

EXPORT_CHUNK = 2_000  # rows


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one cell, in the words of the sheet it stands in."""

    row: int
    column: str
    value: str
    message: str


class SheetResource(ModelResource):
    """Reads rows with our columns and cells, and writes them with our operations.

    A row that is wrong is reported and left out; the good rows go in, all in one transaction.
    """

    columns: ClassVar[dict[str, tuple[str, ...]]]
    required: ClassVar[tuple[str, ...]]
    keys: ClassVar[tuple[str, ...]]  # the columns that tell which stored row is meant

    def __init__(
        self,
        *,
        text_customers: bool = False,
        mode: ImportMode = ImportMode.BOTH,
        region: str | None = None,
        user: User | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.text_customers = text_customers
        self.mode = mode
        self.region = region  # of phones in national form; None: the business's own
        self.user = user  # who imports; None: who makes the request
        self.titles: list[str] = []  # of the sheet's columns, as they came
        self.headers: dict[str, str] = {}  # of the sheet, by our field
        self.sheet = Sheet()
        self.rows_by_key: dict[str, int] = {}  # which row was about which stored one

    def take_in(
        self, sheet: Sheet, source: str, *, dry_run: bool = False, keeps_instances: bool = False
    ) -> Result:
        """Import a sheet, all of its good rows in one transaction; ``source`` is for the history.

        :raises UnreadableSheet: a column that is needed is missing, or is there twice.
        """
        result = self.import_data(
            sheet,
            dry_run=dry_run,
            use_transactions=True,
            file_name=source,
            retain_instance_in_row_result=keeps_instances,
        )
        for error in result.base_errors:
            raise error.error
        return result

    # --- Reading ---

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        """Give the columns our names.

        :raises UnreadableSheet: a column that is needed is missing, or is there twice.
        """
        assert isinstance(dataset, Sheet)  # noqa: S101  # narrows the type: our formats make it
        self.sheet = dataset
        try:
            self._name_columns(list(dataset.headers or []))
        except UnreadableSheet:
            dataset.wipe()  # else each row would be read all the same, and fail
            raise

    def _name_columns(self, headers: list[str]) -> None:
        self.titles = headers
        try:
            matched = match_columns(headers, self.columns)
        except ValueError as error:
            raise UnreadableSheet(str(error)) from None
        missing = [self.columns[field][0] for field in self.required if field not in matched]
        if missing:
            told = _("The sheet has no column “{name}”. Its columns are: {columns}.")
            raise UnreadableSheet(told.format(name=missing[0], columns=", ".join(headers)))
        self.headers = {field: headers[position] for field, position in matched.items()}
        ours = {position: field for field, position in matched.items()}
        self.sheet.headers = [
            ours.get(position, f"(left out) {position}") for position in range(len(headers))
        ]

    def import_row(self, row: Any, instance_loader: Any, **kwargs: Any) -> RowResult:
        """Read and write one row; a fault of ours leaves out this row, not the whole sheet."""
        result = super().import_row(row, instance_loader, **kwargs)
        if result.errors:
            logger.error("A row of a sheet failed.", exc_info=result.errors[0].error)
            result.errors, result.import_type = [], RowResult.IMPORT_TYPE_INVALID
            result.validation_error = ValidationError(_("Something went wrong on our side."))
        return result

    def before_import_row(self, row: Any, row_number: int = 0, **kwargs: Any) -> None:
        """Refuse a row that cannot be understood.

        :raises ValidationError: with the reason.
        """
        if row_number in self.sheet.broken:
            raise ValidationError(self.sheet.broken[row_number])

    def after_init_instance(
        self, instance: Model, new: bool, row: Any, row_number: int = 0, **kwargs: Any
    ) -> None:
        """Refuse a row about what another row of the sheet was about: it would undo that one.

        :raises ValidationError: with the other row.
        """
        number = self.sheet.numbers[row_number - 1]
        first = number if new else self.rows_by_key.setdefault(str(instance.pk), number)
        if first != number:
            told = _("Row {row} is about the same {what}. Keep one of them.")
            raise ValidationError(told.format(row=first, what=instance._meta.verbose_name))

    def get_instance(self, instance_loader: Any, row: Any) -> Model | None:
        """The stored row that this row of the sheet is about, or None for a new one."""
        raise NotImplementedError(f"{type(self).__name__} must say how it finds a stored row.")

    def validate_instance(
        self,
        instance: Model,
        import_validation_errors: dict[str, Any] | None = None,
        validate_unique: bool = True,
    ) -> None:
        """Report every wrong cell of a row at once; a row that reads well, its operation checks."""
        errors = dict(import_validation_errors or {})
        if not errors and self.mode == ImportMode.UPDATE and instance._state.adding:
            told = _("There is no such {what} yet, and this import adds none.")
            raise ValidationError(told.format(what=instance._meta.verbose_name))
        if not errors:
            return
        try:
            exclude = {*errors, *self.left_to_operation(instance)}
            instance.full_clean(exclude=exclude, validate_constraints=False)
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        raise ValidationError(errors)

    def skip_row(
        self,
        instance: Model,
        original: Model,
        row: Any,
        import_validation_errors: dict[str, Any] | None = None,
    ) -> bool:
        """Leave what is there as it is: where it is the same, or only new rows are wanted."""
        if self.mode == ImportMode.CREATE and not instance._state.adding:
            return True
        return super().skip_row(instance, original, row, import_validation_errors)

    def left_to_operation(self, instance: Any) -> tuple[str, ...]:
        """The fields that the operation fills in or checks itself."""
        raise NotImplementedError(f"{type(self).__name__} must say what its operation does.")

    @property
    def is_repeatable(self) -> bool:
        """Do the rows tell which stored row is meant, so that the sheet can be imported again?"""
        return any(name in self.headers for name in (*self.keys, "phone_number"))

    # --- Writing ---

    def save_instance(self, instance: Model, is_create: bool, row: Any, **kwargs: Any) -> None:
        """Save by the operation: all that the row says, or nothing.

        :raises ValidationError: the operation refused the row.
        """
        reason = reasons.IMPORTED.format(file=kwargs.get("file_name") or "a sheet")
        instance._change_reason = reason[:100]  # type: ignore[attr-defined]  # read by simple_history
        if self.user is not None:
            instance._history_user = self.user  # type: ignore[attr-defined]  # as above
        with transaction.atomic():
            try:
                self.write(instance, is_create)
            except Refusal as refusal:
                raise ValidationError(str(refusal)) from None
        self.rows_by_key[str(instance.pk)] = self.sheet.numbers[kwargs["row_number"] - 1]

    def write(self, instance: Any, is_create: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__} must name its operation.")

    def told(self, instance: Any) -> dict[str, Any]:
        """What the sheet says of a row, by the names of the model's fields."""
        written = (
            field
            for field in self.get_import_fields()
            if not field.readonly and field.column_name in self.headers
        )
        return {field.attribute: getattr(instance, field.attribute) for field in written}

    def get_export_headers(self, selected_fields: Any = None) -> list[str]:
        names = selected_fields or self.get_export_order()
        return [self.columns[name][0] for name in names]

    def written(self, rows: QuerySet[Any]) -> Iterator[list[Any]]:
        """What an export writes of each row, read from the database some at a time."""
        fields = self.get_export_fields()
        for row in rows.iterator(chunk_size=EXPORT_CHUNK):
            yield [field.export(row) for field in fields]

    # --- Telling ---

    def problems(self, result: Result) -> Iterator[RowProblem]:
        """What was wrong, row by row, with the sheet's own column names and row numbers."""
        for invalid in result.invalid_rows:
            number = self.sheet.numbers[invalid.number - 1]
            cells_by_field = dict(zip(result.diff_headers, invalid.values, strict=True))
            for field, messages in invalid.error_dict.items():
                name = "customer_code" if field == "customer" else field
                column = "" if name == NON_FIELD_ERRORS else self._column(name)
                value = str(cells_by_field.get(name, "")) if name in self.headers else ""
                yield RowProblem(number, column, value, " ".join(messages))

    def _column(self, field: str) -> str:
        return self.headers.get(field) or self.columns.get(field, (field,))[0]


class CustomerResource(SheetResource):
    columns: ClassVar = CUSTOMER_COLUMNS
    required: ClassVar = ("name", "phone_number")
    keys: ClassVar = ("code",)

    # An empty cell takes no code away, nor a language.
    code = Field("code", "code", widget=cells.Code(), saves_null_values=False)
    name = Field("name", "name", widget=cells.Text())
    phone_number = Field("phone_number", "phone_number", widget=cells.PhoneNumber())
    email = Field("email", "email", widget=cells.Text())
    language = Field("language", "language", widget=cells.Language(), saves_null_values=False)

    class Meta:
        model = Customer
        fields = ("code", "name", "phone_number", "email", "language")
        import_id_fields = ()
        skip_unchanged = True
        report_skipped = True
        skip_html_diff = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields["phone_number"].widget.region = self.region

    def get_instance(self, instance_loader: Any, row: Any) -> Customer | None:
        """By the code; a row without one by its phone."""
        if code := self.fields["code"].widget.clean(row.get("code", "")):
            return Customer.objects.filter(code=code).first()
        try:
            phone_number = self.fields["phone_number"].widget.clean(row["phone_number"], row)
        except ValueError:
            return None  # said once more, and reported, when the row is read
        return Customer.objects.filter(phone_number=phone_number).first()

    def left_to_operation(self, instance: Customer) -> tuple[str, ...]:
        return ("user",) if instance.code else ("user", "code")

    def write(self, instance: Customer, is_create: bool) -> None:
        if is_create:
            customers.register_customer(instance, refuses_doubles=True)
        else:
            customers.update_customer(instance, self.told(instance))


class OrderResource(SheetResource):
    columns: ClassVar = ORDER_COLUMNS
    required: ClassVar = ("customer_code", "item", "amount")
    keys: ClassVar = ("order_number", "reference")

    # An empty cell takes no number away, nor a status or a time.
    order_number = Field(
        "order_number", "order_number", widget=cells.OrderNumber(), saves_null_values=False
    )
    reference = Field("reference", "reference", widget=cells.Reference(), saves_null_values=False)
    customer_code = Field("customer", "customer_code", widget=cells.CustomerByCode())
    customer_name = Field("customer__name", "customer_name", widget=cells.Text(), readonly=True)
    item = Field("item", "item", widget=cells.Text())
    amount = Field("amount", "amount", widget=cells.Amount())
    currency = Field("currency", "currency", widget=cells.Code(), saves_null_values=False)
    status = Field("status", "status", widget=cells.Status(), saves_null_values=False)
    order_time = Field("order_time", "order_time", widget=cells.Moment(), saves_null_values=False)

    class Meta:
        model = Order
        fields = (
            "order_number",
            "reference",
            "customer_code",
            "customer_name",
            "item",
            "amount",
            "currency",
            "status",
            "order_time",
        )
        import_id_fields = ()
        skip_unchanged = True
        report_skipped = True
        skip_html_diff = True

    def get_queryset(self) -> QuerySet[Order]:
        return super().get_queryset().select_related("customer")

    def get_instance(self, instance_loader: Any, row: Any) -> Order | None:
        """By the order number; a row without one by its reference."""
        for name in self.keys:
            if value := str(row.get(name, "")).strip():
                return self.get_queryset().filter(**{name: value}).first()
        return None

    def left_to_operation(self, instance: Order) -> tuple[str, ...]:
        return ("customer", "order_number")

    def import_instance(self, instance: Order, row: Any, **kwargs: Any) -> None:
        known_time, known_currency = instance.order_time, instance.currency
        errors: dict[str, Any] = {}
        try:
            super().import_instance(instance, row, **kwargs)
        except ValidationError as error:
            errors = error.error_dict
        # Sheets keep whole seconds: what differs by less is the time as it was.
        if abs(instance.order_time - known_time) < timedelta(seconds=1):
            instance.order_time = known_time
        if instance.currency != known_currency:
            told = _("The order is in {currency}. Write its amount in that currency.")
            errors["currency"] = ValidationError(told.format(currency=known_currency))
        if errors:
            raise ValidationError(errors)

    def write(self, instance: Order, is_create: bool) -> None:
        changes = self.told(instance)
        wanted = changes.pop("status", None)
        if is_create:
            orders.place_order(instance, text_customer=self.text_customers)
            changes = {}
        else:
            instance.status = Order.objects.values_list("status", flat=True).get(pk=instance.pk)
        try:
            orders.revise_order(instance, changes, wanted, text_customer=self.text_customers)
        except OrderCannotMove as refusal:
            raise ValidationError({"status": str(refusal)}) from None


RESOURCES: dict[str, type[SheetResource]] = {
    ImportKind.CUSTOMERS: CustomerResource,
    ImportKind.ORDERS: OrderResource,
}
