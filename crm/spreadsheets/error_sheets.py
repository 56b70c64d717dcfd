"""The rows that an import left out, as a sheet of their own: mended, it imports as it is."""

from collections.abc import Iterable
from itertools import chain

from crm.spreadsheets.reading import Sheet
from crm.spreadsheets.resources import RowProblem
from crm.spreadsheets.writing import csv_pieces

WRONG = "What is wrong"  # no name of a field, so that an import passes over the column

# Excel takes a CSV file without it for Windows-1252, and would save the names so. It stands before
# a column that no program looks for.
_BYTE_ORDER_MARK = "\N{BYTE ORDER MARK}"


def extend_error_sheet(
    so_far: bytes, sheet: Sheet, titles: list[str], problems: Iterable[RowProblem]
) -> bytes:
    """A CSV file, with the rows of this sheet that have problems added: what is wrong, and the row.

    That stands first, as a row may have more cells than there are columns. The first column of an
    error sheet that was imported is left out: what it says was about the sheet before.
    """
    told: dict[int, list[str]] = {}
    for problem in problems:
        where = f"{problem.column}: " if problem.column else ""
        told.setdefault(problem.row, []).append(where + problem.message)
    if not told:
        return so_far
    kept = [position for position, title in enumerate(titles) if title != WRONG]
    header = [WRONG, *(titles[position] for position in kept)]
    rows = (
        [
            " ".join(told[number]),
            *(sheet[index][position] for position in kept),
            *sheet.excess.get(index + 1, []),
        ]
        for index, number in enumerate(sheet.numbers)
        if number in told
    )
    if so_far:
        return so_far + "".join(csv_pieces(rows)).encode()
    return (_BYTE_ORDER_MARK + "".join(csv_pieces(chain([header], rows)))).encode()
