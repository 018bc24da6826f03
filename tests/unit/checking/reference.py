"""What the reference implementation of PDQ answered about made-up pictures; written down by tools/reference_pdq.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.testing.drawn import drawn, encoded

FILE = Path(__file__).with_name("reference_pdq.json")
SIZES = [(64, 64), (100, 75), (130, 500), (320, 240), (517, 389), (1601, 1199), (2300, 1700)]
DULL = range(5)


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture that both look at."""

    format: str
    size: tuple[int, int]

    @property
    def name(self) -> str:
        """In the file."""
        return f"{self.format} {self.size[0]}x{self.size[1]}"

    def file(self) -> bytes:
        """Always the same pixels."""
        return encoded(drawn(7, self.size), self.format)

    def hashes(self) -> list[bytes]:
        """The eight of the reference: as it is, turned, mirrored."""
        return [bytes.fromhex(text) for text in _answers()["hashes"][self.name]]


PICTURES = [Sample(name, size) for name in ("PNG", "JPEG") for size in SIZES]


def dull(seed: int) -> bytes:
    """A picture with the less to see the higher its number."""
    return encoded(drawn(seed, (300, 200)).point(lambda value: 100 + value // (2 << seed)), "PNG")


def quality(seed: int) -> int:
    """The reference's quality of that picture."""
    return int(_answers()["qualities"][str(seed)])


def _answers() -> dict[str, Any]:
    answers: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
    return answers
