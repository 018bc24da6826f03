"""What every way in does with a message: keep it, and say that there is something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from goodhoster.model.noticelife import Receipt
from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.notices.spool import Arrived


@dataclass(frozen=True, slots=True)
class Keeping:
    """Puts a raw notice on disk, and rings for whoever works on it."""

    keep: Callable[[RawNotice, Arrived], Receipt]
    """PassingError when the disk refuses: nothing was received then."""
    ring: Callable[[], None]

    def mail(self, content: bytes, sender: str = "") -> Receipt:
        """A whole mail; `sender` is its envelope sender."""
        return self.notice(RawNotice(Carrier.MAIL, content), Arrived(sender))

    def notice(self, raw: RawNotice, arrived: Arrived) -> Receipt:
        """Whatever came, whichever way."""
        receipt = self.keep(raw, arrived)
        self.ring()
        return receipt
