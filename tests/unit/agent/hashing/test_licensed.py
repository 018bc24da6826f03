"""A licensed library of the hoster's, plugged in as his would be: an entry point, loaded in the sandboxed process."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from socket import socket

import pytest

from goodhoster.linux.child_process import StartedHere
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.uploads import Content
from goodhoster.testing.drawn import drawn, encoded, every_format, jpeg, series
from goodhoster.testing.not_photodna import NotPhotoDna
from goodhoster.testing.suites.fingerprinter import pixels
from goodhoster.testing.suites.hasher import read
from goodhoster_agent.hashing import worker_handle
from goodhoster_agent.hashing.library_trial import trouble_with_library
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.hashing.worker_handle import Start

LIMITS = replace(ReadingLimits(), photodna="made-up")
SOUND = "from goodhoster.testing.not_photodna import NotPhotoDna as Library"
BROKEN = """
class Library:
    def fingerprint(self, picture):
        {body}
"""

Install = Callable[[str], Start]
Pool = Callable[[str], HashingPool]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Writes such a library; returns what starts workers that find it installed."""

    def start(theirs: socket, limits: ReadingLimits) -> StartedHere:
        with monkeypatch.context() as patched:
            patched.setattr(subprocess, "Popen", with_folder(tmp_path))
            return worker_handle.start_here(theirs, limits)

    def write(source: str) -> Start:
        (tmp_path / "made_up_library.py").write_text(source)
        info = tmp_path / "made_up_library-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-library\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[goodhoster.fingerprinters]\nmade-up = made_up_library:Library\n")
        return start

    return write


@pytest.fixture
def pool_with(install: Install) -> Iterator[Pool]:
    """A pool whose processes have such a library."""
    pools: list[HashingPool] = []

    def make(source: str) -> HashingPool:
        pools.append(HashingPool(LIMITS, 1, install(source)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def with_folder(folder: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts a worker that imports from one folder more, as if it were installed."""
    begin = f"import runpy, sys; sys.path.append({str(folder)!r}); "
    begin += f"runpy.run_module({worker_handle.MODULE!r}, None, '__main__')"
    popen = subprocess.Popen

    def start(argv: list[str], **more: object) -> subprocess.Popen[bytes]:
        options = argv[: argv.index("-m")]
        return popen([*options, "-c", begin, *argv[argv.index("-m") + 2 :]], **more)  # type: ignore[call-overload]

    return start


def licensed(content: Content) -> list[bytes]:
    return [each.value for each in content.fingerprints if each.kind is FingerprintKind.PHOTODNA]


def test_its_fingerprint_comes_beside_ours_out_of_the_sandbox(pool_with: Pool) -> None:
    pool = pool_with(SOUND)
    content = read(pool, encoded(drawn(1), "PNG"))
    assert licensed(content) == [NotPhotoDna().fingerprint(pixels(1))]
    assert [each.kind for each in content.fingerprints][:2] == ["pdq", "phash"]
    assert (content.fault, pool.missing, pool.lost) == (None, frozenset(), 0)
    assert licensed(read(pool, b"a text")) == []


def test_it_sees_every_format_frame_and_size_whole(pool_with: Pool) -> None:
    pool = pool_with(SOUND)
    for name, file in every_format(2, (60, 48)).items():
        content = read(pool, file)
        assert content.fault is None, (name, content.fault)
        assert all(len(value) == 108 for value in licensed(content)), name
        assert licensed(content), name
    assert len(licensed(read(pool, series([drawn(3), drawn(4)], "TIFF")))) == 2
    large = read(pool, jpeg(5, (2400, 1600)))
    assert large.pixels == (2400, 1600)
    assert len(licensed(large)[0]) == 108


def test_a_picture_without_one_is_told_of_as_that(pool_with: Pool) -> None:
    content = read(pool_with(SOUND), encoded(drawn(1, (4, 4)), "PNG"))
    [none] = [each for each in content.fingerprints if each.kind is FingerprintKind.PHOTODNA]
    assert (none.value, none.matchable, content.fault) == (b"", False, None)


@pytest.mark.parametrize(
    "source",
    [
        "raise ImportError('no licence')",
        BROKEN.format(body="raise ValueError('broken')"),
        BROKEN.format(body="return 'text'"),
        BROKEN.format(body="return bytes(5000)"),
        BROKEN.format(body="return open('/etc/passwd', 'rb').read()"),
    ],
)
def test_one_that_breaks_leaves_out_its_own_fingerprint_only(pool_with: Pool, source: str) -> None:
    pool = pool_with(source)
    for _ in range(2):
        content = read(pool, jpeg(6))
        assert [each.kind for each in content.fingerprints] == ["pdq", "phash"]
        assert content.fault is not None
        assert content.fault.reason == "no-licensed-fingerprint"
    assert pool.lost == 0


def test_one_that_kills_its_process_costs_that_alone(pool_with: Pool) -> None:
    content = read(pool_with(BROKEN.format(body="import os; os._exit(3)")), jpeg(7))
    assert content.digests.sha1
    assert content.fault is not None
    assert content.fault.reason == "opening-crashed"


@pytest.mark.parametrize(
    ("source", "trouble"),
    [
        (SOUND, ""),
        ("raise ImportError('no licence')", "no licence"),
        (BROKEN.format(body="return b''"), "no fingerprint of an ordinary picture"),
    ],
)
def test_a_trial_tells_whether_it_works_in_the_sandbox(install: Install, source: str, trouble: str) -> None:
    told = trouble_with_library(LIMITS, install(source))
    assert trouble in told
    assert bool(told) == bool(trouble)
