"""SmtpMailer and the outbox against a real SMTP server (aiosmtpd) on loopback."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from goodhoster.adapters.mailers.smtp import SmartHost, SmtpMailer
from goodhoster.errors import PassingError
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
    controller = Controller(server, hostname="127.0.0.1", port=(port := free_port()))
    controller.start()
    mailer = SmtpMailer(SmartHost("127.0.0.1", port, "abuse@hoster.example", "Abuse desk", "none"), clock)
    yield mailer
    mailer.close()
    controller.stop()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    outbox = Outbox(tmp_path, clock, 3)
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


@pytest.mark.parametrize("answer", ["451 later", ""], ids=["refused for now", "connection lost"])
def test_what_is_not_taken_now_waits_and_is_sent_once_later(
    answer: str, server: Server, mailer: SmtpMailer, outbox: Outbox
) -> None:
    server.answer = answer
    with pytest.raises(PassingError):
        outbox.deliver(mailer)
    assert (outbox.waiting(), server.taken) == (1, [])
    server.answer = "250 taken"
    assert [outbox.deliver(mailer), outbox.deliver(mailer), len(server.taken)] == [1, 0, 1]


def test_a_letter_that_is_not_taken_now_holds_up_no_other(server: Server, mailer: SmtpMailer, outbox: Outbox) -> None:
    server.greylisted = LETTER.to
    outbox.put(replace(LETTER, id="20261124-2", to="desk@authority.example"))
    assert (outbox.deliver(mailer), outbox.waiting()) == (1, 1)
    server.greylisted = ""
    assert (outbox.deliver(mailer), outbox.waiting()) == (1, 0)


def test_what_is_refused_for_good_is_put_aside(
    server: Server, mailer: SmtpMailer, outbox: Outbox, tmp_path: Path
) -> None:
    server.answer = "550 never"
    assert (outbox.deliver(mailer), outbox.waiting()) == (0, 0)
    assert (tmp_path / "refused" / f"{LETTER.id}.json").exists()
