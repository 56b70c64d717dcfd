"""Reading CSV and XLSX as they come, and writing them so that they do no harm."""
# ruff: noqa: DTZ001  # the dates of a spreadsheet know no time zone

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import tablib

from crm.spreadsheets import reading
from crm.spreadsheets.harmless import as_written, make_harmless
from crm.spreadsheets.reading import CSV, XLSX, Sheet, UnreadableSheet
from tests.crm.spreadsheets.sheets import cells_of, csv_of, workbook_of

HEADERS = ["Name", "Phone"]
ROW = ("Zoë Nyambura", "0722 000000")
TEXT = "Name,Phone\nZoë Nyambura,0722 000000\n"


def rows(sheet: Sheet) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in sheet]


# --- CSV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_csv_is_read_in_the_usual_encodings(encoding: str) -> None:
    sheet = CSV().create_dataset(TEXT.encode(encoding))
    assert sheet.headers == HEADERS
    assert rows(sheet) == [ROW]


def test_a_csv_in_utf_16_is_read_in_either_byte_order() -> None:
    sheet = CSV().create_dataset(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert rows(sheet) == [ROW]


@pytest.mark.parametrize(
    "raw",
    [
        b"Name\n\x81\n",  # no letter in UTF-8, nor in Windows-1252
        TEXT.encode("utf-16-le"),  # with no mark that says so
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xfeN",  # half a character
    ],
)
def test_a_file_that_is_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableSheet) as refusal:
        CSV().create_dataset(raw)
    assert str(refusal.value) == (
        "The text of this file cannot be read. Save it as UTF-8 and try again."
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_is_read_with_the_usual_delimiters(delimiter: str) -> None:
    lines = (delimiter.join(["Name", "Phone"]), delimiter.join(['"Duka; la, Zoë|\t"', "0722"]))
    sheet = CSV().create_dataset(csv_of(*lines))
    assert sheet.headers == HEADERS
    assert rows(sheet) == [("Duka; la, Zoë|", "0722")]


def test_the_delimiter_is_that_of_the_column_names_and_not_of_an_empty_line_above_them() -> None:
    sheet = CSV().create_dataset(csv_of("", "Name;Phone", "Kamau, Wanjiku;0722 000000"))
    assert sheet.headers == HEADERS
    assert rows(sheet) == [("Kamau, Wanjiku", "0722 000000")]
    assert sheet.numbers == [3]


def test_a_cell_may_hold_delimiters_quotes_and_lines() -> None:
    sheet = CSV().create_dataset(csv_of("Name,Phone", '"Bar ""Mambo"",', 'Nakuru",1', "B,2"))
    assert rows(sheet) == [('Bar "Mambo",\nNakuru', "1"), ("B", "2")]
    assert sheet.numbers == [2, 3]


@pytest.mark.parametrize("raw", [b"", b"\n\n", b" , \n,,\n", "\ufeff".encode()])
def test_a_sheet_with_nothing_in_it_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableSheet) as refusal:
        CSV().create_dataset(raw)
    assert str(refusal.value) == "The sheet is empty: it needs a line of column names."


def test_a_sheet_with_column_names_only_has_no_rows() -> None:
    sheet = CSV().create_dataset(b"Name,Phone\n")
    assert sheet.headers == HEADERS
    assert rows(sheet) == []


def test_empty_lines_are_passed_over_and_rows_keep_the_numbers_of_their_spreadsheet() -> None:
    sheet = CSV().create_dataset(b"\nName,Phone\n\nA,1\n,\n ,  \nB,2\n\n")
    assert rows(sheet) == [("A", "1"), ("B", "2")]
    assert sheet.numbers == [4, 7]


def test_spaces_around_a_cell_do_not_count() -> None:
    sheet = CSV().create_dataset(b" Name , Phone\n A ,\t1 \n")
    assert sheet.headers == HEADERS
    assert rows(sheet) == [("A", "1")]


def test_a_row_with_too_many_cells_is_marked_and_those_after_it_are_read() -> None:
    sheet = CSV().create_dataset(csv_of("Name,Phone", "Kamau, Wanjiku,1", "B,2"))
    assert rows(sheet) == [("Kamau", "Wanjiku"), ("B", "2")]
    assert sheet.broken == {1: "The row has 3 cells, but the sheet has 2 columns."}


def test_empty_cells_beyond_the_columns_do_no_harm() -> None:
    sheet = CSV().create_dataset(b"Name,Phone,,\nA,1,,,\n")
    assert rows(sheet) == [("A", "1")]
    assert sheet.broken == {}


def test_a_row_with_too_few_cells_ends_in_empty_ones() -> None:
    sheet = CSV().create_dataset(b"Name,Phone,Email\nA\n")
    assert rows(sheet) == [("A", "", "")]
    assert sheet.broken == {}


def test_a_quotation_mark_that_is_not_closed_is_told_with_its_line() -> None:
    with pytest.raises(UnreadableSheet) as refusal:
        CSV().create_dataset(csv_of("Name,Phone", "A,1", '"B,2', "C,3"))
    assert str(refusal.value) == (
        "Line 4 cannot be read (unexpected end of data). "
        "Look for a quotation mark that is not closed."
    )


@pytest.mark.parametrize("number_of_rows", [3, 4])
def test_a_sheet_may_have_so_many_rows_and_no_more(
    monkeypatch: pytest.MonkeyPatch, number_of_rows: int
) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 3)
    raw = csv_of("Name", "", *("A" for _ in range(number_of_rows)))
    if number_of_rows == 3:
        assert rows(CSV().create_dataset(raw)) == [("A",)] * 3
    else:
        with pytest.raises(UnreadableSheet) as refusal:
            CSV().create_dataset(raw)
        assert str(refusal.value) == "The sheet has more than 3 rows. Split it."


# --- XLSX ---------------------------------------------------------------------------------------


def test_a_workbook_gives_texts_and_dates() -> None:
    raw = workbook_of(
        ["Code", "Phone", "Amount", "Day", "Moment", "Nothing", "Yes", "Text"],
        [
            1001.0,
            254722000000,
            1299.99,
            date(2026, 12, 31),
            datetime(2026, 12, 31, 14, 30),
            None,
            True,
            " Zoë ",
        ],
    )
    assert rows(XLSX().create_dataset(raw)) == [
        (
            "1001",
            "254722000000",
            "1299.99",
            datetime(2026, 12, 31),
            datetime(2026, 12, 31, 14, 30),
            "",
            "True",
            "Zoë",
        )
    ]


def test_a_computed_number_is_read_as_the_spreadsheet_shows_it() -> None:
    raw = workbook_of(["Amount"], [7.5], [-0.5], [9999999999.99])
    raw = _with_part(raw, b"<v>7.5</v>", b"<v>0.30000000000000004</v>")  # what 0.1 + 0.2 is
    assert rows(XLSX().create_dataset(raw)) == [("0.3",), ("-0.5",), ("9999999999.99",)]


def test_a_workbooks_empty_rows_are_passed_over_and_counted() -> None:
    raw = workbook_of([], ["Name", None, "Phone"], [], ["A", None, "1"], [None, ""], ["B"])
    sheet = XLSX().create_dataset(raw)
    assert sheet.headers == ["Name", "", "Phone"]
    assert rows(sheet) == [("A", "", "1"), ("B", "", "")]
    assert sheet.numbers == [4, 6]


def test_a_workbook_that_gives_its_size_too_small_is_read_to_the_end() -> None:
    raw = workbook_of(["Name", "Phone"], ["A", "1"])
    sheet = XLSX().create_dataset(_with_part(raw, b'ref="A1:B2"', b'ref="A1"'))
    assert sheet.headers == HEADERS
    assert rows(sheet) == [("A", "1")]


def test_only_the_first_sheet_of_a_workbook_counts() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["Name"])
    book.worksheets[0].append(["A"])
    book.create_sheet("Other").append(["Else"])
    book.active = 1
    out = io.BytesIO()
    book.save(out)
    assert rows(XLSX().create_dataset(out.getvalue())) == [("A",)]


def test_a_workbook_may_have_so_many_rows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 1)
    with pytest.raises(UnreadableSheet, match=r"^The sheet has more than 1 rows\. Split it\.$"):
        XLSX().create_dataset(workbook_of(["Name"], ["A"], ["B"]))


def _with_part(workbook: bytes, old: bytes, new: bytes) -> bytes:
    """The workbook with its first sheet rewritten."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert old in part
                part = part.replace(old, new)
            target.writestr(name, part)
    return out.getvalue()


def _zip_of_nothing() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("readme.txt", "hello")
    return out.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Name,Phone\nA,1\n",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000),  # XLS, or XLSX with a password
        _zip_of_nothing(),
        workbook_of(["Name"], ["A"])[:-200],
        _with_part(workbook_of(["Name"], ["A"]), b"</row>", b""),
    ],
    ids=["empty", "CSV", "XLS", "another ZIP", "cut short", "broken inside"],
)
def test_a_file_that_is_no_workbook_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableSheet) as refusal:
        XLSX().create_dataset(raw)
    assert str(refusal.value) == (
        "This is not an XLSX workbook. Save it as XLSX or CSV and try again."
    )


# --- Formulas -----------------------------------------------------------------------------------

HARMFUL = ["=1+1", "+254722000000", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1+1", "''+1", "'''@", "="]
HARMLESS = ["", "Zoë", "'quoted", "''", "1=1", "a@b.ke", " =1", "#REF!"]


@pytest.mark.parametrize("text", HARMFUL)
def test_what_a_spreadsheet_would_run_is_marked_as_text_and_given_back_exactly(text: str) -> None:
    assert make_harmless(text) == f"'{text}"
    assert as_written(make_harmless(text)) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_no_spreadsheet_would_run_stays_as_it_is(text: str) -> None:
    assert make_harmless(text) == text
    assert as_written(text) == text


def _dataset(*rows: list[Any]) -> tablib.Dataset:
    return tablib.Dataset(*rows, headers=["Text"])


@pytest.mark.parametrize("text", HARMFUL)
def test_no_cell_of_an_exported_csv_begins_like_a_formula(text: str) -> None:
    line = CSV().export_data(_dataset([text])).split("\n", 1)[1]
    assert line.lstrip('"').startswith("'")


@pytest.mark.parametrize("text", HARMFUL)
def test_no_cell_of_an_exported_workbook_is_a_formula(text: str) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(XLSX().export_data(_dataset([text])))).worksheets[0]
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].value.startswith("'")


# Stored texts have no spaces around them, and an XML file knows one kind of line end.
STORED = [
    *(text for text in HARMFUL + HARMLESS if text == text.strip() and text),
    "日本 🎉",
    "a\nb",
]


@pytest.mark.parametrize("text", STORED)
def test_an_exported_csv_is_read_back_exactly(text: str) -> None:
    exported = CSV().export_data(_dataset([text])).encode()
    assert rows(CSV().create_dataset(exported)) == [(text,)]


@pytest.mark.parametrize("text", STORED)
def test_an_exported_workbook_is_read_back_exactly(text: str) -> None:
    exported = XLSX().export_data(_dataset([text]))
    assert rows(XLSX().create_dataset(exported)) == [(text,)]


# --- Export -------------------------------------------------------------------------------------

MOMENT = datetime(2026, 9, 21, 12, 30, tzinfo=UTC)  # half past three in Nairobi


def test_an_exported_csv_spells_numbers_dates_and_nothing() -> None:
    data = tablib.Dataset(headers=["Amount", "Time", "Nothing"])
    data.append([Decimal("1299.90"), MOMENT, None])
    assert CSV().export_data(data) == (
        "Amount,Time,Nothing\r\n1299.90,2026-09-21T12:30:00+00:00,\r\n"
    )


def test_an_exported_workbook_has_real_numbers_real_dates_and_a_header_that_stays() -> None:
    data = tablib.Dataset(headers=["Amount", "Time", "Nothing", "Phone"])
    data.append([Decimal("1299.90"), MOMENT, None, "0722"])
    exported = XLSX().export_data(data)
    sheet = openpyxl.load_workbook(io.BytesIO(exported)).worksheets[0]
    assert cells_of(exported) == [
        ("Amount", "Time", "Nothing", "Phone"),
        (1299.9, datetime(2026, 9, 21, 15, 30), None, "0722"),
    ]
    assert [cell.data_type for cell in sheet[2]] == ["n", "d", "n", "s"]
    assert sheet.freeze_panes == "A2"
    assert all(cell.font.bold for cell in sheet[1])


def test_a_character_that_no_workbook_can_hold_is_replaced() -> None:
    assert cells_of(XLSX().export_data(_dataset(["ring \a me"])))[1] == (
        "ring \N{REPLACEMENT CHARACTER} me",
    )


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("customers.csv", CSV),
        ("CUSTOMERS.CSV", CSV),
        ("customers.tsv", CSV),
        ("customers.txt", CSV),
        ("my.customers.xlsx", XLSX),
        ("customers.xls", None),
        ("customers.pdf", None),
        ("customers", None),
        ("", None),
    ],
)
def test_the_end_of_a_files_name_tells_its_format(
    name: str, form: type[CSV] | type[XLSX] | None
) -> None:
    assert reading.format_of(name) is form
