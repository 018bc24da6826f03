"""The conformance suite of `ObjectStore`: its promises, as tests.

Subclass, give the fixtures, run by pytest.
"""

# ruff: noqa: D102, S101 - a test's name is its docstring, and assert is its point

from __future__ import annotations

import hashlib
import io

import pytest

from goodhoster.errors import RefusedError
from goodhoster.model.objects import StoredObject
from goodhoster.ports.objects import ObjectStore

HEADERS = {"content-type": "image/png", "cache-control": "max-age=9", "x-amz-meta-of": "anna"}


def write(store: ObjectStore, key: str, content: bytes) -> StoredObject:
    """Store some bytes, and look at them."""
    store.write(key, io.BytesIO(content), HEADERS)
    found = store.look(key)
    assert found
    return found[0]


class ObjectStoreSuite:
    """The promises of every store; `store` and `versioned` are empty buckets."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError

    @pytest.fixture
    def versioned(self) -> ObjectStore:
        raise NotImplementedError

    @pytest.mark.parametrize("key", ["a.png", "a/ü x+y%20&=?#.png", "x\ny", "..x/.y"])
    def test_what_was_stored_is_listed_and_read_as_it_is(self, store: ObjectStore, key: str) -> None:
        found = write(store, key, b"some bytes")
        read = io.BytesIO()
        store.read(found, read)
        assert read.getvalue() == b"some bytes"
        assert [one for page in store.list() for one in page] == [found]
        assert found.md5 == hashlib.md5(b"some bytes", usedforsecurity=False).digest()
        looked = store.look(key)
        assert looked
        assert {name: looked[1].get(name) for name in HEADERS} == HEADERS

    def test_what_is_not_there_is_none_and_an_empty_bucket_lists_nothing(self, store: ObjectStore) -> None:
        assert store.look("nothing") is None
        assert [one for page in store.list() for one in page] == []
        assert list(store.versions("nothing")) == []
        store.delete_version("nothing", "v1")

    def test_what_was_replaced_is_neither_read_nor_deleted(self, store: ObjectStore) -> None:
        before = write(store, "a.png", b"one")
        after = write(store, "a.png", b"two")
        with pytest.raises(RefusedError):
            store.read(before, io.BytesIO())
        assert store.look("a.png") is not None
        store.delete(after)
        assert store.look("a.png") is None

    def test_nothing_is_overwritten_where_only_a_new_object_is_wanted(self, store: ObjectStore) -> None:
        write(store, "a.png", b"one")
        with pytest.raises(RefusedError):
            store.write("a.png", io.BytesIO(b"two"), {}, only_new=True)
        store.write("b.png", io.BytesIO(b"two"), {}, only_new=True)

    def test_nobody_reads_it_without_credentials(self, store: ObjectStore) -> None:
        write(store, "a.png", b"one")
        assert not store.is_open_to_anybody("a.png")

    def test_tags_come_back(self, store: ObjectStore) -> None:
        store.write("a.png", io.BytesIO(b"one"), {"x-amz-tagging": "a=b+c&d=%C3%BC"})
        assert dict(store.tags("a.png")) == {"a": "b c", "d": "ü"}

    def test_a_delete_marker_hides_and_does_not_remove(self, versioned: ObjectStore) -> None:
        first = write(versioned, "a.png", b"one")
        marker = versioned.delete(first)
        assert marker
        assert versioned.look("a.png") is None
        newest, older = versioned.versions("a.png")
        assert (newest.id, newest.is_marker, older.is_marker) == (marker, True, False)
        read = io.BytesIO()
        versioned.read(first, read, older.id)
        assert read.getvalue() == b"one"
        assert versioned.look("a.png", marker) is None
        versioned.delete_version("a.png", marker)
        assert versioned.look("a.png") is not None
        versioned.delete_version("a.png", older.id)
        assert versioned.look("a.png") is None
        assert list(versioned.versions("a.png")) == []
