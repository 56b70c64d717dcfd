"""Would a new record of a customer be one that was merged into another before?"""

from django.db.models import Q

from crm.errors import CustomerIsErased, WasMerged
from crm.models import Merge


def refuse_double(code: str, phone_number: str) -> None:
    """For a new record that no person looks at first, as they do who fill in its page.

    :raises CustomerIsErased: the record that has gone into another one was erased with it.
    :raises WasMerged: one with this code or phone went into another.
    """
    known = Merge.objects.filter(Q(phone_number=phone_number) | Q(code=code))
    merge = known.select_related("kept").first()
    if merge is None:
        return
    raise CustomerIsErased(merge.kept) if merge.kept.is_erased else WasMerged(merge)
