"""An export as the answer to a request: streamed, so that its size costs time but no memory."""

import logging
from collections.abc import Iterator
from itertools import chain
from tempfile import TemporaryFile
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, StreamingHttpResponse
from django.utils import timezone

from crm.spreadsheets.resources import SheetResource
from crm.spreadsheets.writing import MAX_WORKBOOK_ROWS, TooManyRows, csv_pieces, write_workbook

logger = logging.getLogger(__name__)

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def export_csv(resource: SheetResource, rows: QuerySet[Any]) -> StreamingHttpResponse:
    """The rows as CSV, sent as they are read.

    The first of them are read here, so that a database that refuses is told with a status. Where it
    fails later the connection ends in the midst, and the caller sees that the file is not whole.
    """
    pieces = csv_pieces(chain([resource.get_export_headers()], resource.written(rows)))
    first = next(pieces)
    return StreamingHttpResponse(
        _logged(chain([first], pieces)),
        content_type=CSV_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{_file_name(rows, "csv")}"'},
    )


def export_xlsx(resource: SheetResource, rows: QuerySet[Any]) -> FileResponse:
    """The rows as a workbook, which is made before its first byte is sent.

    :raises TooManyRows: no workbook can hold them.
    """
    if rows[MAX_WORKBOOK_ROWS:].exists():
        raise TooManyRows
    file = TemporaryFile()  # noqa: SIM115  # the response closes it, and it is gone then
    try:
        write_workbook(file, resource.get_export_headers(), resource.written(rows))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(
        file, as_attachment=True, filename=_file_name(rows, "xlsx"), content_type=XLSX_TYPE
    )


def _file_name(rows: QuerySet[Any], ending: str) -> str:
    """``orders-2026-09-21.csv``, with the day where the business is."""
    return f"{rows.model._meta.verbose_name_plural}-{timezone.localdate()}.{ending}"


def _logged(pieces: Iterator[str]) -> Iterator[str]:
    try:
        yield from pieces
    except Exception:
        logger.exception("An export broke off.")
        raise
