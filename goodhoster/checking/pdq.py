"""PDQ: a 256-bit fingerprint, computed from 64 × 64 samples.

As in `facebook/ThreatExchange` (pdqhash-2017-10-09.pdf).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodhoster.checking.sampling import TENT, Floats, transformed

_KEPT = 16


@dataclass(frozen=True, slots=True)
class Pdq:
    """The PDQ result for one picture."""

    coefficients: Floats
    """16 × 16, vertical frequency first."""
    quality: int
    """0 to 100, from the steps between the samples."""

    def values(self, orientation: int = 1) -> tuple[bytes, ...]:
        """The hashes of the picture in all eight orientations.

        First comes the one in which it is displayed (an EXIF orientation).
        """
        seen = _SEEN[orientation]
        values = _bits(turned(self.coefficients))
        return (values[seen], *values[:seen], *values[seen + 1 :])


_SEEN = {1: 0, 2: 1, 3: 3, 4: 2, 5: 4, 6: 6, 7: 7, 8: 5}
"""The place in `turned` of what a viewer shows, by EXIF orientation."""


def pdq(samples: Floats) -> Pdq:
    """Compute PDQ of a picture that was smoothed down by `tent` in both directions."""
    return Pdq(transformed(samples, _COSINES), _quality(samples))


def turned(coefficients: Floats) -> Floats:
    """The coefficients of the picture in all eight orientations.

    As it is, mirrored left-right, upside down and both, then those transposed. No second transform is needed:
    mirroring negates the odd frequencies of that direction (row and column 0 here are frequency 1).
    """
    upright = coefficients * _MIRRORS
    return np.concatenate((upright, upright.transpose(0, 2, 1)))


_ODD = np.where(np.arange(_KEPT) % 2 == 0, -1, 1).astype(np.float32)
_EVERY = np.ones(_KEPT, np.float32)
_MIRRORS = np.stack([np.outer(rows, columns) for rows in (_EVERY, _ODD) for columns in (_EVERY, _ODD)])


def _bits(positions: Floats) -> list[bytes]:
    """The hash bits: set where the coefficient is above the median.

    The first coefficient is the last bit written.
    """
    flat = positions.reshape(len(positions), -1)
    medians = np.partition(flat, _MEDIAN, axis=1)[:, _MEDIAN : _MEDIAN + 1]
    return [row.tobytes() for row in np.packbits((flat > medians)[:, ::-1], axis=1)]


_MEDIAN = (_KEPT * _KEPT - 1) // 2
"""The reference takes the lower of the two middle values (Torben's median)."""


def _quality(samples: Floats) -> int:
    steps = (np.diff(samples, axis=0), np.diff(samples, axis=1))
    # Each step is cut to whole hundredths of the range, so that only distinct ones count.
    total = sum(int(np.abs((step * (100 / 255)).astype(np.int16)).sum()) for step in steps)
    return min(100, total // 90)


def _cosines() -> Floats:
    row, column = np.arange(1, _KEPT + 1)[:, None], np.arange(TENT)[None, :]
    cosines: Floats = (np.sqrt(2 / TENT) * np.cos(np.pi / 2 / TENT * row * (2 * column + 1))).astype(np.float32)
    return cosines


_COSINES = _cosines()
