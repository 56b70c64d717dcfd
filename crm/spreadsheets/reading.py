"""What does this file say? CSV in the usual encodings and delimiters, and XLSX, as rows of cells.

The formats are django-import-export's; reading is ours, for three things that theirs does not do:
it guesses the encoding and the delimiter, it keeps going after a row with too many cells, and it
undoes what made a cell harmless on the way out.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import tablib
from django.utils import timezone
from import_export.formats import base_formats
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

# An import holds one transaction: on SQLite everybody else waits for it, 20 s at most.
MAX_ROWS = 2_000

# A cell that starts so is a formula to a spreadsheet program, and may do harm there (OWASP, "CSV
# injection"). One that starts with apostrophes before such a sign is marked as well, so that taking
# one apostrophe off gives back every text exactly.
_HARMFUL = re.compile(r"'*[=+\-@\t\r]")


class UnreadableSheet(ValueError):
    """The file as a whole makes no sense; the message says what to do."""


class Sheet(tablib.Dataset):
    """Rows under one header line, with what django-import-export does not keep of them."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []  # of each row, as the spreadsheet program counts: header is 1
        self.broken: dict[int, str] = {}  # why a row, by its index from 1, cannot be understood


def make_harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if _HARMFUL.match(text) else text


def as_written(text: str) -> str:
    """The text before it was made harmless."""
    return text[1:] if text.startswith("'") and _HARMFUL.match(text[1:]) else text


class CSV(base_formats.CSV):
    """Comma, semicolon, tab or bar; UTF-8 with or without BOM, UTF-16, Windows-1252."""

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Sheet:
        text = _decode(in_stream)
        header = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(",;\t|", key=header.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return _make_sheet(_numbered(reader))

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> str:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(dataset.headers or [])
        writer.writerows([make_harmless(_spelled(cell)) for cell in row] for row in dataset)
        return out.getvalue()


class XLSX(base_formats.XLSX):
    """The first sheet of a workbook; real dates and numbers out, phones and codes as text."""

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Sheet:
        return _make_sheet(_rows_of_workbook(in_stream))

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> bytes:
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        sheet.append(dataset.headers or [])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for row in dataset:
            sheet.append([_cell(value) for value in row])
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()


FORMATS = (CSV, XLSX)


def format_of(file_name: str) -> type[CSV] | type[XLSX] | None:
    """The format that the end of a file's name tells, or None."""
    ending = file_name.rpartition(".")[2].lower()
    known: dict[str, type[CSV] | type[XLSX]] = {"csv": CSV, "tsv": CSV, "txt": CSV, "xlsx": XLSX}
    return known.get(ending)


def _decode(raw: bytes) -> str:
    encodings = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:  # which no text has, but a picture, or UTF-16 that does not say so
            return text
    raise UnreadableSheet("The text of this file cannot be read. Save it as UTF-8 and try again.")


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from enumerate(reader, 1)
    except csv.Error as error:
        raise UnreadableSheet(
            f"Line {reader.line_num} cannot be read ({error}). "
            "Look for a quotation mark that is not closed."
        ) from None


def _rows_of_workbook(raw: bytes) -> Iterator[tuple[int, Iterable[Any]]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a smaller size than the sheet has
        yield from enumerate(sheet.iter_rows(values_only=True), 1)
    except Exception:  # noqa: BLE001  # openpyxl checks little: a damaged file raises anything
        raise UnreadableSheet(
            "This is not an XLSX workbook. Save it as XLSX or CSV and try again."
        ) from None


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
            raise UnreadableSheet(f"The sheet has more than {MAX_ROWS:,} rows. Split it.")
        sheet.numbers.append(number)
        if len(values) > width:
            sheet.broken[len(sheet.numbers)] = (
                f"The row has {len(values)} cells, but the sheet has {width} columns."
            )
        sheet.append((values + [""] * width)[:width])
    if sheet.headers is None:
        raise UnreadableSheet("The sheet is empty: it needs a line of column names.")
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


def _spelled(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="microseconds" if cell.microsecond else "seconds")
    return "" if cell is None else str(cell)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return timezone.make_naive(value)  # Excel knows no time zones: the business's own is meant
    if value is None or isinstance(value, Decimal):
        return value
    return ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", make_harmless(str(value)))
