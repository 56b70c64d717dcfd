"""Which column of somebody's sheet is which of our fields? Matched by the names people use."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

# The first name is ours, in exports; the others are what people, other programs and Swahili say.
# Capitals, spaces and punctuation do not count: "CustomerID" is "Customer ID".
CUSTOMER_COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("Code", "Customer code", "Customer ID", "Customer number", "Customer no", "Msimbo"),
    "name": ("Name", "Customer name", "Company name", "Company", "Full name", "Customer", "Jina"),
    "phone_number": (
        "Phone number",
        "Phone",
        "Mobile",
        "Mobile number",
        "Telephone",
        "Tel",
        "MSISDN",
        "Simu",
        "Namba ya simu",
    ),
    "email": ("Email", "Email address", "Barua pepe"),
    "language": ("Language", "Lugha"),
    "country": ("Country", "Country code", "Nchi"),
}
ORDER_COLUMNS: dict[str, tuple[str, ...]] = {
    "order_number": ("Order number",),
    "reference": (
        "Reference",
        "Order ref",
        "Order reference",
        "Ref",
        "Order ID",
        "Order no",
        "Invoice no",
        "Invoice number",
        "Invoice",
    ),
    "customer_code": ("Customer code", "Customer ID", "Customer number", "Customer", "Mteja"),
    "customer_name": ("Customer name",),
    "item": ("Item", "Description", "Product", "Bidhaa"),
    "amount": ("Amount", "Total", "Price", "Kiasi"),
    "currency": ("Currency", "Sarafu"),
    "status": ("Status", "Hali"),
    "order_time": ("Order time", "Order date", "Date", "Invoice date", "Tarehe"),
}


def match_columns(headers: Sequence[str], known: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """The position of each field that the headers have; a field's better name wins.

    :raises ValueError: two columns have the same name, and it is one of a field's.
    """
    positions: dict[str, list[int]] = {}
    for position, header in enumerate(headers):
        positions.setdefault(_plain(header), []).append(position)
    matched: dict[str, int] = {}
    for field, names in known.items():
        found = next((positions[_plain(name)] for name in names if _plain(name) in positions), [])
        if len(found) > 1:
            told = _("Two columns are named “{name}”. Rename one.")
            raise ValueError(told.format(name=headers[found[0]]))
        if found:
            matched[field] = found[0]
    return matched


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
