"""Examination of one file: open it, read it, ask every hash source.

The result is one value. Nothing is decided and nothing recorded here. A caller that has to act does so while the file
is still open.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace

from goodhoster.checking.digests import read_content
from goodhoster.checking.verdict import NOT_CONFIRMED, verdict_of
from goodhoster.errors import NotAnUploadError, UncheckedError
from goodhoster.exemptions.lookup import Exempt, nothing_exempt
from goodhoster.model.content_kinds import is_picture
from goodhoster.model.uploads import Content, FileState, PastReading, Place
from goodhoster.model.verdicts import Match, Verdict, VerdictKind
from goodhoster.ports import Clock, Hasher, HashSource
from goodhoster.uploads.opening import OpenedUpload, open_upload

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Examined:
    """The result of examining one file."""

    verdict: Verdict
    state: FileState | None = None
    """The state that was examined; None when the file could not even be opened."""
    content: Content | None = None
    """None when it could not be read whole."""
    asked_services: bool = False
    """Were services asked, too? About what is no picture and no video only lists on this machine are."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines files. Threads may share it."""

    sources: Sequence[HashSource]
    hasher: Hasher
    clock: Clock
    exempt: Exempt = nothing_exempt
    match_by_name: Callable[[Place], Match | None] = lambda _: None
    """Tells whether a file is, by its name, another size of a picture that went offline."""
    match_by_notice: Callable[[Place, Content, bool], Match | None] = lambda *_: None
    """Tells whether a file, a picture or not, has the bytes of what a notice took offline."""
    permitted: Callable[[Sequence[HashSource], Place], Sequence[HashSource]] = lambda sources, _: sources
    """Those of the sources that may be asked about a file, with others in place of those that may not."""
    ask_everything: bool = False
    """Whether services are asked about what is no picture and no video, too."""
    open: Callable[[Place], AbstractContextManager[OpenedUpload]] = open_upload
    """Opens a place as `open_upload` does, where that may be something else than a file."""

    @contextmanager
    def examine(self, place: Place, remembered: PastReading | None = None, *, live: bool = False) -> Iterator[Examined]:
        """Open a file, read it once and ask every source; inside the `with` it stays open.

        The file is not read again where exactly this state of it was `remembered`. `live`: the sources
        themselves are asked, whatever they answered before. NotAnUploadError when there is no regular file;
        every other failure, also a fault of ours or of a plug-in, is a verdict *unchecked*.
        """
        with ExitStack() as stack:
            try:
                opened = stack.enter_context(self.open(place))
                named = os.fstat(opened.fd).st_nlink > 0
                examined = self.examine_opened(opened, remembered, live=live)
                if named and examined.verdict.kind is VerdictKind.UNCHECKED and not os.fstat(opened.fd).st_nlink:
                    raise NotAnUploadError(f"{place} was removed while it was read")
            except UncheckedError as error:
                examined = Examined(_unchecked(error))
            except NotAnUploadError:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of ours stops no other file; it is logged
                examined = _failed(place, error)
            yield examined

    def examine_opened(
        self, opened: OpenedUpload, remembered: PastReading | None = None, *, live: bool = False
    ) -> Examined:
        """Examine an open file, as `examine` does."""
        try:
            return self._read_and_ask(opened, remembered, live=live)
        except Exception as error:  # noqa: BLE001 - a fault of a plug-in stops no other file; it is logged
            return _failed(opened.place, error)

    def clear_at_once(self, content: bytes, place: Place) -> Verdict | None:
        """The verdict on a small content that is clear by lists on this machine alone.

        None for everything else: `examine_opened` tells then.
        """
        if not all(source.local for source in self.sources):
            return None
        read = self.hasher.read_at_once(content)
        if read is None:
            return None
        asked = is_picture(read.kind, place.path) or self.ask_everything
        verdict = self.ask(read, ask_services=asked, live=False, place=place)
        return verdict if verdict.kind is VerdictKind.CLEAR else None

    def ask(self, content: Content, *, ask_services: bool, live: bool, place: Place | None = None) -> Verdict:
        """Ask every source about a content that was read before.

        Not those that may not be asked about files at its `place`, where that is given.
        """
        sources = self.permitted(self.sources, place) if place else self.sources
        verdict = verdict_of(content, sources, ask_services=ask_services, exempt=self.exempt, live=live)
        return replace(verdict, answered_at=self.clock())

    def _read_and_ask(self, opened: OpenedUpload, remembered: PastReading | None, *, live: bool) -> Examined:
        """Read a file and ask the sources.

        It is read alone once more where something that was told of its inside matches: see `ports.Hasher.read_alone`.
        """
        try:
            content = _known_content(opened, remembered) or self.hasher.read(opened.fd)
            examined = self._ask_about(opened, content, live=live)
            if examined.verdict.reason == NOT_CONFIRMED:
                examined = self._ask_about(opened, self.hasher.read_alone(opened.fd, content), live=live)
        except UncheckedError as error:
            return Examined(_unchecked(error), opened.state)
        return examined

    def _ask_about(self, opened: OpenedUpload, content: Content, *, live: bool) -> Examined:
        if not (opened.unchanged() or _has_same_bytes(opened, content)):
            raise UncheckedError(f"{opened.place} changed while it was read", reason="changed")
        picture = is_picture(content.kind, opened.place.path)
        asked = picture or self.ask_everything
        verdict = self.ask(content, ask_services=asked, live=live, place=opened.place)
        return self._with_own_match(opened.place, Examined(verdict, opened.state, content, asked))

    def _with_own_match(self, place: Place, examined: Examined) -> Examined:
        """What was found, with what this host itself knows of a file that no source does."""
        examined = self.with_notice_match(place, examined)
        verdict, content = examined.verdict, examined.content
        picture = content is not None and is_picture(content.kind, place.path)
        if verdict.matches or verdict.exemption or not (picture and self.sources):
            return examined
        return _near_by(self.match_by_name(place), examined)

    def with_notice_match(self, place: Place, examined: Examined) -> Examined:
        """What was found, with the match of a file that has the bytes of what a notice took offline.

        Not where a source knows it, or somebody exempted it.
        """
        verdict, content = examined.verdict, examined.content
        if verdict.matches or verdict.exemption or content is None:
            return examined
        picture = is_picture(content.kind, place.path)
        return _near_by(self.match_by_notice(place, content, picture), examined)


def _near_by(match: Match | None, examined: Examined) -> Examined:
    if match is None:
        return examined
    return replace(examined, verdict=replace(examined.verdict, kind=VerdictKind.NEAR, matches=(match,)))


def _has_same_bytes(opened: OpenedUpload, content: Content) -> bool:
    """Whether only the times of an open file changed while it was read.

    A customer who touches it all the time would else keep it unchecked for ever. It is read a second time, so that what
    is said of it holds for what it is now; its state stays the one before, so that it is looked at again.
    """
    found = os.fstat(opened.fd)
    if (found.st_ino, found.st_size) != (opened.state.ino, opened.state.size):
        return False
    try:
        return read_content(opened.fd, max(1, content.size)).digests == content.digests
    except UncheckedError as error:
        if error.reason == "too-big":  # it has grown, which is a change; how large a file may be was asked before
            return False
        raise


def _known_content(opened: OpenedUpload, remembered: PastReading | None) -> Content | None:
    return remembered.content if remembered and remembered.state == opened.state else None


def _failed(place: Place, error: Exception) -> Examined:
    _log.exception("checking %s failed; it is unchecked", place, exc_info=error)
    return Examined(Verdict(VerdictKind.UNCHECKED, reason="internal-error", detail=type(error).__name__))


def _unchecked(error: UncheckedError) -> Verdict:
    return Verdict(VerdictKind.UNCHECKED, reason=error.reason, detail=str(error))
