"""SmtpMailer and the outbox against a real SMTP server (aiosmtpd) on loopback."""

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from goodhoster.adapters.mailers.smtp import SmartHost, SmtpMailer
from goodhoster.errors import PassingError, PermanentError
from goodhoster.letters.outbox import Outbox
from goodhoster.model.letters import Letter, LetterKind
from tests.ports import free_port

LETTER = Letter(
    "20261124-1", LetterKind.RESULT, "desk@hotline.example", "[M0000000001] Melding", "Gedaan.", "<1@hotline.example>"
)


def clock() -> datetime:
    return datetime(2026, 11, 24, tzinfo=UTC)


class Server:
    """Answers DATA as told; an empty answer cuts the connection."""

    def __init__(self) -> None:
        self.answer = "250 taken"
        self.greylisted = ""
        self.taken: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        if envelope.rcpt_tos == [self.greylisted]:
            return "451 come back later"
        if not self.answer:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        elif self.answer.startswith("250"):
            self.taken.append(envelope)
        return self.answer or "421 gone"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def mailer(server: Server) -> Iterator[SmtpMailer]:
    controller = Controller(server, hostname="127.0.0.1", port=(port := free_port()), enable_SMTPUTF8=False)
    controller.start()
    mailer = SmtpMailer(SmartHost("127.0.0.1", port, "abuse@hoster.example", "Abuse desk", "none"), clock)
    yield mailer
    mailer.close()
    controller.stop()


class Retries:
    """The clock for retries, set by hand."""

    def __init__(self) -> None:
        self.now = 0.0


@pytest.fixture
def retries() -> Retries:
    return Retries()


@pytest.fixture
def outbox(tmp_path: Path, retries: Retries) -> Outbox:
    outbox = Outbox(tmp_path, clock, 3, lambda: retries.now)
    outbox.put(LETTER)
    return outbox


def test_a_line_that_begins_with_from_arrives_as_it_was_written(server: Server, mailer: SmtpMailer) -> None:
    mailer.send(replace(LETTER, text="From today on\n.\nFrom: x\n"))
    (envelope,) = server.taken
    assert isinstance(envelope.content, bytes)
    assert b"\r\n\r\nFrom today on\r\n.\r\nFrom: x\r\n" in envelope.content


def test_a_letter_arrives_marked_as_automatic_with_its_reference(
    server: Server, mailer: SmtpMailer, outbox: Outbox
) -> None:
    assert (outbox.deliver(mailer), outbox.waiting()) == (1, 0)
    (envelope,) = server.taken
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("<>", [LETTER.to])
    assert message["Subject"] == "[M0000000001] Melding"
    assert (message["Auto-Submitted"], message["In-Reply-To"]) == ("auto-replied", "<1@hotline.example>")
    assert message["Message-ID"] == f"<20261124-1.{outbox.codes.code(LETTER.id)}@hoster.example>"


@pytest.mark.parametrize(
    ("answer", "away"),
    [("451 later", False), ("421 closing", True), ("", True)],
    ids=["refused for now", "closing", "connection lost"],
)
def test_what_is_not_taken_now_waits_and_is_sent_once_later(
    answer: str, *, away: bool, server: Server, mailer: SmtpMailer, outbox: Outbox, retries: Retries
) -> None:
    server.answer = answer
    with pytest.raises(PassingError) if away else nullcontext():
        outbox.deliver(mailer)
    assert (outbox.waiting(), server.taken) == (1, [])
    server.answer = "250 taken"
    retries.now += 60.0
    assert [outbox.deliver(mailer), outbox.deliver(mailer), len(server.taken)] == [1, 0, 1]


def test_a_letter_that_is_not_taken_now_holds_up_no_other(
    server: Server, mailer: SmtpMailer, outbox: Outbox, retries: Retries
) -> None:
    server.greylisted = LETTER.to
    outbox.put(replace(LETTER, id="20261124-2", to="desk@authority.example"))
    assert (outbox.deliver(mailer), outbox.waiting()) == (1, 1)
    server.greylisted = ""
    retries.now += 60.0
    assert (outbox.deliver(mailer), outbox.waiting()) == (1, 0)


def test_what_is_refused_for_good_is_put_aside(
    server: Server, mailer: SmtpMailer, outbox: Outbox, tmp_path: Path
) -> None:
    server.answer = "550 never"
    assert (outbox.deliver(mailer), outbox.waiting()) == (0, 0)
    assert (tmp_path / "refused" / f"{LETTER.id}.json").exists()


@pytest.fixture
def utf8_mailer(server: Server) -> Iterator[SmtpMailer]:
    controller = Controller(server, hostname="127.0.0.1", port=(port := free_port()), enable_SMTPUTF8=True)
    controller.start()
    mailer = SmtpMailer(SmartHost("127.0.0.1", port, "abuse@hoster.example", "Abuse desk", "none"), clock)
    yield mailer
    mailer.close()
    controller.stop()


def test_a_name_beyond_ascii_needs_a_server_that_takes_it(
    server: Server, mailer: SmtpMailer, utf8_mailer: SmtpMailer
) -> None:
    letter = replace(LETTER, to="jörg@hotline.example")
    with pytest.raises(PermanentError, match="SMTPUTF8"):
        mailer.send(letter)
    assert server.taken == []
    utf8_mailer.send(letter)
    assert [envelope.rcpt_tos for envelope in server.taken] == [[letter.to]]
    mailer.send(LETTER)  # after that refusal the connection is good
    assert [envelope.rcpt_tos for envelope in server.taken][1:] == [[LETTER.to]]


def test_a_domain_beyond_ascii_is_written_as_mail_servers_know_it(server: Server, mailer: SmtpMailer) -> None:
    mailer.send(replace(LETTER, to="desk@faß.example"))
    (envelope,) = server.taken
    assert envelope.rcpt_tos == ["desk@xn--fa-hia.example"]
    assert isinstance(envelope.content, bytes)
    assert message_from_bytes(envelope.content)["To"] == "desk@xn--fa-hia.example"
