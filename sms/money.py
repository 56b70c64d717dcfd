"""How is money told to people? ``KES 80,405.00``. Pure."""

from decimal import Decimal


def spoken_amount(amount: Decimal) -> str:
    """An amount as people read it: ``80,405.00``."""
    return f"{amount:,.2f}"


def spoken_sum(currency: str, amount: Decimal) -> str:
    """An amount with its currency: ``KES 80,405.00``."""
    return f"{currency} {spoken_amount(amount)}"
