"""One page of a list, and where the next begins: keyset cursors for every list of the API.

A cursor holds the position of a row, not a count of rows: a page costs the same at any depth, and
rows added or removed while paging neither repeat nor skip others. It is signed, so that what comes
back is a position we gave out, and good for the list it was given with: the same address, filters
and ordering. (Named to Ninja by ``NINJA_PAGINATION_CLASS``.)
"""

from contextlib import suppress
from hashlib import sha256
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import orjson
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db.models import Field as Column
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from ninja import Field, Schema
from ninja.pagination import PaginationBase
from pydantic import BaseModel, WithJsonSchema, create_model
from redis.exceptions import RedisError

_SALT = "project.pagination"
DEFAULT_LIMIT, MAX_LIMIT = 10, 500
# Base 64 of a name of 200 characters, four bytes each, and what stands beside it.
MAX_CURSOR = 2000

EXACT_UP_TO = 10_000  # rows
REMEMBERED = 60  # seconds

Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class Edge(NamedTuple):
    """Where a page begins: beyond the row with these values, and which way."""

    value: Any
    pk: Any
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
        count: int = Field(
            description="How many rows the filters leave, on all pages: as of now where they are "
            f"{EXACT_UP_TO:,} or fewer; of more, the number may be a minute old"
        )
        next: Link | None = Field(
            description="The address of the next page; null: this is the last", examples=[None]
        )
        previous: Link | None = Field(
            description="The address of the page before; null: this is the first", examples=[None]
        )
        results: list[Any]

    def __init__(self, *, orderings: tuple[str, ...] = ("created_at",), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.default_ordering = f"-{orderings[0]}"
        choices = tuple(f"{sign}{name}" for name in orderings for sign in ("", "-"))
        self.Input = create_model(
            f"Paging_{'_'.join(orderings)}",
            __base__=PaginationBase.Input,
            limit=(
                int,
                Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="How many rows a page has"),
            ),
            cursor=(
                str | None,
                Field(
                    None,
                    max_length=MAX_CURSOR,
                    description="Where a page begins: as in `next` and `previous`, not made up",
                ),
            ),
            ordering=(  # type: ignore[arg-type]  # made at run time
                Literal[choices],
                Field(self.default_ordering, description="`-` is descending: newest first"),
            ),
        )

    def paginate_queryset(
        self, queryset: QuerySet[Any], pagination: Any, request: HttpRequest, **params: Any
    ) -> Page:
        """The page that starts at the cursor.

        A queryset may bring a ``when_empty``, which is called where the page has no rows: whether
        there is what the list is of is asked only then.

        :raises ValidationError: the cursor is forged, or was given with another list.
        """
        ordering: str = pagination.ordering
        this_list = _name_of_list(request.path, ordering, params)
        edge = None
        if pagination.cursor:
            edge = _read_cursor(pagination.cursor, this_list, _column(queryset.model, ordering))
        is_backward = edge is not None and edge.is_backward
        rows = list(_after(queryset, ordering, edge)[: pagination.limit + 1])
        if not rows and (when_empty := getattr(queryset, "when_empty", None)):
            when_empty()
        has_more = len(rows) > pagination.limit
        rows = rows[: pagination.limit]
        if is_backward:
            rows.reverse()
        has_next = is_backward or has_more
        has_previous = has_more if is_backward else edge is not None

        def link(row: Model, *, backward: bool) -> str:
            value = _column(queryset.model, ordering).value_to_string(row)
            at = Position(list=this_list, value=value, pk=str(row.pk), is_backward=backward)
            query = request.GET.copy()
            query["cursor"] = at.signed()
            return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")

        return {
            "count": _count(queryset),
            "next": link(rows[-1], backward=False) if rows and has_next else None,
            "previous": link(rows[0], backward=True) if rows and has_previous else None,
            "results": rows,
        }


def _count(queryset: QuerySet[Any]) -> int:
    """How many rows there are; a large number is asked for once a minute, not once a page.

    To count a million rows takes the database a hundred times as long as a page of them does
    (``bench/``). The number is kept with the filters and their values, among them whose rows
    somebody may see. Where the cache does not answer, the database is asked each time.
    """
    try:
        sql, values = queryset.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:  # filters that nothing can meet
        return 0
    key = f"count-{sha256(repr((sql, values)).encode()).hexdigest()}"
    count: int | None = None
    with suppress(RedisError):
        count = cache.get(key)
    if count is None:
        count = queryset.count()
        if count > EXACT_UP_TO:
            with suppress(RedisError):
                cache.set(key, count, REMEMBERED)
    return count


def _after(queryset: QuerySet[Any], ordering: str, edge: Edge | None) -> QuerySet[Any]:
    """The rows beyond the edge, nearest first."""
    name = ordering.lstrip("-")
    is_descending = ordering.startswith("-") is not (edge is not None and edge.is_backward)
    sign = "-" if is_descending else ""
    queryset = queryset.order_by(f"{sign}{name}", f"{sign}pk")
    if edge is None:
        return queryset
    beyond = "lt" if is_descending else "gt"
    # The first condition alone bounds the range of the index; the second settles equal values.
    return queryset.filter(
        Q(**{f"{name}__{beyond}e": edge.value}),
        Q(**{f"{name}__{beyond}": edge.value}) | Q(**{f"pk__{beyond}": edge.pk}),
    )


def _column(model: type[Model], ordering: str) -> "Column[Any, Any]":
    column = model._meta.get_field(ordering.lstrip("-"))
    assert isinstance(column, Column)  # noqa: S101  # narrows the type: no relation is offered
    return column


# --- Cursors ------------------------------------------------------------------------------------


class Position(BaseModel):
    """What a cursor says: the edge row of the page it was given with, and which way to go on."""

    list: str
    value: str
    pk: str
    is_backward: bool

    def signed(self) -> str:
        """The cursor that says so."""
        return signing.dumps(self, salt=_SALT, serializer=_UTF8, compress=True)

    @classmethod
    def read(cls, cursor: str) -> "Position":
        """What a cursor says.

        :raises BadSignature: we did not sign it.
        :raises ValueError: we did, but it says something else.
        """
        position: Position = signing.loads(cursor, salt=_SALT, serializer=_UTF8)
        return position


class _UTF8:
    """Writes for ``signing``, whose own way takes six bytes for each letter that is not ASCII."""

    def dumps(self, obj: Position) -> bytes:
        return obj.model_dump_json().encode()

    def loads(self, data: bytes) -> Position:
        return Position.model_validate_json(data)


def _name_of_list(path: str, ordering: str, params: dict[str, Any]) -> str:
    """Tells one list from another: by its address, its ordering and the filters that are given."""
    filters = {
        name: value.model_dump(mode="json", exclude_defaults=True)
        if isinstance(value, Schema)
        else str(value)
        for name, value in params.items()
    }
    facts = orjson.dumps([path, ordering, filters], option=orjson.OPT_SORT_KEYS)
    return sha256(facts).hexdigest()[:16]


def _read_cursor(cursor: str, this_list: str, column: "Column[Any, Any]") -> Edge:
    try:
        at = Position.read(cursor)
        if at.list == this_list and "\0" not in at.value:
            pk = column.model._meta.pk.to_python(at.pk)
            return Edge(column.to_python(at.value), pk, at.is_backward)
    except (signing.BadSignature, ValidationError, ValueError):
        # We sign nothing that cannot be read here, but an older version may have.
        problem = "This is not a cursor that was given out here."
    else:
        problem = "This cursor belongs to a list with another address, filters or ordering."
    raise ValidationError({"cursor": [problem]})
