"""Rows as a file, whatever their number: neither CSV nor XLSX is held in memory.

Each takes rows of texts, decimals, moments and None, and writes no cell that a spreadsheet program
would run.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import IO, Any

import xlsxwriter
from django.utils import timezone
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from crm.spreadsheets.harmless import make_harmless

MAX_WORKBOOK_ROWS = 1_048_575  # below the header: a sheet of XLSX has 2**20 lines
_PIECE = 64 * 1024  # characters
_FIRST_DATE = datetime(1900, 3, 1, tzinfo=UTC)  # before it, spreadsheet programs count differently


class TooManyRows(ValueError):
    """A workbook has no room for so many."""


def csv_pieces(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file, of which the first row is the header, many at a time."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([make_harmless(_spelled(cell)) for cell in row])
        if out.tell() >= _PIECE:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def write_workbook(out: IO[bytes], headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write an XLSX file: one sheet, with real dates and numbers, and phones and codes as text.

    :raises TooManyRows: what is written by then is no whole file.
    """
    # What XlsxWriter puts aside goes with the folder, also after an error.
    with (
        TemporaryDirectory() as folder,
        xlsxwriter.Workbook(out, {"constant_memory": True, "tmpdir": folder}) as book,
    ):
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for column, header in enumerate(headers):
            sheet.write_string(0, column, make_harmless(header), bold)
        for number, row in enumerate(rows, 1):
            if number > MAX_WORKBOOK_ROWS:
                raise TooManyRows
            for column, cell in enumerate(row):
                _write_cell(sheet, number, column, cell, moment)


def _spelled(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="microseconds" if cell.microsecond else "seconds")
    return "" if cell is None else str(cell)


def _write_cell(sheet: Any, row: int, column: int, cell: Any, moment: Any) -> None:
    if cell is None or cell == "":
        return
    if isinstance(cell, Decimal):
        sheet.write_number(row, column, cell)
    elif isinstance(cell, datetime) and cell >= _FIRST_DATE:
        # Excel knows no time zones: the business's own is meant.
        sheet.write_datetime(row, column, timezone.make_naive(cell), moment)
    else:
        text = make_harmless(_spelled(cell))
        text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", text)
        sheet.write_string(row, column, text)
