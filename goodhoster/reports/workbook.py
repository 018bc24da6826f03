"""A report as a spreadsheet, a sheet for each table. Needs the extra `spreadsheets`."""

from __future__ import annotations

from io import BytesIO

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from goodhoster.reports.documents import Document, Table

_WIDEST_COLUMN = 60
"""Characters."""
_LONGEST_NAME = 31
"""Characters in the name of a sheet; a spreadsheet takes no more."""


def workbook_of(document: Document) -> bytes:
    """The workbook. No cell is a formula or a link, whatever is written in it."""
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        head = book.add_format({"bold": True, "bottom": 1})
        for table in document.tables:
            sheet = book.add_worksheet(table.title[:_LONGEST_NAME])
            sheet.freeze_panes(1, 0)
            sheet.write_row(0, 0, table.columns, head)
            _write_rows(sheet, table)
    return out.getvalue()


def _write_rows(sheet: Worksheet, table: Table) -> None:
    for number, row in enumerate(table.rows, start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, cell)
            elif cell is not None:
                sheet.write_number(number, column, cell)
    for column, name in enumerate(table.columns):
        longest = max([len(name), *(len(str(row[column])) for row in table.rows)])
        sheet.set_column(column, column, min(_WIDEST_COLUMN, longest + 2))
