"""A JPEG that is cut short still has a fingerprint, and is never said to be whole."""

import io
import random
import statistics

import pytest

from goodhoster.checking.fingerprints import Frame, fingerprints_of
from goodhoster.checking.pictures import frames
from goodhoster.errors import UncheckedError
from goodhoster.model.fingerprints import Fingerprint, FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.drawn import jpeg, png

SEEDS = range(20)
NEAR = 31


def taken(content: bytes) -> tuple[list[Frame], str]:
    """The frames, and why there are no more."""
    found: list[Frame] = []
    try:
        found.extend(frames(io.BytesIO(content), ReadingLimits()))
    except UncheckedError as error:
        return found, error.reason
    return found, ""


def pdq(frame: Frame) -> Fingerprint:
    (found,) = (each for each in fingerprints_of(frame) if each.kind is FingerprintKind.PDQ)
    return found


def apart(one: Fingerprint, other: Fingerprint) -> int:
    return (int.from_bytes(one.value) ^ int.from_bytes(other.value)).bit_count()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}])
def test_without_its_last_bytes_a_jpeg_looks_like_itself_and_keeps_its_fault(options: dict[str, object]) -> None:
    for seed in SEEDS:
        whole = jpeg(seed, (640, 480), **options)
        (before,), fault = taken(whole)
        assert fault == ""
        (after,), fault = taken(whole[:-20])
        assert fault == "broken-picture"
        assert apart(pdq(before), pdq(after)) <= NEAR


def test_most_match_without_a_twentieth() -> None:
    """Of photos more, also without a tenth: these drawings have large plain parts, which are few bytes."""
    distances = []
    for seed in SEEDS:
        whole = jpeg(seed, (640, 480))
        (after,), fault = taken(whole[: len(whole) * 19 // 20])
        assert fault == "broken-picture"
        distances.append(apart(pdq(taken(whole)[0][0]), pdq(after)))
    assert statistics.median(distances) <= NEAR


def test_nothing_is_made_of_what_has_no_picture_data() -> None:
    whole = jpeg(1)
    nothing = (
        whole[:10],
        whole[:100],
        b"\xff\xd8\xff",
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8\xff\xe0\xff\xff" * 100,
    )
    for content in nothing:
        found, fault = taken(content)
        assert found == []
        assert fault in {"broken-picture", "no-decoder"}


def test_any_cut_and_any_damage_end_soon() -> None:
    chance = random.Random(1)
    whole = jpeg(2)
    for _ in range(100):
        content = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(chance.randrange(4)):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        found, fault = taken(bytes(content))
        assert len(found) <= 1
        assert found or fault


def test_other_pictures_that_are_cut_short_have_no_fingerprint() -> None:
    found, fault = taken(png(1)[:-2000])
    assert (found, fault) == ([], "broken-picture")
