"""A mount that hangs (FUSE here; sshfs and a dead NFS server are the same to us): nobody else waits for it, it is said,
and the end comes in time. Real daemons, and a real file system whose program stops answering.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests import fuse
from tests.journeys.host import PATIENCE, Host, sha1_of, wait_until

KNOWN = made_up_picture(1, blocks=2)
_PROGRAM = Path(fuse.__file__)
SOON = 30.0
"""Seconds, on a slow machine; the file system that hangs would keep others waiting for ever."""
LONGEST_END = 80.0
"""Less than those after which systemd kills what has not ended, `TimeoutStopSec`: also on a slow machine."""


class Remote:
    """A file system that can be made to hang."""

    def __init__(self, at: Path) -> None:
        at.mkdir(parents=True)
        self.at = at
        command = [sys.executable, str(_PROGRAM), str(at)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._heard("mounted")

    def hang(self, how: str = "hang") -> None:
        self._tell(how)

    def answer(self) -> None:
        self._tell("answer")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        subprocess.run(["umount", "--lazy", self.at], check=False)

    def _tell(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        self._heard(word)

    def _heard(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == word


@pytest.fixture
def remote(host: Host, may_mount: None) -> Iterator[Remote]:
    if not Path("/dev/fuse").exists():
        pytest.skip("/dev/fuse")
    host.service.known = {sha1_of(KNOWN)}
    remote = Remote(host.customers / "anna" / "remote")
    yield remote
    remote.end()


def is_taken_offline(host: Host, path: str) -> float:
    """Seconds from the closing of the upload until it is gone."""
    begun = time.monotonic()
    upload = host.upload(path, KNOWN)
    assert wait_until(lambda: not upload.exists()), host.journal()
    return time.monotonic() - begun


def moved_in(host: Host, name: str) -> float:
    """The same for a directory that is filled elsewhere."""
    aside = host.folder / "aside"
    aside.mkdir()
    (aside / "a.png").write_bytes(KNOWN)
    begun = time.monotonic()
    (host.customers / "bert").mkdir(exist_ok=True)
    there = aside.rename(host.customers / "bert" / name)
    assert wait_until(lambda: not (there / "a.png").exists()), host.journal()
    return time.monotonic() - begun


def says_so(host: Host, remote: Remote) -> bool:
    return any(f"{remote.at} does not answer since" in problem for problem in host.status()["degraded"])


def ends_in_time(host: Host) -> None:
    begun = time.monotonic()
    host.stop()
    assert time.monotonic() - begun < LONGEST_END


def is_checked_when_it_answers(host: Host, remote: Remote) -> None:
    remote.answer()
    contents = {sha1_of(fuse.content(number)).hex.encode() for number in range(3)}
    assert wait_until(lambda: contents <= {request.body for request in host.service.requests}), host.journal()
    assert wait_until(lambda: not says_so(host, remote))


def test_one_that_hangs_before_the_start(host: Host, remote: Remote) -> None:
    remote.hang()
    host.start()
    assert is_taken_offline(host, "bert/a.png") < SOON
    assert moved_in(host, "moved") < SOON
    assert wait_until(lambda: says_so(host, remote)), host.status()
    before = host.upload("carla/before.png", b"compared")
    assert wait_until(lambda: sha1_of(b"compared").hex.encode() in {r.body for r in host.service.requests}), before
    is_checked_when_it_answers(host, remote)
    ends_in_time(host)


def test_one_that_hangs_at_the_end(host: Host, remote: Remote) -> None:
    remote.hang()
    host.start()
    assert wait_until(lambda: says_so(host, remote)), host.status()
    ends_in_time(host)


def test_one_whose_requests_cannot_even_be_given_up_at_the_end(host: Host, remote: Remote) -> None:
    """Linux keeps threads of the process until it has an answer. All work has ended by then, and the next can begin."""
    remote.hang("swallow")
    host.start()
    assert wait_until(lambda: says_so(host, remote)), host.status()
    assert host.daemon
    first = host.daemon
    first.terminate()
    assert wait_until(lambda: "ended" in host.journal()), host.journal()
    host.start()
    assert is_taken_offline(host, "bert/a.png") < SOON
    remote.answer()
    assert first.wait(PATIENCE) == 0
    assert first.stdout
    first.stdout.close()
    ends_in_time(host)


def test_what_lay_beside_it_before_the_start_is_compared(host: Host, remote: Remote) -> None:
    """In the order of the walk after it, in the same tree."""
    lying = [host.upload(f"{name}/lay.png", KNOWN) for name in ("aaron", "zoe")]
    remote.hang()
    host.start()
    assert wait_until(lambda: not any(path.exists() for path in lying)), host.journal()
    assert wait_until(lambda: says_so(host, remote)), host.status()
    ends_in_time(host)


def test_one_that_begins_to_hang_while_it_is_checked(host: Host, remote: Remote) -> None:
    host.start()
    host.settled()
    remote.hang()
    host.upload("anna/remote-not.png", b"beside it")
    host.daemon.send_signal(1)  # type: ignore[union-attr] # read again: everything is compared anew
    assert wait_until(lambda: says_so(host, remote)), host.status()
    assert is_taken_offline(host, "bert/a.png") < SOON
    assert moved_in(host, "moved") < SOON
    is_checked_when_it_answers(host, remote)
    ends_in_time(host)
