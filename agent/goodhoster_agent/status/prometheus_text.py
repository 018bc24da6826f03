"""Figures in the text format of Prometheus (version 0.0.4), without times of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Labels = tuple[tuple[str, str], ...]
_MOST_SERIES = 200
"""Series of one name; what is beyond is left out, so that no fault of ours floods the server."""


class MetricType(StrEnum):
    """What a figure is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    SUMMARY = "summary"


@dataclass(slots=True)
class Metric:
    """One name with its series."""

    name: str
    kind: MetricType
    help: str
    series: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def add(self, value: float, suffix: str = "", /, **labels: str) -> None:
        """Add a series; the same labels again replace it.

        A series that is there twice breaks the whole scrape.
        """
        key = (suffix, tuple(sorted(labels.items())))
        if key in self.series or len(self.series) < _MOST_SERIES:
            self.series[key] = value

    def text(self) -> str:
        """All lines of it; empty when there is no series."""
        if not self.series:
            return ""
        lines = [f"# HELP {self.name} {self.help}", f"# TYPE {self.name} {self.kind}"]
        lines += [
            f"{self.name}{suffix}{_braced(labels)} {value:.15g}" for (suffix, labels), value in self.series.items()
        ]
        return "\n".join(lines) + "\n"


class Metrics:
    """A set of metrics, in the order in which they were first named."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def gauge(self, name: str, help_text: str) -> Metric:
        """The gauge of that name."""
        return self._metric(name, MetricType.GAUGE, help_text)

    def counter(self, name: str, help_text: str) -> Metric:
        """The counter of that name."""
        return self._metric(name, MetricType.COUNTER, help_text)

    def summary(self, name: str, help_text: str) -> Metric:
        """The summary of that name: a sum and a count."""
        return self._metric(name, MetricType.SUMMARY, help_text)

    def counts(self, name: str, help_text: str, label: str, counts: Mapping[str, int]) -> None:
        """Add a gauge with one label."""
        metric = self.gauge(name, help_text)
        for value, count in counts.items():
            metric.add(count, **{label: value})

    def text(self) -> str:
        """The whole text."""
        return "".join(metric.text() for metric in self._metrics.values())

    def _metric(self, name: str, kind: MetricType, help_text: str) -> Metric:
        return self._metrics.setdefault(name, Metric(name, kind, help_text))


def _braced(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    """A label value: at most 100 characters, escaped as the format wants it."""
    return value[:100].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
