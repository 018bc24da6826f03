"""A volume of URLs by LMTP while the daemon is killed again and again: none lost, none done twice, none left open.

Counted from outside: the files, what the commands list afterwards, the pages. A full proof (GOODHOSTER_PROOF=full)
kills every 20 s, and prints what it counted; GOODHOSTER_URLS=179610 makes it the volume of the letter (half an hour).
"""

import math
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import RoundCount
from tests.journeys.host import Host, wait_until
from tests.journeys.noticehost import NoticeHost
from tests.journeys.test_notice_kills import after_a_day, deliver

PER_CUSTOMER = 200
LARGEST_MAIL = 500


@dataclass
class MailServer:
    """Has a queue of mails for us and tries each until we have acknowledged it, as any mail server does."""

    noticed: NoticeHost
    mails: Sequence[bytes]
    pause: float
    """Seconds between two mails, so that kills come while there are still some to hand over."""
    tries: int = 0
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        for mail in self.mails:
            self.tries += 1
            while not deliver(self.noticed, mail):
                self.tries += 1
                time.sleep(0.1)
            time.sleep(self.pause)

    @property
    def done(self) -> bool:
        return not self.thread.is_alive()


def mails_about(noticed: NoticeHost, urls: Sequence[str], largest: int) -> Iterator[bytes]:
    """Of one URL to the largest, as many of each order of magnitude."""
    chance, begin = random.Random(7), 0
    while begin < len(urls):
        end = begin + int(math.exp(chance.uniform(0, math.log(largest + 1))))
        yield noticed.mail(*urls[begin:end])
        begin = end


def test_a_volume_while_the_daemon_is_killed_every_20_seconds(
    host: Host, rounds: RoundCount, capsys: pytest.CaptureFixture[str]
) -> None:
    noticed = NoticeHost(host)
    count, every = int(os.environ.get("GOODHOSTER_URLS", rounds(100, 12_000))), rounds(2, 20)
    customers = [f"c{n}" for n in range(math.ceil(count / PER_CUSTOMER))]
    noticed.configure(f'lmtp = "unix:{host.folder}/lmtp.sock"', noticed.page_to("pages"), customers)
    urls = [noticed.upload(f"c{n // PER_CUSTOMER}", f"{n}.jpg") for n in range(count)]
    mails = list(mails_about(noticed, urls, rounds(30, LARGEST_MAIL)))
    host.start()
    server, kills, begun = MailServer(noticed, mails, rounds(5, 300) / len(mails)), 0, time.monotonic()
    # No more than so often: on a slow machine nothing at all would be acknowledged between two kills.
    while kills < rounds(8, 1000) and (
        not server.done or kills == 0 or (kills < rounds(2, 1000) and any(map(noticed.there, urls)))
    ):
        time.sleep(every)
        host.kill()
        kills += 1
        host.start()
    assert wait_until(lambda: server.done, patience=3600)
    assert wait_until(lambda: not any(map(noticed.there, urls)), patience=3600)
    seconds = time.monotonic() - begun
    assert wait_until(lambda: host.status()["open_notices"] == len(waiting(noticed)), patience=3600)
    host.stop()
    notices = noticed.notices()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{count:,} URLs in {len(mails):,} mails, tried {server.tries:,} times; "
            f"offline after {seconds:.0f} s and {kills} kills; "
            f"{len(notices):,} notices, {len(waiting(noticed))} of which wait for a person\n"
        )
    assert_each_was_done_once(host, notices, mails, urls)
    after_a_day(noticed, waiting(noticed))


def waiting(noticed: NoticeHost) -> set[str]:
    return {notice["id"] for notice in noticed.notices() if notice["state"] == "needs-person"}


def assert_each_was_done_once(
    host: Host, notices: Sequence[dict[str, Any]], mails: Sequence[bytes], urls: Sequence[str]
) -> None:
    """A mail that came twice, because its acknowledgement was cut off, is there twice; one of the two was acted on."""
    first = [notice for notice in notices if not notice["duplicate_of"]]
    assert Counter(notice["state"] for notice in first) == {"done": len(mails)}
    assert Counter(item["url"] for notice in first for item in notice["items"]) == Counter(urls)
    offline = [case["id"] for case in host.cases() if case["state"] == "offline"]
    assert len(offline) == len(urls)
    ends = Counter(entry["case"] for kind in ("measure.done", "measure.found-done") for entry in host.audit(kind))
    assert set(ends) == set(offline)
    assert max(Counter(entry["case"] for entry in host.audit("measure.done")).values()) == 1
