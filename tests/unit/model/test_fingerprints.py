import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.model.fingerprints import Fingerprint, FingerprintKind

FINGERPRINTS = st.sampled_from(FingerprintKind).flatmap(
    lambda kind: st.builds(
        Fingerprint,
        st.just(kind),
        st.binary(min_size=kind.width, max_size=kind.width),
        st.integers(0, 100),
        st.lists(st.binary(min_size=kind.width, max_size=kind.width), max_size=7).map(tuple),
    )
)


@given(FINGERPRINTS)
def test_what_is_written_is_read_back(fingerprint: Fingerprint) -> None:
    assert Fingerprint.parse(str(fingerprint)) == fingerprint
    assert Fingerprint.parse(str(fingerprint)).kind is fingerprint.kind


@pytest.mark.parametrize(
    "text", ["", "pdq", "pdq:100", "pdq:100:00", "ahash:100:" + "00" * 8, "phash:x:" + "00" * 8, "dhash:1:zz"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which part was wrong is all that differs
        Fingerprint.parse(text)


def test_the_distance_is_that_of_the_nearest_turn() -> None:
    picture = Fingerprint(FingerprintKind.PDQ, b"\xff" * 32, turned=(b"\0" * 32, b"\x0f" * 32))
    assert picture.distance(b"\0" * 31 + b"\3") == 2
    assert picture.distance(b"\xff" * 32) == 0


def test_a_flat_picture_is_not_matchable() -> None:
    assert not Fingerprint(FingerprintKind.PDQ, bytes(32), quality=49).matchable
    assert Fingerprint(FingerprintKind.PDQ, bytes(32), quality=50).matchable
