"""What an operation does not declare, it refuses: ``?stauts=PENDING`` must not pass for no filter.

The fields of a body are refused by their schemas (``extra="forbid"``); here are the parameters of
the query, and one wording for both.
"""

from typing import Any, ClassVar

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.errors import ValidationError, ValidationErrorContext
from ninja.operation import Operation
from ninja.params.models import QueryModel
from ninja.router import BoundRouter


class _NothingElse(QueryModel, extra="forbid"):
    """A model without fields of the parameters that are not ``declared``."""

    __ninja_param_source__ = "query"  # type: ignore[assignment]  # which Ninja declares as None
    __ninja_flatten_map_reverse__: ClassVar[dict[str, Any]] = {}
    declared: ClassVar[frozenset[str]]

    @classmethod
    def get_request_data(
        cls,
        request: HttpRequest,
        api: NinjaAPI,  # noqa: ARG003  # Ninja's signature
        path_params: dict[str, Any],  # noqa: ARG003
    ) -> dict[str, Any]:
        return {name: request.GET[name] for name in request.GET if name not in cls.declared}


class StrictAPI(NinjaAPI):
    """Names, beside every other wrong field, those that the operation does not know."""

    def _get_bound_routers(self) -> list[BoundRouter]:
        is_first_time = self._bound_routers_cache is None
        routers = super()._get_bound_routers()
        if is_first_time:
            for router in routers:
                for view in router.path_operations.values():
                    for operation in view.operations:
                        operation.models = [*operation.models, _nothing_but(operation)]
        return routers

    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        told = super().validation_error_from_error_contexts(error_contexts)
        for error in told.errors:
            if error["type"] == "extra_forbidden":
                kind = "parameter" if error["loc"][0] == "query" else "field"
                error["msg"] = f"Unknown {kind}."
        return told


def _nothing_but(operation: Operation) -> type[_NothingElse]:
    declared = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }
    return type("NothingElse", (_NothingElse,), {"declared": frozenset(declared)})
