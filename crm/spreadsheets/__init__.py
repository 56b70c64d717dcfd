"""Spreadsheets in and out: reading a sheet, matching its columns, and what was wrong with a row."""
