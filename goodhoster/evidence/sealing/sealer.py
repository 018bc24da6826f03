"""Sealing: an encrypted copy of a file that was taken offline, made exactly once.

Ciphertext, then manifest, then the entry in the audit log, then the note that it is there: each is durable before the
next, so that after a crash the rest is made, and nothing twice.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass

from goodhoster.errors import EvidenceError
from goodhoster.evidence.sealing.encryption import Hashed, encrypt
from goodhoster.evidence.sealing.store import EvidenceStore, RecipientsInForce
from goodhoster.model.audit import AuditEvent
from goodhoster.model.sealed_evidence import Custody, Manifest, Retention, Subject
from goodhoster.ports import AuditLog, Clock


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals files for the recipients that are in force."""

    store: EvidenceStore
    audit: AuditLog
    clock: Clock
    retention: Retention
    recipients: tuple[str, ...]
    """As they are configured. In force are those of the first sealing, until two persons change them."""
    leave_free: int
    """Bytes that stay free on the disk of sealed evidence: the audit log may need them."""
    largest: int
    """Bytes of a file that is sealed at most."""
    tool: str

    def is_sealed(self, evidence_id: str) -> bool:
        """Whether nothing is left to do for that file."""
        return self.store.is_logged(evidence_id)

    def seal(self, subject: Subject, file: int) -> Manifest:
        """Seal the bytes of an open file, or complete what a crash left.

        EvidenceError when it cannot be done now: nothing is sealed, and it may be tried again.
        """
        try:
            with self.store.sealing(subject.id):
                done = self.store.find(subject.id)
                if done is not None:
                    return self._logged_after_crash(done.manifest)
                manifest = self._encrypted(subject, file)
                self.store.publish(manifest)
                return self._logged(manifest)
        except OSError as error:
            message = f"evidence {subject.id} cannot be sealed in {self.store.directory}: {error.strerror or error}"
            raise EvidenceError(message, hint="repair the disk; it is tried again") from error

    def recipients_differ(self) -> bool:
        """Whether others are configured than are sealed to."""
        in_force = self.store.in_force().recipients
        return bool(in_force) and set(in_force) != set(self.recipients)

    def _encrypted(self, subject: Subject, file: int) -> Manifest:
        recipients = self._in_force()
        self._expect_room(subject, os.fstat(file).st_size)
        with open(os.dup(file), "rb") as plain, self.store.draft(subject.id) as sealed:
            plain.seek(0)
            source, target = Hashed(plain), Hashed(sealed)
            encrypt(source, target, recipients)
            if not hmac.compare_digest(source.sha256, subject.sha256):
                message = f"the file {subject.id} in quarantine holds other bytes than those that were checked"
                raise EvidenceError(message, hint="see docs/how-to-evidence.md")
        now = self.clock()
        return Manifest(
            id=subject.id,
            case=subject.case,
            kind=subject.kind,
            sha256=source.sha256.hex(),
            size=source.size,
            ciphertext_sha256=target.sha256.hex(),
            ciphertext_size=target.size,
            sealed_at=now,
            keep_until=now + self.retention.of(subject.kind),
            recipients=recipients,
            tool=self.tool,
        )

    def _in_force(self) -> tuple[str, ...]:
        """The recipients to seal to; those that are configured when nothing was sealed before."""
        with self.store.custody_lock:
            in_force = self.store.in_force()
            if in_force.recipients:
                return in_force.recipients
            self.audit.append(AuditEvent("evidence.recipients-set", {"recipients": list(self.recipients)}))
            self.store.write_in_force(RecipientsInForce(self.recipients))
            return self.recipients

    def _expect_room(self, subject: Subject, size: int) -> None:
        if size > self.largest:
            message = f"the file {subject.id} has {size} bytes, more than [evidence] largest"
            raise EvidenceError(message, hint="set a larger one, or copy it yourself: docs/how-to-evidence.md")
        disk = os.statvfs(self.store.directory)
        free = disk.f_bavail * disk.f_frsize
        if free < size + self.leave_free:
            message = (
                f"no room to seal {subject.id}: {free} bytes are free in {self.store.directory}, {size} are needed"
            )
            hint = f"{self.leave_free} bytes must stay free ([evidence] leave_free); it is tried again"
            raise EvidenceError(message, hint=hint)

    def _logged_after_crash(self, manifest: Manifest) -> Manifest:
        if self.store.is_logged(manifest.id):
            return manifest
        for entry in self.audit.entries():
            if entry.event.kind == "evidence.sealed" and entry.event.data.get("evidence") == manifest.id:
                self.store.write_custody(manifest.id, Custody())
                return manifest
        return self._logged(manifest)

    def _logged(self, manifest: Manifest) -> Manifest:
        about: dict[str, str | list[str]] = {
            "evidence": manifest.id,
            "case": manifest.case,
            "sha256": manifest.sha256,
            "ciphertext_sha256": manifest.ciphertext_sha256,
            "keep_until": manifest.keep_until.isoformat(),
            "recipients": list(manifest.recipients),
            "tool": manifest.tool,
        }
        self.audit.append(AuditEvent("evidence.sealed", {**about}))
        self.store.write_custody(manifest.id, Custody())
        return manifest
