"""Private communication, which is left alone (promise G12).

It means mail spools, maildirs, mailboxes, chat stores.

Recognised by place (where mail and chat servers keep it) and by form (what it looks like). A form is taken strictly,
for a customer could use it as a hiding place: in a maildir only files named like messages are left alone, and a mailbox
must begin like one, which no picture does. What a web server serves is not private: below a docroot, what is called
like mail or chat and begins as a picture, a video or an archive is an upload. A real spool is none, wherever it is.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from typing import Protocol

from goodhoster.errors import NotAnUploadError, UncheckedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.content_kinds import HEAD, is_archive, kind_of
from goodhoster.model.uploads import Place, display
from goodhoster.model.verdicts import ContentKind
from goodhoster.ports import AuditLog
from goodhoster.uploads.opening import open_upload

_SPOOLS = (
    b"/var/mail/",
    b"/var/spool/mail/",
    b"/var/spool/imap/",
    b"/var/spool/cyrus/",
    b"/var/spool/exim/",
    b"/var/spool/exim4/",
    b"/var/spool/postfix/",
    b"/var/vmail/",
    b"/var/lib/cyrus/",
    b"/var/lib/dovecot/",
    b"/var/qmail/mailnames/",  # Plesk
    b"/var/lib/ejabberd/",
    b"/var/lib/matrix-synapse/",
    b"/var/lib/mattermost/",
    b"/opt/mattermost/data/",
    b"/var/lib/prosody/",
    b"/var/lib/rocketchat/",
)
"""Where mail and chat servers keep what people write to each other, on Debian, Red Hat and the usual panels."""

_STORES = re.compile(
    rb"/(?:\.thunderbird|\.purple/logs|\.weechat/logs|\.irssi/logs|\.config/(?:Signal|discord)"
    rb"|\.local/share/(?:TelegramDesktop|gajim))/"
)
"""What mail and chat programs keep in a home directory."""

_MAILDIR = frozenset({b"cur", b"new", b"tmp"})  # maildir(5): a directory with these three is one
_MESSAGE = re.compile(rb"\d{9,}\.[^/]+")  # maildir(5): seconds since the epoch, a dot, what makes it unique
_DBOX = re.compile(rb"(?:dbox-Mails/u|storage/m)\.\d+")  # Dovecot's sdbox and mdbox
_MAILBOX = re.compile(
    rb"(?:mbox|inbox|sent|sent-mail|sent items|drafts|trash|spam|junk|archive|saved-messages)|.+\.mbo?x", re.IGNORECASE
)
_MAIL_FOLDERS = frozenset({b"mail", b"Mail", b".mail"})
_FROM = b"From "  # RFC 4155: how a mailbox begins


class Watched(Protocol):
    """A tree, as `note_private_watching` needs it."""

    @property
    def root(self) -> bytes:
        """Absolute path."""

    @property
    def private_reason(self) -> str:
        """Why private communication is checked too; "" where it is left alone."""


def is_spool(absolute: bytes) -> bool:
    """Whether this directory lies where a mail or chat server keeps its data."""
    return (absolute + b"/").startswith(_SPOOLS)


def home_of_store(absolute: bytes) -> bytes | None:
    """Directory that holds the mail or chat store in which this directory lies.

    Recognised by its name; None for any other.
    """
    found = _STORES.search(absolute + b"/")
    return absolute[: found.start()] if found else None


def is_private_file(place: Place) -> bool:
    """Whether this file is a message or a mailbox by its form.

    The file is in a directory that is not private itself.
    """
    directory, _, name = place.path.rpartition(b"/")
    folder = directory.rpartition(b"/")[2]
    if folder in _MAILDIR and _MESSAGE.fullmatch(name):
        return _is_maildir(os.path.dirname(os.path.join(place.tree, directory)))
    if _DBOX.fullmatch(folder + b"/" + name):
        return True
    return (folder in _MAIL_FOLDERS or _MAILBOX.fullmatch(name) is not None) and _beginning(place, len(_FROM)) == _FROM


def begins_as_hidden(place: Place) -> bool:
    """Whether a file begins as a picture, a video or an archive.

    True also where that cannot be told: the check reports why.
    """
    beginning = _beginning(place, HEAD)
    return beginning is None or kind_of(beginning) is not ContentKind.OTHER or is_archive(beginning)


def _is_maildir(directory: bytes) -> bool:
    try:
        return all(stat.S_ISDIR(os.lstat(os.path.join(directory, name)).st_mode) for name in _MAILDIR)
    except OSError:
        return False


def _beginning(place: Place, size: int) -> bytes | None:
    """First bytes; None where they cannot be read."""
    try:
        with open_upload(place) as opened:
            return os.pread(opened.fd, size, 0)
    except (NotAnUploadError, UncheckedError, OSError):
        return None


def note_private_watching(audit: AuditLog, trees: Iterable[Watched]) -> None:
    """Record in the audit log that private communication is checked, and why.

    Called when watching starts.
    """
    for tree in trees:
        if tree.private_reason:
            event = {"tree": display(tree.root), "reason": tree.private_reason}
            audit.append(AuditEvent("watch.private-communication", event))
