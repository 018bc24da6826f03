"""Seen mails in memory, for tests."""

from __future__ import annotations

import threading

from goodhoster.model.notices import SeenMail


class MemorySeenMails:
    """Seen mails that are lost with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: dict[bytes, SeenMail] = {}

    def first(self, fingerprint: bytes, mail: SeenMail) -> SeenMail:
        """The first one stays."""
        with self._lock:
            return self._first.setdefault(fingerprint, mail)
