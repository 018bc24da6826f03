"""The record in memory, for tests and trials."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

from goodhoster.errors import RefusedError
from goodhoster.model.cases import Case, CaseState, Claim, MeasureKind, MeasureState
from goodhoster.model.ids import complete_name
from goodhoster.model.image_sizes import are_sizes
from goodhoster.model.notice_status import Notice, NoticeFigures, NoticeState
from goodhoster.model.uploads import Place
from goodhoster.ports import CaseQuery, NoticeQuery

_NOT_ACTED_ON = frozenset({CaseState.HELD, CaseState.OBSERVED})


class MemoryCaseStore:
    """See `ports.CaseStore`; for one process, and lost when it ends."""

    def __init__(self) -> None:
        self._cases: dict[str, Case] = {}
        self._claims: dict[str, Claim] = {}
        self._lock = threading.RLock()

    @contextmanager
    def together(self) -> Iterator[None]:
        """See `ports.CaseStore`."""
        with self._lock:
            before = dict(self._cases), dict(self._claims)
            try:
                yield
            except BaseException:
                self._cases, self._claims = before
                raise

    def add(self, case: Case) -> None:
        """See `ports.CaseStore`."""
        with self._lock:
            if case.id in self._cases or any(case.upload == other.upload for other in self._cases.values()):
                raise RefusedError(f"there is a case about {case.upload.place} in this state already")
            self._cases[case.id] = case

    def replace(self, case: Case, *, expected: CaseState) -> None:
        """See `ports.CaseStore`."""
        with self._lock:
            if self.get(case.id).state is not expected:
                raise RefusedError(f"case {case.id} is not {expected} any more")
            self._cases[case.id] = case

    def get(self, case_id: str) -> Case:
        """See `ports.CaseStore`."""
        if case_id not in self._cases:
            raise RefusedError(f"there is no case {case_id}")
        return self._cases[case_id]

    def complete(self, part: str) -> str:
        """See `ports.CaseStore`."""
        return complete_name(part, self._cases, "case")

    def get_all(self, case_ids: Sequence[str]) -> Sequence[Case]:
        """See `ports.CaseStore`."""
        return [self.get(case_id) for case_id in case_ids]

    def find(self, query: CaseQuery) -> Sequence[Case]:
        """See `ports.CaseStore`."""
        found = [case for case in list(self._cases.values()) if _case_described(case, query)]
        ordered = sorted(found, key=lambda case: (case.opened_at, case.id))
        return ordered if query.newest is None else ordered[max(0, len(ordered) - query.newest) :]

    def ids(self, query: CaseQuery) -> Sequence[str]:
        """See `ports.CaseStore`."""
        return [case.id for case in self.find(query)]

    def each(self, query: CaseQuery) -> Iterator[Case]:
        """See `ports.CaseStore`."""
        return iter(self.find(query))

    def count(self, query: CaseQuery) -> int:
        """See `ports.CaseFigures`."""
        return len(self.find(query))

    def measures(self) -> Mapping[tuple[MeasureKind, MeasureState], int]:
        """See `ports.CaseStore`."""
        return Counter((each.kind, each.state) for case in self._cases.values() for each in case.measures)

    def customers_with(self, sha256: bytes, since: datetime, until: datetime) -> frozenset[str]:
        """See `ports.CaseFigures`."""
        matched = (case for case in self._cases.values() if case.digests.sha256 == sha256 and case.matches)
        cases = (case for case in matched if not case.is_attempt)
        return frozenset(case.upload.customer for case in cases if since <= case.opened_at <= until)

    def claim(self, case_ids: Iterable[str], claim: Claim) -> None:
        """See `ports.CaseStore`."""
        with self._lock:
            self._claims |= dict.fromkeys(case_ids, claim)

    def unclaim(self, case_ids: Iterable[str]) -> None:
        """See `ports.CaseStore`."""
        with self._lock:
            for case_id in case_ids:
                self._claims.pop(case_id, None)

    def claimed(self, holder: int | None = None) -> Sequence[str]:
        """See `ports.CaseStore`."""
        return [case_id for case_id, claim in self._claims.items() if holder in {None, claim.holder}]

    def claim_of(self, case_id: str) -> Claim | None:
        """See `ports.CaseStore`."""
        return self._claims.get(case_id)


class MemoryNoticeStore:
    """See `ports.NoticeStore`; for one process, and lost when it ends."""

    def __init__(self) -> None:
        self._notices: dict[str, Notice] = {}

    def add(self, notice: Notice) -> None:
        """See `ports.NoticeStore`."""
        if notice.id in self._notices:
            raise RefusedError(f"there is a notice {notice.id} already")
        self._notices[notice.id] = notice

    def replace(self, notice: Notice, *, expected: NoticeState) -> None:
        """See `ports.NoticeStore`."""
        if self.get(notice.id).state is not expected:
            raise RefusedError(f"notice {notice.id} is not {expected} any more")
        self._notices[notice.id] = notice

    def get(self, notice_id: str) -> Notice:
        """See `ports.NoticeStore`."""
        if notice_id not in self._notices:
            raise RefusedError(f"there is no notice {notice_id}")
        return self._notices[notice_id]

    def complete(self, part: str) -> str:
        """See `ports.NoticeStore`."""
        return complete_name(part, self._notices, "notice")

    def find(self, query: NoticeQuery) -> Iterator[Notice]:
        """See `ports.NoticeStore`."""
        return map(self.get, self.ids(query))

    def ids(self, query: NoticeQuery) -> Sequence[str]:
        """See `ports.NoticeStore`."""
        found = [notice for notice in self._notices.values() if _described(notice, query)]
        ordered = sorted(found, key=lambda notice: (notice.receipt.received_at, notice.id))
        return [
            notice.id
            for notice in (ordered if query.newest is None else ordered[max(0, len(ordered) - query.newest) :])
        ]

    def recorded(self, notice_ids: Iterable[str]) -> frozenset[str]:
        """See `ports.NoticeStore`."""
        return frozenset(notice_ids) & self._notices.keys()

    def figures(self, now: datetime) -> NoticeFigures:
        """See `ports.NoticeStore`."""
        running = [notice for notice in self._notices.values() if notice.stopped_at is None]
        waiting = [n for n in self._notices.values() if n.state is NoticeState.NEEDS_PERSON]
        return NoticeFigures(len(running), sum(n.overdue(now) for n in running), len(waiting))


def _case_described(case: Case, query: CaseQuery) -> bool:
    digest, since = query.digest, query.opened_since
    return (
        (not query.states or case.state in query.states)
        and query.customer in {None, case.upload.customer}
        and (query.place is None or query.place in _places(case))
        and (query.beside is None or any(are_sizes(query.beside, place) for place in _places(case)))
        and (digest is None or case.digests.of(digest.algorithm) == digest)
        and (query.content is None or query.content in _contents(case))
        and (since is None or case.opened_at >= since)
        and (query.opened_before is None or case.opened_at < query.opened_before)
        and (query.source is None or any(match.source == query.source for match in case.matches))
        and (query.category is None or any(match.category is query.category for match in case.matches))
        and query.notifier in {None, case.notifier}
        and not (query.automatic and (case.actor or case.state in _NOT_ACTED_ON))
    )


def _contents(case: Case) -> set[bytes]:
    return {case.digests.sha256, *(measure.copy.sha256 for measure in case.measures if measure.copy)}


def _places(case: Case) -> set[Place]:
    return {upload.place for upload in case.uploads}


def _described(notice: Notice, query: NoticeQuery) -> bool:
    since = query.received_since
    return (
        (not query.states or notice.state in query.states)
        and (query.url is None or any(item.url == query.url for item in notice.items))
        and query.notifier in {None, notice.notifier}
        and query.reference in {None, notice.reference}
        and (query.due is None or (notice.due is not None and notice.due <= query.due))
        and (since is None or notice.receipt.received_at >= since)
        and (query.received_before is None or notice.receipt.received_at < query.received_before)
        and (query.host is None or any(urlsplit(item.url).hostname == query.host.lower() for item in notice.items))
        and (query.customer is None or any(item.customer == query.customer for item in notice.items))
    )
