"""What the audit log asks of the outside: others who vouch for how it stood."""

from __future__ import annotations

from typing import Protocol


class WitnessService(Protocol):
    """Somebody else's witness (c2sp.org/tlog-witness)."""

    def add_checkpoint(self, request: bytes) -> bytes | int:
        """Its signature lines for the checkpoint in the request; or, where the proof in it does not begin at the size
        that it cosigned last, that size.

        RefusedError when it does not accept the checkpoint, in its words; PassingError when it cannot be asked.
        """


class TimestampAuthority(Protocol):
    """Somebody who says when a text existed (RFC 3161)."""

    name: str

    def stamp(self, text: bytes) -> bytes:
        """A timestamp response over the text, in DER, checked against the certificates that are trusted for it.

        PassingError when it cannot be asked, PermanentError when what it answers is no timestamp of that text.
        """
