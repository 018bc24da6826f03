"""The fingerprints of a picture: PDQ for comparison with near lists, pHash for review."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodhoster.checking.pdq import pdq
from goodhoster.checking.phash import FINE, phash
from goodhoster.checking.sampling import Bands, Floats, Plane, Table, lanczos, sampled, tent
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind, Pixels

_SMALLEST = 5
"""PDQ's reference hashes no picture with a shorter side."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as it is stored, in grey and reduced."""

    grey: Plane
    full: tuple[int, int]
    """Rows and columns of the whole picture."""
    step: tuple[int, int]
    """Each pixel of `grey` is the mean of so many rows by so many columns of the whole picture."""
    orientation: int = 1
    """How it is seen (EXIF, CIPA DC-008, tag 274): 1 as it is stored, 2 to 8 mirrored or turned."""
    colours: Pixels | None = None
    """The whole picture, where a licensed library wants it."""

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the whole picture as it is displayed."""
        rows, columns = self.full
        return (rows, columns) if _TURNS[self.orientation].sideways else (columns, rows)


def fingerprints_of(frame: Frame) -> tuple[Fingerprint, ...]:
    """One fingerprint of each kind, all with PDQ's quality.

    A picture without features has no fingerprint by any measure.
    """
    if min(frame.full) < _SMALLEST:
        return (Fingerprint(FingerprintKind.PDQ, bytes(FingerprintKind.PDQ.width), 0),)
    plane = frame.grey.astype(np.float32)
    found = pdq(sampled(plane, *_tables(frame, tent, tent)))
    value, *turned = found.values(frame.orientation)
    return (
        Fingerprint(FingerprintKind.PDQ, value, found.quality, tuple(turned)),
        Fingerprint(FingerprintKind.PHASH, phash(_as_displayed(plane, frame)), found.quality),
    )


_FINE = lanczos(FINE)


def _tables(frame: Frame, rows: Table, columns: Table) -> tuple[Bands, Bands]:
    return rows(frame.full[0], frame.step[0]), columns(frame.full[1], frame.step[1])


def _as_displayed(plane: Floats, frame: Frame) -> Floats:
    """Grey values of the picture as a viewer displays it, rounded to integers.

    What is stored sideways is sampled sideways.
    """
    turn = _TURNS[frame.orientation]
    samples = np.rint(sampled(plane, *_tables(frame, _FINE, _FINE)))
    upright = samples.T if turn.sideways else samples
    return upright[:: turn.rows, :: turn.columns]


@dataclass(frozen=True, slots=True)
class _Turn:
    """An orientation: transpose or not, then rows and columns forwards (1) or backwards (-1)."""

    sideways: bool
    rows: int
    columns: int


_TURNS = {
    1: _Turn(sideways=False, rows=1, columns=1),
    2: _Turn(sideways=False, rows=1, columns=-1),
    3: _Turn(sideways=False, rows=-1, columns=-1),
    4: _Turn(sideways=False, rows=-1, columns=1),
    5: _Turn(sideways=True, rows=1, columns=1),
    6: _Turn(sideways=True, rows=1, columns=-1),
    7: _Turn(sideways=True, rows=-1, columns=-1),
    8: _Turn(sideways=True, rows=-1, columns=1),
}
