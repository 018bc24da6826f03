"""Retro-match: comparison of content seen before with an own list that changed.

What the list knows is checked again.

No file is opened for the comparison: the index has the digests and the fingerprints. Of a near list only what is new is
looked for. It uses half a core at most, so that fresh uploads do not wait for it, and it may be broken off at any
point: with which lists all was compared is recorded at its end, and what is not compared yet is at the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.uploads.retro_match_near import GrownNear
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:  # numpy may be missing
    from goodhoster.hashlists.near.near_list import NearList

_log = logging.getLogger(__name__)
_LOOK_EVERY = 1.0  # seconds


class RetroMatch:
    """Rounds beside the workers; idle where no [[hash_source]] of kind list is configured.

    Lists that changed while nothing ran are compared first.
    """

    def __init__(self, services: Services, queued: Callable[[], None]) -> None:
        self._index = services.index
        self._within = services.near
        self._lists = services.own_lists if services.near else None
        self._queued = queued
        failing = "what was seen before cannot be compared with the lists now"
        self.rounds = PeriodicTask("retro-match", self._go, failing, _LOOK_EVERY)

    def _go(self) -> float:
        if self._lists is None:
            return threading.TIMEOUT_MAX
        self._look(self._lists.lists(), self._lists.near_lists())
        return _LOOK_EVERY

    def _look(self, lists: Sequence[DigestList], near_lists: Sequence[NearList]) -> None:
        compared = self._index.seen.compared()
        exact = {f"{each.source}.{each.algorithm}": each for each in lists}
        near = {self._name(each): each for each in near_lists if each.kind in self._within}
        versions = {name: each.version for name, each in exact.items()}
        versions |= {name: each.version for name, each in near.items()}
        if versions == compared:
            return
        changed = {name: each for name, each in exact.items() if versions[name] != compared.get(name)}
        grown = {name: new for name, each in near.items() if (new := each.since(compared.get(name, "")))}
        if changed or grown:
            self._compare(changed, grown)
        if not self.rounds.stopping.is_set():
            self._index.seen.note_compared(versions)

    def _name(self, near: NearList) -> str:
        """Name of a near list with its limit: with another limit it is compared anew."""
        return f"{near.source}.{near.kind} (within {self._within[near.kind]} bits)"

    def _compare(self, changed: Mapping[str, DigestList], grown: Mapping[str, NearList]) -> None:
        """Compare all contents, and have those in the workers' hands compared again.

        What workers have in hand may have been asked before the change and be recorded after it was passed
        here.
        """
        self._index.expect_in_hand(time.time())
        found, began = 0, time.monotonic()
        paced = began
        near = [GrownNear(each, self._within[each.kind]) for each in grown.values()]
        for arrivals in self._index.seen.newly_known(list(changed.values()), near, time.time()):
            self._index.expect(arrivals, time.time())
            found += len(arrivals)
            if arrivals:
                self._queued()
            if self.rounds.stopping.wait(time.monotonic() - paced):
                return
            paced = time.monotonic()
        took = time.monotonic() - began
        names = ", ".join((*changed, *grown))
        _log.info("%s changed: %d files seen before are checked again (compared in %.1f s)", names, found, took)
