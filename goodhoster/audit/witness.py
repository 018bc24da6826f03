"""A witness: it cosigns other hosters' logs, and so detects a rollback or a rewrite.

See c2sp.org/tlog-witness. For each log it keeps the last checkpoint that it cosigned, on disk before it says so. It
cosigns the next one only with a proof that the log begins with all of that one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from goodhoster.audit.lost_keys import WITNESS_KEY_FILE, trace_of_lost_witness_keys
from goodhoster.audit.signing import WITNESS_KINDS, CheckpointSigner, load_signers, new_signers, save_signers, sign
from goodhoster.audit.verify import (
    CONSISTENCY,
    EMPTY_ROOT,
    Checkpoint,
    Key,
    NotVerifiedError,
    Proof,
    SignedNote,
    signature_line,
    verify_consistency,
)
from goodhoster.errors import AuditError, RefusedError
from goodhoster.linux.durable_files import replace_durably
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.state_manifest import enroll_file, hint_of, is_known, part_name
from goodhoster.ports.common import Clock

_MOST_HASHES = 63
_WHAT = "the key file of our witness"
_KEYS = "the keys that our witness cosigns with"
_COSIGNED = "a checkpoint of another hoster's log that our witness cosigned"


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """The answer to a request, in terms of HTTP."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain"


class Witness:
    """A witness over its directory; threads and processes may share it."""

    def __init__(self, name: str, logs: Sequence[Key], directory: Path, clock: Clock) -> None:
        self._name = name
        self._logs = logs
        self._directory = directory
        self._clock = clock
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = FileLock(directory / "lock")
        self._signers = self._load_keys()

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its public keys."""
        return tuple(signer.key for signer in self._signers)

    def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        """Cosign a checkpoint that continues the log.

        The request is `old N`, a proof that the log begins with the N entries cosigned last, and the note.
        """
        try:
            proof = Proof.read(request, head=CONSISTENCY)
            new = proof.checkpoint
        except NotVerifiedError as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        trusted = [key for key in self._logs if key.name == new.origin]
        if not trusted:
            return _refused(HTTPStatus.NOT_FOUND, "this log is not known here")
        try:
            signed_by = proof.note.verify(trusted)
        except NotVerifiedError as error:
            return _refused(HTTPStatus.FORBIDDEN, str(error))
        if not signed_by:
            return _refused(HTTPStatus.FORBIDDEN, "no key that is trusted for this log signed it")
        if proof.number > new.size or len(proof.hashes) > _MOST_HASHES:
            return _refused(HTTPStatus.BAD_REQUEST, "the old size is above the new one, or the proof too long")
        signatures = tuple(
            each for each in proof.note.signatures if any((key.name, key.id) == each[:2] for key in signed_by)
        )
        with self._lock:
            return self._cosign(replace(proof, note=replace(proof.note, signatures=signatures)), new)

    def checkpoint(self, origin_hash: str) -> bytes | None:
        """The last checkpoint cosigned of the log whose origin has that SHA-256.

        None when there is none.
        """
        for key in self._logs:
            if _hash(key.name) == origin_hash:
                note = self._latest(key.name)
                return note.write() if note else None
        return None

    def _cosign(self, proof: Proof, new: Checkpoint) -> WitnessAnswer:
        latest = self._latest(new.origin)
        old = Checkpoint.read(latest.text) if latest else Checkpoint(new.origin, 0, EMPTY_ROOT)
        if proof.number != old.size:
            return WitnessAnswer(HTTPStatus.CONFLICT, b"%d\n" % old.size, "text/x.tlog.size")
        try:
            if new.size == 0 and new.root != EMPTY_ROOT:
                raise NotVerifiedError("the root of an empty log is another")
            verify_consistency(old, new, proof.hashes)
        except NotVerifiedError as error:
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        mine = sign(proof.note.text, self._signers, self._clock()).signatures
        kept = replace(proof.note, signatures=(*proof.note.signatures, *mine))
        replace_durably(self._file(new.origin), [kept.write()])
        enroll_file(self._directory.parent, self._file(new.origin), _COSIGNED)
        return WitnessAnswer(HTTPStatus.OK, b"".join(signature_line(*each) for each in mine))

    def _latest(self, origin: str) -> SignedNote | None:
        """The last checkpoint cosigned; AuditError when it cannot be read.

        A witness that forgot what it cosigned must not cosign.
        """
        file = self._file(origin)
        try:
            return SignedNote.read(file.read_bytes())
        except FileNotFoundError as error:
            if not is_known(self._directory.parent, file):
                return None
            message = f"{_COSIGNED} is lost: there is no {file}; nothing is cosigned for {origin}"
            raise AuditError(message, hint=hint_of(part_name(self._directory.parent, file))) from error
        except (OSError, NotVerifiedError) as error:
            hint = "restore the file from a copy: without it a rollback of that log could be cosigned"
            raise AuditError(f"the last checkpoint in {file} cannot be read: {error}", hint=hint) from error

    def _file(self, origin: str) -> Path:
        return self._directory / f"{_hash(origin)}.checkpoint"

    def _load_keys(self) -> tuple[CheckpointSigner, ...]:
        """The keys, made where there never were any: others know a witness by its keys.

        AuditError where they are lost.
        """
        file = self._directory / WITNESS_KEY_FILE
        with self._lock:
            signers = load_signers(file)
            if not signers and (why := trace_of_lost_witness_keys(self._directory)):
                raise AuditError(
                    f"{_KEYS} are lost: there is no {file}, and {why}",
                    hint=hint_of(part_name(self._directory.parent, file)),
                )
            if signers:
                enroll_file(self._directory.parent, file, _WHAT)
            return signers or _new_keys(self._name, self._directory)


def begin_new_keys(name: str, directory: Path, note: Callable[[], object] = lambda: None) -> None:
    """Give a witness whose keys are lost new ones, once that is noted.

    RefusedError where they are not.
    """
    with FileLock(directory / "lock"):
        if not trace_of_lost_witness_keys(directory):
            raise RefusedError("the keys of the witness are not lost", hint="goodhoster witness keys prints them")
        note()
        _new_keys(name, directory)


def _new_keys(name: str, directory: Path) -> tuple[CheckpointSigner, ...]:
    signers = new_signers(name, WITNESS_KINDS)
    save_signers(directory / WITNESS_KEY_FILE, signers)
    enroll_file(directory.parent, directory / WITNESS_KEY_FILE, _WHAT)
    return signers


def _refused(status: HTTPStatus, why: str) -> WitnessAnswer:
    return WitnessAnswer(status, f"{why}\n".encode())


def _hash(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()
