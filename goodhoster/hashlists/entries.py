"""Entries of a list file in any format, and what was noticed while reading it.

Entries may be of any kind of hash.
"""

from __future__ import annotations

import binascii
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

ListKind = Algorithm | FingerprintKind
"""The kind of the hashes of one list."""

DIGESTS: Mapping[int, ListKind] = {algorithm.width: algorithm for algorithm in Algorithm}
"""The kind by length in bytes, where a file does not name it. A fingerprint's kind must be named."""

KINDS: Mapping[str, ListKind] = {kind.value: kind for kind in (*Algorithm, FingerprintKind.PDQ, FingerprintKind.PHASH)}
"""The kinds that lists are made of, by name."""

STANDARD_INPUT = Path("-")
"""As a file: what is read is standard input."""


class ListEntry(NamedTuple):
    """One hash with its category."""

    kind: ListKind
    value: bytes
    category: Category | None
    """None: the source withdraws it, or says that it is nothing to act on."""


_SHOWN = 60  # characters of what is wrong
_HALF = 128  # bits of a PDQ that are set: it is the median that decides each
_ENOUGH = 8  # entries from which more than half are no chance: one list of 70,000
_FEW = 4  # entries from which all are no chance: one list of 160,000


@dataclass(slots=True)
class Reading:
    """A list file being read: how to read it, and what was noticed so far."""

    path: Path
    category: Category
    """The category of entries for which the file names none."""
    untyped: ListKind | None = None
    """The kind of hashes for which the file names none; None: by their length."""
    entries: int = 0
    withdrawn: int = 0
    """Of the entries, those without a category."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Entries of kinds that are not compared, by what the file calls them."""
    is_list: bool = False
    """True when the file has the frame of a list: it may be one without entries."""
    goes_on: str = ""
    """Where the file says that there is more than it holds; empty where it does not."""
    _long: int = 0
    _halves: int = 0

    @property
    def kinds(self) -> Mapping[int, ListKind]:
        """The kind of a hash by its length in bytes, for files that do not name it."""
        return {self.untyped.width: self.untyped} if self.untyped else DIGESTS

    def of_unknown_kind(self, value: bytes) -> ListKind | None:
        """The kind of a hash by its length, where the file does not name it."""
        kind = self.kinds.get(len(value))
        if kind is Algorithm.SHA256:
            self._long += 1
            self._halves += int.from_bytes(value).bit_count() == _HALF
        return kind

    def finish(self) -> None:
        """Check the file as a whole after its last entry.

        ConfigurationError when its hashes are not of the kind they were taken for.
        """
        if self.untyped is None and (
            (self._long >= _ENOUGH and 2 * self._halves > self._long) or (self._long == self._halves >= _FEW)
        ):
            message = f"{self.path}: its {self._long:,} hashes of 64 characters look like PDQ, not like SHA-256"
            hint = "nothing was imported: if they are, import them with --as pdq; if not, with --as sha256"
            raise ConfigurationError(message, hint=hint)

    def bad(self, where: str, holds: object, why: str) -> ConfigurationError:
        """The error for the line or entry at `where`: what it holds and what is wrong with it."""
        hint = "nothing was imported: correct or remove it, then import again"
        return ConfigurationError(f"{self.path}, {where}: {_shortened(holds)} {why}", hint=hint)

    def unusable(self, why: str, hint: str) -> ConfigurationError:
        """The error for a file that is not read at all, with what to do next."""
        return ConfigurationError(f"{self.path} {why}", hint=f"nothing was imported: {hint}")


def _shortened(holds: object) -> str:
    shown = repr(holds).removeprefix("b")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def unhex(text: bytes | str) -> bytes | None:
    """Decode hexadecimal text of either case; None when it is not hexadecimal."""
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return None
