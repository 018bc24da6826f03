"""The conformance suite of `ContentIndex`: its promises, as tests.

Subclass, give the fixture, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import hashlib
from dataclasses import replace

from goodhoster.model.uploads import FileState, Place
from goodhoster.ports import ContentIndex

_TREE = b"/srv/customers"


class ContentIndexSuite:
    """Subclass and give a fixture `index` that has read READS and nothing else."""

    ONE, OTHER = hashlib.sha256(b"one").digest(), hashlib.sha256(b"other").digest()
    LARGE = (1 << 64) - 7
    """An inode number that some file systems have."""
    READS = {  # noqa: RUF012 - not changed
        Place(_TREE, b"anna/a.jpg"): (FileState(1, 10, 3, 100, 200), ONE),
        Place(_TREE, b"anna/hard.jpg"): (FileState(1, 10, 3, 100, 200), ONE),
        Place(_TREE, b"bob/deep/er/\xe9.jpg"): (FileState(1, LARGE, 3, 5 << 60, -1), ONE),
        Place(b"/srv/other", b"a.jpg"): (FileState(2, 10, 3, 100, 200), OTHER),
    }

    def test_finds_the_same_content_wherever_it_is(self, index: ContentIndex) -> None:
        found = index.same_content(self.ONE)
        assert sorted(place.path for place in found) == [b"anna/a.jpg", b"anna/hard.jpg", b"bob/deep/er/\xe9.jpg"]
        assert list(index.same_content(self.OTHER)) == [Place(b"/srv/other", b"a.jpg")]
        assert list(index.same_content(hashlib.sha256(b"unknown").digest())) == []

    def test_finds_other_names_of_an_inode_and_its_namesakes_on_other_disks(self, index: ContentIndex) -> None:
        found = [Place(_TREE, b"anna/a.jpg"), Place(_TREE, b"anna/hard.jpg"), Place(b"/srv/other", b"a.jpg")]
        assert sorted(index.same_file(10), key=lambda place: place.absolute) == found
        assert [place.path for place in index.same_file(self.LARGE)] == [b"bob/deep/er/\xe9.jpg"]
        assert list(index.same_file(11)) == []

    def test_tells_a_digest_in_exactly_that_state_only(self, index: ContentIndex) -> None:
        for place, (state, digest) in self.READS.items():
            assert index.sha256_of(place, state) == digest
            assert index.sha256_of(place, replace(state, dev=9)) == digest, "its disk has another number now"
            for other in (replace(state, ctime_ns=7), replace(state, size=4), replace(state, ino=11)):
                assert index.sha256_of(place, other) is None
        assert index.sha256_of(Place(_TREE, b"gone.jpg"), FileState(1, 10, 3, 100, 200)) is None
