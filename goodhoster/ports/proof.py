"""Ports of the audit log: witnesses, timestamp authorities and the keys of references."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from goodhoster.model.pseudonyms import PersonalValue, PseudonymKey


@dataclass(frozen=True, slots=True)
class RenamedScope:
    """A scope of references, and what it is called from now on."""

    scope: str
    to: str
    field: str
    value: str
    """In that field the one value that stays readable, as `becomes`."""
    becomes: str


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


class PseudonymStore(Protocol):
    """The keys of the references in the audit log, with the values that they stand for.

    Threads and processes may share it. It is no part of the log: what is deleted here cannot be read there any more.
    """

    def tokens(self, values: Collection[PersonalValue]) -> Mapping[PersonalValue, str]:
        """A reference for each value; the same for the same value of a scope.

        Key and value are durable when it returns. A scope without a key gets one.
        """

    def values(self, tokens: Collection[str]) -> Mapping[str, str]:
        """The values of those references whose keys are still there."""

    def disclosed(
        self, scope: str, tokens: Collection[str]
    ) -> tuple[PseudonymKey, Sequence[tuple[str, str, str]]] | None:
        """The key of a scope with reference, field and value of those among the references.

        None where it has no key.
        """

    def drawn(self, scope: str, values: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """The end of the reference to each field and value in that scope.

        The same as long as the key is there: one is made where there is none. Values are not kept.
        """

    def rename(self, renamed: Collection[RenamedScope]) -> int:
        """Rename scopes, with one value in them, and forget all their other values and their keys.

        References stay readable as the new value, and nobody can tell any more what they stood for. Returns the number
        of scopes; their bytes are gone as after `delete`. May be called twice.
        """

    def delete(
        self, scopes: Collection[str], naming: Collection[tuple[str, str]] = (), kept: Collection[str] = ()
    ) -> int:
        """Delete keys and values of these scopes, and of all that have such a field and value.

        But for those that are kept. Returns the number of keys. Their bytes are gone from the file: BusyError where
        another process keeps that from being done now; it may be called again.
        """

    def close(self) -> None:
        """Close what is open; it is opened again when it is needed."""
