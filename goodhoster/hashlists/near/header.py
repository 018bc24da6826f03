"""The header of a near list's segment: what it holds, and the checksums to detect damage.

magic      8 bytes
fields     JSON, those of NearHeader and the version
padding    spaces
checksum   SHA-256 of all before it, the last of HEADER_SIZE bytes
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

HEADER_SIZE = 4096
CATEGORIES = (*Category, None)
"""What a category byte means; the last says that the entry was withdrawn."""
WITHDRAWN = CATEGORIES.index(None)
"""The last: whatever stands is graver."""
_MAGIC = b"ghnear\r\n"  # a transfer as text would change it
_VERSION = 2
_SUM_SIZE = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class NearHeader:
    """The fields of a segment's header."""

    source: str
    kind: FingerprintKind
    bits: int
    """Of the number of a bucket within its part."""
    count: int
    """Entries, withdrawn ones included."""
    categories: Mapping[Category, int]
    """Entries by category, those without any left out; withdrawn ones are in none."""
    created: datetime
    """Aware, UTC, whole seconds."""
    body: str = ""
    """SHA-256 of everything after the header, hexadecimal."""

    def pack(self) -> bytes:
        """Encode the header as HEADER_SIZE bytes."""
        fields: dict[str, Any] = {
            "version": _VERSION,
            "source": self.source,
            "kind": self.kind,
            "bits": self.bits,
            "count": self.count,
            "categories": {category.value: count for category, count in self.categories.items()},
            "created": int(self.created.timestamp()),
            "body": self.body,
        }
        block = (_MAGIC + json.dumps(fields).encode("ascii")).ljust(HEADER_SIZE - _SUM_SIZE)
        return block + hashlib.sha256(block).digest()

    @classmethod
    def unpack(cls, block: bytes) -> Self:
        """Decode what `pack` encoded; ValueError says what is wrong with it."""
        if not block.startswith(_MAGIC):
            raise ValueError("not a segment of a near list")
        text, checksum = block[:-_SUM_SIZE], block[-_SUM_SIZE:]
        if len(block) != HEADER_SIZE or hashlib.sha256(text).digest() != checksum:
            raise ValueError("its header is damaged")
        fields = json.loads(text.removeprefix(_MAGIC))
        if fields.pop("version") != _VERSION:
            raise ValueError("written by another version of goodhoster")
        fields["kind"] = FingerprintKind(fields["kind"])
        fields["categories"] = {Category(name): count for name, count in fields["categories"].items()}
        fields["created"] = datetime.fromtimestamp(fields["created"], UTC)
        return cls(**fields)
