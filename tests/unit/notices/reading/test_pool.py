import os
import signal
import threading
from pathlib import Path

import pytest

from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice
from goodhoster.notices.reading.formats.free_text import MOST_URLS
from goodhoster.notices.reading.mail import LARGEST_MAIL
from goodhoster.notices.reading.pool import PoolLimits, ReaderPool

NOTICE = RawNotice(Carrier.MAIL, b"From: a@b.example\nSubject: x\n\nhttps://anna.example/a.jpg\n")


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def is_reader(pid: int) -> bool:
    return b"goodhoster.notices.reading.child" in Path(f"/proc/{pid}/cmdline").read_bytes()


def readers() -> set[int]:
    return {pid for pid in children() if is_reader(pid)}


def test_a_child_is_started_when_needed_and_kept() -> None:
    before = readers()
    with ReaderPool() as room:
        assert readers() == before
        room.read(NOTICE)
        first = readers() - before
        room.read(NOTICE)
        assert readers() - before == first
        assert len(first) == 1
    assert readers() == before


@pytest.mark.slow
def test_of_too_many_urls_none_is_left_out_in_silence() -> None:
    text = "".join(f"https://anna.example/{number}\n" for number in range(MOST_URLS + 1))
    with ReaderPool() as room:
        notice = room.read(RawNotice(Carrier.MAIL, f"From: a@b.example\nSubject: x\n\n{text}".encode()))
    assert (notice.format, notice.doubts) == (NoticeFormat.UNREADABLE, (f"more than {MOST_URLS} URLs",))


def test_of_what_is_not_read_nothing_commands_a_terminal() -> None:
    mail = b"From: a@b.example\nSubject: a\x1b[2J\nMessage-ID: <\x1b[2J>\n\n"
    with ReaderPool(PoolLimits(seconds=0.0001)) as room:
        for content in (mail, mail + b"x" * LARGEST_MAIL):
            notice = room.read(RawNotice(Carrier.MAIL, content))
            assert notice.format is NoticeFormat.UNREADABLE
            assert "\x1b" not in notice.subject + notice.message_id


def test_a_child_is_replaced_after_its_lifetime() -> None:
    with ReaderPool(PoolLimits(lifetime=2)) as room:
        seen = set()
        for _ in range(5):
            assert room.read(NOTICE).items
            seen |= readers()
    assert len(seen) == 3


def test_a_child_that_is_killed_costs_one_reading() -> None:
    before = readers()
    with ReaderPool() as room:
        room.read(NOTICE)
        (pid,) = readers() - before
        os.kill(pid, signal.SIGKILL)
        assert room.read(NOTICE).doubts[0].startswith("reading it failed")
        assert room.read(NOTICE).items


def test_threads_share_the_children() -> None:
    with ReaderPool(PoolLimits(children=2)) as room:
        found: list[str] = []
        content = [
            RawNotice(Carrier.MAIL, b"From: a@b.example\nSubject: x\n\nhttps://anna.example/%d\n" % number)
            for number in range(40)
        ]

        def read(raw: RawNotice) -> None:
            found.append(room.read(raw).items[0].urls[0])

        threads = [threading.Thread(target=read, args=(raw,)) for raw in content]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == sorted(f"https://anna.example/{number}" for number in range(40))


def test_may_be_closed_twice_and_used_again() -> None:
    room = ReaderPool()
    room.read(NOTICE)
    room.close()
    room.close()
    assert room.read(NOTICE).items
    room.close()


@pytest.mark.parametrize("limit", ["Max address space", "Max file size", "Max core file size"])
def test_the_child_has_limited_itself(limit: str) -> None:
    before = readers()
    with ReaderPool() as room:
        room.read(NOTICE)
        (pid,) = readers() - before
        line = next(line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith(limit))
    assert "unlimited" not in line
