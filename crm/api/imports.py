"""Imports over HTTP: a sheet goes in, the worker takes it, and one asks what became of it.

An import changes customers or orders: whoever may import such rows sees every import of them, and
needs the scope that writes them.
"""

from typing import Any
from uuid import UUID

import pydantic
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Status
from ninja.errors import HttpError, ValidationError

from crm.models import Import, ImportKind
from crm.schemas.imports import ImportIn, ImportOut
from crm.spreadsheets import jobs
from crm.spreadsheets.reading import MAX_BYTES
from identity.errors import InsufficientScope
from identity.tokens import Caller, needs

router = Router(tags=["imports"])

SCOPES = {ImportKind.CUSTOMERS: "customers:write", ImportKind.ORDERS: "orders:write"}
FORM = "multipart/form-data"


EITHER = {"x-scopes": [*SCOPES.values()]}
_LOCATION = {
    "description": "Where to ask what becomes of the import",
    "schema": {"type": "string", "format": "uri"},
}
_SHEET = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/",
    response={202: ImportOut},
    operation_id="create_import",
    auth=needs(),
    openapi_extra=EITHER
    | {
        "x-problems": [413, 415],
        "requestBody": {
            "required": True,
            "content": {FORM: {"schema": ImportIn.model_json_schema()}},
        },
        "responses": {202: {"headers": {"Location": _LOCATION}}},
    },
)
def create_import(request: HttpRequest, response: HttpResponse) -> Status[Import]:
    """Import customers or orders from a sheet.

    Needs the scope `customers:write` for customers, or `orders:write` for orders. The answer comes
    once the sheet is found to make sense. Ask for the import under its `Location` to learn what
    becomes of its rows: one that is wrong is left out, and the others go in.
    """
    _refuse_who_imports_nothing(request)
    told = _read_form(request)
    _require(request, ImportKind(told.kind))
    name, data, choices = str(told.file.name), told.file.read(), told.dict(exclude={"file"})
    job = jobs.queue_import(_caller(request).user, name, data, **choices)
    response["Location"] = f"{settings.PUBLIC_URL}/api/imports/{job.pk}/"
    return Status(202, job)


@router.get(
    "/{uuid:import_id}/",
    response=ImportOut,
    operation_id="read_import",
    auth=needs(),
    openapi_extra=EITHER,
)
def read_import(request: HttpRequest, import_id: UUID) -> Import:
    """Read how far an import is, or what became of it.

    Needs the scope `customers:write` or `orders:write`, as the import is of the one or the other.
    """
    return _import_of(request, import_id, left_out=("file", "error_sheet"))


@router.get(
    "/{uuid:import_id}/errors/",
    operation_id="download_import_errors",
    auth=needs(),
    openapi_extra=EITHER | {"responses": {200: {"content": {"text/csv": _SHEET}}}},
)
def download_import_errors(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Download the rows that an import left out, each with what is wrong with it.

    Mend them in this file and import it. Needs the scope that the import itself does.
    """
    job = _import_of(request, import_id, left_out=("file",))
    if not job.error_sheet:
        raise HttpError(404, "Not found.")
    name = f"{job.kind}-with-errors.csv"
    return HttpResponse(
        bytes(job.error_sheet),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _import_of(request: HttpRequest, import_id: UUID, *, left_out: tuple[str, ...]) -> Import:
    visible = Import.objects.visible_to(request.user).defer(*left_out)
    job = get_object_or_404(visible, pk=import_id)
    _require(request, ImportKind(job.kind))
    return job


def _caller(request: HttpRequest) -> Caller:
    caller: Caller = request.auth  # type: ignore[attr-defined]  # Ninja puts there what `needs` returned
    return caller


def _require(request: HttpRequest, kind: ImportKind) -> None:
    """
    :raises InsufficientScope: the credential is not for rows of this kind.
    :raises PermissionDenied: the user may not import them.
    """
    caller = _caller(request)
    if SCOPES[kind] not in caller.scopes:
        raise InsufficientScope(SCOPES[kind])
    if not caller.user.has_perm(kind.permission):
        raise PermissionDenied


def _refuse_who_imports_nothing(request: HttpRequest) -> None:
    """Before the body is read, which is what tells the kind."""
    caller = _caller(request)
    scopes = [SCOPES[kind] for kind in ImportKind if caller.user.has_perm(kind.permission)]
    if not scopes:
        raise PermissionDenied
    if caller.scopes.isdisjoint(scopes):
        raise InsufficientScope(" ".join(scopes))


def _read_form(request: HttpRequest) -> ImportIn:
    """The fields and the file; Ninja would read them before we know the caller's rights.

    :raises HttpError: no form at all, or too large a file.
    :raises ValidationError: naming each wrong field.
    """
    if request.content_type != FORM:
        raise HttpError(415, f"Send a form with a file, with Content-Type: {FORM}.")
    fields, files = request.POST.dict(), request.FILES.dict()
    for name in ("file", "csrfmiddlewaretoken"):  # a text is no file; the token is Django's
        fields.pop(name, None)
    if "file" in files and len(files["file"]) > MAX_BYTES:
        raise HttpError(413, "The file is larger than 10 MB. Split it.")
    try:
        return ImportIn.model_validate(fields | files)
    except pydantic.ValidationError as error:
        raise ValidationError([_told(problem) for problem in error.errors()]) from None


def _told(problem: Any) -> dict[str, Any]:
    """As Ninja tells of a form."""
    words = "Unknown field." if problem["type"] == "extra_forbidden" else problem["msg"]
    told: dict[str, Any] = {**problem, "loc": ("form", *problem["loc"]), "msg": words}
    return told
