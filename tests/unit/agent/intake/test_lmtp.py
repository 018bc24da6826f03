"""LMTP over real sockets: 250 only for what is on disk."""

import os
import pwd
import resource
import smtplib
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import RawNotice
from goodhoster.notices.spool import Arrived, Spool
from goodhoster_agent.intake.lmtp import LmtpIntake, LmtpSettings
from goodhoster_agent.intake.storing import NoticeStorage

MAIL = b"From: a@b.example\r\nSubject: x\r\n\r\n.starts with a dot\r\n" + b"long " * 5000 + b"\r\n"


class Door:
    def __init__(self, folder: Path, *peers: str) -> None:
        self.spool = Spool(folder / "spool", lambda: datetime.now(UTC))
        self.rung = threading.Event()
        self.full = False
        self.intake = LmtpIntake(
            NoticeStorage(self.keep, self.rung.set), LmtpSettings(folder / "lmtp.sock", peers, str(folder))
        )
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
    monkeypatch.setattr("goodhoster_agent.intake.lmtp.LARGEST_MAIL", 1000)
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
    first = LmtpIntake(NoticeStorage(door.keep, door.rung.set), LmtpSettings(("127.0.0.1", 0)))
    first.start()
    with smtplib.LMTP("127.0.0.1", first.port) as client:
        client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)
    with pytest.raises(ConfigurationError, match=str(first.port)):
        LmtpIntake(NoticeStorage(door.keep, door.rung.set), LmtpSettings(("127.0.0.1", first.port))).start()
    first.stop()
    assert len(door.kept()) == 1


ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def folder() -> Iterator[Path]:
    """Others may enter it, which pytest's is not for."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def connected_as(account: str, file: str) -> str:
    """What an LMTP server greets that account with, or why it may not even connect."""
    code = (
        "import os, pwd, socket, sys\n"
        "user = pwd.getpwnam(sys.argv[1])\n"
        "os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid)\n"
        "client = socket.socket(socket.AF_UNIX); client.settimeout(60)\n"
        "try: client.connect(sys.argv[2]); print(client.recv(200).decode())\n"
        "except OSError as error: print(error.strerror)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, account, file], capture_output=True, text=True, check=True)
    return ended.stdout


def test_what_a_peer_hands_over_is_of_our_own_server_and_what_others_do_is_not(folder: Path) -> None:
    for peers, own in (((ME,), True), ((), False)):
        (folder / str(own)).mkdir()
        door = Door(folder / str(own), *peers)
        door.intake.start()
        with smtplib.LMTP(door.socket) as client:
            client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)
        door.intake.stop()
        assert [receipt.own_server for receipt in door.kept()] == [own]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_only_the_accounts_that_are_set_may_connect(folder: Path) -> None:
    door = Door(folder, "nobody")
    door.intake.start()
    try:
        assert connected_as("nobody", door.socket).startswith("220 ")
        assert connected_as("daemon", door.socket).strip() == "Permission denied"
        assert connected_as("root", door.socket).strip() == "421 4.3.2 not for this account"
    finally:
        door.intake.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_without_such_accounts_the_rights_of_the_file_say_who_may(folder: Path) -> None:
    door = Door(folder)
    door.intake.start()
    try:
        assert stat.filemode(os.stat(door.socket).st_mode) == "srw-rw----"
        assert connected_as("nobody", door.socket).strip() == "Permission denied"
        assert connected_as("root", door.socket).startswith("220 ")
    finally:
        door.intake.stop()


def test_an_account_that_does_not_exist_and_accounts_at_a_port_are_told(tmp_path: Path) -> None:
    keeping = NoticeStorage(Door(tmp_path).keep, lambda: None)
    with pytest.raises(ConfigurationError, match="there is no account nobody-of-that-name"):
        LmtpIntake(keeping, LmtpSettings(tmp_path / "l.sock", ("nobody-of-that-name",)))
    with pytest.raises(ConfigurationError, match="TCP"):
        LmtpIntake(keeping, LmtpSettings(("127.0.0.1", 0), (ME,)))


def test_many_that_connect_in_one_moment_are_not_more_than_others(door: Door) -> None:
    """They are accepted together, before the first of them has a transport."""
    clients = [socket.socket(socket.AF_UNIX) for _ in range(60)]
    held = threading.Event()
    door.intake._loop.call_soon_threadsafe(held.wait, 60)
    for client in clients:
        client.settimeout(60)
        client.connect(door.socket)
    held.set()
    greetings = [client.recv(100)[:3] for client in clients]
    assert (greetings.count(b"220"), greetings.count(b"421")) == (16, 44)
    for client in clients:
        client.close()


ADDRESSES = [
    "Löschung@hoster.example",
    '"a; b"@hoster.example',
    "a..b@hoster.example",
    "a@[192.0.2.1]",
    "x" * 300 + "@b.example",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_the_mail_server_took_is_never_refused(door: Door, address: str) -> None:
    with smtplib.LMTP(door.socket) as client:
        client.ehlo_or_helo_if_needed()
        assert client.has_extn("smtputf8")
        for command in (f"MAIL FROM:<{address}> SMTPUTF8 BODY=8BITMIME", f"RCPT TO:<{address}>"):
            client.send(f"{command}\r\n".encode())
            assert client.getreply()[0] == 250
        assert client.data(MAIL)[0] == 250
    assert [receipt.sender for receipt in door.kept()] == [address]


def test_an_address_that_is_no_text_is_kept_as_far_as_it_is(door: Door) -> None:
    with smtplib.LMTP(door.socket) as client:
        client.ehlo_or_helo_if_needed()
        client.send(b"MAIL FROM:<L\xf6schung@b.example>\r\nRCPT TO:<a@b.example>\r\n")
        assert [client.getreply()[0], client.getreply()[0], client.data(MAIL)[0]] == [250, 250, 250]
    assert [receipt.sender for receipt in door.kept()] == ["L\ufffdschung@b.example"]


def test_more_receivers_than_a_mail_server_sends_are_put_off(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodhoster_agent.intake.lmtp._MOST_RECEIVERS", 2)
    with smtplib.LMTP(door.socket) as client:
        refused = client.sendmail("a@b.example", ["a@h.example", "b@h.example", "c@h.example"], MAIL)
        assert client.getreply()[0] == 250  # smtplib reads one answer, whoever the receivers are
    assert refused == {"c@h.example": (452, b"4.5.3 too many receivers")}


@pytest.mark.slow
def test_all_sessions_together_use_little_memory(door: Door) -> None:
    """Sixteen mails of 40 MiB at once, in one line each: 640 MiB come in."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clients = [socket.socket(socket.AF_UNIX) for _ in range(16)]
    threads = [threading.Thread(target=_send_large, args=(client, door.socket)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(door.kept()) == 16
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB


def _send_large(client: socket.socket, file: str) -> None:
    piece = b"x" * (1 << 20)
    with client:
        client.connect(file)
        client.sendall(b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        for _ in range(40):
            client.sendall(piece)
        client.sendall(b"\r\n.\r\nQUIT\r\n")
        while client.recv(1 << 16):
            pass


def test_while_the_disk_refuses_what_comes_in_the_mail_server_is_told_to_try_again(tmp_path: Path) -> None:
    door = Door(tmp_path)
    settings = LmtpSettings(tmp_path / "other.sock", folder=str(tmp_path / "nowhere"))
    intake = LmtpIntake(NoticeStorage(door.keep, lambda: None), settings)
    intake.start()
    try:
        with smtplib.LMTP(str(tmp_path / "other.sock")) as client:
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.sendmail("a@b.example", ["abuse@hoster.example"], b"x" * (1 << 20))
            assert refused.value.smtp_code == 451
            client.sendmail("a@b.example", ["abuse@hoster.example"], MAIL)  # small enough for memory
    finally:
        intake.stop()
    assert len(door.kept()) == 1
