"""What one does with own hash lists: import files, see what there is, take lists away."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from goodhoster.checking.digestlist import DigestList
from goodhoster.checking.listbuild import Imported, import_entries
from goodhoster.checking.listformats import read_entries
from goodhoster.checking.listnames import list_files
from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

DIRECTORY = "hashlists"
"""Where the lists lie below the state directory."""


@dataclass(frozen=True, slots=True)
class ListStatus:
    """One list as it lies on disk."""

    source: str
    algorithm: Algorithm
    entries: int = 0
    categories: Mapping[Category, int] | None = None
    """How many entries of each category there are; None when damaged."""
    imported_at: datetime | None = None
    """UTC; None when damaged."""
    damage: str = ""
    """What is wrong with it, in words; empty when the whole file was read and is as it was written."""

    @property
    def whole(self) -> bool:
        """True when every byte is as it was written."""
        return not self.damage


def import_files(
    directory: Path, files: Sequence[Path], whose: tuple[str, Category], *, replace: bool = False
) -> tuple[Imported, ...]:
    """Add all that the files hold to the lists of a source, or make it all that the source has.

    `whose` is the source, and the category of entries that tell none. All files or nothing; the promises and
    errors are those of `import_entries` and `read_entries`.
    """
    source, category = whose
    entries = itertools.chain.from_iterable(read_entries(file, category) for file in files)
    return import_entries(directory, source, entries, replace=replace)


def survey(directory: Path) -> Iterator[ListStatus]:
    """Read every list to its end (some 1 GB/s) and say how it is. A damaged one is a line, not an error."""
    for path, source, algorithm in list_files(directory):
        try:
            yield _status(path)
        except FileNotFoundError:
            continue  # removed meanwhile
        except ConfigurationError as error:
            yield ListStatus(source, algorithm, damage=str(error))


def _status(path: Path) -> ListStatus:
    opened = DigestList.open(path)
    opened.verify()
    return ListStatus(opened.source, opened.algorithm, len(opened), opened.categories, opened.created)
