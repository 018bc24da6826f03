"""LMTP over real sockets: 250 only for what is on disk."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import RawNotice
from goodhoster.notices.spool import Arrived, Spool
from goodhoster_agent.intake.lmtp import LmtpIntake
from goodhoster_agent.intake.storing import Keeping

MAIL = b"From: a@b.example\r\nSubject: x\r\n\r\n.starts with a dot\r\n" + b"long " * 5000 + b"\r\n"


class Door:
    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "spool", lambda: datetime.now(UTC))
        self.rung = threading.Event()
        self.full = False
        self.intake = LmtpIntake(Keeping(self.keep, self.rung.set), folder / "lmtp.sock")
        self.socket = str(folder / "lmtp.sock")

    def keep(self, raw: RawNotice, arrived: Arrived) -> Receipt:
        if self.full:
            raise PassingError("no room")
        return self.spool.keep(raw, arrived)

    def kept(self) -> list[Receipt]:
        return list(self.spool.waiting())


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    door.intake.start()
    yield door
    door.intake.stop()


def test_what_was_acknowledged_is_on_disk_byte_for_byte(door: Door) -> None:
    with smtplib.LMTP(door.socket) as client:
        client.sendmail("sender@hotline.example", ["abuse@hoster.example"], MAIL)
    (receipt,) = door.kept()
    assert door.spool.raw(receipt).content == MAIL
    assert receipt.sender == "sender@hotline.example"
    assert door.rung.is_set()


def test_the_null_sender_of_a_bounce_is_noted(door: Door) -> None:
    with smtplib.LMTP(door.socket) as client:
        client.sendmail("", ["abuse@hoster.example"], MAIL)
    assert [receipt.sender for receipt in door.kept()] == ["<>"]


def test_every_receiver_gets_an_answer_and_the_message_is_kept_once(door: Door) -> None:
    with smtplib.LMTP(door.socket) as client:
        client.sendmail("a@b.example", ["one@hoster.example", "two@hoster.example"], MAIL)
        assert client.getreply()[0] == 250  # smtplib reads one answer, whoever the receivers are
        client.sendmail("a@b.example", ["three@hoster.example"], b"Subject: second\r\n\r\n")
    assert len(door.kept()) == 2


def test_while_the_disk_refuses_the_mail_server_is_told_to_try_again(door: Door) -> None:
    door.full = True
    with smtplib.LMTP(door.socket) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)
        assert refused.value.smtp_code == 451
        door.full = False
        client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)
    assert len(door.kept()) == 1


def test_of_a_message_that_is_too_large_the_beginning_is_kept(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodhoster_agent.intake.lmtp.LARGEST", 1000)
    with smtplib.LMTP(door.socket) as client:
        client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL + b"\r\n.\r\n.. more\r\n")
        client.sendmail("a@b.example", ["abuse@hoster.example"], b"Subject: small\r\n\r\n")
    assert [door.spool.raw(receipt).content for receipt in door.kept()] == [MAIL[:1000], b"Subject: small\r\n\r\n"]


def test_a_connection_that_breaks_off_leaves_nothing_half(door: Door) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(door.socket)
        client.sendall(b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + MAIL[:40])
    with smtplib.LMTP(door.socket) as client:
        client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)
    assert len(door.kept()) == 1


def test_too_many_at_once_are_asked_to_come_again(door: Door) -> None:
    clients = [smtplib.LMTP(door.socket) for _ in range(16)]
    with pytest.raises(smtplib.SMTPConnectError) as busy:
        smtplib.LMTP(door.socket)
    assert busy.value.smtp_code == 421
    for client in clients:
        client.quit()
    with smtplib.LMTP(door.socket) as client:
        client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)


def test_a_tcp_port_serves_too_and_one_in_use_is_named(door: Door) -> None:
    first = LmtpIntake(Keeping(door.keep, door.rung.set), ("127.0.0.1", 0))
    first.start()
    with smtplib.LMTP("127.0.0.1", first.port) as client:
        client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)
    with pytest.raises(ConfigurationError, match=str(first.port)):
        LmtpIntake(Keeping(door.keep, door.rung.set), ("127.0.0.1", first.port)).start()
    first.stop()
    assert len(door.kept()) == 1
