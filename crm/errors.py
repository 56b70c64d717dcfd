"""Why an operation on a customer or an order refuses. Wrong fields are Django ValidationErrors."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.models import Customer, Merge, Order
from identity.models import User
from sms.phone_numbers import national_form


class Refusal(Exception):
    """The request is sound, but what is stored forbids it. The message says what would do."""


class OrderCannotMove(Refusal):
    """The order's status has no such next step, or somebody else moved it first."""

    def __init__(self, order: Order, status: str) -> None:
        moves = ", ".join(order.open_moves)
        if moves:
            told = _(
                "Order {number} is {status} and cannot become {wanted}. It can move to: {moves}."
            )
        else:
            told = _("Order {number} is {status} and cannot become {wanted}. That is final.")
        super().__init__(
            told.format(number=order.order_number, status=order.status, wanted=status, moves=moves)
        )
        self.open_moves = [str(move) for move in order.open_moves]


class OrderIsUnderWay(Refusal):
    """A customer may change their own order only until the business starts on it."""

    def __init__(self, order: Order) -> None:
        told = _("Order {number} is {status}; only a PENDING order can be changed.")
        super().__init__(told.format(number=order.order_number, status=order.status))


class OrderIsGone(Refusal):
    """Somebody deleted the order between the look at it and the change."""

    def __init__(self, order: Order) -> None:
        super().__init__(_("Order {number} was just deleted.").format(number=order.order_number))


class CustomerIsGone(Refusal):
    """Somebody deleted the customer between the look at them and the change."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(_("Customer {code} was just deleted.").format(code=customer.code))


class AccountHasCustomer(Refusal):
    """An account belongs to one customer at most."""

    def __init__(self, user: User) -> None:
        told = _("The account {account} belongs to a customer already.")
        super().__init__(told.format(account=user.get_username()))


class AccountIsOfStaff(Refusal):
    """Staff serve customers; who is one as well is linked by an Administrator."""

    def __init__(self, user: User) -> None:
        told = _("The account {account} is of staff.")
        super().__init__(told.format(account=user.get_username()))


class CustomerHasOrders(Refusal):
    """A customer with orders stays, or the orders would be nobody's."""

    def __init__(self, customer: Customer, count: int) -> None:
        told = ngettext(
            "Customer {code} has {count} order and cannot be deleted. Delete the order first.",
            "Customer {code} has {count} orders and cannot be deleted. Delete the orders first.",
            count,
        )
        super().__init__(told.format(code=customer.code, count=count))
        self.count = count


class CustomerIsErased(Refusal):
    """Nothing new is written about somebody who asked to be forgotten."""

    def __init__(self, customer: Customer) -> None:
        told = _(
            "The personal data of customer {code} was erased. "
            "If the person comes again, register them as a new customer."
        )
        super().__init__(told.format(code=customer.code))


class WasMerged(Refusal):
    """A record with this code or phone went into another one; a new one would be a double."""

    def __init__(self, merge: Merge) -> None:
        told = _(
            "{code}, {phone}, was merged into {kept}. Use the code {kept}; "
            "if it is somebody else who has the phone now, add them on the page of a new customer."
        )
        phone = national_form(merge.phone_number)
        super().__init__(told.format(code=merge.code, phone=phone, kept=merge.kept.code))


class CustomerWasMerged(Refusal):
    """The record went into another one, which has its orders and texts."""

    def __init__(self, kept: Customer) -> None:
        told = _("That customer was merged into {code}. Go on with its id: {id}.")
        super().__init__(told.format(code=kept.code, id=kept.pk))


class NotTwoCustomers(Refusal):
    """A record can be neither merged with itself nor told apart from itself."""

    def __init__(self) -> None:
        super().__init__(_("That is this record itself: choose another one."))


class BothHaveAccounts(Refusal):
    """An account belongs to one customer at most, and a customer has one account."""

    def __init__(self, kept: Customer, other: Customer) -> None:
        told = _(
            "{kept} and {other} both have an account to sign in with. "
            "Take the account away from one of them first."
        )
        super().__init__(told.format(kept=kept.code, other=other.code))


class AccountsNeedAdministrator(Refusal):
    """Which orders an account sees is not for all who sell to decide."""

    def __init__(self, customer: Customer) -> None:
        told = _(
            "{code} has an account to sign in with, which would see the orders of both. "
            "Ask an Administrator to merge them."
        )
        super().__init__(told.format(code=customer.code))


class ChangedMeanwhile(Refusal):
    """Somebody changed what the caller would change, and the caller has not seen it."""

    def __init__(self, record: Customer | Order, names: Sequence[str]) -> None:
        told = _("Somebody changed {names} of {record} meanwhile. Look again, then decide.")
        super().__init__(told.format(names=", ".join(names), record=record))
        self.names = names


class RecordHasChanged(Exception):
    """The caller has seen another version of the record than the one that is stored."""

    def __init__(self) -> None:
        super().__init__(_("The record has changed since you read it. Read it again, then decide."))
