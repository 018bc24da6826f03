"""Custody of sealed evidence: holds, export, destruction, and who ordered each.

What cannot be taken back needs two persons: one asks, another confirms. The audit log has each word before it counts.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from goodhoster.errors import EvidenceError, PassingError, RefusedError, UnrecordedError, recording
from goodhoster.evidence.sealing.store import EvidenceStore, RecipientsInForce
from goodhoster.linux.durable_files import new_directory
from goodhoster.model.alerts import AlertKind
from goodhoster.model.audit import AuditEvent
from goodhoster.model.sealed_evidence import (
    ClosedRequest,
    Custody,
    EvidenceState,
    Hold,
    Person,
    SealedCopy,
    SealedEvidence,
    TwoPersonAction,
    TwoPersonRequest,
)
from goodhoster.ports import AuditLog, Clock, Pager

_log = logging.getLogger(__name__)
GRACE = timedelta(days=7)
"""Between the announcement that a retention is over and the destruction: time for a hold."""
_READ_BYTES = 1 << 20
_NAMED = 20
_EXPORT_AGAIN = "make room; remove that directory or name another, then run the command again"
_RETENTION = "its retention is over, which was announced"


@dataclass(frozen=True, slots=True)
class PersonalOrder:
    """A person's word about evidence."""

    person: Person
    reason: str


@dataclass(frozen=True, slots=True)
class EvidenceRetention:
    """What one run of retention did."""

    announced: list[str]
    destroyed: list[str]
    failed: list[str]
    """What could not be read or removed, in words."""


@dataclass(frozen=True, slots=True)
class CustodyDesk:
    """Custody of the evidence of one host; processes may share the store."""

    store: EvidenceStore
    audit: AuditLog
    clock: Clock
    pager: Pager | None = None
    """Told when evidence may be destroyed from now on, or soon."""

    def hold(self, evidence_id: str, order: PersonalOrder) -> SealedEvidence:
        """Forbid that it is destroyed until the hold is released."""
        with self.store.custody_lock:
            evidence = self._existing(evidence_id)
            self._log("evidence.held", evidence, order)
            holds = (*evidence.custody.holds, Hold(order.person.name, order.reason, self.clock()))
            # A destruction that a crash interrupted before anything was gone is over with this.
            return self._keep(evidence, replace(evidence.custody, holds=holds, due_at=None, destroying=None))

    def release(self, evidence_id: str, order: PersonalOrder) -> SealedEvidence:
        """Release every hold on it. RefusedError where there is none."""
        with self.store.custody_lock:
            evidence = self._existing(evidence_id)
            if not evidence.custody.holds:
                raise RefusedError(f"no hold is on evidence {evidence_id}{_since(evidence.custody, 'released')}")
            self._log("evidence.released", evidence, order)
            released = self._keep(
                evidence, _after(replace(evidence.custody, holds=()), self._answer("released", order))
            )
        kept = f"{evidence.manifest.keep_until:%Y-%m-%d}"
        text = (
            f"{order.person.name}: {order.reason}\nIts retention ends on {kept}; goodhoster evidence hold keeps it.\n"
        )
        self._alert(f"goodhoster: the hold on evidence {evidence_id} ended", text, evidence_id)
        return released

    def ask(self, evidence_id: str, action: TwoPersonAction, order: PersonalOrder) -> SealedEvidence:
        """Ask for what another person has to confirm.

        RefusedError where it is asked for already or cannot be done.
        """
        with self.store.custody_lock:
            evidence = self._existing(evidence_id)
            self._expect_possible(evidence, action)
            _expect_not_asked(evidence.custody.request(action, self.clock()))
            self._log(f"evidence.{action}-asked", evidence, order)
            request = TwoPersonRequest(action, order.person, order.reason, self.clock())
            others = (one for one in evidence.custody.requests if one.action is not action)
            return self._keep(evidence, replace(evidence.custody, requests=(*others, request)))

    def destroy(self, evidence_id: str, order: PersonalOrder) -> SealedEvidence:
        """Destroy our ciphertext for good, as another person asked.

        May be called again after a crash. The manifest stays, and the audit log.
        """
        with self.store.custody_lock:
            before = self.store.get(evidence_id)
            left = self._finished(before)
            if left is not before and left.custody.destroying and left.custody.destroying.person == order.person.name:
                return left  # the same person says it again after a crash
            evidence = self._confirmed(evidence_id, TwoPersonAction.DESTROY, order)
            return self._destroyed(evidence, order.person.name, order.reason)

    def export(
        self,
        evidence_id: str,
        directory: Path,
        order: PersonalOrder,
        add: Callable[[Path], object] = lambda _: None,
    ) -> SealedEvidence:
        """Copy ciphertext and manifest into a new directory, as another person asked.

        `add` writes more into it. After a crash there is no such directory, or all of it. EvidenceError where the
        ciphertext is not as it was sealed: then nothing is handed out.
        """
        with self.store.custody_lock:
            evidence = self._confirmed(evidence_id, TwoPersonAction.EXPORT, order)
            self._log("evidence.exporting", evidence, order, to=str(directory))
            try:
                with new_directory(directory) as draft:
                    self._copy(evidence, draft)
                    add(draft)
            except FileExistsError as error:
                hint = "name a directory that does not exist; the request stays"
                raise RefusedError(f"{directory} exists already", hint=hint) from error
            except OSError as error:
                raise EvidenceError(f"evidence {evidence_id} cannot be written to {directory}: {error}") from error
            digest = evidence.manifest.ciphertext_sha256
            exported = _answered(evidence.custody, TwoPersonAction.EXPORT)
            with recording(f"evidence {evidence_id} is copied whole to {directory}", hint=_EXPORT_AGAIN):
                self._log("evidence.exported", evidence, order, to=str(directory), ciphertext_sha256=digest)
                return self._keep(evidence, _after(exported, self._answer("exported", order)))

    def copy(self, evidence_id: str) -> SealedCopy:
        """Whether its sealed copy lets a file be destroyed in quarantine.

        Reads all of the ciphertext.

        EvidenceError when that cannot be read.
        """
        evidence = self.store.find(evidence_id)
        if evidence is None or not self.store.is_logged(evidence_id):
            return SealedCopy(whole=False, why=f"there is no sealed copy of {evidence_id} yet")
        if evidence.custody.holds:
            return SealedCopy(whole=False, why=_forbidden(evidence), held=True)
        if evidence.state is EvidenceState.DESTROYED:
            return SealedCopy(whole=True)
        try:
            with self.store.ciphertext(evidence_id).open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            message = f"the sealed copy {evidence_id} cannot be read: {error.strerror}"
            raise EvidenceError(message, hint="goodhoster doctor; the file in quarantine stays") from error
        if digest != evidence.manifest.ciphertext_sha256:
            return SealedCopy(whole=False, why=f"the sealed copy {evidence_id} is not as it was written")
        return SealedCopy(whole=True)

    @contextmanager
    def unless_held(self, evidence_id: str) -> Iterator[None]:
        """Keep anybody from putting a hold on it meanwhile; RefusedError where one is on it."""
        with self.store.custody_lock:
            evidence = self.store.find(evidence_id)
            if evidence is not None and evidence.custody.holds:
                raise RefusedError(_forbidden(evidence))
            yield

    def ask_recipients(self, recipients: Sequence[str], order: PersonalOrder) -> RecipientsInForce:
        """Ask that others than before are sealed to."""
        with self.store.custody_lock:
            in_force = self._changing(recipients)
            _expect_not_asked(in_force.request if _asks(in_force.request, recipients, self.clock()) else None)
            self._log_recipients("evidence.recipients-asked", recipients, order)
            request = TwoPersonRequest(
                TwoPersonAction.RECIPIENTS, order.person, order.reason, self.clock(), tuple(recipients)
            )
            return self._keep_in_force(replace(in_force, request=request))

    def change_recipients(self, recipients: Sequence[str], order: PersonalOrder) -> RecipientsInForce:
        """Seal to others from now on, as another person asked. What was sealed stays as it is."""
        with self.store.custody_lock:
            in_force = self._changing(recipients)
            request = in_force.request if _asks(in_force.request, recipients, self.clock()) else None
            _expect_another(request, order.person)
            self._log_recipients("evidence.recipients-set", recipients, order)
            return self._keep_in_force(RecipientsInForce(tuple(recipients)))

    def apply_retention(self) -> EvidenceRetention:
        """Announce what is due, and destroy what was announced long enough ago and no hold forbids."""
        result = EvidenceRetention([], [], [])
        for evidence_id in self.store.ids():
            try:
                with self.store.custody_lock:
                    self._apply_retention_to(evidence_id, result)
            except (EvidenceError, UnrecordedError) as error:
                result.failed.append(str(error))
        if announced := result.announced:
            text = (
                "\n".join(announced[:_NAMED])
                + "\nSee: goodhoster evidence list --state due; goodhoster evidence hold\n"
            )
            subject = f"goodhoster: {len(announced)} pieces of evidence are destroyed in {GRACE.days} days"
            self._alert(subject, text, announced[0])
        return result

    def _apply_retention_to(self, evidence_id: str, result: EvidenceRetention) -> None:
        evidence, now = self._finished(self.store.get(evidence_id)), self.clock()
        open_ = evidence.state in {EvidenceState.SEALED, EvidenceState.DUE} and self.store.is_logged(evidence_id)
        if not open_ or now < evidence.manifest.keep_until:
            return
        if evidence.custody.due_at is None:
            self._announce(evidence, now)
            result.announced.append(evidence_id)
        elif now >= evidence.custody.due_at + GRACE:
            self._destroyed(evidence, "", _RETENTION)
            result.destroyed.append(evidence_id)

    def _announce(self, evidence: SealedEvidence, now: datetime) -> None:
        until = (now + GRACE).isoformat()
        about = {"evidence": evidence.manifest.id, "case": evidence.manifest.case, "destroyed_after": until}
        self.audit.append(AuditEvent("evidence.due", about))
        self._keep(evidence, replace(evidence.custody, due_at=now))

    def _alert(self, subject: str, text: str, about: str) -> None:
        """Tell the person on duty; what cannot be told now is in the log all the same."""
        if self.pager is None:
            return
        try:
            self.pager.page(subject, text, AlertKind.EVIDENCE, f"{about} {self.clock().isoformat()}")
        except PassingError as error:
            _log.error("no alert could be delivered: %s (%s)", error, subject)

    def _existing(self, evidence_id: str) -> SealedEvidence:
        evidence = self.store.get(evidence_id)
        by = evidence.custody.destroying
        if evidence.state is EvidenceState.DESTROYED or (by is not None and not evidence.present):
            # Of what a crash interrupted the ciphertext is gone all the same.
            who = f", by {by.person or 'its retention'} at {by.at:%Y-%m-%d %H:%M:%S} UTC: {by.reason}" if by else ""
            raise RefusedError(f"evidence {evidence_id} is destroyed{who}", hint="its manifest stays: evidence list")
        if not self.store.is_logged(evidence_id):
            raise RefusedError(
                f"evidence {evidence_id} is still being sealed", hint="run the command again in a minute"
            )
        return evidence

    def _expect_possible(self, evidence: SealedEvidence, action: TwoPersonAction) -> None:
        evidence_id = evidence.manifest.id
        if action is TwoPersonAction.DESTROY and evidence.custody.holds:
            raise RefusedError(_forbidden(evidence), hint="goodhoster evidence release ID, if it is over")
        if action is TwoPersonAction.EXPORT and not evidence.present:
            raise EvidenceError(f"the ciphertext of evidence {evidence_id} is not there", hint="goodhoster doctor")

    def _confirmed(self, evidence_id: str, action: TwoPersonAction, order: PersonalOrder) -> SealedEvidence:
        evidence = self._existing(evidence_id)
        self._expect_possible(evidence, action)
        before = _since(evidence.custody, "exported") if action is TwoPersonAction.EXPORT else ""
        _expect_another(evidence.custody.request(action, self.clock()), order.person, before)
        return evidence

    def _answer(self, what: str, order: PersonalOrder) -> ClosedRequest:
        return ClosedRequest(what, order.person.name, order.reason, self.clock())

    def _destroyed(self, evidence: SealedEvidence, actor: str, reason: str) -> SealedEvidence:
        about = {"evidence": evidence.manifest.id, "case": evidence.manifest.case, "actor": actor, "reason": reason}
        self.audit.append(AuditEvent("evidence.destroying", about))
        ordered = Hold(actor, reason, self.clock())
        evidence = self._keep(evidence, replace(evidence.custody, destroying=ordered))
        self.store.remove_ciphertext(evidence.manifest.id)
        with recording(f"the ciphertext of evidence {evidence.manifest.id} is destroyed"):
            self.audit.append(AuditEvent("evidence.destroyed", about))
            gone = replace(_answered(evidence.custody, TwoPersonAction.DESTROY), destroyed_at=self.clock())
            return replace(self._keep(evidence, gone), present=False)

    def _finished(self, evidence: SealedEvidence) -> SealedEvidence:
        """Finish a destruction that a crash interrupted when the ciphertext was gone."""
        by = evidence.custody.destroying
        if by is None or evidence.present or evidence.state is EvidenceState.DESTROYED:
            return evidence
        return self._destroyed(evidence, by.person, by.reason)

    def _copy(self, evidence: SealedEvidence, directory: Path) -> None:
        source, digest = self.store.ciphertext(evidence.manifest.id), hashlib.sha256()
        with source.open("rb") as opened, (directory / source.name).open("xb") as written:
            while piece := opened.read(_READ_BYTES):
                digest.update(piece)
                written.write(piece)
        if digest.hexdigest() != evidence.manifest.ciphertext_sha256:
            message = f"the ciphertext of evidence {evidence.manifest.id} is not as it was sealed"
            raise EvidenceError(message, hint="restore it from a backup; nothing was exported")
        (directory / f"{evidence.manifest.id}.json").write_bytes(self.store.manifest_text(evidence.manifest.id))

    def _log(self, kind: str, evidence: SealedEvidence, order: PersonalOrder, **more: str) -> None:
        about = {"evidence": evidence.manifest.id, "case": evidence.manifest.case}
        about |= {"actor": order.person.name, "reason": order.reason}
        self.audit.append(AuditEvent(kind, about | more))

    def _keep(self, evidence: SealedEvidence, custody: Custody) -> SealedEvidence:
        self.store.write_custody(evidence.manifest.id, custody)
        return replace(evidence, custody=custody)

    def _changing(self, recipients: Sequence[str]) -> RecipientsInForce:
        in_force = self.store.in_force()
        if not in_force.recipients or set(in_force.recipients) == set(recipients):
            raise RefusedError("the recipients that are configured are those that are sealed to: nothing to change")
        return in_force

    def _log_recipients(self, kind: str, recipients: Sequence[str], order: PersonalOrder) -> None:
        about: dict[str, str | list[str]] = {"recipients": list(recipients)}
        self.audit.append(AuditEvent(kind, about | {"actor": order.person.name, "reason": order.reason}))

    def _keep_in_force(self, in_force: RecipientsInForce) -> RecipientsInForce:
        self.store.write_in_force(in_force)
        return in_force


def _forbidden(evidence: SealedEvidence) -> str:
    hold = evidence.custody.holds[0]
    since = f"since {hold.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"a hold of {hold.person} {since} forbids that evidence {evidence.manifest.id} is destroyed: {hold.reason}"


def _after(custody: Custody, answer: ClosedRequest) -> Custody:
    """The custody with what a person ended, in place of what was ended so before."""
    others = (one for one in custody.answered if one.what != answer.what)
    return replace(custody, answered=(*others, answer))


def _since(custody: Custody, what: str) -> str:
    """Who ended a hold or a request before, in words; empty where nobody did."""
    found = next((one for one in custody.answered if one.what == what), None)
    return f": it was {what} by {found.person} at {found.at:%Y-%m-%d %H:%M:%S} UTC: {found.reason}" if found else ""


def _asks(request: TwoPersonRequest | None, recipients: Sequence[str], now: datetime) -> bool:
    return request is not None and request.valid(now) and set(request.about) == set(recipients)


def _answered(custody: Custody, action: TwoPersonAction) -> Custody:
    return replace(custody, requests=tuple(one for one in custody.requests if one.action is not action))


def _expect_not_asked(request: TwoPersonRequest | None) -> None:
    if request is not None:
        message = (
            f"{request.person.name} asked for that already, at {request.at:%Y-%m-%d %H:%M:%S} UTC: {request.reason}"
        )
        raise RefusedError(message, hint="another person confirms it: the same command with --confirm")


def _expect_another(request: TwoPersonRequest | None, person: Person, before: str = "") -> None:
    """Refuse where nobody asked, or the same person did; `before` says who had it done."""
    if request is None:
        hint = "one person says it without --confirm, then another with it, within 7 days"
        raise RefusedError(f"nobody asked for that{before}", hint=hint)
    if person.uid == request.person.uid:
        message = f"{person.name} asked for it: another person must confirm it"
        raise RefusedError(message, hint="two persons, each with an account of their own: docs/how-to-evidence.md")
