"""Mails made to cost much: bounded time and memory, never lost, and what their headers say is still told."""

import base64
import os
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from goodhoster.model.notices import Carrier, NoticeFormat, RawNotice, ReadNotice
from goodhoster.notices.reading.mail import take_apart
from goodhoster.notices.reading.pool import PoolLimits, ReaderPool
from tests.processes import processor_seconds

HEAD = b"From: a@b.example\nSubject: [M0123456789] made up\nMessage-ID: <1@b.example>\n"
PLAIN = HEAD + b"Content-Type: text/plain\n\nhttps://anna.example/a.jpg\n"


def nested(depth: int) -> bytes:
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
    return HEAD + opening + b"Content-Type: text/plain\n\nx\n"


def parts(count: int) -> bytes:
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * count + b"--b--\n"


def xarf(json: bytes) -> bytes:
    head = b'Content-Type: application/json; name="xarf.json"\nContent-Transfer-Encoding: base64\n\n'
    return HEAD + head + base64.encodebytes(json)


HOSTILE = {
    "semicolons-in-content-type": HEAD + b"Content-Type: text/plain" + b";" * 8192 + b"\n\nhttps://anna.example/\n",
    "semicolons-over-many-lines": HEAD
    + b"Content-Type: text/plain"
    + b";\n ;" * 20000
    + b"\n\nhttps://anna.example/\n",
    "quotes-in-content-type": HEAD + b'Content-Type: text/plain; a="' + b'\\";' * 5000 + b"\n\nx\n",
    "brackets-in-subject": b"Subject: " + b"(" * 2048 + b"\n" + HEAD + b"\nhttps://anna.example/\n",
    "brackets-in-from": b"From: " + b"(" * 9000 + b"\nSubject: [M0123456789] x\n\nhttps://anna.example/\n",
    "nested-200-deep": nested(200),
    "nested-2000-deep": nested(2000),
    "parts-20000": parts(20_000),
    "headers-100000": HEAD + b"X: y\n" * 100_000 + b"\nx\n",
    "header-of-10-mib": HEAD + b"X: " + b"y" * (10 << 20) + b"\n\nx\n",
    "no-end-of-headers": b"X" * (5 << 20),
    "larger-than-25-mib": HEAD + b"\n" + b"x" * (26 << 20),
    "blanks-5-mib": HEAD + b"\n" + b" " * (5 << 20) + b"\n",
    "table-that-never-ends": HEAD + b'\n<table class="urls">' + b"<tr><td>" * 500_000,
    "table-of-openings": HEAD + b'\n<table class="urls" ' * 200_000,
    "tags-that-never-end": HEAD + b"Content-Type: text/html\n\n" + b"<a " * 1_000_000,
    "urls-that-never-end": HEAD + b"\n" + b"http://" * 700_000,
    "csv-of-semicolons": HEAD + b'Content-Type: text/csv; name="urls-M0123456789.csv"\n\nurl;note\n' + b";" * (4 << 20),
    "csv-of-openings": HEAD
    + b'Content-Type: text/csv; name="urls-M0123456789.csv"\n\nurl;note\n'
    + b"http://\n" * 100_000,
    "json-100000-deep": xarf(b'{"a":' * 100_000),
    "json-number-of-a-mib": xarf(b'{"xarf_version": ' + b"9" * (1 << 20) + b"}"),
    "charset-that-is-slow": HEAD + b"Content-Type: text/plain; charset=punycode\n\n" + b"\xff" * 500_000,
    "encoded-words-by-the-thousand": b"Subject: " + b"=?utf-8?q?a?= " * 1000 + b"\n" + HEAD + b"\nx\n",
    "nothing": b"",
    "nul-and-noise": random.Random(1).randbytes(200_000),
}
SLOW = {"blanks-5-mib", "table-of-openings", "tags-that-never-end", "urls-that-never-end", "table-that-never-ends"}
SLOW |= {"csv-of-semicolons"}


@pytest.fixture(scope="module")
def pool() -> Iterator[ReaderPool]:
    with ReaderPool() as pool:
        yield pool


@pytest.fixture(scope="module")
def read_by_pool() -> set[str]:
    """The names of the hostile mails that the pool has read so far."""
    return set()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in HOSTILE]
)
def test_a_hostile_mail_costs_little_and_is_told(pool: ReaderPool, read_by_pool: set[str], name: str) -> None:
    pool.read(RawNotice(Carrier.MAIL, PLAIN))
    before = {reader: processor_seconds(reader) for reader in readers()}
    read_by_pool.add(name)
    notice = pool.read(RawNotice(Carrier.MAIL, HOSTILE[name]))
    spent = {reader: processor_seconds(reader) - before.get(reader, 0.0) for reader in readers()}
    assert max(spent.values(), default=0.0) < 15
    assert isinstance(notice, ReadNotice)
    assert notice.doubts or all(item.doubts for item in notice.items), "nothing here may be acted on by itself"
    assert pool.read(RawNotice(Carrier.MAIL, PLAIN)).items


def readers() -> list[int]:
    """The reading processes of this one."""
    found = []
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            if b"goodhoster.notices.reading.child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found


def test_what_an_unreadable_mail_is_about_is_still_told(pool: ReaderPool) -> None:
    notice = pool.read(RawNotice(Carrier.MAIL, HOSTILE["nested-200-deep"]))
    assert notice.format is NoticeFormat.UNREADABLE
    assert (notice.reference, notice.reporter.address) == ("M0123456789", "a@b.example")
    assert notice.doubts == ("the nesting of parts: 200, more than 20",)


@pytest.mark.slow
def test_the_child_that_read_them_all_stayed_within_its_memory(pool: ReaderPool, read_by_pool: set[str]) -> None:
    for name in [name for name in HOSTILE if name not in read_by_pool]:
        pool.read(RawNotice(Carrier.MAIL, HOSTILE[name]))
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in readers()]
    peaks = [int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) for text in statuses]
    assert peaks
    assert max(peaks) < 512 << 10


def test_one_that_takes_too_long_ends_its_child_only() -> None:
    with ReaderPool(PoolLimits(seconds=0.001)) as hasty:
        notice = hasty.read(RawNotice(Carrier.MAIL, PLAIN))
        assert notice.format is NoticeFormat.UNREADABLE
        assert notice.reference == "M0123456789"
        assert notice.doubts == ("reading it failed or took too long (TimeoutError)",)


@pytest.mark.parametrize("form", ["{}", "<{}>", "Eva <{}>", "Eva {}"])
@pytest.mark.parametrize(
    "address", [f"{'x' * 64}eva@customer.example", f"eva@{'x' * 254}"], ids=["its name", "its domain"]
)
def test_an_address_that_is_too_long_is_not_cut_to_somebody_elses(form: str, address: str) -> None:
    raw = f"From: {form.format(address)}\nTo: abuse@hoster.example\nSubject: x\n\nhello\n".encode()
    assert take_apart(raw).address("From") == ""


@pytest.mark.parametrize("form", ["{}", "<{}>", "Eva <{}>", "Eva {}", "({})", '"Eva" <{}>, other@x.example'])
def test_one_that_is_as_long_as_it_may_be_is_read(form: str) -> None:
    address = f"{'x' * 64}@customer.example"
    raw = f"From: {form.format(address)}\nTo: abuse@hoster.example\nSubject: x\n\nhello\n".encode()
    assert take_apart(raw).address("From") == address
