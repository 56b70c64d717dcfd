"""Sheets as people have them, and the import's two steps as a browser takes them."""

import io
import re
from collections.abc import Iterable, Sequence
from html import unescape
from typing import Any

import openpyxl
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

Problem = tuple[int, str, str, str]  # row, column, value, what is wrong


def csv_of(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def workbook_of(*rows: Sequence[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cells_of(workbook: bytes) -> list[tuple[Any, ...]]:
    sheet = openpyxl.load_workbook(io.BytesIO(workbook)).worksheets[0]
    return list(sheet.iter_rows(values_only=True))


def check(client: Client, what: str, name: str, data: bytes, **answers: Any) -> Any:
    """The page that says what an import of this file would do; ``what``: "customer" or "order"."""
    file = SimpleUploadedFile(name, data)
    return client.post(f"/admin/crm/{what}/import/", {"import_file": file, **answers})


def confirmation(page: Any) -> dict[str, str]:
    """What the button of that page sends."""
    fields = {}
    for tag in re.findall(r'<input type="hidden"[^>]*>', page.content.decode()):
        name, value = (re.search(rf'{each}="([^"]*)"', tag) for each in ("name", "value"))
        if name and value and name[1] != "csrfmiddlewaretoken":
            fields[name[1]] = unescape(value[1])
    return fields


def confirm(client: Client, what: str, page: Any, **changes: str) -> Any:
    """The page that says what the import did."""
    fields = confirmation(page) | changes
    return client.post(f"/admin/crm/{what}/process_import/", fields)


def counts(page: Any) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, wrong."""
    outcome = page.context["outcome"]
    return outcome.created, outcome.updated, outcome.unchanged, outcome.wrong_rows


def listed(problems: Iterable[Any]) -> list[Problem]:
    return [(each.row, each.column, each.value, each.message) for each in problems]


def no_such_phone(text: str, region: str) -> str:
    return (
        f"“{text}” is not a valid phone number in {region}. "
        "Write it as it is dialled there, or with + and the country code."
    )


def no_such_country(name: str) -> str:
    return (
        f"“{name}” is not a country that is known here. Use its English name or its "
        "two-letter code, such as Kenya or KE."
    )
