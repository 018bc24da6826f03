"""A mailbox whose server is restarted, renumbers, is silent or hostile: each mail is one notice, each trouble told."""

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import RawNotice
from goodhoster.notices.spool import Arrived, Spool
from goodhoster.settings.notices import ImapSettings
from goodhoster_agent.intake import imap, mailbox
from goodhoster_agent.intake.imap import ImapIntake, MailboxIntake, try_mailbox
from goodhoster_agent.intake.mailbox import Mailbox, mailbox_of
from goodhoster_agent.intake.storing import NoticeStorage
from tests.imapserver import Connection, ScriptedImap, Stored, by_drops, endless, silent
from tests.waiting import wait_until


def mail(number: int) -> bytes:
    return f"Subject: mail {number}\r\nMessage-ID: <{number}@a.example>\r\n\r\ntext\r\n".encode()


class Desk:
    """A spool, a scripted server, and intakes that read from one into the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = Spool(folder / "spool", lambda: datetime.now(UTC))
        self.server = ScriptedImap()
        self.password = "made-up"
        self.full = False
        self._stack = ExitStack()
        self.port = self._stack.enter_context(self.server.serving())
        self.box = Mailbox("127.0.0.1", self.port, "abuse", lambda: self.password, "none", "INBOX", 300.0)
        self.running: ImapIntake | None = None

    def keep(self, raw: RawNotice, arrived: Arrived) -> Receipt:
        if self.full:
            raise PassingError("no room")
        return self.spool.keep(raw, arrived)

    def start(self, *, own_server: bool = False) -> ImapIntake:
        parts = MailboxIntake(NoticeStorage(self.keep, lambda: None), self.box, self.folder, own_server=own_server)
        self.running = ImapIntake(parts)
        self.running.start()
        return self.running

    def stop(self) -> float:
        assert self.running
        began = time.monotonic()
        self.running.stop()
        self.running = None
        return time.monotonic() - began

    def kept(self) -> list[bytes]:
        return sorted(self.spool.raw(receipt).content for receipt in self.spool.waiting())

    def has(self, *numbers: int) -> bool:
        return wait_until(lambda: self.kept() == sorted(map(mail, numbers)))

    def close(self) -> None:
        if self.running:
            self.stop()
        self._stack.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(imap, "_FIRST_RETRY", 0.05)
    monkeypatch.setattr(imap, "_FIRST_MAIL_RETRY", 0.2)
    monkeypatch.setattr(imap, "_LONGEST_RETRY", 0.2)
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def told(desk: Desk, words: str) -> bool:
    return wait_until(lambda: desk.running is not None and words in desk.running.problem)


def test_a_server_that_is_started_anew_while_we_idle_is_noticed_at_once_and_no_core_is_kept_busy(desk: Desk) -> None:
    desk.server.add(mail(1))
    intake = desk.start()
    assert desk.has(1)
    assert wait_until(lambda: any(connection.idle for connection in desk.server.connections))
    desk.server.greeting = "* BYE starting"
    before = time.process_time()
    desk.server.hang_up()
    assert told(desk, "no mail from 127.0.0.1")
    time.sleep(1)
    assert time.process_time() - before < 0.8
    desk.server.add(mail(2))
    desk.server.greeting = "* OK ready"
    assert desk.has(1, 2)
    assert wait_until(lambda: not intake.problem)


def test_a_goodbye_while_we_idle_is_understood(desk: Desk) -> None:
    desk.start()
    assert wait_until(lambda: any(connection.idle for connection in desk.server.connections))
    (connection,) = desk.server.connections
    desk.server.greeting = "* BYE starting"
    connection.send("* BYE restarting")
    assert told(desk, "no mail from")


def test_mails_that_somebody_opened_before_us_are_taken(desk: Desk) -> None:
    desk.start()
    assert wait_until(lambda: any(connection.idle for connection in desk.server.connections))
    desk.stop()
    desk.server.mails[1] = Stored(mail(1), seen=True)
    desk.server.mails[2] = Stored(mail(2))
    desk.start()
    assert desk.has(1, 2)


def test_of_a_mailbox_that_is_new_to_us_the_unopened_are_taken_and_no_others(desk: Desk) -> None:
    desk.server.mails = {1: Stored(mail(1), seen=True), 2: Stored(mail(2)), 5: Stored(mail(5))}
    desk.start()
    assert desk.has(2, 5)
    assert desk.server.mails[2].seen
    desk.server.add(mail(6), seen=True)
    assert desk.has(2, 5, 6)


def test_a_mail_that_was_opened_after_we_first_saw_it_is_taken_all_the_same(desk: Desk) -> None:
    desk.full = True
    desk.server.add(mail(1))
    desk.start()
    assert told(desk, "no room")
    desk.server.mails[1].seen = True
    desk.full = False
    assert desk.has(1)


def test_mails_that_were_moved_or_deleted_before_their_turn_stop_nothing(desk: Desk) -> None:
    def fetch(connection: Connection, tag: str, rest: str) -> None:
        desk.server.mails.pop(1, None)
        connection.do_uid_fetch(tag, rest)

    desk.server.instead["UID FETCH"] = fetch
    for number in (1, 2):
        desk.server.add(mail(number))
    intake = desk.start()
    assert desk.has(2)
    assert wait_until(lambda: any(connection.idle for connection in desk.server.connections))
    assert not intake.problem


def test_a_mail_that_is_moved_away_and_back_is_one_notice(desk: Desk) -> None:
    desk.server.add(mail(1))
    desk.start()
    assert desk.has(1)
    desk.server.mails[9] = desk.server.mails.pop(1)
    desk.server.add(mail(10))
    assert desk.has(1, 10)


def test_after_all_were_numbered_anew_each_is_still_one_notice(desk: Desk) -> None:
    desk.server.mails = {1: Stored(mail(1), "01-Jan-2020 00:00:00 +0000", seen=True), 2: Stored(mail(2))}
    desk.start()
    assert desk.has(2)
    desk.stop()
    desk.server.validity = 8
    desk.server.mails = {4: Stored(mail(2), seen=True), 5: Stored(mail(3)), 6: Stored(mail(4), seen=True)}
    desk.start()
    assert desk.has(2, 3, 4)
    desk.server.add(mail(7))
    assert desk.has(2, 3, 4, 7)


def test_one_that_cannot_be_handed_out_blocks_no_other_and_is_told_until_it_can(desk: Desk) -> None:
    def fetch(connection: Connection, tag: str, rest: str) -> None:
        if rest.startswith("1 "):
            connection.send(f"{tag} NO [SERVERBUG] cannot be read")
        else:
            connection.do_uid_fetch(tag, rest)

    desk.server.instead["UID FETCH"] = fetch
    for number in (1, 2, 3):
        desk.server.add(mail(number))
    intake = desk.start()
    assert desk.has(2, 3)
    assert told(desk, "mail 1 of INBOX at 127.0.0.1 cannot be fetched")
    desk.server.add(mail(4))
    assert desk.has(2, 3, 4)
    del desk.server.instead["UID FETCH"]
    assert desk.has(1, 2, 3, 4)
    assert wait_until(lambda: not intake.problem)


@pytest.mark.parametrize("ending", ["hang-up", "nonsense", "no-date", "no-content", "another-mail", "bad-date"])
def test_one_at_which_the_server_breaks_blocks_no_other(desk: Desk, ending: str) -> None:
    answers = {
        "nonsense": "* 1 FETCH (((",
        "no-date": "* 1 FETCH (UID 1 BODY[]<0> {2}\r\nab)",
        "no-content": '* 1 FETCH (UID 1 INTERNALDATE "02-Mar-2026 11:00:00 +0000")',
        "another-mail": '* 1 FETCH (UID 77 INTERNALDATE "02-Mar-2026 11:00:00 +0000" BODY[]<0> {2}\r\nab)',
        "bad-date": '* 1 FETCH (UID 1 INTERNALDATE "99-Foo-2026" BODY[]<0> {2}\r\nab)',
    }

    def fetch(connection: Connection, tag: str, rest: str) -> None:
        if not rest.startswith("1 "):
            connection.do_uid_fetch(tag, rest)
        elif ending == "hang-up":
            connection.close()
        else:
            connection.send(answers[ending], f"{tag} OK")

    desk.server.instead["UID FETCH"] = fetch
    for number in (1, 2, 3):
        desk.server.add(mail(number))
    desk.start()
    assert desk.has(2, 3)
    del desk.server.instead["UID FETCH"]
    assert desk.has(1, 2, 3)


def test_a_mail_that_cannot_be_marked_is_taken_and_that_is_told(desk: Desk) -> None:
    desk.server.instead["UID STORE"] = lambda connection, tag, _: connection.send(f"{tag} NO read-only mailbox")
    desk.server.add(mail(1))
    desk.start()
    assert desk.has(1)
    assert told(desk, "cannot be marked as seen")


def test_what_was_taken_before_a_crash_and_not_remembered_is_one_notice(desk: Desk) -> None:
    desk.server.add(mail(1))
    desk.start()
    assert desk.has(1)
    desk.stop()
    for file in desk.folder.glob("imap-*.json"):
        file.unlink()
    desk.server.mails[1].seen = False
    desk.server.add(mail(2))
    desk.start()
    assert desk.has(1, 2)


def test_what_it_remembers_is_damaged(desk: Desk) -> None:
    desk.start()
    assert wait_until(lambda: list(desk.folder.glob("imap-*.json")))
    desk.stop()
    for file in desk.folder.glob("imap-*.json"):
        file.write_text('{"validity": 7}')
    desk.server.add(mail(1))
    desk.start()
    assert desk.has(1)


def test_a_password_that_is_corrected_later_needs_no_restart(desk: Desk) -> None:
    desk.password = "wrong"
    desk.server.add(mail(1))
    desk.start()
    assert told(desk, "wrong password")
    desk.password = "made-up"
    assert desk.has(1)


@pytest.mark.parametrize("password", ["geheim-ü", "пароль", 'with "quotes" and \\'])
def test_a_password_beyond_ascii(desk: Desk, password: str) -> None:
    desk.server.password = desk.password = password
    if password.isascii():
        desk.server.instead["LOGIN"] = lambda connection, tag, _: connection.send(f"{tag} OK")
    desk.server.add(mail(1))
    desk.start()
    assert desk.has(1)


def test_a_password_beyond_ascii_at_a_server_that_takes_none_is_told(desk: Desk) -> None:
    desk.password, desk.server.capabilities = "geheim-ü", "IMAP4rev1"
    desk.start()
    assert told(desk, "AUTH=PLAIN")


def test_a_password_that_cannot_be_read_now_is_told_and_tried_again(desk: Desk) -> None:
    def unreadable() -> str:
        raise ConfigurationError("cannot read the password")

    good, desk.box = desk.box, replace(desk.box, password=unreadable)
    intake = desk.start()
    assert told(desk, "cannot read the password")
    object.__setattr__(intake._mailbox, "password", good.password)
    assert wait_until(lambda: not intake.problem)


def test_whatever_is_thrown_is_told_and_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(imap, "_next_number", broken)
    desk.server.add(mail(1))
    desk.start()
    assert told(desk, "a fault of ours")
    monkeypatch.setattr(imap, "_next_number", lambda box: box.next_number)
    assert desk.has(1)


@pytest.mark.parametrize("folder", ["Missbrauch/Löschung", "жалобы", "A & B"])
def test_folder_names_beyond_ascii(desk: Desk, folder: str) -> None:
    desk.box = replace(desk.box, folder=folder)
    desk.server.add(mail(1))
    desk.start()
    assert desk.has(1)
    assert desk.server.folders[0].isascii()
    assert "&" in desk.server.folders[0]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["CAPABILITY", "LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID STORE", "IDLE"])
def test_a_silent_server_keeps_no_end_waiting(desk: Desk, command: str) -> None:
    desk.server.instead[command] = silent
    desk.server.add(mail(1))
    desk.start()
    assert wait_until(lambda: any(said.upper().startswith(command) for said in desk.server.said))
    time.sleep(0.1)
    assert desk.stop() < 20.0  # six at the most on an idle machine; the server is silent for ever


@pytest.mark.slow
def test_a_server_that_does_not_even_greet_keeps_no_end_waiting(desk: Desk) -> None:
    desk.server.greeting = ""
    desk.start()
    assert wait_until(lambda: desk.server.connections)
    assert desk.stop() < 20.0


@pytest.mark.parametrize("manner", ["drops", "endless", "large-literal", "large-line"])
@pytest.mark.parametrize("command", ["SELECT", "UID FETCH"])
def test_a_hostile_answer_is_told_and_does_not_fill_memory(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: str, manner: str
) -> None:
    monkeypatch.setattr(mailbox, "_LONGEST_COMMAND", 1.0)
    monkeypatch.setattr(mailbox._Limit.__init__, "__defaults__", (1.0,))
    monkeypatch.setattr(mailbox, "_LARGEST_ANSWER", 1 << 20)
    manners = {
        "drops": by_drops,
        "endless": endless("* 1 EXISTS"),
        "large-literal": lambda connection, *_: connection.send("* 1 FETCH (UID 1 BODY[]<0> {99999999999}"),
        "large-line": endless("x" * 2000),
    }
    desk.server.instead[command] = manners[manner]
    desk.server.add(mail(1))
    intake = desk.start()
    assert wait_until(lambda: bool(intake.problem)), "it is told"
    del desk.server.instead[command]
    assert desk.has(1)


def test_results_count_only_where_nobody_else_delivers(desk: Desk) -> None:
    desk.server.add(mail(1))
    desk.start(own_server=True)
    assert desk.has(1)
    desk.stop()
    assert [receipt.own_server for receipt in desk.spool.waiting()] == [True]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed, for localhost; with its key."""
    file = tmp_path_factory.mktemp("certificate") / "imap.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", f"{file}.key", "-out", file,
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return file


@pytest.mark.debian("openssl")
def test_starttls_with_a_certificate_of_its_own(desk: Desk, certificate: Path) -> None:
    desk.server.tls = _server_side(certificate)
    desk.server.capabilities = "IMAP4rev1 STARTTLS LOGINDISABLED"
    desk.server.add(mail(1))
    desk.box = replace(desk.box, host="localhost", security="starttls", ca_file=certificate)
    desk.start()
    assert desk.has(1)
    desk.stop()
    assert "self-signed certificate" in try_mailbox(replace(desk.box, ca_file=None))


@pytest.mark.debian("openssl")
@pytest.mark.parametrize("greeting", ["* PREAUTH welcome", "* OK [CAPABILITY IMAP4rev1] ready"])
def test_a_server_between_that_keeps_encryption_away_gets_no_password(
    desk: Desk, certificate: Path, greeting: str
) -> None:
    desk.server.greeting, desk.server.capabilities = greeting, "IMAP4rev1"
    desk.box = replace(desk.box, host="localhost", security="starttls", ca_file=certificate)
    assert try_mailbox(desk.box)
    assert not [said for said in desk.server.said if "LOGIN" in said.upper() or "AUTH" in said.upper()]


def _server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    return context


def settings(folder: Path, **more: object) -> ImapSettings:
    secret = folder / "secret"
    secret.touch(0o600)
    secret.write_text("geheim-ü\n")
    return ImapSettings(**{"host": "localhost", "username": "abuse", "password_file": secret} | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host", ["imap.hoster.example", "192.0.2.7", "::ffff:192.0.2.7", "localhost.example", "10.0.0.1"]
)
def test_no_password_goes_to_another_machine_unencrypted(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        mailbox_of(settings(tmp_path, host=host, security="none"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.1.2.3", "LOCALHOST."])
def test_to_this_machine_it_may(tmp_path: Path, host: str) -> None:
    assert mailbox_of(settings(tmp_path, host=host, security="none")).password() == "geheim-ü"


def test_a_name_of_this_machine_that_leads_elsewhere_gets_no_password(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("192.0.2.7", 143))
    assert "another machine" in try_mailbox(desk.box)
    assert not [said for said in desk.server.said if said.startswith("LOGIN")]


def test_certificates_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("empty.pem", "nowhere.pem"):
        with pytest.raises(ConfigurationError, match=name):
            mailbox_of(settings(tmp_path, ca_file=tmp_path / name))
