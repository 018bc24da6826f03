"""Detection of storms for the brake, with one alert for each (promise G5).

A storm is on disk before anything is held because of it, and the alert is tried again until it is delivered. While
nobody has looked at a storm, what the same sources cause further is part of it: one wrong list is one alert, however
many files it strikes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from goodhoster.errors import PassingError, RefusedError
from goodhoster.model.alerts import AlertKind
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState, Order
from goodhoster.model.digests import Algorithm, Digest, Digests
from goodhoster.model.ids import new_id
from goodhoster.model.storms import (
    ATTEMPT_CAPS,
    CONTENT_KINDS,
    FILE_CAPS,
    OF_ATTEMPTS,
    CapKinds,
    Cause,
    Counted,
    CountedCase,
    Storm,
    StormKind,
    StormState,
    by_source,
    matched_by,
)
from goodhoster.model.uploads import Upload
from goodhoster.model.verdicts import Match
from goodhoster.policy.brake import Braked, causes_of_source
from goodhoster.policy.circumstances import Circumstances, Rate, SourceRecord
from goodhoster.policy.decide import Decision
from goodhoster.policy.rules import HouseRules
from goodhoster.ports import AuditLog, CaseQuery, CaseStore, Census, Clock, MatchLedger, Pager, StormStore

_log = logging.getLogger(__name__)

_OF_CUSTOMER = {caps.customer_cap: caps for caps in (FILE_CAPS, ATTEMPT_CAPS)}
_HOUR, _DAY, _FOUR_WEEKS = timedelta(hours=1), timedelta(days=1), timedelta(days=28)
_LISTED = 1000
"""Cases at most that an alert lists."""
_ORDERED = frozenset({CaseState.OPEN, CaseState.FAILED, CaseState.OFFLINE, CaseState.REFUSED})
_AUTOMATIC = frozenset({CaseState.OPEN, CaseState.REFUSED})
_OF_ONE_SOURCE = frozenset(
    {StormKind.SOURCE_CAP, StormKind.SOURCE_RATE, StormKind.EXEMPTION, StormKind.ATTEMPT_SOURCE_CAP}
)


@dataclass(frozen=True, slots=True)
class StormBrake:
    """Storm detection for the desk, which holds the lock; `deliver_alert` is called without it."""

    storms: StormStore
    ledger: MatchLedger
    census: Census
    cases: CaseStore
    audit: AuditLog
    pager: Pager
    rules: HouseRules
    clock: Clock
    delivering: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one thread that is at the pager."""

    def circumstances(
        self, upload: Upload, digests: Digests, matches: Iterable[Match], caps: CapKinds = FILE_CAPS
    ) -> Circumstances:
        """Facts around this upload now. Costs the same however many cases there are."""
        sources = sorted({match.source for match in matches})
        contents = caps.of_content(digests.sha256)
        of_sources = {source: tuple(causes_of_source(source, caps)) for source in sources}
        exempted = (Cause(StormKind.EXEMPTION, source) for source in sources)
        of_customer = Cause(caps.customer_cap, upload.customer)
        causes = (*contents, of_customer, *exempted, *(cause for found in of_sources.values() for cause in found))
        storms = self._newest(causes, caps)
        return Circumstances(
            content=digests.sha256.hex(),
            customer=upload.customer,
            customers=1 if any(each in storms for each in contents) else self._customers(upload, digests, caps),
            customer_measures_last_hour=self.ledger.counted(caps.of_customer, upload.customer, self.clock()),
            sources={
                source: self._record(source, [storms.get(c) for c in found], caps)
                for source, found in of_sources.items()
            },
            caps=caps,
            storms=storms,
        )

    def begin(self, decision: Decision, matches: Iterable[Match]) -> str:
        """Record the storms that start with a decision.

        Returns the id of the one that holds it, or "".
        """
        sources = tuple(sorted({match.source for match in matches}))
        for braked in decision.begun:
            self._begin(braked, sources)
        if decision.storm is None:
            return ""
        return self.storms.newest([decision.storm])[decision.storm].id

    def note(self, case: Case, storm: str) -> None:
        """Count a case that is about to be opened."""
        caps, automatic = _caps_of(case), case.state in _AUTOMATIC
        sources = _sources_of(case)
        self.ledger.note(CountedCase(case.id, sources, case.opened_at, automatic, storm))
        counted = Counted("", case.upload.customer, case.digests.sha256, case.opened_at, self.rules.share)
        for source in sources:
            if not case.is_attempt:
                self.ledger.count(replace(counted, scope=matched_by(source)))
            if automatic:
                self.ledger.count(replace(counted, scope=by_source(source)))
        if automatic:
            self.ledger.count(replace(counted, scope=caps.of_customer, share=None))

    def note_asker(self, customer: str, digests: Digests) -> None:
        """Count a customer whose application asks about a content that a source knows."""
        self.ledger.ask(digests.sha256, customer, self.clock())

    def hold(self, case: Case, storm: Storm) -> None:
        """Record that a storm holds a case that was opened before it started."""
        self.ledger.note(CountedCase(case.id, _sources_of(case), case.opened_at, automatic=False, storm=storm.id))

    def storm_of(self, case: Case) -> Storm | None:
        """The storm that started after a measure was decided, and holds it.

        It is of its content, of its customer, or of every source that ordered it.
        """
        caps = _caps_of(case)
        of_customer = Cause(caps.customer_cap, case.upload.customer)
        if found := self._braking((*caps.of_content(case.digests.sha256), of_customer), caps):
            return found
        sources = sorted({match.source for match in case.matches if match.exemption is None})
        of_sources = [self._braking(causes_of_source(source, caps), caps) for source in sources]
        return of_sources[0] if of_sources and all(of_sources) else None

    def _braking(self, causes: Iterable[Cause], caps: CapKinds) -> Storm | None:
        return next((storm for storm in self._newest(causes, caps).values() if storm.braking), None)

    def _newest(self, causes: Iterable[Cause], caps: CapKinds) -> Mapping[Cause, Storm]:
        """Newest storm of each cause.

        For files none that attempts brought about and no person decided on.
        """
        found = self.storms.newest(causes)
        if caps is ATTEMPT_CAPS:
            return found
        by_asking = {cause for cause in found if cause.kind in OF_ATTEMPTS and found[cause].state is StormState.OPEN}
        return {cause: storm for cause, storm in found.items() if cause not in by_asking}

    def record_decision(self, storm: Storm, state: StormState, order: Order, holder: int = 0) -> None:
        """Record a person's decision about a storm.

        About one content it counts for files and attempts alike. `holder`: who carries it out, see `storm_decisions`.
        """
        self._record_one(storm, state, order, holder)
        for other in self.of_this_content(storm):
            self._record_one(other, state, order)
            self._hand_over(other)

    def of_this_content(self, storm: Storm) -> list[Storm]:
        """The newest storms of the other kinds about its content; a decision about one is about all."""
        if storm.cause.kind not in CONTENT_KINDS:
            return []
        newest = self.storms.newest(Cause(kind, storm.cause.about) for kind in CONTENT_KINDS)
        return [other for other in newest.values() if other.cause != storm.cause]

    def _record_one(self, storm: Storm, state: StormState, order: Order, holder: int = 0) -> None:
        data = {"storm": storm.id, "actor": order.actor, "reason": order.reason}
        self.audit.append(AuditEvent(f"storm.{state}", data))
        decided = replace(storm, state=state, decided_at=self.clock(), actor=order.actor, decision_reason=order.reason)
        self.storms.replace(replace(decided, alert_delivered=True, decision_holder=holder))
        if state is StormState.RELEASED:
            self._count_anew(storm.cause)

    def _count_anew(self, cause: Cause) -> None:
        """Reset the counts of a cause that a person released."""
        if cause.kind in _OF_CUSTOMER:
            self.ledger.forget(_OF_CUSTOMER[cause.kind].of_customer, cause.about)
        if cause.kind is StormKind.ATTEMPT_SOURCE_CAP:
            self.ledger.forget(by_source(ATTEMPT_CAPS.source(cause.about)))
        if cause.kind in {StormKind.SOURCE_CAP, StormKind.SOURCE_RATE}:
            self.ledger.forget(by_source(cause.about))
            self.ledger.forget(matched_by(cause.about))

    def decide_content(self, sha256: bytes, state: StormState, order: Order) -> None:
        """Record a person's decision about a content at every customer.

        Whether there was a storm of it or not.
        """
        cause = Cause(StormKind.CONTENT, sha256.hex())
        found = self.storms.newest([cause]).get(cause)
        if found and found.braking:
            self.record_decision(found, state, order)
            self._hand_over(found)
            return
        now = self.clock()
        storm = Storm(new_id(now, "S"), cause, "a person's decision about this content", now, alert_delivered=True)
        self.storms.begin(storm)
        self.record_decision(storm, state, order)

    def _hand_over(self, ended: Storm) -> None:
        """Let the first of the other contents of a storm lead it once one was decided.

        A decision about one content is none about the others that were part of its storm. It is no second
        alert: whoever was informed of the storm was informed of them.
        """
        parts = [part for part in self.storms.braking(ended.id) if part.state is StormState.OPEN]
        for part in parts:
            leading = "" if part is parts[0] else parts[0].id
            self.storms.replace(replace(part, part_of=leading, alert_delivered=ended.alert_delivered))

    def open(self) -> list[Storm]:
        """Storms not yet reviewed by a person, each once for all that is part of it."""
        return [storm for storm in self.storms.braking() if storm.state is StormState.OPEN]

    def undelivered(self) -> list[Storm]:
        """Open storms with an undelivered alert."""
        return [storm for storm in self.open() if not storm.alert_delivered]

    def note_alert_delivered(self, storm_id: str) -> None:
        """Record that the alert was delivered; what a person decided meanwhile stays."""
        self.storms.replace(replace(self.storms.get(storm_id), alert_delivered=True))

    def whole(self, storm_id: str) -> list[Storm]:
        """The storm and all that is part of it."""
        return [self.storms.get(storm_id), *self.storms.braking(storm_id)]

    def cases_of(self, storm: Storm) -> list[str]:
        """Every case of a storm: those measured before it started, and those it held.

        Not what a crash left of one that was never opened, from when storms had a file of their own.
        """
        found = [*storm.measures, *self.held_by(storm)]
        if storm.cause.kind in CONTENT_KINDS:
            digest = Digest(Algorithm.SHA256, bytes.fromhex(storm.cause.about))
            found += [case.id for case in self.cases.find(CaseQuery(digest=digest))]
        return [case_id for case_id in dict.fromkeys(found) if self._is_case(case_id)]

    def held_by(self, storm: Storm) -> list[str]:
        """The cases that it held when they were opened, or stopped while they waited."""
        return list(self.ledger.held(storm.id))

    def _is_case(self, case_id: str) -> bool:
        with suppress(RefusedError):
            return bool(self.cases.get(case_id))
        return False

    def deliver_alert(self, storm: Storm) -> bool:
        """Deliver the alert to a person.

        False when it could not be delivered: the log has it, and it is tried again.
        """
        text = alert_text(storm)
        _log.critical("storm %s: %s", storm.id, " ".join(text.split()))
        try:
            self.pager.page(f"goodhoster: storm {storm.id}, matches are held", text, AlertKind.STORM, storm.id)
        except PassingError as error:
            _log.critical("the alert of storm %s was not delivered: %s; %s", storm.id, error, error.hint)
            return False
        self.audit.append(AuditEvent("storm.alerted", {"storm": storm.id}))
        return True

    def _begin(self, braked: Braked, sources: tuple[str, ...]) -> None:
        now, cause = self.clock(), braked.cause
        about = (cause.about,) if cause.kind in _OF_ONE_SOURCE else sources
        storm = Storm(
            id=new_id(now, "S"),
            cause=cause,
            reason=braked.reason,
            started_at=now,
            sources=about,
            measures=self._ordered_before(cause),
            part_of=self._leading(about, cause),
        )
        data = {"storm": storm.id, "kind": cause.kind, "about": cause.about, "reason": storm.reason}
        if cause.kind is StormKind.CUSTOMER_CAP:
            data["customer"] = cause.about
        self.audit.append(
            AuditEvent("storm.begun", data | {"measures": list(storm.measures), "part_of": storm.part_of})
        )
        self.storms.begin(storm)

    def _leading(self, sources: Sequence[str], cause: Cause) -> str:
        """The storm of these sources that no person has reviewed yet.

        A storm that holds files is never part of one of attempts: a person is told of it, and decides about it apart.
        """
        led_by_attempts = cause.kind in OF_ATTEMPTS
        found = (storm for storm in self.open() if led_by_attempts or storm.cause.kind not in OF_ATTEMPTS)
        return next((storm.id for storm in found if not set(storm.sources).isdisjoint(sources)), "")

    def _ordered_before(self, cause: Cause) -> tuple[str, ...]:
        """The measures already ordered because of this cause, newest first.

        Not all were carried out: of some the file may still be online.
        """
        if cause.kind in CONTENT_KINDS:
            digest = Digest(Algorithm.SHA256, bytes.fromhex(cause.about))
            ordered = self.cases.find(CaseQuery(states=_ORDERED, digest=digest))
            alike = (case.id for case in reversed(ordered) if _caps_of(case).contents[0] is cause.kind)
            return tuple(alike)[:_LISTED]
        if cause.kind is StormKind.EXEMPTION:
            return ()  # what else the source caused has nothing to do with it
        now = self.clock()
        if cause.kind in _OF_CUSTOMER:
            caps = _OF_CUSTOMER[cause.kind]
            ordered = self.cases.find(CaseQuery(states=_ORDERED, customer=cause.about, opened_since=now - _HOUR))
            of_caps = (case for case in reversed(ordered) if _caps_of(case) is caps)
            by_match = [case for case in of_caps if not case.notice and case.opened_at <= now]
            return tuple(case.id for case in by_match)[:_LISTED]
        caps = ATTEMPT_CAPS if cause.kind is StormKind.ATTEMPT_SOURCE_CAP else FILE_CAPS
        return self.ledger.measured(caps.source(cause.about), now - _HOUR, now, _LISTED)

    def _customers(self, upload: Upload, digests: Digests, caps: CapKinds) -> int:
        """Number of customers affected by this content.

        Those who had a case about a file of it lately, and those where a file of it lay already when no source knew
        it. Of an attempt, those whose applications asked about it, as far as their doors can tell.
        """
        now = self.clock()
        since, sha256 = now - _FOUR_WEEKS, digests.sha256
        if caps is ATTEMPT_CAPS:
            return len(self.ledger.askers(sha256, since, now))
        having = self.census.customers_having(sha256, self.rules.storm_customers)
        return len(having | self.cases.customers_with(sha256, since, now) | {upload.customer})

    def _record(self, source: str, storms: Iterable[Storm | None], caps: CapKinds) -> SourceRecord:
        now = self.clock()
        measures = self.ledger.counted(by_source(caps.source(source)), "", now)
        if caps is ATTEMPT_CAPS:
            return SourceRecord(measures)
        since = max(self._since(storm) for storm in storms)
        matches = self.ledger.counted(matched_by(source), "", now) + 1
        recent = Rate(matches, self.census.checks_between(since, now))
        past = self._past(source, now) if recent.matches >= self.rules.rate_matches else Rate()
        return SourceRecord(measures, recent, past)

    def _past(self, source: str, now: datetime) -> Rate:
        start, end = now - _FOUR_WEEKS, now - _DAY
        return Rate(self.ledger.matches(source, start, end), self.census.checks_between(start, end))

    def _since(self, storm: Storm | None) -> datetime:
        """Start of the counted period: an hour ago, or when a person released the storm.

        The later of both: what was let go is not counted again.
        """
        now = self.clock()
        released = storm.decided_at if storm and not storm.braking else None
        return max(now - _HOUR, released) if released and released <= now else now - _HOUR


def _caps_of(case: Case) -> CapKinds:
    return ATTEMPT_CAPS if case.is_attempt else FILE_CAPS


def _sources_of(case: Case) -> tuple[str, ...]:
    """The sources of a case, as they are counted."""
    return tuple(_caps_of(case).source(name) for name in sorted({match.source for match in case.matches}))


def alert_text(storm: Storm) -> str:
    """Text of an alert: what happened and what to do; no picture, no address."""
    return (
        f"{storm.reason}. {_consequence(storm)}\n"
        f"Show:      goodhoster storms show {storm.id}\n"
        f"Undo all:  goodhoster storms undo {storm.id} --reason WHY\n"
        f"Release:   goodhoster storms release {storm.id} --reason WHY\n"
    )


def _consequence(storm: Storm) -> str:
    if storm.cause.kind is StormKind.EXEMPTION:
        return "Its matches of exempt contents are held, and its owner is told where one is set; no file was touched."
    if storm.cause.kind is StormKind.CUSTOMER_CAP:
        return (
            "Further matches of this customer are held from now on, so these files are online; those of others are "
            f"not held. {_ordered_text(storm)}."
        )
    if storm.cause.kind is StormKind.ATTEMPT_CONTENT:
        return (
            "This may be a wrong list: applications that ask about this content are told to store it from now on. "
            f"Files on disk are not held. {len(storm.measures)} were refused before."
        )
    if storm.cause.kind is StormKind.ATTEMPT_CUSTOMER_CAP:
        return (
            "Further matches of what this customer's applications ask about are held from now on: they are told to "
            f"store it. Files on disk, and other customers, are not held. {len(storm.measures)} were refused before."
        )
    if storm.cause.kind is StormKind.ATTEMPT_SOURCE_CAP:
        return (
            "This may be a wrong list: its matches of what applications ask about are held from now on, and they are "
            f"told to store it. Files on disk are not held. {len(storm.measures)} were refused before."
        )
    return (
        "This may be a wrong list: matches of it are held from now on and nothing more is taken offline because of it; "
        f"{_ordered_text(storm)}."
    )


def _ordered_text(storm: Storm) -> str:
    """What had been ordered before a storm began; `storms show` says what became of each."""
    return f"{len(storm.measures)} measures were ordered before" if storm.measures else "no file was touched before"
