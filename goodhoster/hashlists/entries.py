"""What a list file holds, whatever its form: entries of any kind of hash, and what is wrong with a file."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from goodhoster.errors import ConfigurationError
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

ListKind = Algorithm | FingerprintKind
"""What the hashes of one list were made by."""

DIGESTS: Mapping[int, ListKind] = {algorithm.width: algorithm for algorithm in Algorithm}
"""Where a file does not tell the kind, the length in bytes does. A fingerprint's kind must be told."""

KINDS: Mapping[str, ListKind] = {kind.value: kind for kind in (*Algorithm, FingerprintKind.PDQ, FingerprintKind.PHASH)}
"""The kinds that lists are made of, by name. dHash finds unrelated pictures too, so there is no list of it."""


class ListEntry(NamedTuple):
    """One hash, and how its source classifies it."""

    kind: ListKind
    value: bytes
    category: Category | None
    """None: the source withdraws it."""


_SHOWN = 60  # characters of what is wrong


@dataclass(frozen=True, slots=True)
class Reading:
    """The file that is being read, and the category where it tells none."""

    path: Path
    category: Category

    def bad(self, where: str, holds: object, why: str) -> ConfigurationError:
        """What is wrong with the line or entry at `where`, and what it holds."""
        hint = "nothing was imported: correct or remove it, then import again"
        return ConfigurationError(f"{self.path}, {where}: {_shortened(holds)} {why}", hint=hint)


def _shortened(holds: object) -> str:
    shown = repr(holds).removeprefix("b")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def unhex(text: bytes | str) -> bytes | None:
    """The bytes of a hexadecimal text of either case; None when it is none."""
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return None
