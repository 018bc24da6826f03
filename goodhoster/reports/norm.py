"""The mirror: how fast reported material was gone, as a monitor of hosters measures. Pure.

Counted are URLs, not notices: a URL that is reported again is one. It is gone within a time when each stretch in which
it was online was no longer than that, so what came back counts by the longest.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from goodhoster.model.notice_status import ItemState
from goodhoster.reports.removals import FigureClock, ReportedUrl, stretches
from goodhoster.reports.statistics import Duration, Share, survival

WITHIN = (1, 4, 12, 24, 48, 72)
"""Hours."""
CURVE = tuple(quarter / 4 for quarter in range(4 * WITHIN[-1] + 1))
"""Hours."""
_DAY = timedelta(hours=24)


class Dimension(StrEnum):
    """By what figures are split."""

    NOTIFIER = "notifier"
    DOMAIN = "domain"
    CUSTOMER = "customer"
    NETWORK = "network"
    SENDER = "sender"


class Figure(StrEnum):
    """What can be traced to its notices and URLs."""

    RECEIVED = "received"
    UNIQUE = "unique"
    GONE_24H = "gone_24h_pct"
    OPEN_NOW = "open_now"
    OPEN_OVER_24H = "open_over_24h"
    REOPENED = "reopened"
    UNMEASURED = "unmeasured"
    DISPUTED = "disputed"
    NOT_OURS = "not_ours"


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast, by one clock."""

    within: Mapping[int, Share]
    """By hours: how many of the URLs that can be measured were gone by then. What is still online, however young, is
    not: the share can only be too low, never too high.
    """
    median: float | None
    """Hours until half was gone; None where that cannot be told yet."""
    curve: Sequence[float]
    """The share that was still online after each of `CURVE` hours; of all URLs together alone, empty for a group."""
    open_now: int
    open_over_24h: int
    too_young: int
    """URLs that are open for less than 24 hours."""


@dataclass(frozen=True, slots=True)
class Norm:
    """The figures of one group of reports."""

    received: int
    """URLs in notices, each time that one was reported."""
    unique: int
    reopened: int
    """URLs that were gone and came back."""
    unmeasured: int
    """URLs that are gone by our own record alone, because nobody looked, or nobody can tell since when."""
    disputed: int
    """URLs that a person of ours left as they are."""
    not_ours: int
    speed: Mapping[FigureClock, Speed]


@dataclass(frozen=True, slots=True)
class Mirror:
    """The whole report."""

    total: Norm
    groups: Mapping[Dimension, Mapping[str, Norm]]
    tests: int
    """Trial notices, which count nowhere else."""
    without_urls: int
    """Notices in which no URL was found: a person reads them."""


@dataclass(slots=True)
class _Measuring:
    """Durations by one clock: 9 bytes a URL, so that a year of a whole country fits."""

    hours: array[float] = field(default_factory=lambda: array("d"))
    ended: array[int] = field(default_factory=lambda: array("b"))
    over_24h: int = 0

    def take(self, online: Sequence[tuple[datetime, datetime | None]], now: datetime) -> None:
        """Count one URL by its longest stretch."""
        if not online:
            return
        longest = max((end or max(now, begin)) - begin for begin, end in online)
        is_open = online[-1][1] is None
        self.hours.append(longest.total_seconds() / 3600)
        self.ended.append(not is_open)
        self.over_24h += is_open and now - online[-1][0] > _DAY

    def speed(self, *, with_curve: bool) -> Speed:
        """The figures."""
        each = [Duration(hours, bool(ended)) for hours, ended in zip(self.hours, self.ended, strict=True)]
        ends = sorted(duration.hours for duration in each if duration.ended)
        within = {limit: Share(bisect_right(ends, limit), len(each)) for limit in WITHIN}
        is_open = len(self.ended) - sum(self.ended)
        curve = survival(each)
        points = [curve.at(hours) for hours in CURVE] if each and with_curve else []
        return Speed(within, curve.median, points, is_open, self.over_24h, is_open - self.over_24h)


@dataclass(frozen=True, slots=True)
class _Url:
    """What is counted of one URL, by some or all of its reports."""

    received: int
    figures: tuple[Figure, ...]
    online: Mapping[FigureClock, Sequence[tuple[datetime, datetime | None]]]

    @classmethod
    def of(cls, reports: Sequence[ReportedUrl]) -> _Url:
        figures = tuple(figure for figure, is_so in _COUNTED.items() if is_so(reports))
        return cls(len(reports), figures, {clock: stretches(reports, clock) for clock in FigureClock})


@dataclass(slots=True)
class _Counting:
    """The figures of one group, URL by URL."""

    counts: dict[Figure, int] = field(default_factory=lambda: defaultdict(int))
    measuring: dict[FigureClock, _Measuring] = field(
        default_factory=lambda: {clock: _Measuring() for clock in FigureClock}
    )

    def take(self, url: _Url, now: datetime) -> None:
        """Count one URL."""
        self.counts[Figure.RECEIVED] += url.received
        self.counts[Figure.UNIQUE] += 1
        for figure in url.figures:
            self.counts[figure] += 1
        for clock, measuring in self.measuring.items():
            measuring.take(url.online[clock], now)

    def norm(self, *, with_curve: bool = False) -> Norm:
        """The figures."""
        counts = self.counts
        return Norm(
            received=counts[Figure.RECEIVED],
            unique=counts[Figure.UNIQUE],
            reopened=counts[Figure.REOPENED],
            unmeasured=counts[Figure.UNMEASURED],
            disputed=counts[Figure.DISPUTED],
            not_ours=counts[Figure.NOT_OURS],
            speed={clock: measuring.speed(with_curve=with_curve) for clock, measuring in self.measuring.items()},
        )


def _reopened(reports: Sequence[ReportedUrl]) -> bool:
    return any(report.reopened for report in reports)


def _unmeasured(reports: Sequence[ReportedUrl]) -> bool:
    ours = [report for report in reports if report.state not in {ItemState.DISPUTED, ItemState.NOT_OURS}]
    return bool(ours) and not any(report.measured for report in ours)


def _disputed(reports: Sequence[ReportedUrl]) -> bool:
    return any(report.state is ItemState.DISPUTED for report in reports)


def _not_ours(reports: Sequence[ReportedUrl]) -> bool:
    return all(report.state is ItemState.NOT_OURS for report in reports)


_COUNTED: Mapping[Figure, Callable[[Sequence[ReportedUrl]], bool]] = {
    Figure.REOPENED: _reopened,
    Figure.UNMEASURED: _unmeasured,
    Figure.DISPUTED: _disputed,
    Figure.NOT_OURS: _not_ours,
}


@dataclass(slots=True)
class PeriodUrls:
    """Reports by URL, as they are read; the URLs of one period."""

    by_url: dict[str, list[ReportedUrl]] = field(default_factory=dict)
    tests: int = 0
    without_urls: int = 0

    def add(self, reports: Iterable[ReportedUrl]) -> None:
        """Add the URLs of one notice; false where it has none."""
        for report in reports:
            self.by_url.setdefault(report.url, []).append(report)


def mirror(urls: PeriodUrls, now: datetime, domain_of: Callable[[str], str]) -> Mirror:
    """The figures over all, and of each notifier, domain, customer and network.

    A URL that two notifiers reported counts at both, with the reports of each.
    """
    total = _Counting()
    groups: dict[Dimension, defaultdict[str, _Counting]] = {each: defaultdict(_Counting) for each in Dimension}
    for url, reports in urls.by_url.items():
        whole = _Url.of(reports)
        total.take(whole, now)
        groups[Dimension.DOMAIN][domain_of(url)].take(whole, now)
        for dimension in (Dimension.NOTIFIER, Dimension.SENDER, Dimension.CUSTOMER, Dimension.NETWORK):
            parts: defaultdict[str, list[ReportedUrl]] = defaultdict(list)
            for report in reports:
                parts[getattr(report, dimension)].append(report)
            for name, part in parts.items():
                groups[dimension][name].take(whole if len(parts) == 1 else _Url.of(part), now)
    split = {dimension: {name: of.pop(name).norm() for name in sorted(of)} for dimension, of in groups.items()}
    return Mirror(total.norm(with_curve=True), split, urls.tests, urls.without_urls)


def trace(urls: PeriodUrls, figure: Figure, now: datetime) -> Iterable[ReportedUrl]:
    """The reports behind a figure, by our own clock; of a percentage those that fell short."""
    for reports in urls.by_url.values():
        if _is_counted(reports, figure, now):
            yield from reports


def _is_counted(reports: Sequence[ReportedUrl], figure: Figure, now: datetime) -> bool:
    if figure in {Figure.RECEIVED, Figure.UNIQUE}:
        return True
    if figure in _COUNTED:
        return _COUNTED[figure](reports)
    one = _Measuring()
    one.take(stretches(reports, FigureClock.RECEIPT), now)
    if not one.hours:
        return False
    is_open = not one.ended[0]
    if figure is Figure.OPEN_NOW:
        return is_open
    if figure is Figure.OPEN_OVER_24H:
        return bool(one.over_24h)
    return is_open or one.hours[0] > _DAY.total_seconds() / 3600
