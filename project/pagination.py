"""One page of a list, and where the next begins: keyset cursors for every list of the API.

A cursor holds the position of a row, not a count of rows: a page costs the same at any depth, and
rows added or removed while paging neither repeat nor skip others. It is signed, so that what comes
back is a position we gave out. (Named to Ninja by ``NINJA_PAGINATION_CLASS``.)
"""

from typing import Any, Literal, TypedDict

from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from ninja import Field, Schema
from ninja.pagination import PaginationBase
from pydantic import create_model

_SALT = "project.pagination"
DEFAULT_LIMIT, MAX_LIMIT = 10, 500


class Position(TypedDict):
    """What a cursor says: the edge row of the page it was given with, and which way to go on."""

    ordering: str
    value: str
    pk: str
    is_backward: bool


class Page(TypedDict):
    count: int
    next: str | None
    previous: str | None
    results: list[Any]


class KeysetPagination(PaginationBase):
    """``@paginate(orderings=("created_at", "name"))``: the first is the default, newest first.

    Each ordering wants an index on the field with the primary key.
    """

    items_attribute = "results"

    class Output(Schema):
        count: int = Field(description="How many rows the filters leave, on all pages")
        next: str | None
        previous: str | None
        results: list[Any]

    def __init__(self, *, orderings: tuple[str, ...] = ("created_at",), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.default_ordering = f"-{orderings[0]}"
        choices = tuple(f"{sign}{name}" for name in orderings for sign in ("", "-"))
        self.Input = create_model(
            f"Paging_{'_'.join(orderings)}",
            __base__=PaginationBase.Input,
            limit=(int, Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)),
            cursor=(str | None, Field(None, max_length=1000)),
            ordering=(Literal[choices], Field(self.default_ordering)),  # type: ignore[arg-type]  # made at run time
        )

    def paginate_queryset(
        self, queryset: QuerySet[Any], pagination: Any, request: HttpRequest, **params: Any
    ) -> Page:
        """The page that starts at the cursor.

        :raises ValidationError: the cursor is forged, or was given with another ordering.
        """
        ordering: str = pagination.ordering
        position = _read_cursor(pagination.cursor, ordering) if pagination.cursor else None
        is_backward = position is not None and position["is_backward"]
        rows = list(_after(queryset, ordering, position)[: pagination.limit + 1])
        has_more = len(rows) > pagination.limit
        rows = rows[: pagination.limit]
        if is_backward:
            rows.reverse()
        has_next = is_backward or has_more
        has_previous = has_more if is_backward else position is not None

        def link(row: Model, *, backward: bool) -> str:
            return _link(request, ordering, row, is_backward=backward)

        return {
            "count": queryset.count(),
            "next": link(rows[-1], backward=False) if rows and has_next else None,
            "previous": link(rows[0], backward=True) if rows and has_previous else None,
            "results": rows,
        }


def _after(queryset: QuerySet[Any], ordering: str, position: Position | None) -> QuerySet[Any]:
    """The rows beyond the position, nearest first."""
    name = ordering.lstrip("-")
    is_backward = position is not None and position["is_backward"]
    is_descending = ordering.startswith("-") is not is_backward
    sign = "-" if is_descending else ""
    queryset = queryset.order_by(f"{sign}{name}", f"{sign}pk")
    if position is None:
        return queryset
    beyond = "lt" if is_descending else "gt"
    value = queryset.model._meta.get_field(name).to_python(position["value"])
    # The first condition alone bounds the range of the index; the second settles equal values.
    return queryset.filter(
        Q(**{f"{name}__{beyond}e": value}),
        Q(**{f"{name}__{beyond}": value}) | Q(**{f"pk__{beyond}": position["pk"]}),
    )


def _read_cursor(cursor: str, ordering: str) -> Position:
    try:
        position: Position = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature:
        raise ValidationError(
            {"cursor": ["This is not a cursor that was given out here."]}
        ) from None
    if position["ordering"] != ordering:
        raise ValidationError({"cursor": ["This cursor belongs to a list in another ordering."]})
    return position


def _link(request: HttpRequest, ordering: str, row: Model, *, is_backward: bool) -> str:
    name = ordering.lstrip("-")
    position = Position(
        ordering=ordering,
        value=row._meta.get_field(name).value_to_string(row),  # type: ignore[union-attr]  # a column
        pk=str(row.pk),
        is_backward=is_backward,
    )
    query = request.GET.copy()
    query["cursor"] = signing.dumps(position, salt=_SALT)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
