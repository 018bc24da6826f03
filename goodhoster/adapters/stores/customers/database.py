"""The file `customers.sqlite`, with the tables of every subject that concerns customers."""

from __future__ import annotations

from pathlib import Path

from goodhoster.adapters.stores.customers import (
    contacts,
    legal_basis,
    personal_data,
    register,
    screening,
    standing,
    suspensions,
    vetting,
)
from goodhoster.adapters.stores.database import RecordFile
from goodhoster.linux.sqlite_migrations import Migration, Schema

CUSTOMERS = Schema(
    "the record of customers",
    (
        Migration(
            1,
            (
                # One line for each subject: its module has the statements.
                legal_basis.TABLES,
                register.TABLES,
                standing.TABLES,
                contacts.TABLES,
                suspensions.TABLES,
                vetting.TABLES,
                screening.TABLES,
            ),
        ),
        Migration(2, (contacts.FORWARDED,)),
        Migration(3, (standing.RENAME_KEYS,)),
        Migration(4, (personal_data.TABLES,)),
    ),
    irreplaceable=True,
)


def customers_file(file: Path) -> RecordFile:
    """Open the file for the stores of its subjects."""
    return RecordFile(file, CUSTOMERS)
