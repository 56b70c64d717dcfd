"""What the bodies of creates and of changes have in common."""

from collections.abc import Sequence
from typing import Any

from ninja import Field, Schema
from pydantic import (
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationInfo,
    model_validator,
)
from pydantic import ValidationError as PydanticValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from crm.schemas.types import field_error
from identity.models import User

_ONE_OF_MANY = "is one of many rows"  # in the context: their common caller names what is refused


class Body(Schema):
    """What a caller sends: a field that is not known is a mistake, and is not passed over."""

    model_config = ConfigDict(extra="forbid")


class NewRow(Body):
    """The body of a create. Where its shape is wrong, what the database would refuse of it is named
    in the same answer, so that every wrong field is known at once."""

    @classmethod
    def refused_by_rows(
        cls,
        rows: Sequence[dict[str, Any]],
        user: User,  # noqa: ARG003  # for who overrides it
    ) -> Sequence[dict[str, str]]:
        """Of each of the rows, a message for each field whose value the stored rows, as the user
        sees them, forbid."""
        return [{} for _ in rows]

    @model_validator(mode="wrap")
    @classmethod
    def _name_every_wrong_field(
        cls, data: Any, handler: ModelWrapValidatorHandler[Any], info: ValidationInfo
    ) -> Any:
        try:
            return handler(data)
        except PydanticValidationError as error:
            context = info.context or {}
            if not isinstance(data, dict) or _ONE_OF_MANY in context:
                raise
            [refused] = cls.refused_by_rows([data], context["request"].user)
            problems = [*map(_copied, error.errors()), *_told(error, refused, data)]
            raise PydanticValidationError.from_exception_data(cls.__name__, problems) from None


def validate_rows(
    row_type: type[NewRow], rows: Sequence[Any], context: dict[str, Any]
) -> list[Any]:
    """Each of many new rows as its type; the stored ones are asked once for all of them.

    :raises pydantic.ValidationError: with every wrong field of every row.
    """
    valid: list[Any] = []
    wrong: dict[int, PydanticValidationError] = {}
    for number, row in enumerate(rows):
        try:
            valid.append(row_type.model_validate(row, context=context | {_ONE_OF_MANY: True}))
        except PydanticValidationError as error:
            wrong[number] = error
    if not wrong:
        return valid
    known = {number: row for number, row in enumerate(rows) if isinstance(row, dict)}
    refused = row_type.refused_by_rows(list(known.values()), context["request"].user)
    refused_by_number = dict(zip(known, refused, strict=True))
    problems = []
    for number, row in enumerate(rows):
        if number not in known:  # Ninja takes it for an object without the fields
            kind = field_error("Give each row as an object.")
            problems.append(InitErrorDetails(type=kind, loc=(number,), input=row))
            continue
        known_wrong = wrong.get(number)
        told = [_copied(problem) for problem in known_wrong.errors()] if known_wrong else []
        told += _told(known_wrong, refused_by_number[number], row)
        for problem in told:
            problem["loc"] = (number, *problem.get("loc", ()))
            problems.append(problem)
    raise PydanticValidationError.from_exception_data(row_type.__name__, problems)


def _told(
    error: PydanticValidationError | None, refused: dict[str, str], row: dict[str, Any]
) -> list[InitErrorDetails]:
    """What the stored rows forbid, but for the fields that are known to be wrong already."""
    known = error.errors() if error else []
    wrong = {problem["loc"][0] for problem in known if problem["loc"]}
    return [
        InitErrorDetails(type=field_error(message), loc=(name,), input=row.get(name))
        for name, message in refused.items()
        if name not in wrong
    ]


def _copied(problem: Any) -> InitErrorDetails:
    """An error as it was: ours with its messages, pydantic's own by its text."""
    context = {"message": problem["msg"]} | (problem.get("ctx") or {})
    kind = PydanticCustomError(problem["type"], "{message}", context)
    return InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"])


def left_out(description: str | None = None) -> Any:
    return Field(None, description=description)


class Patch(Body):
    """The body of a PATCH: what is left out stays. A null is no value of these fields."""

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_what_is_no_object(cls, data: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        """Ninja takes a list, say, for an object without the fields: nothing would be changed."""
        if not isinstance(data, dict):
            raise field_error("Give the fields as an object.")
        return handler(data)

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}
