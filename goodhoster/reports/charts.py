"""Charts as SVG, for pages that need no program, font or picture from elsewhere. Pure.

Colours are classes that the page's style sheet sets, light and dark; each figure has a title that a pointer shows and a
screen reader reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from goodhoster.reports.documents import Chart, Series

_WIDTH, _HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 22, 30
_FULL = 100.0
_LABELS = 8
"""Places that are named below a chart."""
_THOUSAND = 1000


def svg_of(chart: Chart) -> str:
    """The chart as SVG; empty where it has nothing to show."""
    if not chart.places or not any(value is not None for each in chart.series for value in each.values):
        return ""
    if chart.steps:
        return _drawn(chart, _curve(chart), _HEIGHT)
    if chart.unit == "%":
        return _drawn(chart, _grouped(chart), _HEIGHT)
    panels = [_panel(chart, series, number) for number, series in enumerate(chart.series)]
    return _drawn(chart, "".join(panels), _HEIGHT * len(panels) * 2 // 3)


def _drawn(chart: Chart, inside: str, height: int) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(chart.title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
    )


def _grouped(chart: Chart) -> str:
    """Bars side by side, in percent."""
    room = (_WIDTH - _LEFT - _RIGHT) / len(chart.places)
    wide = min(44.0, room * 0.72 / len(chart.series))
    parts = list(_grid(_FULL, chart.unit, 0, _HEIGHT))
    for number, place in enumerate(chart.places):
        middle = _LEFT + room * (number + 0.5)
        parts.append(_text((middle, _HEIGHT - 10), str(place), "middle"))
        for order, series in enumerate(chart.series):
            value = series.values[number]
            x = middle + (order - len(chart.series) / 2) * wide
            parts.append(_bar(_Slot(x, wide - 3, _FULL, 0, _HEIGHT), value, f"c{order}", f"{place}, {series.name}"))
    return "".join(parts)


def _panel(chart: Chart, series: Series, number: int) -> str:
    """Bars of one series, with a scale of its own, below those before it."""
    high = _HEIGHT * 2 // 3
    top = number * high
    most = _rounded_up(max((value for value in series.values if value is not None), default=0))
    room = (_WIDTH - _LEFT - _RIGHT) / len(chart.places)
    parts = [_text((_LEFT, top + 12), series.name, "start", "name"), *_grid(most, chart.unit, top, high)]
    every = math.ceil(len(chart.places) / _LABELS)
    for place, name in enumerate(chart.places):
        x = _LEFT + room * (place + 0.14)
        value = series.values[place]
        parts.append(_bar(_Slot(x, room * 0.72, most, top, high), value, f"c{number}", str(name)))
        if place % every == 0:
            parts.append(_text((_LEFT + room * (place + 0.5), top + high - 12), str(name), "middle"))
    return "".join(parts)


def _curve(chart: Chart) -> str:
    """Curves that fall in steps, in percent."""
    places = [float(place) for place in chart.places]
    last = places[-1] or 1.0
    span, deep = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    parts = list(_grid(_FULL, chart.unit, 0, _HEIGHT))
    parts += [_text((_LEFT + span * n / 6, _HEIGHT - 10), f"{last * n / 6:g} h", "middle") for n in range(7)]
    for order, series in enumerate(chart.series):
        points: list[str] = []
        for place, value in zip(places, series.values, strict=True):
            if value is None:
                continue
            x, y = _LEFT + span * place / last, _TOP + deep * (1 - value / _FULL)
            points += [f"H{x:.1f}", f"V{y:.1f}"] if points else [f"M{x:.1f},{y:.1f}"]
        parts.append(f'<path class="line l{order}" d="{"".join(points)}"><title>{escape(series.name)}</title></path>')
    return "".join(parts)


def _grid(most: float, unit: str, top: int, high: int) -> Iterator[str]:
    for step in range(5):
        y = top + _TOP + (high - _TOP - _BOTTOM) * step / 4
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text((_LEFT - 8, y + 4), f"{_short(most * (4 - step) / 4)}{' ' + unit if unit else ''}", "end")


@dataclass(frozen=True, slots=True)
class _Slot:
    """Room for one bar: from where, how wide, and the scale that it stands on."""

    x: float
    wide: float
    most: float
    top: int
    high: int


def _bar(slot: _Slot, value: float | None, kind: str, name: str) -> str:
    x, wide, most, top, high = slot.x, slot.wide, slot.most, slot.top, slot.high
    deep = high - _TOP - _BOTTOM
    if value is None:
        return _text((x + wide / 2, top + high - _BOTTOM - 4), "?", "middle")
    tall = deep * value / most if most else 0.0
    title = f"<title>{escape(name)}: {value:,.10g}</title>"
    y = top + _TOP + deep - tall
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="2">{title}</rect>'


def _text(at: tuple[float, float], text: str, anchor: str, kind: str = "") -> str:
    x, y = at
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rounded_up(most: float) -> float:
    """The end of a scale: the next of 1, 2, 4, 6, 8 or 10 times a power of ten."""
    if most <= 0:
        return 4.0
    power = 10.0 ** math.floor(math.log10(most))
    return max(4.0, next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most))


def _short(value: float) -> str:
    for letter, size in (("M", _THOUSAND**2), ("k", _THOUSAND)):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def legend_of(chart: Chart) -> Sequence[str]:
    """Names of the series that share one scale; the others are named where they are drawn."""
    return [series.name for series in chart.series] if chart.steps or chart.unit == "%" else []
