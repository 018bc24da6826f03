"""The verbs callers use: examine, act, restore, confirm, recover, verify.

A daemon, a command and a plugin all go through here: they bring a place, get a value back, and never need to know who
answers or what carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

from goodhoster.cases.desk import CaseDesk, Order
from goodhoster.cases.late_measures import LateCases
from goodhoster.cases.other_sizes import match_by_name, withdraw_by_name
from goodhoster.checking.verdict import verdict_of
from goodhoster.errors import GoodhosterError, RefusedError, StaleVerdictError, UncheckedError
from goodhoster.exemptions.lookup import Exempt, nothing_exempt
from goodhoster.model.audit import AuditFinding
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.content_kinds import named_as_picture
from goodhoster.model.digests import Digest
from goodhoster.model.storms import StormState
from goodhoster.model.uploads import Content, FileState, Place, Upload
from goodhoster.model.verdicts import Kind, Verdict, VerdictKind
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Hasher, HashSource
from goodhoster.uploads.opening import NotAnUploadError, OpenedUpload, open_upload

__all__ = ["Acted", "CaseOrders", "Checked", "NotAnUploadError", "Order", "Toolkit"]

_CONFIRMABLE = frozenset({CaseState.HELD, CaseState.FAILED, CaseState.OBSERVED})
_HELD = frozenset({CaseState.HELD})
_TRIES = 3
"""So often a verdict is brought to the case desk before its turn; each but the first is one that was just asked for."""
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
class Acted:
    """What came of acting on a match."""

    case: Case | None
    """None when there was nothing to do."""
    verdict: Verdict
    """As it counts now: another one where the first was too old to act on, and the sources were asked again."""


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
    check_again: Callable[[Sequence[Upload]], None] = lambda _: None
    """Makes files wait for a check: what their last one found holds no longer."""
    check_sizes: Callable[[Place], None] = lambda _: None
    """The same for what is known to be other sizes of the picture at that place."""

    @contextmanager
    def examine(
        self, place: Place, remembered: tuple[FileState, Content] | None = None, *, live: bool = False
    ) -> Iterator[Checked]:
        """Read a file once and ask every source. Inside the `with`, the file stays open: act there.

        What was `remembered` of exactly this state is not read again. `live`: the sources themselves are asked,
        whatever they answered before. NotAnUploadError when there is no regular file; every other failure is a verdict
        *unchecked*.
        """
        with ExitStack() as stack:
            try:
                checked = self._check(stack.enter_context(open_upload(place)), remembered, live=live)
            except UncheckedError as error:
                checked = Checked(_unchecked(error))
            yield checked

    def act(self, customer: str, place: Place, checked: Checked) -> Acted:
        """Let the case desk decide about a match and carry it out.

        The sources themselves are asked again where a measure would come too late after their answer; when it comes too
        late once more, because others are at theirs, it is *unchecked* (`late`), to be tried again.
        """
        content, verdict = checked.content, checked.verdict
        if checked.state is None or content is None or not verdict.matches:
            return Acted(None, verdict)
        upload = Upload(place, customer, checked.state)
        for _ in range(_TRIES):
            with suppress(StaleVerdictError):
                case = self.desk.receive(upload, content.digests, verdict)
                return Acted(self._noted(case) if case else None, verdict)
            verdict = self._ask(content, picture=checked.picture, live=True)
        return Acted(None, Verdict(VerdictKind.UNCHECKED, reason="late", detail="its measure had to wait for others"))

    def late(self) -> list[Case]:
        """Measures that come late, because nobody could carry them out before: each waits for `catch_up`."""
        return LateCases(self.desk).waiting()

    def catch_up(self, case: Case) -> Case:
        """Ask again about a late measure and go on with it as its sources see it by now. Returns the case, as it was
        when they cannot all be asked.
        """
        return self._noted(LateCases(self.desk).go_on(case.id, self._by_now(case)))

    def restore(self, case_ids: Sequence[str], order: Order) -> CaseOrders:
        """Undo measures by order of a person; each case by itself, whatever becomes of the others."""
        return _each(case_ids, lambda case_id: self._put_back(case_id, order))

    def confirm(self, case_ids: Sequence[str], order: Order) -> CaseOrders:
        """Let held, failed or only observed matches be acted on, each by itself, unless their sources say no by now.
        Where those cannot be asked, the person's word is enough.
        """
        return _each(case_ids, lambda case_id: self._confirm(case_id, order, self._by_now(self.store.get(case_id))))

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
        """Let go on what the storm and its parts held and their sources still know; RefusedError in mode observe.

        What cannot be asked about stays held: nobody looked at each of these, so the sources' word is needed.
        """
        self.desk.expect_enforcing()
        held = self._end_storm(storm_id, StormState.RELEASED, order, _HELD)
        return _each(held, lambda case_id: self._release(case_id, order))

    def _put_back(self, case_id: str, order: Order) -> Case:
        case = self.desk.restore(case_id, order)
        withdraw_by_name(self.desk, case.upload.place)
        return case

    def _release(self, case_id: str, order: Order) -> Case:
        by_now = self._by_now(self.store.get(case_id))
        if by_now and by_now.kind is VerdictKind.UNCHECKED:
            message = f"its sources cannot be asked again now: {by_now.detail}"
            raise RefusedError(message, hint="say it again when they answer")
        return self._confirm(case_id, order, by_now)

    def _confirm(self, case_id: str, order: Order, by_now: Verdict | None) -> Case:
        return _must_be_offline(self._noted(self.desk.confirm(case_id, order, by_now)))

    def _by_now(self, case: Case) -> Verdict | None:
        """What the sources themselves say now; None where none is a ground of the case, and where the file is not there
        as it was: that is for the quarantine to say.
        """
        if not case.matches or case.notice:
            return None
        with suppress(NotAnUploadError), self.examine(case.upload.place, live=True) as checked:
            return checked.verdict if checked.state in {None, case.upload.state} else None
        return None

    def _noted(self, case: Case) -> Case:
        """What the index says of a file that no source knows any more holds no longer; nor does it of other sizes of
        one that is offline now.
        """
        if case.state is CaseState.WITHDRAWN:
            self.check_again([case.upload])
        if case.state is CaseState.OFFLINE:
            self.check_sizes(case.upload.place)
        return case

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

    def _check(self, opened: OpenedUpload, remembered: tuple[FileState, Content] | None, *, live: bool) -> Checked:
        try:
            content = _known_content(opened, remembered) or self.hasher.read(opened.fd)
            if not opened.unchanged():
                raise UncheckedError(f"{opened.place} changed while it was read", reason="changed")
        except UncheckedError as error:
            return Checked(_unchecked(error), opened.state)
        picture = content.kind is not Kind.OTHER or named_as_picture(opened.place.path)
        verdict = self._ask(content, picture=picture, live=live)
        return Checked(self._by_name(verdict, opened.place) if picture else verdict, opened.state, content, picture)

    def _by_name(self, verdict: Verdict, place: Place) -> Verdict:
        """Where no source knows it and nobody exempted it: is it another size of what went offline?"""
        match = None if verdict.matches or verdict.exemption or not self.sources else match_by_name(self.store, place)
        return replace(verdict, kind=VerdictKind.NEAR, matches=(match,)) if match else verdict

    def _ask(self, content: Content, *, picture: bool, live: bool) -> Verdict:
        verdict = verdict_of(content, self.sources, picture=picture, exempt=self.exempt, live=live)
        return replace(verdict, answered_at=self.desk.clock())


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
