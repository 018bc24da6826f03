"""The part of the composition that seals evidence and keeps it."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from goodhoster.assembly.lazy import LazyParts, lazy
from goodhoster.errors import ConfigurationError, RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from goodhoster.assembly.services import Services
    from goodhoster.cases.destruction import QuarantineDestruction
    from goodhoster.cases.sealing import AttemptSealing, PendingSeals
    from goodhoster.evidence.sealing.custody import CustodyDesk
    from goodhoster.evidence.sealing.sealer import Sealer
    from goodhoster.evidence.sealing.store import EvidenceStore
    from goodhoster.model.cases import Case
    from goodhoster.model.notices import RemovalOrder
    from goodhoster.model.uploads import Place
    from goodhoster.settings import Settings

DIRECTORY = "evidence"


class EvidenceServices(LazyParts):
    """Everything about sealed evidence, for the daemon and the commands.

    A part that needs the library which encrypts imports it in its own method.
    """

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    def make_all(self) -> None:
        """Make every part where something is to be sealed or was."""
        if self.sealing:
            super().make_all()

    @property
    def sealing(self) -> bool:
        """Whether recipients are configured."""
        return bool(self._services.settings.evidence.recipients)

    @property
    def in_use(self) -> bool:
        """Whether anything is to be sealed, or was."""
        return self.sealing or evidence_directory(self._services.settings).is_dir()

    @lazy
    def store(self) -> EvidenceStore:
        """What was sealed."""
        from goodhoster.evidence.sealing.store import EvidenceStore

        directory = evidence_directory(self._services.settings)
        try:
            return EvidenceStore(directory)
        except OSError as error:
            hint = "see [evidence] directory"
            raise ConfigurationError(f"{directory} cannot be made: {error.strerror}", hint=hint) from error

    @lazy
    def custody(self) -> CustodyDesk:
        """Holds, export and destruction."""
        from goodhoster.evidence.sealing.custody import CustodyDesk
        from goodhoster.ports.common import utc_now

        return CustodyDesk(self.store, self._services.audit, utc_now, self._services.pager)

    @lazy
    def sealer(self) -> Sealer:
        """What seals. ConfigurationError where a recipient is none, or the library is not there."""
        from goodhoster.evidence.sealing.sealer import Sealer
        from goodhoster.model.sealed_evidence import Retention
        from goodhoster.ports.common import utc_now

        settings = self._services.settings.evidence
        recipients = checked_recipients(self._services.settings)
        keep = (settings.keep_known, settings.keep_near, settings.keep_notice)
        return Sealer(
            store=self.store,
            audit=self._services.audit,
            clock=utc_now,
            retention=Retention(*(timedelta(seconds=seconds) for seconds in keep)),
            recipients=recipients,
            leave_free=settings.leave_free,
            largest=settings.largest,
            tool=f"goodhoster {version('goodhoster')}, pyrage {version('pyrage')}",
        )

    @lazy
    def pending_seals(self) -> PendingSeals:
        """What looks for files that are not sealed yet."""
        from goodhoster.cases.sealing import PendingSeals
        from goodhoster.evidence.quarantine.survey import open_quarantined

        services = self._services
        if services.settings.buckets:
            from goodhoster.model.objects import is_bucket

            def opened(place: Place, name: str) -> int | None:
                objects = services.buckets.quarantine
                return objects.open(place, name) if is_bucket(place.tree) else open_quarantined(place, name)

            return PendingSeals(services.case_store, self.sealer, opened)
        return PendingSeals(services.case_store, self.sealer, open_quarantined)

    @lazy
    def attempt_sealing(self) -> AttemptSealing | None:
        """What seals the uploads that are refused at the doors; None where nothing is to be."""
        if not (self.sealing and self._services.settings.evidence.seal_attempts):
            return None
        from goodhoster.cases.sealing import AttemptSealing

        return AttemptSealing(self._services.case_store, self.sealer, self._services.pager)

    @property
    def destroying(self) -> bool:
        """Whether files in quarantine are destroyed when the restore window is over."""
        return self._services.settings.evidence.destroy_quarantined_after is not None

    @lazy
    def destruction(self) -> QuarantineDestruction:
        """What destroys files in quarantine when the restore window is over."""
        from goodhoster.cases.destruction import DestructionRules, NoSealedCopies, QuarantineDestruction
        from goodhoster.ports.common import utc_now

        settings = self._services.settings.evidence
        rules = DestructionRules(
            timedelta(seconds=settings.destroy_quarantined_after or 0), without_copy=settings.destroy_without_copy
        )
        copies = self.custody if self.in_use else NoSealedCopies()
        return QuarantineDestruction(self._services.desk, rules, copies, self.forbids, utc_now)

    def held_cases(self) -> frozenset[str]:
        """The cases of which a piece of evidence is under a legal hold."""
        pieces = map(self.store.get, self.store.ids()) if self.in_use else ()
        return frozenset(piece.manifest.case for piece in pieces if piece.custody.holds)

    def forbids(self, case: Case) -> str:
        """Why the files of a case must stay although the window is over; empty where they need not."""
        from goodhoster.model.customers.standing import AppealState
        from goodhoster.ports.common import utc_now

        services = self._services
        if services.customers.in_use:
            for appeal in services.customers.standing.store.appeals():
                if appeal.state is AppealState.OPEN and appeal.subject == f"case:{case.id}":
                    return f"appeal {appeal.id} is not decided"
        order = self._order_of(case)
        if order and order.preserve_until and order.preserve_until > utc_now():
            return f"notice {case.notice} orders that it is preserved until {order.preserve_until:%Y-%m-%d}"
        return ""

    def _order_of(self, case: Case) -> RemovalOrder | None:
        """The removal order that a case is about."""
        if not case.notice:
            return None
        try:
            notice = self._services.notices.store.get(case.notice)
        except RefusedError:
            return None
        return notice.read.order if notice.read else None


def evidence_directory(settings: Settings) -> Path:
    """Where sealed evidence is kept."""
    return settings.evidence.directory or settings.state_dir / DIRECTORY


def logged_pieces(settings: Settings) -> set[str]:
    """The pieces of evidence that the audit log has, destroyed ones too; reads all of it."""
    from goodhoster.assembly.state import file_audit_log

    entries = file_audit_log(settings).entries()
    return {str(entry.event.data.get("evidence")) for entry in entries if entry.event.kind == "evidence.sealed"}


def damaged_evidence(settings: Settings) -> list[str]:
    """The pieces of which what is written is damaged or gone, in words."""
    from goodhoster.errors import EvidenceError
    from goodhoster.evidence.sealing.store import EvidenceStore

    logged, directory = logged_pieces(settings), evidence_directory(settings)
    if not (logged or directory.is_dir()):
        return []
    found = EvidenceStore(directory).each(logged)
    return [f"{error}; {error.hint}" for error in found if isinstance(error, EvidenceError)]


def checked_recipients(settings: Settings) -> tuple[str, ...]:
    """The configured recipients.

    ConfigurationError where one is none, or the library is not there.
    """
    try:
        from goodhoster.evidence.sealing.encryption import check_recipients
    except ImportError as error:
        hint = "install goodhoster with the extra evidence"
        raise ConfigurationError("[evidence] recipients needs the package pyrage", hint=hint) from error
    return check_recipients(settings.evidence.recipients)
