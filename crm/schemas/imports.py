"""Imports on the wire."""

import re
from typing import Annotated, Literal
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from ninja import Field, Schema, UploadedFile
from pydantic import AfterValidator, WithJsonSchema

from crm.models import Import, ImportKind, ImportStatus
from crm.schemas.rows import Body
from crm.schemas.types import field_error
from crm.spreadsheets.reading import MAX_ROWS, format_of
from sms.phone_numbers import region_named


def _sheet(file: UploadedFile) -> UploadedFile:
    if format_of(file.name or "") is None:
        raise field_error("Send a CSV or XLSX file: a name that ends in .csv, .tsv, .txt or .xlsx.")
    return file


def _region(code: str) -> str:
    try:
        is_known = re.fullmatch("[A-Z]{2}", code) and region_named(code) == code
    except ValidationError:
        is_known = False
    if not is_known:
        raise field_error("Enter the two-letter code of a country, such as KE.")
    return code


Address = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class ImportIn(Body):
    file: Annotated[UploadedFile, AfterValidator(_sheet)] = Field(
        description=f"CSV or XLSX, up to 10 MB and {MAX_ROWS:,} rows; columns go by their names"
    )
    kind: Literal["customers", "orders"]
    mode: Literal["create", "update", "both"] = Field(
        "both",
        description="create: rows that are there already are skipped. update: rows that are not "
        "there are errors.",
    )
    text_customers: bool = Field(False, description="Text the customer of each new order")
    region: Annotated[
        str,
        AfterValidator(_region),
        WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["KE"]}),
    ] = Field(
        default_factory=lambda: settings.DEFAULT_REGION,
        description="The country of phones in national form, where their row names none (ISO "
        "3166-1 alpha-2). Left out: the business's own",
    )


class RowErrorOut(Schema):
    row: int | None = Field(
        description="As a spreadsheet program counts: the header is 1. null: the whole sheet",
        examples=[17],
    )
    column: str = Field(examples=["Phone"])
    value: str = Field(examples=["0704"])
    message: str = Field(examples=["“0704” is not a valid phone number in KE."])


class ImportOut(Schema):
    id: UUID
    kind: ImportKind
    status: ImportStatus = Field(examples=["done"])
    total: int = Field(description="How many rows the sheet has", examples=[93])
    processed: int = Field(description="How many of them were gone through so far", examples=[93])
    created: int = Field(examples=[90])
    updated: int = Field(examples=[2])
    skipped: int = Field(
        description="Rows that are there already: the same, or left as they are", examples=[0]
    )
    failed: int = Field(
        description="Rows left out because something is wrong with them", examples=[1]
    )
    errors: list[RowErrorOut] = Field(description="The first 100; the error sheet has all")
    error_sheet: Address | None = Field(
        description="Where to get the rows left out, to mend them",
        examples=[
            "https://karani.example.com/api/imports/01a0c3f1-d140-7b96-a5e8-41d7c02f9b3e/errors/"
        ],
    )

    @staticmethod
    def resolve_error_sheet(job: Import) -> str | None:
        if not job.failed:
            return None
        return f"{settings.PUBLIC_URL}/api/imports/{job.pk}/errors/"
