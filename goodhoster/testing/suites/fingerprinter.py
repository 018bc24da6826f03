"""The conformance suite of `LicensedFingerprinter`: its promises, as tests.

Subclass, give the fixture, run by pytest.

    class TestOurLibrary(FingerprinterSuite):
        @pytest.fixture
        def fingerprinter(self) -> LicensedFingerprinter:
            return OurLibrary()

All pictures are made up, and nothing here knows how a fingerprint should look: whether it is the right one, and whether
altered copies are alike, is for the library's own tests. `goodhoster doctor` tries it inside the sandbox.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import pytest

from goodhoster.checking.licensed import MOST_FINGERPRINT_BYTES
from goodhoster.model.fingerprints import Pixels
from goodhoster.ports import LicensedFingerprinter
from goodhoster.testing.drawn import SIZE, Size, drawn


def pixels(seed: int, size: Size = SIZE, orientation: int = 1) -> Pixels:
    """A made-up picture as it is handed to a library."""
    return Pixels(*size, drawn(seed, size).tobytes(), orientation)


class FingerprinterSuite:
    """Subclass and give a fixture `fingerprinter`."""

    def test_an_ordinary_picture_has_one(self, fingerprinter: LicensedFingerprinter) -> None:
        value = fingerprinter.fingerprint(pixels(1))
        assert isinstance(value, bytes)
        assert 0 < len(value) <= MOST_FINGERPRINT_BYTES

    def test_the_same_pixels_have_the_same(self, fingerprinter: LicensedFingerprinter) -> None:
        first = [fingerprinter.fingerprint(pixels(seed)) for seed in range(5)]
        assert [fingerprinter.fingerprint(pixels(seed)) for seed in range(5)] == first

    def test_different_pictures_have_different_ones_of_one_length(self, fingerprinter: LicensedFingerprinter) -> None:
        values = [fingerprinter.fingerprint(pixels(seed)) for seed in range(20)]
        assert len(set(values)) == len(values)
        assert len(set(map(len, values))) == 1

    @pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 4000), (4000, 1), (37, 41), (3001, 1999)])
    def test_any_size_is_taken(self, fingerprinter: LicensedFingerprinter, size: Size) -> None:
        assert isinstance(fingerprinter.fingerprint(pixels(2, size)), bytes), "empty where it has none"

    @pytest.mark.parametrize("grey", [0, 127, 255])
    def test_a_flat_picture_is_taken(self, fingerprinter: LicensedFingerprinter, grey: int) -> None:
        assert isinstance(fingerprinter.fingerprint(Pixels(300, 200, bytes([grey]) * (3 * 300 * 200))), bytes)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_any_orientation_is_taken(self, fingerprinter: LicensedFingerprinter, orientation: int) -> None:
        assert fingerprinter.fingerprint(pixels(3, orientation=orientation))

    def test_it_goes_on_after_many(self, fingerprinter: LicensedFingerprinter) -> None:
        picture = pixels(4, (96, 96))
        assert len({fingerprinter.fingerprint(picture) for _ in range(1000)}) == 1
