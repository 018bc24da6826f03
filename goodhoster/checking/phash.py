"""pHash: 64 bits as `imagehash` computes them, without its dependency scipy.

With its 8 × 8 defaults.
"""

from __future__ import annotations

import numpy as np

from goodhoster.checking.sampling import Floats, transformed

_SIDE = 8
FINE = 4 * _SIDE
"""Samples a side that pHash looks at."""


def phash(samples: Floats) -> bytes:
    """Compute pHash: which of the 8 × 8 lowest frequencies lie above their median.

    Of 32 × 32 samples of the picture as it is displayed.
    """
    low = transformed(samples, _COSINES)
    return np.packbits(low > _median(low)).tobytes()


def _median(values: Floats) -> float:
    """The median of an even number of values, faster than `np.median`.

    That would take longer than all the rest here.
    """
    ordered = np.sort(values, axis=None)
    middle = len(ordered) // 2
    return float(ordered[middle - 1] + ordered[middle]) / 2


def _cosines() -> Floats:
    """The first rows of the cosine transform (type II).

    Not normalised: only the order of the values counts.
    """
    row, column = np.arange(_SIDE)[:, None], np.arange(FINE)[None, :]
    cosines: Floats = (2 * np.cos(np.pi / 2 / FINE * row * (2 * column + 1))).astype(np.float32)
    return cosines


_COSINES = _cosines()
