"""A site check in memory, for tests."""

from __future__ import annotations

from goodhoster.model.notice_status import Seen, Sight


class MemoryOutside:
    """See `ports.Outside`; everything is gone except what is put into `sights`."""

    def __init__(self) -> None:
        self.sights: dict[str, Sight] = {}
        self.looked: list[str] = []

    def look(self, url: str) -> Seen:
        """See `ports.Outside`."""
        self.looked.append(url)
        sight = self.sights.get(url, Sight.GONE)
        return Seen(sight, f"tests say {sight}")
