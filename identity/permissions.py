"""What may a user do? Their own permissions and those of their roles, in one look.

Django asks twice, once for each, on top of the query for the user. Here the names come with the row
that is read anyway, the user's or their token's.
"""

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Aggregate, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Concat

from identity.models import User


class _Joined(Aggregate):
    """The values of a group with a space between each two."""

    function = "GROUP_CONCAT"
    template = "%(function)s(%(distinct)s%(expressions)s, ' ')"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="STRING_AGG", **context)


def permission_names(user_column: str) -> Subquery:
    """An annotation: ``crm.view_order crm.add_order ...`` of the user whom the column names."""
    user = OuterRef(user_column)
    granted = Permission.objects.filter(Q(user=user) | Q(group__user=user)).order_by()
    name = Concat("content_type__app_label", Value("."), "codename", output_field=TextField())
    return Subquery(granted.values(all=Value(1)).annotate(names=_Joined(name)).values("names"))


def remember_permissions(user: User, names: str | None) -> None:
    """Spare the backend its own queries, for as long as this user object lives."""
    if not user.is_superuser:  # who has every permission there is, listed or not
        user._perm_cache = set((names or "").split())  # type: ignore[attr-defined]  # ModelBackend's
