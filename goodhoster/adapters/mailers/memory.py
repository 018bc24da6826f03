"""A mail server in memory, for tests."""

from __future__ import annotations

from goodhoster.errors import GoodhosterError
from goodhoster.model.letters import Letter


class MemoryMailer:
    """See `ports.Mailer`."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.failure: GoodhosterError | None = None
        """Raised for every letter while it is set."""

    def send(self, letter: Letter) -> None:
        """See `ports.Mailer`."""
        if self.failure is not None:
            raise self.failure
        self.sent.append(letter)

    def close(self) -> None:
        """See `ports.Mailer`."""
