"""The mirror as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from goodhoster.reports.documents import (
    Cell,
    Chart,
    Deferred,
    Document,
    Series,
    Table,
    Tile,
    Tone,
    period_as_object,
    rounded,
)
from goodhoster.reports.facts import Facts
from goodhoster.reports.norm import CURVE, WITHIN, Dimension, Mirror, Norm, Speed
from goodhoster.reports.removals import FigureClock
from goodhoster.reports.statistics import Share

_DAY = 24
_COLUMNS = (
    "received",
    "unique",
    *(f"gone_{hours}h_pct" for hours in WITHIN),
    "median_h",
    "open_now",
    "open_over_24h",
    "reopened",
    "unmeasured",
    "disputed",
    "not_ours",
)
_NOTES = (
    "Counted are URLs: one that is reported again, or by two notifiers, is one. Trial notices count nowhere.",
    "Gone within so many hours: each stretch in which it was online was no longer.",
    "Unmeasured: gone by our own record, and nobody looked from outside (own_networks), or nobody knows since when.",
    "What is open counts as not gone, however young it is: a share can be too low, and never too high.",
    "Left out of shares and medians: what is not ours, what a person of ours left, what cannot be measured.",
    "The median is Kaplan-Meier's: what is still open counts for as long as it was watched. Intervals: Wilson, 95 %.",
    "Clock receipt: from our receipt until it was first seen to be gone.",
    "Clock hotline: from when the notice left its mail system until the third of its checks, 15 minutes apart.",
    "What a person of ours left online is online by the hotline's clock.",
)


def norm_document(facts: Facts, mirror: Mirror) -> Document:
    """The document of a mirror."""
    total = mirror.total
    data = period_as_object(facts.period, facts.now) | norm_as_object(total)
    data |= {
        "tests": mirror.tests,
        "without_urls": mirror.without_urls,
        "by": {
            dimension.value: {name: Deferred(partial(norm_as_object, norm)) for name, norm in groups.items()}
            for dimension, groups in mirror.groups.items()
        },
    }
    return Document(
        name="norm",
        title="The mirror: how fast reported material was gone",
        data=data,
        tiles=tuple(_tiles(total)),
        charts=(_shares(total), _curve(total)),
        tables=(_clocks(total), *(_group(dimension, groups) for dimension, groups in mirror.groups.items())),
        notes=_NOTES,
    )


def norm_as_object(norm: Norm) -> dict[str, Any]:
    """The figures of one group; those at the top are by our own clock."""
    ours = norm.speed[FigureClock.RECEIPT]
    return {
        "received": norm.received,
        "unique": norm.unique,
        "gone_24h_pct": rounded(ours.within[_DAY].percent),
        "median_h": rounded(ours.median, 4),
        "open_now": ours.open_now,
        "open_over_24h": ours.open_over_24h,
        "reopened": norm.reopened,
        "unmeasured": norm.unmeasured,
        "disputed": norm.disputed,
        "not_ours": norm.not_ours,
        "clocks": {clock.value: _speed_as_object(speed) for clock, speed in norm.speed.items()},
    }


def _speed_as_object(speed: Speed) -> dict[str, Any]:
    return {
        "within": {str(hours): _share_as_object(share) for hours, share in speed.within.items()},
        "median_h": rounded(speed.median, 4),
        "open_now": speed.open_now,
        "open_over_24h": speed.open_over_24h,
        "open_under_24h": speed.too_young,
    }


def _share_as_object(share: Share) -> dict[str, Any]:
    low, high = share.interval or (None, None)
    return {
        "pct": rounded(share.percent),
        "low": rounded(low),
        "high": rounded(high),
        "gone": share.part,
        "of": share.whole,
    }


def _tiles(total: Norm) -> Iterator[Tile]:
    ours = total.speed[FigureClock.RECEIPT]
    day = ours.within[_DAY]
    yield Tile("URLs reported", f"{total.unique:,}", f"{total.received:,} times")
    interval = "" if day.interval is None else f"95 %: {day.interval[0]:.1f} to {day.interval[1]:.1f}"
    tone = Tone.UNKNOWN if day.percent is None else Tone.GOOD if day.part == day.whole else Tone.BAD
    yield Tile("Gone within 24 h", percent_text(day.percent), interval, tone)
    yield Tile(
        "Median", hours_text(ours.median), f"hotline's clock: {hours_text(total.speed[FigureClock.HOTLINE].median)}"
    )
    yield Tile("Open over 24 h", f"{ours.open_over_24h:,}", "must be 0", Tone.BAD if ours.open_over_24h else Tone.GOOD)
    yield Tile("Open now", f"{ours.open_now:,}", f"{ours.too_young:,} for less than 24 h")
    if total.unmeasured:
        yield Tile(
            "Not measured", f"{total.unmeasured:,}", "gone by our own record only: see own_networks", Tone.UNKNOWN
        )
    yield Tile("Came back", f"{total.reopened:,}", "gone, and seen again", Tone.BAD if total.reopened else Tone.PLAIN)


def percent_text(value: float | None) -> str:
    """A share for people; never rounded up to the whole."""
    if value is None:
        return "not known"
    return f"{value:.0f} %" if value in {0, 100} else f"{min(value, 99.9):.1f} %"


def hours_text(hours: float | None) -> str:
    """A time for people."""
    if hours is None:
        return "not known"
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"


def _shares(total: Norm) -> Chart:
    series = tuple(
        Series(
            f"by the clock of {'our receipt' if clock is FigureClock.RECEIPT else 'the hotline'}",
            [share.percent for share in speed.within.values()],
        )
        for clock, speed in total.speed.items()
    )
    return Chart("Gone within", [f"{hours} h" for hours in WITHIN], series, unit="%")


def _curve(total: Norm) -> Chart:
    series = tuple(
        Series("our receipt" if clock is FigureClock.RECEIPT else "the hotline", [100 * share for share in speed.curve])
        for clock, speed in total.speed.items()
        if speed.curve
    )
    return Chart("Still online after so many hours", CURVE, series, unit="%", steps=True)


def _clocks(total: Norm) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for clock, speed in total.speed.items():
        for hours, share in speed.within.items():
            low, high = share.interval or (None, None)
            figures = (share.part, share.whole, rounded(share.percent), rounded(low), rounded(high))
            rows.append((clock.value, hours, *figures))
    columns = ("clock", "within_h", "gone", "of", "pct", "low", "high")
    return Table("Gone within so many hours", columns, rows)


def _group(dimension: Dimension, groups: Mapping[str, Norm]) -> Table:
    ordered = sorted(groups.items(), key=lambda each: (-each[1].unique, each[0]))
    rows = [(name or "(none)", *_row(norm)) for name, norm in ordered]
    return Table(f"By {dimension}", (dimension.value, *_COLUMNS), rows)


def _row(norm: Norm) -> tuple[Cell, ...]:
    figures = norm_as_object(norm)
    within = norm.speed[FigureClock.RECEIPT].within
    shares = {f"gone_{hours}h_pct": rounded(share.percent) for hours, share in within.items()}
    return tuple((figures | shares)[column] for column in _COLUMNS)
