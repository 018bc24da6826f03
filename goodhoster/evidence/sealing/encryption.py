"""Encryption with age to several recipients, in bounded memory.

Any one of the recipients' private keys opens what was encrypted; none of them is on this host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import BinaryIO

from pyrage import EncryptError, RecipientError, encrypt_io, x25519

from goodhoster.errors import ConfigurationError

_FEWEST = 2
"""Recipients: one alone would be lost with its key, and would open everything unseen."""
_PRIVATE = "AGE-SECRET-KEY-"


class Hashed:
    """A stream whose bytes are hashed and counted as they pass."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0
        self.error: OSError | None = None
        """What the disk refused: the library that encrypts keeps only its text."""

    @property
    def sha256(self) -> bytes:
        """The digest of what passed so far."""
        return self._hash.digest()

    def read(self, size: int = -1) -> bytes:
        """Read as the stream does."""
        try:
            return self._passed(self._stream.read(size))
        except OSError as error:
            self.error = error
            raise

    def write(self, data: bytes) -> int:
        """Write as the stream does."""
        try:
            self._stream.write(data)
        except OSError as error:
            self.error = error
            raise
        self._passed(data)
        return len(data)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def _passed(self, data: bytes) -> bytes:
        self._hash.update(data)
        self.size += len(data)
        return data


def check_recipients(recipients: Sequence[str]) -> tuple[str, ...]:
    """The recipients, each of which can be encrypted to; ConfigurationError otherwise."""
    for recipient in recipients:
        if recipient.upper().startswith(_PRIVATE):
            problem = "[evidence] recipients holds a private key, which must not be on this host"
            raise ConfigurationError(problem, hint="make a new pair elsewhere (age-keygen), and give its public key")
        try:
            x25519.Recipient.from_str(recipient)
        except RecipientError as error:
            problem = f"[evidence] recipients: {recipient!r} is not an age recipient: {error}"
            raise ConfigurationError(problem, hint='age-keygen prints one on another machine: "age1…"') from error
    if len(set(recipients)) < _FEWEST:
        hint = "give a second one whose private key somebody else keeps"
        raise ConfigurationError("[evidence] recipients needs at least two different recipients", hint=hint)
    return tuple(recipients)


def encrypt(source: Hashed, target: Hashed, recipients: Sequence[str]) -> None:
    """Encrypt a stream to each of the recipients. OSError as the disk gave it."""
    try:
        encrypt_io(source, target, [x25519.Recipient.from_str(recipient) for recipient in recipients])
    except EncryptError as error:
        raise source.error or target.error or OSError(str(error)) from error
