"""A pager in memory, for tests."""

from __future__ import annotations

from goodhoster.errors import PassingError
from goodhoster.model.alerts import AlertKind


class MemoryPager:
    """See `ports.Pager`."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, str]] = []
        self.down = False

    def page(self, subject: str, text: str, kind: AlertKind = AlertKind.ALARM, about: str = "") -> None:  # noqa: ARG002 - of the port
        """See `ports.Pager`."""
        if self.down:
            raise PassingError("nobody answers", hint="tests said so")
        self.pages.append((subject, text))
