"""The hoster's own mail server (smarthost), by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from goodhoster.errors import LetterPutOffError, PassingError, PermanentError
from goodhoster.model.letters import Letter
from goodhoster.ports import Clock

_ANSWER_WITHIN = 60.0  # seconds; RFC 5321 4.5.3.2 has minutes, but one's own server is near

_CLOSING = 421
"""The server ends the conversation: that concerns no letter more than others."""


@dataclass(frozen=True, slots=True)
class SmartHost:
    """The mail server's address and account, and the sender."""

    host: str
    port: int
    sender: str
    """Address in From, and the place where answers to our answers come."""
    sender_name: str
    security: str
    """`none`, `starttls` or `tls`; certificates are verified."""
    username: str = ""
    password: str = ""


class SmtpMailer:
    """See `ports.Mailer`. Keeps its connection open between letters."""

    def __init__(self, server: SmartHost, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._connection: smtplib.SMTP | None = None

    def send(self, letter: Letter) -> None:
        """See `ports.Mailer`.

        Only a refusal of the receiver or the content is permanent: a refusal of us (account, encryption,
        sender) ends when the administrator fixes it, and no letter is given up for that.
        """
        to = _with_ascii_domain(letter.to)
        message = self.message(letter)
        try:
            connection = self._connected()
            policy, options = SMTP, list[str]()
            if not to.isascii():
                _expect_utf8(connection)
                policy, options = SMTPUTF8, ["SMTPUTF8", "BODY=8BITMIME"]
            # Mostly the null sender (RFC 3834 4): what cannot be delivered comes back to nobody.
            # Not send_message: it writes ">From" for "From" at the beginning of a line.
            connection.sendmail(letter.bounces_to, [to], message.as_bytes(policy=policy), options)
        except smtplib.SMTPRecipientsRefused as error:
            ((code, words),) = error.recipients.values()
            self.close()
            raise _refusal(code, words) from error
        except smtplib.SMTPDataError as error:
            self.close()
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            where = f"{self._server.host}:{self._server.port}"
            raise PassingError(
                f"the mail server {where} did not accept the mail: {error}", hint="see [smtp]"
            ) from error
        except Exception:
            self.close()  # nobody knows how far the conversation came
            raise

    def close(self) -> None:
        """See `ports.Mailer`."""
        if self._connection is not None:
            with suppress(OSError, smtplib.SMTPException):  # a farewell to a server that is gone
                self._connection.quit()
            self._connection = None

    def message(self, letter: Letter) -> EmailMessage:
        """The letter as a message: text only, marked as automatic.

        By RFC 3834, so that no machine answers it.
        """
        sender = self._server.sender
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(self._server.sender_name, addr_spec=sender)
        message["To"] = _address(_with_ascii_domain(letter.to))
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self._clock())
        name = f"{letter.id}.{letter.code}" if letter.code else letter.id
        message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-replied" if letter.in_reply_to else "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        if letter.in_reply_to:
            message["In-Reply-To"] = letter.in_reply_to
            message["References"] = letter.in_reply_to
        message.set_content(letter.text, cte="quoted-printable")
        return message

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        server, context = self._server, ssl.create_default_context()
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=_ANSWER_WITHIN, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=_ANSWER_WITHIN)
        with ExitStack() as failed:
            failed.callback(connection.close)
            if server.security == "starttls":
                connection.starttls(context=context)
            if server.username:
                connection.login(server.username, server.password)
            failed.pop_all()
        return connection


def _address(text: str) -> Address:
    """Parse a mail address; PermanentError when it is not valid: an outsider chose it."""
    local, _, domain = text.rpartition("@")
    try:
        return Address(addr_spec=text) if local.isascii() else Address(username=local, domain=domain)
    except (HeaderParseError, ValueError, IndexError, TypeError) as error:
        raise PermanentError("the receiver's address is not valid") from error


def _with_ascii_domain(address: str) -> str:
    """Write the domain as mail servers know it; PermanentError where it has no such form."""
    if address.isascii():
        return address
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - seldom needed

    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        raise PermanentError("the receiver's address is not valid") from error
    return f"{checked.local_part}@{checked.ascii_domain}"


def _expect_utf8(connection: smtplib.SMTP) -> None:
    """Expect a server that takes addresses in UTF-8 (RFC 6531); PermanentError from any other."""
    connection.ehlo_or_helo_if_needed()
    if not connection.has_extn("smtputf8"):
        raise PermanentError("the mail server takes no address with letters beyond ASCII before the @ (no SMTPUTF8)")


def _refusal(code: int, words: bytes | str) -> PassingError | PermanentError:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    said = f"the mail server answered {code} {text[:200]}"
    if 500 <= code < 600:  # noqa: PLR2004 - SMTP's permanent answers
        return PermanentError(said)
    return PassingError(said) if code == _CLOSING else LetterPutOffError(said)
