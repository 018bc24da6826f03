"""Measures for one URL of a notice.

Find it, and let the case desk or the web server take it offline.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from goodhoster.cases.desk import CaseDesk
from goodhoster.errors import GoodhosterError, NotAnUploadError, PassingError, recording
from goodhoster.examination import Examined
from goodhoster.linux.threads import map_parallel
from goodhoster.locating.page_pictures import LARGEST_PAGE, address_of, pictures_on
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import MEASURING, UNDECIDED, Case, CaseState, Order
from goodhoster.model.content_kinds import is_picture
from goodhoster.model.notice_status import Block, ItemState, NoticeItem
from goodhoster.model.notices import FoundBy, LocatedFile, Location, LocationKind, ReadItem
from goodhoster.model.uploads import LEASED, Content, Place, Upload
from goodhoster.model.verdicts import Match
from goodhoster.notices.reading.url_finder import HOST_ONLY
from goodhoster.policy.decide import Action
from goodhoster.policy.notices import NoticeCircumstances, decide_notice
from goodhoster.ports import CaseQuery, UrlBlocks
from goodhoster.takedowns.copy_demands import CopyDemands, demands_for
from goodhoster.takedowns.demands import DemandResult, Demands, Grounds, NamedFile
from goodhoster.uploads.opening import open_upload

Locate = Callable[[ReadItem], Location]
Examine = Callable[[Place], AbstractContextManager[Examined]]
Hurry = Callable[[Sequence[Upload]], None]
"""Has these checked as uploads before all that waits. IndexUnavailableError when they cannot be queued."""

_ITEM_STATES = {
    CaseState.OPEN: ItemState.UNDER_WAY,
    CaseState.HELD: ItemState.HELD,
    CaseState.FAILED: ItemState.HELD,
    CaseState.RESTORING: ItemState.HELD,
    CaseState.OBSERVED: ItemState.OBSERVED,
    CaseState.OFFLINE: ItemState.OFFLINE,
    CaseState.GONE: ItemState.GONE,
    CaseState.WITHDRAWN: ItemState.HELD,  # a hash source's second thoughts are none of the notifier's
    CaseState.RESTORED: ItemState.DISPUTED,
}
_OFFLINE = frozenset({ItemState.OFFLINE, ItemState.INACCESSIBLE})
_NO_DEMANDS = CopyDemands()
_NOTHING_THERE = frozenset({ItemState.OFFLINE, ItemState.GONE})
_REPLACED = "another file is at this address by now: it was replaced while the notice was acted on"
_TRIES = 3
"""How often a file is taken that is replaced meanwhile; then it is being replaced again and again."""
_WORST_FIRST = (
    ItemState.HELD,
    ItemState.UNDER_WAY,
    ItemState.OBSERVED,
    ItemState.DISPUTED,
    ItemState.OFFLINE,
    ItemState.GONE,
)


@dataclass(frozen=True, slots=True)
class LookedFor:
    """Location of an item, and what was read there. Nothing is decided yet."""

    location: Location
    named: Sequence[NamedFile] = ()
    """Files that are there."""
    problem: str = ""
    """Why a file, the one that the URL shows or a copy, could not be read."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An item after it was looked for, and the demands on the case desk about it."""

    item: NoticeItem
    demands: CopyDemands = _NO_DEMANDS
    taken: tuple[Case, ...] = ()
    """Cases in which the file that the URL showed was taken before."""


@dataclass(frozen=True, slots=True)
class TakedownActions:
    """Measures for items. The same item may be acted on again: what is done is found done."""

    locate: Locate
    examine: Examine
    desk: CaseDesk
    blocks: UrlBlocks | None
    """None where no web server is set up for it: what is no file then waits for a person."""
    hurry: Hurry
    may_look: bool = True
    """Is what is offline looked at from outside?"""
    with_content: Callable[[bytes, Container[Place]], Sequence[Upload]] = lambda *_: ()
    """Files of which the index knows by now that they have this SHA-256, but for those at places that are known."""

    def look_for(self, items: Sequence[NoticeItem]) -> list[LookedFor | GoodhosterError]:
        """Find the items' files and read them; nothing is decided, and nothing changes."""
        return map_parallel(self._look, items)

    def act(
        self,
        items: Sequence[tuple[NoticeItem, Grounds]],
        looked: Sequence[LookedFor | GoodhosterError] | None = None,
        *,
        visible: bool = False,
        tries: int = _TRIES,
    ) -> list[NoticeItem]:
        """Do whatever can be done about the items, and return them as they are then.

        Never raises for one that nothing could be done about: that one is held, or goes on waiting while nobody
        can tell where it is. AuditError stops.

        `looked` is what `look_for` found of them a moment ago, where it was asked ahead. When `visible`, they were
        seen from outside, so that something must be there although no file is.
        """
        looked = self.look_for([item for item, _ in items]) if looked is None else looked
        found = [self._found(*asked, each, visible=visible) for asked, each in zip(items, looked, strict=True)]
        asked = [demand for each in found for demand in (*each.demands.follow, *each.demands.held)]
        answers = iter(Demands(self.desk).process(asked))
        after = [self._updated_item(each, answers, asked[1]) for asked, each in zip(items, found, strict=True)]
        if tries > 1:
            after = [
                self.act([asked], visible=visible, tries=tries - 1)[0] if _not_taken(item) else item
                for asked, item in zip(items, after, strict=True)
            ]
        if left := [upload for item, each in zip(after, looked, strict=True) for upload in _files_left(item, each)]:
            self.hurry(left)
        if later := [upload for each in zip(found, after, looked, strict=True) for upload in self._copies_since(*each)]:
            self.hurry(later)
        return after

    def _copies_since(self, found: _Found, after: NoticeItem, looked: LookedFor | GoodhosterError) -> Iterator[Upload]:
        """Copies that the index came to know while the measures were taken.

        Their check found nothing yet.
        """
        if after.state is not ItemState.OFFLINE or isinstance(looked, GoodhosterError):
            return
        located = {file.upload.place for file in (*looked.location.files, *looked.location.beside)}
        for sha256 in {file.digests.sha256 for demand in found.demands.follow for file in demand.files}:
            yield from self.with_content(sha256, located)

    def confirm(self, item: NoticeItem, grounds: Grounds) -> NoticeItem:
        """Act on an item by a person's order.

        An address is blocked whatever the rules say; files wait in a case of theirs.
        """
        location = self.locate(item.read)
        if location.outcome is not LocationKind.DYNAMIC or self.blocks is None:
            return self.act([(item, grounds)])[0]
        return self._block_now(replace(item, url=location.url, customer=location.customer), grounds, self.blocks)

    def demands_of(self, location: Location, grounds: Grounds) -> CopyDemands:
        """Demands about the files of a location; the case desk is not asked yet.

        May raise PassingError.
        """
        named, _ = self._read([*location.files, *self._pictures_of(location)])
        return self._demands(named, grounds) if named else _NO_DEMANDS

    def sync(self, item: NoticeItem, since: datetime) -> NoticeItem:
        """Update an item that is not settled by what became of its cases since then."""
        if not item.cases:
            return item
        if item.state in _OFFLINE:
            return _put_back(self._cases_of(item), item)
        if item.state is ItemState.DISPUTED:
            return _taken_after_all(self._cases_of(item), item, since)
        return self._decided(item, since) if item.state.waits_for_person or item.state is ItemState.UNDER_WAY else item

    def _decided(self, item: NoticeItem, since: datetime) -> NoticeItem:
        """An item that waits, or whose measure is under way, by what became of its cases."""
        cases = self._cases_of(item)
        earlier = all((case.closed_at or since) < since for case in cases)
        if earlier and any(case.state is CaseState.RESTORED for case in cases):
            return item  # decided before this notice came: somebody must look again
        after = _state_from_cases(cases, item)
        if after.state is item.state and _waits_for_others(cases):
            after = replace(after, reason=item.reason)  # this notice's own, not that of the one that came first
        if item.unresolved and after.state in _NOTHING_THERE:
            return item
        if item.found_at and item.consecutive_checks and after.state in _NOTHING_THERE:
            return item  # whether it is gone at the other addresses, too, is seen from outside
        # What is offline here and can be seen all the same waits for a person for that reason.
        return item if after.state is ItemState.OFFLINE and item.consecutive_checks else after

    def confirm_cases(self, item: NoticeItem, order: Order) -> None:
        """Confirm every waiting case of this item's files, by a person's order."""
        for case in self._cases_of(item):
            if case.state in UNDECIDED | {CaseState.FAILED}:
                self.desk.confirm(case.id, order)

    def dismiss(self, item: NoticeItem, order: Order) -> NoticeItem:
        """Dismiss an item by a person's order: it stays, or it does not live here at all.

        What waits is cancelled, and a block of its address lifted. What was taken offline comes back by `cases
        restore`.
        """
        for case in [*self._cases_of(item), *map(self.desk.store.get, item.copies_held)]:
            if case.state in MEASURING:
                self._cancel(case, order)
            elif case.state in UNDECIDED:
                self.desk.restore(case.id, order)
        return replace(self._lifted(item), state=ItemState.NOT_OURS if self._is_elsewhere(item) else ItemState.DISPUTED)

    def _is_elsewhere(self, item: NoticeItem) -> bool:
        """Whether its address is certainly none of ours, and nothing of it was ever here."""
        if item.cases or item.copies_held or item.blocked or item.found_at:
            return False
        try:
            return self.locate(item.read).outcome is LocationKind.NOT_OURS
        except GoodhosterError:
            return False

    def _cancel(self, case: Case, order: Order) -> None:
        try:
            self.desk.cancel(case.id, order)
        except PassingError:
            # Whoever moves files is away: it is cancelled all the same, unless somebody is at work on it just now.
            if self.desk.store.get(case.id).state in MEASURING:
                raise

    def _cases_of(self, item: NoticeItem) -> list[Case]:
        return list(self.desk.store.get_all(item.cases))

    def _lifted(self, item: NoticeItem) -> NoticeItem:
        if self.blocks is not None:
            blocked = {block.url for block in self.blocks.blocks()} if item.found_at else set()
            for url in (*((item.url,) if item.blocked else ()), *(url for url in item.found_at if url in blocked)):
                self._log("block.lifting", url=url)
                self.blocks.lift(url)
                with recording(f"the block of {url} is lifted"):
                    self._log("block.lifted", url=url)
        return replace(item, blocked=False)

    def _look(self, item: NoticeItem) -> LookedFor | GoodhosterError:
        """Look at an item; an error where its location, or what is there, cannot be told now."""
        try:
            location = self.locate(item.read)
        except GoodhosterError as error:
            return PassingError(f"it cannot be located yet: {error}")
        if location.outcome is not LocationKind.FILE:
            return LookedFor(location)
        try:
            return LookedFor(location, *self._read([*location.files, *self._pictures_of(location)]))
        except PassingError as error:
            return error

    def _found(
        self, item: NoticeItem, grounds: Grounds, looked: LookedFor | GoodhosterError, *, visible: bool
    ) -> _Found:
        if isinstance(looked, GoodhosterError):
            return _Found(replace(item, reason=str(looked)))
        location = looked.location
        found = replace(
            item,
            url=location.url,
            customer=location.customer,
            front=location.front,
            reason=location.detail,
            network=location.network,
            server=location.server,
        )
        match location.outcome:
            case LocationKind.NOT_OURS:
                return _Found(self._nothing_to_act_on(found, ItemState.NOT_OURS, grounds))
            case LocationKind.AMBIGUOUS:
                return _Found(self._held(found, location.detail or "it is not certain what is meant"))
            case LocationKind.DYNAMIC if location.place is not None and not visible:
                return self._without_file(found, location, grounds)
            case LocationKind.DYNAMIC:
                return _Found(self._block(found, grounds))
            case LocationKind.FILE:
                return self._demanding(found, looked, grounds)

    def _demanding(self, item: NoticeItem, looked: LookedFor, grounds: Grounds) -> _Found:
        if looked.problem and not looked.named:
            return _Found(self._held(item, looked.problem))
        if not looked.named:
            return self._without_file(item, looked.location, grounds)
        shown = looked.named[0].upload
        known_to = _known_to(match for file in looked.named for match in file.verdict.matches)
        item = replace(item, place=shown.place, customer=shown.customer, unresolved=looked.problem, known_to=known_to)
        return _Found(item, self._demands(looked.named, grounds))

    def _demands(self, named: Sequence[NamedFile], grounds: Grounds) -> CopyDemands:
        return demands_for(named, grounds, self.desk.store, self.desk.rules.storm_customers)

    def _updated_item(self, found: _Found, answers: Iterator[DemandResult], grounds: Grounds) -> NoticeItem:
        """The item updated by its part of the case desk's answer, and by what is at its place now."""
        received = [next(answers) for _ in found.demands.follow]
        cases = [*found.taken, *(case for answer in received for case in answer.cases)]
        about_copies = [case.id for _ in found.demands.held for case in next(answers).cases]
        ids = tuple(case.id for case in cases)
        held = (case for case in dict.fromkeys((*found.item.copies_held, *about_copies)) if case not in ids)
        item = replace(found.item, copies_held=tuple(held), cases=ids or found.item.cases)
        if not cases:
            return item
        if any(case.state is CaseState.RESTORED for case in cases):
            return self._held(item, "a person restored this very file before")
        after = _state_from_cases(cases, item)
        after = replace(after, reason=_own_reason(received, after))
        if item.unresolved and after.state in _NOTHING_THERE:
            return self._held(after, item.unresolved)
        return self._after_look_again(after, cases, grounds)

    def _after_look_again(self, item: NoticeItem, cases: Sequence[Case], grounds: Grounds) -> NoticeItem:
        """The item after a look whether its address shows nothing any more.

        Its owner may have put another file there, whose case then says that the checked one is gone. Where nothing
        was taken and nothing is there, it counts as missing, which must be seen more than once.
        """
        if item.state not in _NOTHING_THERE or item.place is None:
            return item
        taken = item.state is ItemState.OFFLINE
        if _is_replaced(item.place, cases):
            return self._held(replace(item, cases=item.cases if taken else (), unresolved=_REPLACED), _REPLACED)
        return item if taken else self._no_file(replace(item, cases=()), grounds)

    def _read(self, files: Iterable[LocatedFile]) -> tuple[list[NamedFile], str]:
        """Read every file that is still there, and why one could not be read.

        None is named where the URL shows that one; PassingError where that one can be read soon.
        """
        named: list[NamedFile] = []
        problem = ""
        for file in files:
            with suppress(NotAnUploadError), self.examine(file.upload.place) as checked:
                if checked.state is not None and checked.content is not None:
                    upload = Upload(file.upload.place, file.upload.customer, checked.state)
                    named.append(_named(file, upload, checked.content, checked))
                elif file.found_by is FoundBy.URL and checked.verdict.reason == LEASED:
                    raise PassingError(f"it cannot be read yet: {checked.verdict.detail}")
                elif file.found_by is FoundBy.URL:
                    return [], f"it cannot be read: {checked.verdict.detail}"
                else:
                    problem = f"{file.upload.place} cannot be read: {checked.verdict.detail}"
        return named, problem

    def _pictures_of(self, location: Location) -> list[LocatedFile]:
        """The pictures on a page, as far as they are files of the same customer."""
        if not location.page or not location.files:
            return []
        place = location.files[0].upload.place
        with suppress(GoodhosterError, OSError):
            pictures = pictures_on(_beginning(place), address_of(place.path, location.url))
            found = [file for url in pictures for file in self.locate(ReadItem((url,))).files]
            return [file for file in found if file.upload.customer == location.customer]
        return []

    def _without_file(self, item: NoticeItem, location: Location, grounds: Grounds) -> _Found:
        """Handle an item without a file.

        We took it, or it was gone before, or a program answers. Other sizes of what we took go with it.
        """
        item = replace(item, place=location.place)
        cases = self.desk.store.find(CaseQuery(place=location.place)) if location.place else ()
        taken = tuple(case for case in cases if case.state is CaseState.OFFLINE)
        if not taken and location.reason == "program":
            # What the configuration hands to a program shows what that likes, to whom it likes: a look proves nothing.
            return _Found(self._block(item, grounds))
        if not taken:
            return _Found(self._no_file(item, grounds))
        named, problem = self._read(location.beside)
        demands = self._demands(named, grounds)
        return _Found(replace(item, reason="there is no such file (any more)", unresolved=problem), demands, taken)

    def _no_file(self, item: NoticeItem, grounds: Grounds) -> NoticeItem:
        """Handle an address without a file.

        From outside it is seen whether anything is there; where nobody may look, it is not said to be gone.
        """
        if self.may_look or grounds.uncertain:
            missing = replace(item, reason="there is no such file (any more)")
            return self._nothing_to_act_on(missing, ItemState.MISSING, grounds)
        if self.blocks is not None:
            return self._block(item, grounds)
        return self._held(
            item, "there is no such file, and nobody may look whether a program answers: see own_networks"
        )

    def _block(self, item: NoticeItem, grounds: Grounds) -> NoticeItem:
        if self.blocks is None:
            return self._held(item, "it is not a file, and no web server is set up to block an address")
        if any(block.url == item.url for block in self.blocks.blocks()):
            return replace(item, state=ItemState.OFFLINE, blocked=True, reason="blocked before")
        decision = decide_notice(self.desk.rules, self._around(item, grounds, self.blocks.blocks()))
        if decision.action is Action.HOLD:
            return self._held(item, decision.reason)
        if decision.action is Action.OBSERVE:
            return replace(item, state=ItemState.OBSERVED, reason=decision.reason)
        return self._block_now(item, grounds, self.blocks)

    def _block_now(self, item: NoticeItem, grounds: Grounds, blocks: UrlBlocks) -> NoticeItem:
        block = Block(item.url, grounds.notice, grounds.notifier, item.customer, self.desk.clock())
        self._log("block.intended", url=item.url, notice=grounds.notice, customer=item.customer)
        try:
            blocks.block(block)
        except GoodhosterError as error:
            with recording(f"{item.url} could not be blocked ({error})"):
                self._log("block.failed", url=item.url, notice=grounds.notice, reason=str(error))
            return self._held(item, f"it could not be blocked: {error}")
        with recording(f"{item.url} is blocked"):
            self._log("block.done", url=item.url, notice=grounds.notice)
        return replace(item, state=ItemState.OFFLINE, blocked=True, reason="blocked at its address")

    def _around(self, item: NoticeItem, grounds: Grounds, blocks: Sequence[Block]) -> NoticeCircumstances:
        hour = self.desk.clock() - timedelta(hours=1)
        recent = [block for block in blocks if block.at >= hour and block.notifier == grounds.notifier]
        of_customer = [block for block in recent if block.customer == item.customer]
        return NoticeCircumstances(grounds.doubt, grounds.caps, len(recent), len(of_customer))

    def _nothing_to_act_on(self, item: NoticeItem, state: ItemState, grounds: Grounds) -> NoticeItem:
        """Settle an item where nothing is here to be acted on.

        Where the reading is not certain, something else may have been meant.
        """
        if grounds.uncertain and not (state is ItemState.NOT_OURS and grounds.uncertain == HOST_ONLY):
            return self._held(item, f"{item.reason}; {grounds.uncertain}")
        return replace(item, state=state)  # a host of others that is only named, as in a signature, asks for nothing

    @staticmethod
    def _held(item: NoticeItem, why: str) -> NoticeItem:
        return replace(item, state=ItemState.HELD, reason=why)

    def _log(self, event: str, **data: str) -> None:
        self.desk.audit.append(AuditEvent(event, data))


def _taken_after_all(cases: Sequence[Case], item: NoticeItem, since: datetime) -> NoticeItem:
    """A disputed item whose files went offline since then: a person thought better of it."""
    taken = all(case.state is CaseState.OFFLINE and (case.closed_at or since) > since for case in cases)
    return _state_from_cases(cases, item) if taken else item


def _put_back(cases: Sequence[Case], item: NoticeItem) -> NoticeItem:
    if item.blocked or any(case.state is not CaseState.RESTORED for case in cases):
        return item
    return replace(_state_from_cases(cases, item), next_check_at=None, gone_at=None)


def _own_reason(received: Sequence[DemandResult], item: NoticeItem) -> str:
    """Reason of an item after its demands.

    Where a case waits for a person since a notice before, that notice's reason is not this one's: its sender may have
    been unproven.
    """
    waiting = ((case, answer) for answer in received for case in answer.cases if _waits_for_others([case]))
    return next((answer.reason for case, answer in waiting if case.reason == item.reason), item.reason)


def _waits_for_others(cases: Sequence[Case]) -> bool:
    """Whether one waits for a person because a notice, this one or another, named it."""
    return any(case.state in UNDECIDED and case.notice for case in cases)


def _state_from_cases(cases: Sequence[Case], item: NoticeItem) -> NoticeItem:
    """The item with the state of the case that is furthest behind."""
    states = {_ITEM_STATES[case.state]: case for case in reversed(cases)}
    worst = next(state for state in _WORST_FIRST if state in states)
    told = _known_to(match for case in cases for match in case.matches)
    known_to = tuple(sorted({*item.known_to, *told}))
    return replace(item, state=worst, reason=states[worst].reason, known_to=known_to)


def _known_to(matches: Iterable[Match]) -> tuple[str, ...]:
    return tuple(sorted({match.source for match in matches if match.exemption is None and not match.near}))


def _files_left(item: NoticeItem, looked: LookedFor | GoodhosterError) -> Iterator[Upload]:
    """Files of an item that waits for a person, and so did not go offline with them.

    What the sources say of them counts by itself.
    """
    if isinstance(looked, LookedFor) and item.state.waits_for_person:
        yield from (file.upload for file in looked.location.files)


def _not_taken(item: NoticeItem) -> bool:
    return item.unresolved == _REPLACED and not item.cases


def _is_replaced(place: Place, cases: Sequence[Case]) -> bool:
    """Whether something is at this place that is none of the files that the cases are about."""
    try:
        found = os.lstat(place.absolute)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it cannot be told, so it is not said to be away
        return True
    return found.st_ino not in {upload.state.ino for case in cases for upload in case.uploads}


def _named(file: LocatedFile, upload: Upload, content: Content, checked: Examined) -> NamedFile:
    picture = is_picture(content.kind, upload.place.path)  # `checked` says whether services are asked about it
    more = (file.found_by, file.original, picture, content.fingerprints)
    return NamedFile(upload, content.digests, checked.verdict, *more)


def _beginning(place: Place) -> bytes:
    with open_upload(place) as opened, open(opened.fd, "rb", closefd=False) as file:
        return file.read(LARGEST_PAGE)
