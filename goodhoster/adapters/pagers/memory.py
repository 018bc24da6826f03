"""A pager in memory, for tests."""

from __future__ import annotations

from goodhoster.errors import PassingError


class MemoryPager:
    """See `ports.Pager`."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, str]] = []
        self.down = False

    def page(self, subject: str, text: str) -> None:
        """See `ports.Pager`."""
        if self.down:
            raise PassingError("nobody answers", hint="tests said so")
        self.pages.append((subject, text))
