"""Data that every mail has, before its content is looked at."""

from __future__ import annotations

from goodhoster.model.notices import NoticeFormat, ReadNotice, Reporter
from goodhoster.notices.reading.mail import Mail


def envelope(mail: Mail, form: NoticeFormat) -> ReadNotice:
    """Empty notice of that format."""
    return ReadNotice(
        format=form,
        subject=mail.header("Subject"),
        message_id=mail.header("Message-ID"),
        sent_at=mail.date,
        reporter=Reporter(address=mail.address("From"), reply_to=mail.address("Reply-To")),
        automatic=mail.automatic,
    )
