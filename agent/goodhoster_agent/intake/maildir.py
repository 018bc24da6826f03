"""A Maildir whose new mails are notices: each is kept first and marked as seen (moved to `cur`) only then.

After a crash in between it is found again, and known by its name, which no other mail of that Maildir ever has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from goodhoster.errors import PassingError
from goodhoster.model.noticelife import Receipt
from goodhoster.notices.spool import Origin
from goodhoster_agent.intake.keeping import Keeping


def take_new_mails(maildir: Path, keeping: Keeping) -> Iterator[Receipt]:
    """Keep every mail in `new`, oldest first, each once.

    PassingError when the Maildir cannot be read or the disk refuses; what was not kept stays new.
    """
    try:
        for file in sorted((maildir / "new").iterdir(), key=lambda file: (file.stat().st_mtime_ns, file.name)):
            name = os.fsencode(maildir) + b"\0" + os.fsencode(file.name)
            came = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            yield keeping.mail(file.read_bytes(), origin=Origin(name, came))
            os.rename(file, maildir / "cur" / f"{file.name}:2,S")
    except OSError as error:
        hint = "see [notices] maildir; it must be readable and writable for this user"
        raise PassingError(f"the Maildir {maildir} cannot be read: {error}", hint=hint) from error
