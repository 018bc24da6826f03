"""Ports of the audit log: witnesses and timestamp authorities that confirm its state."""

from __future__ import annotations

from typing import Protocol


class WitnessService(Protocol):
    """A witness run by another party (c2sp.org/tlog-witness)."""

    def add_checkpoint(self, request: bytes) -> bytes | int:
        """The witness's signature lines for the checkpoint in the request.

        Or, where the proof in it does not begin at the size that the witness cosigned last, that size.
        RefusedError when it does not accept the checkpoint, with its message; PassingError when it cannot be
        asked.
        """


class TimestampAuthority(Protocol):
    """An authority that states when a text existed (RFC 3161)."""

    name: str

    def stamp(self, text: bytes) -> bytes:
        """A timestamp response over the text, in DER, checked against the trusted certificates.

        PassingError when it cannot be asked, PermanentError when its answer is not a timestamp of that text.
        """
