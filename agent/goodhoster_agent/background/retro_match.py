"""Retro-match: content seen before is compared with what has changed since.

An own list that changed, or a source that has more of a say.

What the list knows is checked again, and so is what a service that was added, left shadow, came back or got a larger
share has not answered about.

No file is opened for the comparison: the index has the digests and the fingerprints. Of a near list only what is new is
looked for. It uses half a core at most, so that fresh uploads do not wait for it, and it may be broken off at any
point: with which lists all was compared is recorded at its end, and what is not compared yet is at the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster.assembly.sources import OWN_LISTS, source_shares
from goodhoster.hashlists.digest_list import DigestList
from goodhoster.ports import HashSource
from goodhoster.uploads.index import Arrival
from goodhoster.uploads.retro_match_near import GrownNear
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:  # numpy may be missing
    from goodhoster.hashlists.near.near_list import NearList

_log = logging.getLogger(__name__)
_POLL_SECONDS = 1.0  # seconds


class RetroMatch:
    """Periodic work beside the workers.

    Idle after the first where no [[hash_source]] of kind list is configured.

    Lists that changed while nothing ran are compared first.
    """

    def __init__(self, services: Services, queued: Callable[[], None]) -> None:
        self._index = services.index
        self._within = services.near
        self._lists = services.own_lists if services.near else None
        self._sources = services.sources
        self._shares = source_shares(services.sources, services.settings)
        self._queued = queued
        failing = "files checked earlier cannot be compared with the lists now"
        self.task = PeriodicTask("retro-match", self._run_once, failing, _POLL_SECONDS)

    def _run_once(self) -> float:
        if self._lists is None:
            self._run_one_pass((), ())
            return threading.TIMEOUT_MAX
        self._run_one_pass(self._lists.lists(), self._lists.near_lists())
        return _POLL_SECONDS

    def _run_one_pass(self, lists: Sequence[DigestList], near_lists: Sequence[NearList]) -> None:
        compared = self._index.seen.compared()
        exact = {f"{each.source}.{each.algorithm}": each for each in lists}
        near = {self._name(each): each for each in near_lists if each.kind in self._within}
        versions = {name: each.version for name, each in exact.items()}
        versions |= {name: each.version for name, each in near.items()}
        versions |= {_share_name(name): str(share) for name, share in self._shares.items()}
        if versions == compared:
            return
        asked_more = self._sources_with_larger_share(compared)
        if OWN_LISTS in asked_more:  # about what it was not asked, no list was compared
            compared = {}
        changed = {name: each for name, each in exact.items() if versions[name] != compared.get(name)}
        grown = {name: new for name, each in near.items() if (new := each.since(compared.get(name, "")))}
        if changed or grown:
            self._compare(changed, grown)
        if services := [each for each in self._sources if each.name in asked_more and each.name != OWN_LISTS]:
            self._queue_unanswered(services)
        if not self.task.stopping.is_set():
            self._index.seen.note_compared(versions)

    def _sources_with_larger_share(self, compared: Mapping[str, str]) -> set[str]:
        """Names of the sources that are asked about more than when all was compared last."""
        before = {name: int(compared.get(_share_name(name), "0")) for name in self._shares}
        return {name for name, share in self._shares.items() if share > before[name]}

    def _queue_unanswered(self, sources: Sequence[HashSource]) -> None:
        """Have these sources asked about all that they never answered, when nothing else waits."""
        queued = self._queue(self._index.seen.never_asked(sources, time.time()))
        names = ", ".join(each.name for each in sources)
        _log.info("%s: asked from now on about %d files that were checked without it", names, queued)

    def _queue(self, pages: Iterable[list[Arrival]]) -> int:
        """Make the files of all pages wait, with pauses as long as the work; returns their number."""
        self._index.expect_in_hand(time.time())
        queued, paced = 0, time.monotonic()
        for arrivals in pages:
            self._index.expect(arrivals, time.time())
            queued += len(arrivals)
            if arrivals:
                self._queued()
            if self.task.stopping.wait(time.monotonic() - paced):
                break
            paced = time.monotonic()
        return queued

    def _name(self, near: NearList) -> str:
        """Name of a near list with its limit: with another limit it is compared anew."""
        return f"{near.source}.{near.kind} (within {self._within[near.kind]} bits)"

    def _compare(self, changed: Mapping[str, DigestList], grown: Mapping[str, NearList]) -> None:
        """Compare all contents, and have those in the workers' hands compared again.

        What workers have in hand may have been asked before the change and be recorded after it was passed
        here.
        """
        began = time.monotonic()
        near = [GrownNear(each, self._within[each.kind]) for each in grown.values()]
        found = self._queue(self._index.seen.newly_known(list(changed.values()), near, time.time()))
        if self.task.stopping.is_set():
            return
        took = time.monotonic() - began
        names = ", ".join((*changed, *grown))
        _log.info("%s changed: %d files checked earlier are checked again (compared in %.1f s)", names, found, took)


def _share_name(name: str) -> str:
    """The name under which a source's share of all contents, in percent, is noted."""
    return f"asked: {name}"
