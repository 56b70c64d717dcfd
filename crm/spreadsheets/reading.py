"""What does this file say? CSV in the usual encodings and delimiters, and XLSX, as rows of cells.

The formats are django-import-export's; reading is ours, for three things that theirs does not do:
it guesses the encoding and the delimiter, it keeps going after a row with too many cells, and it
undoes what made a cell harmless on the way out.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain
from typing import Any

import openpyxl
import tablib
from django.utils.translation import gettext as _
from import_export.formats import base_formats

from crm.spreadsheets.harmless import as_written
from crm.spreadsheets.writing import csv_pieces, write_workbook

# An import holds one transaction: on SQLite everybody else waits for it, 20 s at most.
MAX_ROWS = 2_000
MAX_BYTES = 10 * 1024 * 1024

# An XLSX file is a ZIP: 10 MB of it may unpack to any size, and these are many times what MAX_ROWS
# take.
_MAX_UNPACKED = 100 * 1024 * 1024

# How a workbook writes an underscore that would begin the code of a character, such as _x0041_
# (ECMA-376, part 1, section 22.9.2.19).
_UNDERSCORE = re.compile(r"_x005F_(?=x[0-9A-Fa-f]{4}_)")


class UnreadableSheet(ValueError):
    """The file as a whole makes no sense; the message says what to do."""


class Sheet(tablib.Dataset):
    """Rows under one header line, with what django-import-export does not keep of them."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []  # of each row, as the spreadsheet program counts: header is 1
        self.broken: dict[int, str] = {}  # why a row, by its index from 1, cannot be understood
        self.excess: dict[int, list[Any]] = {}  # of such a row, the cells beyond the columns

    def part(self, start: int, stop: int) -> "Sheet":
        """Some of the rows, counted from 0 and without the last, under the same header."""
        part = Sheet()
        part.headers, part.numbers = self.headers, self.numbers[start:stop]
        for row in self[start:stop]:
            part.append(row)
        of_part = range(start + 1, stop + 1)
        part.broken = {at - start: why for at, why in self.broken.items() if at in of_part}
        part.excess = {at - start: cells for at, cells in self.excess.items() if at in of_part}
        return part


class CSV(base_formats.CSV):
    """Comma, semicolon, tab or bar; UTF-8 with or without BOM, UTF-16, Windows-1252."""

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Sheet:
        text = _decode(in_stream)
        header = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(",;\t|", key=re.sub(r'"[^"]*"', "", header).count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return _make_sheet(_numbered(reader))

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> str:
        return "".join(csv_pieces(chain([dataset.headers or []], dataset)))


class XLSX(base_formats.XLSX):
    """The first sheet of a workbook; real dates and numbers out, phones and codes as text."""

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Sheet:
        return _make_sheet(_rows_of_workbook(in_stream))

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> bytes:
        out = io.BytesIO()
        write_workbook(out, dataset.headers or [], dataset)
        return out.getvalue()


FORMATS = (CSV, XLSX)


def format_of(file_name: str) -> type[CSV] | type[XLSX] | None:
    """The format that the end of a file's name tells, or None."""
    ending = file_name.rpartition(".")[2].lower()
    known: dict[str, type[CSV] | type[XLSX]] = {"csv": CSV, "tsv": CSV, "txt": CSV, "xlsx": XLSX}
    return known.get(ending)


def read_sheet(file_name: str, data: bytes) -> Sheet:
    """The rows of a file.

    :raises UnreadableSheet: it is no sheet, or one that is too large.
    """
    form = format_of(file_name)
    if form is None:
        raise UnreadableSheet(_("Choose a CSV or XLSX file."))
    return form().create_dataset(data)


def _decode(raw: bytes) -> str:
    encodings = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:  # which no text has, but a picture, or UTF-16 that does not say so
            return text
    raise UnreadableSheet(
        _("The text of this file cannot be read. Save it as UTF-8 and try again.")
    )


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from enumerate(reader, 1)
    except csv.Error as error:
        told = _(
            "Line {number} cannot be read ({why}). Look for a quotation mark that is not closed."
        )
        raise UnreadableSheet(told.format(number=reader.line_num, why=error)) from None


def _rows_of_workbook(raw: bytes) -> Iterator[tuple[int, Iterable[Any]]]:
    try:
        _refuse_what_unpacks_too_large(raw)
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a smaller size than the sheet has
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            yield number, map(_unescaped, cells)
    except UnreadableSheet:
        raise
    except Exception:  # noqa: BLE001  # openpyxl checks little: a damaged file raises anything
        raise UnreadableSheet(
            _("This is not an XLSX workbook. Save it as XLSX or CSV and try again.")
        ) from None


def _refuse_what_unpacks_too_large(raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        # What an archive says of a part is all that is read of it.
        if sum(part.file_size for part in archive.infolist()) > _MAX_UNPACKED:
            raise UnreadableSheet(_("The workbook is too large. Split it."))


def _unescaped(cell: Any) -> Any:
    return _UNDERSCORE.sub("_", cell) if isinstance(cell, str) else cell


def _make_sheet(rows: Iterable[tuple[int, Iterable[Any]]]) -> Sheet:
    sheet = Sheet()
    for number, cells in rows:
        values = [_understood(cell) for cell in cells]
        while values and values[-1] == "":
            values.pop()
        if not values:
            continue  # an empty line, of which exported sheets often have some at the end
        if sheet.headers is None:
            sheet.headers = [str(value) for value in values]
            continue
        width = len(sheet.headers)
        if len(sheet.numbers) == MAX_ROWS:
            told = _("The sheet has more than {most} rows. Split it.")
            raise UnreadableSheet(told.format(most=f"{MAX_ROWS:,}"))
        sheet.numbers.append(number)
        if len(values) > width:
            told = _("The row has {cells} cells, but the sheet has {columns} columns.")
            sheet.broken[len(sheet.numbers)] = told.format(cells=len(values), columns=width)
            sheet.excess[len(sheet.numbers)] = values[width:]
        sheet.append((values + [""] * width)[:width])
    if sheet.headers is None:
        raise UnreadableSheet(_("The sheet is empty: it needs a line of column names."))
    return sheet


def _understood(cell: Any) -> Any:
    """A cell as text, or as the date that the spreadsheet says it is."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        # A code or a phone may be taken for a number; of others a spreadsheet shows 15 digits.
        return str(int(cell)) if cell.is_integer() else f"{cell:.15g}"
    if isinstance(cell, date):  # a datetime is one too
        return cell
    return as_written(str(cell).strip())
