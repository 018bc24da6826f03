"""Preview of a confirmation: what it would take, and at which customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from goodhoster.errors import GoodhosterError, PassingError
from goodhoster.model.cases import MEASURING, UNDECIDED, Case, CaseState, MeasureState
from goodhoster.model.notice_status import Notice, NoticeItem
from goodhoster.model.notices import LocationKind, NotifierCaps, ReadItem
from goodhoster.model.uploads import Place
from goodhoster.takedowns.actions import TakedownActions
from goodhoster.takedowns.demands import Grounds


class PreviewEffect(StrEnum):
    """What a confirmation or a dismissal does about one file or address."""

    TAKE = "take"
    """The file goes offline."""
    BLOCK = "block"
    """The web server shows nothing at the address."""
    CLOSE = "close"
    """Its case is closed without a measure: the file stays online, and its content is overruled at this customer."""
    CANCEL = "cancel"
    """A measure that waits is not carried out; what a crash left half done is put back."""
    LIFT = "lift"
    """The web server shows the address again."""
    LEAVE = "leave"
    """It stays as it is; the reason says why."""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One file or address that an item leads to."""

    url: str
    effect: PreviewEffect
    customer: str = ""
    place: Place | None = None
    case: str = ""
    """Where it waits already."""
    reason: str = ""


def preview_of(notice: Notice, acts: TakedownActions) -> list[PreviewLine]:
    """Effects of a confirmation on the items that wait for a person; nothing is changed."""
    grounds = Grounds(notice.id, notice.notifier, "", NotifierCaps(0, 0))  # they do not change which files are meant
    waiting = [item for item in notice.items if item.state.waits_for_person]
    elsewhere = (NoticeItem(ReadItem((url,)), url) for item in waiting for url in item.found_at)
    lines = [line for item in waiting for line in (*_lines(item, acts, grounds), *_held(item, acts))]
    return [*lines, *(line for item in elsewhere for line in _located(item, acts, grounds))]


def preview_of_dismissal(notice: Notice, acts: TakedownActions) -> list[PreviewLine]:
    """Effects of a dismissal on every item; nothing is changed."""
    return [line for item in notice.items for line in _dismissed(item, acts)]


def _dismissed(item: NoticeItem, acts: TakedownActions) -> Iterator[PreviewLine]:
    if not item.dismissible:
        reason = f"it is {item.state}; what is offline comes back by: goodhoster cases restore"
        yield PreviewLine(item.url, PreviewEffect.LEAVE, item.customer, item.place, reason=reason)
        return
    cases = acts.desk.store.get_all([*item.cases, *item.copies_held])
    effects = [line for case in cases for line in _ended(item, case)]
    if item.blocked:
        effects.append(PreviewLine(item.url, PreviewEffect.LIFT, item.customer))
    nothing = PreviewLine(item.url, PreviewEffect.LEAVE, item.customer, item.place, reason="nothing was done about it")
    yield from effects or [nothing]


def _ended(item: NoticeItem, case: Case) -> Iterator[PreviewLine]:
    """Effects of a dismissal on the files of a case."""
    effect = (
        PreviewEffect.CANCEL
        if case.state in MEASURING
        else PreviewEffect.CLOSE
        if case.state in UNDECIDED
        else PreviewEffect.LEAVE
    )
    reason = f"its case is {case.state}: goodhoster cases show {case.id}" if effect is PreviewEffect.LEAVE else ""
    for upload in case.uploads:
        yield PreviewLine(item.url, effect, upload.customer, upload.place, case.id, reason)


def _lines(item: NoticeItem, acts: TakedownActions, grounds: Grounds) -> list[PreviewLine]:
    if not item.cases:
        return list(_located(item, acts, grounds))
    cases = acts.desk.store.get_all(item.cases)
    waits = [case for case in cases if case.state in UNDECIDED | {CaseState.FAILED}]
    found = [line for case in waits for line in _files(item, case)]
    return found or [
        PreviewLine(item.url, PreviewEffect.LEAVE, item.customer, item.place, reason="no case of it waits")
    ]


def _files(item: NoticeItem, case: Case) -> Iterator[PreviewLine]:
    """Files of a case that are not offline yet."""
    for number, measure in enumerate(case.measures):
        if measure.state is not MeasureState.DONE:
            upload = case.about(number).upload
            yield PreviewLine(item.url, PreviewEffect.TAKE, upload.customer, upload.place, case.id)


def _located(item: NoticeItem, acts: TakedownActions, grounds: Grounds) -> Iterator[PreviewLine]:
    """What the address of an item without a case leads to now."""
    try:
        location = acts.locate(item.read)
    except GoodhosterError as error:
        yield PreviewLine(item.url, PreviewEffect.LEAVE, reason=f"it cannot be located yet: {error}")
        return
    if location.outcome is LocationKind.DYNAMIC and acts.blocks is not None:
        yield PreviewLine(location.url, PreviewEffect.BLOCK, location.customer)
        return
    try:
        demands = acts.demands_of(location, grounds) if location.outcome is LocationKind.FILE else None
    except PassingError as error:
        yield PreviewLine(location.url, PreviewEffect.LEAVE, location.customer, reason=str(error))
        return
    files = [file for demand in (demands.follow if demands else ()) for file in demand.files]
    for file in files:
        yield PreviewLine(location.url, PreviewEffect.TAKE, file.upload.customer, file.upload.place)
    if not files:
        reason = location.detail or "no file is there that can be read"
        yield PreviewLine(location.url, PreviewEffect.LEAVE, location.customer, reason=reason)


def _held(item: NoticeItem, acts: TakedownActions) -> Iterator[PreviewLine]:
    """Copies about which a person decides one by one."""
    for case in acts.desk.store.get_all(item.copies_held):
        if case.state in UNDECIDED:
            reason = f"a copy that needs its own decision: goodhoster cases confirm {case.id}"
            for upload in case.uploads:
                yield PreviewLine(item.url, PreviewEffect.LEAVE, upload.customer, upload.place, case.id, reason)
