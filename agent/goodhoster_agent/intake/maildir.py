"""A Maildir whose new mails are notices: each is kept first and marked as seen (moved to `cur`) only then."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from goodhoster.errors import PassingError
from goodhoster.model.noticelife import Receipt
from goodhoster_agent.intake.keeping import Keeping


def take_new_mails(maildir: Path, keeping: Keeping) -> Iterator[Receipt]:
    """Keep every mail in `new`, oldest first. After a crash a mail may be kept twice, never lost.

    PassingError when the Maildir cannot be read or the disk refuses; what was not kept stays new.
    """
    try:
        for file in sorted((maildir / "new").iterdir(), key=lambda file: (file.stat().st_mtime_ns, file.name)):
            yield keeping.mail(file.read_bytes())
            os.rename(file, maildir / "cur" / f"{file.name}:2,S")
    except OSError as error:
        hint = "see [notices] maildir; it must be readable and writable for this user"
        raise PassingError(f"the Maildir {maildir} cannot be read: {error}", hint=hint) from error
