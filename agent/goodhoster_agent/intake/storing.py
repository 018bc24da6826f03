"""Common step of every intake: keep the message, and notify that there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.notices.spool import Arrived

LARGEST_MAIL = 64 << 20
"""Bytes of a mail that are kept; a mail server's own limit is far below (postfix: 10 MB). Of a larger one the beginning
is kept, which is more than is ever read, so that a person looks.
"""


@dataclass(frozen=True, slots=True)
class NoticeStorage:
    """Storage of raw notices on disk, with a notification of the process that works on them."""

    keep: Callable[[RawNotice, Arrived], Receipt]
    """PassingError when the disk refuses: nothing was received then."""
    notify: Callable[[], None]

    def mail(self, content: bytes, arrived: Arrived) -> Receipt:
        """Keep a whole mail. One with an origin is kept once, however often it comes."""
        return self.notice(RawNotice(Carrier.MAIL, content), arrived)

    def notice(self, raw: RawNotice, arrived: Arrived) -> Receipt:
        """Keep a raw notice, whichever way it came."""
        receipt = self.keep(raw, arrived)
        self.notify()
        return receipt
