import io
import struct
from collections.abc import Sequence
from itertools import combinations, islice

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from goodhoster.checking.fingerprints import fingerprints_of
from goodhoster.checking.pictures import frames
from goodhoster.errors import UncheckedError
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.drawn import drawn, encoded, every_format, jpeg, series
from tests.unit.checking.reference import DULL, PICTURES, SIZES, Sample, dull, quality

BITS_APART = 8
"""From the reference, at any size. Over ordinary photos the mean is below 1 (benchmarks/p1q_quality.py)."""


EIGHT = ReadingLimits(frames=8)


def taken(file: bytes) -> list[tuple[Fingerprint, ...]]:
    return [fingerprints_of(frame) for frame in frames(io.BytesIO(file), ReadingLimits())]


def apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.mark.parametrize("sample", PICTURES, ids=lambda sample: sample.name)
def test_pdq_is_that_of_the_reference(sample: Sample) -> None:
    found, hashes = taken(sample.file())[0][0], sample.hashes()
    assert apart(found.value, hashes[0]) <= BITS_APART
    assert len(hashes) == 8
    for value in hashes:
        assert found.distance(value) <= BITS_APART


@pytest.mark.parametrize("size", SIZES)
def test_phash_is_that_of_imagehash(size: tuple[int, int]) -> None:
    file = jpeg(8, size)
    picture = Image.open(io.BytesIO(file))
    _, phash = taken(file)[0]
    assert apart(phash.value, bytes.fromhex(str(imagehash.phash(picture)))) <= 2


@pytest.mark.parametrize("seed", DULL)
def test_quality_is_that_of_the_reference(seed: int) -> None:
    assert abs(taken(dull(seed))[0][0].quality - quality(seed)) <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(480, 320), (1100, 900)])
def test_a_picture_is_taken_as_it_is_seen(orientation: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = jpeg(9, size, exif=exif.tobytes(), quality=95)
    seen = encoded(ImageOps.exif_transpose(Image.open(io.BytesIO(stored))), "PNG")
    for one, other in zip(taken(stored)[0], taken(seen)[0], strict=True):
        # The windows of PDQ's smoothing are not symmetric, so that a mirrored picture has not quite mirrored samples.
        assert apart(one.value, other.value) <= 2 * BITS_APART, one.kind


def test_every_format_of_the_same_picture_is_near() -> None:
    formats = every_format(10)
    plain = taken(formats["png"])[0][0]
    for name in formats.keys() - {"tiff-lab", "png-black-and-white", "jpeg-cmyk", "tiff-cmyk-deflated", "ico"}:
        assert taken(formats[name])[0][0].distance(plain.value) <= 31, name


def test_every_page_and_frame_is_a_picture() -> None:
    formats = every_format(11)
    for name in ("gif-animated", "png-animated", "webp-animated", "avif-animated", "tiff-pages"):
        seen = [fingerprints[0] for fingerprints in taken(formats[name])]
        assert len(seen) == 4, name
        assert all(one.distance(other.value) > 31 for one, other in combinations(seen, 2)), name


@pytest.mark.parametrize(
    ("count", "looked_at"),
    [(1, range(1)), (3, range(3)), (8, range(8)), (9, range(8)), (16, (0, 1, 3, 6, 10, 15))],
)
def test_every_page_of_a_short_document_is_looked_at_and_a_sample_of_a_long_one(
    count: int, looked_at: Sequence[int]
) -> None:
    pages = [drawn(50 + number, (160, 120)) for number in range(count)]
    seen = [fingerprints_of(frame)[0].value for frame in frames(io.BytesIO(series(pages, "TIFF")), EIGHT)]
    assert sorted(seen) == sorted(taken(encoded(pages[index], "PNG"))[0][0].value for index in looked_at)


def test_pages_before_a_broken_one_are_given() -> None:
    whole = series([drawn(70 + number, (160, 120)) for number in range(5)], "GIF")
    given = frames(io.BytesIO(whole[: len(whole) - 3000]), ReadingLimits())
    assert len(list(islice(given, 4))) == 4
    with pytest.raises(UncheckedError, match="broken"):
        next(given)


def test_a_page_after_a_reduced_one_is_read_whole() -> None:
    first, second = taken(series([drawn(12, (2400, 1800)), drawn(13, (2400, 1800))], "MPO"))
    assert first[0].distance(taken(jpeg(12, (2400, 1800)))[0][0].value) <= BITS_APART
    assert second[0].distance(taken(jpeg(13, (2400, 1800)))[0][0].value) <= BITS_APART


def test_a_flat_picture_is_not_matchable() -> None:
    for picture in (Image.new("RGB", (300, 200), (120, 130, 140)), Image.new("L", (3, 3))):
        assert not any(each.matchable for each in taken(encoded(picture, "PNG"))[0])


def test_grey_that_is_multiplied_by_its_transparency_is_seen() -> None:
    """TIFF 6.0, ExtraSamples 1; libtiff's test picture minisblack-2c-8b-alpha was the first that could not be read."""
    grey = drawn(15).convert("L")
    separate = encoded(grey.convert("LA"), "TIFF")
    multiplied = separate.replace(struct.pack("<HHII", 338, 3, 1, 2), struct.pack("<HHII", 338, 3, 1, 1))
    assert multiplied != separate
    assert taken(multiplied) == taken(encoded(grey, "PNG"))


def test_sixteen_bits_are_seen_in_their_own_range() -> None:
    grey = drawn(14).convert("L")
    dark = np.asarray(grey, np.uint16) * 4
    deep = encoded(Image.fromarray(dark), "PNG")
    assert taken(deep)[0][0].distance(taken(encoded(grey, "PNG"))[0][0].value) <= 31
