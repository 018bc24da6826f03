"""Message-IDs and links of our letters, which nobody else can make up.

A Message-ID carries the letter's name and a code that only this machine can compute, and so does a link to the form for
objections. So nothing has to be remembered for each letter, and a letter that is sent again after a crash has the same
Message-ID. A link is good for as long as the letter's measure is known.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from pathlib import Path

from goodhoster.linux.durable_files import write_durably
from goodhoster.linux.state_manifest import enroll_file

KEY_FILE = "message-ids.key"
_WHAT = "the key of the links and Message-IDs in letters that were sent"
_CODE = 16
"""Letters of a code: 80 bits."""
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,199})\.([a-z2-7]{16})@")
_MOST_IDS = 50
"""Message-IDs that are looked at in one header; a mail program keeps fewer."""


class LetterCodes:
    """Codes of one machine, for its letters' names and for each purpose apart.

    In lower case, so that no mail server on the way can change them.
    """

    def __init__(self, directory: Path) -> None:
        """Read the key, and make it where there is none yet.

        Also where it is lost: notices must be answered. The manifest of the state directory tells it then.
        """
        file = directory / KEY_FILE
        with suppress(FileExistsError):
            if not file.exists():
                write_durably(file, (secrets.token_bytes(32),))
        self._key = file.read_bytes()
        enroll_file(directory.parent, file, _WHAT, self._key)

    def code(self, name: str, purpose: str = "message-id") -> str:
        """The code of a name."""
        digest = hmac.digest(self._key, f"{purpose} {name}".encode(), hashlib.sha256)
        return base64.b32encode(digest).decode().lower()[:_CODE]

    def is_valid(self, name: str, code: str, purpose: str = "message-id") -> bool:
        """Whether this machine made that code for that name."""
        return hmac.compare_digest(self.code(name, purpose).encode(), code.lower().encode())

    def letters_in(self, headers: str) -> tuple[str, ...]:
        """Names of the letters of ours whose Message-IDs stand in these headers, the last one first.

        In References the last one is what is answered.
        """
        found = _NAMED.findall(headers[-64_000:])[-_MOST_IDS:]
        return tuple(dict.fromkeys(name for name, code in reversed(found) if self.is_valid(name, code)))


_PURPOSE = "appeal"


def appeal_link(below: str, codes: LetterCodes, letter: str) -> str:
    """The link for a letter of that name; empty where there are no pages."""
    return f"{below.rstrip('/')}/appeal/{letter}/{codes.code(letter, _PURPOSE)}" if below else ""


def is_appeal_link(codes: LetterCodes, letter: str, code: str) -> bool:
    """Whether this machine made that code for a letter of that name."""
    return codes.is_valid(letter, code, _PURPOSE)
