"""Every hostile file has its digests, and a verdict or a fault that tells why not; no process is lost over any."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.drawn import every_format
from goodhoster.testing.hostile import hostile_files, truncations
from goodhoster.testing.suites.hasher import read
from goodhoster_agent.hashing.pool import HashingPool

LIMITS = replace(ReadingLimits(), pixels=50_000_000, member_bytes=1 << 25, seconds=200.0)
REASONS = {
    "broken-archive",
    "broken-picture",
    "encrypted",
    "no-decoder",
    "too-big",
    "too-many-members",
    "too-many-pixels",
    "too-much-memory",
}
FORMATS = every_format(31, (64, 48))


@pytest.fixture(scope="module")
def pool() -> Iterator[HashingPool]:
    pool = HashingPool(LIMITS, 2)
    yield pool
    assert pool.lost == 0, "a process was lost"
    pool.close()


def check(pool: HashingPool, name: str, file: bytes) -> None:
    content = read(pool, file)
    assert content.digests.sha256 == hashlib.sha256(file).digest(), name
    assert content.fault is None or content.fault.reason in REASONS, (name, content.fault)
    assert pool.lost == 0, name


def test_every_hostile_file_is_told_about(pool: HashingPool) -> None:
    for name, file in hostile_files().items():
        check(pool, name, file)


def test_every_truncation_is_told_about(pool: HashingPool, rounds: Callable[[int, int], int]) -> None:
    step = rounds(1500, 100)
    for name, file in truncations(step):
        check(pool, name, file)


def test_bytes_changed_anywhere_are_told_about(pool: HashingPool, rounds: Callable[[int, int], int]) -> None:
    @settings(max_examples=rounds(60, 60_000), deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(sorted(FORMATS)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=20))
    def fuzz(name: str, changes: list[tuple[float, int]]) -> None:
        file = bytearray(FORMATS[name])
        for place, value in changes:
            file[int(place * (len(file) - 1))] = value
        check(pool, name, bytes(file))

    fuzz()
