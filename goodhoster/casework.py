"""Casework: notes on cases and notices, and who of the desk works on which.

None of it decides anything. What a person wrote or took is in the audit log before it is in the record; the words of a
note are not in the log, as they may name whom it is about and must be erasable.
"""

from __future__ import annotations

from dataclasses import dataclass

from goodhoster.errors import RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster.model.casework import LONGEST_NOTE, Assignment, Note
from goodhoster.ports import AuditLog, Clock
from goodhoster.ports.casework import CaseworkStore


@dataclass(frozen=True, slots=True)
class Casework:
    """Keeps notes and assignments; made by `assembly`."""

    store: CaseworkStore
    audit: AuditLog
    clock: Clock

    def note(self, subject: str, author: str, text: str) -> Note:
        """Keep a note on a case or notice; RefusedError where it is empty or too long."""
        said = text.strip()
        if not said:
            raise RefusedError("the note is empty: nothing was written")
        if len(said) > LONGEST_NOTE:
            hint = f"at most {LONGEST_NOTE:,} characters; keep what is longer elsewhere, and say where"
            raise RefusedError(f"the note has {len(said):,} characters: nothing was written", hint=hint)
        self._log("casework.noted", subject, author)
        note = Note(subject, author, said, self.clock())
        self.store.add(note)
        return note

    def take(self, subject: str, person: str, *, from_person: str = "") -> Assignment:
        """Assign a case or notice to the person who asks.

        RefusedError where somebody else works on it, unless that one is named.
        """
        has = self.store.assignment(subject)
        if has and has.person not in {person, from_person}:
            hint = f"ask {has.person} to hand it over, or say that you take it: --from {has.person}"
            raise RefusedError(f"{has.person} works on {subject} since {has.since:%Y-%m-%d %H:%M} UTC", hint=hint)
        if has and has.person == person:
            return has
        return self._assign(subject, person, person, has)

    def hand_over(self, subject: str, person: str, to: str) -> Assignment:
        """Assign a case or notice to another person."""
        return self._assign(subject, to, person, self.store.assignment(subject))

    def _assign(self, subject: str, to: str, by: str, has: Assignment | None) -> Assignment:
        before = has.person if has else ""
        self._log("casework.assigned", subject, by, to=to, before=before)
        assignment = Assignment(subject, to, by, self.clock())
        self.store.assign(assignment, expected=before)
        return assignment

    def _log(self, kind: str, subject: str, actor: str, **more: str) -> None:
        names = "notice" if subject.startswith("N") else "case"
        self.audit.append(AuditEvent(kind, {names: subject, "actor": actor, **more}))
