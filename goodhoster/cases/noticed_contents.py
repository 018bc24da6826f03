"""Copies of what a notice took offline that come to be known later.

They were written while the notice was handled, or the index did not know them yet. A notice speaks of one address, so
such a file is near and waits for a person, at whichever customer; only pictures, videos and archives are copies at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from goodhoster.errors import GoodhosterError
from goodhoster.model.cases import MEASURING, Case, CaseState
from goodhoster.model.content_kinds import is_archive, named_as_program
from goodhoster.model.uploads import Content, Place
from goodhoster.model.verdicts import NOTICED, Match
from goodhoster.ports import CaseQuery, CaseStore
from goodhoster.uploads.opening import open_upload

_SOURCE = "notices"
"""As the source of such a match: this host itself."""
_TAKEN = MEASURING | {CaseState.OFFLINE}
_HEAD = 512  # bytes: enough to tell an archive


def match_by_notice(store: CaseStore, place: Place, content: Content, *, picture: bool) -> Match | None:
    """The match that the bytes of that file give, if a notice took the same offline elsewhere.

    What counts is a notice whose sender was proven, or that a person confirmed, for as long as its file is offline.
    """
    taken = any(True for _ in _taken_elsewhere(store, place, content.digests.sha256))
    if not taken or not may_be_copy(place, content.size, picture=picture):
        return None
    return Match(_SOURCE, NOTICED, distance=1)


def may_be_copy(place: Place, size: int, *, picture: bool) -> bool:
    """Whether a file with the same bytes is a copy.

    What many customers have in common is none, nor is an empty file.
    """
    return bool(size) and not named_as_program(place.path) and (picture or _is_archive(place))


def _taken_elsewhere(store: CaseStore, place: Place, sha256: bytes) -> Iterator[Case]:
    for case in store.find(CaseQuery(states=_TAKEN, content=sha256)):
        own = any(upload.place == place for upload in case.uploads)
        if case.notice and (case.notifier or case.actor) and (case.state is CaseState.OFFLINE or not own):
            yield case


def _is_archive(place: Place) -> bool:
    with (
        suppress(GoodhosterError, OSError),
        open_upload(place) as opened,
        open(opened.fd, "rb", closefd=False) as read,
    ):
        return is_archive(read.read(_HEAD))
    return False
