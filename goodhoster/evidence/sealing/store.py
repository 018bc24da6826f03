"""Sealed evidence on disk: three files for each piece, in one directory.

`ID.age` is the ciphertext. `ID.json` is the manifest: it is written once the ciphertext is on disk, is never written
over, and with it the piece exists. `ID.custody` is what happened since, and is there once the audit log has the
sealing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from goodhoster.errors import EvidenceError, RefusedError
from goodhoster.linux.durable_files import move_durably, replace_durably, sync_directory, write_durably
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.ids import is_short_for, only_match
from goodhoster.model.sealed_evidence import (
    ClosedRequest,
    Custody,
    Hold,
    Manifest,
    Person,
    SealedEvidence,
    SealedEvidenceKind,
    TwoPersonAction,
    TwoPersonRequest,
)

_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_MANIFEST, _CUSTODY, _CIPHERTEXT = ".json", ".custody", ".age"


@dataclass(frozen=True, slots=True)
class RecipientsInForce:
    """The recipients that are sealed to, and the change of them that was asked for."""

    recipients: tuple[str, ...] = ()
    request: TwoPersonRequest | None = None


class EvidenceStore:
    """The directory of sealed evidence; processes may share it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.custody_lock = FileLock(directory / ".custody.lock")
        """Held while custody changes; never while a file is encrypted."""

    def ids(self) -> Iterator[str]:
        """Every piece that was ever sealed, destroyed ones too, oldest first."""
        with os.scandir(self.directory) as found:
            names = sorted(entry.name for entry in found)
        return (name.removesuffix(_MANIFEST) for name in names if name.endswith(_MANIFEST) and _ID.fullmatch(name[:-5]))

    def each(self, logged: Iterable[str] = ()) -> Iterator[SealedEvidence | EvidenceError]:
        """Every piece, and an error that names it in place of one that cannot be read.

        Its manifest or custody is damaged or gone.

        `logged`: the pieces that the audit log has; what is written of custody tells of a piece, too.
        """
        with os.scandir(self.directory) as found:
            names = {entry.name.removesuffix(_CUSTODY) for entry in found if entry.name.endswith(_CUSTODY)}
        told = {name for name in names | set(logged) if _ID.fullmatch(name)}
        for evidence_id in sorted(told.union(self.ids())):
            try:
                evidence = self.find(evidence_id)
            except EvidenceError as error:
                yield error
                continue
            if evidence is None:
                message = f"the manifest of evidence {evidence_id} is not in {self.directory} any more"
                yield EvidenceError(message, hint="restore it from a backup; the audit log has what it said")
            else:
                yield evidence

    def complete(self, part: str) -> str:
        """The id of the piece that a person means by a part of it."""
        names = (name for name in self.ids() if name == part or is_short_for(part, name))
        return only_match(part, names, "evidence", "goodhoster evidence list")

    def find(self, evidence_id: str) -> SealedEvidence | None:
        """That piece; None when there is none. EvidenceError when what is written of it is damaged."""
        written = self._read(evidence_id, _MANIFEST)
        if written is None:
            return None
        custody = self._read(evidence_id, _CUSTODY)
        with self._damaged(evidence_id):
            present, manifest = self.ciphertext(evidence_id).exists(), _manifest(written)
            if manifest.id != evidence_id:
                raise ValueError(f"its manifest is that of {manifest.id}")
            return SealedEvidence(manifest, _custody(custody) if custody else Custody(), present)

    def get(self, evidence_id: str) -> SealedEvidence:
        """That piece; RefusedError when there is none."""
        found = self.find(evidence_id)
        if found is None:
            raise RefusedError(f"there is no evidence {evidence_id}", hint="see: goodhoster evidence list")
        return found

    def is_logged(self, evidence_id: str) -> bool:
        """Whether it is known that the audit log has its sealing."""
        return self._file(evidence_id, _CUSTODY).exists()

    def ciphertext(self, evidence_id: str) -> Path:
        """The file that holds the ciphertext."""
        return self._file(evidence_id, _CIPHERTEXT)

    def manifest_text(self, evidence_id: str) -> bytes:
        """The manifest as it is written."""
        return self._file(evidence_id, _MANIFEST).read_bytes()

    @contextmanager
    def sealing(self, evidence_id: str) -> Iterator[None]:
        """Hold the lock of one piece while it is sealed.

        A disk that hangs keeps no other piece waiting.
        """
        lock = self.directory / f".{self._file(evidence_id, _CIPHERTEXT).name}.lock"
        with FileLock(lock):
            yield
            # Whoever waits for this lock, or makes it anew, finds the piece sealed.
            with suppress(FileNotFoundError):
                os.unlink(lock)

    @contextmanager
    def draft(self, evidence_id: str) -> Iterator[BinaryIO]:
        """A file for the ciphertext, on disk when the block ends; gone when it is left by an error.

        There is one at a time: what a crash left is written over.
        """
        draft = self._draft(evidence_id)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(draft, flags, 0o600), "wb") as opened:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(draft)
            raise

    def publish(self, manifest: Manifest) -> None:
        """Make a piece of a draft and its manifest."""
        move_durably(self._draft(manifest.id), self.ciphertext(manifest.id))
        write_durably(self._file(manifest.id, _MANIFEST), [_text(_from_manifest(manifest))])

    def write_custody(self, evidence_id: str, custody: Custody) -> None:
        """Replace what is written of its custody."""
        replace_durably(self._file(evidence_id, _CUSTODY), [_text(_from_custody(custody))])

    def remove_ciphertext(self, evidence_id: str) -> None:
        """Remove the ciphertext for good; fine when it is gone."""
        with suppress(FileNotFoundError):
            os.unlink(self.ciphertext(evidence_id))
        sync_directory(self.directory)

    def in_force(self) -> RecipientsInForce:
        """The recipients that are sealed to; none before the first sealing."""
        try:
            written = json.loads((self.directory / "recipients").read_bytes())
        except FileNotFoundError:
            return RecipientsInForce()
        except ValueError as error:
            raise EvidenceError(f"{self.directory}/recipients is damaged: {error}") from error
        with self._damaged("recipients"):
            request = written["request"]
            return RecipientsInForce(tuple(map(str, written["recipients"])), _request(request) if request else None)

    def write_in_force(self, in_force: RecipientsInForce) -> None:
        """Replace the recipients that are sealed to."""
        request = _from_request(in_force.request) if in_force.request else None
        text = _text({"recipients": list(in_force.recipients), "request": request})
        replace_durably(self.directory / "recipients", [text])

    def _file(self, evidence_id: str, suffix: str) -> Path:
        if not _ID.fullmatch(evidence_id):
            raise RefusedError(f"{evidence_id!r} is not an evidence", hint="see: goodhoster evidence list")
        return self.directory / (evidence_id + suffix)

    def _draft(self, evidence_id: str) -> Path:
        return self.directory / f".{self._file(evidence_id, _CIPHERTEXT).name}.draft"

    def _read(self, evidence_id: str, suffix: str) -> dict[str, Any] | None:
        try:
            text = self._file(evidence_id, suffix).read_bytes()
        except FileNotFoundError:
            return None
        with self._damaged(evidence_id):
            read = json.loads(text)
            return {**read}

    @contextmanager
    def _damaged(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            message = f"what is written of {what} in {self.directory} is damaged: {error!r}"
            raise EvidenceError(message, hint="restore it from a backup; the audit log has what it said") from error


def _text(data: dict[str, Any]) -> bytes:
    return json.dumps(data, indent=1).encode("ascii") + b"\n"


def _from_manifest(manifest: Manifest) -> dict[str, Any]:
    return {
        "id": manifest.id,
        "case": manifest.case,
        "kind": manifest.kind.value,
        "sha256": manifest.sha256,
        "size": manifest.size,
        "ciphertext_sha256": manifest.ciphertext_sha256,
        "ciphertext_size": manifest.ciphertext_size,
        "sealed_at": manifest.sealed_at.isoformat(),
        "keep_until": manifest.keep_until.isoformat(),
        "recipients": list(manifest.recipients),
        "tool": manifest.tool,
    }


def _manifest(data: dict[str, Any]) -> Manifest:
    return Manifest(
        id=data["id"],
        case=data["case"],
        kind=SealedEvidenceKind(data["kind"]),
        sha256=data["sha256"],
        size=data["size"],
        ciphertext_sha256=data["ciphertext_sha256"],
        ciphertext_size=data["ciphertext_size"],
        sealed_at=datetime.fromisoformat(data["sealed_at"]),
        keep_until=datetime.fromisoformat(data["keep_until"]),
        recipients=tuple(data["recipients"]),
        tool=data["tool"],
    )


def _from_custody(custody: Custody) -> dict[str, Any]:
    return {
        "holds": [_from_word(one) for one in custody.holds],
        "requests": [_from_request(one) for one in custody.requests],
        "due_at": custody.due_at.isoformat() if custody.due_at else None,
        "destroyed_at": custody.destroyed_at.isoformat() if custody.destroyed_at else None,
        "destroying": _from_word(custody.destroying) if custody.destroying else None,
        "answered": [_from_word(one) | {"what": one.what} for one in custody.answered],
    }


def _from_word(word: Hold | ClosedRequest) -> dict[str, Any]:
    return {"person": word.person, "reason": word.reason, "at": word.at.isoformat()}


def _custody(data: dict[str, Any]) -> Custody:
    return Custody(
        holds=tuple(map(_hold, data["holds"])),
        requests=tuple(map(_request, data["requests"])),
        due_at=_time(data["due_at"]),
        destroyed_at=_time(data["destroyed_at"]),
        destroying=_hold(data["destroying"]) if data.get("destroying") else None,  # earlier versions have neither
        answered=tuple(
            ClosedRequest(one["what"], one["person"], one["reason"], datetime.fromisoformat(one["at"]))
            for one in data.get("answered", ())
        ),
    )


def _hold(data: dict[str, Any]) -> Hold:
    return Hold(data["person"], data["reason"], datetime.fromisoformat(data["at"]))


def _from_request(request: TwoPersonRequest) -> dict[str, Any]:
    return {
        "action": request.action.value,
        "person": request.person.name,
        "uid": request.person.uid,
        "reason": request.reason,
        "at": request.at.isoformat(),
        "about": list(request.about),
    }


def _request(data: dict[str, Any]) -> TwoPersonRequest:
    return TwoPersonRequest(
        TwoPersonAction(data["action"]),
        Person(data["person"], data["uid"]),
        data["reason"],
        datetime.fromisoformat(data["at"]),
        tuple(data["about"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
