"""Private keys of a log or a witness, and their signatures.

See c2sp.org/signed-note and tlog-cosignature.
"""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from goodhoster.audit.verify import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    Checkpoint,
    Key,
    NotVerifiedError,
    SignedNote,
    cosigned_message,
    cosigned_text,
)
from goodhoster.errors import AuditError
from goodhoster.linux.durable_files import replace_durably

LOG_KINDS = (ED25519, ML_DSA_44)
"""What a log signs with: Ed25519, which everybody can check, and ML-DSA-44, which no quantum computer can forge."""
WITNESS_KINDS = (COSIGNATURE, ML_DSA_44)

_HEAD = "PRIVATE+KEY+"
_SEED = 32  # bytes


@dataclass(frozen=True, slots=True)
class CheckpointSigner:
    """A private key."""

    name: str
    kind: int
    seed: bytes

    @property
    def key(self) -> Key:
        """The public key."""
        return Key(self.name, self.kind, self._private().public_key().public_bytes_raw())

    def sign(self, text: bytes, now: datetime) -> tuple[str, bytes, bytes]:
        """A signature for a note with that text."""
        if self.kind == ED25519:
            return self.name, self.key.id, self._private().sign(text)
        stated = int(now.timestamp())
        if self.kind == COSIGNATURE:
            message = cosigned_text(text, stated)
        else:
            message = cosigned_message(self.name, Checkpoint.read(text), stated)
        return self.name, self.key.id, struct.pack(">Q", stated) + self._private().sign(message)

    def _private(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        if self.kind == ML_DSA_44:
            return MLDSA44PrivateKey.from_seed_bytes(self.seed)
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def write(self) -> str:
        """The key as its file has it."""
        encoded = base64.b64encode(bytes([self.kind]) + self.seed).decode()
        return f"{_HEAD}{self.name}+{self.key.id.hex()}+{encoded}"

    @classmethod
    def read(cls, text: str) -> CheckpointSigner:
        """Read a private key; ValueError when it is none."""
        name, identity, encoded = text.removeprefix(_HEAD).split("+", 2)
        material = base64.b64decode(encoded, validate=True)
        signer = cls(name, material[0], material[1:])
        if not text.startswith(_HEAD) or len(signer.seed) != _SEED or signer.key.id.hex() != identity:
            raise ValueError("not a private key")
        return signer


def new_signers(name: str, kinds: Sequence[int]) -> tuple[CheckpointSigner, ...]:
    """New keys of that name. AuditError when it cannot be one."""
    signers = tuple(CheckpointSigner(name, kind, os.urandom(_SEED)) for kind in kinds)
    try:
        for signer in signers:
            Key.read(signer.key.vkey)
    except NotVerifiedError as error:
        raise AuditError(f"{name!r} cannot name a key: no blanks, no plus sign", hint="see [audit] origin") from error
    return signers


def sign(text: bytes, signers: Sequence[CheckpointSigner], now: datetime) -> SignedNote:
    """A note signed by all of them."""
    return SignedNote(text, tuple(signer.sign(text, now) for signer in signers))


def load_signers(file: Path) -> tuple[CheckpointSigner, ...]:
    """The keys in a file; empty when it is not there. AuditError when it cannot be read."""
    try:
        return tuple(CheckpointSigner.read(line) for line in file.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, IndexError) as error:
        raise AuditError(f"the keys in {file} cannot be read: {error}", hint="restore the file from a copy") from error


def save_signers(file: Path, signers: Sequence[CheckpointSigner]) -> None:
    """Save the keys, readable to us alone."""
    replace_durably(file, [f"{signer.write()}\n".encode() for signer in signers])
