"""Why an operation on a customer or an order refuses. Wrong fields are Django ValidationErrors."""

from collections.abc import Sequence

from crm.models import Customer, Order
from identity.models import User


class Refusal(Exception):
    """The request is sound, but what is stored forbids it. The message says what would do."""


class OrderCannotMove(Refusal):
    """The order's status has no such next step, or somebody else moved it first."""

    def __init__(self, order: Order, status: str) -> None:
        moves = ", ".join(order.open_moves)
        options = f"It can move to: {moves}." if moves else "That is final."
        super().__init__(
            f"Order {order.order_number} is {order.status} and cannot become {status}. {options}"
        )
        self.open_moves = [str(move) for move in order.open_moves]


class OrderIsUnderWay(Refusal):
    """A customer may change their own order only until the business starts on it."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            f"Order {order.order_number} is {order.status}; only a PENDING order can be changed."
        )


class OrderIsGone(Refusal):
    """Somebody deleted the order between the look at it and the change."""

    def __init__(self, order: Order) -> None:
        super().__init__(f"Order {order.order_number} was just deleted.")


class CustomerIsGone(Refusal):
    """Somebody deleted the customer between the look at them and the change."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(f"Customer {customer.code} was just deleted.")


class AccountHasCustomer(Refusal):
    """An account belongs to one customer at most."""

    def __init__(self, user: User) -> None:
        super().__init__(f"The account {user.get_username()} belongs to a customer already.")


class AccountIsOfStaff(Refusal):
    """Staff serve customers; who is one as well is linked by an Administrator."""

    def __init__(self, user: User) -> None:
        super().__init__(f"The account {user.get_username()} is of staff.")


class CustomerHasOrders(Refusal):
    """A customer with orders stays, or the orders would be nobody's."""

    def __init__(self, customer: Customer, count: int) -> None:
        noun = "order" if count == 1 else "orders"
        super().__init__(
            f"Customer {customer.code} has {count} {noun} and cannot be deleted. "
            f"Delete the {noun} first."
        )
        self.count = count


class CustomerIsErased(Refusal):
    """Nothing new is written about somebody who asked to be forgotten."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(
            f"The personal data of customer {customer.code} was erased. "
            "If the person comes again, register them as a new customer."
        )


class NotTwoCustomers(Refusal):
    """A record cannot be merged with itself."""

    def __init__(self) -> None:
        super().__init__("Choose another record to merge with this one.")


class BothHaveAccounts(Refusal):
    """An account belongs to one customer at most, and a customer has one account."""

    def __init__(self, kept: Customer, other: Customer) -> None:
        super().__init__(
            f"{kept.code} and {other.code} both have an account to sign in with. "
            "Take the account away from one of them first."
        )


class AccountsNeedAdministrator(Refusal):
    """Which orders an account sees is not for all who sell to decide."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(
            f"{customer.code} has an account to sign in with, which would see the orders of both. "
            "Ask an Administrator to merge them."
        )


class ChangedMeanwhile(Refusal):
    """Somebody changed what the caller would change, and the caller has not seen it."""

    def __init__(self, record: Customer | Order, names: Sequence[str]) -> None:
        super().__init__(
            f"Somebody changed {', '.join(names)} of {record} meanwhile. Look again, then decide."
        )
        self.names = names


class RecordHasChanged(Exception):
    """The caller has seen another version of the record than the one that is stored."""

    def __init__(self) -> None:
        super().__init__("The record has changed since you read it. Read it again, then decide.")
