"""Opens pictures as grey pixels, reduced for fast fingerprints. The only importer of Pillow.

A JPEG is decoded at a half, a quarter or an eighth of its size and without its colours, straight from its coefficients;
any other picture is decoded in full and then averaged. Either way the result is means of equally many pixels of the
whole picture, which the tables of `sampling` count with.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from goodhoster.checking.fingerprints import Frame
from goodhoster.errors import UncheckedError
from goodhoster.model.fingerprints import Pixels
from goodhoster.model.limits import ReadingLimits

FORMATS = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "AVIF", "ICO", "CUR", "JPEG2000"]
"""What is opened (JPEG is MPO too); Pillow knows more, and less is safer."""

if importlib.util.find_spec("pillow_heif"):  # the extra `heif`
    import pillow_heif

    pillow_heif.register_heif_opener()
    FORMATS.append("HEIF")

SHORTER_SIDE_PIXELS = 256
"""Pixels of the shorter side that are left by decoding small: PDQ samples 64 points of it."""

_ORIENTATION = 0x0112
_ORIENTATIONS = range(1, 9)


def frames(file: BinaryIO, limits: ReadingLimits, *, colours: bool = False) -> Iterator[Frame]:
    """The pictures in an open file: one, or a sample of its frames or pages.

    That is of an animation's frames and of a document's pages. With `colours` each is decoded in full, which takes
    several times as long, and has its `colours`. Raises UncheckedError (`no-decoder`, `too-many-pixels`,
    `broken-picture`) and MemoryError, also after some frames were given.
    """
    try:
        with Image.open(file, formats=FORMATS) as picture:
            yield from _sampled(picture, limits, colours=colours)
    except (UncheckedError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise UncheckedError("nothing here opens this kind of picture", reason="no-decoder") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except Exception as error:  # a decoder may raise anything over an outsider's bytes
        yield from _truncated_frame(file, limits, colours=colours)
        raise UncheckedError(f"the picture is broken: {error}", reason="broken-picture") from error


def _truncated_frame(file: BinaryIO, limits: ReadingLimits, *, colours: bool) -> Iterator[Frame]:
    """The frame of a truncated JPEG, with grey for what is missing; none of any other picture.

    Without its last bytes it still looks like itself, to people and to a near list.
    """
    file.seek(0)
    ended: Any = _Ended(file)  # what Pillow asks of a file, and not all that IO[bytes] has
    try:
        with Image.open(ended, formats=["JPEG"]) as picture:
            frames = [frame for _, frame in _decoded(picture, [0], limits.pixels, colours=colours)]
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as above; what is wrong is told by the first attempt
        return
    yield from frames


class _Ended(io.RawIOBase):
    """A file with the end marker of a JPEG appended.

    Where its data is cut, the decoder then ends too.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MARKS

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        if not block and self._left > 0 and size > 0:
            self._left -= 1
            block = (_END * size)[:size]
        return block


_END = b"\xff\xd9"
_MARKS = 1000
"""Reads beyond the end that are answered: one that looks for the beginning of the data would go on for ever."""


def preload_decoders() -> None:
    """Import every decoder now; otherwise each is imported with the first picture that needs it."""
    Image.init()


def _too_many_pixels() -> UncheckedError:
    hint = "see [hashing] largest_picture"
    return UncheckedError("the picture has too many pixels", reason="too-many-pixels", hint=hint)


def _sampled(picture: Image.Image, limits: ReadingLimits, *, colours: bool) -> Iterator[Frame]:
    """Every frame of a short animation, and a growing step of a longer one: 0, 1, 3, 6, 10 …

    Its length is often unknown: the frames between these are kept until it turns out to be longer. What comes
    before a broken frame is given.
    """
    sample = {n * (n + 1) // 2 for n in range(limits.frames)}
    wanted = sorted(sample.union(range(limits.frames)))
    between: list[Frame] = []
    try:
        for index, frame in _decoded(picture, wanted, limits.pixels, colours=colours):
            if index >= limits.frames:
                between.clear()
            if index in sample:
                yield frame
            else:
                between.append(frame)
    except Exception:
        yield from between
        raise
    yield from between


def _decoded(picture: Image.Image, wanted: Sequence[int], pixels: int, *, colours: bool) -> Iterator[tuple[int, Frame]]:
    """The frames at these positions, as far as they exist, in order.

    The first one that would go beyond the limit of pixels is the end, unless it is the first of all.
    """
    for before, index in pairwise((-1, *wanted)):
        if index and not _sought(picture, index):
            return
        full, step = (picture.size, 1) if colours else _draft(picture)
        pixels -= picture.width * picture.height * (index - before)  # those in between were decoded on the way
        if pixels < 0 and index:
            return
        if pixels < 0:
            raise _too_many_pixels()
        frame = _frame(picture, full, step)
        yield index, replace(frame, colours=_colours(picture, frame.orientation)) if colours else frame


def _sought(picture: Image.Image, index: int) -> bool:
    try:
        picture.seek(index)
    except EOFError:
        return False
    return True


def _draft(picture: Image.Image) -> tuple[tuple[int, int], int]:
    """Ask the decoder for grey, at the smallest size that is enough.

    Returns the picture's full size, and the step by which it is reduced.
    """
    full = picture.size
    wanted = next((step for step in (8, 4, 2) if min(full) >= step * SHORTER_SIDE_PIXELS), 1)
    if isinstance(picture, ImageFile.ImageFile):
        picture.decoderconfig = ()  # else the next page of an MPO is decoded by the scale of the first
    picture.draft("L", (full[0] // wanted, full[1] // wanted))
    return full, 1 if picture.size == full else wanted


def _frame(picture: Image.Image, full: tuple[int, int], step: int) -> Frame:
    picture.load()
    if step == 1:
        full = picture.size  # a TIFF turns itself upright when it is loaded
    grey = _grey(picture)
    by = max(1, grey.width // SHORTER_SIDE_PIXELS), max(1, grey.height // SHORTER_SIDE_PIXELS)
    pixels = np.asarray(grey if by == (1, 1) else grey.reduce(by))
    return Frame(pixels, full[::-1], (step * by[1], step * by[0]), _orientation(picture))


def _grey(picture: Image.Image) -> Image.Image:
    """Convert to 8-bit grey, from any depth and any colours.

    Transparency is left out, as the reference does.
    """
    if picture.mode == "LAB":
        return picture.getchannel("L")
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;16"):
        return _in_eight_bits(np.asarray(picture, np.float32))
    if picture.mode == "La":
        return picture.convert("LA").convert("L")  # Pillow knows no shorter way
    return picture if picture.mode == "L" else picture.convert("L")


def _colours(picture: Image.Image, orientation: int) -> Pixels:
    seen = picture if picture.mode in _COLOURED else _grey(picture)
    return Pixels(*picture.size, seen.convert("RGB").tobytes(), orientation)


_COLOURED = frozenset({"RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr"})


def _in_eight_bits(values: npt.NDArray[np.float32]) -> Image.Image:
    """Scale from the darkest to the brightest value.

    These modes do not say which range they use.
    """
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    return Image.fromarray(((finite - low) * (255 / (high - low or 1))).astype(np.uint8))


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation; 1 when the picture has none, or a broken one.

    Its pixels are no worse for it.
    """
    try:
        orientation: object = picture.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - as in `frames`: an outsider's bytes
        return 1
    return orientation if isinstance(orientation, int) and orientation in _ORIENTATIONS else 1
