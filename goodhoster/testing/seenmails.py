"""Seen mails in memory, for tests."""

from __future__ import annotations

import threading


class MemorySeenMails:
    """Forgets with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._receipts: dict[bytes, str] = {}

    def first_time(self, fingerprint: bytes, receipt: str) -> bool:
        """The first receipt stays."""
        with self._lock:
            return self._receipts.setdefault(fingerprint, receipt) == receipt
