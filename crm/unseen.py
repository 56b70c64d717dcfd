"""Would a change put its value in the place of one that its author has never seen?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm.errors import ChangedMeanwhile
from crm.models import Customer, Order


def refuse_unseen(
    record: Customer | Order, changes: Mapping[str, Any], seen: Mapping[str, Any]
) -> None:
    """Look, with the record locked, whether what is to be changed is as its author saw it.

    What they changed to the same is no matter, and neither is what they left alone. Of a field that
    is not among those seen, nothing is asked.

    :raises ChangedMeanwhile: somebody else was quicker with some of the fields.
    """
    unseen = [
        name
        for name, value in changes.items()
        if name in seen and _shown(getattr(record, name)) not in (_shown(seen[name]), _shown(value))
    ]
    if unseen:
        raise ChangedMeanwhile(record, unseen)


def _shown(value: Any) -> Any:
    """As a page shows it: to the second."""
    return value.replace(microsecond=0) if isinstance(value, datetime) else value
