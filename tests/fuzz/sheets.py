"""Files to import, good and bad. From the OpenAPI document nobody could tell what is in them."""

import csv
import io
from random import Random

import xlsxwriter

HEADERS = {
    "customers": ("Code", "Name", "Phone number", "Email", "Language", "Country"),
    "orders": ("Order number", "Reference", "Customer code", "Item", "Amount", "Status", "Date"),
}
CELLS = (
    *("", " ", "0", "-1", "1299.99", "1,299.99", "1e400", "NaN", "9" * 400, "١٢٣", "TRUE", "=1+1"),
    *(
        "CUST001",
        "CUST999999",
        "a" * 10_000,
        "\u202e",
        "\ud7ff",
        "😀",
        "é",
        "'",
        '"',
        "a\nb",
        "a\tb",
    ),
    *("2026-01-11", "0001-01-01", "9999-12-31", "31/12/2026", "46000", "-46000", "1e10", "12:00"),
    *("+254722000000", "0722 000000", "254722000000", "722000000.0", "COMPLETED", "lost", "KE"),
    *("wanjiku@example.com", "sw", "Kiswahili", "Laptop Computer", "Jane Doe"),
)


def sheet(random: Random) -> tuple[str, bytes]:
    """A file's name and content."""
    header = random.choice(list(HEADERS.values()))
    names = random.sample(header, random.choice((1, 3, *[len(header)] * 4)))
    rows = [
        [random.choice(CELLS) for _ in range(len(names) + random.choice((0, 0, 0, -1, 1)))]
        for _ in range(random.randint(0, 20))
    ]
    if random.random() < 0.3:
        return "sheet.xlsx", _workbook([names, *rows])
    return "sheet.csv", _text([names, *rows], random)


def _text(rows: list[list[str]], random: Random) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=random.choice(",,;\t|")).writerows(rows)
    data = out.getvalue().encode(random.choice(("utf-8", "utf-8-sig", "utf-16")))
    if random.random() < 0.1:
        data = data[: random.randrange(len(data) + 1)] + random.randbytes(3)
    return data


def _workbook(rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": True}) as book:
        page = book.add_worksheet()
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return out.getvalue()
