"""Mails made to cost much, by LMTP to the daemon: each is kept and waits for a person, and the next is acted on."""

import io
import re
import smtplib
import zipfile
from contextlib import suppress
from pathlib import Path

from tests.journeys.host import Host, wait_until
from tests.journeys.noticehost import NoticeHost
from tests.unit.notices.reading.test_hostile_mails import HEAD, HOSTILE, nested, parts

MOST_OF_A_CHILD = 512 << 10  # KiB
MOST_OF_THE_DAEMON = 700 << 10


def bomb() -> bytes:
    """A hundred megabytes of nothing in a small attachment."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("urls-M0123456789.csv", b"\0" * (100 << 20))
    kind = b'Content-Type: application/zip; name="urls-M0123456789.csv"\nContent-Transfer-Encoding: 8bit\n\n'
    return HEAD + kind + packed.getvalue().replace(b"\r", b"").replace(b"\n", b"")


LARGE = {
    "headers-of-100-mb": HEAD + (b"X: " + b"y" * 900 + b"\n") * 110_000 + b"\nx\n",
    "one-line-of-40-mb": HEAD + b"\n" + b"x" * (40 << 20),
    "parts-1000000": parts(1_000_000),
    "nested-10000-deep": nested(10_000),
    "zip-bomb": bomb(),
}
FEW = ("semicolons-over-many-lines", "brackets-in-from", "table-that-never-ends", "json-100000-deep", "nul-and-noise")


def peak(pid: int) -> int:
    """Most memory that a process ever had, in KiB."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0])


def children(pid: int, words: bytes) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [int(child) for task in tasks for child in task.read_text().split()]
    found = []
    for child in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            found += [child] if words in Path(f"/proc/{child}/cmdline").read_bytes() else []
    return found


def test_hostile_mails_are_all_kept_and_hold_up_no_other(host: Host) -> None:
    noticed = NoticeHost(host)
    noticed.configure(f'lmtp = "unix:{host.folder}/lmtp.sock"')
    url = noticed.upload("anna", "p.jpg")
    noticed.upload("anna", "index.html")  # what one of them names
    mails = [*LARGE.values(), *(HOSTILE[name] for name in FEW)]
    host.start()
    assert host.daemon
    for mail in mails:
        with smtplib.LMTP(str(host.folder / "lmtp.sock")) as client:
            client.sendmail("a@b.example", ["abuse@hoster.example"], mail)
    with smtplib.LMTP(str(host.folder / "lmtp.sock")) as client:
        client.sendmail("a@hotline.example", ["abuse@hoster.example"], noticed.mail(url))
    assert wait_until(lambda: not noticed.there(url), 300.0)
    readers = children(host.daemon.pid, b"goodhoster.notices.reading.child")
    assert readers
    assert max(map(peak, readers)) < MOST_OF_A_CHILD
    assert peak(host.daemon.pid) < MOST_OF_THE_DAEMON
    noticed.settled({"needs-person": len(mails), "done": 1}, 300.0)
    host.stop()
    assert noticed.safe() == len(mails) + 1
    host.run("audit", "verify")
