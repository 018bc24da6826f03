"""ARF (RFC 5965): a complaint about a mail that one of our customers sent.

It is recognised, not handled by this program, and answered politely.
"""

from __future__ import annotations

from dataclasses import replace

from goodhoster.model.notices import NoticeFormat, ReadNotice
from goodhoster.notices.reading.envelope import envelope
from goodhoster.notices.reading.mail import Mail


def read(mail: Mail) -> ReadNotice | None:
    """The complaint without anything to act on."""
    if mail.content_type != "multipart/report" or not mail.feedback_type:
        return None
    why = f"a feedback report about mail ({mail.feedback_type[:40]}), not about content"
    return replace(envelope(mail, NoticeFormat.ARF), doubts=(why,))
