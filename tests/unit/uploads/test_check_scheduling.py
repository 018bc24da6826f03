import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodhoster.model.uploads import Place
from goodhoster.uploads.check_scheduling import delay, still_changing_for
from goodhoster.uploads.index import Job

TRIES = st.integers(0, 10_000)
CHANCES = st.floats(0, 1, exclude_max=True)


@given(TRIES, CHANCES)
def test_a_wait_is_never_longer_than_five_minutes(tries: int, chance: float) -> None:
    assert 0 <= delay(tries, None, chance) < 300


@given(TRIES, st.floats(0, 86400), CHANCES)
def test_a_wait_is_never_shorter_than_was_asked_for(tries: int, retry_after: float, chance: float) -> None:
    assert retry_after <= delay(tries, retry_after, chance) < retry_after + 300.001


def test_a_date_far_away_is_not_waited_for() -> None:
    assert delay(0, 70 * 365 * 86400.0) < 86400 + 300


def test_the_ceiling_doubles() -> None:
    ceilings = [delay(tries, None, 1.0) for tries in range(11)]
    assert ceilings == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_what_failed_together_comes_back_apart() -> None:
    waits = {round(delay(9, 60.0), 1) for _ in range(100)}
    assert len(waits) > 50


class TestQuietTime:
    @staticmethod
    def waits(file: Path) -> bool:
        place = Place(os.fsencode(file.parent), os.fsencode(file.name))
        return still_changing_for(Job(place, "c", 1, 0, time.time(), None, None, quiet=3600.0), time.time()) > 0

    def test_what_was_just_changed_waits(self, tmp_path: Path) -> None:
        file = tmp_path / "a.jpg"
        file.write_bytes(b"x")
        assert self.waits(file)

    @pytest.mark.skipif(os.geteuid() != 0, reason="root, whose file a locked one is")
    def test_what_our_own_lock_changed_does_not(self, tmp_path: Path) -> None:
        """Each name of a file that has 600 would else wait anew whenever another went offline."""
        file = tmp_path / "a.jpg"
        file.write_bytes(b"x")
        file.chmod(0)
        assert not self.waits(file)

    @pytest.mark.skipif(os.geteuid() != 0, reason="root, who gives files away")
    def test_a_customer_who_takes_all_rights_from_a_file_gains_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "a.jpg"
        file.write_bytes(b"x")
        os.chown(file, 12345, 12345)
        file.chmod(0)
        assert self.waits(file)
