"""Our letters through a real postfix: encrypted, with an account, once, whatever breaks; and never to a machine."""

import os
import smtplib
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.mailers.smtp import SmartHost, SmtpMailer
from goodhoster.errors import PassingError
from goodhoster.letters.outbox import Outbox
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.testing.http_server import CERTIFICATE
from tests.conftest import RoundCount
from tests.journeys.host import Host, wait_until
from tests.journeys.mailservers import delivered, dovecot, open_folder, postfix, program, wire
from tests.journeys.noticehost import NoticeHost
from tests.ports import free_port

pytestmark = [
    pytest.mark.debian("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only"),
]
LETTER = Letter("20261124-1", LetterKind.RESULT, "desk@hotline.example", "[M0000000001] Melding", "Gedaan.")


def clock() -> datetime:
    return datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def subjects(folder: Path) -> Counter[str]:
    return Counter(message["Subject"] for message in delivered(folder))


def put(folder: Path, *letters: Letter) -> Outbox:
    outbox = Outbox(folder / "outbox", clock, 3)
    for letter in letters:
        outbox.put(letter)
    return outbox


@dataclass
class SmartHostWithAccounts:
    """A postfix that takes letters by STARTTLS with an account only, and refuses receivers as told."""

    folder: Path
    port: int = 0
    refusals: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        (self.folder / "config").mkdir()
        self._write()
        settings = (
            f"smtpd_tls_security_level = may\nsmtpd_tls_auth_only = yes\nsmtpd_tls_cert_file = {CERTIFICATE}\n"
            "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\n"
            f"smtpd_sasl_path = {self.folder}/dovecot/auth\nsmtpd_relay_restrictions =\nsmtpd_recipient_restrictions ="
            f" check_recipient_access texthash:{self.folder}/config/refused, permit_sasl_authenticated, reject\n"
        )
        with dovecot(self.folder / "dovecot"), postfix(self.folder, settings) as self.port:
            yield

    def refuse(self, refusals: dict[str, str]) -> None:
        self.refusals = refusals
        self._write()
        subprocess.run([program("postfix"), "-c", self.folder / "config", "reload"], check=True, capture_output=True)

    def _write(self) -> None:
        lines = [f"{receiver} {answer}\n" for receiver, answer in self.refusals.items()]
        (self.folder / "config" / "refused").write_text("".join(lines))

    def mailer(self, password: str) -> SmtpMailer:
        address = ("localhost", self.port, "abuse@hoster.example", "Abuse desk")
        return SmtpMailer(SmartHost(*address, "starttls", "abuse", password), clock)


@pytest.mark.debian("dovecot-imapd", program="dovecot")
def test_encrypted_and_with_an_account_now_later_or_never(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SmartHostWithAccounts(folder, refusals={"later@hotline.example": "451 4.7.1 come back"})
    server.refusals["never@hotline.example"] = "550 5.1.1 nobody here"
    others = [replace(LETTER, id=f"2-{who}", to=f"{who}@hotline.example", subject=who) for who in ("later", "never")]
    outbox = put(folder, LETTER, *others)
    with server.running():
        with pytest.raises(PassingError, match="CERTIFICATE_VERIFY_FAILED"):
            outbox.deliver(server.mailer("made-up"))  # nobody vouches for that certificate
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        with pytest.raises(PassingError, match="535"):
            outbox.deliver(server.mailer("wrong"))
        assert (outbox.waiting(), outbox.refused(), subjects(folder)) == (3, 0, Counter())

        mailer = server.mailer("made-up")
        assert outbox.deliver(mailer) == 1
        assert (outbox.waiting(), outbox.refused()) == (1, 1)
        server.refuse({})
        mailer.close()
        assert wait_until(lambda: _delivers(outbox, mailer))
        mailer.close()
        assert wait_until(lambda: subjects(folder) == {LETTER.subject: 1, "later": 1}), (folder / "log").read_text()
    assert (outbox.waiting(), outbox.refused()) == (0, 1)
    assert all("ESMTPSA" in str(message["Received"]) for message in delivered(folder))


def _delivers(outbox: Outbox, mailer: SmtpMailer) -> bool:
    try:
        return outbox.deliver(mailer) == 1
    except PassingError:
        return False  # a server process that has not heard of the change yet


def test_where_encryption_is_wanted_and_not_offered_nothing_goes_out(folder: Path) -> None:
    outbox = put(folder, LETTER)
    with postfix(folder) as port:
        mailer = SmtpMailer(SmartHost("localhost", port, "abuse@hoster.example", "Desk", "starttls", "a", "b"), clock)
        with pytest.raises(PassingError, match="STARTTLS"):
            outbox.deliver(mailer)
        mailer.close()
    assert (outbox.waiting(), subjects(folder)) == (1, Counter())


def test_a_connection_lost_before_the_servers_yes_sends_again_under_the_same_name(folder: Path) -> None:
    outbox = put(folder, LETTER)
    with postfix(folder) as port, wire(port, b"queued as") as (near, cut):
        mailer = SmtpMailer(SmartHost("127.0.0.1", near, "abuse@hoster.example", "Abuse desk", "none"), clock)
        with pytest.raises(PassingError):
            outbox.deliver(mailer)
        assert cut.is_set()
        assert outbox.waiting() == 1
        assert (outbox.deliver(mailer), outbox.waiting()) == (1, 0)
        mailer.close()
        assert wait_until(lambda: len(delivered(folder)) == 2)
    name = f"{LETTER.id}.{outbox.codes.code(LETTER.id)}"
    assert {message["Message-ID"] for message in delivered(folder)} == {f"<{name}@hoster.example>"}


@pytest.fixture
def noticed(host: Host, folder: Path) -> Callable[..., NoticeHost]:
    """A host with its mail server's ports."""

    def configure(port: int, more: str = "") -> NoticeHost:
        noticed = NoticeHost(host)
        smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsender = "abuse@hoster.example"'
        noticed.configure(f'lmtp = "unix:{folder}/lmtp.sock"\nlmtp_peers = ["postfix"]\n{more}', smtp)
        noticed.list_sites(("anna", "bert"), {"anna": "anna@mail.example,nl"})
        return noticed

    return configure


def test_letters_survive_kills_and_a_mail_server_that_was_away(
    noticed: Callable[..., NoticeHost], host: Host, folder: Path, rounds: RoundCount
) -> None:
    away = noticed(free_port())
    letters = 0
    for kill in range(rounds(1, 10)):
        notice = away.receive(away.mail(away.upload("anna", f"{kill}.jpg")))
        letters += len(notice["sent"])
        host.start()
        host.kill()
    with postfix(folder) as port:
        noticed(port)
        for _ in range(rounds(1, 10)):
            host.start()
            wait_until(lambda: bool(delivered(folder)), 0.2)
            host.kill()
        host.start()
        assert wait_until(lambda: not away.letters())
        host.stop()
        names = {f"<{letter['id']}.{letter['code']}@hoster.example>" for letter in away.letters("sent").values()}
        assert wait_until(lambda: {message["Message-ID"] for message in delivered(folder)} >= names)
    assert len({message["Message-ID"] for message in delivered(folder)}) == letters
    statement = next(m for m in delivered(folder) if m["X-Original-To"] == "anna@mail.example")
    assert "artikel 17" in str(statement.get_payload())


AUTOMATIC = {
    "auto-submitted": "Auto-Submitted: auto-generated (made up)\n",
    "auto-replied": 'Auto-Submitted: auto-replied; owner="x"\n',
    "precedence": "Precedence: bulk\n",
    "list": "List-Id: <made-up.elsewhere.example>\n",
    "exchange": "X-Auto-Response-Suppress: DR, OOF, AutoReply\n",
    "empty-return-path": "",
    "from-ourselves": "From: abuse@hoster.example\n",
}


def test_no_machine_is_answered_and_one_that_answers_everything_comes_to_an_end(
    noticed: Callable[..., NoticeHost], host: Host, folder: Path
) -> None:
    with postfix(folder) as port, smtplib.SMTP("127.0.0.1", port) as client:
        ours = noticed(port, "answers_a_day = 3")
        host.start()

        def send(who: str, headers: str = "", sender: str = "") -> None:
            author = "" if "From:" in headers else f"From: {who}@elsewhere.example\n"
            text = f"{headers}{author}Subject: {who}\nMessage-ID: <{who}@elsewhere.example>\n\nPlease look.\n"
            client.sendmail(sender, ["abuse@hoster.example"], text.replace("\n", "\r\n"))

        for name, headers in AUTOMATIC.items():
            send(name, headers, "" if name == "empty-return-path" else f"{name}@elsewhere.example")
        send("person", "Auto-Submitted: no\nX-Auto-Response-Suppress: RN\n", "person@elsewhere.example")
        send("robot", sender="robot@elsewhere.example")
        for number in range(1, 4):
            assert wait_until(lambda: received_by_robot(folder) == number), (folder / "log").read_text()  # noqa: B023
            send(f"robot-{number}", "From: robot@elsewhere.example\n", "robot@elsewhere.example")
        assert wait_until(lambda: "receipt-not-sent" in ours.notices()[-1]["sent"]), ours.notices()
        ours.settled({"needs-person": len(AUTOMATIC) + 5})
        assert wait_until(lambda: not ours.letters())
        host.stop()
        answered = {"person@elsewhere.example": 1, "robot@elsewhere.example": 3}
        assert wait_until(lambda: Counter(m["X-Original-To"] for m in delivered(folder)) == answered)


def received_by_robot(folder: Path) -> int:
    return sum(message["X-Original-To"] == "robot@elsewhere.example" for message in delivered(folder))
