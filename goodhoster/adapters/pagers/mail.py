"""Alerts by mail: put into the outbox; a test goes to the mail server at once."""

from __future__ import annotations

from collections.abc import Callable

from goodhoster.errors import PassingError, PermanentError
from goodhoster.model.alerts import Alert, AlertKind
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.ports import Mailer


class MailReceiver:
    """See `ports.AlertReceiver`.

    `put` keeps a letter of one id once, `mailer` is None while no mail server is set.
    """

    def __init__(self, to: str, put: Callable[[Letter], bool], mailer: Callable[[], Mailer | None]) -> None:
        self._to = to
        self._put = put
        self._mailer = mailer

    def deliver(self, alert: Alert, delivery_id: str) -> None:
        """See `ports.AlertReceiver`."""
        letter = Letter(delivery_id, LetterKind.PAGE, self._to, alert.subject, alert.text)
        if alert.kind is not AlertKind.TEST:
            self._put(letter)
            return
        mailer = self._mailer()
        if mailer is None:
            raise PermanentError("no mail server is set, so alerts by mail wait", hint="set [smtp]")
        try:
            mailer.send(letter)
        except (PassingError, PermanentError) as error:
            raise PassingError(str(error), hint="see [smtp]") from error
        finally:
            mailer.close()
