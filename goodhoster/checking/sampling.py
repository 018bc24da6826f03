"""Tables for smoothing a line of pixels down to a few samples.

They say how much each pixel counts in each sample. Fingerprints are defined on the full-size picture, and their
smoothing is linear and alike in both directions. So a table is made for the *full* length and then folded onto the
pixels that were really decoded, each of which is the mean of `step` of the full ones. (Smoothing the reduced picture by
its own length is another filter: it costs PDQ five points of recall.) Tables are cached by length.

A sample touches a narrow band of the line only, so a table keeps the bands and not the zeros beside them: smoothing a
thumbnail takes a fifth of the time that it takes with all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
"""Grey, rows by columns."""
Floats = npt.NDArray[np.float32]
_Places = npt.NDArray[np.int64]

TENT = 64
"""Samples that PDQ takes."""
_REMEMBERED = 64
_SAMPLES_PER_BAND = 4
"""Samples that are taken from one band; measured: 4 to 8 are alike, and faster than fewer or more."""
_WIDE = 2
"""A band of more than this part of the line is slower to gather than the zeros beside it are to multiply."""


@dataclass(frozen=True, slots=True)
class Bands:
    """The weight of each pixel of a line in each sample, some samples at a time."""

    weights: Floats
    """Bands by samples in a band by pixels of a band."""
    places: _Places | slice
    """Bands by pixels of a band: where in the line those are; a slice where one band is the whole line."""
    samples: int
    """How many there are; what the last band has beyond them counts for nothing."""

    @classmethod
    def of(cls, table: Floats) -> Bands:
        """Bands made of a table of samples by pixels of the line."""
        filled = np.concatenate((table, np.repeat(table[-1:], -len(table) % _SAMPLES_PER_BAND, axis=0)))
        bands = filled.reshape(-1, _SAMPLES_PER_BAND, table.shape[1])
        used = (bands != 0).any(axis=1)
        first, last = used.argmax(axis=1), used.shape[1] - used[:, ::-1].argmax(axis=1)
        wide = int((last - first).max())
        if wide * _WIDE > table.shape[1]:
            return cls(table[None], slice(None), len(table))
        places = np.minimum(first, table.shape[1] - wide)[:, None] + np.arange(wide)
        weights = np.take_along_axis(bands, places[:, None, :].repeat(_SAMPLES_PER_BAND, axis=1), axis=2)
        return cls(np.ascontiguousarray(weights), places, len(table))

    def applied(self, lines: Floats) -> Floats:
        """The samples of every column of `lines`."""
        bands = lines if isinstance(self.places, slice) else lines.take(self.places, axis=0)
        found: Floats = np.matmul(self.weights, bands)
        return found.reshape(-1, lines.shape[1])[: self.samples]


Table = Callable[[int, int], Bands]
"""By length of a line and step."""


def sampled(plane: Floats, rows: Bands, columns: Bands) -> Floats:
    """Smooth a picture down in both directions."""
    return columns.applied(np.ascontiguousarray(rows.applied(plane).T)).T


def transformed(samples: Floats, cosines: Floats) -> Floats:
    """The frequencies in both directions."""
    rows: Floats = cosines @ samples
    return rows @ cosines.T


@lru_cache(_REMEMBERED)
def tent(length: int, step: int) -> Bands:
    """PDQ's smoothing: two box filters, then every 64th of the line.

    As in `facebook/ThreatExchange`, pdq/cpp/downscaling. A line of 64 pixels is taken for samples already.
    """
    window = 1 if length == TENT else -(-length // (2 * TENT))
    at = ((np.arange(TENT)[:, None] + 0.5) * length / TENT).astype(np.int64)
    # The pixels of the second filter are means of the first: each spreads its share evenly over a window of its own.
    first, end = _box(at, window, length)
    means = first + np.arange(window)
    share = np.where(means < end, 1 / (end - first), 0)
    starts, ends = _box(means, window, length)
    share /= ends - starts
    changes = np.zeros((TENT, 2 * window + 2))
    origin = starts[:, :1]
    np.add.at(changes, (_ROWS, starts - origin), share)
    np.subtract.at(changes, (_ROWS, ends - origin), share)
    weights = np.cumsum(changes, axis=1)
    return _folded(origin + np.arange(weights.shape[1]), weights, (length, step))


_ROWS = np.arange(TENT)[:, None]


def _box(places: _Places, window: int, length: int) -> tuple[_Places, _Places]:
    """Start and end of the windows at these places; they are cut at the edges of the line."""
    ahead = (window + 2) // 2
    return np.maximum(places + ahead - window, 0), np.minimum(places + ahead, length)


def lanczos(samples: int) -> Table:
    """Lanczos' filter over three samples on either side, as Pillow's `resize` applies it."""

    @lru_cache(_REMEMBERED)
    def table(length: int, step: int) -> Bands:
        scale = length / samples
        reach = _LOBES * max(1.0, scale)
        centre = (np.arange(samples)[:, None] + 0.5) * scale
        pixels = (centre - reach + 0.5).astype(np.int64) + np.arange(int(2 * reach) + 1)
        distance = (pixels - centre + 0.5) / max(1.0, scale)
        inside = (pixels >= 0) & (pixels < length) & (np.abs(distance) < _LOBES)
        weights = np.where(inside, np.sinc(distance) * np.sinc(distance / _LOBES), 0)
        return _folded(pixels, weights / weights.sum(1, keepdims=True), (length, step))

    return table


_LOBES = 3


def _folded(pixels: _Places, weights: npt.NDArray[np.float64], line: tuple[int, int]) -> Bands:
    """Weights of single pixels, gathered per decoded pixel.

    What lies outside the line weighs nothing.
    """
    length, step = line
    table = np.zeros((len(pixels), -(-length // step)))
    np.add.at(table, (np.arange(len(pixels))[:, None], pixels.clip(0, length - 1) // step), weights)
    return Bands.of(table.astype(np.float32))
