"""One process opens files of many customers: captured by one of them, it lies about the others."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.examination import Examined, Examiner
from goodhoster.linux.child_process import Started
from goodhoster.model.digests import Digest, Digests
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Place
from goodhoster.model.verdicts import Category, VerdictKind
from goodhoster.testing.drawn import jpeg
from goodhoster.testing.hostile import zip_of
from goodhoster.testing.suites.hasher import read
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.hashing.worker_handle import Start, start_here

LIMITS = ReadingLimits()
NOW = datetime(2026, 11, 29, tzinfo=UTC)
KNOWN, CLEAR = jpeg(1), jpeg(2)
HONEST: dict[str, Any] = {"fingerprints": [], "pixels": None, "members": [], "left_out": 0, "fault": None}
ZEROS = ["00" * 16, "00" * 20, "00" * 32]


def digests_of(content: bytes) -> list[str]:
    with closing(HashingPool(LIMITS, 1)) as pool:
        digests = read(pool, content).digests
    return [digests.md5.hex(), digests.sha1.hex(), digests.sha256.hex()]


OF_KNOWN = digests_of(KNOWN)


@dataclass
class Lying:
    """A process of the test's own that talks as a worker."""

    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> int:
        self.process.kill()
        return self.process.wait()


Answer = dict[str, Any] | list[Any] | str


def liar(*answers: Answer) -> Start:
    def start(theirs: socket.socket, _: ReadingLimits) -> Lying:
        frames = [json.dumps(answer).encode().hex() for answer in answers]
        program = [sys.executable, str(Path(__file__).with_name("liar.py")), str(theirs.fileno()), *frames]
        return Lying(subprocess.Popen(program, pass_fds=[theirs.fileno()]))

    return start


def captured_first(lie: Start) -> Start:
    """The first worker was captured; those that are started later were not."""
    return in_order(lie, start_here)


def in_order(first: Start, later: Start) -> Start:
    starts = iter([first])

    def start(theirs: socket.socket, limits: ReadingLimits) -> Started:
        return next(starts, later)(theirs, limits)

    return start


@contextmanager
def checked(tmp_path: Path, content: bytes, pool: HashingPool) -> Iterator[Examined]:
    """By a source that knows the one picture, by each of its digests."""
    (tmp_path / "file").write_bytes(content)
    source = MemorySource({Digest.parse(text): Category.BASELINE for text in OF_KNOWN})
    examiner = Examiner([source], pool, lambda: NOW)
    with closing(pool), examiner.examine(Place(os.fsencode(tmp_path), b"file")) as examined:
        yield examined


def with_digests(digests: list[str]) -> list[tuple[Answer, ...]]:
    """As one answer, and as two: so they came before the pool took the digests itself."""
    return [(HONEST | {"digests": digests, "kind": "image", "size": 7},), ([digests, "image", 7], HONEST)]


@pytest.mark.parametrize("answers", with_digests(OF_KNOWN))
def test_the_digest_of_a_known_file_told_of_another_makes_that_not_known(
    tmp_path: Path, answers: tuple[Answer, ...]
) -> None:
    with checked(tmp_path, CLEAR, HashingPool(LIMITS, 1, liar(*answers))) as examined:
        assert examined.verdict.matches == ()
        assert examined.verdict.kind in {VerdictKind.CLEAR, VerdictKind.UNCHECKED}
        assert examined.content
        assert examined.content.digests != Digests(*map(bytes.fromhex, OF_KNOWN))


@pytest.mark.parametrize("answers", with_digests(ZEROS))
def test_zeros_told_of_a_known_file_leave_it_known(tmp_path: Path, answers: tuple[Answer, ...]) -> None:
    with checked(tmp_path, KNOWN, HashingPool(LIMITS, 1, liar(*answers))) as examined:
        assert examined.verdict.kind is VerdictKind.KNOWN
        assert examined.content
        assert examined.content.digests == Digests(*map(bytes.fromhex, OF_KNOWN))


ARCHIVES = pytest.mark.parametrize("file", [zip_of({"a.txt": b"text"}), CLEAR], ids=["archive", "picture"])


@ARCHIVES
def test_a_made_up_member_makes_no_file_known(tmp_path: Path, file: bytes) -> None:
    """A second process, which opens this file alone, sees none."""
    pool = HashingPool(LIMITS, 1, captured_first(liar(HONEST | {"members": [OF_KNOWN]})))
    with checked(tmp_path, file, pool) as examined:
        assert (examined.verdict.kind, examined.verdict.matches) == (VerdictKind.CLEAR, ())
    assert pool.lost == 1, "and the one that lied is used no more"


def test_a_known_picture_in_an_archive_is_seen_twice_and_known(tmp_path: Path) -> None:
    pool = HashingPool(LIMITS, 1)
    with checked(tmp_path, zip_of({"a.jpg": KNOWN}), pool) as examined:
        assert (examined.verdict.kind, examined.verdict.reason) == (VerdictKind.KNOWN, "")
        assert examined.content
        assert examined.content.opened_alone
    assert pool.lost == 0


def test_an_archive_that_cannot_be_seen_twice_is_unchecked(tmp_path: Path) -> None:
    pool = HashingPool(LIMITS, 1, in_order(liar(HONEST | {"members": [OF_KNOWN]}), liar("no answer")))
    with checked(tmp_path, zip_of({"a.txt": b"text"}), pool) as examined:
        assert (examined.verdict.kind, examined.verdict.reason) == (VerdictKind.UNCHECKED, "opening-crashed")
        assert examined.verdict.matches == ()
