"""The verbs callers use: examine, act, restore, confirm, recover, verify.

A daemon, a command and a plugin all go through here: they bring a place, get a value back, and never need to know who
answers or what carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from goodhoster.cases.desk import CaseDesk, Order
from goodhoster.checking.exemptions import Exempt, nothing_exempt
from goodhoster.checking.kinds import named_as_picture
from goodhoster.checking.verdict import verdict_of
from goodhoster.errors import GoodhosterError, RefusedError, UncheckedError
from goodhoster.model.audit import AuditFinding
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.digests import Digest
from goodhoster.model.storms import StormState
from goodhoster.model.uploads import Content, FileState, Place, Upload
from goodhoster.model.verdicts import Kind, Verdict, VerdictKind
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Hasher, HashSource
from goodhoster.uploads.opening import NotAnUploadError, OpenedUpload, open_upload

__all__ = ["CaseOrders", "Checked", "NotAnUploadError", "Order", "Toolkit"]

_CONFIRMABLE = frozenset({CaseState.HELD, CaseState.FAILED, CaseState.OBSERVED})
_HELD = frozenset({CaseState.HELD})
_RESTORABLE = frozenset({CaseState.OFFLINE, CaseState.HELD, CaseState.FAILED, CaseState.OBSERVED, CaseState.RESTORING})


@dataclass(frozen=True, slots=True)
class Checked:
    """What an examination found."""

    verdict: Verdict
    state: FileState | None = None
    """The state that was examined; None when the file could not even be opened."""
    content: Content | None = None
    """None when it could not be read whole."""
    picture: bool = False
    """Was every source asked? About what is no picture and no video only those on this machine are."""


@dataclass(frozen=True, slots=True)
class CaseOrders:
    """What became of a person's orders."""

    done: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    """Case and why, in words."""


@dataclass(frozen=True, slots=True)
class Toolkit:
    """Made by `assembly`; threads may share it."""

    sources: Sequence[HashSource]
    store: CaseStore
    audit: AuditLog
    desk: CaseDesk
    hasher: Hasher
    exempt: Exempt = nothing_exempt

    @contextmanager
    def examine(self, place: Place, remembered: tuple[FileState, Content] | None = None) -> Iterator[Checked]:
        """Read a file once and ask every source. Inside the `with`, the file stays open: act there.

        What was `remembered` of exactly this state is not read again. NotAnUploadError when there is no regular file;
        every other failure is a verdict *unchecked*.
        """
        with ExitStack() as stack:
            try:
                checked = self._check(stack.enter_context(open_upload(place)), remembered)
            except UncheckedError as error:
                checked = Checked(_unchecked(error))
            yield checked

    def act(self, customer: str, place: Place, checked: Checked) -> Case | None:
        """Let the case desk decide about a match and carry it out; None when there is nothing to do."""
        if checked.state is None or checked.content is None or not checked.verdict.matches:
            return None
        return self.desk.receive(Upload(place, customer, checked.state), checked.content.digests, checked.verdict)

    def restore(self, case_ids: Sequence[str], order: Order) -> CaseOrders:
        """Undo measures by order of a person; each case by itself, whatever becomes of the others."""
        return _each(case_ids, lambda case_id: self.desk.restore(case_id, order))

    def confirm(self, case_ids: Sequence[str], order: Order) -> CaseOrders:
        """Let held, failed or only observed matches be acted on, each by itself."""
        return _each(case_ids, lambda case_id: _must_be_offline(self.desk.confirm(case_id, order)))

    def restorable(self, digest: Digest) -> list[str]:
        """The cases about that content that `restore` would undo."""
        return self._about(digest, _RESTORABLE)

    def confirmable(self, digest: Digest) -> list[str]:
        """The cases about that content that `confirm` would let go on."""
        return self._about(digest, _CONFIRMABLE)

    def rule(self, digest: Digest, state: StormState, order: Order) -> None:
        """A person's word about a content counts at every customer: undone is held from then on everywhere, until
        it is released; released, its being at many customers is no storm.
        """
        for sha256 in sorted({case.digests.sha256 for case in self.store.find(CaseQuery(digest=digest))}):
            with self.desk.turn:
                self.desk.brake.rule(sha256, state, (order.actor, order.reason))

    def undo_storm(self, storm_id: str, order: Order) -> CaseOrders:
        """Put back every file that the storm and its parts took; what it held is overruled. It goes on to brake."""
        return self.restore(self._end_storm(storm_id, StormState.UNDONE, order, _RESTORABLE), order)

    def release_storm(self, storm_id: str, order: Order) -> CaseOrders:
        """Let go on what the storm and its parts held; RefusedError in mode observe."""
        self.desk.expect_enforcing()
        return self.confirm(self._end_storm(storm_id, StormState.RELEASED, order, _HELD), order)

    def _end_storm(self, storm_id: str, state: StormState, order: Order, wanted: frozenset[CaseState]) -> list[str]:
        """First the word, so that nothing new is done meanwhile; then the cases, those of a repeated order too."""
        storms = self.desk.brake.whole(storm_id)
        for storm in storms:
            with self.desk.turn:
                self.desk.brake.end(storm, state, (order.actor, order.reason))
        cases = dict.fromkeys(case_id for storm in storms for case_id in self.desk.brake.cases_of(storm))
        return [case_id for case_id in cases if self.store.get(case_id).state in wanted]

    def _about(self, digest: Digest, states: frozenset[CaseState]) -> list[str]:
        return [case.id for case in self.store.find(CaseQuery(states=states, digest=digest))]

    def verify(self) -> AuditFinding:
        """Is the audit log whole?"""
        return self.audit.verify()

    def _check(self, opened: OpenedUpload, remembered: tuple[FileState, Content] | None) -> Checked:
        try:
            content = _known_content(opened, remembered) or self.hasher.read(opened.fd)
            if not opened.unchanged():
                raise UncheckedError(f"{opened.place} changed while it was read", reason="changed")
        except UncheckedError as error:
            return Checked(_unchecked(error), opened.state)
        picture = content.kind is not Kind.OTHER or named_as_picture(opened.place.path)
        verdict = verdict_of(content, self.sources, picture=picture, exempt=self.exempt)
        return Checked(verdict, opened.state, content, picture)


def _each(case_ids: Sequence[str], carry_out: Callable[[str], Case]) -> CaseOrders:
    done: list[str] = []
    refused: list[tuple[str, str]] = []
    for case_id in case_ids:
        try:
            carry_out(case_id)
            done.append(case_id)
        except GoodhosterError as error:
            refused.append((case_id, str(error)))
    return CaseOrders(tuple(done), tuple(refused))


def _must_be_offline(case: Case) -> Case:
    if case.state is not CaseState.OFFLINE:
        raise RefusedError(f"the case is {case.state} now: {case.reason}")
    return case


def _known_content(opened: OpenedUpload, remembered: tuple[FileState, Content] | None) -> Content | None:
    return remembered[1] if remembered and remembered[0] == opened.state else None


def _unchecked(error: UncheckedError) -> Verdict:
    return Verdict(VerdictKind.UNCHECKED, reason=error.reason, detail=str(error))
