"""Purges of caches in front of our sites, after a file went offline or came back.

What is to be purged follows from the audit log, whichever process did it, so no measure waits for a cache and none is
missed after a crash. A purge that fails is tried again until it succeeds, at most hourly; *purged* is said only when
every hook ended with 0 for every address.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from goodhoster.errors import GoodhosterError, RefusedError
from goodhoster.locating.site_map import SiteMap
from goodhoster.model.audit import AuditEntry, AuditEvent
from goodhoster.model.cases import Case, MeasureState
from goodhoster.model.notice_status import NoticeItem, NoticeState
from goodhoster.model.purges import Purge, PurgeCause, PurgeState
from goodhoster.ports import CachePurge, CaseStore, Clock, NoticeStore, PurgeQueue
from goodhoster.ports.common import GrowingLog

_log = logging.getLogger(__name__)
_CAUSES = {
    "measure.done": PurgeCause.OFFLINE,
    "measure.found-done": PurgeCause.OFFLINE,
    "block.done": PurgeCause.OFFLINE,
    "restore.done": PurgeCause.RESTORED,
    "restore.found-done": PurgeCause.RESTORED,
    "block.lifted": PurgeCause.RESTORED,
}
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_PURGES_PER_ROUND = 200
"""Entries of the log that are kept in one change, and purges of one round."""
_NOTICE_WITHIN = timedelta(minutes=1)
"""So long a notice may take to be recorded, which tells the address that was meant; then it goes without."""
_LOOK_AGAIN = timedelta(seconds=2)
_NOT_TOUCHED = frozenset({MeasureState.PROPOSED, MeasureState.REFUSED})


@dataclass(frozen=True, slots=True)
class PurgeHook:
    """A cache in front of some hosts."""

    name: str
    hosts: tuple[str, ...]
    cache: CachePurge

    def is_for(self, host: str) -> bool:
        """Whether the host is behind this cache."""
        return any(one in {"*", host} or (one.startswith("*.") and host.endswith(one[1:])) for one in self.hosts)


@dataclass(frozen=True, slots=True)
class CaseAddresses:
    """Finds the public addresses of a case's files: of its notice, and of the sites."""

    sites: Callable[[], SiteMap]
    """Raises what a directory raises where the sites cannot be told."""
    notices: NoticeStore

    def of(self, case: Case) -> frozenset[str]:
        """Addresses as `host/path?query`."""
        taken = [case.about(number) for number, m in enumerate(case.measures) if m.state not in _NOT_TOUCHED]
        sites = self.sites()
        shown = {address for copy in taken for address in sites.addresses_of(copy.upload.place.absolute)}
        return frozenset(shown.union(map(address_of, self._named(case))))

    def is_recorded(self, case: Case) -> bool:
        """Whether the notice that opened the case was processed."""
        notice = self.notices.get(case.notice) if case.notice else None
        return notice is None or notice.state is not NoticeState.RECEIVED

    def _named(self, case: Case) -> Iterator[str]:
        if case.notice:
            yield from (item.url for item in self.notices.get(case.notice).items if case.id in item.cases)


def address_of(url: str) -> str:
    """A URL as `host/path?query`."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")


@dataclass(slots=True)
class PurgeDesk:
    """Follows the audit log and has caches purged. For one thread; others may read."""

    queue: PurgeQueue
    log: GrowingLog
    cases: CaseStore
    addresses: CaseAddresses
    hooks: Sequence[PurgeHook]
    clock: Clock
    _failing: set[str] = field(default_factory=set)
    """Hooks that failed in this round: each costs a round one try."""

    def round(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Find what is to be purged, and try all that is due."""
        self.follow()
        self._failing.clear()
        for purge in self.queue.due(self.clock(), _PURGES_PER_ROUND):
            if stopping():
                return
            self._try(purge)

    def follow(self) -> None:
        """Keep a purge for each entry of the log that calls for one, from where it was read last.

        The first time it begins at the end: what happened before a hook was set is not purged.
        """
        position = self.queue.position()
        if position is None or position > self.log.durable_size():
            if position is not None:
                _log.error("the audit log is shorter than it was: what went offline meanwhile is not purged at caches")
            self.queue.add((), self.log.durable_size())
            return
        found: dict[tuple[str, PurgeCause], Purge] = {}  # the files of one case are purged together
        behind = position
        for number, (entry, behind) in enumerate(self.log.entries_from(position), 1):
            found |= {(purge.about, purge.cause): purge for purge in self._asked_by(entry)}
            if number % _PURGES_PER_ROUND == 0:
                self.queue.add(found.values(), behind)
                found = {}
        if behind != position:
            self.queue.add(found.values(), behind)

    def of(self, about: Sequence[str]) -> Sequence[Purge]:
        """The purges of these cases and blocked URLs, oldest first."""
        return self.queue.of(about)

    def is_purged(self, item: NoticeItem) -> bool:
        """Whether what went offline for an item was purged, and nothing of it came back or waits."""
        purges = self.of([*item.cases, item.url])
        gone = [one.cause is PurgeCause.OFFLINE and one.state is PurgeState.PURGED for one in purges]
        return bool(gone) and all(gone)

    def problems(self) -> list[str]:
        """What could not be purged, for `status`."""
        failing = self.queue.failing()
        if not failing:
            return []
        about = ", ".join(purge.about for purge in failing[:3])
        return [f"{len(failing)} purges of caches in front failed and are tried again ({about}): {failing[0].detail}"]

    def _asked_by(self, entry: AuditEntry) -> Iterator[Purge]:
        cause, data = _CAUSES.get(entry.event.kind), entry.event.data
        about = str(data.get("case") or data.get("url") or "")
        if cause and about:
            yield Purge(cause, about, entry.at, due=self.clock())

    def _try(self, purge: Purge) -> None:
        """Purge what is left of it at each hook; what ended with 0 is recorded before the next."""
        try:
            wanted = self._wanted(purge)
        except GoodhosterError as error:
            self._failed(purge, str(error))
            return
        if wanted is None:
            self.queue.replace(replace(purge, due=self.clock() + _LOOK_AGAIN))
        elif not wanted and not purge.tries:
            self.queue.remove(purge.number)
        elif not wanted:
            self._ended(purge, PurgeState.DROPPED)
        else:
            self._purge(purge, wanted)

    def _purge(self, purge: Purge, wanted: Sequence[tuple[PurgeHook, str]]) -> None:
        errors = []
        for hook in self.hooks:
            urls = [url for one, url in wanted if one is hook and _key(hook, url) not in purge.done]
            try:
                purge = self._at(hook, urls, purge)
            except GoodhosterError as error:
                self._failing.add(hook.name)
                errors.append(f"{hook.name}: {error}")
        if errors:
            self._failed(purge, "; ".join(errors))
        elif all(_key(hook, url) in purge.done for hook, url in wanted):
            self._ended(purge, PurgeState.PURGED)
        else:  # its hook failed in this round already
            self.queue.replace(replace(purge, due=self.clock() + _FIRST_PAUSE))

    def _at(self, hook: PurgeHook, urls: Sequence[str], purge: Purge) -> Purge:
        if hook.name in self._failing:
            return purge
        for begin in range(0, len(urls), hook.cache.at_once):
            piece = urls[begin : begin + hook.cache.at_once]
            try:
                hook.cache.purge(piece)
            except GoodhosterError:
                self.queue.replace(purge)
                raise
            purge = replace(purge, done=(*purge.done, *(_key(hook, url) for url in piece)))
        return purge

    def _wanted(self, purge: Purge) -> list[tuple[PurgeHook, str]] | None:
        """Hooks with the URLs for each; None while the notice that tells them is not recorded yet."""
        case = self._case(purge)
        if case is None:
            addresses: frozenset[str] = frozenset({address_of(purge.about)}) if "/" in purge.about else frozenset()
        elif not self.addresses.is_recorded(case) and self.clock() - purge.asked_at < _NOTICE_WITHIN:
            return None
        else:
            addresses = self.addresses.of(case)
        urls = [
            (address.partition("/")[0], f"{scheme}://{address}") for address in sorted(addresses) for scheme in _WEB
        ]
        return [(hook, url) for hook in self.hooks for host, url in urls if hook.is_for(host)]

    def _case(self, purge: Purge) -> Case | None:
        """The case that a purge is about; None for a blocked URL, and where the case is gone."""
        try:
            return None if "/" in purge.about else self.cases.get(purge.about)
        except RefusedError:
            return None

    def _failed(self, purge: Purge, why: str) -> None:
        if why != purge.detail:
            self._say("purge.failed", purge, reason=why)
            _log.error("the cache in front of %s is not purged: %s", purge.about, why)
        pause = min(_FIRST_PAUSE * 2 ** min(purge.tries, 10), _LONGEST_PAUSE)
        self.queue.replace(replace(purge, tries=purge.tries + 1, detail=why, due=self.clock() + pause))

    def _ended(self, purge: Purge, state: PurgeState) -> None:
        self._say(
            "purge.done" if state is PurgeState.PURGED else "purge.dropped", purge, addresses=str(len(purge.done))
        )
        self.queue.replace(replace(purge, state=state, due=None, ended_at=self.clock()))

    def _say(self, event: str, purge: Purge, **more: str) -> None:
        subject = "url" if "/" in purge.about else "case"
        self.log.append(AuditEvent(event, {subject: purge.about, "cause": purge.cause.value, **more}))


_WEB = ("https", "http")
"""Caches keep the two apart; which of them was asked for is not known."""


def _key(hook: PurgeHook, url: str) -> str:
    return f"{hook.name} {url}"
