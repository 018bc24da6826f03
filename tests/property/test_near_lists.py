"""A near look-up equals comparing with every entry: for any list, limit and crowd, and after any history of imports."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from goodhoster.hashlists.near import parts, search, tables
from goodhoster.hashlists.near.entries import Entries
from goodhoster.hashlists.near.file_names import near_lists
from goodhoster.hashlists.near.importing import import_fingerprints, open_near_list
from goodhoster.hashlists.near.near_list import NearList
from goodhoster.hashlists.near.segment import Segment
from goodhoster.hashlists.near.writer import write_segment
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.verdicts import Category

PDQ, PHASH = FingerprintKind.PDQ, FingerprintKind.PHASH
Pairs = set[tuple[int, int, int]]
Make = Callable[[np.random.Generator, int, int], NDArray[np.uint8]]


def turned(values: NDArray[np.uint8], rng: np.random.Generator, most: int) -> NDArray[np.uint8]:
    """Each value with up to so many bits changed."""
    bits = np.unpackbits(values, axis=1)
    for row in bits:
        row[rng.choice(bits.shape[1], rng.integers(0, most + 1), replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def exactly(bits: int, values: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Each value with so many bits changed."""
    flipped = np.zeros((len(values), 8 * values.shape[1]), np.uint8)
    flipped[:, :bits] = 1
    return values ^ np.packbits(rng.permuted(flipped, axis=1), axis=1)


def evenly(rng: np.random.Generator, count: int, width: int) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (count, width), dtype=np.uint8)


def crowded(rng: np.random.Generator, count: int, width: int) -> NDArray[np.uint8]:
    """A tenth evenly spread, the rest a few crowds: alike all over, or equal in their first half."""
    spread, centres = evenly(rng, count // 10, width), evenly(rng, 4, width)
    alike = turned(centres[rng.integers(0, 2, count // 2)], rng, width * 2)
    halves = evenly(rng, count - len(spread) - len(alike), width)
    halves[:, : width // 2] = centres[rng.integers(2, 4, len(halves)), : width // 2]
    return np.concatenate((spread, alike, halves))


def brute_force(entries: NDArray[np.uint8], asked: NDArray[np.uint8], limit: int) -> Pairs:
    apart = [np.bitwise_count(entries ^ value).sum(axis=1) for value in asked]
    return {
        (position, entry, int(distances[entry]))
        for position, distances in enumerate(apart)
        for entry in np.flatnonzero(distances <= limit).tolist()
    }


def pairs(segment: Segment, asked: NDArray[np.uint8], limit: int) -> Pairs:
    found = segment.search(asked, limit)
    listed = list(zip(*(column.tolist() for column in found), strict=True))
    assert len(set(listed)) == len(listed)
    return set(listed)


@contextmanager
def segment_of(values: NDArray[np.uint8], kind: FingerprintKind) -> Iterator[Segment]:
    with tempfile.TemporaryDirectory() as folder:
        entries = Entries(values, np.zeros(len(values), np.uint8)).each_once()
        write_segment(Path(folder, "made-up"), ("made-up", kind), entries)
        yield Segment.open(Path(folder, "made-up"))


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([1, 2, 300, 20_000]),
    make=st.sampled_from([evenly, crowded]),
    kind=st.sampled_from([PDQ, PHASH]),
    limit=st.integers(0, 40),
)
def test_a_search_finds_what_comparing_with_all_finds(
    seed: int, count: int, make: Make, kind: FingerprintKind, limit: int
) -> None:
    rng = np.random.default_rng(seed)
    with segment_of(make(rng, count, kind.width), kind) as segment:
        entries = segment.tables.values
        near = turned(entries[rng.integers(0, len(entries), 20)], rng, min(limit + 3, 8 * kind.width))
        asked = np.concatenate((near, evenly(rng, 5, kind.width)))
        assert pairs(segment, asked, limit) == brute_force(entries, asked, limit)


@pytest.mark.parametrize("dense", [0, 2])
@pytest.mark.parametrize("limit", range(0, 32, 3))
def test_every_limit_is_searched_by_buckets_and_misses_nothing(
    limit: int, dense: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(limit)
    monkeypatch.setattr(tables, "_DENSE", dense)
    monkeypatch.setattr(search, "_SCANNED_LIKE_PROBED", 0)
    monkeypatch.setattr(search, "_CROWD", 0)
    monkeypatch.setattr(search, "_STEP", 500)
    with segment_of(evenly(rng, 3000, 32), PDQ) as segment:
        entries = segment.tables.values
        asked = turned(entries[rng.integers(0, len(entries), 100)], rng, limit + 1)
        assert pairs(segment, asked, limit) == brute_force(entries, asked, limit)


@pytest.mark.parametrize(("kind", "limit"), [(PDQ, 31), (PHASH, 6)])
def test_the_buckets_of_the_longest_lists_miss_nothing(
    kind: FingerprintKind, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many bits in a number as there may be: the sketches reach over the end of a value to its beginning."""
    rng = np.random.default_rng(3)
    monkeypatch.setattr(search, "_SCANNED_LIKE_PROBED", 0)
    monkeypatch.setattr(parts, "_SPARE", 32)
    with segment_of(evenly(rng, 300, kind.width), kind) as segment:
        entries = segment.tables.values
        asked = exactly(limit, entries[rng.integers(0, len(entries), 1000)], rng)
        assert pairs(segment, asked, limit) == brute_force(entries, asked, limit)


def test_blocks_too_full_to_count_are_looked_into_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    monkeypatch.setattr(tables, "_FULL", 3)
    monkeypatch.setattr(search, "_CROWD", 0)
    with segment_of(crowded(rng, 20_000, 32), PDQ) as segment:
        entries = segment.tables.values
        assert (np.diff(segment.tables.blocks.astype(int)) > 3).sum() > 100
        asked = turned(entries[rng.integers(0, len(entries), 40)], rng, 33)
        assert pairs(segment, asked, 31) == brute_force(entries, asked, 31)


@pytest.mark.parametrize(("kind", "limit"), [(PDQ, 31), (PDQ, 5), (PHASH, 6), (PHASH, 20)])
@pytest.mark.parametrize("count", [3, 900, 2100])
def test_what_is_touched_among_very_many_is_what_a_search_finds(kind: FingerprintKind, limit: int, count: int) -> None:
    rng = np.random.default_rng(count)
    with segment_of(crowded(rng, count, kind.width), kind) as segment:
        near = exactly(limit, segment.tables.values[rng.integers(0, len(segment), 300)], rng)
        asked = np.concatenate((near, exactly(1, near, rng), evenly(rng, 5000, kind.width)))
        touched = segment.touched(asked, limit)
        assert touched.tolist() == sorted({position for position, _, _ in pairs(segment, asked, limit)})
        assert set(range(300)) <= set(touched.tolist())


def opened(directory: Path) -> NearList:
    [(source, kind, segments)] = near_lists(directory)
    return open_near_list(source, kind, segments)


Import = tuple[bool, Sequence[tuple[int, Category | None]]]
entry = st.tuples(st.integers(0, 300), st.sampled_from([*Category, None]))
imports = st.lists(st.tuples(st.sampled_from([False, False, False, True]), st.lists(entry, min_size=1, max_size=40)))


def graver(one: Category | None, other: Category | None) -> Category | None:
    order = [*Category, None]
    return min(one, other, key=order.index)


def after(have: dict[int, Category], replace: bool, given: Mapping[int, Category | None]) -> dict[int, Category]:  # noqa: FBT001
    """What a dict would hold."""
    kept = (
        {} if replace else {number: category for number, category in have.items() if given.get(number, 0) is not None}
    )
    new = {n: c if replace else graver(c, have.get(n)) for n, c in given.items() if c is not None}
    return {**kept, **new}  # type: ignore[dict-item]


@settings(max_examples=25)
@given(imports.filter(bool))
def test_after_any_imports_a_list_holds_what_a_dict_would(history: Sequence[Import]) -> None:
    values = np.random.default_rng(7).integers(0, 256, (301, 8), dtype=np.uint8)
    have: dict[int, Category] = {}
    with tempfile.TemporaryDirectory() as folder:
        for replace, entries in history:
            given_: dict[int, Category | None] = {}
            for number, category in entries:
                given_[number] = graver(given_[number], category) if number in given_ else category
            now = after(have, replace, given_)
            batch = [(PHASH, values[number].tobytes(), category) for number, category in entries]
            [told] = import_fingerprints(Path(folder), "made-up", batch, replace=replace)
            assert (told.entries, told.added, told.removed) == (
                len(now),
                len(now.keys() - have),
                len(have.keys() - now),
            )
            have = now
            made = opened(Path(folder))
            assert len(made) == len(have)
            found = {n: made.find([values[n].tobytes()], 0) for n in range(301)}
            assert found == {n: {have[n]: 0} if n in have else {} for n in range(301)}
