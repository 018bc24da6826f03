"""Whatever is done to an audit log is found; the tree hash is that of RFC 6962."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goodhoster.audit.entries import FIRST, as_line, fingerprint, read_line
from goodhoster.audit.log import FileAuditLog
from goodhoster.audit.verify import MerkleTree
from goodhoster.errors import AuditError
from goodhoster.model.audit import AuditEntry, AuditEvent

# The eight leaves and roots that the Certificate Transparency project tests its own implementations with.
LEAVES = [bytes.fromhex(leaf) for leaf in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root_of(leaves: list[bytes]) -> bytes:
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


@pytest.mark.parametrize("count", range(1, 9))
def test_the_tree_hash_has_the_published_values(count: int) -> None:
    assert root_of(LEAVES[:count]).hex() == ROOTS[count - 1]


def test_the_tree_hash_of_nothing_is_that_of_the_empty_string() -> None:
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_tree_hash_is_the_definition(leaves: list[bytes]) -> None:
    assert root_of(leaves) == tree_hash(leaves)


MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - timezones=
ANY_TEXT = st.text(st.characters(codec=None, categories=None))  # lone surrogates too: file names become such text


def entries_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[AuditEntry]:
    numbers = st.integers(-(2**63), 2**63)
    values = st.one_of(st.none(), st.booleans(), numbers, texts, st.lists(texts, max_size=3))
    events = st.builds(AuditEvent, texts, st.dictionaries(texts, values, max_size=4))
    return st.builds(AuditEntry, st.integers(0, 2**40), MOMENTS, events, st.binary(min_size=32, max_size=32))


@given(entries_of(ANY_TEXT))
def test_an_entry_is_one_line_that_reads_and_writes_as_itself(entry: AuditEntry) -> None:
    line = as_line(entry)
    assert b"\n" not in line
    read = read_line(line)
    assert as_line(read) == line
    assert (read.number, read.at, read.previous) == (entry.number, entry.at, entry.previous)


@given(entries_of(st.text()))
def test_an_entry_of_proper_text_is_read_whole(entry: AuditEntry) -> None:
    assert read_line(as_line(entry)) == entry


@given(st.binary(max_size=300))
@example(b"[" * 100_000)
@example(b'{"at":"2026-01-01T00:00:00.000000Z","data":3,"kind":"a","n":0,"previous":""}')
@example(b'{"at":"2026-01-01T00:00:00.000000Z","data":{},"kind":"\\ud800","n":0,"previous":""}')
@example(b'{"at":7,"data":{},"kind":"a","n":0,"previous":""}')
@example(b'{"at":"2026-01-01T00:00:00.000000Z","data":{},"kind":"a","n":0, "previous":"%s"}' % (b"0" * 64))
@example(b'{"at":"2026-01-01T00:00:00.000000Z","kind":"a","data":{},"n":0,"previous":"%s"}' % (b"0" * 64))
@example(b'{"at":"2026-01-01T00:00:00.000000Z","data":{},"kind":"\\u0061","n":0,"previous":"%s"}' % (b"0" * 64))
@example(b"9" * 5000)
@example(b"null")
def test_any_other_line_is_refused(line: bytes) -> None:
    with pytest.raises(AuditError):
        read_line(line)


@cache
def written(entries: int) -> dict[str, bytes]:
    """What a log of so many entries leaves on disk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = FileAuditLog(folder / "audit.log")
        for number in range(entries):
            log.append(AuditEvent("made.up", {"number": number, "path": "/srv/ü"}))
        return {file.name: file.read_bytes() for file in folder.iterdir()}


@contextmanager
def a_log(entries: int, *, elsewhere: bool = False) -> Iterator[Path]:
    """A log where it was written; or a copy of the log alone, where nothing but the chain tells of a change."""
    with tempfile.TemporaryDirectory() as name:
        for file, content in written(entries).items():
            if not (elsewhere and file.endswith(".tail")):
                (Path(name) / file).write_bytes(content)
        yield Path(name) / "audit.log"


SIZES = st.integers(2, 12)


@given(SIZES, st.data())
def test_a_changed_byte_before_the_last_entry_is_found(entries: int, data: st.DataObject) -> None:
    with a_log(entries, elsewhere=True) as file:
        content = bytearray(file.read_bytes())
        last = content.rindex(b"\n", 0, -1)
        at = data.draw(st.integers(0, last - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        finding = FileAuditLog(file).verify()
    assert not finding.ok
    assert finding.first_bad is not None
    assert finding.first_bad <= content[:at].count(b"\n") + 1, "found at the entry, or at the one bound to it"


@given(SIZES, st.data())
def test_removed_repeated_or_reordered_entries_are_found(entries: int, data: st.DataObject) -> None:
    with a_log(entries, elsewhere=True) as file:
        lines = file.read_bytes().splitlines(keepends=True)
        order = data.draw(st.lists(st.integers(0, entries - 1), max_size=entries + 2))
        file.write_bytes(b"".join(lines[number] for number in order))
        finding = FileAuditLog(file).verify()
    # What a chain alone cannot tell is a log that ended earlier.
    assert finding.ok == (order == list(range(len(order))))


@given(SIZES, st.data())
def test_on_the_machine_itself_a_change_of_the_last_entry_is_found(entries: int, data: st.DataObject) -> None:
    with a_log(entries) as file:
        content = bytearray(file.read_bytes())
        at = data.draw(st.integers(content.rindex(b"\n", 0, -1) + 1, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        assert FileAuditLog(file).verify().first_bad == entries - 1
        with pytest.raises(AuditError, match="is another one than it was"):
            FileAuditLog(file).append(AuditEvent("made.up"))


@given(SIZES, st.data())
def test_on_the_machine_itself_a_shorter_log_is_found(entries: int, data: st.DataObject) -> None:
    with a_log(entries) as file:
        content = file.read_bytes()[: data.draw(st.integers(0, len(file.read_bytes()) - 1))]
        file.write_bytes(content)
        assert FileAuditLog(file).verify().first_bad == content.count(b"\n")
        with pytest.raises(AuditError, match="is shorter than it was"):
            FileAuditLog(file).append(AuditEvent("made.up"))
        assert file.read_bytes() == content


@given(SIZES)
def test_an_untouched_log_is_whole_and_its_root_is_that_of_its_lines(entries: int) -> None:
    with a_log(entries) as file:
        finding = FileAuditLog(file).verify()
        lines = file.read_bytes().splitlines()
        assert (finding.ok, finding.entries, finding.size) == (True, entries, file.stat().st_size)
        assert finding.root == tree_hash(lines).hex()
        read = list(FileAuditLog(file).entries())
    assert [entry.number for entry in read] == list(range(entries))
    assert [entry.previous for entry in read] == [FIRST, *(fingerprint(line) for line in lines[:-1])]
