"""Maildir whose new mails are notices.

Each is kept first and marked as seen (moved to `cur`) only then. After a crash in between it is found again, and
recognised by its name, which no other mail of that Maildir ever has.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from goodhoster.errors import PassingError
from goodhoster.model.notice_status import Receipt
from goodhoster.notices.spool import Arrived, Origin
from goodhoster_agent.intake.storing import LARGEST_MAIL, NoticeStorage

_HINT = "see [notices] maildir; it must be readable and writable for this user"


def take_new_mails(maildir: Path, keeping: NoticeStorage, *, own_server: bool = False) -> Iterator[Receipt]:
    """Keep every mail in `new`, oldest first, each once; of one too large the beginning.

    `own_server`: nobody but our own mail server delivers there.

    PassingError when the Maildir cannot be read or the disk refuses; what was not kept stays new. One that cannot
    be read keeps no other waiting: it is reported when the others are taken.
    """
    problem: OSError | None = None
    for file in _new_in(maildir):
        try:
            yield _taken(maildir, file, keeping, own_server=own_server)
        except FileNotFoundError:
            continue  # whoever else reads this Maildir moved it
        except OSError as error:
            problem = problem or error
    if problem:
        raise PassingError(f"the Maildir {maildir} cannot be read: {problem}", hint=_HINT) from problem


def _new_in(maildir: Path) -> list[Path]:
    """New mails; names with a dot in front are no mails (maildir(5))."""
    try:
        files = [file for file in (maildir / "new").iterdir() if not file.name.startswith(".")]
        return sorted(files, key=lambda file: (file.lstat().st_mtime_ns, file.name))
    except OSError as error:
        raise PassingError(f"the Maildir {maildir} cannot be read: {error}", hint=_HINT) from error


def _taken(maildir: Path, file: Path, keeping: NoticeStorage, *, own_server: bool) -> Receipt:
    content, came = _read(file)
    name = os.fsencode(maildir) + b"\0" + os.fsencode(file.name)
    receipt = keeping.mail(content, Arrived(origin=Origin(name, came), own_server=own_server))
    os.rename(file, maildir / "cur" / f"{file.name}:2,S")
    return receipt


def _read(file: Path) -> tuple[bytes, datetime]:
    """The mail, and when it came. OSError for what is no regular file."""
    fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{file.name} is not a file")
        with open(fd, "rb", closefd=False) as opened:
            return opened.read(LARGEST_MAIL), datetime.fromtimestamp(found.st_mtime, UTC)
    finally:
        os.close(fd)
