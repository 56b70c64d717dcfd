"""What the bodies of creates and of changes have in common."""

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


class NewRow(Schema):
    """The body of a create. Where its shape is wrong, what the database would refuse of it is named
    in the same answer, so that every wrong field is known at once."""

    @classmethod
    def refused_by_rows(cls, data: dict[str, Any], user: User) -> dict[str, str]:  # noqa: ARG003  # for who overrides it
        """A message for each field whose value the stored rows, as the user sees them, forbid."""
        return {}

    @model_validator(mode="wrap")
    @classmethod
    def _name_every_wrong_field(
        cls, data: Any, handler: ModelWrapValidatorHandler[Any], info: ValidationInfo
    ) -> Any:
        try:
            return handler(data)
        except PydanticValidationError as error:
            if not isinstance(data, dict):
                raise
            wrong = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
            problems = [_copied(problem) for problem in error.errors()]
            user = (info.context or {})["request"].user
            for name, message in cls.refused_by_rows(data, user).items():
                if name not in wrong:
                    kind = field_error(message)
                    problems.append(InitErrorDetails(type=kind, loc=(name,), input=data[name]))
            raise PydanticValidationError.from_exception_data(cls.__name__, problems) from None


def _copied(problem: Any) -> InitErrorDetails:
    """An error as it was: ours with its messages, pydantic's own by its text."""
    context = {"message": problem["msg"]} | (problem.get("ctx") or {})
    kind = PydanticCustomError(problem["type"], "{message}", context)
    return InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"])


def left_out() -> Any:
    return Field(None)


def _drop_null_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class Patch(Schema):
    """The body of a PATCH: what is left out stays. A null is no value of these fields."""

    model_config = ConfigDict(json_schema_extra=_drop_null_defaults)

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}
